/* SPDX-License-Identifier: MIT */
/*
 * One stop: two processes open a mechanism, talk, and put together what they found.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tour.h"

enum {
    STOP_SECONDS = 15,      // for the conversation
    END_MILLISECONDS = 3000 // for the child to end after it
};

const char *const tour_result_names[TOUR_RESULTS] = {
    [TOUR_RIGHT] = "ok",
    [TOUR_WRONG] = "failed",
    [TOUR_MISSING] = "missing",
};

const struct tour_time *tour_stop_time(const struct tour_stop *stop, uint64_t size)
{
    for (size_t i = 0; i < stop->time_count; i++)
        if (stop->times[i].size == size)
            return &stop->times[i];
    bool has_limit =
        stop->time_count > 0 && stop->times[stop->time_count - 1].size == stop->limit;
    return size == UINT64_MAX && has_limit ? &stop->times[stop->time_count - 1] : NULL;
}

bool tour_stop_is_right(const struct tour_stop *stop)
{
    for (size_t i = 0; i < stop->visit_count; i++)
        if (stop->visits[i].result == TOUR_WRONG)
            return false;
    return stop->result != TOUR_WRONG;
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

static void note_opening(struct tour_stop *stop, int error, struct tour_proof *proof)
{
    tour_refused(&proof->fault, is_lack(error) ? "this machine lacks it" : "opening");
    stop->result = is_lack(error) ? TOUR_MISSING : TOUR_WRONG;
}

static _Noreturn void be_child(struct tour_place *place, struct tour_side *side,
                               int report)
{
    int r = place->way->opening->child(place, side);
    if (r < 0)
        tour_refused(&side->proof.fault, "opening");
    else
        tour_talk_child(side);
    struct tour_proof proof = side->proof;
    tour_side_close(side);
    // Less than PIPE_BUF: whole or not at all.
    bool reported = write(report, &proof, sizeof(proof)) == (ssize_t)sizeof(proof);
    _exit(reported && !proof.fault.text[0] ? 0 : 1);
}

static bool be_parent(struct tour_place *place, struct tour_side *side,
                      struct tour_stop *stop)
{
    tour_guard_seconds(STOP_SECONDS);
    int r = place->way->opening->parent(place, side);
    if (r < 0)
        return tour_refused(&side->proof.fault, "opening");
    tour_guard(side->in, side->out);
    bool right = tour_talk_parent(side, stop);
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
}

// The child's fault comes first: the parent only hears that it has gone.
static void conclude(struct tour_stop *stop, const struct tour_side *side,
                     const struct tour_proof *child, int status)
{
    struct tour_proof *sum = &stop->proof;
    *sum = *child;
    add(sum, &side->proof);
    if (side->proof.fault.text[0] && tour_is_late())
        tour_wrong(&sum->fault, "no answer came for %d seconds", STOP_SECONDS);
    if (side->proof.fault.text[0])
        tour_wrong(&sum->fault, "%s", side->proof.fault.text);
    if (status < 0)
        tour_wrong(&sum->fault, "the other process was killed by signal %d", -status);
    else if (status > 0)
        tour_wrong(&sum->fault, "the other process ended with status %d", status);
    stop->result = sum->fault.text[0] ? TOUR_WRONG : TOUR_RIGHT;
}

static void run(struct tour_place *place, struct tour_stop *stop)
{
    struct tour_side side = {.directory = place->directory, .other = getpid()};
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
    if (r < 0)
        note_opening(stop, r, &stop->proof);
    else
        run(&place, stop);
    tour_place_clear(&place);
}
