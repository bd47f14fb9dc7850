/* SPDX-License-Identifier: MIT */
/*
 * What the files say to each other that measure Wherry beside others: `wherry bench
 * --peers`.
 *
 * Who is measured is a program of its own, told what to do by lines (bench/contest.h
 * says which): libraries of others are C++, some of them, and what they start, install
 * and leave behind is not to be this program's.  So are the limits and Wherry itself,
 * for all must go through the same loops.  A task is one workload at one place; all who
 * take part are started, take turns in every repetition, and are ended.
 */
#ifndef CONTEST_H
#define CONTEST_H

#include "bench/bench.h"

enum {
    CONTEST_ADDRESSES = 8, /* of the user's, at most */
    CONTEST_SERVED = 4,
    CONTEST_SEATS = 40, /* who takes part in a task, at most */
    CONTEST_WHY = 320,
    CONTEST_SAMPLES = 1 << 15 /* of one order */
};

enum contest_place { CONTEST_CROSS, CONTEST_SAME, CONTEST_FREE, CONTEST_PLACES };

extern const char *const contest_places[CONTEST_PLACES];

/* --- contest_table.c: who, what, and the bars ---------------------------- */

/* One of those that Wherry is measured beside. */
struct contest_rival {
    const char *name;     /* of the entrant */
    const char *program;  /* bench-NAME */
    const char *packages; /* Debian's, where its program is built; NULL: it always is */
    bool is_served;       /* something of its program must run beside it */
};

/* Ends with a NULL name. */
extern const struct contest_rival contest_rivals[];

/* The rival whose time is the unit PP. */
extern const struct contest_rival *const contest_line;

/* How an address of ours is used. */
enum contest_variant {
    CONTEST_PLAIN,
    CONTEST_SLEEPS, /* the same, never awake while it waits */
    CONTEST_AWAKE,  /* the same, always awake */
    CONTEST_LENDS,  /* the same, its loans read in place */
    CONTEST_VARIANTS
};

/* What is added to an address for that, by order of preference; ends with NULL. */
extern const char *const contest_variants[CONTEST_VARIANTS][3];

enum contest_task_index {
    TASK_ROUND_8,
    TASK_ROUND_64,
    TASK_ROUND_64K,
    TASK_TIMED,
    TASK_THINK_5,
    TASK_THINK_20,
    TASK_LENT_8,
    TASK_LENT_8M,
    TASK_PUSH_64,
    TASK_PUSH_64K,
    TASK_PUSH_1M,
    TASK_PUSH_8M,
    TASK_MANY,
    TASK_FOUR,
    TASK_EIGHT,
    CONTEST_TASKS
};

struct contest_task {
    const char *heading;
    const char *workload; /* as entrants are told */
    size_t size;
    int64_t think;     /* nanoseconds, before each answer */
    bool is_one_way;   /* its figure is a rate */
    bool is_ours;      /* of no interest for others */
    bool rests;        /* who takes part is watched at rest, too */
    unsigned places;   /* 1 << CONTEST_CROSS and so on */
    unsigned variants; /* of ours, beside the plain one */
};

extern const struct contest_task contest_tasks[CONTEST_TASKS];

/* Wherry's own, unless the user names others; ends with NULL. */
extern const char *const contest_addresses[];

/* What a figure of ours is divided by. */
enum contest_unit {
    UNIT_TIME,   /* nanoseconds, by nanoseconds */
    UNIT_RATE,   /* messages a second, by messages a second */
    UNIT_BYTES,  /* the same in bytes, of two sizes */
    UNIT_PP,     /* nanoseconds, by those of a cache line there and back */
    UNIT_PER_PP, /* messages in that time */
    UNIT_WAKES   /* a second, at rest; divided by nothing */
};

/* A promise about its speed, and what it is hoped to become. */
struct contest_bar {
    const char *scheme; /* whose */
    enum contest_task_index task;
    enum contest_place place;
    enum contest_variant variant;
    enum contest_unit unit;
    const char *against; /* names of rivals, the best of them; "sleeps awake" are ours;
                            NULL: our plain one, of `other` */
    enum contest_task_index other; /* whose figure it is divided by: `task`'s, mostly */
    bool is_floor;                 /* not below it, else not above */
    double bar;                    /* 0: there is none */
    double goal;                   /* 0: there is none */
};

/* Ends with a NULL scheme. */
extern const struct contest_bar contest_bars[];

/* --- entrant.c: a program of the contest --------------------------------- */

struct contest_entrant {
    wherry_process *process;
    wherry_channel *orders;
    wherry_channel *answers;
    wherry_region *region; /* its samples */
    char why[CONTEST_WHY]; /* what it said when it could not go on */
};

/* What it is started for. */
struct contest_start {
    const char *folder; /* of the programs */
    const char *directory;
    const struct contest_rival *rival;
    const char *address; /* of ours; NULL */
    const struct contest_task *task;
    const char *cores; /* "0,1" or "free" */
};

/* Where the programs of the contest are. */
void contest_find_folder(char folder[BENCH_PATH]);

/* Starts one and waits until both of its processes have met; its settings are put into
 * `settings`.  Errors, with the reason in entrant->why: -ENOENT (there is no such
 * program), -ENOTSUP (it is unfit for this), -EINTR (the user ended it), others. */
int entrant_begin(struct contest_entrant *entrant, const struct contest_start *wish,
                  char settings[CONTEST_WHY]);

/* Starts what must run beside the entrants of a program. */
int entrant_serve(struct contest_entrant *entrant, const struct contest_start *wish);

/* Gives it an order, printf(3), and waits for the numbers of its answer.  Errors: as
 * entrant_begin. */
int entrant_ask(struct contest_entrant *entrant, long long numbers[2],
                const char *format, ...) __attribute__((format(printf, 3, 4)));

const float *entrant_samples(const struct contest_entrant *entrant);

/* Ends it: waits for it for a while, and then no longer. */
void entrant_end(struct contest_entrant *entrant);

/* --- figures ------------------------------------------------------------- */

/* One that took part, or was to. */
struct contest_seat {
    const struct contest_rival *rival;
    char name[BENCH_PATH]; /* of the rival, or the address */
    const char *address;   /* of ours as the user gave it; NULL: a rival */
    enum contest_variant variant;
    char settings[CONTEST_WHY];
    char why[CONTEST_WHY]; /* why it has no figures; "": it has */
    bool is_failure;       /* else it is absent or unfit, which is no fault */
    double values[BENCH_REPETITIONS]; /* of the kept repetitions */
    double median, p99, p999;         /* nanoseconds, or messages a second */
    bool has_rest;
    double cpu; /* nanoseconds of both processes in a second at rest */
    double wakes;
};

struct contest_result {
    enum contest_task_index task;
    enum contest_place place;
    struct contest_seat seats[CONTEST_SEATS];
    size_t count;
    double pings[BENCH_REPETITIONS]; /* nanoseconds; 0: there is but one core */
    int kept, tried, unsettled;
};

struct contest_wish;

/* --- contest_seats.c ----------------------------------------------------- */

/* What runs beside the entrants of a program, or why it does not. */
struct contest_served {
    const char *program;
    struct contest_entrant entrant;
    int error;
};

struct contest_services {
    struct contest_served of[CONTEST_SERVED];
    size_t count;
};

/* Starts them all; -EINTR when the user ended it, else 0. */
int contest_serve_all(const struct contest_wish *wish, const char *folder,
                      struct contest_services *services);
void contest_end_services(struct contest_services *services);

/* wherry_address_check() of one in which %s stands for a name. */
int contest_check_address(const char *address);

/* Who takes part in the task of a result, or has a reason not to. */
void contest_seat_all(const struct contest_wish *wish,
                      const struct contest_services *services,
                      struct contest_result *result);

/* --- contest.c ----------------------------------------------------------- */

struct contest_wish {
    const char *const *addresses; /* of ours; NULL at the end */
    const struct bench_plan *plan;
    const bool *places;  /* [enum bench_place] */
    const size_t *sizes; /* none: all */
    size_t size_count;
    const bool *workloads; /* [enum contest_task_index] */
    double band;
    int rest; /* milliseconds; 0: not at all */
    bool bars;
    bool json;
};

/* Measures and prints.  DONE or FAILED. */
int bench_contest(const struct contest_wish *wish);

/* Marks the tasks of a workload by its name; false: there is none. */
bool contest_choose(const char *workload, bool chosen[CONTEST_TASKS]);

/* --- contest_print.c.  DONE or FAILED ------------------------------------ */

int contest_print(const struct contest_result *results, size_t count,
                  const struct contest_wish *wish);
int contest_list(bool as_json);

/* --- contest_bars.c ------------------------------------------------------ */

enum contest_verdict {
    VERDICT_NONE, /* it was not measured */
    VERDICT_MISSED,
    VERDICT_SHORT, /* of a goal; there is no bar */
    VERDICT_MET,
    VERDICT_GOAL, /* met, and the goal with it */
    CONTEST_VERDICTS
};

/* A bar and what was measured of it. */
struct contest_judgement {
    const struct contest_bar *bar;
    const char *ours;    /* the address, as it was measured */
    const char *against; /* who it was divided by; NULL: itself, of another task */
    enum contest_verdict verdict;
    double ratio, least, most;
    const char *why; /* why there is no verdict */
};

/* Judges a bar for an address of ours; false: it is about another, or about what was
 * not to be measured. */
bool contest_judge(const struct contest_bar *bar, const struct contest_result *results,
                   size_t count, const char *address, struct contest_judgement *out);

#endif
