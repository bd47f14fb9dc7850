/* SPDX-License-Identifier: MIT */
/*
 * Addresses: `scheme:rest?option=value&…` taken apart, and its options worked out.
 *
 * One piece of memory holds an address as it was given and its decoded parts; a second
 * one comes with address_resolve and holds a value for every option that the tables
 * know.  No scheme is known here: which there are, and which options each has, is told
 * by the caller.
 */
#include "message/message.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

enum {
    SHOWN = 100, // bytes of an address that an error text shows
    KNOWN = 64,  // options that an error text looks at
};

struct given {
    const char *name;
    const char *value;
};

struct value {
    const struct wherry_option *option;
    const char *text; // as it was given, or the default; NULL: not set
    int64_t number;
    bool is_given;
};

struct address {
    const char *text;
    const char *scheme;
    const char *rest;
    size_t rest_size;
    struct value *values;
    size_t value_count;
    size_t given_count;
    struct given given[]; // as many as there may be; then the strings
};

/* Where address_parse is: `at` in the text, `out` in the memory for decoded parts. */
struct parser {
    struct address *address;
    const char *at;
    char *out;
};

// --- taking apart ---

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool is_scheme_letter(char c, bool is_first)
{
    return (c >= 'a' && c <= 'z') ||
           (!is_first && ((c >= '0' && c <= '9') || c == '+' || c == '-'));
}

static size_t scheme_length(const char *text)
{
    size_t size = 0;
    while (is_scheme_letter(text[size], size == 0))
        size++;
    return size;
}

/* An address without a scheme: guesses what was meant by how it begins. */
static int no_scheme(const char *text)
{
    const char c = *text;
    if (!c)
        return failure(-EINVAL, "the address is empty; it is SCHEME:REST, for example "
                                "unix:/run/user/1000/app");
    if ((c >= '0' && c <= '9') || c == '[')
        return failure(-EINVAL,
                       "\"%.*s\" has no scheme; tcp:%.*s or udp:%.*s is an address",
                       SHOWN, text, SHOWN, text, SHOWN, text);
    if (c == '@')
        return failure(-EINVAL, "\"%.*s\" has no scheme; unix:%.*s is an address",
                       SHOWN, text, SHOWN, text);
    if (strpbrk(text, "/."))
        return failure(
            -EINVAL, "\"%.*s\" has no scheme; unix:%.*s is a socket, fifo:%.*s a FIFO",
            SHOWN, text, SHOWN, text, SHOWN, text);
    return failure(
        -EINVAL,
        "\"%.*s\" has no scheme; an address is SCHEME:REST with the scheme in "
        "small letters, for example pipe: or unix:/run/user/1000/app",
        SHOWN, text);
}

static int parse_scheme(struct parser *parser)
{
    const char *text = parser->at;
    const size_t size = scheme_length(text);
    if (size == 0 || (text[size] != ':' && text[size] != '?'))
        return no_scheme(text);
    if (size >= ADDRESS_SCHEME)
        return failure(-EINVAL,
                       "the scheme \"%.*s\" is longer than the %d letters of the "
                       "longest",
                       SHOWN, text, ADDRESS_SCHEME - 1);
    parser->address->scheme = parser->out;
    memcpy(parser->out, text, size);
    parser->out += size;
    *parser->out++ = '\0';
    parser->at += size;
    return 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes up to the first of `ends` (or the end of the text) and puts a NUL behind. */
static int decode(struct parser *parser, const char *ends, size_t *out_size)
{
    const char *begin = parser->out;
    for (; *parser->at && !strchr(ends, *parser->at); parser->at++) {
        if (*parser->at != '%') {
            *parser->out++ = *parser->at;
            continue;
        }
        int high = hex_digit(parser->at[1]);
        int low = high < 0 ? -1 : hex_digit(parser->at[2]);
        if (low < 0)
            return failure(
                -EINVAL,
                "the %% at byte %zu is not followed by two hexadecimal digits; "
                "%%25 stands for a %% itself",
                (size_t)(parser->at - parser->address->text));
        *parser->out++ = (char)(high << 4 | low);
        parser->at += 2;
    }
    *out_size = (size_t)(parser->out - begin);
    *parser->out++ = '\0';
    return 0;
}

/* One `name=value`, up to the first of `ends`. */
static int parse_option(struct parser *parser, const char *ends)
{
    struct address *address = parser->address;
    const size_t size = strcspn(parser->at, "=&:?%");
    const char *name = parser->out;
    if (address->given_count == ADDRESS_OPTIONS)
        return failure(-EINVAL, "more than %d options", ADDRESS_OPTIONS);
    if (size == 0)
        return failure(
            -EINVAL,
            "an option is missing at byte %zu; options are name=value, with & "
            "between them",
            (size_t)(parser->at - address->text));
    if (parser->at[size] != '=')
        return failure(-EINVAL, "the option \"%.*s\" has no value; %.*s=yes gives one",
                       (int)least_of(size, SHOWN), parser->at,
                       (int)least_of(size, SHOWN), parser->at);
    memcpy(parser->out, parser->at, size);
    parser->out += size;
    *parser->out++ = '\0';
    parser->at += size + 1;

    const char *value = parser->out;
    size_t value_size = 0;
    int r = decode(parser, ends, &value_size);
    if (r < 0)
        return r;
    if (strlen(value) != value_size)
        return failure(-EINVAL, "the option %.*s has a %%00 in its value", SHOWN, name);
    address->given[address->given_count++] = (struct given){name, value};
    return 0;
}

/* The options from the '?' on which `at` stands up to `end` (':' or '\0'). */
static int parse_options(struct parser *parser, char end)
{
    const char ends[] = {'&', end, '\0'};
    parser->at++;
    if (*parser->at == end || !*parser->at)
        return 0;
    for (;;) {
        int r = parse_option(parser, ends);
        if (r < 0 || *parser->at != '&')
            return r;
        parser->at++;
    }
}

/* `scheme?options:rest`, the rest as it stands. */
static int parse_options_first(struct parser *parser)
{
    struct address *address = parser->address;
    int r = *parser->at == '?' ? parse_options(parser, ':') : 0;
    if (r < 0)
        return r;
    if (*parser->at != ':')
        return failure(-EINVAL,
                       "a \":\" is missing after the options; it is "
                       "%s?option=value:REST",
                       address->scheme);
    parser->at++;
    address->rest = parser->out;
    address->rest_size = strlen(parser->at);
    memcpy(parser->out, parser->at, address->rest_size + 1);
    return 0;
}

/* `scheme:rest?options`. */
static int parse_options_last(struct parser *parser)
{
    struct address *address = parser->address;
    if (*parser->at != ':')
        return failure(-EINVAL,
                       "the options of %s: stand at its end: "
                       "%s:REST?option=value",
                       address->scheme, address->scheme);
    parser->at++;
    address->rest = parser->out;
    int r = decode(parser, "?", &address->rest_size);
    return r < 0 || !*parser->at ? r : parse_options(parser, '\0');
}

/* Memory for an address that has that text: it, its options, and its parts, of which
 * each NUL stands for a byte of the text that parted them (or for its end). */
static struct address *address_new(const char *text, size_t size)
{
    size_t options = 1;
    for (const char *at = text; *at; at++)
        options += *at == '&';
    options = least_of(options, ADDRESS_OPTIONS);
    struct address *address =
        calloc(1, sizeof *address + options * sizeof *address->given + 2 * (size + 1));
    if (!address)
        return NULL;
    address->text = memcpy(address->given + options, text, size + 1);
    return address;
}

/* Puts the address before the sentence that stands. */
static int refuse(const char *text, int error)
{
    return failure_prefix(error, "%.*s%s", SHOWN, text,
                          strlen(text) > SHOWN ? "..." : "");
}

int address_parse(const char *text, bool (*options_first)(const char *scheme),
                  struct address **out)
{
    if (!text)
        return failure(-EINVAL, "no address was given (NULL)");
    const size_t size = strnlen(text, ADDRESS_TEXT + 1);
    if (size > ADDRESS_TEXT)
        return refuse(text,
                      failure(-ENAMETOOLONG,
                              "an address has at most %d bytes, this one has more",
                              ADDRESS_TEXT));
    struct address *address = address_new(text, size);
    if (!address)
        return failure(-ENOMEM, "no memory for an address of %zu bytes", size);
    struct parser parser = {.address = address, .at = address->text};
    parser.out = (char *)address->text + size + 1;
    int r = parse_scheme(&parser);
    if (r < 0)
        goto fail;
    bool is_first = options_first && options_first(address->scheme);
    r = is_first ? parse_options_first(&parser) : parse_options_last(&parser);
    if (r < 0) {
        refuse(text, r);
        goto fail;
    }
    *out = address;
    return 0;

fail:
    address_free(address);
    return r;
}

void address_free(struct address *address)
{
    if (!address)
        return;
    free(address->values);
    free(address);
}

// --- working out the options ---

static struct value *find_value(const struct address *address, const char *option)
{
    for (size_t i = 0; i < address->value_count; i++)
        if (strcmp(address->values[i].option->name, option) == 0)
            return &address->values[i];
    return NULL;
}

/* A value for every option of the tables, with its default. */
static int fill_values(struct address *address,
                       const struct wherry_option *const *tables)
{
    size_t count = 0;
    for (size_t i = 0; tables[i]; i++)
        for (const struct wherry_option *option = tables[i]; option->name; option++)
            count++;
    struct value *values = calloc(count + 1, sizeof *values);
    if (!values)
        return failure(-ENOMEM, "no memory for the options of an address");
    free(address->values);
    address->values = values;
    address->value_count = 0;
    for (size_t i = 0; tables[i]; i++)
        for (const struct wherry_option *option = tables[i]; option->name; option++) {
            // An option that two tables have is the first one's.
            if (find_value(address, option->name))
                continue;
            struct value *value = &values[address->value_count++];
            *value = (struct value){.option = option, .text = option->standard};
            int r = value->text ? option_read(option, value->text, &value->number) : 0;
            assert(r == 0);
            (void)r;
        }
    return 0;
}

/* Names the option that was meant, or all there are. */
static int unknown_option(const struct address *address, const char *name)
{
    const char *names[KNOWN];
    char all[FAILURE_TEXT / 2] = "none";
    size_t used = 0;
    const size_t count = least_of(address->value_count, KNOWN);
    for (size_t i = 0; i < count; i++) {
        names[i] = address->values[i].option->name;
        if (used < sizeof all)
            used += (size_t)snprintf(all + used, sizeof all - used, "%s%s",
                                     i ? ", " : "", names[i]);
    }
    const char *nearest = address_nearest(name, names, count);
    if (nearest)
        return failure(-EINVAL, "there is no option \"%.*s\"; did you mean \"%s\"?",
                       SHOWN, name, nearest);
    return failure(-EINVAL, "there is no option \"%.*s\"; the options of %s: are %s",
                   SHOWN, name, address->scheme, all);
}

static int set_value(struct address *address, const struct given *given)
{
    struct value *value = find_value(address, given->name);
    if (!value)
        return unknown_option(address, given->name);
    if (value->is_given)
        return failure(-EINVAL, "the option %s is given twice", given->name);
    value->is_given = true;
    value->text = given->value;
    return option_read(value->option, given->value, &value->number);
}

int address_resolve(struct address *address, const struct wherry_option *const *tables)
{
    int r = fill_values(address, tables);
    for (size_t i = 0; r == 0 && i < address->given_count; i++)
        r = set_value(address, &address->given[i]);
    return r < 0 ? refuse(address->text, r) : 0;
}

// --- what it says ---

const char *address_text(const struct address *address)
{
    return address->text;
}

const char *address_scheme(const struct address *address)
{
    return address->scheme;
}

const char *address_rest(const struct address *address)
{
    return address->rest;
}

size_t address_rest_size(const struct address *address)
{
    return address->rest_size;
}

int64_t address_number(const struct address *address, const char *option)
{
    const struct value *value = find_value(address, option);
    assert(value);
    return value->number;
}

const char *address_string(const struct address *address, const char *option)
{
    const struct value *value = find_value(address, option);
    assert(value);
    return value->text;
}

bool address_given(const struct address *address, const char *option)
{
    const struct value *value = find_value(address, option);
    assert(value);
    return value->is_given;
}
