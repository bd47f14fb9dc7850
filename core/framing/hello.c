/* SPDX-License-Identifier: MIT */
/*
 * The hello: what each side of the `wherry` framing says of itself first,
 * little-endian.
 *
 *    0  8 bytes  "wherry", 0, 1
 *    8  u16      least and
 *   10  u16      most of the versions it speaks
 *   12  u32      hash of its shared-memory layout, or 0
 *   16  u64      the largest message it takes
 *   24  u32      the most open files with one message that it takes
 *   28  u32      flags, none known
 *
 * A hello may grow at its end; what is not known is skipped.
 */
#include "framing/framing.h"

#include <errno.h>
#include <string.h>

#include "base/base.h"

static const uint8_t magic[8] = {'w', 'h', 'e', 'r', 'r', 'y', 0, 1};

enum {
    AT_VERSIONS = 8,
    AT_LAYOUT = 12,
    AT_MESSAGE_LIMIT = 16,
    AT_FILE_LIMIT = 24,
    AT_FLAGS = 28
};

void hello_encode(const struct hello *hello, uint8_t bytes[HELLO_SIZE])
{
    memcpy(bytes, magic, sizeof magic);
    framing_store32(bytes + AT_VERSIONS,
                    hello->version_least | (uint32_t)hello->version_most << 16);
    framing_store32(bytes + AT_LAYOUT, hello->layout);
    framing_store64(bytes + AT_MESSAGE_LIMIT, hello->message_limit);
    framing_store32(bytes + AT_FILE_LIMIT, hello->file_limit);
    framing_store32(bytes + AT_FLAGS, hello->flags);
}

int hello_decode(const uint8_t *bytes, size_t size, struct hello *out)
{
    if (size < HELLO_SIZE || memcmp(bytes, magic, sizeof magic) != 0)
        return failure(-EPROTO,
                       "the peer's first record (%zu bytes) is not a hello of Wherry's",
                       size);
    uint32_t versions = framing_load32(bytes + AT_VERSIONS);
    struct hello hello = {
        .version_least = (uint16_t)versions,
        .version_most = (uint16_t)(versions >> 16),
        .layout = framing_load32(bytes + AT_LAYOUT),
        .message_limit = framing_load64(bytes + AT_MESSAGE_LIMIT),
        .file_limit = framing_load32(bytes + AT_FILE_LIMIT),
        .flags = framing_load32(bytes + AT_FLAGS),
    };
    if (hello.version_least > HELLO_VERSION || hello.version_most < HELLO_VERSION)
        return failure(
            -EPROTO,
            "no version in common: the peer speaks versions %u to %u of the "
            "wherry framing, this side version %d; bring both to one release "
            "of Wherry",
            hello.version_least, hello.version_most, HELLO_VERSION);
    *out = hello;
    return 0;
}
