/* SPDX-License-Identifier: MIT */
/*
 * The store: messages that come back to be used again, so that a steady flow allocates
 * nothing.
 *
 * Freed messages are pushed on `returned` by any thread (one compare-and-swap; takers
 * only ever empty the whole list, so there is no ABA).  What was returned is sorted
 * into bins by room when a bin runs out; the only thread of a process puts it there at
 * once.  A channel's sender and receiver each have a shelf of bins of their own, so
 * nothing is locked.  What lies unused is bounded, by number and by room.
 *
 * Whoever takes counts in a plain number of its shelf what is out, and counts what was
 * returned when it sorts it, so that taking costs no atomic operation and freeing at
 * most one.  When the channel leaves, it puts LEFT in place of the list and adds what
 * is still out to `owed`; from then on each free takes one off, and whoever brings it
 * to 0 frees the store.  (A free may come between the two, then `owed` is below 0 for a
 * moment.)
 */
#include "message/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "os/os.h"

/* Rooms of the bins, and how many unused messages each keeps.  The last is for larger
 * ones, which have the room they were asked for. */
static const struct {
    size_t room;
    unsigned keeps;
} sizes[] = {{96, 512},         {256, 64},    {1024, 16},    {8192, 8},
             {MESSAGE_READ, 4}, {1052672, 1}, {16781312, 1}, {SIZE_MAX, 0}};

enum { BINS = sizeof(sizes) / sizeof(sizes[0]), LAST_BIN = BINS - 1 };

/* One thread's unused messages. */
struct shelf {
    wherry_message *bins[BINS];
    uint16_t counts[BINS];
    int64_t out; /* taken less returned; the sum of both shelves counts */
};

struct message_store {
    _Atomic(wherry_message *) returned;
    atomic_int_least64_t owed;
    atomic_size_t memory; /* of all its blocks, unused or out */
    struct shelf shelves[2];
    struct wherry_peer peer;
};

// What stands in `returned` once the channel has left.
static wherry_message left;
#define LEFT (&left)

/* --- blocks -------------------------------------------------------------- */

enum { INTO_PAGE = 128 };

// The kernel's bytes begin at the start of a page, or a head behind it: those of a
// large message begin a little further on.
static uint8_t *first_byte(wherry_message *message)
{
    uint8_t *behind = (uint8_t *)(message + 1);
    if (message->room < COPY_LARGE)
        return behind;
    size_t skip = (size_t)(INTO_PAGE - (uintptr_t)behind) % COPY_PAGE;
    return behind + skip;
}

static size_t slack_of(size_t size)
{
    return size < COPY_LARGE ? 0 : COPY_PAGE;
}

int message_block_new(size_t size, wherry_message **out)
{
    if (size > SIZE_MAX - sizeof(wherry_message) - COPY_PAGE)
        return failure(-ENOMEM, "no memory for a message of %zu bytes", size);
    wherry_message *message = malloc(sizeof(*message) + size + slack_of(size));
    if (!message)
        return failure(-ENOMEM, "no memory for a message of %zu bytes", size);
    *message = (wherry_message){.size = size, .capacity = size, .room = size};
    message->data = first_byte(message);
    *out = message;
    return 0;
}

static size_t block_size(const wherry_message *message)
{
    return sizeof(*message) + message->room + slack_of(message->room);
}

static APART void block_release(wherry_message *message)
{
    if (message->store)
        atomic_fetch_sub_explicit(&message->store->memory, block_size(message),
                                  memory_order_relaxed);
    free(message->own);
    free(message->route);
    free(message);
}

/* --- bins ---------------------------------------------------------------- */

static size_t bin_for(size_t size)
{
    size_t bin = 0;
    while (sizes[bin].room < size)
        bin++;
    return bin;
}

static void keep(struct shelf *shelf, wherry_message *message)
{
    const size_t bin = message->bin;
    if (shelf->counts[bin] >= sizes[bin].keeps) {
        block_release(message);
        return;
    }
    message->next = shelf->bins[bin];
    shelf->bins[bin] = message;
    shelf->counts[bin]++;
}

static void sort_returned(struct message_store *store, struct shelf *shelf)
{
    wherry_message *message =
        atomic_exchange_explicit(&store->returned, NULL, memory_order_acquire);
    int64_t count = 0;
    for (; message; count++) {
        wherry_message *next = message->next;
        keep(shelf, message);
        message = next;
    }
    shelf->out -= count;
}

static wherry_message *take_unused(struct shelf *shelf, size_t bin)
{
    wherry_message *message = shelf->bins[bin];
    if (message) {
        shelf->bins[bin] = message->next;
        shelf->counts[bin]--;
    }
    return message;
}

/* --- the store ----------------------------------------------------------- */

int message_store_new(struct message_store **out)
{
    struct message_store *store = calloc(1, sizeof(*store));
    if (!store)
        return failure_plain(-ENOMEM, "no memory for a channel");
    store->peer = (struct wherry_peer){.pid = -1, .uid = -1, .gid = -1};
    *out = store;
    return 0;
}

static void hand_out(struct shelf *shelf, enum wherry_direction side, size_t size,
                     wherry_message *message, wherry_message **out)
{
    message->size = size;
    message->side = (uint8_t)side;
    shelf->out++;
    *out = message;
}

static int make(struct message_store *store, size_t bin, size_t size,
                wherry_message **out)
{
    int r = message_block_new(bin < LAST_BIN ? sizes[bin].room : size, out);
    if (r < 0)
        return r;
    (*out)->store = store;
    (*out)->bin = (uint8_t)bin;
    atomic_fetch_add_explicit(&store->memory, block_size(*out), memory_order_relaxed);
    return 0;
}

// One that was returned, or a new one.
static APART int take_other(struct message_store *store, enum wherry_direction side,
                            size_t size, wherry_message **out)
{
    struct shelf *shelf = &store->shelves[side];
    size_t bin = bin_for(size);
    sort_returned(store, shelf);
    wherry_message *message = take_unused(shelf, bin);
    int r = message ? 0 : make(store, bin, size, &message);
    if (r >= 0)
        hand_out(shelf, side, size, message, out);
    return r;
}

int message_store_take(struct message_store *store, enum wherry_direction side,
                       size_t size, wherry_message **out)
{
    struct shelf *shelf = &store->shelves[side];
    wherry_message *message = take_unused(shelf, bin_for(size));
    if (!message)
        return take_other(store, side, size, out);
    hand_out(shelf, side, size, message, out);
    return 0;
}

void message_store_trim(struct message_store *store, enum wherry_direction side)
{
    struct shelf *shelf = &store->shelves[side];
    sort_returned(store, shelf);
    for (size_t bin = 0; bin < BINS; bin++) {
        wherry_message *message;
        while ((message = take_unused(shelf, bin)))
            block_release(message);
    }
}

static APART void forget_extras(wherry_message *message)
{
    free(message->own);
    message->own = NULL;
    if (message->lender)
        message->lender->take_back(message->lender, message);
    message->lender = NULL;
    if (message->route) {
        message->route->to_size = message->route->from_size = 0;
        message->route->has_sender = false;
    }
}

static void make_new(wherry_message *message)
{
    if (message->own || message->route || message->lender)
        forget_extras(message);
    message->data = first_byte(message);
    message->capacity = message->room;
    message->kind = 0;
    message->word = 0;
    message->lost = 0;
    message->files_lost = false;
}

// On the thread that takes for the message's side.
static void put_back(struct message_store *store, wherry_message *message)
{
    struct shelf *shelf = &store->shelves[message->side];
    shelf->out--;
    keep(shelf, message);
}

void message_store_sent(struct message_store *store, wherry_message **gone)
{
    wherry_message *message = *gone;
    if (message->borrowed)
        return;
    *gone = NULL;
    // One that was received and sent on belongs to the other shelf, which misses it.
    if (message->store != store || message->side != WHERRY_OUT || message->files) {
        wherry_message_free(message);
        return;
    }
    make_new(message);
    put_back(store, message);
}

static bool has_left(struct message_store *store)
{
    return atomic_load_explicit(&store->returned, memory_order_relaxed) == LEFT;
}

static APART void free_late(struct message_store *store, wherry_message *message)
{
    block_release(message);
    if (atomic_fetch_sub_explicit(&store->owed, 1, memory_order_acq_rel) == 1)
        free(store);
}

// From any thread: for whoever takes next.
static void push_returned(struct message_store *store, wherry_message *message)
{
    wherry_message *first =
        atomic_load_explicit(&store->returned, memory_order_relaxed);
    do {
        if (first == LEFT) {
            free_late(store, message);
            return;
        }
        message->next = first;
    } while (!atomic_compare_exchange_weak_explicit(
        &store->returned, &first, message, memory_order_release, memory_order_relaxed));
}

void message_block_free(wherry_message *message)
{
    struct message_store *store = message->store;
    if (!store) {
        block_release(message);
        return;
    }
    make_new(message);
    if (os_alone() && !has_left(store))
        put_back(store, message);
    else
        push_returned(store, message);
}

void message_store_count(struct message_store *store, int64_t bytes)
{
    atomic_fetch_add_explicit(&store->memory, (size_t)bytes, memory_order_relaxed);
}

size_t message_store_size(struct message_store *store)
{
    return sizeof(*store) + atomic_load_explicit(&store->memory, memory_order_relaxed);
}

struct wherry_peer *message_store_peer(struct message_store *store)
{
    return &store->peer;
}

void message_store_leave(struct message_store *store)
{
    if (!store)
        return;
    message_store_trim(store, WHERRY_IN);
    message_store_trim(store, WHERRY_OUT);
    wherry_message *rest =
        atomic_exchange_explicit(&store->returned, LEFT, memory_order_acq_rel);
    int64_t out = store->shelves[WHERRY_IN].out + store->shelves[WHERRY_OUT].out;
    while (rest) {
        wherry_message *next = rest->next;
        out--;
        block_release(rest);
        rest = next;
    }
    if (atomic_fetch_add_explicit(&store->owed, out, memory_order_acq_rel) + out == 0)
        free(store);
}
