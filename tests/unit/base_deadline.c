/* SPDX-License-Identifier: MIT */
/*
 * Deadlines: sums never wrap, never become WHERRY_POLL, never pass WHERRY_FOREVER.
 */
#include "harness.h"

#include "base/base.h"

TEST(a_sum_is_a_sum)
{
    CHECK_INT(deadline_add(1000, 234), 1234);
    CHECK_INT(deadline_add(1000, 0), 1000);
    CHECK_INT(deadline_add(1000, -999), 1);
}

TEST(a_sum_is_never_poll)
{
    CHECK_INT(deadline_add(1000, -1000), 1);
    CHECK_INT(deadline_add(1000, -1001), 1);
    CHECK_INT(deadline_add(0, 0), 1);
    CHECK_INT(deadline_add(1000, INT64_MIN), 1);
    CHECK_INT(deadline_add(-5, INT64_MIN), 1);
}

TEST(a_sum_stops_at_forever)
{
    CHECK_INT(deadline_add(1000, INT64_MAX), WHERRY_FOREVER);
    CHECK_INT(deadline_add(INT64_MAX - 1, 1), WHERRY_FOREVER);
    CHECK_INT(deadline_add(INT64_MAX - 1, 2), WHERRY_FOREVER);
    CHECK_INT(deadline_add(INT64_MAX - 2, 1), INT64_MAX - 1);
}

TEST(forever_stays_forever)
{
    CHECK_INT(deadline_add(WHERRY_FOREVER, 1), WHERRY_FOREVER);
    CHECK_INT(deadline_add(WHERRY_FOREVER, -1), WHERRY_FOREVER);
    CHECK_INT(deadline_add(WHERRY_FOREVER, INT64_MIN), WHERRY_FOREVER);
}

TEST(the_sooner_is_the_lesser)
{
    CHECK_INT(deadline_sooner(5, 7), 5);
    CHECK_INT(deadline_sooner(7, 5), 5);
    CHECK_INT(deadline_sooner(WHERRY_FOREVER, 7), 7);
    CHECK_INT(deadline_sooner(7, WHERRY_POLL), WHERRY_POLL);
    CHECK_INT(deadline_sooner(WHERRY_FOREVER, WHERRY_FOREVER), WHERRY_FOREVER);
}
