/* SPDX-License-Identifier: MIT */
/*
 * tour: every mechanism, between real processes, checked and timed; and programs that
 * are started.
 *
 * Whatever way it ends, its processes are reaped and its directory is removed.
 */
#include "tour/tour.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "help.h"
#include "interrupt.h"
#include "page.h"
#include "say.h"
#include "scratch.h"
#include "settings.h"

enum { STOPS = 64, JOBS = 16, PATIENCE_MILLISECONDS = 10000 };

/* Nanoseconds: round trips of one size take up to the first, up to the second once the
 * tour has taken the third, so that a slow machine's does not grow long. */
enum { BUDGET = 150000000, SHORT_BUDGET = 20000000 };

static const int64_t long_since = INT64_C(6000000000);

struct tour {
    bool json;
    struct page page;
    char directory[SCRATCH_PATH];
    wherry_deadline start;
    struct tour_stop stops[STOPS];
    size_t count;
    struct tour_outcome outcomes[JOBS];
    size_t outcome_count;
};

/* --- options ------------------------------------------------------------- */

static const char *page_path;

static const char *put_html(struct choices *choices, const char *value)
{
    (void)choices;
    page_path = value;
    return *value ? NULL : "the path of a file";
}

static const struct setting setting_html = {
    "html", "FILE", "Writes a page with a chart to FILE.", put_html};

static bool are_schemes(char **words, int count)
{
    for (int i = 0; i < count; i++) {
        const struct wherry_mechanism *mechanism = mechanism_of(words[i]);
        if (strcmp(words[i], tour_job_word) == 0)
            continue;
        if (!mechanism)
            say_usage("tour",
                      "there is no mechanism \"%s\"; `wherry transports` lists them",
                      words[i]);
        else if (mechanism->absent)
            say_usage("tour", "%s: cannot be shown: %s; take %s", mechanism->scheme,
                      mechanism->absent, mechanism->instead);
        if (!mechanism || mechanism->absent)
            return false;
    }
    return true;
}

static bool is_wanted(const struct choices *choices,
                      const struct wherry_mechanism *mechanism)
{
    for (int i = 0; i < choices->word_count; i++)
        if (mechanism_of(choices->words[i]) == mechanism)
            return true;
    return choices->word_count == 0;
}

static bool are_jobs_wanted(const struct choices *choices)
{
    for (int i = 0; i < choices->word_count; i++)
        if (strcmp(choices->words[i], tour_job_word) == 0)
            return true;
    return choices->word_count == 0;
}

/* --- the walk ------------------------------------------------------------ */

// Whoever read us may have left: then the tour is over.
static bool goes_on(const struct tour *tour)
{
    if (!tour->json && fflush(stdout) != 0 && errno == EPIPE)
        interrupt_note(SIGPIPE);
    return !interrupted();
}

static void visit_all(struct tour *tour, struct tour_stop *stop)
{
    for (const struct tour_peer *peer = tour_peers; peer->way && goes_on(tour);
         peer++) {
        if (strcmp(peer->way, stop->way->name) != 0 || stop->visit_count == TOUR_PEERS)
            continue;
        struct tour_visit *visit = &stop->visits[stop->visit_count++];
        tour_visit_run(peer, tour->directory, visit);
        if (!tour->json && !interrupted())
            tour_print_visit(visit);
    }
}

static void take(struct tour *tour, const struct wherry_mechanism *mechanism,
                 const struct tour_way *way)
{
    struct tour_stop *stop = &tour->stops[tour->count++];
    bool is_late = wherry_now() - tour->start > long_since;
    *stop = (struct tour_stop){
        .way = way, .mechanism = mechanism, .budget = is_late ? SHORT_BUDGET : BUDGET};
    if (!tour->json)
        tour_print_purpose(stop);
    if (!goes_on(tour))
        return;
    if (way->opening) {
        tour_stop_run(tour->directory, stop);
    } else {
        stop->result = TOUR_WRONG;
        tour_wrong(&stop->proof.fault, "the tour does not know how to open it");
    }
    if (!tour->json && !interrupted())
        tour_print_found(stop);
    if (stop->result != TOUR_MISSING)
        visit_all(tour, stop);
}

static void take_mechanism(struct tour *tour, const struct wherry_mechanism *mechanism)
{
    static struct tour_way unknown[STOPS];
    bool known = false;
    for (const struct tour_way *way = tour_ways; way->scheme && goes_on(tour); way++)
        if (strcmp(way->scheme, mechanism->scheme) == 0 && tour->count < STOPS) {
            known = true;
            take(tour, mechanism, way);
        }
    if (known || tour->count == STOPS)
        return;
    struct tour_way *way = &unknown[tour->count];
    *way = (struct tour_way){.scheme = mechanism->scheme, .name = mechanism->scheme};
    take(tour, mechanism, way);
}

static void walk(struct tour *tour, const struct choices *choices)
{
    const struct wherry_mechanism *mechanism;
    for (size_t i = 0; (mechanism = wherry_mechanism_at(i)) && goes_on(tour); i++)
        if (!(mechanism->abilities & WHERRY_ABLE_TESTS_ONLY) && !mechanism->absent &&
            is_wanted(choices, mechanism))
            take_mechanism(tour, mechanism);
}

static void take_job(struct tour *tour, const struct tour_job *job)
{
    struct tour_outcome *outcome = &tour->outcomes[tour->outcome_count++];
    *outcome = (struct tour_outcome){.job = job, .patience = PATIENCE_MILLISECONDS};
    if (!tour->json)
        tour_print_job(job);
    if (!goes_on(tour))
        return;
    tour_job_run(tour->directory, outcome);
    if (!tour->json && !interrupted())
        tour_print_outcome(outcome);
}

static void take_jobs(struct tour *tour)
{
    if (!tour->json && goes_on(tour))
        tour_print_heading();
    for (const struct tour_job *job = tour_jobs;
         job->name && tour->outcome_count < JOBS && goes_on(tour); job++)
        take_job(tour, job);
}

static struct tour_found found_by(const struct tour *tour)
{
    return (struct tour_found){.stops = tour->stops,
                               .stop_count = tour->count,
                               .outcomes = tour->outcomes,
                               .outcome_count = tour->outcome_count};
}

// Told at its end; a page of half a tour would not say that it is one.
static int write_page(struct tour *tour)
{
    const struct tour_found found = found_by(tour);
    const bool is_any = found.stop_count + found.outcome_count > 0;
    FILE *file = is_any && !interrupted() ? page_begin(&tour->page) : NULL;
    if (file)
        tour_html_write(file, &found);
    int status = page_close("tour", &tour->page);
    if (file && status == DONE && !tour->json)
        printf("The page with the chart: %s\n", tour->page.path);
    return status;
}

static bool is_right(const struct tour *tour)
{
    for (size_t i = 0; i < tour->count; i++)
        if (!tour_stop_is_right(&tour->stops[i]))
            return false;
    for (size_t i = 0; i < tour->outcome_count; i++)
        if (tour->outcomes[i].result == TOUR_WRONG)
            return false;
    return true;
}

static bool show(struct tour *tour, int64_t nanoseconds)
{
    const struct tour_found found = found_by(tour);
    if (tour->json)
        return tour_json_print(&found);
    bool right = tour->count == 0 || tour_print_table(tour->stops, tour->count);
    tour_print_end(&found, nanoseconds);
    return right;
}

static int run_tour(struct tour *tour, const struct choices *choices)
{
    tour->start = wherry_now();
    if (scratch_make("tour", tour->directory) != DONE)
        return FAILED;
    if (!tour->json)
        tour_print_machine();
    walk(tour, choices);
    if (are_jobs_wanted(choices))
        take_jobs(tour);
    scratch_remove(tour->directory);
    if (!goes_on(tour))
        return FAILED; // main() dies by the signal
    bool shown = show(tour, wherry_now() - tour->start);
    return shown && is_right(tour) ? DONE : FAILED;
}

static int run(int argc, char **argv)
{
    struct choices choices;
    page_path = NULL;
    int status = settings_read(&command_tour, argc, argv, 0, -1, &choices);
    if (status != DONE)
        return status;
    if (!are_schemes(choices.words, choices.word_count))
        return USAGE;
    struct tour *tour = calloc(1, sizeof(*tour));
    if (!tour || interrupt_begin() < 0) {
        free(tour);
        return say_error("tour", "no memory, or no descriptor, to begin with");
    }
    tour->json = choices.json;
    status = page_open("tour", page_path, &tour->page);
    if (status == DONE)
        status = run_tour(tour, &choices);
    if (write_page(tour) != DONE)
        status = FAILED;
    free(tour);
    return status;
}

static const struct setting *const settings[] = {&setting_html, &setting_json, NULL};

const struct command command_tour = {
    .name = "tour",
    .arguments = "[--json] [--html FILE] [SCHEME… | processes]",
    .summary = "Shows every mechanism at work: real processes, checked and timed.",
    .settings = settings,
    .help =
        "At each stop two processes send each other messages of 1 byte, 64 bytes,\n"
        "64 KiB and the mechanism's limit, and compare every byte, kind, open file\n"
        "and sender; then the blocking round trip is timed.  Where it is memory, one\n"
        "writes and the other answers in place; where it is a semaphore, they take\n"
        "turns, and the holder of a permit is killed; through memory, a process that\n"
        "speaks is.  Where a mechanism is open to anyone, Python, Node, socat, nc,\n"
        "cat and the shell take the other end, as far as they are installed.  Then\n"
        "programs are started, in a row, with files, and as children that answer\n"
        "line by line.  It takes some seconds and leaves nothing behind.  SCHEME:\n"
        "only these mechanisms; processes: only the programs.\n"
        "\n"
        "Exit status: 0 when all that ran was right, else 1.  A mechanism that this\n"
        "machine lacks is no failure.\n"
        "\n"
        "Example:\n"
        "  wherry tour --html tour.html\n",
    .run = run,
};
