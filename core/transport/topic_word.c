/* SPDX-License-Identifier: MIT */
/*
 * Topics: what is said over a carrier.  A word is a packet of one size, little-endian:
 *
 *    0  hello, as the `wherry` framing has it, with the layout of the memory
 *   32  u32    what is said
 *   36  u32    policy
 *   40  u64    position
 *   48  u64    number
 */
#include "transport/topic.h"

#include <errno.h>

#include "base/base.h"

enum {
    AT_WHAT = HELLO_SIZE,
    AT_POLICY = 36,
    AT_HEAD = 40,
    AT_NUMBER = 48,
    WORD_SIZE = 56
};

int topic_say(struct os_descriptor *carrier, const struct topic_word *word)
{
    const struct hello hello = {.version_least = HELLO_VERSION,
                                .version_most = HELLO_VERSION,
                                .layout = ring_layout()};
    uint8_t bytes[WORD_SIZE];
    const struct os_bytes piece = {bytes, sizeof(bytes)};
    hello_encode(&hello, bytes);
    framing_store32(bytes + AT_WHAT, word->what);
    framing_store32(bytes + AT_POLICY, word->full);
    framing_store64(bytes + AT_HEAD, word->head);
    framing_store64(bytes + AT_NUMBER, word->number);
    int64_t r = os_send(carrier, &piece, 1, &word->file, word->file >= 0, NULL);
    return r < 0 ? (int)r : 0;
}

static int decode(const uint8_t *bytes, int64_t size, struct topic_word *out)
{
    struct hello hello;
    int r = hello_decode(bytes, (size_t)size, &hello);
    if (r < 0)
        return r;
    if (hello.layout != ring_layout())
        return failure(-EPROTO,
                       "the peer's memory is of layout %08x, this side's of %08x: "
                       "bring both to one release of Wherry",
                       hello.layout, ring_layout());
    if (size != WORD_SIZE)
        return failure(-EPROTO, "the peer says %lld bytes, a word of a topic has %d",
                       (long long)size, WORD_SIZE);
    out->what = (enum topic_what)framing_load32(bytes + AT_WHAT);
    out->full = framing_load32(bytes + AT_POLICY);
    out->head = framing_load64(bytes + AT_HEAD);
    out->number = framing_load64(bytes + AT_NUMBER);
    return 1;
}

// A peer that died with our words unread makes that the first answer, before what it
// said (unix(7)).
static int64_t receive(struct os_descriptor *carrier, const struct os_room *room,
                       struct os_arrival *arrival)
{
    int64_t r = os_receive(carrier, room, 1, arrival, false);
    return r == -ECONNRESET ? os_receive(carrier, room, 1, arrival, false) : r;
}

int topic_hear(struct os_descriptor *carrier, struct topic_word *out,
               struct os_arrival *arrival)
{
    uint8_t bytes[WORD_SIZE + 1]; // one that is larger is seen to be
    const struct os_room room = {bytes, sizeof(bytes)};
    int files[OS_FILES];
    arrival->files = files;
    int64_t size = receive(carrier, &room, arrival);
    int r = size > 0 ? decode(bytes, size, out) : (int)size;
    const size_t count = size > 0 ? arrival->file_count : 0;
    const bool has_one = r == 1 && count == 1;
    out->file = has_one ? arrival->files[0] : -1;
    for (size_t i = has_one; i < count; i++)
        os_close(arrival->files[i]);
    arrival->files = NULL;
    return r;
}

/* --- what addresses say -------------------------------------------------- */

bool local_is_topic(const struct address *address)
{
    return address_number(address, "fan") > 0;
}

/* What a writer that waits for nobody can do about a slow reader. */
int topic_policy(const struct address *address)
{
    static const bool is_possible[] = {
        [FULL_OLDEST] = true, [FULL_LATEST] = true, [FULL_CUT] = true};
    const int full = (int)address_number(address, "full");
    if (!address_given(address, "full"))
        return FULL_BLOCK;
    if (is_possible[full])
        return full;
    return failure(-EINVAL,
                   "full=%s: a topic waits for none of its readers; one that is slow "
                   "loses messages (drop-oldest, latest), or is cut off (disconnect)",
                   address_string(address, "full"));
}
