/* SPDX-License-Identifier: MIT */
/*
 * Starts a program of any language and asks it questions, a line each, which it answers
 * with a line each: with Wherry.
 *   usage: child-wherry SECONDS 'exec:COMMAND'
 *
 * A message is a line, however the reads split.  Every wait has an end; closing the
 * channel ends the child.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wherry.h>

enum { LONG = 100000, WORD_MOST = 16, SECONDS_MOST = 3600 };

static void show(const char *before, const char *text, size_t size)
{
    if (size <= WORD_MOST)
        printf("%s%.*s", before, (int)size, text);
    else
        printf("%s%zu letters %c", before, size, text[0]);
}

static int ask(wherry_channel *child, const char *question, size_t size, int64_t most)
{
    wherry_message *answer;
    int r = wherry_write(child, question, size, 0, 0, wherry_after(most));
    if (r >= 0)
        r = wherry_recv(child, &answer, wherry_after(most));
    if (r == 0)
        fprintf(stderr, "child: it has ended without an answer\n");
    if (r < 0)
        fprintf(stderr, "child: %s\n", wherry_error_text());
    if (r <= 0)
        return -1;
    show("", question, size);
    show(" -> ", wherry_message_data(answer), wherry_message_size(answer));
    putchar('\n');
    wherry_message_free(answer);
    return 0;
}

static int talk(wherry_channel *child, int64_t most)
{
    static char letters[LONG]; // more than one read gives, or a pipe holds
    wherry_message *rest = NULL;
    memset(letters, 'a', sizeof(letters));
    if (ask(child, "ahoy", 4, most) < 0 || ask(child, "cast off", 8, most) < 0 ||
        ask(child, letters, sizeof(letters), most) < 0)
        return -1;
    int r = wherry_finish(child); // the end of its stdin
    if (r >= 0)
        r = wherry_recv(child, &rest, wherry_after(most));
    wherry_message_free(rest);
    if (r != 0)
        return fprintf(stderr, "child: %s\n", r < 0 ? wherry_error_text() : "more"), -1;
    printf("the child has ended\n");
    return 0;
}

int main(int argc, char **argv)
{
    wherry_channel *child;
    const long seconds = argc == 3 ? strtol(argv[1], NULL, 10) : 0;
    const int64_t most = seconds * INT64_C(1000);
    if (seconds < 1 || seconds > SECONDS_MOST)
        return fprintf(stderr, "usage: child-wherry SECONDS 'exec:COMMAND'\n"), 2;
    if (wherry_dial(argv[2], wherry_after(most), &child) < 0)
        return fprintf(stderr, "child: %s\n", wherry_error_text()), 1;
    int failed = talk(child, most) < 0;
    wherry_close(child);
    return failed;
}
