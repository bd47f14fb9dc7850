/* SPDX-License-Identifier: MIT */
/*
 * What the mechanisms of memory share: memfd.c, shm.c, shmv.c, file.c.
 */
#ifndef TRANSPORT_REGION_H
#define TRANSPORT_REGION_H

#include "transport/transport.h"

extern const struct wherry_option size_options[];  /* size= */
extern const struct wherry_option named_options[]; /* create= mode= access= */

/* What access= says. */
enum wherry_region_access region_access(const struct address *);

/* The size that the address asks for; 0: whatever it has. */
uint64_t region_size(const struct address *);

/* One that is there keeps its size, whatever the address asks for.  -EEXIST; the
 * sentence is set. */
int region_check_size(const struct address *, uint64_t size);

/* What is to be at a path, and mapped. */
struct region_plan {
    struct os_memory_plan file;
    enum os_create create;
    enum wherry_region_access access;
    int (*fill)(wherry_region *, const void *with); /* a new one, which nobody sees yet;
                                                       NULL: it stays all zero */
    const void *with;
};

/* Finds or makes it, and says whether it was made.  Errors: as open(2); -ENODATA (there
 * is none, and no size to make one with), -ENOTSUP (it is no file); the sentence is set
 * for -EINVAL (it is empty). */
int region_find_or_make(const struct region_plan *, bool *is_made, wherry_region **out);

/* The region of a path, opened or made as the address says; `is_exact`: a symbolic link
 * is none.  Errors: as wherry_region_open; the sentence is set. */
int region_of_path(const struct address *, const char *path, bool is_exact,
                   wherry_region **out);

/* Removes it.  Errors: as unlink(2); -EEXIST (it is something else): the sentence is
 * set. */
int region_remove_path(const char *path);

/* Makes an error whole: with the address, and in words of regions where it has none. */
int region_refuse(const struct address *, int error);

#endif
