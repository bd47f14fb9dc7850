/* SPDX-License-Identifier: MIT */
/*
 * Short words for tests of signals: a receiver of this process, a sender, one number.
 */
#ifndef SIGNAL_TALK_H
#define SIGNAL_TALK_H

#include <signal.h>

#include "talk.h"

static inline wherry_channel *receiver_of(const char *address)
{
    wherry_listener *listener;
    wherry_channel *channel;
    WORKS(wherry_listen(address, &listener));
    WORKS(wherry_accept(listener, WHERRY_POLL, &channel));
    FAILS(wherry_accept(listener, WHERRY_POLL, &channel), -EALREADY, "signal:");
    wherry_close_listener(listener);
    return channel;
}

static inline wherry_channel *sender_to(pid_t pid, const char *options)
{
    char address[128];
    wherry_channel *channel;
    snprintf(address, sizeof(address), "signal:%d%s", pid, options);
    WORKS(wherry_dial(address, WHERRY_POLL, &channel));
    return channel;
}

static inline void put(wherry_channel *channel, int value, int64_t kind)
{
    WORKS(wherry_write(channel, &value, sizeof(value), kind, 0, WHERRY_POLL));
}

// The next one, which must be that signal; its number must be `value`.
static inline struct wherry_peer take(wherry_channel *channel, int64_t kind, int value)
{
    wherry_message *message = NULL;
    int got = 0;
    WORKS(wherry_recv(channel, &message, soon()));
    CHECK_INT(wherry_message_kind(message), kind);
    CHECK_INT(wherry_message_size(message), sizeof(got));
    memcpy(&got, wherry_message_data(message), sizeof(got));
    CHECK_INT(got, value);
    struct wherry_peer sender = *wherry_message_sender(message);
    wherry_message_free(message);
    return sender;
}

// The same of one that has no number.
static inline struct wherry_peer take_bare(wherry_channel *channel, int64_t kind)
{
    wherry_message *message = NULL;
    WORKS(wherry_recv(channel, &message, soon()));
    CHECK_INT(wherry_message_kind(message), kind);
    CHECK_INT(wherry_message_size(message), 0);
    struct wherry_peer sender = *wherry_message_sender(message);
    wherry_message_free(message);
    return sender;
}

static inline void take_nothing(wherry_channel *channel)
{
    wherry_message *message = NULL;
    CHECK_ERROR(wherry_recv(channel, &message, WHERRY_POLL), -EAGAIN);
}

static inline bool is_blocked(int number)
{
    sigset_t mask;
    CHECK_INT(pthread_sigmask(SIG_BLOCK, NULL, &mask), 0);
    return sigismember(&mask, number) == 1;
}

#endif
