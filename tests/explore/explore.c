/* SPDX-License-Identifier: MIT */
/*
 * The explorer's program: a test for each scene, which tries its orders one by one.
 */
#include "explore.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness.h"
#include "parts.h"

enum {
    SCHEDULES = 100000, /* of a scene */
    EVERY_SHARE = 2,    /* such a part of them is to have every order, */
    CHANGES_MOST = 12,  /* with so many changes at most */
    SENTENCE_SIZE = 400,
    WORDS_SIZE = 8192
};

struct run run = {.now = EXPLORE_FIBERS};

static void *begun; // memory as it is at the beginning
static char finding[SENTENCE_SIZE];
static unsigned outcome;

/* --- within an order of steps -------------------------------------------- */

const char *run_name(unsigned fiber)
{
    return run.scene->roles[fiber].name;
}

void run_say(const char *format, ...)
{
    va_list arguments;
    if (!run.is_told)
        return;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

void run_leave(void)
{
    const unsigned from = run.now;
    run.now = EXPLORE_FIBERS;
    fiber_switch(from, EXPLORE_FIBERS);
}

void explore_find(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(finding, sizeof finding, format, arguments);
    va_end(arguments);
    run.has_found = true;
    run_say("!! %s", finding);
    if (run_goes())
        run_leave();
}

void explore_tell(unsigned number)
{
    outcome = number;
}

static void end_role(void)
{
    if (run.fibers[run.now].count > 0)
        moves_point(&moves_plain);
    run.fibers[run.now].state = FIBER_ENDED;
    run_say("  %-8s ends", run_name(run.now));
    run.version++;
    moves_end();
}

static void run_role(unsigned number)
{
    for (;;) {
        run.scene->roles[number].run();
        end_role();
    }
}

/* --- one order of steps -------------------------------------------------- */

static void prepare(const struct explore_scene *scene)
{
    run.scene = scene;
    run.now = EXPLORE_FIBERS;
    for (run.count = 0; run.count < EXPLORE_FIBERS && scene->roles[run.count].run;)
        run.count++;
    memset(scene->memory, 0, scene->size);
    scene->begin();
    begun = malloc(scene->size);
    CHECK(begun);
    memcpy(begun, scene->memory, scene->size);
    for (unsigned i = 0; i < run.count; i++)
        fiber_renew(i, run_role);
}

// Those that did not come to their end are somewhere in the middle.
static void renew_left(void)
{
    for (unsigned i = 0; i < run.count; i++)
        if (run.fibers[i].state != FIBER_ENDED)
            fiber_renew(i, run_role);
}

static void run_once(void)
{
    memcpy(run.scene->memory, begun, run.scene->size);
    for (unsigned i = 0; i < run.count; i++) {
        struct fiber *fiber = &run.fibers[i];
        fiber->state = FIBER_READY;
        fiber->count = 0;
        fiber->was_chosen = true;
        fiber->holds = false;
        fiber->has_fenced = false;
        fiber->looked = NULL;
    }
    run.points = 0;
    run.version = 0;
    run.has_found = false;
    moves_begin();
    renew_left();
    for (unsigned i = 0; i < run.count; i++)
        memory_show(i);
    if (!run.has_found && run.scene->judge)
        run.scene->judge();
}

/* --- many ---------------------------------------------------------------- */

/* How many orders were tried. */
struct effort {
    unsigned long every;
    unsigned long by_chance;
    unsigned changes; // every one with fewer
};

static unsigned long number_from(const char *name, unsigned long otherwise)
{
    const char *text = getenv(name);
    const unsigned long number = text ? strtoul(text, NULL, 10) : 0;
    return number > 0 ? number : otherwise;
}

// All orders with exactly so many changes, as long as there are not too many of them.
// Those with fewer are gone through again, and not counted.
static unsigned long try_every(unsigned changes, unsigned long most, bool *is_all)
{
    unsigned long count = 0;
    bool is_left = true;
    search_every(changes);
    while (is_left && count < most) {
        run_once();
        count += search_changes() == changes;
        if (run.has_found)
            break;
        is_left = search_next();
    }
    *is_all = !is_left;
    return count;
}

static unsigned long try_by_chance(unsigned long count)
{
    const unsigned long seed = number_from("WHERRY_TEST_SEED", 1);
    for (unsigned long i = 0; i < count; i++) {
        search_chance(seed * 0x100000000UL + i);
        run_once();
        if (run.has_found)
            return i + 1;
    }
    return count;
}

// Ends with the first finding, or with so many orders; those with the fewest changes
// come first.
static struct effort try_orders(unsigned long most)
{
    struct effort effort = {.changes = 0};
    const unsigned long most_of_every = most / EVERY_SHARE + 1;
    unsigned long added = 1;
    bool is_all = true;
    run.has_found = false;
    while (is_all && added > 0 && effort.changes <= CHANGES_MOST && !run.has_found &&
           effort.every < most_of_every) {
        added = try_every(effort.changes, most_of_every - effort.every, &is_all);
        effort.every += added;
        effort.changes += is_all;
    }
    if (!run.has_found && effort.every < most)
        effort.by_chance = try_by_chance(most - effort.every);
    return effort;
}

static void tell_again(const char *words)
{
    run.is_told = true;
    CHECK(search_replay(words));
    run_once();
    run.is_told = false;
}

static void report(unsigned long count)
{
    static char words[WORDS_SIZE];
    char found[SENTENCE_SIZE];
    snprintf(found, sizeof found, "%s", finding);
    search_words(words, sizeof words);
    tell_again(words);
    free(begun);
    FAIL("%s: in schedule %lu, whose steps are told above; again with "
         "WHERRY_TEST_REPLAY='%s'",
         found, count, words);
}

static void replay(const char *words)
{
    tell_again(words);
    free(begun);
    if (run.has_found)
        FAIL("%s", finding);
}

static void try_scene(const void *argument)
{
    const char *words = getenv("WHERRY_TEST_REPLAY");
    prepare(argument);
    if (words) {
        replay(words);
        return;
    }
    const struct effort effort =
        try_orders(number_from("WHERRY_TEST_SCHEDULES", SCHEDULES));
    const unsigned long count = effort.every + effort.by_chance;
    if (run.has_found)
        report(count);
    free(begun);
    harness_note("%lu schedules: all with fewer than %u changes, %lu in order, %lu by "
                 "chance",
                 count, effort.changes, effort.every, effort.by_chance);
}

void explore_add(const struct explore_scene *scene)
{
    harness_add(scene->name, try_scene, scene);
}

/* --- for the explorer's own tests ---------------------------------------- */

unsigned long explore_all(const struct explore_scene *scene,
                          unsigned long seen[EXPLORE_OUTCOMES])
{
    bool is_left = true;
    unsigned long count = 0;
    prepare(scene);
    search_every(UINT16_MAX);
    while (is_left) {
        run_once();
        count++;
        if (run.has_found)
            report(count);
        seen[outcome % EXPLORE_OUTCOMES]++;
        is_left = search_next();
    }
    free(begun);
    return count;
}

unsigned explore_least(const struct explore_scene *scene, char *words, size_t size)
{
    prepare(scene);
    (void)try_orders(SCHEDULES);
    if (!run.has_found)
        FAIL("nothing is found");
    const unsigned changes = search_changes();
    search_words(words, size);
    search_replay(words);
    run_once();
    if (!run.has_found)
        FAIL("%s is not found again", finding);
    free(begun);
    return changes;
}
