/* SPDX-License-Identifier: MIT */
/*
 * What looking at channels over memory is made of: pieces.c finds memory, flow.c puts
 * what both ends say together, channels.c makes the view.
 */
#ifndef PIECES_H
#define PIECES_H

#include <wherry/memory.h>

#include "inspect/inspect.h"

/* A piece of memory, and where it was found. */
struct piece {
    int64_t pid;
    int number;
    uint64_t inode;  /* 0: it was never opened */
    int cause;       /* 0; else why nothing is known of it, */
    const char *why; /* and the sentence, if there is one; else "" */
    struct wherry_memory_info info;
};

struct pieces {
    struct arena *arena;
    uint64_t device;     /* memory_device() */
    size_t numbers_most; /* that may still be looked at, of all processes */
    struct piece *all;
    size_t count;
    size_t begin;       /* of those of the process that was looked into last */
    int64_t *processes; /* others that were looked into */
    size_t process_count;
    bool is_cut;
};

/* Its memory, to be read, if it is still the same that is there: memory_close().
 * Errors: as memory_open; -ESRCH. */
int piece_open(const struct pieces *, int directory, struct piece *);

/* Reads it once more; it stays as it was if it is not there any more. */
void piece_look_again(const struct pieces *, int directory, struct piece *);

/* Adds those of a process.  Errors: -EACCES, -ESRCH, -ENOMEM, -EMFILE …. */
int pieces_add(struct pieces *, int directory, int64_t pid);

/* Adds those of another one, unless that was done; one that may not be looked into has
 * none.  Errors: -ENOMEM, -EMFILE, -ENFILE. */
int pieces_add_other(struct pieces *, int64_t pid);

bool pieces_is_among(const struct wherry_place *places, size_t count, int64_t pid);

/* The piece that says it stands beside that socket, of a process among those that have
 * it open; NULL: there is none. */
struct piece *pieces_find(const struct pieces *, enum wherry_memory_use,
                          uint64_t carrier, const struct wherry_place *places,
                          size_t count);

/* What is known of one direction: any of them may be NULL. */
struct flow_ends {
    const struct piece *writer, *reader;
    const struct piece *pool, *returns;
};

void flow_tell(const struct flow_ends *, struct wherry_flow *out);

/* A count as it is told: -1 of one that cannot be. */
int64_t flow_count(uint64_t count);

#endif
