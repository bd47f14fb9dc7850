/* SPDX-License-Identifier: MIT */
/*
 * The ways of Wherry, and opening its ends.
 *
 * In a round trip one message goes to and fro, received and sent on as it is, as the
 * bare side sends from the buffer that it received into.  One way, `each` and `more`
 * write plain bytes, `many` lends messages from the channel and sends them in one call.
 */
#define _GNU_SOURCE
#include "bench/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    BATCH = 128,      /* messages of send_many and recv_many */
    GATHER = 256,     /* messages sent with WHERRY_MORE before one without */
    PATIENCE = 10000, /* milliseconds, of the calls with a deadline */
    OPENING = 5000    /* milliseconds */
};

/* --- round trips --------------------------------------------------------- */

static int answer_asker(struct bench_end *end)
{
    bool answers = end->mechanism->is_lossy && !end->is_driver;
    return answers ? wherry_message_reply_to(end->message, end->message) : 0;
}

static int send_by(struct bench_end *end, size_t size, wherry_deadline deadline)
{
    int r = 0;
    if (!end->message) {
        r = wherry_loan(end->out, size, &end->message, deadline);
        if (r < 0)
            return r;
        memset(wherry_message_data(end->message), 'w', size);
    }
    r = answer_asker(end);
    return r < 0 ? r : wherry_send(end->out, &end->message, 0, deadline);
}

static int take_by(struct bench_end *end, size_t size, wherry_deadline deadline)
{
    for (;;) {
        wherry_message *message = NULL;
        int r = wherry_recv(end->in, &message, deadline);
        if (r <= 0)
            return r == 0 ? -EPIPE : r;
        wherry_message_free(end->message);
        end->message = message;
        size_t got = wherry_message_size(message);
        if (got == size)
            return 0;
        // A mark that is left of an earlier stretch.
        if (!end->mechanism->is_lossy || got != 1)
            return -EPROTO;
    }
}

int ours_send(struct bench_end *end, size_t size)
{
    return send_by(end, size, WHERRY_FOREVER);
}

int ours_take(struct bench_end *end, size_t size)
{
    return take_by(end, size, WHERRY_FOREVER);
}

int ours_send_timed(struct bench_end *end, size_t size)
{
    return send_by(end, size, wherry_after(PATIENCE));
}

int ours_take_timed(struct bench_end *end, size_t size)
{
    return take_by(end, size, wherry_after(PATIENCE));
}

/* --- one way ------------------------------------------------------------- */

int ours_push_each(struct bench_end *end, const struct bench_stretch *stretch)
{
    int r = 0;
    for (uint64_t i = 0; i < stretch->count && r >= 0; i++)
        r = wherry_write(end->out, end->bytes, stretch->size, 0, 0, WHERRY_FOREVER);
    return r;
}

int ours_push_more(struct bench_end *end, const struct bench_stretch *stretch)
{
    int r = 0;
    for (uint64_t i = 1; i <= stretch->count && r >= 0; i++) {
        bool last = i % GATHER == 0 || i == stretch->count;
        r = wherry_write(end->out, end->bytes, stretch->size, 0, last ? 0 : WHERRY_MORE,
                         WHERRY_FOREVER);
    }
    return r;
}

static int send_batch(struct bench_end *end, size_t size, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int r = wherry_loan(end->out, size, &end->messages[i], WHERRY_FOREVER);
        if (r < 0)
            return r;
        memset(wherry_message_data(end->messages[i]), 'w', size);
    }
    for (size_t done = 0; done < count;) {
        int r = wherry_send_many(end->out, end->messages + done, count - done,
                                 WHERRY_FOREVER);
        if (r < 0)
            return r;
        done += (size_t)r;
    }
    return 0;
}

int ours_push_many(struct bench_end *end, const struct bench_stretch *stretch)
{
    int r = 0;
    for (uint64_t left = stretch->count; left > 0 && r >= 0;) {
        size_t count = left < BATCH ? (size_t)left : BATCH;
        r = send_batch(end, stretch->size, count);
        left -= count;
    }
    return r;
}

// Takes note of messages and frees them; 1: that was the mark.
static int count_up(struct bench_end *end, const struct bench_stretch *stretch,
                    struct bench_tally *tally, size_t count)
{
    bool is_over = false;
    for (size_t i = 0; i < count; i++) {
        const wherry_message *message = end->messages[i];
        bool is_mark = end->mechanism->is_lossy && wherry_message_size(message) == 1;
        if (is_mark)
            is_over |= *(unsigned char *)wherry_message_data(message) == stretch->mark;
        else
            tally->messages++;
        wherry_message_free(end->messages[i]);
        end->messages[i] = NULL;
    }
    if (end->mechanism->is_lossy && !is_over)
        tally->ended_at = bench_now();
    return is_over;
}

static int pull_by(struct bench_end *end, const struct bench_stretch *stretch,
                   struct bench_tally *tally, size_t batch)
{
    while (tally->messages < stretch->count) {
        int r = batch > 1
                    ? wherry_recv_many(end->in, end->messages, batch, WHERRY_FOREVER)
                    : wherry_recv(end->in, end->messages, WHERRY_FOREVER);
        if (r <= 0)
            return r == 0 ? -EPIPE : r;
        if (count_up(end, stretch, tally, (size_t)r))
            return 0;
    }
    tally->ended_at = bench_now();
    return 0;
}

int ours_pull(struct bench_end *end, const struct bench_stretch *stretch,
              struct bench_tally *tally)
{
    return pull_by(end, stretch, tally, 1);
}

int ours_pull_many(struct bench_end *end, const struct bench_stretch *stretch,
                   struct bench_tally *tally)
{
    return pull_by(end, stretch, tally, BATCH);
}

int ours_mark(struct bench_end *end, unsigned char mark)
{
    int r = wherry_write(end->out, &mark, 1, 0, 0, WHERRY_POLL);
    return r == -EAGAIN ? 0 : r;
}

/* --- opening ------------------------------------------------------------- */

static void address_of(const struct bench_meeting *meeting, const char *suffix,
                       char *out, size_t size)
{
    const struct bench_task *task = meeting->task;
    const char *address = task->mechanism->address;
    const char *hole = strstr(address, "%s");
    if (!hole) {
        snprintf(out, size, "%s", address);
        return;
    }
    const char *rest = hole + 2;
    size_t path = strcspn(rest, "?");
    snprintf(out, size, "%.*s%s%.*s%s%s", (int)(hole - address), address,
             bench_place_of(task->mechanism, task->plan->directory), (int)path, rest,
             suffix, rest + path);
}

static int make_stdio(struct bench_ours *ours)
{
    for (int side = 0; side < 2; side++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) < 0)
            return -errno;
        ours->stdio[side][0] = ends[0];
        ours->stdio[1 - side][1] = ends[1];
    }
    return 0;
}

int bench_ours_prepare(const struct bench_mechanism *mechanism, struct bench_ours *ours)
{
    *ours = (struct bench_ours){.stdio = {{-1, -1}, {-1, -1}}};
    if (mechanism->opening == BENCH_OPEN_PAIR)
        return wherry_pair(mechanism->address, ours->pair);
    return mechanism->opening == BENCH_OPEN_STDIO ? make_stdio(ours) : 0;
}

void bench_ours_abandon(struct bench_ours *ours)
{
    for (int side = 0; side < 2; side++) {
        wherry_close(ours->pair[side]);
        for (int i = 0; i < 2; i++) {
            if (ours->stdio[side][i] >= 0)
                close(ours->stdio[side][i]);
        }
    }
    *ours = (struct bench_ours){.stdio = {{-1, -1}, {-1, -1}}};
}

static int open_pair(struct bench_end *end, struct bench_ours *ours,
                     const struct bench_meeting *meeting)
{
    (void)meeting;
    int side = end->is_driver ? 0 : 1;
    end->in = end->out = ours->pair[side];
    ours->pair[side] = NULL;
    bench_ours_abandon(ours);
    return 0;
}

static int open_stdio(struct bench_end *end, struct bench_ours *ours,
                      const struct bench_meeting *meeting)
{
    const int *mine = ours->stdio[end->is_driver ? 0 : 1];
    for (int i = 0; i < 2; i++) {
        if (dup2(mine[i], i) < 0)
            return -errno;
    }
    bench_ours_abandon(ours);
    const char *address = meeting->task->mechanism->address;
    int r = wherry_dial(address, wherry_after(OPENING), &end->in);
    end->out = end->in;
    return r;
}

static int tell_pid(const struct bench_end *end, const struct bench_meeting *meeting)
{
    struct wherry_channel_info info;
    char word = 'e';
    int r =
        wherry_describe(end->in, &info, offsetof(struct wherry_channel_info, error));
    if (r < 0)
        return r;
    snprintf(meeting->shared->address[0], sizeof(meeting->shared->address[0]), "%lld",
             (long long)info.peer.pid);
    bench_tell(meeting, &word, 1);
    return 0;
}

static int open_its(const struct bench_meeting *meeting, int number, int flags)
{
    char path[BENCH_PATH + 96];
    snprintf(path, sizeof(path), "/proc/%s/fd/%d", meeting->shared->address[0], number);
    int fd = open(path, flags | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int dial_its(struct bench_end *end, const struct bench_meeting *meeting)
{
    char address[64];
    int in = open_its(meeting, 0, O_RDONLY);
    int out = open_its(meeting, 1, O_WRONLY);
    if (in < 0 || out < 0)
        return in < 0 ? in : out;
    snprintf(address, sizeof(address), "fd:%d,%d?framing=wherry", in, out);
    return wherry_dial(address, wherry_after(OPENING), &end->in);
}

static int open_exec(struct bench_end *end, struct bench_ours *ours,
                     const struct bench_meeting *meeting)
{
    (void)ours;
    char word;
    int r;
    if (end->is_driver) {
        r = wherry_dial(meeting->task->mechanism->address, wherry_after(OPENING),
                        &end->in);
        if (r >= 0)
            r = tell_pid(end, meeting);
    } else {
        bench_hear(meeting, &word, 1);
        r = dial_its(end, meeting);
    }
    end->out = end->in;
    return r;
}

static int listen_at(const struct bench_meeting *meeting, int which, const char *suffix,
                     wherry_listener **out)
{
    char *said = meeting->shared->address[which];
    char address[BENCH_PATH + 64];
    address_of(meeting, suffix, address, sizeof(address));
    int r = wherry_listen(address, out);
    if (r >= 0)
        snprintf(said, sizeof(meeting->shared->address[which]), "%s",
                 wherry_listener_address(*out));
    return r;
}

static int accept_one(wherry_listener *listener, wherry_channel **out)
{
    int r = wherry_accept(listener, wherry_after(OPENING), out);
    wherry_close_listener(listener);
    return r;
}

static int open_listen(struct bench_end *end, struct bench_ours *ours,
                       const struct bench_meeting *meeting)
{
    (void)ours;
    char word = 'l';
    int r;
    if (end->is_driver) {
        bench_hear(meeting, &word, 1);
        r = wherry_dial(meeting->shared->address[0], wherry_after(OPENING), &end->in);
    } else {
        wherry_listener *listener = NULL;
        r = listen_at(meeting, 0, "", &listener);
        if (r < 0)
            return r;
        bench_tell(meeting, &word, 1);
        r = accept_one(listener, &end->in);
    }
    end->out = end->in;
    return r;
}

static int open_two(struct bench_end *end, struct bench_ours *ours,
                    const struct bench_meeting *meeting)
{
    (void)ours;
    int mine = end->is_driver ? 0 : 1;
    char word = 'l';
    wherry_listener *listener = NULL;
    int r = listen_at(meeting, mine, mine ? "-1" : "-0", &listener);
    if (r < 0)
        return r;
    bench_tell(meeting, &word, 1);
    bench_hear(meeting, &word, 1);
    r = accept_one(listener, &end->in);
    if (r < 0)
        return r;
    // The address says how to listen; what it adds for the dialler is the same.
    const char *other = meeting->shared->address[1 - mine];
    r = wherry_dial(other, wherry_after(OPENING), &end->out);
    // A queue's name is needed no longer, and nobody is to find it.
    if (r >= 0 && end->mechanism->queue == BENCH_POSIX_QUEUE)
        r = wherry_remove(other);
    return r;
}

int bench_ours_open(struct bench_end *end, struct bench_ours *ours,
                    const struct bench_meeting *meeting)
{
    static int (*const openers[])(struct bench_end *, struct bench_ours *,
                                  const struct bench_meeting *) = {
        [BENCH_OPEN_PAIR] = open_pair, [BENCH_OPEN_LISTEN] = open_listen,
        [BENCH_OPEN_TWO] = open_two,   [BENCH_OPEN_STDIO] = open_stdio,
        [BENCH_OPEN_EXEC] = open_exec,
    };

    return openers[end->mechanism->opening](end, ours, meeting);
}

void bench_ours_close(struct bench_end *end)
{
    wherry_message_free(end->message);
    if (end->out != end->in)
        wherry_close(end->out);
    wherry_close(end->in);
    end->in = end->out = NULL;
    end->message = NULL;
}
