/* SPDX-License-Identifier: MIT */
/*
 * Queues, sets and segments of System V: what /proc/sysvipc says, line by line.
 */
#include "inspect/survey.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    TEXT_ALL_MOST = 64 << 20, // bytes
    FIELDS_MOST = 20,
    REMOVED = 01000, // SHM_DEST: it goes with who is attached
    RIGHTS = 0777
};

static const int64_t second = 1000000000;

/* Where in a line of each sort its fields are, in the order of sysvipc(5); -1: it has
 * none of that. */
static const struct table {
    enum sort_number sort;
    const char *path;
    int space;
    const char *prefix;
    int size, count, creator, last, last_other, user, changed;
} tables[] = {
    {SORT_SHMV, "/proc/sysvipc/shm", SPACE_SEGMENTS, "shmv:", 3, 6, 4, 5, -1, 7, 13},
    {SORT_SYSV, "/proc/sysvipc/msg", SPACE_QUEUES, "sysv:", 3, 4, -1, 5, 6, 7, 13},
    {SORT_SEMV, "/proc/sysvipc/sem", SPACE_SETS, "semv:", -1, 3, -1, -1, -1, 4, 9},
};

enum { KEY, NUMBER, MODE, TABLES = sizeof(tables) / sizeof(tables[0]) };

static int64_t field_of(const int64_t *fields, int field, int64_t none)
{
    return field < 0 ? none : fields[field];
}

// How many numbers the line has; the mode alone is octal.
static int read_fields(const char *at, int64_t fields[FIELDS_MOST])
{
    int count = 0;
    for (; count < FIELDS_MOST; count++) {
        char *end;
        fields[count] = strtoll(at, &end, count == MODE ? 8 : 10);
        if (end == at)
            break;
        at = end;
    }
    return count;
}

static const struct table *table_of(enum sort_number sort)
{
    size_t i = 0;
    while (i < TABLES - 1 && tables[i].sort != sort)
        i++;
    return &tables[i];
}

bool sysv_read(enum sort_number sort, const char *line, size_t size,
               struct wherry_ipc_object *out, struct words *address)
{
    char text[TEXT_MOST];
    int64_t fields[FIELDS_MOST] = {0};
    const struct table *table = table_of(sort);
    name_copy(text, sizeof(text), line, size);
    if (read_fields(text, fields) <= table->changed)
        return false;
    words_add(address, "%s", table->prefix);
    if (fields[KEY])
        words_add(address, "0x%" PRIx32, (uint32_t)fields[KEY]);
    else
        words_add(address, "#%" PRId64, fields[NUMBER]);
    *out = (struct wherry_ipc_object){
        .address = address->text,
        .user = fields[table->user],
        .group = fields[table->user + 1],
        .mode = (int)fields[MODE] & RIGHTS,
        .size = field_of(fields, table->size, -1),
        .count = fields[table->count],
        .created = fields[table->changed] * second,
        .changed = fields[table->changed] * second,
        .creator = field_of(fields, table->creator, 0),
        .last_pids = {field_of(fields, table->last, 0),
                      field_of(fields, table->last_other, 0)},
        .is_deleted = sort == SORT_SHMV && (fields[MODE] & REMOVED),
        .inode = (uint64_t)fields[NUMBER]};
    return true;
}

static void add_lines(struct survey *survey, const struct table *table,
                      const char *text)
{
    while (*text && !survey->arena.failed) {
        struct wherry_ipc_object object;
        char address[64];
        struct words words = {address, sizeof(address), 0};
        const size_t size = line_size(text);
        struct found *found =
            sysv_read(table->sort, text, size, &object, &words)
                ? survey_add(survey, table->sort,
                             identity_in(table->space, object.inode), &object)
                : NULL;
        if (found)
            found->is_used = table->sort == SORT_SHMV && object.count > 0;
        text += size + (text[size] == '\n');
    }
}

int sysv_look(struct survey *survey)
{
    int r = 0;
    for (size_t i = 0; r >= 0 && i < TABLES; i++) {
        char *text;
        if (!survey_wants_scheme(survey, sorts[tables[i].sort].scheme))
            continue;
        r = proc_read_all(AT_FDCWD, tables[i].path, TEXT_ALL_MOST, &text);
        if (r < 0) {
            survey_note(survey, "%s: the kernel tells nothing of these",
                        sorts[tables[i].sort].kind);
            r = r == -ENOMEM || r == -EMFILE || r == -ENFILE ? r : 0;
            continue;
        }
        survey->is_cut |= r > 0;
        add_lines(survey, &tables[i], text);
        free(text);
    }
    return r < 0 ? r : 0;
}
