/* SPDX-License-Identifier: MIT */
/*
 * places: who has a named object of ours open, and how they wake one another.
 *
 * Shared are a place and a word for each handle that is open.  The place says who it
 * is; an owner is a place, the place's generation and the process's number, so no two
 * handles that ever were are the same owner.  The word is how it waits, as the object
 * has it, or 0.  Beside the object each handle that has ever waited has a doorbell, a
 * FIFO (bells.c); who sleeps for long is also told of the end of everybody who has a
 * place, by their pidfds, and of everybody who comes (watch.c).
 *
 * What the dead left is taken back by whoever finds them dead, several at once if need
 * be: each step exchanges a word that only the dead could have written, so it does not
 * matter who does it, how often, or who dies meanwhile (places.c).
 */
#ifndef PLACES_H
#define PLACES_H

#include "memory/memory.h"

/* --- what is shared ------------------------------------------------------ */

/* What the block of each such object begins with; its format has the rest. */
struct places_header {
    char magic[8];
    uint32_t version;
    uint32_t layout; /* the sizes of its parts in one number */
    uint64_t space;  /* the pid namespace of those who use it */
    uint64_t name;   /* of its doorbells: a number that no other has */
    uint64_t size;   /* of all */
    uint32_t places;
    uint32_t unused;
};

struct place {
    _Atomic(uint64_t) word; /* its state, generation, and the process's number */
    _Atomic(uint64_t) since;
    _Atomic(uint64_t) inode;
    _Atomic(uint64_t) boot;
    uint64_t unused[4];
};

/* --- what a handle has for itself ---------------------------------------- */

enum {
    PLACES_BELLS = 16,
    PLACES_LOOK = 100000000 /* nanoseconds until one looks without being told */
};

struct places_bell { /* of another process */
    uint64_t owner;  /* 0: none */
    struct os_descriptor fifo;
};

struct places_watched { /* another process */
    uint64_t owner;     /* 0: nobody */
    int pidfd;
};

struct places;

/* What one sort of object is, and does about those who have it open. */
struct places_ways {
    const char *noun;    /* "lease" */
    const char magic[8]; /* of its header */
    uint32_t version;
    uint32_t layout;

    /* Gives back what the owner has, who has ended or leaves.  Any number of processes
     * may do so at once. */
    void (*take_back)(struct places *, uint64_t owner);

    /* Wakes whoever may have what was given back. */
    void (*wake)(struct places *);

    /* Takes back what is held by any who have ended: for a handle that is not told of
     * the end of all. */
    void (*look)(struct places *);
};

struct places {
    const struct places_ways *ways;
    void *object; /* that they have open, for the ways */

    /* Shared, as the object's format has them. */
    struct place *all;
    _Atomic(uint64_t) *waits;
    _Atomic(uint64_t) *attached; /* how often anybody came */
    _Atomic(uint64_t) *used;     /* places from here on never had anybody */
    uint32_t seats;              /* how many places: as the header said */
    uint64_t name;               /* of the doorbells: a number that no other has */

    struct os_life self;
    uint64_t space; /* this pid namespace */
    uint64_t boot;  /* this start of the machine */
    uint64_t owner; /* this handle */
    uint32_t place;

    int directory;                  /* of the doorbells */
    int watch;                      /* own doorbell, the end of others; -1: not yet */
    int timer;                      /* in the watch; -1: not yet */
    struct os_descriptor bell;      /* own doorbell */
    struct places_watched *watched; /* by place */
    uint32_t watched_count;         /* how many it has room for */
    uint64_t seen;                  /* so many had come when the watch was complete */
    bool is_blind; /* somebody could not be watched: too few descriptors */

    struct os_lock lock; /* of the bells */
    struct places_bell bells[PLACES_BELLS];
};

/* --- words --------------------------------------------------------------- */

/* A process's number is below 2^22 on every Linux (PID_MAX_LIMIT). */
enum { OWNER_PID_BITS = 22, OWNER_GENERATION_BITS = 32 };

/* The place of an owner; the caller checks that there is such a place. */
static inline uint32_t owner_place(uint64_t owner)
{
    return (uint32_t)(owner >> (OWNER_PID_BITS + OWNER_GENERATION_BITS));
}

static inline int64_t owner_pid(uint64_t owner)
{
    return (int64_t)(owner & ((UINT64_C(1) << OWNER_PID_BITS) - 1));
}

/* Exchanges a word of the dead for 0, if it still is that. */
static inline bool word_clear(_Atomic(uint64_t) *word, uint64_t old)
{
    return atomic_compare_exchange_strong(word, &old, 0);
}

/* --- places_header.c: the beginning of its block ------------------------- */

/* For so many places in a block of that size, but without the magic.  Errors: as
 * os_directory_number and os_era; the sentence is set. */
int places_header_make(struct places_header *, const struct places_ways *,
                       uint32_t places, uint64_t size);

/* Adds the magic: who sees it sees all that was made before. */
void places_header_show(struct places_header *, const struct places_ways *);

/* Whether the first bytes of a block of that size are such a header; given is a copy,
 * which nobody changes meanwhile.  Whether its places and its size fit is the format's
 * to tell.  Errors: -EPROTO (another thing, or another version), -EXDEV (another pid
 * namespace than space); the sentence is set. */
int places_header_check(const struct places_header *, const struct places_ways *,
                        uint64_t size, uint64_t space);

/* That its numbers do not fit: -EPROTO. */
int places_header_broken(const struct places_ways *);

/* --- places.c: who has it open ------------------------------------------- */

/* A handle that has no place yet, and knows who it is.  Errors: -ENOTSUP (without
 * /proc), -EMFILE, -ENFILE …; the sentence is set. */
int places_start(struct places *, const struct places_ways *, void *object);

/* Takes a place.  Errors: -EUSERS (all are taken); the sentence is set. */
int places_enter(struct places *);

/* Gives it up with all that this handle holds. */
void places_leave(struct places *);

/* The owner in that place, or 0; *left: what its end left is there to be taken back. */
uint64_t places_owner(const struct places *, uint32_t place, bool *left);

/* Whether that owner has ended; what is not known is no end. */
bool places_has_ended(const struct places *, uint64_t owner);

/* Takes back what the dead owner left.  Any number of processes may do so at once. */
void places_take_back(struct places *, uint64_t owner);

/* Takes back all that any left who have ended, and their places; wakes nobody: who does
 * that has a place. */
void places_sweep(struct places *);

/* A pidfd of that owner.  Errors: -ESRCH (it has ended); as os_life_open. */
int places_open(const struct places *, uint64_t owner);

/* How many places there are to look at. */
uint32_t places_used(const struct places *);

/* The word of whoever waits in that place; 0: nobody. */
uint64_t places_wait_of(const struct places *, uint32_t place);

/* --- bells.c: doorbells -------------------------------------------------- */

/* Makes this handle's own, and what it waits by.  Errors: as mkfifo(3), -EMFILE; the
 * sentence is set. */
int bells_prepare(struct places *);
void bells_clear(struct places *);

void bells_ring(struct places *, uint64_t owner);

/* Rings whoever is in that place. */
void bells_ring_place(struct places *, uint32_t place);

/* Rings all who wait: somebody has come, whom they do not watch. */
void bells_ring_all(struct places *);

/* Removes that of an owner, who has gone. */
void bells_remove(const struct places *, uint64_t owner);

/* Closes what is open. */
void bells_close(struct places *);

/* --- watch.c: the ends of others ----------------------------------------- */

/* The watch has the doorbell and all who have a place now.  Takes back what is left of
 * those who have ended.  The object is looked at after that: one whom it never had may
 * have come, and gone before it had rung. */
void places_watch(struct places *);

/* The watch has a timer, too.  Errors: -EMFILE, -ENFILE, -ENOMEM; the sentence is set.
 */
int places_prepare_timer(struct places *);

/* The timer, if there is one, wakes whoever waits by the watch for a look without being
 * told: who gives back may have had no descriptor left to ring with. */
void places_look_at(const struct places *, wherry_deadline at);

/* Closes it, and forgets who was watched. */
void places_unwatch(struct places *);

#endif
