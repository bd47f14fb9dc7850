/* SPDX-License-Identifier: MIT */
/*
 * The ways of bare system calls: blocking write and read on pipes, send and recv on
 * sockets, mq_send and mq_receive or msgsnd and msgrcv on queues, sigqueue and
 * sigwaitinfo of signals, one call a message, or 64 KiB a call.
 */
#define _GNU_SOURCE
#include "bench/bench.h"

#include <errno.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/socket.h>
#include <unistd.h>

// A responder that hears everybody answers whoever asked.
static bool answers(const struct bench_end *end)
{
    return end->mechanism->is_lossy && !end->is_driver;
}

static ssize_t put_letter(struct bench_end *end, size_t size)
{
    const long type = 1;
    memcpy(end->bytes, &type, sizeof(type));
    return msgsnd(end->bare_out, end->bytes, size, 0) < 0 ? -1 : (ssize_t)size;
}

// Nothing tells when there is room for one more.
static ssize_t put_signal(const struct bench_end *end, const void *bytes, size_t size)
{
    union sigval value = {.sival_int = 0};
    int r;
    memcpy(&value.sival_int, bytes, size);
    while ((r = sigqueue(end->bare_out, SIGRTMIN, value)) < 0 && errno == EAGAIN)
        sched_yield();
    return r < 0 ? -1 : (ssize_t)size;
}

static ssize_t take_signal(void *bytes, size_t size)
{
    siginfo_t info;
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGRTMIN);
    if (sigwaitinfo(&ours, &info) < 0)
        return -1;
    memcpy(bytes, &info.si_value.sival_int, size);
    return (ssize_t)size;
}

static ssize_t give(struct bench_end *end, const void *bytes, size_t size)
{
    if (end->mechanism->queue == BENCH_SYSTEM_V_QUEUE)
        return put_letter(end, size);
    if (end->mechanism->queue == BENCH_SIGNALS)
        return put_signal(end, bytes, size);
    if (end->mechanism->queue == BENCH_POSIX_QUEUE)
        return mq_send(end->bare_out, (const char *)bytes, size, 0) < 0 ? -1
                                                                        : (ssize_t)size;
    if (end->mechanism->domain == 0)
        return write(end->bare_out, bytes, size);
    if (answers(end))
        return sendto(end->bare_out, bytes, size, MSG_NOSIGNAL,
                      (const struct sockaddr *)&end->asker, end->asker_size);
    return send(end->bare_out, bytes, size, MSG_NOSIGNAL);
}

static ssize_t get(struct bench_end *end, void *bytes, size_t size)
{
    if (end->mechanism->queue == BENCH_SIGNALS)
        return take_signal(bytes, size);
    if (end->mechanism->queue == BENCH_SYSTEM_V_QUEUE) // the type stands in front
        return msgrcv(end->bare_in, bytes, BENCH_LARGEST - sizeof(long), 0, 0);
    if (end->mechanism->queue == BENCH_POSIX_QUEUE) // which wants room for its largest
        return mq_receive(end->bare_in, bytes, BENCH_LARGEST, NULL);
    if (end->mechanism->domain == 0)
        return read(end->bare_in, bytes, size);
    if (!answers(end))
        return recv(end->bare_in, bytes, size, 0);
    end->asker_size = sizeof(end->asker);
    return recvfrom(end->bare_in, bytes, size, 0, (struct sockaddr *)&end->asker,
                    &end->asker_size);
}

static int result(ssize_t r)
{
    return r == 0 ? -EPIPE : -errno;
}

int bare_send(struct bench_end *end, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t r = give(end, end->bytes + done, size - done);
        if (r <= 0)
            return result(r);
        done += (size_t)r;
    }
    return 0;
}

int bare_take(struct bench_end *end, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t r = get(end, end->bytes + done, size - done);
        if (r <= 0)
            return result(r);
        // A mark that is left of an earlier stretch.
        if (end->mechanism->is_lossy && r == 1)
            continue;
        done += (size_t)r;
    }
    return 0;
}

int bare_push_each(struct bench_end *end, const struct bench_stretch *stretch)
{
    int r = 0;
    for (uint64_t i = 0; i < stretch->count && r == 0; i++)
        r = bare_send(end, stretch->size);
    return r;
}

int bare_push_gathered(struct bench_end *end, const struct bench_stretch *stretch)
{
    int r = 0;
    for (uint64_t left = stretch->count * stretch->size; left > 0 && r == 0;) {
        size_t size = left < BENCH_GATHERED ? (size_t)left : BENCH_GATHERED;
        r = bare_send(end, size);
        left -= size;
    }
    return r;
}

// Small ones by the 64 KiB, as they come.
static int pull_bytes(struct bench_end *end, uint64_t total)
{
    for (uint64_t done = 0; done < total;) {
        ssize_t r = get(end, end->bytes, BENCH_GATHERED);
        if (r <= 0)
            return result(r);
        done += (uint64_t)r;
    }
    return 0;
}

// Large ones whole, one behind the other, as whoever uses them needs them.
static int pull_whole(struct bench_end *end, const struct bench_stretch *stretch)
{
    int r = 0;
    for (uint64_t i = 0; i < stretch->count && r == 0; i++)
        r = bare_take(end, stretch->size);
    return r;
}

static int pull_stream(struct bench_end *end, const struct bench_stretch *stretch,
                       struct bench_tally *tally)
{
    int r = stretch->size > BENCH_SMALL
                ? pull_whole(end, stretch)
                : pull_bytes(end, stretch->count * stretch->size);
    tally->ended_at = bench_now();
    tally->messages = stretch->count;
    return r;
}

static int pull_lossy(struct bench_end *end, const struct bench_stretch *stretch,
                      struct bench_tally *tally)
{
    while (tally->messages < stretch->count) {
        ssize_t r = get(end, end->bytes, stretch->size);
        if (r <= 0)
            return result(r);
        if (r == 1 && end->bytes[0] == stretch->mark)
            break;
        if (r == 1)
            continue;
        tally->messages++;
        tally->ended_at = bench_now();
    }
    return 0;
}

static int pull_messages(struct bench_end *end, const struct bench_stretch *stretch,
                         struct bench_tally *tally)
{
    for (; tally->messages < stretch->count; tally->messages++) {
        ssize_t r = get(end, end->bytes, stretch->size);
        if (r <= 0)
            return result(r);
    }
    tally->ended_at = bench_now();
    return 0;
}

int bare_pull(struct bench_end *end, const struct bench_stretch *stretch,
              struct bench_tally *tally)
{
    if (end->mechanism->is_lossy)
        return pull_lossy(end, stretch, tally);
    return bench_keeps_messages(end->mechanism) ? pull_messages(end, stretch, tally)
                                                : pull_stream(end, stretch, tally);
}

int bare_mark(struct bench_end *end, unsigned char mark)
{
    ssize_t r = give(end, &mark, 1);
    return r < 0 && errno != EAGAIN && errno != ENOBUFS ? -errno : 0;
}
