/* SPDX-License-Identifier: MIT */
/*
 * The held list: messages that were passed over, in the order of their arrival.
 *
 * It is bounded; when it is full and nothing in it fits, that is said at once and
 * nothing is lost.  Whoever asks holds in.lock.
 */
#include "channel/channel.h"

#include <errno.h>

enum { HELD_MESSAGES = 1024, HELD_FILES_FACTOR = 16 };

bool held_is_full(const wherry_channel *channel)
{
    const struct message_list *held = &channel->in.held;
    uint64_t files = (uint64_t)channel->limits.files * HELD_FILES_FACTOR;
    return held->count >= HELD_MESSAGES || held->bytes >= channel->limits.held ||
           (held->files > 0 && held->files >= files);
}

// Two syncs that meet say what the later one says.
static wherry_message *take_behind(struct message_list *held, wherry_message *before)
{
    wherry_message *taken = list_take(held, before);
    wherry_message *next = before ? before->next : NULL;
    if (next && before->word == FRAME_SYNC && next->word == FRAME_SYNC) {
        before->kind = next->kind;
        wherry_message_free(list_take(held, before));
    }
    return taken;
}

static bool take_first_fitting(wherry_channel *channel, int64_t kind,
                               wherry_message **out)
{
    wherry_message *before = NULL;
    for (wherry_message *each = channel->in.held.first; each; each = each->next) {
        if (held_fits(each, kind)) {
            *out = take_behind(&channel->in.held, before);
            return true;
        }
        before = each;
    }
    return false;
}

bool held_take_lowest(wherry_channel *channel, int64_t most, wherry_message **out)
{
    wherry_message *before = NULL;
    wherry_message *before_lowest = NULL;
    wherry_message *lowest = NULL;
    for (wherry_message *each = channel->in.held.first; each; each = each->next) {
        bool better = !lowest || each->kind < lowest->kind;
        if (each->word == FRAME_MESSAGE && each->kind <= most && better) {
            lowest = each;
            before_lowest = before;
        }
        before = each;
    }
    if (lowest)
        *out = take_behind(&channel->in.held, before_lowest);
    return lowest != NULL;
}

bool held_take(wherry_channel *channel, int64_t kind, wherry_message **out)
{
    return kind < 0 ? held_take_lowest(channel, -kind, out)
                    : take_first_fitting(channel, kind, out);
}

int held_tell_full(const wherry_channel *channel, int64_t kind)
{
    const struct message_list *held = &channel->in.held;
    return failure(
        -ENOBUFS,
        "%s: %llu messages of %llu bytes have been passed over and none is of "
        "the kind wanted (%lld): receive some of them, or raise held=",
        channel->address, (unsigned long long)held->count,
        (unsigned long long)held->bytes, (long long)kind);
}
