/* SPDX-License-Identifier: MIT */
/*
 * Locks in memory that processes share, which tell when their holder has died.
 *
 *     struct shared { char lock[WHERRY_LOCK_ROOM]; int64_t first, second; };
 *
 *     struct shared *shared = wherry_region_data(region);
 *     wherry_lock *lock;
 *     int r = wherry_lock_open(region, offsetof(struct shared, lock), &lock);
 *     if (r >= 0)
 *         r = wherry_lock_take(lock, wherry_after(1000));
 *     if (r == -EOWNERDEAD) {
 *         shared->second = shared->first;     (whatever makes it right again)
 *         r = wherry_lock_recover(lock);
 *     }
 *     if (r >= 0) {
 *         shared->first++, shared->second++;
 *         wherry_lock_give(lock);
 *     }
 *
 * A lock lies in a region, in WHERRY_LOCK_ROOM bytes at an offset that the program
 * chooses, and is held by one thread of one process at a time.  It is made of nothing
 * but zeros: in a region that is new whoever opens a lock first makes it, and many may
 * be first.  Those bytes are the lock's as long as anybody has it open: nobody else
 * writes there.
 *
 * When a thread ends that holds a lock, by kill(2), execve(2) or a return, the next one
 * that takes it is told (-EOWNERDEAD), and holds it, and finds the data as they were
 * left.  wherry_lock_recover is the only way on: who gives it back without has said
 * that nothing can be made of the data, and it is -ENOTRECOVERABLE for everybody until
 * wherry_lock_renew.
 *
 * It is a robust mutex of the C library (pthread_mutexattr_setrobust(3)), so:
 *
 *   - Those that share one trust each other: whoever can write to the region can have
 *     the others end by SIGSEGV.  Among those that do not, send messages.
 *   - They have the same C library and word size (-EPROTO names both) and the same pid
 *     namespace (-EXDEV), for threads are known by their numbers there.
 *   - A thread holds at most WHERRY_LOCKS_HELD at once: of more than 2048 the kernel
 *     leaves some held when their holder dies.
 *   - A region that others can make smaller (shm:, file:) ends by SIGBUS here as
 *     anywhere.
 *   - Where the C library has no pthread_mutex_clocklock(3) (musl, glibc before 2.30),
 *     a wait is one of steps of 5 ms: of a death it may learn that much later, which
 *     costs 200 looks a second.  With musl's own wait, a process that is killed while
 *     it gives a lock back can leave another asleep for ever.
 *   - Of those that wait, one that is killed just when it is woken takes the wake-up
 *     with it, and with the C library's own wait the others would sleep for ever.
 *     Whoever waits here looks by itself ten times a second, too.
 *
 * The region's memory stays mapped until the last lock in it is closed here, also past
 * wherry_region_close.
 *
 * fork(2): in the child each function answers -ECHILD; what the parent holds stays
 * its.  The child opens the lock itself.
 *
 * Threads: any thread may call anything here but wherry_lock_close, which comes when no
 * other thread is inside.
 */
#ifndef WHERRY_LOCK_H
#define WHERRY_LOCK_H

#include <stdint.h>

#include <wherry/deadline.h>
#include <wherry/export.h>
#include <wherry/region.h>

WHERRY_BEGIN

typedef struct wherry_lock wherry_lock;

/* Bytes of a region that a lock takes, and what its offset is a multiple of. */
#define WHERRY_LOCK_ROOM 128
#define WHERRY_LOCK_ALIGNED 64

/* So many locks a thread can hold at once. */
#define WHERRY_LOCKS_HELD 8

/* Opens the lock at an offset of a region, and makes it where there are zeros.  Never
 * waits.
 * Errors: -EACCES (the region is not open for writing what others see), -EINVAL (the
 * offset is no multiple of WHERRY_LOCK_ALIGNED), -ERANGE (it is not within the region),
 * -EEXIST (something else is there), -EPROTO (it was made with another C library, word
 * size or version, or is damaged), -EXDEV (in another pid namespace), -ESTALE (in a
 * file:, before the machine was started last: when nobody has it open write zeros there
 * and open it again), -ECHILD (musl: the process was forked while this thread held
 * locks), -EFAULT (the region was made smaller), -ENOTSUP (there is no /proc), -EMFILE,
 * -ENFILE, -ENOMEM. */
WHERRY_EXPORT int wherry_lock_open(wherry_region *, uint64_t offset, wherry_lock **out);

/* Takes it.  WHERRY_POLL only tries; a lock that is free is taken though the deadline
 * has passed.  Setting the wall clock moves nothing.
 * Errors, with the lock held: -EOWNERDEAD (whoever held it has died: put the data
 * right, then wherry_lock_recover).
 * Errors, without: -EAGAIN, -ETIMEDOUT, -EDEADLK (this thread holds it), -ENOLCK (this
 * thread holds WHERRY_LOCKS_HELD), -ENOTRECOVERABLE (somebody gave it back without
 * recovering it: wherry_lock_renew), -ECHILD, -EPROTO (it is damaged). */
WHERRY_EXPORT int wherry_lock_take(wherry_lock *, wherry_deadline);

/* After -EOWNERDEAD: the data are right again, and the lock is as any that is held.
 * Errors: -EPERM (this thread does not hold it), -EINVAL (nobody had died), -ECHILD. */
WHERRY_EXPORT int wherry_lock_recover(wherry_lock *);

/* Gives it back, by whom and through what it was taken.  After -EOWNERDEAD and without
 * wherry_lock_recover it is -ENOTRECOVERABLE from then on, for all that wait, too.
 * Errors: -EPERM (this thread does not hold it), -ECHILD. */
WHERRY_EXPORT int wherry_lock_give(wherry_lock *);

/* As wherry_lock_take, but where that is -ENOTRECOVERABLE the lock is made anew, and 1
 * says that it was: it is held, and the data are to be made anew, too.  0: as taken.
 * A lock can be made anew 6 times.
 * Errors: as wherry_lock_take; -ENOTRECOVERABLE: it was made anew too often (when
 * nobody has it open write zeros there, and open it again). */
WHERRY_EXPORT int wherry_lock_renew(wherry_lock *, wherry_deadline);

/* Closes it; it stays in the region, for others.  One that a thread of this process
 * holds stays held until that thread ends, and its memory stays mapped until the
 * process does.  NULL is fine. */
WHERRY_EXPORT void wherry_lock_close(wherry_lock *);

WHERRY_END

#endif
