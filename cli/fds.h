/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the verb fds know of each other.
 */
#ifndef FDS_H
#define FDS_H

#include <stdbool.h>

#include <wherry/inspect.h>

/* Why something is not known, in words. */
const char *fds_why(int cause);

/* Whether a place is worth telling: what this program has inherited says nothing of the
 * process. */
bool fds_is_told(const struct wherry_process_view *view,
                 const struct wherry_place *place);

/* All of it as one object; an exit status. */
int fds_print_json(const struct wherry_process_view *view);

#endif
