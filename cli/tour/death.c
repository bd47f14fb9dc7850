/* SPDX-License-Identifier: MIT */
/*
 * What the death of a peer costs, over a channel through memory.
 *
 * A process of its own dials, and sends back what it hears until both have gone over to
 * memory.  Then it speaks a thousand times, says at which moment it will be killed, and
 * is.  Whoever hears it waits for the first one's death before it looks: all that was
 * said is still there, whole and in its order, then the end; and whose it was is known.
 * Of the second it hears everything, and sleeps when that dies: so long it takes to be
 * told.
 */
#include "tour/tour.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

enum {
    PATIENCE = 3000, // milliseconds, for each step
    ASLEEP = 20      // milliseconds, from the last word to the death
};

struct tour_sample tour_last_word(size_t index)
{
    return (struct tour_sample){
        .seed = (UINT64_C(1) << 40) + index, .size = 64, .kind = (int64_t)index};
}

/* --- who dies ------------------------------------------------------------ */

// Nobody says anything any more, so this lasts until then.
static bool wait_until(struct tour_side *side, wherry_deadline moment)
{
    wherry_message *message = NULL;
    int r = wherry_recv(side->in, &message, moment);
    wherry_message_free(message);
    return r == -ETIMEDOUT || tour_lost(side, "waiting for its end", r);
}

void tour_die(struct tour_side *side)
{
    int r;
    while ((r = tour_return(side)) > 0)
        ;
    if (r < 0 || !tour_rings_check(&side->proof.fault))
        return;
    for (size_t i = 0; i < TOUR_LAST_WORDS; i++) {
        const struct tour_sample word = tour_last_word(i);
        if (!tour_say(side, &word))
            return;
    }
    const wherry_deadline moment = wherry_after(ASLEEP);
    if (tour_tell(side, moment) && wait_until(side, moment))
        (void)raise(SIGKILL);
}

// It only comes to report where it did not die.
static _Noreturn void be_third(const struct tour_side *parent, tour_dying *dying,
                               int report)
{
    struct tour_side side = {.other = parent->other, .directory = parent->directory};
    int r = wherry_dial(wherry_listener_address(parent->place->listener),
                        wherry_after(PATIENCE), &side.in);
    side.out = side.in;
    if (r < 0)
        (void)tour_lost(&side, "dialling", r);
    else
        dying(&side);
    const bool reported =
        write(report, &side.proof, sizeof(side.proof)) == (ssize_t)sizeof(side.proof);
    _exit(reported ? 1 : 2);
}

/* --- who sees it --------------------------------------------------------- */

// Where memory without a name is refused there is none to go over to.
static bool no_memory_came(struct tour_side *third)
{
    wherry_region *region = NULL;
    int r = wherry_region_open("memfd:?size=4096", &region);
    wherry_region_close(region);
    third->proof.lacks = r == -ENOSYS || r == -EPERM;
    if (third->proof.lacks)
        return tour_refused(&third->proof.fault,
                            "this machine lacks memory for it, messages go through the "
                            "socket");
    return tour_wrong(&third->proof.fault, "no memory came in a burst of %d ms",
                      PATIENCE);
}

static bool go_over(struct tour_side *third)
{
    const struct tour_sample last = {.size = 0};
    const wherry_deadline end = wherry_after(PATIENCE);
    struct tour_rings rings;
    for (uint64_t i = 0;; i++) {
        const struct tour_sample word = {.seed = i, .size = 64};
        if (!tour_say(third, &word) || !tour_hear(third, &word) ||
            !tour_rings_count(&rings, &third->proof.fault))
            return false;
        if (rings.all == 2)
            break;
        if (wherry_now() > end)
            return no_memory_came(third);
    }
    return tour_rings_check(&third->proof.fault) && tour_say(third, &last);
}

static bool await_death(struct tour_side *third)
{
    struct pollfd life = {.fd = third->process->life, .events = POLLIN};
    const wherry_deadline end = wherry_after(PATIENCE);
    while (tour_process_lives(third->process) && wherry_now() < end)
        (void)poll(&life, 1, PATIENCE);
    return !tour_process_lives(third->process) ||
           tour_wrong(&third->proof.fault, "the third process was not killed");
}

static bool hear_words(struct tour_side *third)
{
    for (size_t i = 0; i < TOUR_LAST_WORDS; i++) {
        const struct tour_sample word = tour_last_word(i);
        if (!tour_hear(third, &word))
            return false;
    }
    return true;
}

static bool check_whose(struct tour_side *third)
{
    const size_t without_holders = offsetof(struct wherry_channel_info, holder_count);
    struct wherry_channel_info info;
    if (wherry_describe(third->in, &info, without_holders) < 0)
        return tour_refused(&third->proof.fault, "describing the channel");
    return tour_check_sender(&info.peer, third->other, &third->proof.fault);
}

static bool hear_death(struct tour_side *third, int64_t moment, int64_t *told)
{
    struct tour_fault *fault = &third->proof.fault;
    wherry_message *message = NULL;
    int r = wherry_recv(third->in, &message, WHERRY_FOREVER);
    *told = wherry_now() - moment;
    wherry_message_free(message);
    if (r != -ECONNRESET)
        return tour_wrong(fault, "the death of its peer gave %d, not ECONNRESET", r);
    if (*told <= 0)
        return tour_wrong(fault, "it was told of a death before that was");
    return check_whose(third);
}

static bool hear_all(struct tour_side *third, bool is_dead, int64_t *told)
{
    int64_t moment;
    return go_over(third) && (!is_dead || await_death(third)) && hear_words(third) &&
           tour_learn(third, &moment) && hear_death(third, moment, told);
}

static bool accept_and_hear(struct tour_side *side, struct tour_side *third,
                            bool is_dead, int64_t *told)
{
    int r = tour_accept(side->place->listener, third->process, &third->in);
    third->out = third->in;
    if (r < 0)
        return tour_lost(third, "accepting the third process", r);
    tour_guard(third->in, third->in);
    return hear_all(third, is_dead, told);
}

// Its own reason comes first, unless that is our end.
static bool blame(struct tour_side *side, const struct tour_proof *ours,
                  const struct tour_proof *its, int status)
{
    struct tour_fault *fault = &side->proof.fault;
    side->proof.lacks = ours->lacks;
    if (its->fault.text[0] && !its->gone)
        return tour_wrong(fault, "in a third process: %.200s", its->fault.text);
    if (ours->fault.text[0])
        return tour_wrong(fault, "%s", ours->fault.text);
    return tour_wrong(fault, "the third process ended with %d, not killed", status);
}

static void add(struct tour_proof *sum, const struct tour_proof *other)
{
    sum->messages += other->messages;
    sum->bytes += other->bytes;
    sum->kinds += other->kinds;
    sum->senders += other->senders;
}

static bool see_death(struct tour_side *side, tour_dying *dying, bool is_dead,
                      int64_t *told)
{
    struct tour_process process;
    struct tour_proof its = {.messages = 0};
    struct tour_side third = {.place = side->place,
                              .directory = side->directory,
                              .process = &process,
                              .abilities = WHERRY_ABLE_SENDER};
    int report;
    int r = tour_process_fork(&process, &report);
    if (r == 0)
        be_third(side, dying, report);
    if (r < 0)
        return tour_wrong(&side->proof.fault, "no third process: %s", strerror(-r));
    third.other = process.pid;
    bool right = accept_and_hear(side, &third, is_dead, told);
    tour_side_close(&third); // it may wait for what will not come
    tour_guard(side->in, side->out);
    int status = tour_process_end(&process, right ? PATIENCE : 0, &its, sizeof(its));
    add(&side->proof, &third.proof);
    return (right && status == -SIGKILL) || blame(side, &third.proof, &its, status);
}

bool tour_deaths_see(struct tour_side *side, tour_dying *dying, struct tour_stop *stop)
{
    int64_t told;
    return see_death(side, dying, true, &told) &&
           see_death(side, dying, false, &stop->told_after);
}
