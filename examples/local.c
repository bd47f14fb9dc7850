/* SPDX-License-Identifier: MIT */
/*
 * A worker that is asked ten thousand times.  The first questions go through a socket;
 * then both ends have memory that the other can read, and no system call is needed
 * while both are awake.  Nothing here says so: the channel does, when it is asked.
 */
#include <stdio.h>
#include <unistd.h>
#include <wherry.h>

enum { QUESTIONS = 10000, MEMORY = 1048576 };

static int work(const char *address)
{
    wherry_channel *channel;
    int64_t number;
    int64_t r = wherry_dial(address, wherry_after(5000), &channel);
    if (r < 0)
        return 1;
    while ((r = wherry_read(channel, &number, sizeof(number), NULL, NULL,
                            WHERRY_FOREVER)) == sizeof(number)) {
        number *= number;
        if (wherry_write(channel, &number, sizeof(number), 0, 0, wherry_after(5000)) <
            0)
            break;
    }
    wherry_close(channel);
    return r < 0;
}

static int64_t ask(wherry_channel *channel, int64_t number)
{
    const wherry_deadline end = wherry_after(5000);
    int64_t square = -1;
    if (wherry_write(channel, &number, sizeof(number), 0, 0, end) < 0 ||
        wherry_read(channel, &square, sizeof(square), NULL, NULL, end) < 0)
        fprintf(stderr, "local: %s\n", wherry_error_text());
    return square;
}

int main(void)
{
    char address[64];
    wherry_listener *listener;
    wherry_channel *channel;
    snprintf(address, sizeof(address), "local:squares-%d", (int)getpid());
    if (wherry_listen(address, &listener) < 0)
        return fprintf(stderr, "local: %s\n", wherry_error_text()), 1;
    pid_t child = fork();
    if (child == 0)
        _exit(work(address));
    int r = wherry_accept(listener, wherry_after(5000), &channel);
    wherry_close_listener(listener);
    if (r < 0)
        return fprintf(stderr, "local: %s\n", wherry_error_text()), 1;
    int64_t right = 0;
    for (int64_t i = 0; i < QUESTIONS; i++)
        right += ask(channel, i) == i * i;
    struct wherry_channel_info info;
    wherry_describe(channel, &info, sizeof(info));
    printf("%d questions, %d right answers\n", QUESTIONS, (int)right);
    printf("the worker is my child: %s\n", info.peer.pid == child ? "yes" : "no");
    printf("through memory: %s\n", info.memory > MEMORY ? "yes" : "no");
    wherry_close(channel);
    return right != QUESTIONS;
}
