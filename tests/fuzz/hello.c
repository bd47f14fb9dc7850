/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: the hello, read from any bytes and written from any fields.
 */
#include "fuzz.h"

#include <errno.h>

#include "framing/framing.h"

static void check_written(const uint8_t *bytes)
{
    struct hello hello;
    struct hello again;
    uint8_t written[HELLO_SIZE];
    memcpy(&hello, bytes, sizeof hello); // any bytes are good fields
    hello_encode(&hello, written);
    int r = hello_decode(written, sizeof written, &again);
    bool is_common =
        hello.version_least <= HELLO_VERSION && hello.version_most >= HELLO_VERSION;
    PROPERTY(r == (is_common ? 0 : -EPROTO));
    if (r == 0)
        PROPERTY(memcmp(&hello, &again, sizeof hello) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct hello hello;
    uint8_t written[HELLO_SIZE];
    _Static_assert(sizeof hello <= HELLO_SIZE, "no padding is compared");
    if (size >= sizeof hello)
        check_written(bytes);
    int r = hello_decode(bytes, size, &hello);
    PROPERTY(r == 0 || r == -EPROTO);
    if (r < 0) {
        check_sentence();
        return 0;
    }
    PROPERTY(size >= HELLO_SIZE);
    PROPERTY(hello.version_least <= HELLO_VERSION &&
             hello.version_most >= HELLO_VERSION);
    hello_encode(&hello, written);
    PROPERTY(memcmp(written, bytes, HELLO_SIZE) == 0);
    return 0;
}
