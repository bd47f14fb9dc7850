/* SPDX-License-Identifier: MIT */
/*
 * fan: messages from one process to many, through one ring.
 *
 * The writer's memory is a ring's (memory/ring.h), and written on without waiting for
 * anybody: the oldest records are overwritten.  A reader has a page of its own, where
 * it says how far it is and whether it sleeps; the writer only reads that.
 *
 *   writer.tail  so far records are published
 *   fan.newest   where the last of them begins
 *   fan.floor    from here on all are there; moved before anything is overwritten
 *
 * A reader copies a record out, and looks at the floor then: if that has passed the
 * record, what was copied may be anything, and is not used.  So a reader that is slow,
 * stopped or hostile costs the writer nothing, and a writer cannot make a reader take
 * what was never published whole.  Nobody's wake-up is lost, as in a ring: the writer
 * shows what it wrote (ring_show), and looks at each reader's epoch then.
 * tests/model/fan-*.pml prove both, for x86.
 *
 * A record is 32 bytes and its payload, in steps of 32 bytes: its size and what it is,
 * its kind, its number, and when it was published.  It never goes over the end of the
 * ring: one that would is preceded by one that says to go on at the beginning.
 */
#ifndef FAN_H
#define FAN_H

#include "memory/ring.h"

enum {
    FAN_STEP = 32,
    FAN_SECTORS = 16, /* the floor moves by such parts of the ring */
    FAN_SHARE = 4,    /* a record is at most such a part of it */
    FAN_WORDS = 4     /* of a record's head */
};

/* The largest payload that a ring of `size` bytes takes. */
static inline uint64_t fan_most(uint64_t size)
{
    return size / FAN_SHARE - FAN_STEP;
}

/* --- the writing end ----------------------------------------------------- */

/* Of one thread at a time. */
struct fan_out {
    struct ring_out ring; /* without another side; its `messages` number records */
    uint64_t floor;
    uint64_t newest;
    uint64_t marked;             /* sectors, since the beginning, of which is known */
    uint64_t marks[FAN_SECTORS]; /* where the first record in or behind it begins */
};

void fan_out_start(struct fan_out *, const struct ring_side *own, bool may_be_unfenced);

struct fan_record {
    uint64_t size;
    int64_t kind;
    uint64_t number;        /* how many came before it */
    int64_t at;             /* when it was published, nanoseconds */
    const uint8_t *payload; /* theirs: it may change while it is looked at */
};

/* Writes a record, of at most fan_most() bytes; its number is the next one.  Nobody
 * sees it before fan_show(), which comes before a quarter of the ring is written. */
void fan_put(struct fan_out *, const struct fan_record *);

/* What was written becomes visible; then it is time to look at epochs, and
 * ring_shown(). */
void fan_show(struct fan_out *);

/* What the writer knows of one reader's sleep. */
struct fan_sleeper {
    const _Atomic(uint32_t) *epoch;
    uint32_t rung; /* the epoch that a bell was rung for */
};

/* Whether a bell has to be rung for that one. */
static inline bool fan_must_ring(struct fan_sleeper *sleeper)
{
    const uint32_t epoch = WHERRY_LOAD(sleeper->epoch);
    if (!(epoch & 1) || epoch == sleeper->rung)
        return false;
    sleeper->rung = epoch;
    return true;
}

/* How far behind a reader is that has read up to `head`, which it may have made up. */
struct fan_lag {
    uint64_t bytes;    /* at most what the ring holds */
    uint64_t messages; /* not yet read; of what is overwritten nothing is known */
    int64_t since;     /* when the oldest that it can still read was published; 0: it
                          has read all */
    bool is_overtaken; /* some that it has not read are overwritten */
};

/* By any thread of the writer's process. */
void fan_look_behind(const struct ring_side *own, uint64_t head, struct fan_lag *out);

/* What a record begins with: its size and what it is, kind, number, when. */
struct fan_head {
    uint64_t words[FAN_WORDS];
};

/* A fan as it was at one moment, and how to look into its memory from elsewhere. */
struct fan_sight {
    uint64_t size; /* of the ring, a power of two */
    uint64_t tail; /* of the writer */
    uint64_t messages;
    bool (*load)(const void *from, uint64_t at, struct fan_head *); /* of the ring */
    uint64_t (*floor)(const void *from);                            /* as it is now */
    const void *from;
};

void fan_measure_lag(const struct fan_sight *, uint64_t head, struct fan_lag *out);

/* --- the reading end ----------------------------------------------------- */

/* Of one thread at a time. */
struct fan_in {
    struct ring_in ring; /* its `head` says how far is read */
    uint64_t tail_seen;  /* how far they had written, when it was last looked at */
    uint64_t number;     /* that the next record has if none is lost */
};

/* What is read begins at `head`, with the record of that number.
 * Errors: -EPROTO (no record begins there). */
int fan_in_start(struct fan_in *, const struct ring_side *own,
                 const struct ring_side *theirs, uint64_t head, uint64_t number);

enum { FAN_BEHIND = 2 };

/* The next record: 1, 0 there is none, or FAN_BEHIND: it is no longer there.
 * Errors: -EPROTO, from which there is no way on; the sentence is set. */
int fan_next(struct fan_in *, struct fan_record *out);

/* Copies its payload; false: it was overwritten meanwhile, what was copied is of no
 * use. */
bool fan_copy(const struct fan_in *, const struct fan_record *, void *to);

/* It has been read, or is passed over; how many before it were lost. */
uint64_t fan_took(struct fan_in *, const struct fan_record *);

/* Goes on with the oldest record that is there, or with the newest.
 * Errors: -EPROTO. */
int fan_go_to_oldest(struct fan_in *);
int fan_go_to_newest(struct fan_in *);

/* Looks again how far they have written: 1 there is something, 0 there is nothing.
 * Errors: -EPROTO. */
int fan_look_again(struct fan_in *);

/* Whether there is anything, as far as is known without their memory. */
static inline bool fan_has_more(const struct fan_in *fan)
{
    return fan->ring.head != fan->tail_seen;
}

/* Before the reader sleeps: whether it may (1), or there is news (0).  Errors: -EPROTO.
 * It wakes by ring_in_wakes(). */
int fan_in_sleeps(struct fan_in *);

#endif
