/* SPDX-License-Identifier: MIT */
/*
 * sysv:KEY - System V message queues, sysvipc(7).
 *
 * Dialling gives an end that puts messages into the queue, listening and accepting one
 * that takes them out; any number of both may have it, each message is taken once.  A
 * message's kind is its type, and the kernel picks by it.  Nothing but the message's
 * bytes is written, so any program's msgsnd(2) and msgrcv(2) can be at the other end.
 * The queue and what is in it stay when everybody has gone, until wherry_remove; a
 * private one goes when the last process that has its reading end closes it (one that
 * is killed leaves it: ipcrm).
 *
 * A wait without end is msgrcv(2) itself, which a signal handler's wherry_cancel ends;
 * what memory a busy channel has it keeps there, for nobody tells it that time passes.
 * The kernel has no other wait that can be ended: with a deadline, to send, and in a
 * process with threads (another thread's wherry_cancel could not reach that call) it is
 * tried again after 50 microseconds, then twice as many, up to 5 milliseconds.
 */
#include "transport/sysv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

static const char sysv_of[] = "a queue that is there (ipcs -q)";

static const struct wherry_option own_options[] = {
    {.name = "qbytes",
     .type = WHERRY_OPTION_SIZE,
     .standard = "0",
     .least = 0,
     .most = INT64_C(1) << 30,
     .help = "How many bytes the queue holds, for its owner to set; 0 leaves it as it "
             "is, at first kernel.msgmnb, which is the bound for users."},
    {.name = "truncate",
     .type = WHERRY_OPTION_CHOICE,
     .standard = "fail",
     .choices = "fail|cut",
     .help =
         "What becomes of a message that is larger than the receiver's message=: it "
         "stays in the queue, or its end is lost."},
    {.name = NULL},
};

static const struct wherry_option *const options[] = {own_options, object_options,
                                                      channel_options, NULL};

static const struct complaint complaints[] = {
    {ENOENT, NULL},
    {EEXIST, "the queue is there already: leave out create=exclusive, or remove it "
             "first (wherry remove)"},
    {EACCES, "this user may not open it: see who owns it, and its mode="},
    {EPERM, NULL},
    {ENOSPC, NULL},
    {EIDRM, "the queue was removed"},
    {EINVAL, NULL},
    {ENOSYS, "this kernel has no System V message queues"},
    {0, NULL},
};

static int sysv_check(const struct address *address)
{
    struct key key;
    uint32_t mode;
    int r = key_read(address, sysv_of, &key);
    return r < 0 ? r : endpoint_mode(address, &mode);
}

/* --- opening ------------------------------------------------------------- */

static int set_room(const struct address *address, int id)
{
    int64_t bytes = address_number(address, "qbytes");
    struct os_msg_limits limits = {0};
    int r = bytes > 0 ? os_msg_resize(id, bytes) : 0;
    (void)os_msg_limits(&limits);
    return r != -EPERM ? r
                       : failure(r,
                                 "qbytes= is for the queue's owner to set, and at most "
                                 "%lld for users (kernel.msgmnb)",
                                 (long long)limits.queue_bytes);
}

// The identifier of the queue; the sentence is set.
static int open_queue(const struct address *address, const struct key *key, bool writes)
{
    bool is_made = false;
    int id = sysv_open(address, key, writes, &is_made);
    int r = id < 0 ? id : set_room(address, id);
    if (r < 0 && is_made && id >= 0)
        (void)os_msg_remove(id);
    return r < 0 ? endpoint_refuse(address, r, complaints) : id;
}

static int sysv_dial(const struct address *address, wherry_deadline deadline,
                     struct endpoint *out)
{
    struct key key;
    (void)deadline; // it never waits
    int r = key_read(address, sysv_of, &key);
    if (r >= 0 && key.sort == KEY_PRIVATE)
        r = failure(-EINVAL,
                    "%s: a private queue is a new one each time: listen, and "
                    "dial the address that the listener shows",
                    address_text(address));
    if (r >= 0)
        r = open_queue(address, &key, true);
    if (r < 0)
        return r;
    endpoint_show(out, address_text(address));
    return sysv_end(address, r, true, out);
}

/* --- listening ----------------------------------------------------------- */

// What a harbour has of a queue.
struct sysv_place {
    int id;                   // -1: it is not open
    struct queue_owner owner; // of a private one
};

static void leave_place(struct harbour *harbour)
{
    struct sysv_place *place = harbour->own;
    bool is_last = queue_disown(&place->owner);
    if (is_last && place->id >= 0)
        (void)os_msg_remove(place->id);
    free(place);
}

static int give_reader(const struct harbour *harbour, struct os_descriptor none,
                       struct endpoint *out)
{
    struct sysv_place *place = harbour->own;
    (void)none;
    int r = sysv_end(harbour->address, place->id, false, out);
    if (r < 0)
        return r;
    ((struct queue *)out->state)->owner = place->owner;
    place->owner = QUEUE_OWNER_NONE;
    return 0;
}

static int open_reader(struct harbour *harbour, const void *with)
{
    struct key key;
    struct sysv_place *place = malloc(sizeof(*place));
    (void)with;
    if (!place)
        return endpoint_refuse(harbour->address, -ENOMEM, NULL);
    *place = (struct sysv_place){.id = -1, .owner = QUEUE_OWNER_NONE};
    harbour->own = place;
    harbour->give = give_reader;
    harbour->leave = leave_place;
    int r = key_read(harbour->address, sysv_of, &key);
    bool is_private = r >= 0 && key.sort == KEY_PRIVATE;
    if (is_private && (r = queue_own(&place->owner)) < 0)
        return endpoint_refuse(harbour->address, r, NULL);
    if (r >= 0)
        r = place->id = open_queue(harbour->address, &key, false);
    if (r >= 0 && is_private)
        snprintf(harbour->shown, sizeof(harbour->shown), "sysv:#%d", r);
    return r;
}

static int sysv_listen(const struct address *address, void **state, char *shown)
{
    static const struct harbour_plan plan = {open_reader, NULL, NULL};
    return harbour_listen(address, &plan, state, shown);
}

static int sysv_remove(const struct address *address)
{
    struct key key;
    int r = key_read(address, sysv_of, &key);
    if (r >= 0)
        r = key_find(&key, os_msg_find);
    if (r >= 0)
        r = os_msg_remove(r);
    return r == -EIDRM ? -ENOENT : r;
}

const struct transport transport_sysv = {
    .mechanism =
        {.scheme = "sysv",
         .usage = "sysv:KEY",
         .mechanism = "System V queue, msgop(2)",
         .summary = "Messages picked by their kind between any programs of one "
                    "machine, kept while nobody runs.",
         .example = "sysv:0x57455252",
         .abilities = WHERRY_ABLE_DIAL | WHERRY_ABLE_LISTEN | WHERRY_ABLE_SEND |
                      WHERRY_ABLE_RECV | WHERRY_ABLE_MESSAGES | WHERRY_ABLE_KINDS |
                      WHERRY_ABLE_PICK | WHERRY_ABLE_OUTLIVES | WHERRY_ABLE_STRANGERS |
                      WHERRY_ABLE_MANY_WRITERS | WHERRY_ABLE_MANY_READERS,
         .traits = WHERRY_TRAIT_CONTAINERS,
         .limit = "kernel.msgmax bytes (8,192 unless the system says otherwise)",
         .largest = 8192,
         .systems = "POSIX (XSI)"},
    .options = options,
    .check = sysv_check,
    .dial = sysv_dial,
    .listen = sysv_listen,
    .accept = harbour_accept,
    .accept_wait = harbour_wait,
    .unlisten = harbour_close,
    .remove = sysv_remove,
};
