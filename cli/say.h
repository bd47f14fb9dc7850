/* SPDX-License-Identifier: MIT */
/*
 * What the program says besides its output: errors and notices on stderr, help.
 */
#ifndef SAY_H
#define SAY_H

#include <stdbool.h>
#include <stdio.h>

/* Whether that stream is a terminal on which colour is welcome. */
bool say_has_colour(FILE *stream);

/* "wherry: VERB: …" and a newline on stderr; verb may be NULL.  Returns FAILED. */
int say_error(const char *verb, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Why that address makes no sense, and how to learn more.  Returns USAGE. */
int say_bad_address(const char *verb, const char *address, const char *why);

/* What makes no sense, and how to learn more.  Returns USAGE. */
int say_usage(const char *verb, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What errno (or a result that is minus an errno) stands for; borrowed until this
 * thread asks again. */
const char *say_errno(int error);

/* News on stderr, such as who joined. */
void say_notice(const char *verb, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same, where stderr is a terminal; elsewhere nothing. */
void say_progress(const char *verb, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A line on stderr, a terminal, that whatever is said next replaces; NULL erases it. */
void say_status(const char *text);

/* A heading on stdout. */
void say_heading(const char *text);

/* Prints words on stdout, broken so that they stand between two columns; the cursor is
 * at or behind the first. */
void say_wrapped(const char *text, int first, int width);

#endif
