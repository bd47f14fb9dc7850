/* SPDX-License-Identifier: MIT */
/*
 * Every framing reads the same records however the stream is cut.
 *
 * Each sample is a stream with the records it holds; it arrives whole, byte by byte,
 * cut at each place, at each two places, in every way at all (its first 13 bytes), and
 * in 1,000 ways by chance.
 */
#include <errno.h>
#include <stdio.h>

#include "framing_stream.h"

enum { CUTS_TRIED_ALL = 12, CHANCES = 1000, PIECES = 256 };

/* Where all is slow, an eighth of the ways. */
static unsigned as_many(unsigned ways)
{
    return harness_is_slow() ? ways / 8 : ways;
}

struct sample {
    const char *name;
    const char *framing;
    const char *bytes;
    size_t size;
    uint64_t limit;
    const char *payloads; // one after the other, each ends with '|'
    int error;
    size_t left;
};

#define BYTES(text) text, sizeof text - 1

static const struct sample samples[] = {
    {"wherry_records", "wherry",
     BYTES("\5\0\0\0\1\2\0\0\7\0\0\0\0\0\0\0hello"
           "\0\0\0\0\1\0\3\0\x2a\0\0\0\0\0\0\0"
           "\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0"
           "\2\0\0\0\1\0\0\0\xff\xff\xff\xff\xff\xff\xff\x7f!!"),
     5, "hello|||!!|", 0, 0},
    {"a_wherry_head_alone", "wherry", BYTES("\5\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0"), 5, "",
     0, 16},
    {"half_a_wherry_record", "wherry",
     BYTES("\0\0\0\0\1\0\2\0\0\0\0\0\0\0\0\0\5\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0he"), 5,
     "|", 0, 18},
    {"a_wherry_record_too_large", "wherry",
     BYTES("\1\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0a\6\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0abcdef"),
     5, "a|", -EMSGSIZE, 22},
    {"a_wherry_record_with_flags", "wherry",
     BYTES("\1\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0a\1\0\0\0\1\0\0\1\0\0\0\0\0\0\0\0a"), 5,
     "a|", -EPROTO, 17},
    {"a_line_of_text_for_wherry", "wherry", BYTES("hello, world\n"), 5, "", -EPROTO,
     13},
    {"raw_bytes", "raw", BYTES("any bytes\0\n at all"), 100, NULL, 0, 0},
    {"raw_bytes_over_the_limit", "raw", BYTES("any bytes\0\n at all"), 4, NULL, 0, 0},
    {"lines", "line", BYTES("one\n\ntwo\r\nthree\nlast"), 5, "one||two\r|three|", 0, 4},
    {"a_line_too_long", "line", BYTES("one\nthree\nseven77\nx\n"), 5, "one|three|",
     -EMSGSIZE, 10},
    {"a_line_too_long_without_end", "line", BYTES("one\nseven77"), 5, "one|", -EMSGSIZE,
     7},
    {"empty_lines", "line", BYTES("\n\n\n"), 0, "|||", 0, 0},
    {"length_records", "length", BYTES("\0\0\0\5hello\0\0\0\0\0\0\0\1x"), 5,
     "hello||x|", 0, 0},
    {"half_a_length_record", "length", BYTES("\0\0\0\1x\0\0\0\5hell"), 5, "x|", 0, 8},
    {"a_length_record_too_large", "length", BYTES("\0\0\0\1x\0\0\0\6hello!"), 5, "x|",
     -EMSGSIZE, 10},
    {"header_records", "header",
     BYTES("Content-Length: 5\r\n\r\nhello"
           "X: y\r\ncontent-length:0\r\n\r\n"
           "Content-Length: 2 \r\nContent-Type: x\r\n\r\n\r\n"),
     5, "hello||\r\n|", 0, 0},
    {"half_a_header_record", "header",
     BYTES("Content-Length: 1\r\n\r\nxContent-Length: 5\r\n\r\nhell"), 5, "x|", 0, 25},
    {"half_a_header", "header", BYTES("Content-Length: 1\r\n\r\nxX: y\r\nContent-Le"),
     5, "x|", 0, 16},
    {"a_header_record_too_large", "header",
     BYTES("Content-Length: 1\r\n\r\nxContent-Length: 6\r\n\r\nhello!"), 5, "x|",
     -EMSGSIZE, 27},
    {"a_header_without_length", "header", BYTES("X: y\r\n\r\n"), 5, "", -EPROTO, 8},
    {"a_header_with_two_lengths", "header",
     BYTES("Content-Length: 1\r\nContent-Length: 1\r\n\r\n"), 5, "", -EPROTO, 40},
};

enum { SAMPLES = sizeof samples / sizeof *samples };

/* What of the stream is left at an error depends on how much had arrived; what was read
 * before it does not. */
static void check_result(const struct sample *sample,
                         const struct stream_result *result, bool is_whole)
{
    char payloads[STREAM_PAYLOADS] = "";
    size_t used = 0;
    size_t at = 0;
    CHECK_ERROR(result->error, sample->error);
    if (is_whole || result->error == 0)
        CHECK_INT(result->left, sample->left);
    if (!sample->payloads) {
        CHECK_INT(result->payload_size, sample->size);
        CHECK_BYTES(result->payloads, sample->bytes, sample->size);
        return;
    }
    for (size_t i = 0; i < result->count; i++) {
        const size_t size = (size_t)result->records[i].size;
        memcpy(payloads + used, result->payloads + at, size);
        at += size;
        used += size;
        payloads[used++] = '|';
    }
    payloads[used] = '\0';
    CHECK_STRING(payloads, sample->payloads);
}

static void read_in(const struct sample *sample, const size_t *pieces)
{
    static struct stream_result result;
    stream_read(framing_find(sample->framing), (const uint8_t *)sample->bytes,
                sample->size, pieces, sample->limit, &result);
    check_result(sample, &result, pieces[0] == 0);
}

static void in_one_piece(const struct sample *sample)
{
    read_in(sample, (const size_t[]){0});
}

static void byte_by_byte(const struct sample *sample)
{
    size_t pieces[PIECES];
    for (size_t i = 0; i + 1 < PIECES; i++)
        pieces[i] = 1;
    pieces[PIECES - 1] = 0;
    CHECK(sample->size < PIECES);
    read_in(sample, pieces);
}

static void cut_at_each_one_and_two_places(const struct sample *sample)
{
    for (size_t first = 1; first < sample->size; first++)
        for (size_t second = 0; second < sample->size - first; second++)
            read_in(sample, (const size_t[]){first, second, 0});
}

static void cut_in_every_way(const struct sample *sample)
{
    for (unsigned cuts = 0; cuts < as_many(1u << CUTS_TRIED_ALL); cuts++) {
        size_t pieces[CUTS_TRIED_ALL + 2] = {0};
        size_t count = 0;
        size_t piece = 1;
        for (unsigned i = 0; i < CUTS_TRIED_ALL; i++, piece++) {
            if (!(cuts >> i & 1))
                continue;
            pieces[count++] = piece;
            piece = 0;
        }
        read_in(sample, pieces);
    }
}

static void cut_by_chance(const struct sample *sample)
{
    unsigned seed = 1;
    for (unsigned i = 0; i < as_many(CHANCES); i++) {
        size_t pieces[PIECES] = {0};
        for (size_t k = 0; k + 1 < PIECES; k++) {
            seed = seed * 1103515245 + 12345;
            pieces[k] = 1 + (seed >> 16) % (seed >> 28 & 1 ? 3 : 20);
        }
        read_in(sample, pieces);
    }
}

static void run(const void *argument)
{
    const struct sample *sample = argument;
    in_one_piece(sample);
    byte_by_byte(sample);
    cut_at_each_one_and_two_places(sample);
    cut_in_every_way(sample);
    cut_by_chance(sample);
}

void harness_register(void)
{
    for (size_t i = 0; i < SAMPLES; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s_are_read_alike_however_cut", samples[i].name);
        harness_add(name, run, &samples[i]);
    }
}

TEST(a_wherry_record_is_read_with_all_its_parts)
{
    static struct stream_result result;
    stream_read(&framing_wherry, (const uint8_t *)samples[0].bytes, samples[0].size,
                (const size_t[]){0}, 5, &result);
    CHECK_INT(result.count, 4);
    CHECK_INT(result.records[0].kind, 7);
    CHECK_INT(result.records[0].files, 2);
    CHECK_INT(result.records[1].word, FRAME_SYNC);
    CHECK_INT(result.records[1].kind, 42);
    CHECK_INT(result.records[3].kind, INT64_MAX);
}
