/* SPDX-License-Identifier: MIT */
/*
 * What the named objects of our own share: a file in the user's directory that is
 * mapped (lease_named.c, shared_queue.c).
 */
#ifndef TRANSPORT_NAMED_H
#define TRANSPORT_NAMED_H

#include "transport/transport.h"

/* One sort of them. */
struct named {
    const char *noun;   /* "lease" */
    const char *ending; /* of its file: ".lease" */
};

/* Whether the rest is a name for one.  Errors: -EINVAL, -ENAMETOOLONG; the sentence is
 * set. */
int named_check(const struct address *, const struct named *);

struct named_plan {
    int directory; /* that os_directory gave */
    enum os_create create;
    uint64_t size; /* of one that is made */
    int (*fill)(wherry_region *, const void *address);
};

/* The memory of one that is there, or that is made: it gets its name when it is whole.
 * Errors: as wherry_semaphore_open of lease:; the sentence is set where the errno alone
 * would not say it. */
int named_map(const struct address *, const struct named *, const struct named_plan *,
              wherry_region **out);

/* Removes its file.  Errors: as unlink(2), -EEXIST (it is something else). */
int named_remove(int directory, const struct address *, const struct named *);

/* Makes an error whole. */
int named_refuse(const struct address *, int error);

#endif
