/* SPDX-License-Identifier: MIT */
/*
 * os: a mutex between processes that is told of its holder's death.  Part of os.h,
 * which others include.
 */
#ifndef OS_MUTEX_H
#define OS_MUTEX_H

#include "os/os.h"

/* Lies in memory that processes share, and says nothing outside of one C library. */
struct os_mutex {
    _Alignas(8) uint8_t robust[48]; /* pthread_mutex_t */
    atomic_uint bell; /* where the library cannot wait: see mutex_linux.c */
    atomic_uint sleepers;
    uint32_t unused[2];
};

/* Who made a mutex must have the same of both. */
enum os_libc { OS_LIBC_OTHER, OS_LIBC_GLIBC, OS_LIBC_MUSL, OS_LIBCS };

enum os_libc os_libc(void);

/* Whether a child of fork(2) can have robust mutexes where the thread that forked held
 * some: with musl it would write into theirs. */
bool os_mutex_survives_fork(void);

/* The bytes of one that is free; always the same.  Errors: -ENOTSUP. */
int os_mutex_image(struct os_mutex *out);

/* Errors, with the mutex held: -EOWNERDEAD.  Errors, without: -EAGAIN, -ETIMEDOUT,
 * -EDEADLK (by this thread), -ENOTRECOVERABLE (one was given back after -EOWNERDEAD
 * without os_mutex_recover). */
int os_mutex_take(struct os_mutex *, wherry_deadline);

/* After -EOWNERDEAD.  Errors: -EINVAL (it was not). */
int os_mutex_recover(struct os_mutex *);

/* Errors: -EPERM (this thread does not hold it). */
int os_mutex_give(struct os_mutex *);

#endif
