/* SPDX-License-Identifier: MIT */
/*
 * Two processes that take turns, and what the death of a holder costs.
 *
 * What they take turns at is a counter that is not atomic: whoever is in together with
 * the other loses a count.  Then a third process takes the permit, one of the two
 * sleeps for it, and the third is killed.  Whether the permit comes to the one that
 * sleeps is what the way says of its mechanism, and either answer can be wrong.
 */
#include "tour/tour.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum {
    TURNS = 1000,     // of each process
    SLICE = 100,      // milliseconds of a wait that Ctrl-C has to end
    PATIENCE = 3000,  // milliseconds, for a permit that has to come
    LOST_AFTER = 200, // milliseconds, for one that must not
    LOOK = 20,        // milliseconds between two looks whether the tour is there
    LOOK_FOR_WAITER = 1,
    LOOKS = 256 // between two looks at the other process
};

/* In memory that both have. */
struct counter {
    _Alignas(64) _Atomic uint32_t here; /* so many are ready to begin */
    volatile uint64_t count;
};

static struct counter *counter_of(const struct tour_side *side)
{
    return wherry_region_data(side->region);
}

static int open_by_name(const struct tour_side *side, wherry_semaphore **out)
{
    char name[TOUR_TEXT];
    const char *address = side->place->addresses[0];
    (void)snprintf(name, sizeof(name), "%.*s?create=no", (int)strcspn(address, "?"),
                   address);
    return wherry_semaphore_open(name, out);
}

bool tour_turns_open(struct tour_side *side)
{
    int64_t made;
    if (!tour_tell(side, 0) || !tour_learn(side, &made))
        return false;
    if (open_by_name(side, &side->semaphore) < 0)
        return tour_refused(&side->proof.fault, "opening the semaphore");
    return tour_tell(side, 0);
}

/* --- turns --------------------------------------------------------------- */

// Both begin at the same time, or they would not be in each other's way.
static bool meet(struct tour_side *side)
{
    struct counter *counter = counter_of(side);
    atomic_fetch_add(&counter->here, 1);
    for (unsigned looks = 1; atomic_load(&counter->here) < 2; looks++) {
        (void)sched_yield();
        if (looks % LOOKS == 0 && tour_is_over(side))
            return false;
    }
    return true;
}

static bool acquire(struct tour_side *side)
{
    int r;
    do
        r = wherry_acquire(side->semaphore, 1, wherry_after(SLICE));
    while (r == -ETIMEDOUT && !tour_is_over(side));
    return r >= 0 || tour_refused(&side->proof.fault, "waiting for a turn");
}

static bool release(struct tour_side *side)
{
    return wherry_release(side->semaphore, 1) >= 0 ||
           tour_refused(&side->proof.fault, "giving the turn back");
}

bool tour_turns_take(struct tour_side *side)
{
    struct counter *counter = counter_of(side);
    if (!meet(side))
        return false;
    for (int i = 0; i < TURNS; i++) {
        if (!acquire(side))
            return false;
        const uint64_t count = counter->count;
        (void)sched_yield(); // whoever is in as well reads the same
        counter->count = count + 1;
        if (!release(side))
            return false;
        side->proof.turns++;
    }
    return true;
}

static bool check_count(struct tour_side *side)
{
    const uint64_t count = counter_of(side)->count;
    const uint64_t all = (uint64_t)2 * TURNS;
    return count == all || tour_wrong(&side->proof.fault,
                                      "the counter is at %" PRIu64 " after %" PRIu64
                                      " turns: two processes were in at once",
                                      count, all);
}

/* --- the holder, a third process ----------------------------------------- */

// It never gives the permit back; nor does it stay when the tour is gone.
static _Noreturn void hold(const struct tour_side *side, pid_t parent, int report)
{
    struct tour_fault fault = {""};
    wherry_semaphore *own = NULL;
    if (open_by_name(side, &own) < 0 ||
        wherry_acquire(own, 1, wherry_after(PATIENCE)) < 0)
        tour_refused(&fault, "the third process takes the permit");
    bool reported = write(report, &fault, sizeof(fault)) == (ssize_t)sizeof(fault);
    while (reported && !fault.text[0] && getppid() == parent)
        (void)poll(NULL, 0, LOOK);
    _exit(1);
}

static bool start_holder(struct tour_side *side, struct tour_process *holder)
{
    const pid_t parent = getpid();
    struct tour_fault fault = {""};
    int report;
    int r = tour_process_fork(holder, &report);
    if (r == 0)
        hold(side, parent, report);
    if (r < 0)
        return tour_wrong(&side->proof.fault, "no third process: %s", strerror(-r));
    struct pollfd life = {.fd = holder->life, .events = POLLIN};
    if (poll(&life, 1, 2 * PATIENCE) < 1 ||
        read(holder->life, &fault, sizeof(fault)) != (ssize_t)sizeof(fault))
        return tour_wrong(&side->proof.fault, "the third process said nothing");
    return !fault.text[0] || tour_wrong(&side->proof.fault, "%s", fault.text);
}

/* --- its death ----------------------------------------------------------- */

// The other one sleeps, as far as the mechanism knows who does.
static bool sleeps(struct tour_side *side)
{
    struct wherry_semaphore_info info;
    wherry_deadline end = wherry_after(PATIENCE);
    struct pollfd life = {.fd = side->process->life, .events = POLLIN};
    do
        if (wherry_semaphore_describe(side->semaphore, &info, sizeof(info)) < 0)
            return tour_refused(&side->proof.fault, "describing the semaphore");
    while (info.waiters == 0 && poll(&life, 1, LOOK_FOR_WAITER) == 0 &&
           wherry_now() < end);
    return info.waiters != 0 ||
           (!tour_is_over(side) &&
            tour_wrong(&side->proof.fault, "nobody waits for the permit"));
}

// `moment`: when the permit came, -1: it did not.
static bool check_cost(struct tour_side *side, struct tour_stop *stop, int64_t killed,
                       int64_t moment)
{
    struct tour_fault *fault = &side->proof.fault;
    const bool came = moment >= 0;
    if (came && moment < killed)
        return tour_wrong(fault, "the permit came while another one held it");
    if (came && !stop->way->gives_back)
        return tour_wrong(fault, "the permit of a killed process came to another one");
    if (!came && stop->way->gives_back)
        return tour_wrong(fault,
                          "the permit of a killed process did not come to the one "
                          "that slept for %d ms",
                          PATIENCE);
    int r = wherry_acquire(side->semaphore, 1, WHERRY_POLL);
    if (r != -EAGAIN)
        return tour_wrong(fault, "of one permit there was a second: %d", r);
    stop->came_after = came ? moment - killed : -1;
    return true;
}

static bool kill_holder(struct tour_side *side, struct tour_stop *stop,
                        struct tour_process *holder)
{
    int64_t moment;
    if (!tour_tell(side, stop->way->gives_back ? PATIENCE : LOST_AFTER) ||
        !sleeps(side))
        return false;
    const wherry_deadline killed = wherry_now();
    (void)kill(holder->pid, SIGKILL);
    int status = tour_process_end(holder, PATIENCE, NULL, 0);
    if (status != -SIGKILL)
        return tour_wrong(&side->proof.fault,
                          "the third process ended with %d, not killed", status);
    return tour_learn(side, &moment) && check_cost(side, stop, killed, moment) &&
           tour_tell(side, 0);
}

static bool show_death(struct tour_side *side, struct tour_stop *stop)
{
    struct tour_process holder = {-1, -1};
    bool right = start_holder(side, &holder) && kill_holder(side, stop, &holder);
    (void)tour_process_end(&holder, 0, NULL, 0); // wherever that ended
    return right;
}

bool tour_turns_sleep(struct tour_side *side)
{
    int64_t milliseconds;
    int64_t end;
    if (!tour_learn(side, &milliseconds))
        return false;
    int r = wherry_acquire(side->semaphore, 1, wherry_after(milliseconds));
    if (r < 0 && r != -ETIMEDOUT)
        return tour_refused(&side->proof.fault, "sleeping for the permit");
    return tour_tell(side, r < 0 ? -1 : wherry_now()) && tour_learn(side, &end) &&
           (r < 0 || release(side));
}

/* --- all of it ----------------------------------------------------------- */

static bool be_parent(struct tour_side *side, struct tour_stop *stop)
{
    int64_t ready;
    return tour_learn(side, &ready) && tour_tell(side, 0) && tour_learn(side, &ready) &&
           tour_turns_take(side) && tour_learn(side, &ready) && check_count(side) &&
           show_death(side, stop);
}

static bool be_child(struct tour_side *side)
{
    return tour_turns_open(side) && tour_turns_take(side) && tour_tell(side, 0) &&
           tour_turns_sleep(side);
}

const struct tour_talk tour_talk_turns = {false, be_parent, be_child};
