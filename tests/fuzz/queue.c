/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: a shared queue with a writer and a reader, in whose memory the input
 * writes what it likes (script.h).
 *
 * The queue is so small that a few messages fill it, and its memory is a block of its
 * own, so that AddressSanitizer sees a step beside it; so is each message that is
 * taken.  Nothing is waited for.
 */
#include "script.h"

#include <errno.h>
#include <unistd.h>

#include "memory/shared_queue.h"

enum { SLOTS = 4, BLOCKS = 4, PLACES = 4, LARGE = BLOCKS * QUEUE_BLOCK };

static struct {
    uint8_t *bytes; // of the queue, exactly
    uint8_t *image; // as they are when an input begins
    size_t size;
    wherry_region region;
    struct shared_queue *writer;
    struct shared_queue *reader;
    char directory[512]; // of the doorbells
} own;

static bool is_running;

/* --- the other process --------------------------------------------------- */

// What means something in most words: an index, an end of a list, anything.
static uint64_t any_word(void)
{
    const uint8_t what = next();
    return what & 128 ? next_number() : what & 64 ? (uint64_t)queue_none : what & 63;
}

static void write_anywhere(void)
{
    const size_t words = own.size / sizeof(uint64_t);
    const size_t at = ((size_t)next() << 8 | next()) % words;
    atomic_store((_Atomic(uint64_t) *)(void *)own.bytes + at, any_word());
}

static void write_sides(void)
{
    struct shared_queue *queue = own.reader;
    _Atomic(uint64_t) *words[] = {
        &queue->writers->arrived,  &queue->writers->taken, &queue->writers->reaped,
        &queue->readers->returned, &queue->readers->read,  &queue->line->used,
        &queue->writers->lock,     &queue->readers->lock,
    };
    const uint8_t what = next();
    const uint64_t begin = (uint64_t)queue->ring_mask + 1;
    atomic_store(words[what & 7], what & 8 ? any_word() : begin + (what >> 4));
}

static void write_lists(void)
{
    struct shared_queue *queue = own.reader;
    _Atomic(uint32_t) *words[] = {
        &queue->readers->first,
        &queue->readers->last,
        &queue->writers->free,
        &queue->writers->free_count,
        &queue->slots[0].next,
        &queue->slots[1].next,
        &queue->chain[0],
        &queue->chain[1],
        &queue->slots[2].block,
        &queue->slots[3].block,
        &queue->slots[0].size,
        &queue->slots[1].size,
        &queue->slots[2].next,
        &queue->chain[2],
        &queue->slots[SLOTS - 1].next,
        &queue->chain[BLOCKS - 1],
    };
    atomic_store(words[next() & 15], (uint32_t)any_word());
}

static void write_slot(void)
{
    const uint8_t what = next();
    struct shared_queue_slot *slot = &own.reader->slots[what & (SLOTS - 1)];
    const uint64_t position = (uint64_t)own.reader->ring_mask + 1 + (what >> 4);
    atomic_store(&slot->state, state_word(what >> 2 & 3, position));
    atomic_store(&slot->kind, next() - 2);
    atomic_store(&slot->size, (uint32_t)any_word());
}

static void write_entry(void)
{
    struct shared_queue *queue = own.reader;
    const uint8_t what = next();
    const uint64_t position = (uint64_t)queue->ring_mask + 1 + (what >> 4);
    _Atomic(uint64_t) *ring = what & 8 ? queue->arrivals : queue->returns;
    atomic_store(&ring[position & queue->ring_mask], entry_word(position, what & 7));
}

// Whoever has a place, or had; and waits there.
static void write_place(void)
{
    struct places *places = &own.reader->places;
    const uint8_t what = next();
    const uint32_t place = what & (PLACES - 1);
    const uint64_t word = (uint64_t)(what >> 2 & 3) << 62 | next();
    atomic_store(&places->all[place].word, word);
    atomic_store(&places->waits[place], any_word());
    atomic_store(&own.reader->wants[place], (int64_t)any_word());
    atomic_fetch_add(places->attached, 1);
}

static void leave_it(void)
{
}

void shared_rewrite(void)
{
    static void (*const writes[])(void) = {
        leave_it,   leave_it,    write_anywhere, write_sides,
        write_slot, write_lists, write_entry,    write_place,
    };
    if (is_running)
        SCRIPT_CHOICE(writes)();
}

/* --- this process -------------------------------------------------------- */

static void check_result(int64_t r)
{
    PROPERTY(r >= 0 || r == -EAGAIN || r == -EPROTO);
    if (r == -EPROTO)
        check_sentence();
}

static void put_one(size_t size)
{
    uint8_t *bytes = calloc(1, size ? size : 1); // exactly what may be read of it
    const struct wherry_plain plain = {bytes, size, next() & 3, NULL};
    PROPERTY(bytes);
    check_result(shared_queue_put(own.writer, &plain, 1));
    free(bytes);
}

static void put_small(void)
{
    put_one(next() % (QUEUE_INLINE + 1));
}

static void put_large(void)
{
    put_one(((size_t)next() << 4) % (LARGE + 1));
}

static void put_many(void)
{
    struct wherry_plain plain[SLOTS];
    for (int i = 0; i < SLOTS; i++)
        plain[i] = (struct wherry_plain){"small", 5, i, NULL};
    check_result(shared_queue_put(own.writer, plain, SLOTS));
}

// As the transport does.
static int take_one(int64_t wanted)
{
    struct shared_queue_message found;
    int r = shared_queue_find(own.reader, wanted, &found);
    check_result(r);
    if (r < 0)
        return r;
    PROPERTY(found.slot < SLOTS && found.kind >= 0);
    PROPERTY(blocks_of(found.size) <= BLOCKS);
    uint8_t *bytes = malloc(found.size ? found.size : 1);
    PROPERTY(bytes);
    r = shared_queue_take(own.reader, &found, bytes);
    check_result(r);
    free(bytes);
    return r;
}

static void take(void)
{
    const int64_t wanted = (int64_t)(next() & 7) - 4;
    int r = shared_queue_begin(own.reader);
    check_result(r);
    if (r < 0)
        return;
    (void)take_one(wanted);
    shared_queue_end(own.reader);
}

static void take_many(void)
{
    if (shared_queue_begin(own.reader) < 0)
        return;
    for (int i = 0; i < SLOTS && take_one(0) >= 0; i++)
        ;
    shared_queue_end(own.reader);
}

static void look(void)
{
    struct shared_queue_count count;
    int64_t kind;
    (void)shared_queue_is_ready(own.reader);
    (void)shared_queue_has_room(own.writer);
    shared_queue_tell(own.writer, &count);
    PROPERTY(count.messages <= SLOTS);
    check_result(shared_queue_peek(own.reader, next() & 7, &kind));
}

static void wait_a_moment(void)
{
    const uint8_t what = next();
    struct shared_queue *queue = what & 1 ? own.reader : own.writer;
    int fd;
    int r = shared_queue_wait(queue, (int64_t)(what >> 4) - 8, &fd);
    PROPERTY(r >= 0 || r == -EMFILE || r == -ENOMEM);
    if (what & 2)
        shared_queue_polled(queue);
    shared_queue_waited(queue, what & 4);
}

/* --- the input ----------------------------------------------------------- */

static void open_one(enum shared_queue_side side, int directory,
                     struct shared_queue **out)
{
    int fd;
    PROPERTY(shared_queue_new(side, out) >= 0);
    PROPERTY(shared_queue_attach(*out, &own.region, directory) >= 0);
    PROPERTY(shared_queue_wait(*out, 0, &fd) >= 0);
    shared_queue_waited(*out, true);
}

// Also at the exit of whoever does not say so: the doorbells are files.
void target_end(void)
{
    if (!own.bytes)
        return;
    memcpy(own.bytes, own.image, own.size);
    shared_queue_close(own.writer);
    shared_queue_close(own.reader);
    PROPERTY(rmdir(own.directory) == 0);
    free(own.bytes);
    free(own.image);
    own.bytes = NULL;
}

static void set_up(void)
{
    const struct shared_queue_numbers numbers = {
        .slots = SLOTS, .bytes = LARGE, .places = PLACES};
    own.size = shared_queue_size(&numbers);
    own.bytes = aligned_alloc(64, own.size);
    own.image = malloc(own.size);
    const char *place = getenv("TMPDIR");
    snprintf(own.directory, sizeof own.directory, "%s/wherry-fuzz-XXXXXX",
             place ? place : "/tmp");
    PROPERTY(own.bytes && own.image && own.size % 64 == 0 && mkdtemp(own.directory));
    PROPERTY(setenv("WHERRY_DIR", own.directory, 1) == 0);
    memset(own.bytes, 0, own.size);
    PROPERTY(shared_queue_make(own.bytes, &numbers) >= 0);
    PROPERTY(atexit(target_end) == 0);
    own.region = (wherry_region){
        .data = own.bytes, .size = own.size, .fd = -1, .segment = -1, .keepers = 3};
    open_one(QUEUE_WRITERS, os_directory(), &own.writer);
    open_one(QUEUE_READERS, os_directory(), &own.reader);
    memcpy(own.image, own.bytes, own.size);
}

// Whom it watches stays, as in a process that had another queue before.
static void begin_anew(struct shared_queue *queue)
{
    queue->seen = (struct shared_queue_seen){.position = 0};
    queue->is_busy = queue->is_waiting = queue->is_polled = false;
    queue->given = 0;
    queue->looks_at = 0;
    queue->places.seen = UINT64_MAX;
    for (int side = 0; side < 2; side++) {
        queue->owes[side] = false;
        atomic_store(&queue->quiet[side], UINT64_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static void (*const operations[])(void) = {
        put_small, put_large, put_many, take, take, take_many, look, wait_a_moment,
    };
    if (!own.bytes)
        set_up();
    memcpy(own.bytes, own.image, own.size);
    begin_anew(own.writer);
    begin_anew(own.reader);
    script_begin(bytes, size);
    is_running = true;
    while (script.at < script.end)
        SCRIPT_CHOICE(operations)();
    is_running = false;
    return 0;
}
