/* SPDX-License-Identifier: MIT */
/*
 * Asking the kernel about a process: /proc/PID, kcmp(2), its clock.
 *
 * All of it goes by an open directory, which stays that of the process: once it has
 * ended, another one of its number is not found there.  Nothing here opens what a
 * process has open, but queues and memory, which that does not disturb.
 */
#define _GNU_SOURCE
#include "inspect/inspect.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/kcmp.h>
#include <linux/stat.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <wherry/deadline.h>

#ifndef F_GET_SEALS
#define F_GET_SEALS 1034
#endif

enum {
    MQUEUE_MAGIC = 0x19800202,
    MQUEUE_FILE = 80, // bytes that the file of a queue seems to have
    PATH = 64,
    THREADS_MOST = 4096,
    GREATER = 2,                // kcmp(2)
    LOOK_NANOSECONDS = 12000000 // more than a tick
};

/* --- files --------------------------------------------------------------- */

// What is not there any more was the process's.
static int gone(int error)
{
    return error == ENOENT || error == ESRCH ? -ESRCH : -error;
}

// One that exists and is not shown is another user's (hidepid, proc(5)).
static int why_hidden(int64_t pid)
{
    if (access("/proc/self/stat", F_OK) < 0)
        return -ENOTSUP;
    return kill((pid_t)pid, 0) == 0 || errno == EPERM ? -EACCES : -ESRCH;
}

int proc_open(int64_t pid)
{
    char text[TEXT_MOST];
    char path[PATH];
    uint64_t leader;
    if (pid < 1 || pid > INT32_MAX)
        return -EINVAL;
    snprintf(path, sizeof(path), "/proc/%lld", (long long)pid);
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return errno == ENOENT ? why_hidden(pid) : -errno;
    int64_t r = proc_read(directory, "status", text, sizeof(text));
    // A thread's number has a directory, too.
    if (r >= 0 && field_read(text, "Tgid", 10, &leader) && (int64_t)leader != pid)
        r = -ESRCH;
    if (r >= 0)
        return directory;
    close(directory);
    return (int)r;
}

void proc_close(int directory)
{
    close(directory);
}

int64_t proc_read(int directory, const char *name, char *out, size_t size)
{
    size_t used = 0;
    ssize_t r = 1;
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return gone(errno);
    while (r > 0 && used < size - 1) {
        r = read(fd, out + used, size - 1 - used);
        if (r < 0 && errno == EINTR)
            r = 1;
        else if (r > 0)
            used += (size_t)r;
    }
    int error = errno;
    close(fd);
    if (r < 0)
        return gone(error);
    out[used] = 0;
    return (int64_t)used;
}

int proc_read_all(int directory, const char *name, size_t most, char **out)
{
    char *text = NULL;
    for (size_t size = 16384;; size *= 4) {
        char *more = realloc(text, size);
        int64_t r = more ? proc_read(directory, name, more, size) : -ENOMEM;
        text = more ? more : text;
        if (r < 0) {
            free(text);
            return (int)r;
        }
        const bool is_all = (size_t)r < size - 1;
        if (is_all || size >= most) {
            char *end = is_all ? NULL : strrchr(text, '\n');
            if (end)
                end[1] = 0; // half a line is none
            *out = text;
            return is_all ? 0 : 1;
        }
    }
}

int proc_link(int directory, const char *name, char *out, size_t size)
{
    ssize_t used = readlinkat(directory, name, out, size - 1);
    if (used < 0)
        return gone(errno);
    out[used] = 0;
    return 0;
}

/* --- lists --------------------------------------------------------------- */

static bool entry_number(const struct dirent *entry, int64_t *out)
{
    char *end;
    *out = strtoll(entry->d_name, &end, 10);
    return end != entry->d_name && !*end;
}

// The entries of a directory that are numbers, at most `most`; *more is how many
// others.
static int list_numbers(DIR *entries, size_t most, int64_t **out, size_t *count,
                        size_t *more)
{
    const struct dirent *entry;
    int64_t number;
    size_t room = 0;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): a stream of its own, readdir(3) NOTES
    while ((entry = readdir(entries))) {
        if (!entry_number(entry, &number))
            continue;
        if (*count == most) {
            (*more)++;
            continue;
        }
        if (*count == room) {
            room = room ? 2 * room : 64;
            int64_t *list = realloc(*out, room * sizeof(*list));
            if (!list)
                return -ENOMEM;
            *out = list;
        }
        (*out)[(*count)++] = number;
    }
    return 0;
}

static int read_directory(int directory, const char *name, size_t most, int64_t **out,
                          size_t counts[2])
{
    int fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);
    *out = NULL;
    counts[0] = counts[1] = 0;
    if (!entries) {
        int error = gone(errno);
        if (fd >= 0)
            close(fd);
        return error;
    }
    int r = list_numbers(entries, most, out, &counts[0], &counts[1]);
    closedir(entries);
    if (r < 0) {
        free(*out);
        *out = NULL;
    }
    return r;
}

static int by_number(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

int proc_numbers(int directory, size_t most, int **out, size_t *count, size_t *more)
{
    int64_t *list;
    size_t counts[2];
    int r = read_directory(directory, "fd", most, &list, counts);
    if (r < 0)
        return r;
    int *numbers = calloc(counts[0] + 1, sizeof(*numbers));
    if (!numbers || !list)
        counts[0] = 0;
    else
        qsort(list, counts[0], sizeof(*list), by_number);
    for (size_t i = 0; i < counts[0]; i++)
        numbers[i] = (int)list[i];
    free(list);
    *out = numbers;
    *count = counts[0];
    *more = counts[1];
    return numbers ? 0 : -ENOMEM;
}

int proc_all(int64_t **out, size_t *count)
{
    size_t counts[2];
    int r = read_directory(AT_FDCWD, "/proc", SIZE_MAX, out, counts);
    *count = r < 0 ? 0 : counts[0];
    return r;
}

/* --- what is at a number ------------------------------------------------- */

static bool is_terminal(const struct statx *status, const char *link)
{
    unsigned major = status->stx_rdev_major;
    return major == 4 || major == 5 || (major >= 136 && major <= 143) ||
           strncmp(link, "/dev/tty", 8) == 0;
}

static bool is_queue(int directory, const char *name, const struct statx *status)
{
    struct statfs system;
    char path[PATH + 32];
    // Of what may be on a server that does not answer nothing more is asked.
    if (status->stx_size != MQUEUE_FILE || status->stx_dev_major != 0)
        return false;
    snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", directory, name);
    return statfs(path, &system) == 0 && (unsigned long)system.f_type == MQUEUE_MAGIC;
}

static enum wherry_object object_of(int directory, const char *name, const char *link,
                                    const struct statx *status)
{
    switch (status->stx_mode & S_IFMT) {
    case S_IFREG:
        return is_queue(directory, name, status) ? WHERRY_OBJECT_MQ
                                                 : WHERRY_OBJECT_FILE;
    case S_IFCHR:
        return is_terminal(status, link) ? WHERRY_OBJECT_TERMINAL
                                         : WHERRY_OBJECT_DEVICE;
    case S_IFDIR:
        return WHERRY_OBJECT_DIRECTORY;
    case S_IFBLK:
        return WHERRY_OBJECT_DISK;
    case S_IFIFO:
        return WHERRY_OBJECT_FIFO;
    case S_IFLNK:
        return WHERRY_OBJECT_SYMLINK;
    case S_IFSOCK:
        return WHERRY_OBJECT_SOCKET;
    default:
        return WHERRY_OBJECT_UNKNOWN;
    }
}

// A name may end as if it were deleted: then the file is there, under all of it.
static bool is_there(const char *link, const struct statx *status)
{
    struct statx other;
    return status->stx_nlink > 0 &&
           syscall(SYS_statx, AT_FDCWD, link, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
                   STATX_BASIC_STATS, &other) == 0 &&
           other.stx_ino == status->stx_ino &&
           other.stx_dev_major == status->stx_dev_major &&
           other.stx_dev_minor == status->stx_dev_minor;
}

int proc_look(int directory, int number, const struct link *link, struct look *out)
{
    struct statx status;
    char name[PATH];
    snprintf(name, sizeof(name), "fd/%d", number);
    // What is known already is enough: a server that does not answer is not asked.
    if (syscall(SYS_statx, directory, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
                STATX_BASIC_STATS, &status) < 0)
        return gone(errno);
    *out = (struct look){.object = object_of(directory, name, link->name, &status),
                         .device_major = status.stx_dev_major,
                         .device_minor = status.stx_dev_minor,
                         .inode = status.stx_ino,
                         .is_there = link->is_deleted && is_there(link->name, &status)};
    return 0;
}

/* --- more about some objects --------------------------------------------- */

// "QSIZE:129 NOTIFY:0 SIGNO:0 NOTIFY_PID:0"
static void queue_words(int fd, struct words *words)
{
    char text[128];
    uint64_t bytes;
    ssize_t size = read(fd, text, sizeof(text) - 1);
    text[size > 0 ? size : 0] = 0;
    if (field_read(text, "QSIZE", 10, &bytes))
        words_add(words, "%" PRIu64 " bytes wait", bytes);
}

static void seal_words(int fd, struct words *words)
{
    static const struct {
        int bit;
        const char *name;
    } seals[] = {{0x0001, "seal"},  {0x0002, "shrink"},       {0x0004, "grow"},
                 {0x0008, "write"}, {0x0010, "future write"}, {0x0020, "exec"}};

    int bits = fcntl(fd, F_GET_SEALS);
    bool is_first = true;
    for (size_t i = 0; bits > 0 && i < sizeof(seals) / sizeof(seals[0]); i++)
        if (bits & seals[i].bit) {
            words_add(words, is_first ? "sealed: %s" : ", %s", seals[i].name);
            is_first = false;
        }
}

// "channel of local:"
static void memory_words(int fd, struct words *words)
{
    struct wherry_memory_info info;
    if (wherry_memory_describe(fd, &info, sizeof(info)) == 0)
        words_add(words, "%s of local:, ", wherry_memory_use_name(info.use));
}

void proc_more(int directory, int number, enum wherry_object object,
               struct words *words)
{
    char name[PATH];
    if (object != WHERRY_OBJECT_MQ && object != WHERRY_OBJECT_MEMFD)
        return;
    snprintf(name, sizeof(name), "fd/%d", number);
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return;
    if (object == WHERRY_OBJECT_MQ) {
        queue_words(fd, words);
    } else {
        memory_words(fd, words); // which is sealed: so something follows
        seal_words(fd, words);
    }
    close(fd);
}

bool proc_shared_name(uint64_t inode, struct words *out)
{
    static const char prefix[] = "sem.";
    const struct dirent *entry;
    bool is_found = false;
    DIR *entries = opendir("/dev/shm");
    // NOLINTNEXTLINE(concurrency-mt-unsafe): a stream of its own, readdir(3) NOTES
    while (entries && !is_found && (entry = readdir(entries))) {
        const char *name = entry->d_name;
        bool is_semaphore = strncmp(name, prefix, sizeof(prefix) - 1) == 0;
        is_found = entry->d_ino == inode;
        if (is_found)
            words_add(out, is_semaphore ? "sem:/%s" : "shm:/%s",
                      name + (is_semaphore ? sizeof(prefix) - 1 : 0));
    }
    if (entries)
        closedir(entries);
    return is_found;
}

bool proc_protocol(int directory, int number, char *out, size_t size)
{
    char path[PATH];
    snprintf(path, sizeof(path), "/proc/self/fd/%d/fd/%d", directory, number);
    ssize_t used = getxattr(path, "system.sockprotoname", out, size - 1);
    out[used > 0 ? used : 0] = 0;
    return used > 0;
}

void flags_read(uint64_t bits, struct flags *out, struct words *words)
{
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = {
        {O_APPEND, "append"},    {O_NONBLOCK, "nonblocking"}, {O_SYNC, "sync"},
        {O_DSYNC, "data sync"},  {O_ASYNC, "signals"},        {O_DIRECT, "direct"},
        {O_NOATIME, "no atime"}, {O_PATH, "path only"},       {O_TMPFILE, "unnamed"},
    };

    unsigned left = (unsigned)bits;
    unsigned access = left & O_ACCMODE;
    bool is_first = true;
    bool has_use = !(left & O_PATH);
    *out = (struct flags){.reads = has_use && (access == O_RDONLY || access == O_RDWR),
                          .writes = has_use && (access == O_WRONLY || access == O_RDWR),
                          .closes_on_exec = (left & O_CLOEXEC) != 0};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if ((left & names[i].bit) != names[i].bit)
            continue;
        words_add(words, "%s%s", is_first ? "" : ", ", names[i].name);
        left &= ~names[i].bit; // O_SYNC has the bit of O_DSYNC in it
        is_first = false;
    }
}

/* --- comparing, and the processor ---------------------------------------- */

int proc_compare(int64_t pid, int number, int64_t other, int other_number, int *error)
{
    long r = syscall(SYS_kcmp, (long)pid, (long)other, (long)KCMP_FILE,
                     (unsigned long)number, (unsigned long)other_number);
    if (r < 0)
        *error = errno == EBADF ? -ESRCH : -errno;
    return r < 0 ? 0 : r == GREATER ? 1 : r == 0 ? 0 : -1;
}

/* /proc/PID/schedstat: what it has run, and how often it was given a processor. */
struct schedule {
    uint64_t ran;
    uint64_t given;
};

static bool read_schedule(int directory, struct schedule *out)
{
    char text[128];
    const char *at = text;
    uint64_t waited;
    return proc_read(directory, "schedstat", text, sizeof(text)) > 0 &&
           take_number(&at, 10, &out->ran) && take_number(&at, 10, &waited) &&
           take_number(&at, 10, &out->given) && out->given > 0;
}

// What it has run is counted at least at each tick.  What changes first tells: that of
// one with a processor, or, when one that waited gets it, how often that was.  Nobody
// gets this thread's while it looks.
bool proc_is_running(int directory, int64_t pid)
{
    struct schedule first;
    struct schedule now;
    const wherry_deadline end = wherry_now() + LOOK_NANOSECONDS;
    if (syscall(SYS_gettid) == pid)
        return true;
    if (!read_schedule(directory, &first))
        return false;
    do {
        if (!read_schedule(directory, &now) || now.given != first.given)
            return false;
        if (now.ran != first.ran)
            return true;
    } while (wherry_now() < end);
    return false;
}

int proc_threads(int directory, int64_t **out, size_t *count)
{
    size_t counts[2];
    int r = read_directory(directory, "task", THREADS_MOST, out, counts);
    *count = r < 0 ? 0 : counts[0];
    return r;
}

int64_t proc_ready_threads(int directory)
{
    int64_t *threads;
    size_t count;
    int64_t ready = 0;
    if (proc_threads(directory, &threads, &count) < 0)
        return 0;
    for (size_t i = 0; i < count; i++) {
        char name[PATH];
        char text[TEXT_MOST];
        struct stat_line stat;
        snprintf(name, sizeof(name), "task/%lld/stat", (long long)threads[i]);
        ready += proc_read(directory, name, text, sizeof(text)) > 0 &&
                 stat_read(text, &stat) == 0 && stat.state == 'R';
    }
    free(threads);
    return ready;
}
