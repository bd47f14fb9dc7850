/* SPDX-License-Identifier: MIT */
/*
 * pair: - socketpair(2), both ways between a process and those it forks.
 *
 * Packets keep messages apart by themselves, a stream is cut by its framing, datagrams
 * have no end: nobody is told when the other side is gone.
 */
#include "transport/transport.h"

#include <errno.h>

#include "base/base.h"

static const struct wherry_option *const options[] = {
    type_options, socket_options, wherry_framing_options, channel_options, NULL};

static int pair_check(const struct address *address)
{
    if (address_rest_size(address) > 0)
        return failure(-EINVAL,
                       "a socket pair has no name: write pair: alone, or unix:PATH");
    return 0;
}

static int pair_open(const struct address *address, struct endpoint out[2])
{
    struct os_descriptor ends[2];
    struct os_socket_plan plan = {.kind = endpoint_kind(address),
                                  .buffer = address_number(address, "buffer"),
                                  .identify = true};
    int r = os_socket_pair(&plan, ends);
    if (r < 0)
        return endpoint_refuse(address, r, NULL);
    r = endpoint_socket(address, ends[0], NULL, &out[0]);
    if (r < 0) {
        os_release(&ends[1]);
        return r;
    }
    r = endpoint_socket(address, ends[1], NULL, &out[1]);
    if (r < 0)
        endpoint_close(&out[0]);
    return r;
}

const struct transport transport_pair = {
    .mechanism = {.scheme = "pair",
                  .usage = "pair:",
                  .mechanism = "socketpair(2)",
                  .summary =
                      "Both ways between a process and its children, by fork(2), "
                      "with open files.",
                  .example = "pair:",
                  .abilities =
                      ENDPOINT_SOCKET | WHERRY_ABLE_PAIR | WHERRY_ABLE_MESSAGES,
                  .framing = "wherry",
                  .limit =
                      "message= with type=stream; else what fits into the socket's "
                      "buffer (about 200 KiB, buffer= raises it)",
                  .systems = "POSIX"},
    .options = options,
    .check = pair_check,
    .pair = pair_open,
};
