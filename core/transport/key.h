/* SPDX-License-Identifier: MIT */
/*
 * How System V objects are named: `sysv:KEY`, `shmv:KEY`, `semv:KEY`, sysvipc(7).
 */
#ifndef TRANSPORT_KEY_H
#define TRANSPORT_KEY_H

#include "transport/transport.h"

enum key_sort {
    KEY_NUMBER,  /* 42 or 0x2a */
    KEY_FILE,    /* PATH,ID */
    KEY_PRIVATE, /* private */
    KEY_OBJECT   /* #IDENTIFIER, of one that is there */
};

struct key {
    enum key_sort sort;
    int64_t number;   /* the key, ftok(3)'s number, or the identifier */
    const char *path; /* of the address, not ended */
    size_t path_size;
};

/* Reads the rest of an address; `of` says of what, and how those are listed: "a queue
 * that is there (ipcs -q)".  Errors: -EINVAL; the sentence is set. */
int key_read(const struct address *, const char *of, struct key *out);

/* The number that the system knows it by; of KEY_NUMBER and KEY_FILE.
 * Errors: as stat(2), -ENOMEM; the sentence is set for -ENOENT. */
int key_number(const struct key *, int64_t *out);

/* The identifier of one that is there; `find` asks the system for that of a key.
 * Errors: -ENOENT (a private one has no name), as key_number and `find`. */
int key_find(const struct key *, int (*find)(int64_t key));

#endif
