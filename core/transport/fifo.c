/* SPDX-License-Identifier: MIT */
/*
 * fifo:PATH - fifo(7), a pipe with a name.
 *
 * Listening makes the FIFO and opens its reading end; accept gives that end once, at
 * once, and its recv waits for the first writer.  Dialling gives a writing end, and
 * waits for a reader.  The kernel has no event for "a reader came", so dial looks again
 * at growing intervals.  Whoever made the FIFO removes it: a dialler with its channel,
 * a listener with its channel too, for as long as somebody reads, writers shall find
 * it.
 *
 * Nothing but messages is ever written, no words of Wherry's own: many writers may
 * share the path, and anybody's `echo` and `cat` can be at the other end.
 */
#include "transport/transport.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

enum {
    ATOMIC_BYTES = 4096,   // PIPE_BUF of Linux, pipe(7)
    LOOK_FIRST = 50000,    // nanoseconds
    LOOK_SELDOM = 5000000, // nanoseconds
};

static const struct wherry_option own_options[] = {
    {.name = "keep",
     .type = WHERRY_OPTION_FLAG,
     .standard = "no",
     .help = "The reader waits for the next writer when the last one has left, instead "
             "of coming to an end."},
    {.name = "writers",
     .type = WHERRY_OPTION_CHOICE,
     .standard = "many",
     .choices = "many|one",
     .help = "With many, a message is at most PIPE_BUF (4096) bytes with its framing, "
             "so that those of several writers never mix; one has no such limit."},
    {.name = NULL},
};

static const struct wherry_option *const options[] = {
    own_options,          object_options,  pipe_options,
    line_framing_options, channel_options, NULL};

static const struct complaint complaints[] = {
    {ENOENT,
     "there is no FIFO at that path, or no directory for it: make the directory, "
     "or leave out create=no"},
    {EEXIST, NULL},
    {ENOTSUP, NULL},
    {EACCES, "this user may not open or make it: see its mode, and the directory's"},
    {EPERM, "the system does not give a FIFO that large buffer= (fs.pipe-max-size, "
            "fs.pipe-user-pages-soft): choose a smaller one"},
    {EAGAIN, "nobody reads there yet: give a deadline to wait for the reader"},
    {ETIMEDOUT, "nobody opened it for reading before the deadline"},
    {ENAMETOOLONG, "the path is longer than the file system takes"},
    {0, NULL},
};

static int fifo_check(const struct address *address)
{
    uint32_t mode;
    if (address_rest_size(address) == 0)
        return failure(-EINVAL, "a FIFO needs a path: fifo:PATH");
    if (strlen(address_rest(address)) != address_rest_size(address))
        return failure(-EINVAL, "a path has no byte of value 0");
    return endpoint_mode(address, &mode);
}

static int make_fifo(const struct address *address, bool *is_made, struct os_file *made)
{
    uint32_t mode;
    bool is_new = false;
    enum os_create create = object_create(address);
    if (create == OS_CREATE_NO)
        return 0;
    int r = endpoint_mode(address, &mode);
    if (r >= 0)
        r = os_make_fifo(address_rest(address), mode, &is_new, made);
    *is_made = *is_made || is_new;
    if (r >= 0 && create == OS_CREATE_EXCLUSIVE && !*is_made)
        return failure(-EEXIST, "the FIFO is there already: leave out "
                                "create=exclusive, or remove it first (wherry remove)");
    return r;
}

// Without being asked, one that is larger stays so, and a smaller one will do where the
// system gives no more.
static int fit_buffer(const struct address *address, const struct os_descriptor *end)
{
    size_t capacity = (size_t)address_number(address, "buffer");
    if (!address_given(address, "buffer")) {
        os_pipe_widen(end->fd, capacity);
        return 0;
    }
    int r = os_pipe_resize(end->fd, capacity);
    return r == -EBUSY ? 0 : r; // what waits in it needs more than that
}

/* --- the reading end ----------------------------------------------------- */

static int give_reader(const struct harbour *harbour, struct os_descriptor reading,
                       struct endpoint *out)
{
    return stream_new(
        &(struct stream_plan){.address = harbour->address,
                              .in = reading,
                              .out = OS_DESCRIPTOR_NONE,
                              .abilities = WHERRY_ABLE_RECV | WHERRY_ABLE_KINDS |
                                           WHERRY_ABLE_FRAMING | WHERRY_ABLE_DESCRIPTOR,
                              .made = harbour->made,
                              .path = harbour->path},
        out);
}

static int open_reading_end(struct harbour *harbour, const void *with)
{
    (void)with;
    const struct address *address = harbour->address;
    const char *path = address_rest(address);
    bool keep = address_number(address, "keep");
    bool is_made = false;
    harbour->give = give_reader;
    // Known before it is made, so that it can be removed whatever fails.
    harbour->path = os_path_absolute(path);
    if (!harbour->path)
        return -ENOMEM;
    int r = make_fifo(address, &is_made, &harbour->made);
    if (!is_made) {
        free(harbour->path);
        harbour->path = NULL;
    }
    if (r >= 0)
        r = os_open_fifo(path, keep ? OS_FIFO_KEEP : OS_FIFO_READ,
                         &harbour->descriptor);
    return r < 0 ? r : fit_buffer(address, &harbour->descriptor);
}

static int fifo_listen(const struct address *address, void **state, char *shown)
{
    static const struct harbour_plan plan = {open_reading_end, NULL, complaints};
    return harbour_listen(address, &plan, state, shown);
}

/* --- the writing end ----------------------------------------------------- */

static int wait_for_reader(const struct address *address, wherry_deadline deadline,
                           struct os_descriptor *out, bool *is_made,
                           struct os_file *made)
{
    for (int64_t pause = LOOK_FIRST;; pause *= 2) {
        // Each time: whoever made it may have removed it meanwhile.
        int r = make_fifo(address, is_made, made);
        if (r < 0)
            return r;
        r = os_open_fifo(address_rest(address), OS_FIFO_WRITE, out);
        bool is_gone = r == -ENOENT && object_create(address) != OS_CREATE_NO;
        if (r != -ENXIO && !is_gone)
            return r;
        if (deadline == WHERRY_POLL)
            return -EAGAIN;
        wherry_deadline now = wherry_now();
        if (now >= deadline)
            return -ETIMEDOUT;
        if (pause > LOOK_SELDOM)
            pause = LOOK_SELDOM;
        (void)os_wait(NULL, 0, deadline_sooner(deadline, deadline_add(now, pause)));
    }
}

static int open_writer(const struct address *address, struct os_descriptor writing,
                       const char *path, const struct os_file *made,
                       struct endpoint *out)
{
    bool many = address_number(address, "writers") == 0;
    endpoint_show(out, address_text(address));
    return stream_new(
        &(struct stream_plan){
            .address = address,
            .in = OS_DESCRIPTOR_NONE,
            .out = writing,
            .abilities = WHERRY_ABLE_SEND | WHERRY_ABLE_KINDS | WHERRY_ABLE_FINISH |
                         WHERRY_ABLE_FRAMING | WHERRY_ABLE_DESCRIPTOR,
            .message_limit = many ? endpoint_payload(address, ATOMIC_BYTES) : 0,
            .made = *made,
            .path = path},
        out);
}

static int fifo_dial(const struct address *address, wherry_deadline deadline,
                     struct endpoint *out)
{
    struct os_descriptor writing = OS_DESCRIPTOR_NONE;
    struct os_file made = {0};
    bool is_made = false;
    char *path = os_path_absolute(address_rest(address));
    int r =
        path ? wait_for_reader(address, deadline, &writing, &is_made, &made) : -ENOMEM;
    if (r >= 0)
        r = fit_buffer(address, &writing);
    if (r < 0) {
        os_release(&writing);
        endpoint_refuse(address, r, complaints);
    } else {
        r = open_writer(address, writing, is_made ? path : NULL, &made, out);
    }
    if (r < 0 && is_made)
        os_remove(path, &made);
    free(path);
    return r;
}

static int fifo_remove(const struct address *address)
{
    return os_remove_fifo(address_rest(address));
}

const struct transport transport_fifo = {
    .mechanism = {.scheme = "fifo",
                  .usage = "fifo:PATH",
                  .mechanism = "fifo(7)",
                  .summary = "One way between any two programs that know a path, shell "
                             "commands among them.",
                  .example = "fifo:/tmp/wherry-example",
                  .abilities = WHERRY_ABLE_DIAL | WHERRY_ABLE_LISTEN |
                               WHERRY_ABLE_SEND | WHERRY_ABLE_RECV | WHERRY_ABLE_KINDS |
                               WHERRY_ABLE_FINISH | WHERRY_ABLE_STRANGERS |
                               WHERRY_ABLE_MANY_WRITERS | WHERRY_ABLE_FRAMING |
                               WHERRY_ABLE_DESCRIPTOR,
                  .traits = WHERRY_TRAIT_NAME_STAYS | WHERRY_TRAIT_SHELL |
                            WHERRY_TRAIT_CONTAINERS,
                  .framing = "line",
                  .limit = "4,096 bytes with the framing (PIPE_BUF, so that writers "
                           "never mix), or message= with writers=one",
                  .systems = "POSIX"},
    .options = options,
    .check = fifo_check,
    .dial = fifo_dial,
    .listen = fifo_listen,
    .accept = harbour_accept,
    .accept_wait = harbour_wait,
    .unlisten = harbour_close,
    .remove = fifo_remove,
};
