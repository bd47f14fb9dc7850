/* SPDX-License-Identifier: MIT */
/*
 * The mode load: workers take turns as fast as they can; one of them is killed at a
 * random moment and replaced, again and again.  What the stepped modes cannot have is
 * tried here: several processes within the operation at once.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "parts.h"

enum {
    WORKERS_MOST = 64,
    PAUSE_NANOSECONDS = 1000000, // between two kills, at most
    STALL_MILLISECONDS = 500,    // without any turn
    END_MILLISECONDS = 100,      // asleep after the last turn: for ever
};

/* Shared with the workers. */
struct shift {
    atomic_ulong turns;
    atomic_bool is_over;
};

struct load {
    struct account account;
    struct stage stage;
    struct shift *shift;
    pid_t workers[WORKERS_MOST];
    unsigned long seed;
    unsigned long seen; // turns
    int64_t seen_at;
};

_Noreturn static void work(const struct load *load)
{
    const struct step_subject *subject = load->account.subject;
    struct step_scene scene = load->stage.scene;
    scene.stepped = getpid();
    if (subject->attach)
        subject->attach(&scene);
    while (!atomic_load(&load->shift->is_over)) {
        subject->turn(&scene);
        atomic_fetch_add(&load->shift->turns, 1);
    }
    harness_exit(0);
}

static pid_t hire(const struct load *load)
{
    pid_t pid = scene_fork();
    if (pid == 0)
        work(load);
    return pid;
}

static unsigned long random_below(struct load *load, unsigned long bound)
{
    load->seed = load->seed * 6364136223846793005u + 1442695040888963407u;
    return (load->seed >> 33) % bound;
}

/* Whether turns are still taken, or were a moment ago. */
static bool is_moving(struct load *load)
{
    unsigned long turns = atomic_load(&load->shift->turns);
    int64_t now = harness_now();
    if (turns != load->seen) {
        load->seen = turns;
        load->seen_at = now;
    }
    return now - load->seen_at < (int64_t)harness_stretch(STALL_MILLISECONDS) * 1000000;
}

/* Kills one at a random moment and hires another. */
static void replace(struct load *load)
{
    struct timespec moment = {.tv_nsec = (long)random_below(load, PAUSE_NANOSECONDS)};
    pid_t *worker = &load->workers[random_below(load, step_options.workers)];
    int status = 0;
    ppoll(NULL, 0, &moment, NULL);
    kill(*worker, SIGKILL);
    while (waitpid(*worker, &status, 0) < 0 && errno == EINTR)
        ;
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        FAIL("a worker ended by itself: status %#x", (unsigned)status);
    *worker = hire(load);
    load->account.runs++;
}

/* Whoever is hired needs a moment: somebody is to come to a turn between two kills. */
static bool await_turn(struct load *load)
{
    static const struct timespec moment = {.tv_nsec = 50000};
    const unsigned long before = load->seen;
    while (is_moving(load)) {
        if (load->seen != before)
            return true;
        ppoll(NULL, 0, &moment, NULL);
    }
    return false;
}

/* Ends the shift; how many workers do not come back from their turn. */
static int dismiss(struct load *load)
{
    int hung = 0;
    int status = 0;
    atomic_store(&load->shift->is_over, true);
    for (unsigned long i = 0; i < step_options.workers; i++) {
        const bool has_ended =
            scene_wait(load->workers[i], END_MILLISECONDS, &status) == WAIT_ENDED;
        // One that gave up its turn failed a check, and said which.
        hung += !has_ended || status != 0;
        if (has_ended)
            continue;
        kill(load->workers[i], SIGKILL);
        while (waitpid(load->workers[i], NULL, 0) < 0 && errno == EINTR)
            ;
    }
    return hung;
}

static void judge(struct load *load, int hung, bool is_stalled)
{
    struct account *account = &load->account;
    char where[96];
    unsigned long kills = account->runs;
    load->stage.scene.end = hung ? STEP_KILLED : STEP_DONE;
    struct step_finding finding =
        scene_ask(&load->stage.scene, account->subject->settle);
    int leaks = stage_close(&load->stage);
    snprintf(where, sizeof where, "after %lu kills with seed %lu", kills,
             step_options.seed);
    account->points = atomic_load(&load->shift->turns);
    account_add(account, &finding, leaks, where);
    if (hung || is_stalled) {
        finding = step_find(STEP_HUNG, "%d of %lu workers wait for ever", hung,
                            step_options.workers);
        account_add(account, &finding, 0, where);
    }
    account->runs = kills;
}

void load_mode(const void *subject)
{
    struct load load = {.account = account_open(subject, "load", "kills"),
                        .seed = step_options.seed};
    scene_enter(false);
    stage_open(&load.stage, subject, NULL);
    load.shift = mmap(NULL, sizeof *load.shift, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (load.shift == MAP_FAILED)
        FAIL("no memory for a shift: %s", harness_errno_name(errno));
    for (unsigned long i = 0; i < step_options.workers; i++)
        load.workers[i] = hire(&load);
    load.seen_at = harness_now();
    bool is_stalled = false;
    while (load.account.runs < step_options.kills && !is_stalled) {
        progress_show(&load.account, load.account.runs, step_options.kills);
        replace(&load);
        is_stalled = !await_turn(&load);
    }
    judge(&load, dismiss(&load), is_stalled);
    munmap(load.shift, sizeof *load.shift);
    account_close(&load.account);
}
