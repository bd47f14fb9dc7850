/* SPDX-License-Identifier: MIT */
/*
 * The wherry framing: its 16 bytes, what it refuses, and what it says to strangers.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <wherry/channel.h>

#include "framing_stream.h"

enum { HEAD = 16, LIMIT = 1 << 24 };

/* A head by hand: size, version, files, flags, kind. */
static void put_head(uint8_t head[HEAD], uint32_t size, const uint8_t middle[4],
                     uint64_t kind)
{
    for (int i = 0; i < 4; i++)
        head[i] = (uint8_t)(size >> 8 * i);
    memcpy(head + 4, middle, 4);
    for (int i = 0; i < 8; i++)
        head[8 + i] = (uint8_t)(kind >> 8 * i);
}

static int scan_head(uint32_t size, const char *middle, uint64_t kind, uint64_t limit,
                     struct frame *frame)
{
    uint8_t head[HEAD];
    put_head(head, size, (const uint8_t *)middle, kind);
    return scan_once("wherry", head, HEAD, limit, frame, NULL);
}

TEST(a_head_has_the_bytes_that_the_format_says)
{
    static const uint8_t expected[HEAD] = {0x04, 0x03, 0x02, 0x01, 1,    7,
                                           0,    0,    0x88, 0x77, 0x66, 0x55,
                                           0x44, 0x33, 0x22, 0x11};
    struct frame frame = {
        .size = 0x01020304, .files = 7, .kind = INT64_C(0x1122334455667788)};
    struct frame_edges edges;
    CHECK_INT(framing_encode(framing_find("wherry"), &frame, &edges), 0);
    CHECK_INT(edges.place.head_size, HEAD);
    CHECK_INT(edges.place.tail_size, 0);
    CHECK_BYTES(edges.head, expected, HEAD);
}

TEST(what_is_written_is_read)
{
    static const uint64_t sizes[] = {0, 1, 255, 256, 65536, 1 << 24, UINT32_MAX};
    static const int64_t kinds[] = {0, 1, 255, INT64_C(1) << 32, INT64_MAX};
    static const uint32_t files[] = {0, 1, 253, 255};
    for (size_t i = 0; i < 7 * 5 * 4; i++) {
        const struct frame frame = {
            .size = sizes[i % 7], .kind = kinds[i / 7 % 5], .files = files[i / 35]};
        struct frame again;
        struct frame_place place;
        struct frame_edges edges;
        CHECK_INT(framing_encode(framing_find("wherry"), &frame, &edges), 0);
        CHECK_INT(scan_once("wherry", edges.head, HEAD, UINT32_MAX, &again, &place),
                  FRAMING_FOUND);
        CHECK_INT(again.word, FRAME_MESSAGE);
        CHECK_INT(again.size, frame.size);
        CHECK_INT(again.kind, frame.kind);
        CHECK_INT(again.files, frame.files);
        CHECK_INT(place.head_size, HEAD);
        CHECK_INT(place.tail_size, 0);
    }
}

TEST(every_word_is_written_and_read)
{
    for (int word = 0; word < FRAME_WORDS; word++) {
        const struct frame frame = {.word = (enum frame_word)word, .kind = 42};
        struct frame again;
        struct frame_edges edges;
        CHECK_INT(framing_encode(framing_find("wherry"), &frame, &edges), 0);
        CHECK_INT(edges.head[6], word);
        CHECK_INT(scan_once("wherry", edges.head, HEAD, 0, &again, NULL),
                  FRAMING_FOUND);
        CHECK_INT(again.word, word);
        CHECK_INT(again.kind, 42);
    }
}

static int encode(struct frame frame)
{
    struct frame_edges edges;
    return framing_encode(framing_find("wherry"), &frame, &edges);
}

TEST(what_has_no_place_is_not_written)
{
    CHECK_ERROR(encode((struct frame){.word = FRAME_WORDS}), -ENOTSUP);
    CHECK_ERROR(encode((struct frame){.kind = -1}), -ENOTSUP);
    CHECK_ERROR(encode((struct frame){.files = 256}), -ENOTSUP);
    CHECK_ERROR(encode((struct frame){.word = FRAME_END, .files = 1}), -ENOTSUP);
    CHECK_ERROR(encode((struct frame){.size = UINT64_C(1) << 32}), -EMSGSIZE);
    CHECK_CONTAINS(wherry_error_text(), "4294967296");
    CHECK_ERROR(encode((struct frame){.word = FRAME_SYNC, .size = 1}), -EMSGSIZE);
    CHECK_ERROR(encode((struct frame){.word = FRAME_HELLO, .size = 4097}), -EMSGSIZE);
    CHECK_INT(encode((struct frame){.word = FRAME_HELLO, .size = 4096, .files = 1}), 0);
}

TEST(every_part_of_a_head_is_waited_for)
{
    uint8_t head[HEAD];
    put_head(head, 5, (const uint8_t *)"\1\0\0\0", 0);
    for (size_t size = 0; size < HEAD; size++) {
        struct frame frame = {.size = 77};
        CHECK_INT(scan_once("wherry", head, size, LIMIT, &frame, NULL), FRAMING_MORE);
        CHECK_INT(frame.size, 77);
    }
}

TEST(the_limit_is_the_largest_that_is_taken)
{
    struct frame frame;
    CHECK_INT(scan_head(1000, "\1\0\0\0", 0, 1000, &frame), FRAMING_FOUND);
    CHECK_ERROR(scan_head(1001, "\1\0\0\0", 0, 1000, &frame), -EMSGSIZE);
    CHECK_CONTAINS(wherry_error_text(), "1001");
    CHECK_CONTAINS(wherry_error_text(), "1000");
    CHECK_CONTAINS(wherry_error_text(), "message=");
    CHECK_INT(scan_head(0, "\1\0\0\0", 0, 0, &frame), FRAMING_FOUND);
}

TEST(a_hello_has_a_limit_of_its_own)
{
    struct frame frame;
    CHECK_INT(scan_head(32, "\1\0\1\0", 0, 1, &frame), FRAMING_FOUND);
    CHECK_INT(frame.word, FRAME_HELLO);
    CHECK_INT(scan_head(4096, "\1\2\1\0", 0, 1, &frame), FRAMING_FOUND);
    CHECK_INT(frame.files, 2);
    CHECK_ERROR(scan_head(4097, "\1\0\1\0", 0, LIMIT, &frame), -EPROTO);
    CHECK_CONTAINS(wherry_error_text(), "4097");
}

TEST(words_carry_nothing)
{
    static const char *const words[] = {"\1\0\2\0", "\1\0\3\0", "\1\0\4\0"};
    static const char *const words_with_files[] = {"\1\1\2\0", "\1\1\3\0", "\1\1\4\0"};
    struct frame frame;
    for (size_t i = 0; i < 3; i++) {
        CHECK_INT(scan_head(0, words[i], 0, LIMIT, &frame), FRAMING_FOUND);
        CHECK_ERROR(scan_head(1, words[i], 0, LIMIT, &frame), -EPROTO);
        CHECK_ERROR(scan_head(0, words_with_files[i], 0, LIMIT, &frame), -EPROTO);
    }
}

TEST(a_plain_message_needs_few_steps)
{
    const struct framing *framing = framing_find("wherry");
    const struct frame frames[] = {
        {.size = 0},
        {.size = 64, .kind = INT64_MAX},
        {.size = UINT32_MAX, .kind = 1},
    };
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        struct frame_edges edges;
        uint8_t head[HEAD];
        int64_t kind;
        CHECK_INT(framing_encode(framing, &frames[i], &edges), 0);
        framing->encode_plain(head, frames[i].size, frames[i].kind);
        CHECK_BYTES(head, edges.head, HEAD);
        CHECK_INT(framing->scan_plain(head, &kind), frames[i].size);
        CHECK_INT(kind, frames[i].kind);
    }
}

TEST(what_is_not_plain_needs_all_steps)
{
    const struct framing *framing = framing_find("wherry");
    const struct frame frames[] = {
        {.size = 64, .files = 1},
        {.size = 64, .is_padded = true},
        {.size = 64, .word = FRAME_HELLO},
        {.word = FRAME_END},
    };
    int64_t kind;
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        struct frame_edges edges;
        CHECK_INT(framing_encode(framing, &frames[i], &edges), 0);
        CHECK_INT(framing->scan_plain(edges.head, &kind), -1);
    }
    uint8_t head[HEAD];
    framing->encode_plain(head, 64, -1);
    CHECK_INT(framing->scan_plain(head, &kind), -1);
    framing->encode_plain(head, 64, 0);
    head[4] = 2; // a later version
    CHECK_INT(framing->scan_plain(head, &kind), -1);
}

enum { PADDED = 0x10, PADDED_HEAD = 64 };

TEST(a_padded_payload_begins_at_byte_64)
{
    const struct framing *framing = framing_find("wherry");
    const struct frame frame = {.size = 9, .kind = 5, .files = 3, .is_padded = true};
    struct frame_edges edges;
    CHECK_INT(framing_encode(framing, &frame, &edges), 0);
    CHECK_INT(edges.place.head_size, PADDED_HEAD);
    CHECK_INT(edges.head[6], PADDED);
    for (size_t i = HEAD; i < PADDED_HEAD; i++)
        CHECK_INT(edges.head[i], 0);
    struct frame again;
    struct frame_place place;
    for (size_t size = HEAD; size < PADDED_HEAD; size++) {
        struct frame_scan scan = {0};
        CHECK_INT(framing->scan(&scan, edges.head, size, LIMIT, &again, &place),
                  FRAMING_MORE);
        CHECK_INT(scan.seen, size);
    }
    CHECK_INT(scan_once("wherry", edges.head, PADDED_HEAD, LIMIT, &again, &place),
              FRAMING_FOUND);
    CHECK_INT(place.head_size, PADDED_HEAD);
    CHECK(again.size == 9 && again.kind == 5 && again.files == 3 && again.is_padded);
}

TEST(no_word_is_padded)
{
    for (int word = FRAME_HELLO; word < FRAME_WORDS; word++) {
        const struct frame frame = {.word = (enum frame_word)word, .is_padded = true};
        struct frame_edges edges;
        CHECK_ERROR(framing_encode(framing_find("wherry"), &frame, &edges), -ENOTSUP);
    }
}

TEST(every_unknown_word_and_flag_is_refused)
{
    struct frame frame;
    for (unsigned flags = 0; flags < 65536; flags++) {
        const char middle[4] = {1, 0, (char)flags, (char)(flags >> 8)};
        int r = scan_head(0, middle, 0, LIMIT, &frame);
        if (flags < FRAME_WORDS)
            CHECK_INT(r, FRAMING_FOUND);
        else if (flags == PADDED)
            CHECK_INT(r, FRAMING_MORE);
        else
            CHECK_ERROR(r, -EPROTO);
    }
    CHECK_CONTAINS(wherry_error_text(), "0xFFFF");
}

TEST(a_negative_kind_is_refused)
{
    struct frame frame;
    CHECK_INT(scan_head(0, "\1\0\0\0", INT64_MAX, LIMIT, &frame), FRAMING_FOUND);
    CHECK_ERROR(scan_head(0, "\1\0\0\0", UINT64_C(1) << 63, LIMIT, &frame), -EPROTO);
    CHECK_CONTAINS(wherry_error_text(), "-9223372036854775808");
    CHECK_ERROR(scan_head(0, "\1\0\0\0", UINT64_MAX, LIMIT, &frame), -EPROTO);
}

TEST(every_other_version_is_refused_at_its_byte)
{
    struct frame frame;
    for (int version = 0; version < 256; version++) {
        uint8_t head[HEAD];
        put_head(head, 5, (const uint8_t[]){(uint8_t)version, 0, 0, 0}, 0);
        int r = scan_once("wherry", head, 5, LIMIT, &frame, NULL);
        CHECK_INT(r, version == 1 ? FRAMING_MORE : -EPROTO);
    }
}

TEST(a_peer_of_a_later_version_is_told_which)
{
    struct frame frame;
    CHECK_ERROR(scan_head(32, "\2\0\1\0", 0, LIMIT, &frame), -EPROTO);
    CHECK_CONTAINS(wherry_error_text(), "version 2");
    CHECK_CONTAINS(wherry_error_text(), "version 1");
    CHECK_ERROR(scan_head(32, "\x08\0\1\0", 0, LIMIT, &frame), -EPROTO);
    CHECK_CONTAINS(wherry_error_text(), "version 8");
    CHECK_ERROR(scan_head(32, "\x09\0\1\0", 0, LIMIT, &frame), -EPROTO);
    CHECK_CONTAINS(wherry_error_text(), "nothing that is known");
    CHECK_ERROR(scan_head(1 << 24, "\2\0\1\0", 0, LIMIT, &frame), -EPROTO);
    CHECK(!strstr(wherry_error_text(), "version 2"));
}

static const struct {
    const char *bytes;
    size_t size;
    const char *told;
} strangers[] = {

#define STRANGER(bytes, told)                                                          \
    {                                                                                  \
        bytes, sizeof bytes - 1, told                                                  \
    }
    STRANGER("GET / HTTP/1.1\r\nHost: x\r\n", "an HTTP request"),
    STRANGER("POST /x HTTP/1.1\r\n", "an HTTP request"),
    STRANGER("HTTP/1.1 400 Bad Request\r\n", "an HTTP answer"),
    STRANGER("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/2"),
    STRANGER("SSH-2.0-OpenSSH_9.2\r\n", "SSH"),
    STRANGER("\x16\x03\x01\x02\x00\x01", "TLS"),
    STRANGER("Content-Length: 5\r\n\r\nhello", "framing=header"),
    STRANGER("content-type: x\r\n", "framing=header"),
    STRANGER("{\"jsonrpc\":\"2.0\"}\n", "JSON; framing=line"),
    STRANGER("[1,2]\n", "JSON; framing=line"),
    STRANGER("\x07\0\0\0{\"a\":1}", "a little-endian length and JSON"),
    STRANGER("\0\0\0\5hello", "framing=length"),
    STRANGER("\0\1\0\0hello", "framing=length"),
    STRANGER("\0\0\1\0hello", "framing=length"),
    STRANGER("hello, world\n", "framing=line"),
    STRANGER("h\xc3\xa9llo\twherry\r\n", "framing=line"),
    STRANGER("\xff\xfe\xfd\xfc\xfb\xfa", "nothing that is known"),
    STRANGER("abc\x7f"
             "def",
             "nothing that is known"),
    STRANGER("\0\0\0\0\0\0\0\0", "nothing that is known"),
};

TEST(a_stranger_is_told_what_it_seems_to_speak)
{
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        struct frame frame;
        CHECK_ERROR(scan_once("wherry", strangers[i].bytes, strangers[i].size, LIMIT,
                              &frame, NULL),
                    -EPROTO);
        CHECK_CONTAINS(wherry_error_text(), "does not speak the wherry framing");
        CHECK_CONTAINS(wherry_error_text(), strangers[i].told);
    }
}

TEST(a_stranger_is_shown_its_first_bytes)
{
    struct frame frame;
    CHECK_ERROR(scan_once("wherry", "hel\x1blo\n", 7, LIMIT, &frame, NULL), -EPROTO);
    CHECK_CONTAINS(wherry_error_text(), "\"hel\\x1Blo\\x0A\"");
    CHECK_ERROR(
        scan_once("wherry", "abcdefghijklmnopqrstuvwxyz", 26, LIMIT, &frame, NULL),
        -EPROTO);
    CHECK_CONTAINS(wherry_error_text(), "\"abcdefghijklmnopqrstuvwx\"");
}

TEST(it_can_do_all_that_a_framing_can)
{
    const struct framing *framing = framing_find("wherry");
    CHECK_INT(framing->info.abilities, WHERRY_ABLE_KINDS | WHERRY_ABLE_FILES |
                                           WHERRY_ABLE_DRAIN | WHERRY_ABLE_FINISH);
    CHECK(framing->has_words);
    CHECK(!framing->end_completes);
    CHECK(!framing->check); // any payload
}
