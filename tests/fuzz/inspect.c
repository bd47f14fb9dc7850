/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: what the kernel prints of processes and sockets, as any bytes.
 *
 * The kernel is trusted, but names in its text are what any process chose.  The input's
 * first byte chooses who reads the rest.
 */
#include "fuzz.h"

#include <errno.h>

#include "inspect/inspect.h"

enum { TEXT = 2048, OBJECTS = WHERRY_OBJECT_OTHER + 2 };

static void check_ended(const char *text, size_t room)
{
    PROPERTY(memchr(text, 0, room));
}

static void read_stat(const char *text)
{
    struct stat_line stat;
    int r = stat_read(text, &stat);
    PROPERTY(r == 0 || r == -EINVAL);
    if (r == 0)
        check_ended(stat.name, sizeof stat.name);
}

static void read_link(const char *text)
{
    struct link link;
    size_t size = strlen(text);
    link_read(text, &link);
    PROPERTY(link.name >= text && link.name + link.name_size <= text + size);
}

static void read_fdinfo(const char *text)
{
    for (int object = 0; object < OBJECTS; object++) {
        char out[WORDS_MOST] = "";
        struct words words = {out, sizeof out, 0};
        object_words((enum wherry_object)object, text, &words);
        PROPERTY(words.used < sizeof out && strlen(out) == words.used);
    }
}

static void read_mapping(const char *text)
{
    struct mapping mapping;
    if (!mapping_read(text, line_size(text), &mapping))
        return;
    check_ended(mapping.address, sizeof mapping.address);
    PROPERTY(strchr(mapping.address, ':'));
}

static void check_sockets(struct sockets *sockets)
{
    PROPERTY(sockets_sort(sockets) == 0);
    for (size_t i = 0; i < sockets->count; i++) {
        const struct socket_row *row = &sockets->rows[i];
        PROPERTY(row->type && row->local && row->remote);
        PROPERTY(i == 0 || row[-1].inode <= row->inode);
        PROPERTY(row->inode == 0 || sockets_find(sockets, row->inode));
    }
    sockets_free(sockets);
}

static void read_tcp(const char *text)
{
    struct sockets sockets = {.count = 0};
    PROPERTY(sockets_add_inet(&sockets, text, "tcp") == 0);
    check_sockets(&sockets);
}

static void read_unix(const char *text)
{
    struct sockets sockets = {.count = 0};
    PROPERTY(sockets_add_unix(&sockets, text) == 0);
    check_sockets(&sockets);
}

static void (*const readers[])(const char *text) = {
    read_stat, read_link, read_fdinfo, read_mapping, read_tcp, read_unix};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 1 || size > TEXT)
        return 0;
    char *text = malloc(size);
    PROPERTY(text);
    memcpy(text, bytes + 1, size - 1);
    text[size - 1] = 0;
    readers[bytes[0] % (sizeof readers / sizeof readers[0])](text);
    free(text);
    return 0;
}
