/* SPDX-License-Identifier: MIT */
/*
 * A call that waits, made on a thread of its own, so that the test can watch it sleep
 * and see how it ends.
 */
#ifndef CALLER_H
#define CALLER_H

#include <pthread.h>

#include "bytes.h"

/* One of the calls that can wait, on the end where it does. */
struct waiting_call {
    const char *name;
    enum row_side side; /* whose call it is */
    unsigned needs;     /* abilities */
    bool is_full;       /* it waits once the channel takes no more */
    long long (*call)(wherry_channel *, wherry_deadline);
};

extern const struct waiting_call call_recv, call_recv_kind, call_recv_many, call_read,
    call_send, call_write, call_send_many, call_read_many, call_write_many, call_drain,
    call_relay;

/* Skips where the ends have no such call. */
void call_need(const struct waiting_call *, const struct ends *);

/* The end that makes the call, brought so far that the call will wait. */
wherry_channel *call_prepare(const struct waiting_call *, struct ends *);

struct caller {
    pthread_t thread;
    struct harness_gate started;
    const struct waiting_call *call;
    wherry_channel *channel;
    wherry_deadline deadline;
    pid_t tid;
    long long result;
    char error_text[512];
    int64_t ended; /* harness_now() */
};

/* Starts it and returns once it sleeps in the call. */
void caller_start(struct caller *, const struct waiting_call *, wherry_channel *,
                  wherry_deadline);

/* Its result; fails the test when it does not come soon. */
long long caller_join(struct caller *);

#endif
