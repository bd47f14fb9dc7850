/* SPDX-License-Identifier: MIT */
/*
 * The tour for people: what comes next, what was found, a table at the end.
 */
#include <langinfo.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "say.h"
#include "table.h"
#include "tour/tour.h"

enum { NAME_COLUMN = 15, MARK_COLUMN = 8, WIDTH = 120, UNBROKEN = 10000 };

struct mark {
    const char *text;
    const char *colour;
};

static const struct mark marks[TOUR_RESULTS] = {
    [TOUR_RIGHT] = {"ok", "\033[32m"},
    [TOUR_WRONG] = {"FAILED", "\033[1;31m"},
    [TOUR_MISSING] = {"--", "\033[33m"},
};

static const char *micro(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? "µ" : "u";
}

static int width(void)
{
    struct winsize window;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) < 0)
        return UNBROKEN; // one line each, for who greps
    if (window.ws_col < 60)
        return 60;
    return window.ws_col < WIDTH ? window.ws_col : WIDTH;
}

static void print_mark(enum tour_result result)
{
    const struct mark *mark = &marks[result];
    bool colour = say_has_colour(stdout);
    printf("%*s%s%-*s%s", NAME_COLUMN, "", colour ? mark->colour : "", MARK_COLUMN,
           mark->text, colour ? "\033[0m" : "");
}

void tour_print_machine(void)
{
    char machine[TOUR_TEXT];
    tour_machine_text(machine);
    printf("A tour of every mechanism between real processes, every byte checked.\n"
           "Round trips of 64 B: both asleep until they are woken, on one processor;\n"
           "in memory, each looks again and again, and lets the other run.\n"
           "%s\n\n",
           machine);
}

void tour_print_purpose(const struct tour_stop *stop)
{
    bool colour = say_has_colour(stdout);
    printf("%s%-*s%s", colour ? "\033[1m" : "", NAME_COLUMN, stop->way->name,
           colour ? "\033[0m" : "");
    say_wrapped(stop->way->purpose ? stop->way->purpose : stop->mechanism->summary,
                NAME_COLUMN, width());
}

void tour_print_found(const struct tour_stop *stop)
{
    char text[2 * TOUR_TEXT];
    tour_stop_text(stop, micro(), text, sizeof(text));
    print_mark(stop->result);
    say_wrapped(text, NAME_COLUMN + MARK_COLUMN, width());
}

void tour_print_visit(const struct tour_visit *visit)
{
    char text[2 * TOUR_TEXT];
    if (visit->package)
        return; // all of them at the end
    if (visit->result == TOUR_MISSING)
        (void)snprintf(text, sizeof(text), "%s %s", visit->program, visit->text);
    else
        (void)snprintf(text, sizeof(text), "with %s (%s): %s", visit->program,
                       visit->means, visit->text);
    print_mark(visit->result);
    say_wrapped(text, NAME_COLUMN + MARK_COLUMN, width());
}

/* --- jobs ---------------------------------------------------------------- */

void tour_print_heading(void)
{
    printf("\n%s\n\n", tour_job_heading);
}

void tour_print_job(const struct tour_job *job)
{
    char text[2 * TOUR_TEXT];
    bool colour = say_has_colour(stdout);
    printf("%s%-*s%s", colour ? "\033[1m" : "", NAME_COLUMN, job->name,
           colour ? "\033[0m" : "");
    (void)snprintf(text, sizeof(text), "%s `%s`", job->purpose, job->command);
    say_wrapped(text, NAME_COLUMN, width());
}

void tour_print_outcome(const struct tour_outcome *outcome)
{
    print_mark(outcome->result);
    say_wrapped(tour_outcome_text(outcome), NAME_COLUMN + MARK_COLUMN, width());
}

/* --- the table ----------------------------------------------------------- */

static const struct column columns[] = {
    {"mechanism", COLUMN_TEXT, false}, {"largest", COLUMN_NUMBER, false},
    {"kinds", COLUMN_FLAG, false},     {"files", COLUMN_FLAG, false},
    {"sender", COLUMN_FLAG, false},    {"64 B", COLUMN_NUMBER, false},
    {"64 KiB", COLUMN_NUMBER, false},  {"limit", COLUMN_NUMBER, false},
    {"guests", COLUMN_NUMBER, false},  {"result", COLUMN_TEXT, false},
};

enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

static const char *yes(const struct tour_stop *stop, unsigned ability)
{
    return stop->abilities & ability ? "yes" : "no";
}

static const char *median(const struct tour_stop *stop, uint64_t size,
                          char out[TOUR_NUMBER])
{
    const struct tour_time *time = tour_stop_time(stop, size);
    return time ? tour_time_text(time->median, micro(), out) : NULL;
}

static const char *guests(const struct tour_stop *stop, char out[TOUR_NUMBER])
{
    uint64_t right = 0;
    for (size_t i = 0; i < stop->visit_count; i++)
        right += stop->visits[i].result == TOUR_RIGHT;
    return stop->visit_count ? tour_count_text(right, out) : NULL;
}

static void add_stop(struct table *table, const struct tour_stop *stop)
{
    char limit[TOUR_NUMBER];
    char small[TOUR_NUMBER];
    char large[TOUR_NUMBER];
    char last[TOUR_NUMBER];
    char right[TOUR_NUMBER];
    bool talked = stop->result == TOUR_RIGHT;
    bool is_channel = talked && tour_stop_is_channel(stop);
    enum tour_result result = tour_stop_is_right(stop) ? stop->result : TOUR_WRONG;
    const char *const cells[COLUMNS] = {
        stop->way->name,
        talked && stop->limit ? tour_size_text(stop->limit, limit) : NULL,
        is_channel ? yes(stop, WHERRY_ABLE_KINDS) : NULL,
        is_channel ? yes(stop, WHERRY_ABLE_FILES) : NULL,
        is_channel ? yes(stop, WHERRY_ABLE_SENDER) : NULL,
        median(stop, 64, small),
        median(stop, 65536, large),
        median(stop, UINT64_MAX, last),
        guests(stop, right),
        tour_result_names[result],
    };
    table_add(table, cells);
}

bool tour_print_table(const struct tour_stop *stops, size_t count)
{
    struct table *table = table_new("tour", columns, COLUMNS, false);
    for (size_t i = 0; i < count; i++)
        add_stop(table, &stops[i]);
    printf("\n");
    (void)fflush(stdout);
    return table_print(table, "tour") == 0;
}

// Whether a visit before this one was skipped for the same reason.
static bool is_told(const struct tour_stop *stops, const struct tour_stop *stop,
                    const struct tour_visit *visit)
{
    for (const struct tour_stop *each = stops; each <= stop; each++)
        for (size_t i = 0; i < each->visit_count; i++) {
            const struct tour_visit *before = &each->visits[i];
            if (before == visit)
                return false;
            if (before->package && strcmp(before->package, visit->package) == 0)
                return true;
        }
    return false;
}

static void print_skipped(const struct tour_stop *stops, size_t count)
{
    bool any = false;
    for (const struct tour_stop *stop = stops; stop < stops + count; stop++)
        for (size_t i = 0; i < stop->visit_count; i++) {
            const struct tour_visit *visit = &stop->visits[i];
            if (!visit->package || is_told(stops, stop, visit))
                continue;
            printf("%s%s",
                   any ? " " : "Guests that are not installed here, by package: ",
                   visit->package);
            any = true;
        }
    printf("%s", any ? "\n" : "");
}

void tour_print_end(const struct tour_found *found, int64_t nanoseconds)
{
    const struct tour_stop *stops = found->stops;
    const size_t count = found->stop_count;
    struct tour_proof sum = {.messages = 0};
    size_t results[TOUR_RESULTS] = {0};
    char messages[TOUR_NUMBER];
    char bytes[TOUR_NUMBER];
    for (size_t i = 0; i < count; i++) {
        sum.messages += stops[i].proof.messages;
        sum.bytes += stops[i].proof.bytes;
        results[tour_stop_is_right(&stops[i]) ? stops[i].result : TOUR_WRONG]++;
    }
    for (size_t i = 0; i < found->outcome_count; i++) {
        sum.messages += found->outcomes[i].lines;
        sum.bytes += found->outcomes[i].bytes;
        results[found->outcomes[i].result]++;
    }
    print_skipped(stops, count);
    printf("\n%zu right, %zu failed, %zu missing; %s messages with %s MB checked, in "
           "%.1f s.\n",
           results[TOUR_RIGHT], results[TOUR_WRONG], results[TOUR_MISSING],
           tour_count_text(sum.messages, messages),
           tour_count_text(sum.bytes / 1000000, bytes), (double)nanoseconds / 1e9);
}
