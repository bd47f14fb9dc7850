/* SPDX-License-Identifier: MIT */
/*
 * The explorer by itself: what two or three who look at two words can see, and cannot,
 * on x86; every outcome that there is, and no other.  And that what is lost is found.
 */
#include "explore.h"

#include "harness.h"

static struct {
    _Atomic(uint64_t) x;
    _Atomic(uint64_t) y;
    struct explore_bell bell;
    uint64_t seen[4]; // not shared
} at;

static void begin(void)
{
}

static void check_outcomes(const struct explore_scene *scene, const bool *expected)
{
    unsigned long seen[EXPLORE_OUTCOMES] = {0};
    explore_all(scene, seen);
    for (int i = 0; i < EXPLORE_OUTCOMES; i++)
        if ((seen[i] > 0) != expected[i])
            FAIL("outcome %d came %lu times", i, seen[i]);
}

/* --- two that say, and look at the other --------------------------------- */

static void say_x(void)
{
    atomic_store_explicit(&at.x, 1, memory_order_release);
    at.seen[0] = atomic_load(&at.y);
}

static void say_y(void)
{
    atomic_store_explicit(&at.y, 1, memory_order_release);
    at.seen[1] = atomic_load(&at.x);
}

static void say_x_fenced(void)
{
    atomic_store_explicit(&at.x, 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
    at.seen[0] = atomic_load(&at.y);
}

static void say_y_in_order(void)
{
    atomic_store(&at.y, 1);
    at.seen[1] = atomic_load(&at.x);
}

static void judge_two(void)
{
    explore_tell((unsigned)(at.seen[0] << 1 | at.seen[1]));
}

#define SCENE(...)                                                                     \
    &(const struct explore_scene)                                                      \
    {                                                                                  \
        .memory = &at, .shared = offsetof(__typeof__(at), bell), .size = sizeof(at),   \
        .begin = begin, __VA_ARGS__                                                    \
    }

TEST(two_that_say_and_look_may_both_see_nothing)
{
    check_outcomes(SCENE(.judge = judge_two,
                         .roles = {{"one", say_x, false}, {"two", say_y, false}}),
                   (const bool[EXPLORE_OUTCOMES]){true, true, true, true});
}

TEST(one_fence_is_not_enough_for_two)
{
    check_outcomes(SCENE(.judge = judge_two, .roles = {{"one", say_x_fenced, false},
                                                       {"two", say_y, false}}),
                   (const bool[EXPLORE_OUTCOMES]){true, true, true, true});
}

TEST(with_two_fences_one_of_two_sees_the_other)
{
    check_outcomes(SCENE(.judge = judge_two, .roles = {{"one", say_x_fenced, false},
                                                       {"two", say_y_in_order, false}}),
                   (const bool[EXPLORE_OUTCOMES]){false, true, true, true});
}

/* --- one that writes two words ------------------------------------------- */

static void write_both(void)
{
    atomic_store_explicit(&at.x, 1, memory_order_relaxed);
    atomic_store_explicit(&at.y, 1, memory_order_relaxed);
}

static void read_both(void)
{
    at.seen[0] = atomic_load(&at.y);
    at.seen[1] = atomic_load(&at.x);
}

static void write_both_released(void)
{
    atomic_store_explicit(&at.x, 1, memory_order_relaxed);
    atomic_store_explicit(&at.y, 1, memory_order_release);
}

static void write_both_fenced(void)
{
    atomic_store_explicit(&at.x, 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&at.y, 1, memory_order_relaxed);
}

TEST(stores_that_do_not_mind_are_seen_in_any_order)
{
    check_outcomes(SCENE(.judge = judge_two, .roles = {{"writer", write_both, false},
                                                       {"reader", read_both, false}}),
                   (const bool[EXPLORE_OUTCOMES]){true, true, true, true});
}

TEST(a_store_that_releases_is_seen_after_those_before)
{
    check_outcomes(
        SCENE(.judge = judge_two, .roles = {{"writer", write_both_released, false},
                                            {"reader", read_both, false}}),
        (const bool[EXPLORE_OUTCOMES]){true, true, false, true});
    check_outcomes(
        SCENE(.judge = judge_two, .roles = {{"writer", write_both_fenced, false},
                                            {"reader", read_both, false}}),
        (const bool[EXPLORE_OUTCOMES]){true, true, false, true});
}

/* --- one that sees its own ----------------------------------------------- */

static void say_x_and_look_twice(void)
{
    atomic_store_explicit(&at.x, 1, memory_order_relaxed);
    at.seen[2] = atomic_load(&at.x);
    at.seen[0] = atomic_load(&at.y);
}

static void judge_own(void)
{
    EXPLORE_CHECK(at.seen[2] == 1);
    judge_two();
}

TEST(what_one_says_it_sees_at_once)
{
    check_outcomes(
        SCENE(.judge = judge_own,
              .roles = {{"one", say_x_and_look_twice, false}, {"two", say_y, false}}),
        (const bool[EXPLORE_OUTCOMES]){true, true, true, true});
}

/* --- two that look at two that say --------------------------------------- */

static void store_x(void)
{
    atomic_store_explicit(&at.x, 1, memory_order_relaxed);
}

static void store_y(void)
{
    atomic_store_explicit(&at.y, 1, memory_order_relaxed);
}

static void look_x_then_y(void)
{
    at.seen[0] = atomic_load(&at.x);
    at.seen[1] = atomic_load(&at.y);
}

static void look_y_then_x(void)
{
    at.seen[2] = atomic_load(&at.y);
    at.seen[3] = atomic_load(&at.x);
}

static void judge_four(void)
{
    explore_tell(
        (unsigned)(at.seen[0] << 3 | at.seen[1] << 2 | at.seen[2] << 1 | at.seen[3]));
}

TEST(all_see_two_stores_in_one_order)
{
    enum { X_FIRST_AND_Y_FIRST = 0xa };

    bool expected[EXPLORE_OUTCOMES];
    for (int i = 0; i < EXPLORE_OUTCOMES; i++)
        expected[i] = i != X_FIRST_AND_Y_FIRST;
    check_outcomes(SCENE(.judge = judge_four, .roles = {{"x", store_x, false},
                                                        {"y", store_y, false},
                                                        {"xy", look_x_then_y, false},
                                                        {"yx", look_y_then_x, false}}),
                   expected);
}

/* --- two that count ------------------------------------------------------ */

static void count_in_two_steps(void)
{
    atomic_store_explicit(&at.x, atomic_load(&at.x) + 1, memory_order_relaxed);
}

static void count_at_once(void)
{
    (void)atomic_fetch_add(&at.x, 1);
}

static void judge_count(void)
{
    explore_tell((unsigned)at.x);
}

TEST(one_of_two_that_count_in_two_steps_is_lost)
{
    check_outcomes(
        SCENE(.judge = judge_count,
              .roles = {{"a", count_in_two_steps, false}, {"b", count_at_once, false}}),
        (const bool[EXPLORE_OUTCOMES]){false, true, true});
}

TEST(none_that_counts_at_once_is_lost)
{
    check_outcomes(SCENE(.judge = judge_count, .roles = {{"a", count_at_once, false},
                                                         {"b", count_at_once, false},
                                                         {"c", count_at_once, false}}),
                   (const bool[EXPLORE_OUTCOMES]){[3] = true});
}

/* --- how many orders there are ------------------------------------------- */

static void step_twice(void)
{
    (void)atomic_fetch_add(&at.x, 1);
    (void)atomic_fetch_add(&at.x, 1);
}

static void step_thrice(void)
{
    step_twice();
    (void)atomic_fetch_add(&at.x, 1);
}

static unsigned long count_orders(const struct explore_scene *scene)
{
    unsigned long seen[EXPLORE_OUTCOMES] = {0};
    return explore_all(scene, seen);
}

// Of steps that are seen at once there are as many as words of so many letters.
TEST(each_order_is_tried_once)
{
    CHECK_INT(count_orders(SCENE(.roles = {{"a", count_at_once, false},
                                           {"b", count_at_once, false}})),
              2);
    CHECK_INT(count_orders(
                  SCENE(.roles = {{"a", step_twice, false}, {"b", step_twice, false}})),
              6);
    CHECK_INT(count_orders(SCENE(.roles = {{"a", step_thrice, false},
                                           {"b", step_thrice, false}})),
              20);
    CHECK_INT(count_orders(SCENE(.roles = {{"a", step_twice, false},
                                           {"b", step_twice, false},
                                           {"c", step_twice, false}})),
              90);
    CHECK_INT(count_orders(SCENE(.roles = {{"a", step_twice, false},
                                           {"b", step_twice, false},
                                           {"c", step_twice, false},
                                           {"d", step_twice, false}})),
              2520);
}

// What one does alone has one order, and an end after each of its steps.
TEST(each_death_is_tried_once)
{
    CHECK_INT(count_orders(SCENE(.roles = {{"a", step_thrice, false}})), 1);
    CHECK_INT(count_orders(SCENE(.roles = {{"a", step_thrice, true}})), 4);
}

/* --- what is lost -------------------------------------------------------- */

static void wake_unfenced(void)
{
    atomic_store_explicit(&at.x, 1, memory_order_release);
    if (atomic_load(&at.y))
        explore_ring(&at.bell);
}

static void wake_fenced(void)
{
    atomic_store_explicit(&at.x, 1, memory_order_release);
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load(&at.y))
        explore_ring(&at.bell);
}

static void sleep_unlooked(void)
{
    if (atomic_load(&at.x))
        return;
    atomic_store(&at.y, 1);
    explore_sleep(&at.bell, 0);
}

static void sleep_looked(void)
{
    atomic_store(&at.y, 1);
    if (!atomic_load(&at.x))
        explore_sleep(&at.bell, 0);
}

TEST(a_wake_up_that_is_lost_is_found_by_its_shortest_way)
{
    char words[256];
    CHECK_INT(explore_least(SCENE(.roles = {{"waker", wake_fenced, false},
                                            {"sleeper", sleep_unlooked, false}}),
                            words, sizeof words),
              1); // the sleeper is stopped between its look and its word
    CHECK_INT(explore_least(SCENE(.roles = {{"waker", wake_unfenced, false},
                                            {"sleeper", sleep_looked, false}}),
                            words, sizeof words),
              1); // the waker's store is held back until it has looked
}

TEST(a_wake_up_that_is_fenced_is_not_lost)
{
    CHECK(count_orders(SCENE(.roles = {{"waker", wake_fenced, false},
                                       {"sleeper", sleep_looked, false}})) > 1);
}

/* --- one that may die ---------------------------------------------------- */

TEST(whoever_dies_has_done_some_of_its_steps_in_order)
{
    check_outcomes(
        SCENE(.judge = judge_two, .roles = {{"writer", write_both_released, true},
                                            {"reader", read_both, false}}),
        (const bool[EXPLORE_OUTCOMES]){true, true, false, true});
}
