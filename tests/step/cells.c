/* SPDX-License-Identifier: MIT */
/*
 * Our cells: whoever dies while it makes them or adds to one leaves a sum that is the
 * old or the new one, and the next goes on.
 */
#include <errno.h>
#include <string.h>

#include <wherry.h>

#include "harness.h"
#include "step.h"

enum { CELLS = 3, SOON_MILLISECONDS = 20 };

static wherry_cells *cells_of(const struct step_scene *scene)
{
    static wherry_cells *cells;
    if (!cells)
        CHECK_OK(wherry_cells_open(scene->shared, 0, WHERRY_CELL_INT64, CELLS, &cells));
    return cells;
}

static void open_as_first(void *region)
{
    (void)cells_of(&(struct step_scene){.shared = region});
}

static void *make(const struct step_role *role)
{
    wherry_region *region = NULL;
    CHECK_OK(wherry_region_open("memfd:?size=4K", &region));
    if (role && strcmp(role->name, "make") != 0)
        CHECK_INT(harness_wait(harness_child(open_as_first, region)), 0);
    return region;
}

static void unmake(void *region)
{
    wherry_region_close(region);
}

static void open_one(struct step_scene *scene)
{
    wherry_cells *cells = NULL;
    (void)wherry_cells_open(scene->shared, 0, WHERRY_CELL_INT64, CELLS, &cells);
    wherry_cells_close(cells);
}

static void open_before(struct step_scene *scene)
{
    (void)cells_of(scene);
}

// What it says in the end, after a death, too.
static int add(const struct step_scene *scene, int64_t amount, int64_t *now)
{
    wherry_cells *cells = cells_of(scene);
    const wherry_deadline soon = wherry_after(harness_stretch(SOON_MILLISECONDS));
    int r = wherry_cells_add(cells, 1, amount, now, soon);
    if (r != -EOWNERDEAD)
        return r;
    r = wherry_cells_recover(cells);
    return r < 0 ? r : wherry_cells_add(cells, 1, amount, now, soon);
}

static void add_one(struct step_scene *scene)
{
    (void)add(scene, 1, NULL);
}

static void recover(struct step_scene *scene)
{
    (void)add(scene, 0, NULL);
}

static struct step_finding judge(const struct step_scene *scene, int64_t least,
                                 int64_t most)
{
    int64_t all[CELLS] = {0};
    int64_t sum = -1;
    int r = add(scene, 0, &sum);
    if (r < 0)
        return step_find(STEP_HUNG, "the cells say %s", wherry_error_text());
    r = wherry_cells_get(cells_of(scene), 0, all, sizeof all, WHERRY_POLL);
    if (r < 0 || all[0] != 0 || all[1] != sum || all[2] != 0)
        return step_find(STEP_TORN, "the cells are others");
    if (sum < least || sum > most)
        return step_find(STEP_LOST, "the sum is %lld", (long long)sum);
    return step_find(sum > 0 ? STEP_WHOLE : STEP_ABSENT, "the sum is %lld",
                     (long long)sum);
}

static struct step_finding check(struct step_scene *scene)
{
    const bool adds = strcmp(scene->role->name, "add") == 0;
    return judge(scene, adds && scene->end == STEP_DONE ? 1 : 0, adds ? 1 : 0);
}

static struct step_finding meet(struct step_scene *scene)
{
    int64_t sum = -1;
    int r = wherry_cells_add(cells_of(scene), 1, 0, &sum,
                             wherry_after(harness_stretch(SOON_MILLISECONDS)));
    if (r == -ETIMEDOUT)
        return step_find(STEP_ABSENT, "the deadline was met");
    return r < 0 ? step_find(STEP_TORN, "the cells say %s", wherry_error_text())
                 : step_find(STEP_WHOLE, "the sum is %lld", (long long)sum);
}

static struct step_finding settle(struct step_scene *scene)
{
    return judge(scene, 1, INT64_MAX);
}

static const struct step_role roles[] = {
    {.name = "make", .run = open_one},
    {.name = "open", .run = open_one},
    {.name = "add", .prepare = open_before, .run = add_one},
};

static const struct step_subject subject = {
    .name = "cells",
    .roles = roles,
    .role_count = sizeof roles / sizeof *roles,
    .make = make,
    .unmake = unmake,
    .recover = recover,
    .check = check,
    .meet = meet,
    .turn = add_one,
    .settle = settle,
};

void harness_register(void)
{
    step_add(&subject);
}
