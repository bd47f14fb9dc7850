/* SPDX-License-Identifier: MIT */
/*
 * The mode double: a process is killed at a point, the one that recovers after it at a
 * point of the recovery, and a third one judges.  The recovery is recorded anew after
 * each first death, for what there is to repair differs.
 */
#define _GNU_SOURCE
#include <stdio.h>

#include "harness.h"
#include "parts.h"

/* Kills one at the first point, and starts the one that recovers; false if the point is
 * not found. */
static bool begin(struct stage *stage, struct victim *recoverer,
                  const struct account *account, const struct step_role *role,
                  const struct point *first)
{
    struct victim victim;
    if (!reach(stage, &victim, account->subject, role, first))
        return false;
    victim_kill(&victim);
    victim_start(recoverer, account->subject, &stage->scene, account->subject->recover);
    return true;
}

static bool record_recovery(const struct account *account, const struct step_role *role,
                            const struct point *first, struct path *path)
{
    struct stage stage;
    struct victim recoverer;
    if (!begin(&stage, &recoverer, account, role, first))
        return false;
    bool has_end = victim_record(&recoverer, path);
    victim_kill(&recoverer);
    stage_close(&stage);
    if (!has_end)
        FAIL("%s: the recovery has no end; it has %zu points", account->subject->name,
             path->count);
    return true;
}

static void kill_both(struct account *account, const struct step_role *role,
                      const struct point *first, const struct point *second)
{
    struct stage stage;
    struct victim recoverer;
    char one[PLACE_SIZE];
    char other[PLACE_SIZE];
    char where[2 * PLACE_SIZE + 64];
    if (!begin(&stage, &recoverer, account, role, first)) {
        account_miss(account, first);
        return;
    }
    bool is_found = victim_run_to(&recoverer, second);
    victim_kill(&recoverer);
    if (!is_found) {
        account_miss(account, second);
        stage_close(&stage);
        return;
    }
    struct step_finding finding = scene_ask(&stage.scene, account->subject->check);
    int leaks = stage_close(&stage);
    point_name(first, one, sizeof one);
    point_name(second, other, sizeof other);
    snprintf(where, sizeof where, "at %s, its recovery at %s", one, other);
    account_add(account, &finding, leaks, where);
}

/* Kills the recovery after one point at so many of its own. */
static void kill_recoveries(struct account *account, const struct step_role *role,
                            const struct point *first, size_t bound)
{
    struct path recovery = {.points = NULL};
    if (!record_recovery(account, role, first, &recovery)) {
        account_miss(account, first);
        return;
    }
    for (size_t j = 0; j < recovery.count; j++) {
        progress_show(account, account->runs, step_options.pairs);
        if (is_tried(j, recovery.count, bound))
            kill_both(account, role, first, &recovery.points[j]);
    }
    path_free(&recovery);
}

/* How many first points are tried, so that the pairs are spread evenly over both. */
static size_t firsts(const struct account *account, const struct step_role *role,
                     const struct path *path, size_t pairs)
{
    struct path recovery = {.points = NULL};
    size_t count = 1;
    if (!record_recovery(account, role, &path->points[path->count / 2], &recovery))
        return path->count;
    while (count < path->count &&
           (count * count < pairs || count * recovery.count < pairs))
        count++;
    path_free(&recovery);
    return count;
}

static void kill_pairs(struct account *account, const struct path *path)
{
    // A sleeper would recover at the same time, once so and once so.
    struct step_role role = *account->role;
    role.sleeper = NULL;
    size_t count = firsts(account, &role, path, step_options.pairs);
    size_t left = count;
    for (size_t i = 0; i < path->count; i++) {
        if (!is_point_wanted(i, path->count, count))
            continue;
        size_t more =
            step_options.pairs > account->runs ? step_options.pairs - account->runs : 0;
        size_t bound = left ? (more + left - 1) / left : more;
        if (bound)
            kill_recoveries(account, &role, &path->points[i], bound);
        left -= left > 0;
    }
}

void double_mode(const void *subject)
{
    struct account all = account_open(subject, "double", "pairs");
    scene_enter(true);
    for (size_t r = 0; r < all.subject->role_count; r++) {
        struct account account = account_open(subject, "double", "pairs");
        struct path path = {.points = NULL};
        account.role = &all.subject->roles[r];
        if (!is_role_wanted(account.role))
            continue;
        struct step_role alone = *account.role;
        alone.sleeper = NULL;
        record_role(subject, &alone, &path);
        account.points = path.count;
        kill_pairs(&account, &path);
        path_free(&path);
        account_merge(&all, &account);
    }
    account_close(&all);
}
