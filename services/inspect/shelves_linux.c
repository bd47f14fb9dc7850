/* SPDX-License-Identifier: MIT */
/*
 * Directories that have objects in them: those of POSIX regions, semaphores and queues,
 * this user's one of Wherry's, and those of sockets that were asked for.
 *
 * A file is looked at without being opened, but for queues, which tell only so how many
 * messages wait.  What anybody may put there besides (directories, links, devices) is
 * passed over.
 */
#define _GNU_SOURCE
#include "inspect/survey.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

enum { MQUEUE_MAGIC = 0x19800202, MQUEUE_FILE = 80, QUEUE_TEXT = 128 };

static const int64_t second = 1000000000;

/* --- files --------------------------------------------------------------- */

int file_look(int directory, const char *name, bool follows, struct file_look *out)
{
    struct statx status = {.stx_mask = 0};
    const int flags = AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT;
    if (syscall(SYS_statx, directory, name, flags | (follows ? 0 : AT_SYMLINK_NOFOLLOW),
                STATX_BASIC_STATS | STATX_BTIME, &status) < 0) {
        *out = (struct file_look){.inode = 0};
        return -errno;
    }
    const bool has_birth = (status.stx_mask & STATX_BTIME) != 0;
    *out = (struct file_look){
        .major = status.stx_dev_major,
        .minor = status.stx_dev_minor,
        .inode = status.stx_ino,
        .mode = status.stx_mode,
        .links = status.stx_nlink,
        .user = status.stx_uid,
        .group = status.stx_gid,
        .size = (int64_t)status.stx_size,
        .created =
            has_birth ? status.stx_btime.tv_sec * second + status.stx_btime.tv_nsec : 0,
        .changed = status.stx_mtime.tv_sec * second + status.stx_mtime.tv_nsec};
    return 0;
}

void file_tell(const struct file_look *look, struct wherry_ipc_object *out)
{
    out->user = look->user;
    out->group = look->group;
    out->mode = (int)(look->mode & USERS_OWN);
    out->size = S_ISREG(look->mode) ? look->size : -1;
    out->count = -1;
    out->created = look->created;
    out->changed = look->changed;
    out->is_deleted = look->links == 0;
    out->device_major = look->major;
    out->device_minor = look->minor;
    out->inode = look->inode;
}

bool file_is_queue(int directory, const char *name, const struct file_look *look)
{
    struct statfs system;
    char path[LINK_MOST + 64];
    if (!S_ISREG(look->mode) || look->size != MQUEUE_FILE || look->major != 0)
        return false;
    snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", directory, name);
    return statfs(path, &system) == 0 && (unsigned long)system.f_type == MQUEUE_MAGIC;
}

/* --- what is in them ----------------------------------------------------- */

/* A directory that is gone through. */
struct shelf {
    struct survey *survey;
    int directory;
    const char *path; // with a slash at its end
};

static void add(const struct shelf *shelf, enum sort_number sort, const char *text,
                const struct file_look *look)
{
    struct wherry_ipc_object object = {.address = text};
    file_tell(look, &object);
    (void)survey_add(shelf->survey, sort,
                     identity_of_file(look->major, look->minor, look->inode), &object);
}

static bool has_prefix(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0 && name[strlen(prefix)];
}

static void see_memory(const struct shelf *shelf, const char *name,
                       const struct file_look *look)
{
    static const char prefix[] = "sem.";
    char text[REST_MOST];
    struct words words = {text, sizeof(text), 0};
    const bool is_semaphore = has_prefix(name, prefix);
    const char *rest = is_semaphore ? name + sizeof(prefix) - 1 : name;
    if (!S_ISREG(look->mode))
        return;
    words_add(&words, is_semaphore ? "sem:/" : "shm:/");
    words_add_rest(&words, rest, strlen(rest));
    add(shelf, is_semaphore ? SORT_SEM : SORT_SHM, text, look);
}

// "QSIZE:129 NOTIFY:0 SIGNO:0 NOTIFY_PID:0", and how many messages that are.
static void count_messages(int directory, const char *name,
                           struct wherry_ipc_object *object)
{
    char text[QUEUE_TEXT];
    struct mq_attr attributes;
    uint64_t bytes;
    int fd = openat(directory, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    object->size = -1;
    if (fd < 0)
        return;
    ssize_t size = read(fd, text, sizeof(text) - 1);
    text[size > 0 ? size : 0] = 0;
    if (field_read(text, "QSIZE", 10, &bytes))
        object->size = (int64_t)bytes;
    if (syscall(SYS_mq_getsetattr, fd, NULL, &attributes) == 0)
        object->count = attributes.mq_curmsgs;
    close(fd);
}

static void see_queue(const struct shelf *shelf, const char *name,
                      const struct file_look *look)
{
    char text[REST_MOST];
    struct words words = {text, sizeof(text), 0};
    struct wherry_ipc_object object = {.address = text};
    if (!S_ISREG(look->mode))
        return;
    words_add(&words, "mq:/");
    words_add_rest(&words, name, strlen(name));
    file_tell(look, &object);
    object.size = -1;
    struct found *found =
        survey_add(shelf->survey, SORT_MQ,
                   identity_of_file(look->major, look->minor, look->inode), &object);
    if (found)
        count_messages(shelf->directory, name, &found->object);
}

// Sockets that somebody is bound to are told by bound.c, under the same address.
static void see_socket(const struct shelf *shelf, const char *name,
                       const struct file_look *look)
{
    char text[REST_MOST];
    struct words words = {text, sizeof(text), 0};
    if (!S_ISSOCK(look->mode))
        return;
    words_add(&words, "unix:");
    words_add_rest(&words, shelf->path, strlen(shelf->path));
    words_add_rest(&words, name, strlen(name));
    if (!bound_has(shelf->survey, text))
        add(shelf, SORT_UNIX, text, look);
}

static void see_doorbell(const struct shelf *shelf, const char *name,
                         const struct file_look *look)
{
    char text[REST_MOST];
    struct words words = {text, sizeof(text), 0};
    if (!S_ISFIFO(look->mode) || !doorbell_is_named(name))
        return;
    words_add(&words, "fifo:");
    words_add_rest(&words, shelf->path, strlen(shelf->path));
    words_add_rest(&words, name, strlen(name));
    add(shelf, SORT_FIFO, text, look);
}

// Who is bound there may have found it by another path than ours.
static bool see_local(const struct shelf *shelf, const char *name,
                      const struct file_look *look)
{
    char text[REST_MOST];
    struct words words = {text, sizeof(text), 0};
    if (!S_ISSOCK(look->mode) || !own_address(name, &words))
        return false;
    if (!bound_has(shelf->survey, text))
        add(shelf, SORT_LOCAL, text, look);
    return true;
}

static void see_own(const struct shelf *shelf, const char *name,
                    const struct file_look *look)
{
    // What ends so is of that sort.
    static const enum sort_number own[] = {SORT_LEASE, SORT_QUEUE};

    const char *ending = strrchr(name, '.');
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]) && ending; i++) {
        char text[REST_MOST];
        struct words words = {text, sizeof(text), 0};
        const char *scheme = sorts[own[i]].scheme;
        if (!S_ISREG(look->mode) || ending == name || strcmp(ending + 1, scheme) != 0)
            continue;
        words_add(&words, "%s:", scheme);
        words_add_rest(&words, name, (size_t)(ending - name));
        add(shelf, own[i], text, look);
    }
    see_doorbell(shelf, name, look);
    if (!see_local(shelf, name, look))
        see_socket(shelf, name, look);
}

/* --- going through ------------------------------------------------------- */

static bool has_room(const struct survey *survey)
{
    return !survey->arena.failed && !survey->is_cut;
}

static int go_through(const struct shelf *shelf,
                      void (*see)(const struct shelf *, const char *name,
                                  const struct file_look *))
{
    const struct dirent *entry;
    const int fd = openat(shelf->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);
    if (!entries) {
        const int error = -errno;
        if (fd >= 0)
            close(fd);
        return error;
    }
    // NOLINTNEXTLINE(concurrency-mt-unsafe): a stream of its own, readdir(3) NOTES
    while (has_room(shelf->survey) && (entry = readdir(entries))) {
        struct file_look look;
        if (file_look(shelf->directory, entry->d_name, false, &look) == 0)
            see(shelf, entry->d_name, &look);
    }
    closedir(entries);
    return 0;
}

static int open_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

// What is missing is told, what this user has run out of is an error.
static int is_grave(int error)
{
    return error == -ENOMEM || error == -EMFILE || error == -ENFILE ? error : 0;
}

static int look_at_memory(struct survey *survey)
{
    if (!survey_wants_scheme(survey, "shm") && !survey_wants_scheme(survey, "sem"))
        return 0;
    const struct shelf shelf = {survey, open_directory("/dev/shm"), "/dev/shm/"};
    if (shelf.directory < 0)
        survey_note(survey, "POSIX regions and semaphores are not seen: there is no "
                            "/dev/shm here");
    int r = shelf.directory < 0 ? shelf.directory : go_through(&shelf, see_memory);
    if (shelf.directory >= 0)
        close(shelf.directory);
    return is_grave(r);
}

/* --- queues -------------------------------------------------------------- */

static bool is_queue_directory(int fd)
{
    struct statfs system;
    return fstatfs(fd, &system) == 0 && (unsigned long)system.f_type == MQUEUE_MAGIC;
}

// The queues of this namespace, mounted nowhere, where that may be done: /dev/mqueue
// may be missing, or be another namespace's.
static int open_queues(void)
{
    enum { CLOSE_ON_EXEC = 1, CREATE = 6 }; // FSOPEN_CLOEXEC, FSCONFIG_CMD_CREATE

    const int system = (int)syscall(SYS_fsopen, "mqueue", CLOSE_ON_EXEC);
    int top = -1;
    if (system >= 0 && syscall(SYS_fsconfig, system, CREATE, NULL, NULL, 0) == 0)
        top = (int)syscall(SYS_fsmount, system, CLOSE_ON_EXEC, 0);
    if (system >= 0)
        close(system);
    if (top >= 0)
        return top;
    const int fd = open_directory("/dev/mqueue");
    if (fd < 0 || is_queue_directory(fd))
        return fd;
    close(fd);
    return -ENOENT;
}

static int look_at_queues(struct survey *survey)
{
    if (!survey_wants_scheme(survey, "mq"))
        return 0;
    const struct shelf shelf = {survey, open_queues(), "/"};
    if (shelf.directory < 0) {
        survey_note(survey, "POSIX queues that nobody is seen to have are missing: as "
                            "root, mkdir -p /dev/mqueue and mount -t mqueue none "
                            "/dev/mqueue");
        return is_grave(shelf.directory);
    }
    const int r = go_through(&shelf, see_queue);
    close(shelf.directory);
    return is_grave(r);
}

/* --- Wherry's own -------------------------------------------------------- */

// Nobody else may be able to put anything there.
static int open_owned(const char *path)
{
    struct file_look look;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = file_look(fd, ".", true, &look);
    if (r == 0 && (look.user != (int64_t)geteuid() || (look.mode & 022)))
        r = -EPERM;
    if (r < 0)
        close(fd);
    return r < 0 ? r : fd;
}

int shelf_open_own(char *path, size_t size)
{
    const long user = (long)geteuid();
    const char *chosen = getenv("WHERRY_DIR"); // NOLINT(concurrency-mt-unsafe): read
    if (chosen && *chosen) {
        snprintf(path, size, "%s", chosen);
        return chosen[0] == '/' ? open_owned(path) : -EINVAL;
    }
    snprintf(path, size, "/run/user/%ld/wherry", user);
    int fd = open_owned(path);
    if (fd >= 0)
        return fd;
    snprintf(path, size, "/tmp/wherry-%ld", user);
    return open_owned(path);
}

static int look_at_own(struct survey *survey)
{
    char path[LINK_MOST];
    char slashed[LINK_MOST + 1];
    static const char *const schemes[] = {"lease", "queue", "local", "unix", "fifo"};
    bool is_wanted = false;
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        is_wanted |= survey_wants_scheme(survey, schemes[i]);
    if (!is_wanted)
        return 0;
    const struct shelf shelf = {survey, shelf_open_own(path, sizeof(path)), slashed};
    if (shelf.directory < 0)
        return is_grave(shelf.directory); // most users have none
    snprintf(slashed, sizeof(slashed), "%s/", path);
    int r = go_through(&shelf, see_own);
    close(shelf.directory);
    return is_grave(r);
}

/* --- sockets of a pattern ------------------------------------------------ */

// "unix:/run/app/s-*": the directory before what has a wildcard in it.
static bool directory_of(const char *pattern, char *out, size_t size)
{
    static const char scheme[] = "unix:/";
    char plain[REST_MOST];
    if (strncmp(pattern, scheme, sizeof(scheme) - 1) != 0)
        return false;
    const size_t literal = strcspn(pattern, "*?[\\");
    name_copy(plain, sizeof(plain), pattern, literal);
    if (!rest_read(plain, out, size))
        return false;
    char *slash = strrchr(out, '/');
    if (slash)
        slash[1] = 0;
    return slash != NULL;
}

static int look_at_sockets(struct survey *survey)
{
    const char *const *pattern = survey->wish->patterns;
    int r = 0;
    for (; r == 0 && pattern && *pattern; pattern++) {
        char path[LINK_MOST];
        if (!directory_of(*pattern, path, sizeof(path)))
            continue;
        const struct shelf shelf = {survey, open_directory(path), path};
        r = is_grave(shelf.directory);
        if (shelf.directory < 0)
            continue;
        r = is_grave(go_through(&shelf, see_socket));
        close(shelf.directory);
    }
    return r;
}

int shelves_look(struct survey *survey)
{
    static int (*const looks[])(struct survey *) = {look_at_memory, look_at_queues,
                                                    look_at_own, look_at_sockets};
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof(looks) / sizeof(looks[0]); i++)
        r = looks[i](survey);
    return r;
}
