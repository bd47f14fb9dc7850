/* SPDX-License-Identifier: MIT */
/*
 * local: - its memory is given back after idleness.
 *
 * A ring is left by a last record in it, or by a word where it was never used.  When
 * both are, neither end writes or reads them any more and each unmaps them; a burst
 * after that begins anew.  An end that is closed leaves without a word.
 */
#include "transport/local.h"

void local_drop(struct local *local)
{
    const unsigned both = LOCAL_LEFT_OUT | LOCAL_LEFT_IN;
    if ((local_steps(local) & both) != both)
        return;
    local_forget(local);
    os_close(local->out.room);
    os_close(local->in.room);
    local->out.room = local->in.room = -1;
    local->out.is_asleep = false;
    local->out.burst = 0;
    local->seen = LOCAL_UNSEEN;
    atomic_store(&local->steps, 0);
}

// Whether nothing was said through either ring since it was last looked at.
static bool is_quiet(struct local *local, int64_t now)
{
    const uint64_t used = local->out.ring.tail + local->in.ring.head;
    const bool quiet = used == local->seen && !local_loans_are_out(local);
    if (!quiet)
        local->seen_at = now;
    local->seen = used;
    return quiet;
}

int64_t local_rest(void *state)
{
    struct local *local = state;
    const unsigned steps = local_steps(local);
    os_lock_take(&local->speech);
    (void)local->carrier.moves->rest(local->carrier.state);
    os_lock_give(&local->speech);
    const bool is_up = (steps & LOCAL_UP) == LOCAL_UP;
    if (!is_up || steps & LOCAL_LEFT_OUT || local_check_life(local) < 0)
        return steps & LOCAL_OFFERED ? local->idle : 0;
    const int64_t now = wherry_now();
    const int64_t left =
        is_quiet(local, now) ? local->seen_at + local->idle - now : local->idle;
    if (left > 0 && !(steps & LOCAL_LEFT_IN))
        return left;
    return local_leave(local) < 0 ? local->idle : 0;
}

// As one that sleeps for ever: whoever writes then rings, and finds nobody.
void local_say_farewell(struct local *local)
{
    struct local_in *in = &local->in;
    if (!in->on_ring || local_check_life(local) < 0)
        return;
    ring_in_wakes(&in->ring);
    (void)ring_in_sleeps(&in->ring);
}
