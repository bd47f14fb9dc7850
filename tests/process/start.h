/* SPDX-License-Identifier: MIT */
/*
 * Short words for tests of processes: start one, hear what it says, see how it ends.
 */
#ifndef START_H
#define START_H

#include <poll.h>
#include <stdlib.h>

#include "../transport/talk.h"

enum { SAID = 4096 };

/* Its stdout is a pipe to the test, its stderr the test's. */
static const struct wherry_laid heard_laid[] = {
    {.number = 1, .from = WHERRY_FROM_PIPE},
    {.number = 2, .from = WHERRY_FROM_PARENT},
};

/* Stands beside the test's own program. */
static inline const char *told(void)
{
    static _Thread_local char path[512];
    ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - sizeof("told"));
    CHECK(size > 0);
    path[size] = 0;
    memcpy(strrchr(path, '/') + 1, "told", sizeof("told"));
    return path;
}

/* Waits until a descriptor is readable, whatever signals come. */
static inline void until_readable(int fd)
{
    struct pollfd end = {.fd = fd, .events = POLLIN};
    int r;
    do
        r = poll(&end, 1, harness_stretch(HARNESS_PATIENCE));
    while (r < 0 && errno == EINTR);
    CHECK_INT(r, 1);
}

static inline wherry_process *start(const struct wherry_plan *plan)
{
    wherry_process *process = NULL;
    WORKS(wherry_spawn(plan, sizeof(*plan), &process));
    return process;
}

/* The plan of `told TASK …` whose stdout is heard. */
static inline struct wherry_plan plan_to_tell(const char *const *arguments)
{
    return (struct wherry_plan){.file = told(),
                                .arguments = arguments,
                                .laid = heard_laid,
                                .laid_count =
                                    sizeof(heard_laid) / sizeof(heard_laid[0])};
}

static inline wherry_channel *end_of(wherry_process *process, int number)
{
    wherry_channel *channel = NULL;
    WORKS(wherry_process_channel(process, number, NULL, &channel));
    return channel;
}

/* Waits for its end, which is told in these words, and forgets it. */
static inline void ends_with(wherry_process *process, const char *words)
{
    struct wherry_exit exit;
    char text[128];
    WORKS(wherry_process_wait(process, &exit, sizeof(exit), soon()));
    WORKS(wherry_exit_text(&exit, text, sizeof(text)));
    CHECK_STRING(text, words);
    wherry_process_close(process);
}

/* All lines that come until the end, each with its newline. */
static inline const char *hear_all(wherry_channel *channel, char out[SAID])
{
    wherry_message *message = NULL;
    size_t size = 0;
    int r;
    out[0] = 0;
    while ((r = wherry_recv(channel, &message, soon())) == 1) {
        size_t more = wherry_message_size(message);
        CHECK(size + more + 2 <= SAID);
        memcpy(out + size, wherry_message_data(message), more);
        size += more;
        out[size++] = '\n';
        out[size] = 0;
        wherry_message_free(message);
    }
    WORKS(r);
    return out;
}

/* Runs the plan, which lays out a pipe at 1, to its orderly end: what it said. */
static inline const char *what_is_said(const struct wherry_plan *plan, char out[SAID])
{
    wherry_process *process = start(plan);
    wherry_channel *from = end_of(process, 1);
    struct wherry_exit exit;
    hear_all(from, out);
    wherry_close(from);
    WORKS(wherry_process_wait(process, &exit, sizeof(exit), soon()));
    if (exit.code != 0)
        FAIL("exit %d, signal %d; it said \"%s\"", exit.code, exit.signal, out);
    wherry_process_close(process);
    return out;
}

/* The same of `told TASK`. */
static inline const char *what_is_told(const char *task, char out[SAID])
{
    const char *const arguments[] = {task, NULL};
    struct wherry_plan plan = plan_to_tell(arguments);
    return what_is_said(&plan, out);
}

#endif
