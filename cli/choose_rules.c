/* SPDX-License-Identifier: MIT */
/*
 * The scenarios, and how mechanisms are ranked.
 */
#include "choose.h"

#include <stdlib.h>
#include <string.h>

/* --- scenarios ----------------------------------------------------------- */

const struct scenario scenarios[] = {
    {"editor-plugin",
     "A program that an editor starts and talks with, as language servers are.",
     "The editor starts the plugin and has its stdin and stdout; one that runs "
     "already is met at a socket.",
     BIT(BOTH_WAYS) | BIT(STREAM),
     {{NEED_STARTED, 2}, {NEED_SHELL, 2}, {NEED_STRANGERS, 4}}},
    {"network-service",
     "A service for clients on this machine or on others.",
     "Only what crosses hosts is reached from outside; on one machine the system says "
     "who asks.",
     BIT(BOTH_WAYS) | BIT(STRANGERS) | BIT(MANY),
     {{NEED_HOSTS, 3}, {NEED_SENDER, 2}, {NEED_USERS, 1}}},
    {"browser",
     "A page in a browser that talks with a program.",
     "Pages may open WebSockets and ask by HTTP, nothing else; a socket needs a "
     "gateway in front.",
     BIT(STRANGERS) | BIT(LARGE),
     {{NEED_BROWSER, 6}, {NEED_BOTH_WAYS, 3}, {NEED_HOSTS, 2}}},
    {"containers",
     "Programs in different containers of one machine.",
     "A socket's path in a shared directory is enough; a queue keeps messages while a "
     "container restarts, but needs a shared IPC namespace.",
     BIT(CONTAINERS) | BIT(MANY),
     {{NEED_BOTH_WAYS, 2}, {NEED_OUTLIVES, 2}, {NEED_SENDER, 1}}},
    {"bulk-data",
     "Much data between programs of one machine: pictures, samples, tables.",
     "What stands in shared memory is copied by nobody; a semaphore says whose turn "
     "it is.",
     BIT(LARGE),
     {{NEED_MEMORY, 6}, {NEED_STRANGERS, 2}}},
    {"script",
     "A script that joins commands.",
     "The shell joins commands by pipes, and each has its ends as stdin and stdout.",
     BIT(STREAM),
     {{NEED_SHELL, 3}, {NEED_STARTED, 2}}},
    {"notice",
     "Telling a process that something has happened: reload, stop, look.",
     "A signal reaches a process whatever it is doing; all else waits until it looks.",
     0,
     {{NEED_NOTICE, 20}, {NEED_STRANGERS, 1}, {NEED_SENDER, 1}}},
    {"turns",
     "One at a time, or so many at a time, at something that they share.",
     "A semaphore counts turns and lets the others wait.",
     BIT(TURNS),
     {{0}}},
    {"workers",
     "Jobs that several workers share, each taken by one of them.",
     "A queue hands each message to one reader, and keeps it until there is one.",
     BIT(WORKERS),
     {{NEED_OUTLIVES, 2}, {NEED_DESCRIPTOR, 1}}},
    {"topics",
     "One process publishes, many read, and each gets every message.",
     "What is written once all readers see; one that is too slow loses messages, and "
     "stops neither the writer nor another.",
     BIT(TOPIC),
     {{0}}},
    {"children",
     "A process and the children that it forks.",
     "No name is needed where ends are inherited.",
     BIT(CHILDREN) | BIT(BOTH_WAYS),
     {{NEED_FILES, 1}}},
    {"sandbox",
     "Open files handed to a process that may not open them itself.",
     "The kernel passes open files over unix sockets.",
     BIT(FILES),
     {{NEED_SENDER, 2}, {NEED_STRANGERS, 1}, {NEED_USERS, 1}}},
    {.name = NULL},
};

/* --- what comes along unasked -------------------------------------------- */

enum { TEN = 10, SMALL = 65536, NUMBER = 8 };

// What has that ability or trait pays, unless the need is asked for (NEEDS: always).
static const struct cost {
    unsigned ability;
    unsigned trait;
    enum need_index unless;
    int points;
    const char *text;
} costs[] = {
    {WHERRY_ABLE_LOSS, 0, NEEDS, 6, "may lose messages"},
    {WHERRY_ABLE_OUTLIVES, 0, NEED_OUTLIVES, 3, "stays until it is removed"},
    {WHERRY_ABLE_HOSTS, 0, NEED_HOSTS, 2, "can be reached from other machines"},
    {0, WHERRY_TRAIT_GIVEN, NEEDS, 3, "needs a descriptor that somebody has opened"},
    {0, WHERRY_TRAIT_COMMAND, NEEDS, 1, "starts a program for each channel"},
    {0, WHERRY_TRAIT_SERVER, NEEDS, 4, "needs a server beside it"},
    {0, WHERRY_TRAIT_MEMORY, NEED_MEMORY, 5, "is memory, without messages"},
    {0, WHERRY_TRAIT_TURNS, NEED_TURNS, 9, "carries nothing"},
    {0, WHERRY_TRAIT_ENCRYPTED, NEED_ENCRYPTED, 1, "needs keys and certificates"},
    {0, WHERRY_TRAIT_BROWSER, NEED_BROWSER, 1, "begins with HTTP"},
    {0, WHERRY_TRAIT_REQUESTS, NEEDS, 1, "gives one answer to each request"},
    {0, WHERRY_TRAIT_NAME_STAYS, NEEDS, 1, "may leave its name behind"},
};

// What is good to have, and decides between equals.
static const unsigned merits[] = {WHERRY_ABLE_DUPLEX, WHERRY_ABLE_MESSAGES,
                                  WHERRY_ABLE_SENDER, WHERRY_ABLE_DRAIN};

/* --- judging ------------------------------------------------------------- */

static uint32_t all_asked(const struct wanted *wanted)
{
    uint32_t all = wanted->musts;
    for (const struct wish *wish = wanted->wishes; wish && wish->weight; wish++)
        all |= UINT32_C(1) << wish->need;
    return all;
}

// Memory and turns belong together: whoever must have both takes both.
static bool meets_beside(const struct wherry_mechanism *mechanism, unsigned index,
                         uint32_t asked)
{
    bool is_memory = (mechanism->traits & WHERRY_TRAIT_MEMORY) != 0;
    return index == NEED_TURNS && is_memory && asked & BIT(MEMORY);
}

static void compare_needs(uint32_t asked, struct answer *answer)
{
    for (unsigned i = 0; i < NEEDS; i++) {
        if (!(asked & UINT32_C(1) << i))
            continue;
        bool is_met = need_is_met(answer->mechanism, i) ||
                      meets_beside(answer->mechanism, i, asked);
        *(is_met ? &answer->met : &answer->unmet) |= UINT32_C(1) << i;
    }
}

static void add_cost(struct answer *answer, size_t *count, int points, const char *text)
{
    answer->score -= TEN * points;
    if (*count < COSTS_MOST - 1)
        answer->costs[(*count)++] = text;
}

static void count_costs(uint32_t asked, struct answer *answer)
{
    const struct wherry_mechanism *mechanism = answer->mechanism;
    size_t count = 0;
    for (size_t i = 0; i < sizeof(costs) / sizeof(costs[0]); i++) {
        const struct cost *cost = &costs[i];
        bool is_asked = cost->unless != NEEDS && asked >> cost->unless & 1;
        bool applies =
            mechanism->abilities & cost->ability || mechanism->traits & cost->trait;
        if (applies && !is_asked)
            add_cost(answer, &count, cost->points, cost->text);
    }
    bool is_bounded = mechanism->largest > 0;
    if (is_bounded && mechanism->largest <= NUMBER)
        add_cost(answer, &count, 6, "carries a number, no more");
    else if (is_bounded && mechanism->largest < SMALL)
        add_cost(answer, &count, 1, "takes small messages only");
    if (mechanism->absent) // which is said beside its name
        answer->score -= TEN;
}

static void count_gains(const struct wanted *wanted, struct answer *answer)
{
    for (const struct wish *wish = wanted->wishes; wish && wish->weight; wish++)
        if (answer->met >> wish->need & 1)
            answer->score += TEN * wish->weight;
    for (size_t i = 0; i < sizeof(merits) / sizeof(merits[0]); i++)
        answer->score += answer->mechanism->abilities & merits[i] ? 1 : 0;
    // Commands speak lines: what does so by itself needs no option.
    bool speaks_lines =
        answer->mechanism->framing && strcmp(answer->mechanism->framing, "line") == 0;
    answer->score += speaks_lines ? 1 : 0;
}

static void judge(const struct wanted *wanted, const struct wherry_mechanism *mechanism,
                  struct answer *out)
{
    uint32_t asked = all_asked(wanted);
    *out = (struct answer){.mechanism = mechanism};
    out->is_elsewhere = (mechanism->traits & WHERRY_TRAIT_ELSEWHERE) != 0;
    compare_needs(asked, out);
    out->fits = !out->is_elsewhere && !(out->unmet & wanted->musts);
    count_costs(asked, out);
    count_gains(wanted, out);
}

/* --- ranking ------------------------------------------------------------- */

static bool is_before(const struct answer *a, const struct answer *b)
{
    if (a->fits != b->fits)
        return a->fits;
    if (a->score != b->score)
        return a->score > b->score;
    return !a->mechanism->absent && b->mechanism->absent;
}

// Equals stay in the order of the table.
static void insert(struct answer *answers, size_t count, const struct answer *answer)
{
    size_t at = count;
    for (; at > 0 && is_before(answer, &answers[at - 1]); at--)
        answers[at] = answers[at - 1];
    answers[at] = *answer;
}

static size_t rank(const struct wanted *wanted, struct answer *answers)
{
    const struct wherry_mechanism *mechanism;
    size_t count = 0;
    for (size_t i = 0; (mechanism = wherry_mechanism_at(i)); i++) {
        struct answer answer;
        bool is_for_tests = (mechanism->abilities & WHERRY_ABLE_TESTS_ONLY) != 0;
        if (is_for_tests || count == ANSWERS_MOST)
            continue;
        judge(wanted, mechanism, &answer);
        insert(answers, count++, &answer);
    }
    return count;
}

// The best that hands out turns.
static const struct wherry_mechanism *best_turns(void)
{
    static struct answer answers[ANSWERS_MOST];
    const struct wanted wanted = {.musts = BIT(TURNS)};
    size_t count = rank(&wanted, answers);
    return count > 0 && answers[0].fits ? answers[0].mechanism : NULL;
}

size_t choose_rank(const struct wanted *wanted, struct answer answers[ANSWERS_MOST])
{
    size_t count = rank(wanted, answers);
    const struct wherry_mechanism *turns = best_turns();
    for (size_t i = 0; i < count; i++)
        if (answers[i].mechanism->traits & WHERRY_TRAIT_MEMORY)
            answers[i].beside = turns;
    return count;
}
