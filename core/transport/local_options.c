/* SPDX-License-Identifier: MIT */
/*
 * local:NAME - what its addresses say.
 */
#include <errno.h>
#include <string.h>

#include "base/base.h"
#include "transport/topic.h"

enum { NAME = 64, RING_STANDARD = 2097152, IDLE_LEAST = 100000000 };

static const struct wherry_option own_options[] = {
    {.name = "memory",
     .type = WHERRY_OPTION_CHOICE,
     .standard = "auto",
     .choices = "auto|always|never",
     .help = "Whether messages go through memory: once there are many of them, from "
             "the first on, or never, but over the socket."},
    {.name = "ring",
     .type = WHERRY_OPTION_SIZE,
     .standard = "2M",
     .least = RING_LEAST,
     .most = RING_MOST,
     .help = "Room of this end's ring, in bytes, a power of two.  A stream is quickest "
             "where it is larger than a processor's own cache (L2) and not larger than "
             "the one that they share."},
    {.name = "spin",
     .type = WHERRY_OPTION_DURATION,
     .standard = "50us",
     .least = 0,
     .most = INT64_C(1000000000),
     .help = "How long a wait stays awake before it sleeps, where the other end runs "
             "on another processor; 0 is not at all.  Not said: 50us at most, and no "
             "longer than a wake is found to cost."},
    {.name = "loan",
     .type = WHERRY_OPTION_SIZE,
     .standard = "0",
     .least = 0,
     .most = POOL_MOST,
     .help =
         "Room of the memory in which this end's loans are written and the other "
         "end reads them, in bytes, a multiple of 4096 from 64K on; only where both "
         "ends say it and are of one user: the other could still change what is "
         "read.  0: messages are copied."},
    {.name = "idle",
     .type = WHERRY_OPTION_DURATION,
     .standard = "10s",
     .least = IDLE_LEAST,
     .most = INT64_C(3600000000000),
     .help = "After so long without a message a wait gives the memory back."},
    {.name = "fan",
     .type = WHERRY_OPTION_CHOICE,
     .standard = "each",
     .choices = "each|broadcast",
     .help =
         "Whether a listener has a channel with each who dials, or is a topic: what "
         "it publishes goes to all of them."},
    {.name = "readers",
     .type = WHERRY_OPTION_NUMBER,
     .standard = "64",
     .least = 1,
     .most = TOPIC_READERS_MOST,
     .help = "How many may read a topic at once."},
    {.name = NULL},
};

const struct wherry_option *const local_options[] = {
    own_options, backlog_options, socket_options, channel_options, NULL};

enum local_wish local_wish(const struct address *address)
{
    static const enum local_wish wishes[] = {LOCAL_AUTO, LOCAL_ALWAYS, LOCAL_NEVER};

    return wishes[address_number(address, "memory")];
}

static int check_topic(const struct address *address)
{
    if (local_wish(address) == LOCAL_NEVER)
        return failure(-EINVAL, "memory=never: a topic is memory");
    int r = topic_policy(address);
    return r < 0 ? r : 0;
}

int local_check_address(const struct address *address)
{
    const char *name = address_rest(address);
    const size_t size = address_rest_size(address);
    const int64_t ring = address_number(address, "ring");
    const int64_t loan = address_number(address, "loan");
    if (size > NAME)
        return failure(-ENAMETOOLONG,
                       "a name has at most %d bytes here, this one has "
                       "%zu",
                       NAME, size);
    if (strlen(name) != size || strchr(name, '/') || name[0] == '.')
        return failure(-EINVAL, "it is named local:NAME, without a slash and not "
                                "beginning with a dot");
    if (ring & (ring - 1))
        return failure(-EINVAL, "ring=%s: the room of a ring is a power of two",
                       address_string(address, "ring"));
    if (loan % POOL_FRONT != 0 || (loan > 0 && loan < POOL_LEAST))
        return failure(-EINVAL, "loan=%s: it is 0, or a multiple of 4096 from 64K on",
                       address_string(address, "loan"));
    return local_is_topic(address) ? check_topic(address) : 0;
}
