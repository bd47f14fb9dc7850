/* SPDX-License-Identifier: MIT */
/*
 * The objects of a survey: added once each, found again by what they are.
 *
 * What is not wanted is never added, and there is a bound to how many are.
 */
#include "inspect/survey.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS_FIRST = 1024, NOTE_MOST = 512, SPACES = 16 };

/* --- identity ------------------------------------------------------------ */

// Devices stand above the spaces of what has no file.
struct identity identity_of_file(uint32_t major, uint32_t minor, uint64_t inode)
{
    const uint64_t device = (uint64_t)major << 32 | minor;
    return (struct identity){.space = device + SPACES, .number = inode};
}

struct identity identity_in(int space, uint64_t number)
{
    return (struct identity){.space = (uint64_t)space, .number = number};
}

static size_t first_slot(const struct survey *survey, struct identity identity)
{
    uint64_t mixed = identity.number * UINT64_C(0x9e3779b97f4a7c15) ^
                     identity.space * UINT64_C(0xff51afd7ed558ccd);
    mixed ^= mixed >> 29;
    return (size_t)mixed & (survey->slot_count - 1);
}

// The slot that has it, or the empty one where it belongs.
static size_t *slot_of(const struct survey *survey, struct identity identity)
{
    size_t at = first_slot(survey, identity);
    for (;; at = (at + 1) & (survey->slot_count - 1)) {
        size_t *slot = &survey->slots[at];
        if (*slot == 0)
            return slot;
        const struct identity *has = &survey->found[*slot - 1].identity;
        if (has->space == identity.space && has->number == identity.number)
            return slot;
    }
}

// At most half of them are taken.
static bool make_slots(struct survey *survey)
{
    if (survey->slots && survey->count < survey->slot_count / 2)
        return true;
    const size_t room = survey->slots ? 2 * survey->slot_count : SLOTS_FIRST;
    size_t *slots = calloc(room, sizeof(*slots));
    if (!slots) {
        survey->arena.failed = true;
        return false;
    }
    free(survey->slots);
    survey->slots = slots;
    survey->slot_count = room;
    for (size_t i = 0; i < survey->count; i++)
        *slot_of(survey, survey->found[i].identity) = i + 1;
    return true;
}

/* --- what is wanted ------------------------------------------------------ */

// A wildcard before the colon may stand for any scheme.
static bool may_be_of(const char *pattern, const char *scheme)
{
    const size_t size = strlen(scheme);
    const size_t own = strcspn(pattern, ":");
    return strcspn(pattern, "*?[\\") < own ||
           (own == size && strncmp(pattern, scheme, size) == 0);
}

bool survey_is_pattern(const char *pattern)
{
    bool is_one = false;
    for (size_t i = 0; i < SORTS; i++)
        is_one |= may_be_of(pattern, sorts[i].scheme);
    return is_one;
}

bool survey_wants_scheme(const struct survey *survey, const char *scheme)
{
    const char *const *patterns = survey->wish->patterns;
    for (; patterns && *patterns; patterns++)
        if (may_be_of(*patterns, scheme))
            return true;
    return !survey->wish->patterns;
}

static bool is_like(const char *pattern, const char *address, const char *scheme)
{
    const size_t size = strlen(scheme);
    const bool is_scheme = strncmp(pattern, scheme, size) == 0 &&
                           (!pattern[size] || strcmp(pattern + size, ":") == 0);
    return is_scheme || fnmatch(pattern, address, 0) == 0;
}

// Options that an address has behind its rest need not be in the pattern.
static bool is_wanted(const struct survey *survey, const char *address,
                      const char *scheme)
{
    char bare[REST_MOST];
    const char *const *patterns = survey->wish->patterns;
    if (!patterns)
        return true;
    name_copy(bare, sizeof(bare), address, strcspn(address, "?"));
    for (; *patterns; patterns++)
        if (is_like(*patterns, address, scheme) || is_like(*patterns, bare, scheme))
            return true;
    return false;
}

/* --- objects ------------------------------------------------------------- */

struct found *survey_find(const struct survey *survey, struct identity identity)
{
    const size_t slot = survey->slots ? *slot_of(survey, identity) : 0;
    return slot ? &survey->found[slot - 1] : NULL;
}

struct found *survey_add(struct survey *survey, enum sort_number sort,
                         struct identity identity,
                         const struct wherry_ipc_object *object)
{
    if (!is_wanted(survey, object->address, sorts[sort].scheme))
        return NULL;
    if (survey->count == survey->most) {
        survey->is_cut = true;
        return NULL;
    }
    struct found *list =
        arena_room(&survey->arena, survey->found, survey->count, sizeof(*list));
    if (!list)
        return NULL;
    survey->found = list;
    if (!make_slots(survey))
        return NULL;
    size_t *slot = slot_of(survey, identity);
    if (*slot == 0)
        *slot = ++survey->count;
    struct found *found = &survey->found[*slot - 1];
    *found = (struct found){.object = *object, .sort = sort, .identity = identity};
    found->object.scheme = sorts[sort].scheme;
    found->object.kind = sorts[sort].kind;
    found->object.counted = sorts[sort].counted;
    found->object.why = "";
    found->object.left = -1;
    found->object.address =
        arena_text(&survey->arena, object->address, strlen(object->address));
    return found;
}

/* --- holders ------------------------------------------------------------- */

// Lists of those that hold grow within the arena, whose blocks stay where they are.
void survey_hold(struct survey *survey, struct found *found, int64_t pid,
                 const char *name, unsigned how)
{
    struct wherry_ipc_object *object = &found->object;
    struct wherry_ipc_holder *holders = (void *)(uintptr_t)object->holders;
    if (object->holder_count > 0 && holders[object->holder_count - 1].pid == pid) {
        holders[object->holder_count - 1].how |= how;
        return;
    }
    holders =
        arena_room(&survey->arena, holders, object->holder_count, sizeof(*holders));
    if (!holders)
        return;
    holders[object->holder_count++] = (struct wherry_ipc_holder){pid, name, how};
    object->holders = holders;
}

void survey_note(struct survey *survey, const char *format, ...)
{
    char text[NOTE_MOST];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    const char **notes =
        arena_room(&survey->arena, survey->notes, survey->note_count, sizeof(*notes));
    if (!notes || size < 0)
        return;
    survey->notes = notes;
    notes[survey->note_count++] = arena_text(&survey->arena, text, strlen(text));
}

void survey_free(struct survey *survey)
{
    free(survey->slots);
    free(survey->bound);
    free(survey->named);
    sockets_free(&survey->sockets);
    arena_free(&survey->arena);
}
