/* SPDX-License-Identifier: MIT */
/*
 * Help: of the program, of a verb, of a mechanism.
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

/* The mechanism that an address begins with, or NULL. */
const struct wherry_mechanism *mechanism_of(const char *address);

/* Whether its addresses have that option. */
bool mechanism_has_option(const struct wherry_mechanism *mechanism, const char *name);

/* How messages travel: "messages", "bytes", "messages or bytes". */
const char *mechanism_moves(const struct wherry_mechanism *mechanism);

/* Its ways: "simplex", "duplex", "connectionless", or two of them. */
const char *mechanism_ways(const struct wherry_mechanism *mechanism);

/* How far it keeps kinds: "yes", "no", "by framing". */
const char *mechanism_kinds(const struct wherry_mechanism *mechanism);

#endif
