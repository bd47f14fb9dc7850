/* SPDX-License-Identifier: MIT */
/*
 * apart: what a test does where nobody else is: in a pid namespace of its own, on a
 * file system that is small.  All of it ends with the test.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parts.h"

struct apart {
    void (*run)(void *argument);
    void *argument;
    const char *options;
};

/* --- a pid namespace ----------------------------------------------------- */

static void enter_namespace(void *argument)
{
    const struct apart *apart = argument;
    if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        harness_exit(HARNESS_NOT_PERMITTED);
    // Of its parent the first process of a namespace knows nothing: no harness_child.
    pid_t first = fork();
    if (first > 0)
        harness_exit(harness_wait_within(first, 4 * HARNESS_PATIENCE));
    if (first < 0 || mount("proc", "/proc", "proc", 0, NULL) < 0)
        harness_exit(HARNESS_NOT_PERMITTED);
    apart->run(apart->argument);
    harness_exit(0);
}

void harness_in_own_namespace(void (*run)(void *argument), void *argument)
{
    struct apart apart = {.run = run, .argument = argument};
    int status = harness_wait_within(harness_child(enter_namespace, &apart),
                                     5 * HARNESS_PATIENCE);
    if (status == HARNESS_NOT_PERMITTED)
        SKIP("this user may not make a pid namespace");
    CHECK_INT(status, 0);
}

/* --- a small file system ------------------------------------------------- */

static void mount_small_files(void *argument)
{
    const struct apart *apart = argument;
    const char *place = apart->argument;
    CHECK_INT(unshare(CLONE_NEWNS), 0);
    CHECK_INT(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    CHECK_INT(mount("none", place, "tmpfs", 0, apart->options), 0);
    apart->run(apart->argument);
    CHECK_INT(umount(place), 0);
}

void harness_on_small_files(const char *options, void (*run)(void *place))
{
    const char *place = harness_path("small");
    struct apart apart = {
        .run = run, .argument = (void *)(uintptr_t)place, .options = options};
    if (geteuid() != 0)
        SKIP("only root can mount a small file system");
    CHECK_INT(mkdir(place, 0700), 0);
    CHECK_INT(harness_wait(harness_child(mount_small_files, &apart)), 0);
    CHECK_INT(rmdir(place), 0);
}
