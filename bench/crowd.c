/* SPDX-License-Identifier: MIT */
/*
 * Several writers and several readers of one queue: contest.h.
 *
 * The driver is the first writer; the others, and the readers, are its children.  Each
 * message is taken by one of the readers, whichever; that none is lost or comes twice
 * is seen by how many there were and by the sum of their numbers.  When all writers are
 * done the driver sends a mark for each reader, who goes no further.
 */
#define _GNU_SOURCE
#include "contest.h"

#include <errno.h>
#include <string.h>

static const uint64_t mark = UINT64_MAX;

const struct contest_crowd contest_crowds[CONTEST_WORKLOADS] = {
    [CONTEST_FOUR] = {.writers = 4, .readers = 4},
    [CONTEST_EIGHT] = {.writers = 8, .readers = 1},
};

/* What one of them did. */
struct tally {
    uint64_t count;
    uint64_t sum;
    int64_t ended;
};

static int send_number(struct contest_pair *pair, uint64_t number)
{
    memcpy(pair->end->bytes, &number, sizeof(number));
    return pair->entrant->send(pair->end);
}

static int write_share(struct contest_pair *pair, uint64_t count, struct tally *tally)
{
    int r = 0;
    for (; tally->count < count && r >= 0; tally->count++) {
        r = send_number(pair, tally->count);
        tally->sum += tally->count;
    }
    return r;
}

static int read_share(struct contest_pair *pair, struct tally *tally)
{
    for (;;) {
        uint64_t number;
        const int r = pair->entrant->take(pair->end);
        memcpy(&number, pair->end->bytes, sizeof(number));
        if (r < 0 || number == mark)
            return r;
        tally->count++;
        tally->sum += number;
    }
}

int contest_join(struct contest_pair *pair)
{
    int r = 0;
    while (r >= 0) {
        struct contest_order wish;
        struct tally tally = {.count = 0};
        contest_hear(&pair->pipes, &wish, sizeof(wish));
        if (wish.job == CONTEST_QUIT)
            return 0;
        r = pair->end->side == 0 ? write_share(pair, wish.count, &tally)
                                 : read_share(pair, &tally);
        tally.ended = contest_now();
        if (r >= 0)
            contest_tell(&pair->pipes, &tally, sizeof(tally));
    }
    return r;
}

/* --- the driver ---------------------------------------------------------- */

static void order_all(const struct contest_member *members, size_t count,
                      const struct contest_order *wish)
{
    for (size_t i = 0; i < count; i++)
        contest_tell(&members[i].pipes, wish, sizeof(*wish));
}

static void hear_all(const struct contest_member *members, size_t count,
                     struct tally *all)
{
    for (size_t i = 0; i < count; i++) {
        struct tally tally;
        contest_hear(&members[i].pipes, &tally, sizeof(tally));
        all->count += tally.count;
        all->sum += tally.sum;
        if (tally.ended > all->ended)
            all->ended = tally.ended;
    }
}

// Each writer sends as many; the first has a few more, so that all are sent.
int64_t contest_push_together(struct contest_pair *pair,
                              const struct contest_member *members, uint64_t count)
{
    const struct contest_crowd *crowd = &contest_crowds[pair->end->workload];
    const size_t readers = (size_t)crowd->readers;
    const size_t writers = (size_t)crowd->writers;
    const struct contest_order wish = {.job = CONTEST_TAKE, .count = count / writers};
    struct tally sent = {.count = 0};
    struct tally taken = {.count = 0};
    struct tally others = {.count = 0};
    const int64_t began = contest_now();
    order_all(members, readers + writers - 1, &wish);
    int r = write_share(pair, count - wish.count * (writers - 1), &sent);
    if (r < 0)
        return r;
    hear_all(members + readers, writers - 1, &others);
    for (size_t i = 0; i < readers && r >= 0; i++)
        r = send_number(pair, mark);
    if (r < 0)
        return r;
    hear_all(members, readers, &taken);
    if (taken.count != sent.count + others.count || taken.sum != sent.sum + others.sum)
        return contest_fail(pair->end, -EPROTO, "%llu messages came of %llu",
                            (unsigned long long)taken.count, (unsigned long long)count);
    return taken.ended - began;
}

void contest_quit_together(const struct contest_pair *pair,
                           const struct contest_member *members)
{
    const struct contest_crowd *crowd = &contest_crowds[pair->end->workload];
    order_all(members, (size_t)(crowd->readers + crowd->writers - 1),
              &(struct contest_order){.job = CONTEST_QUIT});
}
