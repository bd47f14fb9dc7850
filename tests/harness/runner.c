/* SPDX-License-Identifier: MIT */
/*
 * The runner: keeps the list of tests, starts a keeper for each that was asked for, and
 * prints what came of it as TAP, in the order of the list.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "parts.h"

enum {
    TESTS_MORE = 64,
    JOBS_MOST = 64,
    AHEAD_MOST = 256, // tests that wait for their turn to be printed
    LIMIT_SECONDS = 10,
    LINES_MOST = 400,
    LINES_FIRST = 120,
    PATTERNS_MOST = 16,
};

/* One test that runs, or has run and is not printed yet. */
struct turn {
    const struct test *test;
    struct report *report;
    FILE *output;
    pid_t keeper;
    int left; // repetitions
    bool is_over;
    bool is_good;
};

static struct {
    struct test *tests;
    size_t count;
    size_t room;
} list;

static struct {
    const char *patterns[PATTERNS_MOST];
    int pattern_count;
    int times;
    int limit;
    int jobs;
    bool is_verbose;
    bool is_list;
} options = {.times = 1, .limit = LIMIT_SECONDS, .jobs = 1};

static struct {
    struct turn *turns; // one for each test that is wanted
    size_t count;
    size_t started;
    size_t printed;
} schedule;

static pid_t keepers[JOBS_MOST]; // for the signal handler
static volatile sig_atomic_t is_stopped;
static unsigned long interrupts;

__attribute__((weak)) void harness_register(void)
{
}

static void add(struct test test)
{
    if (list.count == list.room) {
        list.room += TESTS_MORE;
        list.tests = realloc(list.tests, list.room * sizeof *list.tests);
    }
    if (!list.tests || !test.name) {
        fprintf(stderr, "no memory for the list of tests\n");
        exit(1);
    }
    list.tests[list.count++] = test;
}

void harness_add_test(const char *name, void (*run)(void))
{
    add((struct test){.name = name, .plain = run});
}

void harness_add(const char *name, void (*run)(const void *argument),
                 const void *argument)
{
    add((struct test){.name = strdup(name), .run = run, .argument = argument});
}

static bool is_wanted(const struct test *test)
{
    for (int i = 0; i < options.pattern_count; i++)
        if (strstr(test->name, options.patterns[i]) ||
            fnmatch(options.patterns[i], test->name, 0) == 0)
            return true;
    return options.pattern_count == 0;
}

static void usage(FILE *output, const char *program)
{
    fprintf(
        output,
        "usage: %s [OPTION…]\n\n"
        "  --list             name the tests\n"
        "  --only PATTERN     only tests whose name contains it or matches it as a\n"
        "                     shell pattern; may be given again for more\n"
        "  --times N          each test N times, until it fails\n"
        "  --limit SECONDS    of each test; %d if not told\n"
        "  --jobs N           so many at once\n"
        "  --verbose          the output of tests that pass, too\n"
        "  --help\n\n"
        "Example: %s --only 'a_*' --times 100 --jobs 2\n",
        program, LIMIT_SECONDS, program);
}

/* A number in bounds; ends the program if it is none. */
static int number(const char *text, int most)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (*end || end == text || value < 1 || value > most) {
        fprintf(stderr, "%s: not a number in 1 … %d\n", text, most);
        exit(2);
    }
    return (int)value;
}

static void parse(int argc, char **argv)
{
    static const struct option known[] = {
        {"list", no_argument, NULL, 'l'},
        {"only", required_argument, NULL, 'o'},
        {"times", required_argument, NULL, 't'},
        {"limit", required_argument, NULL, 's'},
        {"jobs", required_argument, NULL, 'j'},
        {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    for (int c; (c = getopt_long(argc, argv, "lo:t:s:j:vh", known, NULL)) != -1;) {
        if (c == 'l') {
            options.is_list = true;
        } else if (c == 'o' && options.pattern_count < PATTERNS_MOST) {
            options.patterns[options.pattern_count++] = optarg;
        } else if (c == 't') {
            options.times = number(optarg, 1000000);
        } else if (c == 's') {
            options.limit = number(optarg, 86400);
        } else if (c == 'j') {
            options.jobs = number(optarg, JOBS_MOST);
        } else if (c == 'v') {
            options.is_verbose = true;
        } else {
            usage(c == 'h' ? stdout : stderr, argv[0]);
            exit(c == 'h' ? 0 : 2);
        }
    }
    if (optind < argc) {
        usage(stderr, argv[0]);
        exit(2);
    }
}

static void stop(int signal)
{
    is_stopped = signal;
    for (int i = 0; i < JOBS_MOST; i++)
        if (keepers[i] > 0)
            kill(keepers[i], SIGTERM);
}

/* What the runner has open for other tests is not for this one. */
_Noreturn static void become_keeper(const struct turn *turn)
{
    dup2(fileno(turn->output), STDOUT_FILENO);
    dup2(fileno(turn->output), STDERR_FILENO);
    for (size_t i = schedule.printed; i < schedule.started; i++)
        close(fileno(schedule.turns[i].output));
    keep(turn->test, options.limit);
}

static void start(struct turn *turn, int slot)
{
    memset(turn->report, 0, sizeof *turn->report);
    rewind(turn->output);
    if (ftruncate(fileno(turn->output), 0) < 0)
        perror("ftruncate");
    fflush(stdout);
    pid_t runner = getpid();
    turn->keeper = fork();
    if (turn->keeper == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
        if (getppid() != runner)
            _exit(1);
        harness_report = turn->report;
        become_keeper(turn);
    }
    if (turn->keeper < 0) {
        perror("fork");
        exit(1);
    }
    keepers[slot] = turn->keeper;
    if (is_stopped) // before it was in the table
        kill(turn->keeper, SIGTERM);
}

static void open_turn(struct turn *turn, const struct test *test)
{
    *turn = (struct turn){.test = test, .left = options.times};
    turn->report = mmap(NULL, sizeof *turn->report, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    turn->output = tmpfile();
    if (turn->report == MAP_FAILED || !turn->output) {
        perror("a test cannot be started");
        exit(1);
    }
}

static void print_output(const struct turn *turn)
{
    bool is_whole = !turn->is_good || options.is_verbose;
    char line[2048];
    int lines = 0, skipped;
    rewind(turn->output);
    while (fgets(line, sizeof line, turn->output))
        lines++;
    rewind(turn->output);
    skipped = lines > LINES_MOST ? lines - LINES_MOST : 0;
    for (int i = 0; fgets(line, sizeof line, turn->output); i++) {
        bool is_note = *line == NOTE_MARK;
        line[strcspn(line, "\n")] = 0;
        if (i == LINES_FIRST && skipped && is_whole)
            printf("# … %d lines left out …\n", skipped);
        bool is_cut = i >= LINES_FIRST && i < LINES_FIRST + skipped;
        if (is_note || (is_whole && !is_cut))
            printf("# %s\n", line + is_note);
    }
}

/* Prints a test that is over and lets it go; true if it is good. */
static bool close_turn(struct turn *turn, size_t index)
{
    bool is_skipped = turn->is_good && atomic_load(&turn->report->is_skipped);
    printf("%sok %zu - %s%s%s\n", turn->is_good ? "" : "not ", index + 1,
           turn->test->name, is_skipped ? " # SKIP " : "",
           is_skipped ? turn->report->reason : "");
    if (!turn->is_good && options.times > 1)
        printf("# in repetition %d of %d\n", options.times - turn->left, options.times);
    print_output(turn);
    fflush(stdout);
    fclose(turn->output);
    munmap(turn->report, sizeof *turn->report);
    return turn->is_good;
}

/* Waits for any keeper; runs its test again or ends its turn. */
static void advance(void)
{
    int status;
    pid_t pid = wait(&status);
    int slot = 0;
    while (slot < JOBS_MOST && (pid <= 0 || keepers[slot] != pid))
        slot++;
    for (size_t i = schedule.printed; i < schedule.started && slot < JOBS_MOST; i++) {
        struct turn *turn = &schedule.turns[i];
        if (turn->is_over || turn->keeper != pid)
            continue;
        keepers[slot] = 0;
        interrupts += atomic_load(&turn->report->interrupts);
        turn->is_good = status == 0;
        turn->left--;
        turn->is_over = !turn->is_good || turn->left == 0 || is_stopped;
        if (!turn->is_over)
            start(turn, slot);
    }
}

static int free_slot(void)
{
    for (int i = 0; i < options.jobs; i++)
        if (keepers[i] == 0)
            return i;
    return -1;
}

static bool may_start(void)
{
    return !is_stopped && schedule.started < schedule.count && free_slot() >= 0 &&
           schedule.started - schedule.printed < AHEAD_MOST;
}

/* How many of the tests failed. */
static size_t run(struct test *const *wanted, size_t count)
{
    size_t failed = 0;
    schedule.turns = calloc(count, sizeof *schedule.turns);
    schedule.count = schedule.turns ? count : 0;
    while (schedule.printed < schedule.count) {
        if (may_start()) {
            struct turn *turn = &schedule.turns[schedule.started];
            open_turn(turn, wanted[schedule.started++]);
            start(turn, free_slot());
            continue;
        }
        if (schedule.printed == schedule.started) // stopped
            break;
        advance();
        for (; schedule.printed < schedule.started; schedule.printed++) {
            struct turn *turn = &schedule.turns[schedule.printed];
            if (!turn->is_over)
                break;
            bool is_good = close_turn(turn, schedule.printed);
            failed += !is_good;
            if (!is_good && getenv("WHERRY_TEST_STOP"))
                stop(SIGTERM);
        }
    }
    free(schedule.turns);
    return failed + (count - schedule.printed);
}

int harness_main(int argc, char **argv)
{
    harness_register();
    parse(argc, argv);
    struct test **wanted = calloc(list.count + 1, sizeof(struct test *));
    size_t count = 0;
    for (size_t i = 0; wanted && i < list.count; i++)
        if (is_wanted(&list.tests[i]))
            wanted[count++] = &list.tests[i];
    if (options.is_list || !count) {
        for (size_t i = 0; i < count; i++)
            puts(wanted[i]->name);
        free(wanted);
        if (!count)
            fprintf(stderr, "%s: there is no such test\n", argv[0]);
        return count ? 0 : 1;
    }
    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    printf("TAP version 13\n1..%zu\n", count);
    size_t failed = run(wanted, count);
    free(wanted);
    if (storm_is_on())
        printf("# storm: %lu interrupts\n", interrupts);
    if (is_stopped)
        printf("Bail out! stopped\n");
    return failed ? 1 : 0;
}
