/* SPDX-License-Identifier: MIT */
/*
 * What a process does: it runs, is ready, waits for something, is stopped, has ended.
 */
#define _GNU_SOURCE
#include "look.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

static int ends[2];
static struct wherry_process_state state;

/* --- what it waits for --------------------------------------------------- */

/* A process that does something until it is killed, and what is to be seen of it. */
struct scene {
    void (*act)(void);
    enum wherry_awaited awaited;
    const char *text; /* %d: the number of the pipe's or socket's end */
    int end;          /* which end that is; -1: no descriptor */
    pid_t pid;
};

static void act_forever(void *argument)
{
    const struct scene *scene = argument;
    for (;;)
        scene->act();
}

// A signal may interrupt it, and a processor may be with it: it comes back to this.
static bool is_awaiting(void *argument)
{
    const struct scene *scene = argument;
    char text[128];
    CHECK_INT(wherry_inspect_state(scene->pid, &state, sizeof(state)), 0);
    snprintf(text, sizeof(text), "%s", scene->text);
    char *mark = strchr(text, '#');
    if (mark)
        snprintf(mark, sizeof(text) - (size_t)(mark - text), "%d%s", ends[scene->end],
                 strchr(scene->text, '#') + 1);
    return state.doing == WHERRY_DOING_BLOCKED && state.awaited == scene->awaited &&
           strcmp(state.text, text) == 0 &&
           state.number == (scene->end < 0 ? -1 : ends[scene->end]);
}

static void see(struct scene *scene)
{
    scene->pid = harness_child(act_forever, scene);
    harness_until(is_awaiting, scene);
    harness_kill(scene->pid);
}

static void open_pipe(void)
{
    CHECK_INT(pipe2(ends, O_CLOEXEC), 0);
}

static void close_ends(void)
{
    close(ends[0]);
    close(ends[1]);
}

static void read_one(void)
{
    char byte;
    (void)!read(ends[0], &byte, 1);
}

TEST(one_that_reads_a_pipe_waits_for_that_number)
{
    open_pipe();
    see(&(struct scene){.act = read_one,
                        .awaited = WHERRY_AWAITED_INPUT,
                        .text = "reads number #, a pipe",
                        .end = 0});
    CHECK_INT(state.object, WHERRY_OBJECT_PIPE);
    CHECK_INT(state.cause, 0);
    CHECK_INT(state.parent, getpid());
    CHECK_INT(state.threads, 1);
    close_ends();
}

static void write_much(void)
{
    static char bytes[65536];
    (void)!write(ends[1], bytes, sizeof(bytes));
}

TEST(one_that_writes_to_a_full_pipe_waits_for_room)
{
    open_pipe();
    see(&(struct scene){.act = write_much,
                        .awaited = WHERRY_AWAITED_ROOM,
                        .text = "writes to number #, a pipe",
                        .end = 1});
    close_ends();
}

#ifndef SYS_socketcall // where that is one call for all, it is told by its function
static void receive(void)
{
    char byte;
    (void)!recv(ends[0], &byte, 1, 0);
}
#endif

static void poll_one(void)
{
    struct pollfd wait[2] = {{.fd = -1}, {.fd = ends[0], .events = POLLIN}};
    (void)poll(wait, 2, -1);
}

static void select_one(void)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(ends[1], &set);
    (void)select(ends[1] + 1, &set, NULL, NULL, NULL);
}

TEST(one_that_waits_for_a_socket_waits_for_that_number)
{
    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
#ifndef SYS_socketcall
    see(&(struct scene){.act = receive,
                        .awaited = WHERRY_AWAITED_INPUT,
                        .text = "receives from number #, a socket",
                        .end = 0});
#endif
    see(&(struct scene){.act = poll_one,
                        .awaited = WHERRY_AWAITED_INPUT,
                        .text = "waits for number #, a socket",
                        .end = 0});
    see(&(struct scene){.act = select_one,
                        .awaited = WHERRY_AWAITED_INPUT,
                        .text = "waits for number #, a socket",
                        .end = 1});
    close_ends();
}

static void poll_both(void)
{
    struct pollfd wait[2] = {{.fd = ends[0], .events = POLLIN},
                             {.fd = ends[1], .events = POLLIN}};
    (void)poll(wait, 2, -1);
}

static void poll_nothing(void)
{
    (void)poll(NULL, 0, -1);
}

TEST(one_that_waits_for_several_names_them)
{
    char text[128];
    open_pipe();
    snprintf(text, sizeof(text), "waits for number %d, a pipe or number %d, a pipe",
             ends[0], ends[1]);
    see(&(struct scene){
        .act = poll_both, .awaited = WHERRY_AWAITED_EVENT, .text = text, .end = -1});
    see(&(struct scene){.act = poll_nothing,
                        .awaited = WHERRY_AWAITED_TIME,
                        .text = "sleeps",
                        .end = -1});
    close_ends();
}

static void wait_in_epoll(void)
{
    struct epoll_event event;
    (void)epoll_wait(ends[0], &event, 1, -1);
}

TEST(one_that_waits_in_an_epoll_says_what_that_watches)
{
    char text[128];
    struct epoll_event event = {.events = EPOLLIN};
    ends[0] = epoll_create1(EPOLL_CLOEXEC);
    ends[1] = eventfd(0, EFD_CLOEXEC);
    CHECK_INT(epoll_ctl(ends[0], EPOLL_CTL_ADD, ends[1], &event), 0);
    snprintf(text, sizeof(text), "waits for number #, an epoll that watches %d",
             ends[1]);
    see(&(struct scene){
        .act = wait_in_epoll, .awaited = WHERRY_AWAITED_EVENT, .text = text, .end = 0});
    close_ends();
}

static void sleep_long(void)
{
    struct timespec long_time = {.tv_sec = 1000};
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &long_time, NULL);
}

static void wait_for_signal(void)
{
    sigset_t none;
    sigemptyset(&none);
    (void)sigsuspend(&none);
}

static void wait_for_child(void)
{
    static pid_t child;
    if (child == 0)
        child = harness_child(act_forever, &(struct scene){.act = sleep_long});
    (void)waitpid(-1, NULL, 0);
}

static void lock_again(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    (void)pthread_mutex_lock(&lock);
}

TEST(one_that_waits_for_no_descriptor_says_for_what)
{
    see(&(struct scene){.act = sleep_long,
                        .awaited = WHERRY_AWAITED_TIME,
                        .text = "sleeps",
                        .end = -1});
    see(&(struct scene){.act = wait_for_signal,
                        .awaited = WHERRY_AWAITED_SIGNAL,
                        .text = "waits for a signal",
                        .end = -1});
    see(&(struct scene){.act = wait_for_child,
                        .awaited = WHERRY_AWAITED_CHILD,
                        .text = "waits for a child",
                        .end = -1});
    see(&(struct scene){.act = lock_again,
                        .awaited = WHERRY_AWAITED_LOCK,
                        .text = "waits for a lock or a thread (futex)",
                        .end = -1});
}

static int queue;

static void take_message(void)
{
    struct {
        long kind;
        char text[8];
    } message;

    (void)msgrcv(queue, &message, sizeof(message.text), 0, 0);
}

TEST(one_that_waits_for_a_queue_of_system_v_names_it)
{
    char text[64];
    queue = msgget(IPC_PRIVATE, 0600);
    if (queue < 0)
        SKIP("no System V queues here");
    (void)snprintf(text, sizeof(text), "waits for a message in sysv:#%d", queue);
    struct scene scene = {.act = take_message, .text = text, .end = -1};
    scene.pid = harness_child(act_forever, &scene);
    harness_wait_blocked(scene.pid);
    do
        CHECK_INT(wherry_inspect_state(scene.pid, &state, sizeof(state)), 0);
    while (state.awaited != WHERRY_AWAITED_QUEUE && !harness_is_slow());
#ifndef SYS_ipc // as socketcall(2)
    if (!harness_is_slow())
        CHECK_STRING(state.text, text);
#endif
    harness_kill(scene.pid);
    msgctl(queue, IPC_RMID, NULL);
}

static int lock_file;

static void lock_twice(void)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", lock_file);
    static int own = -1;
    if (own < 0)
        own = open(path, O_RDONLY | O_CLOEXEC);
    ends[0] = own;
    (void)flock(own, LOCK_EX);
}

TEST(one_that_waits_for_a_lock_names_the_file)
{
    harness_write_file("locked", "", 0);
    lock_file = open(harness_path("locked"), O_RDONLY | O_CLOEXEC);
    CHECK_INT(flock(lock_file, LOCK_EX), 0);
    ends[0] = lock_file + 1; // the lowest that is free in the child, too
    see(&(struct scene){.act = lock_twice,
                        .awaited = WHERRY_AWAITED_LOCK,
                        .text = "waits for the lock of number #, a regular file",
                        .end = 0});
    close(lock_file);
}

/* --- other states -------------------------------------------------------- */

static bool is_doing(pid_t pid, enum wherry_doing doing)
{
    CHECK_INT(wherry_inspect_state(pid, &state, sizeof(state)), 0);
    return state.doing == doing;
}

static bool is_stopped(void *pid)
{
    return is_doing(*(pid_t *)pid, WHERRY_DOING_STOPPED);
}

static bool is_zombie(void *pid)
{
    return is_doing(*(pid_t *)pid, WHERRY_DOING_ZOMBIE);
}

TEST(one_that_is_stopped_is_not_blocked)
{
    struct neighbour child = {.kept = -1};
    start_beside(&child);
    kill(child.pid, SIGSTOP);
    harness_until(is_stopped, &child.pid);
    CHECK_CONTAINS(state.text, "SIGCONT");
    CHECK_INT(state.awaited, WHERRY_AWAITED_NOTHING);
    end_beside(&child);
}

static void be_traced(struct neighbour *self)
{
    gate_pass(&self->ready); // from then on any signal stops it
    CHECK_INT(ptrace(PTRACE_TRACEME, 0, NULL, NULL), 0);
    raise(SIGSTOP);
}

static bool is_traced(void *pid)
{
    return is_doing(*(pid_t *)pid, WHERRY_DOING_TRACED);
}

TEST(one_that_is_traced_says_by_whom)
{
    char text[128];
    struct neighbour child = {.prepare = be_traced};
    start_beside(&child);
    harness_until(is_traced, &child.pid);
    snprintf(text, sizeof(text), "stopped by process %d, which traces it", getpid());
    CHECK_STRING(state.text, text);
    end_beside(&child);
}

static void end_at_once(void *unused)
{
    (void)unused;
}

TEST(one_that_has_ended_waits_for_its_parent)
{
    char text[128];
    pid_t pid = harness_child(end_at_once, NULL);
    harness_until(is_zombie, &pid);
    snprintf(text, sizeof(text),
             "has ended; its parent, process %d, has not waited for it", getpid());
    CHECK_STRING(state.text, text);
    struct wherry_process_view *view = look_into(pid);
    CHECK_INT(view->descriptor_count, 0);
    CHECK_INT(view->descriptors_cause, 0);
    CHECK_STRING(view->command, "");
    wherry_view_free(view);
    CHECK_INT(harness_wait(pid), 0);
    CHECK_ERROR(wherry_inspect_state(pid, &state, sizeof(state)), -ESRCH);
}

static void stay_on(int processor)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)processor, &one);
    (void)sched_setaffinity(0, sizeof(one), &one);
}

static int processors[2];

// The first two that this process may use; how many there are.
static int find_processors(void)
{
    cpu_set_t all;
    int count = 0;
    CHECK_INT(sched_getaffinity(0, sizeof(all), &all), 0);
    for (int i = 0; i < CPU_SETSIZE && count < 2; i++)
        if (CPU_ISSET((size_t)i, &all))
            processors[count++] = i;
    return count;
}

static void spin(struct neighbour *self)
{
    stay_on(self->kept);
    gate_pass(&self->ready);
    for (volatile unsigned i = 0;; i++)
        ;
}

static bool is_running(void *pid)
{
    return is_doing(*(pid_t *)pid, WHERRY_DOING_RUNS);
}

static bool is_ready(void *pid)
{
    return is_doing(*(pid_t *)pid, WHERRY_DOING_READY);
}

TEST(one_whose_processor_another_uses_is_ready)
{
    (void)find_processors();
    struct neighbour child = {.prepare = spin, .kept = processors[0]};
    start_beside(&child);
    stay_on(processors[0]); // as long as this looks, that one does not run
    harness_until(is_ready, &child.pid);
    CHECK_STRING(state.text, "waits for a processor");
    end_beside(&child);
}

TEST(one_that_has_a_processor_runs)
{
    CHECK(is_doing(getpid(), WHERRY_DOING_RUNS));
    if (find_processors() < 2)
        SKIP("there is only one processor");
    struct neighbour child = {.prepare = spin, .kept = processors[1]};
    start_beside(&child);
    stay_on(processors[0]);
    harness_until(is_running, &child.pid);
    CHECK_STRING(state.text, "has a processor");
    end_beside(&child);
}

/* --- who there is -------------------------------------------------------- */

static pid_t thread_number;
static struct harness_gate thread_gates[2];

static void *be_a_thread(void *unused)
{
    thread_number = harness_thread();
    gate_pass(&thread_gates[0]);
    gate_wait(&thread_gates[1]);
    return unused;
}

TEST(a_number_that_is_no_process_is_an_error)
{
    pthread_t thread;
    struct wherry_process_view *view = NULL;
    static const int64_t none[] = {0, -1, INT64_MIN, INT64_C(1) << 40};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        CHECK_ERROR(wherry_inspect_state(none[i], &state, sizeof(state)), -EINVAL);
        CHECK_ERROR(wherry_inspect_process(none[i], NULL, &view), -EINVAL);
    }
    CHECK_ERROR(wherry_inspect_state(INT32_MAX, &state, sizeof(state)), -ESRCH);
    CHECK_ERROR(wherry_inspect_process(INT32_MAX, NULL, &view), -ESRCH);
    CHECK(view == NULL);
    wherry_view_free(NULL);
    gate_open(&thread_gates[0]);
    gate_open(&thread_gates[1]);
    CHECK_INT(pthread_create(&thread, NULL, be_a_thread, NULL), 0);
    gate_wait(&thread_gates[0]);
    CHECK_ERROR(wherry_inspect_state(thread_number, &state, sizeof(state)), -ESRCH);
    CHECK_INT(wherry_inspect_state(getpid(), &state, sizeof(state)), 0);
    CHECK_INT(state.threads, 2);
    CHECK(state.threads_ready >= 1);
    gate_pass(&thread_gates[1]);
    pthread_join(thread, NULL);
    gate_close(&thread_gates[0]);
    gate_close(&thread_gates[1]);
}

TEST(a_caller_with_an_older_structure_gets_what_it_knows)
{
    unsigned char bytes[sizeof(state) + 8];
    memset(bytes, 0x5a, sizeof(bytes));
    CHECK_INT(wherry_inspect_state(getpid(), (void *)bytes, 16), 0);
    CHECK_INT(bytes[16], 0x5a);
    memset(bytes, 0x5a, sizeof(bytes));
    CHECK_INT(wherry_inspect_state(getpid(), (void *)bytes, sizeof(bytes)), 0);
    CHECK_INT(bytes[sizeof(bytes) - 1], 0);
    CHECK_ERROR(wherry_inspect_state(getpid(), &state, 0), -EINVAL);
}

static void take_bad_name(struct neighbour *self)
{
    (void)self;
    CHECK_INT(prctl(PR_SET_NAME, "a) R 1\n(\033[1mb"), 0);
}

TEST(a_name_is_what_the_process_chose_and_no_field)
{
    struct neighbour child = {.prepare = take_bad_name};
    start_beside(&child);
    CHECK_INT(wherry_inspect_state(child.pid, &state, sizeof(state)), 0);
    CHECK_STRING(state.name, "a) R 1\n(\033[1mb");
    CHECK_INT(state.parent, getpid());
    CHECK(state.doing != WHERRY_DOING_UNKNOWN);
    end_beside(&child);
}

TEST(states_and_objects_have_names)
{
    CHECK_STRING(wherry_doing_name(WHERRY_DOING_ZOMBIE), "zombie");
    CHECK_STRING(wherry_doing_name((enum wherry_doing)99), "unknown");
    CHECK_STRING(wherry_object_name(WHERRY_OBJECT_FILE), "regular file");
    CHECK_STRING(wherry_object_name((enum wherry_object)99), "unknown");
}
