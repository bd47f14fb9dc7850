/* SPDX-License-Identifier: MIT */
/*
 * A semaphore of ours: whoever dies, wherever, its permits come back, and whoever
 * sleeps for one is woken.  Nothing of the dead stays behind, no doorbell either.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <wherry.h>

#include "harness.h"
#include "kernel.h"
#include "memory/lease.h"

enum { ADDRESS = 64, PERMITS = 2, SOON = 2000 /* milliseconds */, LOOKED_AT = 4 };

/* What runs share. */
struct harbour {
    char address[ADDRESS];
    char file[ADDRESS];
    int asks[2]; // a pipe, by which whoever holds is asked to let go
    struct lease_header *block;
    size_t size;
};

static const char *directory;

static int open_with(const struct harbour *harbour, const char *options,
                     wherry_semaphore **out)
{
    char address[2 * ADDRESS];
    snprintf(address, sizeof address, "%s%s", harbour->address, options);
    return wherry_semaphore_open(address, out);
}

static bool is_named(const struct step_role *role, const char *name)
{
    return role && strcmp(role->name, name) == 0;
}

// In a process of its own, as all that allocates.
static void found(void *argument)
{
    wherry_semaphore *lease = NULL;
    CHECK_OK(open_with(argument, "?permits=2&handles=8&create=exclusive", &lease));
    wherry_semaphore_close(lease);
}

static void die_with_all(void *argument)
{
    wherry_semaphore *lease = NULL;
    CHECK_OK(open_with(argument, "?create=no", &lease));
    CHECK_OK(wherry_acquire(lease, PERMITS, WHERRY_POLL));
    _exit(0);
}

static void clear(void *argument)
{
    const struct harbour *harbour = argument;
    (void)wherry_remove(harbour->address);
}

static void look_into(struct harbour *harbour)
{
    struct stat status;
    int fd = open(harbour->file, O_RDONLY | O_CLOEXEC);
    CHECK_OK(fd);
    CHECK_INT(fstat(fd, &status), 0);
    harbour->size = (size_t)status.st_size;
    harbour->block = mmap(NULL, harbour->size, PROT_READ, MAP_SHARED, fd, 0);
    CHECK(harbour->block != MAP_FAILED);
    close(fd);
}

static void *make(const struct step_role *role)
{
    static unsigned runs;
    if (!directory) {
        directory = getenv("WHERRY_DIR");
        CHECK_INT(chdir(directory), 0);
    }
    struct harbour *harbour = kernel_memory(sizeof *harbour);
    snprintf(harbour->address, ADDRESS, "lease:l%06u", runs);
    snprintf(harbour->file, ADDRESS, "l%06u.lease", runs++);
    CHECK_INT(pipe2(harbour->asks, O_CLOEXEC), 0);
    if (is_named(role, "make"))
        return harbour;
    CHECK_INT(harness_wait(harness_child(found, harbour)), 0);
    if (is_named(role, "take-back"))
        CHECK_INT(harness_wait(harness_child(die_with_all, harbour)), 0);
    look_into(harbour);
    return harbour;
}

static void unmake(void *shared)
{
    struct harbour *harbour = shared;
    CHECK_INT(harness_wait(harness_child(clear, shared)), 0);
    if (harbour->block)
        munmap(harbour->block, harbour->size);
    close(harbour->asks[0]);
    close(harbour->asks[1]);
    munmap(shared, sizeof(struct harbour));
}

// From outside, as nobody of it.
static bool look_at(const struct harbour *harbour, struct lease *out)
{
    const struct lease_header *header = harbour->block;
    *out = (struct lease){.places = {.space = header ? header->common.space : 0}};
    return header && lease_take(out, harbour->block, harbour->size) >= 0;
}

/* Which places there are, which permits are whose, who waits, was rung, or insists. */
static uint64_t state(const struct step_scene *scene)
{
    const struct harbour *harbour = scene->shared;
    struct lease lease;
    if (!look_at(harbour, &lease))
        return 0;
    // A sleeper that is woken goes on at once: what it does is not in the state.
    const bool is_alone = !(scene->role && scene->role->is_deep);
    const uint32_t places = is_alone ? LOOKED_AT : 1;
    uint64_t word = is_alone && atomic_load(&lease.line->first) != 0;
    for (uint32_t i = 0; i < places; i++) {
        const uint64_t wait = atomic_load(&lease.places.waits[i]);
        word = word << 2 | atomic_load(&lease.places.all[i].word) >> 62;
        word = word << 2 | (wait != 0 ? 2u : 0u) | (wait & 1);
    }
    for (uint32_t i = 0; i < PERMITS; i++) {
        const uint64_t owner = atomic_load(&lease.owners[i]);
        const uint32_t whose = owner ? owner_place(owner) + 1 : 0;
        word = word << 3 | (whose <= places ? whose : 0);
    }
    return word;
}

/* --- the operations ------------------------------------------------------ */

static void open_own(struct step_scene *scene)
{
    wherry_semaphore *lease = NULL;
    if (open_with(scene->shared, "?create=no", &lease) >= 0)
        scene->own = lease;
}

static void open_and_hold(struct step_scene *scene)
{
    open_own(scene);
    CHECK_OK(wherry_acquire(scene->own, PERMITS, WHERRY_POLL));
}

static void make_one(struct step_scene *scene)
{
    wherry_semaphore *lease = NULL;
    if (open_with(scene->shared, "?permits=2&handles=8", &lease) >= 0)
        wherry_semaphore_close(lease);
}

static void open_one(struct step_scene *scene)
{
    wherry_semaphore *lease = NULL;
    if (open_with(scene->shared, "?create=no", &lease) >= 0)
        wherry_semaphore_close(lease);
}

static void remove_one(struct step_scene *scene)
{
    const struct harbour *harbour = scene->shared;
    (void)wherry_remove(harbour->address);
}

static void take_and_give(struct step_scene *scene)
{
    if (wherry_acquire(scene->own, 1, wherry_after(SOON)) >= 0)
        (void)wherry_release(scene->own, 1);
}

static void take_and_give_all(struct step_scene *scene)
{
    if (wherry_acquire(scene->own, PERMITS, wherry_after(SOON)) >= 0)
        (void)wherry_release(scene->own, PERMITS);
}

static void try_and_give(struct step_scene *scene)
{
    if (wherry_acquire(scene->own, 1, WHERRY_POLL) >= 0)
        (void)wherry_release(scene->own, 1);
}

static void await(struct step_scene *scene)
{
    (void)wherry_acquire(scene->own, 1, WHERRY_FOREVER);
}

static void give_all(struct step_scene *scene)
{
    (void)wherry_release(scene->own, PERMITS);
}

static void close_own(struct step_scene *scene)
{
    wherry_semaphore_close(scene->own);
}

static void open_take_and_give(struct step_scene *scene)
{
    open_own(scene);
    if (scene->own && wherry_acquire(scene->own, PERMITS, WHERRY_FOREVER) >= 0)
        (void)wherry_release(scene->own, PERMITS);
    // Not closed: whoever wakes it may be so slow that it is about to ring only now.
}

// Holds all of them until it is asked to let go.
static void open_and_wait_to_be_asked(struct step_scene *scene)
{
    const struct harbour *harbour = scene->shared;
    char word;
    open_and_hold(scene);
    while (read(harbour->asks[0], &word, 1) < 0)
        ;
    wherry_semaphore_close(scene->own);
}

static void ask(struct step_scene *scene)
{
    const struct harbour *harbour = scene->shared;
    CHECK_INT(write(harbour->asks[1], "", 1), 1);
}

// A wait is a nap first, of a millisecond.
static bool does_one_insist(const struct step_scene *scene)
{
    const struct harbour *harbour = scene->shared;
    struct lease lease;
    CHECK(look_at(harbour, &lease));
    return atomic_load(&lease.line->first) != 0;
}

static bool does_it_insist(void *scene)
{
    return does_one_insist(scene);
}

// One that is stepped naps on for as long as nobody steps it; one that was stopped goes
// on by itself.
static void ask_once_it_insists(struct step_scene *scene)
{
    if (scene->end == STEP_STOPPED)
        harness_until(does_it_insist, scene);
    if (does_one_insist(scene))
        ask(scene);
}

/* --- the judgement ------------------------------------------------------- */

static int count_names(void)
{
    DIR *list = opendir(directory);
    int count = 0;
    for (struct dirent *entry; list && (entry = readdir(list));)
        count += entry->d_name[0] != '.';
    if (list)
        closedir(list);
    return count;
}

// All permits can be had by one, and when it is removed nothing stays.
static struct step_finding judge(const struct harbour *harbour, wherry_semaphore *lease)
{
    struct wherry_semaphore_info info;
    int r = wherry_acquire(lease, PERMITS, wherry_after(SOON));
    if (r < 0 && wherry_semaphore_describe(lease, &info, sizeof info) >= 0)
        return step_find(STEP_LOST, "%s: %lld of %lld are free", wherry_error_text(),
                         (long long)info.value, (long long)info.permits);
    (void)wherry_release(lease, PERMITS);
    if (wherry_remove(harbour->address) < 0)
        return step_find(STEP_HUNG, "removing: %s", wherry_error_text());
    return step_find(STEP_WHOLE, "all permits are there");
}

static struct step_finding check(struct step_scene *scene)
{
    const struct harbour *harbour = scene->shared;
    wherry_semaphore *lease = NULL;
    if (is_named(scene->role, "wait-for-another"))
        ask(scene);
    int r = open_with(harbour, "?create=no", &lease);
    if (r < 0 && r != -ENOENT)
        return step_find(STEP_TORN, "opening: %s", wherry_error_text());
    struct step_finding finding =
        r < 0 ? step_find(STEP_ABSENT, "there is none") : judge(harbour, lease);
    if (r < 0 && !is_named(scene->role, "make") && !is_named(scene->role, "remove"))
        finding = step_find(STEP_LOST, "it is gone");
    wherry_semaphore_close(lease);
    if (finding.verdict > STEP_ABSENT)
        return finding;
    if (scene->role && scene->role->sleeper && !scene->role->wake &&
        !scene->sleeper_is_back)
        return step_find(STEP_HUNG, "the sleeper sleeps on, and permits are there");
    if (!(scene->role && scene->role->sleeper) && count_names() > 0)
        return step_find(STEP_LOST, "%d files stay behind", count_names());
    return finding;
}

// Whoever is stopped may hold all; the deadline is met.
static struct step_finding meet(struct step_scene *scene)
{
    wherry_semaphore *lease = NULL;
    int r = open_with(scene->shared, "?permits=2&handles=8", &lease);
    if (r < 0)
        return step_find(STEP_HUNG, "opening: %s", wherry_error_text());
    r = wherry_acquire(lease, 1, wherry_after(20));
    wherry_semaphore_close(lease);
    return r == 0            ? step_find(STEP_WHOLE, "a permit was there")
           : r == -ETIMEDOUT ? step_find(STEP_ABSENT, "the deadline was met")
                             : step_find(STEP_TORN, "%s", wherry_error_text());
}

static void recover(struct step_scene *scene)
{
    if (!scene->own)
        open_own(scene);
    if (scene->own)
        try_and_give(scene);
}

/* --- load ---------------------------------------------------------------- */

static void turn(struct step_scene *scene)
{
    if (wherry_acquire(scene->own, 1, wherry_after(10000)) < 0)
        _exit(1);
    (void)wherry_release(scene->own, 1);
}

static const struct step_role roles[] = {
    {.name = "make", .run = make_one},
    {.name = "open", .run = open_one},
    {.name = "remove", .run = remove_one},
    {.name = "acquire-and-release", .prepare = open_own, .run = take_and_give},
    {.name = "two-at-once", .prepare = open_own, .run = take_and_give_all},
    {.name = "take-back", .prepare = open_own, .run = try_and_give},
    {.name = "wait-for-another",
     .prepare = open_own,
     .run = await,
     .sleeper = open_and_wait_to_be_asked,
     .wake = ask_once_it_insists},
    {.name = "release-to-a-sleeper",
     .prepare = open_and_hold,
     .run = give_all,
     .sleeper = open_take_and_give,
     .is_deep = does_one_insist},
    {.name = "close-to-a-sleeper",
     .prepare = open_and_hold,
     .run = close_own,
     .sleeper = open_take_and_give,
     .is_deep = does_one_insist},
};

static const struct step_subject lease = {
    .name = "lease",
    .roles = roles,
    .role_count = sizeof roles / sizeof *roles,
    .make = make,
    .unmake = unmake,
    .state = state,
    .recover = recover,
    .check = check,
    .meet = meet,
    .attach = open_own,
    .turn = turn,
    .settle = check,
};

void harness_register(void)
{
    step_add(&lease);
}
