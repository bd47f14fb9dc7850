/* SPDX-License-Identifier: MIT */
/*
 * lease: a semaphore whose permits belong to somebody.
 *
 * Shared is a block of memory, and a doorbell (a FIFO in the user's directory) for each
 * process that has waited.  The block has
 *
 *   permits   a word each: its owner, or 0.  Taking one is one exchange of that word,
 *             and so is giving it back: there is nothing between.
 *   places    one for each handle that is open: who has it (places.h).
 *   waits     a word for each place: a ticket and how many permits are wanted, or 0.
 *             No two tickets are the same.
 *   a line    how many ever began to wait, how many ever came, and whose turn it is
 *             before all who come now.
 *
 * Nobody's wake-up is lost (line.c): who waits writes its word, counts itself, and
 * looks at the permits once more; who gives back clears the permit and looks at the
 * count then. Who sleeps for longer than a millisecond is also told of the end of
 * everybody who has a place, by their pidfds, and of everybody who comes.
 *
 * These words are for processes of one user and of one pid namespace.  They may write
 * anything there: it may cost the semaphore's meaning, never memory outside of it.
 */
#ifndef LEASE_H
#define LEASE_H

#include "memory/places.h"

/* --- what is shared: lease_format.c -------------------------------------- */

struct lease_header {
    struct places_header common;
    uint32_t permits;
    uint32_t unused[3];
};

struct lease_line {
    _Atomic(uint64_t) arrivals; /* how often anybody began to wait */
    _Atomic(uint64_t) tickets;
    _Atomic(uint64_t) attached; /* how often anybody came */
    _Atomic(uint64_t) used;     /* places from here on never had anybody */
    _Atomic(uint64_t) first;    /* the owner whose turn it is, or 0 */
    _Atomic(uint64_t) first_at; /* when that one looked last, in milliseconds */
};

/* --- what a handle has for itself ---------------------------------------- */

struct lease {
    wherry_semaphore base;

    struct places places;
    struct lease_line *line;
    _Atomic(uint64_t) *owners; /* of the permits */
    uint32_t permits;          /* how many: as the header said when it was opened */

    struct region_life life; /* not that of a child of fork(2) */
    _Atomic(uint32_t) held;  /* permits that were acquired, and not given back */
    _Atomic(uint32_t) hint;  /* the permit to look at first */
    _Atomic(uint64_t) quiet; /* so many had arrived when nobody waited */

    int canceled;             /* a bell that wakes whoever waits here */
    int turn;                 /* a bell: rung while no thread of this process waits */
    _Atomic(uint32_t) wanted; /* by whoever polls the descriptor; 0: nobody */

    wherry_region *region;
    bool is_alone; /* that is its own memory */
};

enum { LEASE_COUNT_BITS = 20 };

/* --- lease_format.c ------------------------------------------------------ */

extern const struct places_ways lease_ways;

/* Whether that is one, of this pid namespace: takes its numbers over.  `size` is how
 * many bytes there are at most.  Errors: -EPROTO (something else, or of another
 * version), -EXDEV (of another pid namespace); the sentence is set. */
int lease_take(struct lease *, struct lease_header *at, uint64_t size);

/* --- line.c: who waits --------------------------------------------------- */

void line_join(struct lease *, uint32_t count);

/* It was woken, and looks at the permits now: it can be woken anew. */
void line_wakes(struct lease *);

/* Whoever is next may have what this one has left. */
void line_leave(struct lease *);

/* Whether somebody else's turn comes first.  `is_patient`: also if that one was asked
 * and has not looked for long. */
bool line_is_others(const struct lease *, bool is_patient);

/* After a permit was given back: wakes whoever is next. */
void line_wake(struct lease *);

/* It has waited for long: its turn is before all who come, if it has waited longest. It
 * looks at the permits after that: whoever was woken in its stead may not take them. */
void line_insist(struct lease *);

/* --- wait.c -------------------------------------------------------------- */

/* Acquires, after a first try without success.  Errors: as wherry_acquire. */
int lease_wait(struct lease *, uint32_t count, wherry_deadline deadline);

/* Has this handle wait in the line for whoever polls the descriptor, until a try
 * succeeds.  Errors: as wherry_semaphore_fd. */
int lease_poll(struct lease *, uint32_t count, int *out);

/* -EAGAIN; the sentence is set. */
int lease_has_not(uint32_t count);

/* One try of such a one.  Errors: -EAGAIN. */
int lease_try_in_line(struct lease *, uint32_t count);

/* --- lease.c ------------------------------------------------------------- */

/* One try.  `is_patient`: as line_is_others has it. */
bool lease_try(struct lease *, uint32_t count, bool is_patient);

/* Takes back what is held by any who have ended. */
void lease_look(struct lease *);

/* How many permits nobody holds. */
uint32_t lease_free(const struct lease *);

#endif
