/* SPDX-License-Identifier: MIT */
/*
 * Is what arrived what was sent?  Bytes, kind, open files, sender.
 *
 * The tour's honesty rests on this file: whatever it does not compare is not proven.
 */
#include "tour/tour.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool tour_check_bytes(const struct tour_sample *sample, const void *bytes, size_t size,
                      struct tour_fault *fault)
{
    if (size != sample->size)
        return tour_wrong(fault, "%zu bytes arrived where %zu were sent", size,
                          sample->size);
    uint8_t *expected = malloc(size + 1);
    if (!expected)
        return tour_wrong(fault, "no memory for %zu bytes to compare with", size);
    tour_sample_fill(sample, expected);
    const uint8_t *actual = bytes;
    size_t i = 0;
    if (memcmp(actual, expected, size) == 0)
        i = size;
    while (i < size && actual[i] == expected[i])
        i++;
    if (i < size)
        tour_wrong(fault, "byte %zu of %zu is 0x%02x where 0x%02x was sent", i, size,
                   actual[i], expected[i]);
    free(expected);
    return i == size;
}

bool tour_check_kind(const struct tour_sample *sample, int64_t kind,
                     struct tour_fault *fault)
{
    if (kind == sample->kind)
        return true;
    return tour_wrong(fault, "kind %" PRId64 " arrived where %" PRId64 " was sent",
                      kind, sample->kind);
}

static bool check_file(const struct tour_sample *sample, size_t n, int fd,
                       struct tour_fault *fault)
{
    struct tour_sample inside;
    uint8_t content[TOUR_FILE + 1];
    struct tour_fault what = {""};
    tour_sample_file(sample, n, &inside);
    ssize_t size = fd < 0 ? -1 : pread(fd, content, sizeof(content), 0);
    if (size < 0)
        return tour_wrong(fault, "open file %zu of %zu cannot be read", n + 1,
                          sample->files);
    if (tour_check_bytes(&inside, content, (size_t)size, &what))
        return true;
    return tour_wrong(fault, "in open file %zu of %zu: %s", n + 1, sample->files,
                      what.text);
}

bool tour_check_files(const struct tour_sample *sample, const wherry_message *message,
                      struct tour_fault *fault)
{
    size_t count = wherry_message_files(message);
    if (count != sample->files)
        return tour_wrong(fault, "%zu open files arrived where %zu were sent", count,
                          sample->files);
    for (size_t n = 0; n < count; n++)
        if (!check_file(sample, n, wherry_message_file(message, n), fault))
            return false;
    return true;
}

bool tour_check_sender(const struct wherry_peer *peer, int64_t pid,
                       struct tour_fault *fault)
{
    if (peer->trust != WHERRY_TRUST_KERNEL)
        return tour_wrong(fault, "the kernel does not vouch for the sender");
    if (peer->pid != pid)
        return tour_wrong(fault,
                          "process %" PRId64 " is named as the sender; it was %" PRId64,
                          peer->pid, pid);
    if (peer->uid != (int64_t)getuid())
        return tour_wrong(fault, "user %" PRId64 " is named as the sender's; it was %u",
                          peer->uid, (unsigned)getuid());
    return true;
}

bool tour_check_message(const struct tour_sample *sample, const wherry_message *message,
                        int64_t pid, struct tour_proof *proof)
{
    struct tour_fault *fault = &proof->fault;
    if (!tour_check_bytes(sample, wherry_message_data(message),
                          wherry_message_size(message), fault) ||
        !tour_check_kind(sample, wherry_message_kind(message), fault) ||
        !tour_check_files(sample, message, fault) ||
        (pid != -1 && !tour_check_sender(wherry_message_sender(message), pid, fault)))
        return false;
    proof->messages++;
    proof->bytes += sample->size;
    proof->kinds += sample->kind != 0;
    proof->files += sample->files;
    proof->senders += pid != -1;
    return true;
}
