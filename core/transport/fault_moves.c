/* SPDX-License-Identifier: MIT */
/*
 * How fault: moves messages: around the moves of another mechanism.
 *
 * The sender's counters belong to the sending thread, the waiting list to the receiving
 * one; `is_cut` alone is shared.
 */
#include "transport/fault.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/base.h"

enum { LATE_MOST = 64 }; // messages held back; what is more waits in the kernel

/* Something that arrived, to be told at its time. */
struct late {
    wherry_message *message; /* NULL: the end, or an error */
    int result;
    wherry_deadline due;
};

struct fault {
    struct wherry_transport moves; /* ours; NULL where the inner has none */
    const struct wherry_transport *inner;
    void *state;

    struct fault_plan plan;

    int64_t sent; /* the sender's */

    /* the receiver's */
    int timer; /* readable when the first late one is due */
    struct late late[LATE_MOST];
    size_t late_first;
    size_t late_count;
    bool has_ended; // the last of them says so

    atomic_bool is_cut;
};

/* --- sending ------------------------------------------------------------- */

static int broken(void)
{
    return failure(-ECONNRESET, "cut= broke the connection here");
}

// Once the last message has left; the end that the peer sees has no word before it.
static void cut_when_due(struct fault *fault)
{
    if (fault->plan.cut == 0 || fault->sent < fault->plan.cut ||
        atomic_load(&fault->is_cut))
        return;
    if (fault->inner->flush && fault->inner->flush(fault->state) == -EAGAIN)
        return;
    atomic_store(&fault->is_cut, true);
    if (fault->inner->finish)
        (void)fault->inner->finish(fault->state);
}

static int lose(wherry_message **message)
{
    if ((*message)->borrowed)
        return 0;
    wherry_message_free(*message);
    *message = NULL;
    return 0;
}

static int fault_send(void *state, wherry_message **message, unsigned flags)
{
    struct fault *fault = state;
    if (atomic_load(&fault->is_cut))
        return broken();
    if ((*message)->word != FRAME_MESSAGE)
        return fault->inner->send(fault->state, message, flags);
    bool is_lost = fault->plan.drop > 0 && (fault->sent + 1) % fault->plan.drop == 0;
    int r = is_lost ? lose(message) : fault->inner->send(fault->state, message, flags);
    if (r >= 0) {
        fault->sent++;
        cut_when_due(fault);
    }
    return r;
}

static int fault_flush(void *state)
{
    struct fault *fault = state;
    if (atomic_load(&fault->is_cut))
        return 0;
    int r = fault->inner->flush(fault->state);
    if (r >= 0)
        cut_when_due(fault);
    return r;
}

static int fault_keep(void *state)
{
    struct fault *fault = state;
    return fault->inner->keep(fault->state);
}

static int fault_finish(void *state)
{
    struct fault *fault = state;
    return atomic_load(&fault->is_cut) ? broken() : fault->inner->finish(fault->state);
}

/* --- receiving ----------------------------------------------------------- */

// Takes all that has arrived into the list; after an end or an error nothing comes.
static void take_arrived(struct fault *fault)
{
    while (fault->late_count < LATE_MOST && !fault->has_ended) {
        wherry_message *message = NULL;
        int r = fault->inner->recv(fault->state, &message);
        if (r == -EAGAIN)
            return;
        size_t place = (fault->late_first + fault->late_count++) % LATE_MOST;
        wherry_deadline due = deadline_add(wherry_now(), fault->plan.delay);
        fault->late[place] = (struct late){r > 0 ? message : NULL, r, due};
        fault->has_ended = r <= 0;
    }
}

static void set_timer(struct fault *fault)
{
    const struct late *first = &fault->late[fault->late_first];
    os_timer_set(fault->timer, fault->late_count > 0 ? first->due : WHERRY_FOREVER);
}

static int take_late(struct fault *fault, wherry_message **out)
{
    take_arrived(fault);
    struct late first = fault->late[fault->late_first];
    bool is_due = fault->late_count > 0 && first.due <= wherry_now();
    if (is_due) {
        fault->late_first = (fault->late_first + 1) % LATE_MOST;
        fault->late_count--;
        fault->has_ended = fault->has_ended && fault->late_count > 0;
    }
    set_timer(fault);
    if (!is_due)
        return -EAGAIN;
    if (first.message)
        *out = first.message;
    return first.result < 0 ? failure_plain(first.result, "held back by delay=")
                            : first.result;
}

static int fault_recv(void *state, wherry_message **out)
{
    struct fault *fault = state;
    if (atomic_load(&fault->is_cut))
        return broken();
    return fault->plan.delay > 0 ? take_late(fault, out)
                                 : fault->inner->recv(fault->state, out);
}

static int fault_wait(void *state, enum wherry_direction direction,
                      struct wherry_wait waits[WHERRY_WAITS])
{
    struct fault *fault = state;
    bool is_delayed = direction == WHERRY_IN && fault->plan.delay > 0;
    int count = 0;
    if (!is_delayed || (fault->late_count < LATE_MOST && !fault->has_ended))
        count = fault->inner->wait(fault->state, direction, waits);
    // Where there is nothing to wait for, it is tried again anyhow.
    bool tries = count == 0 && !fault->has_ended;
    if (count < 0 || !is_delayed || tries || count == WHERRY_WAITS)
        return count;
    waits[count] = (struct wherry_wait){fault->timer, os_wait_in};
    return count + 1;
}

static int fault_ready(void *state)
{
    struct fault *fault = state;
    // Held back or not, whatever was read ahead has been taken into the list.
    return fault->plan.delay > 0 ? 0 : fault->inner->ready(fault->state);
}

/* --- the rest ------------------------------------------------------------ */

static wherry_native fault_far_end(void *state, int *writes)
{
    struct fault *fault = state;
    return fault->inner->far_end(fault->state, writes);
}

static void fault_describe(void *state, struct wherry_channel_info *info)
{
    struct fault *fault = state;
    info->memory += sizeof(*fault);
    fault->inner->describe(fault->state, info);
}

static void fault_close(void *state)
{
    struct fault *fault = state;
    for (; fault->late_count > 0; fault->late_count--) {
        wherry_message_free(fault->late[fault->late_first].message);
        fault->late_first = (fault->late_first + 1) % LATE_MOST;
    }
    fault->inner->close(fault->state);
    os_close(fault->timer);
    free(fault);
}

static struct wherry_transport moves_around(const struct wherry_transport *inner)
{
    return (struct wherry_transport){
        .send = inner->send ? fault_send : NULL,
        .recv = inner->recv ? fault_recv : NULL,
        .flush = inner->flush ? fault_flush : NULL,
        .wait = inner->wait ? fault_wait : NULL,
        .keep = inner->keep ? fault_keep : NULL,
        .finish = inner->finish ? fault_finish : NULL,
        .ready = inner->ready ? fault_ready : NULL,
        .far_end = inner->far_end ? fault_far_end : NULL,
        .describe = inner->describe ? fault_describe : NULL,
        .close = fault_close,
    };
}

int fault_wrap(const struct fault_plan *plan, struct endpoint *end)
{
    struct fault *fault = calloc(1, sizeof(*fault));
    int r = fault ? os_timer_new() : -ENOMEM;
    if (r < 0) {
        free(fault);
        endpoint_close(end);
        return failure_plain(r, "fault");
    }
    fault->timer = r;
    fault->inner = end->moves;
    fault->state = end->state;
    fault->moves = moves_around(end->moves);
    fault->plan = *plan;
    atomic_init(&fault->is_cut, false);
    end->moves = &fault->moves;
    end->state = fault;
    end->attend = NULL; // it would not know of what is late
    end->abilities &= ~(unsigned)WHERRY_ABLE_PICK;
    end->abilities |= WHERRY_ABLE_TESTS_ONLY | (plan->drop ? WHERRY_ABLE_LOSS : 0);
    return 0;
}
