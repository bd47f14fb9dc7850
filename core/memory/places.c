/* SPDX-License-Identifier: MIT */
/*
 * Who has an object open: its places.
 *
 * A place is FREE, COMING (its number is there, the rest of its identity not yet),
 * HERE, or GONE: its owner has left or is proven dead, and what it had is being taken
 * back. Only who is HERE can hold anything or wait.  Each step on the way from HERE to
 * FREE can be done by several, and again: it exchanges a word that only this owner
 * could have written, or the place's own word, whose generation never comes again.  So
 * whoever takes back may be killed or stopped at any point: others do it, too.
 *
 * Death is proven by the kernel alone: by a pidfd, that there is no such process, that
 * it is another one by now, or that the machine has been started anew.
 */
#include "memory/places.h"

#include <errno.h>

enum state { FREE, COMING, HERE, GONE };

enum {
    STATE_SHIFT = 62,
    HASH_SHIFT = 54,
    HASH = 0xff,
    WHO_BITS = OWNER_PID_BITS + OWNER_GENERATION_BITS
};

static const uint64_t who_mask = (UINT64_C(1) << WHO_BITS) - 1;
static const uint64_t generation_step = UINT64_C(1) << OWNER_PID_BITS;

static enum state state_of(uint64_t word)
{
    return (enum state)(word >> STATE_SHIFT);
}

static uint64_t in_state(enum state state, uint64_t word)
{
    return (uint64_t)state << STATE_SHIFT | (word & who_mask);
}

static uint64_t owner_of(uint32_t place, uint64_t word)
{
    return (uint64_t)place << WHO_BITS | (word & who_mask);
}

// The next owner of this place is another one.
static uint64_t freed(uint64_t word)
{
    const uint64_t generation = word & who_mask & ~(generation_step - 1);
    return in_state(FREE, generation + generation_step);
}

uint32_t places_used(const struct places *places)
{
    const uint64_t used = atomic_load(places->used);
    return used < places->seats ? (uint32_t)used : places->seats;
}

uint64_t places_wait_of(const struct places *places, uint32_t place)
{
    return place < places->seats ? atomic_load(&places->waits[place]) : 0;
}

/* --- whether it lives ---------------------------------------------------- */

static struct os_life life_in(const struct place *place, uint64_t word)
{
    return (struct os_life){
        .pid = owner_pid(word),
        .since = atomic_load_explicit(&place->since, memory_order_relaxed),
        .inode = atomic_load_explicit(&place->inode, memory_order_relaxed)};
}

static bool is_of_another_boot(const struct places *places, const struct place *place)
{
    return atomic_load_explicit(&place->boot, memory_order_relaxed) != places->boot;
}

static bool is_self(const struct places *places, const struct os_life *life)
{
    return life->pid == places->self.pid && life->since == places->self.since &&
           life->inode == places->self.inode;
}

// Of what makes it another than the next of its number, as much as there is room for.
static uint64_t hash_of(const struct os_life *life)
{
    return (life->since ^ life->inode) & HASH;
}

// The life behind an owner that is HERE.  -ESRCH: it is not any more.
static int life_of(const struct places *places, uint64_t owner, struct os_life *out)
{
    const uint32_t number = owner_place(owner);
    if (number >= places->seats)
        return -ESRCH;
    const struct place *place = &places->all[number];
    const uint64_t word = atomic_load(&place->word);
    *out = life_in(place, word);
    const bool is_old = is_of_another_boot(places, place);
    atomic_thread_fence(memory_order_acquire);
    const bool is_here = state_of(word) == HERE && owner_of(number, word) == owner &&
                         atomic_load(&place->word) == word;
    return is_here && !is_old ? 0 : -ESRCH;
}

uint64_t places_owner(const struct places *places, uint32_t place, bool *left)
{
    const uint64_t word = atomic_load(&places->all[place].word);
    *left = state_of(word) == GONE;
    return state_of(word) == HERE || *left ? owner_of(place, word) : 0;
}

bool places_has_ended(const struct places *places, uint64_t owner)
{
    struct os_life life;
    if (life_of(places, owner, &life) < 0)
        return true;
    return !is_self(places, &life) && os_life_has_ended(&life) == 1;
}

int places_open(const struct places *places, uint64_t owner)
{
    struct os_life life;
    int r = life_of(places, owner, &life);
    return r < 0 ? r : os_life_open(&life);
}

/* --- taking back --------------------------------------------------------- */

// Whatever it waits for was written by it: the place has nobody else yet.  Somebody may
// ring it meanwhile, and no wait must stay where nobody is: it would be woken for ever.
static void take_back_wait(struct places *places, uint32_t number, uint64_t gone)
{
    bool done = false;
    while (!done) {
        const uint64_t wait = atomic_load(&places->waits[number]);
        done = wait == 0 || atomic_load(&places->all[number].word) != gone ||
               word_clear(&places->waits[number], wait);
    }
}

void places_take_back(struct places *places, uint64_t owner)
{
    const uint32_t number = owner_place(owner);
    places->ways->take_back(places, owner);
    if (number >= places->seats)
        return;
    _Atomic(uint64_t) *word = &places->all[number].word;
    uint64_t here = in_state(HERE, owner);
    uint64_t gone = in_state(GONE, owner);
    (void)atomic_compare_exchange_strong(word, &here, gone);
    if (atomic_load(word) != gone)
        return; // others have done it all
    take_back_wait(places, number, gone);
    bells_remove(places, owner);
    (void)atomic_compare_exchange_strong(word, &gone, freed(owner));
}

// One that died before it was here has nothing but its place.
static void take_back_coming(struct places *places, uint32_t number)
{
    _Atomic(uint64_t) *at = &places->all[number].word;
    uint64_t word = atomic_load(at);
    struct os_life life;
    if (state_of(word) != COMING)
        return;
    int r = os_life_look(owner_pid(word), &life);
    const bool is_another = r >= 0 && hash_of(&life) != (word >> HASH_SHIFT & HASH);
    if (r == -ESRCH || is_another || (r >= 0 && os_life_has_ended(&life) == 1))
        (void)atomic_compare_exchange_strong(at, &word, freed(word));
}

/* --- coming and leaving -------------------------------------------------- */

int places_start(struct places *places, const struct places_ways *ways, void *object)
{
    struct os_era era;
    places->ways = ways;
    places->object = object;
    places->directory = places->watch = places->timer = -1;
    places->bell = OS_DESCRIPTOR_NONE;
    places->seen = UINT64_MAX;
    int r = os_era(&era);
    if (r >= 0)
        r = os_life_look(os_self(), &places->self);
    if (r == -EMFILE || r == -ENFILE)
        return failure(r, "opening a %s: %s", ways->noun, error_words(r));
    if (r < 0)
        return failure(r, "this process cannot be told from others: mount /proc");
    places->space = era.namespace;
    places->boot = (uint64_t)era.start[0] << 32 | era.start[1];
    return 0;
}

static void widen(struct places *places, uint64_t used)
{
    uint64_t now = atomic_load(places->used);
    while (now < used && !atomic_compare_exchange_weak(places->used, &now, used))
        ;
}

static bool enter_at(struct places *places, uint32_t number)
{
    struct place *place = &places->all[number];
    uint64_t word = atomic_load(&place->word);
    if (state_of(word) != FREE)
        return false;
    const uint64_t who = (word & who_mask) | (uint64_t)places->self.pid;
    const uint64_t coming = in_state(COMING, who) | hash_of(&places->self)
                                                        << HASH_SHIFT;
    widen(places, (uint64_t)number + 1);
    if (!atomic_compare_exchange_strong(&place->word, &word, coming))
        return false;
    atomic_store_explicit(&place->since, places->self.since, memory_order_relaxed);
    atomic_store_explicit(&place->inode, places->self.inode, memory_order_relaxed);
    atomic_store_explicit(&place->boot, places->boot, memory_order_relaxed);
    places->place = number;
    places->owner = owner_of(number, who);
    atomic_store(&place->word, in_state(HERE, who));
    return true;
}

static bool enter(struct places *places)
{
    bool done = false;
    for (uint32_t i = 0; i < places->seats && !done; i++)
        done = enter_at(places, i);
    return done;
}

void places_sweep(struct places *places)
{
    for (uint32_t i = 0; i < places->seats; i++) {
        bool left;
        const uint64_t owner = places_owner(places, i, &left);
        if (owner == 0)
            take_back_coming(places, i);
        else if (left || places_has_ended(places, owner))
            places_take_back(places, owner);
    }
}

int places_enter(struct places *places)
{
    if (!enter(places)) {
        places_sweep(places);
        if (!enter(places))
            return failure(
                -EUSERS,
                "%u have the %s open, and it is made for no more: make it with "
                "handles=",
                (unsigned)places->seats, places->ways->noun);
    }
    atomic_fetch_add(places->attached, 1);
    bells_ring_all(places);
    return 0;
}

// It wakes whoever is next while it has its place: those who wait are told of its end
// until then, and of that of one who died before it rang.
void places_leave(struct places *places)
{
    atomic_store(&places->waits[places->place], 0);
    places->ways->take_back(places, places->owner);
    places->ways->wake(places);
    places_take_back(places, places->owner);
    bells_remove(places, places->owner);
}
