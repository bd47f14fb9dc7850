/* SPDX-License-Identifier: MIT */
/*
 * How messages go into and out of a queue in shared memory: one copy each way, and no
 * system call while nobody sleeps.
 */
#include "transport/shared_queue.h"

#include <errno.h>
#include <stdlib.h>

#include "base/base.h"

/* --- sending ------------------------------------------------------------- */

static int end_send(void *state, wherry_message **message, unsigned flags)
{
    struct queue_end *end = state;
    const struct wherry_plain plain = {(*message)->data, (*message)->size,
                                       (*message)->kind, *message};
    (void)flags;
    int64_t r = shared_queue_check(end->queue);
    if (r >= 0)
        r = shared_queue_put(end->queue, &plain, 1);
    end->wanted = (int64_t)plain.size;
    if (r < 0)
        return (int)r;
    message_store_sent(end->store, message);
    return 0;
}

static size_t end_gather(void *state, const struct wherry_plain *messages, size_t count)
{
    struct queue_end *end = state;
    if (shared_queue_check(end->queue) < 0)
        return 0;
    const int64_t done = shared_queue_put(end->queue, messages, count);
    return done > 0 ? (size_t)done : 0;
}

/* --- receiving ----------------------------------------------------------- */

static int refuse_size(const struct queue_end *end, uint64_t size)
{
    return failure(-EMSGSIZE,
                   "a message of %llu bytes waits first: raise message= (now %llu) on "
                   "this side",
                   (unsigned long long)size, (unsigned long long)end->message_limit);
}

// Whoever has the same memory could have written another number there.
static int say_sender(wherry_message *message, int64_t pid)
{
    struct message_route *route;
    int r = message_route(message, &route);
    if (r < 0)
        return r;
    route->sender.trust = WHERRY_TRUST_NONE;
    route->sender.pid = pid;
    route->sender.uid = route->sender.gid = -1;
    route->has_sender = true;
    return 0;
}

// Nothing is taken before there is memory for it.
static int take_next(struct queue_end *end, int64_t kind, size_t room,
                     wherry_message **out)
{
    struct shared_queue_message found;
    wherry_message *message;
    int r = shared_queue_find(end->queue, kind, &found);
    if (r < 0)
        return r;
    if (found.size > end->message_limit)
        return refuse_size(end, found.size);
    if (found.size > room)
        return failure(-ENOSPC, "a message of %llu bytes waits, there is room for %zu",
                       (unsigned long long)found.size, room);
    r = message_store_take(end->store, WHERRY_IN, found.size, &message);
    if (r < 0)
        return r;
    r = say_sender(message, found.sender);
    if (r >= 0)
        r = shared_queue_take(end->queue, &found, message->data);
    if (r < 0) {
        wherry_message_free(message);
        return r;
    }
    message->kind = found.kind;
    *out = message;
    return 1;
}

static int end_recv_kind(void *state, int64_t kind, size_t room, wherry_message **out)
{
    struct queue_end *end = state;
    end->wanted = kind;
    int r = shared_queue_check(end->queue);
    if (r >= 0)
        r = shared_queue_begin(end->queue);
    if (r < 0)
        return r;
    r = take_next(end, kind, room, out);
    shared_queue_end(end->queue);
    return r;
}

static int end_recv(void *state, wherry_message **out)
{
    return end_recv_kind(state, 0, SIZE_MAX, out);
}

static size_t end_recv_ahead(void *state, wherry_message **messages, size_t count)
{
    struct queue_end *end = state;
    size_t done = 0;
    end->wanted = 0;
    if (shared_queue_check(end->queue) < 0 || shared_queue_begin(end->queue) < 0)
        return 0;
    while (done < count && take_next(end, 0, SIZE_MAX, &messages[done]) == 1)
        done++;
    shared_queue_end(end->queue);
    return done;
}

/* --- waiting ------------------------------------------------------------- */

static int end_wait(void *state, enum wherry_direction direction,
                    struct wherry_wait waits[WHERRY_WAITS])
{
    struct queue_end *end = state;
    int fd = -1;
    if ((direction == WHERRY_OUT) != end->writes)
        return -EPERM;
    int r = shared_queue_check(end->queue);
    if (r >= 0)
        r = shared_queue_wait(end->queue, end->wanted, &fd);
    if (r < 0)
        return r;
    waits[0] = (struct wherry_wait){.fd = fd, .events = os_wait_in};
    return 1;
}

static void end_waited(void *state, enum wherry_direction direction,
                       enum wherry_waited what)
{
    struct queue_end *end = state;
    if ((direction == WHERRY_OUT) != end->writes || shared_queue_check(end->queue) < 0)
        return;
    if (what == WHERRY_WAITED_POLLS)
        shared_queue_polled(end->queue);
    else
        shared_queue_waited(end->queue, what == WHERRY_WAITED_AGAIN);
}

// Only what can be had: else whoever waits for another kind, or is locked out, would
// not sleep.
static int end_ready(void *state)
{
    const struct queue_end *end = state;
    return !end->writes && end->wanted == 0 && shared_queue_check(end->queue) >= 0 &&
           shared_queue_is_ready(end->queue);
}

/* --- being there --------------------------------------------------------- */

static int64_t end_peek(void *state, size_t index, int64_t *kind)
{
    const struct queue_end *end = state;
    int r = shared_queue_check(end->queue);
    return r < 0 ? r : shared_queue_peek(end->queue, index, kind);
}

static void end_describe(void *state, struct wherry_channel_info *info)
{
    const struct queue_end *end = state;
    struct shared_queue_numbers numbers;
    struct shared_queue_count now;
    info->memory += sizeof(*end) + shared_queue_memory(end->queue);
    if (shared_queue_check(end->queue) < 0)
        return;
    shared_queue_look(end->queue, &numbers);
    shared_queue_tell(end->queue, &now);
    *(end->writes ? &info->unsent_bytes : &info->unread_bytes) += now.bytes;
    info->waiting_messages = now.messages;
    info->waiting_most = numbers.slots;
    info->waiting_bytes_most = numbers.bytes;
    info->lost_messages = now.lost;
}

static void end_close(void *state)
{
    struct queue_end *end = state;
    shared_queue_close(end->queue);
    free(end);
}

static const struct wherry_transport moves = {
    .send = end_send,
    .recv = end_recv,
    .recv_kind = end_recv_kind,
    .gather = end_gather,
    .recv_ahead = end_recv_ahead,
    .wait = end_wait,
    .waited = end_waited,
    .keep = endpoint_keep_nothing,
    .ready = end_ready,
    .peek = end_peek,
    .describe = end_describe,
    .close = end_close,
};

int shared_queue_endpoint(const struct address *address, struct shared_queue *queue,
                          bool writes, struct endpoint *out)
{
    struct queue_end *end = calloc(1, sizeof(*end));
    if (!end || message_store_new(&end->store) < 0) {
        free(end);
        return failure_plain(-ENOMEM, "no memory for a channel");
    }
    end->queue = queue;
    end->writes = writes;
    end->message_limit = (uint64_t)address_number(address, "message");
    out->moves = &moves;
    out->state = end;
    out->store = end->store;
    out->abilities = (writes ? WHERRY_ABLE_SEND : WHERRY_ABLE_RECV) |
                     WHERRY_ABLE_MESSAGES | WHERRY_ABLE_KINDS | WHERRY_ABLE_OUTLIVES |
                     WHERRY_ABLE_PICK | WHERRY_ABLE_DESCRIPTOR;
    out->framing = "";
    out->message_limit = shared_queue_largest(queue);
    out->kind_limit = INT64_MAX;
    *message_store_peer(out->store) = out->peer;
    return 0;
}
