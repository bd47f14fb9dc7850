/* SPDX-License-Identifier: MIT */
/*
 * The header framing: Content-Length as LSP and DAP have it, and nothing that could be
 * read in two ways.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <wherry/channel.h>

#include "framing_stream.h"

enum { LIMIT = 1000, BLOCK = 8192 };

static int scan_text(const char *text, struct frame *frame, struct frame_place *place)
{
    return scan_once("header", text, strlen(text), LIMIT, frame, place);
}

TEST(a_header_is_written_as_language_servers_read_it)
{
    struct frame_edges edges;
    CHECK_INT(
        framing_encode(framing_find("header"), &(struct frame){.size = 52}, &edges), 0);
    CHECK_INT(edges.place.head_size, strlen("Content-Length: 52\r\n\r\n"));
    CHECK_BYTES(edges.head, "Content-Length: 52\r\n\r\n", edges.place.head_size);
    CHECK_INT(edges.place.tail_size, 0);
}

TEST(what_is_written_is_read)
{
    static const uint64_t sizes[] = {0, 1, 9, 10, 1 << 24, UINT32_MAX, UINT64_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct frame_edges edges;
        struct frame frame;
        struct frame_place place;
        CHECK_INT(framing_encode(framing_find("header"),
                                 &(struct frame){.size = sizes[i]}, &edges),
                  0);
        CHECK_INT(scan_once("header", edges.head, edges.place.head_size, UINT64_MAX,
                            &frame, &place),
                  FRAMING_FOUND);
        CHECK(frame.size == sizes[i]);
        CHECK_INT(place.head_size, edges.place.head_size);
        CHECK_INT(place.tail_size, 0);
    }
}

static const struct {
    const char *text;
    size_t head; // 0: all of it
    uint64_t size;
} accepted[] = {
    {"Content-Length: 5\r\n\r\nhello", 21, 5},
    {"Content-Length:5\r\n\r\n", 0, 5},
    {"content-length: 5\r\n\r\n", 0, 5},
    {"CONTENT-LENGTH: 5\r\n\r\n", 0, 5},
    {"Content-Length: \t 5 \t\r\n\r\n", 0, 5},
    {"Content-Length: 0\r\n\r\n", 0, 0},
    {"Content-Length: 0007\r\n\r\n", 0, 7},
    {"Content-Length: 1000\r\n\r\n", 0, 1000},
    {"Content-Length: 5\r\nContent-Type: application/vscode-jsonrpc; "
     "charset=utf-8\r\n\r\n",
     0, 5},
    {"Content-Type: x; charset=utf8\r\nContent-Length: 5\r\n\r\n", 0, 5},
    {"X:\r\nY: \xc3\xa9\t\"\r\nContent-Length: 5\r\n\r\n", 0, 5},
    {"Content-Lengthy: 9\r\nContent-Lengt: 9\r\nContent-Length: 5\r\n\r\n", 0, 5},
    {"Content-Lengts: 9\r\nContent-Length: 5\r\n\r\n", 0, 5},
    {"x-content-length: 9\r\nContent-Length: 5\r\n\r\n", 0, 5},
    {"!#$%&'*+-.^_`|~09azAZ: 1\r\nContent-Length: 5\r\n\r\n", 0, 5},
};

TEST(what_clients_write_is_accepted)
{
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        struct frame frame;
        struct frame_place place;
        CHECK_INT(scan_text(accepted[i].text, &frame, &place), FRAMING_FOUND);
        CHECK_INT(frame.size, accepted[i].size);
        CHECK_INT(frame.word, FRAME_MESSAGE);
        CHECK_INT(place.head_size,
                  accepted[i].head ? accepted[i].head : strlen(accepted[i].text));
        CHECK_INT(place.tail_size, 0);
    }
}

static const struct {
    const char *text;
    const char *told;
} refused[] = {
    {"X: y\r\n\r\n", "without a Content-Length"},
    {"\r\n\r\n", "without a Content-Length"},
    {"Content-Length: 5\r\nContent-Length: 5\r\n\r\n", "twice"},
    {"Content-Length: 5\r\nX: y\r\ncontent-length: 6\r\n\r\n", "twice"},
    {"Content-Length:\r\n\r\n", "\"Content-Length:\""},
    {"Content-Length: \t\r\n\r\n", "no number"},
    {"Content-Length: -1\r\n\r\n", "\"Content-Length: -1\""},
    {"Content-Length: +1\r\n\r\n", "no number"},
    {"Content-Length: 0x10\r\n\r\n", "no number"},
    {"Content-Length: 1 2\r\n\r\n", "no number"},
    {"Content-Length: 1,2\r\n\r\n", "no number"},
    {"Content-Length: five\r\n\r\n", "no number"},
    {"Content-Length : 5\r\n\r\n", "broken record"},
    {"Content-Length 5\r\n\r\n", "broken record"},
    {"Content-Length: 5\n\nhello", "broken record"},
    {"Content-Length: 5\rX: y\r\n\r\n", "broken record"},
    {"X: y\r\n: y\r\n", "broken header line after \"X: y\""},
    {"X: y\r\n\n", "broken header line"},
    {"X: y\r\nfolded\r\n", "broken header line"},
    {"X: y\r\n folded\r\n", "broken header line"},
    {"X: y\r\nZ: \x1b[1m\r\n", "broken header line"},
    {"X: \x7f\r\n\r\n", "does not speak"},
    {"X\xc3\xa9: y\r\n", "does not speak"},
    {"\n", "does not speak"},
    {"\rX", "does not speak"},
    {"GET / HTTP/1.1\r\n\r\n", "an HTTP request"},
    {"{\"jsonrpc\":\"2.0\"}\n", "JSON; framing=line"},
    {" Content-Length: 5\r\n\r\n", "does not speak"},
};

TEST(what_is_broken_is_refused_and_says_why)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct frame frame;
        CHECK_ERROR(scan_text(refused[i].text, &frame, NULL), -EPROTO);
        CHECK_CONTAINS(wherry_error_text(), refused[i].told);
    }
}

TEST(what_is_long_is_told_in_part)
{
    char text[256];
    char told[256];
    struct frame frame;
    for (int digits = 64; digits < 66; digits++) { // 80 bytes with the name, and 81
        snprintf(text, sizeof text, "Content-Length: %0*dx\r\n\r\n", digits - 1, 1);
        snprintf(told, sizeof told, "says \"Content-Length: %0*d%s\"", digits - 1, 1,
                 digits == 64 ? "x" : "");
        CHECK_ERROR(scan_text(text, &frame, NULL), -EPROTO);
        CHECK_CONTAINS(wherry_error_text(), told);
        snprintf(text, sizeof text, "X:%0*dx\r\n{", digits + 13, 1);
        snprintf(told, sizeof told, "after \"X:%0*d%s\"", digits + 13, 1,
                 digits == 64 ? "x" : "");
        CHECK_ERROR(scan_text(text, &frame, NULL), -EPROTO);
        CHECK_CONTAINS(wherry_error_text(), told);
    }
}

TEST(a_stranger_is_refused_at_its_first_wrong_byte)
{
    struct frame frame;
    CHECK_INT(scan_once("header", "GET", 3, LIMIT, &frame, NULL), FRAMING_MORE);
    CHECK_ERROR(scan_once("header", "GET ", 4, LIMIT, &frame, NULL), -EPROTO);
    CHECK_ERROR(scan_once("header", "{", 1, LIMIT, &frame, NULL), -EPROTO);
    CHECK_INT(scan_once("header", "X: y\r", 5, LIMIT, &frame, NULL), FRAMING_MORE);
    CHECK_ERROR(scan_once("header", "X: y\rX", 6, LIMIT, &frame, NULL), -EPROTO);
}

TEST(every_byte_in_a_name_is_judged)
{
    static const char names[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (int byte = 0; byte < 256; byte++) {
        struct frame frame;
        char text[] = "X?";
        text[1] = (char)byte;
        bool is_fine = byte == ':' || (byte && strchr(names, byte));
        CHECK_INT(scan_once("header", text, 2, LIMIT, &frame, NULL),
                  is_fine ? FRAMING_MORE : -EPROTO);
    }
}

TEST(every_byte_in_a_value_is_judged)
{
    for (int byte = 0; byte < 256; byte++) {
        struct frame frame;
        char text[] = "X:?";
        text[2] = (char)byte;
        bool is_fine = byte == '\t' || byte == '\r' || (byte >= ' ' && byte != 0x7f);
        CHECK_INT(scan_once("header", text, 3, LIMIT, &frame, NULL),
                  is_fine ? FRAMING_MORE : -EPROTO);
    }
}

TEST(the_limit_is_the_largest_that_is_taken)
{
    struct frame frame;
    CHECK_ERROR(scan_text("Content-Length: 1001\r\n\r\n", &frame, NULL), -EMSGSIZE);
    CHECK_CONTAINS(wherry_error_text(), "1001");
    CHECK_CONTAINS(wherry_error_text(), "1000");
    CHECK_ERROR(scan_text("Content-Length: 18446744073709551615\r\n\r\n", &frame, NULL),
                -EMSGSIZE);
    CHECK_ERROR(scan_text("Content-Length: 18446744073709551616\r\n\r\n", &frame, NULL),
                -EMSGSIZE);
    CHECK_ERROR(scan_text("Content-Length: 18446744073709551621\r\n\r\n", &frame, NULL),
                -EMSGSIZE);
    CHECK_ERROR(
        scan_text("Content-Length: 99999999999999999999999999\r\n\r\n", &frame, NULL),
        -EMSGSIZE);
}

/* "Content-Length: 5", one header that fills up to `size` bytes with the empty line. */
static size_t make_block(char *block, size_t size)
{
    static const char start[] = "Content-Length: 5\r\nX:";
    memcpy(block, start, sizeof start - 1);
    memset(block + sizeof start - 1, 'x', size - (sizeof start - 1) - 4);
    memcpy(block + size - 4, "\r\n\r\n", 4);
    return size;
}

TEST(a_block_of_8192_bytes_is_the_largest)
{
    static char block[BLOCK + 1];
    struct frame frame;
    struct frame_place place;
    make_block(block, BLOCK);
    CHECK_INT(scan_once("header", block, BLOCK, LIMIT, &frame, &place), FRAMING_FOUND);
    CHECK_INT(place.head_size, BLOCK);
    CHECK_INT(scan_once("header", block, BLOCK - 1, LIMIT, &frame, &place),
              FRAMING_MORE);
    make_block(block, BLOCK + 1);
    CHECK_ERROR(scan_once("header", block, BLOCK + 1, LIMIT, &frame, &place), -EPROTO);
    CHECK_CONTAINS(wherry_error_text(), "8192");
    CHECK_ERROR(scan_once("header", block, BLOCK, LIMIT, &frame, &place), -EPROTO);
    CHECK_INT(scan_once("header", block, BLOCK - 1, LIMIT, &frame, &place),
              FRAMING_MORE);
}

TEST(lines_that_were_read_are_not_read_again)
{
    struct frame_scan scan = {0};
    struct frame frame;
    struct frame_place place;
    static const char text[] = "X: y\r\nContent-Le";
    const struct framing *framing = framing_find("header");
    CHECK_INT(framing->scan(&scan, (const uint8_t *)text, sizeof text - 1, LIMIT,
                            &frame, &place),
              FRAMING_MORE);
    CHECK_INT(scan.seen, 6);
}

TEST(any_payload_is_carried)
{
    CHECK(!framing_find("header")->check);
    CHECK(!framing_find("header")->end_completes);
    CHECK(!framing_find("header")->has_words);
}
