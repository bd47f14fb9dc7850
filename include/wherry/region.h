/* SPDX-License-Identifier: MIT */
/*
 * Regions: memory that several processes see.
 *
 *     wherry_region *region;
 *     int r = wherry_region_open("shm:/charts?size=1M", &region);
 *     if (r >= 0)
 *         ((int64_t *)wherry_region_data(region))[0] = 42;
 *     wherry_region_close(region);
 *
 * A region is opened by an address, `memfd:` (without a name, to be sent as an open
 * file in a message), `shm:/NAME`, `shmv:KEY` or `file:PATH`, or received from a peer.
 * Its size is fixed: it is reserved when the region is made, so a full file system is
 * an error then, and no signal later.  One that is made under a name is there for
 * others when it is whole.
 *
 * Each process sees a region at an address of its own: pointers into it mean nothing to
 * others, offsets do.  Who writes while others read is the programs' matter
 * (wherry/lock.h, atomic operations); the memory itself keeps no order.
 *
 * What has a name can be written, made smaller or removed by whoever may open it.  To
 * touch what is gone ends a process by SIGBUS; wherry_region_read and
 * wherry_region_write do not, and wherry_region_check tells.  A memfd: is sealed: its
 * size cannot change.
 *
 * fork(2): the child has the same memory, and closes the region in its turn.  execve(2)
 * leaves nothing of it.
 *
 * Threads: any thread may call anything here but wherry_region_seal and
 * wherry_region_close, which come when no other thread is inside.
 */
#ifndef WHERRY_REGION_H
#define WHERRY_REGION_H

#include <stddef.h>
#include <stdint.h>

#include <wherry/export.h>
#include <wherry/message.h>

WHERRY_BEGIN

typedef struct wherry_region wherry_region;

/* What this process does there. */
enum wherry_region_access {
    WHERRY_REGION_READ,   /* writing ends the process by SIGSEGV */
    WHERRY_REGION_WRITE,  /* others see what it writes */
    WHERRY_REGION_PRIVATE /* it writes into a copy; what others write meanwhile may be
                             seen or not (mmap(2), MAP_PRIVATE) */
};

/* What can no longer be done to a memfd:, by anybody (fcntl(2), F_ADD_SEALS). */
enum wherry_region_seal {
    WHERRY_SEAL_SIZE,     /* its size stays */
    WHERRY_SEAL_WRITERS,  /* nor does anybody write but who does already */
    WHERRY_SEAL_CONTENTS, /* nor does anybody write at all */
};

/* Opens a region, or makes it, as create= of the address says; its other options are
 * size= (bytes; needed to make one, and one that is there must have it if it is given),
 * mode=, access= and, of memfd:, seal= (wherry help SCHEME).  Never waits, but for the
 * system to find so much memory.
 * Errors: -EINVAL (an option, no size, it is empty), -ENOENT, -EEXIST (with
 * create=exclusive; it is there with another size), -EACCES, -EPERM, -ENAMETOOLONG,
 * -ELOOP (a symbolic link at a name of shm:, or a circle of them), -ENOTDIR (a part of
 * a path), -EROFS, -ETXTBSY (a program that runs), -ENOSPC, -ENOMEM, -EFBIG, -EMFILE,
 * -ENFILE, -EIDRM (it was removed meanwhile), -ENOTSUP (the mechanism is no memory, or
 * the path no regular file), -ENOSYS (a kernel without System V). */
WHERRY_EXPORT int wherry_region_open(const char *address, wherry_region **out);

/* What a region has to be like to be taken from a peer; all zero: a sealed one of at
 * most 1 GiB, to be read. */
struct wherry_region_wish {
    uint64_t size; /* bytes, exactly; 0: any */
    uint64_t most; /* bytes; 0: 1 GiB */
    enum wherry_region_access access;
    int unsealed; /* 1: its size may change, from a peer that is trusted not to */
};

/* Makes a region of an open file that came with a message (wherry_message_take_file),
 * after a look at what it is: memory of this machine, sealed so that its size stays, of
 * the size that is wished for.  `size` is sizeof(struct wherry_region_wish); `wish`
 * NULL: all zero.  Takes the descriptor on success only. Errors: -ENOTSUP (it is
 * something else), -EPERM (it is not sealed; it is sealed against writing, and access
 * says to write), -EMSGSIZE (its size), -EBADF, -ENOMEM. */
WHERRY_EXPORT int wherry_region_receive(wherry_native file,
                                        const struct wherry_region_wish *wish,
                                        size_t size, wherry_region **out);

/* Its memory, borrowed until it is closed; aligned to a page. */
WHERRY_EXPORT void *wherry_region_data(const wherry_region *);

/* Its size, in bytes, as it was opened. */
WHERRY_EXPORT size_t wherry_region_size(const wherry_region *);

/* Its open file, borrowed: to be attached to a message, or for a process that is
 * started.  Errors: -ENOTSUP (shmv: has none). */
WHERRY_EXPORT int wherry_region_file(const wherry_region *, wherry_native *out);

/* Copies `size` bytes at `offset` out of it, whatever others do to it meanwhile; not as
 * one step: who writes at the same time may be seen in part.
 * Errors: -ERANGE (not all of that is within its size), -EFAULT (it was made smaller
 * since: a part may be copied), -ENOSYS (a sandbox refuses process_vm_readv(2), by
 * which what can be made smaller is copied), -ENOMEM. */
WHERRY_EXPORT int wherry_region_read(const wherry_region *, uint64_t offset, void *out,
                                     size_t size);

/* The same into it.  Errors: as wherry_region_read; -EACCES (it is open for reading).
 */
WHERRY_EXPORT int wherry_region_write(wherry_region *, uint64_t offset,
                                      const void *bytes, size_t size);

/* Whether all of it is still there, and can be found by others.
 * Errors: -EFAULT (it was made smaller: do not touch what is gone), -ESTALE (its name
 * was removed, or it is marked for removal: who opens that name finds another one). */
WHERRY_EXPORT int wherry_region_check(const wherry_region *);

/* Writes what was changed in `size` bytes at `offset` to the disk of a file: and waits
 * for that (msync(2)); `size` 0: all that follows.  Of other mechanisms, does nothing.
 * Errors: -ERANGE, -EIO, -ENOSPC. */
WHERRY_EXPORT int wherry_region_flush(wherry_region *, uint64_t offset, size_t size);

/* Seals a memfd: that was opened with seal=none.  After WHERRY_SEAL_WRITERS this
 * process goes on writing, and whoever writes already; after WHERRY_SEAL_CONTENTS
 * nobody: its memory can be read at the same place. Errors: -ENOTSUP (it is no memfd:),
 * -EPERM (it is sealed already), -EBUSY (somebody else has it open for writing, or a
 * lock in it is open here), -EINVAL, -ENOMEM. */
WHERRY_EXPORT int wherry_region_seal(wherry_region *, enum wherry_region_seal);

/* What is known of a region. */
struct wherry_region_info {
    char scheme[16];
    char address[256]; /* by which others can open it; "" if it has no name */
    uint64_t size;     /* bytes, as it was opened */
    enum wherry_region_access access;
    int64_t uid; /* its owner; -1: not known, as in what follows */
    int64_t gid;
    uint32_t mode;       /* rights, as chmod(2) has them */
    unsigned seals;      /* 1 << enum wherry_region_seal of each */
    uint64_t size_now;   /* bytes */
    int removed;         /* 1: its name is gone, or it goes with the last who has it */
    int64_t attached;    /* shmv: how often it is attached, here and elsewhere */
    int64_t creator;     /* shmv: the process that made it */
    int64_t last;        /* shmv: the process that attached or detached last */
    int64_t attached_at; /* shmv: when that was, in seconds since 1970; 0: never */
    int64_t detached_at; /* shmv: likewise */
    int64_t changed_at;  /* when its contents, owner or rights changed last; of shmv:,
                            its owner or rights */
};

/* Fills in `out`; `size` is sizeof(struct wherry_region_info) as the caller knows it.
 * Errors: -EINVAL for a size of 0. */
WHERRY_EXPORT int wherry_region_describe(const wherry_region *,
                                         struct wherry_region_info *out, size_t size);

/* Unmaps it, once no lock in it is open here (wherry/lock.h).  What has a name stays,
 * with its contents, until wherry_remove; a memfd: goes with the last process that has
 * it open, a shmv:private with the last that is attached.  NULL is fine. */
WHERRY_EXPORT void wherry_region_close(wherry_region *);

WHERRY_END

#endif
