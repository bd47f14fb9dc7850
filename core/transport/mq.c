/* SPDX-License-Identifier: MIT */
/*
 * mq:/NAME - POSIX message queues, mq_overview(7).
 *
 * Dialling gives an end that puts messages into the queue, listening and accepting one
 * that takes them out; any number of both may have it open, each message is taken once.
 * The kernel gives the highest priority first, which is the kind, and among equals the
 * oldest.  Nothing but the message's bytes is written, so any program's mq_send(3) and
 * mq_receive(3) can be at the other end.  The queue and what is in it stay when
 * everybody has gone, until wherry_remove.
 */
#include "transport/transport.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

enum {
    NAME_MOST = 255,         // bytes behind the slash, NAME_MAX
    PRIORITY_MOST = 32767,   // mq_overview(7), MQ_PRIO_MAX
    MESSAGES_MOST = 65536,   // ditto, HARD_MSGMAX
    SIZE_HARD_MOST = 1 << 24 // ditto, HARD_MSGSIZEMAX
};

static const struct wherry_option own_options[] = {
    {.name = "maxmsg",
     .type = WHERRY_OPTION_NUMBER,
     .standard = "0",
     .least = 0,
     .most = MESSAGES_MOST,
     .help =
         "How many messages a queue that is made holds; 0 is the system's own choice "
         "(fs.mqueue.msg_default), fs.mqueue.msg_max the bound for users."},
    {.name = "msgsize",
     .type = WHERRY_OPTION_SIZE,
     .standard = "0",
     .least = 0,
     .most = SIZE_HARD_MOST,
     .help =
         "The largest message of a queue that is made, in bytes; 0 is the system's "
         "own choice (fs.mqueue.msgsize_default), fs.mqueue.msgsize_max the bound."},
    {.name = NULL},
};

static const struct wherry_option *const options[] = {own_options, object_options,
                                                      channel_options, NULL};

static const struct complaint complaints[] = {
    {ENOENT, "there is no such queue: listen there first, or leave out create=no"},
    {EEXIST, NULL},
    {EMFILE, NULL},
    {ENOSPC, NULL},
    {EINVAL, NULL},
    {EACCES, "this user may not open it: see who owns it, and its mode="},
    {ENAMETOOLONG, NULL},
    {ENOSYS, "this kernel has no POSIX message queues"},
    {ENOTSUP,
     "without /proc the system's own choice is not known: give both maxmsg= and "
     "msgsize="},
    {0, NULL},
};

static int mq_check(const struct address *address)
{
    const char *name = address_rest(address);
    size_t size = address_rest_size(address);
    uint32_t mode;
    if (name[0] != '/' || size < 2 || strlen(name) != size || strchr(name + 1, '/'))
        return failure(-EINVAL, "a queue's name is one slash and what follows it, "
                                "without another: mq:/NAME");
    if (size - 1 > NAME_MOST)
        return failure(-ENAMETOOLONG,
                       "a queue's name has at most %d bytes, these are %zu", NAME_MOST,
                       size - 1);
    if (strcmp(name, "/.") == 0 || strcmp(name, "/..") == 0)
        return failure(-EINVAL, "a queue cannot be called %s", name);
    return endpoint_mode(address, &mode);
}

/* --- moving -------------------------------------------------------------- */

struct queue {
    int fd;
    size_t message_size; /* of the largest that the queue holds */
    uint64_t message_limit;
    struct message_store *store;

    /* the sender's */
    bool was_full;

    /* the receiver's: the next message comes into the block, or into the room, which
     * takes memory only as far as messages reach */
    wherry_message *block; /* NULL: none */
    uint8_t *room;         /* NULL: none */
    bool are_large;        /* the last one filled most of a block */
    bool is_received;      /* one lies there that found no memory to go on */
    size_t size;           /* its */
    int64_t kind;          /* its */
};

static int queue_send(void *state, wherry_message **message, unsigned flags)
{
    struct queue *queue = state;
    const wherry_message *one = *message;
    (void)flags;
    // The kernel copies a message before it looks for room.
    struct os_wait room = {.fd = queue->fd, .events = os_wait_out};
    if (queue->was_full && os_wait(&room, 1, WHERRY_POLL) < 0)
        return -EAGAIN;
    int r = os_mq_send(queue->fd, one->data, one->size, (unsigned)one->kind);
    queue->was_full = r == -EAGAIN;
    if (r >= 0)
        message_store_sent(queue->store, message);
    return r;
}

// Large messages are handed out with the block they came into, small ones copied out of
// the room.
static int make_place(struct queue *queue)
{
    if (queue->block || (queue->room && !queue->are_large))
        return 0;
    if (queue->are_large)
        return message_store_take(queue->store, WHERRY_IN, queue->message_size,
                                  &queue->block);
    queue->room = os_room_new(queue->message_size);
    return queue->room ? 0 : failure_plain(-ENOMEM, "no memory to receive messages");
}

static int receive(struct queue *queue)
{
    unsigned priority = 0;
    int r = make_place(queue);
    if (r < 0)
        return r;
    uint8_t *place = queue->block ? queue->block->data : queue->room;
    int64_t size = os_mq_receive(queue->fd, place, queue->message_size, &priority);
    if (size < 0)
        return size == -EAGAIN ? -EAGAIN : failure_plain((int)size, "receiving");
    if ((uint64_t)size > queue->message_limit)
        return failure(-EMSGSIZE,
                       "a message of %lld bytes came and was lost: raise message= (now "
                       "%llu) on this side",
                       (long long)size, (unsigned long long)queue->message_limit);
    queue->size = (size_t)size;
    queue->kind = priority;
    queue->is_received = true;
    queue->are_large = queue->size >= queue->message_size / 2;
    return 0;
}

static int hand_out(struct queue *queue, wherry_message **out)
{
    wherry_message *block = queue->block;
    if (!block || !queue->are_large) {
        int r = message_store_take(queue->store, WHERRY_IN, queue->size, out);
        if (r < 0)
            return r;
        if (queue->size > 0)
            memcpy((*out)->data, block ? block->data : queue->room, queue->size);
        wherry_message_free(block);
    } else {
        block->size = queue->size;
        *out = block;
    }
    queue->block = NULL;
    queue->is_received = false;
    (*out)->kind = queue->kind;
    return 1;
}

static int queue_recv(void *state, wherry_message **out)
{
    struct queue *queue = state;
    int r = queue->is_received ? 0 : receive(queue);
    return r < 0 ? r : hand_out(queue, out);
}

static int queue_wait(void *state, enum wherry_direction direction,
                      struct wherry_wait waits[WHERRY_WAITS])
{
    const struct queue *queue = state;
    waits[0] = (struct wherry_wait){
        .fd = queue->fd, .events = direction == WHERRY_IN ? os_wait_in : os_wait_out};
    return 1;
}

// A message is never held in part, so nothing borrowed ever stays here.
static int queue_keep(void *state)
{
    (void)state;
    return 0;
}

static int queue_ready(void *state)
{
    const struct queue *queue = state;
    return queue->is_received;
}

static void forget_place(struct queue *queue)
{
    wherry_message_free(queue->block);
    os_room_free(queue->room, queue->message_size);
    queue->block = NULL;
    queue->room = NULL;
}

static void queue_rest(void *state)
{
    struct queue *queue = state;
    if (queue->is_received)
        return;
    forget_place(queue);
    queue->are_large = false;
}

static void queue_describe(void *state, struct wherry_channel_info *info)
{
    const struct queue *queue = state;
    struct os_mq_state now;
    info->memory += sizeof(*queue);
    if (os_mq_look(queue->fd, &now) < 0)
        return;
    info->unread_bytes += now.bytes > 0 ? (uint64_t)now.bytes : 0;
    info->waiting_messages = (uint64_t)now.messages;
    info->waiting_most = (uint64_t)now.messages_most;
}

static void queue_close(void *state)
{
    struct queue *queue = state;
    forget_place(queue);
    os_close(queue->fd);
    free(queue);
}

static const struct wherry_transport queue_moves = {
    .send = queue_send,
    .recv = queue_recv,
    .wait = queue_wait,
    .keep = queue_keep,
    .ready = queue_ready,
    .rest = queue_rest,
    .describe = queue_describe,
    .close = queue_close,
};

/* --- opening ------------------------------------------------------------- */

// What the system says, with the numbers that it goes by.
static int explain(int error)
{
    struct os_mq_limits limits;
    os_mq_limits(&limits);
    if (error == -EEXIST)
        return failure(error, "the queue is there already: leave out create=exclusive, "
                              "or remove it first (wherry remove)");
    if (error == -EINVAL)
        return failure(error,
                       "maxmsg= or msgsize= is more than the system allows this user: "
                       "fs.mqueue.msg_max is %lld, fs.mqueue.msgsize_max %lld",
                       (long long)limits.messages, (long long)limits.message_size);
    if (error == -EMFILE)
        return failure(
            error,
            "this process has as many descriptors open as it may (ulimit "
            "-n), or this user's queues take as many bytes as they may "
            "(ulimit -q, now %lld): remove some, or choose a smaller maxmsg= "
            "or msgsize=",
            (long long)limits.user_bytes);
    if (error == -ENOSPC)
        return failure(error,
                       "there are as many queues as the system allows "
                       "(fs.mqueue.queues_max, now %lld): remove some",
                       (long long)limits.queues);
    return error;
}

// A queue that is there keeps its room, whatever the address asks for.
static int check_room(const struct os_mq_plan *plan, const struct os_mq_state *there)
{
    bool fits = (plan->messages == 0 || plan->messages == there->messages_most) &&
                (plan->message_size == 0 || plan->message_size == there->message_size);
    return fits ? 0
                : failure(-EEXIST,
                          "the queue is there with maxmsg=%lld and msgsize=%lld: leave "
                          "them out, or remove it first (wherry remove)",
                          (long long)there->messages_most,
                          (long long)there->message_size);
}

static int open_queue(const struct address *address, bool writes,
                      struct os_descriptor *out)
{
    struct os_mq_plan plan = {.name = address_rest(address),
                              .create =
                                  (enum os_create)address_number(address, "create"),
                              .writes = writes,
                              .messages = address_number(address, "maxmsg"),
                              .message_size = address_number(address, "msgsize")};
    struct os_mq_state there;
    int r = endpoint_mode(address, &plan.mode);
    if (r >= 0)
        r = os_mq_open(&plan, out);
    if (r < 0)
        return endpoint_refuse(address, explain(r), complaints);
    r = os_mq_look(out->fd, &there);
    if (r >= 0)
        r = check_room(&plan, &there);
    if (r < 0) {
        os_release(out);
        return endpoint_refuse(address, r, complaints);
    }
    return 0;
}

static int fill(struct queue *queue, const struct address *address)
{
    struct os_mq_state there;
    int r = os_mq_look(queue->fd, &there);
    if (r < 0)
        return failure_plain(r, "looking at the queue");
    queue->message_size = (size_t)there.message_size;
    queue->message_limit = (uint64_t)address_number(address, "message");
    return message_store_new(&queue->store);
}

// The descriptor is taken, also on failure.
static int queue_new(const struct address *address, struct os_descriptor descriptor,
                     bool writes, struct endpoint *out)
{
    struct queue *queue = calloc(1, sizeof(*queue));
    if (!queue) {
        os_release(&descriptor);
        return failure_plain(-ENOMEM, "no memory for a channel");
    }
    queue->fd = descriptor.fd;
    int r = fill(queue, address);
    if (r < 0) {
        queue_close(queue);
        return r;
    }
    out->moves = &queue_moves;
    out->state = queue;
    out->store = queue->store;
    out->abilities = (writes ? WHERRY_ABLE_SEND : WHERRY_ABLE_RECV) |
                     WHERRY_ABLE_MESSAGES | WHERRY_ABLE_KINDS | WHERRY_ABLE_PRIORITY |
                     WHERRY_ABLE_DESCRIPTOR | WHERRY_ABLE_OUTLIVES;
    out->message_limit = queue->message_size;
    out->kind_limit = PRIORITY_MOST;
    out->framing = "";
    *message_store_peer(out->store) = out->peer;
    return 0;
}

static int mq_dial(const struct address *address, wherry_deadline deadline,
                   struct endpoint *out)
{
    struct os_descriptor descriptor;
    (void)deadline; // it never waits
    int r = open_queue(address, true, &descriptor);
    if (r < 0)
        return r;
    endpoint_show(out, address_text(address));
    return queue_new(address, descriptor, true, out);
}

static int give_reader(const struct harbour *harbour, struct os_descriptor descriptor,
                       struct endpoint *out)
{
    return queue_new(harbour->address, descriptor, false, out);
}

static int mq_listen(const struct address *address, void **state, char *shown)
{
    struct harbour *harbour;
    int r = harbour_new(address, &harbour);
    if (r < 0)
        return r;
    r = open_queue(address, false, &harbour->descriptor);
    if (r < 0) {
        harbour_close(harbour);
        return r;
    }
    harbour->give = give_reader;
    harbour_show(harbour, false, shown);
    *state = harbour;
    return 0;
}

static int mq_remove(const struct address *address)
{
    return os_mq_remove(address_rest(address));
}

const struct transport transport_mq = {
    .mechanism = {.scheme = "mq",
                  .usage = "mq:/NAME",
                  .mechanism = "POSIX queue, mq_overview(7)",
                  .summary =
                      "Messages by priority between any programs of one machine, "
                      "kept while nobody runs.",
                  .example = "mq:/wherry-example",
                  .abilities = WHERRY_ABLE_DIAL | WHERRY_ABLE_LISTEN |
                               WHERRY_ABLE_SEND | WHERRY_ABLE_RECV |
                               WHERRY_ABLE_MESSAGES | WHERRY_ABLE_KINDS |
                               WHERRY_ABLE_PRIORITY | WHERRY_ABLE_OUTLIVES |
                               WHERRY_ABLE_STRANGERS | WHERRY_ABLE_MANY_WRITERS |
                               WHERRY_ABLE_MANY_READERS | WHERRY_ABLE_DESCRIPTOR,
                  .limit = "msgsize= of the queue (8,192 bytes unless "
                           "fs.mqueue.msgsize_default says otherwise)"},
    .options = options,
    .check = mq_check,
    .dial = mq_dial,
    .listen = mq_listen,
    .accept = harbour_accept,
    .accept_wait = harbour_wait,
    .unlisten = harbour_close,
    .remove = mq_remove,
};
