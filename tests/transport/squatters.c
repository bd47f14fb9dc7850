/* SPDX-License-Identifier: MIT */
/*
 * What stands in the place of the directory of named objects, and is not this user's
 * own: nothing is dialled, opened or removed there.  And what stands in the place of
 * one object: it is left alone, and said what it is.
 */
#define _GNU_SOURCE
#include <grp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "talk.h"

enum { NOBODY = 65534, TEXT = 512 };

// Somebody else was there first, and listens.
static void squat(void *argument)
{
    const char *place = argument;
    wherry_listener *listener;
    CHECK_INT(setgroups(0, NULL), 0);
    CHECK_INT(setgid(NOBODY), 0);
    CHECK_INT(setuid(NOBODY), 0);
    CHECK_INT(mkdir(place, 0700), 0);
    CHECK_INT(setenv("WHERRY_DIR", place, 1), 0);
    WORKS(wherry_listen("local:boat", &listener));
    CHECK_INT(chmod(place, 0777), 0);
    _exit(0);
}

static void check_refused(const char *place, int error, const char *why)
{
    wherry_channel *channel;
    wherry_listener *listener;
    wherry_semaphore *semaphore;
    CHECK_INT(setenv("WHERRY_DIR", place, 1), 0);
    FAILS(wherry_dial("local:boat", wherry_after(HARNESS_PATIENCE), &channel), error,
          why);
    FAILS(wherry_listen("local:boat", &listener), error, why);
    FAILS(wherry_semaphore_open("lease:boat", &semaphore), error, why);
    FAILS(wherry_dial("queue:boat", WHERRY_POLL, &channel), error, why);
    CHECK_ERROR(wherry_remove("local:boat"), error);
    CHECK_ERROR(wherry_remove("queue:boat"), error);
    CHECK_ERROR(wherry_remove("lease:boat"), error);
}

TEST(a_directory_that_another_user_made_first_is_refused)
{
    char place[TEXT];
    snprintf(place, sizeof(place), "%s", harness_path("place"));
    if (geteuid() != 0)
        SKIP("only root can become another user");
    CHECK_INT(chmod(harness_directory(), 0777), 0);
    CHECK_INT(harness_wait(harness_child(squat, place)), 0);
    check_refused(place, -EPERM, "belongs to user 65534");
    CHECK_INT(chown(place, 0, 0), 0);
    check_refused(place, -EPERM, "is open to others");
    CHECK_INT(unlink(harness_path("place/boat.local")), 0);
    CHECK_INT(rmdir(place), 0);
}

TEST(a_link_to_a_directory_is_refused)
{
    const char *place = harness_path("place");
    CHECK_INT(symlink(getenv("WHERRY_DIR"), place), 0);
    check_refused(place, -ENOTDIR, ":boat: ");
    CHECK_INT(unlink(place), 0);
}

// The sentence begins with the object, once, and shows no path of ours.
static void check_left_alone(const char *scheme)
{
    char name[TEXT], address[TEXT], told[2 * TEXT];
    snprintf(name, sizeof(name), "wherry/boat.%s", scheme);
    snprintf(address, sizeof(address), "%s:boat", scheme);
    snprintf(told, sizeof(told), "%s: what stands in its place is a directory",
             address);
    const char *place = harness_path(name);
    CHECK_INT(mkdir(place, 0700), 0);
    CHECK_ERROR(wherry_remove(address), -EEXIST);
    CHECK_INT(strncmp(wherry_error_text(), told, strlen(told)), 0);
    CHECK_INT(rmdir(place), 0);
}

TEST(what_stands_in_the_place_of_an_object_is_not_removed)
{
    wherry_channel *channel;
    check_left_alone("queue");
    check_left_alone("lease");
    check_left_alone("local");
    CHECK_INT(mkdir(harness_path("wherry/boat.local"), 0700), 0);
    FAILS(wherry_dial("local:boat", soon(), &channel), -ECONNREFUSED, "no socket");
    CHECK_INT(rmdir(harness_path("wherry/boat.local")), 0);
}
