/* SPDX-License-Identifier: MIT */
/*
 * os: the kernel's semaphores.  Part of os.h, which others include.
 *
 * A signal handler that sets *stop ends a wait: -ECANCELED.  One that runs just before
 * the thread enters the kernel would not, and neither would another thread, so what
 * waits looks again after OS_STOP_SLICE.
 */
#ifndef OS_SEMAPHORE_H
#define OS_SEMAPHORE_H

#include <errno.h>
#include <semaphore.h>

#include "os/object.h"
#include "os/os.h"

enum { OS_STOP_SLICE = 100000000 }; /* nanoseconds */

/* --- sem_linux.c: POSIX semaphores, sem_overview(7) ---------------------- */

/* What this C library makes a semaphore of, at its place in memory. */
enum { OS_SEM_SIZE = sizeof(sem_t), OS_SEM_MOST = 0x7fffffff /* SEM_VALUE_MAX */ };

/* Where sem_open(3) keeps "/NAME": writes that path; `out` has OS_SHM_PATH bytes. */
void os_sem_path(const char *name, char *out);

/* Makes one there, for several processes. */
int os_sem_make(void *at, uint32_t permits);

/* Takes a permit: 0 or -EAGAIN.  In sight of the compiler, for it is so quick that a
 * call more is felt. */
static inline int os_sem_try(sem_t *at)
{
    return sem_trywait(at) == 0 ? 0 : -EAGAIN;
}

/* Waits for one and takes it: 0, -ETIMEDOUT, -ECANCELED. */
int os_sem_await(sem_t *at, wherry_deadline deadline, const atomic_bool *stop);

/* Gives one: 0 or -EOVERFLOW. */
static inline int os_sem_give(sem_t *at)
{
    return sem_post(at) == 0 ? 0 : -EOVERFLOW;
}

/* How many there are. */
int64_t os_sem_value(const sem_t *at);

/* --- semv_linux.c: System V sets, semop(2), semctl(2) -------------------- */

/* The identifier of a set, and whether it was made; then it has its initial values once
 * os_semv_begin() has given them.  Errors: as semget(2) and os_object_open. */
int os_semv_open(const struct os_object_plan *, bool *made);

/* The identifier of the set of a key, whatever this user may do with it.  Errors:
 * -ENOENT. */
int os_semv_find(int64_t key);

/* Gives a new set its values, as many as it has members, and after that a time of the
 * last operation, by which others know that it is done.  Errors: as semctl(2). */
int os_semv_begin(int id, const uint16_t *values);

struct os_semv_state {
    uint32_t members;
    int64_t uid;
    int64_t gid;
    uint32_t mode;
    int64_t operated_at; /* in seconds since 1970; 0: never */
    int64_t changed_at;
};

/* Errors: -EACCES, -EIDRM (there is none). */
int os_semv_look(int id, struct os_semv_state *out);

/* One operation on one member. */
struct os_semv_step {
    uint16_t member;
    int16_t change;
    bool undo;
};

enum {
    OS_SEMV_STEPS = 65536, /* no more at once are tried */
    OS_SEMV_MEMBERS = 65536,
    OS_SEMV_MOST = 32767 /* the value of a member (SEMVMX), and of a change */
};

/* All of them in one step, or none; waits until they can be done.
 * Errors: -EAGAIN (WHERRY_POLL), -ETIMEDOUT, -ECANCELED, -EIDRM, -E2BIG, -ERANGE,
 * -ENOSPC, -EACCES, -ENOMEM. */
int os_semv_operate(int id, const struct os_semv_step *, size_t count,
                    wherry_deadline deadline, const atomic_bool *stop);

/* The values of all members at one moment.  `out` has room for OS_SEMV_MEMBERS: the
 * identifier may be that of another set by now, with more of them.  Errors: -EACCES,
 * -EIDRM. */
int os_semv_values(int id, uint16_t *out);

/* What can be asked of one member. */
enum os_semv_question {
    OS_SEMV_VALUE,
    OS_SEMV_WAITERS, /* who wait for it to grow */
    OS_SEMV_ZERO,    /* who wait for it to be 0 */
    OS_SEMV_LAST     /* the process that operated on it last; 0: nobody that is seen */
};

/* Errors: -EACCES, -EIDRM. */
int64_t os_semv_ask(int id, uint32_t member, enum os_semv_question);

/* Errors: -EACCES, -EIDRM, -ERANGE. */
int os_semv_set(int id, uint32_t member, uint32_t value);

/* Errors: -EPERM, -EIDRM. */
int os_semv_remove(int id);

/* kernel.sem; -1: not known. */
struct os_semv_limits {
    int64_t members;    /* of one set (SEMMSL) */
    int64_t all;        /* members of all sets (SEMMNS) */
    int64_t operations; /* at once (SEMOPM) */
    int64_t sets;       /* SEMMNI */
};

void os_semv_limits(struct os_semv_limits *out);

#endif
