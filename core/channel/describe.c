/* SPDX-License-Identifier: MIT */
/*
 * What is known of a channel at this moment.
 */
#include "channel/channel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void describe_identity(wherry_channel *channel, struct wherry_channel_info *info)
{
    snprintf(info->address, sizeof(info->address), "%s", channel->address);
    snprintf(info->scheme, sizeof(info->scheme), "%s", channel->scheme);
    snprintf(info->framing, sizeof(info->framing), "%s", channel->framing);
    info->abilities = channel->abilities;
}

static void describe_limits(wherry_channel *channel, struct wherry_channel_info *info)
{
    uint64_t limit = channel->limits.message;
    uint64_t peer = atomic_load(&channel->peer_limit);
    if (channel->mechanism_limit && channel->mechanism_limit < limit)
        limit = channel->mechanism_limit;
    info->message_limit = peer && peer < limit ? peer : limit;
    info->kind_limit = channel->kind_limit;
    info->kind_least = channel->kind_least;
    info->queue_limit = channel->limits.queue;
    info->file_limit =
        channel->abilities & WHERRY_ABLE_FILES ? channel->limits.files : 0;
}

static void describe_in(wherry_channel *channel, struct wherry_channel_info *info)
{
    info->peer = *message_store_peer(channel->store);
    info->received_messages = atomic_load(&channel->in.messages);
    info->received_bytes = atomic_load(&channel->in.bytes);
    info->held_messages = channel->in.held.count;
    info->held_bytes = channel->in.held.bytes;
    info->held_files = channel->in.held.files;
    info->ended = channel->in.ended;
}

static void describe_out(wherry_channel *channel, struct wherry_channel_info *info)
{
    const struct message_list *queue = &channel->out.queue;
    info->sent_messages = atomic_load(&channel->out.messages);
    info->sent_bytes = atomic_load(&channel->out.bytes);
    info->dropped_messages += atomic_load(&channel->out.dropped);
    info->queued_messages += queue->count;
    info->queued_bytes += queue->bytes;
    // What the transport holds was given to us before what is queued.
    if (queue->first && info->queued_age == 0)
        info->queued_age = wherry_now() - queue->first->queued_at;
}

// The search goes through all of /proc: without the locks, on a copy of the descriptor.
static void describe_holders(int far_end, bool writes, struct wherry_channel_info *info)
{
    const int most = (int)(sizeof(info->holders) / sizeof(info->holders[0]));
    if (far_end < 0)
        return;
    info->holder_count = os_holders(far_end, writes, info->holders, most);
    os_close(far_end);
}

static int copy_of_far_end(wherry_channel *channel, int *writes)
{
    int fd =
        channel->moves->far_end ? channel->moves->far_end(channel->state, writes) : -1;
    return fd < 0 ? -1 : os_duplicate(fd);
}

int wherry_describe(wherry_channel *channel, struct wherry_channel_info *out,
                    size_t size)
{
    if (size == 0)
        return failure(-EINVAL, "a description needs room");
    struct wherry_channel_info info = {0};
    bool wants_holders = size > offsetof(struct wherry_channel_info, holder_count);
    int writes = 0;
    describe_identity(channel, &info);
    describe_limits(channel, &info);
    os_lock_take(&channel->in.lock);
    os_lock_take(&channel->out.lock);
    describe_in(channel, &info);
    info.memory = sizeof(*channel) + strlen(channel->address) + 1 +
                  message_store_size(channel->store);
    if (channel->moves->describe)
        channel->moves->describe(channel->state, &info);
    describe_out(channel, &info);
    int far_end = wants_holders ? copy_of_far_end(channel, &writes) : -1;
    channel_give_out(channel);
    os_lock_give(&channel->in.lock);
    describe_holders(far_end, writes, &info);
    os_lock_take(&channel->error_lock);
    info.error = channel->error;
    if (info.error < 0)
        snprintf(info.error_text, sizeof(info.error_text), "%s",
                 channel->error_text ? channel->error_text : error_words(info.error));
    os_lock_give(&channel->error_lock);
    memset(out, 0, size);
    memcpy(out, &info, size < sizeof(info) ? size : sizeof(info));
    return 0;
}

int64_t wherry_peek(wherry_channel *channel, size_t index, int64_t *kind)
{
    int64_t r = -ENOTSUP;
    if (channel->moves->peek)
        r = channel->moves->peek(channel->state, index, kind);
    if (r == -ENOTSUP)
        failure(-ENOTSUP, "%s: what waits here cannot be seen without taking it",
                channel->address);
    else if (r < 0)
        failure_plain((int)r, channel->address);
    return r < 0 ? channel_keep_error(channel, (int)r) : r;
}
