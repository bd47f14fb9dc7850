/* SPDX-License-Identifier: MIT */
/*
 * Semaphores: turns that processes take.
 *
 *     wherry_semaphore *printer;
 *     int r = wherry_semaphore_open("lease:printer?permits=3", &printer);
 *     if (r >= 0 && (r = wherry_acquire(printer, 1, wherry_after(5000))) >= 0) {
 *         print();
 *         wherry_release(printer, 1);
 *     }
 *     wherry_semaphore_close(printer);
 *
 * A semaphore has a number of permits.  Acquiring takes some of them, or waits until
 * there are enough; releasing gives them back.  With one permit it keeps all others out
 * (a lock between processes), with three, three may be in at once.
 *
 * What a death costs differs, and is the first thing to choose by:
 *   lease:  A permit belongs to its holder.  When that is dead, whatever it was doing,
 *           its permits go to whoever waits.
 *   sem:    Nobody knows who has a permit: the permit of a process that dies is gone
 *           for ever.
 *   semv:   With undo=yes the kernel takes back what the dead had changed; a process
 *           that resets a member wipes out all that would have been taken back.
 *
 * A lease: or a sem: can also live without a name within a region
 * (wherry_semaphore_place).
 *
 * Under a name a lease: is a file in the directory of its user's named objects, where
 * nobody else gets in, so it has no mode=: $WHERRY_DIR, a path from / on, else
 * /run/user/UID/wherry if /run/user/UID is that user's, else /tmp/wherry-UID.  It is
 * made where it is not there; it has to be the user's, closed to others, and no
 * symbolic link.  A program that runs with more rights than its user has (set-user-ID)
 * does not look at WHERRY_DIR.
 *
 * What is shared is a file or a region that others of the same rights can make smaller:
 * a lease: or sem: of which a part is gone ends a process by SIGBUS, as such a region
 * does (wherry/region.h).
 *
 * A sem: is made of what the C library of its process makes a semaphore of, under the
 * name that this library gives it: whoever shares one has the same library (glibc and
 * musl do not meet) and the same word size (32-bit and 64-bit programs do not).  Under
 * a name another size is found out (-EPROTO), in a region nobody can tell.
 *
 * execve(2): what a process holds of a lease: stays its own until it ends, also as
 * another program.
 *
 * fork(2): a sem: and a semv: go on in the child; of a lease:, which the parent still
 * holds, every call there is -ECHILD: the child opens it for itself.
 *
 * Threads: any may acquire and release at the same time.  A permit is the handle's, not
 * the thread's: any thread of the process may release it.  Threads that wait through
 * the same lease: handle do so one after the other.  wherry_semaphore_close comes when
 * no other thread is inside.
 */
#ifndef WHERRY_SEMAPHORE_H
#define WHERRY_SEMAPHORE_H

#include <stddef.h>
#include <stdint.h>

#include <wherry/deadline.h>
#include <wherry/export.h>
#include <wherry/message.h>
#include <wherry/region.h>

WHERRY_BEGIN

typedef struct wherry_semaphore wherry_semaphore;

/* Opens a semaphore, or makes it, as create= of the address says; its other options are
 * those of its mechanism (wherry help SCHEME), such as permits=, which is how many one
 * that is made has.  Never waits; but of a semv: that nobody has operated on yet, a
 * tenth of a second at most for whoever may be about to give it its values.
 * Errors: -EINVAL (an option), -ENOENT, -EEXIST (create=exclusive; it is there with
 * another number of permits or members), -EACCES, -EPERM, -ENAMETOOLONG, -ELOOP (a
 * symbolic link is in its place), -ENOTDIR (WHERRY_DIR is a symbolic link, or no
 * directory), -EROFS, -ENOSPC, -ENOMEM, -EMFILE, -ENFILE, -EUSERS (a lease: that as
 * many have open as it is made for), -EXDEV (a lease: of another pid namespace),
 * -EPROTO (it is something else, or of another version), -ENOTSUP (the mechanism is no
 * semaphore; a semv: of more than 65536 members; there is no /proc, or something else
 * in the place of a lease: or sem:), -ENOSYS (a kernel without System V). */
WHERRY_EXPORT int wherry_semaphore_open(const char *address, wherry_semaphore **out);

/* How many bytes of a region the semaphore of an address without a name takes
 * ("lease:?permits=3", "sem:?permits=1").  Errors: -EINVAL, -ENOTSUP. */
WHERRY_EXPORT int64_t wherry_semaphore_room(const char *address);

/* Opens a semaphore in a region, at an offset that is a multiple of 64, by an address
 * without a name.  One process makes it, with create=exclusive, in memory that is all
 * zero or that nobody uses; the others take it, with create=no, once that is done.  The
 * region stays open while the semaphore is.
 * Errors: as wherry_semaphore_open; -EINVAL (create=yes: nobody could tell whether it
 * is there), -ERANGE (it is not within the region), -EACCES (the region is open for
 * reading), -ENOTSUP (memory of which each process has a copy). */
WHERRY_EXPORT int wherry_semaphore_place(const char *address, wherry_region *region,
                                         uint64_t offset, wherry_semaphore **out);

/* Takes that many permits, all of them or none; of sem: one after the other, and those
 * that it got are given back if it does not get all, and now and then while it waits,
 * lest two that have a part each wait for ever: of millions, giving back lasts past the
 * deadline as long as taking them did.  With WHERRY_POLL it tries.
 * Errors: -EAGAIN (WHERRY_POLL: there are not so many now), -ETIMEDOUT, -ECANCELED,
 * -EINVAL (a count of 0, or more than there can be), -EIDRM (it was removed),
 * -ECHILD (a lease: that was opened before fork(2)), -EACCES, -ENOMEM, -EMFILE,
 * -ENFILE; for the doorbell by which who waits for a lease: is woken, -ENOSPC, -EROFS,
 * -ENOENT (its directory is gone). */
WHERRY_EXPORT int wherry_acquire(wherry_semaphore *, uint32_t count, wherry_deadline);

/* Gives that many permits back, all of them or none.  Never waits.
 * Errors: -EINVAL (a count of 0), -EPERM (a lease: of which this handle does not hold
 * so many), -EOVERFLOW (sem: and semv: would count further than they can; nothing is
 * given back), -EIDRM, -ECHILD, -EACCES. */
WHERRY_EXPORT int wherry_release(wherry_semaphore *, uint32_t count);

/* Whoever waits in wherry_acquire through this handle returns -ECANCELED, and so does
 * whoever would wait from then on.  Async-signal-safe.  In sem: and semv:, where the
 * kernel waits, it is seen when a signal handler that calls it has run in the thread
 * that waits, and otherwise after a tenth of a second at most, for which such a wait is
 * taken up anew each time. */
WHERRY_EXPORT void wherry_semaphore_cancel(wherry_semaphore *);

/* A descriptor that is readable when it is worth while to try to acquire `count`
 * permits (WHERRY_POLL) once more; from now on, until that succeeds or `count` is 0,
 * this handle waits in the line of those who want some.  It is borrowed, and readable
 * for nothing, too: a tenth of a second after each try without success, lest a wake-up
 * be missed that somebody had no descriptor left to send.  `events` (may be NULL) is
 * what to poll(2) for.
 * Errors: -ENOTSUP (sem: and semv: have none), -EINVAL, -EBUSY (a thread waits through
 * this handle), -EMFILE, -ENFILE, -ENOMEM, -ENOSPC, -EROFS, -ENOENT, -ECHILD. */
WHERRY_EXPORT int wherry_semaphore_fd(wherry_semaphore *, uint32_t count,
                                      wherry_native *out, short *events);

/* --- sets: semv: ------------------------------------------------------------------ */

/* One operation on one member of a set (semop(2)). */
struct wherry_semaphore_step {
    uint32_t member;
    int32_t change; /* > 0: so many are given; < 0: so many are taken, when there are as
                       many; 0: waits until its value is 0 */
    int undo; /* 1: taken back when this process ends; 0: not; -1: as undo= says */
};

/* All of `count` operations in one step, or none of them; waits until all can be done.
 * Other mechanisms have one member, 0, and one operation with a change.
 * Errors: as wherry_acquire and wherry_release; -EINVAL (no operation, or an undo that
 * is none), -ERANGE (there is no such member, or a value would be over the system's
 * limit), -E2BIG (more operations than the system does
 * at once), -ENOSPC (no room to keep what is to be undone), -ENOTSUP. */
WHERRY_EXPORT int wherry_semaphore_operate(wherry_semaphore *,
                                           const struct wherry_semaphore_step *steps,
                                           size_t count, wherry_deadline);

/* Sets a member's value at once; whoever waits for that goes on.  All that was to be
 * undone on that member is forgotten (semctl(2), SETVAL).
 * Errors: -ENOTSUP (not a semv:), -ERANGE, -EACCES, -EIDRM. */
WHERRY_EXPORT int wherry_semaphore_set(wherry_semaphore *, uint32_t member,
                                       uint32_t value);

/* --- what is known ---------------------------------------------------------------- */

/* One member as it is now. */
struct wherry_semaphore_member {
    int64_t value;   /* permits that are free */
    int64_t waiters; /* who wait for permits; -1: not known */
    int64_t zero;    /* who wait until it is 0; -1: not known */
    int64_t last;    /* the process that changed it last; 0: nobody, -1: not known */
};

/* The members from `first` on: fills in up to `most`, and returns how many there are
 * from there; their values are those of one moment, unless new ones come meanwhile.
 * Errors: -ERANGE (`first` is past the last), -EACCES, -EIDRM, -ECHILD. */
WHERRY_EXPORT int wherry_semaphore_members(const wherry_semaphore *, uint32_t first,
                                           struct wherry_semaphore_member *out,
                                           size_t most);

/* The value of its member (member= of the address, 0): how many permits are free now.
 * Errors: as wherry_semaphore_members. */
WHERRY_EXPORT int64_t wherry_semaphore_value(const wherry_semaphore *);

/* One that has a lease: open. */
struct wherry_semaphore_holder {
    int64_t pid;
    uint32_t holds; /* permits */
    uint32_t wants; /* permits that it waits for */
    int dead;       /* 1: it has ended, and its permits are free for whoever asks */
};

/* Who has it open: fills in up to `most`, and returns how many there are.
 * Errors: -ENOTSUP (sem: and semv: do not know), -ECHILD. */
WHERRY_EXPORT int wherry_semaphore_holders(const wherry_semaphore *,
                                           struct wherry_semaphore_holder *out,
                                           size_t most);

/* What is known of a semaphore. */
struct wherry_semaphore_info {
    char scheme[16];
    char address[256]; /* by which others can open it; "" if it has no name */
    uint32_t members;
    int64_t permits; /* that it was made with; -1: not known, as in what follows */
    int64_t value;   /* of its member, as in what follows */
    int64_t waiters;
    int64_t held;     /* by this handle */
    int64_t attached; /* how many handles have it open */
    int64_t attached_most;
    int64_t uid; /* its owner */
    int64_t gid;
    uint32_t mode;       /* rights, as chmod(2) has them */
    int removed;         /* 1: its name is gone */
    int undo;            /* 1: what this process took is given back when it ends, after
                            execve(2), too: of a lease:, and of a semv: with undo=yes */
    int64_t operated_at; /* semv: when it was operated on last, in seconds since 1970;
                            0: never */
    int64_t changed_at; /* when its owner, its rights, or (semv:) a value set changed */
    int temporary;      /* 1: this process made it, and it goes when that closes it */
};

/* Fills in `out`; `size` is sizeof(struct wherry_semaphore_info) as the caller knows
 * it.  Errors: -EINVAL for a size of 0. */
WHERRY_EXPORT int wherry_semaphore_describe(const wherry_semaphore *,
                                            struct wherry_semaphore_info *out,
                                            size_t size);

/* Closes it.  What this handle holds of a lease: is given back; of a sem: it is not,
 * and of a semv: it is undone when the process ends.  What has a name stays until
 * wherry_remove.  NULL is fine. */
WHERRY_EXPORT void wherry_semaphore_close(wherry_semaphore *);

WHERRY_END

#endif
