/* SPDX-License-Identifier: MIT */
/*
 * Topics: a listener that publishes.
 *
 * A publish copies the message into the ring, shows it, and looks at each reader's
 * epoch; the system is asked only to ring for one that sleeps, and, a bounded number of
 * times in each tick of the clock, whether somebody has come or gone.  So nothing that
 * a reader does, or does not do, holds up the writer or another reader.
 */
#include "transport/topic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

enum { LOOKS_IN_A_TICK = 64 };

/* --- opening and closing ------------------------------------------------- */

static int make_memory(struct topic *topic, uint64_t size)
{
    int r = os_fork_word_new(&topic->life);
    if (r < 0)
        return r;
    atomic_store(topic->life, 1);
    r = ring_make(size, &topic->own, &topic->file);
    if (r < 0)
        return r;
    ring_tell_use(&topic->own, RING_OF_TOPIC, topic->harbour->descriptor.fd);
    fan_out_start(&topic->fan, &topic->own, os_barrier_join() >= 0);
    topic->watch = os_watch_new();
    return topic->watch < 0 ? topic->watch : 0;
}

static int make_seats(struct topic *topic)
{
    topic->seats = calloc(topic->seat_limit, sizeof(*topic->seats));
    topic->sleepers = calloc(topic->seat_limit, sizeof(*topic->sleepers));
    return topic->seats && topic->sleepers ? 0 : -ENOMEM;
}

static bool is_ours(const struct topic *topic)
{
    return topic->life && atomic_load_explicit(topic->life, memory_order_relaxed) == 1;
}

int topic_new(struct harbour *harbour, struct topic **out)
{
    const struct address *address = harbour->address;
    struct topic *topic = calloc(1, sizeof(*topic));
    if (!topic)
        return -ENOMEM;
    const int full = topic_policy(address);
    topic->harbour = harbour;
    topic->file = topic->watch = -1;
    topic->full = full == FULL_BLOCK ? FULL_CUT : full;
    topic->message_limit = (uint64_t)address_number(address, "message");
    topic->handshake = address_number(address, "handshake");
    topic->seat_limit = (size_t)address_number(address, "readers");
    int r = make_seats(topic);
    if (r >= 0)
        r = make_memory(topic, (uint64_t)address_number(address, "ring"));
    if (r < 0)
        topic_close(topic);
    else
        *out = topic;
    return r;
}

// A copy that fork(2) left to another process says nothing, and has none of the memory.
static void forget_memory(struct topic *topic)
{
    for (size_t i = 0; i < topic->seat_count; i++)
        topic->seats[i].page = (struct ring_side){0};
    topic->own = (struct ring_side){0};
}

static void say_end(struct topic *topic)
{
    for (size_t i = 0; i < topic->seat_count; i++)
        (void)topic_say(&topic->seats[i].carrier,
                        &(struct topic_word){.what = TOPIC_END, .file = -1});
}

void topic_close(struct topic *topic)
{
    if (!topic)
        return;
    if (is_ours(topic))
        say_end(topic);
    else
        forget_memory(topic);
    topic_empty(topic);
    ring_leave(&topic->own);
    os_fork_word_free(topic->life);
    os_close(topic->watch);
    os_close(topic->file);
    free(topic->seats);
    free(topic->sleepers);
    free(topic);
}

int topic_descriptor(const struct topic *topic)
{
    return topic->watch;
}

static int check_life(const struct topic *topic)
{
    return is_ours(topic) ? 0
                          : failure(-ECHILD, "a topic is published to by the process "
                                             "that opened it, not by a child of its");
}

/* --- publishing ---------------------------------------------------------- */

int topic_admit(struct topic *topic)
{
    int r = check_life(topic);
    if (r < 0)
        return r;
    r = topic_look(topic);
    if (r < 0 && topic->seat_count == 0)
        return failure(r, "letting in who dials: %s", error_words(r));
    return (int)topic->seat_count;
}

static int check_message(const struct topic *topic, const wherry_message *message)
{
    const uint64_t most = fan_most(topic->own.size);
    if (message->file_count > 0)
        return failure(-ENOTSUP, "a topic carries no open files");
    if (message->route && message->route->to_size > 0)
        return failure(-EISCONN, "a topic goes to all its readers, not to one (to=)");
    if (message->size > topic->message_limit)
        return failure(-EMSGSIZE,
                       "a message of %zu bytes, the limit is %llu (message=)",
                       message->size, (unsigned long long)topic->message_limit);
    if (message->size > most)
        return failure(-EMSGSIZE,
                       "a message of %zu bytes, a topic takes %llu at most, a quarter "
                       "of its ring (ring=%llu)",
                       message->size, (unsigned long long)most,
                       (unsigned long long)topic->own.size);
    return 0;
}

// In a burst not before every message: then some come in with the next tick.
static void look_for_readers(struct topic *topic, int64_t tick)
{
    if (tick != topic->looked_in) {
        topic->looked_in = tick;
        topic->looks = 0;
    }
    if (topic->looks == LOOKS_IN_A_TICK)
        return;
    topic->looks++;
    ring_out_tells_place(&topic->fan.ring);
    (void)topic_look(topic); // whoever waits on does so until the next
}

// Whoever is not there to be woken has died, and is forgotten when that is heard of; a
// carrier that is full wakes by that.
static bool ring_for_sleepers(struct topic *topic)
{
    bool has_rung = false;
    for (size_t i = 0; i < topic->seat_count; i++) {
        if (!fan_must_ring(&topic->sleepers[i]))
            continue;
        has_rung = true;
        (void)topic_say(&topic->seats[i].carrier,
                        &(struct topic_word){.what = TOPIC_BELL, .file = -1});
    }
    return has_rung;
}

int topic_publish(struct topic *topic, const wherry_message *message, bool to_somebody)
{
    int r = check_life(topic);
    if (r >= 0)
        r = check_message(topic, message);
    if (r < 0)
        return r;
    const int64_t tick = os_tick();
    look_for_readers(topic, tick);
    if (to_somebody && topic->seat_count == 0)
        return 0;
    fan_put(&topic->fan, &(struct fan_record){.size = message->size,
                                              .kind = message->kind,
                                              .at = tick,
                                              .payload = message->data});
    fan_show(&topic->fan);
    ring_shown(&topic->fan.ring, ring_for_sleepers(topic));
    return (int)topic->seat_count;
}

/* --- looking at readers -------------------------------------------------- */

static void describe_seat(const struct topic *topic, const struct topic_seat *seat,
                          struct wherry_reader *out)
{
    const uint64_t head = WHERRY_LOAD(&seat->page.page->reader.head);
    struct fan_lag lag;
    fan_look_behind(&topic->own, head, &lag);
    *out = (struct wherry_reader){.pid = seat->pid,
                                  .lost_messages =
                                      WHERRY_LOAD(&seat->page.page->reader.lost),
                                  .behind_messages = lag.messages,
                                  .behind_bytes = lag.bytes,
                                  .overtaken = lag.is_overtaken};
    option_print(option_find(channel_options, "full"), seat->full, out->full,
                 sizeof(out->full));
    if (lag.since > 0)
        out->behind_age = wherry_now() - lag.since;
}

int topic_readers(struct topic *topic, struct wherry_reader *out, size_t most)
{
    int r = check_life(topic);
    if (r < 0)
        return r;
    os_lock_take(&topic->lock);
    for (size_t i = 0; i < topic->seat_count && i < most; i++)
        describe_seat(topic, &topic->seats[i], &out[i]);
    r = (int)topic->seat_count;
    os_lock_give(&topic->lock);
    return r;
}
