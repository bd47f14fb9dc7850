/* SPDX-License-Identifier: MIT */
/*
 * Who has a lease open: its places.
 *
 * A place is FREE, COMING (its number is there, the rest of its identity not yet),
 * HERE, or GONE: its owner has left or is proven dead, and what it had is being taken
 * back. Only who is HERE can own a permit or wait.  Each step on the way from HERE to
 * FREE can be done by several, and again: it exchanges a word that only this owner
 * could have written, or the place's own word, whose generation never comes again.  So
 * whoever takes back may be killed or stopped at any point: others do it, too.
 *
 * Death is proven by the kernel alone: by a pidfd, that there is no such process, that
 * it is another one by now, or that the machine has been started anew.
 */
#include "memory/lease.h"

#include <errno.h>

enum state { FREE, COMING, HERE, GONE };

enum {
    STATE_SHIFT = 62,
    HASH_SHIFT = 54,
    HASH = 0xff,
    WHO_BITS = LEASE_PID_BITS + LEASE_GENERATION_BITS
};

static const uint64_t who_mask = (UINT64_C(1) << WHO_BITS) - 1;
static const uint64_t generation_step = UINT64_C(1) << LEASE_PID_BITS;

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

uint32_t places_used(const struct lease *lease)
{
    const uint64_t used = atomic_load(&lease->line->used);
    return used < lease->seats ? (uint32_t)used : lease->seats;
}

/* --- whether it lives ---------------------------------------------------- */

static struct os_life life_in(const struct lease_place *place, uint64_t word)
{
    return (struct os_life){
        .pid = lease_pid_of(word),
        .since = atomic_load_explicit(&place->since, memory_order_relaxed),
        .inode = atomic_load_explicit(&place->inode, memory_order_relaxed)};
}

static bool is_of_another_boot(const struct lease *lease,
                               const struct lease_place *place)
{
    return atomic_load_explicit(&place->boot, memory_order_relaxed) != lease->boot;
}

static bool is_self(const struct lease *lease, const struct os_life *life)
{
    return life->pid == lease->self.pid && life->since == lease->self.since &&
           life->inode == lease->self.inode;
}

// Of what makes it another than the next of its number, as much as there is room for.
static uint64_t hash_of(const struct os_life *life)
{
    return (life->since ^ life->inode) & HASH;
}

// The life behind an owner that is HERE.  -ESRCH: it is not any more.
static int life_of(const struct lease *lease, uint64_t owner, struct os_life *out)
{
    const uint32_t number = lease_place_of(owner);
    if (number >= lease->seats)
        return -ESRCH;
    const struct lease_place *place = &lease->places[number];
    const uint64_t word = atomic_load(&place->word);
    *out = life_in(place, word);
    const bool is_old = is_of_another_boot(lease, place);
    atomic_thread_fence(memory_order_acquire);
    const bool is_here = state_of(word) == HERE && owner_of(number, word) == owner &&
                         atomic_load(&place->word) == word;
    return is_here && !is_old ? 0 : -ESRCH;
}

uint64_t places_owner(const struct lease *lease, uint32_t place, bool *left)
{
    const uint64_t word = atomic_load(&lease->places[place].word);
    *left = state_of(word) == GONE;
    return state_of(word) == HERE || *left ? owner_of(place, word) : 0;
}

bool places_has_ended(const struct lease *lease, uint64_t owner)
{
    struct os_life life;
    if (life_of(lease, owner, &life) < 0)
        return true;
    return !is_self(lease, &life) && os_life_has_ended(&life) == 1;
}

int places_open(const struct lease *lease, uint64_t owner)
{
    struct os_life life;
    int r = life_of(lease, owner, &life);
    return r < 0 ? r : os_life_open(&life);
}

/* --- taking back --------------------------------------------------------- */

// Whatever it waits for was written by it: the place has nobody else yet.  Somebody may
// ring it meanwhile, and no wait must stay where nobody is: it would be woken for ever.
static void take_back_wait(struct lease *lease, uint32_t number, uint64_t gone)
{
    bool done = false;
    while (!done) {
        const uint64_t wait = atomic_load(&lease->waits[number]);
        done = wait == 0 || atomic_load(&lease->places[number].word) != gone ||
               lease_clear(&lease->waits[number], wait);
    }
}

static void take_back_held(struct lease *lease, uint64_t owner)
{
    for (uint32_t i = 0; i < lease->permits; i++)
        if (atomic_load_explicit(&lease->owners[i], memory_order_relaxed) == owner)
            (void)lease_clear(&lease->owners[i], owner);
    (void)lease_clear(&lease->line->first, owner);
}

void places_take_back(struct lease *lease, uint64_t owner)
{
    const uint32_t number = lease_place_of(owner);
    take_back_held(lease, owner);
    if (number >= lease->seats)
        return;
    _Atomic(uint64_t) *word = &lease->places[number].word;
    uint64_t here = in_state(HERE, owner);
    uint64_t gone = in_state(GONE, owner);
    (void)atomic_compare_exchange_strong(word, &here, gone);
    if (atomic_load(word) != gone)
        return; // others have done it all
    take_back_wait(lease, number, gone);
    bells_remove(lease, owner);
    (void)atomic_compare_exchange_strong(word, &gone, freed(owner));
}

// One that died before it was here has nothing but its place.
static void take_back_coming(struct lease *lease, uint32_t number)
{
    _Atomic(uint64_t) *at = &lease->places[number].word;
    uint64_t word = atomic_load(at);
    struct os_life life;
    if (state_of(word) != COMING)
        return;
    int r = os_life_look(lease_pid_of(word), &life);
    const bool is_another = r >= 0 && hash_of(&life) != (word >> HASH_SHIFT & HASH);
    if (r == -ESRCH || is_another || (r >= 0 && os_life_has_ended(&life) == 1))
        (void)atomic_compare_exchange_strong(at, &word, freed(word));
}

void places_look(struct lease *lease)
{
    uint8_t looked[LEASE_HANDLES / 8] = {0};
    bool any = false;
    for (uint32_t i = 0; i <= lease->permits; i++) {
        _Atomic(uint64_t) *word =
            i < lease->permits ? &lease->owners[i] : &lease->line->first;
        const uint64_t owner = atomic_load(word);
        const uint32_t number = lease_place_of(owner) % LEASE_HANDLES;
        const uint8_t bit = (uint8_t)(1u << number % 8);
        if (owner == 0 || owner == lease->owner || (looked[number / 8] & bit))
            continue;
        looked[number / 8] |= bit;
        if (!places_has_ended(lease, owner))
            continue;
        places_take_back(lease, owner);
        any = true;
    }
    if (any)
        line_wake(lease);
}

/* --- coming and leaving -------------------------------------------------- */

static void widen(struct lease *lease, uint64_t used)
{
    uint64_t now = atomic_load(&lease->line->used);
    while (now < used && !atomic_compare_exchange_weak(&lease->line->used, &now, used))
        ;
}

static bool enter_at(struct lease *lease, uint32_t number)
{
    struct lease_place *place = &lease->places[number];
    uint64_t word = atomic_load(&place->word);
    if (state_of(word) != FREE)
        return false;
    const uint64_t who = (word & who_mask) | (uint64_t)lease->self.pid;
    const uint64_t coming = in_state(COMING, who) | hash_of(&lease->self) << HASH_SHIFT;
    widen(lease, (uint64_t)number + 1);
    if (!atomic_compare_exchange_strong(&place->word, &word, coming))
        return false;
    atomic_store_explicit(&place->since, lease->self.since, memory_order_relaxed);
    atomic_store_explicit(&place->inode, lease->self.inode, memory_order_relaxed);
    atomic_store_explicit(&place->boot, lease->boot, memory_order_relaxed);
    lease->place = number;
    lease->owner = owner_of(number, who);
    atomic_store(&place->word, in_state(HERE, who));
    return true;
}

static bool enter(struct lease *lease)
{
    bool done = false;
    for (uint32_t i = 0; i < lease->seats && !done; i++)
        done = enter_at(lease, i);
    return done;
}

void places_sweep(struct lease *lease)
{
    for (uint32_t i = 0; i < lease->seats; i++) {
        bool left;
        const uint64_t owner = places_owner(lease, i, &left);
        if (owner == 0)
            take_back_coming(lease, i);
        else if (left || places_has_ended(lease, owner))
            places_take_back(lease, owner);
    }
}

int places_enter(struct lease *lease)
{
    if (!enter(lease)) {
        places_sweep(lease);
        if (!enter(lease))
            return failure(
                -EUSERS,
                "%u have the lease open, and it is made for no more: make it "
                "with handles=",
                (unsigned)lease->seats);
    }
    atomic_fetch_add(&lease->line->attached, 1);
    line_wake_all(lease);
    return 0;
}

// It wakes whoever is next while it has its place: those who wait are told of its end
// until then, and of that of one who died before it rang.
void places_leave(struct lease *lease)
{
    atomic_store(&lease->waits[lease->place], 0);
    take_back_held(lease, lease->owner);
    line_wake(lease);
    places_take_back(lease, lease->owner);
    bells_remove(lease, lease->owner);
}
