/* SPDX-License-Identifier: MIT */
/*
 * A channel that goes over to memory once there is much to say.
 *
 * Where it has got to shows in what this process has mapped, as the kernel tells it:
 * nothing after a few messages; after a burst a ring for each direction, of which this
 * end can write its own and only read the other's.  In between it is a channel as any
 * other, and says and hears what they do (talk.c); and it is seen what a peer's death
 * costs (death.c).
 */
#include "tour/tour.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { FEW = 3, LINE_MOST = 512 };

/* --- what is mapped ------------------------------------------------------ */

// "7fd53b4c3000-7fd53b5c4000 r--s 00000000 00:01 38522   /memfd:wherry:local (deleted)"
static void count_line(const char *line, struct tour_rings *rings)
{
    const char *rights = strchr(line, ' ');
    if (!rights || !strstr(line, "/memfd:wherry:local "))
        return;
    rings->all++;
    rings->writable += rights[2] == 'w';
}

bool tour_rings_count(struct tour_rings *rings, struct tour_fault *fault)
{
    char line[LINE_MOST];
    *rings = (struct tour_rings){0, 0};
    FILE *maps = fopen("/proc/self/maps", "re");
    if (!maps)
        return tour_wrong(fault, "/proc/self/maps: %s", strerror(errno));
    while (fgets(line, sizeof(line), maps))
        count_line(line, rings);
    bool right = !ferror(maps);
    (void)fclose(maps);
    return right || tour_wrong(fault, "/proc/self/maps cannot be read");
}

bool tour_rings_check(struct tour_fault *fault)
{
    struct tour_rings rings;
    if (!tour_rings_count(&rings, fault))
        return false;
    return (rings.all == 2 && rings.writable == 1) ||
           tour_wrong(fault,
                      "after a burst %d rings are mapped, %d of them to be written, "
                      "instead of 2 and 1",
                      rings.all, rings.writable);
}

static bool check_none(struct tour_fault *fault)
{
    struct tour_rings rings;
    if (!tour_rings_count(&rings, fault))
        return false;
    return rings.all == 0 ||
           tour_wrong(fault, "after %d messages %d rings are mapped already", FEW,
                      rings.all);
}

/* --- before there is any memory ------------------------------------------ */

static bool learn_that(struct tour_side *side, int64_t wanted)
{
    int64_t number;
    if (!tour_learn(side, &number))
        return false;
    return number == wanted ||
           tour_wrong(&side->proof.fault, "%lld came where %lld was sent",
                      (long long)number, (long long)wanted);
}

bool tour_local_begin(struct tour_side *side)
{
    const bool is_child = !side->process;
    for (int64_t i = 0; i < FEW; i++) {
        bool right = is_child ? tour_tell(side, i) && learn_that(side, ~i)
                              : learn_that(side, i) && tour_tell(side, ~i);
        if (!right)
            return false;
    }
    return check_none(&side->proof.fault);
}

/* --- all of it ----------------------------------------------------------- */

static bool be_parent(struct tour_side *side, struct tour_stop *stop)
{
    return tour_local_begin(side) && tour_deaths_see(side, tour_die, stop) &&
           tour_talk_messages.parent(side, stop) &&
           tour_rings_check(&side->proof.fault);
}

static bool be_child(struct tour_side *side)
{
    return tour_local_begin(side) && tour_talk_messages.child(side) &&
           tour_rings_check(&side->proof.fault);
}

const struct tour_talk tour_talk_local = {true, be_parent, be_child};
