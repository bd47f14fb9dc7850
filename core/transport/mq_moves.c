/* SPDX-License-Identifier: MIT */
/*
 * How messages go into and out of a POSIX queue.
 */
#include "transport/mq.h"

#include <errno.h>

#include "base/base.h"

enum { PRIORITY_MOST = 32767 }; // mq_overview(7), MQ_PRIO_MAX

// The kernel copies a message before it looks for room.
static int mq_put(struct queue *queue, const wherry_message *message)
{
    struct os_wait room = {.fd = queue->number, .events = os_wait_out};
    if (queue->was_full && os_wait(&room, 1, WHERRY_POLL) < 0)
        return -EAGAIN;
    return os_mq_send(queue->number, message->data, message->size,
                      (unsigned)message->kind);
}

// In the kernel's order; the channel picks by kind.
static int64_t mq_take(struct queue *queue, uint8_t *place, int64_t wanted,
                       int64_t *kind)
{
    unsigned priority = 0;
    (void)wanted;
    int64_t size = os_mq_receive(queue->number, place, queue->message_size, &priority);
    if (size < 0)
        return size == -EAGAIN ? -EAGAIN : failure_plain((int)size, "receiving");
    if ((uint64_t)size > queue->message_limit)
        return failure(-EMSGSIZE,
                       "a message of %lld bytes came and was lost: raise message= (now "
                       "%llu) on this side",
                       (long long)size, (unsigned long long)queue->message_limit);
    *kind = priority;
    return size;
}

static void mq_tell(const struct queue *queue, struct wherry_channel_info *info)
{
    struct os_mq_state now;
    if (os_mq_look(queue->number, &now) < 0)
        return;
    info->unread_bytes += now.bytes > 0 ? (uint64_t)now.bytes : 0;
    info->waiting_messages = (uint64_t)now.messages;
    info->waiting_most = (uint64_t)now.messages_most;
}

static void mq_let_go(struct queue *queue)
{
    os_close(queue->number);
}

static const struct queue_calls calls = {
    .send = mq_put, .receive = mq_take, .describe = mq_tell, .close = mq_let_go};

static int mq_wait(void *state, enum wherry_direction direction,
                   struct wherry_wait waits[WHERRY_WAITS])
{
    const struct queue *queue = state;
    waits[0] = (struct wherry_wait){.fd = queue->number, .events = os_wait_out};
    if (direction == WHERRY_IN)
        waits[0].events = os_wait_in;
    return 1;
}

static const struct wherry_transport moves = {
    .send = queue_send,
    .recv = queue_recv,
    .wait = mq_wait,
    .keep = endpoint_keep_nothing,
    .ready = queue_ready,
    .rest = queue_rest,
    .describe = queue_describe,
    .close = queue_close,
};

int mq_end(const struct address *address, struct os_descriptor descriptor, bool writes,
           struct endpoint *out)
{
    struct os_mq_state there;
    int r = os_mq_look(descriptor.fd, &there);
    if (r < 0)
        failure_plain(r, "looking at the queue");
    struct queue *queue = r < 0 ? NULL : queue_new(&calls, descriptor.fd, address);
    if (!queue) {
        os_release(&descriptor);
        return r < 0 ? r : -ENOMEM;
    }
    queue->message_size = (size_t)there.message_size;
    queue_endpoint(queue, &moves, writes, out);
    out->abilities |= WHERRY_ABLE_PRIORITY | WHERRY_ABLE_DESCRIPTOR;
    out->message_limit = queue->message_size;
    out->kind_limit = PRIORITY_MOST;
    return 0;
}
