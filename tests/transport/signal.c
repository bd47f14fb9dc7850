/* SPDX-License-Identifier: MIT */
/*
 * signal: what a user of signals knows: names, numbers that come with them, which
 * merge and which queue, that they wait while blocked or stopped, who sent them, and
 * what the thread's mask is before and after.
 */
#define _GNU_SOURCE // setresuid, sigqueue
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "talk.h"

static wherry_channel *receiver_of(const char *address)
{
    wherry_listener *listener;
    wherry_channel *channel;
    WORKS(wherry_listen(address, &listener));
    WORKS(wherry_accept(listener, WHERRY_POLL, &channel));
    FAILS(wherry_accept(listener, WHERRY_POLL, &channel), -EALREADY, "signal:");
    wherry_close_listener(listener);
    return channel;
}

static wherry_channel *sender_to(pid_t pid, const char *options)
{
    char address[128];
    wherry_channel *channel;
    snprintf(address, sizeof(address), "signal:%d%s", pid, options);
    WORKS(wherry_dial(address, WHERRY_POLL, &channel));
    return channel;
}

static void put(wherry_channel *channel, int value, int64_t kind)
{
    WORKS(wherry_write(channel, &value, sizeof(value), kind, 0, WHERRY_POLL));
}

// The next one, which must be that signal; its number must be `value`.
static struct wherry_peer take(wherry_channel *channel, int64_t kind, int value)
{
    wherry_message *message = NULL;
    int got = 0;
    WORKS(wherry_recv(channel, &message, soon()));
    CHECK_INT(wherry_message_kind(message), kind);
    CHECK_INT(wherry_message_size(message), sizeof(got));
    memcpy(&got, wherry_message_data(message), sizeof(got));
    CHECK_INT(got, value);
    struct wherry_peer sender = *wherry_message_sender(message);
    wherry_message_free(message);
    return sender;
}

// The same of one that has no number.
static struct wherry_peer take_bare(wherry_channel *channel, int64_t kind)
{
    wherry_message *message = NULL;
    WORKS(wherry_recv(channel, &message, soon()));
    CHECK_INT(wherry_message_kind(message), kind);
    CHECK_INT(wherry_message_size(message), 0);
    struct wherry_peer sender = *wherry_message_sender(message);
    wherry_message_free(message);
    return sender;
}

static void take_nothing(wherry_channel *channel)
{
    wherry_message *message = NULL;
    CHECK_ERROR(wherry_recv(channel, &message, WHERRY_POLL), -EAGAIN);
}

static bool is_blocked(int number)
{
    sigset_t mask;
    CHECK_INT(pthread_sigmask(SIG_BLOCK, NULL, &mask), 0);
    return sigismember(&mask, number) == 1;
}

TEST(a_real_time_signal_queues_with_its_number)
{
    wherry_channel *in = receiver_of("signal:self");
    wherry_channel *out = sender_to(getpid(), "");
    for (int i = 0; i < 40; i++)
        put(out, i * 1000 - 7, 0);
    for (int i = 0; i < 40; i++)
        take(in, SIGRTMIN, i * 1000 - 7);
    take_nothing(in);
    wherry_close(out);
    wherry_close(in);
}

TEST(standard_signals_merge_while_they_are_pending)
{
    wherry_channel *in = receiver_of("signal:self?signal=USR1,SIGUSR2");
    wherry_channel *out = sender_to(getpid(), "?signal=USR1");
    struct wherry_channel_info info;
    for (int i = 0; i < 3; i++)
        put(out, i, 0);
    put(out, 9, SIGUSR2);
    take(in, SIGUSR1, 0);
    take(in, SIGUSR2, 9);
    take_nothing(in);
    put(out, 4, 0);
    take(in, SIGUSR1, 4);
    WORKS(wherry_describe(in, &info, sizeof(info)));
    CHECK(info.abilities & WHERRY_ABLE_LOSS);
    wherry_close(out);
    wherry_close(in);
}

TEST(the_lowest_comes_first_and_any_can_be_waited_for)
{
    wherry_channel *in = receiver_of("signal:self?signal=RTMIN+4,RTMIN,RTMIN+2");
    wherry_channel *out = sender_to(getpid(), "");
    wherry_message *message = NULL;
    put(out, 1, SIGRTMIN + 4);
    put(out, 2, SIGRTMIN + 2);
    put(out, 3, SIGRTMIN);
    put(out, 4, SIGRTMIN);
    take(in, SIGRTMIN, 3);
    CHECK_INT(wherry_recv_kind(in, SIGRTMIN + 4, &message, soon()), 1);
    CHECK_INT(wherry_message_kind(message), SIGRTMIN + 4);
    wherry_message_free(message);
    CHECK_INT(wherry_recv_kind(in, -(SIGRTMIN + 3), &message, soon()), 1);
    CHECK_INT(wherry_message_kind(message), SIGRTMIN);
    wherry_message_free(message);
    take(in, SIGRTMIN + 2, 2);
    CHECK_ERROR(wherry_recv_kind(in, SIGRTMIN, &message, at_once()), -ETIMEDOUT);
    wherry_close(out);
    wherry_close(in);
}

TEST(a_sender_sends_kind_0_as_the_first_that_its_address_names)
{
    wherry_channel *in = receiver_of("signal:self?signal=USR2,RTMAX");
    wherry_channel *out = sender_to(getpid(), "?signal=64,USR2");
    struct wherry_channel_info info;
    put(out, 5, 0);
    take(in, SIGRTMAX, 5);
    WORKS(wherry_describe(out, &info, sizeof(info)));
    CHECK_INT(info.kind_least, SIGRTMAX);
    CHECK_INT(info.kind_limit, 64);
    CHECK_INT(info.message_limit, 4);
    CHECK_INT(info.peer.pid, getpid());
    FAILS(wherry_write(out, "four", 4, 65, 0, soon()), -EINVAL, "0 to 64");
    wherry_close(out);
    wherry_close(in);
}

TEST(a_message_is_one_number_or_nothing)
{
    wherry_channel *in = receiver_of("signal:self");
    wherry_channel *out = sender_to(getpid(), "");
    FAILS(wherry_write(out, "abc", 3, 0, 0, soon()), -EBADMSG, "these are 3 bytes");
    FAILS(wherry_write(out, "abcde", 5, 0, 0, soon()), -EMSGSIZE, "4");
    WORKS(wherry_write(out, NULL, 0, 0, 0, soon()));
    take_bare(in, SIGRTMIN);
    wherry_close(out);
    wherry_close(in);
}

// --- who sent it ---

static void send_three_ways(void *parent)
{
    const pid_t pid = *(const pid_t *)parent;
    CHECK_INT(kill(pid, SIGUSR1), 0);
    CHECK_INT(sigqueue(pid, SIGUSR2, (union sigval){.sival_int = 77}), 0);
    wherry_channel *out = sender_to(pid, "?signal=RTMIN");
    put(out, -1, 0);
    wherry_close(out);
}

TEST(a_process_is_named_as_the_kernel_or_as_it_says_itself)
{
    pid_t self = getpid();
    wherry_channel *in = receiver_of("signal:self?signal=USR1,USR2,RTMIN");
    pid_t child = harness_child(send_three_ways, &self);
    struct wherry_peer by_kill = take_bare(in, SIGUSR1);
    CHECK_INT(by_kill.source, WHERRY_SOURCE_PROCESS);
    CHECK_INT(by_kill.trust, WHERRY_TRUST_KERNEL);
    CHECK_INT(by_kill.pid, child);
    CHECK_INT(by_kill.uid, getuid());
    for (int i = 0; i < 2; i++) {
        struct wherry_peer said = i ? take(in, SIGRTMIN, -1) : take(in, SIGUSR2, 77);
        CHECK_INT(said.source, WHERRY_SOURCE_PROCESS);
        CHECK_INT(said.trust, WHERRY_TRUST_NONE);
        CHECK_INT(said.pid, child);
        CHECK_INT(said.uid, getuid());
    }
    CHECK_INT(harness_wait(child), 0);
    wherry_close(in);
}

static void send_forged(void *parent)
{
    const pid_t pid = *(const pid_t *)parent;
    static const int codes[] = {SI_QUEUE, SI_TIMER, -60};
    for (int i = 0; i < 3; i++) {
        siginfo_t info = {.si_signo = SIGRTMIN, .si_code = codes[i]};
        info.si_pid = 1;
        info.si_uid = 0;
        info.si_value.sival_int = i;
        CHECK_INT(syscall(SYS_rt_sigqueueinfo, pid, SIGRTMIN + i, &info), 0);
    }
}

TEST(a_sender_that_lies_is_not_vouched_for)
{
    pid_t self = getpid();
    wherry_channel *in = receiver_of("signal:self?signal=RTMIN,RTMIN+1,RTMIN+2");
    pid_t child = harness_child(send_forged, &self);
    struct wherry_peer queued = take(in, SIGRTMIN, 0);
    CHECK_INT(queued.pid, 1);
    CHECK_INT(queued.trust, WHERRY_TRUST_NONE);
    struct wherry_peer timer = take(in, SIGRTMIN + 1, 1);
    CHECK_INT(timer.source, WHERRY_SOURCE_TIMER);
    CHECK_INT(timer.pid, -1);
    CHECK_INT(timer.trust, WHERRY_TRUST_NONE);
    struct wherry_peer other = take_bare(in, SIGRTMIN + 2);
    CHECK_INT(other.source, WHERRY_SOURCE_PROCESS);
    CHECK_INT(other.trust, WHERRY_TRUST_NONE);
    CHECK_INT(harness_wait(child), 0);
    wherry_close(in);
}

TEST(a_timer_and_a_child_that_ends_are_told_apart)
{
    wherry_channel *in = receiver_of("signal:self?signal=RTMIN,CHLD");
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    struct itimerspec when = {.it_value.tv_nsec = 1};
    timer_t timer;
    event.sigev_value.sival_int = 31;
    CHECK_INT(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    CHECK_INT(timer_settime(timer, 0, &when, NULL), 0);
    struct wherry_peer by = take(in, SIGRTMIN, 31);
    CHECK_INT(by.source, WHERRY_SOURCE_TIMER);
    CHECK_INT(by.pid, -1);
    CHECK_INT(timer_delete(timer), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    by = take_bare(in, SIGCHLD);
    CHECK_INT(by.source, WHERRY_SOURCE_PROCESS);
    CHECK_INT(by.trust, WHERRY_TRUST_KERNEL);
    CHECK_INT(by.pid, child);
    CHECK_INT(waitpid(child, NULL, 0), child);
    wherry_close(in);
}

// --- blocked, stopped ---

static void wait_for_one(void *argument)
{
    struct harness_gate *gates = argument;
    wherry_channel *in = receiver_of("signal:self?signal=RTMIN,USR1");
    gate_pass(&gates[0]);
    gate_wait(&gates[1]);
    take(in, SIGUSR1, 1);
    for (int i = 0; i < 5; i++)
        take(in, SIGRTMIN, i);
    take_nothing(in);
    wherry_close(in);
}

TEST(what_is_sent_to_a_stopped_process_waits_for_it)
{
    struct harness_gate gates[2];
    int status = 0;
    gate_open(&gates[0]);
    gate_open(&gates[1]);
    pid_t child = harness_child(wait_for_one, gates);
    gate_wait(&gates[0]);
    CHECK_INT(kill(child, SIGSTOP), 0);
    CHECK_INT(waitpid(child, &status, WUNTRACED), child);
    CHECK(WIFSTOPPED(status));
    wherry_channel *out = sender_to(child, "");
    for (int i = 0; i < 5; i++)
        put(out, i, 0);
    put(out, 1, SIGUSR1);
    put(out, 2, SIGUSR1); // merges
    CHECK_INT(kill(child, SIGCONT), 0);
    gate_pass(&gates[1]);
    CHECK_INT(harness_wait(child), 0);
    wherry_close(out);
    gate_close(&gates[0]);
    gate_close(&gates[1]);
}

TEST(what_was_pending_before_the_listener_was_is_received)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    CHECK_INT(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    CHECK_INT(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 3}), 0);
    wherry_channel *in = receiver_of("signal:self");
    take(in, SIGRTMIN, 3);
    wherry_close(in);
    CHECK(is_blocked(SIGRTMIN)); // as it was
}

TEST(the_last_receiver_of_a_thread_lets_the_signal_through_again)
{
    CHECK(!is_blocked(SIGUSR1));
    wherry_channel *first = receiver_of("signal:self?signal=USR1");
    wherry_channel *second = receiver_of("signal:self?signal=USR1,USR2");
    CHECK(is_blocked(SIGUSR1) && is_blocked(SIGUSR2));
    wherry_close(first);
    CHECK(is_blocked(SIGUSR1));
    CHECK_INT(kill(getpid(), SIGUSR1), 0);
    CHECK_INT(kill(getpid(), SIGUSR2), 0);
    wherry_close(second); // with two unread, which would end this process
    CHECK(!is_blocked(SIGUSR1) && !is_blocked(SIGUSR2));
    wherry_listener *listener;
    WORKS(wherry_listen("signal:self?signal=USR1", &listener));
    CHECK(is_blocked(SIGUSR1));
    wherry_close_listener(listener);
    CHECK(!is_blocked(SIGUSR1));
}

static void *close_it(void *channel)
{
    wherry_close(channel);
    return NULL;
}

TEST(another_thread_that_closes_leaves_the_mask)
{
    pthread_t thread;
    wherry_channel *in = receiver_of("signal:self?signal=USR1");
    CHECK_INT(pthread_create(&thread, NULL, close_it, in), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK(is_blocked(SIGUSR1));
    CHECK_INT(kill(getpid(), SIGUSR1), 0); // does no harm
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK_INT(sigtimedwait(&set, NULL, &(struct timespec){0}), SIGUSR1);
}

static void receive_its_own(void *channel)
{
    wherry_channel *out = sender_to(getpid(), "");
    put(out, 12, 0);
    take(channel, SIGRTMIN, 12);
    wherry_close(out);
    wherry_close(channel);
    CHECK(!is_blocked(SIGRTMIN));
}

struct two_receivers {
    struct harness_gate opened;
    struct harness_gate given;
    wherry_channel *strangers;
};

static void *close_a_strangers(void *argument)
{
    struct two_receivers *both = argument;
    wherry_channel *own = receiver_of("signal:self?signal=USR1");
    gate_pass(&both->opened);
    gate_wait(&both->given);
    wherry_close(both->strangers);
    CHECK(is_blocked(SIGUSR1));
    wherry_close(own);
    CHECK(!is_blocked(SIGUSR1));
    return NULL;
}

TEST(a_receiver_of_another_thread_does_not_count_for_this_one)
{
    pthread_t thread;
    struct two_receivers both;
    gate_open(&both.opened);
    gate_open(&both.given);
    CHECK_INT(pthread_create(&thread, NULL, close_a_strangers, &both), 0);
    gate_wait(&both.opened);
    both.strangers = receiver_of("signal:self?signal=USR1");
    gate_pass(&both.given);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK(is_blocked(SIGUSR1));
    gate_close(&both.opened);
    gate_close(&both.given);
}

TEST(a_child_of_a_fork_receives_its_own_signals)
{
    wherry_channel *in = receiver_of("signal:self");
    pid_t child = harness_child(receive_its_own, in);
    CHECK_INT(harness_wait(child), 0);
    CHECK(is_blocked(SIGRTMIN));
    take_nothing(in);
    wherry_close(in);
}

// --- refused ---

TEST(what_no_process_can_receive_is_refused_with_the_reason)
{
    static const struct {
        const char *name;
        const char *why;
    } refused[] = {
        {"KILL", "the kernel acts on it itself"},
        {"STOP", "the kernel acts on it"},
        {"SEGV", "a fault of the program"},
        {"BUS", "a fault of the program"},
        {"FPE", "a fault of the program"},
        {"ILL", "a fault of the program"},
        {"TRAP", "a fault of the program"},
        {"SYS", "a fault of the program"},
        {"32", "the C library"},
        {"USR1,33", "the C library"},
    };

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        char address[64];
        wherry_listener *listener;
        snprintf(address, sizeof(address), "signal:self?signal=%s", refused[i].name);
        if (atoi(refused[i].name) == 33 && SIGRTMIN == 33)
            continue;
        FAILS(wherry_listen(address, &listener), -EINVAL, refused[i].why);
        CHECK_CONTAINS(wherry_error_text(), address);
        CHECK(!is_blocked(SIGUSR1));
    }
}

TEST(an_address_that_makes_no_sense_is_refused)
{
    static const struct {
        const char *address;
        const char *why;
    } wrong[] = {
        {"signal:", "signal:self"},
        {"signal:0", "by its number"},
        {"signal:-1", "by its number"},
        {"signal:selfish", "by its number"},
        {"signal:12345678901", "by its number"},
        {"signal:self?signal=USR3", "no signal \"USR3\""},
        {"signal:self?signal=usr1", "no signal \"usr1\""},
        {"signal:self?signal=0", "no signal \"0\""},
        {"signal:self?signal=65", "no signal \"65\""},
        {"signal:self?signal=RTMIN+31", "no signal \"RTMIN+31\""},
        {"signal:self?signal=RTMAX-99", "no signal \"RTMAX-99\""},
        {"signal:self?signal=RTMIN-1", "no signal"},
        {"signal:self?signal=RTMINX", "no signal"},
        {"signal:self?signal=USR1,", "no signal \"\""},
        {"signal:self?signal=", "signal="},
        {"signal:self?signal=SIGSIGINT", "no signal"},
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        FAILS(wherry_address_check(wrong[i].address), -EINVAL, wrong[i].why);
    wherry_listener *listener;
    FAILS(wherry_listen("signal:1", &listener), -EINVAL, "its own signals only");
    FAILS(wherry_remove("signal:self"), -ENOTSUP, "nothing to remove");
}

static void nothing(void *unused)
{
    (void)unused;
}

TEST(a_process_that_is_gone_is_told)
{
    wherry_channel *out;
    char address[64];
    pid_t child = harness_child(nothing, NULL);
    siginfo_t ended;
    CHECK_INT(waitid(P_PID, (id_t)child, &ended, WEXITED | WNOWAIT), 0);
    snprintf(address, sizeof(address), "signal:%d", child);
    // It has ended, and is not waited for.
    FAILS(wherry_dial(address, WHERRY_POLL, &out), -ESRCH, "no such process");
    CHECK_INT(harness_wait(child), 0);
    FAILS(wherry_dial(address, WHERRY_POLL, &out), -ESRCH, "no such process");
    FAILS(wherry_dial("signal:999999999", WHERRY_POLL, &out), -ESRCH,
          "no such process");
}

TEST(a_peer_that_dies_is_named)
{
    struct harness_gate gates[2];
    char number[32];
    gate_open(&gates[0]);
    gate_open(&gates[1]);
    pid_t child = harness_child(wait_for_one, gates);
    gate_wait(&gates[0]);
    wherry_channel *out = sender_to(child, "");
    put(out, 0, 0);
    harness_kill(child);
    int value = 0;
    snprintf(number, sizeof(number), "process %d", child);
    FAILS(wherry_write(out, &value, sizeof(value), 0, 0, soon()), -EPIPE, number);
    wherry_close(out);
    gate_close(&gates[0]);
    gate_close(&gates[1]);
}

static void signal_as_nobody(void *parent)
{
    wherry_channel *out;
    char address[64];
    snprintf(address, sizeof(address), "signal:%d", *(const pid_t *)parent);
    CHECK_INT(setresuid(65534, 65534, 65534), 0);
    FAILS(wherry_dial(address, WHERRY_POLL, &out), -EACCES, "another user's process");
}

TEST(the_process_of_another_user_is_refused)
{
    pid_t self = getpid();
    if (getuid() != 0)
        SKIP("only root can become another user");
    CHECK_INT(harness_wait(harness_child(signal_as_nobody, &self)), 0);
}

// --- limits ---

TEST(a_full_queue_is_told_and_a_sender_can_wait_for_room)
{
    struct rlimit limit;
    int value = 0;
    unsigned sent = 0;
    CHECK_INT(getrlimit(RLIMIT_SIGPENDING, &limit), 0);
    wherry_channel *in = receiver_of("signal:self");
    wherry_channel *out = sender_to(getpid(), "");
    put(out, 0, 0);
    limit.rlim_cur = 1;
    CHECK_INT(setrlimit(RLIMIT_SIGPENDING, &limit), 0);
    while (wherry_write(out, &value, sizeof(value), 0, 0, WHERRY_POLL) == 0)
        CHECK(++sent < 100);
    CHECK_ERROR(wherry_write(out, &value, sizeof(value), 0, 0, WHERRY_POLL), -EAGAIN);
    CHECK_ERROR(wherry_write(out, &value, sizeof(value), 0, 0, at_once()), -ETIMEDOUT);
    for (unsigned i = 0; i < sent + 1; i++)
        take(in, SIGRTMIN, 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK_INT(setrlimit(RLIMIT_SIGPENDING, &limit), 0);
    WORKS(wherry_write(out, &value, sizeof(value), 0, 0, soon()));
    take(in, SIGRTMIN, 0);
    wherry_close(out);
    wherry_close(in);
}

static void *take_later(void *channel)
{
    take(channel, SIGRTMIN, 0);
    return NULL;
}

TEST(a_sender_that_waits_for_room_goes_on_when_there_is_some)
{
    struct rlimit limit;
    pthread_t taker;
    int value = 0;
    wherry_channel *in = receiver_of("signal:self");
    wherry_channel *out = sender_to(getpid(), "");
    if (getuid() == 0) // whose signals are counted apart
        CHECK_INT(setresuid(100000 + (uid_t)getpid(), (uid_t)-1, (uid_t)-1), 0);
    CHECK_INT(getrlimit(RLIMIT_SIGPENDING, &limit), 0);
    limit.rlim_cur = 1;
    CHECK_INT(setrlimit(RLIMIT_SIGPENDING, &limit), 0);
    put(out, 0, 0);
    CHECK_ERROR(wherry_write(out, &value, sizeof(value), 0, 0, WHERRY_POLL), -EAGAIN);
    CHECK_INT(pthread_create(&taker, NULL, take_later, in), 0);
    WORKS(wherry_write(out, &value, sizeof(value), 0, 0, soon()));
    CHECK_INT(pthread_join(taker, NULL), 0);
    take(in, SIGRTMIN, 0);
    wherry_close(out);
    wherry_close(in);
}

// --- names ---

TEST(every_signal_has_a_name_that_is_read_again)
{
    char name[16];
    for (int number = 1; number <= SIGRTMAX; number++) {
        WORKS(wherry_signal_name(number, name, sizeof(name)));
        CHECK_INT(wherry_signal_number(name), number);
    }
    CHECK_INT(wherry_signal_number("SIGTERM"), SIGTERM);
    CHECK_INT(wherry_signal_number("RTMAX-1"), SIGRTMAX - 1);
    WORKS(wherry_signal_name(SIGUSR1, name, sizeof(name)));
    CHECK_STRING(name, "USR1");
    WORKS(wherry_signal_name(SIGRTMIN + 1, name, sizeof(name)));
    CHECK_STRING(name, "RTMIN+1");
    FAILS(wherry_signal_number("HANGUP"), -EINVAL, "HANGUP");
    FAILS(wherry_signal_number(NULL), -EINVAL, "no signal");
    FAILS(wherry_signal_name(0, name, sizeof(name)), -EINVAL, "1 to 64");
    FAILS(wherry_signal_name(65, name, sizeof(name)), -EINVAL, "1 to 64");
    FAILS(wherry_signal_name(SIGUSR1, name, 4), -ENOSPC, "USR1");
}
