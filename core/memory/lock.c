/* SPDX-License-Identifier: MIT */
/*
 * Locks: what lies in a region, and the rules of those who use it.
 *
 * A head says who can use the lock at all; it is checked when the lock is opened. Later
 * only one word of it is read, by who holds the mutex: whether it is spoiled.  The
 * mutex itself is always made sound again before it is given back: of one that is not,
 * glibc 2.36 wakes one waiter, and the others sleep for ever.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory/memory.h"

enum { MAGIC = 0x6b6c7757, VERSION = 1 };

/* As it is in the region. */
struct lock_room {
    atomic_uint magic; /* stored last */
    atomic_uint version;
    atomic_uint libc; /* enum os_libc */
    atomic_uint bits; /* of a pointer */
    atomic_uint namespace;
    atomic_uint start[4]; /* of the machine */
    atomic_uint state;    /* enum lock_state; changed by who holds the mutex */
    uint32_t unused[6];
    struct os_mutex mutex;
};

enum lock_state { SOUND, SPOILED /* nothing can be made of the data */, LOCK_STATES };

enum { WORDS = sizeof(struct lock_room) / sizeof(uint32_t) };

_Static_assert(sizeof(struct lock_room) == WHERRY_LOCK_ROOM, "as the manual says");

struct wherry_lock {
    wherry_region *region;
    struct region_life life;
    struct lock_room *room;
    uint64_t offset;
    int64_t process;
    _Atomic(const void *) holder; /* `held` of a thread of ours; NULL: none */
    bool is_unsound;              /* whoever held it had died; the holder's */
};

/* What this thread holds.  A child of fork(2) holds nothing of it. */
static _Thread_local struct {
    int64_t process;
    unsigned count;
} held;

/* --- opening ------------------------------------------------------------- */

static int make_image(uint32_t words[WORDS])
{
    struct lock_room room;
    struct os_era era;
    memset(&room, 0, sizeof(room));
    int r = os_era(&era);
    if (r == -ENOTSUP)
        return failure(r, "a lock needs /proc, to tell the pid namespace");
    if (r < 0)
        return failure_plain(r, "opening a lock");
    r = os_mutex_image(&room.mutex);
    if (r < 0)
        return failure_plain(r, "the C library has no robust mutexes");
    atomic_init(&room.magic, MAGIC);
    atomic_init(&room.version, VERSION);
    atomic_init(&room.libc, os_libc());
    atomic_init(&room.bits, 8 * sizeof(void *));
    atomic_init(&room.namespace, era.namespace);
    for (int i = 0; i < 4; i++)
        atomic_init(&room.start[i], era.start[i]);
    memcpy(words, &room, sizeof(room));
    return 0;
}

static int check_maker(const struct lock_room *room, uint64_t offset)
{
    static const char *const names[OS_LIBCS] = {
        [OS_LIBC_OTHER] = "another C library",
        [OS_LIBC_GLIBC] = "glibc",
        [OS_LIBC_MUSL] = "musl",
    };

    const unsigned version = atomic_load(&room->version);
    const unsigned libc = atomic_load(&room->libc);
    const unsigned bits = atomic_load(&room->bits);
    if (version == VERSION && libc == os_libc() && bits == 8 * sizeof(void *))
        return 0;
    return failure(-EPROTO,
                   "the lock at %llu is of version %u, for %s with %u bits; here is "
                   "version %d, for %s with %zu",
                   (unsigned long long)offset, version,
                   names[libc < OS_LIBCS ? libc : OS_LIBC_OTHER], bits, VERSION,
                   names[os_libc()], 8 * sizeof(void *));
}

// What does not change in one that is used: in the image it is not 0.
static bool is_as_made(atomic_uint *at, const uint32_t *image)
{
    for (size_t i = 0; i < WORDS; i++)
        if (image[i] != 0 && atomic_load(&at[i]) != image[i])
            return false;
    return true;
}

static int check_room(struct lock_room *room, const uint32_t *image, uint64_t offset)
{
    struct lock_room wanted;
    memcpy(&wanted, image, sizeof(wanted));
    int r = check_maker(room, offset);
    if (r < 0)
        return r;
    for (int i = 0; i < 4; i++)
        if (atomic_load(&room->start[i]) != atomic_load(&wanted.start[i]))
            return failure(-ESTALE,
                           "the lock at %llu is from before the machine was started",
                           (unsigned long long)offset);
    if (atomic_load(&room->namespace) != atomic_load(&wanted.namespace))
        return failure(-EXDEV, "the lock at %llu is of another pid namespace",
                       (unsigned long long)offset);
    if (atomic_load(&room->state) >= LOCK_STATES ||
        !is_as_made((atomic_uint *)(void *)room, image))
        return failure(-EPROTO, "the lock at %llu is damaged, or of another glibc",
                       (unsigned long long)offset);
    return 0;
}

static int make_room(struct lock_room *room, uint64_t offset)
{
    uint32_t image[WORDS];
    int r = make_image(image);
    if (r >= 0 && atomic_load(&room->magic) == 0)
        r = publish((atomic_uint *)(void *)room, image, WORDS);
    if (r == -EEXIST || (r >= 0 && atomic_load(&room->magic) != MAGIC))
        return failure(-EEXIST, "at %llu is something else than a lock",
                       (unsigned long long)offset);
    return r < 0 ? r : check_room(room, image, offset);
}

// A child's count is its parent's until it begins.
static int begin_thread(int64_t process)
{
    if (held.process == process)
        return 0;
    if (held.count > 0 && !os_mutex_survives_fork())
        return -ECHILD;
    held.process = process;
    held.count = 0;
    return 0;
}

int wherry_lock_open(wherry_region *region, uint64_t offset, wherry_lock **out)
{
    int r = publish_place(region, offset, WHERRY_LOCK_ROOM, "a lock");
    if (r < 0)
        return r;
    if (begin_thread(os_self()) < 0)
        return failure(-ECHILD, "the process was forked while this thread held locks: "
                                "with this C library it can have none");
    wherry_lock *lock = calloc(1, sizeof(*lock));
    if (!lock)
        return failure_plain(-ENOMEM, "no memory for a lock");
    lock->region = region;
    lock->offset = offset;
    lock->process = os_self();
    lock->room = (struct lock_room *)(void *)(region->data + offset);
    r = region_live(region, &lock->life);
    r = r < 0 ? failure_plain(r, "no memory for a lock")
              : make_room(lock->room, offset);
    if (r < 0) {
        free(lock);
        return r;
    }
    region_keep(region);
    *out = lock;
    return 0;
}

/* --- taking and giving --------------------------------------------------- */

// The number that a name stands for, as text.
#define DIGITS(number) DIGITS_OF(number)
#define DIGITS_OF(digits) #digits

/* What is said of what becomes of a lock. */
static const struct {
    int error;
    const char *words;
} sayings[] = {
    {-EOWNERDEAD, "whoever held it has died: the data are as they were left"},
    {-ENOTRECOVERABLE, "it was given back and not recovered after a death"},
    {-EAGAIN, "somebody holds it"},
    {-ETIMEDOUT, "somebody held it all the time"},
    {-EDEADLK, "this thread holds it already"},
    {-ENOLCK, "this thread holds " DIGITS(WHERRY_LOCKS_HELD) " locks, the most"},
    {-EPERM, "this thread does not hold it, or took it through another handle"},
    {-ECHILD, "it was opened before a fork: the child opens it itself"},
    {-EINVAL, "nobody has died who held it"},
    {-EPROTO, "it is damaged"},
};

APART static int say(const wherry_lock *lock, int error)
{
    for (size_t i = 0; i < sizeof(sayings) / sizeof(sayings[0]); i++)
        if (sayings[i].error == error)
            return failure(error, "the lock at %llu: %s",
                           (unsigned long long)lock->offset, sayings[i].words);
    return failure_plain(error, "a lock");
}

static int may_take(const wherry_lock *lock)
{
    if (!region_lives(&lock->life))
        return -ECHILD;
    int r = begin_thread(lock->process);
    return r < 0 ? r : held.count == WHERRY_LOCKS_HELD ? -ENOLCK : 0;
}

// Takes the mutex, whatever its state: 1 if whoever held it had died.
static int take_mutex(wherry_lock *lock, wherry_deadline deadline)
{
    int r = may_take(lock);
    if (r == 0)
        r = os_mutex_take(&lock->room->mutex, deadline_sound(deadline));
    if (r < 0 && r != -EOWNERDEAD)
        return r == -ENOTRECOVERABLE ? -EPROTO : r; // never by us
    lock->is_unsound = r == -EOWNERDEAD;
    atomic_store_explicit(&lock->holder, &held, memory_order_relaxed);
    held.count++;
    return lock->is_unsound;
}

static void make_sound(wherry_lock *lock)
{
    if (lock->is_unsound)
        (void)os_mutex_recover(&lock->room->mutex);
    lock->is_unsound = false;
}

// Whoever takes it next through this handle says so after us.
static int give_mutex(wherry_lock *lock)
{
    make_sound(lock);
    atomic_store_explicit(&lock->holder, NULL, memory_order_relaxed);
    int r = os_mutex_give(&lock->room->mutex);
    if (r == 0)
        held.count--;
    return r;
}

static unsigned state_of(const wherry_lock *lock)
{
    return atomic_load_explicit(&lock->room->state, memory_order_relaxed);
}

// `r` is what take_mutex said.
static int keep_or_give(wherry_lock *lock, int r)
{
    if (r < 0)
        return r;
    const unsigned state = state_of(lock);
    if (state == SOUND)
        return r == 0 ? 0 : -EOWNERDEAD;
    (void)give_mutex(lock);
    return state == SPOILED ? -ENOTRECOVERABLE : -EPROTO;
}

int wherry_lock_take(wherry_lock *lock, wherry_deadline deadline)
{
    int r = keep_or_give(lock, take_mutex(lock, deadline));
    return r == 0 ? 0 : say(lock, r);
}

int wherry_lock_renew(wherry_lock *lock, wherry_deadline deadline)
{
    int r = take_mutex(lock, deadline);
    if (r >= 0 && state_of(lock) == SPOILED) {
        make_sound(lock);
        atomic_store_explicit(&lock->room->state, SOUND, memory_order_relaxed);
        return 1;
    }
    r = keep_or_give(lock, r);
    return r == 0 ? 0 : say(lock, r);
}

// `held` may be where that of a thread was that ended: then it counts nothing yet.
static int check_holder(const wherry_lock *lock)
{
    if (!region_lives(&lock->life))
        return -ECHILD;
    const void *holder = atomic_load_explicit(&lock->holder, memory_order_relaxed);
    return holder == &held && held.count > 0 ? 0 : -EPERM;
}

int wherry_lock_recover(wherry_lock *lock)
{
    int r = check_holder(lock);
    if (r == 0 && !lock->is_unsound)
        r = -EINVAL;
    if (r < 0)
        return say(lock, r);
    make_sound(lock);
    return 0;
}

int wherry_lock_give(wherry_lock *lock)
{
    int r = check_holder(lock);
    if (r == 0 && lock->is_unsound)
        atomic_store_explicit(&lock->room->state, SPOILED, memory_order_relaxed);
    if (r == 0)
        r = give_mutex(lock);
    return r == 0 ? 0 : say(lock, r);
}

/* --- closing ------------------------------------------------------------- */

// The kernel and the C library know where one that is held lies: so it stays.
void wherry_lock_close(wherry_lock *lock)
{
    if (!lock)
        return;
    if (!region_lives(&lock->life) || !atomic_load(&lock->holder))
        region_let_go(lock->region);
    free(lock);
}
