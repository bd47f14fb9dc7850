/* SPDX-License-Identifier: MIT */
/*
 * The mode kill: each distinct point of each role is where a process is killed once.
 */
#define _GNU_SOURCE
#include <string.h>

#include "harness.h"
#include "parts.h"

/* One run that nobody counts: what the first one of a process keeps, of its heap above
 * all, is kept when the points are recorded. */
static void warm_up(const struct step_subject *subject, const struct step_role *role)
{
    struct stage stage;
    struct victim victim;
    stage_open(&stage, subject, role);
    victim_start(&victim, subject, &stage.scene, role->run);
    victim.sleeper = stage_lull(&stage);
    victim_kill(&victim);
    stage_rouse(&stage);
    (void)scene_ask(&stage.scene, subject->check);
    stage_close(&stage);
}

void record_role(const struct step_subject *subject, const struct step_role *role,
                 struct path *path)
{
    struct stage stage;
    struct victim victim;
    warm_up(subject, role);
    stage_open(&stage, subject, role);
    victim_start(&victim, subject, &stage.scene, role->run);
    victim.sleeper = stage_lull(&stage);
    bool has_end = victim_record(&victim, path);
    victim_kill(&victim);
    stage_close(&stage);
    if (!has_end)
        FAIL("%s, %s: the operation has no end; it has %zu points", subject->name,
             role->name, path->count);
}

bool reach(struct stage *stage, struct victim *victim,
           const struct step_subject *subject, const struct step_role *role,
           const struct point *point)
{
    enum { ATTEMPTS = 5 }; // who is woken meanwhile may be sooner or later

    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        stage_open(stage, subject, role);
        victim_start(victim, subject, &stage->scene, role->run);
        victim->sleeper = stage_lull(stage);
        if (victim_run_to(victim, point))
            return true;
        victim_kill(victim);
        stage_close(stage);
    }
    return false;
}

bool is_role_wanted(const struct step_role *role)
{
    return !step_options.role || strcmp(step_options.role, role->name) == 0;
}

bool is_point_wanted(size_t i, size_t count, size_t bound)
{
    return step_options.point ? i + 1 == step_options.point : is_tried(i, count, bound);
}

static void kill_at(struct account *account, const struct path *path, size_t i)
{
    struct stage stage;
    struct victim victim;
    char where[PLACE_SIZE];
    if (!reach(&stage, &victim, account->subject, account->role, &path->points[i])) {
        account_miss(account, &path->points[i]);
        return;
    }
    victim_kill(&victim);
    stage_rouse(&stage);
    struct step_finding finding = scene_ask(&stage.scene, account->subject->check);
    int leaks = stage_close(&stage);
    point_tell(path, i, where);
    account_add(account, &finding, leaks, where);
}

static struct account try_once(const struct step_subject *subject,
                               const struct point_mode *mode,
                               const struct step_role *role)
{
    struct account account = account_open(subject, mode->name, mode->noun);
    struct path path = {.points = NULL};
    account.role = role;
    record_role(subject, role, &path);
    account.points = path.count;
    for (size_t i = 0; i < path.count; i++) {
        progress_show(&account, i, path.count);
        if (is_point_wanted(i, path.count, mode->bound))
            mode->try(&account, &path, i);
    }
    path_free(&path);
    return account;
}

/* A recording may have been disturbed, by who was woken or by how long it took: one of
 * which the points are not found again is made anew. */
static struct account try_role(const struct step_subject *subject,
                               const struct point_mode *mode,
                               const struct step_role *role)
{
    enum { RECORDINGS = 3 };

    struct account account = try_once(subject, mode, role);
    for (int i = 1; i < RECORDINGS && account.bad == 0 &&
                    account.missed > account_excused(&account);
         i++)
        account = try_once(subject, mode, role);
    return account;
}

void each_point(const struct step_subject *subject, const struct point_mode *mode)
{
    struct account all = account_open(subject, mode->name, mode->noun);
    scene_enter(true);
    for (size_t r = 0; r < subject->role_count; r++) {
        if (!is_role_wanted(&subject->roles[r]))
            continue;
        struct account account = try_role(subject, mode, &subject->roles[r]);
        account_merge(&all, &account);
    }
    account_close(&all);
}

void kill_mode(const void *subject)
{
    each_point(subject,
               &(struct point_mode){"kill", "kills", step_options.points, kill_at});
}
