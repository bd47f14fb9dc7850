/* SPDX-License-Identifier: MIT */
/*
 * opening: making, finding and refusing, of every mechanism of memory.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>

#include "rows.h"

static int try(const struct row *row, const char *options)
{
    wherry_region *region = NULL;
    int r = wherry_region_open(at(row, options), &region);
    if (r >= 0)
        wherry_region_close(region);
    return r;
}

EACH_ROW(none_is_made_without_a_size)
{
    FAILS(try(row, ""), row->has_name ? -ENOENT : -EINVAL, "size=64K");
    FAILS(try(row, "?size=0"), row->has_name ? -ENOENT : -EINVAL, "size=64K");
}

EACH_ROW(one_that_is_there_keeps_its_size)
{
    if (!row->has_name)
        SKIP("each is a new one");
    wherry_region_close(make(row));
    WORKS(try(row, "?size=64K"));
    FAILS(try(row, "?size=128K"), -EEXIST, "65536 bytes, not 131072");
    FAILS(try(row, "?size=1&create=no"), -EEXIST, "65536 bytes, not 1:");
    unmake(row);
}

EACH_ROW(create_says_whether_it_may_be_new_or_must)
{
    if (!row->has_name)
        SKIP("each is a new one");
    FAILS(try(row, "?size=64K&create=no"), -ENOENT, "leave out create=no");
    WORKS(try(row, "?size=64K&create=exclusive"));
    FAILS(try(row, "?size=64K&create=exclusive"), -EEXIST, "there already");
    WORKS(try(row, "?create=no"));
    unmake(row);
}

EACH_ROW(its_rights_are_those_of_mode_whatever_the_umask)
{
    struct wherry_region_info info;
    wherry_region *region = NULL;
    if (!row->has_name)
        SKIP("it has no name");
    umask(077);
    WORKS(wherry_region_open(at(row, "?size=64K&mode=664"), &region));
    WORKS(wherry_region_describe(region, &info, sizeof(info)));
    CHECK_INT(info.mode, 0664);
    wherry_region_close(region);
    unmake(row);
    FAILS(try(row, "?size=64K&mode=680"), -EINVAL, "octal");
}

// Who has no right to write may read, if that.
static void be_somebody_else(void *argument)
{
    const struct row *row = argument;
    CHECK_INT(setgid(65534), 0);
    CHECK_INT(setuid(65534), 0);
    FAILS(try(row, "?create=no"), -EACCES, "access=read");
    WORKS(try(row, "?create=no&access=read"));
    CHECK_INT(wherry_remove(at(row, "")) < 0, 1);
}

EACH_ROW(another_user_has_the_rights_that_mode_gives)
{
    if (!row->has_name)
        SKIP("it has no name");
    if (geteuid() != 0)
        SKIP("only root can become another user");
    CHECK_INT(chmod(harness_directory(), 0755), 0);
    WORKS(try(row, "?size=64K&mode=644"));
    pid_t child = harness_child(be_somebody_else, (void *)(uintptr_t)row);
    CHECK_INT(harness_wait(child), 0);
    unmake(row);
}

EACH_ROW(more_than_there_is_room_for_is_an_error_and_leaves_nothing)
{
    int r = try(row, "?size=32T");
    bool is_said = r == -ENOSPC || r == -ENOMEM || r == -EFBIG || r == -EINVAL;
    if (!is_said)
        FAIL("%s", harness_errno_name(r));
    CHECK(strlen(wherry_error_text()) > 0);
    if (row->has_name)
        CHECK_ERROR(wherry_remove(at(row, "")), -ENOENT);
}

EACH_ROW(a_channel_it_is_not)
{
    wherry_channel *channel = NULL;
    wherry_listener *listener = NULL;
    FAILS(wherry_dial(at(row, "?size=64K"), WHERRY_POLL, &channel), -ENOTSUP,
          "wherry_region_open");
    FAILS(wherry_listen(at(row, "?size=64K"), &listener), -ENOTSUP,
          "wherry_region_open");
}

TEST(a_channel_is_no_region)
{
    wherry_region *region = NULL;
    FAILS(wherry_region_open("pipe:", &region), -ENOTSUP, "is no memory");
}

/* --- no room ------------------------------------------------------------- */

// It is told at once: what is touched later is there.
static void fill_small_files(void *place)
{
    char address[ADDRESS];
    wherry_region *region = NULL;
    snprintf(address, sizeof(address), "file:%s/x?size=128K", (const char *)place);
    FAILS(wherry_region_open(address, &region), -ENOSPC, "space");
    snprintf(address, sizeof(address), "file:%s/x?create=no", (const char *)place);
    FAILS(wherry_region_open(address, &region), -ENOENT, "no such region");
    snprintf(address, sizeof(address), "file:%s/x?size=32K", (const char *)place);
    WORKS(wherry_region_open(address, &region));
    memset(wherry_region_data(region), 'x', wherry_region_size(region));
    wherry_region_close(region);
}

TEST(a_full_file_system_is_an_error_and_no_signal)
{
    harness_on_small_files("size=64k", fill_small_files);
}

/* --- at the same moment -------------------------------------------------- */

struct racer {
    const struct row *row;
    int start[2]; /* a pipe that nobody writes to: its end lets all go at once */
};

// Of those that find none one makes it, and all have the same.
static void race(void *argument)
{
    const struct racer *racer = argument;
    wherry_region *region = NULL;
    char byte;
    close(racer->start[1]);
    CHECK_INT(read(racer->start[0], &byte, 1), 0);
    WORKS(wherry_region_open(at(racer->row, "?size=64K"), &region));
    __atomic_fetch_add((int *)wherry_region_data(region), 1, __ATOMIC_SEQ_CST);
    wherry_region_close(region);
}

EACH_ROW(who_makes_it_at_the_same_moment_has_the_same)
{
    enum { RACERS = 8, ROUNDS = 50 };

    if (!row->has_name)
        SKIP("each is a new one");
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
        wherry_region *region = NULL;
        WORKS(wherry_region_open(at(row, "?create=no"), &region));
        CHECK_INT(*(int *)wherry_region_data(region), RACERS);
        wherry_region_close(region);
        unmake(row);
    }
}
