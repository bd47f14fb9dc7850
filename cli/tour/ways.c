/* SPDX-License-Identifier: MIT */
/*
 * The stops of the tour: the ways through each mechanism, by its scheme.
 *
 * A mechanism without a row here is a failure of the tour, not of the mechanism.  Ports
 * and names are the system's choice, paths are in the tour's own directory.
 */
#include "tour/tour.h"

const struct tour_way tour_ways[] = {
    {.scheme = "pipe",
     .name = "pipe",
     .address = "pipe:",
     .opening = &tour_opening_pair},
    {.scheme = "fifo",
     .name = "fifo",
     .address = "fifo:{directory}/fifo?writers=one&framing=wherry",
     .opening = &tour_opening_fifo},
    {.scheme = "stdio",
     .name = "stdio",
     .address = "stdio:?framing=wherry",
     .opening = &tour_opening_stdio},
    {.scheme = "fd", .name = "fd", .address = "fd:", .opening = &tour_opening_fd},
    {.scheme = "pair",
     .name = "pair packet",
     .address = "pair:",
     .opening = &tour_opening_pair},
    {.scheme = "pair",
     .name = "pair stream",
     .purpose = "The same as a stream of bytes: messages of any size.",
     .address = "pair:?type=stream",
     .opening = &tour_opening_pair},
    {.scheme = "unix",
     .name = "unix packet",
     .address = "unix:{directory}/packet",
     .opening = &tour_opening_named},
    {.scheme = "unix",
     .name = "unix stream",
     .purpose =
         "The same as a stream of bytes: messages of any size, and every language "
         "speaks it.",
     .address = "unix:{directory}/stream?type=stream",
     .opening = &tour_opening_named},
    {.scheme = "unix",
     .name = "unix datagram",
     .purpose = "Single messages to one receiver from many senders, none lost.",
     .address = "unix:{directory}/datagram?type=datagram",
     .opening = &tour_opening_named},
    {.scheme = "tcp",
     .name = "tcp",
     .address = "tcp:127.0.0.1:0",
     .opening = &tour_opening_named},
    {.scheme = "tcp",
     .name = "tcp v6",
     .purpose = "The same over IPv6.",
     .address = "tcp:[::1]:0",
     .opening = &tour_opening_named},
    {.scheme = "udp",
     .name = "udp",
     .address = "udp:127.0.0.1:0",
     .opening = &tour_opening_named},
    {.scheme = "mq",
     .name = "mq",
     .address = "mq:/{name}?create=exclusive",
     .opening = &tour_opening_queue},
    {.scheme = NULL},
};
