/* SPDX-License-Identifier: MIT */
/*
 * Short words for tests of queue: both ends of queue:boat, and what is left of it.
 */
#ifndef QUEUE_TALK_H
#define QUEUE_TALK_H

#include <dirent.h>
#include <stdlib.h>

#include "../transport/talk.h"

static inline wherry_channel *writer(const char *address)
{
    wherry_channel *channel = NULL;
    WORKS(wherry_dial(address, soon(), &channel));
    return channel;
}

static inline wherry_channel *reader(const char *address)
{
    wherry_channel *channel = NULL;
    wherry_listener *listener = NULL;
    WORKS(wherry_listen(address, &listener));
    WORKS(wherry_accept(listener, soon(), &channel));
    wherry_close_listener(listener);
    return channel;
}

static inline void put(wherry_channel *channel, const char *text, int64_t kind)
{
    WORKS(wherry_write(channel, text, strlen(text), kind, 0, soon()));
}

static inline void take(wherry_channel *channel, int64_t wanted, const char *text,
                        int64_t kind)
{
    wherry_message *message = NULL;
    WORKS(wherry_recv_kind(channel, wanted, &message, soon()));
    CHECK_INT(wherry_message_kind(message), kind);
    CHECK_INT(wherry_message_size(message), strlen(text));
    CHECK(memcmp(wherry_message_data(message), text, strlen(text)) == 0);
    wherry_message_free(message);
}

static inline int count_names(void)
{
    DIR *list = opendir(getenv("WHERRY_DIR"));
    int count = 0;
    CHECK(list);
    for (struct dirent *entry; (entry = readdir(list));)
        count += entry->d_name[0] != '.';
    closedir(list);
    return count;
}

static inline void close_all(wherry_channel *out, wherry_channel *in)
{
    wherry_close(out);
    wherry_close(in);
    CHECK_INT(count_names(), 1);
    WORKS(wherry_remove("queue:boat"));
    CHECK_INT(count_names(), 0);
}

#endif
