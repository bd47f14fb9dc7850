/* SPDX-License-Identifier: MIT */
/*
 * region: memory that processes share, made, read and written from the shell.
 */
#include "region.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "help.h"
#include "interrupt.h"
#include "known.h"
#include "output.h"
#include "say.h"
#include "settings.h"

enum { PIECE = 1 << 20 };

static const char *put_offset(struct choices *choices, const char *value)
{
    return settings_read_size(value, &choices->offset)
               ? NULL
               : "a number of bytes, with K, M or G";
}

static const char *put_size(struct choices *choices, const char *value)
{
    choices->has_size = true;
    return settings_read_size(value, &choices->size)
               ? NULL
               : "a number of bytes, with K, M or G";
}

static const struct setting setting_offset = {
    "offset", "SIZE", "Where to begin, in bytes; usually 0.", put_offset};
static const struct setting setting_size = {
    "size", "SIZE", "How many bytes to read or flush; usually all that follow.",
    put_size};

static const struct setting *const settings[] = {&setting_offset, &setting_size,
                                                 &setting_json, NULL};

static const char *const verb = "region";

/* --- what can be done ---------------------------------------------------- */

static int create(const struct choices *choices)
{
    const char *address = choices->words[1];
    const struct wherry_mechanism *mechanism = mechanism_of(address);
    const bool stays = mechanism && mechanism->abilities & WHERRY_ABLE_OUTLIVES;
    if (mechanism && mechanism->traits & WHERRY_TRAIT_MEMORY &&
        (!stays || strcmp(address + strcspn(address, ":"), ":private") == 0))
        return say_usage(verb,
                         "%s: it would go with this program; choose one that "
                         "stays, as shm:/NAME",
                         address);
    wherry_region *region = NULL;
    if (wherry_region_open(address, &region) < 0)
        return address_failed(verb, address, address);
    wherry_region_close(region);
    return DONE;
}

static int show(const struct choices *choices)
{
    return region_describe(verb, choices->words[1], choices->json);
}

static uint64_t room_at(const wherry_region *region, uint64_t offset)
{
    const uint64_t all = wherry_region_size(region);
    return offset < all ? all - offset : 0;
}

// The part that was chosen, as far as there is one.
static size_t part_of(const wherry_region *region, const struct choices *choices)
{
    return choices->has_size ? (size_t)choices->size
                             : (size_t)room_at(region, (uint64_t)choices->offset);
}

static int copy_out(const wherry_region *region, uint64_t offset, size_t size,
                    char *room)
{
    while (size > 0 && !interrupted()) {
        const size_t piece = size < PIECE ? size : PIECE;
        if (wherry_region_read(region, offset, room, piece) < 0)
            return say_error(verb, "%s", wherry_error_text());
        if (fwrite(room, 1, piece, stdout) != piece)
            return output_failed(verb, -errno);
        offset += piece;
        size -= piece;
    }
    int r = output_flush();
    return r < 0 ? output_failed(verb, r) : interrupted() ? FAILED : DONE;
}

static int too_much(const wherry_region *region)
{
    return say_error(verb,
                     "there is more input than the %zu bytes of the region have room "
                     "for",
                     wherry_region_size(region));
}

// Of a file it is known before anything is read; -1: not known.
static int64_t size_of_input(void)
{
    struct stat status;
    if (fstat(STDIN_FILENO, &status) < 0 || !S_ISREG(status.st_mode))
        return -1;
    const off_t at = lseek(STDIN_FILENO, 0, SEEK_CUR);
    return at < 0 ? -1 : at < status.st_size ? status.st_size - at : 0;
}

// What fits of a piece.
static int put(wherry_region *region, uint64_t offset, const char *piece, size_t size)
{
    const uint64_t left = room_at(region, offset);
    const size_t fits = size < left ? size : (size_t)left;
    if (fits > 0 && wherry_region_write(region, offset, piece, fits) < 0)
        return say_error(verb, "%s", wherry_error_text());
    return fits == size ? DONE : too_much(region);
}

static int copy_in(wherry_region *region, uint64_t offset, char *room)
{
    ssize_t size;
    const int64_t known = size_of_input();
    if (known >= 0 && (uint64_t)known > room_at(region, offset))
        return too_much(region);
    while ((size = read(STDIN_FILENO, room, PIECE)) != 0) {
        if (interrupted())
            return FAILED;
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return say_error(verb, "stdin: %s", say_errno(errno));
        if (put(region, offset, room, (size_t)size) != DONE)
            return FAILED;
        offset += (uint64_t)size;
    }
    return DONE;
}

static int work_on(const struct choices *choices, const char *access,
                   int (*work)(wherry_region *, const struct choices *))
{
    int status;
    wherry_region *region = region_find(verb, choices->words[1], access, &status);
    if (region)
        status = work(region, choices);
    wherry_region_close(region);
    return status;
}

static int read_it(wherry_region *region, const struct choices *choices)
{
    char *room = malloc(PIECE);
    int status = room ? copy_out(region, (uint64_t)choices->offset,
                                 part_of(region, choices), room)
                      : say_error(verb, "no memory");
    free(room);
    return status;
}

static int write_it(wherry_region *region, const struct choices *choices)
{
    char *room = malloc(PIECE);
    int status = room ? copy_in(region, (uint64_t)choices->offset, room)
                      : say_error(verb, "no memory");
    free(room);
    return status;
}

static int flush_it(wherry_region *region, const struct choices *choices)
{
    int r = wherry_region_flush(region, (uint64_t)choices->offset,
                                choices->has_size ? (size_t)choices->size : 0);
    return r < 0 ? say_error(verb, "%s", wherry_error_text()) : DONE;
}

static int read_region(const struct choices *choices)
{
    return work_on(choices, "access=read", read_it);
}

static int write_region(const struct choices *choices)
{
    return work_on(choices, "access=write", write_it);
}

static int flush(const struct choices *choices)
{
    return work_on(choices, "access=write", flush_it);
}

static int remove_region(const struct choices *choices)
{
    return wherry_remove(choices->words[1]) < 0
               ? say_error(verb, "%s", wherry_error_text())
               : DONE;
}

const char *const region_actions[] = {"create", "show",   "read", "write",
                                      "flush",  "remove", NULL};

// In that order.
static int (*const actions[])(const struct choices *) = {
    create, show, read_region, write_region, flush, remove_region};

/* --- the verb ------------------------------------------------------------ */

static int unknown(const char *name)
{
    const char *nearest = nearest_name(name, region_actions);
    return say_usage(verb,
                     "\"%s\" cannot be done%s%s%s; create, show, read, write, "
                     "flush and remove can",
                     name, nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                     nearest ? "\"?" : "");
}

static int run(int argc, char **argv)
{
    struct choices choices;
    if (settings_read(&command_region, argc, argv, 2, 2, &choices) != DONE)
        return USAGE;
    const struct wherry_mechanism *mechanism = mechanism_of(choices.words[1]);
    if (mechanism && !(mechanism->traits & WHERRY_TRAIT_MEMORY))
        return say_usage(verb, "%s: is no memory; memfd:, shm:, shmv: and file: are",
                         mechanism->scheme);
    size_t i = 0;
    while (region_actions[i] && strcmp(region_actions[i], choices.words[0]) != 0)
        i++;
    if (!region_actions[i])
        return unknown(choices.words[0]);
    return interrupt_begin() < 0 ? say_error(verb, "no descriptor left")
                                 : actions[i](&choices);
}

const struct command command_region = {
    .name = "region",
    .arguments = "[OPTION…] ACTION REGION",
    .summary = "Makes, shows, reads, writes and removes shared memory.",
    .settings = settings,
    .help =
        "ACTION is create, show, read, write, flush or remove.  REGION is an address;\n"
        "of one that is made it says the size: shm:/NAME?size=64K, shmv:KEY?size=64K\n"
        "or file:PATH?size=64K.  Only create makes one.  read copies it to stdout,\n"
        "write copies stdin into it; flush brings a file: to the disk.\n"
        "\n"
        "Example:\n"
        "  wherry region create shm:/charts?size=4K\n"
        "  echo ahoy | wherry region write shm:/charts\n"
        "  wherry region read --size 5 shm:/charts\n"
        "  wherry region remove shm:/charts\n",
    .run = run,
};
