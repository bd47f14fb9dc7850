/* SPDX-License-Identifier: MIT */
/*
 * Who has the objects of a survey: one pass over all processes, each looked at once:
 * its numbers, its memory, and what its threads wait in.
 *
 * Objects that only a process leads to are found here: FIFOs, memory without a name,
 * and what has lost its name.  A file is told by its inode and never by what a link
 * says; a process may end at any moment, and is then as if it had not been there.
 */
#define _GNU_SOURCE
#include "inspect/survey.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DESCRIPTORS_MOST = 4194304, MAPS_MOST = 64 << 20, PATH = 64 };

/* The process that is looked at. */
struct pass {
    struct survey *survey;
    size_t left; // numbers that may still be looked at
    bool has_queues;
    int64_t pid;
    int directory;
    const char *name; // in the arena; NULL: not read yet
};

static const char *name_of(struct pass *pass)
{
    char text[TEXT_MOST];
    struct stat_line stat;
    if (pass->name)
        return pass->name;
    const bool is_known = proc_read(pass->directory, "stat", text, sizeof(text)) > 0 &&
                          stat_read(text, &stat) == 0;
    pass->name =
        is_known ? arena_text(&pass->survey->arena, stat.name, strlen(stat.name)) : "";
    return pass->name;
}

static void hold(struct pass *pass, struct found *found, unsigned how)
{
    if (found)
        survey_hold(pass->survey, found, pass->pid, name_of(pass), how);
}

/* --- what only a process leads to ---------------------------------------- */

/* Where a name that stands in /proc belongs. */
static const struct place {
    const char *prefix;
    const char *scheme;
    enum sort_number sort;
} places[] = {{"/dev/shm/sem.", "sem:/", SORT_SEM},
              {"/dev/shm/", "shm:/", SORT_SHM},
              {"/memfd:", "memfd:", SORT_MEMFD}};

static const struct place *place_of(const char *name)
{
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (strncmp(name, places[i].prefix, strlen(places[i].prefix)) == 0)
            return &places[i];
    return NULL;
}

// It may have been made after the directory was gone through.
static bool is_there(const char *rest, enum sort_number sort,
                     const struct file_look *look)
{
    struct file_look there;
    char path[LINK_MOST + 32];
    snprintf(path, sizeof(path), "/dev/shm/%s%s", sort == SORT_SEM ? "sem." : "", rest);
    return file_look(AT_FDCWD, path, false, &there) == 0 &&
           there.inode == look->inode && there.major == look->major &&
           there.minor == look->minor;
}

static struct found *add(struct pass *pass, enum sort_number sort, const char *scheme,
                         const char *rest, const struct file_look *look)
{
    char text[REST_MOST];
    struct words words = {text, sizeof(text), 0};
    struct wherry_ipc_object object = {.address = text};
    words_add(&words, "%s", scheme);
    words_add_rest(&words, rest, strlen(rest));
    file_tell(look, &object);
    object.is_deleted = sort == SORT_FIFO
                            ? look->links == 0
                            : sort != SORT_MEMFD && !is_there(rest, sort, look);
    return survey_add(pass->survey, sort,
                      identity_of_file(look->major, look->minor, look->inode), &object);
}

static void without_tail(char *name)
{
    static const char tail[] = " (deleted)";
    const size_t size = strlen(name);
    if (size >= sizeof(tail) - 1 && strcmp(name + size - (sizeof(tail) - 1), tail) == 0)
        name[size - (sizeof(tail) - 1)] = 0;
}

// `name` is what a link or a line of maps says; it is changed.
static struct found *add_named(struct pass *pass, char *name,
                               const struct file_look *look)
{
    const struct place *place = place_of(name);
    if (!place || !survey_wants_scheme(pass->survey, sorts[place->sort].scheme))
        return NULL;
    if (look->links == 0)
        without_tail(name);
    return add(pass, place->sort, place->scheme, name + strlen(place->prefix), look);
}

// Of a queue the link has the name alone: "/pier", or a path where it is mounted.
static struct found *add_queue(struct pass *pass, char *name,
                               const struct file_look *look)
{
    if (look->links == 0)
        without_tail(name);
    const char *rest = strrchr(name, '/');
    struct found *found = rest ? add(pass, SORT_MQ, "mq:", rest, look) : NULL;
    if (found) {
        found->object.size = -1;
        found->object.is_deleted = look->links == 0;
    }
    return found;
}

static struct found *add_fifo(struct pass *pass, char *name,
                              const struct file_look *look)
{
    if (look->links == 0)
        without_tail(name);
    return survey_wants_scheme(pass->survey, "fifo")
               ? add(pass, SORT_FIFO, "fifo:", name, look)
               : NULL;
}

/* --- its numbers --------------------------------------------------------- */

static void look_at_socket(struct pass *pass, const char *link)
{
    unsigned how;
    const uint64_t inode = strtoull(link + strlen("socket:["), NULL, 10);
    struct found *found = bound_find(pass->survey, inode, &how);
    if (found)
        hold(pass, found, how);
}

// What a number is of: an object of the survey, if it is one.
static struct found *file_at(struct pass *pass, const char *name, char *link)
{
    struct file_look look;
    if (file_look(pass->directory, name, true, &look) < 0)
        return NULL;
    struct found *found =
        survey_find(pass->survey, identity_of_file(look.major, look.minor, look.inode));
    if (found)
        return found;
    if (S_ISFIFO(look.mode))
        return add_fifo(pass, link, &look);
    if (!S_ISREG(look.mode))
        return NULL;
    if (survey_wants_scheme(pass->survey, "mq") &&
        file_is_queue(pass->directory, name, &look))
        return add_queue(pass, link, &look);
    return add_named(pass, link, &look);
}

static int look_at_number(struct pass *pass, int number)
{
    char name[PATH];
    char link[LINK_MOST];
    snprintf(name, sizeof(name), "fd/%d", number);
    const int r = proc_link(pass->directory, name, link, sizeof(link));
    if (r < 0)
        return r == -ESRCH ? 0 : r; // it was closed meanwhile
    if (strncmp(link, "socket:[", 8) == 0)
        look_at_socket(pass, link);
    else if (link[0] == '/')
        hold(pass, file_at(pass, name, link), WHERRY_IPC_OPEN);
    return 0;
}

static int look_at_numbers(struct pass *pass)
{
    int *numbers;
    size_t count;
    size_t more;
    int r = proc_numbers(pass->directory, pass->left, &numbers, &count, &more);
    if (r < 0)
        return r;
    for (size_t i = 0; r == 0 && i < count; i++)
        r = look_at_number(pass, numbers[i]);
    pass->left -= count;
    pass->survey->is_cut |= more > 0;
    free(numbers);
    return r;
}

/* --- its memory ---------------------------------------------------------- */

/* What a line of maps says. */
struct line {
    char range[40];
    uint64_t major, minor, inode;
    char name[LINK_MOST];
};

// "7f00-7f10 rw-s 00000000 00:01 5   /dev/shm/charts"; false: no file is mapped.
static bool read_line(const char *text, size_t size, struct line *out)
{
    char word[32];
    char line[LINK_MOST + 128];
    const char *at = line;
    name_copy(line, sizeof(line), text, size);
    if (!take_word(&at, out->range, sizeof(out->range)))
        return false;
    for (int i = 0; i < 2; i++)
        if (!take_word(&at, word, sizeof(word)))
            return false;
    if (!take_number(&at, 16, &out->major) || !take_mark(&at, ':') ||
        !take_number(&at, 16, &out->minor) || !take_number(&at, 10, &out->inode))
        return false;
    at += strspn(at, " ");
    if (*at != '/') // an inode of 0 may be the first segment
        return false;
    name_copy(out->name, sizeof(out->name), at, strlen(at));
    return true;
}

static bool is_segment(const char *name)
{
    return strncmp(name, "/SYSV", 5) == 0;
}

// Numbers of System V are those of its own namespace.
static struct found *numbered(const struct pass *pass, int space, uint64_t number)
{
    char ours[PATH];
    char its[PATH];
    struct found *found = survey_find(pass->survey, identity_in(space, number));
    const bool is_ours =
        found && proc_link(AT_FDCWD, "/proc/self/ns/ipc", ours, sizeof(ours)) == 0 &&
        proc_link(pass->directory, "ns/ipc", its, sizeof(its)) == 0 &&
        strcmp(ours, its) == 0;
    return is_ours ? found : NULL;
}

// Where the file itself may not be looked at, the line is all that is known.
static void look_behind(const struct pass *pass, const struct line *line,
                        struct file_look *out)
{
    char name[PATH];
    snprintf(name, sizeof(name), "map_files/%s", line->range);
    if (file_look(pass->directory, name, true, out) < 0)
        *out = (struct file_look){.major = (uint32_t)line->major,
                                  .minor = (uint32_t)line->minor,
                                  .inode = line->inode,
                                  .user = -1,
                                  .group = -1,
                                  .size = -1};
}

static struct found *mapped_at(struct pass *pass, struct line *line)
{
    struct file_look look;
    struct found *found =
        survey_find(pass->survey, identity_of_file((uint32_t)line->major,
                                                   (uint32_t)line->minor, line->inode));
    if (found || !place_of(line->name))
        return found;
    look_behind(pass, line, &look);
    found = add_named(pass, line->name, &look);
    if (found && look.user < 0)
        found->object.mode = -1;
    return found;
}

static int look_at_memory(struct pass *pass)
{
    char *maps;
    const int cut = proc_read_all(pass->directory, "maps", MAPS_MOST, &maps);
    if (cut < 0)
        return cut;
    pass->survey->is_cut |= cut > 0;
    for (const char *at = maps; *at;) {
        struct line line;
        const size_t size = line_size(at);
        if (!read_line(at, size, &line))
            ;
        else if (is_segment(line.name))
            hold(pass, numbered(pass, SPACE_SEGMENTS, line.inode), WHERRY_IPC_MAPPED);
        else
            hold(pass, mapped_at(pass, &line), WHERRY_IPC_MAPPED);
        at += size + (at[size] == '\n');
    }
    free(maps);
    return 0;
}

/* --- what its threads wait in -------------------------------------------- */

static struct found *waited_at(struct pass *pass, enum queue_call call, uint64_t number)
{
    char name[PATH];
    struct file_look look;
    if (call != QUEUE_CALL_NUMBER)
        return numbered(pass, call == QUEUE_CALL_MESSAGES ? SPACE_QUEUES : SPACE_SETS,
                        (uint32_t)number);
    snprintf(name, sizeof(name), "fd/%" PRIu32, (uint32_t)number);
    return file_look(pass->directory, name, true, &look) < 0
               ? NULL
               : survey_find(pass->survey,
                             identity_of_file(look.major, look.minor, look.inode));
}

static void look_at_threads(struct pass *pass)
{
    int64_t *threads;
    size_t count;
    if (proc_threads(pass->directory, &threads, &count) < 0)
        return;
    for (size_t i = 0; i < count; i++) {
        char name[PATH];
        uint64_t number = 0;
        snprintf(name, sizeof(name), "task/%" PRId64 "/syscall", threads[i]);
        const enum queue_call call = call_queue(pass->directory, name, &number);
        if (call != QUEUE_CALL_NONE)
            hold(pass, waited_at(pass, call, number), WHERRY_IPC_WAITS);
    }
    free(threads);
}

/* --- all processes ------------------------------------------------------- */

// Threads of the kernel and what has ended hide nothing.
static bool has_nothing(int directory)
{
    char text[TEXT_MOST];
    struct stat_line stat;
    return proc_read(directory, "stat", text, sizeof(text)) > 0 &&
           stat_read(text, &stat) == 0 && (stat.is_kernels || stat.state == 'Z');
}

static int look_into(struct pass *pass, int64_t pid)
{
    pass->directory = proc_open(pid);
    pass->pid = pid;
    pass->name = NULL;
    if (pass->directory < 0)
        return pass->directory;
    int r = look_at_numbers(pass);
    const int mapped = look_at_memory(pass);
    if (r == 0)
        r = mapped;
    if (pass->has_queues)
        look_at_threads(pass);
    if (r < 0 && has_nothing(pass->directory))
        r = 0;
    proc_close(pass->directory);
    return r;
}

static bool has_queues(const struct survey *survey)
{
    for (size_t i = 0; i < survey->count; i++)
        if (survey->found[i].sort == SORT_SYSV || survey->found[i].sort == SORT_SEMV ||
            survey->found[i].sort == SORT_MQ)
            return true;
    return false;
}

int holders_look(struct survey *survey)
{
    int64_t *pids;
    size_t count;
    const size_t most = survey->wish->descriptors_most;
    struct pass pass = {.survey = survey,
                        .left = most ? most : DESCRIPTORS_MOST,
                        .has_queues = has_queues(survey)};
    int r = proc_all(&pids, &count);
    if (r == -ENOENT || r == -ESRCH)
        return -ENOTSUP;
    for (size_t i = 0; r == 0 && i < count && !survey->arena.failed; i++) {
        if (pass.left == 0) {
            survey->is_cut = true;
            break;
        }
        const int seen = look_into(&pass, pids[i]);
        survey->processes += seen == 0;
        survey->unseen += seen == -EACCES || seen == -EPERM;
        if (seen == -ENOMEM || seen == -EMFILE || seen == -ENFILE)
            r = seen;
    }
    free(pids);
    return r;
}
