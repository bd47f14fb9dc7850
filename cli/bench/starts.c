/* SPDX-License-Identifier: MIT */
/*
 * From the call to the first byte: a program is started with three pipes, and what is
 * timed ends when its first byte is here.
 *
 * The bare ways do what a careful program does without a library: pipes that no other
 * program inherits, and the child's ends closed here.
 */
#define _GNU_SOURCE
#include "bench/processes.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { READING, WRITING };

/* Three pipes; the child's ends are [0][READING], [1][WRITING], [2][WRITING]. */
struct pipes {
    int ends[PROCESSES_STANDARD][2];
};

static int its_side(int number)
{
    return number == 0 ? READING : WRITING;
}

static void close_side(struct pipes *pipes, bool its)
{
    for (int number = 0; number < PROCESSES_STANDARD; number++) {
        int side = its ? its_side(number) : !its_side(number);
        if (pipes->ends[number][side] >= 0)
            close(pipes->ends[number][side]);
    }
}

static int open_pipes(struct pipes *pipes)
{
    *pipes = (struct pipes){{{-1, -1}, {-1, -1}, {-1, -1}}};
    for (int number = 0; number < PROCESSES_STANDARD; number++) {
        if (pipe2(pipes->ends[number], O_CLOEXEC) < 0) {
            int r = -errno;
            close_side(pipes, true);
            close_side(pipes, false);
            return r;
        }
    }
    return 0;
}

// Of its first byte, once it has been started; the moment it was there.
static int64_t hear(struct pipes *pipes)
{
    char byte;
    close_side(pipes, true);
    ssize_t size = read(pipes->ends[1][READING], &byte, 1);
    return size == 1 ? bench_now() : size < 0 ? -errno : -EPROTO;
}

/* --- ours ---------------------------------------------------------------- */

static int64_t end(wherry_process *process, int64_t result)
{
    int r = wherry_process_wait(process, NULL, 0, WHERRY_FOREVER);
    wherry_process_close(process);
    return r < 0 ? r : result;
}

static int64_t hear_channel(wherry_process *process, wherry_channel **channel)
{
    char byte;
    int ended = 0;
    int64_t r = wherry_process_channel(process, 1, "framing=raw", channel);
    if (r >= 0)
        r = wherry_read(*channel, &byte, 1, NULL, &ended, WHERRY_FOREVER);
    return r == 1 ? bench_now() : r < 0 ? r : -EPROTO;
}

int64_t start_channel(const struct processes_scene *scene)
{
    static const struct wherry_laid laid[] = {{.number = 0, .from = WHERRY_FROM_PIPE},
                                              {.number = 1, .from = WHERRY_FROM_PIPE},
                                              {.number = 2, .from = WHERRY_FROM_PIPE}};
    const struct wherry_plan plan = {
        .file = scene->smallest, .laid = laid, .laid_count = PROCESSES_STANDARD};
    wherry_process *process = NULL;
    wherry_channel *channel = NULL;
    int64_t began = bench_now();
    int r = wherry_spawn(&plan, sizeof(plan), &process);
    if (r < 0)
        return r;
    int64_t ended = hear_channel(process, &channel);
    wherry_close(channel);
    return end(process, ended < 0 ? ended : ended - began);
}

int64_t start_descriptor(const struct processes_scene *scene)
{
    struct pipes pipes;
    wherry_process *process = NULL;
    int64_t began = bench_now();
    int r = open_pipes(&pipes);
    if (r < 0)
        return r;
    struct wherry_laid laid[PROCESSES_STANDARD];
    for (int number = 0; number < PROCESSES_STANDARD; number++)
        laid[number] =
            (struct wherry_laid){.number = number,
                                 .from = WHERRY_FROM_DESCRIPTOR,
                                 .descriptor = pipes.ends[number][its_side(number)]};
    const struct wherry_plan plan = {
        .file = scene->smallest, .laid = laid, .laid_count = PROCESSES_STANDARD};
    r = wherry_spawn(&plan, sizeof(plan), &process);
    int64_t ended = r < 0 ? r : hear(&pipes);
    if (r < 0)
        close_side(&pipes, true);
    close_side(&pipes, false);
    return r < 0 ? r : end(process, ended < 0 ? ended : ended - began);
}

/* --- bare ---------------------------------------------------------------- */

static int64_t start_bare(const struct processes_scene *scene, processes_starter *start)
{
    const char *const words[] = {scene->smallest, NULL};
    struct processes_program program = {.words = words};
    struct pipes pipes;
    int64_t began = bench_now();
    int r = open_pipes(&pipes);
    if (r < 0)
        return r;
    for (int number = 0; number < PROCESSES_STANDARD; number++)
        program.at[number] = pipes.ends[number][its_side(number)];
    pid_t pid = start(&program);
    int64_t ended = pid < 0 ? pid : hear(&pipes);
    if (pid < 0)
        close_side(&pipes, true);
    else
        r = starter_end(pid);
    close_side(&pipes, false);
    return ended < 0 ? ended : r < 0 ? r : ended - began;
}

int64_t start_posix_spawn(const struct processes_scene *scene)
{
    return start_bare(scene, starter_posix_spawn);
}

int64_t start_vfork(const struct processes_scene *scene)
{
    return start_bare(scene, starter_vfork);
}

int64_t start_fork(const struct processes_scene *scene)
{
    return start_bare(scene, starter_fork);
}
