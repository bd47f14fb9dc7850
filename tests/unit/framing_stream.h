/* SPDX-License-Identifier: MIT */
/*
 * Reading a stream of records that arrives in pieces, as a channel would, for the tests
 * of framings.
 *
 * After each piece, all that has arrived and not been taken is copied into memory of
 * exactly its size, so that valgrind and AddressSanitizer see a read past it.
 */
#ifndef FRAMING_STREAM_H
#define FRAMING_STREAM_H

#include <stdlib.h>
#include <string.h>

#include "framing/framing.h"
#include "harness.h"

enum { STREAM_RECORDS = 64, STREAM_PAYLOADS = 4096 };

/* What was read: records, their payloads one after the other, and how it ended. */
struct stream_result {
    struct frame records[STREAM_RECORDS];
    size_t count;
    uint8_t payloads[STREAM_PAYLOADS];
    size_t payload_size;
    int error;   /* 0: all bytes were read */
    size_t left; /* bytes of a record that is not complete, or broken */
};

/* Reads `size` bytes, the first `piece[0]`, then `piece[1]` … (0: all that is left). */
static inline void stream_read(const struct framing *framing, const uint8_t *bytes,
                               size_t size, const size_t *pieces, uint64_t limit,
                               struct stream_result *result)
{
    struct frame_scan scan = {0};
    struct frame frame = {0};
    struct frame_place place = {0};
    bool is_found = false;
    size_t front = 0;
    size_t arrived = 0;
    *result = (struct stream_result){0};
    while (arrived < size && result->error == 0) {
        const size_t piece = *pieces ? *pieces++ : size;
        arrived += piece < size - arrived ? piece : size - arrived;
        uint8_t *exact = malloc(arrived - front);
        CHECK(exact);
        memcpy(exact, bytes + front, arrived - front);
        size_t at = 0;
        for (;;) {
            const size_t here = arrived - front - at;
            if (!is_found) {
                const size_t seen = scan.seen;
                int r = framing->scan(&scan, exact + at, here, limit, &frame, &place);
                CHECK(scan.seen >= seen && scan.seen <= here);
                result->error = r < 0 ? r : 0;
                is_found = r == FRAMING_FOUND;
            }
            const size_t around = place.head_size + place.tail_size;
            if (!is_found || here - around < frame.size)
                break;
            const uint8_t *payload = exact + at + place.head_size;
            CHECK(result->count < STREAM_RECORDS);
            CHECK(result->payload_size + frame.size <= STREAM_PAYLOADS);
            memcpy(result->payloads + result->payload_size, payload,
                   (size_t)frame.size);
            result->payload_size += (size_t)frame.size;
            result->records[result->count++] = frame;
            at += around + (size_t)frame.size;
            is_found = false;
            scan = (struct frame_scan){0};
        }
        free(exact);
        front += at;
    }
    result->left = arrived - front;
}

/* Scans bytes that stand alone, in memory of exactly their size. */
static inline int scan_once(const char *name, const void *bytes, size_t size,
                            uint64_t limit, struct frame *frame,
                            struct frame_place *place)
{
    struct frame_scan scan = {0};
    struct frame_place unused;
    uint8_t *exact = malloc(size ? size : 1);
    CHECK(exact);
    memcpy(exact, bytes, size);
    int r = framing_find(name)->scan(&scan, exact, size, limit, frame,
                                     place ? place : &unused);
    free(exact);
    return r;
}

#endif
