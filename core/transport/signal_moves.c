/* SPDX-License-Identifier: MIT */
/*
 * How a signal becomes a message and a message a signal: the kind is the signal's
 * number, the bytes are the number that goes with it, or none.
 *
 * A read takes all that are pending, up to a few, which are handed out one by one; one
 * for which there is no memory stays among them until the next call.  Of several
 * signals only one is read at a time, so that the lowest is always the next.
 */
#include "transport/signal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

enum { NUMBER = sizeof(int32_t) };

struct signal_end {
    int fd;
    struct os_signal_hold hold; // of a receiver
    int first;                  // a sender sends kind 0 as that
    size_t at_once;             // how many are read
    bool was_full;              // when it was last sent to
    struct message_store *store;
    struct os_signal ahead[OS_SIGNALS_AT_ONCE];
    size_t next; // of those that were read
    size_t count;
};

/* --- sending ------------------------------------------------------------- */

static int signal_send(void *state, wherry_message **message, unsigned flags)
{
    struct signal_end *end = state;
    const int kind = (int)(*message)->kind;
    const size_t size = (*message)->size;
    int32_t value = 0;
    (void)flags;
    if (size != 0 && size != NUMBER)
        return failure(-EBADMSG,
                       "a signal carries one number, the 4 bytes of an int, or "
                       "nothing; these are %zu bytes",
                       size);
    // One that has ended takes all, until it is waited for: who waited for room looks.
    if (end->was_full && os_signal_is_gone(end->fd))
        return -EPIPE;
    if (size == NUMBER)
        memcpy(&value, (*message)->data, NUMBER);
    int r = os_signal_send(end->fd, kind ? kind : end->first, size ? &value : NULL);
    if (r >= 0)
        message_store_sent(end->store, message);
    end->was_full = r == -EAGAIN;
    return r == -ESRCH ? -EPIPE : r == -EPERM ? -EACCES : r;
}

/* --- receiving ----------------------------------------------------------- */

static int set_origin(const struct os_signal *signal, wherry_message *message)
{
    const struct wherry_peer peer = {.trust = signal->is_vouched ? WHERRY_TRUST_KERNEL
                                                                 : WHERRY_TRUST_NONE,
                                     .source = signal->source,
                                     .pid = signal->pid,
                                     .uid = signal->uid,
                                     .gid = -1};
    return wherry_message_set_sender(message, &peer);
}

static int hand_out(struct signal_end *end, wherry_message **out)
{
    const struct os_signal *signal = &end->ahead[end->next];
    wherry_message *message;
    int r = message_store_take(end->store, WHERRY_IN, signal->has_value ? NUMBER : 0,
                               &message);
    if (r < 0)
        return r;
    r = set_origin(signal, message);
    if (r < 0) {
        wherry_message_free(message);
        return r;
    }
    if (signal->has_value)
        memcpy(message->data, &signal->value, NUMBER);
    message->kind = signal->number;
    end->next++;
    *out = message;
    return 1;
}

static int signal_recv(void *state, wherry_message **out)
{
    struct signal_end *end = state;
    if (end->next == end->count) {
        int r = os_signal_receive(end->fd, end->ahead, end->at_once);
        if (r < 0)
            return r == -EAGAIN ? r : failure_plain(r, "receiving");
        end->next = 0;
        end->count = (size_t)r;
    }
    return hand_out(end, out);
}

static size_t signal_recv_ahead(void *state, wherry_message **messages, size_t count)
{
    struct signal_end *end = state;
    size_t taken = 0;
    while (taken < count && end->next < end->count &&
           hand_out(end, &messages[taken]) == 1)
        taken++;
    return taken;
}

static int signal_ready(void *state)
{
    const struct signal_end *end = state;
    return end->next < end->count;
}

/* --- being there --------------------------------------------------------- */

// That there is room for one more is told by no descriptor: it is tried again.
static int signal_wait(void *state, enum wherry_direction direction,
                       struct wherry_wait waits[WHERRY_WAITS])
{
    const struct signal_end *end = state;
    waits[0] = (struct wherry_wait){.fd = end->fd, .events = os_wait_in};
    return direction == WHERRY_IN ? 1 : 0;
}

static void signal_describe(void *state, struct wherry_channel_info *info)
{
    const struct signal_end *end = state;
    info->memory += sizeof(*end);
}

static void signal_close(void *state)
{
    struct signal_end *end = state;
    os_signal_let_go(&end->hold);
    os_close(end->fd);
    free(end);
}

static const struct wherry_transport moves = {
    .send = signal_send,
    .recv = signal_recv,
    .recv_ahead = signal_recv_ahead,
    .wait = signal_wait,
    .keep = endpoint_keep_nothing,
    .ready = signal_ready,
    .describe = signal_describe,
    .close = signal_close,
};

static struct signal_end *new_end(const struct signal_list *list,
                                  struct os_descriptor descriptor, struct endpoint *out)
{
    struct signal_end *end = calloc(1, sizeof(*end));
    if (!end || message_store_new(&end->store) < 0) {
        free(end);
        os_release(&descriptor);
        failure_plain(-ENOMEM, "no memory for a channel");
        return NULL;
    }
    end->fd = descriptor.fd;
    end->first = list->first;
    end->at_once = list->signals == OS_SIGNAL_BIT(list->first) ? OS_SIGNALS_AT_ONCE : 1;
    out->moves = &moves;
    out->state = end;
    out->store = end->store;
    out->framing = "";
    out->message_limit = NUMBER;
    out->kind_limit = OS_SIGNALS - 1;
    out->kind_least = list->first;
    out->abilities = WHERRY_ABLE_MESSAGES | WHERRY_ABLE_NUMBER | WHERRY_ABLE_KINDS |
                     WHERRY_ABLE_PRIORITY;
    if (list->signals & (OS_SIGNAL_BIT(os_signal_first_queued()) - 1))
        out->abilities |= WHERRY_ABLE_LOSS; // standard ones merge
    return end;
}

int signal_receiver(const struct signal_list *list, struct os_descriptor descriptor,
                    const struct os_signal_hold *hold, struct endpoint *out)
{
    struct signal_end *end = new_end(list, descriptor, out);
    if (!end)
        return -ENOMEM;
    end->hold = *hold;
    out->abilities |= WHERRY_ABLE_RECV | WHERRY_ABLE_DESCRIPTOR;
    return 0;
}

int signal_sender(const struct signal_list *list, struct os_descriptor descriptor,
                  int64_t pid, struct endpoint *out)
{
    struct signal_end *end = new_end(list, descriptor, out);
    if (!end)
        return -ENOMEM;
    out->peer.pid = pid;
    out->peer.trust = WHERRY_TRUST_KERNEL;
    *message_store_peer(out->store) = out->peer;
    out->abilities |= WHERRY_ABLE_SEND;
    return 0;
}
