/* SPDX-License-Identifier: MIT */
/*
 * Programs in a row, started and run to their end: one for run, several for pipe.
 */
#ifndef PROGRAMS_H
#define PROGRAMS_H

#include "settings.h"

struct programs {
    const char *verb;
    struct choices *choices;
    /* What each runs is filled in; the rest is made of the choices. */
    struct wherry_plan *plans;
    char *const *names; /* as they are spoken of */
    size_t count;
};

/* Whether the choices make sense together.  DONE, or USAGE, said on stderr. */
int programs_check(const char *verb, const struct choices *);

/* Runs them, and says how they ended, on stderr or as JSON.  The exit status: of the
 * last one that did not end with exit 0, or of what stopped them. */
int programs_run(struct programs *);

#endif
