/* SPDX-License-Identifier: MIT */
/*
 * local: - what was sent and is still held here: the rest of a message for which the
 * ring had no room, and what the carrier had none for.  Each goes on by itself.
 */
#include "transport/local.h"

#include <errno.h>
#include <string.h>

static int flush_carrier(struct local *local)
{
    os_lock_take(&local->speech);
    (void)local_say_due(local);
    int r = local->carrier.moves->flush(local->carrier.state);
    if (r >= 0)
        local->out.holds = false;
    os_lock_give(&local->speech);
    return r;
}

int local_move_carrier(struct local *local)
{
    struct local_out *out = &local->out;
    const int r = out->holds ? flush_carrier(local) : 0;
    out->waits_for_files = r == -EAGAIN;
    return r;
}

int local_flush(void *state)
{
    struct local *local = state;
    struct local_out *out = &local->out;
    if (!out->on_ring)
        return flush_carrier(local);
    int r = out->broken ? out->broken : local_check_life(local);
    const int carried = r < 0 ? r : local_move_carrier(local);
    if (carried < 0 && carried != -EAGAIN)
        return carried;
    r = local_write_rest(local);
    if (r >= 0)
        r = local_publish_rest(local);
    return r < 0 ? r : carried;
}

int local_keep(void *state)
{
    struct local *local = state;
    struct local_out *out = &local->out;
    os_lock_take(&local->speech);
    int r = local->carrier.moves->keep(local->carrier.state);
    os_lock_give(&local->speech);
    if (r < 0 || !out->rest || !out->rest->borrowed)
        return r;
    wherry_message *copy;
    const wherry_message *rest = out->rest;
    r = message_store_take(local->store, WHERRY_OUT, rest->size, &copy);
    if (r < 0) {
        out->rest = NULL; // the caller's bytes: nothing more goes out
        return r;
    }
    copy->kind = rest->kind;
    copy->word = rest->word;
    memcpy(copy->data + out->offset, rest->data + out->offset,
           rest->size - out->offset);
    out->rest = copy;
    return 0;
}

int local_finish(void *state)
{
    struct local *local = state;
    os_lock_take(&local->speech);
    int r = local->carrier.moves->finish(local->carrier.state);
    os_lock_give(&local->speech);
    return r;
}
