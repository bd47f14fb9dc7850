/* SPDX-License-Identifier: MIT */
/*
 * sem: what is special to POSIX semaphores, under a name and in a region.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/stat.h>

#include "../transport/talk.h"

enum { NAME = 64, TEXT = 512 };

// "/wherry-test-PID", of the test's process in its children, too.
static const char *name(void)
{
    static char text[NAME];
    if (!text[0])
        snprintf(text, sizeof(text), "/wherry-test-%ld", (long)getpid());
    return text;
}

static const char *at(const char *options)
{
    static char text[TEXT];
    snprintf(text, sizeof(text), "sem:%s%s", name(), options);
    return text;
}

static const char *file(void)
{
    static char path[TEXT];
    snprintf(path, sizeof(path), "/dev/shm/sem.%s", name() + 1);
    return path;
}

static wherry_semaphore *open_at(const char *options)
{
    wherry_semaphore *semaphore = NULL;
    WORKS(wherry_semaphore_open(at(options), &semaphore));
    return semaphore;
}

/* --- with programs that know nothing of us ------------------------------- */

static int bare_value(sem_t *bare)
{
    int value = -1;
    CHECK_INT(sem_getvalue(bare, &value), 0);
    return value;
}

TEST(what_sem_open_makes_is_found)
{
    sem_t *bare = sem_open(name(), O_CREAT | O_EXCL, 0600, 2);
    CHECK(bare != SEM_FAILED);
    wherry_semaphore *ours = open_at("?create=no");
    WORKS(wherry_acquire(ours, 2, WHERRY_POLL));
    CHECK_INT(sem_trywait(bare), -1);
    CHECK_INT(sem_post(bare), 0);
    WORKS(wherry_acquire(ours, 1, soon()));
    wherry_semaphore_close(ours);
    WORKS(wherry_remove(at("")));
    CHECK_INT(sem_close(bare), 0);
    CHECK_INT(sem_unlink(name()), -1);
}

static void wait_bare(void *argument)
{
    struct harness_gate *ready = argument;
    sem_t *bare = sem_open(name(), 0);
    CHECK(bare != SEM_FAILED);
    gate_pass(ready);
    while (sem_wait(bare) < 0)
        CHECK_INT(errno, EINTR);
    CHECK_INT(sem_close(bare), 0);
}

TEST(sem_open_finds_what_we_make_and_we_wake_who_waits_there)
{
    struct harness_gate ready;
    gate_open(&ready);
    wherry_semaphore *ours = open_at("?permits=0");
    pid_t child = harness_child(wait_bare, &ready);
    gate_wait(&ready);
    harness_wait_blocked(child);
    WORKS(wherry_release(ours, 1));
    CHECK_INT(harness_wait(child), 0);
    gate_close(&ready);
    wherry_semaphore_close(ours);
    CHECK_INT(sem_unlink(name()), 0);
}

static void wait_ours(void *argument)
{
    (void)argument;
    wherry_semaphore *ours = open_at("?create=no");
    WORKS(wherry_acquire(ours, 1, WHERRY_FOREVER));
    wherry_semaphore_close(ours);
}

TEST(sem_post_wakes_who_waits_in_ours)
{
    sem_t *bare = sem_open(name(), O_CREAT | O_EXCL, 0600, 0);
    CHECK(bare != SEM_FAILED);
    pid_t child = harness_child(wait_ours, NULL);
    harness_wait_blocked(child);
    CHECK_INT(sem_post(bare), 0);
    CHECK_INT(harness_wait(child), 0);
    CHECK_INT(bare_value(bare), 0);
    CHECK_INT(sem_close(bare), 0);
    CHECK_INT(sem_unlink(name()), 0);
}

/* --- what may stand at its name ------------------------------------------ */

static void put_file(off_t size)
{
    int fd = open(file(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    CHECK_INT(ftruncate(fd, size), 0);
    close(fd);
}

TEST(what_has_not_the_size_of_a_semaphore_is_none)
{
    static const off_t sizes[] = {0, 1, sizeof(sem_t) / 2, sizeof(sem_t) + 1, 4096};
    wherry_semaphore *semaphore = NULL;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        put_file(sizes[i]);
        FAILS(wherry_semaphore_open(at(""), &semaphore), -EPROTO, "another C library");
        CHECK(semaphore == NULL);
        WORKS(wherry_remove(at("")));
    }
}

TEST(what_is_no_file_is_refused_and_stays)
{
    wherry_semaphore *semaphore = NULL;
    CHECK_INT(mkdir(file(), 0700), 0);
    FAILS(wherry_semaphore_open(at(""), &semaphore), -ENOTSUP, "no file");
    FAILS(wherry_remove(at("")), -EEXIST, "a directory");
    CHECK_INT(rmdir(file()), 0);
    CHECK_INT(symlink("/etc/passwd", file()), 0);
    FAILS(wherry_semaphore_open(at(""), &semaphore), -ELOOP, "symbolic link");
    CHECK_INT(unlink(file()), 0);
}

TEST(a_name_is_one_slash_and_what_follows)
{
    static const char *const wrong[] = {"sem:x", "sem:/x/y", "sem:/", "sem:/."};
    char text[TEXT] = "sem:/";
    wherry_semaphore *semaphore = NULL;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        FAILS(wherry_semaphore_open(wrong[i], &semaphore), -EINVAL, "semaphore");
    memset(text + 5, 'x', 252);
    FAILS(wherry_semaphore_open(text, &semaphore), -ENAMETOOLONG, "251");
}

/* --- what a death costs -------------------------------------------------- */

static void take_and_stay(void *argument)
{
    struct harness_gate *held = argument;
    wherry_semaphore *semaphore = open_at("?create=no");
    WORKS(wherry_acquire(semaphore, 1, WHERRY_POLL));
    gate_pass(held);
    for (;;)
        pause(); // a signal does not end it
}

TEST(the_permit_of_who_dies_is_gone)
{
    struct harness_gate held;
    gate_open(&held);
    wherry_semaphore *semaphore = open_at("?permits=1");
    pid_t child = harness_child(take_and_stay, &held);
    gate_wait(&held);
    harness_kill(child);
    CHECK_INT(wherry_semaphore_value(semaphore), 0);
    FAILS(wherry_acquire(semaphore, 1, at_once()), -ETIMEDOUT, "died with one");
    WORKS(wherry_release(semaphore, 1)); // whoever knows better gives it back
    WORKS(wherry_acquire(semaphore, 1, WHERRY_POLL));
    gate_close(&held);
    wherry_semaphore_close(semaphore);
    WORKS(wherry_remove(at("")));
}

/* --- very many ------------------------------------------------------------ */

enum { MILLIARD = 1000000000 };

TEST(a_deadline_ends_the_taking_of_very_many)
{
    wherry_semaphore *semaphore = open_at("?permits=1000000000");
    const int64_t before = harness_now();
    CHECK_ERROR(wherry_acquire(semaphore, MILLIARD, at_once()), -ETIMEDOUT);
    harness_note("%lld ms", (long long)(harness_now() - before) / 1000000);
    CHECK(harness_now() - before < harness_stretch(1000) * INT64_C(1000000));
    CHECK_INT(wherry_semaphore_value(semaphore), MILLIARD);
    WORKS(wherry_acquire(semaphore, 3000, 1)); // free, though that has passed
    WORKS(wherry_release(semaphore, 3000));
    wherry_semaphore_close(semaphore);
    WORKS(wherry_remove(at("")));
}

static void *take_very_many(void *semaphore)
{
    CHECK_ERROR(wherry_acquire(semaphore, MILLIARD, WHERRY_FOREVER), -ECANCELED);
    return NULL;
}

static bool has_begun(void *semaphore)
{
    return wherry_semaphore_value(semaphore) < MILLIARD;
}

TEST(a_cancel_ends_the_taking_of_very_many)
{
    wherry_semaphore *semaphore = open_at("?permits=1000000000");
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, take_very_many, semaphore), 0);
    harness_until(has_begun, semaphore);
    wherry_semaphore_cancel(semaphore);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_INT(wherry_semaphore_value(semaphore), MILLIARD);
    wherry_semaphore_close(semaphore);
    WORKS(wherry_remove(at("")));
}

/* --- in a region --------------------------------------------------------- */

enum { PLACE = 192 };

// The memory of a message, mapped anywhere but at `elsewhere`.
static wherry_region *map_not_at(wherry_message *message, uintptr_t elsewhere)
{
    const struct wherry_region_wish wish = {.access = WHERRY_REGION_WRITE};
    wherry_region *regions[2] = {NULL, NULL};
    wherry_native file = wherry_message_take_file(message, 0);
    const wherry_native copy = dup(file);
    WORKS(wherry_region_receive(file, &wish, sizeof(wish), &regions[0]));
    WORKS(wherry_region_receive(copy, &wish, sizeof(wish), &regions[1]));
    const int other = (uintptr_t)wherry_region_data(regions[0]) == elsewhere;
    wherry_region_close(regions[!other]);
    return regions[other];
}

static void meet_in_memory(void *argument)
{
    wherry_channel *channel = argument;
    wherry_message *message = NULL;
    wherry_semaphore *semaphore = NULL;
    uintptr_t elsewhere;
    CHECK_INT(wherry_recv(channel, &message, soon()), 1);
    CHECK_INT(wherry_message_size(message), sizeof(elsewhere));
    memcpy(&elsewhere, wherry_message_data(message), sizeof(elsewhere));
    wherry_region *region = map_not_at(message, elsewhere);
    CHECK((uintptr_t)wherry_region_data(region) != elsewhere);
    WORKS(wherry_semaphore_place("sem:?create=no", region, PLACE, &semaphore));
    say(channel, "waiting");
    WORKS(wherry_acquire(semaphore, 1, WHERRY_FOREVER));
    ((char *)wherry_region_data(region))[0]++;
    WORKS(wherry_release(semaphore, 1));
    wherry_semaphore_close(semaphore);
    wherry_message_free(message);
    wherry_region_close(region);
    wherry_close(channel);
}

static void send_region(wherry_channel *channel, wherry_region *region)
{
    wherry_message *message = NULL;
    wherry_native fd;
    void *const data = wherry_region_data(region);
    WORKS(wherry_message_copy(&data, sizeof(data), &message));
    WORKS(wherry_region_file(region, &fd));
    WORKS(wherry_message_attach(message, fd));
    WORKS(wherry_send(channel, &message, 0, soon()));
}

TEST(in_a_region_another_process_finds_it_wherever_it_maps_that)
{
    wherry_channel *ends[2];
    wherry_region *region = NULL;
    wherry_semaphore *semaphore = NULL;
    WORKS(wherry_pair("pair:", ends));
    pid_t child = harness_child(meet_in_memory, ends[1]);
    wherry_close(ends[1]);
    WORKS(wherry_region_open("memfd:?size=4K", &region));
    WORKS(wherry_semaphore_place("sem:?permits=0&create=exclusive", region, PLACE,
                                 &semaphore));
    send_region(ends[0], region);
    hear(ends[0], "waiting");
    CHECK_INT(*(char *)wherry_region_data(region), 0);
    WORKS(wherry_release(semaphore, 1));
    CHECK_INT(harness_wait(child), 0);
    WORKS(wherry_acquire(semaphore, 1, WHERRY_POLL));
    CHECK_INT(*(char *)wherry_region_data(region), 1);
    wherry_semaphore_close(semaphore);
    wherry_region_close(region);
    wherry_close(ends[0]);
}
