/* SPDX-License-Identifier: MIT */
/*
 * os: what the three sorts of System V objects share, sysvipc(7).  Part of os.h, which
 * others include.
 */
#ifndef OS_OBJECT_H
#define OS_OBJECT_H

#include "os/os.h"

/* What is to be opened, or made. */
struct os_object_plan {
    bool is_private; /* a new one, without a key */
    int64_t key;
    enum os_create create;
    uint32_t mode; /* of one that is made */
    uint64_t size; /* ditto: of a segment its bytes, of a set its members; 0: as it is,
                      none is made.  A queue has none. */
};

/* How one sort is asked for: as semget(2), a size of 0 for one that is there. */
struct os_object_sort {
    int (*get)(int64_t key, uint64_t size, int flags); /* the identifier, or an error */
    int wish;      /* which rights one that is there has to give, as in msgget(2) */
    bool has_size; /* none is made without one */
};

/* --- object_linux.c ------------------------------------------------------ */

/* The identifier, and whether it was made.  Errors: as `get`; -ENODATA (there is none,
 * and no size to make one with). */
int os_object_open(const struct os_object_plan *, const struct os_object_sort *,
                   bool *made);

#endif
