/* SPDX-License-Identifier: MIT */
/*
 * Topics: what a reader hears over its carrier, and how that ends.
 */
#include <errno.h>

#include "base/base.h"
#include "transport/ahead.h"
#include "transport/topic.h"

static int take_welcome(struct topic_reader *reader, const struct topic_word *word)
{
    if (topic_is_welcome(reader) || word->file < 0)
        return failure(-EPROTO, "a topic offers no memory, or twice");
    int r = ring_attach(word->file, &reader->theirs);
    if (r < 0)
        return r;
    reader->full = (int)word->full;
    ring_tell_source(&reader->own, word->file);
    return fan_in_start(&reader->fan, &reader->own, &reader->theirs, word->head,
                        word->number);
}

static int take_bell(struct topic_reader *reader, const struct topic_word *word)
{
    (void)word;
    if (topic_is_welcome(reader))
        ring_in_wakes(&reader->fan.ring);
    return 0;
}

static int note_end(struct topic_reader *reader, int end)
{
    reader->has_ended = true;
    reader->end = end;
    return 0;
}

static int take_end(struct topic_reader *reader, const struct topic_word *word)
{
    (void)word;
    return note_end(reader, 0);
}

static int take_refusal(struct topic_reader *reader, const struct topic_word *word)
{
    (void)word;
    return note_end(reader, -EUSERS);
}

static int (*const takers[])(struct topic_reader *, const struct topic_word *) = {
    [TOPIC_WELCOME] = take_welcome,
    [TOPIC_BELL] = take_bell,
    [TOPIC_END] = take_end,
    [TOPIC_REFUSED] = take_refusal,
};

static int take_word(struct topic_reader *reader, const struct topic_word *word)
{
    const bool is_known =
        word->what < sizeof(takers) / sizeof(takers[0]) && takers[word->what];
    return is_known ? takers[word->what](reader, word)
                    : failure(-EPROTO, "a topic says what is not known (%d)",
                              (int)word->what);
}

// Woken by none of the writer's doing: perhaps it is no more, and others have its
// carrier.
static int look_for_life(struct topic_reader *reader)
{
    const bool slept = reader->has_slept;
    reader->has_slept = false;
    const bool has_died =
        slept &&
        (reader->has_died || (reader->pidfd >= 0 && os_is_readable(reader->pidfd)));
    return has_died ? note_end(reader, -ECONNRESET) : -EAGAIN;
}

int topic_hear_carrier(struct topic_reader *reader)
{
    struct topic_word word = {.file = -1};
    struct os_arrival arrival = {0};
    if (reader->has_ended)
        return 0;
    int r = topic_hear(&reader->carrier, &word, &arrival);
    if (r == -EAGAIN)
        return look_for_life(reader);
    if (r == 0 || r == -ECONNRESET)
        return note_end(reader, -ECONNRESET);
    if (r < 0)
        return r;
    sender_remember(reader->store, reader->carrier.fd, &arrival);
    r = take_word(reader, &word);
    os_close(word.file);
    return r;
}

int topic_tell_end(const struct topic_reader *reader)
{
    const struct wherry_peer *peer = message_store_peer(reader->store);
    if (reader->end == -EUSERS)
        return failure(-EUSERS, "the topic has as many readers as it takes (readers= "
                                "of its listener)");
    if (reader->end == -ECONNRESET && peer->trust == WHERRY_TRUST_KERNEL)
        return failure(-ECONNRESET,
                       "the writer (process %lld of user %lld) went away without an "
                       "orderly end: it died, or was killed",
                       (long long)peer->pid, (long long)peer->uid);
    if (reader->end == -ECONNRESET)
        return failure(-ECONNRESET,
                       "the writer went away before this reader was welcome");
    return reader->end;
}
