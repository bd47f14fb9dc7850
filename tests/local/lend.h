/* SPDX-License-Identifier: MIT */
/*
 * Two ends in one process that lend to each other, and how a test sees it.
 */
#ifndef LEND_H
#define LEND_H

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "talk.h"

enum {
    POOL = 1048576,
    BLOCK = POOL / 4,
    BLOCKS = 4, // of them
    ROUNDS = 40,
    LINE = 512
};

#define LENDS "local:?memory=always&ring=8M&loan=1M"

/* --- two ends ------------------------------------------------------------ */

struct ends {
    wherry_channel *here, *there;
};

/* poll(2) of one, which an interrupt does not end. */
static inline int watch(struct pollfd *one, int milliseconds)
{
    int r;
    do
        r = poll(one, 1, milliseconds);
    while (r < 0 && errno == EINTR);
    return r;
}

/* Whether that address is in the pool of one of the ends, which are both mapped. */
static inline bool is_in_place(const void *at)
{
    char line[LINE];
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "re");
    CHECK(maps != NULL);
    while (!found && fgets(line, sizeof(line), maps)) {
        unsigned long long from, to;
        char *behind;
        from = strtoull(line, &behind, 16);
        to = strtoull(behind + 1, NULL, 16);
        found =
            strstr(line, "wherry:pool") && (uintptr_t)at >= from && (uintptr_t)at < to;
    }
    fclose(maps);
    return found;
}

static inline wherry_message *loan(wherry_channel *channel, size_t size)
{
    wherry_message *message = NULL;
    WORKS(wherry_loan(channel, size, &message, soon()));
    CHECK_INT(wherry_message_size(message), size);
    return message;
}

static inline void lend(wherry_channel *channel, size_t size, int number)
{
    wherry_message *message = loan(channel, size);
    memset(wherry_message_data(message), number, size);
    WORKS(wherry_message_set_kind(message, number));
    WORKS(wherry_send(channel, &message, 0, soon()));
    CHECK(message == NULL);
}

static inline wherry_message *take(wherry_channel *channel)
{
    wherry_message *message = NULL;
    int r = wherry_recv(channel, &message, soon());
    WORKS(r);
    CHECK_INT(r, 1);
    return message;
}

static inline void is_number(const wherry_message *message, size_t size, int number)
{
    const unsigned char *bytes = wherry_message_data(message);
    CHECK_INT(wherry_message_size(message), size);
    CHECK_INT(wherry_message_kind(message), number);
    for (size_t i = 0; i < size; i += size / 3 + 1)
        CHECK_INT(bytes[i], number);
    CHECK_INT(bytes[size - 1], number);
}

/* They talk until loans of either are received in place; whether that comes. */
static inline bool warm_up(struct ends *ends)
{
    bool both = false;
    for (int i = 0; i < ROUNDS && !both; i++) {
        wherry_channel *ways[2] = {ends->here, ends->there};
        both = true;
        for (int way = 0; way < 2; way++) {
            lend(ways[way], 100, 7);
            wherry_message *message = take(ways[1 - way]);
            is_number(message, 100, 7);
            both &= is_in_place(wherry_message_data(message));
            wherry_message_free(message);
        }
    }
    return both;
}

static inline struct ends open_both(const char *address)
{
    wherry_channel *channels[2];
    WORKS(wherry_pair(address, channels));
    return (struct ends){channels[0], channels[1]};
}

static inline struct ends open_warm(const char *address)
{
    struct ends ends = open_both(address);
    CHECK(warm_up(&ends));
    return ends;
}

static inline void close_both(struct ends *ends)
{
    wherry_close(ends->here);
    wherry_close(ends->there);
}

/* All of the pool is with the other end. */
static inline void lend_all(struct ends *ends, wherry_message *taken[BLOCKS])
{
    for (int i = 0; i < BLOCKS; i++) {
        lend(ends->here, BLOCK, i);
        taken[i] = take(ends->there);
        is_number(taken[i], BLOCK, i);
        CHECK(is_in_place(wherry_message_data(taken[i])));
    }
}

static inline void free_all(wherry_message *taken[BLOCKS])
{
    for (int i = 0; i < BLOCKS; i++)
        wherry_message_free(taken[i]);
}

#endif
