/* SPDX-License-Identifier: MIT */
/*
 * Topics: reading out of the writer's memory, and waiting for more.
 *
 * Like an end of local: a reader sleeps at its carrier, where a bell, the end and the
 * writer's death are seen; what the writer published before its end is read first.
 */
#include <errno.h>

#include "base/base.h"
#include "transport/topic.h"

enum { LOOKS_AT_ONCE = 64 };

// The first time it goes on with the oldest; whoever is overtaken again at once reads
// more slowly than is written, and goes on with the newest.
static int catch_up(struct topic_reader *reader, int times)
{
    if (reader->full == FULL_CUT) {
        (void)os_shut_down(reader->carrier.fd); // the writer need not mind it any more
        return failure(-EOVERFLOW,
                       "this reader is too slow: what it had not read was overwritten, "
                       "and full=disconnect cut it off; full=drop-oldest or latest "
                       "goes on, and a larger ring= of the topic holds more");
    }
    return times == 0 ? fan_go_to_oldest(&reader->fan) : fan_go_to_newest(&reader->fan);
}

static int pass_over(struct topic_reader *reader, const struct fan_record *record)
{
    reader->lost += fan_took(&reader->fan, record) + 1;
    return failure(
        -EMSGSIZE,
        "the topic has a message of %llu bytes, the limit is %llu (message=)",
        (unsigned long long)record->size, (unsigned long long)reader->message_limit);
}

// 1: it has been copied whole; FAN_BEHIND: it was overwritten; -ENOMEM leaves it where
// it is.
static int take_record(struct topic_reader *reader, const struct fan_record *record,
                       wherry_message **out)
{
    wherry_message *message;
    if (record->size > reader->message_limit)
        return pass_over(reader, record);
    int r =
        message_store_take(reader->store, WHERRY_IN, (size_t)record->size, &message);
    if (r < 0)
        return r;
    if (!fan_copy(&reader->fan, record, message->data)) {
        wherry_message_free(message);
        return FAN_BEHIND;
    }
    message->kind = record->kind;
    message->lost = reader->lost + fan_took(&reader->fan, record);
    reader->dropped += message->lost;
    reader->lost = 0;
    *out = message;
    return 1;
}

// 1, 0: there is none, or an error; -EAGAIN: it was overtaken again and again.
static int read_next(struct topic_reader *reader, wherry_message **out)
{
    for (int times = 0; times < LOOKS_AT_ONCE; times++) {
        struct fan_record record;
        int r = reader->full == FULL_LATEST ? fan_go_to_newest(&reader->fan) : 0;
        if (r >= 0)
            r = fan_next(&reader->fan, &record);
        if (r == 1)
            r = take_record(reader, &record, out);
        if (r == FAN_BEHIND)
            r = catch_up(reader, times);
        else
            return r;
        if (r < 0)
            return r;
    }
    return -EAGAIN;
}

// The carrier's end came after all that was published.
static bool has_news(struct topic_reader *reader)
{
    return topic_is_welcome(reader) && fan_look_again(&reader->fan) != 0;
}

int topic_recv(void *state, wherry_message **out)
{
    struct topic_reader *reader = state;
    int r = topic_check_life(reader);
    for (int looks = 0; r >= 0 && looks < LOOKS_AT_ONCE; looks++) {
        r = topic_is_welcome(reader) ? read_next(reader, out) : 0;
        if (r != 0)
            return r;
        r = topic_hear_carrier(reader);
        if (r < 0 && (r != -EAGAIN || !has_news(reader)))
            return r;
        if (reader->has_ended && !has_news(reader))
            return topic_tell_end(reader);
        r = 0;
    }
    return r < 0 ? r : -EAGAIN;
}

size_t topic_recv_ahead(void *state, wherry_message **messages, size_t count)
{
    struct topic_reader *reader = state;
    struct fan_record record;
    size_t done = 0;
    if (!topic_is_welcome(reader) || reader->full == FULL_LATEST ||
        topic_check_life(reader) < 0)
        return 0;
    while (done < count && fan_next(&reader->fan, &record) == 1 &&
           record.size <= reader->message_limit &&
           take_record(reader, &record, &messages[done]) == 1)
        done++;
    return done;
}

/* --- waiting ------------------------------------------------------------- */

int topic_ready(void *state)
{
    struct topic_reader *reader = state;
    if (topic_check_life(reader) < 0)
        return 1;
    if (!topic_is_welcome(reader))
        return reader->has_ended;
    // A bell that was rung for what has been read meanwhile would show it as readable.
    if (ring_in_is_asleep(&reader->fan.ring) && !fan_has_more(&reader->fan)) {
        int r = topic_hear_carrier(reader);
        if (r < 0 && r != -EAGAIN)
            return 1;
    }
    return fan_in_sleeps(&reader->fan) != 1 || reader->has_ended;
}

static int watch_writer(struct topic_reader *reader)
{
    if (reader->pidfd == LOCAL_UNWATCHED)
        reader->pidfd = local_open_life(message_store_peer(reader->store),
                                        reader->theirs.page->pid, &reader->has_died);
    return reader->pidfd;
}

int topic_wait(void *state, enum wherry_direction direction,
               struct wherry_wait waits[WHERRY_WAITS])
{
    struct topic_reader *reader = state;
    if (direction == WHERRY_OUT)
        return -EPERM;
    waits[0] = (struct wherry_wait){.fd = reader->carrier.fd, .events = os_wait_in};
    reader->has_slept = true;
    if (!topic_is_welcome(reader) || topic_check_life(reader) < 0 ||
        watch_writer(reader) < 0)
        return 1;
    waits[1] = (struct wherry_wait){.fd = reader->pidfd, .events = os_wait_in};
    return 2;
}

int topic_spin(void *state, enum wherry_direction direction)
{
    struct topic_reader *reader = state;
    struct ring_in *ring = &reader->fan.ring;
    if (direction == WHERRY_OUT || !topic_is_welcome(reader) ||
        topic_check_life(reader) < 0)
        return -ENOTSUP;
    const struct ring_page *theirs = ring->theirs;
    ring_in_wakes(ring);
    return spin_on(
        &reader->habit,
        &(struct spin_sight){&theirs->writer.tail, &theirs->places.writer, ring->head},
        reader->spin);
}
