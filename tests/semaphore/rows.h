/* SPDX-License-Identifier: MIT */
/*
 * The mechanisms of semaphores as rows of one table, for what all of them promise.
 */
#ifndef ROWS_H
#define ROWS_H

#include "../transport/talk.h"

enum { ADDRESS = 512 };

/* One mechanism, under a name or without one in a region. */
struct row {
    const char *name;
    const char *scheme;
    const char *made;    /* "members=1&initial=": what says how many permits */
    uint32_t most;       /* permits that it can have */
    uint32_t least;      /* ditto, when it is made */
    bool has_mode;       /* mode= lets others in; else it is its user's alone */
    bool is_placed;      /* it has no name: it lives in a region */
    bool has_owner;      /* who holds a permit is known: others cannot release it */
    bool has_sets;       /* several members, several operations at once */
    bool has_descriptor; /* wherry_semaphore_fd */
    bool tells_permits;  /* with how many it was made */
    bool tells_waiters;
    bool tells_removal; /* who waits hears of it */
};

extern const struct row rows[]; /* ends with a NULL name */

/* An address of the test's own with these options, "?create=no"; good until the fourth
 * call from here. */
const char *at(const struct row *row, const char *options);

/* The same of one that is made with so many permits, and more options: "&mode=644". */
const char *at_made(const struct row *row, uint32_t permits, const char *more);

/* One that is made with so many permits; the test has one at a time. */
wherry_semaphore *make(const struct row *row, uint32_t permits);

/* The same once more, as another process would have it: by its address, or in the same
 * memory, mapped elsewhere. */
wherry_semaphore *again(const struct row *row);

/* What make() left is removed, once all are closed. */
void unmake(const struct row *row);

/* What make() and again() would return. */
int try_make(const struct row *row, uint32_t permits, wherry_semaphore **out);

int64_t value_of(const wherry_semaphore *semaphore);

/* A test that runs for each row: "NAME/ROW". */
#define EACH_ROW(name)                                                                 \
    static void name(const struct row *row);                                           \
    static void name##_of(const void *argument)                                        \
    {                                                                                  \
        name(argument);                                                                \
    }                                                                                  \
    __attribute__((constructor)) static void registers_##name(void)                    \
    {                                                                                  \
        add_rows(#name, name##_of);                                                    \
    }                                                                                  \
    static void name(const struct row *row)

/* For EACH_ROW. */
void add_rows(const char *name, void (*run)(const void *));

#endif
