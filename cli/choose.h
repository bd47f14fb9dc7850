/* SPDX-License-Identifier: MIT */
/*
 * Which mechanism to take: needs, scenarios, and the rules that rank the table by them.
 *
 * A need is met or it is not, by abilities and traits of the mechanism's row.  What was
 * asked for by name must be met; what a scenario wishes for counts, each wish by its
 * weight; what comes along unasked costs.  No answer stands anywhere: a scenario is
 * nothing but a set of needs and the sentence why.
 */
#ifndef CHOOSE_H
#define CHOOSE_H

#include "settings.h"

enum need_index {
    NEED_HOSTS,
    NEED_BOTH_WAYS,
    NEED_MANY,
    NEED_STRANGERS,
    NEED_USERS,
    NEED_CHILDREN,
    NEED_STARTED,
    NEED_CONTAINERS,
    NEED_BROWSER,
    NEED_SHELL,
    NEED_LARGE,
    NEED_MESSAGES,
    NEED_STREAM,
    NEED_FILES,
    NEED_KINDS,
    NEED_PRIORITY,
    NEED_PICK,
    NEED_OUTLIVES,
    NEED_WORKERS,
    NEED_TOPIC,
    NEED_MEMORY,
    NEED_TURNS,
    NEED_NOTICE,
    NEED_SENDER,
    NEED_CONFIRMED,
    NEED_LOSSLESS,
    NEED_ENCRYPTED,
    NEED_DESCRIPTOR,
    NEEDS
};

#define BIT(need) (UINT32_C(1) << NEED_##need)

struct need {
    struct setting setting; /* "across-hosts": the option that asks for it */
    const char *text;       /* "other machines" */
    unsigned abilities;     /* it takes all of these, */
    unsigned traits;        /* and of these, */
    bool (*meets)(const struct wherry_mechanism *); /* and this, unless it is NULL */
};

extern const struct need needs[NEEDS];

/* Those that the options asked for, as bits. */
extern uint32_t needs_given;

bool need_is_met(const struct wherry_mechanism *, enum need_index);

/* "fan=broadcast": what the address has to say for one of these needs, given as bits,
 * to be met; NULL: nothing. */
const char *need_option(uint32_t met);

enum { WISHES_MOST = 4 };

struct wish {
    enum need_index need;
    int weight; /* 0 ends the wishes */
};

struct scenario {
    const char *name; /* "editor-plugin" */
    const char *text; /* one sentence: what it is about */
    const char *why;  /* and one: what decides */
    uint32_t musts;   /* bits by enum need_index */
    struct wish wishes[WISHES_MOST];
};

/* Ends with a NULL name. */
extern const struct scenario scenarios[];

/* What is asked for. */
struct wanted {
    uint32_t musts;
    const struct wish *wishes; /* NULL: none; the last has a weight of 0 */
};

enum { COSTS_MOST = 16, ANSWERS_MOST = 64 };

/* What is to be said of one mechanism. */
struct answer {
    const struct wherry_mechanism *mechanism;
    bool fits;         /* it has all that it must, */
    uint32_t met;      /* and of what is asked for this, */
    uint32_t unmet;    /* and not this */
    bool is_elsewhere; /* of another system: it never fits */
    int score;
    const char *costs[COSTS_MOST]; /* "may lose messages"; ends with NULL */
    /* What it is to be used with, because it lets nobody wait; NULL: nothing. */
    const struct wherry_mechanism *beside;
};

/* Judges all mechanisms but those for tests: those that fit first, the best first; how
 * many. */
size_t choose_rank(const struct wanted *, struct answer answers[ANSWERS_MOST]);

#endif
