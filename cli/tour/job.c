/* SPDX-License-Identifier: MIT */
/*
 * The jobs of the tour: programs in a row, their files, and children that answer.
 *
 * Each is started by the library as any program would, and what comes of it is compared
 * byte by byte, with how each program ended.  Programs see nothing but the tour's own
 * directory; names sort as bytes there.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "scratch.h"
#include "tour/tour.h"

enum { LINES = 1000, PROGRAMS = 2, ENDING = 96, CONTENT = 128, QUOTED = 80 };

const char tour_job_word[] = "processes";
const char tour_job_heading[] =
    "Processes: programs that are started, joined in a row, "
    "fed from files and talked with.";

static const char *const in_bytes[] = {"LC_ALL=C", NULL};

/* --- files --------------------------------------------------------------- */

static FILE *open_file(const char *directory, const char *name, const char *mode,
                       struct tour_fault *fault)
{
    char path[TOUR_TEXT];
    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = fopen(path, mode);
    if (!file)
        tour_wrong(fault, "%s cannot be opened", path);
    return file;
}

static bool write_file(const char *directory, const char *name, const char *text,
                       unsigned times, struct tour_fault *fault)
{
    FILE *file = open_file(directory, name, "we", fault);
    if (!file)
        return false;
    while (times-- > 0)
        (void)fputs(text, file);
    bool failed = ferror(file) != 0;
    failed = fclose(file) != 0 || failed;
    return !failed || tour_wrong(fault, "%s cannot be written", name);
}

// As one line of at most QUOTED letters.
static const char *quote(const char *text, char out[QUOTED])
{
    (void)snprintf(out, QUOTED, "%s", text);
    for (char *at; (at = strchr(out, '\n'));)
        *at = ' ';
    for (size_t size = strlen(out); size > 0 && out[size - 1] == ' '; size--)
        out[size - 1] = 0;
    return out;
}

static bool check_text(const char *what, const char *text, const char *wanted,
                       struct tour_outcome *outcome)
{
    char is[QUOTED];
    char should_be[QUOTED];
    if (strcmp(text, wanted) != 0)
        return tour_wrong(&outcome->fault, "%s: \"%s\" where \"%s\" should be", what,
                          quote(text, is), quote(wanted, should_be));
    for (const char *end = wanted; (end = strchr(end, '\n')); end++)
        outcome->lines++;
    outcome->bytes += strlen(wanted);
    return true;
}

static bool check_file(const char *directory, const char *name, const char *wanted,
                       struct tour_outcome *outcome)
{
    char text[CONTENT];
    FILE *file = open_file(directory, name, "re", &outcome->fault);
    if (!file)
        return false;
    text[fread(text, 1, sizeof(text) - 1, file)] = 0;
    (void)fclose(file);
    return check_text(name, text, wanted, outcome);
}

/* --- programs in a row --------------------------------------------------- */

/* What has to come of `commands[0] | commands[1]`. */
struct row {
    const char *commands[PROGRAMS];
    const char *output;
    int signal; /* that ends the first one; else exit 0 */
};

static bool check_end(const char *command, const struct wherry_collected *all,
                      int signal, struct tour_outcome *outcome)
{
    char text[ENDING] = "";
    char errors[QUOTED];
    if (all->stopped == -ETIMEDOUT)
        return tour_wrong(&outcome->fault, "%s: it did not end for %d ms",
                          outcome->job->command, outcome->patience);
    if (all->exit.signal == signal && (signal || all->exit.code == 0))
        return true;
    (void)wherry_exit_text(&all->exit, text, sizeof(text));
    return tour_wrong(&outcome->fault, "%s: %s%s%s", command, text,
                      all->errors_size ? ": " : "",
                      quote(all->errors_size ? all->errors : "", errors));
}

static bool run_row(const char *directory, const struct row *row,
                    struct tour_outcome *outcome)
{
    struct wherry_collected all[PROGRAMS] = {{.output = NULL}};
    struct wherry_plan plans[PROGRAMS];
    for (int i = 0; i < PROGRAMS; i++)
        plans[i] = (struct wherry_plan){
            .command = row->commands[i], .directory = directory, .changes = in_bytes};
    int r = wherry_pipeline_collect(plans, sizeof(plans[0]), PROGRAMS, NULL, all,
                                    wherry_after(outcome->patience));
    if (r < 0)
        return tour_refused(&outcome->fault, "starting them");
    bool right = check_end(row->commands[0], &all[0], row->signal, outcome) &&
                 check_end(row->commands[1], &all[1], 0, outcome) &&
                 check_text(row->commands[1], all[1].output, row->output, outcome);
    for (int i = 0; i < PROGRAMS; i++)
        wherry_collected_free(&all[i]);
    return right;
}

static bool count_lines(const char *directory, struct tour_outcome *outcome)
{
    static const struct row row = {{"cat verses", "wc -l"}, "1000\n", 0};
    if (!write_file(directory, "verses", "row, row, row your boat\n", LINES,
                    &outcome->fault) ||
        !run_row(directory, &row, outcome))
        return false;
    (void)snprintf(outcome->text, TOUR_TEXT, "1,000 lines counted; both exit 0");
    return true;
}

static bool find_names(const char *directory, struct tour_outcome *outcome)
{
    static const char *const names[] = {"keel", "oar.txt", "sail.txt", "rope", "b.txt"};
    static const struct row row = {{"ls", "grep txt"}, "b.txt\noar.txt\nsail.txt\n", 0};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!write_file(directory, names[i], "", 0, &outcome->fault))
            return false;
    if (!run_row(directory, &row, outcome))
        return false;
    (void)snprintf(outcome->text, TOUR_TEXT, "3 names of 5, in order; both exit 0");
    return true;
}

static bool leave_early(const char *directory, struct tour_outcome *outcome)
{
    static const struct row row = {{"yes", "head -n 1"}, "y\n", SIGPIPE};
    if (!run_row(directory, &row, outcome))
        return false;
    (void)snprintf(outcome->text, TOUR_TEXT,
                   "the reader ended after 1 line, exit 0, and SIGPIPE the writer");
    return true;
}

/* --- redirection --------------------------------------------------------- */

enum { STEPS = 4, LAID = 3 };

/* One command, and what then stands in a file. */
struct step {
    const char *command;
    struct wherry_laid laid[LAID]; /* a path is a name in the directory */
    const char *file;
    const char *content;
};

static const struct step steps[STEPS] = {
    {"sort",
     {{.number = 0, .from = WHERRY_FROM_FILE, .path = "words"},
      {.number = 1, .from = WHERRY_FROM_FILE, .path = "log"},
      {.number = 2, .from = WHERRY_FROM_NULL}},
     "log",
     "sand\nsea\n"},
    {"sh -c 'echo said; echo wrong >&2'",
     {{.number = 0, .from = WHERRY_FROM_NULL},
      {.number = 1,
       .from = WHERRY_FROM_FILE,
       .access = WHERRY_ACCESS_APPEND,
       .path = "log"},
      {.number = 2, .from = WHERRY_FROM_NUMBER, .descriptor = 1}},
     "log",
     "sand\nsea\nsaid\nwrong\n"},
    {"sh -c 'echo by one; echo by three >&3'",
     {{.number = 1, .from = WHERRY_FROM_NUMBER, .descriptor = 3},
      {.number = 2, .from = WHERRY_FROM_NULL},
      {.number = 3, .from = WHERRY_FROM_FILE, .path = "third"}},
     "third",
     "by one\nby three\n"},
    {"sh -c 'echo anew'",
     {{.number = 0, .from = WHERRY_FROM_NULL},
      {.number = 1, .from = WHERRY_FROM_FILE, .path = "third"},
      {.number = 2, .from = WHERRY_FROM_NULL}},
     "third",
     "anew\n"},
};

static bool take_step(const char *directory, const struct step *step,
                      struct tour_outcome *outcome)
{
    char paths[LAID][TOUR_TEXT];
    struct wherry_laid laid[LAID];
    const struct wherry_plan plan = {
        .command = step->command, .laid = laid, .laid_count = LAID};
    struct wherry_collected all;
    for (int i = 0; i < LAID; i++) {
        laid[i] = step->laid[i];
        (void)snprintf(paths[i], TOUR_TEXT, "%s/%s", directory,
                       laid[i].path ? laid[i].path : "");
        laid[i].path = laid[i].path ? paths[i] : NULL;
    }
    int r = wherry_collect(&plan, sizeof(plan), NULL, &all,
                           wherry_after(outcome->patience));
    if (r < 0)
        return tour_refused(&outcome->fault, "starting it");
    bool right = check_end(step->command, &all, 0, outcome);
    wherry_collected_free(&all);
    return right && check_file(directory, step->file, step->content, outcome);
}

static bool redirect(const char *directory, struct tour_outcome *outcome)
{
    if (!write_file(directory, "words", "sea\nsand\n", 1, &outcome->fault))
        return false;
    for (int i = 0; i < STEPS; i++)
        if (!take_step(directory, &steps[i], outcome))
            return false;
    (void)snprintf(outcome->text, TOUR_TEXT,
                   "%d commands with files at 0 to 3, %d lines where they should be",
                   STEPS, (int)outcome->lines);
    return true;
}

/* --- the table ----------------------------------------------------------- */

static const char python_lines[] = "import sys\n"
                                   "for line in sys.stdin:\n"
                                   "    print(line[:-1][::-1], flush=True)\n";

static const char node_lines[] =
    "const input = process.stdin\n"
    "require('readline').createInterface({ input }).on('line', line =>\n"
    "    process.stdout.write([...line].reverse().join('') + '\\n'))\n";

const struct tour_job tour_jobs[] = {
    {.name = "cat | wc",
     .purpose = "Two programs in a row: what one writes, the other one reads.",
     .command = "cat FILE | wc -l",
     .programs = {"cat", "wc"},
     .package = "coreutils",
     .run = count_lines},
    {.name = "ls | grep",
     .purpose = "A filter: of what one says, the other one passes on a part.",
     .command = "ls | grep txt",
     .programs = {"ls", "grep"},
     .package = "coreutils and grep",
     .run = find_names},
    {.name = "yes | head",
     .purpose = "A reader that leaves: whoever writes without end is ended.",
     .command = "yes | head -n 1",
     .programs = {"yes", "head"},
     .package = "coreutils",
     .run = leave_early},
    {.name = "redirection",
     .purpose = "Files instead of the terminal: read, made, emptied, appended to.",
     .command = "sort <IN >OUT; sh >>OUT 2>&1; sh 3>OUT >&3",
     .programs = {"sort", "sh"},
     .package = "coreutils and dash",
     .run = redirect},
    {.name = "python child",
     .purpose = "for line in sys.stdin: each line is answered before the next one.",
     .command = "python3 -c SCRIPT",
     .programs = {"python3"},
     .package = "python3",
     .arguments = {"-I", "-c", python_lines},
     .run = tour_job_ask},
    {.name = "node child",
     .purpose = "The same with Node's readline.",
     .command = "node -e SCRIPT",
     .programs = {"node"},
     .package = "nodejs",
     .arguments = {"-e", node_lines},
     .run = tour_job_ask},
    {.name = NULL},
};

void tour_job_run(const char *directory, struct tour_outcome *outcome)
{
    const struct tour_job *job = outcome->job;
    for (size_t i = 0; job->programs[i]; i++)
        if (!tour_program_is_there(job->programs[i])) {
            outcome->result = TOUR_MISSING;
            (void)snprintf(outcome->text, TOUR_TEXT,
                           "%s is not on this machine; Debian has it in %s",
                           job->programs[i], job->package);
            return;
        }
    scratch_empty(directory);
    outcome->result = job->run(directory, outcome) ? TOUR_RIGHT
                      : outcome->fault.text[0]     ? TOUR_WRONG
                                                   : TOUR_MISSING;
}
