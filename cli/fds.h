/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the verb fds know of each other, and who else tells of processes.
 */
#ifndef FDS_H
#define FDS_H

#include <stdbool.h>

#include <wherry/inspect.h>

/* Why something is not known, in words. */
const char *fds_why(int cause);

/* Whether a place is worth telling: what this program has inherited says nothing of the
 * process. */
bool fds_is_told(const struct wherry_process_state *of,
                 const struct wherry_place *place);

/* A line for people: a name and, as printf(3) has it, what is to be said, made
 * printable.
 */
void fds_tell_fact(const char *name, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Says on stderr why a process cannot be looked into: FAILED. */
int fds_refuse(const char *verb, int64_t pid, int error);

/* All of it as one object; an exit status. */
int fds_print_json(const struct wherry_process_view *view);

#endif
