/* SPDX-License-Identifier: MIT */
/*
 * The bars: what Wherry promises about its speed, each a ratio of one run.
 */
#include "bench/bench.h"

#include <stdio.h>
#include <string.h>

#include "command.h"
#include "table.h"

#define STREAM_SOCKETS "unix-stream tcp"
#define PIPES "pipe fifo stdio exec"

struct bar {
    const char *text;
    const char *mechanisms; /* names; NULL: all */
    int place;              /* -1: each */
    size_t least;           /* sizes */
    size_t most;
    enum bench_ratio_index ratio;
    double limit;
    bool is_floor; /* not below it, else not above */
};

// Gathering is judged on two cores: on one, where both sides take turns, the same bytes
// in bare writes of 64 KiB are hardly twenty times a write each themselves.
static const struct bar bars[] = {
    {"round trip of 64 B, WHERRY_FOREVER", NULL, -1, 64, 64, RATIO_FOREVER, 1.05,
     false},
    {"round trip of a signal, WHERRY_FOREVER", "signal", -1, 4, 4, RATIO_FOREVER, 1.05,
     false},
    {"round trip of 64 B with a deadline, one core", NULL, BENCH_SAME, 64, 64,
     RATIO_DEADLINE, 1.6, false},
    {"round trip of 64 B with a deadline, two cores", NULL, BENCH_CROSS, 64, 64,
     RATIO_DEADLINE, 1.2, false},
    {"round trip of 64 KiB", NULL, -1, 65536, 65536, RATIO_FOREVER, 1.10, false},
    {"one way, 64 KiB and more, same buffers", NULL, -1, 65536, SIZE_MAX, RATIO_EACH,
     0.95, true},
    {"one way, a message each", "mq sysv", -1, 64, 8192, RATIO_EACH, 0.95, true},
    {"one way, a message each, to System V's", "queue", -1, 64, 64, RATIO_EACH, 2,
     true},
    {"one way, a signal each", "signal", -1, 4, 4, RATIO_EACH, 0.95, true},
    {"64 B with WHERRY_MORE to one write each", STREAM_SOCKETS, BENCH_CROSS, 64, 64,
     RATIO_MORE, 20, true},
    {"64 B by send_many to one write each", STREAM_SOCKETS, BENCH_CROSS, 64, 64,
     RATIO_MANY, 20, true},
    {"64 B with WHERRY_MORE to 64 KiB writes", PIPES, BENCH_CROSS, 64, 64,
     RATIO_MORE_GATHERED, 0.6, true},
    {"64 B by send_many to 64 KiB writes", PIPES, BENCH_CROSS, 64, 64,
     RATIO_MANY_GATHERED, 0.6, true},
};

enum { BARS = sizeof(bars) / sizeof(bars[0]), MEMORY_LIMIT = 4096 };

static bool names(const char *list, const char *name)
{
    size_t size = strlen(name);
    for (const char *at = list; at && (at = strstr(at, name)); at += size) {
        bool begins = at == list || at[-1] == ' ';
        if (begins && (at[size] == ' ' || at[size] == '\0'))
            return true;
    }
    return list == NULL;
}

static bool applies(const struct bar *bar, const struct bench_mechanism *mechanism,
                    enum bench_place place, size_t size)
{
    return names(bar->mechanisms, mechanism->name) && size >= bar->least &&
           size <= bar->most && (bar->place < 0 || bar->place == (int)place);
}

bool bench_bar_wants(const struct bench_mechanism *mechanism, enum bench_place place,
                     size_t size)
{
    for (size_t i = 0; i < BARS; i++) {
        if (applies(&bars[i], mechanism, place, size))
            return true;
    }
    return false;
}

/* --- printing ------------------------------------------------------------ */

static const struct column columns[] = {
    {"verdict", COLUMN_TEXT, false}, {"measured", COLUMN_NUMBER, false},
    {"least", COLUMN_NUMBER, false}, {"most", COLUMN_NUMBER, false},
    {"bar", COLUMN_TEXT, false},     {"mechanism", COLUMN_TEXT, false},
    {"place", COLUMN_TEXT, false},   {"size", COLUMN_TEXT, false},
    {"what", COLUMN_TEXT, true},
};

enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

struct ledger {
    struct table *table;
    int missed;
    int met;
};

struct entry {
    bool is_met;
    double measured;
    double least;
    double most;
    const char *bar;
    const char *what;
};

static void enter(struct ledger *ledger, const struct bench_row *row,
                  const struct entry *entry)
{
    char measured[32];
    char least[32];
    char most[32];
    char size[16];
    snprintf(measured, sizeof(measured), "%.4g", entry->measured);
    snprintf(least, sizeof(least), "%.4g", entry->least);
    snprintf(most, sizeof(most), "%.4g", entry->most);
    bench_size_text(row->size, size, sizeof(size));
    table_add(ledger->table,
              (const char *const[COLUMNS]){
                  entry->is_met ? "met" : "MISSED", measured, least, most, entry->bar,
                  row->mechanism->name, bench_places[row->place], size, entry->what});
    ledger->missed += !entry->is_met;
    ledger->met += entry->is_met;
}

static void enter_ratio(struct ledger *ledger, const struct bar *bar,
                        const struct bench_row *row)
{
    const struct bench_quotient *ratio = &row->outcome.quotients[bar->ratio];
    char limit[32];
    if (!ratio->is_there)
        return;
    snprintf(limit, sizeof(limit), "%s %.2f", bar->is_floor ? ">=" : "<=", bar->limit);
    bool is_met =
        bar->is_floor ? ratio->median >= bar->limit : ratio->median <= bar->limit;
    enter(ledger, row,
          &(struct entry){is_met, ratio->median, ratio->least, ratio->most, limit,
                          bar->text});
}

static void enter_memory(struct ledger *ledger, const struct bench_row *row)
{
    double memory = (double)row->outcome.rest.memory;
    if (row->outcome.rest.is_there)
        enter(ledger, row,
              &(struct entry){memory <= MEMORY_LIMIT, memory, memory, memory, "<= 4096",
                              "bytes of an idle channel"});
}

// The store may grow once more when a stretch is luckier than all before it: less than
// one in a thousand is none.
static void enter_allocations(struct ledger *ledger, const struct bench_row *row)
{
    double most = bench_row_allocations(row);
    if (most >= 0)
        enter(ledger, row,
              &(struct entry){most < 0.001, most, most, most, "= 0",
                              "allocations of a message, in the steady state"});
}

static void enter_row(struct ledger *ledger, const struct bench_row *row)
{
    if (row->error < 0) {
        enter(ledger, row, &(struct entry){.bar = "", .what = row->failure});
        return;
    }
    for (size_t i = 0; i < BARS; i++) {
        if (applies(&bars[i], row->mechanism, row->place, row->size))
            enter_ratio(ledger, &bars[i], row);
    }
    enter_memory(ledger, row);
    enter_allocations(ledger, row);
}

int bench_print_bars(const struct bench_results *results, bool as_json)
{
    struct ledger ledger = {.table = table_new("bars", columns, COLUMNS, as_json)};
    for (size_t i = 0; i < results->count; i++)
        enter_row(&ledger, &results->rows[i]);
    int status = table_print(ledger.table, "bench");
    if (!as_json && status == DONE)
        printf("\n%d bars met, %d missed\n", ledger.met, ledger.missed);
    return status == DONE && ledger.missed > 0 ? FAILED : status;
}
