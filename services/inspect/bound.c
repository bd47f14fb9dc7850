/* SPDX-License-Identifier: MIT */
/*
 * Unix sockets that have an address, `local:` among them: one object an address and
 * type, whoever is bound there, was accepted there, or has dialled it.
 */
#include "inspect/survey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- by address ---------------------------------------------------------- */

static int compare_rows(const struct socket_row *left, const struct socket_row *right)
{
    const int order = strcmp(left->local, right->local);
    return order ? order : strcmp(left->type, right->type);
}

/* A socket, for sorting. */
struct entry {
    const struct socket_row *row;
    size_t place;
};

static int by_address(const void *a, const void *b)
{
    const struct entry *left = a;
    const struct entry *right = b;
    return compare_rows(left->row, right->row);
}

static int sort_named(struct survey *survey)
{
    const struct sockets *sockets = &survey->sockets;
    struct entry *entries = calloc(sockets->count + 1, sizeof(*entries));
    survey->bound = calloc(sockets->count + 1, sizeof(*survey->bound));
    survey->named = calloc(sockets->count + 1, sizeof(*survey->named));
    if (!entries || !survey->bound || !survey->named) {
        free(entries);
        return -ENOMEM;
    }
    for (size_t i = 0; i < sockets->count; i++)
        if (*sockets->rows[i].local)
            entries[survey->named_count++] = (struct entry){&sockets->rows[i], i};
    qsort(entries, survey->named_count, sizeof(*entries), by_address);
    for (size_t i = 0; i < survey->named_count; i++)
        survey->named[i] = entries[i].place;
    free(entries);
    return 0;
}

bool bound_has(const struct survey *survey, const char *address)
{
    size_t low = 0;
    size_t high = survey->named_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const size_t row = survey->named[middle];
        const int order = strcmp(survey->sockets.rows[row].local, address);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* --- objects ------------------------------------------------------------- */

static unsigned how_of(const struct socket_row *row)
{
    return row->listens        ? WHERRY_IPC_LISTENS
           : row->is_connected ? WHERRY_IPC_CONNECTED
                               : WHERRY_IPC_BOUND;
}

// `packet` is what an address means that does not say.
static const char *option_of(const struct socket_row *row)
{
    if (own_is_local(row->local))
        return "";
    return strcmp(row->type, "unix stream") == 0     ? "?type=stream"
           : strcmp(row->type, "unix datagram") == 0 ? "?type=datagram"
                                                     : "";
}

// A path that begins so leads elsewhere in every process.
static bool is_of_one_process(const char *path)
{
    return strncmp(path, "/proc/self/", 11) == 0 ||
           strncmp(path, "/proc/thread-self/", 18) == 0;
}

// Where a path leads is its owner's to say, and may be to a server that does not
// answer: only what root or this user has bound is followed.
static int look_there(const struct wherry_ipc_object *object, const char *local,
                      struct file_look *look)
{
    char path[ADDRESS_MOST];
    const bool is_ours = object->user == 0 || object->user == (int64_t)geteuid();
    if (own_is_local(local)) {
        const int directory = own_path(local, path, sizeof(path));
        const int r =
            directory < 0 ? directory : file_look(AT_FDCWD, path, false, look);
        if (directory >= 0)
            close(directory);
        return r;
    }
    if (!is_ours || !rest_read(local, path, sizeof(path)) || path[0] != '/' ||
        is_of_one_process(path))
        return -EINVAL;
    return file_look(AT_FDCWD, path, false, look);
}

static void look_at_path(struct wherry_ipc_object *object, const char *local)
{
    struct file_look look;
    const int r = look_there(object, local, &look);
    const bool is_there = r == 0 && S_ISSOCK(look.mode);
    object->is_deleted = r == -ENOENT || (r == 0 && !is_there);
    if (!is_there)
        return;
    object->mode = (int)(look.mode & USERS_OWN);
    object->group = look.group;
    object->created = look.created;
    object->changed = look.changed;
}

// All sockets of one address and type: `count` of them, from that one on.
static void add_address(struct survey *survey, size_t from, size_t count)
{
    char address[ADDRESS_MOST + 32];
    struct words words = {address, sizeof(address), 0};
    const struct socket_row *rows = survey->sockets.rows;
    const struct socket_row *first = &rows[survey->named[from]];
    struct wherry_ipc_object object = {
        .address = address, .user = first->user, .group = -1, .mode = -1, .size = -1};
    words_add(&words, "%s%s", first->local, option_of(first));
    for (size_t i = 0; i < count; i++) {
        const struct socket_row *row = &rows[survey->named[from + i]];
        object.count += row->is_connected;
        object.user = row->listens ? row->user : object.user;
    }
    const enum sort_number sort = own_is_local(first->local) ? SORT_LOCAL : SORT_UNIX;
    struct found *found =
        survey_add(survey, sort, identity_in(SPACE_SOCKETS, from), &object);
    if (!found)
        return;
    found->is_used = true;
    look_at_path(&found->object, first->local);
    for (size_t i = 0; i < count; i++) {
        const size_t row = survey->named[from + i];
        survey->bound[row] =
            (struct bound){(size_t)(found - survey->found) + 1, how_of(&rows[row])};
    }
}

// A socket without an address is told where its peer has one.
static void follow_peers(struct survey *survey)
{
    const struct sockets *sockets = &survey->sockets;
    for (size_t i = 0; i < sockets->count; i++) {
        const struct socket_row *row = &sockets->rows[i];
        const struct socket_row *peer =
            *row->local ? NULL : sockets_find(sockets, row->peer);
        if (peer)
            survey->bound[i] = (struct bound){
                survey->bound[peer - sockets->rows].object, WHERRY_IPC_CONNECTED};
    }
}

struct found *bound_find(const struct survey *survey, uint64_t inode, unsigned *how)
{
    const struct socket_row *row =
        survey->bound ? sockets_find(&survey->sockets, inode) : NULL;
    const struct bound *bound = row ? &survey->bound[row - survey->sockets.rows] : NULL;
    if (!bound || bound->object == 0)
        return NULL;
    *how = bound->how;
    return &survey->found[bound->object - 1];
}

int bound_look(struct survey *survey)
{
    if (!survey_wants_scheme(survey, "unix") && !survey_wants_scheme(survey, "local"))
        return 0;
    const int seen = sockets_look_unix(&survey->sockets);
    if (seen == -ENOMEM || seen == -EMFILE || seen == -ENFILE)
        return seen;
    if (seen == -E2BIG)
        survey->is_cut = true;
    else if (seen < 0)
        survey_note(survey, "who has dialled a unix socket is not known: the kernel "
                            "does not tell (sock_diag(7))");
    int r = sort_named(survey);
    for (size_t i = 0; r == 0 && i < survey->named_count;) {
        const struct socket_row *rows = survey->sockets.rows;
        size_t count = 1;
        while (i + count < survey->named_count &&
               compare_rows(&rows[survey->named[i]], &rows[survey->named[i + count]]) ==
                   0)
            count++;
        add_address(survey, i, count);
        i += count;
    }
    if (r == 0)
        follow_peers(survey);
    return r;
}
