/* SPDX-License-Identifier: MIT */
/*
 * Many bytes through three programs: `head -c 1G /dev/zero | cat | wc -c`, by Wherry
 * and by sh(1).
 *
 * The count that the last one prints is looked at on both sides: what was lost on the
 * way was not moved.
 */
#define _GNU_SOURCE
#include "bench/processes.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// $0 is how many.
#define LINE "head -c $0 /dev/zero | cat | wc -c"

enum { STAGES = 3, NUMBER = 24 };

static void write_number(char text[NUMBER], uint64_t number)
{
    snprintf(text, NUMBER, "%" PRIu64, number);
}

// Whether the whole amount came out.
static int check_count(int fd, uint64_t expected)
{
    char text[64] = "";
    size_t used = 0;
    ssize_t size;
    while (used < sizeof(text) - 1 &&
           (size = read(fd, text + used, sizeof(text) - 1 - used)) > 0)
        used += (size_t)size;
    return strtoull(text, NULL, 10) == expected ? 0 : -EPROTO;
}

/* --- ours ---------------------------------------------------------------- */

static int end_all(wherry_process *processes[STAGES])
{
    int r = 0;
    for (int i = 0; i < STAGES; i++) {
        struct wherry_exit how;
        if (!processes[i])
            continue;
        int waited =
            wherry_process_wait(processes[i], &how, sizeof(how), WHERRY_FOREVER);
        if (r == 0)
            r = waited < 0 ? waited : how.code == 0 ? 0 : -EPROTO;
        wherry_process_close(processes[i]);
    }
    return r;
}

// `in` of each is what the one before writes to; -1: /dev/null.
static int begin_all(uint64_t size, wherry_process *processes[STAGES], int *out)
{
    char number[NUMBER];
    write_number(number, size);
    const char *const first[] = {"-c", number, "/dev/zero", NULL};
    const char *const last[] = {"-c", NULL};

    const struct {
        const char *file;
        const char *const *arguments;
    } stages[STAGES] = {{"head", first}, {"cat", NULL}, {"wc", last}};

    int in = -1;
    int r = 0;
    for (int i = 0; i < STAGES && r >= 0; i++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) < 0) {
            r = -errno;
            break;
        }
        const struct wherry_laid laid[] = {
            {.number = 0,
             .from = in < 0 ? WHERRY_FROM_NULL : WHERRY_FROM_DESCRIPTOR,
             .descriptor = in},
            {.number = 1, .from = WHERRY_FROM_DESCRIPTOR, .descriptor = ends[1]},
            {.number = 2, .from = WHERRY_FROM_PARENT}};
        const struct wherry_plan plan = {.file = stages[i].file,
                                         .arguments = stages[i].arguments,
                                         .laid = laid,
                                         .laid_count = 3};
        r = wherry_spawn(&plan, sizeof(plan), &processes[i]);
        close(ends[1]);
        if (in >= 0)
            close(in);
        in = ends[0];
    }
    *out = in;
    return r;
}

int64_t pipeline_ours(const struct processes_scene *scene)
{
    wherry_process *processes[STAGES] = {NULL};
    int out = -1;
    int64_t began = bench_now();
    int r = begin_all(scene->size, processes, &out);
    if (r >= 0)
        r = check_count(out, scene->size);
    if (out >= 0)
        close(out);
    int ended = end_all(processes);
    r = r < 0 ? r : ended;
    return r < 0 ? r : bench_now() - began;
}

/* --- the shell ----------------------------------------------------------- */

int64_t pipeline_shell(const struct processes_scene *scene)
{
    char number[NUMBER];
    write_number(number, scene->size);
    const char *const words[] = {"/bin/sh", "-c", LINE, number, NULL};
    int ends[2];
    int64_t began = bench_now();
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    pid_t pid = starter_posix_spawn(
        &(struct processes_program){.words = words, .at = {0, ends[1], 2}});
    close(ends[1]);
    int r = pid < 0 ? pid : check_count(ends[0], scene->size);
    close(ends[0]);
    int ended = pid < 0 ? pid : starter_end(pid);
    r = r < 0 ? r : ended;
    return r < 0 ? r : bench_now() - began;
}
