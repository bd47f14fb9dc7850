/* SPDX-License-Identifier: MIT */
/*
 * What the files of `wherry tour` say to each other.
 *
 * tour.c walks the table of mechanisms; each way of ways.c through one of them is a
 * stop.  At a stop two processes open the mechanism (open.c, process.c), talk (talk.c)
 * and check what they hear (sample.c, check.c); then programs that know nothing of
 * Wherry take the other end (peer.c, foreign.c).  Of what is no channel they share one
 * (share.c) and use it (memory.c, turns.c); a channel through memory has something to
 * show of its own (local.c, death.c).  What was found is one struct tour_stop,
 * which is printed three ways (print.c, json.c, html.c with chart.c).
 *
 * Behind the mechanisms come the jobs of job.c and ask.c, programs that are started,
 * joined and talked with; what came of one is one struct tour_outcome.
 *
 * Whatever finds something wrong says so in a struct tour_fault (fault.c) and returns
 * false.
 */
#ifndef TOUR_H
#define TOUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <wherry.h>

/* --- what was found ------------------------------------------------------ */

enum {
    TOUR_SIZES = 4, /* 1 byte, 64 bytes, 64 KiB and the limit */
    TOUR_PEERS = 4, /* the most foreign programs at one stop */
    TOUR_TEXT = 256,
    TOUR_PATH = 96 /* a path in the tour's directory, short enough for unix(7) */
};

enum tour_result {
    TOUR_RIGHT,
    TOUR_WRONG,
    TOUR_MISSING, /* this machine lacks it: no failure */
    TOUR_RESULTS
};

/* "ok", "failed", "missing". */
extern const char *const tour_result_names[TOUR_RESULTS];

/* A sentence about what was wrong; "" while nothing was. */
struct tour_fault {
    char text[TOUR_TEXT];
};

/* Writes the sentence, unless one stands already: the first fault is the cause of the
 * others.  Always false. */
bool tour_wrong(struct tour_fault *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same with the library's own sentence about its last error behind `what`. */
bool tour_refused(struct tour_fault *, const char *what);

/* What one process received and found to be as it was sent. */
struct tour_proof {
    uint64_t messages;
    uint64_t bytes;
    uint64_t kinds;
    uint64_t files;
    uint64_t senders; /* messages whose sender the kernel named, rightly */
    uint64_t turns;   /* taken, of a semaphore */
    bool lacks;       /* the fault is that this machine is without it */
    bool gone;        /* the fault is that the other is gone: the cause is there */
    struct tour_fault fault;
};

/* The round trips of one size, in nanoseconds. */
struct tour_time {
    uint64_t size;
    unsigned rounds;
    int64_t median;
    int64_t p99;
};

/* A foreign program at the other end. */
struct tour_visit {
    const char *program; /* "python3" */
    const char *means;   /* "its socket module" */
    const char *package; /* of Debian; NULL: it is installed */
    enum tour_result result;
    char text[TOUR_TEXT]; /* what it proved, what was wrong, or what is missing */
};

struct tour_stop {
    const struct tour_way *way;
    const struct wherry_mechanism *mechanism;
    char address[TOUR_TEXT];
    int64_t budget; /* nanoseconds for the round trips of one size */
    enum tour_result result;
    unsigned abilities;      /* of the open channels */
    uint64_t limit;          /* the largest message, in bytes */
    struct tour_proof proof; /* of both processes */
    struct tour_time times[TOUR_SIZES];
    size_t time_count;
    int64_t came_after; /* nanoseconds from its holder's death, a permit; -1: never */
    int64_t
        told_after; /* nanoseconds from its peer's death, one that slept; 0: ditto */
    struct tour_visit visits[TOUR_PEERS];
    size_t visit_count;
};

/* False if the mechanism or one of its visits went wrong. */
bool tour_stop_is_right(const struct tour_stop *);

/* Whether messages went through it: kinds, open files and senders are a question. */
bool tour_stop_is_channel(const struct tour_stop *);

/* What came of a job. */
struct tour_outcome {
    const struct tour_job *job;
    int patience; /* milliseconds for each wait */
    enum tour_result result;
    char text[TOUR_TEXT]; /* what it proved, or what is missing; else the fault is */
    struct tour_fault fault;
    uint64_t lines; /* that were as they should be */
    uint64_t bytes;
};

/* All of it. */
struct tour_found {
    const struct tour_stop *stops;
    size_t stop_count;
    const struct tour_outcome *outcomes;
    size_t outcome_count;
};

/* --- sample.c: messages whose every byte is known ------------------------ */

/* A message as it has to arrive: the same seed is the same bytes. */
struct tour_sample {
    uint64_t seed;
    size_t size;
    int64_t kind;
    size_t files;
    bool text; /* letters and digits only, for framings of lines */
};

/* Writes its bytes. */
void tour_sample_fill(const struct tour_sample *, void *bytes);

/* What its n-th open file holds; at most TOUR_FILE bytes. */
void tour_sample_file(const struct tour_sample *, size_t n, struct tour_sample *out);

enum { TOUR_FILE = 356 };

/* Makes its open files (in `directory`, without leaving names) and attaches them. */
bool tour_sample_attach(const struct tour_sample *, const char *directory,
                        wherry_message *, struct tour_fault *);

/* --- check.c: is it what was sent? --------------------------------------- */

bool tour_check_bytes(const struct tour_sample *, const void *bytes, size_t size,
                      struct tour_fault *);
bool tour_check_kind(const struct tour_sample *, int64_t kind, struct tour_fault *);

/* That each open file is there, in its order, with its own content. */
bool tour_check_files(const struct tour_sample *, const wherry_message *,
                      struct tour_fault *);

/* That the kernel vouches for the sender, and it is that process of this user. */
bool tour_check_sender(const struct wherry_peer *, int64_t pid, struct tour_fault *);

/* All of the above (the sender if `pid` is not -1), and counts it. */
bool tour_check_message(const struct tour_sample *, const wherry_message *, int64_t pid,
                        struct tour_proof *);

/* --- time.c: how long round trips took ----------------------------------- */

/* Sorts the nanoseconds of `rounds` round trips into a time. */
void tour_time_sum_up(int64_t *nanoseconds, unsigned rounds, struct tour_time *);

/* The time of that size, the last one (the limit) for UINT64_MAX, or NULL. */
const struct tour_time *tour_stop_time(const struct tour_stop *, uint64_t size);

/* --- guard.c: time limits ------------------------------------------------ */

/* Whoever waits on these is woken (wherry_cancel) by Ctrl-C and when the time is up,
 * until the next call; NULL: none. */
void tour_guard(wherry_channel *in, wherry_channel *out);

/* The time from now; 0: no limit any more. */
void tour_guard_seconds(unsigned seconds);

/* Whether that time was up since it was set. */
bool tour_is_late(void);

/* In a child: signals do again what they do, and it ends by itself in half a minute,
 * whoever is gone. */
void tour_guard_child(void);

/* --- process.c: processes that are always reaped ------------------------- */

struct tour_process {
    pid_t pid;
    int life; /* reads as ended once the process is gone; carries its proof before */
};

/* Forks.  In the child: 0, and *report is where its proof goes.  In the parent: 1. */
int tour_process_fork(struct tour_process *, int *report);

/* Starts a program with these descriptors as its stdin and stdout (borrowed) and its
 * stderr in the file `errors`. */
int tour_process_exec(struct tour_process *, const char *const argv[],
                      const int in_out[2], const char *errors);

/* Whether it is still there. */
bool tour_process_lives(const struct tour_process *);

/* Waits until it has ended, killing it after so many milliseconds, and reaps it.  Its
 * exit status, or minus the signal; what it reported goes to `report`.  One that was
 * never started has ended with 0. */
int tour_process_end(struct tour_process *, int milliseconds, void *report,
                     size_t size);

/* pipe(2), close-on-exec. */
int tour_pipe(int ends[2]);
void tour_close(int *fd);

/* --- program.c: where programs are --------------------------------------- */

/* Whether a program of that name is in $PATH. */
bool tour_program_is_there(const char *name);

/* --- talk.c: the conversation of two processes --------------------------- */

struct tour_side {
    wherry_channel *in;
    wherry_channel *out;                /* the same where one channel goes both ways */
    int64_t other;                      /* the pid at the other end */
    const struct tour_process *process; /* the same, in the parent; else NULL */
    const char *directory;
    wherry_message
        *origin; /* the peer's first message, where answers need an address */
    unsigned abilities;
    uint64_t limit;
    bool numbers; /* a message is one number, or nothing */
    struct tour_place *place;
    wherry_region *region; /* that both have; in and out are a channel beside it */
    wherry_semaphore *semaphore;
    struct tour_proof proof;
};

/* What two processes do with a mechanism that both have open. */
struct tour_talk {
    bool is_channel; /* messages go through it */
    /* Fills in proof, times, limit and abilities of the stop. */
    bool (*parent)(struct tour_side *, struct tour_stop *);
    bool (*child)(struct tour_side *);
};

/* Messages; the same, and what memory changes of them; bytes in the same memory;
 * turns. */
extern const struct tour_talk tour_talk_messages, tour_talk_local, tour_talk_memory,
    tour_talk_turns;

/* Says one message, or hears it: everything about it is as the sample says. */
bool tour_say(struct tour_side *, const struct tour_sample *);
bool tour_hear(struct tour_side *, const struct tour_sample *);

/* Receives one and sends it back: 1, or 0 at the end of the channel or after an empty
 * message, -1 when that failed. */
int tour_return(struct tour_side *);

/* The call of the library that did `what` failed, or (0) the channel is at its end too
 * early.  Always false. */
bool tour_lost(struct tour_side *, const char *what, int error);

/* The sizes that a mechanism with this limit takes, the limit last; how many.  And how
 * many round trips are timed of the i-th of `count`. */
size_t tour_sizes(uint64_t limit, size_t out[TOUR_SIZES]);
unsigned tour_rounds(size_t i, size_t count);

enum { TOUR_MOST_ROUNDS = 1000 };

/* Closes what it has open. */
void tour_side_close(struct tour_side *);

/* Where the message goes, if that has to be said. */
int tour_side_address(const struct tour_side *, wherry_message *);

/* --- share.c: what is no channel ----------------------------------------- */

/* A number from one process to the other, on the channel beside what they share; it is
 * no message of the proof. */
bool tour_tell(struct tour_side *, int64_t number);
bool tour_learn(struct tour_side *, int64_t *number);

/* Whether there is nothing more to wait for, which is a fault: Ctrl-C, the time is up,
 * or the other process has ended. */
bool tour_is_over(struct tour_side *);

/* --- memory.c: the same memory in two processes -------------------------- */

/* What stands at the beginning of the region; the bytes that are passed follow. */
struct tour_memory {
    _Alignas(64) _Atomic uint64_t turn; /* odd: the child's; even: the parent's */
    uint64_t size;                      /* of what is there to be read; 0: no more */
};

/* The child opens the region that the parent made, after it was refused with another
 * size, and once more to read only. */
bool tour_memory_open(struct tour_side *, wherry_region **reader);

/* Waits until it is that turn, and checks that the sample is there. */
bool tour_memory_see(struct tour_side *, uint64_t turn, const struct tour_sample *);

/* Writes the sample there, and passes the turn on, to the one behind `turn`. */
void tour_memory_show(struct tour_side *, uint64_t turn, const struct tour_sample *);

/* --- turns.c: a semaphore of two processes ------------------------------- */

/* The child opens the semaphore that the parent made. */
bool tour_turns_open(struct tour_side *);

/* Takes its turns at a counter, while the other one does. */
bool tour_turns_take(struct tour_side *);

/* The child sleeps for a permit whose holder is killed, and tells when it came. */
bool tour_turns_sleep(struct tour_side *);

/* --- local.c, death.c: a channel that goes over to memory ------------------ */

/* The rings that this process has mapped, and how many of them it can write. */
struct tour_rings {
    int all;
    int writable;
};

bool tour_rings_count(struct tour_rings *, struct tour_fault *);

/* That both ends have gone over to memory, of which each can write only its own. */
bool tour_rings_check(struct tour_fault *);

/* A few messages each way, which go through the socket: nobody has any memory. */
bool tour_local_begin(struct tour_side *);

/* A process that dies: sends back what it hears, up to an empty message; then speaks,
 * says when it will be killed, and is.  Never returns. */
typedef void tour_dying(struct tour_side *);

tour_dying tour_die;

/* Has two processes die, one after the other, and sees to what each said before: of the
 * first when it is dead, of the second while it still lives. */
bool tour_deaths_see(struct tour_side *, tour_dying *, struct tour_stop *);

/* One message of what they say. */
struct tour_sample tour_last_word(size_t index);

enum { TOUR_LAST_WORDS = 1000 };

/* --- pin.c: one processor for two processes ------------------------------ */

/* The one on which this process runs now. */
int tour_processor(void);

/* From now on this process runs on that one only; as before again.  Where the system
 * refuses, nothing happens. */
void tour_pin(int processor);
void tour_unpin(void);

/* --- ways.c, open.c, share.c: the stops ------------------------------------------- */

/* What two processes share before they part. */
struct tour_place {
    const struct tour_way *way;
    const char *directory;
    char addresses[2][TOUR_TEXT];
    wherry_channel *ends[2][2];
    wherry_listener *listener;
    wherry_region *region; /* for what they take turns at */
    int descriptors[4];
    bool stays; /* what the addresses name outlives its processes */
    int64_t parent;
};

/* How two processes get to talk by a mechanism.  Each returns a negative errno. */
struct tour_opening {
    int (*prepare)(struct tour_place *);
    int (*parent)(struct tour_place *, struct tour_side *);
    int (*child)(struct tour_place *, struct tour_side *);
};

/* Accepts one, unless that process (NULL: any) has ended.  Errors: negative errno. */
int tour_accept(wherry_listener *, const struct tour_process *, wherry_channel **out);

extern const struct tour_opening tour_opening_pair, tour_opening_named,
    tour_opening_fifo, tour_opening_stdio, tour_opening_fd, tour_opening_queue,
    tour_opening_key, tour_opening_names, tour_opening_process, tour_opening_exec,
    tour_opening_region, tour_opening_semaphore;

/* One way through a mechanism. */
struct tour_way {
    const char *scheme;
    const char *name;    /* "unix stream" */
    const char *purpose; /* NULL: the mechanism's own summary */
    const char *address; /* {directory} is replaced, and {name}, its last part */
    const struct tour_opening *opening;
    const struct tour_talk *talk; /* NULL: messages */
    bool gives_back;              /* the permit of a killed process comes to another */
};

extern const struct tour_way tour_ways[]; /* ends with a scheme of NULL */

/* Dials a process, to signal it. */
int tour_dial_process(int64_t pid, wherry_channel **out);

/* Signals that come when their receiver is closed already do no harm from now on. */
void tour_hold_signals(void);

/* Fills in `out`, {directory} or {name} replaced. */
void tour_address(const char *pattern, const char *directory, char out[TOUR_TEXT]);

/* Closes what is left in it. */
void tour_place_clear(struct tour_place *);

/* Has two processes talk, and writes down what they found. */
void tour_stop_run(const char *directory, struct tour_stop *);

/* --- peer.c, foreign.c: programs that know nothing of Wherry ------------- */

/* A foreign program, which sends back whatever it hears. */
struct tour_peer {
    const char *way;     /* the name of the way */
    const char *program; /* looked for in $PATH */
    const char *means;   /* "its socket module" */
    const char *package; /* of Debian, to install it */
    const char *address; /* ours; {directory} or {name} is replaced */
    const char *back;    /* of the way back, where that is another address */
    size_t largest;      /* the largest message that it is sent */
    bool text;           /* it knows lines only */
    bool loops;          /* its stdout is its stdin: what it hears, it says */
    bool greets;         /* we learn its address from what it says first */
    bool numbers;        /* it is signalled, by numbers */
    bool ends;           /* by itself, with status 0, when we have ended */
    bool (*meet)(const struct tour_peer *, const char *directory, struct tour_visit *);
    /* {directory}, {name} and {port} are replaced; ends with NULL */
    const char *argv[8];
};

extern const struct tour_peer tour_peers[]; /* ends with a way of NULL */

/* They dial what we listen at. */
bool tour_meet_dialler(const struct tour_peer *, const char *directory,
                       struct tour_visit *);

/* Two FIFOs, there and back. */
bool tour_meet_fifo(const struct tour_peer *, const char *directory,
                    struct tour_visit *);

/* Two queues, there and back. */
bool tour_meet_queue(const struct tour_peer *, const char *directory,
                     struct tour_visit *);

/* A child with a socket for its stdin and stdout. */
bool tour_meet_child(const struct tour_peer *, const char *directory,
                     struct tour_visit *);

/* program | a process of ours | program. */
bool tour_meet_filter(const struct tour_peer *, const char *directory,
                      struct tour_visit *);

/* The last line of what a program complained about into the file `errors` of the
 * directory, or "". */
void tour_complaint(const char *directory, char out[TOUR_TEXT]);

/* Has it at the other end, if it is installed. */
void tour_visit_run(const struct tour_peer *, const char *directory,
                    struct tour_visit *);

/* --- job.c, ask.c: programs that are started ------------------------------ */

enum { TOUR_PROGRAMS = 3 };

struct tour_job {
    const char *name;
    const char *purpose;
    const char *command;                      /* as one types it */
    const char *programs[TOUR_PROGRAMS + 1];  /* those it needs, up to a NULL */
    const char *package;                      /* of Debian, that has them */
    const char *arguments[TOUR_PROGRAMS + 1]; /* of the first, where it is asked */
    /* Has the directory to itself, and leaves files there.  False: wrong, with a fault;
     * without one this machine lacks something, which the text says. */
    bool (*run)(const char *directory, struct tour_outcome *);
};

extern const struct tour_job tour_jobs[]; /* ends with a name of NULL */

/* The word for all of them on the command line, and their heading. */
extern const char tour_job_word[], tour_job_heading[];

/* Runs outcome->job, if its programs are there. */
void tour_job_run(const char *directory, struct tour_outcome *);

/* A child that answers each line with its letters turned round, asked in half lines. */
bool tour_job_ask(const char *directory, struct tour_outcome *);

/* --- text.c: numbers for people ------------------------------------------ */

enum { TOUR_NUMBER = 32 };

/* "64 B", "16 MiB", "65,491 B" */
const char *tour_size_text(uint64_t size, char out[TOUR_NUMBER]);

/* "1,000" */
const char *tour_count_text(uint64_t count, char out[TOUR_NUMBER]);

/* "6.1 µs" with the given text for µ: "u" where the terminal has no more. */
const char *tour_time_text(int64_t nanoseconds, const char *micro,
                           char out[TOUR_NUMBER]);

/* What was proven, as one sentence without a full stop. */
void tour_stop_text(const struct tour_stop *, const char *micro, char *out,
                    size_t size);

/* The same of a job. */
const char *tour_outcome_text(const struct tour_outcome *);

/* --- what it prints ------------------------------------------------------ */

/* Says what comes next; then what was found. */
void tour_print_machine(void);
void tour_print_purpose(const struct tour_stop *);
void tour_print_found(const struct tour_stop *);
void tour_print_visit(const struct tour_visit *);
bool tour_print_table(const struct tour_stop *, size_t count);
void tour_print_heading(void);
void tour_print_job(const struct tour_job *);
void tour_print_outcome(const struct tour_outcome *);
void tour_print_end(const struct tour_found *, int64_t nanoseconds);

bool tour_json_print(const struct tour_found *);

void tour_html_write(FILE *, const struct tour_found *);

/* An SVG element: round trips by mechanism, on a logarithmic axis. */
void tour_chart_write(FILE *, const struct tour_stop *, size_t count);

/* Writes any text as it stands in either of the two. */
void tour_escape(FILE *, const char *text);

/* "Linux 6.1.0, 2 processors" */
void tour_machine_text(char out[TOUR_TEXT]);

#endif
