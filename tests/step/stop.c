/* SPDX-License-Identifier: MIT */
/*
 * The mode stop: a process is stopped at a point, which is no death: others meet their
 * deadlines, and take nothing from it.  Then it goes on to its end.
 */
#define _GNU_SOURCE
#include <signal.h>

#include "harness.h"
#include "parts.h"

enum { SLEEP_MILLISECONDS = 20 };

/* Lets it go on to the end of its operation; what is wrong with that, if anything. */
static struct step_finding go_on(struct victim *victim, const struct path *path)
{
    int status = 0;
    struct step_scene *scene = victim->scene;
    enum wait_end how = WAIT_ASLEEP;
    kill(victim->pid, SIGCONT);
    for (int wakes = 0; wakes < 3 && how == WAIT_ASLEEP; wakes++) {
        how = scene_wait(victim->pid, SLEEP_MILLISECONDS, &status);
        if (how == WAIT_ASLEEP && scene->role->wake)
            scene_do(scene, scene->role->wake);
    }
    victim->is_over = how == WAIT_ENDED;
    scene->end = STEP_DONE;
    if (how == WAIT_ENDED && status == 0)
        return step_find(STEP_WHOLE, "it went on");
    victim_kill(victim);
    if (how == WAIT_ENDED)
        return step_find(STEP_TORN, "who was stopped ended with status %#x",
                         (unsigned)status);
    if (path->ends_asleep)
        return step_find(STEP_WHOLE, "it sleeps, as it would have");
    return step_find(STEP_HUNG, "who was stopped does not go on");
}

/* The first of them that is bad, or else the last. */
static struct step_finding worst(const struct step_finding findings[], int count)
{
    int i = 0;
    while (i < count - 1 && findings[i].verdict < STEP_LOST)
        i++;
    return findings[i];
}

static void stop_at(struct account *account, const struct path *path, size_t i)
{
    enum { FINDINGS = 3 };

    struct stage stage;
    struct victim victim;
    struct step_finding findings[FINDINGS];
    char where[PLACE_SIZE];
    if (!reach(&stage, &victim, account->subject, account->role, &path->points[i])) {
        account_miss(account, &path->points[i]);
        return;
    }
    if (!victim_stop(&victim))
        FAIL("%s cannot be stopped", account->subject->name);
    findings[0] = scene_ask(&stage.scene, account->subject->meet);
    findings[1] = go_on(&victim, path);
    stage_rouse(&stage);
    findings[2] = scene_ask(&stage.scene, account->subject->check);
    struct step_finding finding = worst(findings, FINDINGS);
    int leaks = stage_close(&stage);
    point_tell(path, i, where);
    account_add(account, &finding, leaks, where);
}

void stop_mode(const void *subject)
{
    each_point(subject,
               &(struct point_mode){"stop", "stops", step_options.stops, stop_at});
}
