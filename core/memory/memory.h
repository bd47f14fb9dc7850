/* SPDX-License-Identifier: MIT */
/*
 * memory: what lives in memory that processes share.
 *
 * Deals in descriptors and segments, and knows no address: ../transport opens what an
 * address names, and makes a region of it here.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include <wherry/region.h>

#include "base/base.h"
#include "os/os.h"

/* --- region.c ------------------------------------------------------------ */

enum { REGION_SCHEME = 16, REGION_ADDRESS = 256 };

struct wherry_region {
    uint8_t *data;
    size_t size;
    enum wherry_region_access access;
    int fd;      /* -1: a System V segment */
    int segment; /* its identifier; -1: a file */
    unsigned seals;
    bool is_steady;  /* its size cannot change */
    bool is_private; /* a segment that never had a name to lose */
    char scheme[REGION_SCHEME];
    char address[REGION_ADDRESS]; /* by which others open it; "": none */
};

/* A region of an open file of that size, mapped as `access` says.  Takes the
 * descriptor on success only.  Errors: as mmap(2); the sentence is set. */
int region_of_file(int fd, uint64_t size, enum wherry_region_access,
                   wherry_region **out);

/* A region of a System V segment.  Errors: as shmat(2); -ENOMEM. */
int region_of_segment(int segment, uint64_t size, enum wherry_region_access,
                      wherry_region **out);

/* What the description shows; `address` is cut to what it has room for. */
void region_show(wherry_region *, const char *scheme, const char *address);

#endif
