/* SPDX-License-Identifier: MIT */
/*
 * Which order of steps is next: every one in turn, one by chance, or one again.
 *
 * An order is the list of what was chosen.  To have every one, the last choice that
 * leaves another one is made otherwise, and all behind it is chosen anew.
 */
#include <stdio.h>
#include <stdlib.h>

#include "parts.h"

enum {
    CHOICES_MOST = 2 * POINTS_MOST,
    CHANGES_OF_PRIORITY = 6,
    PRIORITIES = 3 * EXPLORE_FIBERS
};

struct choice {
    unsigned char taken;
    unsigned char count;
    unsigned short changes; // before it
    unsigned short costs;   // a bit each
};

static struct {
    enum { EVERY, CHANCE, AGAIN } way;
    struct choice path[CHOICES_MOST];
    unsigned length; // of what is given, or was chosen
    unsigned at;
    unsigned changes;
    unsigned changes_most;

    uint64_t random;
    unsigned longest; // of those that were, in choices
    unsigned priorities[PRIORITIES];
    unsigned lowest;
    unsigned changes_at[CHANGES_OF_PRIORITY];
    unsigned dies_at;
} search;

/* --- by chance ----------------------------------------------------------- */

static uint64_t chance(uint64_t below)
{
    search.random ^= search.random << 13; // xorshift64
    search.random ^= search.random >> 7;
    search.random ^= search.random << 17;
    return search.random % below;
}

// Fibers and buffers in any order; somewhere on the way the one that is first becomes
// the last.
static void deal_priorities(void)
{
    for (unsigned i = 0; i < PRIORITIES; i++) {
        const unsigned other = (unsigned)chance(i + 1);
        search.priorities[i] = search.priorities[other];
        search.priorities[other] = 1000 + i;
    }
    search.lowest = 999;
    const unsigned changes = 1 + (unsigned)chance(CHANGES_OF_PRIORITY);
    for (unsigned i = 0; i < CHANGES_OF_PRIORITY; i++)
        search.changes_at[i] =
            i < changes ? (unsigned)chance(search.longest) : CHOICES_MOST;
    search.dies_at = (unsigned)chance(3 * (uint64_t)search.longest);
}

// Of a fiber, of its buffer, and of what could overtake in it.
static unsigned *priority_of(const struct move *move)
{
    const unsigned of = move->sort == SHOW ? 1 : move->sort == OVERTAKE ? 2 : 0;
    return &search.priorities[of * EXPLORE_FIBERS + move->fiber];
}

static unsigned choose_first(const struct moves *moves)
{
    unsigned best = 0;
    for (unsigned i = 1; i < moves->count; i++) {
        if (moves->all[i].sort == DIE) {
            if (search.at == search.dies_at)
                return i;
        } else if (*priority_of(&moves->all[i]) > *priority_of(&moves->all[best])) {
            best = i;
        }
    }
    return best;
}

static unsigned choose_by_chance(const struct moves *moves)
{
    for (unsigned i = 0; i < CHANGES_OF_PRIORITY; i++)
        if (search.changes_at[i] == search.at)
            *priority_of(&moves->all[choose_first(moves)]) = search.lowest--;
    return choose_first(moves);
}

void search_chance(uint64_t seed)
{
    search.way = CHANCE;
    search.at = search.length = search.changes = 0;
    search.random = seed * 0x9e3779b97f4a7c15 + 1;
    deal_priorities();
}

/* --- every one ----------------------------------------------------------- */

void search_every(unsigned changes)
{
    search.way = EVERY;
    search.at = search.length = search.changes = 0;
    search.changes_most = changes;
}

// The next choice there that does not change too much, or 0.
static unsigned next_of(const struct choice *choice)
{
    for (unsigned i = choice->taken + 1u; i < choice->count; i++)
        if (choice->changes + (choice->costs >> i & 1u) <= search.changes_most)
            return i;
    return 0;
}

bool search_next(void)
{
    search.length = search.at;
    while (search.length > 0) {
        struct choice *last = &search.path[search.length - 1];
        const unsigned next = next_of(last);
        if (next > 0) {
            last->taken = (unsigned char)next;
            search.at = search.changes = 0;
            return true;
        }
        search.length--;
    }
    return false;
}

unsigned search_changes(void)
{
    return search.changes;
}

/* --- choosing ------------------------------------------------------------ */

static unsigned choose_anew(const struct moves *moves)
{
    struct choice *choice = &search.path[search.at];
    const bool is_by_chance = search.way == CHANCE;
    *choice = (struct choice){.count = (unsigned char)moves->count,
                              .changes = (unsigned short)search.changes};
    for (unsigned i = 0; i < moves->count; i++)
        choice->costs |= (unsigned short)(moves->all[i].cost << i);
    choice->taken = is_by_chance ? (unsigned char)choose_by_chance(moves) : 0;
    return choice->taken;
}

unsigned search_choose(const struct moves *moves)
{
    if (moves->count == 1 || search.at == CHOICES_MOST)
        return 0;
    unsigned taken =
        search.at < search.length ? search.path[search.at].taken : choose_anew(moves);
    if (taken >= moves->count)
        taken = 0; // words that were made up
    search.changes += moves->all[taken].cost;
    if (++search.at > search.longest)
        search.longest = search.at;
    return taken;
}

/* --- words --------------------------------------------------------------- */

void search_words(char *words, size_t size)
{
    size_t used = 0;
    *words = 0;
    for (unsigned i = 0; i < search.at && used < size; i++)
        if (search.path[i].taken > 0)
            used += (size_t)snprintf(words + used, size - used, "%s%u=%u",
                                     used > 0 ? " " : "", i, search.path[i].taken);
}

bool search_replay(const char *words)
{
    search_every(0);
    search.way = AGAIN;
    while (*words) {
        char *end;
        const unsigned long at = strtoul(words, &end, 10);
        if (end == words || *end != '=' || at >= CHOICES_MOST)
            return false;
        while (search.length <= at)
            search.path[search.length++] = (struct choice){.taken = 0};
        search.path[at].taken = (unsigned char)strtoul(end + 1, &end, 10);
        words = end + strspn(end, " ");
    }
    return true;
}
