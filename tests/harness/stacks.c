/* SPDX-License-Identifier: MIT */
/*
 * Where a test hangs: the stacks of all threads of all its processes, by gdb if it is
 * there and may, else what /proc tells.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "parts.h"

enum { GDB_MOST = 8, GDB_MILLISECONDS = 15000, PROCESSES_MOST = 4096 };

struct kin {
    pid_t pid;
    pid_t parent;
};

static pid_t parent_of(pid_t pid)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    harness_read_file(path, text, sizeof text);
    const char *end = strrchr(text, ')'); // the name may hold anything
    return end && strlen(end) > 4 ? (pid_t)strtol(end + 4, NULL, 10) : -1;
}

static int all_processes(struct kin *all)
{
    int count = 0;
    DIR *folder = opendir("/proc");
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        if (!isdigit((unsigned char)*entry->d_name) || count == PROCESSES_MOST)
            continue;
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        all[count++] = (struct kin){pid, parent_of(pid)};
    }
    if (folder)
        closedir(folder);
    return count;
}

int descendants(pid_t of, pid_t found[DESCENDANTS_MOST])
{
    static struct kin all[PROCESSES_MOST];
    int count = all_processes(all), have = 0;
    for (int next = -1; next < have; next++) {
        pid_t parent = next < 0 ? of : found[next];
        for (int i = 0; i < count && have < DESCENDANTS_MOST; i++)
            if (all[i].parent == parent)
                found[have++] = all[i].pid;
    }
    return have;
}

void process_name(pid_t pid, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    size_t n = harness_read_file(path, text, size);
    if (n)
        text[n - 1] = 0;
    else
        snprintf(text, size, "?");
}

/* Copies one file of /proc with a word before it; what is not there is left out. */
static void print_file(pid_t tid, const char *name, int output)
{
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)tid, name);
    size_t n = harness_read_file(path, text, sizeof text);
    if (n)
        dprintf(output, "    %s: %s%s", name, text, text[n - 1] == '\n' ? "" : "\n");
}

static void print_from_proc(pid_t pid, int output)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        if (!isdigit((unsigned char)*entry->d_name))
            continue;
        pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
        dprintf(output, "  thread %d, from /proc:\n", (int)tid);
        print_file(tid, "wchan", output);
        print_file(tid, "syscall", output);
        print_file(tid, "stack", output);
    }
    if (folder)
        closedir(folder);
}

/* True if gdb printed something. */
static bool print_by_gdb(pid_t pid, int output)
{
    char number[16];
    snprintf(number, sizeof number, "%d", (int)pid);
    off_t before = lseek(output, 0, SEEK_END);
    pid_t gdb = fork_bound();
    if (gdb == 0) {
        int nothing = open("/dev/null", O_RDWR);
        dup2(nothing, STDIN_FILENO);
        dup2(output, STDOUT_FILENO);
        dup2(nothing, STDERR_FILENO);
        unsetenv("DEBUGINFOD_URLS");
        execlp("gdb", "gdb", "-nx", "-batch", "-ex", "thread apply all backtrace 40",
               "-p", number, (char *)NULL);
        _exit(127);
    }
    if (gdb < 0)
        return false;
    if (!process_ended(gdb, GDB_MILLISECONDS))
        kill(gdb, SIGKILL);
    int status = 0;
    while (waitpid(gdb, &status, 0) < 0 && errno == EINTR)
        ;
    return status == 0 && lseek(output, 0, SEEK_END) > before;
}

void stacks_print(pid_t keeper, int output)
{
    pid_t found[DESCENDANTS_MOST];
    int count = descendants(keeper, found);
    bool by_gdb = harness_have_program("gdb");
    if (count == 0)
        dprintf(output, "there is no process below %d\n", (int)keeper);
    for (int i = 0; i < count; i++) {
        char name[64];
        process_name(found[i], name, sizeof name);
        dprintf(output, "stacks of process %d (%s):\n", (int)found[i], name);
        if (!by_gdb || i >= GDB_MOST || !print_by_gdb(found[i], output))
            print_from_proc(found[i], output);
    }
}
