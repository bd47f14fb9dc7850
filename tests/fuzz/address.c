/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any text as an address, and its options against tables like the real
 * ones.
 *
 * What was taken apart is put together again with every byte of the rest as %HH, and
 * must be taken apart into the same (of every fourth length of the rest, for speed).
 */
#include "fuzz.h"

#include <errno.h>

#include "message/message.h"

enum { TEXT = 512 };

static const struct wherry_option channel_options[] = {
    {"message", WHERRY_OPTION_SIZE, "16M", 1, INT64_C(1) << 30, NULL, "."},
    {"full", WHERRY_OPTION_CHOICE, "block", 0, 0, "block|fail|latest|disconnect", "."},
    {"handshake", WHERRY_OPTION_DURATION, "2s", 1000000, INT64_C(60000000000), NULL,
     "."},
    {"framing", WHERRY_OPTION_CHOICE, "wherry", 0, 0, "wherry|raw|line", "."},
    {NULL, WHERRY_OPTION_NUMBER, NULL, 0, 0, NULL, NULL},
};

static const struct wherry_option unix_options[] = {
    {"type", WHERRY_OPTION_CHOICE, "stream", 0, 0, "packet|stream|datagram", "."},
    {"backlog", WHERRY_OPTION_NUMBER, "128", 1, 4096, NULL, "."},
    {"bind", WHERRY_OPTION_TEXT, NULL, 1, 20, NULL, "."},
    {"keep", WHERRY_OPTION_FLAG, "no", 0, 0, NULL, "."},
    {"full", WHERRY_OPTION_CHOICE, "fail", 0, 0, "block|fail", "."},
    {NULL, WHERRY_OPTION_NUMBER, NULL, 0, 0, NULL, NULL},
};

static const struct wherry_option *const tables[] = {unix_options, channel_options,
                                                     NULL};

static bool is_exec(const char *scheme)
{
    return strcmp(scheme, "exec") == 0;
}

static bool no_scheme_is_exec(const char *scheme)
{
    (void)scheme;
    return false;
}

static void check_again(const struct address *address)
{
    char text[ADDRESS_SCHEME + 3 * TEXT + 2];
    const char *rest = address_rest(address);
    struct address *again = NULL;
    int used = snprintf(text, sizeof text, "%s:", address_scheme(address));
    for (size_t i = 0; i < address_rest_size(address); i++) {
        static const char digits[] = "0123456789abcdef";
        text[used++] = '%';
        text[used++] = digits[(unsigned char)rest[i] >> 4];
        text[used++] = digits[rest[i] & 15];
    }
    text[used] = '\0';
    PROPERTY(address_parse(text, no_scheme_is_exec, &again) == 0);
    PROPERTY(strcmp(address_scheme(again), address_scheme(address)) == 0);
    PROPERTY(address_rest_size(again) == address_rest_size(address));
    PROPERTY(memcmp(address_rest(again), rest, address_rest_size(address) + 1) == 0);
    address_free(again);
}

static void check_values(const struct address *address)
{
    int64_t message = address_number(address, "message");
    int64_t handshake = address_number(address, "handshake");
    const char *bind = address_string(address, "bind");
    PROPERTY(message >= 1 && message <= INT64_C(1) << 30);
    PROPERTY(handshake >= 1000000 && handshake <= INT64_C(60000000000));
    PROPERTY(!bind == !address_given(address, "bind"));
    PROPERTY(!bind || (strlen(bind) >= 1 && strlen(bind) <= 20));
    PROPERTY(address_given(address, "full") || address_number(address, "full") == 1);
    PROPERTY(option_is(option_find(unix_options, "type"),
                       address_number(address, "type"),
                       address_string(address, "type")));
}

static void check_address(const char *text, struct address *address)
{
    PROPERTY(strcmp(address_text(address), text) == 0);
    const size_t scheme = strlen(address_scheme(address));
    PROPERTY(scheme > 0 && scheme < ADDRESS_SCHEME);
    PROPERTY(strncmp(text, address_scheme(address), scheme) == 0);
    PROPERTY(address_rest_size(address) <= strlen(text) - scheme - 1);
    PROPERTY(address_rest(address)[address_rest_size(address)] == '\0');
    if (address_rest_size(address) % 4 == 1)
        check_again(address);
    int r = address_resolve(address, tables);
    PROPERTY(r == 0 || r == -EINVAL);
    if (r == 0)
        check_values(address);
    else
        check_sentence();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size > TEXT)
        return 0;
    char *text = malloc(size + 1);
    PROPERTY(text);
    memcpy(text, bytes, size);
    text[size] = '\0';
    struct address *address = NULL;
    int r = address_parse(text, is_exec, &address);
    PROPERTY(r == 0 || r == -EINVAL);
    PROPERTY((r == 0) == (address != NULL));
    if (r == 0)
        check_address(text, address);
    else
        check_sentence();
    address_free(address);
    free(text);
    return 0;
}
