/* SPDX-License-Identifier: MIT */
/*
 * Pieces of memory of `local:`, in whichever process they are: found by the names of
 * what it has open, and read once.
 *
 * Whether a piece is the one that belongs beside a socket is decided by two words: the
 * piece says which socket that is, and the kernel that its process has it open.
 */
#include "inspect/pieces.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROCESSES_MOST = 4096, PIECES_MOST = 32768 };

// As local: calls what it makes.
static const char *const names[] = {"/memfd:wherry:local", "/memfd:wherry:pool",
                                    "/memfd:wherry:returns"};

/* --- one ----------------------------------------------------------------- */

int piece_open(const struct pieces *pieces, int directory, struct piece *piece)
{
    uint64_t inode = 0;
    int fd = memory_open(directory, piece->number, pieces->device, &inode);
    if (fd >= 0 && piece->inode && inode != piece->inode) {
        memory_close(fd);
        return -ESRCH; // that number is another file's by now
    }
    if (fd >= 0)
        piece->inode = inode;
    return fd;
}

static int describe(const struct pieces *pieces, int directory, struct piece *piece)
{
    int fd = piece_open(pieces, directory, piece);
    if (fd < 0)
        return fd;
    int r = wherry_memory_describe(fd, &piece->info, sizeof(piece->info));
    memory_close(fd);
    return r;
}

void piece_look_again(const struct pieces *pieces, int directory, struct piece *piece)
{
    struct piece seen = *piece;
    if (describe(pieces, directory, &seen) == 0)
        *piece = seen;
}

/* --- those of a process -------------------------------------------------- */

static void add(struct pieces *pieces, const struct piece *piece)
{
    struct piece *all =
        arena_room(pieces->arena, pieces->all, pieces->count, sizeof(*all));
    if (!all)
        return;
    pieces->all = all;
    all[pieces->count++] = *piece;
}

static bool is_called_so(int directory, int number)
{
    char name[32];
    char link[LINK_MOST];
    snprintf(name, sizeof(name), "fd/%d", number);
    if (proc_link(directory, name, link, sizeof(link)) < 0)
        return false;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const size_t size = strlen(names[i]);
        if (strncmp(link, names[i], size) == 0 && (link[size] == ' ' || !link[size]))
            return true;
    }
    return false;
}

// Of one socket a process has one piece of each use: others of these are no more
// believed than the first, and would cost whoever looks at all of them.
static bool is_there_already(const struct pieces *pieces, const struct piece *piece)
{
    for (size_t i = pieces->begin; i < pieces->count && !piece->cause; i++) {
        const struct piece *other = &pieces->all[i];
        const bool is_same = other->info.use == piece->info.use &&
                             other->info.carrier == piece->info.carrier;
        if (!other->cause &&
            (other->inode == piece->inode || (is_same && piece->info.carrier != 0)))
            return true;
    }
    return false;
}

static void look_at_number(struct pieces *pieces, int directory, struct piece *piece)
{
    if (!is_called_so(directory, piece->number))
        return;
    piece->cause = describe(pieces, directory, piece);
    if (piece->cause == -EPROTO && piece->inode) {
        const char *why = wherry_error_text();
        piece->why = arena_text(pieces->arena, why, strlen(why));
    }
    // Anybody may call anything so, and close it meanwhile.
    const bool is_seen =
        piece->inode || piece->cause == -EACCES || piece->cause == -EPERM;
    if (is_seen && !is_there_already(pieces, piece))
        add(pieces, piece);
}

static int note(struct pieces *pieces, int64_t pid)
{
    int64_t *processes = arena_room(pieces->arena, pieces->processes,
                                    pieces->process_count, sizeof(*processes));
    if (!processes)
        return -ENOMEM;
    pieces->processes = processes;
    processes[pieces->process_count++] = pid;
    return 0;
}

int pieces_add(struct pieces *pieces, int directory, int64_t pid)
{
    int *numbers;
    size_t count;
    size_t more;
    int r = note(pieces, pid);
    if (r == 0)
        r = proc_numbers(directory, pieces->numbers_most, &numbers, &count, &more);
    if (r < 0)
        return r;
    pieces->numbers_most -= count;
    pieces->begin = pieces->count;
    for (size_t i = 0;
         i < count && pieces->count < PIECES_MOST && !pieces->arena->failed; i++)
        look_at_number(pieces, directory,
                       &(struct piece){.pid = pid, .number = numbers[i], .why = ""});
    pieces->is_cut |= more > 0 || pieces->count == PIECES_MOST;
    free(numbers);
    return pieces->arena->failed ? -ENOMEM : 0;
}

/* --- those of others ----------------------------------------------------- */

static bool is_known(const struct pieces *pieces, int64_t pid)
{
    for (size_t i = 0; i < pieces->process_count; i++)
        if (pieces->processes[i] == pid)
            return true;
    return false;
}

int pieces_add_other(struct pieces *pieces, int64_t pid)
{
    if (is_known(pieces, pid))
        return 0;
    if (pieces->process_count == PROCESSES_MOST) {
        pieces->is_cut = true;
        return 0;
    }
    int directory = proc_open(pid);
    int r = directory < 0 ? note(pieces, pid) : pieces_add(pieces, directory, pid);
    if (directory >= 0)
        proc_close(directory);
    return r == -ENOMEM || r == -EMFILE || r == -ENFILE ? r : 0;
}

bool pieces_is_among(const struct wherry_place *places, size_t count, int64_t pid)
{
    for (size_t i = 0; i < count; i++)
        if (places[i].pid == pid)
            return true;
    return false;
}

struct piece *pieces_find(const struct pieces *pieces, enum wherry_memory_use use,
                          uint64_t carrier, const struct wherry_place *places,
                          size_t count)
{
    for (size_t i = 0; carrier && i < pieces->count; i++) {
        struct piece *piece = &pieces->all[i];
        if (!piece->cause && piece->info.use == use && piece->info.carrier == carrier &&
            pieces_is_among(places, count, piece->pid))
            return piece;
    }
    return NULL;
}
