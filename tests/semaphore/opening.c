/* SPDX-License-Identifier: MIT */
/*
 * opening: making, finding and refusing, of every mechanism of semaphores.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>

#include "rows.h"

static int try(const char *address)
{
    wherry_semaphore *semaphore = NULL;
    int r = wherry_semaphore_open(address, &semaphore);
    if (r >= 0)
        wherry_semaphore_close(semaphore);
    return r;
}

static const char *made(const struct row *row, const char *more)
{
    return at_made(row, 2, more);
}

EACH_ROW(create_says_whether_it_may_be_new_or_must)
{
    if (row->is_placed)
        SKIP("in a region nobody can tell whether it is there");
    FAILS(try(made(row, "&create=no")), -ENOENT, "leave out create=no");
    WORKS(try(made(row, "&create=exclusive")));
    FAILS(try(made(row, "&create=exclusive")), -EEXIST, "there already");
    WORKS(try(made(row, "")));
    WORKS(try(at(row, "?create=no")));
    unmake(row);
    WORKS(try(made(row, "")));
    unmake(row);
}

EACH_ROW(one_that_is_there_is_found_with_its_value)
{
    wherry_semaphore *first = make(row, 3);
    CHECK_INT(value_of(first), 3);
    WORKS(wherry_acquire(first, 1, WHERRY_POLL));
    wherry_semaphore *second = again(row);
    CHECK_INT(value_of(second), 2);
    WORKS(wherry_acquire(second, 1, WHERRY_POLL));
    CHECK_INT(value_of(first), 1);
    WORKS(wherry_release(second, 1));
    WORKS(wherry_release(first, 1));
    CHECK_INT(value_of(first), 3);
    wherry_semaphore_close(second);
    wherry_semaphore_close(first);
    unmake(row);
}

EACH_ROW(its_rights_are_those_of_mode_whatever_the_umask)
{
    struct wherry_semaphore_info info;
    wherry_semaphore *semaphore = NULL;
    if (row->is_placed)
        SKIP("it has the rights of its region");
    if (!row->has_mode)
        SKIP("it is its user's alone");
    umask(077);
    WORKS(wherry_semaphore_open(made(row, "&mode=664"), &semaphore));
    WORKS(wherry_semaphore_describe(semaphore, &info, sizeof(info)));
    CHECK_INT(info.mode, 0664);
    CHECK_INT(info.uid, geteuid());
    wherry_semaphore_close(semaphore);
    unmake(row);
    FAILS(try(made(row, "&mode=680")), -EINVAL, "octal");
}

static void be_somebody_else(void *argument)
{
    const struct row *row = argument;
    CHECK_INT(setgid(65534), 0);
    CHECK_INT(setuid(65534), 0);
    FAILS(try(at(row, "?create=no")), -EACCES,
          row->has_mode ? "who owns it, and its mode=" : "permission denied");
    CHECK(wherry_remove(at(row, "")) < 0);
}

EACH_ROW(another_user_has_no_way_in_unless_mode_says_so)
{
    if (row->is_placed)
        SKIP("it has the rights of its region");
    if (geteuid() != 0)
        SKIP("only root can become another user");
    WORKS(try(made(row, "")));
    pid_t child = harness_child(be_somebody_else, (void *)(uintptr_t)row);
    CHECK_INT(harness_wait(child), 0);
    unmake(row);
}

EACH_ROW(a_channel_or_a_region_it_is_not)
{
    wherry_channel *channel = NULL;
    wherry_listener *listener = NULL;
    wherry_region *region = NULL;
    const char *address = made(row, "");
    FAILS(wherry_dial(address, WHERRY_POLL, &channel), -ENOTSUP,
          "wherry_semaphore_open");
    FAILS(wherry_listen(address, &listener), -ENOTSUP, "wherry_semaphore_open");
    FAILS(wherry_region_open(address, &region), -ENOTSUP, "is no memory");
}

TEST(a_channel_is_no_semaphore)
{
    wherry_semaphore *semaphore = NULL;
    FAILS(wherry_semaphore_open("pipe:", &semaphore), -ENOTSUP, "is no semaphore");
    FAILS(wherry_semaphore_room("pipe:"), -ENOTSUP, "cannot live in a region");
    FAILS(wherry_semaphore_open("nothing:", &semaphore), -EINVAL, "no scheme");
}

TEST(closing_none_is_fine)
{
    wherry_semaphore_close(NULL);
}

EACH_ROW(after_it_is_removed_its_name_is_free)
{
    if (row->is_placed)
        SKIP("it has no name");
    WORKS(try(made(row, "")));
    WORKS(wherry_remove(at(row, "")));
    FAILS(wherry_remove(at(row, "")), -ENOENT, "nothing of that name");
    FAILS(try(at(row, "?create=no")), -ENOENT, "no such");
}

/* --- at the same moment -------------------------------------------------- */

struct racer {
    const struct row *row;
    int start[2]; /* a pipe that nobody writes to: its end lets all go at once */
};

// Of those that find none one makes it, and all have the same, with all its permits.
static void race(void *argument)
{
    const struct racer *racer = argument;
    wherry_semaphore *semaphore = NULL;
    char byte;
    close(racer->start[1]);
    while (read(racer->start[0], &byte, 1) < 0)
        CHECK_INT(errno, EINTR);
    WORKS(wherry_semaphore_open(at_made(racer->row, 8, ""), &semaphore));
    WORKS(wherry_acquire(semaphore, 1, WHERRY_POLL));
    WORKS(wherry_release(semaphore, 1));
    wherry_semaphore_close(semaphore);
}

EACH_ROW(who_makes_it_at_the_same_moment_has_the_same)
{
    enum { RACERS = 8, ROUNDS = 50 };

    if (row->is_placed)
        SKIP("one makes it, and the others know that");
    (void)at(row, "");
    for (int round = 0; round < ROUNDS; round++) {
        struct racer racer = {.row = row};
        pid_t racers[RACERS];
        CHECK_INT(pipe2(racer.start, O_CLOEXEC), 0);
        for (int i = 0; i < RACERS; i++)
            racers[i] = harness_child(race, &racer);
        close(racer.start[0]);
        close(racer.start[1]);
        for (int i = 0; i < RACERS; i++)
            CHECK_INT(harness_wait(racers[i]), 0);
        wherry_semaphore *semaphore = again(row);
        CHECK_INT(value_of(semaphore), 8);
        wherry_semaphore_close(semaphore);
        unmake(row);
    }
}

/* --- in a region --------------------------------------------------------- */

static const char new[] = "sem:?create=exclusive";

TEST(in_a_region_it_has_no_name)
{
    wherry_region *region = NULL;
    wherry_semaphore *semaphore = NULL;
    FAILS(wherry_semaphore_room("sem:/x"), -EINVAL, "in a region it has none");
    FAILS(wherry_semaphore_room("semv:1"), -ENOTSUP, "cannot live in a region");
    FAILS(wherry_semaphore_room("sem:?permits=x"), -EINVAL, "permits");
    FAILS(wherry_semaphore_open("sem:", &semaphore), -EINVAL, "wherry_semaphore_place");
    FAILS(wherry_remove("sem:"), -ENOENT, "nothing of that name");
    WORKS(wherry_region_open("memfd:?size=4K", &region));
    FAILS(wherry_semaphore_place("sem:", region, 0, &semaphore), -EINVAL,
          "create=exclusive makes it");
    wherry_region_close(region);
}

TEST(in_a_region_it_needs_room)
{
    wherry_region *region = NULL;
    wherry_semaphore *semaphore = NULL;
    const int64_t room = wherry_semaphore_room("sem:?permits=3");
    CHECK(room > 0 && room % 64 == 0);
    WORKS(wherry_region_open("memfd:?size=4K", &region));
    FAILS(wherry_semaphore_place(new, region, 4, &semaphore), -EINVAL, "multiple");
    FAILS(wherry_semaphore_place(new, region, 4096, &semaphore), -ERANGE, "not within");
    FAILS(wherry_semaphore_place(new, region, UINT64_MAX / 64 * 64, &semaphore),
          -ERANGE, "not within");
    WORKS(wherry_semaphore_place(new, region, 4096 - (uint64_t)room, &semaphore));
    wherry_semaphore_close(semaphore);
    wherry_region_close(region);
}

TEST(in_a_region_it_needs_the_right_to_write)
{
    const struct wherry_region_wish wish = {.access = WHERRY_REGION_READ};
    wherry_region *region = NULL;
    wherry_region *reading = NULL;
    wherry_semaphore *semaphore = NULL;
    wherry_native file;
    WORKS(wherry_region_open("memfd:?size=4K", &region));
    WORKS(wherry_region_file(region, &file));
    WORKS(wherry_region_receive(dup(file), &wish, sizeof(wish), &reading));
    FAILS(wherry_semaphore_place("sem:?create=no", reading, 0, &semaphore), -EACCES,
          "for reading");
    wherry_region_close(reading);
    wherry_region_close(region);
}
