/* SPDX-License-Identifier: MIT */
/*
 * All sockets of a network namespace: read from the kernel's text, and found again.
 */
#include "inspect/inspect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TCP_CONNECTED = 1, // tcp_states.h
    TCP_LISTENS = 10,
    UNIX_LISTENS_FLAG = 0x10000, // __SO_ACCEPTCON
    UNIX_CONNECTED = 3           // SS_CONNECTED
};

int sockets_add(struct sockets *sockets, const struct socket_row *row)
{
    struct socket_row *rows =
        arena_room(&sockets->arena, sockets->rows, sockets->count, sizeof(*row));
    if (!rows)
        return -ENOMEM;
    sockets->rows = rows;
    sockets->rows[sockets->count++] = *row;
    return 0;
}

/* --- inet ---------------------------------------------------------------- */

// Four bytes as the kernel prints them: one number, of the machine's byte order.
static bool read_bytes(const char *hex, uint8_t out[4])
{
    char digits[9];
    char *end;
    name_copy(digits, sizeof(digits), hex, 8);
    uint32_t number = (uint32_t)strtoul(digits, &end, 16);
    memcpy(out, &number, 4);
    return end == digits + 8;
}

// One of IPv4 that a socket of IPv6 has stands as what it is.
static void add_six(const uint8_t bytes[16], struct words *out)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    char text[INET6_ADDRSTRLEN] = "";
    bool is_four = memcmp(bytes, mapped, sizeof(mapped)) == 0;
    (void)inet_ntop(is_four ? AF_INET : AF_INET6, bytes + (is_four ? 12 : 0), text,
                    sizeof(text));
    words_add(out, is_four ? "%s" : "[%s]", text);
}

// "0100007F:1F90", or with 32 digits; false: it is none.
static bool inet_address(const char *text, const char *scheme, struct words *out)
{
    const char *colon = strchr(text, ':');
    size_t digits = colon ? (size_t)(colon - text) : 0;
    uint8_t bytes[16];
    if (digits != 8 && digits != 32)
        return false;
    for (size_t i = 0; i < digits / 8; i++)
        if (!read_bytes(text + 8 * i, bytes + 4 * i))
            return false;
    words_add(out, "%s:", scheme);
    if (digits == 8)
        words_add(out, "%u.%u.%u.%u", bytes[0], bytes[1], bytes[2], bytes[3]);
    else
        add_six(bytes, out);
    unsigned long port = strtoul(colon + 1, NULL, 16);
    words_add(out, ":%lu", port);
    return true;
}

// "0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:0 0 0 0 1579 …"
static int add_inet_line(struct sockets *sockets, const char *line, const char *type)
{
    char local[80], remote[80], text[2][ADDRESS_MOST];
    unsigned state;
    struct socket_row row = {.type = type};
    struct words words[2] = {{text[0], ADDRESS_MOST, 0}, {text[1], ADDRESS_MOST, 0}};
    if (sscanf(line,
               "%*[^:]: %79s %79s %x %" SCNx64 ":%" SCNx64 " %*s %*s %*s %*s %" SCNu64,
               local, remote, &state, &row.unsent, &row.unread, &row.inode) != 6)
        return 0; // the heading
    if (!inet_address(local, type, &words[0]) || !inet_address(remote, type, &words[1]))
        return 0;
    row.is_connected = state == TCP_CONNECTED;
    row.listens = state == TCP_LISTENS;
    row.local = arena_text(&sockets->arena, text[0], words[0].used);
    row.remote = strtoul(strchr(remote, ':') + 1, NULL, 16) == 0
                     ? ""
                     : arena_text(&sockets->arena, text[1], words[1].used);
    return sockets_add(sockets, &row);
}

static int add_lines(struct sockets *sockets, const char *text, const char *type,
                     int (*add)(struct sockets *, const char *line, const char *type))
{
    int r = 0;
    while (r == 0 && *text) {
        char line[TEXT_MOST];
        size_t size = line_size(text);
        name_copy(line, sizeof(line), text, size);
        r = add(sockets, line, type);
        text += size + (text[size] == '\n');
    }
    return sockets->arena.failed ? -ENOMEM : r;
}

int sockets_add_inet(struct sockets *sockets, const char *text, const char *type)
{
    return add_lines(sockets, text, type, add_inet_line);
}

/* --- unix ---------------------------------------------------------------- */

const char *unix_type_name(unsigned type)
{
    static const char *const names[] = {
        [1] = "unix stream", [2] = "unix datagram", [5] = "unix packet"};
    bool is_known = type < sizeof(names) / sizeof(names[0]) && names[type];
    return is_known ? names[type] : "unix";
}

void unix_address(const char *name, size_t size, struct words *out)
{
    bool is_abstract = size > 0 && name[0] == 0;
    if (size == 0)
        return;
    words_add(out, "unix:%s", is_abstract ? "@" : "");
    for (size_t i = is_abstract; i < size && (name[i] || is_abstract); i++)
        words_add(out, name[i] ? "%c" : "%%00", name[i]);
}

// "0000: 00000002 00000000 00010000 0001 01 1579 /path": '@' stands for 0 there.
static int add_unix_line(struct sockets *sockets, const char *line, const char *type)
{
    unsigned flags, sort, state;
    int begin = 0;
    struct socket_row row = {.remote = "", .local = ""};
    char text[ADDRESS_MOST];
    struct words words = {text, sizeof(text), 0};
    (void)type;
    if (sscanf(line, "%*[^:]: %*x %*x %x %x %x %" SCNu64 "%n", &flags, &sort, &state,
               &row.inode, &begin) < 4 ||
        begin == 0)
        return 0;
    row.type = unix_type_name(sort);
    row.listens = flags == UNIX_LISTENS_FLAG;
    row.is_connected = state == UNIX_CONNECTED;
    if (line[begin] == ' ' && line[begin + 1]) {
        words_add(&words, "unix:%s", line + begin + 1);
        row.local = arena_text(&sockets->arena, text, words.used);
    }
    return sockets_add(sockets, &row);
}

int sockets_add_unix(struct sockets *sockets, const char *text)
{
    return add_lines(sockets, text, "unix", add_unix_line);
}

/* --- found again --------------------------------------------------------- */

static int by_inode(const void *a, const void *b)
{
    const struct socket_row *left = a;
    const struct socket_row *right = b;
    return left->inode < right->inode ? -1 : left->inode > right->inode;
}

// The kernel has equal rows of no inode for sockets that nobody has open any more.
const struct socket_row *sockets_find(const struct sockets *sockets, uint64_t inode)
{
    const struct socket_row wanted = {.inode = inode};
    if (sockets->count == 0 || inode == 0)
        return NULL;
    return bsearch(&wanted, sockets->rows, sockets->count, sizeof(wanted), by_inode);
}

static int by_addresses(const void *a, const void *b)
{
    const struct socket_row *left = *(struct socket_row *const *)a;
    const struct socket_row *right = *(struct socket_row *const *)b;
    int order = strcmp(left->local, right->local);
    return order ? order : strcmp(left->remote, right->remote);
}

// On one machine, the peer of A to B is B to A.
static void pair_inet(struct socket_row **connected, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct socket_row turned = {.local = connected[i]->remote,
                                          .remote = connected[i]->local};
        const struct socket_row *wanted = &turned;
        struct socket_row **peer =
            bsearch(&wanted, connected, count, sizeof(*connected), by_addresses);
        if (peer)
            connected[i]->peer = (*peer)->inode;
    }
}

int sockets_sort(struct sockets *sockets)
{
    size_t count = 0;
    struct socket_row **connected =
        calloc(sockets->count + 1, sizeof(struct socket_row *));
    if (!connected)
        return -ENOMEM;
    if (sockets->count > 0)
        qsort(sockets->rows, sockets->count, sizeof(*sockets->rows), by_inode);
    for (size_t i = 0; i < sockets->count; i++) {
        struct socket_row *row = &sockets->rows[i];
        if (strncmp(row->type, "unix", 4) != 0 && row->is_connected && *row->remote)
            connected[count++] = row;
    }
    qsort(connected, count, sizeof(*connected), by_addresses);
    pair_inet(connected, count);
    free(connected);
    return 0;
}

void sockets_free(struct sockets *sockets)
{
    arena_free(&sockets->arena);
}
