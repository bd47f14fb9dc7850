/* SPDX-License-Identifier: MIT */
/*
 * Receiving: the next message, or the next of a kind.
 *
 * What was passed over stands in the held list (held.c), and is looked at first.
 */
#include "channel/channel.h"

#include <errno.h>
#include <string.h>

enum { WORDS_AT_ONCE = 64 };

/* --- from the transport -------------------------------------------------- */

static int peer_died(wherry_channel *channel)
{
    const struct wherry_peer *peer = message_store_peer(channel->store);
    if (peer->trust == WHERRY_TRUST_KERNEL && peer->pid > 0)
        return failure(-ECONNRESET,
                       "%s: the peer (process %lld of user %lld) went away without an "
                       "orderly end: it died, or was killed",
                       channel->address, (long long)peer->pid, (long long)peer->uid);
    if (channel->in.heard_hello)
        return failure(-ECONNRESET,
                       "%s: the peer went away without an orderly end: it died, or was "
                       "killed",
                       channel->address);
    return failure(-ECONNRESET, "%s: the other end was closed before it ever spoke",
                   channel->address);
}

// Errors that are one message's, and leave the channel as good as before.
static bool is_passing(int error)
{
    return error == -EMFILE || error == -E2BIG || error == -ENOMEM || error == -ENOSPC;
}

static int end_with(wherry_channel *channel, int r)
{
    bool gone = r == 0 || r == -ECONNRESET;
    if (gone && channel->words && !channel->in.heard_end)
        r = peer_died(channel);
    // After its orderly end a peer may drop what we sent: that is no news.
    else if (gone && channel->in.heard_end)
        r = 0;
    else if (r < 0)
        r = channel->is_own ? failure_plain(r, channel->address)
                            : failure_prefix(r, "%s", channel->address);
    bool packets = (channel->abilities & WHERRY_ABLE_MESSAGES) != 0;
    bool passing = is_passing(r) ||
                   (packets && (r == -EMSGSIZE || r == -EPROTO || r == -ECONNREFUSED));
    if (!passing)
        channel->in.ended = r == 0 ? 1 : r;
    return r;
}

static int hear(wherry_channel *channel, wherry_message *word)
{
    int r;
    if (word->word == FRAME_MESSAGE) {
        wherry_message_free(word);
        r = failure(-EPROTO, "the peer did not begin with a hello: it speaks another "
                             "framing or version, or the end is used by two");
    } else {
        r = words_hear(channel, word);
    }
    if (r < 0)
        channel->in.ended = failure_prefix(r, "%s", channel->address);
    return r;
}

static bool is_message(const wherry_channel *channel, const wherry_message *message)
{
    return message->word == FRAME_MESSAGE &&
           (channel->in.heard_hello || !channel->words);
}

static int move(wherry_channel *channel, wherry_message **out)
{
    const struct wherry_transport *moves = channel->moves;
    const struct channel_in *in = &channel->in;
    return moves->recv_kind
               ? moves->recv_kind(channel->state, in->wanted, in->room, out)
               : moves->recv(channel->state, out);
}

int channel_pull(wherry_channel *channel, wherry_message **out)
{
    if (channel->in.ended)
        return channel->in.ended > 0 ? 0 : channel_again(channel, channel->in.ended);
    for (int words = 0; words < WORDS_AT_ONCE; words++) {
        wherry_message *message;
        int r = channel->in.heard_end ? 0 : move(channel, &message);
        if (r == -EAGAIN)
            return r;
        if (r <= 0)
            return end_with(channel, r);
        if (is_message(channel, message)) {
            counter_add(&channel->in.messages, 1);
            counter_add(&channel->in.bytes, message->size);
            *out = message;
            return 1;
        }
        r = hear(channel, message);
        if (r < 0)
            return r;
    }
    // A peer that says words without end is listened to in portions, so that deadlines
    // are looked at between them; what is read ahead already raises no event.
    channel_nudge(channel, WHERRY_IN);
    return -EAGAIN;
}

/* --- the next one -------------------------------------------------------- */

static bool is_wanted(const wherry_message *message, int64_t kind)
{
    return kind < 0 ? message->kind <= -kind : held_fits(message, kind);
}

// The lowest of what is held, unless the mechanism has a lower one.
static int take_lower(wherry_channel *channel, int64_t most, wherry_message **out)
{
    wherry_message *held = NULL;
    if (!held_take_lowest(channel, most, &held))
        return 0;
    channel->in.wanted = 1 - held->kind;
    bool may_be_lower = held->kind > 1;
    int r = may_be_lower ? channel_pull(channel, out) : -EAGAIN;
    if (r == 1)
        list_prepend(&channel->in.held, held);
    else
        *out = held;
    return 1;
}

// The mechanism picks; here is only what a read had too little room for, or what came
// for a call that had no memory for it.
static int take_picked(wherry_channel *channel, int64_t kind, wherry_message **out)
{
    bool has_held = channel->in.held.first != NULL;
    if (has_held && kind < 0 && take_lower(channel, -kind, out))
        return 1;
    if (has_held && kind >= 0 && held_take(channel, kind, out))
        return 1;
    for (;;) {
        channel->in.wanted = kind;
        int r = channel_pull(channel, out);
        if (r != 1 || is_wanted(*out, kind))
            return r;
        list_append(&channel->in.held, *out);
    }
}

// For a kind below zero all that has arrived must be seen before the lowest is known.
static int take_next(wherry_channel *channel, int64_t kind, wherry_message **out)
{
    struct message_list *held = &channel->in.held;
    if (channel->in.owed) {
        int owed = channel->in.owed;
        channel->in.owed = 0;
        return channel_again(channel, owed);
    }
    if (channel->moves->recv_kind)
        return take_picked(channel, kind, out);
    if (held->first && kind >= 0 && held_take(channel, kind, out))
        return 1;
    for (;;) {
        if (kind != 0 && held_is_full(channel))
            return held_take(channel, kind, out) ? 1 : held_tell_full(channel, kind);
        wherry_message *message = NULL;
        int r = channel_pull(channel, &message);
        if (r <= 0)
            return kind < 0 && held_take(channel, kind, out) ? 1 : r;
        if (message && kind >= 0 && held_fits(message, kind)) {
            *out = message;
            return 1;
        }
        list_append(held, message);
    }
}

void channel_show_ready(wherry_channel *channel)
{
    struct channel_in *in = &channel->in;
    if (in->watch < 0)
        return;
    watch_changes(channel);
    rest_expect(channel);
    bool ready = in->always_ready || in->held.count > 0 || in->ended || in->owed ||
                 (channel->moves->ready && channel->moves->ready(channel->state));
    if (ready == in->shows_ready)
        return;
    in->shows_ready = ready;
    os_watch_change(in->watch, ready_descriptor(in->ready), ready);
}

static int check(wherry_channel *channel, int64_t kind)
{
    if (!(channel->abilities & WHERRY_ABLE_RECV))
        return failure(-EPERM, "%s: this is the sending end of a one-way mechanism",
                       channel->address);
    if (kind != 0 && !(channel->abilities & WHERRY_ABLE_KINDS))
        return failure(-ENOTSUP, "%s: there are no kinds on this channel",
                       channel->address);
    if (kind == INT64_MIN)
        return failure(-EINVAL, "%s: no such kind", channel->address);
    return 0;
}

// Whoever only listens says hello too, so that the peer learns who is there.  Where the
// kernel vouches for nobody it would tell nothing, and, over TCP, come back as a reset
// from a peer that has sent everything and closed.
static void greet(wherry_channel *channel)
{
    bool said = atomic_load_explicit(&channel->out.said_hello, memory_order_relaxed);
    bool vouched = (channel->abilities & WHERRY_ABLE_SENDER) != 0;
    if (said || !vouched || !os_lock_try(&channel->out.lock))
        return;
    (void)words_say_hello(channel, 0);
    channel_give_out(channel);
}

int channel_greeted(wherry_channel *channel)
{
    wherry_message *message = NULL;
    os_lock_take(&channel->in.lock);
    // The hello is heard on the way to the first message, which is held then.
    int r = channel_pull(channel, &message);
    if (r == 1)
        list_append(&channel->in.held, message);
    bool heard = channel->in.heard_hello;
    os_lock_give(&channel->in.lock);
    return heard ? 1 : r;
}

// Whether the next message is the transport's, and needs no look at the words that the
// two ends say.
static bool may_take_ahead(const wherry_channel *channel)
{
    const struct channel_in *in = &channel->in;
    bool heard = in->heard_hello || !channel->words;
    return !in->held.first && !in->owed && !in->ended && !in->heard_end && heard;
}

static size_t take_ahead(wherry_channel *channel, wherry_message **out, size_t most)
{
    if (!channel->moves->recv_ahead || !may_take_ahead(channel))
        return 0;
    size_t run = channel->moves->recv_ahead(channel->state, out, most);
    counter_add(&channel->in.messages, run);
    counter_add(&channel->in.bytes, list_bytes(out, run));
    return run;
}

// NOLINTNEXTLINE(readability-function-size): the transport's own parameters
static size_t read_ahead(wherry_channel *channel, void *bytes, size_t capacity,
                         struct wherry_bytes *out, size_t most)
{
    if (!channel->moves->read_ahead || !may_take_ahead(channel))
        return 0;
    size_t run = channel->moves->read_ahead(channel->state, bytes, capacity, out, most);
    uint64_t sum = 0;
    for (size_t i = 0; i < run; i++)
        sum += out[i].size;
    counter_add(&channel->in.messages, run);
    counter_add(&channel->in.bytes, sum);
    return run;
}

// The next message if it fits into `room` bytes, else it stays first.
static int take_into(wherry_channel *channel, int64_t kind, size_t room,
                     wherry_message **out)
{
    wherry_message *message = NULL;
    if (kind == 0 && room == SIZE_MAX && take_ahead(channel, out, 1) == 1)
        return 1;
    channel->in.room = room;
    int r = take_next(channel, kind, &message);
    channel->in.room = SIZE_MAX;
    if (r != 1 || !message)
        return r;
    if (message->size > room) {
        r = failure(-ENOSPC, "%s: a message of %zu bytes waits, there is room for %zu",
                    channel->address, message->size, room);
        list_prepend(&channel->in.held, message);
        return r;
    }
    *out = message;
    words_hear_held(channel);
    return 1;
}

// Awake as long as that is cheaper than asleep: the first look is not to be in vain.
static void spin(wherry_channel *channel, wherry_deadline deadline,
                 struct patience *patience)
{
    const struct channel_in *in = &channel->in;
    if (channel->moves->spin && deadline != WHERRY_POLL && !in->held.first &&
        !in->ended && !in->owed)
        (void)patience_spins(channel, WHERRY_IN, patience);
}

/* What a call asks for.  A read has `room` for bytes, and what needs no object on its
 * way there is in `got`. */
struct wish {
    int64_t kind;
    size_t room;
    void *bytes;
    struct wherry_bytes got;
    bool has_spun; // in vain, before the long way
};

static inline bool take_first(wherry_channel *channel, struct wish *wish,
                              wherry_message **out)
{
    if (wish->bytes &&
        read_ahead(channel, wish->bytes, wish->room, &wish->got, 1) == 1) {
        *out = NULL; // a look in vain may have written there
        return true;
    }
    return take_ahead(channel, out, 1) == 1;
}

/* What becomes of the first look of a call. */
enum quick { QUICK_TAKEN, QUICK_NOTHING, QUICK_SPUN };

// The next message where that is seen without asking the system: no more than a copy.
// What is larger than the caller has room for goes the long way, which says so.
static enum quick take_quickly(wherry_channel *channel, struct wish *wish,
                               wherry_deadline deadline, wherry_message **out)
{
    enum quick r = QUICK_NOTHING;
    os_lock_take(&channel->in.lock);
    if (take_first(channel, wish, out)) {
        r = QUICK_TAKEN;
    } else if (deadline != WHERRY_POLL && !channel->in.held.first &&
               !channel->in.ended && !channel->in.owed) {
        int spun = channel->moves->spin(channel->state, WHERRY_IN);
        r = spun == -ENOTSUP ? QUICK_NOTHING : QUICK_SPUN;
        if (spun == 1 && take_first(channel, wish, out))
            r = QUICK_TAKEN;
    }
    if (r == QUICK_TAKEN && *out && (*out)->size > wish->room) {
        list_prepend(&channel->in.held, *out);
        r = QUICK_NOTHING;
    }
    if (channel->in.watch >= 0)
        channel_show_ready(channel);
    os_lock_give(&channel->in.lock);
    return r;
}

// What a mechanism picks by kind it may leave where it is, too, if there is no room.
static bool may_be_quick(const wherry_channel *channel, int64_t kind, size_t room)
{
    if (room != SIZE_MAX && channel->moves->recv_kind)
        return false;
    bool has_said =
        !(channel->abilities & WHERRY_ABLE_SEND) ||
        atomic_load_explicit(&channel->out.said_hello, memory_order_relaxed);
    return channel->moves->spin && kind == 0 && channel->in.taker != 0 && has_said;
}

static int receive(wherry_channel *channel, const struct wish *wish,
                   wherry_message **out, wherry_deadline deadline)
{
    int r = check(channel, wish->kind);
    if (r < 0)
        return r;
    greet(channel);
    bool has_spun = wish->has_spun;
    struct patience patience;
    patience_begin(channel, WHERRY_IN, &patience);
    patience.gives_no_more = has_spun;
    expectation_begin(channel, deadline);
    for (;;) {
        os_lock_take(&channel->in.lock);
        if (!has_spun)
            spin(channel, deadline, &patience);
        has_spun = false;
        r = take_into(channel, wish->kind, wish->room, out);
        expectation_learn(channel, r != -EAGAIN);
        channel_show_ready(channel);
        const bool rests = r == -EAGAIN && rest_is_due(channel);
        os_lock_give(&channel->in.lock);
        if (rests)
            rest_when_due(channel);
        if (r != -EAGAIN) {
            if (channel->in.taker == 0 && r > 0)
                channel->in.taker = os_self();
            patience_rewarded(channel, WHERRY_IN, &patience);
            return r;
        }
        if (atomic_load(&channel->ack_due) > 0)
            words_answer(channel);
        r = channel_wait(channel, WHERRY_IN, deadline, &patience);
        if (r < 0)
            return r;
    }
}

/* --- the public verbs ---------------------------------------------------- */

static inline int receive_one(wherry_channel *channel, struct wish *wish,
                              wherry_message **out, wherry_deadline deadline)
{
    if (may_be_quick(channel, wish->kind, wish->room)) {
        enum quick quick = take_quickly(channel, wish, deadline, out);
        if (quick == QUICK_TAKEN)
            return 1;
        *out = NULL;
        wish->has_spun = quick == QUICK_SPUN;
    }
    return channel_error(channel, receive(channel, wish, out, deadline));
}

int wherry_recv_kind(wherry_channel *channel, int64_t kind, wherry_message **out,
                     wherry_deadline deadline)
{
    struct wish wish = {.kind = kind, .room = SIZE_MAX};
    wherry_message *message = NULL;
    int r = receive_one(channel, &wish, &message, deadline);
    if (r >= 0)
        *out = message;
    return r;
}

int wherry_recv(wherry_channel *channel, wherry_message **out, wherry_deadline deadline)
{
    return wherry_recv_kind(channel, 0, out, deadline);
}

// Bytes lie where they were wanted, and its object is gone.
static struct wherry_bytes land(void *bytes, wherry_message *message)
{
    const struct wherry_bytes landed = {bytes, message->size, message->kind};
    copy_shared(bytes, message->data, message->size, false);
    wherry_message_free(message);
    return landed;
}

static inline int read_one(wherry_channel *channel, struct wish *wish,
                           wherry_deadline deadline)
{
    wherry_message *message = NULL;
    int r = receive_one(channel, wish, &message, deadline);
    if (r > 0 && message)
        wish->got = land(wish->bytes, message);
    return r;
}

// NOLINTNEXTLINE(readability-function-size): what recv(2) takes, and a kind and an end
int64_t wherry_read(wherry_channel *channel, void *bytes, size_t capacity,
                    int64_t *kind, int *ended, wherry_deadline deadline)
{
    struct wish wish = {.room = capacity, .bytes = bytes};
    int r = read_one(channel, &wish, deadline);
    if (r < 0)
        return r;
    if (ended)
        *ended = r == 0;
    if (r > 0 && kind)
        *kind = wish.got.kind;
    return (int64_t)wish.got.size;
}

// After as many as there were.  The next call tells why there are no more: what ended
// the channel by itself, one message's own error because it is owed.
static void end_many(wherry_channel *channel, int r)
{
    r = channel_error(channel, r);
    if (r < 0 && r != -EAGAIN && !channel->in.ended)
        channel->in.owed = r;
    channel_show_ready(channel);
    os_lock_give(&channel->in.lock);
}

int wherry_recv_many(wherry_channel *channel, wherry_message **out, size_t count_most,
                     wherry_deadline deadline)
{
    int r = channel_check_count(channel, "recv_many", count_most);
    if (r >= 0)
        r = wherry_recv(channel, &out[0], deadline);
    if (r <= 0)
        return r;
    size_t done = 1;
    os_lock_take(&channel->in.lock);
    while (done < count_most && r == 1) {
        size_t run = take_ahead(channel, out + done, count_most - done);
        if (run == 0)
            r = take_into(channel, 0, SIZE_MAX, &out[done]);
        done += run > 0 ? run : r == 1;
    }
    end_many(channel, r);
    return (int)done;
}

// One that needs an object on its way.  That there is no room for it is no error of the
// call that has others, and needs no sentence.
static int read_by_object(wherry_channel *channel, uint8_t *bytes, size_t capacity,
                          struct wherry_bytes *out)
{
    struct failure_aside before;
    wherry_message *message = NULL;
    failure_put_aside(&before);
    const int r = take_into(channel, 0, capacity, &message);
    if (r == 1 && message)
        *out = land(bytes, message);
    if (r != -ENOSPC)
        return r;
    failure_bring_back(&before);
    return -EAGAIN;
}

static size_t end_of(const struct wherry_bytes *last, const void *bytes)
{
    const ptrdiff_t start = (const uint8_t *)last->bytes - (const uint8_t *)bytes;
    return (size_t)start + bytes_padded(last->size);
}

// NOLINTNEXTLINE(readability-function-size): read's, and where each lies
int wherry_read_many(wherry_channel *channel, void *bytes, size_t capacity,
                     struct wherry_bytes *out, size_t count_most,
                     wherry_deadline deadline)
{
    struct wish wish = {.room = capacity, .bytes = bytes};
    int r = channel_check_count(channel, "read_many", count_most);
    if (r >= 0)
        r = read_one(channel, &wish, deadline);
    if (r <= 0)
        return r;
    out[0] = wish.got;
    size_t done = 1;
    os_lock_take(&channel->in.lock);
    while (done < count_most && r == 1) {
        const size_t used = end_of(&out[done - 1], bytes);
        if (used >= capacity)
            break;
        uint8_t *at = (uint8_t *)bytes + used;
        size_t run =
            read_ahead(channel, at, capacity - used, out + done, count_most - done);
        if (run == 0)
            r = read_by_object(channel, at, capacity - used, &out[done]);
        done += run > 0 ? run : r == 1;
    }
    end_many(channel, r);
    return (int)done;
}
