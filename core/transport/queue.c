/* SPDX-License-Identifier: MIT */
/*
 * One end of a queue of the kernel: messages go whole or not at all, one a call, and
 * nothing is ever held in part.
 *
 * What the kernel gives up is gone from the queue, so a message for which there is no
 * memory lies in the place it was received into until the next call.
 */
#include "transport/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

int queue_send(void *state, wherry_message **message, unsigned flags)
{
    struct queue *queue = state;
    (void)flags;
    int r = queue->calls->send(queue, *message);
    queue->was_full = r == -EAGAIN;
    if (r >= 0)
        message_store_sent(queue->store, message);
    return r;
}

/* --- receiving ----------------------------------------------------------- */

static size_t place_size(const struct queue *queue)
{
    return queue->calls->head + queue->message_size;
}

// Large messages are handed out with the block they came into, small ones copied out of
// the room.
static int make_place(struct queue *queue)
{
    if (queue->block || (queue->room && !queue->are_large))
        return 0;
    if (queue->are_large)
        return message_store_take(queue->store, WHERRY_IN, place_size(queue),
                                  &queue->block);
    queue->room = os_room_new(place_size(queue));
    return queue->room ? 0 : failure_plain(-ENOMEM, "no memory to receive messages");
}

static uint8_t *place_of(const struct queue *queue)
{
    return queue->block ? queue->block->data : queue->room;
}

int queue_place(struct queue *queue, uint8_t **out)
{
    int r = make_place(queue);
    if (r >= 0)
        *out = place_of(queue);
    return r;
}

void queue_received(struct queue *queue, size_t size, int64_t kind)
{
    queue->size = size;
    queue->kind = kind;
    queue->is_received = true;
    queue->are_large = size >= queue->message_size / 2;
}

static int receive(struct queue *queue, int64_t wanted)
{
    uint8_t *place;
    int64_t kind = 0;
    int r = queue_place(queue, &place);
    if (r < 0)
        return r;
    int64_t size = queue->calls->receive(queue, place, wanted, &kind);
    if (size < 0)
        return (int)size;
    queue_received(queue, (size_t)size, kind);
    return 0;
}

static int hand_out(struct queue *queue, wherry_message **out)
{
    wherry_message *block = queue->block;
    const size_t head = queue->calls->head;
    if (!block || !queue->are_large) {
        int r = message_store_take(queue->store, WHERRY_IN, queue->size, out);
        if (r < 0)
            return r;
        if (queue->size > 0)
            memcpy((*out)->data, place_of(queue) + head, queue->size);
        wherry_message_free(block);
    } else {
        block->data += head;
        block->capacity -= head;
        block->size = queue->size;
        *out = block;
    }
    queue->block = NULL;
    queue->is_received = false;
    (*out)->kind = queue->kind;
    return 1;
}

int queue_recv_kind(void *state, int64_t kind, size_t room, wherry_message **out)
{
    struct queue *queue = state;
    (void)room; // the kernel does not say how large it is before it is taken
    int r = queue->is_received ? 0 : receive(queue, kind);
    return r < 0 ? r : hand_out(queue, out);
}

int queue_recv(void *state, wherry_message **out)
{
    return queue_recv_kind(state, 0, SIZE_MAX, out);
}

/* --- being there --------------------------------------------------------- */

int queue_ready(void *state)
{
    const struct queue *queue = state;
    return queue->is_received;
}

static void forget_place(struct queue *queue)
{
    wherry_message_free(queue->block);
    os_room_free(queue->room, place_size(queue));
    queue->block = NULL;
    queue->room = NULL;
}

int64_t queue_rest(void *state)
{
    struct queue *queue = state;
    free(queue->letter);
    queue->letter = NULL;
    if (queue->is_received)
        return 0;
    forget_place(queue);
    queue->are_large = false;
    return 0;
}

void queue_describe(void *state, struct wherry_channel_info *info)
{
    const struct queue *queue = state;
    info->memory += sizeof(*queue);
    if (queue->letter)
        info->memory += queue->calls->head + queue->letter_room;
    queue->calls->describe(queue, info);
}

void queue_close(void *state)
{
    struct queue *queue = state;
    queue->calls->close(queue);
    forget_place(queue);
    free(queue->letter);
    free(queue);
}

int queue_own(struct queue_owner *out)
{
    return os_pipe(0, &out->reading, &out->writing);
}

bool queue_disown(struct queue_owner *owner)
{
    if (owner->reading.fd < 0)
        return false;
    os_release(&owner->writing);
    bool is_last = !os_has_writer(owner->reading.fd);
    os_release(&owner->reading);
    return is_last;
}

struct queue *queue_new(const struct queue_calls *calls, int number,
                        const struct address *address)
{
    struct queue *queue = calloc(1, sizeof(*queue));
    if (queue && message_store_new(&queue->store) < 0) {
        free(queue);
        queue = NULL;
    }
    if (!queue) {
        failure_plain(-ENOMEM, "no memory for a channel");
        return NULL;
    }
    queue->calls = calls;
    queue->number = number;
    queue->message_limit = (uint64_t)address_number(address, "message");
    queue->owner = QUEUE_OWNER_NONE;
    return queue;
}

void queue_endpoint(struct queue *queue, const struct wherry_transport *moves,
                    bool writes, struct endpoint *out)
{
    queue->writes = writes;
    out->moves = moves;
    out->state = queue;
    out->store = queue->store;
    out->abilities = (writes ? WHERRY_ABLE_SEND : WHERRY_ABLE_RECV) |
                     WHERRY_ABLE_MESSAGES | WHERRY_ABLE_KINDS | WHERRY_ABLE_OUTLIVES;
    out->framing = "";
    *message_store_peer(out->store) = out->peer;
}
