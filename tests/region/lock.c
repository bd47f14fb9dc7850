/* SPDX-License-Identifier: MIT */
/*
 * lock: who can open one, who holds it, who waits and for how long.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "rows.h"

enum { AT = 1024, WORKERS = 4, TURNS = 500 };

/* Words of a lock's head, as they stand in the region. */
enum { MAGIC, VERSION, LIBC, BITS, NAMESPACE, START, STATE = 9, MUTEX = 16 };

static const struct row *memfd = &rows[0];

static wherry_lock *open_lock(wherry_region *region, uint64_t offset)
{
    wherry_lock *lock = NULL;
    WORKS(wherry_lock_open(region, offset, &lock));
    return lock;
}

static unsigned *words_of(const wherry_region *region)
{
    return (unsigned *)wherry_region_data(region) + AT / sizeof(unsigned);
}

static volatile int *number_of(const wherry_region *region)
{
    return wherry_region_data(region);
}

/* --- opening ------------------------------------------------------------- */

static void open_without_descriptors(void *region)
{
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = 0};
    wherry_lock *lock = NULL;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &none), 0);
    FAILS(wherry_lock_open(region, AT, &lock), -EMFILE, "too many open files");
}

TEST(too_few_descriptors_are_told_as_that)
{
    wherry_region *region = make(memfd);
    CHECK_INT(harness_wait(harness_child(open_without_descriptors, region)), 0);
    wherry_region_close(region);
    unmake(memfd);
}

EACH_ROW(one_lock_at_two_addresses_has_one_holder)
{
    wherry_region *one = make(row);
    wherry_region *other = again(row, one, WHERRY_REGION_WRITE);
    wherry_lock *here = open_lock(one, AT);
    wherry_lock *there = open_lock(other, AT);
    WORKS(wherry_lock_take(here, WHERRY_POLL));
    FAILS(wherry_lock_take(there, WHERRY_POLL), -EDEADLK, "this thread holds it");
    FAILS(wherry_lock_take(there, soon()), -EDEADLK, "at 1024");
    FAILS(wherry_lock_give(there), -EPERM, "through another handle");
    WORKS(wherry_lock_give(here));
    WORKS(wherry_lock_take(there, soon()));
    WORKS(wherry_lock_give(there));
    wherry_lock_close(here);
    wherry_lock_close(there);
    wherry_region_close(one);
    wherry_region_close(other);
    unmake(row);
}

struct start {
    const struct row *row;
    wherry_region *region;
    struct harness_gate gate;
};

static void make_and_count(void *argument)
{
    struct start *start = argument;
    wherry_region *region = again(start->row, start->region, WHERRY_REGION_WRITE);
    gate_wait(&start->gate);
    wherry_lock *lock = open_lock(region, AT);
    for (int i = 0; i < TURNS; i++) {
        WORKS(wherry_lock_take(lock, soon()));
        *number_of(region) += 1;
        WORKS(wherry_lock_give(lock));
    }
    wherry_lock_close(lock);
    wherry_region_close(region);
}

EACH_ROW(whoever_comes_first_makes_it_and_nothing_is_counted_twice)
{
    struct start start = {.row = row, .region = make(row)};
    pid_t workers[WORKERS];
    gate_open(&start.gate);
    for (int i = 0; i < WORKERS; i++)
        workers[i] = harness_child(make_and_count, &start);
    for (int i = 0; i < WORKERS; i++)
        gate_pass(&start.gate);
    for (int i = 0; i < WORKERS; i++)
        CHECK_INT(harness_wait_within(workers[i], harness_stretch(20000)), 0);
    CHECK_INT(*number_of(start.region), WORKERS * TURNS);
    gate_close(&start.gate);
    wherry_region_close(start.region);
    unmake(row);
}

static void is_refused(wherry_region *region, uint64_t offset, int error,
                       const char *part)
{
    wherry_lock *lock = NULL;
    FAILS(wherry_lock_open(region, offset, &lock), error, part);
    CHECK(lock == NULL);
}

EACH_ROW(a_region_that_others_do_not_see_written_has_no_lock)
{
    wherry_region *region = make(row);
    wherry_region *read = again(row, region, WHERRY_REGION_READ);
    is_refused(read, AT, -EACCES, "open for writing");
    if (row->has_private) {
        wherry_region *copy = again(row, region, WHERRY_REGION_PRIVATE);
        is_refused(copy, AT, -EACCES, "what others see");
        wherry_region_close(copy);
    }
    wherry_region_close(read);
    wherry_region_close(region);
    unmake(row);
}

TEST(a_lock_is_aligned_and_within_its_region)
{
    wherry_region *region = make(memfd);
    is_refused(region, 8, -EINVAL, "no multiple of 64");
    is_refused(region, SIZE, -ERANGE, "not within");
    is_refused(region, SIZE - WHERRY_LOCK_ROOM + WHERRY_LOCK_ALIGNED, -ERANGE,
               "at 65472: not within the 65536");
    is_refused(region, UINT64_MAX - 63, -ERANGE, "not within");
    wherry_lock *last = open_lock(region, SIZE - WHERRY_LOCK_ROOM);
    WORKS(wherry_lock_take(last, soon()));
    WORKS(wherry_lock_give(last));
    wherry_lock_close(last);
    wherry_region_close(region);
}

TEST(what_is_something_else_is_not_made_a_lock)
{
    wherry_region *region = make(memfd);
    for (unsigned word = 0; word < WHERRY_LOCK_ROOM / sizeof(unsigned); word++) {
        words_of(region)[word] = 0x20202020;
        is_refused(region, AT, -EEXIST, "something else");
        memset(words_of(region), 0, WHERRY_LOCK_ROOM);
    }
    wherry_lock_close(open_lock(region, AT));
    wherry_region_close(region);
}

TEST(a_head_that_does_not_fit_is_refused_and_told)
{
#if defined(__GLIBC__) && defined(__x86_64__) && __SIZEOF_POINTER__ == 8
    static const struct {
        unsigned word;
        unsigned flipped;
        int error;
        const char *part;
    } damages[] = {
        {MAGIC, 1, -EEXIST, "something else"},
        {VERSION, 6, -EPROTO,
         "of version 7, for glibc with 64 bits; here is version 1"},
        {LIBC, 3, -EPROTO,
         "for musl with 64 bits; here is version 1, for glibc with 64"},
        {LIBC, 0xffff0000, -EPROTO, "for another C library with 64 bits"},
        {BITS, 96, -EPROTO, "for glibc with 32 bits; here is"},
        {NAMESPACE, 1, -EXDEV, "another pid namespace"},
        {START, 1, -ESTALE, "before the machine was started"},
        {START + 3, 1, -ESTALE, "before the machine was started"},
        {STATE, 2, -EPROTO, "is damaged"},
        {STATE, 0xffffffff, -EPROTO, "is damaged"},
        {MUTEX + 4, 0x10, -EPROTO, "is damaged"}, // its kind: no longer robust
    };

    wherry_region *region = make(memfd);
    wherry_lock_close(open_lock(region, AT));
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        words_of(region)[damages[i].word] ^= damages[i].flipped;
        is_refused(region, AT, damages[i].error, damages[i].part);
        words_of(region)[damages[i].word] ^= damages[i].flipped;
    }
    wherry_lock_close(open_lock(region, AT));
    wherry_region_close(region);
#else
    SKIP("the words are those of glibc on x86-64");
#endif
}

TEST(a_state_that_is_damaged_later_is_told)
{
    wherry_region *region = make(memfd);
    wherry_lock *lock = open_lock(region, AT);
    words_of(region)[STATE] = 2;
    FAILS(wherry_lock_take(lock, soon()), -EPROTO, "damaged");
    FAILS(wherry_lock_renew(lock, soon()), -EPROTO, "damaged");
    words_of(region)[STATE] = 0;
    WORKS(wherry_lock_take(lock, soon())); // it was given back
    words_of(region)[STATE] = 0xffffffff;
    WORKS(wherry_lock_give(lock));
    FAILS(wherry_lock_take(lock, soon()), -EPROTO, "damaged");
    wherry_lock_close(lock);
    wherry_region_close(region);
}

static void enter_namespace(void *region)
{
    int status = -1;
    // Its children are in another one; it is not.
    if (unshare(CLONE_NEWPID) < 0)
        harness_exit(77);
    wherry_lock_close(open_lock(region, AT));
    pid_t child = fork();
    if (child == 0) {
        is_refused(region, AT, -EXDEV, "another pid namespace");
        harness_exit(0);
    }
    while (waitpid(child, &status, 0) < 0)
        CHECK_INT(errno, EINTR);
    CHECK_INT(status, 0);
}

TEST(another_pid_namespace_is_refused)
{
    wherry_region *region = make(memfd);
    wherry_lock_close(open_lock(region, AT));
    int status = harness_wait(harness_child(enter_namespace, region));
    wherry_region_close(region);
    if (status == 77)
        SKIP("this user may make no pid namespace");
    CHECK_INT(status, 0);
}

TEST(a_region_that_was_made_smaller_is_refused_and_a_name_is_not_needed)
{
    for (const struct row *row = rows; row->scheme; row++) {
        wherry_native file = -1;
        if (!row->has_name)
            continue;
        wherry_region *region = make(row);
        unmake(row);
        wherry_lock_close(open_lock(region, AT));
        if (row->can_shrink) {
            WORKS(wherry_region_file(region, &file));
            CHECK_INT(ftruncate(file, 0), 0);
            is_refused(region, AT, -EFAULT, "made smaller");
        }
        wherry_region_close(region);
    }
}

// Its memory is there since the region was made.
static void fill_small_files(void *place)
{
    char address[ADDRESS];
    wherry_region *region = NULL;
    snprintf(address, sizeof(address), "file:%s/x?size=64K", (const char *)place);
    WORKS(wherry_region_open(address, &region));
    wherry_lock *lock = open_lock(region, SIZE - WHERRY_LOCK_ROOM);
    WORKS(wherry_lock_take(lock, soon()));
    WORKS(wherry_lock_give(lock));
    wherry_lock_close(lock);
    wherry_region_close(region);
}

TEST(in_a_full_file_system_it_is_a_lock_all_the_same)
{
    harness_on_small_files("size=64k", fill_small_files);
}

/* --- waiting ------------------------------------------------------------- */

struct scene {
    const struct row *row;
    wherry_region *region;
    struct harness_gate held;
    struct harness_gate go;
};

static struct scene begin(const struct row *row)
{
    struct scene scene = {.row = row, .region = make(row)};
    gate_open(&scene.held);
    gate_open(&scene.go);
    return scene;
}

static void end(struct scene *scene)
{
    gate_close(&scene->held);
    gate_close(&scene->go);
    wherry_region_close(scene->region);
    unmake(scene->row);
}

static void hold_for_a_while(void *argument)
{
    struct scene *scene = argument;
    wherry_region *region = again(scene->row, scene->region, WHERRY_REGION_WRITE);
    wherry_lock *lock = open_lock(region, AT);
    WORKS(wherry_lock_take(lock, soon()));
    gate_pass(&scene->held);
    gate_wait(&scene->go);
    *number_of(region) = 42;
    WORKS(wherry_lock_give(lock));
    wherry_lock_close(lock);
    wherry_region_close(region);
}

EACH_ROW(a_wait_ends_by_its_deadline_and_when_the_lock_is_given)
{
    struct scene scene = begin(row);
    pid_t child = harness_child(hold_for_a_while, &scene);
    wherry_lock *lock = open_lock(scene.region, AT);
    gate_wait(&scene.held);
    FAILS(wherry_lock_take(lock, WHERRY_POLL), -EAGAIN, "somebody holds it");
    FAILS(wherry_lock_take(lock, wherry_after(0)), -ETIMEDOUT, "all the time");
    FAILS(wherry_lock_take(lock, INT64_MIN), -ETIMEDOUT, "all the time");
    const int64_t before = wherry_now();
    FAILS(wherry_lock_take(lock, wherry_after(50)), -ETIMEDOUT, "all the time");
    const int64_t waited = wherry_now() - before;
    CHECK(waited >= 50 * 1000000);
    CHECK(harness_is_slow() || waited < 250 * 1000000);
    gate_pass(&scene.go);
    WORKS(wherry_lock_take(lock, WHERRY_FOREVER));
    CHECK_INT(*number_of(scene.region), 42);
    WORKS(wherry_lock_give(lock));
    CHECK_INT(harness_wait(child), 0);
    wherry_lock_close(lock);
    end(&scene);
}

TEST(a_free_one_is_taken_though_the_deadline_has_passed)
{
    wherry_region *region = make(memfd);
    wherry_lock *lock = open_lock(region, AT);
    static const wherry_deadline deadlines[] = {WHERRY_POLL, 1, WHERRY_FOREVER,
                                                WHERRY_FOREVER - 1};
    for (int i = 0; i < 4; i++) {
        WORKS(wherry_lock_take(lock, deadlines[i]));
        WORKS(wherry_lock_give(lock));
    }
    wherry_lock_close(lock);
    wherry_region_close(region);
}

static void wait_in_turn(void *argument)
{
    struct scene *scene = argument;
    wherry_region *region = again(scene->row, scene->region, WHERRY_REGION_WRITE);
    wherry_lock *lock = open_lock(region, AT);
    gate_wait(&scene->held);
    gate_pass(&scene->go);
    WORKS(wherry_lock_take(lock, WHERRY_FOREVER));
    WORKS(wherry_lock_give(lock));
    wherry_lock_close(lock);
    wherry_region_close(region);
}

TEST(all_that_sleep_get_it_one_after_the_other)
{
    struct scene scene = begin(memfd);
    pid_t children[WORKERS];
    wherry_lock *lock = open_lock(scene.region, AT);
    for (int i = 0; i < WORKERS; i++)
        children[i] = harness_child(wait_in_turn, &scene);
    WORKS(wherry_lock_take(lock, soon()));
    for (int i = 0; i < WORKERS; i++)
        gate_pass(&scene.held);
    for (int i = 0; i < WORKERS; i++)
        gate_wait(&scene.go);
    for (int i = 0; i < WORKERS; i++)
        harness_wait_blocked(children[i]);
    WORKS(wherry_lock_give(lock));
    for (int i = 0; i < WORKERS; i++)
        CHECK_INT(harness_wait(children[i]), 0);
    wherry_lock_close(lock);
    end(&scene);
}

/* --- the rules of holders ------------------------------------------------ */

static void *give_anothers(void *lock)
{
    FAILS(wherry_lock_give(lock), -EPERM, "does not hold it");
    FAILS(wherry_lock_recover(lock), -EPERM, "does not hold it");
    FAILS(wherry_lock_take(lock, at_once()), -ETIMEDOUT, "somebody held it");
    return NULL;
}

TEST(only_the_thread_that_took_it_gives_it_back)
{
    pthread_t thread;
    wherry_region *region = make(memfd);
    wherry_lock *lock = open_lock(region, AT);
    FAILS(wherry_lock_give(lock), -EPERM, "does not hold it");
    FAILS(wherry_lock_recover(lock), -EPERM, "does not hold it");
    WORKS(wherry_lock_take(lock, soon()));
    FAILS(wherry_lock_take(lock, soon()), -EDEADLK, "this thread holds it");
    FAILS(wherry_lock_recover(lock), -EINVAL, "nobody has died");
    CHECK_INT(pthread_create(&thread, NULL, give_anothers, lock), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    WORKS(wherry_lock_give(lock));
    FAILS(wherry_lock_give(lock), -EPERM, "does not hold it");
    wherry_lock_close(lock);
    wherry_region_close(region);
}

TEST(a_thread_holds_eight_and_no_more)
{
    wherry_region *region = make(memfd);
    wherry_lock *locks[WHERRY_LOCKS_HELD + 1];
    for (uint64_t i = 0; i <= WHERRY_LOCKS_HELD; i++)
        locks[i] = open_lock(region, i * WHERRY_LOCK_ROOM);
    for (int i = 0; i < WHERRY_LOCKS_HELD; i++)
        WORKS(wherry_lock_take(locks[i], soon()));
    FAILS(wherry_lock_take(locks[WHERRY_LOCKS_HELD], soon()), -ENOLCK, "8 locks");
    FAILS(wherry_lock_renew(locks[WHERRY_LOCKS_HELD], soon()), -ENOLCK, "8 locks");
    WORKS(wherry_lock_give(locks[3]));
    WORKS(wherry_lock_take(locks[WHERRY_LOCKS_HELD], soon()));
    FAILS(wherry_lock_take(locks[3], soon()), -ENOLCK, "8 locks");
    for (int i = 0; i <= WHERRY_LOCKS_HELD; i++) {
        if (i != 3)
            WORKS(wherry_lock_give(locks[i]));
        wherry_lock_close(locks[i]);
    }
    wherry_region_close(region);
}

/* --- its memory ---------------------------------------------------------- */

static bool is_mapped(const void *at)
{
    static char lines[1 << 18]; // on the heap they could be where it was
    char *rest = lines;
    bool found = false;
    harness_read_file("/proc/self/maps", lines, sizeof(lines));
    for (char *line; (line = strsep(&rest, "\n")) && *line && !found;) {
        char *stop;
        uintptr_t first = strtoul(line, &stop, 16);
        found = (uintptr_t)at >= first && (uintptr_t)at < strtoul(stop + 1, NULL, 16);
    }
    return found;
}

EACH_ROW(memory_stays_mapped_until_the_last_lock_is_closed)
{
    wherry_region *region = make(row);
    const void *data = wherry_region_data(region);
    wherry_lock *one = open_lock(region, 0);
    wherry_lock *other = open_lock(region, AT);
    WORKS(wherry_lock_take(one, soon()));
    wherry_region_close(region);
    CHECK(is_mapped(data));
    WORKS(wherry_lock_give(one));
    wherry_lock_close(one);
    CHECK(is_mapped(data));
    WORKS(wherry_lock_take(other, soon()));
    WORKS(wherry_lock_give(other));
    wherry_lock_close(other);
    CHECK(!is_mapped(data));
    wherry_lock_close(NULL);
    unmake(row);
}

static void close_what_is_held(void *argument)
{
    struct scene *scene = argument;
    wherry_region *region = again(scene->row, scene->region, WHERRY_REGION_WRITE);
    const void *data = wherry_region_data(region);
    wherry_lock *lock = open_lock(region, AT);
    WORKS(wherry_lock_take(lock, soon()));
    wherry_lock_close(lock);
    wherry_region_close(region);
    CHECK(is_mapped(data));
    gate_pass(&scene->held);
    gate_wait(&scene->go);
}

EACH_ROW(one_that_is_closed_while_it_is_held_stays_held_until_the_end)
{
    struct scene scene = begin(row);
    pid_t child = harness_child(close_what_is_held, &scene);
    wherry_lock *lock = open_lock(scene.region, AT);
    gate_wait(&scene.held);
    FAILS(wherry_lock_take(lock, at_once()), -ETIMEDOUT, "somebody held it");
    gate_pass(&scene.go);
    FAILS(wherry_lock_take(lock, soon()), -EOWNERDEAD, "has died");
    WORKS(wherry_lock_recover(lock));
    WORKS(wherry_lock_give(lock));
    CHECK_INT(harness_wait(child), 0);
    wherry_lock_close(lock);
    end(&scene);
}

TEST(contents_are_not_sealed_under_a_lock)
{
    wherry_region *region = NULL;
    WORKS(wherry_region_open("memfd:?size=64K&seal=none", &region));
    wherry_lock *lock = open_lock(region, AT);
    FAILS(wherry_region_seal(region, WHERRY_SEAL_CONTENTS), -EBUSY, "a lock");
    WORKS(wherry_lock_take(lock, soon()));
    WORKS(wherry_lock_give(lock));
    wherry_lock_close(lock);
    WORKS(wherry_region_seal(region, WHERRY_SEAL_CONTENTS));
    is_refused(region, AT, -EACCES, "open for writing");
    wherry_region_close(region);
}

/* --- all of it ----------------------------------------------------------- */

static void use_one(void *argument)
{
    wherry_region *region = NULL;
    wherry_lock *lock = NULL;
    (void)argument;
    if (wherry_region_open("memfd:?size=64K", &region) < 0)
        return;
    if (wherry_lock_open(region, AT, &lock) >= 0) {
        WORKS(wherry_lock_take(lock, soon()));
        WORKS(wherry_lock_give(lock));
    }
    wherry_lock_close(lock);
    wherry_region_close(region);
}

TEST(each_allocation_that_fails_is_told_and_leaves_nothing)
{
    harness_note("%lu allocations", harness_each_allocation(use_one, NULL));
}

TEST(nothing_grows_over_many)
{
    harness_cycles(1000, use_one, NULL);
}
