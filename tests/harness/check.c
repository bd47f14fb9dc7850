/* SPDX-License-Identifier: MIT */
/*
 * What a check does when it fails: it says where, what and both values in one write to
 * standard error, marks the failure in memory that all processes of the test share, and
 * ends its own process.  Nothing here allocates.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "parts.h"

enum { TEXT_SIZE = 2048, AROUND = 8 };

static struct report nobody; // until there is a test
struct report *harness_report = &nobody;

/* One write, so that lines of several processes do not mix. */
static void say(const char *text)
{
    size_t size = strlen(text);
    while (size) {
        ssize_t n = write(STDERR_FILENO, text, size);
        if (n < 0 && errno != EINTR)
            return;
        if (n > 0) {
            text += n;
            size -= (size_t)n;
        }
    }
}

static const char *base_name(const char *file)
{
    const char *slash = strrchr(file, '/');
    return slash ? slash + 1 : file;
}

void harness_fail(const char *file, int line, const char *format, ...)
{
    char text[TEXT_SIZE];
    int n = snprintf(text, sizeof text, "%s:%d: ", base_name(file), line);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + n, sizeof text - (size_t)n - 1, format, arguments);
    va_end(arguments);
    strcat(text, "\n");
    say(text);
    atomic_fetch_add(&harness_report->failures, 1);
    _exit(1);
}

void harness_skip(const char *format, ...)
{
    int none = 0;
    if (atomic_compare_exchange_strong(&harness_report->is_skipped, &none, 1)) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(harness_report->reason, REASON_SIZE, format, arguments);
        va_end(arguments);
    }
    harness_exit(0);
}

void harness_note(const char *format, ...)
{
    char text[TEXT_SIZE] = {NOTE_MARK};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + 1, sizeof text - 2, format, arguments);
    va_end(arguments);
    strcat(text, "\n");
    say(text);
}

void harness_check_int(struct harness_place at, long long actual, long long expected)
{
    if (actual != expected)
        harness_fail(at.file, at.line, "%s is %lld, not %lld", at.expression, actual,
                     expected);
}

void harness_check_range(struct harness_place at, long long value, long long low,
                         long long high)
{
    if (value < low || value > high)
        harness_fail(at.file, at.line, "%s is %lld, not in %lld … %lld", at.expression,
                     value, low, high);
}

void harness_check_string(struct harness_place at, const char *actual,
                          const char *expected)
{
    if (actual == expected || (actual && expected && strcmp(actual, expected) == 0))
        return;
    harness_fail(at.file, at.line, "%s is %s%.800s%s, not %s%.800s%s", at.expression,
                 actual ? "\"" : "", actual ? actual : "NULL", actual ? "\"" : "",
                 expected ? "\"" : "", expected ? expected : "NULL",
                 expected ? "\"" : "");
}

void harness_check_contains(struct harness_place at, const char *actual,
                            const char *part)
{
    if (!actual || !strstr(actual, part))
        harness_fail(at.file, at.line, "%s is \"%.1400s\", without \"%.400s\"",
                     at.expression, actual ? actual : "NULL", part);
}

static void print_bytes(char *text, const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        snprintf(text + 3 * i, 4, " %02x", bytes[i]);
}

void harness_check_bytes(struct harness_place at, const void *actual,
                         const void *expected, size_t size)
{
    const unsigned char *is = actual, *must = expected;
    size_t i = 0;
    while (i < size && is[i] == must[i])
        i++;
    if (i == size)
        return;
    size_t shown = size - i < AROUND ? size - i : AROUND;
    char is_text[3 * AROUND + 1], must_text[3 * AROUND + 1];
    print_bytes(is_text, is + i, shown);
    print_bytes(must_text, must + i, shown);
    harness_fail(at.file, at.line, "%s differs at byte %zu of %zu: is%s, not%s",
                 at.expression, i, size, is_text, must_text);
}

/* A copy of an error's name, for a second one in the same sentence. */
struct named {
    char text[24];
};

static struct named named(long long value)
{
    struct named name;
    int error = (int)(value < -4095 || value > 0 ? 0 : value);
    if (error)
        snprintf(name.text, sizeof name.text, "-%s", harness_errno_name(error));
    else
        snprintf(name.text, sizeof name.text, "%lld", value);
    return name;
}

void harness_check_error(struct harness_place at, long long actual, int expected)
{
    if (actual != expected)
        harness_fail(at.file, at.line, "%s is %s, not %s", at.expression,
                     named(actual).text, named(expected).text);
}

void harness_check_ok(struct harness_place at, long long actual)
{
    if (actual < 0)
        harness_fail(at.file, at.line, "%s is %s", at.expression, named(actual).text);
}
