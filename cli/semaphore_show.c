/* SPDX-License-Identifier: MIT */
/*
 * What is known of a semaphore, on stdout.
 */
#include "semaphore_show.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "known.h"
#include "say.h"

enum { MEMBERS = 64 }; // the values of which are shown

// "1 0 5", and dots where there are more.
static void print_values(const wherry_semaphore *semaphore, char *text, size_t size)
{
    struct wherry_semaphore_member members[MEMBERS];
    int count = wherry_semaphore_members(semaphore, 0, members, MEMBERS);
    size_t used = 0;
    for (int i = 0; i < count && i < MEMBERS; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%" PRId64, i ? " " : "",
                                 members[i].value);
    if (count > MEMBERS)
        snprintf(text + used, size - used, " ...");
}

static void collect(const wherry_semaphore *semaphore,
                    const struct wherry_semaphore_info *info, struct known *known)
{
    char values[KNOWN_TEXT] = "";
    print_values(semaphore, values, sizeof(values));
    known_number(known, "permits", info->permits);
    known_number(known, "value", info->value);
    known_number(known, "waiters", info->waiters);
    known_number(known, "members", info->members);
    known_text(known, "values", values);
    known_number(known, "attached", info->attached);
    known_number(known, "attached most", info->attached_most);
    known_number(known, "uid", info->uid);
    known_number(known, "gid", info->gid);
    known_mode(known, "mode", info->mode);
    known_flag(known, "removed", info->removed);
    known_flag(known, "undo", info->undo);
    known_time(known, "operated at", info->operated_at);
    known_time(known, "changed at", info->changed_at);
}

int semaphore_describe(const char *verb, const char *address, bool as_json)
{
    static struct known known;
    struct wherry_semaphore_info info;
    wherry_semaphore *semaphore = NULL;
    int status = FAILED;
    char *whole = address_with(verb, address, "create=no");
    if (whole && wherry_semaphore_open(whole, &semaphore) < 0)
        status = address_failed(verb, address, whole);
    if (semaphore) {
        (void)wherry_semaphore_describe(semaphore, &info, sizeof(info));
        known_text(&known, "address", address);
        collect(semaphore, &info, &known);
        status = known_print(&known, "semaphores", verb, as_json);
    }
    wherry_semaphore_close(semaphore);
    free(whole);
    return status;
}
