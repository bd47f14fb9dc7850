/* SPDX-License-Identifier: MIT */
/*
 * A block of header lines before each message, as the Language Server Protocol and the
 * Debug Adapter Protocol have it:
 *
 *   Content-Length: 52\r\n
 *   Content-Type: application/vscode-jsonrpc; charset=utf-8\r\n     (any others are
 * skipped) \r\n {…52 bytes…}
 *
 * The first byte that cannot stand in such a block ends it with -EPROTO, so that a peer
 * that speaks something else is not waited for until 8 KiB are full.  There is no way
 * back into step after an error.
 */
#include "framing/framing.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"

enum { BLOCK_SIZE = 8192 };

static const char length_name[] = "Content-Length";
static const char length_name_small[] = "content-length";

enum { NAME_SIZE = sizeof length_name - 1 };

/* RFC 9110, 5.6.2: the characters of a token, !#$%&'*+-.^_`|~ and letters and digits.
 */
static bool is_name(uint8_t c)
{
    static const uint32_t allowed[8] = {0, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff};
    return allowed[c >> 5] >> (c & 31) & 1;
}

static bool is_value(uint8_t c)
{
    return c == '\t' || (c >= ' ' && c != 0x7f);
}

/* Whether a name of NAME_SIZE bytes is Content-Length, in letters of any case. */
static bool is_length_name(const uint8_t *name)
{
    for (size_t i = 0; i < NAME_SIZE; i++) {
        uint8_t small = name[i] >= 'A' && name[i] <= 'Z' ? name[i] | 0x20 : name[i];
        if (small != (uint8_t)length_name_small[i])
            return false;
    }
    return true;
}

static int header_encode(const struct frame *frame, struct frame_room *room)
{
    int r = framing_plain_only("header", frame);
    if (r < 0)
        return r;
    int size = snprintf((char *)room->head, FRAMING_HEAD, "%s: %llu\r\n\r\n",
                        length_name, (unsigned long long)frame->size);
    room->place = (struct frame_place){.head_size = (size_t)size};
    return 0;
}

/* Looks at one line of the block: FRAMING_FOUND and its *length with the "\r\n" (2: the
 * empty line that ends the block), FRAMING_MORE, or -EPROTO without a sentence. */
static int look_at_line(const uint8_t *line, size_t size, size_t *length)
{
    size_t i = 0;
    while (i < size && is_name(line[i]))
        i++;
    if (i < size && i > 0 && line[i] == ':') {
        i++;
        while (i < size && is_value(line[i]))
            i++;
    } else if (i < size && i > 0) {
        return -EPROTO;
    }
    if (i < size && line[i] != '\r')
        return -EPROTO;
    if (i + 1 < size && line[i + 1] != '\n')
        return -EPROTO;
    if (i + 2 > size)
        return FRAMING_MORE;
    *length = i + 2;
    return FRAMING_FOUND;
}

/* Reads the value of Content-Length, which ends at '\r'; too large a number becomes the
 * largest.  0 or -EPROTO. */
static int read_number(const uint8_t *value, uint64_t *out)
{
    uint64_t number = 0;
    while (*value == ' ' || *value == '\t')
        value++;
    if (*value == '\r')
        return -EPROTO;
    for (; *value >= '0' && *value <= '9'; value++)
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, *value - '0', &number))
            number = UINT64_MAX;
    while (*value == ' ' || *value == '\t')
        value++;
    *out = number;
    return *value == '\r' ? 0 : -EPROTO;
}

/* Reads the size out of a whole block, whose lines are well-formed. */
static int read_block(const uint8_t *block, size_t size, uint64_t *out)
{
    bool is_found = false;
    const uint8_t *next;
    for (const uint8_t *line = block; line < block + size; line = next) {
        next = (const uint8_t *)memchr(line, '\n', (size_t)(block + size - line)) + 1;
        if (next - line < NAME_SIZE + 1 || line[NAME_SIZE] != ':' ||
            !is_length_name(line))
            continue;
        if (is_found)
            return failure(-EPROTO, "the header names Content-Length twice");
        int r = read_number(line + NAME_SIZE + 1, out);
        if (r < 0)
            return failure(r,
                           "the header says \"%.*s\", which is no number of bytes; "
                           "\"Content-Length: 52\" is one",
                           (int)(next - line - 2 < 80 ? next - line - 2 : 80),
                           (const char *)line);
        is_found = true;
    }
    if (is_found)
        return 0;
    return failure(-EPROTO,
                   "the header ends without a Content-Length; a message begins "
                   "\"Content-Length: 52\\r\\n\\r\\n\"");
}

static int wrong_line(const struct frame_scan *scan, const uint8_t *bytes, size_t size)
{
    if (scan->seen == 0)
        return framing_foreign("header", bytes, size);
    return failure(
        -EPROTO,
        "a broken header line after \"%.*s\": each is \"Name: value\\r\\n\", an "
        "empty one ends them",
        (int)(scan->seen - 2 < 80 ? scan->seen - 2 : 80), (const char *)bytes);
}

// NOLINTNEXTLINE(readability-function-size): the six parameters of struct framing
static int header_scan(struct frame_scan *scan, const uint8_t *bytes, size_t size,
                       uint64_t limit, struct frame *frame, struct frame_place *place)
{
    size_t most = size < BLOCK_SIZE ? size : BLOCK_SIZE;
    size_t length = 0;
    uint64_t announced = 0;
    while (length != 2) {
        int r = look_at_line(bytes + scan->seen, most - scan->seen, &length);
        if (r < 0)
            return wrong_line(scan, bytes, size);
        if (r == FRAMING_MORE && most < BLOCK_SIZE)
            return FRAMING_MORE;
        if (r == FRAMING_MORE)
            return failure(-EPROTO, "a header of more than %d bytes", BLOCK_SIZE);
        scan->seen += length;
    }
    int r = read_block(bytes, scan->seen, &announced);
    if (r < 0)
        return r;
    if (announced > limit)
        return framing_too_large("header", announced, limit, NULL, 0);
    *frame = (struct frame){.size = announced};
    *place = (struct frame_place){.head_size = scan->seen};
    return FRAMING_FOUND;
}

const struct framing framing_header = {
    .info = {.name = "header",
             .summary =
                 "a Content-Length header before each message; for language servers "
                 "(LSP) and debug adapters (DAP)",
             .abilities = WHERRY_ABLE_FINISH},
    .encode = header_encode,
    .scan = header_scan,
};
