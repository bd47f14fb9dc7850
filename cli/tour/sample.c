/* SPDX-License-Identifier: MIT */
/*
 * Messages whose every byte is known to both ends beforehand.
 *
 * The bytes are those of a generator of random numbers (splitmix64), so that a byte
 * that was moved, repeated, lost or left from an earlier message does not fit.  An open
 * file holds bytes of a seed of its own.
 */
#include "tour/tour.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_LEAST = TOUR_FILE - 256 };

static uint64_t word_at(uint64_t seed, uint64_t index)
{
    uint64_t z = (seed + 1) * UINT64_C(0xd1342543de82ef95) +
                 index * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void tour_sample_fill(const struct tour_sample *sample, void *bytes)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,";
    uint8_t *out = bytes;
    for (size_t i = 0; i < sample->size; i += sizeof(uint64_t)) {
        uint64_t word = word_at(sample->seed, i);
        size_t left = sample->size - i;
        memcpy(out + i, &word, left < sizeof(word) ? left : sizeof(word));
    }
    for (size_t i = 0; sample->text && i < sample->size; i++)
        out[i] = (uint8_t)letters[out[i] & 63];
}

// An open file without a name, with the content of the sample's n-th.
static int make_file(const struct tour_sample *sample, size_t n, const char *directory)
{
    char path[TOUR_PATH + 16];
    uint8_t content[TOUR_FILE];
    struct tour_sample inside;
    tour_sample_file(sample, n, &inside);
    tour_sample_fill(&inside, content);
    (void)snprintf(path, sizeof(path), "%s/file-XXXXXX", directory);
    int fd = mkstemp(path);
    if (fd < 0)
        return -errno;
    (void)unlink(path);
    if (write(fd, content, inside.size) == (ssize_t)inside.size)
        return fd;
    int error = errno;
    (void)close(fd);
    return -error;
}

void tour_sample_file(const struct tour_sample *sample, size_t n,
                      struct tour_sample *out)
{
    *out =
        (struct tour_sample){.seed = ~sample->seed - n, .size = FILE_LEAST + n % 256};
}

bool tour_sample_attach(const struct tour_sample *sample, const char *directory,
                        wherry_message *message, struct tour_fault *fault)
{
    for (size_t n = 0; n < sample->files; n++) {
        int fd = make_file(sample, n, directory);
        if (fd < 0)
            return tour_wrong(fault, "a file to pass could not be made in %s: %s",
                              directory, strerror(-fd));
        int r = wherry_message_attach(message, fd);
        (void)close(fd);
        if (r < 0)
            return tour_refused(fault, "attaching an open file");
    }
    return true;
}
