/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a lease.
 *
 * For the first millisecond only the doorbell counts; then also the ends of all who
 * have a place, and now and then a look without being told: whoever was rung in one's
 * stead may be stopped, and whoever gave back may have had no descriptor left to ring
 * with.  Who polls the descriptor is woken for that look by a timer.
 */
#include "memory/lease.h"

#include <errno.h>

enum { SHALLOW = 1000000 /* nanoseconds */ };

static bool is_canceled(const struct lease *lease)
{
    return atomic_load(&lease->base.canceled);
}

static int cancellation(void)
{
    return failure(-ECANCELED, "the wait was cancelled");
}

/* --- one thread at a time ------------------------------------------------ */

static int take_turn(struct lease *lease, wherry_deadline deadline)
{
    while (!os_bell_clear(lease->turn)) {
        struct os_wait waits[] = {{.fd = lease->turn, .events = os_wait_in},
                                  {.fd = lease->canceled, .events = os_wait_in}};
        if (is_canceled(lease))
            return cancellation();
        int r = os_wait(waits, sizeof(waits) / sizeof(waits[0]), deadline);
        if (r < 0)
            return failure_plain(r, "waiting for permits");
    }
    return 0;
}

static void give_turn(struct lease *lease)
{
    os_bell_ring(lease->turn);
}

/* --- the wait ------------------------------------------------------------ */

static void sleep_until(struct lease *lease, bool is_deep, wherry_deadline deadline)
{
    struct os_wait waits[] = {
        {.fd = is_deep ? lease->places.watch : lease->places.bell.fd,
         .events = os_wait_in},
        {.fd = lease->canceled, .events = os_wait_in}};
    (void)os_wait(waits, sizeof(waits) / sizeof(waits[0]), deadline);
}

// All that wakes it is ready before it looks, so that whatever comes after that does.
// The bell is emptied first: whoever comes may ring while the watch is renewed, and
// who finds that it was not rung rings anew.
static void prepare_to_look(struct lease *lease, bool is_deep)
{
    bells_clear(&lease->places);
    if (is_deep) {
        places_watch(&lease->places);
        line_insist(lease);
    }
    line_wakes(lease);
}

static int wait_in_line(struct lease *lease, uint32_t count, wherry_deadline deadline)
{
    const wherry_deadline deep = deadline_add(wherry_now(), SHALLOW);
    for (;;) {
        const wherry_deadline now = wherry_now();
        const bool is_deep = now >= deep;
        prepare_to_look(lease, is_deep);
        if (lease_try(lease, count, true))
            return 0;
        if (is_canceled(lease))
            return cancellation();
        if (now >= deadline)
            return failure(-ETIMEDOUT, "there were not %u permits in time",
                           (unsigned)count);
        sleep_until(
            lease, is_deep,
            deadline_sooner(deadline, is_deep ? deadline_add(now, PLACES_LOOK) : deep));
    }
}

// It has looked: who polls is to look again, told or not; nobody else is woken for
// that.
static void look_later(struct lease *lease)
{
    places_look_at(&lease->places, atomic_load(&lease->wanted) != 0
                                       ? deadline_add(wherry_now(), PLACES_LOOK)
                                       : WHERRY_FOREVER);
}

// Who polls the descriptor goes on waiting.
static void come_back(struct lease *lease)
{
    look_later(lease);
    if (atomic_load(&lease->wanted) == 0)
        return;
    line_join(lease, atomic_load(&lease->wanted));
    bells_ring(&lease->places, lease->places.owner);
}

int lease_wait(struct lease *lease, uint32_t count, wherry_deadline deadline)
{
    int r = take_turn(lease, deadline);
    if (r < 0)
        return r;
    r = bells_prepare(&lease->places);
    if (r >= 0) {
        places_look_at(&lease->places, WHERRY_FOREVER); // who sleeps has its own time
        line_join(lease, count);
        r = wait_in_line(lease, count, deadline);
        line_leave(lease);
        come_back(lease);
    }
    give_turn(lease);
    return r;
}

int lease_has_not(uint32_t count)
{
    return failure(-EAGAIN, "there are not %u permits now", (unsigned)count);
}

/* --- by a descriptor ----------------------------------------------------- */

int lease_poll(struct lease *lease, uint32_t count, int *out)
{
    if (take_turn(lease, WHERRY_POLL) < 0)
        return failure(-EBUSY, "a thread waits for permits through this handle: open "
                               "another one");
    int r = bells_prepare(&lease->places);
    if (r >= 0)
        r = places_prepare_timer(&lease->places);
    if (r >= 0 && atomic_load(&lease->wanted) != 0)
        line_leave(lease);
    if (r >= 0) {
        atomic_store(&lease->wanted, 0);
        bells_clear(&lease->places);
        places_watch(&lease->places);
        r = lease->places.is_blind
                ? failure(-EMFILE, "too few descriptors are left to hear of "
                                   "the ends of all who have the lease")
                : 0;
    }
    if (r >= 0) {
        atomic_store(&lease->wanted, count);
        *out = lease->places.watch;
    }
    come_back(lease); // what is free already is worth a try
    give_turn(lease);
    return r;
}

int lease_try_in_line(struct lease *lease, uint32_t count)
{
    if (take_turn(lease, WHERRY_POLL) < 0)
        return lease_try(lease, count, true) ? 0 : lease_has_not(count);
    prepare_to_look(lease, true);
    int r = lease_try(lease, count, true) ? 0 : lease_has_not(count);
    if (r == 0) {
        atomic_store(&lease->wanted, 0);
        line_leave(lease);
    }
    look_later(lease);
    give_turn(lease);
    return r;
}
