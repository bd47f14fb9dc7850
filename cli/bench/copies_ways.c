/* SPDX-License-Identifier: MIT */
/*
 * The ways that a file's bytes go from one process to another, and where each is
 * copied: read(2) of the file is a copy, a message is one in and one out, a page that
 * both have mapped is none.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/copies.h"

enum { PIECE = 65536, QUEUED = 8192 /* what queues take as they come */ };

uint64_t copies_sum(const unsigned char *bytes, uint64_t size)
{
    uint64_t sum = size;
    for (uint64_t at = 0; at < size; at += sizeof(sum)) {
        const uint64_t left = size - at;
        uint64_t word = 0;
        memcpy(&word, bytes + at, left < sizeof(word) ? (size_t)left : sizeof(word));
        sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        sum ^= sum >> 29;
    }
    return sum;
}

static int read_file(struct copies_end *end, unsigned char *bytes, uint64_t at,
                     size_t size)
{
    for (size_t done = 0; done < size;) {
        const ssize_t r =
            pread(end->file, bytes + done, size - done, (off_t)(at + done));
        if (r <= 0)
            return r < 0 ? -errno : -EIO; // it has become shorter
        done += (size_t)r;
    }
    *end->copied += size;
    return 0;
}

/* --- messages ------------------------------------------------------------ */

static int send_pieces(const struct copies_way *way, struct copies_end *end)
{
    static unsigned char piece[PIECE];

    int r = 0;
    for (uint64_t at = 0; at < end->size && r >= 0;) {
        const uint64_t left = end->size - at;
        const size_t size = left < way->piece ? (size_t)left : way->piece;
        r = read_file(end, piece, at, size);
        if (r >= 0)
            r = wherry_write(end->channel, piece, size, 0, 0, WHERRY_FOREVER);
        *end->copied += size;
        at += size;
    }
    return r;
}

static int take_pieces(const struct copies_way *way, struct copies_end *end)
{
    (void)way;
    for (uint64_t at = 0; at < end->size;) {
        const int64_t r =
            wherry_read(end->channel, end->bytes + at, (size_t)(end->size - at), NULL,
                        NULL, WHERRY_FOREVER);
        if (r <= 0)
            return r < 0 ? (int)r : -EPIPE;
        *end->copied += (uint64_t)r;
        at += (uint64_t)r;
    }
    end->shared->sum = copies_sum(end->bytes, end->size);
    return 0;
}

/* --- memory -------------------------------------------------------------- */

static int send_region(const struct copies_way *way, struct copies_end *end)
{
    char address[64];
    wherry_region *region = NULL;
    wherry_message *message = NULL;
    wherry_native file = -1;
    (void)way;
    (void)snprintf(address, sizeof(address), "memfd:?size=%llu",
                   (unsigned long long)end->size);
    int r = wherry_region_open(address, &region);
    if (r >= 0)
        r = read_file(end, wherry_region_data(region), 0, (size_t)end->size);
    if (r >= 0)
        r = wherry_region_file(region, &file);
    if (r >= 0)
        r = wherry_message_new(0, &message);
    if (r >= 0)
        r = wherry_message_attach(message, file);
    if (r >= 0)
        r = wherry_send(end->channel, &message, 0, WHERRY_FOREVER);
    wherry_message_free(message);
    wherry_region_close(region);
    return r;
}

static int take_message(struct copies_end *end, wherry_message **out)
{
    const int r = wherry_recv(end->channel, out, WHERRY_FOREVER);
    if (r <= 0)
        return r < 0 ? r : -EPIPE;
    return wherry_message_files(*out) == 1 ? 0 : -EPROTO;
}

static int take_region(const struct copies_way *way, struct copies_end *end)
{
    const struct wherry_region_wish wish = {.size = end->size};
    wherry_message *message = NULL;
    wherry_region *region = NULL;
    (void)way;
    int r = take_message(end, &message);
    if (r >= 0) {
        const wherry_native file = wherry_message_take_file(message, 0);
        r = wherry_region_receive(file, &wish, sizeof(wish), &region);
        if (r < 0)
            close(file);
    }
    if (r >= 0)
        end->shared->sum = copies_sum(wherry_region_data(region), end->size);
    wherry_region_close(region);
    wherry_message_free(message);
    return r;
}

static int send_file(const struct copies_way *way, struct copies_end *end)
{
    wherry_message *message = NULL;
    (void)way;
    int r = wherry_message_new(0, &message);
    if (r >= 0)
        r = wherry_message_attach(message, end->file);
    if (r >= 0)
        r = wherry_send(end->channel, &message, 0, WHERRY_FOREVER);
    wherry_message_free(message);
    return r;
}

// The pages of the file itself, which the kernel has in memory.
static int take_file(const struct copies_way *way, struct copies_end *end)
{
    wherry_message *message = NULL;
    (void)way;
    int r = take_message(end, &message);
    if (r >= 0) {
        void *bytes = mmap(NULL, (size_t)end->size, PROT_READ, MAP_SHARED,
                           wherry_message_file(message, 0), 0);
        r = bytes == MAP_FAILED ? -errno : 0;
        if (r >= 0) {
            end->shared->sum = copies_sum(bytes, end->size);
            munmap(bytes, (size_t)end->size);
        }
    }
    wherry_message_free(message);
    return r;
}

/* --- the table ----------------------------------------------------------- */

#define THROUGH_THE_KERNEL "file to sender, sender to kernel, kernel to receiver"
#define THROUGH_MEMORY "file to sender, sender to memory, memory to receiver"

const struct copies_way copies_ways[] = {
    {"pipe", "pipe:", THROUGH_THE_KERNEL, PIECE, send_pieces, take_pieces},
    {"POSIX queue", "mq:/%s", THROUGH_THE_KERNEL, QUEUED, send_pieces, take_pieces},
    {"System V queue", "sysv:private", THROUGH_THE_KERNEL, QUEUED, send_pieces,
     take_pieces},
    {"queue in memory", "queue:%s", THROUGH_MEMORY, QUEUED, send_pieces, take_pieces},
    {"socket", "pair:?type=stream", THROUGH_THE_KERNEL, PIECE, send_pieces,
     take_pieces},
    {"local", "local:?memory=always", THROUGH_MEMORY, PIECE, send_pieces, take_pieces},
    {"region", "pair:", "file to memory that both have mapped", 0, send_region,
     take_region},
    {"open file", "pair:", "none: both have the file's own pages", 0, send_file,
     take_file},
    {.name = NULL},
};
