/* SPDX-License-Identifier: MIT */
/*
 * Wherry, by an address: as a program would use it, with the public headers alone.
 *
 * A mechanism with pairs is opened as one, another is listened to and dialled; one that
 * goes one way is opened twice.  A %s in the address becomes a name that nobody else
 * has.  Copied messages are written from plain bytes, and read into them up to 64 KiB;
 * larger and lent ones are received as messages, and freed.  Many a call are written
 * from plain bytes, and read into them.
 */
#define _GNU_SOURCE
#include "contest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <wherry.h>

enum {
    ADDRESS = 256,
    OPENING = 5000,
    /* milliseconds */ PATIENCE = 10000,
    LARGE = 65536
};

struct boat {
    wherry_channel *in;
    wherry_channel *out;
    wherry_channel *pairs[2][2]; /* before the processes part */
    wherry_listener *listener;
    unsigned abilities;
    bool is_duplex;
    pid_t maker;           /* who removes what stays */
    char (*told)[ADDRESS]; /* [side] where it listens; both see it */
    struct wherry_bytes batch[CONTEST_BATCH];
    unsigned char *bytes; /* theirs */
};

static int explain(struct contest_end *end, int error)
{
    return contest_fail(end, error, "%s", wherry_error_text());
}

/* --- opening ------------------------------------------------------------- */

// "queue:%s?a=b" and "-0": "queue:wherry-bench-17-0?a=b".
static void fill_in(const struct contest_end *end, const char *suffix,
                    char out[ADDRESS])
{
    const char *hole = strstr(end->address, "%s");
    const int size = hole ? (int)(hole - end->address) : (int)strlen(end->address);
    snprintf(out, ADDRESS, "%.*s%s%s%s", size, end->address, hole ? end->name : "",
             hole ? suffix : "", hole ? hole + 2 : "");
}

static unsigned abilities_of(const char *address)
{
    char scheme[16];
    snprintf(scheme, sizeof(scheme), "%.*s", (int)strcspn(address, ":"), address);
    const struct wherry_mechanism *mechanism = wherry_mechanism_find(scheme);
    return mechanism ? mechanism->abilities : 0;
}

static bool is_crowd(const struct contest_end *end)
{
    return contest_crowds[end->workload].writers > 0;
}

static int make_pairs(struct contest_end *end, const char *address)
{
    struct boat *boat = end->state;
    struct wherry_channel_info info = {.abilities = 0};
    int r = wherry_pair(address, boat->pairs[0]);
    if (r >= 0)
        r = wherry_describe(boat->pairs[0][0], &info,
                            offsetof(struct wherry_channel_info, holder_count));
    boat->is_duplex = info.abilities & WHERRY_ABLE_DUPLEX;
    if (r >= 0 && !boat->is_duplex)
        r = wherry_pair(address, boat->pairs[1]);
    return r < 0 ? explain(end, r) : 0;
}

static int prepare(struct contest_end *end)
{
    char address[ADDRESS];
    if (!end->address)
        return contest_fail(end, -EINVAL, "it needs an address");
    fill_in(end, "", address);
    const int r = wherry_address_check(address);
    if (r < 0)
        return explain(end, r);
    struct boat *boat = calloc(1, sizeof(*boat));
    if (!boat)
        return -ENOMEM;
    end->state = boat;
    boat->abilities = abilities_of(address);
    boat->is_duplex = boat->abilities & WHERRY_ABLE_DUPLEX;
    boat->maker = getpid();
    if (is_crowd(end) && !(boat->abilities & WHERRY_ABLE_MANY_READERS))
        return contest_fail(end, -ENOTSUP, "each of its channels has one reader");
    if (is_crowd(end) && !strstr(end->address, "%s"))
        return contest_fail(end, -ENOTSUP, "all must find it by a name: %%s");
    boat->told = contest_share(2 * sizeof(*boat->told));
    if (!boat->told)
        return -ENOMEM;
    const bool is_pair = boat->abilities & WHERRY_ABLE_PAIR && !is_crowd(end);
    return is_pair ? make_pairs(end, address) : 0;
}

// Of one that goes both ways, one pair; else the sending end of one, and the receiving
// end of the other.
static void take_pairs(struct contest_end *end)
{
    struct boat *boat = end->state;
    const int side = end->side;
    if (boat->is_duplex) {
        wherry_close(boat->pairs[0][1 - side]);
        boat->in = boat->out = boat->pairs[0][side];
        return;
    }
    wherry_close(boat->pairs[side][0]);
    wherry_close(boat->pairs[1 - side][1]);
    boat->out = boat->pairs[side][1];
    boat->in = boat->pairs[1 - side][0];
}

static int listen_at(struct contest_end *end, const char *suffix)
{
    struct boat *boat = end->state;
    char address[ADDRESS];
    fill_in(end, suffix, address);
    int r = wherry_listen(address, &boat->listener);
    if (r >= 0)
        snprintf(boat->told[end->side], sizeof(*boat->told), "%s",
                 wherry_listener_address(boat->listener));
    return r;
}

static int dial_other(struct contest_end *end)
{
    struct boat *boat = end->state;
    const char *address = boat->told[1 - end->side];
    if (!boat->is_duplex && strcmp(address, boat->told[end->side]) == 0)
        return wherry_error_set(-EINVAL,
                                "it goes one way: two are needed, of different names; "
                                "a %%s in the address stands for one");
    int r = wherry_dial(address, wherry_after(OPENING), &boat->out);
    if (boat->is_duplex)
        boat->in = boat->out;
    return r;
}

// Who listens accepts when it is first needed: the other end has dialled by then.
static int accept_other(struct contest_end *end)
{
    struct boat *boat = end->state;
    int r = wherry_accept(boat->listener, wherry_after(OPENING), &boat->in);
    wherry_close_listener(boat->listener);
    boat->listener = NULL;
    return r;
}

// Readers make the queue, or find it; writers dial it.
static int join(struct contest_end *end)
{
    struct boat *boat = end->state;
    int r;
    if (end->side == 1) {
        r = listen_at(end, "");
        if (r >= 0)
            r = accept_other(end);
    } else {
        r = wherry_dial(boat->told[1], wherry_after(OPENING), &boat->out);
    }
    return r < 0 ? explain(end, r) : 0;
}

static int open_end(struct contest_end *end)
{
    static const char *const suffixes[2] = {"-0", "-1"};

    const struct boat *boat = end->state;
    const bool listens = end->side == 0 || !boat->is_duplex;
    int r = 0;
    if (is_crowd(end))
        return join(end);
    if (boat->pairs[0][0]) {
        take_pairs(end);
        return 0;
    }
    if (listens)
        r = listen_at(end, boat->is_duplex ? "" : suffixes[end->side]);
    if (r >= 0 && end->side == 1)
        r = dial_other(end);
    return r < 0 ? explain(end, r) : 0;
}

static int meet(struct contest_end *end)
{
    struct boat *boat = end->state;
    int r = 0;
    if (boat->pairs[0][0])
        return 0;
    if (!boat->is_duplex)
        return (r = dial_other(end)) < 0 ? explain(end, r) : 0;
    r = accept_other(end);
    boat->out = boat->in;
    return r < 0 ? explain(end, r) : 0;
}

static void close_end(struct contest_end *end)
{
    struct boat *boat = end->state;
    free(boat->bytes);
    boat->bytes = NULL;
    if (boat->out != boat->in)
        wherry_close(boat->out);
    wherry_close(boat->in);
    wherry_close_listener(boat->listener);
    for (int side = 0; side < 2; side++) {
        const bool stays = boat->abilities & WHERRY_ABLE_OUTLIVES;
        if (boat->maker == getpid() && stays && boat->told[side][0])
            (void)wherry_remove(boat->told[side]);
    }
}

/* --- messages ------------------------------------------------------------ */

static wherry_deadline deadline_of(const struct contest_end *end)
{
    return end->workload == CONTEST_TIMED ? wherry_after(PATIENCE) : WHERRY_FOREVER;
}

static int send_lent(struct contest_end *end)
{
    struct boat *boat = end->state;
    wherry_message *message = NULL;
    int r = wherry_loan(boat->out, end->size, &message, WHERRY_FOREVER);
    if (r < 0)
        return explain(end, r);
    memcpy(wherry_message_data(message), end->bytes, CONTEST_LEAST);
    r = wherry_send(boat->out, &message, 0, WHERRY_FOREVER);
    wherry_message_free(message);
    return r < 0 ? explain(end, r) : 0;
}

static int send_one(struct contest_end *end)
{
    struct boat *boat = end->state;
    if (end->workload == CONTEST_LENT)
        return send_lent(end);
    const int r =
        wherry_write(boat->out, end->bytes, end->size, 0, 0, deadline_of(end));
    return r < 0 ? explain(end, r) : 0;
}

static int take_message(struct contest_end *end)
{
    struct boat *boat = end->state;
    wherry_message *message = NULL;
    const int r = wherry_recv(boat->in, &message, deadline_of(end));
    if (r <= 0)
        return r < 0 ? explain(end, r) : -EPIPE;
    const bool is_whole = wherry_message_size(message) == end->size;
    if (is_whole)
        contest_keep(end, wherry_message_data(message));
    wherry_message_free(message);
    return is_whole ? 0 : -EPROTO;
}

static int take_bytes(struct contest_end *end)
{
    struct boat *boat = end->state;
    const int64_t r =
        wherry_read(boat->in, end->bytes, end->size, NULL, NULL, deadline_of(end));
    if (r == (int64_t)end->size)
        return 0;
    return r < 0 ? explain(end, (int)r) : -EPROTO;
}

// Each as it is had most quickly: a small message is read into plain bytes, a large one
// or a lent one is received, and lies in memory that is the receiver's own.
static int take_one(struct contest_end *end)
{
    const struct boat *boat = end->state;
    const int accepted = boat->in ? 0 : accept_other(end);
    if (accepted < 0)
        return explain(end, accepted);
    const bool is_message = end->size > LARGE || end->workload == CONTEST_LENT;
    return (is_message ? take_message : take_bytes)(end);
}

static size_t room_of_batch(const struct contest_end *end)
{
    return CONTEST_BATCH * (end->size + WHERRY_BYTES_STEP);
}

// Each with its number, and so in bytes of its own.
static void fill_batch(struct contest_end *end, size_t count)
{
    struct boat *boat = end->state;
    uint64_t number;
    memcpy(&number, end->bytes, sizeof(number));
    for (size_t i = 0; i < count; i++, number++) {
        unsigned char *bytes = boat->bytes + i * end->size;
        memcpy(bytes, &number, sizeof(number));
        memcpy(bytes + sizeof(number), end->bytes + sizeof(number),
               end->size - sizeof(number));
        boat->batch[i] = (struct wherry_bytes){bytes, end->size, 0};
    }
}

static int make_room(struct contest_end *end)
{
    struct boat *boat = end->state;
    if (!boat->bytes)
        boat->bytes = malloc(room_of_batch(end));
    return boat->bytes ? 0 : -ENOMEM;
}

static int send_many(struct contest_end *end, size_t count)
{
    struct boat *boat = end->state;
    int r = make_room(end);
    if (r >= 0)
        fill_batch(end, count);
    for (size_t done = 0; r >= 0 && done < count; done += (size_t)r)
        r = wherry_write_many(boat->out, boat->batch + done, count - done,
                              WHERRY_FOREVER);
    return r < 0 ? explain(end, r) : 0;
}

static int take_many(struct contest_end *end, size_t most)
{
    struct boat *boat = end->state;
    int r = make_room(end);
    if (r >= 0)
        r = wherry_read_many(boat->in, boat->bytes, room_of_batch(end), boat->batch,
                             most, WHERRY_FOREVER);
    if (r <= 0)
        return r < 0 ? explain(end, r) : -EPIPE;
    bool is_whole = true;
    memcpy(end->bytes, boat->batch[r - 1].bytes, CONTEST_LEAST);
    for (int i = 0; i < r; i++)
        is_whole &= boat->batch[i].size == end->size;
    return is_whole ? r : -EPROTO;
}

/* --- the table ----------------------------------------------------------- */

const struct contest_entrant contest_entrants[] = {
    {.name = "wherry",
     .settings = "as the address says",
     .workloads = (1u << CONTEST_WORKLOADS) - 1,
     .prepare = prepare,
     .open = open_end,
     .meet = meet,
     .send = send_one,
     .take = take_one,
     .send_many = send_many,
     .take_many = take_many,
     .close = close_end},
    {.name = NULL},
};

int (*const contest_serve)(void) = NULL;
