/* SPDX-License-Identifier: MIT */
/*
 * The environment of a new process: a list, and changes to it.
 */
#include "process/process.h"

#include <stdlib.h>
#include <string.h>

static size_t name_size(const char *entry)
{
    return strcspn(entry, "=");
}

// Most differ in their first letter, which costs no call.
static bool has_name(const char *entry, const char *name, size_t size)
{
    return (size == 0 || entry[0] == name[0]) && strncmp(entry, name, size) == 0 &&
           (entry[size] == '=' || !entry[size]);
}

static size_t take_out(const char **list, size_t count, const char *change)
{
    const size_t size = name_size(change);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (!has_name(list[i], change, size))
            list[kept++] = list[i];
    }
    return kept;
}

const char **environment_make(const char *const *base, const char *const *changes)
{
    size_t count = plan_count_words(base);
    const char **list = malloc((count + plan_count_words(changes) + 1) * sizeof(*list));
    if (!list)
        return NULL;
    for (size_t i = 0; i < count; i++)
        list[i] = base[i];
    for (size_t i = 0; changes && changes[i]; i++) {
        count = take_out(list, count, changes[i]);
        if (changes[i][name_size(changes[i])] == '=')
            list[count++] = changes[i];
    }
    list[count] = NULL;
    return list;
}

const char *environment_find(const char *const *list, const char *name)
{
    size_t size = strlen(name);
    bool is_name = name_size(name) == size;
    for (size_t i = 0; is_name && list[i]; i++) {
        if (has_name(list[i], name, size) && list[i][size] == '=')
            return list[i] + size + 1;
    }
    return NULL;
}
