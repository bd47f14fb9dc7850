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
static int check_count(const char *said, uint64_t expected)
{
    return strtoull(said, NULL, 10) == expected ? 0 : -EPROTO;
}

/* --- ours ---------------------------------------------------------------- */

int64_t pipeline_ours(const struct processes_scene *scene)
{
    char number[NUMBER];
    write_number(number, scene->size);
    const char *const first[] = {"-c", number, "/dev/zero", NULL};
    const char *const last[] = {"-c", NULL};
    const struct wherry_plan plans[STAGES] = {{.file = "head", .arguments = first},
                                              {.file = "cat"},
                                              {.file = "wc", .arguments = last}};
    struct wherry_collected all[STAGES];
    int64_t began = bench_now();
    int r = wherry_pipeline_collect(plans, sizeof(plans[0]), STAGES, NULL, all,
                                    WHERRY_FOREVER);
    int64_t took = bench_now() - began;
    if (r < 0)
        return r;
    r = r > 0 ? -EPROTO : check_count(all[STAGES - 1].output, scene->size);
    for (int i = 0; i < STAGES; i++)
        wherry_collected_free(&all[i]);
    return r < 0 ? r : took;
}

/* --- the shell ----------------------------------------------------------- */

static int read_count(int fd, uint64_t expected)
{
    char text[64] = "";
    size_t used = 0;
    ssize_t size;
    while (used < sizeof(text) - 1 &&
           (size = read(fd, text + used, sizeof(text) - 1 - used)) > 0)
        used += (size_t)size;
    return check_count(text, expected);
}

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
    int r = pid < 0 ? pid : read_count(ends[0], scene->size);
    close(ends[0]);
    int ended = pid < 0 ? pid : starter_end(pid);
    r = r < 0 ? r : ended;
    return r < 0 ? r : bench_now() - began;
}
