/* SPDX-License-Identifier: MIT */
/*
 * pipe: - pipe(2), between a process and those it forks.
 *
 * One pipe is one way: the reading end and the writing end are two channels, each of
 * which refuses the other direction.  A duplex pair is two pipes, crossed.
 */
#include "transport/transport.h"

#include <errno.h>

#include "base/base.h"

static const struct wherry_option own_options[] = {
    {.name = "duplex",
     .type = WHERRY_OPTION_FLAG,
     .standard = "no",
     .help = "Makes two pipes, one each way, so that both ends send and receive."},
    {.name = NULL},
};

static const struct wherry_option *const options[] = {
    own_options, pipe_options, wherry_framing_options, channel_options, NULL};

static const struct complaint complaints[] = {
    {EPERM, "the system does not give a pipe that large buffer= (fs.pipe-max-size, "
            "fs.pipe-user-pages-soft): choose a smaller one"},
    {0, NULL},
};

enum {
    ABILITIES = WHERRY_ABLE_PAIR | WHERRY_ABLE_SEND | WHERRY_ABLE_RECV |
                WHERRY_ABLE_DUPLEX | WHERRY_ABLE_KINDS | WHERRY_ABLE_FINISH |
                WHERRY_ABLE_DRAIN | WHERRY_ABLE_FRAMING | WHERRY_ABLE_DESCRIPTOR,
    MOVING = ABILITIES & ~WHERRY_ABLE_PAIR
};

static int pipe_check(const struct address *address)
{
    if (address_rest_size(address) > 0)
        return failure(-EINVAL, "a pipe has no name: write pipe: alone, or fifo:PATH");
    return 0;
}

static int open_pipe(const struct address *address, struct os_descriptor *reading,
                     struct os_descriptor *writing)
{
    bool exact = address_given(address, "buffer");
    size_t capacity = (size_t)address_number(address, "buffer");
    // Without being asked, a smaller one will do where the system gives no more.
    int r = os_pipe(exact ? 0 : capacity, reading, writing);
    if (r >= 0 && exact && (r = os_pipe_resize(writing->fd, capacity)) < 0) {
        os_release(reading);
        os_release(writing);
    }
    return r < 0 ? endpoint_refuse(address, r, complaints) : 0;
}

static int open_end(const struct address *address, struct os_descriptor in,
                    struct os_descriptor out, struct endpoint *end)
{
    unsigned abilities = out.fd < 0 ? MOVING & ~WHERRY_ABLE_FINISH : MOVING;
    endpoint_show(end, address_text(address));
    return stream_new(&(struct stream_plan){.address = address,
                                            .in = in,
                                            .out = out,
                                            .abilities = abilities,
                                            .words = true},
                      end);
}

static int pipe_pair(const struct address *address, struct endpoint out[2])
{
    struct os_descriptor none = OS_DESCRIPTOR_NONE;
    struct os_descriptor reading[2] = {none, none};
    struct os_descriptor writing[2] = {none, none};
    bool duplex = address_number(address, "duplex");
    int r = open_pipe(address, &reading[0], &writing[1]);
    if (r >= 0 && duplex)
        r = open_pipe(address, &reading[1], &writing[0]);
    if (r < 0)
        goto fail;
    r = open_end(address, reading[0], writing[0], &out[0]);
    reading[0] = writing[0] = none;
    if (r < 0)
        goto fail;
    r = open_end(address, reading[1], writing[1], &out[1]);
    if (r >= 0)
        return 0;
    endpoint_close(&out[0]);
    return r;

fail:
    for (int i = 0; i < 2; i++) {
        os_release(&reading[i]);
        os_release(&writing[i]);
    }
    return r;
}

const struct transport transport_pipe = {
    .mechanism = {.scheme = "pipe",
                  .usage = "pipe:",
                  .mechanism = "pipe(2)",
                  .summary = "One way between a process and its children, by fork(2).",
                  .example = "pipe:",
                  .abilities = ABILITIES,
                  .traits = WHERRY_TRAIT_SHELL,
                  .framing = "wherry",
                  .limit = "message= (the pipe carries any number of bytes)",
                  .systems = "POSIX"},
    .options = options,
    .check = pipe_check,
    .pair = pipe_pair,
};
