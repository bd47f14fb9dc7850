/* SPDX-License-Identifier: MIT */
/*
 * What is no channel: how two processes come to have it both.
 *
 * The parent makes it once the child is there, which so has nothing of it but what it
 * opens itself.  A pair: beside it says when the other may go on, and hands over what
 * has no name; it is also where Ctrl-C and the limit of time come in.
 */
#include <errno.h>
#include <unistd.h>

#include "interrupt.h"
#include "tour/tour.h"

bool tour_tell(struct tour_side *side, int64_t number)
{
    int r = wherry_write(side->out, &number, sizeof(number), 0, 0, WHERRY_FOREVER);
    return r >= 0 || tour_lost(side, "telling the other process", r);
}

bool tour_learn(struct tour_side *side, int64_t *number)
{
    wherry_message *message = NULL;
    int r = wherry_recv(side->in, &message, WHERRY_FOREVER);
    bool is_number = r > 0 && wherry_message_size(message) == sizeof(*number);
    if (is_number)
        *number = *(const int64_t *)wherry_message_data(message);
    wherry_message_free(message);
    if (r <= 0)
        return tour_lost(side, "hearing from the other process", r);
    return is_number ||
           tour_wrong(&side->proof.fault, "the other process told no number");
}

// In the child: its parent is another one as soon as the first has ended.
static bool other_lives(const struct tour_side *side)
{
    return side->process ? tour_process_lives(side->process)
                         : getppid() == (pid_t)side->other;
}

bool tour_is_over(struct tour_side *side)
{
    if (!interrupted() && !tour_is_late() && other_lives(side))
        return false;
    return !tour_lost(side, "waiting", 0);
}

/* --- the openings -------------------------------------------------------- */

static int beside_prepare(struct tour_place *place)
{
    return wherry_pair("pair:", place->ends[0]);
}

static int beside_child(struct tour_place *place, struct tour_side *side)
{
    return tour_opening_pair.child(place, side);
}

static int region_parent(struct tour_place *place, struct tour_side *side)
{
    int r = tour_opening_pair.parent(place, side);
    if (r >= 0)
        r = wherry_region_open(place->addresses[0], &side->region);
    place->stays = r >= 0;
    return r;
}

// What they take turns at is there before they part.
static int semaphore_prepare(struct tour_place *place)
{
    int r = beside_prepare(place);
    return r < 0 ? r : wherry_region_open("memfd:?size=4096", &place->region);
}

static void take_region(struct tour_place *place, struct tour_side *side)
{
    side->region = place->region;
    place->region = NULL;
}

static int semaphore_parent(struct tour_place *place, struct tour_side *side)
{
    int r = tour_opening_pair.parent(place, side);
    take_region(place, side);
    if (r >= 0)
        r = wherry_semaphore_open(place->addresses[0], &side->semaphore);
    place->stays = r >= 0;
    return r;
}

static int semaphore_child(struct tour_place *place, struct tour_side *side)
{
    take_region(place, side);
    return beside_child(place, side);
}

const struct tour_opening tour_opening_semaphore = {semaphore_prepare, semaphore_parent,
                                                    semaphore_child};

const struct tour_opening tour_opening_region = {beside_prepare, region_parent,
                                                 beside_child};
