/* SPDX-License-Identifier: MIT */
/*
 * Many channels that are idle: what one costs, both ends and the kernel together, after
 * a word each way and again after a burst; and that they wake nobody.
 *
 * How many is WHERRY_TEST_CHANNELS (200 if it is not set), how long nobody may wake
 * WHERRY_TEST_SECONDS (1).  WHERRY_TEST_IDLE is their idle= (1s); the memory of a burst
 * has to be back five seconds after that.  Both ends are programs of their own,
 * multitude_end.c, as many of them as the limit of descriptors makes it.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "talk.h"

enum {
    CHANNELS = 200,
    PAIRS_MOST = 64,         // of processes
    OF_ONE = 6,              // descriptors of a channel that is busy
    OF_IDLE = 2,             // of one that is not: its socket and its watch
    SHARE_READY = 8,         // channels of a process that share one descriptor
    SPARE = 64,              // others of a process
    BYTES_MOST = 16384,      // of one channel that is idle
    PROGRAMS_MOST = 1 << 20, // what the two processes have at once, whatever they do
    AFTER_IDLE = 5,          // seconds
    LIMIT = 300000,          // milliseconds, for all of it
    PHASE = 100000           // ditto, for the channels of one process
};

static struct pair {
    char address[64];
    int channels;
    pid_t server, client;
    int to_client, from_client; // pipes
} pairs[PAIRS_MOST];

static int pair_count;

static const char *idle(void)
{
    const char *text = getenv("WHERRY_TEST_IDLE");
    return text ? text : "1s";
}

/* --- how many ------------------------------------------------------------ */

static int share_out(int channels)
{
    struct rlimit limit;
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
    const long room = ((long)limit.rlim_max - SPARE) / OF_ONE;
    CHECK(room > 0);
    pair_count = (int)((channels + room - 1) / room);
    if (pair_count > PAIRS_MOST) {
        pair_count = PAIRS_MOST;
        channels = (int)(room * PAIRS_MOST);
        harness_note("no more than %d channels: a process has %ld descriptors (ulimit "
                     "-H -n)",
                     channels, (long)limit.rlim_max);
    }
    for (int i = 0; i < pair_count; i++) {
        pairs[i].channels = channels / pair_count + (i < channels % pair_count);
        snprintf(pairs[i].address, sizeof(pairs[i].address),
                 "local:many%d?ring=64K&idle=%s", i, idle());
    }
    return channels;
}

static void until_ready(int from)
{
    struct pollfd wait = {.fd = from, .events = POLLIN};
    char byte;
    while (poll(&wait, 1, harness_stretch(PHASE)) < 0)
        CHECK_INT(errno, EINTR);
    CHECK_INT(read_on(from, &byte, 1), 1);
}

// One after the other.
static void next_phase(void)
{
    for (int i = 0; i < pair_count; i++) {
        CHECK_INT(write(pairs[i].to_client, "n", 1), 1);
        until_ready(pairs[i].from_client);
    }
}

static pid_t start_end(const struct pair *pair, const char *count, int *to, int *from)
{
    static char program[512];
    int input[2], output[2];
    ssize_t size = readlink("/proc/self/exe", program, sizeof(program) - 32);
    CHECK(size > 0);
    program[size] = 0;
    strcpy(strrchr(program, '/'), "/multitude-end");
    CHECK_INT(pipe2(input, O_CLOEXEC), 0);
    CHECK_INT(pipe2(output, O_CLOEXEC), 0);
    const char *const words[] = {program, pair->address, count, NULL};
    const pid_t pid = harness_program(words, input[0], output[1]);
    close(input[0]);
    close(output[1]);
    *to = input[1];
    *from = output[0];
    until_ready(*from);
    return pid;
}

static int start(void)
{
    const int channels = share_out((int)harness_told("WHERRY_TEST_CHANNELS", CHANNELS));
    for (int i = 0; i < pair_count; i++) {
        struct pair *pair = &pairs[i];
        char count[16];
        int to, from;
        snprintf(count, sizeof(count), "%d", pair->channels);
        pair->server = start_end(pair, NULL, &to, &from);
        close(to);
        close(from);
        pair->client = start_end(pair, count, &pair->to_client, &pair->from_client);
    }
    return channels;
}

static void end(void)
{
    for (int i = 0; i < pair_count; i++) {
        harness_kill(pairs[i].client);
        harness_kill(pairs[i].server);
        WORKS(wherry_remove(pairs[i].address));
        close(pairs[i].to_client);
        close(pairs[i].from_client);
    }
}

/* --- what they have ------------------------------------------------------ */

/* The number behind a name in a file of /proc/PID. */
static long number_of(pid_t pid, const char *file, const char *name)
{
    char path[64];
    char text[8192] = "";
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    harness_read_file(path, text, sizeof(text));
    const char *at = strstr(text, name);
    CHECK(at);
    return strtol(at + strlen(name), NULL, 10);
}

static long sum(long (*of)(pid_t pid))
{
    long all = 0;
    for (int i = 0; i < pair_count; i++)
        all += of(pairs[i].server) + of(pairs[i].client);
    return all;
}

// What both have is counted half for each.
static long bytes_of(pid_t pid)
{
    return 1024 * (number_of(pid, "smaps_rollup", "\nPss:") +
                   number_of(pid, "status", "\nVmPTE:"));
}

static long descriptors_of(pid_t pid)
{
    char path[64];
    long count = 0;
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *folder = opendir(path);
    CHECK(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static long switches_of(pid_t pid)
{
    return number_of(pid, "status", "\nvoluntary_ctxt_switches:");
}

static long nanoseconds_of(pid_t pid)
{
    return number_of(pid, "schedstat", "");
}

static struct harness_group group;

// With the kernel's objects where a control group counts them.
static long bytes(void)
{
    return group.path[0] ? group_bytes(&group) : sum(bytes_of);
}

/* --- the test ------------------------------------------------------------ */

static int64_t seconds_of_idle(void)
{
    return strtol(idle(), NULL, 10);
}

static double kib_each(long bytes, int channels)
{
    return (double)bytes / 1024 / channels;
}

// What was there for a burst has a descriptor, and so has the timer that ends it.
static long until_given_back(long descriptors, int64_t seconds)
{
    const int64_t end = harness_now() + seconds * 1000000 * harness_stretch(1000);
    while (sum(descriptors_of) > descriptors && harness_now() < end)
        poll(NULL, 0, 20);
    if (sum(descriptors_of) > descriptors)
        FAIL("%ld descriptors of bursts are still there",
             sum(descriptors_of) - descriptors);
    return bytes();
}

static void check_bytes(long all, int channels, const char *when)
{
    harness_note("%d idle channels, %s: %.1f KiB each%s", channels, when,
                 kib_each(all, channels),
                 group.path[0] ? ""
                               : " without the kernel's objects (no control group)");
    if (!harness_is_slow())
        CHECK_RANGE(all, 0, PROGRAMS_MOST + (long)BYTES_MOST * channels);
}

static void check_quiet(int channels)
{
    const int milliseconds = (int)harness_told("WHERRY_TEST_SECONDS", 1) * 1000;
    const long switches = sum(switches_of);
    const long nanoseconds = sum(nanoseconds_of);
    poll(NULL, 0, milliseconds);
    const long woken = sum(switches_of) - switches;
    harness_note("%d channels were idle for %d s: woken %ld times, %ld us of processor",
                 channels, milliseconds / 1000, woken,
                 (sum(nanoseconds_of) - nanoseconds) / 1000);
    if (!harness_is_slow())
        CHECK_INT(woken, 0);
}

static void be_idle(void *argument)
{
    (void)argument;
    if (group.path[0])
        group_join(&group);
    const int channels = start();
    if (group.path[0])
        group_leave(&group);
    const long before = bytes();
    const long shared = 2L * (channels / SHARE_READY + pair_count);
    const long descriptors = sum(descriptors_of) + 2L * OF_IDLE * channels + shared;
    next_phase();
    check_bytes(until_given_back(descriptors, AFTER_IDLE) - before, channels,
                "after a word each way");
    next_phase();
    harness_note("%d channels, after a burst: %.1f KiB each", channels,
                 kib_each(bytes() - before, channels));
    const int64_t seconds = seconds_of_idle() + AFTER_IDLE;
    check_bytes(until_given_back(descriptors, seconds) - before, channels,
                "after idle=");
    check_quiet(channels);
    end();
}

TEST(channels_that_are_idle_cost_little_and_wake_nobody)
{
    (void)group_open(&group, 0);
    CHECK_INT(harness_wait_within(harness_child(be_idle, NULL), LIMIT), 0);
    group_close(&group);
}
