/* SPDX-License-Identifier: MIT */
/*
 * Rings: making and checking a side's memory, and what is not done for every message.
 *
 * Everything of the other side's is a stranger's: a count that cannot be is the end of
 * the channel, never of this process.
 */
#include "memory/ring.h"

#include <errno.h>

#include "memory/memory.h"

enum {
    AWAKE_ENOUGH = 64, // publishes in a row that met an awake reader
    PIECES = 8         // a ring holds so many of the largest
};

static const char magic[8] = RING_MAGIC;

_Static_assert(sizeof(struct ring_page) <= RING_FRONT, "the page is one page");

uint32_t ring_layout(void)
{
    static const size_t parts[] = {offsetof(struct ring_page, size),
                                   offsetof(struct ring_page, carrier),
                                   offsetof(struct ring_page, writer),
                                   offsetof(struct ring_page, reader),
                                   offsetof(struct ring_page, places),
                                   offsetof(struct ring_page, sleeps),
                                   offsetof(struct ring_page, fan),
                                   offsetof(struct ring_page, received),
                                   sizeof(struct ring_page),
                                   RING_FRONT,
                                   RING_STEP,
                                   RING_PIECE_MOST,
                                   RING_KNOWN,
                                   PIECES,
                                   __BYTE_ORDER__};
    uint32_t sum = 2166136261U; // FNV-1a, word by word
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        sum = (sum ^ (uint32_t)parts[i]) * 16777619U;
    return sum;
}

static uint64_t piece_of(uint64_t size)
{
    const uint64_t piece = size / PIECES - RING_STEP;
    return piece < RING_PIECE_MOST ? piece : RING_PIECE_MOST;
}

/* --- memory -------------------------------------------------------------- */

static void place(struct ring_side *side, void *at, uint64_t size)
{
    *side = (struct ring_side){
        .page = at, .data = (uint8_t *)at + RING_FRONT, .size = size};
}

int ring_make(uint64_t size, struct ring_side *out, int *fd)
{
    void *at;
    int r = sealed_make("wherry:local", RING_FRONT + size, &at, fd);
    if (r < 0)
        return failure_plain(r, "no memory for a ring");
    place(out, at, size);
    memcpy(out->page->magic, magic, sizeof(magic));
    out->page->version = RING_VERSION;
    out->page->layout = ring_layout();
    out->page->size = size;
    out->page->pid = os_self();
    return 0;
}

static uint64_t inode_of(int fd)
{
    struct os_memory look;
    return os_memory_look(fd, &look) < 0 ? 0 : look.inode;
}

void ring_tell_use(struct ring_side *side, enum ring_use use, int socket)
{
    side->page->use = use;
    side->page->carrier = inode_of(socket);
}

void ring_tell_source(struct ring_side *side, int fd)
{
    WHERRY_STORE(&side->page->reads, inode_of(fd));
}

/* How large a ring may be. */
struct bounds {
    uint64_t least;
    uint64_t most;
};

static int check_file(int fd, const struct bounds *bounds, uint64_t *size)
{
    uint64_t all;
    int r = sealed_check(fd, &all);
    if (r < 0)
        return r;
    const uint64_t ring = all - RING_FRONT;
    const bool fits = all >= RING_FRONT + bounds->least && ring <= bounds->most;
    if (!fits || (ring & (ring - 1)) != 0)
        return failure(-EPROTO,
                       "the peer offers %llu bytes of memory, which are no ring",
                       (unsigned long long)all);
    *size = ring;
    return 0;
}

static int check_page(const struct ring_page *page, uint64_t size)
{
    const uint32_t version = page->version;
    const uint32_t layout = page->layout;
    if (memcmp(page->magic, magic, sizeof(magic)) != 0 || page->size != size)
        return failure(-EPROTO, "the peer offers memory that is no ring");
    if (version != RING_VERSION || layout != ring_layout())
        return failure(
            -EPROTO,
            "the peer's memory is of version %u, layout %08x; this side's is "
            "of version %d, layout %08x: bring both to one release of Wherry",
            version, layout, RING_VERSION, ring_layout());
    return 0;
}

static int attach(int fd, const struct bounds *bounds, struct ring_side *out)
{
    uint64_t size;
    void *at;
    int r = check_file(fd, bounds, &size);
    if (r < 0)
        return r;
    r = os_map(fd, RING_FRONT + size, OS_MAP_READ, &at);
    if (r < 0)
        return failure_plain(r, "the peer's memory");
    r = check_page(at, size);
    if (r < 0) {
        os_unmap(at, RING_FRONT + size);
        return r;
    }
    os_map_without_child(at, RING_FRONT + size);
    place(out, at, size);
    return 0;
}

int ring_attach(int fd, struct ring_side *out)
{
    return attach(fd, &(struct bounds){RING_LEAST, RING_MOST}, out);
}

int ring_attach_page(int fd, struct ring_side *out)
{
    return attach(fd, &(struct bounds){0, 0}, out);
}

void ring_leave(struct ring_side *side)
{
    if (side->page)
        os_unmap(side->page, RING_FRONT + side->size);
    *side = (struct ring_side){0};
}

/* --- writing ------------------------------------------------------------- */

static void tell_place(_Atomic(uint32_t) *place, uint32_t *told)
{
    const uint32_t processor = os_processor();
    if (processor == *told)
        return;
    *told = processor;
    atomic_store_explicit(place, processor, memory_order_relaxed);
}

void ring_out_tells_place(struct ring_out *ring)
{
    tell_place(&ring->own->places.writer, &ring->processor);
}

void ring_out_start(struct ring_out *ring, const struct ring_side *own,
                    const struct ring_side *theirs, bool may_be_unfenced)
{
    *ring = (struct ring_out){.own = own->page,
                              .theirs = theirs->page,
                              .data = own->data,
                              .size = own->size,
                              .piece = piece_of(own->size),
                              .wanted = ring_padded(0),
                              .may_be_unfenced = may_be_unfenced,
                              .processor = UINT32_MAX};
    ring_out_tells_place(ring);
}

static int look_at_head(struct ring_out *ring)
{
    const uint64_t head = WHERRY_LOAD(&ring->theirs->reader.head);
    if (ring->published - head > ring->published - ring->head_seen)
        return failure(-EPROTO, "the peer says that it has read %llu bytes of %llu",
                       (unsigned long long)head, (unsigned long long)ring->published);
    ring->head_seen = head;
    return 0;
}

static bool fits(const struct ring_out *ring, uint64_t need)
{
    const uint64_t to_end = ring->size - (ring->tail & (ring->size - 1));
    const uint64_t all = need <= to_end ? need : to_end + need;
    return ring->tail - ring->head_seen + all < ring->size;
}

int ring_find_room(struct ring_out *ring, uint64_t need)
{
    if (!fits(ring, need)) {
        int r = look_at_head(ring);
        if (r < 0 || !fits(ring, need)) {
            ring->wanted = need;
            return r;
        }
    }
    ring->wanted = ring_padded(0);
    const uint64_t to_end = ring->size - (ring->tail & (ring->size - 1));
    if (need > to_end)
        ring_add(ring, (uint64_t)(RING_SKIP | RING_THERE) << RING_FLAGS_AT, to_end);
    return 1;
}

static void change_mode(struct ring_out *ring, enum ring_mode mode)
{
    ring->is_unfenced = mode == RING_UNFENCED;
    ring->awake = 0;
    WHERRY_STORE(&ring->own->places.mode, mode);
    // Before the first publish that relies on it: a sleeper that does not see it yet is
    // seen by that publish.
    if (ring->is_unfenced)
        atomic_thread_fence(memory_order_seq_cst);
}

void ring_shown(struct ring_out *ring, bool has_rung)
{
    if (has_rung) {
        atomic_store_explicit(&ring->own->places.rung_at, wherry_now(),
                              memory_order_relaxed);
        change_mode(ring, RING_FENCED);
    } else if (!ring->is_unfenced && ring->may_be_unfenced &&
               ++ring->awake >= AWAKE_ENOUGH) {
        change_mode(ring, RING_UNFENCED);
    }
}

bool ring_publish_slowly(struct ring_out *ring, uint32_t epoch)
{
    const bool sleeps = epoch & 1;
    if (sleeps && epoch == ring->rung)
        return false;
    if (sleeps)
        ring->rung = epoch;
    ring_shown(ring, sleeps);
    return sleeps;
}

// The other half is ring_release, which is always fenced.
bool ring_out_sleeps(struct ring_out *ring)
{
    _Atomic(uint32_t) *epoch = &ring->own->sleeps.writer;
    const uint32_t now = atomic_load_explicit(epoch, memory_order_relaxed);
    atomic_store(epoch, now | 1);
    atomic_thread_fence(memory_order_seq_cst);
    return look_at_head(ring) >= 0 && !fits(ring, ring->wanted);
}

void ring_out_wakes(struct ring_out *ring)
{
    _Atomic(uint32_t) *epoch = &ring->own->sleeps.writer;
    const uint32_t now = atomic_load_explicit(epoch, memory_order_relaxed);
    if (now & 1)
        WHERRY_STORE(epoch, now + 1);
}

/* --- reading ------------------------------------------------------------- */

void ring_in_tells_place(struct ring_in *ring)
{
    tell_place(&ring->own->places.reader, &ring->processor);
}

void ring_in_start(struct ring_in *ring, const struct ring_side *own,
                   const struct ring_side *theirs)
{
    *ring = (struct ring_in){.own = own->page,
                             .theirs = theirs->page,
                             .data = theirs->data,
                             .size = theirs->size,
                             .piece = piece_of(theirs->size),
                             .processor = UINT32_MAX};
    ring_in_tells_place(ring);
}

void ring_tell_broken(const struct ring_in *ring, const char *what, uint64_t number)
{
    (void)failure(-EPROTO, "the peer's memory is broken at byte %llu: %s (%llu)",
                  (unsigned long long)ring->head, what, (unsigned long long)number);
}

int ring_skip(struct ring_in *ring, uint64_t *word)
{
    const uint64_t at = ring->head & (ring->size - 1);
    if (at == 0)
        return ring_broken(ring, "nothing stands before its end", at);
    ring->head += ring->size - at;
    *word = WHERRY_LOAD(ring_next_word(ring));
    return 0;
}

uint64_t ring_unread(const struct ring_in *ring)
{
    const uint64_t there = WHERRY_LOAD(&ring->theirs->writer.tail) - ring->head;
    return there <= ring->size ? there : 0;
}

bool ring_release(struct ring_in *ring)
{
    struct ring_reader *reader = &ring->own->reader;
    ring_in_tells_place(ring);
    ring->released = ring->head;
    WHERRY_STORE(&reader->head, ring->head);
    atomic_thread_fence(memory_order_seq_cst);
    const uint32_t epoch = WHERRY_LOAD(&ring->theirs->sleeps.writer);
    if (!(epoch & 1) || epoch == ring->rung)
        return false;
    ring->rung = epoch;
    return true;
}

// Once it is odd every publish sees it.
void ring_in_falls_asleep(struct ring_in *ring)
{
    ring->epoch++;
    atomic_store(&ring->own->sleeps.reader, ring->epoch);
    atomic_thread_fence(memory_order_seq_cst);
    if (WHERRY_LOAD(&ring->theirs->places.mode) == RING_UNFENCED)
        os_barrier_pass();
}

bool ring_in_sleeps(struct ring_in *ring)
{
    if (!ring_in_is_asleep(ring))
        ring_in_falls_asleep(ring);
    return !ring_has_next(ring);
}

void ring_in_wakes(struct ring_in *ring)
{
    if (!ring_in_is_asleep(ring))
        return;
    ring->epoch++;
    WHERRY_STORE(&ring->own->sleeps.reader, ring->epoch);
}
