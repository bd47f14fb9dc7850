/* SPDX-License-Identifier: MIT */
/*
 * How messages go into and out of a System V queue: msgop(2).
 *
 * The kernel wants the type in front of the bytes, so a message is copied behind one on
 * its way out, and comes in behind one.
 */
#include "transport/sysv.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

enum { TYPE = sizeof(long), KIND_LEAST = 1 };

// The letter grows with the messages.
static int make_letter(struct queue *queue, size_t size)
{
    if (queue->letter && queue->letter_room >= size)
        return 0;
    uint8_t *letter = realloc(queue->letter, TYPE + size);
    if (!letter)
        return failure_plain(-ENOMEM, "no memory to send a message");
    queue->letter = letter;
    queue->letter_room = size;
    return 0;
}

// The kernel copies a message before it looks for room, and says that there is none of
// one, too, that is larger than all that the queue holds.  So whoever has met a full
// queue asks how much room there is, and counts down from there.
static int look_for_room(struct queue *queue, size_t size)
{
    struct os_msg_state now;
    if (os_msg_look(queue->number, &now) < 0)
        return 0; // a writer need not be allowed to look
    if (size > (uint64_t)now.bytes_most)
        return failure(
            -EMSGSIZE,
            "a message of %zu bytes is more than the queue holds, %lld (qbytes=)", size,
            (long long)now.bytes_most);
    bool is_full =
        now.bytes + (int64_t)size > now.bytes_most || now.messages >= now.bytes_most;
    queue->room_left = is_full ? 0 : now.bytes_most - now.bytes;
    return is_full ? -EAGAIN : 0;
}

static int sysv_put(struct queue *queue, const wherry_message *message)
{
    const long type = message->kind == 0 ? KIND_LEAST : (long)message->kind;
    const int64_t size = (int64_t)message->size;
    int r = queue->room_left < size ? look_for_room(queue, message->size) : 0;
    if (r >= 0)
        r = make_letter(queue, message->size);
    if (r < 0)
        return r;
    memcpy(queue->letter, &type, TYPE);
    if (message->size > 0)
        memcpy(queue->letter + TYPE, message->data, message->size);
    r = os_msg_send(queue->number, queue->letter, message->size);
    queue->room_left -= size;
    if (r == -EAGAIN && (r = look_for_room(queue, message->size)) >= 0)
        r = -EAGAIN; // it was full just now
    return r;
}

static int64_t explain(const struct queue *queue, int64_t error)
{
    if (error == -E2BIG)
        return failure(
            -EMSGSIZE,
            "a message of more than %zu bytes waits first: raise message= on "
            "this side, or cut it with truncate=cut",
            queue->message_size);
    return failure_plain((int)error, "receiving");
}

static int64_t took(const struct queue *queue, const uint8_t *place, int64_t size,
                    int64_t *kind)
{
    long type = 0;
    if (size == -EAGAIN)
        return size;
    if (size < 0)
        return explain(queue, size);
    memcpy(&type, place, TYPE);
    *kind = type;
    return size;
}

static struct os_msg_wish wish_of(const struct queue *queue, int64_t wanted)
{
    // A kind below all others takes any that there is.
    return (struct os_msg_wish){.type = wanted < LONG_MIN + 1 ? LONG_MIN + 1 : wanted,
                                .cuts = queue->cuts};
}

static int64_t sysv_take(struct queue *queue, uint8_t *place, int64_t wanted,
                         int64_t *kind)
{
    const struct os_msg_wish wish = wish_of(queue, wanted);
    int64_t size = wanted > LONG_MAX ? -EAGAIN
                                     : os_msg_receive(queue->number, place,
                                                      queue->message_size, &wish);
    return took(queue, place, size, kind);
}

static void sysv_tell(const struct queue *queue, struct wherry_channel_info *info)
{
    struct os_msg_state now;
    if (os_msg_look(queue->number, &now) < 0)
        return;
    *(queue->writes ? &info->unsent_bytes : &info->unread_bytes) += (uint64_t)now.bytes;
    info->waiting_messages = (uint64_t)now.messages;
    info->waiting_bytes_most = (uint64_t)now.bytes_most;
    info->last_sender = now.sender;
    info->last_receiver = now.receiver;
    info->last_sent = now.sent;
    info->last_received = now.received;
    info->last_changed = now.changed;
}

static void sysv_let_go(struct queue *queue)
{
    if (queue_disown(&queue->owner))
        (void)os_msg_remove(queue->number);
}

static const struct queue_calls calls = {.head = TYPE,
                                         .send = sysv_put,
                                         .receive = sysv_take,
                                         .describe = sysv_tell,
                                         .close = sysv_let_go};

/* --- waiting ------------------------------------------------------------- */

// There is no descriptor: it is tried again, at growing intervals.
static int sysv_wait(void *state, enum wherry_direction direction,
                     struct wherry_wait waits[WHERRY_WAITS])
{
    (void)state, (void)direction, (void)waits;
    return 0;
}

static int sysv_attend(void *state, int64_t wanted, const atomic_bool *stop)
{
    struct queue *queue = state;
    const struct os_msg_wish wish = wish_of(queue, wanted);
    if (queue->is_received || wanted > LONG_MAX)
        return -ENOTSUP;
    uint8_t *place;
    int r = queue_place(queue, &place);
    if (r < 0)
        return r;
    int64_t size = os_msg_await(queue->number, place, queue->message_size, &wish, stop);
    if (size < 0)
        return (int)size;
    int64_t kind = 0;
    (void)took(queue, place, size, &kind);
    queue_received(queue, (size_t)size, kind);
    return 0;
}

// Into a room of its own, for a receiver may be using the other; none is larger than
// all of them together.
static int64_t sysv_peek(void *state, size_t index, int64_t *kind)
{
    const struct queue *queue = state;
    struct os_msg_state now;
    long type = 0;
    int r = os_msg_look(queue->number, &now);
    if (r < 0 || index >= (size_t)now.messages)
        return r < 0 ? r : -EAGAIN;
    size_t room_size = TYPE + (size_t)now.bytes;
    uint8_t *room = os_room_new(room_size);
    if (!room)
        return -ENOMEM;
    int64_t size = os_msg_peek(queue->number, (int64_t)index, room, (size_t)now.bytes);
    memcpy(&type, room, TYPE);
    os_room_free(room, room_size);
    if (size >= 0)
        *kind = type;
    return size == -ENOSYS ? -ENOTSUP : size;
}

static const struct wherry_transport moves = {
    .send = queue_send,
    .recv = queue_recv,
    .recv_kind = queue_recv_kind,
    .wait = sysv_wait,
    .keep = endpoint_keep_nothing,
    .ready = queue_ready,
    .rest = queue_rest,
    .peek = sysv_peek,
    .describe = queue_describe,
    .close = queue_close,
};

int sysv_end(const struct address *address, int id, bool writes, struct endpoint *out)
{
    struct os_msg_limits limits = {.message_size = 0};
    struct queue *queue = queue_new(&calls, id, address);
    if (!queue)
        return -ENOMEM;
    (void)os_msg_limits(&limits);
    queue->message_size = queue->message_limit < INT_MAX - TYPE
                              ? (size_t)queue->message_limit
                              : INT_MAX - TYPE;
    queue->room_left = INT64_MAX;
    queue->cuts = address_number(address, "truncate") != 0;
    queue_endpoint(queue, &moves, writes, out);
    out->abilities |= WHERRY_ABLE_PICK;
    out->message_limit = (uint64_t)limits.message_size;
    out->kind_limit = LONG_MAX;
    out->kind_least = KIND_LEAST;
    out->attend = sysv_attend;
    return 0;
}
