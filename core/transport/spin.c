/* SPDX-License-Identifier: MIT */
/*
 * Waiting awake; see spin.h.
 */
#include "transport/spin.h"

#include "os/os.h"

enum {
    LOOKS = 32, // between two looks at the clock
    YIELDS = 5, // of one processor to the other end on it
    SKIP_LEAST = 4,
    SKIP_MOST = 256
};

static bool has_changed(const struct spin_sight *sight)
{
    return WHERRY_LOAD(sight->word) != sight->before;
}

static bool give_way(const struct spin_sight *sight)
{
    for (int i = 0; i < YIELDS; i++) {
        os_yield();
        if (has_changed(sight))
            return true;
    }
    return false;
}

static bool look_on(const struct spin_sight *sight, int64_t spin)
{
    wherry_deadline until = 0;
    for (;;) {
        for (int i = 0; i < LOOKS; i++) {
            if (has_changed(sight))
                return true;
            os_relax();
        }
        const int64_t now = wherry_now();
        if (until == 0)
            until = now + spin;
        if (now >= until)
            return false;
    }
}

static bool skips(struct spin_habit *habit)
{
    if (habit->skip == 0)
        return false;
    habit->skip--;
    return true;
}

static void learn(struct spin_habit *habit, bool was_worth_it)
{
    if (was_worth_it) {
        habit->last = 0;
        return;
    }
    const unsigned more = habit->last < SKIP_LEAST ? SKIP_LEAST : habit->last * 2;
    habit->last = more > SKIP_MOST ? SKIP_MOST : more;
    habit->skip = habit->last;
}

bool spin_on(struct spin_habit *habit, const struct spin_sight *sight,
             int64_t nanoseconds)
{
    if (has_changed(sight))
        return true;
    if (nanoseconds == 0 || skips(habit))
        return false;
    const uint32_t theirs =
        atomic_load_explicit(sight->processor, memory_order_relaxed);
    const bool is_shared = theirs == os_processor();
    const bool found = is_shared ? give_way(sight) : look_on(sight, nanoseconds);
    learn(habit, found);
    return found;
}
