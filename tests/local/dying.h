/* SPDX-License-Identifier: MIT */
/*
 * A peer that says ROUNDS words, is killed, and leaves a child that has its socket for
 * longer than it lives: what the socket says of it is not true then.
 */
#ifndef DYING_H
#define DYING_H

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <wherry.h>

#include "harness.h"
#include "talk.h"

enum { DYING_ROUNDS = 40 };

struct dying {
    wherry_listener *listener;
    wherry_channel *channel; /* to it */
    pid_t pid;
    pid_t child;
    int says[2]; /* a pipe, by which it says who its child is */
};

static inline void dying_talk(void *argument)
{
    const struct dying *dying = argument;
    wherry_channel *channel;
    WORKS(wherry_dial("local:boat", soon(), &channel));
    for (int i = 0; i < DYING_ROUNDS; i++) {
        say(channel, "said");
        hear(channel, "heard");
    }
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, 0);
        for (;;)
            pause();
    }
    CHECK_INT(write(dying->says[1], &child, sizeof child), (long)sizeof child);
    hear(channel, "die now");
    raise(SIGKILL);
}

static inline void dying_begin(struct dying *dying)
{
    CHECK_INT(pipe(dying->says), 0);
    WORKS(wherry_listen("local:boat", &dying->listener));
    dying->pid = harness_child(dying_talk, dying);
    WORKS(wherry_accept(dying->listener, soon(), &dying->channel));
}

/* It has said all its words: its child is there, and it dies. */
static inline void dying_dies(struct dying *dying)
{
    CHECK_INT(read_on(dying->says[0], &dying->child, sizeof dying->child),
              (long)sizeof dying->child);
    say(dying->channel, "die now");
}

static inline void dying_end(struct dying *dying)
{
    CHECK_INT(harness_wait(dying->pid), -SIGKILL);
    kill(dying->child, SIGKILL);
    wherry_close(dying->channel);
    wherry_close_listener(dying->listener);
    close(dying->says[0]);
    close(dying->says[1]);
}

#endif
