/* SPDX-License-Identifier: MIT */
/*
 * A stop at a semaphore finds out two that are in at once, a permit that comes where it
 * must not, or does not come where it must; and leaves nothing, however that ends.
 */
#include "harness.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "tour/tour.h"

static struct tour_stop run(const struct tour_way *way)
{
    struct tour_stop stop = {.way = way};
    tour_stop_run(harness_directory(), &stop);
    harness_note("%s", stop.proof.fault.text);
    return stop;
}

static void check_nothing_is_left(const struct tour_stop *stop)
{
    char address[TOUR_TEXT + 16];
    wherry_semaphore *semaphore;
    (void)snprintf(address, sizeof(address), "%.*s?create=no",
                   (int)strcspn(stop->address, "?"), stop->address);
    CHECK_ERROR(wherry_semaphore_open(address, &semaphore), -ENOENT);
}

/* --- the truth ----------------------------------------------------------- */

static void be_right(const void *argument)
{
    const struct tour_way *way = argument;
    const struct tour_stop stop = run(way);
    if (stop.result == TOUR_MISSING)
        SKIP("%s", stop.proof.fault.text);
    CHECK_STRING(stop.proof.fault.text, "");
    CHECK_INT(stop.result, TOUR_RIGHT);
    CHECK_INT(stop.proof.turns, 2000);
    CHECK_INT(stop.time_count, 0);
    CHECK(!tour_stop_is_channel(&stop));
    CHECK_INT(stop.came_after > 0, way->gives_back);
    check_nothing_is_left(&stop);
}

TEST(what_a_death_costs_is_as_the_manual_says)
{
    static const struct {
        const char *scheme;
        bool gives_back;
    } said[] = {{"lease", true}, {"sem", false}, {"semv", true}};

    size_t found = 0;
    for (const struct tour_way *way = tour_ways; way->scheme; way++)
        for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
            if (strcmp(way->scheme, said[i].scheme) == 0) {
                CHECK_INT(way->gives_back, said[i].gives_back);
                found++;
            }
    CHECK_INT(found, sizeof(said) / sizeof(said[0]));
}

/* --- the lies ------------------------------------------------------------ */

static bool be_honest(struct tour_side *side)
{
    return tour_talk_turns.child(side);
}

// Its turns are those of another semaphore, which nobody else takes.
static bool take_other_turns(struct tour_side *side)
{
    wherry_semaphore *own = NULL;
    CHECK(tour_turns_open(side));
    wherry_semaphore_close(side->semaphore);
    side->semaphore = NULL;
    CHECK_OK(wherry_semaphore_open("sem:/wherry-test-other?permits=1", &own));
    CHECK_OK(wherry_remove("sem:/wherry-test-other"));
    side->semaphore = own;
    return tour_turns_take(side) && tour_tell(side, 0);
}

static bool give_too_much(struct tour_side *side)
{
    CHECK(tour_turns_open(side) && tour_turns_take(side));
    CHECK_OK(wherry_release(side->semaphore, 1));
    return tour_tell(side, 0) && tour_turns_sleep(side);
}

static bool be_killed_in_its_turn(struct tour_side *side)
{
    CHECK(tour_turns_open(side));
    CHECK_OK(wherry_acquire(side->semaphore, 1, wherry_after(HARNESS_PATIENCE)));
    return raise(SIGKILL) == 0;
}

static bool be_killed_before_it_sleeps(struct tour_side *side)
{
    CHECK(tour_turns_open(side) && tour_turns_take(side) && tour_tell(side, 0));
    return raise(SIGKILL) == 0;
}

static bool end_instead_of_sleeping(struct tour_side *side)
{
    int64_t milliseconds;
    CHECK(tour_turns_open(side) && tour_turns_take(side) && tour_tell(side, 0));
    CHECK(tour_learn(side, &milliseconds));
    _exit(3);
}

static bool say_that_it_came_long_ago(struct tour_side *side)
{
    int64_t milliseconds;
    CHECK(tour_turns_open(side) && tour_turns_take(side) && tour_tell(side, 0));
    CHECK(tour_learn(side, &milliseconds));
    (void)wherry_acquire(side->semaphore, 1, wherry_after(milliseconds));
    return tour_tell(side, 1);
}

static bool give_back_before_it_says(struct tour_side *side)
{
    int64_t milliseconds;
    CHECK(tour_turns_open(side) && tour_turns_take(side) && tour_tell(side, 0));
    CHECK(tour_learn(side, &milliseconds));
    CHECK_OK(wherry_acquire(side->semaphore, 1, wherry_after(milliseconds)));
    CHECK_OK(wherry_release(side->semaphore, 1));
    return tour_tell(side, wherry_now());
}

static const char lease[] = "lease:{name}?create=exclusive";
static const char sem[] = "sem:/{name}?create=exclusive";

static const struct lie {
    const char *name;
    const char *address;
    bool gives_back; /* what the way says */
    bool (*child)(struct tour_side *);
    const char *finds;
} lies[] = {
    {"two_that_are_in_at_once_are_found", sem, false, take_other_turns,
     "two processes were in at once"},
    {"a_permit_that_does_not_come_back_is_found", sem, true, be_honest,
     "did not come to the one that slept"},
    {"a_permit_that_comes_back_is_found", lease, false, be_honest,
     "the permit of a killed process came to another one"},
    {"a_permit_too_many_is_found", sem, false, give_too_much, "permit"},
    {"a_second_permit_is_found", lease, true, give_back_before_it_says,
     "there was a second"},
    {"a_permit_that_came_before_the_death_is_found", lease, true,
     say_that_it_came_long_ago, "came while another one held it"},
    {"one_that_is_killed_in_its_turn_at_a_lease_is_found", lease, true,
     be_killed_in_its_turn, "killed by signal 9"},
    {"one_that_is_killed_in_its_turn_at_a_sem_is_found", sem, false,
     be_killed_in_its_turn, "killed by signal 9"},
    {"one_that_is_killed_before_it_sleeps_is_found", lease, true,
     be_killed_before_it_sleeps, "killed by signal 9"},
    {"one_that_ends_instead_of_sleeping_is_found", lease, true, end_instead_of_sleeping,
     "ended with status 3"},
};

static void be_found(const void *argument)
{
    const struct lie *lie = argument;
    const struct tour_talk talk = {false, tour_talk_turns.parent, lie->child};
    const struct tour_way way = {.scheme = "lease",
                                 .name = "liar",
                                 .address = lie->address,
                                 .opening = &tour_opening_semaphore,
                                 .talk = &talk,
                                 .gives_back = lie->gives_back};
    const struct tour_stop stop = run(&way);
    CHECK_INT(stop.result, TOUR_WRONG);
    CHECK_CONTAINS(stop.proof.fault.text, lie->finds);
    check_nothing_is_left(&stop);
}

/* --- what a machine lacks ------------------------------------------------ */

static int prepare(struct tour_place *place)
{
    return tour_opening_semaphore.prepare(place);
}

// As semget(2) of a kernel without System V objects.
static int no_semaphores_here(struct tour_place *place, struct tour_side *side)
{
    wherry_semaphore *semaphore;
    (void)place;
    (void)side;
    (void)wherry_semaphore_open("semv:", &semaphore);
    return -ENOSYS;
}

static int be_child(struct tour_place *place, struct tour_side *side)
{
    return tour_opening_semaphore.child(place, side);
}

TEST(a_semaphore_that_the_machine_lacks_is_missing_not_wrong)
{
    const struct tour_opening opening = {prepare, no_semaphores_here, be_child};
    const struct tour_way way = {.scheme = "semv",
                                 .name = "semv",
                                 .address = "semv:{directory},4?members=1",
                                 .opening = &opening,
                                 .talk = &tour_talk_turns,
                                 .gives_back = true};
    const struct tour_stop stop = run(&way);
    CHECK_INT(stop.result, TOUR_MISSING);
    CHECK_CONTAINS(stop.proof.fault.text, "this machine lacks it");
    CHECK(tour_stop_is_right(&stop));
}

void harness_register(void)
{
    for (const struct tour_way *way = tour_ways; way->scheme; way++) {
        char name[TOUR_TEXT];
        (void)snprintf(name, sizeof(name), "%s_is_right", way->name);
        if (way->talk == &tour_talk_turns)
            harness_add(name, be_right, way);
    }
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
        harness_add(lies[i].name, be_found, &lies[i]);
}
