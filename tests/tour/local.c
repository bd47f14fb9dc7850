/* SPDX-License-Identifier: MIT */
/*
 * A stop at a channel through memory finds out memory that comes too early, or never;
 * and a peer whose last words, or whose death, are not as it said.
 */
#include "harness.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tour/tour.h"

enum { LITTLE = 20 }; // milliseconds

static struct tour_stop run(const struct tour_way *way)
{
    struct tour_stop stop = {.way = way, .budget = INT64_C(20000000)};
    tour_stop_run(harness_directory(), &stop);
    harness_note("%s", stop.proof.fault.text);
    return stop;
}

static void check_nothing_is_left(const struct tour_stop *stop)
{
    char address[TOUR_TEXT];
    wherry_channel *channel;
    (void)snprintf(address, sizeof(address), "%.*s", (int)strcspn(stop->address, "?"),
                   stop->address);
    CHECK_ERROR(wherry_dial(address, WHERRY_POLL, &channel), -ENOENT);
}

/* --- the truth ----------------------------------------------------------- */

static const struct tour_way *way_of_local(void)
{
    for (const struct tour_way *way = tour_ways; way->scheme; way++)
        if (strcmp(way->scheme, "local") == 0)
            return way;
    FAIL("the tour has no way through local:");
}

TEST(a_stop_without_a_lie_is_right)
{
    const struct tour_stop stop = run(way_of_local());
    char text[3 * TOUR_TEXT];
    if (stop.result == TOUR_MISSING)
        SKIP("%s", stop.proof.fault.text);
    CHECK_STRING(stop.proof.fault.text, "");
    CHECK_INT(stop.result, TOUR_RIGHT);
    CHECK(tour_stop_is_channel(&stop));
    CHECK(stop.told_after > 0);
    CHECK(stop.proof.messages / 2 > TOUR_LAST_WORDS);
    CHECK(stop.proof.senders / 2 > TOUR_LAST_WORDS);
    CHECK_INT(stop.proof.files, 34);
    tour_stop_text(&stop, "u", text, sizeof(text));
    CHECK_CONTAINS(text, "all that it had said came, and one that slept was told");
    check_nothing_is_left(&stop);
}

/* --- memory -------------------------------------------------------------- */

static const struct tour_opening *honest = &tour_opening_named;

static int prepare(struct tour_place *place)
{
    return honest->prepare(place);
}

static int be_parent(struct tour_place *place, struct tour_side *side)
{
    return honest->parent(place, side);
}

static int dial_with(struct tour_place *place, struct tour_side *side,
                     const char *options)
{
    char address[TOUR_TEXT + 32];
    (void)snprintf(address, sizeof(address), "%s%s",
                   wherry_listener_address(place->listener), options);
    int r = wherry_dial(address, wherry_after(HARNESS_PATIENCE), &side->in);
    side->out = side->in;
    return r;
}

static int refuse_memory(struct tour_place *place, struct tour_side *side)
{
    return dial_with(place, side, "?memory=never");
}

static int want_it_at_once(struct tour_place *place, struct tour_side *side)
{
    return dial_with(place, side, "?memory=always");
}

static void check_opening(int (*child)(struct tour_place *, struct tour_side *),
                          const char *finds)
{
    const struct tour_opening opening = {prepare, be_parent, child};
    struct tour_way way = *way_of_local();
    way.opening = &opening;
    const struct tour_stop stop = run(&way);
    CHECK_INT(stop.result, TOUR_WRONG);
    CHECK_CONTAINS(stop.proof.fault.text, finds);
    check_nothing_is_left(&stop);
}

TEST(one_that_never_goes_over_is_found)
{
    check_opening(refuse_memory, "after a burst 0 rings are mapped");
}

TEST(memory_before_a_burst_is_found)
{
    check_opening(want_it_at_once, "rings are mapped already");
}

TEST(a_burst_that_brings_no_memory_is_found)
{
    struct tour_way way = *way_of_local();
    way.address = "local:{name}?memory=never";
    const struct tour_stop stop = run(&way);
    if (stop.result == TOUR_MISSING)
        SKIP("%s", stop.proof.fault.text);
    CHECK_INT(stop.result, TOUR_WRONG);
    CHECK_CONTAINS(stop.proof.fault.text, "no memory came in a burst");
    check_nothing_is_left(&stop);
}

// What it then finds is no cause: who gave up says why.
TEST(one_who_sends_back_tells_an_end_from_a_last_word)
{
    wherry_channel *ends[2];
    CHECK_OK(wherry_pair("pair:", ends));
    struct tour_side side = {.in = ends[0], .out = ends[0]};
    CHECK_OK(wherry_write(ends[1], "", 0, 0, 0, WHERRY_FOREVER));
    CHECK_INT(tour_return(&side), 0);
    CHECK(!side.proof.gone);
    wherry_close(ends[1]);
    CHECK_INT(tour_return(&side), 0);
    CHECK(side.proof.gone);
    wherry_close(ends[0]);
}

/* --- those who die ------------------------------------------------------- */

static void go_over(struct tour_side *side)
{
    while (tour_return(side) > 0)
        ;
    CHECK(tour_rings_check(&side->proof.fault));
}

static void say(struct tour_side *side, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        const struct tour_sample word = tour_last_word(i);
        CHECK(tour_say(side, &word));
    }
}

// Long enough for the other end to sleep.
static void wait_a_little(struct tour_side *side)
{
    wherry_message *message = NULL;
    CHECK_ERROR(wherry_recv(side->in, &message, wherry_after(LITTLE)), -ETIMEDOUT);
}

static void be_killed_at_once(struct tour_side *side)
{
    (void)side;
    (void)raise(SIGKILL);
}

static void be_killed_while_it_speaks(struct tour_side *side)
{
    go_over(side);
    say(side, 0, TOUR_LAST_WORDS / 2);
    (void)raise(SIGKILL);
}

static void leave_a_word_out(struct tour_side *side)
{
    go_over(side);
    say(side, 0, 500);
    say(side, 501, TOUR_LAST_WORDS);
    (void)tour_tell(side, wherry_now());
    (void)raise(SIGKILL);
}

static void say_a_word_twice(struct tour_side *side)
{
    go_over(side);
    say(side, 0, TOUR_LAST_WORDS);
    say(side, TOUR_LAST_WORDS - 1, TOUR_LAST_WORDS);
    (void)tour_tell(side, wherry_now());
    (void)raise(SIGKILL);
}

static void end_in_order(struct tour_side *side)
{
    go_over(side);
    say(side, 0, TOUR_LAST_WORDS);
    CHECK(tour_tell(side, wherry_now()));
    tour_side_close(side);
    _exit(0);
}

static void end_by_itself(struct tour_side *side)
{
    go_over(side);
    say(side, 0, TOUR_LAST_WORDS);
    CHECK(tour_tell(side, wherry_now()));
    wait_a_little(side);
    _exit(3); // the other end cannot tell
}

static void name_a_later_moment(struct tour_side *side)
{
    go_over(side);
    say(side, 0, TOUR_LAST_WORDS);
    CHECK(tour_tell(side, wherry_after(60000)));
    (void)raise(SIGKILL);
}

static void live_on(struct tour_side *side)
{
    int64_t number;
    go_over(side);
    say(side, 0, TOUR_LAST_WORDS);
    CHECK(tour_tell(side, wherry_now()));
    (void)tour_learn(side, &number); // until the other end is closed
}

static const struct lie {
    const char *name;
    tour_dying *dying;
    const char *finds;
} lies[] = {
    {"one_that_is_killed_before_it_speaks_is_found", be_killed_at_once,
     "the peer (process "},
    {"one_that_is_killed_while_it_speaks_is_found", be_killed_while_it_speaks,
     "without an orderly end"},
    {"a_last_word_that_is_missing_is_found", leave_a_word_out, " where "},
    {"a_last_word_said_twice_is_found", say_a_word_twice, "told no number"},
    {"one_that_ends_in_order_is_found", end_in_order,
     "the death of its peer gave 0, not ECONNRESET"},
    {"one_that_was_not_killed_is_found", end_by_itself, "ended with 3, not killed"},
    {"a_death_that_was_told_too_early_is_found", name_a_later_moment,
     "told of a death before that was"},
    {"one_that_lives_on_is_found", live_on, "was not killed"},
};

static const struct lie *lie;

static bool see_the_liar(struct tour_side *side, struct tour_stop *stop)
{
    return tour_local_begin(side) && tour_deaths_see(side, lie->dying, stop);
}

static bool stand_by(struct tour_side *side)
{
    int64_t number;
    return tour_local_begin(side) && tour_learn(side, &number);
}

static void be_found(const void *argument)
{
    const struct tour_talk talk = {true, see_the_liar, stand_by};
    struct tour_way way = *way_of_local();
    lie = argument;
    way.talk = &talk;
    const struct tour_stop stop = run(&way);
    CHECK_INT(stop.result, TOUR_WRONG);
    CHECK_CONTAINS(stop.proof.fault.text, lie->finds);
    check_nothing_is_left(&stop);
}

void harness_register(void)
{
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
        harness_add(lies[i].name, be_found, &lies[i]);
}
