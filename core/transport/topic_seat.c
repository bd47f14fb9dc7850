/* SPDX-License-Identifier: MIT */
/*
 * Topics: readers come and go.
 *
 * Whoever has dialled has some time to say that it joins; silence holds nobody up, and
 * when too many are silent the oldest goes.  A reader that says anything else, or whose
 * carrier has ended, is forgotten.
 */
#include "transport/topic.h"

#include <errno.h>
#include <string.h>

enum { NEWCOMERS_AT_ONCE = 64 };

static void leave(struct topic *topic, struct topic_seat *seat)
{
    os_watch_remove(topic->watch, seat->carrier.fd);
    os_release(&seat->carrier);
    ring_leave(&seat->page);
}

static void forget_coming(struct topic *topic, size_t index)
{
    struct topic_seat *seat = &topic->coming[index];
    topic->coming_count--;
    memmove(seat, seat + 1, (topic->coming_count - index) * sizeof(*seat));
}

static void turn_away(struct topic *topic, size_t index)
{
    leave(topic, &topic->coming[index]);
    forget_coming(topic, index);
}

// The last one takes its place.
static void forget(struct topic *topic, size_t index)
{
    leave(topic, &topic->seats[index]);
    const size_t last = --topic->seat_count;
    topic->seats[index] = topic->seats[last];
    topic->sleepers[index] = topic->sleepers[last];
}

/* --- coming -------------------------------------------------------------- */

static int welcome(struct topic *topic, struct topic_seat *seat)
{
    return topic_say(&seat->carrier,
                     &(struct topic_word){.what = TOPIC_WELCOME,
                                          .full = (uint32_t)seat->full,
                                          .head = topic->fan.ring.tail,
                                          .number = topic->fan.ring.messages,
                                          .file = topic->file});
}

// It gets to know who says so, and of which version: that may be why.
static void refuse(struct topic_seat *seat)
{
    (void)topic_say(&seat->carrier,
                    &(struct topic_word){.what = TOPIC_REFUSED, .file = -1});
}

static int seat_policy(const struct topic *topic, uint32_t wanted)
{
    const bool is_known =
        wanted == FULL_OLDEST || wanted == FULL_LATEST || wanted == FULL_CUT;
    return is_known ? (int)wanted : topic->full;
}

static int take_seat(struct topic *topic, struct topic_seat *seat,
                     const struct topic_word *word)
{
    if (word->what != TOPIC_JOIN || word->file < 0)
        return -EPROTO;
    if (topic->seat_count == topic->seat_limit)
        return -EUSERS;
    seat->full = seat_policy(topic, word->full);
    int r = ring_attach_page(word->file, &seat->page);
    if (r >= 0)
        r = welcome(topic, seat);
    if (r < 0)
        return r;
    os_identify(seat->carrier.fd, false); // once is enough
    const size_t index = topic->seat_count++;
    topic->seats[index] = *seat;
    topic->sleepers[index] =
        (struct fan_sleeper){.epoch = &seat->page.page->sleeps.reader};
    return 0;
}

// Whether it is still to come.
static bool hear_coming(struct topic *topic, size_t index)
{
    struct topic_seat *seat = &topic->coming[index];
    struct topic_word word = {.file = -1};
    struct os_arrival arrival = {.pid = -1};
    int r = topic_hear(&seat->carrier, &word, &arrival);
    if (r == -EAGAIN && wherry_now() < seat->until)
        return true;
    seat->pid = arrival.identified ? arrival.pid : -1;
    if (r == 1)
        r = take_seat(topic, seat, &word);
    else if (r == 0)
        r = -ECONNRESET;
    os_close(word.file);
    if (r < 0) {
        refuse(seat);
        turn_away(topic, index);
    } else {
        forget_coming(topic, index);
    }
    return false;
}

static void hear_all_coming(struct topic *topic)
{
    for (size_t i = 0; i < topic->coming_count;)
        i += hear_coming(topic, i);
}

static int meet_newcomers(struct topic *topic)
{
    for (int i = 0; i < NEWCOMERS_AT_ONCE; i++) {
        struct topic_seat seat = {.until = wherry_now() + topic->handshake};
        int r = os_accept(&topic->harbour->descriptor, &seat.carrier);
        if (r < 0)
            return r == -EAGAIN ? 0 : r;
        r = os_watch_add(topic->watch, seat.carrier.fd, os_wait_in);
        if (r < 0) {
            os_release(&seat.carrier);
            return r;
        }
        if (topic->coming_count == TOPIC_COMING)
            turn_away(topic, 0);
        topic->coming[topic->coming_count++] = seat;
    }
    return 0;
}

/* --- going --------------------------------------------------------------- */

// A reader has nothing more to say once it has joined.
static bool has_gone(struct topic_seat *seat)
{
    struct topic_word word = {.file = -1};
    struct os_arrival arrival;
    int r = topic_hear(&seat->carrier, &word, &arrival);
    os_close(word.file);
    return r != -EAGAIN;
}

static bool is_among(const int *fds, int count, int fd)
{
    for (int i = 0; i < count; i++)
        if (fds[i] == fd)
            return true;
    return false;
}

static void hear_seats(struct topic *topic)
{
    int ready[OS_READY];
    const int count = os_watch_ready(topic->watch, ready, OS_READY);
    for (size_t i = topic->seat_count; i-- > 0;)
        if (is_among(ready, count, topic->seats[i].carrier.fd) &&
            has_gone(&topic->seats[i]))
            forget(topic, i);
}

int topic_look(struct topic *topic)
{
    struct os_wait waits[] = {
        {.fd = topic->harbour->descriptor.fd, .events = os_wait_in},
        {.fd = topic->watch, .events = os_wait_in}};
    const bool has_news = os_wait(waits, 2, WHERRY_POLL) > 0;
    int r = 0;
    if (!has_news && topic->coming_count == 0)
        return 0;
    os_lock_take(&topic->lock);
    if (waits[1].happened)
        hear_seats(topic);
    if (waits[0].happened)
        r = meet_newcomers(topic);
    hear_all_coming(topic);
    os_lock_give(&topic->lock);
    return r;
}

void topic_empty(struct topic *topic)
{
    while (topic->seat_count > 0)
        forget(topic, 0);
    while (topic->coming_count > 0)
        turn_away(topic, 0);
}
