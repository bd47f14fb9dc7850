/* SPDX-License-Identifier: MIT */
/*
 * The scripted transport.  It keeps a copy of what was sent, as text; whoever gave it
 * the message may free it at once.
 */
#include "scripted.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "message/store.h"

/* --- the script ---------------------------------------------------------- */

struct answers first(int result)
{
    return (struct answers){.first = result, .times = 1};
}

struct answers always(int result)
{
    return (struct answers){.then = result};
}

static int answer(struct answers *answers)
{
    if (answers->times == 0)
        return answers->then;
    answers->times--;
    return answers->first;
}

static void arrives(struct scripted *script, struct arrival arrival)
{
    CHECK(script->arrived < SCRIPTED_ARRIVALS);
    script->arrivals[script->arrived++] = arrival;
}

void scripted_arrives(struct scripted *script, int64_t kind, const char *text)
{
    wherry_message *message;
    CHECK_OK(wherry_message_copy(text, strlen(text), &message));
    message->kind = kind;
    arrives(script, (struct arrival){.message = message});
}

void scripted_arrives_word(struct scripted *script, enum frame_word word,
                           int64_t number)
{
    const struct hello hello = {.version_least = HELLO_VERSION,
                                .version_most = HELLO_VERSION,
                                .message_limit = 1000,
                                .file_limit = 1};
    uint8_t bytes[HELLO_SIZE];
    wherry_message *message;
    hello_encode(&hello, bytes);
    CHECK_OK(
        wherry_message_copy(bytes, word == FRAME_HELLO ? sizeof bytes : 0, &message));
    message->word = word;
    message->kind = number;
    arrives(script, (struct arrival){.message = message});
}

void scripted_arrives_result(struct scripted *script, int result)
{
    arrives(script, (struct arrival){.result = result});
}

/* --- the transport ------------------------------------------------------- */

static void note(struct scripted *script, const wherry_message *message)
{
    static const char *const words[FRAME_WORDS] = {[FRAME_HELLO] = "hello",
                                                   [FRAME_END] = "end",
                                                   [FRAME_SYNC] = "sync:",
                                                   [FRAME_SYNC_ACK] = "ack:"};
    size_t used = strlen(script->said);
    char *at = script->said + used;
    size_t room = sizeof script->said - used;
    const char *space = used ? " " : "";
    if (message->word == FRAME_MESSAGE)
        snprintf(at, room, "%s%.*s", space, (int)message->size,
                 (const char *)message->data);
    else if (message->word == FRAME_HELLO || message->word == FRAME_END)
        snprintf(at, room, "%s%s", space, words[message->word]);
    else
        snprintf(at, room, "%s%s%d", space, words[message->word], (int)message->kind);
}

static int play_send(void *state, wherry_message **message, unsigned flags)
{
    struct scripted *script = state;
    (void)flags;
    int r = answer(&script->send);
    if (r < 0)
        return r;
    if (!script->is_mute)
        note(script, *message);
    return 0;
}

size_t scripted_gather(void *state, const struct wherry_plain *messages, size_t count)
{
    struct scripted *script = state;
    size_t done = count < 2 ? count : 2;
    for (size_t i = 0; i < done; i++) {
        wherry_message message;
        message_borrow(&message, messages[i].data, messages[i].size, messages[i].kind);
        note(script, &message);
    }
    script->gathered += (unsigned)done;
    return done;
}

static int play_recv(void *state, wherry_message **out)
{
    struct scripted *script = state;
    if (script->heard == script->arrived)
        return -EAGAIN;
    struct arrival *next = &script->arrivals[script->heard++];
    if (!next->message)
        return next->result;
    *out = next->message;
    next->message = NULL;
    return 1;
}

static int play_flush(void *state)
{
    struct scripted *script = state;
    return answer(&script->flush);
}

static int play_keep(void *state)
{
    struct scripted *script = state;
    return answer(&script->keep);
}

static int play_finish(void *state)
{
    struct scripted *script = state;
    script->finished++;
    return answer(&script->finish);
}

static int play_wait(void *state, enum wherry_direction direction,
                     struct wherry_wait waits[WHERRY_WAITS])
{
    struct scripted *script = state;
    script->waited[direction]++;
    int r = answer(&script->wait[direction]);
    if (r != 0)
        return r < 0 ? r : 0;
    waits[0] = (struct wherry_wait){.fd = script->fd, .events = os_wait_in};
    return 1;
}

static void play_close(void *state)
{
    struct scripted *script = state;
    for (; script->heard < script->arrived; script->heard++)
        wherry_message_free(script->arrivals[script->heard].message);
    script->closed++;
}

/* --- opening ------------------------------------------------------------- */

void scripted_begin(struct scripted *script)
{
    *script = (struct scripted){
        .moves = {.scheme = "own",
                  .abilities = WHERRY_ABLE_DUPLEX | WHERRY_ABLE_KINDS |
                               WHERRY_ABLE_FILES | WHERRY_ABLE_FINISH,
                  .send = play_send,
                  .recv = play_recv,
                  .flush = play_flush,
                  .wait = play_wait,
                  .keep = play_keep,
                  .finish = play_finish,
                  .close = play_close}};
    script->bell = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    script->silent = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    CHECK_OK(script->bell);
    CHECK_OK(script->silent);
    script->fd = script->bell;
}

wherry_channel *scripted_open_as(struct scripted *script, const char *address)
{
    wherry_channel *channel;
    if (wherry_channel_new(&script->moves, script, address, &channel) < 0)
        FAIL("%s", wherry_error_text());
    return channel;
}

wherry_channel *scripted_open(struct scripted *script, const char *address)
{
    scripted_begin(script);
    return scripted_open_as(script, address);
}

wherry_channel *scripted_open_with_words(struct scripted *script, const char *address)
{
    wherry_channel *channel = scripted_open(script, address);
    channel->words = true;
    channel->abilities |= WHERRY_ABLE_DRAIN;
    channel->is_own = false;
    return channel;
}

void scripted_close(struct scripted *script, wherry_channel *channel)
{
    CHECK_INT(script->closed, 0);
    wherry_close(channel);
    CHECK_INT(script->closed, 1);
    scripted_end(script);
}

void scripted_end(struct scripted *script)
{
    close(script->bell);
    close(script->silent);
}

/* --- descriptors --------------------------------------------------------- */

static struct rlimit all;

static void set_most(int most)
{
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &all), 0);
    struct rlimit few = {.rlim_cur = (rlim_t)most, .rlim_max = all.rlim_max};
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &few), 0);
}

void descriptors_leave(unsigned room)
{
    int lowest = 0;
    for (unsigned found = 0;; lowest++) {
        if (fcntl(lowest, F_GETFD) < 0 && found++ == room)
            break;
    }
    set_most(lowest);
}

void descriptors_leave_all(void)
{
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &all), 0);
}

// As many as may be open may be waited for (poll(2), EINVAL).
void waits_are_refused(void)
{
    close(STDIN_FILENO);
    set_most(1);
}

/* --- short words --------------------------------------------------------- */

wherry_deadline soon(void)
{
    return wherry_after(harness_stretch(HARNESS_PATIENCE));
}

wherry_deadline at_once(void)
{
    return wherry_after(5);
}

wherry_deadline long_ago(void)
{
    return wherry_now() - 1;
}

int say(wherry_channel *channel, const char *text)
{
    return wherry_write(channel, text, strlen(text), 0, 0, soon());
}

void hear(wherry_channel *channel, const char *text)
{
    char heard[64] = "";
    int64_t size = wherry_read(channel, heard, sizeof heard - 1, NULL, NULL, soon());
    if (size < 0)
        FAIL("instead of \"%s\": %s", text, wherry_error_text());
    CHECK_STRING(heard, text);
}
