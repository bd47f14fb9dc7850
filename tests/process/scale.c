/* SPDX-License-Identifier: MIT */
/*
 * scale: thousands of processes at once (WHERRY_TEST_PROCESSES, else 1000), and a
 * process of four gibibytes that starts others.  Where the machine has less to give, as
 * many as it permits, and what it is that permits no more is printed.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "start.h"

/* --- what the machine permits -------------------------------------------- */

enum {
    WANTED = 1000, // or as WHERRY_TEST_PROCESSES says
    WANTED_IF_SLOW = 200,
    SPARE = 64,        // descriptors of the harness and of one start
    SPARE_PIDS = 1000, // of others on the machine
    KIB_OF_ONE = 512,  // a small program with its part of the kernel's memory
    PART_OF_MEMORY = 4 // the rest is others'
};

static const long no_bound = 1L << 30;

/* The number behind the name in a file of the kernel's; no_bound: "max", or no file. */
static long number_in(const char *path, const char *name)
{
    char text[8192] = "";
    if (!exists(path))
        return no_bound;
    harness_read_file(path, text, sizeof(text));
    const char *at = strstr(text, name);
    long number = at ? strtol(at + strlen(name), NULL, 10) : 0;
    return number > 0 ? number : no_bound;
}

static long as_far_as_may_be(int resource)
{
    struct rlimit limit;
    CHECK_INT(getrlimit((unsigned)resource, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK_INT(setrlimit((unsigned)resource, &limit), 0);
    return limit.rlim_max < (rlim_t)no_bound ? (long)limit.rlim_max : no_bound;
}

static long room_for_descriptors(void)
{
    return as_far_as_may_be(RLIMIT_NOFILE) - harness_descriptors() - SPARE;
}

static long tasks_now(void)
{
    char text[128] = "";
    harness_read_file("/proc/loadavg", text, sizeof(text)); // "0.1 0.2 0.3 1/345 678"
    const char *at = strchr(text, '/');
    return at ? strtol(at + 1, NULL, 10) : 0;
}

// Tasks of others are counted in: the bound is lower than it need be.
static long room_for_this_user(void)
{
    return as_far_as_may_be(RLIMIT_NPROC) - tasks_now();
}

static long room_for_pids(void)
{
    return number_in("/proc/sys/kernel/pid_max", "") - tasks_now() - SPARE_PIDS;
}

// Of the group of this process and of all above it, cgroups(7): the first version has
// a tree of its own for pids.
static long room_for_the_control_group(void)
{
    char text[4096] = "";
    char path[4096 + 64];
    long least = no_bound;
    harness_read_file("/proc/self/cgroup", text, sizeof(text));
    const char *at = strstr(text, ":pids:/");
    const char *root = at ? "/sys/fs/cgroup/pids" : "/sys/fs/cgroup";
    at = at ? at + strlen(":pids:") : strstr(text, "0::/");
    if (!at)
        return no_bound;
    at += *at == '0' ? strlen("0::") : 0;
    int size = snprintf(path, sizeof(path), "%s%.*s", root, (int)strcspn(at, "\n"), at);
    while (size > (int)strlen(root)) {
        char *end = path + strlen(path);
        strcpy(end, "/pids.max");
        long most = number_in(path, "");
        strcpy(end, "/pids.current");
        long now = most < no_bound ? number_in(path, "") : 0;
        least = most - now < least ? most - now : least;
        *end = 0;
        *strrchr(path, '/') = 0;
        size = (int)strlen(path);
    }
    return least;
}

static long kib_available(void)
{
    return number_in("/proc/meminfo", "MemAvailable:");
}

static long room_for_memory(void)
{
    return kib_available() / PART_OF_MEMORY / KIB_OF_ONE;
}

static int how_many(const char **why)
{
    static const struct {
        const char *name;
        long (*room)(void);
    } bounds[] = {
        {"descriptors (ulimit -H -n)", room_for_descriptors},
        {"processes of this user (ulimit -H -u)", room_for_this_user},
        {"pids (kernel.pid_max)", room_for_pids},
        {"pids of the control group", room_for_the_control_group},
        {"memory", room_for_memory},
    };

    const char *asked = getenv("WHERRY_TEST_PROCESSES");
    long count = asked               ? strtol(asked, NULL, 10)
                 : harness_is_slow() ? WANTED_IF_SLOW
                                     : WANTED;
    *why = NULL;
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        long room = bounds[i].room();
        if (room < count) {
            count = room;
            *why = bounds[i].name;
        }
    }
    return (int)count;
}

/* --- many at once ------------------------------------------------ */

static void start_all(wherry_process **all, int count, int reading)
{
    const char *const arguments[] = {"wait", NULL};
    const struct wherry_laid laid[] = {
        {.number = 0, .from = WHERRY_FROM_DESCRIPTOR, .descriptor = reading}};
    struct wherry_plan plan = {
        .file = told(), .arguments = arguments, .laid = laid, .laid_count = 1};
    for (int i = 0; i < count; i++)
        all[i] = start(&plan);
}

TEST(as_many_at_once_as_the_machine_permits_are_started_waited_for_and_leave_nothing)
{
    int ends[2];
    const char *why;
    int count = how_many(&why);
    if (count < 1)
        SKIP("there are no more %s", why);
    wherry_process **all = calloc((size_t)count, sizeof(*all));
    CHECK(all && pipe2(ends, O_CLOEXEC) == 0);
    int before = harness_descriptors();
    start_all(all, count, ends[0]);
    // All of them are there, each with one descriptor on this side.
    CHECK_INT(harness_descriptors(), before + count);
    for (int i = 0; i < count; i++)
        CHECK_ERROR(wherry_process_wait(all[i], NULL, 0, WHERRY_POLL), -EAGAIN);
    for (int i = 0; i < count; i += 2)
        WORKS(wherry_process_kill(all[i], SIGKILL, WHERRY_ONE));
    close(ends[1]); // for the others it is the end of what they read
    for (int i = 0; i < count; i++)
        ends_with(all[i], i % 2 == 0 ? "SIGKILL, killed" : "exit 0");
    CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
    CHECK_INT(harness_descriptors(), before - 1);
    close(ends[0]);
    free(all);
    harness_note("%d processes at once%s%s", count,
                 why ? ": as many as there are " : "", why ? why : "");
}

/* --- four gibibytes ------------------------------------------------------ */

enum { PAGES = 65536, KIB_NEEDED = 2 << 20 };

static const size_t stride = 65536; // 4 GiB in all, and all page tables of them

static long faults(void)
{
    struct rusage used;
    CHECK_INT(getrusage(RUSAGE_SELF, &used), 0);
    return used.ru_minflt;
}

/* Writes to each page that is there; how many page faults that costs. */
static long touch(volatile char *memory)
{
    long before = faults();
    for (size_t i = 0; i < PAGES; i++)
        memory[i * stride]++;
    return faults() - before;
}

static void do_nothing(void *unused)
{
    (void)unused;
}

static char *take_four_gibibytes(void)
{
    if (sizeof(void *) < 8)
        SKIP("a process of 32 bits has not as much");
    if (kib_available() < KIB_NEEDED)
        SKIP("there is too little memory: %ld MiB", kib_available() / 1024);
    char *memory = mmap(NULL, PAGES * stride, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        SKIP("the system does not give 4 GiB: %s", harness_errno_name(errno));
    madvise(memory, PAGES * stride, MADV_NOHUGEPAGE);
    return memory;
}

// What is copied is copied on the next write: each page of it costs a fault then.
TEST(a_parent_of_four_gibibytes_starts_others_without_a_page_being_copied)
{
    enum { STARTS = 20, FEW = PAGES / 64 };

    struct wherry_plan plan = {.file = "true"};
    struct wherry_collected all;
    char *memory = take_four_gibibytes();
    CHECK(touch(memory) >= PAGES);
    for (int i = 0; i < STARTS; i++)
        ends_with(start(&plan), "exit 0");
    WORKS(wherry_collect(&plan, sizeof(plan), NULL, &all, soon()));
    wherry_collected_free(&all);
    long started = touch(memory);
    CHECK_RANGE(started, 0, FEW);
    // As a fork does it, so that this would be seen.
    CHECK_INT(harness_wait(harness_child(do_nothing, NULL)), 0);
    long forked = touch(memory);
    CHECK(forked >= PAGES);
    munmap(memory, PAGES * stride);
    harness_note("%ld page faults after %d starts, %ld after a fork", started, STARTS,
                 forked);
}
