/* SPDX-License-Identifier: MIT */
/*
 * The figures of one subject in one mode: a line that people and ./dev trust read, a
 * line for each run that went bad, and what is seen on a terminal meanwhile.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "parts.h"

enum { TOLD_MOST = 100, SHOW_NANOSECONDS = 100000000, TERMINAL = 100 };

static const char *const verdict_names[STEP_VERDICTS] = {"whole", "absent", "lost",
                                                         "torn", "hung"};
static int terminal = -1;

struct account account_open(const struct step_subject *subject, const char *mode,
                            const char *unit)
{
    return (struct account){
        .subject = subject, .mode = mode, .unit = unit, .began = harness_now()};
}

static const char *name_of(const struct account *account)
{
    return account->role ? account->role->name : "all";
}

void account_add(struct account *account, const struct step_finding *finding, int leaks,
                 const char *where)
{
    leaks += finding->leaks > 0 ? finding->leaks : 0;
    bool is_bad = finding->verdict >= STEP_LOST || leaks > 0;
    account->runs++;
    account->verdicts[finding->verdict] += finding->count;
    account->leaks += (unsigned long)leaks;
    account->bad += is_bad;
    if (step_options.is_listing)
        harness_note("%s %s: %s: %s", name_of(account), where,
                     verdict_names[finding->verdict], finding->sentence);
    if (!is_bad || account->bad > TOLD_MOST)
        return;
    dprintf(STDERR_FILENO, "bad: %s/%s, %s %s: %s: %s", account->subject->name,
            account->mode, name_of(account), where, verdict_names[finding->verdict],
            finding->sentence);
    if (leaks > 0)
        dprintf(STDERR_FILENO, "; %d things are left behind", leaks);
    dprintf(STDERR_FILENO, "\n");
}

void account_miss(struct account *account, const struct point *point)
{
    char where[PLACE_SIZE];
    point_name(point, where, sizeof where);
    if (account->missed++ < TOLD_MOST)
        dprintf(STDERR_FILENO, "not found again: %s/%s, %s at %s\n",
                account->subject->name, account->mode, name_of(account), where);
}

static void note(const struct account *account, const char *name)
{
    const unsigned long *verdicts = account->verdicts;
    bool is_load = strcmp(account->mode, "load") == 0;
    harness_note("%s: %lu %s, %lu %s, %lu whole, %lu absent, %lu lost, %lu torn, %lu "
                 "hung, %lu leaks, %lu missed, %.1f s",
                 name, account->points, is_load ? "turns" : "points", account->runs,
                 account->unit, verdicts[STEP_WHOLE], verdicts[STEP_ABSENT],
                 verdicts[STEP_LOST], verdicts[STEP_TORN], verdicts[STEP_HUNG],
                 account->leaks, account->missed,
                 (double)(harness_now() - account->began) / 1e9);
}

unsigned long account_excused(const struct account *role)
{
    // Stepping is so slow that a sleeper may look by itself and be gone meanwhile.
    const bool has_sleeper = role->role->is_deep || role->subject->company;
    return has_sleeper ? 1 + role->runs / 20 : 0;
}

void account_merge(struct account *all, const struct account *role)
{
    char name[256];
    snprintf(name, sizeof name, "  of these %s", role->role->name);
    if (all->subject->role_count > 1)
        note(role, name);
    all->points += role->points;
    all->runs += role->runs;
    for (int i = 0; i < STEP_VERDICTS; i++)
        all->verdicts[i] += role->verdicts[i];
    all->leaks += role->leaks;
    all->missed += role->missed;
    if (role->missed <= account_excused(role))
        all->excused += role->missed;
    all->bad += role->bad;
}

/* Whether all that is bad is known of what is not ours. */
static bool is_known(const struct account *account)
{
    const enum step_told told = account->subject->only_told;
    const bool is_load = strcmp(account->mode, "load") == 0;
    return told == STEP_EVERYTHING || (told == STEP_SLEEPERS && is_load &&
                                       account->bad == account->verdicts[STEP_HUNG]);
}

void account_close(const struct account *account)
{
    char name[256];
    snprintf(name, sizeof name, "%s %s", account->subject->name, account->mode);
    if (terminal >= 0)
        dprintf(terminal, "\r\033[K");
    note(account, name);
    if (account->missed > account->excused)
        FAIL("%lu points were not found again", account->missed);
    if (account->runs == 0)
        FAIL("nothing was tried");
    if (account->bad && !is_known(account))
        FAIL("%lu of %lu %s are bad", account->bad, account->runs, account->unit);
}

void progress_open(void)
{
    // What a test says goes elsewhere; out of the way of those that count descriptors.
    if (isatty(STDERR_FILENO))
        terminal = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, TERMINAL);
}

void progress_show(const struct account *account, unsigned long done,
                   unsigned long total)
{
    static int64_t shown;
    int64_t now = harness_now();
    if (terminal < 0 || now - shown < SHOW_NANOSECONDS)
        return;
    shown = now;
    dprintf(terminal, "\r\033[K%s %s%s%s: %lu of %lu", account->subject->name,
            account->mode, account->role ? " " : "",
            account->role ? account->role->name : "", done, total);
}
