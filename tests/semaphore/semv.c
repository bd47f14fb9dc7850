/* SPDX-License-Identifier: MIT */
/*
 * semv: what is special to System V sets.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/sem.h>

#include "../transport/talk.h"

enum { TEXT = 512, MOST = 32767 };

static long key(void)
{
    static long pid; // of the test's process, in its children, too
    if (pid == 0)
        pid = (long)getpid();
    return 0x57000000 | pid;
}

static const char *at(const char *options)
{
    static char texts[4][TEXT];
    static unsigned next;
    char *text = texts[next++ % 4];
    snprintf(text, TEXT, "semv:0x%lx%s", key(), options);
    return text;
}

static wherry_semaphore *open_at(const char *options)
{
    wherry_semaphore *semaphore = NULL;
    WORKS(wherry_semaphore_open(at(options), &semaphore));
    return semaphore;
}

static int try(const char *options)
{
    wherry_semaphore *semaphore = NULL;
    int r = wherry_semaphore_open(at(options), &semaphore);
    if (r >= 0)
        wherry_semaphore_close(semaphore);
    return r;
}

static void unmake(wherry_semaphore *semaphore)
{
    wherry_semaphore_close(semaphore);
    WORKS(wherry_remove(at("")));
}

static int64_t value_at(const wherry_semaphore *semaphore, uint32_t member)
{
    struct wherry_semaphore_member now;
    WORKS(wherry_semaphore_members(semaphore, member, &now, 1));
    return now.value;
}

/* --- members and their values -------------------------------------------- */

TEST(a_set_is_made_with_its_members_and_their_values)
{
    struct wherry_semaphore_member now[5];
    wherry_semaphore *set = open_at("?members=4&initial=1,0,5,32767");
    CHECK_INT(wherry_semaphore_members(set, 0, now, 5), 4);
    CHECK_INT(now[0].value, 1);
    CHECK_INT(now[1].value, 0);
    CHECK_INT(now[2].value, 5);
    CHECK_INT(now[3].value, MOST);
    CHECK_INT(wherry_semaphore_members(set, 2, now, 5), 2);
    CHECK_INT(now[1].value, MOST);
    unmake(set);
    set = open_at("?members=3&initial=7");
    CHECK_INT(wherry_semaphore_members(set, 0, now, 3), 3);
    CHECK_INT(now[2].value, 7);
    unmake(set);
    set = open_at("?members=2");
    CHECK_INT(value_at(set, 1), 1);
    unmake(set);
}

TEST(a_set_whose_first_value_is_the_largest_is_made_as_any)
{
    struct wherry_semaphore_info info;
    wherry_semaphore *set = open_at("?members=1&initial=32767");
    WORKS(wherry_semaphore_describe(set, &info, sizeof(info)));
    CHECK(info.operated_at > 0);
    CHECK_INT(info.value, MOST);
    unmake(set);
}

TEST(what_the_values_cannot_be_is_said)
{
    static const char *const wrong[] = {"x",  "1,",    ",1",   "1,,2",
                                        "-1", "32768", "1, 2", "99999999999999"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char options[TEXT];
        snprintf(options, sizeof(options), "?members=2&initial=%s", wrong[i]);
        FAILS(try(options), -EINVAL, "initial= is one number");
    }
    FAILS(try("?members=3&initial=1,2"), -EINVAL, "2 values, and members= says 3");
    FAILS(try("?members=2&member=2"), -EINVAL, "none of 2");
    FAILS(try(""), -ENOENT, "members=1");
    FAILS(try("?create=exclusive"), -ENOENT, "members=1");
}

TEST(one_that_is_there_keeps_its_members)
{
    wherry_semaphore *set = open_at("?members=3");
    WORKS(try(""));
    WORKS(try("?members=3"));
    WORKS(try("?member=2"));
    FAILS(try("?members=2"), -EEXIST, "3 members, not 2");
    FAILS(try("?member=3"), -EINVAL, "none of 3");
    unmake(set);
}

TEST(each_handle_has_its_member)
{
    wherry_semaphore *set = open_at("?members=3&initial=1,2,3");
    wherry_semaphore *last = open_at("?member=2");
    CHECK_INT(wherry_semaphore_value(last), 3);
    WORKS(wherry_acquire(last, 3, WHERRY_POLL));
    CHECK_INT(wherry_semaphore_value(set), 1);
    CHECK_INT(value_at(set, 2), 0);
    WORKS(wherry_release(last, 3));
    wherry_semaphore_close(last);
    unmake(set);
}

TEST(limits_of_the_system_are_named)
{
    struct seminfo limits;
    char options[TEXT];
    CHECK(semctl(0, 0, IPC_INFO, &limits) >= 0);
    if (limits.semmsl >= 65535)
        SKIP("this system has no limit below that of the address");
    snprintf(options, sizeof(options), "?members=%d", limits.semmsl + 1);
    FAILS(try(options), -EINVAL, "kernel.sem, its first number");
}

/* --- several operations at once ------------------------------------------ */

TEST(several_operations_are_done_all_or_none)
{
    const struct wherry_semaphore_step steps[] = {
        {.member = 0, .change = -1, .undo = -1},
        {.member = 1, .change = -1, .undo = -1},
        {.member = 2, .change = 2, .undo = -1},
    };
    wherry_semaphore *set = open_at("?members=3&initial=1,0,0");
    FAILS(wherry_semaphore_operate(set, steps, 3, WHERRY_POLL), -EAGAIN, "now");
    CHECK_ERROR(wherry_semaphore_operate(set, steps, 3, at_once()), -ETIMEDOUT);
    CHECK_INT(value_at(set, 0), 1);
    CHECK_INT(value_at(set, 2), 0);
    WORKS(wherry_semaphore_set(set, 1, 1));
    WORKS(wherry_semaphore_operate(set, steps, 3, WHERRY_POLL));
    CHECK_INT(value_at(set, 0), 0);
    CHECK_INT(value_at(set, 1), 0);
    CHECK_INT(value_at(set, 2), 2);
    unmake(set);
}

TEST(what_an_operation_cannot_be_is_said)
{
    static struct wherry_semaphore_step many[70000];
    wherry_semaphore *set = open_at("?members=2&initial=1");
    struct wherry_semaphore_step step = {.member = 2, .change = 1, .undo = -1};
    FAILS(wherry_semaphore_operate(set, &step, 1, WHERRY_POLL), -ERANGE, "2 members");
    step = (struct wherry_semaphore_step){.change = 1, .undo = 2};
    FAILS(wherry_semaphore_operate(set, &step, 1, WHERRY_POLL), -EINVAL, "undo");
    step = (struct wherry_semaphore_step){.change = MOST};
    FAILS(wherry_semaphore_operate(set, &step, 1, WHERRY_POLL), -ERANGE, "32767");
    step.change = INT32_MIN;
    FAILS(wherry_semaphore_operate(set, &step, 1, WHERRY_POLL), -ERANGE, "32767");
    FAILS(wherry_semaphore_operate(set, many, 70000, WHERRY_POLL), -E2BIG,
          "kernel.sem");
    FAILS(wherry_semaphore_operate(set, many, 60000, WHERRY_POLL), -E2BIG,
          "kernel.sem");
    CHECK_INT(value_at(set, 0), 1);
    unmake(set);
}

struct meeting {
    int people;
    struct harness_gate came;
};

// Each takes itself off the count, and goes on when it is 0.
static void come(void *argument)
{
    struct meeting *meeting = argument;
    wherry_semaphore *set = open_at("?create=no&undo=no");
    const struct wherry_semaphore_step arrive = {.change = -1};
    const struct wherry_semaphore_step all = {.change = 0};
    WORKS(wherry_semaphore_operate(set, &arrive, 1, WHERRY_POLL));
    WORKS(wherry_semaphore_operate(set, &all, 1, soon()));
    gate_pass(&meeting->came);
    wherry_semaphore_close(set);
}

TEST(nobody_passes_a_barrier_before_all_are_there)
{
    enum { PEOPLE = 4 };

    struct meeting meeting = {.people = PEOPLE};
    struct wherry_semaphore_member now;
    pid_t people[PEOPLE];
    wherry_semaphore *set = open_at("?members=1&initial=4");
    gate_open(&meeting.came);
    for (int i = 0; i < PEOPLE - 1; i++) {
        people[i] = harness_child(come, &meeting);
        harness_wait_blocked(people[i]);
    }
    CHECK(!gate_is_passed(&meeting.came));
    WORKS(wherry_semaphore_members(set, 0, &now, 1));
    CHECK_INT(now.value, 1);
    people[PEOPLE - 1] = harness_child(come, &meeting);
    for (int i = 0; i < PEOPLE; i++)
        gate_wait(&meeting.came);
    for (int i = 0; i < PEOPLE; i++)
        CHECK_INT(harness_wait(people[i]), 0);
    gate_close(&meeting.came);
    unmake(set);
}

/* --- what a death costs -------------------------------------------------- */

struct holder {
    struct harness_gate held;
    const char *options;
    struct wherry_semaphore_step step;
};

static void hold(void *argument)
{
    struct holder *holder = argument;
    wherry_semaphore *set = open_at(holder->options);
    WORKS(wherry_semaphore_operate(set, &holder->step, 1, WHERRY_POLL));
    gate_pass(&holder->held);
    for (;;)
        pause(); // a signal does not end it
}

// The value while one holds, and after it was killed.
static void check_death(const char *options, int32_t change, int undo, int64_t after)
{
    struct holder holder = {.options = options,
                            .step = {.change = change, .undo = undo}};
    wherry_semaphore *set = open_at("?members=1&initial=3");
    gate_open(&holder.held);
    pid_t child = harness_child(hold, &holder);
    gate_wait(&holder.held);
    CHECK_INT(wherry_semaphore_value(set), 3 + change);
    harness_kill(child);
    CHECK_INT(wherry_semaphore_value(set), after);
    gate_close(&holder.held);
    unmake(set);
}

TEST(the_kernel_takes_back_what_the_dead_had_changed)
{
    check_death("?create=no", -2, -1, 3);
    check_death("?create=no", 2, -1, 3);
}

TEST(without_undo_the_dead_keep_what_they_took)
{
    check_death("?create=no&undo=no", -2, -1, 1);
}

TEST(undo_is_for_each_operation_to_say)
{
    check_death("?create=no", -2, 0, 1);
    check_death("?create=no&undo=no", -2, 1, 3);
}

TEST(who_waits_has_the_permit_of_the_dead)
{
    struct holder holder = {.options = "?create=no",
                            .step = {.change = -1, .undo = -1}};
    wherry_semaphore *set = open_at("?members=1");
    gate_open(&holder.held);
    pid_t child = harness_child(hold, &holder);
    gate_wait(&holder.held);
    CHECK_ERROR(wherry_acquire(set, 1, at_once()), -ETIMEDOUT);
    harness_kill(child);
    WORKS(wherry_acquire(set, 1, soon()));
    gate_close(&holder.held);
    unmake(set);
}

// A way to lose the permit of the dead after all, which the header warns of.
TEST(setting_a_value_forgets_what_was_to_be_taken_back)
{
    struct holder holder = {.options = "?create=no",
                            .step = {.change = -1, .undo = -1}};
    wherry_semaphore *set = open_at("?members=1&initial=3");
    gate_open(&holder.held);
    pid_t child = harness_child(hold, &holder);
    gate_wait(&holder.held);
    WORKS(wherry_semaphore_set(set, 0, 2));
    harness_kill(child);
    CHECK_INT(wherry_semaphore_value(set), 2);
    gate_close(&holder.held);
    unmake(set);
}

TEST(a_value_is_set_within_its_bounds_by_its_member)
{
    wherry_semaphore *set = open_at("?members=2");
    WORKS(wherry_semaphore_set(set, 1, MOST));
    CHECK_INT(value_at(set, 1), MOST);
    CHECK_INT(value_at(set, 0), 1);
    FAILS(wherry_semaphore_set(set, 1, MOST + 1), -ERANGE, "32767");
    FAILS(wherry_semaphore_set(set, 1, UINT32_MAX), -ERANGE, "32767");
    FAILS(wherry_semaphore_set(set, 2, 1), -ERANGE, "no 2");
    CHECK_INT(value_at(set, 1), MOST);
    unmake(set);
}

/* --- who waits ----------------------------------------------------------- */

static void wait_for_zero(void *argument)
{
    const struct wherry_semaphore_step none = {.change = 0};
    (void)argument;
    wherry_semaphore *set = open_at("?create=no");
    WORKS(wherry_semaphore_operate(set, &none, 1, soon()));
    wherry_semaphore_close(set);
}

static void wait_for_two(void *argument)
{
    (void)argument;
    wherry_semaphore *set = open_at("?create=no");
    WORKS(wherry_acquire(set, 2, soon()));
    wherry_semaphore_close(set);
}

static bool is_one_of_each(void *argument)
{
    struct wherry_semaphore_member now;
    WORKS(wherry_semaphore_members(argument, 0, &now, 1));
    return now.waiters == 1 && now.zero == 1;
}

TEST(who_waits_and_who_was_last_is_told)
{
    struct wherry_semaphore_member now;
    wherry_semaphore *set = open_at("?members=1&undo=no");
    pid_t zero = harness_child(wait_for_zero, NULL);
    pid_t two = harness_child(wait_for_two, NULL);
    harness_until(is_one_of_each, set);
    WORKS(wherry_semaphore_members(set, 0, &now, 1));
    CHECK_INT(now.last, getpid());
    WORKS(wherry_acquire(set, 1, WHERRY_POLL));
    CHECK_INT(harness_wait(zero), 0);
    WORKS(wherry_release(set, 2));
    CHECK_INT(harness_wait(two), 0);
    WORKS(wherry_semaphore_members(set, 0, &now, 1));
    CHECK_INT(now.waiters, 0);
    CHECK_INT(now.zero, 0);
    unmake(set);
}

/* --- named otherwise ----------------------------------------------------- */

TEST(a_private_set_goes_with_whoever_made_it)
{
    struct wherry_semaphore_info info;
    wherry_semaphore *set = NULL;
    wherry_semaphore *found = NULL;
    WORKS(wherry_semaphore_open("semv:private?members=2&initial=4", &set));
    WORKS(wherry_semaphore_describe(set, &info, sizeof(info)));
    CHECK_CONTAINS(info.address, "semv:#");
    CHECK_INT(info.temporary, 1);
    WORKS(wherry_semaphore_open(info.address, &found));
    WORKS(wherry_semaphore_describe(found, &info, sizeof(info)));
    CHECK_INT(info.temporary, 0);
    CHECK_INT(wherry_semaphore_value(found), 4);
    pid_t child =
        harness_child((void (*)(void *))wherry_semaphore_close, set); // not its maker
    CHECK_INT(harness_wait(child), 0);
    CHECK_INT(wherry_semaphore_value(found), 4);
    wherry_semaphore_close(set);
    CHECK_ERROR(wherry_semaphore_value(found), -EIDRM);
    wherry_semaphore_close(found);
    FAILS(wherry_semaphore_open(info.address, &found), -ENOENT, "no such set");
}

/* --- with programs that know nothing of us ------------------------------- */

TEST(a_set_that_nobody_has_operated_on_is_taken_as_it_is_after_a_while)
{
    int id = semget((key_t)key(), 2, IPC_CREAT | IPC_EXCL | 0600);
    CHECK(id >= 0);
    const int64_t before = harness_now();
    wherry_semaphore *set = open_at("");
    CHECK(harness_now() - before >= INT64_C(100000000));
    if (!harness_is_slow())
        CHECK(harness_now() - before < INT64_C(1000000000));
    CHECK_INT(wherry_semaphore_value(set), 0);
    struct sembuf give = {.sem_op = 1};
    CHECK_INT(semop(id, &give, 1), 0);
    WORKS(wherry_acquire(set, 1, WHERRY_POLL));
    unmake(set);
}

// In a namespace whose limits are its own.
static void meet_a_huge_set(void *argument)
{
    static const char limits[] = "200000 2000000 500 128";
    (void)argument;
    wherry_semaphore *set = NULL;
    if (unshare(CLONE_NEWIPC) < 0)
        harness_exit(77);
    int file = open("/proc/sys/kernel/sem", O_WRONLY | O_CLOEXEC);
    if (file < 0 || write(file, limits, strlen(limits)) < 0)
        harness_exit(77);
    close(file);
    CHECK(semget(0x5555, 150000, IPC_CREAT | 0600) >= 0);
    FAILS(wherry_semaphore_open("semv:0x5555", &set), -ENOTSUP, "150000 members");
}

TEST(a_set_of_more_members_than_are_known_is_refused)
{
    int status = harness_wait(harness_child(meet_a_huge_set, NULL));
    if (status == 77)
        SKIP("only root has limits of its own in a namespace");
    CHECK_INT(status, 0);
}

static void look_only(void *argument)
{
    (void)argument;
    CHECK_INT(setgid(65534), 0);
    CHECK_INT(setuid(65534), 0);
    wherry_semaphore *set = open_at("?create=no");
    CHECK_INT(wherry_semaphore_value(set), 1);
    FAILS(wherry_acquire(set, 1, WHERRY_POLL), -EACCES, "its mode=");
    FAILS(wherry_release(set, 1), -EACCES, "its mode=");
    FAILS(wherry_semaphore_set(set, 0, 1), -EACCES, "its mode=");
    wherry_semaphore_close(set);
    FAILS(wherry_remove(at("")), -EPERM, "another user's");
}

TEST(another_user_may_look_where_mode_says_so)
{
    if (geteuid() != 0)
        SKIP("only root can become another user");
    wherry_semaphore *set = open_at("?members=1&mode=644");
    CHECK_INT(harness_wait(harness_child(look_only, NULL)), 0);
    unmake(set);
}
