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
#include <wherry/transport.h>

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

/* --- shared_queue*.c: messages of many writers and many readers ---------- */

enum shared_queue_side { QUEUE_WRITERS, QUEUE_READERS };

/* What becomes of a message that somebody died reading. */
enum shared_queue_unread { QUEUE_AGAIN, QUEUE_LOST };

enum {
    SHARED_QUEUE_SLOTS = 262144,   /* the most messages of one */
    SHARED_QUEUE_BLOCKS = 1 << 20, /* of 1 KiB */
    SHARED_QUEUE_HANDLES = 1024
};

struct shared_queue_numbers {
    uint32_t slots;  /* messages */
    uint64_t bytes;  /* room for those that are larger than a slot */
    uint32_t places; /* handles */
    enum shared_queue_unread unread;
};

/* How many bytes of memory one takes. */
uint64_t shared_queue_size(const struct shared_queue_numbers *);

/* Makes one there.  Errors: -ENOSYS (no random number) …. */
int shared_queue_make(void *at, const struct shared_queue_numbers *);

struct shared_queue;

/* A handle of no queue yet, with all that it needs of the system.  Errors: -ENOTSUP
 * (without /proc), -ENOMEM; the sentence is set.
 */
int shared_queue_new(enum shared_queue_side, struct shared_queue **out);

/* Makes it one of the queue there; takes the region and the directory (of the
 * doorbells) on success.  Errors: -EPROTO (something else, or of another version),
 * -EXDEV (of another pid namespace), -EUSERS (as many have it open as can), -ENOMEM;
 * the sentence is set. */
int shared_queue_attach(struct shared_queue *, wherry_region *, int directory);

/* Closes it, attached or not. */
void shared_queue_close(struct shared_queue *);

/* -ECHILD in a child of fork(2), which does not have it; the sentence is set. */
int shared_queue_check(const struct shared_queue *);

/* Bytes of memory that the handle itself takes. */
size_t shared_queue_memory(const struct shared_queue *);

void shared_queue_look(const struct shared_queue *, struct shared_queue_numbers *out);

/* The largest message that it takes. */
uint64_t shared_queue_largest(const struct shared_queue *);

/* Puts the first of `count` messages in, in order, as far as there is room: how many.
 * Errors: -EAGAIN (none), -EPROTO (its memory is broken; the sentence is set). */
int64_t shared_queue_put(struct shared_queue *, const struct wherry_plain *,
                         size_t count);

/* A message that is there, and what is known of it. */
struct shared_queue_message {
    uint32_t slot;
    uint32_t before; /* in the list of those passed over; none: it is the first */
    bool is_passed;
    uint64_t position;
    uint64_t size;
    uint32_t block;
    int64_t kind;
    int64_t sender; /* its process */
};

/* Begins to take messages out: nobody else does until shared_queue_end.  Errors:
 * -EAGAIN. */
int shared_queue_begin(struct shared_queue *);
void shared_queue_end(struct shared_queue *);

/* The next message of the kind that is wanted, as wherry_recv_kind has it.  Errors:
 * -EAGAIN, -EPROTO; the sentence is set. */
int shared_queue_find(struct shared_queue *, int64_t wanted,
                      struct shared_queue_message *found);

/* Takes it out of the queue; its bytes go to `out`, as many as its size says.  Errors:
 * -EPROTO, and it is gone; the sentence is set. */
int shared_queue_take(struct shared_queue *, const struct shared_queue_message *,
                      uint8_t *out);

/* The message at that index in the order of arrival: its size.  Errors: -EAGAIN. */
int64_t shared_queue_peek(struct shared_queue *, size_t index, int64_t *kind);

/* How many wait there, and their bytes. */
struct shared_queue_count {
    uint64_t messages;
    uint64_t bytes;
    uint64_t lost; /* that somebody died reading */
};

void shared_queue_tell(const struct shared_queue *, struct shared_queue_count *out);

/* Has this handle wait for a message of a kind, or for room for so many bytes: *out is
 * readable when another try is worth it, at once if it is already.  Errors: -EMFILE
 * …; the sentence is set. */
int shared_queue_wait(struct shared_queue *, int64_t wanted, int *out);

/* It waits no more; `looks_again`: a try comes next. */
void shared_queue_waited(struct shared_queue *, bool looks_again);

/* It goes on waiting, for whoever polls the descriptor. */
void shared_queue_polled(struct shared_queue *);

/* Whether a message is there, or room for an empty one. */
bool shared_queue_has_message(const struct shared_queue *);

/* Whether a message is there, and the last look at it was not locked out. */
bool shared_queue_is_ready(const struct shared_queue *);
bool shared_queue_has_room(const struct shared_queue *);

/* Takes back what the dead left there, their doorbells, too. */
void shared_queue_sweep(struct shared_queue *);

/* --- sealed.c: memory that only its maker can write ---------------------- */

/* Makes some, mapped and sealed, that a child of fork(2) will not have; `*fd` is for
 * others, who can map it to be read.  Errors: as memfd_create(2) and mmap(2), -ENOSYS
 * (no such seal, Linux 5.1). */
int sealed_make(const char *name, uint64_t size, void **at, int *fd);

/* Whether a stranger's is sealed so, and its size.  Errors: -EPROTO; the sentence is
 * set. */
int sealed_check(int fd, uint64_t *size);

/* The rest of the layer. */
#include "memory/fan.h"
#include "memory/pool.h"
#include "memory/ring.h"

#endif
