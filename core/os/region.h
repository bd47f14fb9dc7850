/* SPDX-License-Identifier: MIT */
/*
 * os: memory that processes share.  Part of os.h, which others include.
 */
#ifndef OS_REGION_H
#define OS_REGION_H

#include "os/object.h"
#include "os/os.h"

/* --- map_linux.c: mmap(2) ------------------------------------------------ */

enum os_map_access {
    OS_MAP_READ,
    OS_MAP_WRITE,
    OS_MAP_PRIVATE, /* a copy of its own */
    OS_MAP_SEALED   /* to be read, and nobody can change it */
};

/* Errors: as mmap(2). */
int os_map(int fd, size_t size, enum os_map_access, void **out);

/* The same in the place of what is mapped there.  Errors: as mmap(2). */
int os_map_again(int fd, size_t size, enum os_map_access, void *at);

void os_unmap(void *at, size_t size);

/* A child of fork(2) will not have that mapping. */
void os_map_without_child(void *at, size_t size);

/* What was changed there goes to the disk (msync(2)).  `at` need not begin a page. */
int os_flush(void *at, size_t size);

/* Copies within this process, also where one side may be gone: -EFAULT, and no signal.
 * Errors: -EFAULT; as process_vm_readv(2). */
int os_copy(void *to, const void *from, size_t size);

/* A word of this process's own that a child of fork(2) finds 0 again.
 * Errors: as mmap(2). */
int os_fork_word_new(atomic_uint **out);
void os_fork_word_free(atomic_uint *); /* NULL is fine */

/* --- memory_linux.c: what is mapped -------------------------------------- */

/* memfd_create(2), with all of its memory reserved.  Errors: -ENOSPC, -ENOMEM, -EMFILE,
 * -EFBIG …. */
int os_memfd(const char *name, uint64_t size);

enum os_seal {
    OS_SEAL_SHRINK = 1 << 0,
    OS_SEAL_GROW = 1 << 1,
    OS_SEAL_WRITERS = 1 << 2, /* F_SEAL_FUTURE_WRITE */
    OS_SEAL_WRITE = 1 << 3,
    OS_SEAL_SEAL = 1 << 4
};

/* Errors: -EPERM (sealed against that), -EBUSY (mapped for writing), -EINVAL (it can
 * have no seals). */
int os_seal(int fd, unsigned added);

/* The seals it has.  Errors: -EINVAL (it can have none), -EBADF. */
int os_seals(int fd);

struct os_memory {
    uint64_t size;
    bool is_regular; /* a file, or memory that is one */
    bool is_tmpfs;   /* memory of this machine */
    bool is_named;   /* somewhere in the file system */
    int64_t uid;
    int64_t gid;
    uint32_t mode;
    int64_t changed; /* in seconds since 1970 */
    uint64_t device;
    uint64_t inode;
};

/* Reads it as a file, from `at` on: how many bytes, fewer than `size` where it ends.
 * Errors: as pread(2). */
int64_t os_memory_read(int fd, uint64_t at, void *out, size_t size);

/* Errors: -EBADF. */
int os_memory_look(int fd, struct os_memory *out);

struct os_memory_plan {
    const char *path;
    bool writes;   /* else it is opened to be read */
    bool is_exact; /* what is there by that name must be no symbolic link */
    uint32_t mode; /* of one that is made */
    uint64_t size; /* ditto, bytes */
};

/* Opens a file that is there, to be mapped.  Errors: as open(2); -ENOTSUP (it is no
 * regular file). */
int os_memory_open(const struct os_memory_plan *);

/* Makes one in the directory of the path, with its room reserved, but without a name as
 * yet; `beside` (OS_MEMORY_BESIDE bytes more than the path) is "", or a name that it
 * has meanwhile where files need one from birth.  Errors: as open(2), -ENOSPC …. */
enum { OS_MEMORY_BESIDE = 24 };

int os_memory_make(const struct os_memory_plan *, char *beside);

/* Gives it its name.  Errors: as link(2). */
int os_memory_name(int fd, const char *beside, const char *path);

/* Whether it got its name or not: the one that it had meanwhile goes. */
void os_memory_settle(const char *beside);

/* Where shm_open(3) keeps "/NAME": writes that path; `out` has OS_SHM_PATH bytes. */
enum { OS_SHM_PATH = 280 };

void os_shm_path(const char *name, char *out);

/* Removes a path that is a regular file.  Errors: as unlink(2); -EEXIST: it is
 * something else. */
int os_memory_remove(const char *path);

/* --- shm_linux.c: System V segments, shmop(2) ---------------------------- */

/* The identifier of a segment, and whether it was made.  Errors: as shmget(2) and
 * os_object_open. */
int os_shm_open(const struct os_object_plan *, bool *made);

/* The identifier of the segment of a key, whatever this user may do with it.  Errors:
 * -ENOENT. */
int os_shm_find(int64_t key);

struct os_shm_state {
    uint64_t size;
    int64_t uid;
    int64_t gid;
    uint32_t mode;
    bool is_removed; /* it goes with the last who has it attached */
    int64_t attached;
    int64_t creator;
    int64_t last;
    int64_t attached_at; /* in seconds since 1970; 0: never */
    int64_t detached_at;
    int64_t changed_at;
};

/* Errors: -EACCES, -EIDRM (there is none). */
int os_shm_look(int id, struct os_shm_state *out);

/* Errors: -EACCES, -EIDRM, -EMFILE, -ENOMEM. */
int os_shm_attach(int id, bool writes, void **out);

void os_shm_detach(void *at);

/* Marks it for removal.  Errors: -EPERM, -EIDRM. */
int os_shm_remove(int id);

struct os_shm_limits {
    int64_t size_most; /* kernel.shmmax, bytes */
    int64_t segments;  /* kernel.shmmni */
    int64_t all_most;  /* kernel.shmall, bytes */
};

void os_shm_limits(struct os_shm_limits *out);

#endif
