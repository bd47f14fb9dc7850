/* SPDX-License-Identifier: MIT */
/*
 * What the program says besides its output.
 */
#include "say.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"

enum { LINE_MOST = 2048 };

static const char erase[] = "\r\033[K";

static atomic_bool has_status; // the line that stderr stands in

bool say_has_colour(FILE *stream)
{
    const char *terminal = getenv("TERM");
    const char *refused = getenv("NO_COLOR");
    if ((refused && *refused) || (terminal && strcmp(terminal, "dumb") == 0))
        return false;
    return isatty(fileno(stream)) != 0;
}

// In one write, so that what several processes say does not mix.
__attribute__((format(printf, 3, 0))) static void
print_line(const char *verb, const char *colour, const char *format, va_list arguments)
{
    char text[LINE_MOST];
    bool has_colour = colour && say_has_colour(stderr);
    vsnprintf(text, sizeof(text), format, arguments);
    char line[LINE_MOST + 128];
    int size = snprintf(line, sizeof(line), "%s%swherry:%s %s%s%s\n",
                        atomic_exchange(&has_status, false) ? erase : "",
                        has_colour ? colour : "", has_colour ? "\033[0m" : "",
                        verb ? verb : "", verb ? ": " : "", text);
    fwrite(line, 1, (size_t)size, stderr);
    fflush(stderr);
}

int say_error(const char *verb, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line(verb, "\033[1;31m", format, arguments);
    va_end(arguments);
    return FAILED;
}

int say_usage(const char *verb, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line(verb, "\033[1;31m", format, arguments);
    va_end(arguments);
    fprintf(stderr, "Try: wherry %s%s\n", verb ? verb : "", verb ? " --help" : "help");
    return USAGE;
}

int say_bad_address(const char *verb, const char *address, const char *why)
{
    char scheme[32];
    snprintf(scheme, sizeof(scheme), "%.*s", (int)strcspn(address, ":?"), address);
    bool is_known = wherry_mechanism_find(scheme) != NULL;
    say_error(verb, "%s", why);
    // With its colon: some schemes are verbs as well.
    fprintf(stderr, "Try: wherry %s%s%s\n", is_known ? "help " : "transports",
            is_known ? scheme : "", is_known ? ":" : "");
    return USAGE;
}

const char *say_errno(int error)
{
    static _Thread_local char text[128];
    if (strerror_r(error < 0 ? -error : error, text, sizeof(text)) != 0)
        snprintf(text, sizeof(text), "error %d", error);
    return text;
}

void say_notice(const char *verb, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line(verb, "\033[1m", format, arguments);
    va_end(arguments);
}

void say_progress(const char *verb, const char *format, ...)
{
    if (!isatty(STDERR_FILENO))
        return;
    va_list arguments;
    va_start(arguments, format);
    print_line(verb, "\033[2m", format, arguments);
    va_end(arguments);
}

void say_status(const char *text)
{
    if (text)
        fprintf(stderr, "%s%s", erase, text);
    else if (atomic_load(&has_status))
        fputs(erase, stderr);
    fflush(stderr);
    atomic_store(&has_status, text != NULL);
}

void say_heading(const char *text)
{
    bool has_colour = say_has_colour(stdout);
    printf("%s%s%s\n", has_colour ? "\033[1m" : "", text, has_colour ? "\033[0m" : "");
}

void say_wrapped(const char *text, int first, int width)
{
    int column = first;
    while (*text) {
        int word = (int)strcspn(text, " ");
        if (column > first && column + 1 + word > width) {
            printf("\n%*s", first, "");
            column = first;
        }
        column += printf("%s%.*s", column > first ? " " : "", word, text);
        text += word;
        text += strspn(text, " ");
    }
    putchar('\n');
}
