/* SPDX-License-Identifier: MIT */
/*
 * One stop: two processes open a mechanism, talk, and put together what they found.
 */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "tour/tour.h"

enum {
    LOOK_MILLISECONDS = 5,  // between two looks for a first word
    STOP_SECONDS = 15,      // for the conversation
    END_MILLISECONDS = 3000 // for the child to end after it
};

const char *const tour_result_names[TOUR_RESULTS] = {
    [TOUR_RIGHT] = "ok",
    [TOUR_WRONG] = "failed",
    [TOUR_MISSING] = "missing",
};

bool tour_stop_is_right(const struct tour_stop *stop)
{
    for (size_t i = 0; i < stop->visit_count; i++)
        if (stop->visits[i].result == TOUR_WRONG)
            return false;
    return stop->result != TOUR_WRONG;
}

static const struct tour_talk *talk_of(const struct tour_way *way)
{
    return way->talk ? way->talk : &tour_talk_messages;
}

bool tour_stop_is_channel(const struct tour_stop *stop)
{
    return talk_of(stop->way)->is_channel;
}

// What a machine, or a container, may be without.
static bool is_lack(int error)
{
    static const int lacks[] = {ENOSYS,          EAFNOSUPPORT,  EPROTONOSUPPORT,
                                ESOCKTNOSUPPORT, EADDRNOTAVAIL, ENETUNREACH,
                                ENODEV};
    for (size_t i = 0; i < sizeof(lacks) / sizeof(lacks[0]); i++)
        if (error == -lacks[i])
            return true;
    return false;
}

static bool could_not_open(struct tour_proof *proof, int error)
{
    proof->lacks = is_lack(error);
    return tour_refused(&proof->fault,
                        proof->lacks ? "this machine lacks it" : "opening");
}

static _Noreturn void be_child(struct tour_place *place, struct tour_side *side,
                               int report)
{
    int r = place->way->opening->child(place, side);
    if (r < 0)
        could_not_open(&side->proof, r);
    else
        talk_of(place->way)->child(side);
    struct tour_proof proof = side->proof;
    tour_side_close(side);
    // Less than PIPE_BUF: whole or not at all.
    bool reported = write(report, &proof, sizeof(proof)) == (ssize_t)sizeof(proof);
    _exit(reported && !proof.fault.text[0] ? 0 : 1);
}

// Where there is no descriptor to wait for.
static bool comes_to_be_seen(struct tour_side *side)
{
    const size_t without_holders = offsetof(struct wherry_channel_info, holder_count);
    wherry_deadline end = wherry_after((int64_t)STOP_SECONDS * 1000);
    struct pollfd life = {.fd = side->process->life, .events = POLLIN};
    struct wherry_channel_info info = {.waiting_messages = 0};
    do
        (void)wherry_describe(side->in, &info, without_holders);
    while (info.waiting_messages == 0 && poll(&life, 1, LOOK_MILLISECONDS) == 0 &&
           wherry_now() < end);
    return info.waiting_messages > 0;
}

static bool comes_by_descriptor(struct tour_side *side, wherry_native fd, short events)
{
    struct pollfd waits[] = {{.fd = fd, .events = events},
                             {.fd = side->process->life, .events = POLLIN}};
    return poll(waits, 2, STOP_SECONDS * 1000) > 0 && waits[0].revents;
}

// Waits for the child's first word, or its end: some mechanisms would not tell of that.
static bool speaks_first(struct tour_side *side)
{
    wherry_native fd;
    short events;
    int r = wherry_fd(side->in, WHERRY_IN, &fd, &events);
    if (r < 0 && r != -ENOTSUP)
        return tour_refused(&side->proof.fault, "waiting for the other process");
    bool came = r < 0 ? comes_to_be_seen(side) : comes_by_descriptor(side, fd, events);
    if (came)
        return true;
    // Of one that has ended, how it did is the cause.
    return !tour_is_over(side) &&
           tour_wrong(&side->proof.fault, "the other process said nothing");
}

static bool be_parent(struct tour_place *place, struct tour_side *side,
                      struct tour_stop *stop)
{
    tour_guard_seconds(STOP_SECONDS);
    int r = place->way->opening->parent(place, side);
    if (r < 0)
        return could_not_open(&side->proof, r);
    tour_guard(side->in, side->out);
    bool right = speaks_first(side) && talk_of(place->way)->parent(side, stop);
    tour_guard_seconds(0);
    return right;
}

static void add(struct tour_proof *sum, const struct tour_proof *other)
{
    sum->messages += other->messages;
    sum->bytes += other->bytes;
    sum->kinds += other->kinds;
    sum->files += other->files;
    sum->senders += other->senders;
    sum->turns += other->turns;
}

// Of two faults, the cause: that the other is gone is what came of the other's.  NULL:
// none, or only how the child ended tells.
static const struct tour_proof *find_cause(const struct tour_proof *child,
                                           const struct tour_proof *parent)
{
    if (child->fault.text[0] && !child->gone)
        return child;
    if (parent->fault.text[0] && !parent->gone)
        return parent;
    return NULL;
}

static void conclude(struct tour_stop *stop, const struct tour_side *side,
                     const struct tour_proof *child, int status)
{
    struct tour_proof *sum = &stop->proof;
    const struct tour_proof *parent = &side->proof;
    const struct tour_proof *cause = find_cause(child, parent);
    add(sum, child);
    add(sum, parent);
    if (cause) {
        sum->fault = cause->fault;
        sum->lacks = cause->lacks;
    } else if (parent->fault.text[0] && tour_is_late()) {
        tour_wrong(&sum->fault, "no answer came for %d seconds", STOP_SECONDS);
    }
    if (status < 0)
        tour_wrong(&sum->fault, "the other process was killed by signal %d", -status);
    if (status > 0 && !child->fault.text[0])
        tour_wrong(&sum->fault, "the other process ended with status %d", status);
    if (parent->fault.text[0])
        tour_wrong(&sum->fault, "%s", parent->fault.text);
    if (child->fault.text[0])
        tour_wrong(&sum->fault, "%s", child->fault.text);
    stop->result = !sum->fault.text[0] ? TOUR_RIGHT
                   : sum->lacks        ? TOUR_MISSING
                                       : TOUR_WRONG;
}

static void run(struct tour_place *place, struct tour_stop *stop)
{
    struct tour_side side = {
        .directory = place->directory, .place = place, .other = getpid()};
    struct tour_proof child = {.messages = 0};
    struct tour_process process;
    int report;
    int r = tour_process_fork(&process, &report);
    if (r == 0)
        be_child(place, &side, report);
    if (r < 0) {
        tour_wrong(&stop->proof.fault, "no second process: %s", strerror(-r));
        stop->result = TOUR_WRONG;
        return;
    }
    side.other = process.pid;
    side.process = &process;
    bool right = be_parent(place, &side, stop);
    if (!right) // it may wait for what will not come
        tour_side_close(&side);
    int status = tour_process_end(&process, END_MILLISECONDS, &child, sizeof(child));
    tour_side_close(&side);
    conclude(stop, &side, &child, status);
}

void tour_stop_run(const char *directory, struct tour_stop *stop)
{
    struct tour_place place = {
        .way = stop->way, .directory = directory, .descriptors = {-1, -1, -1, -1}};
    tour_address(stop->way->address, directory, place.addresses[0]);
    (void)snprintf(stop->address, sizeof(stop->address), "%s", place.addresses[0]);
    int r = stop->way->opening->prepare(&place);
    if (r >= 0) {
        run(&place, stop);
    } else {
        could_not_open(&stop->proof, r);
        stop->result = stop->proof.lacks ? TOUR_MISSING : TOUR_WRONG;
    }
    tour_place_clear(&place);
}
