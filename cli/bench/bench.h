/* SPDX-License-Identifier: MIT */
/*
 * What the files of `wherry bench` say to each other.
 *
 * One task is one mechanism at one place with one size of message.  It runs in two
 * processes, the driver and the responder, each of which has both ends open that are
 * compared: Wherry's, and the same mechanism by bare system calls.  A way is how the
 * bytes of one measurement move.  In a repetition every way has its turn, several
 * times round, so that what is compared is measured within milliseconds of each other;
 * ratios are made within a repetition, never across two.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <wherry.h>

enum {
    BENCH_REPETITIONS = 101, /* at most */
    BENCH_PATH = 192,
    BENCH_LARGEST = 16 << 20, /* the largest size of message */
    BENCH_SMALL = 4096,       /* up to here messages are gathered, too */
    BENCH_GATHERED = 65536    /* bytes of one gathered bare write */
};

enum bench_place { BENCH_CROSS, BENCH_SAME, BENCH_PLACES };

extern const char *const bench_places[BENCH_PLACES];

/* The usual --seconds. */
#define BENCH_SECONDS 0.03

/* --- mechanisms: mechanism.c --------------------------------------------- */

enum bench_opening {
    BENCH_OPEN_PAIR,   /* both ends before the fork */
    BENCH_OPEN_LISTEN, /* the responder listens, the driver dials */
    BENCH_OPEN_TWO,    /* each listens on one and dials the other */
    BENCH_OPEN_STDIO,  /* descriptors 0 and 1 of both are pipes */
    BENCH_OPEN_EXEC    /* the driver starts a command that only waits, the responder
                          talks through what that has as 0 and 1 */
};

enum bench_queue {
    BENCH_NO_QUEUE,
    BENCH_POSIX_QUEUE,
    BENCH_SYSTEM_V_QUEUE,
    BENCH_SIGNALS
};

struct bench_mechanism {
    const char *name;
    const char *address; /* Wherry's; %s is the directory of this run, or its name */
    const char *calls;   /* the bare system calls it is compared with */
    enum bench_opening opening;
    int domain; /* of the socket; 0: none */
    int type;
    enum bench_queue queue;
    bool is_lossy;
    size_t largest; /* the largest message it takes with standard buffers; 0: any */
    size_t only;    /* the one size there is; 0: it has no such */
};

/* Ends with a NULL name. */
extern const struct bench_mechanism bench_mechanisms[];

/* Whether bare calls move messages, not bytes. */
bool bench_keeps_messages(const struct bench_mechanism *);

/* What %s of an address stands for. */
const char *bench_place_of(const struct bench_mechanism *, const char *directory);

/* The two ends of a bare mechanism: [0] the driver's, [1] the responder's. */
struct bench_bare {
    int in[2];
    int out[2];
    bool are_numbers; /* of System V queues, which no close(2) removes, */
    int numbers[2];   /* and which they are */
};

/* Of signals: blocks those of the bare side in this process, which are sent to it from
 * then on. */
void bench_bare_block(const struct bench_mechanism *);

/* Opens both ends, both blocking.  Errors: negative errno. */
int bench_bare_open(const struct bench_mechanism *, const char *directory,
                    struct bench_bare *out);

/* Closes the end that is not `side`'s, or both for -1. */
void bench_bare_close(struct bench_bare *, int but_side);

/* Removes what outlives those who had it. */
void bench_bare_remove(const struct bench_bare *);

/* Gives a bare descriptor the buffer that ours has. */
void bench_bare_match(int bare, int ours);

/* --- one end, as a process has it ---------------------------------------- */

struct bench_end {
    const struct bench_mechanism *mechanism;
    bool is_driver;
    unsigned char *bytes; /* BENCH_LARGEST */

    /* ours.c */
    wherry_channel *in;
    wherry_channel *out;
    wherry_message *message;   /* of a round trip, there and back */
    wherry_message **messages; /* of a batch */

    /* bare.c */
    int bare_in;
    int bare_out;
    struct sockaddr_storage asker; /* of a connectionless responder */
    socklen_t asker_size;
};

/* What a responder did in one direction. */
struct bench_tally {
    uint64_t messages;
    int64_t ended_at; /* of the last one */
};

/* A stretch of messages in one direction. */
struct bench_stretch {
    size_t size;
    uint64_t count;
    unsigned char mark; /* ends a lossy stretch: a message of this one byte */
};

/* One way to move bytes.  All functions return 0 or a negative errno. */
struct bench_way {
    const char *name;
    bool is_ours;
    bool is_small; /* for sizes up to BENCH_SMALL only */
    bool is_bytes; /* makes no sense where the mechanism keeps messages apart */

    /* round trips: one message */
    int (*send)(struct bench_end *, size_t size);
    int (*take)(struct bench_end *, size_t size);

    /* one way: all of them */
    int (*push)(struct bench_end *, const struct bench_stretch *);
    int (*pull)(struct bench_end *, const struct bench_stretch *, struct bench_tally *);
    int (*mark)(struct bench_end *, unsigned char mark);
};

enum bench_way_index {
    WAY_FOREVER,
    WAY_DEADLINE,
    WAY_BARE,
    WAY_EACH,
    WAY_BARE_EACH,
    WAY_MORE,
    WAY_MANY,
    WAY_GATHERED,
    BENCH_WAYS
};

extern const struct bench_way bench_ways[BENCH_WAYS];

bool bench_way_fits(const struct bench_way *, const struct bench_mechanism *,
                    size_t size);

/* What is divided by what. */
enum bench_ratio_index {
    RATIO_FOREVER,
    RATIO_DEADLINE,
    RATIO_EACH,
    RATIO_MORE,
    RATIO_MANY,
    RATIO_MORE_GATHERED,
    RATIO_MANY_GATHERED,
    BENCH_RATIOS
};

struct bench_ratio {
    enum bench_way_index way;
    enum bench_way_index against;
    const char *name;
};

extern const struct bench_ratio bench_ratios[BENCH_RATIOS];

/* ours.c: the functions of the table, and opening.  An opener tells the address it
 * listens at, or dials the one that it is told. */
int ours_send(struct bench_end *, size_t size);
int ours_take(struct bench_end *, size_t size);
int ours_send_timed(struct bench_end *, size_t size);
int ours_take_timed(struct bench_end *, size_t size);
int ours_push_each(struct bench_end *, const struct bench_stretch *);
int ours_push_more(struct bench_end *, const struct bench_stretch *);
int ours_push_many(struct bench_end *, const struct bench_stretch *);
int ours_pull(struct bench_end *, const struct bench_stretch *, struct bench_tally *);
int ours_pull_many(struct bench_end *, const struct bench_stretch *,
                   struct bench_tally *);
int ours_mark(struct bench_end *, unsigned char mark);

/* What a pair or stdio: needs before the fork. */
struct bench_ours {
    wherry_channel *pair[2];
    int stdio[2][2]; /* [side][0 in, 1 out] */
};

int bench_ours_prepare(const struct bench_mechanism *, struct bench_ours *);
void bench_ours_abandon(struct bench_ours *);

struct bench_meeting; /* how the two processes agree on an address */

int bench_ours_open(struct bench_end *, struct bench_ours *,
                    const struct bench_meeting *);
void bench_ours_close(struct bench_end *);

/* bare.c */
int bare_send(struct bench_end *, size_t size);
int bare_take(struct bench_end *, size_t size);
int bare_push_each(struct bench_end *, const struct bench_stretch *);
int bare_push_gathered(struct bench_end *, const struct bench_stretch *);
int bare_pull(struct bench_end *, const struct bench_stretch *, struct bench_tally *);
int bare_mark(struct bench_end *, unsigned char mark);

/* --- cores and the gate: gate.c ------------------------------------------ */

int64_t bench_now(void);

/* The cores this process may use: fills in the first two, returns how many. */
int bench_cores(int cores[2]);
void bench_pin(int core);

/* Two words that pass a cache line to and fro, in shared memory. */
struct bench_line {
    _Alignas(128) _Atomic uint32_t there;
    _Alignas(128) _Atomic uint32_t back;
};

/* Nanoseconds of a round trip of a cache line; 0 when the other side did not answer.
 * Both sides call it at the same time. */
double bench_ping(struct bench_line *);
void bench_pong(struct bench_line *);

enum { BENCH_READINGS = 255 };

/* The readings of a whole run, from which its band is worked out. */
struct bench_gate {
    double readings[BENCH_READINGS];
    unsigned count;
    double width; /* 0.35: 35 % to either side of the median */
};

void bench_gate_note(struct bench_gate *, double reading);
bool bench_gate_lets(const struct bench_gate *, double reading);
double bench_gate_median(const struct bench_gate *);

/* --- figures ------------------------------------------------------------- */

double bench_median(double *values, size_t count);

struct bench_figure {
    bool is_there;
    double median; /* nanoseconds, or messages a second */
    double p99;    /* nanoseconds, of round trips */
    double p999;
    double lost;        /* of 1, one way */
    double allocations; /* for one message, both sides; < 0: not counted */
};

struct bench_quotient {
    bool is_there;
    double median;
    double least;
    double most;
};

struct bench_rest {
    bool is_there;
    double cpu;      /* nanoseconds of processor in a second of waiting */
    double wakes;    /* how often it woke up */
    uint64_t memory; /* of one end, as it describes itself */
};

struct bench_outcome {
    struct bench_figure figures[BENCH_WAYS];
    struct bench_quotient quotients[BENCH_RATIOS];
    struct bench_rest rest;
    double ping;   /* nanoseconds, median of the kept repetitions */
    int kept;      /* repetitions */
    int tried;     /* without the one that warms up */
    int unsettled; /* kept though the cores were outside the band */
};

/* --- a task: its two processes, and process.c around them ---------------- */

struct bench_plan {
    double seconds; /* of one way in one repetition */
    int repetitions;
    int cores[2];
    int core_count;
    bool ways[BENCH_WAYS];
    char directory[BENCH_PATH];
};

struct bench_task {
    const struct bench_plan *plan;
    const struct bench_mechanism *mechanism;
    enum bench_place place;
    size_t size;
    bool rests; /* also measure an idle channel */
};

/* What the processes of a run share. */
struct bench_shared {
    struct bench_line line;
    struct bench_gate gate;
    struct bench_outcome outcome;
    char address[2][BENCH_PATH + 64];
    pid_t pids[2]; /* [side] */
    char failure[512];
};

/* meeting.c: the pipes between driver and responder, and up to who watches them. */
struct bench_meeting {
    struct bench_shared *shared;
    const struct bench_task *task;
    int from; /* from the other of the two */
    int to;
    int alive; /* a byte written here says that work goes on */
};

/* Waits for the other side's word, or gives it.  Ends this process if it is gone. */
void bench_tell(const struct bench_meeting *, const void *word, size_t size);
void bench_hear(const struct bench_meeting *, void *word, size_t size);

/* Ends this process with the reason. */
__attribute__((noreturn)) void bench_give_up(const struct bench_meeting *, int error,
                                             const char *what);

/* The core of one of the two processes. */
int bench_core_of(const struct bench_task *, bool is_driver);

/* The driver gives orders through a pipe, the responder answers through another; while
 * something is measured both pipes are silent. */
enum bench_job { JOB_QUIT, JOB_PONG, JOB_ECHO, JOB_PULL, JOB_REST };

struct bench_order {
    enum bench_job job;
    enum bench_way_index way;
    struct bench_stretch stretch;
};

struct bench_answer {
    struct bench_tally tally;
    uint64_t allocations;
    struct bench_rest rest;
};

/* drive.c, respond.c */
void bench_drive(const struct bench_meeting *, struct bench_end *);
void bench_respond(const struct bench_meeting *, struct bench_end *);

/* What a forked process of the bench does first: it is killed by the end of the bench,
 * and by the signals that end it. */
void bench_be_a_child(pid_t parent);

/* Runs a task in two processes.  0 with shared->outcome, -EINTR when the user ended it,
 * other errors with shared->failure. */
int bench_run(const struct bench_task *, struct bench_shared *);

/* How many allocations this process has made; 0 for ever where they are not counted. */
uint64_t bench_allocations(void);
bool bench_counts_allocations(void);

/* --- results ------------------------------------------------------------- */

struct bench_row {
    const struct bench_mechanism *mechanism;
    enum bench_place place;
    size_t size;
    int error;
    char failure[512];
    struct bench_outcome outcome;
};

struct bench_results {
    struct bench_row *rows;
    size_t count;
    const struct bench_plan *plan;
    double ping;
};

/* Whether a word of the user's names it: "unix" means unix-packet and unix-stream,
 * "unix:" too. */
bool bench_is_meant(const char *name, const char *word);

/* "64 B", "64 KiB". */
void bench_size_text(uint64_t size, char *text, size_t capacity);

/* The most that one message of it cost; < 0: not counted. */
double bench_row_allocations(const struct bench_row *);

/* print.c.  DONE or FAILED. */
int bench_print_tables(const struct bench_results *);
int bench_print_json(const struct bench_results *);
int bench_print_list(bool as_json);

/* bars.c: prints each bar with what was measured.  FAILED if one is missed. */
int bench_print_bars(const struct bench_results *, bool as_json);

/* Whether a bar is about that task; the sizes that bars are about. */
bool bench_bar_wants(const struct bench_mechanism *, enum bench_place, size_t size);

/* chart.c: draws the figures. */
void bench_draw(FILE *, const struct bench_results *);

#endif
