/* SPDX-License-Identifier: MIT */
/*
 * The sending side of a conversation.
 *
 * It ends with the input, with an error, when it is told to stop, and when the peer has
 * hung up while there is nothing to say.
 */
#include "talk_sender.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "interrupt.h"
#include "open.h"
#include "progress.h"
#include "say.h"

enum { CONFIRM_PATIENCE = 1000 }; // milliseconds until a wait is worth a word

struct sender {
    wherry_channel *channel;
    const struct talk_plan *plan;
    unsigned abilities;
    size_t limit;   /* the largest message */
    bool is_choosy; /* what the peer does not read is its own choice */
    char scheme[sizeof(((struct wherry_channel_info *)NULL)->scheme)];
    pthread_t thread;
    int stop[2];  /* a pipe: readable when it shall end */
    int heard[2]; /* a pipe: readable when `to` is known */
    int done[2];  /* a pipe: readable when there is nothing more to send */
    pthread_mutex_t lock;
    char to[sizeof(((struct wherry_peer *)NULL)->address)]; /* under `lock` */
    int peer;                                               /* hangs up with the peer */
    int next_word;
    int files[FILES_MOST]; /* go with the first message */
    int64_t sent;
    struct progress progress;
    int status;
};

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* --- one message --------------------------------------------------------- */

static bool is_connectionless(const struct sender *sender)
{
    return (sender->abilities & WHERRY_ABLE_CONNECTIONLESS) != 0;
}

static int attach_files(const struct sender *sender, wherry_message *message)
{
    int r = 0;
    for (size_t i = 0; i < sender->plan->choices->file_count && r >= 0; i++)
        r = wherry_message_attach(message, sender->files[i]);
    return r;
}

static int say_why(const struct sender *sender, const char *text)
{
    return say_error(sender->plan->verb, "%s", text);
}

// With what a plain write has not: open files, a destination.
static int send_message(struct sender *sender, const void *bytes, size_t size,
                        wherry_deadline deadline)
{
    const struct choices *choices = sender->plan->choices;
    wherry_message *message = NULL;
    int r = wherry_message_copy(bytes, size, &message);
    if (r >= 0)
        r = wherry_message_set_kind(message, choices->kind);
    if (r >= 0 && sender->sent == 0)
        r = attach_files(sender, message);
    pthread_mutex_lock(&sender->lock);
    if (r >= 0 && is_connectionless(sender))
        r = wherry_message_set_to(message, sender->to);
    pthread_mutex_unlock(&sender->lock);
    if (r >= 0)
        r = wherry_send(sender->channel, &message, 0, deadline);
    wherry_message_free(message);
    return r;
}

static int send_one(struct sender *sender, const char *bytes, size_t size, bool more)
{
    const struct choices *choices = sender->plan->choices;
    wherry_deadline deadline = open_deadline(choices);
    bool is_plain =
        !is_connectionless(sender) && (sender->sent > 0 || choices->file_count == 0);
    int r = is_plain ? wherry_write(sender->channel, bytes, size, choices->kind,
                                    more ? WHERRY_MORE : 0, deadline)
                     : send_message(sender, bytes, size, deadline);
    if (r >= 0) {
        sender->sent++;
        progress_add(&sender->progress, size);
    }
    return r;
}

/* --- all of them --------------------------------------------------------- */

static bool is_last(const struct sender *sender)
{
    const struct talk_plan *plan = sender->plan;
    bool is_counted = plan->way == TALK_SEND && plan->choices->count > 0;
    return is_counted && sender->sent + 1 >= plan->choices->count;
}

static int next(struct sender *sender, const char **bytes, size_t *size)
{
    const struct talk_plan *plan = sender->plan;
    struct input_wait wait = {.stop = sender->stop[0], .peer = sender->peer};
    if (plan->word_count == 0)
        return input_next(plan->input, sender->limit, &wait, bytes, size);
    if (sender->next_word == plan->word_count)
        return 0;
    *bytes = plan->words[sender->next_word++];
    *size = strlen(*bytes);
    return 1;
}

static bool has_next(const struct sender *sender)
{
    const struct talk_plan *plan = sender->plan;
    return plan->word_count > 0 ? sender->next_word < plan->word_count
                                : input_has_next(plan->input);
}

// Where there are many peers somebody has to speak first.
static int wait_for_somebody(const struct sender *sender)
{
    if (!is_connectionless(sender))
        return 0;
    struct pollfd waits[] = {{.fd = sender->heard[0], .events = POLLIN},
                             {.fd = sender->stop[0], .events = POLLIN},
                             {.fd = interrupt_fd(), .events = POLLIN}};
    while (poll(waits, 3, -1) < 0 && errno == EINTR) {
    }
    return waits[1].revents || waits[2].revents ? -ECANCELED : 0;
}

static int too_long(const struct sender *sender)
{
    say_error(sender->plan->verb,
              "line %lld of stdin is longer than the %zu bytes that a message may have "
              "here (`wherry help %s` tells why); --raw sends it in pieces",
              (long long)sender->sent + 1, sender->limit, sender->scheme);
    return FAILED;
}

static int send_all(struct sender *sender)
{
    const char *bytes;
    size_t size;
    int r = wait_for_somebody(sender);
    while (r >= 0 && (r = next(sender, &bytes, &size)) == 1) {
        bool last = is_last(sender);
        r = send_one(sender, bytes, size, !last && has_next(sender));
        if (r == -EPIPE && sender->is_choosy && sender->plan->way == TALK_BOTH)
            return DONE; // how it ends is told by its end
        if (r < 0 && r != -ECANCELED)
            return say_why(sender, wherry_error_text());
        if (last)
            return DONE;
    }
    if (r == -EMSGSIZE)
        return too_long(sender);
    bool is_over = r == 0 || (r == -ECANCELED && !interrupted());
    // Whoever only sends is not done when its peer leaves.
    if (is_over || (r == -EPIPE && sender->plan->way == TALK_BOTH))
        return DONE;
    if (r == -EPIPE)
        return say_why(sender, "the peer left before the end of the input");
    if (r != -ECANCELED)
        say_error(sender->plan->verb, "stdin: %s", say_errno(r));
    return FAILED;
}

/* --- the end ------------------------------------------------------------- */

static int unconfirmed(const struct sender *sender, int count)
{
    return say_error(sender->plan->verb, "%d of %lld messages were not confirmed%s",
                     count, (long long)sender->sent,
                     interrupted() ? "" : " in time: the peer has not received them");
}

static int drain(struct sender *sender)
{
    const struct choices *choices = sender->plan->choices;
    const wherry_deadline deadline = open_deadline(choices);
    wherry_deadline soon = wherry_after(CONFIRM_PATIENCE);
    int r = wherry_drain(sender->channel, soon < deadline ? soon : deadline);
    if (r > 0 && soon < deadline) {
        say_progress(sender->plan->verb,
                     "waiting for the peer to confirm %d messages (one that is no "
                     "wherry needs --raw or --framing)",
                     r);
        r = wherry_drain(sender->channel, deadline);
    }
    if (r == -ECANCELED)
        r = wherry_drain(sender->channel, WHERRY_POLL);
    if (r == 0)
        return DONE;
    return r > 0 ? unconfirmed(sender, r) : say_why(sender, wherry_error_text());
}

static void finish(struct sender *sender)
{
    struct pollfd waits[] = {{.fd = -1},
                             {.fd = sender->stop[0], .events = POLLIN},
                             {.fd = interrupt_fd(), .events = POLLIN}};
    while (wherry_finish(sender->channel) == -EAGAIN) {
        if (wherry_fd(sender->channel, WHERRY_OUT, &waits[0].fd, &waits[0].events) < 0)
            return;
        poll(waits, 3, -1);
        if (waits[1].revents || waits[2].revents)
            return;
    }
}

// A listener without a word to say ends with its peer: until then it can confirm.
static bool only_listens(const struct sender *sender)
{
    return sender->plan->listens && sender->sent == 0 &&
           (sender->abilities & WHERRY_ABLE_DRAIN);
}

static void *run(void *argument)
{
    struct sender *sender = argument;
    const struct talk_plan *plan = sender->plan;
    progress_begin(&sender->progress, plan->verb,
                   plan->way == TALK_SEND && !isatty(STDIN_FILENO));
    sender->status = send_all(sender);
    progress_end(&sender->progress);
    bool confirms = plan->way == TALK_SEND && (sender->abilities & WHERRY_ABLE_DRAIN);
    if (sender->status == DONE && confirms && sender->sent > 0)
        sender->status = drain(sender);
    if (sender->status == DONE && !only_listens(sender))
        finish(sender);
    close_end(&sender->done[1]);
    if (plan->way == TALK_SEND || sender->status != DONE)
        wherry_cancel(sender->channel); // the receiving side need not go on
    return NULL;
}

/* --- for talk.c ---------------------------------------------------------- */

static int open_files(struct sender *sender)
{
    const struct choices *choices = sender->plan->choices;
    for (size_t i = 0; i < choices->file_count; i++) {
        sender->files[i] = open(choices->files[i], O_RDONLY | O_CLOEXEC);
        if (sender->files[i] < 0)
            return say_error(sender->plan->verb, "--file %s: %s", choices->files[i],
                             say_errno(errno));
    }
    return DONE;
}

static void release(struct sender *sender)
{
    for (size_t i = 0; i < FILES_MOST; i++)
        close_end(&sender->files[i]);
    for (int i = 0; i < 2; i++) {
        close_end(&sender->stop[i]);
        close_end(&sender->heard[i]);
        close_end(&sender->done[i]);
    }
    pthread_mutex_destroy(&sender->lock);
    free(sender);
}

int sender_start(wherry_channel *channel, const struct wherry_channel_info *info,
                 const struct talk_plan *plan, struct sender **out)
{
    struct sender *sender = malloc(sizeof(*sender));
    if (!sender)
        return say_error(plan->verb, "no memory to send with");
    *sender = (struct sender){.channel = channel,
                              .plan = plan,
                              .abilities = info->abilities,
                              .limit = info->message_limit < SIZE_MAX
                                           ? (size_t)info->message_limit
                                           : SIZE_MAX,
                              .is_choosy = talk_is_with_command(info),
                              .stop = {-1, -1},
                              .heard = {-1, -1},
                              .done = {-1, -1},
                              .peer = -1};
    memcpy(sender->scheme, info->scheme, sizeof(sender->scheme));
    for (size_t i = 0; i < FILES_MOST; i++)
        sender->files[i] = -1;
    short events;
    if (wherry_fd(channel, WHERRY_OUT, &sender->peer, &events) < 0)
        sender->peer = -1;
    pthread_mutex_init(&sender->lock, NULL);
    if (open_files(sender) != DONE) {
        release(sender);
        return FAILED;
    }
    bool has_pipes =
        pipe(sender->stop) == 0 && pipe(sender->heard) == 0 && pipe(sender->done) == 0;
    int r = has_pipes ? 0 : -errno;
    if (r >= 0)
        r = interrupt_thread(&sender->thread, run, sender);
    if (r < 0) {
        release(sender);
        return say_error(plan->verb, "cannot send beside receiving: %s", say_errno(r));
    }
    *out = sender;
    return DONE;
}

void sender_heard(struct sender *sender, const struct wherry_peer *peer)
{
    if (!is_connectionless(sender) || !peer->address[0])
        return;
    pthread_mutex_lock(&sender->lock);
    bool is_first = sender->to[0] == 0;
    memcpy(sender->to, peer->address, sizeof(sender->to));
    pthread_mutex_unlock(&sender->lock);
    if (is_first)
        close_end(&sender->heard[1]);
}

bool sender_is_done(const struct sender *sender, int milliseconds)
{
    struct pollfd wait = {.fd = sender->done[0], .events = POLLIN};
    return poll(&wait, 1, milliseconds) > 0;
}

int sender_end(struct sender *sender, bool at_once)
{
    if (at_once) {
        close_end(&sender->stop[1]);
        wherry_cancel(sender->channel);
    }
    pthread_join(sender->thread, NULL);
    int status = sender->status;
    release(sender);
    return status;
}
