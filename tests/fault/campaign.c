/* SPDX-License-Identifier: MIT */
/*
 * All runs of a scenario: one without a fault, to learn its calls, then one or two for
 * each fault of each call; and the verdict on every one.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "parts.h"

enum { COST_MOST = 20, HUNG_COST = 3, TEXT_SIZE = 256, SAID_SIZE = 4096 };

struct campaign {
    const struct fault_scenario *scenario;
    struct outcome *outcome; // shared with the process that runs
    int output;
    struct trace trace;
    unsigned long runs;
    unsigned long missed; // the call was another one that time
    int bad;
    int cost; // of the bad ones: a few that hang are enough
};

static struct injection alone; // from the command line; call 0 = none
static bool is_listing;
static const char *program = "fault";

static bool is_allowed(const struct campaign *campaign,
                       const struct injection *injection, int result)
{
    const int *allowed = campaign->scenario->allowed;
    if (result == 0 || !campaign->trace.injected)
        return result == 0;
    enum fault fault = injection->fault;
    if (fault == FAULT_EINTR || fault == FAULT_SHORT) // nobody needs to know
        return false;
    if (fault != FAULT_EAGAIN && fault_errno(fault) && result == -fault_errno(fault))
        return true;
    while (allowed && *allowed && *allowed != result)
        allowed++;
    return allowed && *allowed;
}

/* A name that could not be looked at, or that another seemed to hold, is left alone;
 * and where nothing works any more, nothing can be removed. */
static bool may_leave_names(const struct campaign *campaign,
                            const struct injection *injection)
{
    static const long looks[] = {SYS_newfstatat, SYS_statx, SYS_openat, SYS_flock};
    int number =
        injection->call ? campaign->trace.calls[injection->call - 1].number : 0;
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++)
        if (number == looks[i])
            return true;
    return injection->is_forever && injection->fault != FAULT_EINTR;
}

/* What is bad about the run, into text; false if nothing is. */
static bool is_bad(const struct campaign *campaign, const struct injection *injection,
                   char text[TEXT_SIZE])
{
    int status = campaign->trace.status;
    int result = atomic_load(&campaign->outcome->result);
    *text = 0;
    if (campaign->trace.is_hung)
        strcpy(text, "it did not end");
    else if (WIFSIGNALED(status))
        snprintf(text, TEXT_SIZE, "killed by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else if (!atomic_load(&campaign->outcome->is_over) || WEXITSTATUS(status) != 0)
        snprintf(text, TEXT_SIZE, "the scenario failed, status %d",
                 WEXITSTATUS(status));
    else if (atomic_load(&campaign->outcome->leaks))
        snprintf(text, TEXT_SIZE, "something is left behind (the result was %s%s)",
                 result < 0 ? "-" : "", harness_errno_name(result));
    else if (atomic_load(&campaign->outcome->names) &&
             !may_leave_names(campaign, injection))
        strcpy(text, "a file is left behind");
    else if (!is_allowed(campaign, injection, result))
        snprintf(text, TEXT_SIZE, "the result was %s%s", result < 0 ? "-" : "",
                 harness_errno_name(result));
    return *text != 0;
}

/* Prints what the scenario said, and forgets it. */
static void print_said(const struct campaign *campaign, bool is_wanted)
{
    char said[SAID_SIZE];
    ssize_t n = pread(campaign->output, said, sizeof said - 1, 0);
    if (n <= 0)
        return;
    said[n] = 0;
    if (is_wanted)
        dprintf(STDERR_FILENO, "%s", said);
    if (ftruncate(campaign->output, 0) < 0)
        FAIL("the output cannot be emptied: %s", harness_errno_name(errno));
}

static const char *call_name(int number)
{
    static char text[32];
    const struct call *call = call_find(number);
    snprintf(text, sizeof text, "system call %d", number);
    return call ? call->name : text;
}

/* Runs and judges; where the machine was too slow for a deadline, again. */
static bool goes_bad(struct campaign *campaign, const struct injection *injection,
                     char text[TEXT_SIZE])
{
    enum { ATTEMPTS = 3 };

    for (int attempt = 1;; attempt++) {
        pid_t pid =
            scenario_start(campaign->scenario, campaign->outcome, campaign->output);
        if (pid < 0)
            FAIL("fork: %s", harness_errno_name(errno));
        trace_run(pid, injection, &campaign->trace);
        campaign->runs++;
        if (!is_bad(campaign, injection, text))
            return false;
        scenario_tidy();
        bool is_late = !campaign->trace.is_hung &&
                       atomic_load(&campaign->outcome->is_over) &&
                       atomic_load(&campaign->outcome->result) == -ETIMEDOUT;
        if (!is_late || attempt == ATTEMPTS)
            return true;
    }
}

static void run_once(struct campaign *campaign, const struct injection *injection)
{
    char text[TEXT_SIZE];
    bool bad = goes_bad(campaign, injection, text);
    campaign->missed += injection->call && !campaign->trace.injected;
    if (bad && injection->call) {
        int number = campaign->trace.calls[injection->call - 1].number;
        const char *forever = injection->is_forever ? " --forever" : "";
        dprintf(STDERR_FILENO,
                "bad: call %d (%s) %s: %s; again: %s --scenario %s --call %d --fault "
                "%s%s\n",
                injection->call, call_name(number), fault_name(injection->fault), text,
                program, campaign->scenario->name, injection->call,
                fault_name(injection->fault), forever);
    } else if (bad) {
        dprintf(STDERR_FILENO, "bad: without any fault: %s\n", text);
    }
    print_said(campaign, bad || alone.call);
    campaign->bad += bad;
    campaign->cost += campaign->trace.is_hung ? HUNG_COST : bad;
}

static void list_calls(const struct trace *trace)
{
    for (int i = 0; i < trace->count && i < CALLS_MOST; i++) {
        char text[TEXT_SIZE] = "";
        for (enum fault fault = 0; fault < FAULTS; fault++)
            if (trace->calls[i].faults & 1u << fault)
                snprintf(text + strlen(text), sizeof text - strlen(text), " %s",
                         fault_name(fault));
        harness_note("call %d: %s:%s", i + 1, call_name(trace->calls[i].number), text);
    }
}

/* Both ways of each fault of one call. */
static void try_call(struct campaign *campaign, const struct record *record, int call)
{
    const struct call *known = call_find(record->number);
    for (enum fault fault = 0; fault < FAULTS; fault++) {
        if (!(record->faults & 1u << fault))
            continue;
        for (int is_forever = 0; is_forever <= !known->is_once; is_forever++) {
            struct injection injection = {call, fault, is_forever};
            if (campaign->cost < COST_MOST)
                run_once(campaign, &injection);
        }
    }
}

/* Of a scenario that looks again and again, not each call is tried: so many, evenly. */
static bool is_tried(int i, int count)
{
    enum { TRIED_MOST = 200 };

    return count <= TRIED_MOST || i == 0 ||
           i * TRIED_MOST / count != (i - 1) * TRIED_MOST / count;
}

static void conduct(struct campaign *campaign)
{
    static struct trace learned;
    struct injection none = {0, 0, false};
    int64_t began = harness_now();
    run_once(campaign, &none);
    learned = campaign->trace;
    if (is_listing)
        list_calls(&learned);
    if (campaign->bad || is_listing)
        return;
    if (alone.call) {
        run_once(campaign, &alone);
        harness_note("injected %d times; the result was %d", campaign->trace.injected,
                     atomic_load(&campaign->outcome->result));
        return;
    }
    int count = learned.count < CALLS_MOST ? learned.count : CALLS_MOST;
    for (int i = 0; i < count; i++)
        if (is_tried(i, count))
            try_call(campaign, &learned.calls[i], i + 1);
    int64_t milliseconds = (harness_now() - began) / 1000000 + 1;
    harness_note("%lu runs over %d calls, %d bad, %lu missed, %lu runs/s",
                 campaign->runs, learned.count, campaign->bad, campaign->missed,
                 campaign->runs * 1000 / (unsigned long)milliseconds);
}

static void run_campaign(const void *argument)
{
    harness_share_one_processor();
    struct campaign *campaign = calloc(1, sizeof *campaign);
    struct outcome *outcome = mmap(NULL, sizeof *outcome, PROT_READ | PROT_WRITE,
                                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(campaign && outcome != MAP_FAILED);
    campaign->scenario = argument;
    campaign->outcome = outcome;
    campaign->output = memfd_create("output", MFD_CLOEXEC);
    CHECK(campaign->output >= 0);
    conduct(campaign);
    int bad = campaign->bad;
    close(campaign->output);
    munmap(outcome, sizeof *outcome);
    free(campaign);
    if (bad)
        FAIL("%d bad runs", bad);
}

void fault_add(const struct fault_scenario *scenario)
{
    harness_add(scenario->name, run_campaign, scenario);
}

/* Takes the options of one run out of argv; the new argc. */
static int parse(int argc, char **argv)
{
    int kept = 1;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--scenario") == 0) {
            static char only[] = "--only";
            argv[kept++] = only;
        } else if (strcmp(argv[i], "--call") == 0) {
            alone.call = (int)strtol(value, NULL, 10);
            i++;
        } else if (strcmp(argv[i], "--fault") == 0) {
            alone.fault = fault_named(value);
            i++;
        } else if (strcmp(argv[i], "--forever") == 0) {
            alone.is_forever = true;
        } else if (strcmp(argv[i], "--calls") == 0) {
            is_listing = true;
        } else {
            argv[kept++] = argv[i];
        }
    }
    argv[kept] = NULL;
    return kept;
}

int main(int argc, char **argv)
{
    program = argv[0];
    argc = parse(argc, argv);
    if (alone.fault == FAULTS) {
        fprintf(stderr, "%s: there is no such fault\n", program);
        return 2;
    }
    return harness_main(argc, argv);
}
