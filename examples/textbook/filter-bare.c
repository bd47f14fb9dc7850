/* SPDX-License-Identifier: MIT */
/*
 * A filter that numbers the lines of its stdin: with bare system calls, by way of the C
 * library's streams.
 *
 * Whoever started it may wait for each answer before the next question, so each line is
 * flushed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    int count = 0;
    ssize_t size;
    while (!ferror(stdout) && (size = getline(&line, &room, stdin)) >= 0) {
        size -= line[size - 1] == '\n';
        printf("%d: ", ++count);
        fwrite(line, 1, (size_t)size, stdout);
        putchar('\n');
        fflush(stdout);
    }
    free(line);
    if (ferror(stdin) || ferror(stdout))
        return perror("filter"), 1;
    return 0;
}
