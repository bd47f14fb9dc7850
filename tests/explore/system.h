/* SPDX-License-Identifier: MIT */
/*
 * What the kernel would tell those who share memory: who lives, doorbells, what each
 * waits by, and files that are memory.  One handle for each role.
 */
#ifndef SYSTEM_H
#define SYSTEM_H

#include "explore.h"

/* It lies in the scene's memory, but not in what is shared. */
struct explore_system {
    struct explore_bell bells[EXPLORE_FIBERS];
    unsigned deaths[EXPLORE_FIBERS]; /* of whom each is told, a bit each */
    unsigned role;                   /* who calls, while no scene runs */
    void *file;                      /* what is made next as a sealed file */
    uint64_t file_size;
};

/* From the scene's beginning on it is this one. */
void system_begin(struct explore_system *);

/* Until what the role waits by is readable. */
void system_sleep(unsigned role);

#endif
