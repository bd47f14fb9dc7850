/* SPDX-License-Identifier: MIT */
/*
 * Addresses: taken apart, their options worked out, and the sentence of every refusal.
 */
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <wherry/channel.h>

#include "message/message.h"

static const struct wherry_option unix_options[] = {
    {"type", WHERRY_OPTION_CHOICE, "stream", 0, 0, "packet|stream|datagram", "."},
    {"backlog", WHERRY_OPTION_NUMBER, "128", 1, 4096, NULL, "."},
    {"bind", WHERRY_OPTION_TEXT, NULL, 1, 107, NULL, "."},
    {"keep", WHERRY_OPTION_FLAG, "no", 0, 0, NULL, "."},
    {"full", WHERRY_OPTION_CHOICE, "fail", 0, 0, "block|fail", "."},
    {NULL, WHERRY_OPTION_NUMBER, NULL, 0, 0, NULL, NULL},
};

static const struct wherry_option channel_options[] = {
    {"message", WHERRY_OPTION_SIZE, "16M", 1, INT64_C(1) << 30, NULL, "."},
    {"full", WHERRY_OPTION_CHOICE, "block", 0, 0, "block|fail|latest", "."},
    {"handshake", WHERRY_OPTION_DURATION, "2s", 1000000, INT64_C(60000000000), NULL,
     "."},
    {NULL, WHERRY_OPTION_NUMBER, NULL, 0, 0, NULL, NULL},
};

static const struct wherry_option *const tables[] = {unix_options, channel_options,
                                                     NULL};
static const struct wherry_option *const no_tables[] = {NULL};

static bool is_exec(const char *scheme)
{
    return strcmp(scheme, "exec") == 0;
}

static struct address *parsed(const char *text)
{
    struct address *address = NULL;
    CHECK_INT(address_parse(text, is_exec, &address), 0);
    return address;
}

static struct address *resolved(const char *text)
{
    struct address *address = parsed(text);
    CHECK_INT(address_resolve(address, tables), 0);
    return address;
}

static const struct {
    const char *text;
    const char *scheme;
    const char *rest;
} taken_apart[] = {
    {"pipe:", "pipe", ""},
    {"pipe:?", "pipe", ""},
    {"pipe:?keep=yes", "pipe", ""},
    {"unix:/tmp/x", "unix", "/tmp/x"},
    {"unix:/tmp/x?keep=yes", "unix", "/tmp/x"},
    {"unix:@name", "unix", "@name"},
    {"tcp:[::1]:80", "tcp", "[::1]:80"},
    {"tcp:host:80?keep=yes&bind=1", "tcp", "host:80"},
    {"a+b-1:x", "a+b-1", "x"},
    {"unix:a=b&c", "unix", "a=b&c"},
    {"unix:%2Ftmp%2fa%20b%3f%25", "unix", "/tmp/a b?%"},
    {"unix:%c3%A9\xc3\xa9", "unix", "\xc3\xa9\xc3\xa9"},
    {"unix:\x1b\n", "unix", "\x1b\n"},
    {"exec:grep 'a?b%41&x=y'", "exec", "grep 'a?b%41&x=y'"},
    {"exec:", "exec", ""},
    {"exec?keep=yes:a:b?c", "exec", "a:b?c"},
    {"exec?:a", "exec", "a"},
    {"abcdefghijklmno:x", "abcdefghijklmno", "x"},
};

TEST(an_address_is_taken_apart)
{
    for (size_t i = 0; i < sizeof taken_apart / sizeof *taken_apart; i++) {
        struct address *address = parsed(taken_apart[i].text);
        CHECK_STRING(address_text(address), taken_apart[i].text);
        CHECK_STRING(address_scheme(address), taken_apart[i].scheme);
        CHECK_STRING(address_rest(address), taken_apart[i].rest);
        CHECK_INT(address_rest_size(address), strlen(taken_apart[i].rest));
        address_free(address);
    }
}

TEST(a_rest_may_hold_a_zero_byte)
{
    struct address *address = parsed("unix:@a%00b");
    CHECK_INT(address_rest_size(address), 4);
    CHECK_BYTES(address_rest(address), "@a\0b\0", 5);
    address_free(address);
}

TEST(every_byte_can_be_written_as_percent)
{
    for (int byte = 0; byte < 256; byte++) {
        char text[32];
        snprintf(text, sizeof text, byte & 1 ? "unix:%%%02X" : "unix:%%%02x", byte);
        struct address *address = parsed(text);
        CHECK_INT(address_rest_size(address), 1);
        CHECK_INT((unsigned char)address_rest(address)[0], byte);
        address_free(address);
    }
}

TEST(the_address_keeps_a_copy_of_its_text)
{
    char text[] = "unix:/x?bind=/y";
    struct address *address = parsed(text);
    memset(text, 'z', sizeof text - 1);
    CHECK_STRING(address_text(address), "unix:/x?bind=/y");
    CHECK_STRING(address_rest(address), "/x");
    CHECK_INT(address_resolve(address, tables), 0);
    CHECK_STRING(address_string(address, "bind"), "/y");
    address_free(address);
}

static const struct {
    const char *text;
    const char *told;
} refused[] = {
    {"", "the address is empty; it is SCHEME:REST, for example unix:"},
    {"/tmp/x", "\"/tmp/x\" has no scheme; unix:/tmp/x is a socket, fifo:/tmp/x a FIFO"},
    {"./x", "unix:./x is a socket, fifo:./x a FIFO"},
    {"app.sock", "unix:app.sock is a socket"},
    {"dir/x", "fifo:dir/x a FIFO"},
    {"127.0.0.1:80", "tcp:127.0.0.1:80 or udp:127.0.0.1:80 is an address"},
    {"[::1]:80", "tcp:[::1]:80 or udp:[::1]:80 is an address"},
    {"@name", "unix:@name is an address"},
    {"pipe", "\"pipe\" has no scheme; an address is SCHEME:REST"},
    {"TCP:host:80", "with the scheme in small letters"},
    {":x", "\":x\" has no scheme"},
    {"?x", "\"?x\" has no scheme"},
    {"a_b:x", "has no scheme"},
    {"1a:x", "has no scheme"},
    {"{:x", "has no scheme"},
    {"a{:x", "has no scheme"},
    {"a;:x", "has no scheme"},
    {"A:x", "has no scheme"},
    {"abcdefghijklmnop:x", "is longer than the 15 letters"},
    {"unix:%",
     "unix:%: the % at byte 5 is not followed by two hexadecimal digits; %25"},
    {"unix:a%4", "the % at byte 6"},
    {"unix:%4g", "the % at byte 5"},
    {"unix:%g4", "the % at byte 5"},
    {"unix:/x?bind=%zz", "the % at byte 13"},
    {"unix:/x?keep",
     "unix:/x?keep: the option \"keep\" has no value; keep=yes gives one"},
    {"unix:/x?keep&type=stream", "the option \"keep\" has no value"},
    {"unix:/x?ke:ep=yes", "the option \"ke\" has no value"},
    {"unix:/x?=yes", "an option is missing at byte 8"},
    {"unix:/x?&keep=yes", "an option is missing at byte 8"},
    {"unix:/x?keep=yes&", "an option is missing at byte 17"},
    {"unix:/x?keep=yes&&type=stream", "an option is missing at byte 17"},
    {"unix:/x?bind=a%00b", "the option bind has a %00 in its value"},
    {"unix?keep=yes:/x",
     "the options of unix: stand at its end: unix:REST?option=value"},
    {"exec?keep=yes",
     "a \":\" is missing after the options; it is exec?option=value:REST"},
    {"exec?", "a \":\" is missing after the options"},
    {"exec?keep:ls", "the option \"keep\" has no value"},
};

TEST(what_is_no_address_is_refused_and_says_what_would_be)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct address *address = NULL;
        CHECK_ERROR(address_parse(refused[i].text, is_exec, &address), -EINVAL);
        CHECK(!address);
        CHECK_CONTAINS(wherry_error_text(), refused[i].told);
    }
}

TEST(no_address_at_all_is_refused)
{
    struct address *address = NULL;
    CHECK_ERROR(address_parse(NULL, is_exec, &address), -EINVAL);
    CHECK_CONTAINS(wherry_error_text(), "NULL");
}

TEST(without_a_rule_options_stand_last)
{
    struct address *address = NULL;
    CHECK_INT(address_parse("exec:a?keep=yes", NULL, &address), 0);
    CHECK_STRING(address_rest(address), "a");
    address_free(address);
}

TEST(the_longest_address_has_4096_bytes)
{
    static char text[ADDRESS_TEXT + 2];
    struct address *address = NULL;
    memset(text, 'a', sizeof text - 1);
    memcpy(text, "unix:", 5);
    text[ADDRESS_TEXT] = '\0';
    CHECK_INT(address_parse(text, is_exec, &address), 0);
    CHECK_INT(address_rest_size(address), ADDRESS_TEXT - 5);
    address_free(address);
    address = NULL;
    text[ADDRESS_TEXT] = 'a';
    CHECK_ERROR(address_parse(text, is_exec, &address), -ENAMETOOLONG);
    CHECK(!address);
    CHECK_CONTAINS(wherry_error_text(), "unix:aaa");
    CHECK_CONTAINS(wherry_error_text(), "4096");
}

/* "x:?a0=1&a1=1…" with so many options. */
static void write_options(char *text, size_t size, int count)
{
    int used = snprintf(text, size, "x:?");
    for (int i = 0; i < count; i++)
        used += snprintf(text + used, size - (size_t)used, "%sa%d=1", i ? "&" : "", i);
}

TEST(the_most_options_are_32)
{
    char text[512];
    struct address *address = NULL;
    write_options(text, sizeof text, ADDRESS_OPTIONS);
    address_free(parsed(text));
    write_options(text, sizeof text, ADDRESS_OPTIONS + 1);
    CHECK_ERROR(address_parse(text, is_exec, &address), -EINVAL);
    CHECK_CONTAINS(wherry_error_text(), "more than 32 options");
}

TEST(a_long_address_is_shown_in_part)
{
    char text[200] = "unix:";
    struct address *address = NULL;
    memset(text + 5, 'a', 100);
    strcpy(text + 105, "%");
    CHECK_ERROR(address_parse(text, is_exec, &address), -EINVAL);
    CHECK_CONTAINS(wherry_error_text(), "aaa...: the %");
}

TEST(control_bytes_of_an_address_are_escaped)
{
    struct address *address = NULL;
    CHECK_ERROR(address_parse("unix:\x1b[31m%", is_exec, &address), -EINVAL);
    CHECK_CONTAINS(wherry_error_text(), "unix:\\x1B[31m%: ");
}

TEST(options_that_are_not_given_have_their_defaults)
{
    struct address *address = resolved("unix:/x");
    CHECK_INT(address_number(address, "type"), 1);
    CHECK_STRING(address_string(address, "type"), "stream");
    CHECK_INT(address_number(address, "backlog"), 128);
    CHECK_INT(address_number(address, "keep"), 0);
    CHECK_INT(address_number(address, "message"), 1 << 24);
    CHECK_INT(address_number(address, "handshake"), INT64_C(2000000000));
    CHECK(!address_string(address, "bind"));
    CHECK_INT(address_number(address, "bind"), 0);
    CHECK(!address_given(address, "type"));
    CHECK(!address_given(address, "bind"));
    address_free(address);
}

TEST(options_that_are_given_have_their_values)
{
    struct address *address =
        resolved("unix:/x?type=packet&backlog=5&bind=/a%3fb%26=&keep=yes&message=64K&"
                 "handshake=20ms");
    CHECK_INT(address_number(address, "type"), 0);
    CHECK_STRING(address_string(address, "type"), "packet");
    CHECK_INT(address_number(address, "backlog"), 5);
    CHECK_STRING(address_string(address, "bind"), "/a?b&=");
    CHECK_INT(address_number(address, "keep"), 1);
    CHECK_INT(address_number(address, "message"), 65536);
    CHECK_INT(address_number(address, "handshake"), 20000000);
    CHECK(address_given(address, "type"));
    CHECK(address_given(address, "bind"));
    CHECK(!address_given(address, "full"));
    address_free(address);
}

TEST(options_before_the_rest_have_their_values)
{
    struct address *address = resolved("exec?keep=yes&bind=a%3Ab:ls ?keep=no");
    CHECK_INT(address_number(address, "keep"), 1);
    CHECK_STRING(address_string(address, "bind"), "a:b");
    CHECK_STRING(address_rest(address), "ls ?keep=no");
    address_free(address);
}

TEST(an_option_of_two_tables_is_the_first_ones)
{
    struct address *address = resolved("unix:/x");
    CHECK_INT(address_number(address, "full"), 1);
    CHECK_STRING(address_string(address, "full"), "fail");
    CHECK_INT(address_resolve(
                  address, (const struct wherry_option *const[]){channel_options,
                                                                 unix_options, NULL}),
              0);
    CHECK_INT(address_number(address, "full"), 0);
    address_free(address);
    address = parsed("unix:/x?full=latest");
    CHECK_ERROR(address_resolve(address, tables), -EINVAL);
    address_free(address);
}

static const struct {
    const char *text;
    const char *told;
} unresolved[] = {
    {"unix:/x?typ=packet",
     "unix:/x?typ=packet: there is no option \"typ\"; did you mean \"type\"?"},
    {"unix:/x?blacklog=1", "did you mean \"backlog\"?"},
    {"unix:/x?mesage=1", "did you mean \"message\"?"},
    {"unix:/x?zzz=1",
     "unix:/x?zzz=1: there is no option \"zzz\"; the options of unix: are "
     "type, backlog, bind, keep, full, message, handshake"},
    {"unix:/x?keep=yes&keep=yes", "the option keep is given twice"},
    {"unix:/x?keep=yes&type=packet&keep=no", "the option keep is given twice"},
    {"unix:/x?backlog=0", "unix:/x?backlog=0: backlog=0 is out of bounds"},
    {"unix:/x?bind=", "bind= is out of bounds; it has 0 bytes"},
    {"unix:/x?type=stream&message=x", "message=x is not understood"},
};

TEST(what_is_no_option_is_refused_and_says_what_would_be)
{
    for (size_t i = 0; i < sizeof unresolved / sizeof *unresolved; i++) {
        struct address *address = parsed(unresolved[i].text);
        CHECK_ERROR(address_resolve(address, tables), -EINVAL);
        CHECK_CONTAINS(wherry_error_text(), unresolved[i].told);
        address_free(address);
    }
}

TEST(without_tables_there_are_no_options)
{
    struct address *address = parsed("unix:/x");
    CHECK_INT(address_resolve(address, no_tables), 0);
    address_free(address);
    address = parsed("unix:/x?keep=yes");
    CHECK_ERROR(address_resolve(address, no_tables), -EINVAL);
    CHECK_CONTAINS(wherry_error_text(), "the options of unix: are none");
    address_free(address);
}

TEST(an_address_can_be_resolved_again)
{
    struct address *address = resolved("unix:/x?keep=yes");
    CHECK_INT(address_resolve(address, tables), 0);
    CHECK_INT(address_number(address, "keep"), 1);
    address_free(address);
}

TEST(many_options_are_told_as_far_as_there_is_room)
{
    static struct wherry_option many[101];
    static char names[100][16];
    for (size_t i = 0; i < 100; i++) {
        snprintf(names[i], sizeof names[i], "qqqqqqq%zu", i);
        many[i] = (struct wherry_option){.name = names[i], .type = WHERRY_OPTION_FLAG};
    }
    struct address *address = parsed("unix:/x?zzz=1");
    CHECK_ERROR(
        address_resolve(address, (const struct wherry_option *const[]){many, NULL}),
        -EINVAL);
    CHECK_CONTAINS(wherry_error_text(), "are qqqqqqq0, qqqqqqq1, ");
    address_free(address);
}

TEST(freeing_nothing_is_fine)
{
    address_free(NULL);
}

static void parse_and_resolve(void *argument)
{
    struct address *address = NULL;
    (void)argument;
    int r = address_parse("unix:/x?keep=yes&type=packet", is_exec, &address);
    if (r < 0) {
        CHECK_ERROR(r, -ENOMEM);
        CHECK_CONTAINS(wherry_error_text(), "memory");
        CHECK(!address);
        return;
    }
    r = address_resolve(address, tables);
    if (r < 0) {
        CHECK_ERROR(r, -ENOMEM);
        CHECK_CONTAINS(wherry_error_text(), "memory");
    } else {
        CHECK_INT(address_number(address, "keep"), 1);
    }
    address_free(address);
}

TEST(without_memory_an_address_says_so_and_leaves_nothing)
{
    CHECK_INT(harness_each_allocation(parse_and_resolve, NULL), 2);
}
