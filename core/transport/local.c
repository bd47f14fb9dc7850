/* SPDX-License-Identifier: MIT */
/*
 * local:NAME - between programs of one machine, through memory that they share: an end
 * of it from a socket on, until it is closed.  What it is stands in local.h.
 */
#include "transport/local.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "transport/topic.h"

/* --- making one ---------------------------------------------------------- */

static void local_describe(void *state, struct wherry_channel_info *info)
{
    struct local *local = state;
    const struct local_out *out = &local->out;
    const struct local_in *in = &local->in;
    local->carrier.moves->describe(local->carrier.state, info);
    info->memory += sizeof(*local);
    if (local_check_life(local) < 0)
        return;
    if (out->rest) {
        info->queued_messages++;
        info->queued_bytes += out->rest->size - out->offset;
        info->queued_age = wherry_now() - out->rest_since;
    }
    if (out->on_ring)
        info->unsent_bytes +=
            out->ring.published - WHERRY_LOAD(&out->ring.theirs->reader.head);
    if (in->on_ring)
        info->unread_bytes += ring_unread(&in->ring);
}

static wherry_native local_far_end(void *state, int *writes)
{
    struct local *local = state;
    return local->carrier.moves->far_end(local->carrier.state, writes);
}

static void local_close(void *state)
{
    struct local *local = state;
    local_say_farewell(local);
    wherry_message_free(local->out.rest);
    wherry_message_free(local->in.partial);
    local_forget_early(local);
    local_forget(local);
    os_close(local->out.room);
    os_close(local->in.room);
    local->carrier.moves->close(local->carrier.state);
    free(local);
}

static const struct wherry_transport local_moves = {
    .send = local_send,
    .recv = local_recv,
    .gather = local_gather,
    .put = local_put,
    .recv_ahead = local_recv_ahead,
    .read_ahead = local_read_ahead,
    .lend = local_lend,
    .flush = local_flush,
    .wait = local_wait,
    .spin = local_spin,
    .expects = local_expects,
    .keep = local_keep,
    .finish = local_finish,
    .ready = local_ready,
    .rest = local_rest,
    .far_end = local_far_end,
    .describe = local_describe,
    .close = local_close,
    .changes = local_changes,
};

static void wrap(struct local *local, const struct address *address,
                 struct endpoint *out)
{
    local->carrier.moves = out->moves;
    local->carrier.state = out->state;
    local->store = out->store;
    local->message_limit = (uint64_t)address_number(address, "message");
    local->ring_size = (uint64_t)address_number(address, "ring");
    local->loans.size = (uint64_t)address_number(address, "loan");
    local->idle = address_number(address, "idle");
    local->spin = address_number(address, "spin");
    local->spin_is_set = address_given(address, "spin");
    local->wish = local_wish(address);
    local->pidfd = LOCAL_UNWATCHED;
    local->seen = LOCAL_UNSEEN;
    local->file = local->out.room = local->in.room = -1;
    out->moves = &local_moves;
    out->state = local;
    out->layout = ring_layout();
}

int local_make(const struct address *address, struct os_descriptor socket,
               struct endpoint *out)
{
    struct local *local = calloc(1, sizeof(*local));
    if (!local) {
        os_release(&socket);
        return failure_plain(-ENOMEM, "no memory for a channel");
    }
    local->socket = socket;
    os_creator(socket.fd, &out->peer);
    int r = stream_new(&(struct stream_plan){.address = address,
                                             .in = socket,
                                             .out = socket,
                                             .framing = "wherry",
                                             .abilities = ENDPOINT_SOCKET,
                                             .words = true},
                       out);
    if (r < 0)
        free(local);
    else
        wrap(local, address, out);
    return r;
}

/* --- both ends ----------------------------------------------------------- */

static int local_pair(const struct address *address, struct endpoint out[2])
{
    struct os_descriptor ends[2];
    struct os_socket_plan plan = {.kind = OS_KIND_STREAM,
                                  .buffer = address_number(address, "buffer"),
                                  .identify = true};
    static const struct complaint stands[] = {
        {EINVAL, NULL}, {ENOTSUP, NULL}, {0, NULL}};
    if (local_is_topic(address))
        return endpoint_refuse(
            address,
            failure(-ENOTSUP, "a topic has a listener and readers, and is no pair"),
            stands);
    if (address_rest_size(address) > 0)
        return endpoint_refuse(
            address,
            failure(-EINVAL, "both ends at once have no name: write local: alone"),
            stands);
    int r = os_socket_pair(&plan, ends);
    if (r < 0)
        return endpoint_refuse(address, r, NULL);
    r = local_make(address, ends[0], &out[0]);
    if (r < 0) {
        os_release(&ends[1]);
        return r;
    }
    r = local_make(address, ends[1], &out[1]);
    if (r < 0)
        endpoint_close(&out[0]);
    return r;
}

const struct transport transport_local = {
    .mechanism = {.scheme = "local",
                  .usage = "local:NAME",
                  .mechanism = "unix(7) socket and rings in shared memory",
                  .summary = "Both ways between programs of one user, through memory "
                             "that they share once there is much to say.",
                  .example = "local:wherry-example",
                  .abilities = (ENDPOINT_SOCKET & ~WHERRY_ABLE_FRAMING) |
                               WHERRY_ABLE_DIAL | WHERRY_ABLE_LISTEN |
                               WHERRY_ABLE_PAIR | WHERRY_ABLE_MESSAGES |
                               WHERRY_ABLE_STRANGERS,
                  .traits = WHERRY_TRAIT_NAME_STAYS | WHERRY_TRAIT_USER,
                  .framing = "wherry",
                  .limit = "message= (large ones stream through the rings)",
                  .systems = "Linux"},
    .options = local_options,
    .check = local_check_address,
    .dial = local_dial,
    .listen = local_listen,
    .accept = local_accept,
    .accept_wait = local_accept_wait,
    .unlisten = harbour_close,
    .pair = local_pair,
    .remove = local_remove,
    .admit = local_admit,
    .publish = local_publish_message,
    .readers = local_readers,
};
