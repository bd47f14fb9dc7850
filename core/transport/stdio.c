/* SPDX-License-Identifier: MIT */
/*
 * stdio: - descriptors 0 and 1 as one duplex channel, for filters and servers that
 * somebody else started.
 *
 * The two belong to the program and to whoever started it: their flags are never
 * changed, and they stay open when the channel closes, so that the reader of stdout
 * sees its end when the process ends.  Half-close works where descriptor 1 is a socket.
 */
#include "transport/transport.h"

#include <errno.h>

#include "base/base.h"

static const struct wherry_option *const options[] = {line_framing_options,
                                                      channel_options, NULL};

static const struct complaint complaints[] = {
    {EBADF, "descriptor 0 or 1 is closed: start the program with its stdin and stdout "
            "open, /dev/null if nothing else"},
    {EACCES, "what stdin or stdout are may not be opened by this user for use without "
             "waiting"},
    {ENXIO, "what stdin or stdout are cannot be opened again for use without waiting"},
    {ENOTSUP, NULL},
    {0, NULL},
};

enum {
    MOVING = WHERRY_ABLE_SEND | WHERRY_ABLE_RECV | WHERRY_ABLE_DUPLEX |
             WHERRY_ABLE_KINDS | WHERRY_ABLE_DRAIN | WHERRY_ABLE_FRAMING |
             WHERRY_ABLE_DESCRIPTOR,
    IF_SOCKET = WHERRY_ABLE_FILES | WHERRY_ABLE_SENDER // stream.c drops them elsewhere
};

static int stdio_check(const struct address *address)
{
    if (address_rest_size(address) > 0)
        return failure(-EINVAL,
                       "stdin and stdout have no name: write stdio: alone, or fd:N");
    return 0;
}

static bool is_packet(const struct os_descriptor *descriptor)
{
    return descriptor->kind == OS_KIND_PACKET || descriptor->kind == OS_KIND_DATAGRAM;
}

static int adopt(struct os_descriptor *in, struct os_descriptor *out)
{
    int r = os_adopt(0, false, in);
    if (r >= 0)
        r = os_adopt(1, true, out);
    if (r >= 0 && (is_packet(in) || is_packet(out)))
        return failure(-ENOTSUP, "stdin or stdout is a packet socket: use fd:0");
    if (r >= 0 && (in->is_listening || out->is_listening))
        return failure(-ENOTSUP,
                       "stdin or stdout is a listening socket: listen on fd:0");
    return r;
}

static int stdio_dial(const struct address *address, wherry_deadline deadline,
                      struct endpoint *end)
{
    (void)deadline;
    struct os_descriptor in = OS_DESCRIPTOR_NONE;
    struct os_descriptor out = OS_DESCRIPTOR_NONE;
    int r = adopt(&in, &out);
    if (r < 0) {
        os_release(&in);
        os_release(&out);
        return endpoint_refuse(address, r, complaints);
    }
    if (out.kind == OS_KIND_PIPE)
        os_pipe_widen(out.fd, (size_t)pipe_room());
    endpoint_show(end, address_text(address));
    endpoint_identify(address, &out, end);
    endpoint_identify(address, &in, end);
    bool can_finish = out.kind == OS_KIND_STREAM;
    return stream_new(
        &(struct stream_plan){.address = address,
                              .in = in,
                              .out = out,
                              .abilities = MOVING | IF_SOCKET |
                                           (can_finish ? WHERRY_ABLE_FINISH : 0),
                              .words = true},
        end);
}

const struct transport transport_stdio = {
    .mechanism = {.scheme = "stdio",
                  .usage = "stdio:",
                  .mechanism = "descriptors 0 and 1",
                  .summary = "To whoever started this program, through its stdin and "
                             "stdout.",
                  .example = "stdio:",
                  .abilities = MOVING | WHERRY_ABLE_DIAL | WHERRY_ABLE_FINISH,
                  .traits = WHERRY_TRAIT_SHELL | WHERRY_TRAIT_STARTS,
                  .framing = "line",
                  .limit = "message= (bytes, any number)",
                  .systems = "all"},
    .options = options,
    .check = stdio_check,
    .dial = stdio_dial,
};
