/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: the names of queues, keys and signals, in addresses of the real table.
 *
 * The input's first byte chooses what stands before the rest of it.  What is taken must
 * be what a second, plainer reading takes, too.
 */
#include "fuzz.h"

#include <errno.h>

#include <wherry/mechanism.h>
#include <wherry/signal.h>

enum { TEXT = 512, NAME_MOST = 255 };

static bool is_queue(const char *name)
{
    size_t size = strlen(name);
    bool is_dots = strcmp(name, "/.") == 0 || strcmp(name, "/..") == 0;
    return name[0] == '/' && size >= 2 && size <= NAME_MOST + 1 &&
           strchr(name + 1, '/') == NULL && !is_dots;
}

// By single digits, where the library asks strtoll(3).
static bool is_number(const char *text, uint64_t least, uint64_t most)
{
    static const char digits[] = "0123456789abcdef";
    const bool is_hex = text[0] == '0' && text[1] == 'x';
    uint64_t value = 0;
    const char *at = is_hex ? text + 2 : text;
    if (!*at)
        return false;
    for (; *at; at++) {
        const char small = *at >= 'A' && *at <= 'F' ? (char)(*at + 'a' - 'A') : *at;
        const char *digit = strchr(digits, small);
        size_t place = digit ? (size_t)(digit - digits) : sizeof digits;
        if (place >= (is_hex ? 16U : 10U))
            return false;
        value = value * (is_hex ? 16 : 10) + place;
        if (value > most)
            return false;
    }
    return value >= least;
}

static bool is_key(const char *text)
{
    const char *comma = strrchr(text, ',');
    if (strcmp(text, "private") == 0)
        return true;
    if (text[0] == '#')
        return is_number(text + 1, 0, INT32_MAX);
    if (comma && comma > text)
        return is_number(comma + 1, 1, 255);
    return is_number(text, 1, UINT32_MAX);
}

static bool is_process(const char *text)
{
    bool is_decimal = text[strspn(text, "0123456789")] == 0;
    return strcmp(text, "self") == 0 || (is_decimal && is_number(text, 1, 999999999));
}

static bool are_signals(const char *text)
{
    char name[TEXT];
    for (;;) {
        size_t size = strcspn(text, ",");
        snprintf(name, sizeof name, "%.*s", (int)size, text);
        if (wherry_signal_number(name) < 1)
            return false;
        if (!text[size])
            return true;
        text += size + 1;
    }
}

static const struct {
    const char *before;
    bool (*is_one)(const char *text);
} sorts[] = {{"mq:", is_queue},
             {"sysv:", is_key},
             {"signal:", is_process},
             {"signal:self?signal=", are_signals}};

enum { SORTS = sizeof sorts / sizeof sorts[0] };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char rest[TEXT];
    char address[TEXT + 32];
    if (size < 1 || size > sizeof rest)
        return 0;
    memcpy(rest, bytes + 1, size - 1);
    rest[size - 1] = 0;
    const size_t sort = bytes[0] % SORTS;
    snprintf(address, sizeof address, "%s%s", sorts[sort].before, rest);
    int r = wherry_address_check(address);
    PROPERTY(r == 0 || r == -EINVAL || r == -ENAMETOOLONG);
    if (r < 0)
        check_sentence();
    // Where nothing is an option or stands for something else.
    if (r == 0 && !strpbrk(rest, "%?&"))
        PROPERTY(sorts[sort].is_one(rest));
    return 0;
}
