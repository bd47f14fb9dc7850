/* SPDX-License-Identifier: MIT */
/*
 * Streams: messages over anything that carries bytes (pipes, FIFOs, terminals, stream
 * sockets), cut by a framing.
 *
 * This file makes, describes and ends them; stream_in.c receives, stream_out.c sends.
 */
#include "transport/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

static int stream_wait(void *state, enum wherry_direction direction,
                       struct wherry_wait waits[WHERRY_WAITS])
{
    struct stream *stream = state;
    bool in = direction == WHERRY_IN;
    int fd = in ? stream->in.descriptor.fd : stream->out.descriptor.fd;
    if (fd < 0)
        return -EPERM;
    waits[0] = (struct wherry_wait){.fd = fd, .events = os_wait_out};
    if (in)
        waits[0].events = os_wait_in;
    if (in && stream->life.end)
        waits[0].fd = stream->life.watch;
    return 1;
}

static bool is_socket(const struct os_descriptor *descriptor)
{
    return descriptor->kind == OS_KIND_STREAM;
}

static int stream_finish(void *state)
{
    struct stream *stream = state;
    struct os_descriptor *out = &stream->out.descriptor;
    if (is_socket(out)) {
        int r = os_shut_down(out->fd);
        return r == -ENOTCONN ? -ECONNRESET : r; // the peer has reset it
    }
    // A descriptor lent to us (stdio:) is its owner's to close.
    if (!out->owned)
        return failure(-ENOTSUP,
                       "the writing end belongs to the program and stays open");
    os_release(out);
    return 0;
}

static int64_t stream_rest(void *state)
{
    struct stream *stream = state;
    struct stream_in *in = &stream->in;
    struct stream_out *out = &stream->out;
    ahead_rest(&in->ahead);
    gathered_rest(&out->gathered, stream->cutter.store);
    return 0;
}

static void add_count(uint64_t *sum, int64_t count)
{
    *sum += count > 0 ? (uint64_t)count : 0;
}

static void describe_out(const struct stream_out *out, struct wherry_channel_info *info)
{
    gathered_describe(&out->gathered, info);
    if (out->rest) {
        info->queued_messages++;
        info->queued_bytes +=
            record_size(&out->rest_edges, out->rest) - out->rest_offset;
        info->queued_age = wherry_now() - out->rest_since; // it is the oldest
    }
    if (is_socket(&out->descriptor))
        add_count(&info->unsent_bytes, os_unsent(out->descriptor.fd));
    else if (out->descriptor.fd >= 0)
        add_count(&info->unsent_bytes, os_unread(out->descriptor.fd));
}

static void stream_describe(void *state, struct wherry_channel_info *info)
{
    struct stream *stream = state;
    const struct os_descriptor *in = &stream->in.descriptor;
    info->memory += sizeof(*stream) + stream->in.files.capacity * sizeof(int);
    describe_out(&stream->out, info);
    if (in->fd >= 0)
        add_count(&info->unread_bytes, os_unread(in->fd));
}

static wherry_native stream_far_end(void *state, int *writes)
{
    struct stream *stream = state;
    const struct os_descriptor *in = &stream->in.descriptor;
    *writes = in->fd >= 0;
    return in->fd >= 0 ? in->fd : stream->out.descriptor.fd;
}

static void stream_close(void *state)
{
    struct stream *stream = state;
    wherry_message_free(stream->in.ahead.block);
    wherry_message_free(stream->in.partial);
    wherry_message_free(stream->out.rest);
    open_files_close(&stream->in.files);
    gathered_close(&stream->out.gathered);
    if (stream->path)
        os_remove(stream->path, &stream->made);
    free(stream->path);
    if (!stream->one_descriptor)
        os_release(&stream->out.descriptor);
    os_release(&stream->in.descriptor);
    if (stream->life.leave)
        stream->life.leave(stream->life.own);
    free(stream);
}

static const struct wherry_transport stream_moves = {
    .send = stream_send,
    .recv = stream_recv,
    .gather = stream_gather,
    .recv_ahead = stream_recv_ahead,
    .flush = stream_flush,
    .wait = stream_wait,
    .keep = stream_keep,
    .finish = stream_finish,
    .ready = stream_ready,
    .rest = stream_rest,
    .far_end = stream_far_end,
    .describe = stream_describe,
    .close = stream_close,
};

/* --- making one ---------------------------------------------------------- */

static void plan_directions(struct stream *stream, const struct stream_plan *plan)
{
    stream->in.descriptor = plan->in;
    stream->out.descriptor = plan->out;
    stream->one_descriptor = plan->in.fd >= 0 && plan->in.fd == plan->out.fd;
}

static unsigned abilities_of(const struct stream *stream,
                             const struct stream_plan *plan)
{
    const unsigned of_framing = WHERRY_ABLE_KINDS | WHERRY_ABLE_FILES;
    unsigned abilities = plan->abilities;
    abilities &= ~of_framing | stream->cutter.framing->info.abilities;
    bool no_unix_in = plan->in.fd >= 0 && !plan->in.is_unix;
    bool no_unix_out = plan->out.fd >= 0 && !plan->out.is_unix;
    if (no_unix_in || no_unix_out)
        abilities &= ~(unsigned)(WHERRY_ABLE_FILES | WHERRY_ABLE_SENDER);
    bool duplex = plan->in.fd >= 0 && plan->out.fd >= 0;
    if (!duplex)
        abilities &= ~(unsigned)(WHERRY_ABLE_DUPLEX | WHERRY_ABLE_DRAIN);
    if (!stream->cutter.framing->has_words || !plan->words)
        abilities &= ~(unsigned)(WHERRY_ABLE_DRAIN | WHERRY_ABLE_SENDER);
    if (plan->in.fd < 0)
        abilities &= ~(unsigned)WHERRY_ABLE_RECV;
    if (plan->out.fd < 0)
        abilities &= ~(unsigned)WHERRY_ABLE_SEND;
    return abilities;
}

static void release_plan(const struct stream_plan *plan)
{
    struct os_descriptor in = plan->in;
    struct os_descriptor out = plan->out;
    if (out.fd != in.fd)
        os_release(&out);
    os_release(&in);
}

int stream_new(const struct stream_plan *plan, struct endpoint *out)
{
    struct stream *stream = calloc(1, sizeof(*stream));
    struct message_store *store = NULL;
    int r = stream ? message_store_new(&store)
                   : failure_plain(-ENOMEM, "no memory for a channel");
    if (r >= 0 && plan->path && !(stream->path = strdup(plan->path))) {
        message_store_leave(store);
        r = failure_plain(-ENOMEM, "no memory for a channel");
    }
    if (r < 0) {
        free(stream);
        release_plan(plan);
        return r;
    }
    stream->made = plan->made;
    stream->life = plan->life;
    stream->cutter = (struct cutter){
        .framing = framing_find(
            plan->framing ? plan->framing : address_string(plan->address, "framing")),
        .store = store,
        .message_limit = (uint64_t)address_number(plan->address, "message"),
    };
    stream->file_limit = (uint32_t)address_number(plan->address, "files");
    plan_directions(stream, plan);
    out->moves = &stream_moves;
    out->nonblocking = (plan->in.fd < 0 || plan->in.nonblocking) &&
                       (plan->out.fd < 0 || plan->out.nonblocking);
    out->state = stream;
    out->store = store;
    out->abilities = abilities_of(stream, plan);
    out->message_limit = plan->message_limit;
    out->framing = stream->cutter.framing->info.name;
    out->words = plan->words && stream->cutter.framing->has_words;
    // Also where none are sent: a peer that does not know yet is not to lose step.
    unsigned of_framing = stream->cutter.framing->info.abilities;
    stream->in.receives_files =
        plan->in.is_unix && ((of_framing & WHERRY_ABLE_FILES) != 0 || out->words);
    *message_store_peer(store) = out->peer;
    return 0;
}
