/* SPDX-License-Identifier: MIT */
/*
 * What story.h promises.
 */
#include "story.h"

#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <uv.h>

char story[STORY];
wherry_loop *loop;

// Whatever libuv keeps for the process from its first loop on is there before tests
// count what they leave behind.
void harness_register(void)
{
    uv_loop_t first;
    if (uv_loop_init(&first) == 0)
        uv_loop_close(&first);
}

void tell(const char *format, ...)
{
    size_t size = strlen(story);
    va_list arguments;
    CHECK(size + 200 < sizeof(story));
    if (size > 0)
        size += (size_t)snprintf(story + size, sizeof(story) - size, ", ");
    va_start(arguments, format);
    vsnprintf(story + size, sizeof(story) - size, format, arguments);
    va_end(arguments);
}

void begin(void)
{
    WORKS(wherry_loop_new(&loop));
}

void end(void)
{
    wherry_loop_free(loop);
    loop = NULL;
}

// Those that are open above the limit stay.
void leave_descriptors(int room)
{
    static struct rlimit usual;
    if (usual.rlim_cur == 0)
        CHECK_INT(getrlimit(RLIMIT_NOFILE, &usual), 0);
    struct rlimit limit = usual;
    if (room >= 0) {
        int first_free = dup(STDIN_FILENO);
        close(first_free);
        limit.rlim_cur = (rlim_t)(first_free + room);
    }
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

void run(void)
{
    WORKS(wherry_loop_run(loop, soon()));
}

/* --- channels ------------------------------------------------------------ */

static void name_it(void *user)
{
    if (user)
        tell("%s", (const char *)user);
}

static void message(void *user, wherry_watch *watch, wherry_message **message)
{
    (void)watch;
    name_it(user);
    tell("message %.*s", (int)wherry_message_size(*message),
         (const char *)wherry_message_data(*message));
}

static void room(void *user, wherry_watch *watch)
{
    (void)watch;
    name_it(user);
    tell("room");
}

static void disconnect(void *user, wherry_watch *watch, int error)
{
    (void)watch;
    name_it(user);
    tell("disconnect %s", harness_errno_name(error));
}

static void error(void *user, wherry_watch *watch, int error)
{
    (void)watch;
    name_it(user);
    tell("error %s", harness_errno_name(error));
}

static void closed(void *user, wherry_watch *watch)
{
    CHECK(wherry_watch_loop(watch) == loop);
    name_it(user);
    tell("close");
}

const struct wherry_channel_events telling = {.on_message = message,
                                              .on_room = room,
                                              .on_disconnect = disconnect,
                                              .on_error = error,
                                              .on_close = closed};

struct wherry_channel_events telling_of(const char *name)
{
    struct wherry_channel_events events = telling;
    events.user = (void *)(uintptr_t)name;
    return events;
}

wherry_watch *watch_channel(wherry_channel *channel, const char *name)
{
    struct wherry_channel_events events = telling_of(name);
    wherry_watch *watch = NULL;
    WORKS(wherry_loop_channel(loop, &channel, &events, sizeof(events), &watch));
    CHECK(channel == NULL);
    return watch;
}

/* --- processes ----------------------------------------------------------- */

const char *program_beside(const char *name)
{
    static char path[512];
    ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 64);
    CHECK(size > 0);
    path[size] = 0;
    snprintf(strrchr(path, '/') + 1, 64, "%s", name);
    return path;
}

struct wherry_plan plan_of_child(const char *const *words)
{
    static const struct wherry_laid laid[] = {
        {.number = 1, .from = WHERRY_FROM_PIPE},
        {.number = 2, .from = WHERRY_FROM_PARENT},
        {.number = 3, .from = WHERRY_FROM_MESSAGES},
    };
    return (struct wherry_plan){.file = program_beside("child"),
                                .arguments = words,
                                .laid = laid,
                                .laid_count = 3};
}

static void data(void *user, wherry_watch *watch, int number, const void *bytes,
                 size_t size)
{
    (void)user;
    (void)watch;
    tell("data %d %.*s", number, (int)size, (const char *)bytes);
}

static void data_end(void *user, wherry_watch *watch, int number, int error)
{
    (void)user;
    (void)watch;
    tell("end %d %s", number, harness_errno_name(error));
}

static void child_message(void *user, wherry_watch *watch, int number,
                          wherry_message **message)
{
    (void)user;
    (void)watch;
    tell("message %d %.*s", number, (int)wherry_message_size(*message),
         (const char *)wherry_message_data(*message));
}

static void child_disconnect(void *user, wherry_watch *watch, int number, int error)
{
    (void)user;
    (void)watch;
    tell("disconnect %d %s", number, harness_errno_name(error));
}

static void child_room(void *user, wherry_watch *watch, int number)
{
    (void)user;
    (void)watch;
    tell("room %d", number);
}

static void child_exit(void *user, wherry_watch *watch, const struct wherry_exit *exit,
                       int error)
{
    char text[96] = "unknown";
    (void)user;
    (void)watch;
    CHECK((exit == NULL) == (error < 0));
    if (exit)
        WORKS(wherry_exit_text(exit, text, sizeof(text)));
    tell("%s", text);
}

struct wherry_process_events telling_of_process(void)
{
    return (struct wherry_process_events){.on_data = data,
                                          .on_end = data_end,
                                          .on_message = child_message,
                                          .on_disconnect = child_disconnect,
                                          .on_room = child_room,
                                          .on_exit = child_exit,
                                          .on_close = closed};
}

wherry_watch *watch_process(const struct wherry_plan *plan,
                            const struct wherry_process_events *events)
{
    wherry_process *process = NULL;
    wherry_watch *watch = NULL;
    WORKS(wherry_spawn(plan, sizeof(*plan), &process));
    WORKS(wherry_loop_process(loop, &process, events, sizeof(*events), &watch));
    CHECK(process == NULL);
    return watch;
}

static bool is_gone(void *pid)
{
    return waitpid(*(pid_t *)pid, NULL, WNOHANG) != 0;
}

void until_gone(pid_t pid)
{
    harness_until(is_gone, &pid);
}
