/* SPDX-License-Identifier: MIT */
/*
 * signal: what a user of signals knows: names, numbers that come with them, which
 * merge and which queue, that they wait while stopped, who sent them, and how many may
 * wait.
 */
#define _GNU_SOURCE // setresuid, sigqueue
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "signal_talk.h"

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

TEST(of_several_signals_the_lowest_is_always_next)
{
    wherry_channel *in = receiver_of("signal:self?signal=RTMIN,RTMIN+1");
    wherry_channel *out = sender_to(getpid(), "");
    for (int i = 0; i < 3; i++)
        put(out, i, SIGRTMIN + 1);
    take(in, SIGRTMIN + 1, 0);
    put(out, 9, SIGRTMIN);
    take(in, SIGRTMIN, 9);
    take(in, SIGRTMIN + 1, 1);
    take(in, SIGRTMIN + 1, 2);
    wherry_close(out);
    wherry_close(in);
}

TEST(a_list_with_a_standard_signal_may_lose)
{
    struct wherry_channel_info info;
    wherry_channel *in = receiver_of("signal:self?signal=RTMIN,USR1");
    WORKS(wherry_describe(in, &info, sizeof(info)));
    CHECK(info.abilities & WHERRY_ABLE_LOSS);
    wherry_close(in);
    in = receiver_of("signal:self?signal=RTMIN,RTMAX");
    WORKS(wherry_describe(in, &info, sizeof(info)));
    CHECK(!(info.abilities & WHERRY_ABLE_LOSS));
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

static void wait_for_one(void *gate)
{
    wherry_channel *in = receiver_of("signal:self?signal=RTMIN,USR1");
    gate_pass(gate);
    take(in, SIGUSR1, 1);
    for (int i = 0; i < 5; i++)
        take(in, SIGRTMIN, i);
    take_nothing(in);
    wherry_close(in);
}

TEST(what_is_sent_to_a_stopped_process_waits_for_it)
{
    struct harness_gate gate;
    int status = 0;
    gate_open(&gate);
    pid_t child = harness_child(wait_for_one, &gate);
    gate_wait(&gate);
    CHECK_INT(kill(child, SIGSTOP), 0);
    CHECK_INT(waitpid(child, &status, WUNTRACED), child);
    CHECK(WIFSTOPPED(status));
    wherry_channel *out = sender_to(child, "");
    for (int i = 0; i < 5; i++)
        put(out, i, 0);
    put(out, 1, SIGUSR1);
    put(out, 2, SIGUSR1); // merges
    CHECK_INT(kill(child, SIGCONT), 0);
    CHECK_INT(harness_wait(child), 0);
    wherry_close(out);
    gate_close(&gate);
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
    struct harness_gate gate;
    char number[32];
    gate_open(&gate);
    pid_t child = harness_child(wait_for_one, &gate);
    gate_wait(&gate);
    wherry_channel *out = sender_to(child, "");
    put(out, 0, 0);
    harness_kill(child);
    int value = 0;
    snprintf(number, sizeof(number), "process %d", child);
    FAILS(wherry_write(out, &value, sizeof(value), 0, 0, soon()), -EPIPE, number);
    wherry_close(out);
    gate_close(&gate);
}

static void *dial_own_thread(void *unused)
{
    char address[64];
    wherry_channel *out;
    (void)unused;
    snprintf(address, sizeof(address), "signal:%ld", syscall(SYS_gettid));
    FAILS(wherry_dial(address, WHERRY_POLL, &out), -ESRCH, "no such process");
    return NULL;
}

TEST(a_thread_is_no_process)
{
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, dial_own_thread, NULL), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
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

// Of one user all that wait are counted together: each test is a user of its own where
// it may, and what else waits (a timer has its place, too) is counted first.
static void allow_signals(unsigned more)
{
    char line[256];
    long waiting = -1;
    struct rlimit limit;
    if (getuid() == 0)
        CHECK_INT(setresuid(100000 + (uid_t)getpid(), (uid_t)-1, (uid_t)-1), 0);
    FILE *status = fopen("/proc/self/status", "re");
    CHECK(status != NULL);
    while (waiting < 0 && fgets(line, sizeof(line), status))
        if (strncmp(line, "SigQ:", 5) == 0)
            waiting = strtol(line + 5, NULL, 10);
    fclose(status);
    CHECK(waiting >= 0);
    CHECK_INT(getrlimit(RLIMIT_SIGPENDING, &limit), 0);
    limit.rlim_cur = more > 0 ? (rlim_t)waiting + more : 0;
    CHECK_INT(setrlimit(RLIMIT_SIGPENDING, &limit), 0);
}

static void *take_later(void *channel)
{
    take(channel, SIGRTMIN, 0);
    return NULL;
}

TEST(a_full_queue_is_told_and_a_sender_waits_for_room)
{
    pthread_t taker;
    int value = 0;
    wherry_channel *in = receiver_of("signal:self");
    wherry_channel *out = sender_to(getpid(), "");
    allow_signals(1);
    put(out, 0, 0);
    CHECK_ERROR(wherry_write(out, &value, sizeof(value), 0, 0, WHERRY_POLL), -EAGAIN);
    CHECK_ERROR(wherry_write(out, &value, sizeof(value), 0, 0, at_once()), -ETIMEDOUT);
    CHECK_INT(pthread_create(&taker, NULL, take_later, in), 0);
    WORKS(wherry_write(out, &value, sizeof(value), 0, 0, soon()));
    CHECK_INT(pthread_join(taker, NULL), 0);
    take(in, SIGRTMIN, 0);
    wherry_close(out);
    wherry_close(in);
}

TEST(what_has_no_room_is_treated_as_full_says)
{
    int value = 9;
    wherry_channel *in = receiver_of("signal:self");
    wherry_channel *fails = sender_to(getpid(), "?full=fail");
    wherry_channel *latest = sender_to(getpid(), "?full=latest");
    allow_signals(1);
    put(fails, 0, 0);
    CHECK_ERROR(wherry_write(fails, &value, sizeof(value), 0, 0, soon()), -EAGAIN);
    for (int i = 1; i <= 3; i++)
        put(latest, i, 0);
    take(in, SIGRTMIN, 0);
    put(latest, 4, 0); // which has no room again: the list went first
    take(in, SIGRTMIN, 3);
    put(latest, 5, 0);
    take(in, SIGRTMIN, 4);
    wherry_close(fails);
    wherry_close(latest);
    wherry_close(in);
}

// All that the kernel could not queue looks as if root had sent it.
TEST(what_the_kernel_did_not_sign_is_nobodys)
{
    wherry_channel *in = receiver_of("signal:self?signal=RTMIN,USR1");
    wherry_channel *out = sender_to(getpid(), "");
    allow_signals(0);
    CHECK_INT(kill(getpid(), SIGRTMIN), 0);
    struct wherry_peer sender = take_bare(in, SIGRTMIN);
    CHECK_INT(sender.source, WHERRY_SOURCE_NONE);
    CHECK_INT(sender.trust, WHERRY_TRUST_NONE);
    CHECK_INT(sender.pid, -1);
    CHECK_INT(sender.uid, -1);
    put(out, 7, SIGUSR1); // and a standard one loses its number
    sender = take_bare(in, SIGUSR1);
    CHECK_INT(sender.trust, WHERRY_TRUST_NONE);
    wherry_close(out);
    wherry_close(in);
}

static void takes_none(void *gate)
{
    wherry_channel *in = receiver_of("signal:self");
    allow_signals(0);
    gate_pass(gate);
    for (;;)
        pause();
    wherry_close(in);
}

TEST(room_is_not_waited_for_in_a_process_that_has_ended)
{
    struct harness_gate gate;
    siginfo_t ended;
    int value = 0;
    gate_open(&gate);
    pid_t child = harness_child(takes_none, &gate);
    gate_wait(&gate);
    wherry_channel *out = sender_to(child, "");
    CHECK_ERROR(wherry_write(out, &value, sizeof(value), 0, 0, WHERRY_POLL), -EAGAIN);
    CHECK_INT(kill(child, SIGKILL), 0);
    CHECK_INT(waitid(P_PID, (id_t)child, &ended, WEXITED | WNOWAIT), 0);
    FAILS(wherry_write(out, &value, sizeof(value), 0, 0, soon()), -EPIPE, "gone away");
    harness_kill(child);
    wherry_close(out);
    gate_close(&gate);
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
