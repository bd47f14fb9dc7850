/* SPDX-License-Identifier: MIT */
/*
 * What a process does, in one word and in a sentence.
 */
#include "inspect/inspect.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LOOKS = 4 };

/* --- names --------------------------------------------------------------- */

const char *wherry_object_name(enum wherry_object object)
{
    static const char *const names[] = {
        [WHERRY_OBJECT_UNKNOWN] = "unknown",
        [WHERRY_OBJECT_FILE] = "regular file",
        [WHERRY_OBJECT_DIRECTORY] = "directory",
        [WHERRY_OBJECT_SYMLINK] = "symbolic link",
        [WHERRY_OBJECT_DEVICE] = "device",
        [WHERRY_OBJECT_DISK] = "block device",
        [WHERRY_OBJECT_TERMINAL] = "terminal",
        [WHERRY_OBJECT_PIPE] = "pipe",
        [WHERRY_OBJECT_FIFO] = "FIFO",
        [WHERRY_OBJECT_SOCKET] = "socket",
        [WHERRY_OBJECT_MEMFD] = "memfd",
        [WHERRY_OBJECT_MQ] = "message queue",
        [WHERRY_OBJECT_EVENTFD] = "eventfd",
        [WHERRY_OBJECT_EPOLL] = "epoll",
        [WHERRY_OBJECT_PIDFD] = "pidfd",
        [WHERRY_OBJECT_TIMERFD] = "timerfd",
        [WHERRY_OBJECT_SIGNALFD] = "signalfd",
        [WHERRY_OBJECT_INOTIFY] = "inotify",
        [WHERRY_OBJECT_FANOTIFY] = "fanotify",
        [WHERRY_OBJECT_NAMESPACE] = "namespace",
        [WHERRY_OBJECT_OTHER] = "other object",
    };

    bool is_known = (size_t)object < sizeof(names) / sizeof(names[0]);
    return names[is_known ? object : WHERRY_OBJECT_UNKNOWN];
}

const char *wherry_doing_name(enum wherry_doing doing)
{
    static const char *const names[] = {
        [WHERRY_DOING_UNKNOWN] = "unknown", [WHERRY_DOING_RUNS] = "running",
        [WHERRY_DOING_READY] = "ready",     [WHERRY_DOING_BLOCKED] = "blocked",
        [WHERRY_DOING_STOPPED] = "stopped", [WHERRY_DOING_TRACED] = "traced",
        [WHERRY_DOING_ZOMBIE] = "zombie",
    };

    bool is_known = (size_t)doing < sizeof(names) / sizeof(names[0]);
    return names[is_known ? doing : WHERRY_DOING_UNKNOWN];
}

void object_article(enum wherry_object object, struct words *out)
{
    const char *name = wherry_object_name(object);
    words_add(out, strchr("aeiou", name[0]) ? "an %s" : "a %s", name);
}

enum wherry_object object_look(int directory, int number)
{
    char name[32];
    char text[LINK_MOST];
    struct link link;
    struct look look;
    snprintf(name, sizeof(name), "fd/%d", number);
    if (number < 0 || proc_link(directory, name, text, sizeof(text)) < 0)
        return WHERRY_OBJECT_UNKNOWN;
    link_read(text, &link);
    if (link.object != WHERRY_OBJECT_UNKNOWN)
        return link.object;
    return proc_look(directory, number, &link, &look) < 0 ? WHERRY_OBJECT_UNKNOWN
                                                          : look.object;
}

/* --- states -------------------------------------------------------------- */

static void add_text(struct wherry_process_state *state, const char *text)
{
    snprintf(state->text, sizeof(state->text), "%s", text);
}

static void runnable(int directory, struct wherry_process_state *state)
{
    bool runs = proc_is_running(directory, state->pid);
    state->doing = runs ? WHERRY_DOING_RUNS : WHERRY_DOING_READY;
    add_text(state, runs ? "has a processor" : "waits for a processor");
}

static void blocked(int directory, struct wherry_process_state *state)
{
    state->doing = WHERRY_DOING_BLOCKED;
    call_look(directory, state);
}

static void stopped(int directory, struct wherry_process_state *state)
{
    (void)directory;
    state->doing = WHERRY_DOING_STOPPED;
    add_text(state, "stopped by a signal; SIGCONT lets it go on");
}

static void traced(int directory, struct wherry_process_state *state)
{
    char text[TEXT_MOST];
    uint64_t tracer = 0;
    state->doing = WHERRY_DOING_TRACED;
    if (proc_read(directory, "status", text, sizeof(text)) > 0)
        (void)field_read(text, "TracerPid", 10, &tracer);
    snprintf(state->text, sizeof(state->text),
             "stopped by process %" PRIu64 ", which traces it", tracer);
}

static void ended(int directory, struct wherry_process_state *state)
{
    (void)directory;
    state->doing = WHERRY_DOING_ZOMBIE;
    snprintf(state->text, sizeof(state->text),
             "has ended; its parent, process %" PRId64 ", has not waited for it",
             state->parent);
}

// The letters of proc_pid_stat(5).
static const struct {
    char letter;
    void (*look)(int directory, struct wherry_process_state *state);
} letters[] = {
    {'R', runnable}, {'S', blocked}, {'D', blocked}, {'T', stopped},
    {'t', traced},   {'Z', ended},   {'X', ended},
};

static int look_once(int directory, int64_t pid, struct wherry_process_state *out)
{
    char text[TEXT_MOST];
    struct stat_line stat;
    int64_t size = proc_read(directory, "stat", text, sizeof(text));
    if (size < 0)
        return (int)size;
    if (stat_read(text, &stat) < 0)
        return -ESRCH;
    *out = (struct wherry_process_state){
        .pid = pid, .parent = stat.parent, .threads = stat.threads, .number = -1};
    memcpy(out->name, stat.name, sizeof(out->name));
    if (stat.is_kernels) {
        out->doing = stat.state == 'R' ? WHERRY_DOING_READY : WHERRY_DOING_BLOCKED;
        out->awaited = WHERRY_AWAITED_UNKNOWN;
        add_text(out, "a thread of the kernel");
        return 0;
    }
    out->threads_ready =
        stat.threads > 1 ? proc_ready_threads(directory) : stat.state == 'R';
    add_text(out, "in a state without a name");
    for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
        if (letters[i].letter == stat.state)
            letters[i].look(directory, out);
    return 0;
}

// One that goes on between two looks of ours is blocked for nothing that is to be seen.
int state_look(int directory, int64_t pid, struct wherry_process_state *out)
{
    int r = 0;
    bool has_gone_on = true;
    for (int i = 0; r == 0 && has_gone_on && i < LOOKS; i++) {
        r = look_once(directory, pid, out);
        has_gone_on = r == 0 && out->doing == WHERRY_DOING_BLOCKED &&
                      out->awaited == WHERRY_AWAITED_UNKNOWN && out->cause == 0;
    }
    return r;
}

int wherry_inspect_state(int64_t pid, struct wherry_process_state *out, size_t size)
{
    struct wherry_process_state state;
    if (!out || size == 0)
        return -EINVAL;
    int directory = proc_open(pid);
    if (directory < 0)
        return directory;
    int r = state_look(directory, pid, &state);
    proc_close(directory);
    if (r < 0)
        return r;
    memset(out, 0, size);
    memcpy(out, &state, size < sizeof(state) ? size : sizeof(state));
    return 0;
}
