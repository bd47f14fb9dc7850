/* SPDX-License-Identifier: MIT */
/*
 * Dialling that Ctrl-C ends.
 */
#ifndef OPEN_DIAL_H
#define OPEN_DIAL_H

#include <wherry.h>

enum {
    OPEN_TEXT = 1024,    /* bytes of an error's sentence */
    OPEN_PATIENCE = 1000 /* milliseconds until a wait is worth a word */
};

/* wherry_dial() with its sentence in `text`.  Errors: as wherry_dial, and -EINTR. */
int open_dial(const char *verb, const char *address, wherry_deadline deadline,
              char text[OPEN_TEXT], wherry_channel **out);

#endif
