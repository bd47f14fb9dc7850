/* SPDX-License-Identifier: MIT */
/*
 * queue:NAME - a message queue of our own, in memory that processes of one user share.
 *
 * Dialling gives an end that puts messages into the queue, listening and accepting one
 * that takes them out; any number of both may have it open, each message is taken once,
 * in the order of arrival or by its kind.  Whoever dies, wherever, takes nobody else's
 * message along and holds nobody up.  The queue and what is in it stay when everybody
 * has gone, until wherry_remove.  NAME.queue in the user's directory is its memory.
 */
#include "transport/shared_queue.h"

#include <errno.h>
#include <stdlib.h>

#include "base/base.h"
#include "transport/named.h"

static const struct wherry_option *const options[] = {shared_queue_options,
                                                      channel_options, NULL};

static const struct named sort = {.noun = "queue", .ending = ".queue"};

static int queue_check(const struct address *address)
{
    return address_rest_size(address) == 0 ? failure(-EINVAL, "has no name: queue:NAME")
                                           : named_check(address, &sort);
}

/* --- opening ------------------------------------------------------------- */

// And what a handle needs of the region, before others see it.
static int fill(wherry_region *region, const void *address)
{
    struct shared_queue_numbers numbers;
    struct region_life life;
    shared_queue_numbers(address, &numbers);
    int r = shared_queue_make(region->data, &numbers);
    return r < 0 ? r : region_live(region, &life);
}

// The handle comes first: when it is refused no queue was made for it.
static int open_in(int directory, const struct address *address,
                   struct named_plan *plan, struct shared_queue **out)
{
    struct shared_queue_numbers numbers;
    wherry_region *region = NULL;
    int own = os_duplicate(directory);
    if (own < 0)
        return failure_plain(own, "the directory of named objects");
    shared_queue_numbers(address, &numbers);
    plan->directory = directory;
    plan->size = shared_queue_size(&numbers);
    plan->fill = fill;
    int r = named_map(address, &sort, plan, &region);
    if (r >= 0 && (r = shared_queue_attach(*out, region, own)) < 0)
        wherry_region_close(region);
    if (r < 0)
        os_close(own);
    return r < 0 ? r : shared_queue_check_numbers(address, *out);
}

static int open_queue(const struct address *address, enum shared_queue_side side,
                      enum os_create create, struct shared_queue **out)
{
    struct named_plan plan = {.create = create};
    struct shared_queue *queue = NULL;
    int directory = os_directory();
    int r = directory < 0 ? directory : shared_queue_new(side, &queue);
    if (r >= 0)
        r = open_in(directory, address, &plan, &queue);
    os_close(directory);
    if (r < 0 && queue) {
        struct failure_aside why;
        failure_put_aside(&why);
        shared_queue_close(queue);
        failure_bring_back(&why);
    }
    if (r < 0)
        return named_refuse(address, r);
    *out = queue;
    return 0;
}

static int queue_dial(const struct address *address, wherry_deadline deadline,
                      struct endpoint *out)
{
    struct shared_queue *queue = NULL;
    (void)deadline; // it never waits
    int r = open_queue(address, QUEUE_WRITERS, object_create(address), &queue);
    if (r < 0)
        return r;
    endpoint_show(out, address_text(address));
    r = shared_queue_endpoint(address, queue, true, out);
    if (r < 0)
        shared_queue_close(queue);
    return r;
}

/* --- listening ----------------------------------------------------------- */

static void leave(struct harbour *harbour)
{
    if (harbour->own)
        shared_queue_close(harbour->own);
}

static int give_reader(const struct harbour *harbour, struct os_descriptor none,
                       struct endpoint *out)
{
    (void)none;
    return shared_queue_endpoint(harbour->address, harbour->own, false, out);
}

static int open_reader(struct harbour *harbour, const void *with)
{
    struct shared_queue *queue = NULL;
    (void)with;
    int r = open_queue(harbour->address, QUEUE_READERS, object_create(harbour->address),
                       &queue);
    if (r < 0)
        return r;
    harbour->own = queue;
    harbour->give = give_reader;
    harbour->leave = leave;
    return 0;
}

static int queue_listen(const struct address *address, void **state, char *shown)
{
    static const struct harbour_plan plan = {open_reader, NULL, NULL};
    return harbour_listen(address, &plan, state, shown);
}

static int queue_accept(void *state, struct endpoint *out)
{
    struct harbour *harbour = state;
    int r = harbour_accept(state, out);
    if (r >= 0)
        harbour->own = NULL; // the endpoint has it
    return r;
}

/* --- removing ------------------------------------------------------------ */

// What the dead left there goes, too: their doorbells.
static void sweep(const struct address *address)
{
    struct shared_queue *queue = NULL;
    if (open_queue(address, QUEUE_READERS, OS_CREATE_NO, &queue) < 0)
        return; // it is something else, and goes all the same
    shared_queue_sweep(queue);
    shared_queue_close(queue);
}

static int queue_remove(const struct address *address)
{
    int directory = os_directory();
    if (directory < 0)
        return directory;
    sweep(address);
    int r = named_remove(directory, address, &sort);
    os_close(directory);
    return r;
}

const struct transport transport_queue = {
    .mechanism = {.scheme = "queue",
                  .usage = "queue:NAME",
                  .mechanism = "a queue in shared memory",
                  .summary =
                      "Messages from many writers to many readers of one user, picked "
                      "by kind, kept while nobody runs.",
                  .example = "queue:jobs?maxsize=100",
                  .abilities = WHERRY_ABLE_DIAL | WHERRY_ABLE_LISTEN |
                               WHERRY_ABLE_SEND | WHERRY_ABLE_RECV |
                               WHERRY_ABLE_MESSAGES | WHERRY_ABLE_KINDS |
                               WHERRY_ABLE_PICK | WHERRY_ABLE_OUTLIVES |
                               WHERRY_ABLE_STRANGERS | WHERRY_ABLE_MANY_WRITERS |
                               WHERRY_ABLE_MANY_READERS | WHERRY_ABLE_DESCRIPTOR,
                  .traits = WHERRY_TRAIT_USER,
                  .limit = "bytes= of the queue (1 MiB unless it says otherwise)",
                  .largest = 1 << 20,
                  .systems = "Linux"},
    .options = options,
    .check = queue_check,
    .dial = queue_dial,
    .listen = queue_listen,
    .accept = queue_accept,
    .accept_wait = harbour_wait,
    .unlisten = harbour_close,
    .remove = queue_remove,
};
