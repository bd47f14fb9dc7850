/* SPDX-License-Identifier: MIT */
/*
 * The program as a shell runs it.
 */
#include "shell.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SCRIPT_PATIENCE = 20000, LINE_MOST = 4096 }; // milliseconds, bytes

struct said said;

static void enter_directory(void)
{
    CHECK_INT(chdir(harness_directory()), 0);
}

static void open_pipe(int ends[2])
{
    CHECK_INT(pipe(ends), 0);
    for (int i = 0; i < 2; i++)
        CHECK_OK(fcntl(ends[i], F_SETFD, FD_CLOEXEC));
}

/* --- a script ------------------------------------------------------------ */

struct ear {
    int fd;
    char *text;
    size_t capacity;
    size_t size;
};

// True while there may be more.
static bool hear(struct ear *ear)
{
    size_t room = ear->capacity - 1 - ear->size;
    if (room == 0)
        FAIL("it says more than %zu bytes", ear->capacity - 1);
    ssize_t size = read(ear->fd, ear->text + ear->size, room);
    if (size < 0)
        FAIL("read: %s", harness_errno_name(errno));
    ear->size += (size_t)size;
    ear->text[ear->size] = 0;
    return size > 0;
}

static void hear_all(struct ear ears[2])
{
    const int64_t end =
        harness_now() + harness_stretch(SCRIPT_PATIENCE) * INT64_C(1000000);
    struct pollfd waits[2] = {{.fd = ears[0].fd, .events = POLLIN},
                              {.fd = ears[1].fd, .events = POLLIN}};
    while (waits[0].fd >= 0 || waits[1].fd >= 0) {
        int64_t left = (end - harness_now()) / 1000000;
        if (left <= 0 || poll(waits, 2, (int)left) == 0)
            FAIL("it does not end; stdout: %.2000s stderr: %s", said.out, said.err);
        for (int i = 0; i < 2; i++)
            if (waits[i].revents && !hear(&ears[i]))
                waits[i].fd = -1;
    }
}

void shell(const char *script)
{
    int out[2], err[2];
    char whole[1 << 14];
    enter_directory();
    open_pipe(out);
    open_pipe(err);
    memset(&said, 0, sizeof(said));
    // The parts of the script have its stderr, the shell that reads it has the test's.
    snprintf(whole, sizeof(whole), "exec 2>&%d\n%s\n", err[1], script);
    CHECK_OK(fcntl(err[1], F_SETFD, 0));
    const char *const argv[] = {"sh", "-c", whole, NULL};
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    pid_t pid = harness_program(argv, nothing, out[1]);
    close(nothing);
    close(out[1]);
    close(err[1]);
    struct ear ears[2] = {{out[0], said.out, sizeof(said.out), 0},
                          {err[0], said.err, sizeof(said.err), 0}};
    hear_all(ears);
    said.size = ears[0].size;
    said.status = harness_wait(pid);
    close(out[0]);
    close(err[0]);
}

int64_t processor_time(void)
{
    struct rusage used;
    CHECK_INT(getrusage(RUSAGE_CHILDREN, &used), 0);
    return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * INT64_C(1000000000) +
           (used.ru_utime.tv_usec + used.ru_stime.tv_usec) * INT64_C(1000);
}

/* --- beside the test ----------------------------------------------------- */

void beside_start(struct beside *beside, const char *command)
{
    int in[2], out[2];
    char whole[LINE_MOST];
    enter_directory();
    open_pipe(in);
    open_pipe(out);
    snprintf(whole, sizeof(whole), "exec %s 2>&1", command);
    const char *const argv[] = {"sh", "-c", whole, NULL};
    beside->pid = harness_program(argv, in[0], out[1]);
    close(in[0]);
    close(out[1]);
    beside->in = in[1];
    beside->out = out[0];
}

void beside_tell(struct beside *beside, const char *text)
{
    size_t size = strlen(text);
    CHECK_INT(write(beside->in, text, size), (ssize_t)size);
}

void beside_hush(struct beside *beside)
{
    close(beside->in);
    beside->in = -1;
}

const char *beside_line(struct beside *beside)
{
    static char line[LINE_MOST];
    const int64_t end =
        harness_now() + harness_stretch(HARNESS_PATIENCE) * INT64_C(1000000);
    for (size_t size = 0; size < sizeof(line) - 1; size++) {
        struct pollfd wait = {.fd = beside->out, .events = POLLIN};
        int64_t left = (end - harness_now()) / 1000000;
        line[size] = 0;
        if (left <= 0 || poll(&wait, 1, (int)left) == 0)
            FAIL("it says no line, but \"%s\"", line);
        ssize_t r = read(beside->out, &line[size], 1);
        if (r <= 0 || line[size] == '\n') {
            line[size] = 0;
            return line;
        }
    }
    FAIL("its line is endless");
}

int beside_end(struct beside *beside)
{
    if (beside->in >= 0)
        close(beside->in);
    int status = harness_wait(beside->pid);
    close(beside->out);
    return status;
}

/* --- paths --------------------------------------------------------------- */

bool path_is_there(const char *name)
{
    struct stat about;
    return lstat(harness_path(name), &about) == 0;
}

static bool is_there(void *name)
{
    return path_is_there(name);
}

void wait_for_path(const char *name)
{
    harness_until(is_there, (void *)(uintptr_t)name);
}
