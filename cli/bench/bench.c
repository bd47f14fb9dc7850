/* SPDX-License-Identifier: MIT */
/*
 * bench: every mechanism against the same mechanism by bare system calls.
 *
 * This file reads what is wanted, has each task measured, and hands the results to
 * whoever shows them.
 */
#define _GNU_SOURCE
#include "bench/bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/contest.h"
#include "bench/copies.h"
#include "bench/processes.h"
#include "command.h"
#include "interrupt.h"
#include "page.h"
#include "say.h"
#include "scratch.h"
#include "settings.h"

enum { SIZES_MOST = 16, ROWS_MOST = 1024 };

static const size_t all_sizes[] = {8, 64, 1024, 65536, 1048576};
static const size_t bar_sizes[] = {64, 8192, 65536, 1048576};

/* What the options said, beyond struct choices. */
static struct {
    size_t sizes[SIZES_MOST];
    size_t size_count;
    bool places[BENCH_PLACES];
    bool ways[BENCH_WAYS];
    bool some_ways; /* else all */
    double seconds;
    double band;
    int repetitions;
    const char *chart; /* NULL: none */
    bool bars;
    bool list;
    bool peers;
    bool workloads[CONTEST_TASKS]; /* of --peers */
    bool some_workloads;
    double rest; /* seconds */
} wanted;

/* --- options ------------------------------------------------------------- */

static const char *put_size(struct choices *choices, const char *value)
{
    (void)choices;
    char *end;
    unsigned long long size = strtoull(value, &end, 10);
    static const char units[] = "KM";
    const char *unit = *end ? strchr(units, *end) : NULL;
    if (unit) {
        size <<= unit == units ? 10 : 20;
        end++;
    }
    if (end == value || *end || *value == '-' || size < 2 || size > BENCH_LARGEST)
        return "bytes, from 2 to 16M, such as 64, 64K or 1M";
    if (wanted.size_count == SIZES_MOST)
        return "given at most 16 times";
    wanted.sizes[wanted.size_count++] = (size_t)size;
    return NULL;
}

static const char *put_place(struct choices *choices, const char *value)
{
    (void)choices;
    bool both = strcmp(value, "both") == 0;
    bool found = both;
    for (int place = 0; place < BENCH_PLACES; place++) {
        wanted.places[place] = both || strcmp(value, bench_places[place]) == 0;
        found |= wanted.places[place];
    }
    return found ? NULL : "same, cross or both";
}

// Some are of both sorts of bench.
static const char *put_way(struct choices *choices, const char *value)
{
    (void)choices;
    bool found = contest_choose(value, wanted.workloads);
    wanted.some_workloads |= found;
    for (int way = 0; way < BENCH_WAYS; way++) {
        if (strcmp(bench_ways[way].name, value) != 0)
            continue;
        wanted.ways[way] = wanted.some_ways = found = true;
    }
    return found
               ? NULL
               : "forever, deadline, bare, each, bare-each, more, many or "
                 "bare-gathered; with --peers round, timed, lent, push, many, four or "
                 "eight";
}

static bool read_decimal(const char *text, double least, double most, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && !*end && *out >= least && *out <= most;
}

static const char *put_seconds(struct choices *choices, const char *value)
{
    (void)choices;
    return read_decimal(value, 0.001, 10, &wanted.seconds)
               ? NULL
               : "seconds, from 0.001 to 10";
}

static const char *put_repetitions(struct choices *choices, const char *value)
{
    (void)choices;
    double number;
    bool fits = read_decimal(value, 1, BENCH_REPETITIONS, &number);
    wanted.repetitions = fits ? (int)number : 0;
    return fits ? NULL : "a number from 1 to 101";
}

static const char *put_band(struct choices *choices, const char *value)
{
    (void)choices;
    bool fits = read_decimal(value, 1, 1000, &wanted.band);
    wanted.band /= 100;
    return fits ? NULL : "a percentage from 1 to 1000";
}

static const char *put_rest(struct choices *choices, const char *value)
{
    (void)choices;
    return read_decimal(value, 0, 60, &wanted.rest) ? NULL : "seconds, from 0 to 60";
}

static const char *put_peers(struct choices *choices, const char *value)
{
    (void)choices;
    (void)value;
    wanted.peers = true;
    return NULL;
}

static const char *put_svg(struct choices *choices, const char *value)
{
    (void)choices;
    wanted.chart = value;
    return NULL;
}

static const char *put_bars(struct choices *choices, const char *value)
{
    (void)choices;
    (void)value;
    wanted.bars = true;
    return NULL;
}

static const char *put_list(struct choices *choices, const char *value)
{
    (void)choices;
    (void)value;
    wanted.list = true;
    return NULL;
}

static const struct setting setting_size = {
    "size", "N", "Bytes of a message; may be given several times (8, 64, 1K, 64K, 1M).",
    put_size};
static const struct setting setting_place = {
    "place", "PLACE",
    "cross: the two processes have a core each; same: one core for both; both.",
    put_place};
static const struct setting setting_way = {
    "way", "WAY",
    "Measures this way only (they stand below); may be given several times.", put_way};
static const struct setting setting_seconds = {
    "seconds", "T", "Of each way in each repetition (0.03).", put_seconds};
static const struct setting setting_repetitions = {
    "repetitions", "N", "How many are kept (7).", put_repetitions};
static const struct setting setting_band = {
    "band", "PERCENT",
    "How far the cores' ping-pong may be from its median for a repetition to be kept "
    "(35).",
    put_band};
static const struct setting setting_peers = {
    "peers", NULL,
    "Measures Wherry beside other libraries and what the machine can do at best.",
    put_peers};
static const struct setting setting_rest = {
    "rest", "T", "With --peers: how long who takes part is watched while idle (0.5).",
    put_rest};
static const struct setting setting_svg = {"svg", "FILE", "Draws a chart.", put_svg};
static const struct setting setting_bars = {
    "bars", NULL, "Measures what the bars are about, and prints which are met.",
    put_bars};
static const struct setting setting_list = {
    "list", NULL, "Lists what can be measured, and measures nothing.", put_list};

static const struct setting *const settings[] = {&setting_size,
                                                 &setting_place,
                                                 &setting_way,
                                                 &setting_seconds,
                                                 &setting_repetitions,
                                                 &setting_band,
                                                 &setting_bars,
                                                 &setting_svg,
                                                 &setting_json,
                                                 &setting_list,
                                                 &setting_peers,
                                                 &setting_rest,
                                                 NULL};

/* --- which mechanisms ---------------------------------------------------- */

bool bench_is_meant(const char *name, const char *word)
{
    size_t size = strcspn(word, ":");
    if (size == 0 || strncmp(name, word, size) != 0)
        return false;
    return name[size] == '\0' || name[size] == '-';
}

static bool is_chosen(const struct bench_mechanism *mechanism,
                      const struct choices *choices)
{
    for (int i = 0; i < choices->word_count; i++) {
        if (bench_is_meant(mechanism->name, choices->words[i]))
            return true;
    }
    return choices->word_count == 0;
}

// How many of the words are about processes, which are measured by themselves.
static int count_processes(const struct choices *choices)
{
    int count = 0;
    for (int i = 0; i < choices->word_count; i++)
        count += bench_is_of_processes(choices->words[i]);
    return count;
}

static bool is_copies(const struct choices *choices)
{
    return choices->word_count > 0 && strcmp(choices->words[0], "copies") == 0;
}

static int check_copies(const struct choices *choices)
{
    if (choices->word_count != 2)
        return say_usage("bench", "copies wants one FILE");
    if (wanted.chart || wanted.size_count > 0 || wanted.some_ways || wanted.bars)
        return say_usage("bench", "--size, --way, --svg and --bars are not for copies");
    return DONE;
}

// Options and words of --peers: these are addresses.
static int check_peers(const struct choices *choices)
{
    if (wanted.chart)
        return say_usage("bench", "--svg is not for --peers");
    if (wanted.some_ways && !wanted.some_workloads)
        return say_usage("bench", "the workloads of --peers are round, timed, lent, "
                                  "push, many, four and eight");
    if (choices->word_count > CONTEST_ADDRESSES)
        return say_usage("bench", "at most %d addresses at a time", CONTEST_ADDRESSES);
    for (int i = 0; i < choices->word_count; i++) {
        if (contest_check_address(choices->words[i]) == -EINVAL)
            return say_bad_address("bench", choices->words[i], wherry_error_text());
    }
    return DONE;
}

static int check_words(const struct choices *choices)
{
    if (wanted.peers)
        return check_peers(choices);
    if (is_copies(choices))
        return check_copies(choices);
    if (wanted.some_workloads && !wanted.some_ways)
        return say_usage("bench", "what --way names is a workload of --peers");
    const int processes = count_processes(choices);
    if (processes > 0 && processes < choices->word_count)
        return say_usage("bench", "processes are measured by themselves: leave the "
                                  "mechanisms out, or measure them by another command");
    if (processes > 0 && (wanted.size_count > 0 || wanted.some_ways || wanted.chart))
        return say_usage("bench", "--size, --way and --svg are for mechanisms, not for "
                                  "processes");
    for (int i = processes; i < choices->word_count; i++) {
        const struct bench_mechanism *each = bench_mechanisms;
        while (each->name && !bench_is_meant(each->name, choices->words[i]))
            each++;
        if (!each->name)
            return say_usage("bench", "\"%s\" is not measured: see wherry bench --list",
                             choices->words[i]);
    }
    return DONE;
}

/* --- measuring ----------------------------------------------------------- */

static bool takes(const struct bench_mechanism *mechanism, size_t size)
{
    return mechanism->largest == 0 || size <= mechanism->largest;
}

static void plan_sizes(const struct bench_mechanism *mechanism, enum bench_place place,
                       struct bench_results *results)
{
    const size_t count = mechanism->only ? 1 : wanted.size_count;
    for (size_t i = 0; i < count; i++) {
        size_t size = mechanism->only ? mechanism->only : wanted.sizes[i];
        bool has_bar = !wanted.bars || bench_bar_wants(mechanism, place, size);
        if (has_bar && takes(mechanism, size) && results->count < ROWS_MOST)
            results->rows[results->count++] = (struct bench_row){
                .mechanism = mechanism, .place = place, .size = size};
    }
}

static void plan_rows(const struct choices *choices, const struct bench_plan *plan,
                      struct bench_results *results)
{
    for (const struct bench_mechanism *each = bench_mechanisms; each->name; each++) {
        for (int place = 0; place < BENCH_PLACES; place++) {
            bool can = place == BENCH_SAME || plan->core_count > 1;
            if (wanted.places[place] && can && is_chosen(each, choices))
                plan_sizes(each, (enum bench_place)place, results);
        }
    }
}

static void show_progress(const struct bench_results *results, size_t at, int64_t began)
{
    if (!isatty(STDERR_FILENO))
        return;
    const struct bench_row *row = &results->rows[at];
    char size[32];
    char left[64] = "";
    bench_size_text(row->size, size, sizeof(size));
    if (at > 0)
        snprintf(left, sizeof(left), ", about %.0f s left",
                 (double)(wherry_now() - began) / 1e9 / (double)at *
                     (double)(results->count - at));
    fprintf(stderr, "\r\033[Kbench: %zu of %zu, %s %s %s%s", at + 1, results->count,
            row->mechanism->name, bench_places[row->place], size, left);
    fflush(stderr);
}

static void clear_progress(void)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K");
}

// Rest is measured once for a mechanism, with the first row that it has.
static bool is_first(const struct bench_results *results, size_t at)
{
    return at == 0 || results->rows[at - 1].mechanism != results->rows[at].mechanism;
}

static int measure_all(struct bench_results *results, struct bench_shared *shared)
{
    int failures = 0;
    int64_t began = wherry_now();
    for (size_t i = 0; i < results->count; i++) {
        struct bench_row *row = &results->rows[i];
        struct bench_task task = {.plan = results->plan,
                                  .mechanism = row->mechanism,
                                  .place = row->place,
                                  .size = row->size,
                                  .rests = is_first(results, i)};
        show_progress(results, i, began);
        row->error = bench_run(&task, shared);
        row->outcome = shared->outcome;
        snprintf(row->failure, sizeof(row->failure), "%s", shared->failure);
        if (interrupted())
            break;
        if (row->error < 0) {
            char size[32];
            clear_progress();
            bench_size_text(row->size, size, sizeof(size));
            say_error("bench", "%s %s %s: %s", row->mechanism->name,
                      bench_places[row->place], size, row->failure);
            failures++;
        }
    }
    clear_progress();
    results->ping = bench_gate_median(&shared->gate);
    return interrupted() || failures > 0 ? FAILED : DONE;
}

static int show(const struct bench_results *results, const struct choices *choices)
{
    if (wanted.bars)
        return bench_print_bars(results, choices->json);
    return choices->json ? bench_print_json(results) : bench_print_tables(results);
}

static int measure_mechanisms(const struct bench_plan *plan,
                              const struct choices *choices, struct page *chart)
{
    struct bench_results results = {.rows = calloc(ROWS_MOST, sizeof(*results.rows)),
                                    .plan = plan};
    struct bench_shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!results.rows || shared == MAP_FAILED) {
        free(results.rows);
        return say_error("bench", "no memory for the results");
    }
    shared->gate.width = wanted.band;
    plan_rows(choices, plan, &results);
    int status = measure_all(&results, shared);
    if (!interrupted()) {
        if (page_begin(chart))
            bench_draw(chart->file, &results);
        status |= show(&results, choices);
    }
    munmap(shared, sizeof(*shared));
    free(results.rows);
    return status;
}

static int measure_peers(const struct bench_plan *plan, const struct choices *choices)
{
    const bool some = choices->word_count > 0;
    for (int task = 0; task < CONTEST_TASKS; task++)
        wanted.workloads[task] |= !wanted.some_workloads;
    return bench_contest(&(struct contest_wish){
        .addresses = some ? (const char *const *)choices->words : contest_addresses,
        .plan = plan,
        .places = wanted.places,
        .sizes = wanted.sizes,
        .size_count = wanted.size_count,
        .workloads = wanted.workloads,
        .band = wanted.band,
        .rest = (int)(wanted.rest * 1000),
        .bars = wanted.bars,
        .json = choices->json});
}

static int measure_in(const char *directory, const struct choices *choices,
                      struct page *chart)
{
    struct bench_plan plan = {
        .seconds = wanted.seconds, .repetitions = wanted.repetitions, .core_count = 0};
    plan.core_count = bench_cores(plan.cores);
    snprintf(plan.directory, sizeof(plan.directory), "%s", directory);
    for (int way = 0; way < BENCH_WAYS; way++)
        plan.ways[way] = !wanted.some_ways || wanted.ways[way];
    if (plan.core_count < 2 && wanted.places[BENCH_CROSS])
        say_notice("bench", "only one core may be used: cross is left out");
    if (wanted.peers)
        return measure_peers(&plan, choices);
    if (is_copies(choices))
        return bench_copies(&(struct copies_wish){.path = choices->words[1],
                                                  .plan = &plan,
                                                  .places = wanted.places,
                                                  .json = choices->json});
    if (count_processes(choices) > 0)
        return bench_processes(
            &(struct processes_wish){.words = choices->words,
                                     .word_count = choices->word_count,
                                     .plan = &plan,
                                     .places = wanted.places,
                                     .bars = wanted.bars,
                                     .json = choices->json});
    return measure_mechanisms(&plan, choices, chart);
}

static void set_defaults(void)
{
    memset(&wanted, 0, sizeof(wanted));
    wanted.places[BENCH_CROSS] = wanted.places[BENCH_SAME] = true;
    wanted.seconds = BENCH_SECONDS;
    wanted.repetitions = 7;
    wanted.band = 0.35;
    wanted.rest = 0.5;
}

static void choose_sizes(void)
{
    const size_t *sizes = wanted.bars ? bar_sizes : all_sizes;
    size_t count = wanted.bars ? sizeof(bar_sizes) / sizeof(bar_sizes[0])
                               : sizeof(all_sizes) / sizeof(all_sizes[0]);
    if (wanted.size_count > 0)
        return;
    memcpy(wanted.sizes, sizes, count * sizeof(*sizes));
    wanted.size_count = count;
}

static int run(int argc, char **argv)
{
    struct choices choices;
    set_defaults();
    int status = settings_read(&command_bench, argc, argv, 0, -1, &choices);
    if (status == DONE)
        status = check_words(&choices);
    if (status != DONE)
        return status;
    if (wanted.list)
        return wanted.peers ? contest_list(choices.json)
                            : bench_print_list(choices.json);
    if (!wanted.peers)
        choose_sizes();
    int r = interrupt_begin();
    if (r < 0)
        return say_error("bench", "no descriptor for signals: %s", strerror(-r));
    char directory[SCRATCH_PATH];
    struct page chart;
    if (page_open("bench", wanted.chart, &chart) != DONE)
        return FAILED;
    status = scratch_make("bench", directory);
    if (status == DONE) {
        status = measure_in(directory, &choices, &chart);
        scratch_remove(directory);
    }
    return status | page_close("bench", &chart);
}

const struct command command_bench = {
    .name = "bench",
    .arguments = "[MECHANISM… | --peers [ADDRESS…] | copies FILE] [--json]",
    .summary = "Measures each mechanism against bare system calls; prints ratios.",
    .settings = settings,
    .help =
        "Two processes, pinned to two cores (cross) or to one (same), have Wherry's\n"
        "channel and the bare mechanism open at the same time and use them in turn,\n"
        "so that a ratio is made of figures a few milliseconds apart.\n"
        "\n"
        "Round trips:  forever        wherry_send, wherry_recv with WHERRY_FOREVER\n"
        "              deadline       the same with a deadline, new for each call\n"
        "              bare           blocking system calls\n"
        "One way:      each           a wherry_write each message\n"
        "              more           the same with WHERRY_MORE, 256 at a time,\n"
        "                             taken by wherry_recv_many\n"
        "              many           wherry_send_many, wherry_recv_many, 128 at a "
        "time\n"
        "              bare-each      a write each message; \"bare\" in the table\n"
        "              bare-gathered  the same bytes, unframed, in writes of 64 KiB;\n"
        "                             \"64K\" in the table\n"
        "\n"
        "Processes are measured by themselves, when they are named (process: all):\n"
        "              process-spawn     from the call to the first byte, three "
        "pipes:\n"
        "                                a channel, descriptors; bare: posix_spawn,\n"
        "                                vfork, fork; Node and Python beside\n"
        "              process-large     the same by a parent that holds 4 GiB\n"
        "              process-collect   wherry_collect of true(1); bare, Node, "
        "Python\n"
        "              process-pipeline  1 GiB through three programs; by sh(1)\n"
        "Start by start they take turns; on two cores, both processes may use both.\n"
        "So are locks, turns and memory:\n"
        "              lock              1000 times wherry_lock_take and _give, and\n"
        "                                wherry_cells_add; bare: a robust mutex\n"
        "              turn              1000 times wherry_acquire and _release; "
        "bare:\n"
        "                                a robust mutex, sem_wait, semop\n"
        "              turn-contended    the same by three at once\n"
        "              region            a mebibyte, made and mapped\n"
        "\n"
        "With --peers, Wherry by its own addresses (or those given; %s in one stands\n"
        "for a name) beside libraries of others, the kernel's calls and what the\n"
        "machine can do at best, all in turn by the same loops: bench/peers.  Its\n"
        "workloads, for --way:\n"
        "              round          there and back, awake or as it is set up\n"
        "              timed          the same, each call with a deadline\n"
        "              lent           the same in place: loan to release\n"
        "              push           one way, a send at a time\n"
        "              many           one way, many a call\n"
        "              four, eight    one way, four writers and readers of a queue;\n"
        "                             eight writers and one reader\n"
        "PP is the time of a cache line there and back, the unit of bars.\n"
        "\n"
        "copies moves a file from one process to another by each way, and tells how\n"
        "often each byte was copied, how long it took, and that it arrived whole.\n"
        "\n"
        "MECHANISM is a name of --list, or a scheme.  With --bars the exit status is\n"
        "1 when one is missed.  The first two cores that this process may use are\n"
        "used: taskset(1) chooses others.\n"
        "\n"
        "Example:\n"
        "  wherry bench pair --size 64 --place same --seconds 0.01\n",
    .run = run,
};
