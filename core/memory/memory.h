/* SPDX-License-Identifier: MIT */
/*
 * memory: what lives in memory that processes share.
 *
 * Deals in descriptors and segments, and knows no address: ../transport opens what an
 * address names, and makes a region of it here.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <wherry/cells.h>
#include <wherry/lock.h>
#include <wherry/region.h>
#include <wherry/semaphore.h>

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
    atomic_uint keepers;
    _Atomic(atomic_uint *) life; /* keep.c; NULL: nobody has asked */
    atomic_uint lives;
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

/* Unmaps it: whoever let it go last does. */
void region_free(wherry_region *);

/* Of one whose memory this process, a child of fork(2), does not have. */
void region_forget(wherry_region *);

/* --- keep.c: who keeps a region mapped, and in which process ------------- */

/* It stays mapped until it is let go once more. */
void region_keep(wherry_region *);
void region_let_go(wherry_region *);

/* Whether anything in it is open. */
bool region_is_kept(const wherry_region *);

/* The process that something was opened in; not a child that it forked. */
struct region_life {
    const atomic_uint *word;
    unsigned number;
};

/* Errors: as mmap(2). */
int region_live(wherry_region *, struct region_life *out);

static inline bool region_lives(const struct region_life *life)
{
    return atomic_load_explicit(life->word, memory_order_relaxed) == life->number;
}

/* --- publish.c: made by whoever comes first ------------------------------ */

/* Whether something that is locked can lie there; `what` begins the sentence.
 * Errors: -EACCES (the region is not open for writing what others see), -EINVAL (the
 * offset is not aligned), -ERANGE (it is not within), -EFAULT (it was made smaller). */
int publish_place(const wherry_region *, uint64_t offset, uint64_t size,
                  const char *what);

/* Makes words of an image in memory that is shared and zero; the first word, which is
 * not 0, comes last, and says that all is there.  Any number may make the same at the
 * same time and die while they do; where two could want different words, neither wants
 * a 0 there.  Whether it was made by anybody: what is there may since have changed, and
 * still has to be looked at. Errors: -EEXIST (there is something else). */
int publish(atomic_uint *at, const uint32_t *image, size_t words);

/* --- semaphore.c --------------------------------------------------------- */

enum { SEMAPHORE_SCHEME = 16, SEMAPHORE_ADDRESS = 256 };

/* How one mechanism's semaphores do what wherry/semaphore.h says, with its errors.
 * Counts are not 0, lists not empty. */
struct semaphore_ways {
    int (*acquire)(wherry_semaphore *, uint32_t count, wherry_deadline);
    int (*release)(wherry_semaphore *, uint32_t count);
    void (*close)(wherry_semaphore *); /* frees it */

    /* The members from `first` on, which is one of them; at most `most` (may be 0). */
    int (*look)(const wherry_semaphore *, uint32_t first,
                struct wherry_semaphore_member *out, size_t most);

    /* What it knows beyond the scheme, the address and its members; the rest is -1 or 0
     * already. */
    void (*describe)(const wherry_semaphore *, struct wherry_semaphore_info *out);

    /* The rest may be NULL: it has no such thing. */
    int (*operate)(wherry_semaphore *, const struct wherry_semaphore_step *,
                   size_t count, wherry_deadline);
    int (*set)(wherry_semaphore *, uint32_t member, uint32_t value);
    int (*descriptor)(wherry_semaphore *, uint32_t count, int *out);
    int (*holders)(const wherry_semaphore *, struct wherry_semaphore_holder *out,
                   size_t most);
    void (*cancel)(wherry_semaphore *); /* wakes who waits; `canceled` is set already */
};

/* The first member of what each mechanism has of its own. */
struct wherry_semaphore {
    const struct semaphore_ways *ways;
    uint32_t member;  /* that acquire, release and value are about */
    uint32_t members; /* how many there are */
    atomic_bool canceled;
    char scheme[SEMAPHORE_SCHEME];
    char address[SEMAPHORE_ADDRESS]; /* by which others open it; "": none */
};

/* What every one begins with; `address` is cut to what it has room for. */
void semaphore_start(wherry_semaphore *, const struct semaphore_ways *,
                     const char *scheme, const char *address);

/* Whether the operation says what is undone as it can be said.  Errors: -EINVAL; the
 * sentence is set. */
int semaphore_check_undo(const struct wherry_semaphore_step *);

/* --- lease.c, lease_format.c: a semaphore whose permits belong to somebody - */

enum {
    LEASE_PERMITS = 65536, /* the most of one */
    LEASE_HANDLES = 1024
};

/* How many bytes of memory one takes. */
uint64_t lease_size(uint32_t permits, uint32_t handles);

/* Makes one of so many bytes there.  Errors: -ENOSYS (no random number) …. */
int lease_make(void *at, uint32_t permits, uint32_t handles);

struct lease_plan {
    wherry_region *region;
    uint64_t offset;
    bool is_alone; /* it is all there is: the region is taken on success; else it is
                      kept while the lease is open */
    int directory; /* for the doorbells; taken on success */
};

/* A handle of no lease yet, with all that it needs of the system: whoever is refused
 * that has made nothing.  Errors: -ENOTSUP (without /proc), -ENOMEM, -EMFILE; the
 * sentence is set. */
int lease_new(const char *address, wherry_semaphore **out);

/* Makes it one of the lease there; on failure it is gone.  Errors: -EPROTO (something
 * else, or of another version), -EXDEV (of another pid namespace), -EUSERS (as many
 * have it open as can), -ENOMEM (not where region_live was called); the sentence is
 * set. */
int lease_attach(wherry_semaphore *, const struct lease_plan *);

/* Frees one that was not attached. */
void lease_drop(wherry_semaphore *);

/* Takes back what the dead left there, their doorbells, too. */
void lease_sweep(wherry_semaphore *);

/* --- sealed.c: memory that only its maker can write ---------------------- */

/* Makes some, mapped and sealed, that a child of fork(2) will not have; `*fd` is for
 * others, who can map it to be read.  Errors: as memfd_create(2) and mmap(2), -ENOSYS
 * (no such seal, Linux 5.1). */
int sealed_make(const char *name, uint64_t size, void **at, int *fd);

/* Whether a stranger's is sealed so, and its size.  Errors: -EPROTO; the sentence is
 * set. */
int sealed_check(int fd, uint64_t *size);

/* The rest of the layer. */
#include "memory/pool.h"
#include "memory/ring.h"

#endif
