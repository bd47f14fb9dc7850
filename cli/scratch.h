/* SPDX-License-Identifier: MIT */
/*
 * A directory of the program's own, for as long as a verb runs.
 */
#ifndef SCRATCH_H
#define SCRATCH_H

enum { SCRATCH_PATH = 80 };

/* Makes an empty directory for this user alone, in $TMPDIR if its path is short and
 * plain enough for an address, else in /tmp.  DONE, or FAILED, said on stderr. */
int scratch_make(const char *verb, char path[SCRATCH_PATH]);

/* Removes what is in it, or that and the directory. */
void scratch_empty(const char *path);
void scratch_remove(const char *path);

#endif
