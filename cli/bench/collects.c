/* SPDX-License-Identifier: MIT */
/*
 * A program run to its end, and what it said: true(1), which says nothing.
 *
 * The bare ways are what a program does that wants both outputs and cannot know which
 * is the first to be full: two pipes, poll(2) over both until they end, then waitid(2).
 */
#define _GNU_SOURCE
#include "bench/processes.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

enum { OUTPUTS = 2, PIECE = 65536 };

int64_t collect_ours(const struct processes_scene *scene)
{
    const struct wherry_plan plan = {.file = scene->nothing};
    struct wherry_collected collected;
    int64_t began = bench_now();
    int r = wherry_collect(&plan, sizeof(plan), NULL, &collected,
                           wherry_after(PROCESSES_PATIENCE));
    if (r < 0)
        return r;
    int code = collected.exit.code;
    wherry_collected_free(&collected);
    return code == 0 ? bench_now() - began : -EPROTO;
}

/* --- bare ---------------------------------------------------------------- */

static void close_all(int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
        fds[i] = -1;
    }
}

// Whether it has ended.
static bool take(struct pollfd *wait)
{
    static char piece[PIECE];
    if (!wait->revents || read(wait->fd, piece, PIECE) > 0)
        return false;
    wait->fd = -1;
    wait->revents = 0;
    return true;
}

// Until nobody has them open any more.
static int drain(const int reads[OUTPUTS])
{
    struct pollfd waits[OUTPUTS] = {{.fd = reads[0], .events = POLLIN},
                                    {.fd = reads[1], .events = POLLIN}};
    for (int ended = 0; ended < OUTPUTS;) {
        if (poll(waits, OUTPUTS, -1) < 0 && errno != EINTR)
            return -errno;
        for (int i = 0; i < OUTPUTS; i++)
            ended += take(&waits[i]);
    }
    return 0;
}

static int open_all(int reads[OUTPUTS], int at[PROCESSES_STANDARD])
{
    at[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int r = at[0] < 0 ? -errno : 0;
    for (int i = 0; i < OUTPUTS && r == 0; i++) {
        int ends[2] = {-1, -1};
        r = pipe2(ends, O_CLOEXEC) < 0 ? -errno : 0;
        reads[i] = ends[0];
        at[i + 1] = ends[1];
    }
    return r;
}

static int64_t collect_bare(const struct processes_scene *scene,
                            processes_starter *start)
{
    const char *const words[] = {scene->nothing, NULL};
    struct processes_program program = {.words = words, .at = {-1, -1, -1}};
    int reads[OUTPUTS] = {-1, -1};
    int64_t began = bench_now();
    int r = open_all(reads, program.at);
    pid_t pid = r < 0 ? r : start(&program);
    close_all(program.at, PROCESSES_STANDARD);
    r = pid < 0 ? pid : drain(reads);
    int ended = pid < 0 ? pid : starter_end(pid);
    close_all(reads, OUTPUTS);
    r = r < 0 ? r : ended;
    return r < 0 ? r : bench_now() - began;
}

int64_t collect_posix_spawn(const struct processes_scene *scene)
{
    return collect_bare(scene, starter_posix_spawn);
}

int64_t collect_vfork(const struct processes_scene *scene)
{
    return collect_bare(scene, starter_vfork);
}
