/* SPDX-License-Identifier: MIT */
/*
 * Help: of the program, of a verb, of a mechanism; and what of a mechanism is told in
 * words, to people and as JSON.
 */
#ifndef HELP_H
#define HELP_H

#include <stdio.h>

#include "command.h"

/* The verbs, one line each. */
void help_verbs(FILE *stream);

/* What `wherry VERB --help` prints. */
void help_command(const struct command *command);

/* What `wherry help SCHEME` prints: mechanism.c. */
void help_mechanism(const struct wherry_mechanism *mechanism);

/* What `wherry help channel` prints: the options that every mechanism has. */
void help_channel(void);

/* What `wherry help framing` prints. */
void help_framings(void);

/* What `wherry help --json` prints, all of the above: manual.c. */
void help_manual(void);

/* The mechanism that an address begins with, or NULL. */
const struct wherry_mechanism *mechanism_of(const char *address);

/* Whether an address gives that option itself, in what stands before `end` (NULL: in
 * all of it). */
bool address_gives(const char *address, const char *end, const char *option);

/* Whether its addresses have that option. */
bool mechanism_has_option(const struct wherry_mechanism *mechanism, const char *name);

/* How messages travel: "messages", "bytes", "messages or bytes". */
const char *mechanism_moves(const struct wherry_mechanism *mechanism);

/* Its ways: "simplex", "duplex", "connectionless", or two of them. */
const char *mechanism_ways(const struct wherry_mechanism *mechanism);

/* How far it keeps kinds: "yes", "no", "by framing". */
const char *mechanism_kinds(const struct wherry_mechanism *mechanism);

/* What is told of a mechanism: "framing", "line". */
struct remark {
    const char *name;
    const char *text;
};

enum { REMARKS_MOST = 16, VALUES_MOST = 256, CARRIED_MOST = 64 };

/* Fills in what there is to tell; how many. */
size_t mechanism_remarks(const struct wherry_mechanism *mechanism,
                         struct remark remarks[REMARKS_MOST]);

/* What it cannot do: the one at `index`, or NULL past the last. */
const char *mechanism_lack(const struct wherry_mechanism *mechanism, size_t index);

/* What an option takes: "yes|no", "1 to 64K bytes"; VALUES_MOST are enough. */
void mechanism_values(const struct wherry_option *option, char *text, size_t size);

/* Whether every mechanism has that option. */
bool mechanism_shares(const struct wherry_option *option);

/* What a framing carries: "kinds, bytes"; CARRIED_MOST are enough. */
void framing_carries(const struct wherry_framing_info *framing, char *text,
                     size_t size);

#endif
