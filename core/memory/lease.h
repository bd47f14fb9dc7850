/* SPDX-License-Identifier: MIT */
/*
 * lease: a semaphore whose permits belong to somebody.
 *
 * Shared is a block of memory, and a doorbell (a FIFO in the user's directory) for each
 * process that has waited.  The block has
 *
 *   permits   a word each: its owner, or 0.  Taking one is one exchange of that word,
 *             and so is giving it back: there is nothing between.
 *   places    one for each handle that is open: who has it.  An owner is a place, the
 *             place's generation and the process's number, so no two handles that ever
 *             were are the same owner.
 *   waits     a word for each place: a ticket and how many permits are wanted, or 0.
 *             No two tickets are the same.
 *   a line    how many ever began to wait, how many ever came, and whose turn it is
 *             before all who come now.
 *
 * What the dead left is taken back by whoever finds them dead, several at once if need
 * be: each step exchanges a word that only the dead could have written for 0, so it
 * does not matter who does it, how often, or who dies meanwhile (places.c).
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

#include "memory/memory.h"

/* --- what is shared: lease_format.c -------------------------------------- */

struct lease_header {
    char magic[8];
    uint32_t version;
    uint32_t layout; /* sizes and offsets in one number */
    uint32_t permits;
    uint32_t places;
    uint64_t space; /* the pid namespace of those who use it */
    uint64_t name;  /* of its doorbells: a number that no other has */
    uint64_t size;  /* of all */
    uint64_t unused[2];
};

struct lease_line {
    _Atomic(uint64_t) arrivals; /* how often anybody began to wait */
    _Atomic(uint64_t) tickets;
    _Atomic(uint64_t) attached; /* how often anybody came */
    _Atomic(uint64_t) used;     /* places from here on never had anybody */
    _Atomic(uint64_t) first;    /* the owner whose turn it is, or 0 */
    _Atomic(uint64_t) first_at; /* when that one looked last, in milliseconds */
};

struct lease_place {
    _Atomic(uint64_t) word; /* its state, generation, and the process's number */
    _Atomic(uint64_t) since;
    _Atomic(uint64_t) inode;
    _Atomic(uint64_t) boot;
    uint64_t unused[4];
};

/* --- what a handle has for itself ---------------------------------------- */

enum { LEASE_BELLS = 16 };

struct lease_bell { /* of another process */
    uint64_t owner; /* 0: none */
    struct os_descriptor fifo;
};

struct lease_watched { /* another process */
    uint64_t owner;    /* 0: nobody */
    int pidfd;
};

struct lease {
    wherry_semaphore base;

    struct lease_line *line;
    _Atomic(uint64_t) *owners; /* of the permits */
    _Atomic(uint64_t) *waits;
    struct lease_place *places;
    uint32_t permits; /* how many: as the header said when it was opened */
    uint32_t seats;
    uint64_t name;

    struct region_life life; /* not that of a child of fork(2) */
    struct os_life self;
    uint64_t space; /* this pid namespace */
    uint64_t boot;  /* this start of the machine */
    uint64_t owner; /* this handle */
    uint32_t place;
    _Atomic(uint32_t) held;  /* permits that were acquired, and not given back */
    _Atomic(uint32_t) hint;  /* the permit to look at first */
    _Atomic(uint64_t) quiet; /* so many had arrived when nobody waited */

    int directory;             /* of the doorbells */
    int canceled;              /* a bell that wakes whoever waits here */
    int turn;                  /* a bell: rung while no thread of this process waits */
    int watch;                 /* own doorbell, the end of others; -1: not yet */
    int timer;                 /* in the watch of who polls it; -1: nobody has */
    struct os_descriptor bell; /* own doorbell */
    struct lease_watched *watched;
    uint64_t seen;            /* so many had come when the watch was complete */
    bool is_blind;            /* somebody could not be watched: too few descriptors */
    _Atomic(uint32_t) wanted; /* by whoever polls the descriptor; 0: nobody */

    struct os_lock lock; /* of the bells */
    struct lease_bell bells[LEASE_BELLS];

    wherry_region *region;
    bool is_alone; /* that is its own memory */
};

/* --- words --------------------------------------------------------------- */

/* A process's number is below 2^22 on every Linux (PID_MAX_LIMIT). */
enum { LEASE_PID_BITS = 22, LEASE_GENERATION_BITS = 32, LEASE_COUNT_BITS = 20 };

/* The place of an owner; the caller checks that there is such a place. */
static inline uint32_t lease_place_of(uint64_t owner)
{
    return (uint32_t)(owner >> (LEASE_PID_BITS + LEASE_GENERATION_BITS));
}

static inline int64_t lease_pid_of(uint64_t owner)
{
    return (int64_t)(owner & ((UINT64_C(1) << LEASE_PID_BITS) - 1));
}

/* Exchanges a word of the dead for 0, if it still is that. */
static inline bool lease_clear(_Atomic(uint64_t) *word, uint64_t old)
{
    return atomic_compare_exchange_strong(word, &old, 0);
}

/* --- lease_format.c ------------------------------------------------------ */

/* Whether that is one, of this pid namespace: takes its numbers over.  `size` is how
 * many bytes there are at most.  Errors: -EPROTO (something else, or of another
 * version), -EXDEV (of another pid namespace); the sentence is set. */
int lease_take(struct lease *, struct lease_header *at, uint64_t size);

/* --- places.c: who has it open ------------------------------------------- */

/* Takes a place.  Errors: -EUSERS (all are taken); the sentence is set. */
int places_enter(struct lease *);

/* Gives it up with all that this handle holds. */
void places_leave(struct lease *);

/* The owner in that place, or 0; *left: what its end left is there to be taken back. */
uint64_t places_owner(const struct lease *, uint32_t place, bool *left);

/* Whether that owner has ended; what is not known is no end. */
bool places_has_ended(const struct lease *, uint64_t owner);

/* Takes back what the dead owner left.  Any number of processes may do so at once. */
void places_take_back(struct lease *, uint64_t owner);

/* Takes back what is held by any who have ended. */
void places_look(struct lease *);

/* Takes back all that any left who have ended, and their places; wakes nobody: who does
 * that has a place. */
void places_sweep(struct lease *);

/* A pidfd of that owner.  Errors: -ESRCH (it has ended); as os_life_open. */
int places_open(const struct lease *, uint64_t owner);

/* How many places there are to look at. */
uint32_t places_used(const struct lease *);

/* --- bells.c: doorbells -------------------------------------------------- */

/* Makes this handle's own, and what it waits by.  Errors: as mkfifo(3), -EMFILE. */
int bells_prepare(struct lease *);
void bells_clear(struct lease *);

void bells_ring(struct lease *, uint64_t owner);

/* Removes that of an owner, who has gone. */
void bells_remove(const struct lease *, uint64_t owner);

/* Closes what is open. */
void bells_close(struct lease *);

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

/* Wakes all who wait: somebody has come, whom they do not watch. */
void line_wake_all(struct lease *);

/* It has waited for long: its turn is before all who come, if it has waited longest. It
 * looks at the permits after that: whoever was woken in its stead may not take them. */
void line_insist(struct lease *);

/* --- watch.c: the ends of others ----------------------------------------- */

/* The watch has the doorbell and all who have a place now.  Takes back what is left of
 * those who have ended.  The permits are looked at after that: one whom it never had
 * may have come, and gone before it had rung. */
void lease_watch(struct lease *);
void lease_unwatch(struct lease *);

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

/* How many permits nobody holds. */
uint32_t lease_free(const struct lease *);

#endif
