/* SPDX-License-Identifier: MIT */
/*
 * bench copies: a file through each way from one process to another, with how often its
 * bytes were copied, and how long it took until the other had read it through.
 *
 * Sender and receiver are children of the bench, which only watches.  The file has been
 * read before, so that no disk is measured; what is to be measured begins when both are
 * ready.
 */
#define _GNU_SOURCE
#include "bench/copies.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cells.h"
#include "command.h"
#include "interrupt.h"
#include "say.h"
#include "table.h"

enum { PATIENCE = 60000, /* milliseconds */ OPENING = 5000 };

static const uint64_t largest = UINT64_C(1) << 30;

/* What is moved, and by what. */
struct moving {
    const struct copies_wish *wish;
    const struct copies_way *way;
    struct copies_shared *shared;
    wherry_channel *pair[2]; /* [0] the sender's; NULL: the receiver listens */
    int ready[2];            /* a pipe: the receiver is */
    int alive[2];            /* a pipe that both hold open */
    int file;
    uint64_t size;
    enum bench_place place;
};

/* What came of a way. */
struct copies_row {
    const struct copies_way *way;
    int kept;
    double took[BENCH_REPETITIONS]; /* nanoseconds */
    uint64_t copied;
    bool is_whole;
    bool is_absent;
    char why[COPIES_WHY];
};

/* --- in the two processes ------------------------------------------------ */

__attribute__((noreturn)) static void give_up(const struct moving *moving, int error)
{
    char *why = moving->shared->why;
    const char *sentence = wherry_error_text();
    if (!why[0])
        snprintf(why, COPIES_WHY, "%s", sentence[0] ? sentence : strerror(-error));
    _exit(EXIT_FAILURE);
}

static void pin(const struct moving *moving, bool is_sender)
{
    const struct bench_plan *plan = moving->wish->plan;
    const bool is_second = !is_sender && moving->place == BENCH_CROSS;
    bench_pin(plan->cores[is_second ? 1 : 0]);
}

// "mq:/%s": a name of this process's own.
static void name_address(const struct copies_way *way, char out[COPIES_ADDRESS])
{
    const char *hole = strstr(way->address, "%s");
    if (hole)
        snprintf(out, COPIES_ADDRESS, "%.*swherry-bench-%d%s",
                 (int)(hole - way->address), way->address, (int)getpid(), hole + 2);
    else
        snprintf(out, COPIES_ADDRESS, "%s", way->address);
}

static int listen_for(const struct moving *moving, wherry_listener **out)
{
    char address[COPIES_ADDRESS];
    name_address(moving->way, address);
    const int r = wherry_listen(address, out);
    if (r >= 0)
        snprintf(moving->shared->address, COPIES_ADDRESS, "%s",
                 wherry_listener_address(*out));
    return r;
}

// Touched: what is measured is copying, not finding memory.
static unsigned char *find_room(uint64_t size)
{
    unsigned char *bytes = malloc(size > 0 ? (size_t)size : 1);
    if (bytes)
        memset(bytes, 0, (size_t)size);
    return bytes;
}

static void receive(const struct moving *moving)
{
    struct copies_shared *shared = moving->shared;
    wherry_listener *listener = NULL;
    struct copies_end end = {.size = moving->size,
                             .bytes = find_room(moving->size),
                             .channel = moving->pair[1],
                             .copied = &shared->copied[1],
                             .shared = shared};
    pin(moving, false);
    int r = end.bytes ? 0 : -ENOMEM;
    if (r >= 0 && !end.channel)
        r = listen_for(moving, &listener);
    if (r < 0 || write(moving->ready[1], "r", 1) != 1)
        give_up(moving, r < 0 ? r : -EPIPE);
    if (listener)
        r = wherry_accept(listener, wherry_after(OPENING), &end.channel);
    if (r >= 0)
        r = moving->way->take(moving->way, &end);
    shared->ended = bench_now();
    if (r < 0)
        give_up(moving, r);
    wherry_close(end.channel);
    wherry_close_listener(listener);
}

static void send_all(const struct moving *moving)
{
    struct copies_shared *shared = moving->shared;
    struct copies_end end = {.path = moving->wish->path,
                             .file = moving->file,
                             .size = moving->size,
                             .channel = moving->pair[0],
                             .copied = &shared->copied[0],
                             .shared = shared};
    char word;
    int r = 0;
    pin(moving, true);
    if (read(moving->ready[0], &word, 1) != 1)
        _exit(EXIT_FAILURE); // the receiver has said why
    if (!end.channel)
        r = wherry_dial(shared->address, wherry_after(OPENING), &end.channel);
    shared->began = bench_now();
    if (r >= 0)
        r = moving->way->send(moving->way, &end);
    if (r < 0)
        give_up(moving, r);
    wherry_close(end.channel);
}

/* --- around them --------------------------------------------------------- */

static pid_t begin(struct moving *moving, int side, void (*live)(const struct moving *))
{
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child != 0)
        return child;
    bench_be_a_child(parent);
    close(moving->alive[0]);
    close(moving->ready[side == 0 ? 1 : 0]);
    wherry_close(moving->pair[1 - side]);
    live(moving);
    _exit(EXIT_SUCCESS);
}

// Until both have ended: 0, or why they are waited for no longer.
static int watch(const struct moving *moving)
{
    struct pollfd waits[2] = {{.fd = moving->alive[0], .events = POLLIN},
                              {.fd = interrupt_fd(), .events = POLLIN}};
    const int r = poll(waits, 2, PATIENCE);
    if (interrupted())
        return -EINTR;
    return r == 0 ? -ETIMEDOUT : 0;
}

static int reap(const pid_t children[2], int reason)
{
    int r = reason;
    for (int side = 0; side < 2; side++) {
        int status = 0;
        if (children[side] <= 0)
            continue;
        if (reason < 0)
            kill(children[side], SIGKILL);
        while (waitpid(children[side], &status, 0) < 0 && errno == EINTR)
            ;
        if (r == 0 && status != 0)
            r = -ESRCH;
    }
    return r;
}

static void close_both(int ends[2])
{
    close(ends[0]);
    close(ends[1]);
}

static int move(struct moving *moving)
{
    pid_t children[2] = {-1, -1};
    if (pipe2(moving->ready, O_CLOEXEC) < 0)
        return -errno;
    if (pipe2(moving->alive, O_CLOEXEC) < 0) {
        const int error = -errno;
        close_both(moving->ready);
        return error;
    }
    children[1] = begin(moving, 1, receive);
    children[0] = children[1] > 0 ? begin(moving, 0, send_all) : -1;
    close_both(moving->ready);
    close(moving->alive[1]);
    const int r = reap(children, children[0] > 0 ? watch(moving) : -EAGAIN);
    close(moving->alive[0]);
    return r;
}

static bool is_able(const struct copies_way *way, enum wherry_ability ability)
{
    char scheme[16];
    snprintf(scheme, sizeof(scheme), "%.*s", (int)strcspn(way->address, ":"),
             way->address);
    const struct wherry_mechanism *mechanism = wherry_mechanism_find(scheme);
    return mechanism && mechanism->abilities & ability;
}

// Pairs are made before the processes part, and forgotten by this one.  The first end
// of one that goes one way is for whoever receives.
static int open_pair(struct moving *moving)
{
    moving->pair[0] = moving->pair[1] = NULL;
    if (!is_able(moving->way, WHERRY_ABLE_PAIR))
        return 0;
    wherry_channel *ends[2];
    const int r = wherry_pair(moving->way->address, ends);
    for (int side = 0; side < 2 && r >= 0; side++)
        moving->pair[side] = ends[1 - side];
    if (r < 0)
        snprintf(moving->shared->why, COPIES_WHY, "%s", wherry_error_text());
    return r;
}

static int move_once(struct moving *moving, struct copies_row *row, uint64_t sum)
{
    struct copies_shared *shared = moving->shared;
    memset(shared, 0, sizeof(*shared));
    int r = open_pair(moving);
    if (r >= 0)
        r = move(moving);
    for (int side = 0; side < 2; side++)
        wherry_close(moving->pair[side]);
    if (shared->address[0] && is_able(moving->way, WHERRY_ABLE_OUTLIVES))
        (void)wherry_remove(shared->address);
    row->is_whole = r == 0 && shared->sum == sum;
    row->copied = shared->copied[0] + shared->copied[1];
    if (r == 0 && row->is_whole)
        row->took[row->kept++] = (double)(shared->ended - shared->began);
    else if (r != -EINTR)
        snprintf(row->why, sizeof(row->why), "%s",
                 shared->why[0]    ? shared->why
                 : r == 0          ? "what arrived is not what is in the file"
                 : r == -ETIMEDOUT ? "it took longer than a minute"
                                   : "one of the two processes died");
    return r == 0 && !row->is_whole ? -EPROTO : r;
}

static int move_by(struct moving *moving, struct copies_row *row, uint64_t sum)
{
    char address[COPIES_ADDRESS];
    name_address(row->way, address);
    row->is_absent = wherry_address_check(address) < 0;
    if (row->is_absent) {
        snprintf(row->why, sizeof(row->why), "%s", wherry_error_text());
        return 0;
    }
    int r = 0;
    moving->way = row->way;
    for (int i = 0; i < moving->wish->plan->repetitions && r == 0; i++)
        r = move_once(moving, row, sum);
    return r;
}

/* --- printing ------------------------------------------------------------ */

static const struct column columns[] = {
    {"way", COLUMN_TEXT, false},      {"address", COLUMN_TEXT, false},
    {"copies", COLUMN_NUMBER, false}, {"bytes copied", COLUMN_NUMBER, false},
    {"ms", COLUMN_NUMBER, false},     {"GB/s", COLUMN_NUMBER, false},
    {"whole", COLUMN_FLAG, false},    {"where", COLUMN_TEXT, false},
    {"why not", COLUMN_TEXT, false},
};

static void add_row(struct table *table, const struct moving *moving,
                    struct copies_row *row)
{
    const bool is_there = row->kept > 0 && !row->why[0];
    const double took = bench_median(row->took, (size_t)row->kept);
    cells_begin(table);
    cells_add("%s", row->way->name);
    cells_add("%s", row->way->address);
    cells_add_number(is_there, (double)row->copied / (double)moving->size);
    if (is_there)
        cells_add("%llu", (unsigned long long)row->copied);
    else
        cells_add_none();
    if (is_there) {
        cells_add("%.3f", took / 1e6);
        cells_add("%.3f", (double)moving->size / took);
    } else {
        cells_add_none();
        cells_add_none();
    }
    cells_add_flag(is_there ? row->is_whole : row->is_absent ? -1 : 0);
    cells_add_text(row->way->steps);
    cells_add_text(row->why);
    cells_end();
}

static int print(const struct moving *moving, struct copies_row *rows, size_t count)
{
    struct table *table = table_new(
        "copies", columns, sizeof(columns) / sizeof(columns[0]), moving->wish->json);
    for (size_t i = 0; i < count; i++)
        add_row(table, moving, &rows[i]);
    return table_print(table, "bench");
}

/* --- all of it ----------------------------------------------------------- */

static int sum_of_file(const struct moving *moving, uint64_t *out)
{
    unsigned char *bytes = find_room(moving->size);
    int r = bytes ? 0 : -ENOMEM;
    for (uint64_t at = 0; at < moving->size && r == 0;) {
        const ssize_t got =
            pread(moving->file, bytes + at, (size_t)(moving->size - at), (off_t)at);
        if (got <= 0)
            r = got < 0 ? -errno : -EIO;
        at += got > 0 ? (uint64_t)got : 0;
    }
    if (r == 0)
        *out = copies_sum(bytes, moving->size);
    free(bytes);
    return r;
}

static int open_file(struct moving *moving)
{
    struct stat about;
    const char *path = moving->wish->path;
    moving->file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (moving->file < 0 || fstat(moving->file, &about) < 0)
        return say_error("bench", "%s: %s", path, say_errno(errno));
    if (!S_ISREG(about.st_mode))
        return say_error("bench", "%s: it is no file with bytes of its own", path);
    moving->size = (uint64_t)about.st_size;
    if (moving->size == 0 || moving->size > largest)
        return say_error("bench", "%s: %s", path,
                         moving->size == 0 ? "it is empty: there is nothing to copy"
                                           : "it has more than 1 GiB, and the receiver "
                                             "holds it whole");
    return DONE;
}

static int move_all(struct moving *moving, uint64_t sum)
{
    struct copies_row rows[16] = {{.way = NULL}};
    size_t count = 0;
    int status = DONE;
    for (const struct copies_way *way = copies_ways; way->name && !interrupted();
         way++) {
        struct copies_row *row = &rows[count++];
        row->way = way;
        if (move_by(moving, row, sum) < 0 && !interrupted())
            status = say_error("bench", "%s: %s", way->name, row->why);
    }
    return interrupted() ? FAILED : status | print(moving, rows, count);
}

int bench_copies(const struct copies_wish *wish)
{
    struct moving moving = {.wish = wish, .file = -1};
    uint64_t sum = 0;
    const bool can_cross = wish->plan->core_count > 1;
    moving.place = can_cross && wish->places[BENCH_CROSS] ? BENCH_CROSS : BENCH_SAME;
    int status = open_file(&moving);
    moving.shared = mmap(NULL, sizeof(*moving.shared), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (status == DONE && moving.shared == MAP_FAILED)
        status = say_error("bench", "no memory for the results");
    const int r = status == DONE ? sum_of_file(&moving, &sum) : 0;
    if (r < 0)
        status = say_error("bench", "%s: %s", wish->path, say_errno(r));
    if (status == DONE)
        status = move_all(&moving, sum);
    if (moving.shared != MAP_FAILED)
        munmap(moving.shared, sizeof(*moving.shared));
    if (moving.file >= 0)
        close(moving.file);
    return status;
}
