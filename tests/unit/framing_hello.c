/* SPDX-License-Identifier: MIT */
/*
 * The hello: its 32 bytes, and who is understood.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <wherry/channel.h>

#include "framing/framing.h"
#include "harness.h"

static const struct hello usual = {
    .version_least = 1,
    .version_most = 0x0201,
    .layout = 0x06050403,
    .message_limit = UINT64_C(0x0e0d0c0b0a090807),
    .file_limit = 0x1211100f,
    .flags = 0x16151413,
};

static const uint8_t usual_bytes[HELLO_SIZE] = {
    'w', 'h', 'e', 'r', 'r', 'y', 0,  1,  1,  0,  1,  2,  3,  4,  5,  6,
    7,   8,   9,   10,  11,  12,  13, 14, 15, 16, 17, 18, 19, 20, 21, 22,
};

/* Decodes from memory of exactly that size. */
static int decode(const uint8_t *bytes, size_t size, struct hello *out)
{
    uint8_t *exact = malloc(size ? size : 1);
    CHECK(exact);
    memcpy(exact, bytes, size);
    int r = hello_decode(exact, size, out);
    free(exact);
    return r;
}

static void check_usual(const struct hello *hello)
{
    CHECK_INT(hello->version_least, usual.version_least);
    CHECK_INT(hello->version_most, usual.version_most);
    CHECK_INT(hello->layout, usual.layout);
    CHECK_INT(hello->message_limit, usual.message_limit);
    CHECK_INT(hello->file_limit, usual.file_limit);
    CHECK_INT(hello->flags, usual.flags);
}

TEST(a_hello_has_the_bytes_that_the_format_says)
{
    uint8_t bytes[HELLO_SIZE];
    hello_encode(&usual, bytes);
    CHECK_BYTES(bytes, usual_bytes, HELLO_SIZE);
}

TEST(what_is_written_is_read)
{
    struct hello hello;
    CHECK_INT(decode(usual_bytes, HELLO_SIZE, &hello), 0);
    check_usual(&hello);
}

TEST(what_a_later_version_adds_is_skipped)
{
    uint8_t longer[HELLO_SIZE + 100] = {0};
    struct hello hello;
    memcpy(longer, usual_bytes, HELLO_SIZE);
    memset(longer + HELLO_SIZE, 0xff, 100);
    CHECK_INT(decode(longer, sizeof longer, &hello), 0);
    check_usual(&hello);
}

TEST(a_shorter_one_is_refused)
{
    for (size_t size = 0; size < HELLO_SIZE; size++) {
        struct hello hello = {.flags = 77};
        CHECK_ERROR(decode(usual_bytes, size, &hello), -EPROTO);
        CHECK_INT(hello.flags, 77);
    }
    CHECK_CONTAINS(wherry_error_text(), "31 bytes");
}

TEST(every_byte_of_the_magic_counts)
{
    for (size_t i = 0; i < 8; i++) {
        uint8_t bytes[HELLO_SIZE];
        struct hello hello;
        memcpy(bytes, usual_bytes, HELLO_SIZE);
        bytes[i] ^= 0x20;
        CHECK_ERROR(decode(bytes, HELLO_SIZE, &hello), -EPROTO);
        CHECK_CONTAINS(wherry_error_text(), "not a hello");
    }
}

TEST(versions_that_include_ours_are_understood)
{
    for (unsigned least = 0; least < 4; least++)
        for (unsigned most = 0; most < 4; most++) {
            uint8_t bytes[HELLO_SIZE];
            struct hello hello = usual;
            hello.version_least = (uint16_t)least;
            hello.version_most = (uint16_t)most;
            hello_encode(&hello, bytes);
            CHECK_INT(decode(bytes, HELLO_SIZE, &hello),
                      least <= 1 && most >= 1 ? 0 : -EPROTO);
        }
}

TEST(no_version_in_common_names_both)
{
    uint8_t bytes[HELLO_SIZE];
    struct hello hello = usual;
    hello.version_least = 2;
    hello.version_most = 65535;
    hello_encode(&hello, bytes);
    CHECK_ERROR(decode(bytes, HELLO_SIZE, &hello), -EPROTO);
    CHECK_CONTAINS(wherry_error_text(), "versions 2 to 65535");
    CHECK_CONTAINS(wherry_error_text(), "version 1");
}
