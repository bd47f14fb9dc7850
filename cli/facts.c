/* SPDX-License-Identifier: MIT */
/*
 * What the table of mechanisms says of each, in a few words.
 *
 * Everything is worked out from the abilities and traits of its row; no mechanism is
 * known by name here.
 */
#include "facts.h"

#include <inttypes.h>
#include <stdio.h>

#include "help.h"

static bool is_able(const struct wherry_mechanism *mechanism, unsigned abilities)
{
    return (mechanism->abilities & abilities) == abilities;
}

static bool is_like(const struct wherry_mechanism *mechanism, unsigned traits)
{
    return (mechanism->traits & traits) == traits;
}

static const char *yes(bool is_so)
{
    return is_so ? "yes" : "no";
}

/* --- plain members of the row -------------------------------------------- */

#define MEMBER(member)                                                                 \
    static const char *say_##member(const struct wherry_mechanism *mechanism)          \
    {                                                                                  \
        return mechanism->member;                                                      \
    }

MEMBER(scheme)
MEMBER(mechanism)
MEMBER(framing)
MEMBER(limit)
MEMBER(systems)
MEMBER(example)
MEMBER(absent)
MEMBER(instead)
MEMBER(summary)

static const char *say_address(const struct wherry_mechanism *mechanism)
{
    return mechanism->usage;
}

static const char *say_largest(const struct wherry_mechanism *mechanism)
{
    static char text[32];
    if (mechanism->largest == 0)
        return NULL;
    snprintf(text, sizeof(text), "%" PRIu64, mechanism->largest);
    return text;
}

/* --- one bit ------------------------------------------------------------- */

static const char *say_here(const struct wherry_mechanism *mechanism)
{
    return yes(!mechanism->absent);
}

static const char *say_hosts(const struct wherry_mechanism *mechanism)
{
    return yes(is_able(mechanism, WHERRY_ABLE_HOSTS));
}

static const char *say_memory(const struct wherry_mechanism *mechanism)
{
    return yes(is_like(mechanism, WHERRY_TRAIT_MEMORY));
}

static const char *say_files(const struct wherry_mechanism *mechanism)
{
    return yes(is_able(mechanism, WHERRY_ABLE_FILES));
}

static const char *say_sender(const struct wherry_mechanism *mechanism)
{
    return yes(is_able(mechanism, WHERRY_ABLE_SENDER));
}

/* --- several bits -------------------------------------------------------- */

static const char *say_between(const struct wherry_mechanism *mechanism)
{
    if (!is_able(mechanism, WHERRY_ABLE_STRANGERS))
        return "kin";
    return is_like(mechanism, WHERRY_TRAIT_USER) ? "one user" : "anyone";
}

static const char *say_ways(const struct wherry_mechanism *mechanism)
{
    bool is_optional = mechanism_has_option(mechanism, "duplex");
    if (is_like(mechanism, WHERRY_TRAIT_TURNS))
        return NULL;
    if (is_like(mechanism, WHERRY_TRAIT_REQUESTS))
        return "by request";
    if (!is_able(mechanism, WHERRY_ABLE_DUPLEX))
        return "one way";
    return is_optional ? "one or both" : "both ways";
}

// A place that one listens at serves many, each with a channel of its own.
bool mechanism_has_many(const struct wherry_mechanism *mechanism)
{
    const unsigned several = WHERRY_ABLE_CONNECTIONLESS | WHERRY_ABLE_MANY_WRITERS |
                             WHERRY_ABLE_MANY_READERS | WHERRY_ABLE_LISTEN;
    const unsigned shared = WHERRY_TRAIT_MEMORY | WHERRY_TRAIT_TURNS;
    return mechanism->abilities & several || mechanism->traits & shared;
}

static const char *say_processes(const struct wherry_mechanism *mechanism)
{
    return mechanism_has_many(mechanism) ? "many" : "two";
}

// Whoever receives waits for who sends; memory makes nobody wait.
static const char *say_synchronises(const struct wherry_mechanism *mechanism)
{
    if (is_like(mechanism, WHERRY_TRAIT_TURNS))
        return "by turns";
    return is_able(mechanism, WHERRY_ABLE_RECV) ? "by messages" : "no";
}

static const char *say_moves(const struct wherry_mechanism *mechanism)
{
    return mechanism_moves(mechanism);
}

static const char *say_outlives(const struct wherry_mechanism *mechanism)
{
    if (is_like(mechanism, WHERRY_TRAIT_NAME_STAYS))
        return "name only";
    if (!is_able(mechanism, WHERRY_ABLE_OUTLIVES))
        return "no";
    if (is_like(mechanism, WHERRY_TRAIT_MEMORY))
        return "memory too";
    return is_like(mechanism, WHERRY_TRAIT_TURNS) ? "turns too" : "messages too";
}

/* --- the table ----------------------------------------------------------- */

const struct fact facts[FACTS] = {
    {"scheme", "scheme", FACT_ALL, COLUMN_TEXT, true, say_scheme},
    {"usage", NULL, FACT_NONE, COLUMN_TEXT, false, say_address},
    {"mechanism", NULL, FACT_NONE, COLUMN_TEXT, true, say_mechanism},
    {"between", "between", FACT_WHO, COLUMN_TEXT, true, say_between},
    {"ways", "ways", FACT_WHO, COLUMN_TEXT, true, say_ways},
    {"processes", "processes", FACT_WHO, COLUMN_TEXT, true, say_processes},
    {"across hosts", "hosts", FACT_WHO, COLUMN_FLAG, true, say_hosts},
    {"moves", "moves", FACT_WHO, COLUMN_TEXT, true, say_moves},
    {"open files", "files", FACT_WHO, COLUMN_FLAG, true, say_files},
    {"sender known", "sender", FACT_WHO, COLUMN_FLAG, true, say_sender},
    {"shares memory", "memory", FACT_HOW, COLUMN_FLAG, true, say_memory},
    {"synchronises", "synchronises", FACT_HOW, COLUMN_TEXT, true, say_synchronises},
    {"kinds", "kinds", FACT_HOW, COLUMN_TEXT, true, mechanism_kinds},
    {"outlives", "outlives", FACT_HOW, COLUMN_TEXT, true, say_outlives},
    {"framing", "framing", FACT_HOW, COLUMN_TEXT, true, say_framing},
    {"systems", "systems", FACT_HOW, COLUMN_TEXT, true, say_systems},
    {"largest", NULL, FACT_NONE, COLUMN_NUMBER, false, say_largest},
    {"limit", NULL, FACT_NONE, COLUMN_TEXT, false, say_limit},
    {"example", NULL, FACT_NONE, COLUMN_TEXT, false, say_example},
    {"here", "here", FACT_WHO, COLUMN_FLAG, false, say_here},
    {"absent", NULL, FACT_NONE, COLUMN_TEXT, true, say_absent},
    {"instead", NULL, FACT_NONE, COLUMN_TEXT, false, say_instead},
    {"use for", NULL, FACT_NONE, COLUMN_TEXT, true, say_summary},
};
