/* SPDX-License-Identifier: MIT */
/*
 * turns: taking, waiting, giving back, of every mechanism of semaphores.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "rows.h"

static void close_all(const struct row *row, wherry_semaphore *semaphore)
{
    wherry_semaphore_close(semaphore);
    unmake(row);
}

/* --- alone --------------------------------------------------------------- */

EACH_ROW(there_are_as_many_turns_as_permits)
{
    wherry_semaphore *semaphore = make(row, 2);
    WORKS(wherry_acquire(semaphore, 1, WHERRY_POLL));
    WORKS(wherry_acquire(semaphore, 1, WHERRY_POLL));
    CHECK_INT(value_of(semaphore), 0);
    CHECK_ERROR(wherry_acquire(semaphore, 1, WHERRY_POLL), -EAGAIN);
    CHECK(strlen(wherry_error_text()) > 0);
    WORKS(wherry_release(semaphore, 1));
    WORKS(wherry_acquire(semaphore, 1, WHERRY_FOREVER));
    WORKS(wherry_release(semaphore, 2));
    CHECK_INT(value_of(semaphore), 2);
    close_all(row, semaphore);
}

EACH_ROW(one_without_permits_waits_for_the_first)
{
    if (row->least > 0)
        SKIP("it has one permit at least");
    wherry_semaphore *semaphore = make(row, 0);
    CHECK_ERROR(wherry_acquire(semaphore, 1, WHERRY_POLL), -EAGAIN);
    if (!row->has_owner)
        WORKS(wherry_release(semaphore, 1));
    CHECK_INT(value_of(semaphore), row->has_owner ? 0 : 1);
    close_all(row, semaphore);
}

EACH_ROW(several_are_taken_all_or_none)
{
    wherry_semaphore *semaphore = make(row, 3);
    CHECK_ERROR(wherry_acquire(semaphore, row->has_owner ? 3 : 4, WHERRY_POLL),
                row->has_owner ? 0 : -EAGAIN);
    if (row->has_owner)
        WORKS(wherry_release(semaphore, 3));
    CHECK_INT(value_of(semaphore), 3);
    WORKS(wherry_acquire(semaphore, 2, WHERRY_POLL));
    CHECK_ERROR(wherry_acquire(semaphore, 2, WHERRY_POLL), -EAGAIN);
    CHECK_ERROR(wherry_acquire(semaphore, 2, at_once()), -ETIMEDOUT);
    CHECK_INT(value_of(semaphore), 1);
    WORKS(wherry_release(semaphore, 2));
    CHECK_INT(value_of(semaphore), 3);
    close_all(row, semaphore);
}

EACH_ROW(a_wait_ends_with_its_deadline_and_not_before)
{
    wherry_semaphore *semaphore = make(row, 1);
    WORKS(wherry_acquire(semaphore, 1, WHERRY_POLL));
    for (int milliseconds = 0; milliseconds <= 250; milliseconds += 125) {
        const wherry_deadline deadline = wherry_after(milliseconds);
        CHECK_ERROR(wherry_acquire(semaphore, 1, deadline), -ETIMEDOUT);
        CHECK(wherry_now() >= deadline);
        if (!harness_is_slow())
            CHECK(wherry_now() < deadline + INT64_C(100000000));
    }
    CHECK_ERROR(wherry_acquire(semaphore, 1, 1), -ETIMEDOUT);
    CHECK_ERROR(wherry_acquire(semaphore, 1, -1), -ETIMEDOUT);
    CHECK_ERROR(wherry_acquire(semaphore, 1, INT64_MIN), -ETIMEDOUT);
    WORKS(wherry_release(semaphore, 1));
    WORKS(wherry_acquire(semaphore, 1, 1));
    WORKS(wherry_release(semaphore, 1));
    close_all(row, semaphore);
}

EACH_ROW(what_cannot_be_is_an_error_that_says_so)
{
    wherry_semaphore *semaphore = make(row, 1);
    FAILS(wherry_acquire(semaphore, 0, WHERRY_POLL), -EINVAL, "0 permits");
    FAILS(wherry_release(semaphore, 0), -EINVAL, "0 permits");
    FAILS(wherry_acquire(semaphore, row->most + 1u, WHERRY_POLL), -EINVAL, "at most");
    FAILS(wherry_acquire(semaphore, UINT32_MAX, WHERRY_FOREVER), -EINVAL, "at most");
    // At once, and not after so many tries.
    CHECK_ERROR(wherry_release(semaphore, row->most),
                row->has_owner ? -EPERM : -EOVERFLOW);
    CHECK_INT(value_of(semaphore), 1);
    close_all(row, semaphore);
}

EACH_ROW(it_counts_as_far_as_it_can_and_no_further)
{
    if (row->has_owner)
        SKIP("only what is held can be released");
    wherry_semaphore *semaphore = make(row, row->most - 2);
    FAILS(wherry_release(semaphore, 3), -EOVERFLOW, "over");
    FAILS(wherry_release(semaphore, UINT32_MAX), -EOVERFLOW, "over");
    CHECK_INT(value_of(semaphore), row->most - 2);
    WORKS(wherry_release(semaphore, 2));
    FAILS(wherry_release(semaphore, 1), -EOVERFLOW, "over");
    CHECK_INT(value_of(semaphore), row->most);
    close_all(row, semaphore);
}

EACH_ROW(one_operation_is_an_acquire_or_a_release)
{
    wherry_semaphore *semaphore = make(row, 2);
    struct wherry_semaphore_step step = {.change = -2, .undo = -1};
    FAILS(wherry_semaphore_operate(semaphore, &step, 0, WHERRY_POLL), -EINVAL,
          "no operation");
    WORKS(wherry_semaphore_operate(semaphore, &step, 1, WHERRY_POLL));
    CHECK_INT(value_of(semaphore), 0);
    CHECK_ERROR(wherry_semaphore_operate(semaphore, &step, 1, at_once()), -ETIMEDOUT);
    step.change = 2;
    WORKS(wherry_semaphore_operate(semaphore, &step, 1, WHERRY_POLL));
    CHECK_INT(value_of(semaphore), 2);
    step.member = 1;
    FAILS(wherry_semaphore_operate(semaphore, &step, 1, WHERRY_POLL), -ERANGE, "no 1");
    step = (struct wherry_semaphore_step){.change = 1, .undo = 7};
    FAILS(wherry_semaphore_operate(semaphore, &step, 1, WHERRY_POLL), -EINVAL,
          "undo is 1, 0 or -1");
    close_all(row, semaphore);
}

EACH_ROW(what_takes_a_set_is_refused_without_one)
{
    const struct wherry_semaphore_step steps[] = {{.change = 0}, {.change = -1}};
    if (row->has_sets)
        SKIP("it has sets");
    wherry_semaphore *semaphore = make(row, 2);
    FAILS(wherry_semaphore_operate(semaphore, steps, 1, WHERRY_POLL), -ENOTSUP,
          "semv: can");
    FAILS(wherry_semaphore_operate(semaphore, steps, 2, WHERRY_POLL), -ENOTSUP,
          "semv: does several");
    FAILS(wherry_semaphore_set(semaphore, 0, 1), -ENOTSUP, "semv: has");
    CHECK_INT(value_of(semaphore), 2);
    close_all(row, semaphore);
}

/* --- two processes ------------------------------------------------------- */

struct pair {
    const struct row *row;
    struct harness_gate ready;
    struct harness_gate go;
    struct harness_gate got;
    uint32_t count;
    wherry_deadline deadline;
    int expected;
};

static void open_gates(struct pair *pair)
{
    gate_open(&pair->ready);
    gate_open(&pair->go);
    gate_open(&pair->got);
}

static void close_gates(struct pair *pair)
{
    gate_close(&pair->ready);
    gate_close(&pair->go);
    gate_close(&pair->got);
}

static void take_and_tell(void *argument)
{
    struct pair *pair = argument;
    wherry_semaphore *semaphore = again(pair->row);
    gate_pass(&pair->ready);
    CHECK_ERROR(wherry_acquire(semaphore, pair->count, pair->deadline), pair->expected);
    if (pair->expected == 0) {
        gate_pass(&pair->got);
        gate_wait(&pair->go);
        WORKS(wherry_release(semaphore, pair->count));
    }
    wherry_semaphore_close(semaphore);
}

static void wait_and_be_let_in(const struct row *row, uint32_t count,
                               wherry_deadline deadline)
{
    struct pair pair = {.row = row, .count = count, .deadline = deadline};
    wherry_semaphore *semaphore = make(row, count);
    open_gates(&pair);
    WORKS(wherry_acquire(semaphore, count, WHERRY_POLL));
    pid_t child = harness_child(take_and_tell, &pair);
    gate_wait(&pair.ready);
    CHECK_ERROR(wherry_acquire(semaphore, 1, at_once()), -ETIMEDOUT);
    CHECK(!gate_is_passed(&pair.got));
    WORKS(wherry_release(semaphore, count));
    gate_wait(&pair.got);
    CHECK_ERROR(wherry_acquire(semaphore, 1, WHERRY_POLL), -EAGAIN);
    gate_pass(&pair.go);
    WORKS(wherry_acquire(semaphore, count, soon()));
    WORKS(wherry_release(semaphore, count));
    CHECK_INT(harness_wait(child), 0);
    close_gates(&pair);
    close_all(row, semaphore);
}

EACH_ROW(who_waits_without_end_is_let_in)
{
    wait_and_be_let_in(row, 1, WHERRY_FOREVER);
}

EACH_ROW(who_waits_until_a_deadline_is_let_in)
{
    wait_and_be_let_in(row, 1, soon());
}

EACH_ROW(who_waits_for_several_is_let_in)
{
    wait_and_be_let_in(row, 3, WHERRY_FOREVER);
}

enum { TURNS = 2000, PEOPLE = 4 };

struct shop {
    const struct row *row;
    uint32_t count;

    struct counters {
        int inside;
        int together; /* the most that were */
        int turns;
    } * counters;
};

static void work_in_turns(wherry_semaphore *semaphore, const struct shop *shop)
{
    struct counters *counters = shop->counters;
    for (int i = 0; i < TURNS; i++) {
        WORKS(wherry_acquire(semaphore, shop->count, soon()));
        int inside = __atomic_add_fetch(&counters->inside, 1, __ATOMIC_SEQ_CST);
        if (inside > __atomic_load_n(&counters->together, __ATOMIC_SEQ_CST))
            __atomic_store_n(&counters->together, inside, __ATOMIC_SEQ_CST);
        counters->turns = counters->turns + (shop->count > 1);
        __atomic_sub_fetch(&counters->inside, 1, __ATOMIC_SEQ_CST);
        WORKS(wherry_release(semaphore, shop->count));
    }
}

static void work_in_a_process(void *argument)
{
    const struct shop *shop = argument;
    wherry_semaphore *semaphore = again(shop->row);
    work_in_turns(semaphore, shop);
    wherry_semaphore_close(semaphore);
}

static void *work_in_a_thread(void *argument)
{
    const struct shop *shop = argument;
    wherry_semaphore *semaphore = again(shop->row);
    work_in_turns(semaphore, shop);
    wherry_semaphore_close(semaphore);
    return NULL;
}

static struct shop open_shop(const struct row *row, uint32_t count)
{
    struct shop shop = {.row = row, .count = count};
    shop.counters = mmap(NULL, sizeof(*shop.counters), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shop.counters != MAP_FAILED);
    return shop;
}

EACH_ROW(processes_are_never_more_inside_than_permits)
{
    struct shop shop = open_shop(row, 1);
    pid_t people[PEOPLE];
    wherry_semaphore *semaphore = make(row, 2);
    for (int i = 0; i < PEOPLE; i++)
        people[i] = harness_child(work_in_a_process, &shop);
    for (int i = 0; i < PEOPLE; i++)
        CHECK_INT(harness_wait_within(people[i], 6 * HARNESS_PATIENCE), 0);
    CHECK_RANGE(shop.counters->together, 1, 2);
    CHECK_INT(value_of(semaphore), 2);
    munmap(shop.counters, sizeof(*shop.counters));
    close_all(row, semaphore);
}

// All the permits at once keep all others out, and nobody waits for ever.
EACH_ROW(processes_that_want_all_of_several_take_turns)
{
    struct shop shop = open_shop(row, 3);
    pid_t people[PEOPLE];
    wherry_semaphore *semaphore = make(row, 3);
    for (int i = 0; i < PEOPLE; i++)
        people[i] = harness_child(work_in_a_process, &shop);
    for (int i = 0; i < PEOPLE; i++)
        CHECK_INT(harness_wait_within(people[i], 6 * HARNESS_PATIENCE), 0);
    CHECK_INT(shop.counters->together, 1);
    CHECK_INT(shop.counters->turns, PEOPLE * TURNS);
    CHECK_INT(value_of(semaphore), 3);
    munmap(shop.counters, sizeof(*shop.counters));
    close_all(row, semaphore);
}

EACH_ROW(threads_are_never_more_inside_than_permits)
{
    struct shop shop = open_shop(row, 1);
    pthread_t people[PEOPLE];
    if (row->is_placed)
        SKIP("the test maps in one thread only");
    wherry_semaphore *semaphore = make(row, 2);
    for (int i = 0; i < PEOPLE; i++)
        CHECK_INT(pthread_create(&people[i], NULL, work_in_a_thread, &shop), 0);
    for (int i = 0; i < PEOPLE; i++)
        CHECK_INT(pthread_join(people[i], NULL), 0);
    CHECK_RANGE(shop.counters->together, 1, 2);
    CHECK_INT(value_of(semaphore), 2);
    munmap(shop.counters, sizeof(*shop.counters));
    close_all(row, semaphore);
}

/* --- ended --------------------------------------------------------------- */

static wherry_semaphore *volatile to_cancel;

static void cancel_it(int number)
{
    (void)number;
    if (to_cancel)
        wherry_semaphore_cancel(to_cancel);
}

static void *cancel_from_a_thread(void *argument)
{
    const pid_t *waiting = argument;
    harness_wait_blocked(*waiting);
    wherry_semaphore_cancel(to_cancel);
    return NULL;
}

EACH_ROW(a_wait_that_is_canceled_by_another_thread_ends)
{
    pid_t self = harness_thread();
    pthread_t thread;
    to_cancel = make(row, 1);
    WORKS(wherry_acquire(to_cancel, 1, WHERRY_POLL));
    CHECK_INT(pthread_create(&thread, NULL, cancel_from_a_thread, &self), 0);
    CHECK_ERROR(wherry_acquire(to_cancel, 1, WHERRY_FOREVER), -ECANCELED);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_ERROR(wherry_acquire(to_cancel, 1, WHERRY_FOREVER), -ECANCELED);
    CHECK_ERROR(wherry_acquire(to_cancel, 1, soon()), -ECANCELED);
    CHECK_ERROR(wherry_acquire(to_cancel, 1, WHERRY_POLL), -EAGAIN);
    WORKS(wherry_release(to_cancel, 1));
    close_all(row, to_cancel);
}

// However close to the call the signal comes.
EACH_ROW(a_wait_that_a_signal_handler_cancels_ends)
{
    const struct sigaction action = {.sa_handler = cancel_it};
    CHECK_INT(sigaction(SIGALRM, &action, NULL), 0);
    for (int microseconds = 1; microseconds < 200; microseconds += 5) {
        const struct itimerval soon = {.it_value = {.tv_usec = microseconds}};
        wherry_semaphore *semaphore = make(row, 1);
        WORKS(wherry_acquire(semaphore, 1, WHERRY_POLL));
        to_cancel = semaphore;
        CHECK_INT(setitimer(ITIMER_REAL, &soon, NULL), 0);
        CHECK_ERROR(wherry_acquire(semaphore, 1, WHERRY_FOREVER), -ECANCELED);
        to_cancel = NULL;
        WORKS(wherry_release(semaphore, 1));
        close_all(row, semaphore);
    }
}

static void look_away(int number)
{
    (void)number;
}

EACH_ROW(signals_do_not_end_a_wait)
{
    const struct sigaction action = {.sa_handler = look_away};
    const struct itimerval storm = {.it_value = {.tv_usec = 500},
                                    .it_interval = {.tv_usec = 500}};
    const struct itimerval calm = {.it_value = {0}};
    wherry_semaphore *semaphore = make(row, 1);
    CHECK_INT(sigaction(SIGALRM, &action, NULL), 0);
    WORKS(wherry_acquire(semaphore, 1, WHERRY_POLL));
    CHECK_INT(setitimer(ITIMER_REAL, &storm, NULL), 0);
    const wherry_deadline deadline = wherry_after(150);
    CHECK_ERROR(wherry_acquire(semaphore, 1, deadline), -ETIMEDOUT);
    CHECK(wherry_now() >= deadline);
    CHECK_INT(setitimer(ITIMER_REAL, &calm, NULL), 0);
    WORKS(wherry_release(semaphore, 1));
    close_all(row, semaphore);
}

EACH_ROW(who_waits_hears_that_it_was_removed)
{
    struct pair pair = {.row = row, .count = 1, .deadline = WHERRY_FOREVER};
    if (!row->tells_removal)
        SKIP("%s: nobody is told", row->scheme);
    pair.expected = -EIDRM;
    wherry_semaphore *semaphore = make(row, 1);
    open_gates(&pair);
    WORKS(wherry_acquire(semaphore, 1, WHERRY_POLL));
    pid_t child = harness_child(take_and_tell, &pair);
    gate_wait(&pair.ready);
    harness_wait_blocked(child);
    unmake(row);
    CHECK_INT(harness_wait(child), 0);
    FAILS(wherry_acquire(semaphore, 1, WHERRY_POLL), -EIDRM, "was removed");
    FAILS(wherry_release(semaphore, 1), -EIDRM, "was removed");
    CHECK_ERROR(wherry_semaphore_value(semaphore), -EIDRM);
    close_gates(&pair);
    wherry_semaphore_close(semaphore);
}

// A name is nothing to those who have it open.
EACH_ROW(who_has_it_open_goes_on_when_its_name_is_gone)
{
    struct wherry_semaphore_info info;
    if (row->is_placed || row->tells_removal)
        SKIP("%s", row->is_placed ? "it has no name" : "it is gone for all");
    wherry_semaphore *first = make(row, 1);
    wherry_semaphore *second = again(row);
    unmake(row);
    WORKS(wherry_acquire(first, 1, WHERRY_POLL));
    CHECK_ERROR(wherry_acquire(second, 1, WHERRY_POLL), -EAGAIN);
    WORKS(wherry_release(first, 1));
    WORKS(wherry_semaphore_describe(first, &info, sizeof(info)));
    CHECK_INT(info.removed, 1);
    wherry_semaphore_close(second);
    wherry_semaphore_close(first);
}
