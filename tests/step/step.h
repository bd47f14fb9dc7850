/* SPDX-License-Identifier: MIT */
/*
 * The single-step killer.  An operation on something that processes share is broken off
 * at every instruction of it, and whoever comes next says what came of it.
 *
 *   kill    A process is killed -9 at each point.
 *   double  A process is killed at a point, and so is the one that recovers after it.
 *   stop    A process is stopped (SIGSTOP) at each point; meanwhile others meet their
 *           deadlines; it goes on (SIGCONT), and in the end all is as it should be.
 *   load    Several processes work at once; one of them is killed at a random moment,
 *           and replaced, again and again; in the end everything is counted.
 *
 * A point is (address of the next instruction, the state that the subject names, role):
 * another turn of a loop is not another point, unless the state differs.  A system call
 * is one step, with a point before and after it, and one in it where it sleeps.
 *
 * A program that is linked with step_dep adds its subjects in harness_register(), has
 * no main(), and is a test program of the harness: each subject has one test for each
 * mode that it can be in.  PROGRAM --help tells its options.
 *
 * While it is stepped a process has a clock of its own: clock_gettime(CLOCK_MONOTONIC)
 * of the program and of what it is linked with statically (not of the C library itself)
 * advances with each look, faster and faster, so that no spin is long.
 */
#ifndef STEP_H
#define STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What came of an operation, as the next one sees it. */
enum step_verdict {
    STEP_WHOLE,  // all of it is done
    STEP_ABSENT, // it is as if it had never begun
    STEP_LOST,   // something is gone for ever: a permit, a message
    STEP_TORN,   // half of it is seen
    STEP_HUNG,   // the next one waits for ever
    STEP_VERDICTS,
};

enum { STEP_SENTENCE = 160 };

struct step_finding {
    enum step_verdict verdict;
    unsigned long count; // of what is lost or torn; 1 if not told
    int leaks;           // descriptors that whoever judged left open: counted for it
    char sentence[STEP_SENTENCE];
};

/* The verdict and the sentence; a subject may set the count afterwards. */
struct step_finding step_find(enum step_verdict verdict, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* How it is with the process that was stepped. */
enum step_end {
    STEP_RUNS,    // not ended yet
    STEP_KILLED,  // killed -9; reaped, or a zombie (--unreaped)
    STEP_STOPPED, // by SIGSTOP, at some point
    STEP_DONE,    // it has done all of its operation
};

struct step_role;

/* What a subject's functions get.  Each process has its own copy. */
struct step_scene {
    void *shared;                 // from make()
    void *own;                    // of this process alone: for prepare() and run()
    const struct step_role *role; // NULL under load
    pid_t stepped;                // who is stepped, or was last; under load: oneself
    enum step_end end;
    bool sleeper_is_back; // it was, soon after the end
};

/* One operation, in one situation. */
struct step_role {
    const char *name; // without blanks

    /* The stepped process at full speed, before the operation; may be NULL. */
    void (*prepare)(struct step_scene *);

    /* The operation: stepped from its first instruction to its return. */
    void (*run)(struct step_scene *);

    /* Another process: before the operation begins it is started, and asleep in this.
     * May be NULL; not in the mode double. */
    void (*sleeper)(struct step_scene *);

    /* Whether it sleeps as deep as it will, where it naps first.  May be NULL. */
    bool (*is_deep)(const struct step_scene *);

    /* Another process, whenever the stepped one is asleep: lets it go on.  NULL: a
     * sleep that does not end by itself is the end of the operation. */
    void (*wake)(struct step_scene *);
};

/* What is somebody else's: when it is bad that is told, and no failure. */
enum step_told {
    STEP_NOTHING,
    STEP_EVERYTHING,
    STEP_SLEEPERS, // under load, when a wake-up died with another
};

/* Processes are forked from the one that called make(), and have what it opened. */
struct step_subject {
    const char *name; // without blanks
    const struct step_role *roles;
    size_t role_count;

    enum step_told only_told;

    /* What is shared, anew for each run, for a role or for load (NULL); and letting it
     * go with all that it has.  What is there afterwards and was not before is a leak.
     */
    void *(*make)(const struct step_role *);
    void (*unmake)(void *shared);

    /* The words that tell one moment from another, folded into one: no process numbers
     * and no times, for it is compared with that of another run.  May be NULL. */
    uint64_t (*state)(const struct step_scene *);

    /* What the next one does, and the one after that does again: an operation that
     * repairs whatever is found.  Stepped in the mode double; NULL: no such mode. */
    void (*recover)(struct step_scene *);

    /* Another process: waits with short deadlines only, repairs what may be repaired,
     * and judges. */
    struct step_finding (*check)(struct step_scene *);

    /* Another process, while the stepped one is stopped: an operation with a deadline,
     * which it must meet.  NULL: no mode stop. */
    struct step_finding (*meet)(struct step_scene *);

    /* Load: what a worker does once, may be NULL; then again and again; NULL: no mode
     * load; and in the end, another process, the judgement. */
    void (*attach)(struct step_scene *);
    void (*turn)(struct step_scene *);
    struct step_finding (*settle)(struct step_scene *);

    /* A process that make() has started, and that the stepped one wakes: after each
     * system call it is waited for until it sleeps again.  NULL: none. */
    pid_t (*company)(const struct step_scene *);
};

void step_add(const struct step_subject *subject);

/* From now on it is so much later for this process, as it was asleep so long. */
void step_clock_skip(int64_t nanoseconds);

#endif
