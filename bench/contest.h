/* SPDX-License-Identifier: MIT */
/*
 * The contest: every way to move messages by the same two processes and the same loops.
 *
 * An entrant is one way: a library of others, what the machine can do at best, the
 * kernel's own calls, or Wherry.  It is a table of functions.  A program is the
 * entrants of one library and the driver (driver.c), which is the same in all of them,
 * so that whatever the driver costs, it costs everybody.
 *
 * A program runs one entrant for one workload.  The process that was started is the
 * driver, its child the responder.  Orders come as lines on stdin, answers go to stdout
 * as lines; between two orders both processes wait in read(2) and take no processor, so
 * that many entrants can be there at the same time and take turns:
 *
 *     PROGRAM ENTRANT WORKLOAD SIZE CORES [ADDRESS]
 *
 *     <- ready SETTINGS                  or  unfit WHY  or  failed WHY: it ends then
 *     -> round COUNT BATCH THINK         <- took NANOSECONDS, and the samples
 *     -> push COUNT                      <- took NANOSECONDS
 *     -> idle MILLISECONDS               <- idle NANOSECONDS WAKES
 *     -> the end of stdin                it ends
 *
 * CORES is "0,1" (the driver's, the responder's) or "free".  The directory in which it
 * runs is its own.  Samples are floats in the memory that is open at 3: nanoseconds of
 * a round trip, each the mean of BATCH, as many as fit in.
 *
 * Another library is added by a file in bench/peers with its entrants, whose best
 * settings are said on top; a line in bench/meson.build; its packages, Debian's only,
 * in ./dev; and a row in cli/bench/contest_table.c, where the bars are, too.
 */
#ifndef CONTEST_H
#define CONTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

enum contest_workload {
    CONTEST_ROUND, /* there and back */
    CONTEST_TIMED, /* the same, each call with a deadline, where there is one to give */
    CONTEST_LENT,  /* the same, written and read in place: 8 bytes of it are touched */
    CONTEST_PUSH,  /* one way, a send at a time */
    CONTEST_MANY,  /* one way, many a call, where there is such a call */
    CONTEST_FOUR,  /* one way, four writers and four readers of one queue */
    CONTEST_EIGHT, /* one way, eight writers and one reader */
    CONTEST_WORKLOADS
};

/* As they are called on the command line. */
extern const char *const contest_workloads[CONTEST_WORKLOADS];

enum {
    CONTEST_LARGEST = 16 << 20, /* bytes of a message, at most */
    CONTEST_LEAST = 8,          /* each begins with its number */
    CONTEST_BATCH = 128,        /* messages of one call of send_many, at most */
    CONTEST_LANES = 4,          /* small messages that lie ready to be sent */
    CONTEST_LANE = 4096 + 320,  /* bytes of each; at no two the same place in a page,
                                   which some processors take for the same place */
    CONTEST_SENTENCE = 256
};

/* One end, as a process has it. */
struct contest_end {
    int side; /* 0: the driver's; 1: the responder's */
    enum contest_workload workload;
    size_t size;           /* of every message */
    unsigned char *bytes;  /* what is sent is here, what arrives is put here */
    bool is_compared;      /* the message under way, whole: all of it is put there */
    const char *address;   /* of Wherry's channel; NULL */
    const char *directory; /* this contest's own, the whole path */
    char name[32];         /* begins each name that stands elsewhere; nobody else's */
    void *state;           /* the entrant's */
    char sentence[CONTEST_SENTENCE]; /* why a function failed, where it can say */
};

/* In a crowd `open` is called in each process, readers (side 1) first; nobody meets,
 * and only side 0 sends.
 *
 * All return 0 or a negative errno, unless it is said otherwise, and may be NULL if
 * there is nothing to be done. */
struct contest_entrant {
    const char *name;
    const char *settings; /* how it is set up, and what stays awake */
    bool is_awake;        /* it never sleeps: each end needs a core of its own */
    size_t most;          /* the largest message; 0: any */
    size_t carries;       /* bytes of a message that truly cross; 0: all */
    unsigned workloads;   /* 1 << CONTEST_ROUND and so on */

    /* Before the processes part; what is in `state` then is both's. */
    int (*prepare)(struct contest_end *);
    /* The driver's end first, then the responder's; `meet` is the driver's once both
     * are open. */
    int (*open)(struct contest_end *);
    int (*meet)(struct contest_end *);

    /* One message: sends what is in bytes, waiting for room; takes the next one,
     * waiting for it, into bytes, or where the library puts it, and then keeps it
     * (contest_keep) before it is given back.  Lent, only 8 bytes are written. */
    int (*send)(struct contest_end *);
    int (*take)(struct contest_end *);

    /* Sends `count` messages, the first of which has the number in bytes, the others
     * count on; takes as many as there are, at least one, at most `most`, and leaves
     * the number of the last in bytes.  The number taken, or a negative errno. */
    int (*send_many)(struct contest_end *, size_t count);
    int (*take_many)(struct contest_end *, size_t most);

    /* After the last of a stretch: all that was sent is on its way. */
    int (*flush)(struct contest_end *);
    void (*close)(struct contest_end *);
};

/* What a program has; ends with a NULL name. */
extern const struct contest_entrant contest_entrants[];

/* What must run beside the entrants of a program, if anything: started by
 * `PROGRAM serve`, which says "ready" or "unfit WHY" and goes on to the end of stdin.
 */
extern int (*const contest_serve)(void);

/* --- for entrants -------------------------------------------------------- */

/* Nanoseconds of the monotonic clock. */
int64_t contest_now(void);

/* A message that lies where the library put it has come: the number with which it
 * begins goes into bytes, and all of it where it will be compared. */
static inline void contest_keep(struct contest_end *end, const void *message)
{
    const bool is_whole = end->is_compared && end->workload != CONTEST_LENT;
    memcpy(end->bytes, message, is_whole ? end->size : (size_t)CONTEST_LEAST);
}

/* What a processor does that waits for another. */
static inline void contest_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

/* Memory that both processes will see, touched: before they part.  NULL: there is
 * none. */
void *contest_share(size_t size);

/* Puts a sentence into the end, printf(3), and returns `error`. */
int contest_fail(struct contest_end *end, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* --- between driver.c and stretch.c -------------------------------------- */

/* What the driver has the responder do. */
enum contest_job { CONTEST_QUIT, CONTEST_ECHO, CONTEST_TAKE, CONTEST_COMPARE };

struct contest_order {
    enum contest_job job;
    uint64_t count;
    int64_t think;
};

/* Where samples are put. */
struct contest_samples {
    float *values;
    size_t most;
};

struct contest_pipes {
    int from; /* of the other process */
    int to;
};

/* The other process's word, of any size; it is gone: this one ends. */
void contest_hear(const struct contest_pipes *pipes, void *word, size_t size);
void contest_tell(const struct contest_pipes *pipes, const void *word, size_t size);

/* One message that is compared whole, there and back; numbers count on from `first`. */
struct contest_pair {
    const struct contest_entrant *entrant;
    struct contest_end *end;
    struct contest_pipes pipes;
    uint64_t number; /* of the last message that was sent */
    int64_t other;   /* the other process's pid */
};

int contest_verify(struct contest_pair *pair);
int64_t contest_round(struct contest_pair *pair, uint64_t count, uint64_t batch,
                      int64_t think, const struct contest_samples *samples);
int64_t contest_push(struct contest_pair *pair, uint64_t count);
int contest_idle(struct contest_pair *pair, int milliseconds, int64_t *cpu,
                 int64_t *wakes);

/* The responder, until it is told to quit. */
int contest_respond(struct contest_pair *pair);

/* --- crowd.c ------------------------------------------------------------- */

/* How many take part; of other workloads none, for they have two ends. */
struct contest_crowd {
    int writers; /* the driver is one of them */
    int readers;
};

enum { CONTEST_MEMBERS = 16 };

extern const struct contest_crowd contest_crowds[CONTEST_WORKLOADS];

/* One of the driver's children; the readers come first. */
struct contest_member {
    int64_t pid;
    struct contest_pipes pipes;
};

/* A child, until it is told to quit. */
int contest_join(struct contest_pair *pair);

int64_t contest_push_together(struct contest_pair *pair,
                              const struct contest_member *members, uint64_t count);
void contest_quit_together(const struct contest_pair *pair,
                           const struct contest_member *members);

#ifdef __cplusplus
}
#endif

#endif
