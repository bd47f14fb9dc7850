/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: whoever looks on from outside, at memory whose every word the input
 * chooses; and what both ends of a channel say, put together.
 *
 * The memory is made once, sealed as ours is, and written through its mapping.  The
 * input's first byte chooses two pieces; then each byte is a place, and the eight that
 * follow are what stands there.  Place 255 is a look, so that what comes behind it is
 * written between two looks.
 */
#include "fuzz.h"

#include <errno.h>

#include "inspect/pieces.h"
#include "memory/fan.h"
#include "memory/memory.h"
#include "memory/pool.h"

enum {
    PIECES = 4,
    PAGE_WORDS = 96, // places of the page, and behind them
    HEADS = 64,      // words of the ring
    LOOK = 255
};

static const struct form {
    uint64_t size; // in all
    uint64_t ring;
    uint32_t use;
    const char *magic;
} forms[PIECES] = {
    {RING_FRONT + RING_LEAST, RING_LEAST, RING_OF_TOPIC, RING_MAGIC},
    {RING_FRONT, 0, RING_OF_READER, RING_MAGIC},
    {POOL_FRONT + POOL_LEAST, POOL_LEAST, 0, POOL_MAGIC},
    {POOL_RETURNS_SIZE, 0, 0, POOL_MAGIC_OF_RETURNS},
};

static struct made {
    void *at;
    int fd;
} made[PIECES];

/* --- the memory ---------------------------------------------------------- */

static void make_all(void)
{
    for (int i = 0; i < PIECES && !made[i].at; i++)
        PROPERTY(sealed_make("wherry:fuzz", forms[i].size, &made[i].at, &made[i].fd) ==
                 0);
}

// As one of ours is that has said nothing yet.
static void make_good(int which)
{
    const struct form *form = &forms[which];
    struct ring_page *ring = made[which].at;
    struct pool_page *pool = made[which].at;
    memset(made[which].at, 0, PAGE_WORDS * sizeof(uint64_t));
    if (form->size > RING_FRONT)
        memset((char *)made[which].at + RING_FRONT, 0, HEADS * sizeof(uint64_t));
    if (form->use) {
        *ring = (struct ring_page){.version = RING_VERSION,
                                   .layout = ring_layout(),
                                   .size = form->ring,
                                   .use = form->use};
    } else {
        pool->version = POOL_VERSION;
        pool->size = form->ring;
    }
    memcpy(made[which].at, form->magic, sizeof ring->magic);
}

static uint64_t next_number(const uint8_t **at, const uint8_t *end)
{
    uint64_t number = 0;
    for (int i = 0; i < 8 && *at < end; i++)
        number = number << 8 | *(*at)++;
    return number;
}

static void write_word(int which, unsigned place, uint64_t number)
{
    uint64_t at = place * sizeof number;
    if (place >= PAGE_WORDS)
        at = RING_FRONT + (place - PAGE_WORDS) % HEADS * sizeof number;
    if (at + sizeof number <= forms[which].size)
        memcpy((char *)made[which].at + at, &number, sizeof number);
}

// Up to the next look, or the end.
static void write_words(int which, const uint8_t **at, const uint8_t *end)
{
    while (*at < end && **at != LOOK) {
        const unsigned place = *(*at)++;
        write_word(which, place, next_number(at, end));
    }
    *at += *at < end;
}

/* --- looking ------------------------------------------------------------- */

static bool describe(int which, struct wherry_memory_info *out)
{
    int r = wherry_memory_describe(made[which].fd, out, sizeof *out);
    PROPERTY(r == 0 || r == -EPROTO);
    if (r < 0) {
        check_sentence();
        return false;
    }
    PROPERTY(*wherry_memory_use_name(out->use));
    PROPERTY(out->size <= out->memory && out->memory == forms[which].size);
    PROPERTY(out->waits_for_messages == (out->waits_for_messages & 1));
    PROPERTY(out->waits_for_room == (out->waits_for_room & 1));
    return true;
}

static void look_behind(int which, const struct wherry_memory_info *topic,
                        uint64_t read)
{
    struct wherry_reader lag = {.pid = -1};
    const int r = wherry_memory_behind(made[which].fd, read, &lag);
    PROPERTY(r == 0 || r == -EPROTO);
    if (r < 0)
        return;
    PROPERTY(topic->use != WHERRY_MEMORY_TOPIC || lag.behind_bytes <= RING_LEAST);
    PROPERTY(lag.behind_age >= 0 && lag.behind_age <= wherry_now());
    PROPERTY(lag.overtaken == (lag.overtaken & 1));
    PROPERTY(lag.behind_bytes > 0 || lag.behind_messages == 0);
}

static void check_flow(const struct wherry_flow *flow)
{
    const int64_t counts[] = {flow->used,           flow->sent_messages,
                              flow->sent_bytes,     flow->received_messages,
                              flow->received_bytes, flow->waiting_messages,
                              flow->waiting_bytes,  flow->pool,
                              flow->blocks};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        PROPERTY(counts[i] >= -1);
    PROPERTY(flow->ring >= -1 && flow->ring <= RING_MOST);
    PROPERTY(flow->used <= flow->ring && flow->waiting_messages <= flow->ring);
    PROPERTY(flow->blocks <= POOL_MOST);
}

static void put_together(const struct piece *one, const struct piece *other)
{
    const struct piece *of[] = {NULL, one, other};
    for (int i = 0; i < 3 * 3 * 3 * 3; i++) {
        struct wherry_flow flow;
        flow_tell(&(struct flow_ends){.writer = of[i % 3],
                                      .reader = of[i / 3 % 3],
                                      .pool = of[i / 9 % 3],
                                      .returns = of[i / 27]},
                  &flow);
        check_flow(&flow);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct piece pieces[2] = {{.pid = 1}, {.pid = 2}};
    const uint8_t *at = bytes;
    const uint8_t *end = bytes + size;
    if (size < 1)
        return 0;
    make_all();
    const int which[] = {*at % PIECES, *at / PIECES % PIECES};
    at++;
    make_good(which[0]);
    make_good(which[1]);
    write_words(which[0], &at, end);
    if (!describe(which[0], &pieces[0].info))
        return 0;
    write_words(which[1], &at, end);
    if (!describe(which[1], &pieces[1].info))
        return 0;
    put_together(&pieces[0], &pieces[1]);
    write_words(which[0], &at, end);
    look_behind(which[0], &pieces[0].info, pieces[1].info.read);
    return 0;
}

void target_end(void)
{
    for (int i = 0; i < PIECES; i++) {
        os_unmap(made[i].at, forms[i].size);
        os_close(made[i].fd);
        made[i].at = NULL;
    }
}
