/* SPDX-License-Identifier: MIT */
/*
 * A program of the contest, started and asked: the other side of bench/contest.h.
 *
 * It is told by lines on its stdin and answers by lines on its stdout; its samples come
 * through memory that both have mapped.  Each wait has a deadline, and Ctrl-C ends it.
 * Its stdin's end is its end; one that does not follow that is killed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/contest.h"
#include "interrupt.h"

enum {
    PATIENCE = 100000, /* milliseconds: longer than it has itself */
    LEAVING = 10000,
    LINE = 512,
    SAMPLES_AT = 3
};

/* --- where they are ------------------------------------------------------ */

static bool has_programs(const char *folder)
{
    char path[BENCH_PATH + 32];
    snprintf(path, sizeof(path), "%s/bench-%s", folder, contest_line->program);
    return access(path, X_OK) == 0;
}

// Beside the program of a build, or where they are installed.
void contest_find_folder(char folder[BENCH_PATH])
{
    const char *told = getenv("WHERRY_BENCH");
    if (told) {
        snprintf(folder, BENCH_PATH, "%s", told);
        return;
    }
    char self[BENCH_PATH];
    const ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[size > 0 ? size : 0] = '\0';
    for (int up = 0; up < 2 && strrchr(self, '/'); up++)
        *strrchr(self, '/') = '\0';
    const int length = snprintf(folder, BENCH_PATH, "%s/bench", self);
    if (length >= BENCH_PATH || !has_programs(folder))
        snprintf(folder, BENCH_PATH, "%s", WHERRY_BENCH_FOLDER);
}

/* --- what it says -------------------------------------------------------- */

static int explain(struct contest_entrant *entrant, int error, const char *why)
{
    snprintf(entrant->why, sizeof(entrant->why), "%.*s", CONTEST_WHY - 1, why);
    return error;
}

// One line; what a program says of itself when it cannot go on becomes the reason.
static int hear(struct contest_entrant *entrant, char line[LINE])
{
    interrupt_watch(entrant->answers);
    const int64_t size = wherry_read(entrant->answers, line, LINE - 1, NULL, NULL,
                                     wherry_after(PATIENCE));
    interrupt_forget(entrant->answers);
    if (interrupted())
        return explain(entrant, -EINTR, "interrupted");
    if (size == -ETIMEDOUT)
        return explain(entrant, -ETIMEDOUT, "it does not answer");
    if (size <= 0)
        return explain(entrant, -ESRCH, "it ended without a word");
    line[size] = '\0';
    if (strncmp(line, "unfit ", 6) == 0)
        return explain(entrant, -ENOTSUP, line + 6);
    return strncmp(line, "failed ", 7) == 0 ? explain(entrant, -EPROTO, line + 7) : 0;
}

static int hear_ready(struct contest_entrant *entrant, char settings[CONTEST_WHY])
{
    char line[LINE];
    int r = hear(entrant, line);
    if (r >= 0 && strncmp(line, "ready ", 6) != 0)
        r = explain(entrant, -EPROTO, "it says what it should not");
    if (r >= 0)
        snprintf(settings, CONTEST_WHY, "%.*s", CONTEST_WHY - 1, line + 6);
    return r;
}

int entrant_ask(struct contest_entrant *entrant, long long numbers[2],
                const char *format, ...)
{
    char line[LINE];
    va_list arguments;
    va_start(arguments, format);
    const int size = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    int r =
        wherry_write(entrant->orders, line, (size_t)size, 0, 0, wherry_after(PATIENCE));
    if (r >= 0 || r == -EPIPE) // its last word may say why
        r = hear(entrant, line);
    if (r < 0)
        return r;
    const bool is_idle = strncmp(line, "idle ", 5) == 0;
    if (is_idle || strncmp(line, "took ", 5) == 0) {
        char *rest;
        numbers[0] = strtoll(line + 5, &rest, 10);
        numbers[1] = strtoll(rest, NULL, 10);
        return 0;
    }
    return explain(entrant, -EPROTO, "it says what it should not");
}

const float *entrant_samples(const struct contest_entrant *entrant)
{
    return wherry_region_data(entrant->region);
}

/* --- its life ------------------------------------------------------------ */

static int open_samples(struct contest_entrant *entrant, wherry_native *file)
{
    char address[64];
    snprintf(address, sizeof(address), "memfd:?size=%zu",
             CONTEST_SAMPLES * sizeof(float));
    int r = wherry_region_open(address, &entrant->region);
    return r < 0 ? r : wherry_region_file(entrant->region, file);
}

static int start(struct contest_entrant *entrant, const struct contest_start *wish,
                 const char *const *words)
{
    char path[BENCH_PATH + 64];
    wherry_native samples = -1;
    snprintf(path, sizeof(path), "%s/bench-%s", wish->folder, wish->rival->program);
    int r = open_samples(entrant, &samples);
    // Without the last it would be: 2 is /dev/null.
    const struct wherry_laid laid[] = {
        {.number = 0, .from = WHERRY_FROM_PIPE},
        {.number = 1, .from = WHERRY_FROM_PIPE},
        {.number = SAMPLES_AT, .from = WHERRY_FROM_DESCRIPTOR, .descriptor = samples},
    };
    const struct wherry_plan plan = {.file = path,
                                     .arguments = words,
                                     .directory = wish->directory,
                                     .place = WHERRY_GROUP_OWN,
                                     .laid = laid,
                                     .laid_count = sizeof(laid) / sizeof(laid[0])};
    if (r >= 0)
        r = wherry_spawn(&plan, sizeof(plan), &entrant->process);
    if (r >= 0)
        r = wherry_process_channel(entrant->process, 0, "framing=line",
                                   &entrant->orders);
    if (r >= 0)
        r = wherry_process_channel(entrant->process, 1, "framing=line",
                                   &entrant->answers);
    return r < 0 ? explain(entrant, r, wherry_error_text()) : 0;
}

static int is_there(struct contest_entrant *entrant, const struct contest_start *wish)
{
    const struct contest_rival *rival = wish->rival;
    char path[BENCH_PATH + 64];
    snprintf(path, sizeof(path), "%s/bench-%s", wish->folder, rival->program);
    if (access(path, X_OK) == 0)
        return 0;
    snprintf(entrant->why, sizeof(entrant->why),
             rival->packages ? "not measured: there is no %s, which is built where %s "
                               "is installed (./dev bench --peers does both)"
                             : "not measured: there is no %s%s",
             path, rival->packages ? rival->packages : "");
    return -ENOENT;
}

int entrant_begin(struct contest_entrant *entrant, const struct contest_start *wish,
                  char settings[CONTEST_WHY])
{
    char size[32];
    *entrant = (struct contest_entrant){.process = NULL};
    int r = is_there(entrant, wish);
    if (r < 0)
        return r;
    snprintf(size, sizeof(size), "%zu", wish->task->size);
    const char *const words[] = {wish->address ? "wherry" : wish->rival->name,
                                 wish->task->workload,
                                 size,
                                 wish->cores,
                                 wish->address,
                                 NULL};
    r = start(entrant, wish, words);
    return r < 0 ? r : hear_ready(entrant, settings);
}

int entrant_serve(struct contest_entrant *entrant, const struct contest_start *wish)
{
    static const char *const words[] = {"serve", NULL};

    char said[CONTEST_WHY];
    *entrant = (struct contest_entrant){.process = NULL};
    int r = is_there(entrant, wish);
    if (r >= 0)
        r = start(entrant, wish, words);
    return r < 0 ? r : hear_ready(entrant, said);
}

void entrant_end(struct contest_entrant *entrant)
{
    wherry_close(entrant->orders);
    if (entrant->process) {
        int r = wherry_process_wait(entrant->process, NULL, 0, wherry_after(LEAVING));
        if (r == -ETIMEDOUT) {
            (void)wherry_process_kill(entrant->process, SIGKILL, WHERRY_ITS_GROUP);
            (void)wherry_process_wait(entrant->process, NULL, 0, wherry_after(LEAVING));
        }
    }
    wherry_close(entrant->answers);
    wherry_process_close(entrant->process);
    wherry_region_close(entrant->region);
    entrant->orders = entrant->answers = NULL;
    entrant->process = NULL;
    entrant->region = NULL;
}
