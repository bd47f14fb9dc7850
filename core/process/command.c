/* SPDX-License-Identifier: MIT */
/*
 * A command as words: blanks part them, quotes and backslashes keep them together as in
 * a shell (POSIX, Shell Command Language, 2.2).  Nothing else means anything: no
 * variable, no pattern, no pipe.
 */
#include "process/process.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\n"

/* Where the reading stands, and what it makes; `out` NULL: it is only looked at. */
struct reading {
    const char *at;
    char *out;
    size_t size; /* bytes made so far, the end of each word counted */
};

static bool is_blank(char byte)
{
    return byte && strchr(BLANKS, byte) != NULL;
}

static void put(struct reading *reading, char byte)
{
    reading->size++;
    if (reading->out)
        *reading->out++ = byte;
}

// From behind the opening quote to behind the closing one.
static bool read_quoted(struct reading *reading, char quote)
{
    while (*reading->at && *reading->at != quote) {
        bool is_kept = quote == '"' && *reading->at == '\\' && reading->at[1] &&
                       strchr("\"\\$`", reading->at[1]) != NULL;
        if (is_kept)
            reading->at++;
        put(reading, *reading->at++);
    }
    return *reading->at++ == quote;
}

// One word, which begins here.  False: what it begins does not end.
static bool read_word(struct reading *reading)
{
    while (*reading->at && !is_blank(*reading->at)) {
        char byte = *reading->at++;
        if (byte == '\'' || byte == '"') {
            if (!read_quoted(reading, byte))
                return false;
            continue;
        }
        if (byte == '\\' && !(byte = *reading->at++))
            return false;
        // A backslash before the end of a line goes with it.
        if (byte != '\n')
            put(reading, byte);
    }
    put(reading, 0);
    return true;
}

// How many words, or -EINVAL; `words`, if any, has room for them.
static int64_t read_words(struct reading reading, const char **words)
{
    int64_t count = 0;
    for (;;) {
        reading.at += strspn(reading.at, BLANKS);
        if (!*reading.at)
            return count;
        if (words)
            words[count] = reading.out;
        if (!read_word(&reading))
            return -EINVAL;
        count++;
    }
}

int command_check(const char *command)
{
    struct reading first = {.at = command + strspn(command, BLANKS)};
    if (read_words((struct reading){.at = command}, NULL) < 0)
        return failure(-EINVAL,
                       "\"%s\": a quote in it is not closed, or a backslash "
                       "stands at its end",
                       command);
    if (!*first.at || (read_word(&first) && first.size == 1))
        return failure(-EINVAL, "\"%s\" names no program", command);
    return 0;
}

const char **command_words(const char *command)
{
    int64_t count = read_words((struct reading){.at = command}, NULL);
    const size_t list = ((size_t)count + 1) * sizeof(const char *);
    // No word is longer than what it is made of, with the blank or end behind it.
    const char **words = malloc(list + strlen(command) + 1);
    if (!words)
        return NULL;
    (void)read_words((struct reading){.at = command, .out = (char *)words + list},
                     words);
    words[count] = NULL;
    return words;
}
