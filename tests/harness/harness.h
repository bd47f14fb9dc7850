/* SPDX-License-Identifier: MIT */
/*
 * The test runner: every test runs in a process of its own, with a time limit, a
 * directory of its own and a count of what it leaves behind.
 *
 *     #include "harness.h"
 *
 *     TEST(a_closed_pipe_reads_as_end_of_file)
 *     {
 *         int ends[2];
 *         char byte;
 *         CHECK_INT(pipe(ends), 0);
 *         close(ends[1]);
 *         CHECK_INT(read(ends[0], &byte, 1), 0);
 *         close(ends[0]);
 *     }
 *
 * That is a whole program: main() is in the library, speaks TAP and has --help.
 *
 * A test fails when a check of it fails, in whichever of its threads and processes;
 * when it crashes, ends its process, or passes its time limit (then the stacks of all
 * its threads are printed and all its processes killed); and when it leaves something
 * behind: a descriptor, a child, a thread, a byte, a mapping, a file in its directory,
 * an IPC object of the system.
 *
 * What it finds: stdin is /dev/null; $TMPDIR is harness_directory(), $WHERRY_DIR the
 * empty directory `wherry` therein.  It leads its session, and has message queues,
 * semaphores and shared memory to itself where it may (CLONE_NEWIPC).  What it may be
 * run under:
 *
 *   WHERRY_TEST_SLOW=N        deadlines are N times longer (valgrind and
 *                             sanitizers are noticed without it)
 *   WHERRY_TEST_STORM=US      each thread is interrupted every US microseconds
 *   WHERRY_TEST_KERNEL=6.1    what is newer than that Linux is refused
 *   WHERRY_TEST_REFUSE=NAME   this system call is refused; NAME:ERRNO, NAME,NAME
 *   WHERRY_TEST_STOP=1        the first test that fails ends the run
 *
 * Everything here may be called from any thread and from any forked child.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The deadline of the waits below, in milliseconds before it is stretched. */
enum { HARNESS_PATIENCE = 5000 };

/* A test: its name is a sentence, and so is what it proves. */
#define TEST(name)                                                                     \
    static void name(void);                                                            \
    __attribute__((constructor)) static void harness_registers_##name(void)            \
    {                                                                                  \
        harness_add_test(#name, name);                                                 \
    }                                                                                  \
    static void name(void)

/* For TEST. */
void harness_add_test(const char *name, void (*run)(void));

/* One more test; the name is copied, the argument is not. */
void harness_add(const char *name, void (*run)(const void *argument),
                 const void *argument);

/* A program may define it, to add tests that are found at run time. */
void harness_register(void);

/* What main() does; a program with a main() of its own calls it.  The exit status. */
int harness_main(int argc, char **argv);

/* --- checks: one that fails says so and ends the process that made it --- */

#define CHECK(condition)                                                               \
    ((condition) ? (void)0                                                             \
                 : harness_fail(__FILE__, __LINE__, "%s is false", #condition))

/* Two integers of any type. */
#define CHECK_INT(actual, expected)                                                    \
    harness_check_int(HARNESS_PLACE(#actual), (long long)(actual),                     \
                      (long long)(expected))

/* low <= value <= high */
#define CHECK_RANGE(value, low, high)                                                  \
    harness_check_range(HARNESS_PLACE(#value), (long long)(value), (long long)(low),   \
                        (long long)(high))

/* Two strings, either of which may be NULL. */
#define CHECK_STRING(actual, expected)                                                 \
    harness_check_string(HARNESS_PLACE(#actual), (actual), (expected))

/* The string contains the part. */
#define CHECK_CONTAINS(actual, part)                                                   \
    harness_check_contains(HARNESS_PLACE(#actual), (actual), (part))

#define CHECK_BYTES(actual, expected, size)                                            \
    harness_check_bytes(HARNESS_PLACE(#actual), (actual), (expected), (size))

/* A result that is a negative errno: CHECK_ERROR(wherry_send(…), -EPIPE). */
#define CHECK_ERROR(actual, expected)                                                  \
    harness_check_error(HARNESS_PLACE(#actual), (long long)(actual), (expected))

/* A result that is not an error (>= 0); its name is printed when it is. */
#define CHECK_OK(actual) harness_check_ok(HARNESS_PLACE(#actual), (long long)(actual))

#define FAIL(...) harness_fail(__FILE__, __LINE__, __VA_ARGS__)

/* Ends the test; not a failure.  Nothing is counted as left behind. */
#define SKIP(...) harness_skip(__VA_ARGS__)

struct harness_place {
    const char *file;
    const char *expression;
    int line;
};

#define HARNESS_PLACE(expression)                                                      \
    (struct harness_place)                                                             \
    {                                                                                  \
        __FILE__, (expression), __LINE__                                               \
    }

void harness_check_int(struct harness_place, long long actual, long long expected);
void harness_check_range(struct harness_place, long long value, long long low,
                         long long high);
void harness_check_string(struct harness_place, const char *actual,
                          const char *expected);
void harness_check_contains(struct harness_place, const char *actual, const char *part);
void harness_check_bytes(struct harness_place, const void *actual, const void *expected,
                         size_t size);
void harness_check_error(struct harness_place, long long actual, int expected);
void harness_check_ok(struct harness_place, long long actual);
_Noreturn void harness_fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
_Noreturn void harness_skip(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* Prints a figure even if the test passes; one line. */
void harness_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "EPIPE" for EPIPE and for -EPIPE; "0" for 0; the number for one without a name. */
const char *harness_errno_name(int error);

/* The errno of that name, 0 for an unknown one. */
int harness_errno_number(const char *name);

/* --- time --- */

/* Monotonic, in nanoseconds. */
int64_t harness_now(void);

/* True under a sanitizer, valgrind, a storm or WHERRY_TEST_SLOW: no bounds on speed. */
bool harness_is_slow(void);

/* So many milliseconds, stretched where all is slow. */
int harness_stretch(int milliseconds);

/* Returns once is_so(argument) holds; fails the test when that takes too long.  For
 * what has no descriptor to wait for. */
void harness_until(bool (*is_so)(void *argument), void *argument);

/* How often, how many or how long, as this variable of the environment says; else so.
 */
long harness_told(const char *variable, long otherwise);

/* --- processes --- */

/* _exit(2), after the counts of a build that measures coverage are written. */
_Noreturn void harness_exit(int status);

/* Forks a child that runs this and ends with status 0; it dies when its parent dies. */
pid_t harness_child(void (*run)(void *argument), void *argument);

/* fork(2), the child with that number, which nobody has: -1, EPERM or ENOSYS where it
 * cannot be chosen (clone3(2), set_tid). */
pid_t harness_fork_as(pid_t number);

/* Forks and runs a program (found in $PATH) with these descriptors as its stdin and
 * stdout, -1 for those of the test; stderr stays the test's. */
pid_t harness_program(const char *const argv[], int input, int output);

/* Waits for a child's end: its exit status, or minus the signal that killed it. */
int harness_wait(pid_t pid);
int harness_wait_within(pid_t pid, int milliseconds); /* instead of HARNESS_PATIENCE */

/* Kills a child by SIGKILL and waits for its end. */
void harness_kill(pid_t pid);

/* Runs this for ever in so many processes, and kills them all at once, after up to 3 ms
 * that differ from round to round: whatever they were doing. */
void harness_kill_tree(void (*work)(void *argument), void *argument, int count,
                       unsigned long round);

/* Returns when the thread sleeps in a system call that does not come back by itself;
 * tid may be a process (its first thread).  Fails the test when it never does. */
void harness_wait_blocked(pid_t tid);

/* The caller's thread, for harness_wait_blocked. */
pid_t harness_thread(void);

/* From now on this process and its children are on one processor: for those that take
 * turns anyway, as tracer and traced, so that none waits for the other to wake up. */
void harness_share_one_processor(void);

/* True when a program of that name is in $PATH, or at that path. */
bool harness_have_program(const char *name);

/* --- an event between processes or threads, made before the fork --- */

struct harness_gate {
    int fd;
};

void gate_open(struct harness_gate *gate);

/* Lets one waiter through, now or later. */
void gate_pass(struct harness_gate *gate);

/* Waits to be let through; fails the test after HARNESS_PATIENCE. */
void gate_wait(struct harness_gate *gate);

/* True if gate_wait would not wait; lets nobody through. */
bool gate_is_passed(const struct harness_gate *gate);

void gate_close(struct harness_gate *gate);

/* --- files --- */

/* The test's own directory: absolute, empty but for `wherry`, removed after it. */
const char *harness_directory(void);

/* harness_directory()/name; valid until the same thread has called it 8 more times. */
const char *harness_path(const char *name);

/* Makes or replaces a file in the directory; it does not count as left behind. */
void harness_write_file(const char *name, const void *bytes, size_t size);

/* Reads at most size - 1 bytes of a file anywhere and ends them with a 0; how many. */
size_t harness_read_file(const char *path, char *text, size_t size);

/* From now on this process and its children have a /dev/shm of their own, empty and
 * gone with them: for many objects, or long-lived ones.  Where that may not be done
 * nothing changes. */
void harness_own_memory(void);

/* --- apart.c --- */

enum { HARNESS_NOT_PERMITTED = 77 };

/* Runs this in the first process of a pid namespace, with a /proc of that; it has to
 * end with status 0.  Skips the test where this user may make none; so does run, by
 * harness_exit(HARNESS_NOT_PERMITTED). */
void harness_in_own_namespace(void (*run)(void *argument), void *argument);

/* Runs this in a process of its own that has a tmpfs with these options mounted at
 * place.  Skips the test for all but root. */
void harness_on_small_files(const char *options, void (*run)(void *place));

/* --- group.c: memory that is counted --- */

enum { HARNESS_GROUP = 128 };

struct harness_group {
    char path[HARNESS_GROUP];
    int version;
};

/* Makes a control group of so many bytes at most (0: no bound).  False where this user
 * may not, or the kernel has none of memory. */
bool group_open(struct harness_group *group, long most);

/* The calling process, and all that it forks from now on, belongs to it. */
void group_join(const struct harness_group *group);

/* The calling process does not any more: what it looks at is not counted there, be it
 * the kernel's own of the others' /proc. */
void group_leave(const struct harness_group *group);

/* What its processes have now, and the kernel for them, as far as the kernel counts. */
long group_bytes(const struct harness_group *group);

/* When all its processes have ended; does nothing to one that was not opened. */
void group_close(struct harness_group *group);

/* --- descriptors --- */

/* How many descriptors this process has open. */
int harness_descriptors(void);

/* --- allocations: those of the program and of libwherry, not of other libraries --- */

/* How many calls have asked for memory so far. */
unsigned long harness_allocations(void);

/* Blocks and bytes that are allocated now. */
unsigned long harness_live_blocks(void);
size_t harness_live_bytes(void);

/* Names on standard error the blocks that are there now and were not yet allocated when
 * harness_allocations() was that much; how many. */
int harness_blocks_since(unsigned long allocations);

/* The n-th allocation from now on fails (and all after it); 0 ends it. */
void harness_fail_allocation(unsigned long n, bool forever);

/* How many allocations failed since harness_fail_allocation was called. */
unsigned long harness_failed_allocations(void);

/*
 * Runs the scenario in a child for each n = 1, 2, 3 …, where the n-th allocation fails
 * once, and where all from the n-th on fail, until none is left to fail.  Each run must
 * end by itself and leave nothing.  How many allocations there are.
 */
unsigned long harness_each_allocation(void (*scenario)(void *argument), void *argument);

/* --- cycles --- */

/*
 * Runs the scenario a few times to warm up, then so many times in this process, and
 * fails the test if anything has grown: descriptors, /proc/net/unix, /dev/shm,
 * mappings, blocks and bytes, zombies, resident memory.  Notes the count.
 */
void harness_cycles(unsigned long count, void (*scenario)(void *argument),
                    void *argument);

#endif
