/* SPDX-License-Identifier: MIT */
/*
 * Received messages on stdout: a line each, or their bytes.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include "settings.h"

/* Prints a message, and reports the open files that came with it on stderr (with --raw
 * the contents of regular ones are copied).  It may stay in stdout's buffer.  0, or a
 * negative errno of stdout. */
int output_message(const char *verb, const struct choices *choices,
                   const wherry_message *message);

/* Hands the buffer to the system.  0, or a negative errno of stdout. */
int output_flush(void);

/* Says that stdout failed, unless its reader has left: then the program shall end as by
 * SIGPIPE.  Returns FAILED. */
int output_failed(const char *verb, int error);

#endif
