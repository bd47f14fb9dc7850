/* SPDX-License-Identifier: MIT */
/*
 * An echo server for one client, and that client, which sends the lines of its stdin:
 * with Wherry.
 *   usage: echo-wherry server ADDRESS
 *          echo-wherry client ADDRESS
 *
 * ADDRESS is that of any two-way mechanism.  unix:PATH?type=stream&framing=line speaks
 * with anybody who sends lines; unix:PATH also tells a server that died from one that
 * finished.
 */
#include <stdio.h>
#include <string.h>
#include <wherry.h>

enum { LINE_MOST = 4096, PATIENCE = 5000 }; // bytes, milliseconds

static int complain(void)
{
    return fprintf(stderr, "echo: %s\n", wherry_error_text()), 1;
}

static int serve(const char *address)
{
    wherry_listener *listener;
    wherry_channel *client;
    if (wherry_listen(address, &listener) < 0)
        return complain();
    fprintf(stderr, "listening at %s\n", wherry_listener_address(listener));
    int r = wherry_accept(listener, WHERRY_FOREVER, &client);
    wherry_close_listener(listener);
    if (r < 0)
        return complain();
    r = wherry_relay(client, NULL, NULL, WHERRY_FOREVER);
    int failed = r < 0 ? complain() : 0;
    wherry_close(client);
    if (!failed)
        printf("the client has finished\n");
    return failed;
}

// 1 when there is an answer, 0 when there are no more, or < 0.
static int print_answer(wherry_channel *server)
{
    wherry_message *message;
    int r = wherry_recv(server, &message, wherry_after(PATIENCE));
    if (r == 1) {
        printf("%.*s\n", (int)wherry_message_size(message),
               (char *)wherry_message_data(message));
        fflush(stdout);
        wherry_message_free(message);
    }
    return r;
}

static int ask(wherry_channel *server)
{
    char line[LINE_MOST + 2]; // with its newline, and the 0
    while (fgets(line, sizeof(line), stdin)) {
        size_t size = strcspn(line, "\n");
        if (size > LINE_MOST)
            return fprintf(stderr, "echo: a line is too long\n"), 1;
        if (wherry_write(server, line, size, 0, 0, wherry_after(PATIENCE)) < 0)
            return complain();
        int r = print_answer(server);
        if (r < 0)
            return complain();
        if (r == 0)
            return fprintf(stderr, "echo: the server has gone\n"), 1;
    }
    // No more from here; what is still on its way back would come before the end.
    if (wherry_finish(server) < 0 || print_answer(server) < 0)
        return complain();
    printf("the server has finished\n");
    return 0;
}

static int talk(const char *address)
{
    wherry_channel *server;
    if (wherry_dial(address, wherry_after(PATIENCE), &server) < 0)
        return complain();
    int failed = ask(server);
    wherry_close(server);
    return failed;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "server") == 0)
        return serve(argv[2]);
    if (argc == 3 && strcmp(argv[1], "client") == 0)
        return talk(argv[2]);
    return fprintf(stderr, "usage: echo-wherry server|client ADDRESS\n"), 2;
}
