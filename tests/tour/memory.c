/* SPDX-License-Identifier: MIT */
/*
 * A stop at a region finds out a process that does not do there what it should, and
 * leaves nothing of the region, however that ends.
 */
#include "harness.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "tour/tour.h"

static const char pattern[] = "shm:/{name}?size=1048640&create=exclusive";

static struct tour_stop run(const struct tour_way *way)
{
    struct tour_stop stop = {.way = way, .budget = INT64_C(50000000)};
    tour_stop_run(harness_directory(), &stop);
    harness_note("%s", stop.proof.fault.text);
    return stop;
}

static void check_nothing_is_left(void)
{
    char address[TOUR_TEXT];
    wherry_region *region;
    tour_address(pattern, harness_directory(), address);
    address[strcspn(address, "?")] = 0;
    CHECK_ERROR(wherry_region_open(address, &region), -ENOENT);
}

/* --- the lies ------------------------------------------------------------ */

static const struct tour_sample first = {.seed = 0, .size = 1};

// Answers the first byte, once it has seen it.
static bool answer(struct tour_side *side, const struct tour_sample *sample)
{
    wherry_region *reader = NULL;
    bool right = tour_memory_open(side, &reader) && tour_memory_see(side, 1, &first);
    wherry_region_close(reader);
    if (right)
        tour_memory_show(side, 1, sample);
    return right;
}

static bool answer_another_byte(struct tour_side *side)
{
    struct tour_sample another = first;
    return answer(side, &another);
}

static bool answer_more_bytes(struct tour_side *side)
{
    struct tour_sample more = {.seed = UINT64_C(1) << 32, .size = 2};
    return answer(side, &more);
}

static bool write_into_a_copy(struct tour_side *side)
{
    const struct wherry_region_wish wish = {.access = WHERRY_REGION_PRIVATE,
                                            .unsealed = 1};
    const struct tour_sample right = {.seed = UINT64_C(1) << 32, .size = 1};
    wherry_region *reader = NULL;
    wherry_region *copy = NULL;
    wherry_native file;
    CHECK(tour_memory_open(side, &reader));
    CHECK_OK(wherry_region_file(reader, &file));
    CHECK_OK(wherry_region_receive(dup(file), &wish, sizeof(wish), &copy));
    wherry_region_close(reader);
    wherry_region_close(side->region);
    side->region = copy;
    if (!tour_memory_see(side, 1, &first))
        return false;
    tour_memory_show(side, 1, &right);
    return tour_memory_see(side, 3, &first);
}

static bool be_killed_at_once(struct tour_side *side)
{
    (void)side;
    return raise(SIGKILL) == 0;
}

static bool be_killed_with_the_turn(struct tour_side *side)
{
    wherry_region *reader = NULL;
    CHECK(tour_memory_open(side, &reader));
    CHECK(tour_memory_see(side, 1, &first));
    return raise(SIGKILL) == 0;
}

static bool leave_with_the_turn(struct tour_side *side)
{
    wherry_region *reader = NULL;
    CHECK(tour_memory_open(side, &reader));
    CHECK(tour_memory_see(side, 1, &first));
    _exit(3);
}

static const struct lie {
    const char *name;
    bool (*child)(struct tour_side *);
    const char *finds;
} lies[] = {
    {"a_stop_finds_another_byte_in_the_region", answer_another_byte, "byte 0 of 1 is"},
    {"a_stop_finds_more_bytes_in_the_region", answer_more_bytes,
     "2 bytes arrived where 1 were sent"},
    {"a_stop_finds_a_process_that_writes_into_a_copy", write_into_a_copy,
     "was not seen in the region for"},
    {"a_stop_finds_a_process_that_is_killed_before_it_has_the_region",
     be_killed_at_once, "killed by signal 9"},
    {"a_stop_finds_a_process_that_is_killed_with_the_turn", be_killed_with_the_turn,
     "killed by signal 9"},
    {"a_stop_finds_a_process_that_ends_with_the_turn", leave_with_the_turn,
     "ended with status 3"},
};

static void be_found(const void *argument)
{
    const struct lie *lie = argument;
    const struct tour_talk talk = {false, tour_talk_memory.parent, lie->child};
    const struct tour_way way = {.scheme = "shm",
                                 .name = "shm",
                                 .address = pattern,
                                 .opening = &tour_opening_region,
                                 .talk = &talk};
    const struct tour_stop stop = run(&way);
    CHECK_INT(stop.result, TOUR_WRONG);
    CHECK_CONTAINS(stop.proof.fault.text, lie->finds);
    check_nothing_is_left();
}

/* --- the truth ----------------------------------------------------------- */

static void be_right(const void *argument)
{
    const struct tour_way *way = argument;
    const struct tour_stop stop = run(way);
    CHECK_STRING(stop.proof.fault.text, "");
    CHECK_INT(stop.result, TOUR_RIGHT);
    CHECK_INT(stop.limit, 1 << 20);
    CHECK_INT(stop.time_count, TOUR_SIZES);
    CHECK(!tour_stop_is_channel(&stop));
    // Four sizes seen by both, and a round trip of each size at least.
    CHECK(stop.proof.messages >= (uint64_t)3 * TOUR_SIZES);
    CHECK(stop.proof.bytes > UINT64_C(3) << 20);
    CHECK_INT(stop.proof.files + stop.proof.senders + stop.proof.kinds, 0);
    check_nothing_is_left();
}

static int no_memory_here(struct tour_place *place, struct tour_side *side)
{
    wherry_region *region;
    (void)place;
    (void)side;
    (void)wherry_region_open("shm:/", &region);
    return -ENOSYS;
}

static int beside(struct tour_place *place, struct tour_side *side)
{
    return tour_opening_region.child(place, side);
}

static int prepare(struct tour_place *place)
{
    return tour_opening_region.prepare(place);
}

TEST(memory_that_the_machine_lacks_is_missing_not_wrong)
{
    const struct tour_opening opening = {prepare, no_memory_here, beside};
    const struct tour_way way = {.scheme = "shm",
                                 .name = "shm",
                                 .address = pattern,
                                 .opening = &opening,
                                 .talk = &tour_talk_memory};
    const struct tour_stop stop = run(&way);
    CHECK_INT(stop.result, TOUR_MISSING);
    CHECK_CONTAINS(stop.proof.fault.text, "this machine lacks it");
}

TEST(a_region_of_that_name_is_left_as_it_is)
{
    char address[TOUR_TEXT];
    wherry_region *region;
    const struct tour_way way = {.scheme = "shm",
                                 .name = "shm",
                                 .address = pattern,
                                 .opening = &tour_opening_region,
                                 .talk = &tour_talk_memory};
    tour_address(pattern, harness_directory(), address);
    CHECK_OK(wherry_region_open(address, &region));
    const struct tour_stop stop = run(&way);
    CHECK_INT(stop.result, TOUR_WRONG);
    CHECK_OK(wherry_region_check(region));
    CHECK_OK(wherry_remove(address));
    wherry_region_close(region);
}

void harness_register(void)
{
    for (const struct tour_way *way = tour_ways; way->scheme; way++) {
        char name[TOUR_TEXT];
        (void)snprintf(name, sizeof(name), "%s_is_right", way->name);
        if (way->talk == &tour_talk_memory)
            harness_add(name, be_right, way);
    }
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
        harness_add(lies[i].name, be_found, &lies[i]);
}
