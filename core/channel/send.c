/* SPDX-License-Identifier: MIT */
/*
 * Sending: checks, tries, waits.
 *
 * A message is taken whole or not at all.  If the mechanism took a part, the call waits
 * for the rest by its deadline, and what is left then is kept and goes first from then
 * on.
 */
#include "channel/channel.h"

#include <errno.h>

enum { RUN = 64 }; // messages that are looked through at once

/* --- what may be sent ---------------------------------------------------- */

// The least of this side's limit, the mechanism's and the peer's.
static uint64_t size_most(const wherry_channel *channel)
{
    uint64_t most = channel->limits.message;
    uint64_t peer = atomic_load_explicit(&channel->peer_limit, memory_order_relaxed);
    if (channel->mechanism_limit && channel->mechanism_limit < most)
        most = channel->mechanism_limit;
    return peer && peer < most ? peer : most;
}

// With what sets it, as the table of mechanisms says it.
static int over_mechanism(const wherry_channel *channel, size_t size)
{
    const struct transport *transport = transport_find(channel->scheme);
    return failure(
        -EMSGSIZE,
        "%s: a message of %zu bytes is over the mechanism's limit of %llu%s%s",
        channel->address, size, (unsigned long long)channel->mechanism_limit,
        transport ? ": " : "", transport ? transport->mechanism.limit : "");
}

static APART int refuse_size(const wherry_channel *channel, size_t size)
{
    if (size > channel->limits.message)
        return failure(
            -EMSGSIZE,
            "%s: a message of %zu bytes is over this channel's limit of %llu "
            "(message=)",
            channel->address, size, (unsigned long long)channel->limits.message);
    if (channel->mechanism_limit && size > channel->mechanism_limit)
        return over_mechanism(channel, size);
    return failure(-EMSGSIZE,
                   "%s: a message of %zu bytes is over the peer's limit of %llu (this "
                   "side's is %llu)",
                   channel->address, size, (unsigned long long)size_most(channel),
                   (unsigned long long)channel->limits.message);
}

static bool fits_kind(const wherry_channel *channel, int64_t kind)
{
    return kind >= 0 && kind <= channel->kind_limit;
}

static bool is_plain(const wherry_channel *channel, const wherry_message *message)
{
    return fits_kind(channel, message->kind) && message->file_count == 0 &&
           !message->route;
}

static APART int check_extras(const wherry_channel *channel,
                              const wherry_message *message)
{
    unsigned abilities = channel->abilities;
    if (message->file_count > 0 && !(abilities & WHERRY_ABLE_FILES))
        return failure(-ENOTSUP, "%s: open files cannot travel on this channel",
                       channel->address);
    if (message->file_count > channel->limits.files)
        return failure(-E2BIG, "%s: %u open files are over the limit of %u (files=)",
                       channel->address, message->file_count, channel->limits.files);
    bool heard = atomic_load(&channel->peer_limit) > 0;
    uint32_t peer_files = atomic_load(&channel->peer_files);
    if (heard && message->file_count > peer_files)
        return failure(-E2BIG, "%s: %u open files are over the peer's limit of %u",
                       channel->address, message->file_count, peer_files);
    if (message->kind != 0 && !(abilities & WHERRY_ABLE_KINDS))
        return failure(-ENOTSUP, "%s: there are no kinds on this channel (kind %lld)",
                       channel->address, (long long)message->kind);
    if (!fits_kind(channel, message->kind))
        return failure(-EINVAL, "%s: a kind is a number from 0 to %lld here",
                       channel->address, (long long)channel->kind_limit);
    bool routed = message->route && message->route->to_size > 0;
    if (routed && !(abilities & WHERRY_ABLE_CONNECTIONLESS))
        return failure(-EISCONN,
                       "%s: this channel has one peer, a message cannot go "
                       "elsewhere",
                       channel->address);
    return 0;
}

static int check_channel(wherry_channel *channel)
{
    if (!(channel->abilities & WHERRY_ABLE_SEND))
        return failure(-EPERM, "%s: this is the receiving end of a one-way mechanism",
                       channel->address);
    if (channel->out.broken)
        return channel_again(channel, channel->out.broken);
    if (channel->out.ending)
        return failure(-ESHUTDOWN, "%s: this end has finished sending",
                       channel->address);
    return 0;
}

static int check_message(wherry_channel *channel, const wherry_message *message)
{
    if (!message)
        return failure(-EINVAL, "%s: no message: it was taken already",
                       channel->address);
    if (message->size > size_most(channel))
        return refuse_size(channel, message->size);
    return is_plain(channel, message) ? 0 : check_extras(channel, message);
}

/* --- trying -------------------------------------------------------------- */

static void count_sent(wherry_channel *channel, uint64_t messages, uint64_t bytes)
{
    counter_add(&channel->out.messages, messages);
    counter_add(&channel->out.bytes, bytes);
}

static int try_send(wherry_channel *channel, wherry_message **message, unsigned flags)
{
    size_t size = (*message)->size;
    int r = words_say_hello(channel, WHERRY_MORE);
    if (r >= 0 && channel->out.queue.first)
        r = queue_flush(channel);
    if (r >= 0)
        r = channel->moves->send(channel->state, message, flags);
    if (r == -EAGAIN)
        r = queue_full(channel, message);
    if (r < 0)
        return r == -EAGAIN ? r : channel_explain(channel, r);
    count_sent(channel, 1, size);
    // A transport of the user's own may have copied it instead of taking it.
    if (*message && !(*message)->borrowed) {
        wherry_message_free(*message);
        *message = NULL;
    }
    return 0;
}

static bool may_wait(const wherry_channel *channel)
{
    return channel->limits.full == FULL_BLOCK;
}

int channel_keep(wherry_channel *channel)
{
    int r = channel->moves->keep ? channel->moves->keep(channel->state) : 0;
    if (r < 0)
        channel->out.broken = failure_plain(r, channel->address);
    return r;
}

// After a message was taken: 0 when all of it has gone or is gathered, -EAGAIN when
// some of it is held.
static int push(wherry_channel *channel, unsigned flags)
{
    if (flags & WHERRY_MORE)
        return channel_keep(channel);
    return channel->moves->flush ? channel->moves->flush(channel->state) : 0;
}

static int lose_rest(wherry_channel *channel, int error)
{
    os_lock_take(&channel->out.lock);
    (void)channel_keep(channel);
    int r = channel_explain(channel, error);
    channel_give_out(channel);
    return r;
}

// The message is taken, and some of it is still here.  What the deadline leaves is
// kept.
static int push_rest(wherry_channel *channel, wherry_deadline deadline)
{
    struct patience patience;
    patience_begin(channel, WHERRY_OUT, &patience);
    while (may_wait(channel) &&
           channel_wait(channel, WHERRY_OUT, deadline, &patience) >= 0) {
        os_lock_take(&channel->out.lock);
        int r = channel->moves->flush(channel->state);
        channel_give_out(channel);
        if (r == -EAGAIN)
            continue;
        patience_rewarded(channel, WHERRY_OUT, &patience);
        return r < 0 ? lose_rest(channel, r) : 0;
    }
    os_lock_take(&channel->out.lock);
    int r = channel_keep(channel);
    channel_give_out(channel);
    return r;
}

// `pushed` is why not all of a message that was taken has gone.
static APART int settle(wherry_channel *channel, int pushed, wherry_deadline deadline)
{
    return pushed == -EAGAIN ? push_rest(channel, deadline)
                             : lose_rest(channel, pushed);
}

// A transport that does not know borrowed bytes gets a message that it may take.
static int own(wherry_channel *channel, wherry_message **message, wherry_message **copy)
{
    if (channel->moves->keep)
        return 0;
    int r = check_message(channel, *message);
    if (r >= 0)
        r = wherry_message_copy((*message)->data, (*message)->size, copy);
    if (r < 0)
        return r;
    (*copy)->kind = (*message)->kind;
    *message = *copy;
    return 0;
}

/* Messages that go out together: the last one with the caller's flags, those before it
 * with WHERRY_MORE. */
struct batch {
    wherry_message **messages;
    size_t count;
    size_t done;
    unsigned flags;
};

static bool may_gather(const wherry_channel *channel)
{
    return channel->moves->gather && !channel->out.queue.first &&
           atomic_load_explicit(&channel->out.said_hello, memory_order_relaxed);
}

static size_t list_plain(const wherry_channel *channel, wherry_message *const *messages,
                         size_t most, struct wherry_plain *plain)
{
    uint64_t largest = size_most(channel);
    size_t count = 0;
    for (; count < most; count++) {
        wherry_message *message = messages[count];
        if (!message || !is_plain(channel, message) || message->size > largest)
            break;
        plain[count] =
            (struct wherry_plain){message->data, message->size, message->kind, message};
    }
    return count;
}

// The plain ones are taken in runs by transports that gather, but for one that nothing
// follows: that goes out with them.
static bool gather(wherry_channel *channel, struct batch *batch)
{
    struct wherry_plain plain[RUN];
    wherry_message **messages = batch->messages + batch->done;
    size_t left = batch->count - batch->done - (batch->flags & WHERRY_MORE ? 0 : 1);
    if (left == 0 || !may_gather(channel))
        return false;
    size_t run = list_plain(channel, messages, left < RUN ? left : RUN, plain);
    size_t done = run > 0 ? channel->moves->gather(channel->state, plain, run) : 0;
    uint64_t bytes = 0;
    for (size_t i = 0; i < done; i++) {
        bytes += plain[i].size;
        message_store_sent(channel->store, &messages[i]);
    }
    count_sent(channel, done, bytes);
    batch->done += done;
    return done > 0;
}

// As many as go without waiting, under one lock.
static int try_batch(wherry_channel *channel, struct batch *batch)
{
    int r = check_channel(channel);
    while (r >= 0 && batch->done < batch->count) {
        if (gather(channel, batch))
            continue;
        bool last = batch->done + 1 == batch->count;
        wherry_message **message = &batch->messages[batch->done];
        r = check_message(channel, *message);
        if (r >= 0)
            r = try_send(channel, message, last ? batch->flags : WHERRY_MORE);
        batch->done += r >= 0 ? 1 : 0;
    }
    return r;
}

// The lock is held before and after, but not meanwhile.
static APART int try_again(wherry_channel *channel, struct batch *batch,
                           wherry_deadline deadline)
{
    struct patience patience;
    patience_begin(channel, WHERRY_OUT, &patience);
    int r;
    do {
        channel_give_out(channel);
        r = channel_wait(channel, WHERRY_OUT, deadline, &patience);
        os_lock_take(&channel->out.lock);
        if (r < 0)
            return r; // -EAGAIN among them
        r = try_batch(channel, batch);
    } while (r == -EAGAIN);
    if (r >= 0)
        patience_rewarded(channel, WHERRY_OUT, &patience);
    return r;
}

// A program that only sends still has to hear what its transport waits for.  Of an end
// that is heard so the next recv tells, in the same words.
static APART void listen(wherry_channel *channel)
{
    bool held_any = false;
    int r = 1;
    if (!os_lock_try(&channel->in.lock))
        return; // somebody receives
    while (r == 1 && !channel->in.ended && !held_is_full(channel)) {
        wherry_message *message;
        r = channel_error(channel, channel_pull(channel, &message));
        if (r == 1)
            list_append(&channel->in.held, message);
        held_any |= r == 1;
    }
    channel_show_ready(channel);
    os_lock_give(&channel->in.lock);
    if (held_any)
        channel_nudge(channel, WHERRY_IN);
}

// Asked by whoever holds out.lock.
static bool expects(const wherry_channel *channel)
{
    const struct wherry_transport *moves = channel->moves;
    return moves->expects && moves->expects(channel->state);
}

// An error in the middle leaves gathered ones behind: they count as taken, and are
// pushed on like those of a whole batch.
static int send_batch(wherry_channel *channel, struct batch *batch,
                      wherry_deadline deadline)
{
    os_lock_take(&channel->out.lock);
    int r = try_batch(channel, batch);
    if (r == -EAGAIN && may_wait(channel))
        r = try_again(channel, batch, deadline);
    int pushed = batch->done > 0 ? push(channel, batch->flags) : 0;
    bool listens = expects(channel);
    channel_give_out(channel);
    if (pushed < 0)
        pushed = settle(channel, pushed, deadline);
    if (listens)
        listen(channel);
    return pushed < 0 ? pushed : r;
}

// With WHERRY_MORE, or where one message alone is no more than a copy, too.
static inline bool is_short(const wherry_channel *channel, unsigned flags)
{
    return channel->moves->put || (flags & WHERRY_MORE);
}

static inline bool may_be_short(const wherry_channel *channel,
                                const struct wherry_plain *plain)
{
    return !channel->out.broken && !channel->out.ending && !channel->out.queue.first &&
           atomic_load_explicit(&channel->out.said_hello, memory_order_relaxed) &&
           fits_kind(channel, plain->kind) && plain->size <= size_most(channel);
}

// 1: it is with the transport; 0: it goes the long way; or what became of pushing on.
// A message that is gone goes back to its shelf, which is under the same lock.
static inline int send_short(wherry_channel *channel, const struct wherry_plain *plain,
                             wherry_message **message, unsigned flags)
{
    const struct wherry_transport *moves = channel->moves;
    int r = 0;
    os_lock_take(&channel->out.lock);
    if (may_be_short(channel, plain)) {
        if (moves->put)
            r = moves->put(channel->state, plain, flags);
        else if (moves->gather)
            r = moves->gather(channel->state, plain, 1) == 1;
        if (r != 0)
            count_sent(channel, 1, plain->size);
        if (r != 0 && message)
            message_store_sent(channel->store, message);
    }
    channel_give_out(channel);
    return r;
}

// It is taken, and has perhaps not gone yet.
static APART int end_short(wherry_channel *channel, int sent, wherry_deadline deadline)
{
    return channel_error(channel, settle(channel, sent, deadline));
}

static APART int send_plain(wherry_channel *channel, const struct wherry_plain *plain,
                            unsigned flags, wherry_deadline deadline)
{
    wherry_message borrowed;
    wherry_message *message = &borrowed;
    wherry_message *copy = NULL;
    message_borrow(&borrowed, plain->data, plain->size, plain->kind);
    struct batch batch = {.messages = &message, .count = 1, .flags = flags};
    int r = own(channel, &message, &copy);
    if (r >= 0)
        r = send_batch(channel, &batch, deadline);
    if (copy && message == copy)
        wherry_message_free(copy);
    return r;
}

/* --- the public verbs ---------------------------------------------------- */

int wherry_send(wherry_channel *channel, wherry_message **message, unsigned flags,
                wherry_deadline deadline)
{
    if (is_short(channel, flags) && *message && is_plain(channel, *message)) {
        struct wherry_plain plain = {(*message)->data, (*message)->size,
                                     (*message)->kind, *message};
        int r = send_short(channel, &plain, message, flags);
        if (r != 0)
            return r == 1 ? 0 : end_short(channel, r, deadline);
    }
    struct batch batch = {.messages = message, .count = 1, .flags = flags};
    return channel_error(channel, send_batch(channel, &batch, deadline));
}

// NOLINTNEXTLINE(readability-function-size): send(2)'s, a kind and a deadline
int wherry_write(wherry_channel *channel, const void *bytes, size_t size, int64_t kind,
                 unsigned flags, wherry_deadline deadline)
{
    struct wherry_plain plain = {bytes, size, kind, NULL};
    int r = is_short(channel, flags) ? send_short(channel, &plain, NULL, flags) : 0;
    if (r == 1)
        return 0;
    if (r < 0)
        return end_short(channel, r, deadline);
    return channel_error(channel, send_plain(channel, &plain, flags, deadline));
}

// Where the peer reads it, else from the channel's own store.
static int try_loan(wherry_channel *channel, size_t size, wherry_message **out)
{
    const struct wherry_transport *moves = channel->moves;
    int r = moves->lend ? moves->lend(channel->state, size, out) : -ENOTSUP;
    const bool waits = may_wait(channel) || channel->limits.full == FULL_FAIL;
    if (r == -ENOTSUP || (r == -EAGAIN && !waits))
        return message_store_take(channel->store, WHERRY_OUT, size, out);
    return r < 0 && r != -EAGAIN && r != -ENOMEM ? channel_explain(channel, r) : r;
}

static APART int try_loan_again(wherry_channel *channel, size_t size,
                                wherry_message **out, wherry_deadline deadline)
{
    struct patience patience;
    patience_begin(channel, WHERRY_OUT, &patience);
    int r;
    do {
        r = channel_wait(channel, WHERRY_OUT, deadline, &patience);
        if (r == -ETIMEDOUT)
            return failure(r,
                           "%s: the peer has not freed enough of what it was lent for "
                           "another %zu bytes (loan= has so many bytes; how many "
                           "messages may be out is bounded, too)",
                           channel->address, size);
        if (r < 0)
            return r;
        os_lock_take(&channel->out.lock);
        r = try_loan(channel, size, out);
        channel_give_out(channel);
    } while (r == -EAGAIN);
    if (r >= 0)
        patience_rewarded(channel, WHERRY_OUT, &patience);
    return r;
}

int wherry_loan(wherry_channel *channel, size_t size, wherry_message **out,
                wherry_deadline deadline)
{
    if (size > size_most(channel))
        return channel_error(channel, refuse_size(channel, size));
    os_lock_take(&channel->out.lock);
    int r = try_loan(channel, size, out);
    bool listens = expects(channel);
    channel_give_out(channel);
    if (r == -EAGAIN && may_wait(channel))
        r = try_loan_again(channel, size, out, deadline);
    if (listens)
        listen(channel);
    return channel_error(channel, r);
}

// As many as go without waiting, and without being looked at one by one.
static size_t gather_bytes(wherry_channel *channel, const struct wherry_bytes *messages,
                           size_t most)
{
    struct wherry_plain plain[RUN];
    const uint64_t largest = size_most(channel);
    uint64_t bytes = 0;
    size_t run = 0;
    if (channel->out.broken || channel->out.ending || !may_gather(channel))
        return 0;
    for (; run < most && run < RUN; run++) {
        const struct wherry_bytes *each = &messages[run];
        if (each->size > largest || !fits_kind(channel, each->kind))
            break;
        plain[run] = (struct wherry_plain){each->bytes, each->size, each->kind, NULL};
    }
    const size_t done =
        run > 0 ? channel->moves->gather(channel->state, plain, run) : 0;
    for (size_t i = 0; i < done; i++)
        bytes += plain[i].size;
    count_sent(channel, done, bytes);
    return done;
}

// An error in the middle leaves those before it to be pushed on.
static void push_gathered(wherry_channel *channel, wherry_deadline deadline)
{
    os_lock_take(&channel->out.lock);
    const int pushed = push(channel, 0);
    channel_give_out(channel);
    if (pushed < 0)
        (void)channel_error(channel, settle(channel, pushed, deadline));
}

// The last one goes alone: it pushes on those before it.
int wherry_write_many(wherry_channel *channel, const struct wherry_bytes *messages,
                      size_t count_most, wherry_deadline deadline)
{
    const size_t last = count_most - 1;
    size_t done = 0;
    int r = channel_check_count(channel, "write_many", count_most);
    while (r >= 0 && done < count_most) {
        const struct wherry_bytes *next = &messages[done];
        os_lock_take(&channel->out.lock);
        const size_t run = gather_bytes(channel, next, last - done);
        channel_give_out(channel);
        done += run;
        if (run > 0)
            continue;
        r = wherry_write(channel, next->bytes, next->size, next->kind,
                         done < last ? WHERRY_MORE : 0, deadline);
        done += r >= 0;
    }
    if (r < 0 && done > 0)
        push_gathered(channel, deadline);
    return done > 0 ? (int)done : r;
}

int wherry_send_many(wherry_channel *channel, wherry_message **messages,
                     size_t count_most, wherry_deadline deadline)
{
    int r = channel_check_count(channel, "send_many", count_most);
    if (r < 0)
        return r;
    struct batch batch = {.messages = messages, .count = count_most};
    r = channel_error(channel, send_batch(channel, &batch, deadline));
    return batch.done > 0 ? (int)batch.done : r;
}
