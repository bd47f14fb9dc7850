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
#include "transport/mq.h"

#include <errno.h>
#include <string.h>

#include "base/base.h"

enum {
    MESSAGES_MOST = 65536,   // mq_overview(7), HARD_MSGMAX
    SIZE_HARD_MOST = 1 << 24 // HARD_MSGSIZEMAX
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
    uint32_t mode;
    int r = endpoint_name(address, "queue");
    return r < 0 ? r : endpoint_mode(address, &mode);
}

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
                              .create = object_create(address),
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

static int mq_dial(const struct address *address, wherry_deadline deadline,
                   struct endpoint *out)
{
    struct os_descriptor descriptor = OS_DESCRIPTOR_NONE;
    (void)deadline; // it never waits
    int r = open_queue(address, true, &descriptor);
    if (r < 0)
        return r;
    endpoint_show(out, address_text(address));
    return mq_end(address, descriptor, true, out);
}

static int give_reader(const struct harbour *harbour, struct os_descriptor descriptor,
                       struct endpoint *out)
{
    return mq_end(harbour->address, descriptor, false, out);
}

static int open_reader(struct harbour *harbour, const void *with)
{
    (void)with;
    harbour->give = give_reader;
    return open_queue(harbour->address, false, &harbour->descriptor);
}

static int mq_listen(const struct address *address, void **state, char *shown)
{
    static const struct harbour_plan plan = {open_reader, NULL, NULL};
    return harbour_listen(address, &plan, state, shown);
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
                  .traits = WHERRY_TRAIT_CONTAINERS,
                  .limit = "msgsize= of the queue (8,192 bytes unless "
                           "fs.mqueue.msgsize_default says otherwise)",
                  .largest = 8192,
                  .systems = "POSIX, not macOS"},
    .options = options,
    .check = mq_check,
    .dial = mq_dial,
    .listen = mq_listen,
    .accept = harbour_accept,
    .accept_wait = harbour_wait,
    .unlisten = harbour_close,
    .remove = mq_remove,
};
