/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the harness know of each other.  Three kinds of processes: the
 * runner (main) picks tests and prints; it forks a keeper for each test, which makes
 * its directory, watches it, reaps all its descendants and judges; the keeper forks the
 * test.
 */
#ifndef HARNESS_PARTS_H
#define HARNESS_PARTS_H

#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>

#include "harness.h"

#ifndef __has_feature
#define __has_feature(name) 0 // gcc tells by macros
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define IS_THREAD_SANITIZED 1
#else
#define IS_THREAD_SANITIZED 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer) ||               \
    __has_feature(memory_sanitizer)
#define IS_MEMORY_SANITIZED 1
#else
#define IS_MEMORY_SANITIZED 0
#endif

enum {
    MADE_MOST = 32, // files that harness_write_file made in one test
    MADE_NAME = 96, // bytes of such a name
    REASON_SIZE = 256,
    NOTE_MARK = '\001', // begins a line of output that is printed in any case
};

struct test {
    const char *name;
    void (*run)(const void *argument);
    void (*plain)(void); // instead of run
    const void *argument;
};

/* What a test's processes tell its keeper and the runner, in memory that all share. */
struct report {
    atomic_int failures;
    atomic_int is_skipped;
    atomic_int is_finished; // the test's function returned and its process was counted
    atomic_int made;
    atomic_ulong interrupts;
    atomic_uintptr_t failed_at; // who asked for the allocation that was refused last
    char reason[REASON_SIZE];
    char names[MADE_MOST][MADE_NAME];
};

/* Of the test that this process belongs to; set by the keeper, never NULL in a test. */
extern struct report *harness_report;

/* --- keeper.c --- */

/* The keeper of one test, in a process of its own: its exit status is 0 if the test
 * passed or was skipped, else 1; what there is to say is on standard error. */
_Noreturn void keep(const struct test *test, int limit_seconds);

/* --- files.c --- */

int directory_make(void);

/* Names on standard error what the test left in its directory; how many. */
int directory_leaks(void);
void directory_remove(void);

/* --- leak.c: lists of what a process, or the system, has --- */

struct inventory;

enum inventory_scope {
    OF_PROCESS, // descriptors, threads, mappings
    OF_SYSTEM,  // what outlives processes: System V, /dev/mqueue, /dev/shm
};

struct inventory *inventory_take(enum inventory_scope scope);

/* Names what is there now and was not before, on standard error; how many.  What is on
 * its way out is waited for. */
int inventory_leaks(const struct inventory *before);
void inventory_free(struct inventory *inventory);

/* The child processes of this one, ended or not, reaped; named; how many. */
int children_leaks(void);

/* --- allocation.c --- */

/* "program+0x1234", for addr2line. */
void code_place(uintptr_t address, char *text, size_t size);

/* --- stacks.c --- */

/* Prints the stacks of all processes below this one to output. */
void stacks_print(pid_t keeper, int output);

enum { DESCENDANTS_MOST = 256 };

/* The processes below this one, parents before children; how many. */
int descendants(pid_t of, pid_t found[DESCENDANTS_MOST]);

/* The name of a process or thread, "?" if it is gone. */
void process_name(pid_t pid, char *text, size_t size);

/* --- storm.c --- */

/* Starts interrupting the calling thread, those it starts, and their children, if it is
 * asked for; storm_end ends it for the calling thread. */
void storm_arm(void);
void storm_end(void);
bool storm_is_on(void);

/* --- seccomp.c --- */

/* Refuses what the environment says; 0, or a negative errno. */
int refusals_install(void);

/* --- clock.c --- */

/* Waits for a while, for loops that look again and again at what cannot be waited for.
 */
void pause_briefly(int microseconds);

bool valgrind_is_on(void);

/* --- process.c --- */

/* Forks a child that dies with its parent and in which the storm goes on; as fork(). */
pid_t fork_bound(void);

/* Waits until the process has ended: true, or the milliseconds are over: false. */
bool process_ended(pid_t pid, int milliseconds);

#endif
