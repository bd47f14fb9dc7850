/* SPDX-License-Identifier: MIT */
/*
 * What the files say to each other that measure processes, and locks between them:
 * `wherry bench process`, `wherry bench lock`.
 *
 * A row is one thing that is done with processes, its ways who does it: Wherry, bare
 * calls, a shell, Node, Python.  All is done by a parent, a process that the bench
 * forks, pins, and tells what to do; a round is every way once, so that what is
 * compared was measured within a millisecond.
 */
#ifndef PROCESSES_H
#define PROCESSES_H

#include "bench/bench.h"

enum {
    PROCESSES_STANDARD = 3,    /* 0, 1 and 2 */
    PROCESSES_WAYS = 8,        /* of a row, at most */
    PROCESSES_SCRIPTED = 20,   /* starts that a script does at once */
    PROCESSES_PATIENCE = 20000 /* milliseconds, for a program to end */
};

/* What a parent starts. */
struct processes_scene {
    char smallest[BENCH_PATH + 16]; /* a program that writes a byte */
    char nothing[BENCH_PATH];       /* true(1) */
    uint64_t size;                  /* of the row: bytes of memory, or to be moved */
};

/* Which parent does it. */
enum processes_whose {
    PROCESSES_SMALL,
    PROCESSES_FORKING, /* whose pages are copied when it next writes to them */
    PROCESSES_LARGE,
    PROCESSES_PARENTS
};

struct processes_way {
    const char *name;
    const char *against; /* another of the row that it is divided by; NULL: none */
    double bar;          /* the ratio is to be no more; 0: it is only told */
    enum processes_whose whose;
    bool is_rare; /* so slow that it is done once a repetition */

    /* Does it once.  The nanoseconds it took, or a negative errno. */
    int64_t (*run)(const struct processes_scene *);

    /* Or: an interpreter, and a script that prints the nanoseconds of each of
     * PROCESSES_SCRIPTED starts of the program that it is told. */
    const char *interpreter;
    const char *option; /* "-c", before the script */
    const char *script;
    bool is_of_nothing; /* it starts true(1), else the smallest program */
};

struct processes_row {
    const char *name;
    const char *calls; /* what ours is compared with */
    const char *what;  /* heading of its table */
    uint64_t size;     /* with the usual --seconds, less with fewer; 0: it has none */
    struct processes_way ways[PROCESSES_WAYS + 1];
};

/* processes.c.  Ends with a NULL name. */
extern const struct processes_row processes_rows[];

/* --- smallest.c ---------------------------------------------------------- */

/* Makes that program in a directory.  Errors: negative errno. */
int processes_make_smallest(const char *directory, struct processes_scene *);

/* --- starters.c: bare calls ---------------------------------------------- */

/* What they start. */
struct processes_program {
    const char *const *words;   /* words[0] is its path; NULL at the end */
    int at[PROCESSES_STANDARD]; /* what it is to have at 0, 1 and 2 */
};

/* The new process's number, or a negative errno. */
typedef pid_t processes_starter(const struct processes_program *);

processes_starter starter_posix_spawn, starter_vfork, starter_fork;

/* Waits for its end: 0, or -EPROTO if it did not end well. */
int starter_end(pid_t pid);

/* --- starts.c, collects.c, pipelines.c: ways ----------------------------- */

int64_t start_channel(const struct processes_scene *);
int64_t start_descriptor(const struct processes_scene *);
int64_t start_posix_spawn(const struct processes_scene *);
int64_t start_vfork(const struct processes_scene *);
int64_t start_fork(const struct processes_scene *);

int64_t collect_ours(const struct processes_scene *);
int64_t collect_posix_spawn(const struct processes_scene *);
int64_t collect_vfork(const struct processes_scene *);

int64_t pipeline_ours(const struct processes_scene *);
int64_t pipeline_shell(const struct processes_scene *);

/* --- locks.c: ways ------------------------------------------------------- */

int64_t lock_ours(const struct processes_scene *);
int64_t lock_cells(const struct processes_scene *);
int64_t lock_robust(const struct processes_scene *);

/* --- turns.c: ways ------------------------------------------------------- */

int64_t turn_lease(const struct processes_scene *);
int64_t turn_sem(const struct processes_scene *);
int64_t turn_semv(const struct processes_scene *);
int64_t turn_bare_sem(const struct processes_scene *);
int64_t turn_bare_semop(const struct processes_scene *);
int64_t turns_lease(const struct processes_scene *);
int64_t turns_bare_semop(const struct processes_scene *);
int64_t map_ours(const struct processes_scene *);
int64_t map_bare(const struct processes_scene *);

/* --- scripts.c ----------------------------------------------------------- */

extern const char script_node_spawn[];
extern const char script_node_exec_file[];
extern const char script_node_exec[];
extern const char script_python_popen[];
extern const char script_python_run[];

/* Runs the script of a way.  How many starts were measured, or a negative errno. */
int processes_run_script(const struct processes_way *, const struct processes_scene *,
                         int64_t took[PROCESSES_SCRIPTED]);

/* --- parents.c ----------------------------------------------------------- */

struct processes_parent {
    pid_t pid;
    int to;
    int from;
};

/* What a parent is to do: every way of its own once, beginning with the way `first` and
 * from there on or backwards, or the script of that way. */
struct processes_order {
    bool is_script;
    bool with_rare;
    bool is_backward;
    int first;
};

/* What came of it; fits into one write(2) of a pipe. */
struct processes_answer {
    int error;
    int way; /* that failed */
    int count;
    int64_t took[PROCESSES_SCRIPTED]; /* of each way, 0: it was not done; or of each
                                         start of a script */
    char failure[512];
};

/* What a parent is made for. */
struct processes_task {
    const struct processes_row *row;
    const struct processes_scene *scene;
    const struct bench_plan *plan;
    enum bench_place place;
};

/* Forks one; one that is large touches so much memory of its own before it
 * answers its first order.  Errors: negative errno. */
int processes_begin(const struct processes_task *, enum processes_whose,
                    struct processes_parent *out);

/* -EINTR when the user ended it, -ETIMEDOUT, -ESRCH when it died. */
int processes_ask(const struct processes_parent *, const struct processes_order *,
                  struct processes_answer *out);

/* Ends it and all that it started. */
void processes_end(struct processes_parent *);

/* --- figures ------------------------------------------------------------- */

struct processes_figure {
    size_t count;             /* of starts; 0: there is no figure */
    double median, p99, p999; /* nanoseconds */
    bool has_ratio;
    double ratio, least, most; /* to `against`, over repetitions */
    char failure[512];         /* why there is none */
};

struct processes_result {
    const struct processes_row *row;
    enum bench_place place;
    uint64_t size;
    struct processes_figure figures[PROCESSES_WAYS];
};

/* processes.c: measures what the words name and prints it.  DONE or FAILED. */
struct processes_wish {
    char *const *words;
    int word_count;
    const struct bench_plan *plan;
    const bool *places;
    bool bars;
    bool json;
};

int bench_processes(const struct processes_wish *);

/* Whether a word names some of them. */
bool bench_is_of_processes(const char *word);

/* processes_print.c.  DONE, or FAILED if a bar is missed and they were asked for. */
int processes_print(const struct processes_result *, size_t count, bool as_json);
int processes_print_bars(const struct processes_result *, size_t count, bool as_json);

#endif
