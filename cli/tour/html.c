/* SPDX-License-Identifier: MIT */
/*
 * The tour as a page: one file that needs no other, light or dark as its reader likes.
 *
 * It is well-formed XML too, so that any parser can check it.
 */
#include <time.h>

#include "tour/tour.h"

static const char head[] =
    "<!DOCTYPE html>\n"
    "<html lang=\"en\">\n"
    "<head>\n"
    "<meta charset=\"utf-8\"/>\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
    "<title>wherry tour</title>\n"
    "<style>\n"
    ":root { color-scheme: light dark; --ink: #1c2430; --faint: #d5dae1;\n"
    "  --back: #fff; --small: #0b6bcb; --medium: #c2410c; --limit: #6d28d9;\n"
    "  --wrong: #b91c1c; }\n"
    "@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --faint: #3a4452;\n"
    "  --back: #12161c; --small: #63b3ff; --medium: #ff9c66; --limit: #b794ff;\n"
    "  --wrong: #ff7b7b; } }\n"
    "body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink);\n"
    "  background: var(--back); max-width: 62rem; margin: 2rem auto;\n"
    "  padding: 0 1rem; }\n"
    "svg { width: 100%; height: auto; }\n"
    "svg text { font-size: 12px; fill: var(--ink); }\n"
    ".grid, .row { stroke: var(--faint); stroke-width: 1; }\n"
    ".small { fill: var(--small); stroke: var(--small); }\n"
    ".medium { fill: var(--medium); stroke: var(--medium); }\n"
    ".limit { fill: var(--limit); stroke: var(--limit); }\n"
    "g line { stroke-width: 2; }\n"
    "div { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }\n"
    "th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0;\n"
    "  border-bottom: 1px solid var(--faint); }\n"
    "td:first-child { white-space: nowrap; font-weight: 600; }\n"
    "p.other { margin: .2rem 0 0; font-size: 13px; } .failed { color: var(--wrong); }\n"
    "</style>\n"
    "</head>\n"
    "<body>\n"
    "<h1>A tour of every mechanism</h1>\n";

static void begin_table(FILE *file, const char *heading, const char *first)
{
    fprintf(file,
            "<h2>%s</h2>\n"
            "<div><table>\n"
            "<thead><tr><th>%s</th><th>What it is for</th><th>Result</th>"
            "<th>What was found</th></tr></thead>\n"
            "<tbody>\n",
            heading, first);
}

static void end_table(FILE *file)
{
    (void)fputs("</tbody>\n</table></div>\n", file);
}

static void write_cell(FILE *file, const char *text)
{
    fprintf(file, "<td>");
    tour_escape(file, text);
    fprintf(file, "</td>");
}

static void write_visit(FILE *file, const struct tour_visit *visit)
{
    fprintf(file, "<p class=\"other %s\">", tour_result_names[visit->result]);
    tour_escape(file, visit->program);
    if (visit->result != TOUR_MISSING) {
        fprintf(file, " (");
        tour_escape(file, visit->means);
        fprintf(file, ")");
    }
    fprintf(file, "%s ", visit->result == TOUR_MISSING ? "" : ":");
    tour_escape(file, visit->text);
    fprintf(file, "</p>");
}

static void write_stop(FILE *file, const struct tour_stop *stop)
{
    char text[2 * TOUR_TEXT];
    const char *purpose = stop->way->purpose;
    tour_stop_text(stop, "µ", text, sizeof(text));
    fprintf(file, "<tr>");
    write_cell(file, stop->way->name);
    write_cell(file, purpose ? purpose : stop->mechanism->summary);
    fprintf(file, "<td class=\"%s\">%s</td><td>", tour_result_names[stop->result],
            tour_result_names[stop->result]);
    tour_escape(file, text);
    for (size_t i = 0; i < stop->visit_count; i++)
        write_visit(file, &stop->visits[i]);
    fprintf(file, "</td></tr>\n");
}

static void write_outcome(FILE *file, const struct tour_outcome *outcome)
{
    const char *result = tour_result_names[outcome->result];
    fprintf(file, "<tr>");
    write_cell(file, outcome->job->name);
    fprintf(file, "<td>");
    tour_escape(file, outcome->job->purpose);
    fprintf(file, "<p class=\"other\"><code>");
    tour_escape(file, outcome->job->command);
    fprintf(file, "</code></p></td><td class=\"%s\">%s</td>", result, result);
    write_cell(file, tour_outcome_text(outcome));
    fprintf(file, "</tr>\n");
}

static void write_stops(FILE *file, const struct tour_stop *stops, size_t count)
{
    tour_chart_write(file, stops, count);
    begin_table(file, "What was proven", "Mechanism");
    for (size_t i = 0; i < count; i++)
        write_stop(file, &stops[i]);
    end_table(file);
}

static void write_outcomes(FILE *file, const struct tour_outcome *outcomes,
                           size_t count)
{
    begin_table(file, tour_job_heading, "Programs");
    for (size_t i = 0; i < count; i++)
        write_outcome(file, &outcomes[i]);
    end_table(file);
}

void tour_html_write(FILE *file, const struct tour_found *found)
{
    char machine[TOUR_TEXT];
    char moment[64] = "";
    time_t now = time(NULL);
    struct tm parts;
    if (gmtime_r(&now, &parts))
        (void)strftime(moment, sizeof(moment), "%Y-%m-%d %H:%M UTC", &parts);
    tour_machine_text(machine);
    (void)fputs(head, file);
    fprintf(file, "<p>");
    tour_escape(file, machine);
    fprintf(
        file,
        "; %s.  At every stop two processes sent each other messages and\n"
        "compared every byte, kind, open file and sender; then programs that know\n"
        "nothing of Wherry took the other end.  Where they share memory, one wrote\n"
        "and the other answered in place.  Where they took turns, it was at a\n"
        "counter, and the holder of a permit was killed.  Round trips are of two "
        "processes on one\n"
        "processor, each asleep until it is woken (in memory, it looks again and\n"
        "again, and lets the other run);\n"
        "<code>wherry bench</code> measures the rest.</p>\n",
        moment);
    if (found->stop_count > 0)
        write_stops(file, found->stops, found->stop_count);
    if (found->outcome_count > 0)
        write_outcomes(file, found->outcomes, found->outcome_count);
    fprintf(file, "</body>\n</html>\n");
}
