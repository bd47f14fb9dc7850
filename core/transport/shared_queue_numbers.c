/* SPDX-License-Identifier: MIT */
/*
 * What the address of a queue in shared memory says: its options.
 */
#include "transport/shared_queue.h"

#include <errno.h>

#include "base/base.h"

const struct wherry_option shared_queue_options[] = {
    {.name = "maxsize",
     .type = WHERRY_OPTION_NUMBER,
     .standard = "1024",
     .least = 1,
     .most = SHARED_QUEUE_SLOTS,
     .help = "How many messages a queue that is made holds; one that is there must "
             "hold as many, if it is said."},
    {.name = "bytes",
     .type = WHERRY_OPTION_SIZE,
     .standard = "1M",
     .least = 0,
     .most = INT64_C(1) << 30,
     .help = "Room for the bytes of messages of more than 88, reserved at once; the "
             "largest message fills it.  One that is there must have as much, if it is "
             "said."},
    {.name = "handles",
     .type = WHERRY_OPTION_NUMBER,
     .standard = "256",
     .least = 2,
     .most = SHARED_QUEUE_HANDLES,
     .help = "How many can have one that is made open at the same time."},
    {.name = "unread",
     .type = WHERRY_OPTION_CHOICE,
     .standard = "again",
     .choices = "again|lost",
     .help = "What becomes of a message that somebody died reading: it is received "
             "again, or counted as lost; as the queue was made."},
    {.name = "create",
     .type = WHERRY_OPTION_CHOICE,
     .standard = "yes",
     .choices = "yes|no|exclusive",
     .help = "Whether it is made where there is none; with exclusive, one that is "
             "there already is an error."},
    {.name = NULL},
};

void shared_queue_numbers(const struct address *address,
                          struct shared_queue_numbers *out)
{
    *out = (struct shared_queue_numbers){
        .slots = (uint32_t)address_number(address, "maxsize"),
        .bytes = (uint64_t)address_number(address, "bytes"),
        .places = (uint32_t)address_number(address, "handles"),
        .unread = (enum shared_queue_unread)address_number(address, "unread")};
}

static int differs(const char *option, uint64_t there)
{
    return failure(-EEXIST,
                   "the queue is there with %s=%llu: leave it out, or remove the queue "
                   "when nobody uses it (wherry remove)",
                   option, (unsigned long long)there);
}

static uint64_t in_blocks(uint64_t bytes)
{
    return (bytes + 1023) / 1024 * 1024;
}

// A queue that is there keeps its room, whatever the address asks for.
int shared_queue_check_numbers(const struct address *address,
                               const struct shared_queue *queue)
{
    struct shared_queue_numbers wanted;
    struct shared_queue_numbers there;
    shared_queue_numbers(address, &wanted);
    shared_queue_look(queue, &there);
    if (address_given(address, "maxsize") && wanted.slots != there.slots)
        return differs("maxsize", there.slots);
    if (address_given(address, "bytes") && in_blocks(wanted.bytes) != there.bytes)
        return differs("bytes", there.bytes);
    if (address_given(address, "unread") && wanted.unread != there.unread)
        return failure(-EEXIST, "the queue is there with unread=%s: leave it out",
                       there.unread == QUEUE_LOST ? "lost" : "again");
    return 0;
}
