/* SPDX-License-Identifier: MIT */
/*
 * Short words for tests of System V queues: a key of the test's own, and both ends.
 */
#ifndef SYSV_TALK_H
#define SYSV_TALK_H

#include <sys/ipc.h>

#include "talk.h"

// The same in the test's children.
static inline key_t key(void)
{
    static key_t number;
    if (number == 0)
        number = (key_t)(0x57000000 | getpid());
    return number;
}

static inline const char *at(const char *options)
{
    static char texts[4][128];
    static unsigned next;
    char *text = texts[next++ % 4];
    snprintf(text, sizeof(texts[0]), "sysv:0x%x%s", (unsigned)key(), options);
    return text;
}

static inline wherry_channel *reader_at(const char *address)
{
    wherry_listener *listener;
    wherry_channel *channel;
    WORKS(wherry_listen(address, &listener));
    WORKS(wherry_accept(listener, WHERRY_POLL, &channel));
    FAILS(wherry_accept(listener, WHERRY_POLL, &channel), -EALREADY, "sysv:");
    wherry_close_listener(listener);
    return channel;
}

static inline wherry_channel *writer_at(const char *address)
{
    wherry_channel *channel;
    WORKS(wherry_dial(address, WHERRY_POLL, &channel));
    return channel;
}

static inline void remove_queue(void)
{
    WORKS(wherry_remove(at("")));
}

static inline void put(wherry_channel *channel, const char *text, int64_t kind)
{
    WORKS(wherry_write(channel, text, strlen(text), kind, 0, WHERRY_POLL));
}

static inline void take(wherry_channel *channel, int64_t wanted, const char *text,
                        int64_t kind)
{
    wherry_message *message;
    CHECK_INT(wherry_recv_kind(channel, wanted, &message, WHERRY_POLL), 1);
    CHECK_INT(wherry_message_size(message), strlen(text));
    CHECK_BYTES(wherry_message_data(message), text, strlen(text));
    CHECK_INT(wherry_message_kind(message), kind);
    wherry_message_free(message);
}

#endif
