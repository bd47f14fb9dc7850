/* SPDX-License-Identifier: MIT */
/*
 * A conversation: the receiving side, and how it ends.
 */
#include "talk.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <wherry/inspect.h>
#include <wherry/mechanism.h>

#include "interrupt.h"
#include "open.h"
#include "output.h"
#include "progress.h"
#include "publish.h"
#include "say.h"
#include "talk_sender.h"

enum { FAREWELL = 250, SILENCE = 2000 }; // milliseconds

struct receiver {
    wherry_channel *channel;
    struct talk_plan *plan;
    struct sender *sender; /* NULL: nobody sends */
    int64_t child;         /* the command that was started for the channel; 0: none */
    bool has_unflushed;
    bool has_told_of_silence;
    struct progress progress;
};

/* --- receiving ----------------------------------------------------------- */

static int flush(struct receiver *receiver)
{
    receiver->has_unflushed = false;
    return output_flush();
}

// A child that was asked more than it has answered, and waits to be asked again.
static void tell_of_silence(struct receiver *receiver)
{
    struct wherry_channel_info info;
    char sentence[512];
    if (receiver->child == 0 || receiver->has_told_of_silence)
        return;
    (void)wherry_describe(receiver->channel, &info,
                          offsetof(struct wherry_channel_info, holder_count));
    if (info.sent_messages <= info.received_messages || info.unsent_bytes > 0 ||
        wherry_inspect_silence(receiver->child, sentence, sizeof(sentence)) != 1)
        return;
    receiver->has_told_of_silence = true;
    say_notice(receiver->plan->verb, "%s", sentence);
}

// Silence is told of once it has lasted, however long that took to begin.
static int receive_or_tell(struct receiver *receiver, int64_t kind,
                           wherry_message **message, wherry_deadline deadline)
{
    for (;;) {
        char sentence[512];
        wherry_deadline next = wherry_after(SILENCE);
        if (receiver->child == 0 || receiver->has_told_of_silence || deadline < next)
            next = deadline;
        int r = wherry_recv_kind(receiver->channel, kind, message, next);
        if (r != -ETIMEDOUT)
            return r;
        (void)snprintf(sentence, sizeof(sentence), "%s", wherry_error_text());
        tell_of_silence(receiver);
        if (next == deadline)
            return wherry_error_set(r, "%s", sentence);
    }
}

// A wait that somebody ends, for the sender or the program is gone, may have been woken
// for a message just before.
static int take_the_last(struct receiver *receiver, int64_t kind,
                         wherry_message **message)
{
    if (interrupted())
        return -ECANCELED;
    return wherry_recv_kind(receiver->channel, kind, message, WHERRY_POLL) == 1
               ? 1
               : -ECANCELED;
}

// 1: a message, 0: the end, or an error.  What is printed goes out before a wait.
static int receive(struct receiver *receiver, wherry_message **message)
{
    const struct choices *choices = receiver->plan->choices;
    int64_t kind = receiver->plan->way == TALK_RECV ? choices->kind : 0;
    int r = wherry_recv_kind(receiver->channel, kind, message, WHERRY_POLL);
    if (r != -EAGAIN)
        return r;
    if (receiver->has_unflushed && (r = flush(receiver)) < 0) {
        output_failed(receiver->plan->verb, r);
        return -EIO;
    }
    if (choices->all)
        return 0;
    // Whoever only sends may take its time, and the sender minds the time itself.
    wherry_deadline deadline =
        receiver->plan->way == TALK_SEND ? WHERRY_FOREVER : open_deadline(choices);
    r = receive_or_tell(receiver, kind, message, deadline);
    return r == -ECANCELED ? take_the_last(receiver, kind, message) : r;
}

// 1, or a negative errno of stdout.
static int take(struct receiver *receiver, wherry_message *message)
{
    struct talk_plan *plan = receiver->plan;
    int r = 0;
    if (plan->way != TALK_SEND) {
        plan->received++;
        receiver->has_unflushed = true;
        progress_add(&receiver->progress, wherry_message_size(message));
        if (receiver->sender)
            sender_heard(receiver->sender, wherry_message_sender(message));
        r = output_message(plan->verb, plan->choices, message);
    }
    wherry_message_free(message);
    return r < 0 ? r : 1;
}

static bool has_all(const struct talk_plan *plan)
{
    return plan->way != TALK_SEND && plan->choices->count > 0 &&
           plan->received >= plan->choices->count;
}

// The peer may be waiting for the word that all was taken, which recv gives.
static void farewell(wherry_channel *channel, unsigned abilities)
{
    wherry_message *message;
    if (!(abilities & WHERRY_ABLE_DRAIN))
        return;
    if (wherry_recv_kind(channel, INT64_MAX, &message, wherry_after(FAREWELL)) == 1)
        wherry_message_free(message);
}

static int ended_early(const struct receiver *receiver)
{
    const struct talk_plan *plan = receiver->plan;
    if (plan->way == TALK_SEND || plan->choices->count == 0 || plan->choices->keep)
        return DONE;
    if (plan->choices->all)
        return say_error(plan->verb, "%lld of %lld messages were there",
                         (long long)plan->received, (long long)plan->choices->count);
    return say_error(plan->verb, "the peer finished after %lld of %lld messages",
                     (long long)plan->received, (long long)plan->choices->count);
}

// Why receiving ends, but for a message of its own.  DONE, or FAILED, said on stderr.
static int end_of(const struct receiver *receiver, int r)
{
    if (r == 0)
        return ended_early(receiver);
    if (interrupted())
        return FAILED;
    if (r == -ECANCELED) // by the sender
        return DONE;
    if (r != -EIO)
        say_error(receiver->plan->verb, "%s", wherry_error_text());
    return FAILED;
}

static int receive_all(struct receiver *receiver)
{
    int status = DONE;
    for (;;) {
        wherry_message *message = NULL;
        int r = receive(receiver, &message);
        if (r == 1 && (r = take(receiver, message)) < 0)
            return output_failed(receiver->plan->verb, r);
        if (r == 1 && has_all(receiver->plan))
            return status;
        if (r == 1)
            continue;
        int end = end_of(receiver, r);
        status = status == DONE ? end : status;
        if (r != -EMFILE) // this one is a message's own
            return status;
    }
}

/* --- both ---------------------------------------------------------------- */

// The peer said its last word.  It may still be listening; if not, the sender finds
// out.
static bool goes_on(const struct receiver *receiver, bool has_ended)
{
    if (!receiver->sender || !has_ended)
        return false;
    if (receiver->plan->way == TALK_BOTH && isatty(STDIN_FILENO) &&
        !sender_is_done(receiver->sender, FAREWELL))
        say_progress(receiver->plan->verb, "the peer has finished; Ctrl-D leaves");
    return true;
}

static int finish_output(const struct receiver *receiver)
{
    int r = output_flush();
    return r < 0 ? output_failed(receiver->plan->verb, r) : DONE;
}

bool talk_is_with_command(const struct wherry_channel_info *info)
{
    const struct wherry_mechanism *mechanism = wherry_mechanism_find(info->scheme);
    return mechanism && (mechanism->traits & WHERRY_TRAIT_COMMAND);
}

// Only what reads its stdin can be seen to wait for it.
static int64_t child_behind(const struct wherry_channel_info *info)
{
    return talk_is_with_command(info) ? info->peer.pid : 0;
}

int talk(wherry_channel *channel, struct talk_plan *plan)
{
    struct wherry_channel_info info;
    wherry_describe(channel, &info, sizeof(info));
    bool sends = plan->way != TALK_RECV && (info.abilities & WHERRY_ABLE_SEND);
    bool receives = (info.abilities & WHERRY_ABLE_RECV) != 0;
    struct receiver receiver = {
        .channel = channel, .plan = plan, .child = child_behind(&info)};
    int status = DONE;
    bool has_ended = true;
    if (sends &&
        (status = sender_start(channel, &info, plan, &receiver.sender)) != DONE)
        return status;
    if (receives || !sends) {
        progress_begin(&receiver.progress, plan->verb, !isatty(STDOUT_FILENO));
        status = receive_all(&receiver);
        progress_end(&receiver.progress);
        has_ended = status == DONE && !has_all(plan);
        if (finish_output(&receiver) != DONE)
            status = FAILED;
        if (has_all(plan) && !interrupted())
            farewell(channel, info.abilities);
    }
    if (!receiver.sender)
        return status;
    int sent = sender_end(receiver.sender, !goes_on(&receiver, has_ended));
    return status == DONE ? sent : status;
}

int talk_or_publish(const struct opened *opened, struct talk_plan *plan)
{
    return opened->channel ? talk(opened->channel, plan)
                           : publish_all(opened->listener, plan);
}

int talk_and_keep(const char *address, struct talk_plan *plan)
{
    struct opening opening = {.verb = plan->verb,
                              .choices = plan->choices,
                              .listens = !plan->choices->dial,
                              .publishes = plan->way != TALK_RECV};
    struct opened opened;
    open_either_way(&opening, address);
    int status = open_channel(&opening, address, &opened);
    if (status != DONE)
        return status;
    plan->listens = opened.listener != NULL;
    do
        status = talk_or_publish(&opened, plan);
    while (opened.channel && plan->choices->keep && !has_all(plan) && !interrupted() &&
           open_next(&opening, &opened) == DONE);
    open_close(&opened);
    return status;
}
