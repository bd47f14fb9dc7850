/* SPDX-License-Identifier: MIT */
/*
 * Two processes that have the same memory.
 *
 * One writes and passes the turn, a number at the beginning of the region; the other
 * sees it at once, checks the bytes where they are, and writes its answer over them.
 * Nothing is copied and nobody is woken: who waits looks again and again, and lets
 * others run in between.  So each wait here has a limit of its own, and ends with the
 * other process.
 */
#include "tour/tour.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum {
    PATIENCE = 3000, // milliseconds, for the turn to come
    LOOKS = 256,     // between two looks at the clock and at the other process
    A_PAGE_MORE = 4096,
    ADDRESS = TOUR_TEXT + 64
};

static const uint64_t seed_of_child = UINT64_C(1) << 32;

static struct tour_memory *memory_of(const struct tour_side *side)
{
    return wherry_region_data(side->region);
}

static uint8_t *bytes_of(const struct tour_side *side)
{
    return (uint8_t *)wherry_region_data(side->region) + sizeof(struct tour_memory);
}

static size_t room_of(const struct tour_side *side)
{
    return wherry_region_size(side->region) - sizeof(struct tour_memory);
}

/* --- one has the turn ---------------------------------------------------- */

static bool await(struct tour_side *side, uint64_t turn)
{
    struct tour_memory *memory = memory_of(side);
    wherry_deadline end = wherry_after(PATIENCE);
    for (unsigned looks = 1;; looks++) {
        if (atomic_load_explicit(&memory->turn, memory_order_acquire) == turn)
            return true;
        (void)sched_yield();
        if (looks % LOOKS != 0)
            continue;
        if (tour_is_over(side))
            return false;
        if (wherry_now() > end)
            return tour_wrong(&side->proof.fault,
                              "the other process's turn %" PRIu64
                              " was not seen in the region for %d ms",
                              turn, PATIENCE);
    }
}

// From here on it is the other's.
static void pass(struct tour_side *side, uint64_t turn)
{
    atomic_store_explicit(&memory_of(side)->turn, turn + 1, memory_order_release);
}

bool tour_memory_see(struct tour_side *side, uint64_t turn,
                     const struct tour_sample *sample)
{
    struct tour_proof *proof = &side->proof;
    if (!await(side, turn) ||
        !tour_check_bytes(sample, bytes_of(side), (size_t)memory_of(side)->size,
                          &proof->fault))
        return false;
    proof->messages++;
    proof->bytes += sample->size;
    return true;
}

void tour_memory_show(struct tour_side *side, uint64_t turn,
                      const struct tour_sample *sample)
{
    tour_sample_fill(sample, bytes_of(side));
    memory_of(side)->size = sample->size;
    pass(side, turn);
}

/* --- the child opens it -------------------------------------------------- */

// By its name with these options, or (a file) from what was sent.
static int open_view(struct tour_side *side, int file, const char *options,
                     const struct wherry_region_wish *wish, wherry_region **out)
{
    char address[ADDRESS];
    const char *name = side->place->addresses[0];
    if (file < 0) {
        (void)snprintf(address, sizeof(address), "%.*s?create=no%s",
                       (int)strcspn(name, "?"), name, options);
        return wherry_region_open(address, out);
    }
    int copy = fcntl(file, F_DUPFD_CLOEXEC, 0);
    int r = copy < 0 ? -errno : wherry_region_receive(copy, wish, sizeof(*wish), out);
    if (r < 0)
        tour_close(&copy);
    return r;
}

static bool check_size(struct tour_side *side, int file, uint64_t size)
{
    const struct wherry_region_wish wish = {.size = size + A_PAGE_MORE};
    char options[64];
    wherry_region *region = NULL;
    (void)snprintf(options, sizeof(options), "&size=%" PRIu64, wish.size);
    int r = open_view(side, file, options, &wish, &region);
    wherry_region_close(region);
    if (r == (file < 0 ? -EEXIST : -EMSGSIZE))
        return true;
    return tour_wrong(&side->proof.fault,
                      "a region of %" PRIu64 " bytes, opened as one of %" PRIu64
                      ", gave %d",
                      size, wish.size, r);
}

static bool open_both(struct tour_side *side, int file, uint64_t size,
                      wherry_region **reader)
{
    const struct wherry_region_wish reads = {.access = WHERRY_REGION_READ};
    const struct wherry_region_wish writes = {.size = size,
                                              .access = WHERRY_REGION_WRITE};
    if (!check_size(side, file, size))
        return false;
    if (open_view(side, file, "", &writes, &side->region) < 0 ||
        open_view(side, file, "&access=read", &reads, reader) < 0)
        return tour_refused(&side->proof.fault, "opening the region");
    return wherry_region_size(side->region) == size ||
           tour_wrong(&side->proof.fault,
                      "the region has %zu bytes where it was made with %" PRIu64,
                      wherry_region_size(side->region), size);
}

bool tour_memory_open(struct tour_side *side, wherry_region **reader)
{
    wherry_message *message = NULL;
    uint64_t size = 0;
    if (!tour_tell(side, 0))
        return false;
    int r = wherry_recv(side->in, &message, WHERRY_FOREVER);
    bool is_size = r > 0 && wherry_message_size(message) == sizeof(size);
    if (is_size)
        memcpy(&size, wherry_message_data(message), sizeof(size));
    int file = is_size ? wherry_message_file(message, 0) : -1;
    bool right =
        r <= 0 ? tour_lost(side, "the region", r) : open_both(side, file, size, reader);
    wherry_message_free(message);
    return right && tour_tell(side, 0);
}

/* --- the parent hands it over -------------------------------------------- */

// Its size, with its open file where it has no name.
static bool hand_over(struct tour_side *side)
{
    const uint64_t size = wherry_region_size(side->region);
    wherry_message *message = NULL;
    wherry_native file = -1;
    struct wherry_region_info info = {.size = 0};
    int64_t ready;
    if (!tour_learn(side, &ready))
        return false;
    int r = wherry_region_describe(side->region, &info, sizeof(info));
    if (r >= 0)
        r = wherry_message_copy(&size, sizeof(size), &message);
    if (r >= 0 && !info.address[0])
        r = wherry_region_file(side->region, &file);
    if (r >= 0 && !info.address[0])
        r = wherry_message_attach(message, file);
    if (r >= 0)
        r = wherry_send(side->out, &message, 0, WHERRY_FOREVER);
    wherry_message_free(message);
    return r < 0 ? tour_lost(side, "handing it over", r) : tour_learn(side, &ready);
}

// Both have it, nobody else can find it from now on, and nothing is left of it then.
static bool take_name_away(struct tour_side *side)
{
    struct wherry_region_info info = {.size = 0};
    struct tour_fault *fault = &side->proof.fault;
    if (wherry_region_describe(side->region, &info, sizeof(info)) < 0)
        return tour_refused(fault, "describing it");
    if (!info.address[0])
        return true;
    if (wherry_region_check(side->region) < 0)
        return tour_refused(fault, "a look at it");
    if (wherry_remove(side->place->addresses[0]) < 0)
        return tour_refused(fault, "removing its name");
    side->place->stays = false;
    int r = wherry_region_check(side->region);
    return r == -ESTALE ||
           tour_wrong(fault, "it was removed, and a look at it gave %d", r);
}

/* --- what they write ----------------------------------------------------- */

static struct tour_sample sample_of(size_t i, size_t size, uint64_t seed)
{
    return (struct tour_sample){.seed = seed + i, .size = size};
}

static bool exchange_as_parent(struct tour_side *side, uint64_t *turn)
{
    size_t sizes[TOUR_SIZES];
    const size_t count = tour_sizes(room_of(side), sizes);
    for (size_t i = 0; i < count; i++, *turn += 2) {
        const struct tour_sample said = sample_of(i, sizes[i], 0);
        const struct tour_sample answer = sample_of(i, sizes[i], seed_of_child);
        tour_memory_show(side, *turn, &said);
        if (!tour_memory_see(side, *turn + 2, &answer))
            return false;
    }
    return true;
}

static bool exchange_as_child(struct tour_side *side, uint64_t *turn)
{
    size_t sizes[TOUR_SIZES];
    const size_t count = tour_sizes(room_of(side), sizes);
    for (size_t i = 0; i < count; i++, *turn += 2) {
        const struct tour_sample heard = sample_of(i, sizes[i], 0);
        const struct tour_sample answer = sample_of(i, sizes[i], seed_of_child);
        if (!tour_memory_see(side, *turn, &heard))
            return false;
        tour_memory_show(side, *turn, &answer);
    }
    return true;
}

// Who only reads sees what is written, and is refused when it writes.
static bool check_reader(struct tour_side *side, wherry_region *reader)
{
    uint8_t bytes[64];
    const struct tour_sample written = sample_of(16, sizeof(bytes), seed_of_child);
    tour_sample_fill(&written, bytes_of(side));
    memset(bytes, 0, sizeof(bytes));
    if (wherry_region_read(reader, sizeof(struct tour_memory), bytes, sizeof(bytes)) <
        0)
        return tour_refused(&side->proof.fault, "reading with access=read");
    if (!tour_check_bytes(&written, bytes, sizeof(bytes), &side->proof.fault))
        return false;
    int r = wherry_region_write(reader, 0, bytes, sizeof(bytes));
    return r == -EACCES ||
           tour_wrong(&side->proof.fault, "writing with access=read gave %d", r);
}

/* --- round trips --------------------------------------------------------- */

static void turn_round(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)~bytes[i];
}

static bool round_trip(struct tour_side *side, uint64_t turn,
                       const struct tour_sample *sample, int64_t *nanoseconds)
{
    tour_sample_fill(sample, bytes_of(side));
    memory_of(side)->size = sample->size;
    wherry_deadline start = wherry_now();
    pass(side, turn);
    if (!await(side, turn + 2))
        return false;
    *nanoseconds = wherry_now() - start;
    turn_round(bytes_of(side), sample->size);
    if (!tour_check_bytes(sample, bytes_of(side), sample->size, &side->proof.fault))
        return false;
    side->proof.messages++;
    side->proof.bytes += sample->size;
    return true;
}

static bool measure(struct tour_side *side, int64_t budget, unsigned rounds,
                    struct tour_time *time, uint64_t *turn)
{
    static int64_t nanoseconds[TOUR_MOST_ROUNDS];
    const unsigned warm_up = rounds / 10;
    unsigned done = 0;
    wherry_deadline end = wherry_now() + budget;
    for (unsigned i = 0; i < warm_up + rounds; i++) {
        const struct tour_sample sample = sample_of(1000 + i, (size_t)time->size, 0);
        if (i == warm_up)
            done = 0;
        if (!round_trip(side, *turn, &sample, &nanoseconds[done]))
            return false;
        *turn += 2;
        done++;
        if (wherry_now() > end)
            break;
    }
    tour_time_sum_up(nanoseconds, done, time);
    return true;
}

static bool measure_all(struct tour_side *side, struct tour_stop *stop, uint64_t *turn)
{
    size_t sizes[TOUR_SIZES];
    const size_t count = tour_sizes(room_of(side), sizes);
    for (size_t i = 0; i < count; i++) {
        stop->times[i].size = sizes[i];
        if (!measure(side, stop->budget, tour_rounds(i, count), &stop->times[i], turn))
            return false;
        stop->time_count = i + 1;
    }
    memory_of(side)->size = 0;
    pass(side, *turn);
    return true;
}

// What is there turned round, until nothing is.
static bool answer_all(struct tour_side *side, uint64_t turn)
{
    for (;; turn += 2) {
        if (!await(side, turn))
            return false;
        const size_t size = (size_t)memory_of(side)->size;
        if (size == 0)
            return true;
        if (size > room_of(side))
            return tour_wrong(&side->proof.fault, "%zu bytes are said to be in %zu",
                              size, room_of(side));
        turn_round(bytes_of(side), size);
        pass(side, turn);
    }
}

/* --- all of it ----------------------------------------------------------- */

static bool be_parent(struct tour_side *side, struct tour_stop *stop)
{
    uint64_t turn = 0;
    const int processor = tour_processor();
    int64_t ready;
    stop->limit = room_of(side);
    if (!hand_over(side) || !take_name_away(side) || !exchange_as_parent(side, &turn) ||
        !tour_tell(side, processor) || !tour_learn(side, &ready))
        return false;
    tour_pin(processor);
    bool measured = measure_all(side, stop, &turn);
    tour_unpin();
    return measured;
}

static bool be_child(struct tour_side *side)
{
    wherry_region *reader = NULL;
    uint64_t turn = 1;
    int64_t processor;
    // The parent looks at the last answer until it tells the processor.
    bool right = tour_memory_open(side, &reader) && exchange_as_child(side, &turn) &&
                 tour_learn(side, &processor) && check_reader(side, reader);
    wherry_region_close(reader);
    if (!right)
        return false;
    tour_pin((int)processor); // for as long as this child lives
    return tour_tell(side, 0) && answer_all(side, turn);
}

const struct tour_talk tour_talk_memory = {false, be_parent, be_child};
