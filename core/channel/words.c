/* SPDX-License-Identifier: MIT */
/*
 * The words that the two ends of a channel say to each other between messages: hello,
 * end, sync and its answer.
 *
 * Hello comes first in each direction, from whoever uses the end first: so after a
 * fork(2) the kernel's word about its sender names the process that really speaks.
 */
#include "channel/channel.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static int send_word(wherry_channel *channel, wherry_message *word, unsigned flags)
{
    int r = channel->moves->send(channel->state, &word, flags);
    if (r < 0)
        return r;
    assert(channel->moves->keep); // words go where borrowed messages are known
    // A borrowed word that went out in part would leave with this call's stack.
    return channel_keep(channel);
}

int words_say_hello(wherry_channel *channel, unsigned flags)
{
    bool said = atomic_load_explicit(&channel->out.said_hello, memory_order_relaxed);
    if (said || !(channel->abilities & WHERRY_ABLE_SEND))
        return 0;
    if (channel->words) {
        bool takes_files = (channel->abilities & WHERRY_ABLE_FILES) != 0;
        struct hello hello = {.version_least = HELLO_VERSION,
                              .version_most = HELLO_VERSION,
                              .layout = channel->layout,
                              .message_limit = channel->limits.message,
                              .file_limit = takes_files ? channel->limits.files : 0};
        uint8_t bytes[HELLO_SIZE];
        hello_encode(&hello, bytes);
        wherry_message word;
        message_borrow(&word, bytes, sizeof(bytes), 0);
        word.word = FRAME_HELLO;
        int r = send_word(channel, &word, flags);
        if (r < 0)
            return r;
    }
    channel->out.speaker = os_self();
    atomic_store(&channel->out.said_hello, true);
    return 0;
}

int words_say(wherry_channel *channel, enum frame_word word, int64_t number)
{
    wherry_message message;
    message_borrow(&message, "", 0, number);
    message.word = word;
    return send_word(channel, &message, 0);
}

// Whether there is room for more answers; nothing is due any more once nothing can be
// said.
static bool answer_now(wherry_channel *channel)
{
    int64_t due = atomic_load(&channel->ack_due);
    int r = -EPIPE;
    if (due > 0 && !channel->out.ending && !channel->out.broken)
        r = words_say_hello(channel, WHERRY_MORE);
    if (r >= 0)
        r = words_say(channel, FRAME_SYNC_ACK, due - 1);
    if (r == -EAGAIN)
        return false;
    // A later sync may have become due meanwhile: then that one stays due.
    atomic_compare_exchange_strong(&channel->ack_due, &due, 0);
    return true;
}

void words_answer(wherry_channel *channel)
{
    // Whoever holds the lock looks at ack_due after giving it back.
    while (atomic_load(&channel->ack_due) > 0 && os_lock_try(&channel->out.lock)) {
        bool done = answer_now(channel);
        os_lock_give(&channel->out.lock);
        if (!done)
            return;
    }
}

/* --- hearing ------------------------------------------------------------- */

// Each returns 1 if it has kept the word, else 0 or an error.

static int hear_hello(wherry_channel *channel, wherry_message *word)
{
    struct hello hello;
    int r = hello_decode(word->data, word->size, &hello);
    if (r < 0)
        return r;
    const struct wherry_peer *peer = message_store_peer(channel->store);
    if (peer->trust == WHERRY_TRUST_KERNEL)
        atomic_store(&channel->peer_pid, peer->pid);
    channel->in.heard_hello = true;
    // In this order: whoever sees the limit sees the files too.
    atomic_store(&channel->peer_files, hello.file_limit);
    atomic_store(&channel->peer_limit, hello.message_limit);
    return 0;
}

static int hear_end(wherry_channel *channel, wherry_message *word)
{
    (void)word;
    channel->in.heard_end = true;
    return 0;
}

static void answer_sync(wherry_channel *channel, const wherry_message *word)
{
    atomic_store(&channel->ack_due, word->kind + 1);
    words_answer(channel);
}

// It waits behind what was received before it and is not yet taken.  Two that meet say
// what the later one says: so no more syncs are held than messages.
static int hear_sync(wherry_channel *channel, wherry_message *word)
{
    struct message_list *held = &channel->in.held;
    if (word->kind == INT64_MAX)
        return failure(-EPROTO, "the peer's sync has an impossible number");
    if (!held->first)
        answer_sync(channel, word);
    else if (held->last->word == FRAME_SYNC)
        held->last->kind = word->kind;
    else
        list_append(held, word);
    return held->last == word;
}

void words_hear_held(wherry_channel *channel)
{
    struct message_list *held = &channel->in.held;
    if (!held->first || held->first->word == FRAME_MESSAGE)
        return;
    wherry_message *sync = list_take(held, NULL);
    answer_sync(channel, sync);
    wherry_message_free(sync);
}

static int hear_sync_ack(wherry_channel *channel, wherry_message *word)
{
    // A peer may claim what it likes of itself, but not more than was sent.
    int64_t sent = (int64_t)atomic_load(&channel->out.messages);
    if (word->kind > sent)
        return failure(-EPROTO, "the peer confirms %lld messages, %lld were sent",
                       (long long)word->kind, (long long)sent);
    atomic_store(&channel->ack_heard, word->kind);
    channel_nudge(channel, WHERRY_OUT);
    return 0;
}

// Its transport hears it, where that is local:.
static int hear_ring(wherry_channel *channel, wherry_message *word)
{
    (void)channel;
    (void)word;
    return failure(-EPROTO, "the peer speaks of memory, which only local: has");
}

static int (*const hearers[FRAME_WORDS])(wherry_channel *, wherry_message *) = {
    [FRAME_HELLO] = hear_hello, [FRAME_END] = hear_end,
    [FRAME_SYNC] = hear_sync,   [FRAME_SYNC_ACK] = hear_sync_ack,
    [FRAME_RING] = hear_ring,
};

int words_hear(wherry_channel *channel, wherry_message *word)
{
    bool is_hello = word->word == FRAME_HELLO;
    int r = 0;
    if (!channel->words)
        r = failure(-EPROTO, "the peer sends words of the wherry framing where only "
                             "messages go");
    else if (is_hello == channel->in.heard_hello)
        r = failure(-EPROTO, is_hello
                                 ? "the peer said hello twice"
                                 : "the peer did not begin with a hello: it speaks "
                                   "another framing or version");
    if (r >= 0)
        r = hearers[word->word](channel, word);
    if (r <= 0)
        wherry_message_free(word);
    if (is_hello) // there is none like it again
        message_store_trim(channel->store, WHERRY_IN);
    return r < 0 ? r : 0;
}
