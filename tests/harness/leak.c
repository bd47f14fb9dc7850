/* SPDX-License-Identifier: MIT */
/*
 * What a test leaves behind: everything a process or the system has is listed by name
 * before and after, and what is only in the second list is a leak.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "parts.h"

enum {
    ITEM_SIZE = 320,
    ITEMS_MORE = 64,
    LINE_SIZE = 1024,
    GOING_MILLISECONDS = 1000, // for threads that are on their way out
};

struct inventory {
    char (*items)[ITEM_SIZE];
    size_t count;
    size_t room;
    enum inventory_scope scope;
};

/* Adds a name; without memory there is no test, so it may end it. */
__attribute__((format(printf, 2, 3))) static void add(struct inventory *inventory,
                                                      const char *format, ...)
{
    if (inventory->count == inventory->room) {
        inventory->room += ITEMS_MORE;
        void *items = realloc(inventory->items, inventory->room * ITEM_SIZE);
        if (!items)
            FAIL("no memory for counting leaks");
        inventory->items = items;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(inventory->items[inventory->count++], ITEM_SIZE, format, arguments);
    va_end(arguments);
}

static void list_descriptors(struct inventory *inventory)
{
    DIR *folder = opendir("/proc/self/fd");
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char target[256];
        ssize_t n = readlinkat(dirfd(folder), entry->d_name, target, sizeof target - 1);
        if (n < 0 || strtol(entry->d_name, NULL, 10) == dirfd(folder))
            continue;
        target[n] = 0;
        add(inventory, "descriptor %s -> %s", entry->d_name, target);
    }
    if (folder)
        closedir(folder);
}

static void list_threads(struct inventory *inventory)
{
    DIR *folder = opendir("/proc/self/task");
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (*entry->d_name != '.')
            add(inventory, "thread %s", entry->d_name);
    if (folder)
        closedir(folder);
}

static void list_mappings(struct inventory *inventory)
{
    char line[LINE_SIZE];
    FILE *file = fopen("/proc/self/maps", "re");
    while (file && fgets(line, sizeof line, file)) {
        const char *name = strchr(line, '/');
        if (!name ||
            (strncmp(name, "/memfd:", 7) != 0 && strncmp(name, "/dev/shm/", 9) != 0 &&
             strncmp(name, "/SYSV", 5) != 0))
            continue;
        line[strcspn(line, "\n")] = 0;
        add(inventory, "mapping %.200s", line);
    }
    if (file)
        fclose(file);
}

/* One table of /proc/sysvipc; the owner is in the given column. */
static void list_system_v(struct inventory *inventory, const char *kind, int column)
{
    char path[64], line[LINE_SIZE];
    snprintf(path, sizeof path, "/proc/sysvipc/%s", kind);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        char *rest = NULL, *key = strtok_r(line, " ", &rest);
        char *id = strtok_r(NULL, " ", &rest), *owner = NULL;
        for (int i = 2; i <= column; i++)
            owner = strtok_r(NULL, " ", &rest);
        if (key && id && owner && strtoul(owner, NULL, 10) == geteuid() &&
            strcmp(key, "key") != 0)
            add(inventory, "System V %s %s (key %s)", kind, id, key);
    }
    if (file)
        fclose(file);
}

/* Named after the directory of another test, which runs at the same time. */
static bool is_of_another_test(const char *name)
{
    static const char prefix[] = "wherry-test-";
    const char *own = strrchr(harness_directory(), '/');
    return strstr(name, prefix) && own && !strstr(name, own + 1);
}

static void list_folder(struct inventory *inventory, const char *path, DIR *folder)
{
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        struct stat status;
        if (*entry->d_name != '.' && !is_of_another_test(entry->d_name) &&
            fstatat(dirfd(folder), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            status.st_uid == geteuid())
            add(inventory, "%s/%s", path, entry->d_name);
    }
    if (folder)
        closedir(folder);
}

/* The message queues of this namespace: mounted nowhere where that may be done, for
 * /dev/mqueue may be missing, or another namespace's. */
static DIR *open_queues(void)
{
    enum { CLOSE_ON_EXEC = 1, CREATE = 6 }; // FSOPEN_CLOEXEC, FSCONFIG_CMD_CREATE

    int system = (int)syscall(SYS_fsopen, "mqueue", CLOSE_ON_EXEC);
    int top = -1;
    if (system >= 0 && syscall(SYS_fsconfig, system, CREATE, NULL, NULL, 0) == 0)
        top = (int)syscall(SYS_fsmount, system, CLOSE_ON_EXEC, 0);
    if (system >= 0)
        close(system);
    if (top < 0)
        return opendir("/dev/mqueue");
    int folder = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    close(top);
    return folder < 0 ? NULL : fdopendir(folder);
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

struct inventory *inventory_take(enum inventory_scope scope)
{
    struct inventory *inventory = calloc(1, sizeof *inventory);
    if (!inventory)
        FAIL("no memory for counting leaks");
    inventory->scope = scope;
    if (scope == OF_PROCESS) {
        list_descriptors(inventory);
        list_threads(inventory);
        list_mappings(inventory);
    } else {
        list_system_v(inventory, "msg", 7);
        list_system_v(inventory, "sem", 4);
        list_system_v(inventory, "shm", 7);
        list_folder(inventory, "/dev/mqueue", open_queues());
        list_folder(inventory, "/dev/shm", opendir("/dev/shm"));
    }
    if (inventory->count)
        qsort(inventory->items, inventory->count, ITEM_SIZE, compare);
    return inventory;
}

void inventory_free(struct inventory *inventory)
{
    if (inventory)
        free(inventory->items);
    free(inventory);
}

static bool has(const struct inventory *inventory, const char *item)
{
    return inventory->count && bsearch(item, inventory->items, inventory->count,
                                       ITEM_SIZE, compare) != NULL;
}

/* How many of after are not in before, and says so if it is to. */
static int news(const struct inventory *before, const struct inventory *after,
                bool is_said)
{
    int count = 0;
    for (size_t i = 0; i < after->count; i++) {
        if (has(before, after->items[i]))
            continue;
        count++;
        if (is_said)
            dprintf(STDERR_FILENO, "left behind: %s\n", after->items[i]);
    }
    return count;
}

int inventory_leaks(const struct inventory *before)
{
    int64_t end =
        harness_now() + (int64_t)harness_stretch(GOING_MILLISECONDS) * 1000000;
    for (;;) {
        struct inventory *after = inventory_take(before->scope);
        bool is_last = harness_now() > end;
        int count = news(before, after, is_last);
        inventory_free(after);
        if (count == 0 || is_last)
            return count;
        pause_briefly(2000);
    }
}

int children_leaks(void)
{
    siginfo_t any;
    if (waitid(P_ALL, 0, &any, WEXITED | WNOWAIT | WNOHANG) < 0 && errno == ECHILD)
        return 0;
    pid_t found[DESCENDANTS_MOST];
    int count = descendants(getpid(), found);
    for (int i = 0; i < count; i++) {
        char name[32];
        process_name(found[i], name, sizeof name);
        bool is_running = !process_ended(found[i], 0);
        dprintf(STDERR_FILENO, "left behind: child %d (%s), %s\n", (int)found[i], name,
                is_running ? "running" : "ended and not waited for");
    }
    return count;
}

int harness_descriptors(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (folder && readdir(folder))
        count++;
    if (folder) {
        closedir(folder);
        return count - 3; // ".", ".." and the folder's own
    }
    long limit = sysconf(_SC_OPEN_MAX); // there is none left for the folder
    for (int fd = 0; fd < limit; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}
