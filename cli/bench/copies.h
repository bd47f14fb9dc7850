/* SPDX-License-Identifier: MIT */
/*
 * What the files of `wherry bench copies` say to each other.
 *
 * A way carries a file's bytes from one process to another.  Each place where a byte is
 * copied counts it, so that what is told is what was done.
 */
#ifndef COPIES_H
#define COPIES_H

#include "bench/bench.h"

enum { COPIES_WHY = 320, COPIES_ADDRESS = 160 };

/* What both processes see. */
struct copies_shared {
    char address[COPIES_ADDRESS]; /* where the receiver listens */
    uint64_t copied[2];           /* bytes, [0] by the sender, [1] by the receiver */
    int64_t began, ended;
    uint64_t sum; /* of what arrived */
    char why[COPIES_WHY];
};

/* One end of a way, while the file moves. */
struct copies_end {
    const char *path;
    int file;
    uint64_t size;
    unsigned char *bytes; /* the receiver's, as many */
    wherry_channel *channel;
    uint64_t *copied; /* this end's count */
    struct copies_shared *shared;
};

struct copies_way {
    const char *name;
    const char *address; /* %s is a name of this run's own */
    const char *steps;   /* where its bytes are copied, in words */
    size_t piece;        /* bytes of a message */
    int (*send)(const struct copies_way *, struct copies_end *);
    int (*take)(const struct copies_way *, struct copies_end *);
};

/* copies_ways.c.  Ends with a NULL name. */
extern const struct copies_way copies_ways[];

/* Of all bytes in their order; nothing that is lost, changed or moved gives the same
 * but by a chance of 1 in 2^64. */
uint64_t copies_sum(const unsigned char *bytes, uint64_t size);

/* copies.c */
struct copies_wish {
    const char *path;
    const struct bench_plan *plan;
    const bool *places; /* [enum bench_place] */
    bool json;
};

/* Measures and prints.  DONE or FAILED. */
int bench_copies(const struct copies_wish *wish);

#endif
