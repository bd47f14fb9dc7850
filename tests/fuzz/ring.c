/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: one end of two rings, whose other end is the input (script.h).  They are
 * so small that every few records go over their end.
 */
#include "script.h"

#include <errno.h>

#include "side.h"

enum { SIZE = 512, PIECE = SIZE / 8 - RING_STEP, MESSAGE_MOST = 256 };

static struct ring_side own;
static struct ring_side theirs;
static struct ring_in in;
static struct ring_out out;
static bool is_running;

/* --- the other end ------------------------------------------------------- */

static void end_records(void)
{
    atomic_store(ring_words(theirs.data, in.head & (SIZE - 1)), 0);
}

static void read_more(void)
{
    atomic_store(&theirs.page->reader.head,
                 out.published - (uint64_t)next() * RING_STEP);
}

// A record where this end reads, or further on.
static void write_record(void)
{
    const uint64_t where = next();
    const uint64_t at =
        (in.head + (where & 15) * RING_STEP) & (SIZE - 1) & ~(uint64_t)(RING_STEP - 1);
    _Atomic(uint64_t) *words = (_Atomic(uint64_t) *)(void *)(theirs.data + at);
    const uint64_t left = where & 16 ? next() : 0;
    const uint64_t flags = where & 32 ? next() : 0;
    atomic_store(&words[0], left | (flags ^ RING_THERE) << RING_FLAGS_AT);
    if (where & 64)
        atomic_store(&words[1], where & 128 ? next_number() : next());
}

static void change_sleeps(void)
{
    const uint8_t epochs = next();
    atomic_store(&theirs.page->sleeps.reader, epochs & 15);
    atomic_store(&theirs.page->sleeps.writer, epochs >> 4);
}

static void change_mode(void)
{
    const uint8_t mode = next();
    atomic_store(&theirs.page->places.mode, mode & 3);
    atomic_store(&theirs.page->places.writer, mode >> 2);
}

static void change_word(void)
{
    const uint64_t number = next_number();
    atomic_store(number & 1 ? &theirs.page->writer.tail : &theirs.page->reader.head,
                 number >> 8);
}

static void leave_it(void)
{
}

void shared_rewrite(void)
{
    static void (*const writes[])(void) = {
        leave_it,      end_records, write_record, read_more,
        change_sleeps, change_mode, change_word,  write_record,
    };
    if (is_running)
        SCRIPT_CHOICE(writes)();
}

/* --- this end ------------------------------------------------------------ */

/* What this end has of a message. */
static struct {
    uint8_t *bytes; // NULL: nothing
    size_t size;
    size_t filled;
} message;

static bool has_lost_in; // there is no way on
static bool has_lost_out;

static void drop_message(void)
{
    free(message.bytes);
    message.bytes = NULL;
}

static void lose_in(int r)
{
    PROPERTY(r == -EPROTO);
    check_sentence();
    has_lost_in = true;
}

static void lose_out(int r)
{
    PROPERTY(r == -EPROTO);
    check_sentence();
    has_lost_out = true;
}

static void check_record(const struct ring_record *record)
{
    const uint64_t at = (uint64_t)(record->payload - in.data);
    PROPERTY(record->here <= PIECE && record->here <= record->left);
    PROPERTY(record->here == record->left || record->here == PIECE);
    PROPERTY(at >= RING_STEP && at + record->here <= SIZE);
    PROPERTY(!(record->flags & ~(uint32_t)RING_KNOWN) && !(record->flags & RING_SKIP));
    PROPERTY(record->kind >= 0);
}

// As whoever receives does: what a message's first record said holds for all of them.
static void take_record(const struct ring_record *record)
{
    if (!message.bytes && record->left <= MESSAGE_MOST) {
        message.bytes = malloc(record->left + 1);
        PROPERTY(message.bytes);
        message.size = record->left;
        message.filled = 0;
    }
    if (!message.bytes || record->left != message.size - message.filled) {
        has_lost_in = true;
        return;
    }
    memcpy(message.bytes + message.filled, record->payload, record->here);
    message.filled += record->here;
    if (message.filled == message.size)
        drop_message();
    (void)ring_took(&in, record);
}

static void receive(void)
{
    struct ring_record record;
    int r = has_lost_in ? 0 : ring_next(&in, &record);
    if (r < 0)
        lose_in(r);
    if (r <= 0)
        return;
    check_record(&record);
    take_record(&record);
}

static void look(void)
{
    (void)ring_has_next(&in);
    PROPERTY(ring_unread(&in) <= SIZE);
}

static void sleep_in(void)
{
    (void)ring_in_sleeps(&in);
    if (next() & 1)
        ring_in_wakes(&in);
}

static void give_back(void)
{
    (void)ring_release(&in);
    PROPERTY(atomic_load(&own.page->reader.head) == in.head);
}

static void write_one(void)
{
    const uint64_t most = next();
    const uint64_t left = most & 128 ? most * 4 : most;
    const uint64_t here = left < PIECE ? left : PIECE;
    int r = has_lost_out ? 0 : ring_has_room(&out, here);
    if (r < 0)
        lose_out(r);
    if (r <= 0)
        return;
    uint8_t *bytes = malloc(here + 1); // exactly what may be read of it
    PROPERTY(bytes);
    memset(bytes, 'x', here + 1);
    ring_put(&out, bytes, left, next() & RING_KNOWN, next());
    free(bytes);
}

static void publish(void)
{
    (void)ring_publish(&out);
    PROPERTY(atomic_load(&own.page->writer.tail) == out.tail);
}

static void sleep_out(void)
{
    (void)ring_out_sleeps(&out);
    if (next() & 1)
        ring_out_wakes(&out);
}

static void check_writer(void)
{
    PROPERTY(out.tail - out.head_seen <= SIZE);
    PROPERTY(out.published - out.head_seen <= SIZE);
    PROPERTY(out.published <= out.tail && out.head_seen <= out.published);
    PROPERTY((out.tail & (RING_STEP - 1)) == 0 || has_lost_out);
}

/* --- the input ----------------------------------------------------------- */

void target_end(void)
{
    side_forget(&own);
    side_forget(&theirs);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static void (*const operations[])(void) = {
        receive, write_one, publish, receive, look, sleep_in, sleep_out, give_back,
    };
    script_begin(bytes, size);
    side_make(&own, SIZE);
    side_make(&theirs, SIZE);
    ring_in_start(&in, &own, &theirs);
    ring_out_start(&out, &own, &theirs, next() & 1);
    has_lost_in = has_lost_out = false;
    is_running = true;
    while (script.at < script.end && !(has_lost_in && has_lost_out)) {
        SCRIPT_CHOICE(operations)();
        check_writer();
    }
    is_running = false;
    drop_message();
    return 0;
}
