/* SPDX-License-Identifier: MIT */
/*
 * Topics for tests: messages whose every byte follows from their number.
 */
#ifndef TOPICS_H
#define TOPICS_H

#include "talk.h"

enum { RING = 65536, MOST = RING / 4 - 32, TEXT = 128, MANY = 4000 };

#define TOPIC "local:news?fan=broadcast&ring=64K"

/* --- publishing ---------------------------------------------------------- */

static inline wherry_listener *open_topic(const char *more)
{
    wherry_listener *topic;
    char address[TEXT];
    snprintf(address, sizeof(address), TOPIC "%s", more);
    WORKS(wherry_listen(address, &topic));
    return topic;
}

static inline wherry_channel *read_topic(const char *options)
{
    wherry_channel *reader;
    char address[TEXT];
    snprintf(address, sizeof(address), "local:news%s", options);
    WORKS(wherry_dial(address, soon(), &reader));
    return reader;
}

static inline wherry_message *message_of(const void *bytes, size_t size, int64_t kind)
{
    wherry_message *message;
    WORKS(wherry_message_copy(bytes, size, &message));
    WORKS(wherry_message_set_kind(message, kind));
    return message;
}

static inline int publish(wherry_listener *topic, const char *text)
{
    wherry_message *message = message_of(text, strlen(text), 0);
    int r = wherry_publish(topic, &message, WHERRY_POLL);
    WORKS(r);
    CHECK(message == NULL);
    return r;
}

static inline int settle(wherry_listener *topic)
{
    int r = wherry_publish(topic, NULL, WHERRY_POLL);
    WORKS(r);
    return r;
}

static inline size_t size_of(unsigned number)
{
    return number * 2654435761U % 500;
}

// Every byte of it follows from its number.
static inline void publish_number(wherry_listener *topic, unsigned number, size_t size)
{
    static uint8_t bytes[MOST];
    memset(bytes, (int)(number % 251), size);
    wherry_message *message = message_of(bytes, size, number);
    WORKS(wherry_publish(topic, &message, WHERRY_POLL));
}

static inline void publish_numbers(wherry_listener *topic, unsigned first, unsigned end)
{
    for (unsigned i = first; i < end; i++)
        publish_number(topic, i, size_of(i));
}

/* --- reading ------------------------------------------------------------- */

static inline bool is_whole(const wherry_message *message)
{
    const uint8_t *bytes = wherry_message_data(message);
    for (size_t i = 0; i < wherry_message_size(message); i++)
        if (bytes[i] != wherry_message_kind(message) % 251)
            return false;
    return true;
}

// The number of the next message, which is whole.
static inline unsigned take(wherry_channel *reader, uint64_t *lost)
{
    wherry_message *message;
    WORKS(wherry_recv(reader, &message, soon()));
    CHECK(message && is_whole(message));
    const unsigned number = (unsigned)wherry_message_kind(message);
    *lost = wherry_message_lost(message);
    wherry_message_free(message);
    return number;
}

static inline void take_numbers(wherry_channel *reader, unsigned first, unsigned end)
{
    for (unsigned i = first; i < end; i++) {
        uint64_t lost;
        CHECK_INT(take(reader, &lost), i);
        CHECK_INT(lost, 0);
    }
}

static inline struct wherry_reader look_at(wherry_listener *topic, size_t index)
{
    struct wherry_reader readers[8] = {{.pid = 0}};
    int count = wherry_listener_readers(topic, readers, 8);
    WORKS(count);
    CHECK((size_t)count > index);
    return readers[index];
}

#endif
