/* SPDX-License-Identifier: MIT */
/*
 * Reads lines from a FIFO until its last writer has left: with Wherry.  The writer may
 * be a shell: `echo ahoy > PATH`.
 *   usage: fifo-wherry fifo:PATH
 *
 * Listening makes the FIFO, and closing removes it.  One that a killed run has left is
 * used again.
 */
#include <stdio.h>
#include <wherry.h>

static int complain(void)
{
    return fprintf(stderr, "fifo: %s\n", wherry_error_text()), 1;
}

static int read_lines(wherry_channel *in)
{
    wherry_message *message;
    int count = 0;
    int r;
    while ((r = wherry_recv(in, &message, WHERRY_FOREVER)) == 1) {
        printf("line %d: %.*s\n", ++count, (int)wherry_message_size(message),
               (char *)wherry_message_data(message));
        wherry_message_free(message);
    }
    if (r < 0)
        return complain();
    printf("the last writer has left (lines: %d)\n", count);
    return 0;
}

int main(int argc, char **argv)
{
    wherry_listener *listener;
    wherry_channel *in;
    if (argc != 2)
        return fprintf(stderr, "usage: fifo-wherry fifo:PATH\n"), 2;
    if (wherry_listen(argv[1], &listener) < 0)
        return complain();
    int r = wherry_accept(listener, WHERRY_FOREVER, &in);
    wherry_close_listener(listener);
    if (r < 0)
        return complain();
    int failed = read_lines(in);
    wherry_close(in);
    return failed;
}
