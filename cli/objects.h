/* SPDX-License-Identifier: MIT */
/*
 * Objects of the machine, as list, describe and remove --orphans tell of them.
 */
#ifndef OBJECTS_H
#define OBJECTS_H

#include <stdbool.h>

#include <wherry/inspect.h>

#include "settings.h"
#include "table.h"

/* Looks at the machine, at objects like the words of `choices`.  DONE, or an exit
 * status, said on stderr. */
int objects_look(const char *verb, const struct choices *choices,
                 struct wherry_ipc_view **out);

/* Whether the options --mine, --orphans, --pid and --older let it through. */
bool objects_is_chosen(const struct choices *choices,
                       const struct wherry_ipc_object *object);

/* The table for people: ADDRESS, OWNER …; begins it, and adds a row. */
struct table *objects_table(void);
void objects_add(struct table *table, const struct wherry_ipc_object *object);

/* How a process has an object: "open+mapped". */
void objects_write_hows(unsigned how, char *out, size_t size);

/* What of the machine was not seen, on stderr: which objects; and which processes. */
void objects_tell_notes(const char *verb, const struct wherry_ipc_view *view);
void objects_tell_missing(const char *verb, const struct wherry_ipc_view *view);

/* All that is known of those that are chosen, as one JSON object; an exit status. */
int objects_print_json(const char *verb, const struct choices *choices,
                       const struct wherry_ipc_view *view);

/* Whether an address is one that nothing opens, but that list has. */
bool objects_only_listed(const char *address);

/* Tells all that list knows of an address; an exit status, or -1: list has none. */
int objects_describe(const char *verb, const char *address, bool as_json);

/* Removes what nobody has any more: remove --orphans.  An exit status. */
int orphans_remove(const char *verb, const struct choices *choices);

#endif
