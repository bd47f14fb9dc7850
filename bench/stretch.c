/* SPDX-License-Identifier: MIT */
/*
 * What is measured: so many messages there and back, one way, or none for a while.
 *
 * Every message carries its number, counted on for as long as the processes live, and
 * whoever takes it looks at that: a mechanism that loses, repeats or exchanges messages
 * has no figures.
 */
#define _GNU_SOURCE
#include "contest.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Milliseconds before an idle channel is watched: until then it may look once more, and
 * give back what it held for the next message. */
enum { SETTLING = 200 };

static void put_number(struct contest_end *end, uint64_t number)
{
    memcpy(end->bytes, &number, sizeof(number));
}

static uint64_t get_number(const struct contest_end *end)
{
    uint64_t number;
    memcpy(&number, end->bytes, sizeof(number));
    return number;
}

static int wrong_number(struct contest_end *end, uint64_t expected)
{
    return contest_fail(end, -EPROTO, "message %llu came where %llu was to come",
                        (unsigned long long)get_number(end),
                        (unsigned long long)expected);
}

static int take_number(struct contest_pair *pair, uint64_t expected)
{
    int r = pair->entrant->take(pair->end);
    if (r >= 0 && get_number(pair->end) != expected)
        r = wrong_number(pair->end, expected);
    return r;
}

static int flush(const struct contest_pair *pair)
{
    return pair->entrant->flush ? pair->entrant->flush(pair->end) : 0;
}

/* --- there and back ------------------------------------------------------ */

static int go_round(struct contest_pair *pair, uint64_t count)
{
    int r = 0;
    for (uint64_t i = 0; i < count && r >= 0; i++) {
        put_number(pair->end, ++pair->number);
        r = pair->entrant->send(pair->end);
        if (r >= 0)
            r = take_number(pair, pair->number);
    }
    return r;
}

static void order(const struct contest_pair *pair, enum contest_job job, uint64_t count,
                  int64_t think)
{
    const struct contest_order word = {.job = job, .count = count, .think = think};
    char ready;
    contest_tell(&pair->pipes, &word, sizeof(word));
    contest_hear(&pair->pipes, &ready, 1);
}

int64_t contest_round(struct contest_pair *pair, uint64_t count, uint64_t batch,
                      int64_t think, const struct contest_samples *samples)
{
    int r = 0;
    size_t sample = 0;
    order(pair, CONTEST_ECHO, count, think);
    const int64_t began = contest_now();
    int64_t before = began;
    for (uint64_t done = 0; done < count && r >= 0; done += batch) {
        const uint64_t now = count - done < batch ? count - done : batch;
        r = go_round(pair, now);
        const int64_t after = contest_now();
        if (sample < samples->most)
            samples->values[sample++] = (float)(after - before) / (float)now;
        before = after;
    }
    if (r >= 0)
        r = flush(pair);
    return r < 0 ? r : before - began;
}

// As a program that works on what it got before it answers.
static void think_for(int64_t nanoseconds)
{
    const int64_t until = contest_now() + nanoseconds;
    while (contest_now() < until)
        contest_pause();
}

static int echo(struct contest_pair *pair, const struct contest_order *wish)
{
    int r = 0;
    for (uint64_t i = 0; i < wish->count && r >= 0; i++) {
        r = take_number(pair, ++pair->number);
        if (wish->think > 0)
            think_for(wish->think);
        if (r >= 0)
            r = pair->entrant->send(pair->end);
    }
    return r < 0 ? r : flush(pair);
}

/* --- one way ------------------------------------------------------------- */

static bool is_in_batches(const struct contest_pair *pair)
{
    return pair->end->workload == CONTEST_MANY && pair->entrant->send_many;
}

static int send_batches(struct contest_pair *pair, uint64_t count)
{
    int r = 0;
    for (uint64_t left = count; left > 0 && r >= 0;) {
        const size_t now = left < CONTEST_BATCH ? (size_t)left : CONTEST_BATCH;
        put_number(pair->end, pair->number + 1);
        r = pair->entrant->send_many(pair->end, now);
        pair->number += now;
        left -= now;
    }
    return r;
}

// A number that was written just now, and is read again with what stands behind it,
// stalls some processors for as long as a small message takes: of small ones several
// lie ready, and the number is put into one that is sent later.
static int send_lanes(struct contest_pair *pair, uint64_t count)
{
    struct contest_end *end = pair->end;
    unsigned char *const bytes = end->bytes;
    uint64_t ready = pair->number;
    int r = 0;
    for (uint64_t i = 0; i < count && r >= 0; i++) {
        for (; ready < pair->number + CONTEST_LANES; ready++) {
            const uint64_t number = ready + 1;
            memcpy(bytes + number % CONTEST_LANES * CONTEST_LANE, &number,
                   sizeof(number));
        }
        end->bytes = bytes + ++pair->number % CONTEST_LANES * CONTEST_LANE;
        r = pair->entrant->send(end);
    }
    end->bytes = bytes;
    return r;
}

static int send_each(struct contest_pair *pair, uint64_t count)
{
    int r = 0;
    if (pair->end->size <= CONTEST_LANE)
        return send_lanes(pair, count);
    for (uint64_t i = 0; i < count && r >= 0; i++) {
        put_number(pair->end, ++pair->number);
        r = pair->entrant->send(pair->end);
    }
    return r;
}

static int take_batches(struct contest_pair *pair, uint64_t count)
{
    for (uint64_t left = count; left > 0;) {
        const size_t most = left < CONTEST_BATCH ? (size_t)left : CONTEST_BATCH;
        const int r = pair->entrant->take_many(pair->end, most);
        if (r < 0)
            return r;
        pair->number += (uint64_t)r;
        left -= (uint64_t)r;
        if (get_number(pair->end) != pair->number)
            return wrong_number(pair->end, pair->number);
    }
    return 0;
}

static int take_each(struct contest_pair *pair, uint64_t count)
{
    int r = 0;
    for (uint64_t i = 0; i < count && r >= 0; i++)
        r = take_number(pair, ++pair->number);
    return r;
}

int64_t contest_push(struct contest_pair *pair, uint64_t count)
{
    int64_t ended = 0;
    order(pair, CONTEST_TAKE, count, 0);
    const int64_t began = contest_now();
    int r = (is_in_batches(pair) ? send_batches : send_each)(pair, count);
    if (r >= 0)
        r = flush(pair);
    if (r < 0)
        return r;
    contest_hear(&pair->pipes, &ended, sizeof(ended));
    return ended - began;
}

static int take(struct contest_pair *pair, const struct contest_order *wish)
{
    int r = (is_in_batches(pair) ? take_batches : take_each)(pair, wish->count);
    const int64_t ended = contest_now();
    if (r >= 0)
        contest_tell(&pair->pipes, &ended, sizeof(ended));
    return r;
}

/* --- the whole of one ---------------------------------------------------- */

int contest_verify(struct contest_pair *pair)
{
    struct contest_end *end = pair->end;
    const size_t carried = pair->entrant->carries ? pair->entrant->carries : end->size;
    const size_t size = end->workload == CONTEST_LENT ? CONTEST_LEAST : carried;
    unsigned char *sent = malloc(size);
    if (!sent)
        return -ENOMEM;
    for (size_t i = 0; i < size; i++)
        sent[i] = (unsigned char)(i * 7 + i / 251);
    memcpy(end->bytes, sent, size);
    put_number(end, pair->number + 1);
    memcpy(sent, end->bytes, CONTEST_LEAST);
    order(pair, CONTEST_COMPARE, 1, 0);
    end->is_compared = true;
    pair->number++;
    int r = pair->entrant->send(end);
    if (r >= 0)
        r = flush(pair);
    if (r >= 0) {
        memset(end->bytes, 0, size);
        r = pair->entrant->take(end);
    }
    end->is_compared = false;
    if (r >= 0 && memcmp(sent, end->bytes, size) != 0)
        r = contest_fail(end, -EPROTO, "the first message came back changed");
    free(sent);
    return r;
}

/* --- none for a while ---------------------------------------------------- */

static int64_t cpu_of(pid_t pid)
{
    clockid_t clock;
    struct timespec time;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) < 0)
        return -1;
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int64_t switches_of_thread(const char *path)
{
    static const char field[] = "voluntary_ctxt_switches:";
    char line[128];
    int64_t count = 0;
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file)) {
        if (strncmp(line, field, sizeof(field) - 1) == 0)
            count = strtoll(line + sizeof(field) - 1, NULL, 10);
    }
    if (file)
        (void)fclose(file);
    return count;
}

// How often its threads have gone to sleep.
static int64_t switches_of(int64_t pid)
{
    char path[320];
    int64_t count = 0;
    snprintf(path, sizeof(path), "/proc/%lld/task", (long long)pid);
    DIR *threads = opendir(path);
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody else reads this directory
    for (struct dirent *entry; threads && (entry = readdir(threads));) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "/proc/%lld/task/%s/status", (long long)pid,
                 entry->d_name);
        count += switches_of_thread(path);
    }
    if (threads)
        closedir(threads);
    return count;
}

// Both are looked at from here, so that looking wakes nobody: this process's own clock
// is read next to its sleep, and of its switches one is that sleep.
int contest_idle(struct contest_pair *pair, int milliseconds, int64_t *cpu,
                 int64_t *wakes)
{
    const pid_t other = (pid_t)pair->other;
    order(pair, CONTEST_ECHO, 1, 0);
    (void)poll(NULL, 0, SETTLING);
    const int64_t switches = switches_of(getpid()) + switches_of(other);
    const int64_t others = cpu_of(other);
    const int64_t mine = cpu_of(getpid());
    (void)poll(NULL, 0, milliseconds);
    *cpu = cpu_of(getpid()) - mine + cpu_of(other) - others;
    *wakes = switches_of(getpid()) + switches_of(other) - switches - 1;
    put_number(pair->end, ++pair->number);
    int r = pair->entrant->send(pair->end);
    if (r >= 0)
        r = flush(pair);
    return r < 0 ? r : take_number(pair, pair->number);
}

/* --- the other process --------------------------------------------------- */

int contest_respond(struct contest_pair *pair)
{
    int r = 0;
    while (r >= 0) {
        const char ready = 'r';
        struct contest_order wish;
        contest_hear(&pair->pipes, &wish, sizeof(wish));
        if (wish.job == CONTEST_QUIT)
            return 0;
        contest_tell(&pair->pipes, &ready, 1);
        pair->end->is_compared = wish.job == CONTEST_COMPARE;
        r = wish.job == CONTEST_TAKE ? take(pair, &wish) : echo(pair, &wish);
    }
    return r;
}
