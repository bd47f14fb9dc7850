/* SPDX-License-Identifier: MIT */
/*
 * The inside of a System V queue, between sysv.c, sysv_key.c and sysv_moves.c.
 */
#ifndef TRANSPORT_SYSV_H
#define TRANSPORT_SYSV_H

#include "transport/queue.h"

/* --- sysv_key.c ---------------------------------------------------------- */

enum sysv_sort {
    SYSV_NUMBER,  /* 42 or 0x2a */
    SYSV_FILE,    /* PATH,ID */
    SYSV_PRIVATE, /* private */
    SYSV_QUEUE    /* #IDENTIFIER, of a queue that is there */
};

struct sysv_key {
    enum sysv_sort sort;
    int64_t number;   /* the key, ftok(3)'s number, or the identifier */
    const char *path; /* of the address, not ended */
    size_t path_size;
};

/* Reads the rest of an address.  Errors: -EINVAL; the sentence is set. */
int sysv_key(const struct address *, struct sysv_key *out);

/* The identifier of the queue, made as the address says, and whether it was.
 * Errors: as msgget(2); the sentence is set for -ENOENT and -ENOSPC. */
int sysv_open(const struct address *, const struct sysv_key *, bool writes,
              bool *is_made);

/* The identifier of one that is there.  Errors: -ENOENT, -EACCES …. */
int sysv_find(const struct sysv_key *);

/* --- sysv_moves.c -------------------------------------------------------- */

/* The endpoint of the queue of that identifier, which goes with it if it is given an
 * owner. */
int sysv_end(const struct address *, int id, bool writes, struct endpoint *out);

#endif
