/* SPDX-License-Identifier: MIT */
/*
 * All sockets of a network namespace: read from the kernel's text, and found again.
 */
#include "inspect/inspect.h"

#include <arpa/inet.h>
#include <errno.h>
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

/* The columns of one socket that are read. */
struct inet_line {
    char slot[32];
    char local[80];
    char remote[80];
    uint64_t state;
};

// "0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:0 0 0 0 1579 …"; false: it is
// the heading.
static bool take_inet_line(const char *at, struct inet_line *out,
                           struct socket_row *row)
{
    char other[32];
    bool is_one = take_word(&at, out->slot, sizeof(out->slot)) &&
                  take_word(&at, out->local, sizeof(out->local)) &&
                  take_word(&at, out->remote, sizeof(out->remote)) &&
                  take_number(&at, 16, &out->state) &&
                  take_number(&at, 16, &row->unsent) && take_mark(&at, ':') &&
                  take_number(&at, 16, &row->unread);
    for (int i = 0; is_one && i < 4; i++)
        is_one = take_word(&at, other, sizeof(other));
    return is_one && take_number(&at, 10, &row->inode);
}

static int add_inet_line(struct sockets *sockets, const char *text, const char *type)
{
    char addresses[2][ADDRESS_MOST];
    struct inet_line line;
    struct socket_row row = {.type = type, .user = -1};
    struct words local = {addresses[0], ADDRESS_MOST, 0};
    struct words remote = {addresses[1], ADDRESS_MOST, 0};
    if (!take_inet_line(text, &line, &row) || !inet_address(line.local, type, &local) ||
        !inet_address(line.remote, type, &remote))
        return 0;
    // Port 0 is no peer's.
    bool has_peer = strtoul(strchr(line.remote, ':') + 1, NULL, 16) != 0;
    row.is_connected = line.state == TCP_CONNECTED;
    row.listens = line.state == TCP_LISTENS;
    row.local = arena_text(&sockets->arena, addresses[0], local.used);
    row.remote = has_peer ? arena_text(&sockets->arena, addresses[1], remote.used) : "";
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
    // A path ends at its first 0.
    words_add_rest(out, name + is_abstract,
                   is_abstract ? size - 1 : strnlen(name, size));
}

// "0000: 00000002 00000000 00010000 0001 01 1579 /path": '@' stands for 0 there.
static int add_unix_line(struct sockets *sockets, const char *at, const char *unused)
{
    enum { REFERENCES, PROTOCOL, FLAGS, TYPE, STATE, NUMBERS };

    char slot[32];
    char text[ADDRESS_MOST];
    uint64_t numbers[NUMBERS];
    struct socket_row row = {.remote = "", .local = "", .user = -1};
    struct words words = {text, sizeof(text), 0};
    (void)unused;
    bool is_one = take_word(&at, slot, sizeof(slot));
    for (int i = 0; is_one && i < NUMBERS; i++)
        is_one = take_number(&at, 16, &numbers[i]);
    if (!is_one || !take_number(&at, 10, &row.inode))
        return 0;
    row.type = unix_type_name((unsigned)numbers[TYPE]);
    row.listens = numbers[FLAGS] == UNIX_LISTENS_FLAG;
    row.is_connected = numbers[STATE] == UNIX_CONNECTED;
    if (at[0] == ' ' && at[1]) {
        words_add(&words, "unix:");
        words_add_rest(&words, at + 1, strlen(at + 1));
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
            // NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are what is sorted
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
    // NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are what is sorted
    qsort(connected, count, sizeof(*connected), by_addresses);
    pair_inet(connected, count);
    free(connected);
    return 0;
}

void sockets_free(struct sockets *sockets)
{
    arena_free(&sockets->arena);
}
