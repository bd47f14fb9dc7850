/* SPDX-License-Identifier: MIT */
/*
 * What the fuzz targets share.
 *
 * A target is one function that libFuzzer calls with any bytes, and that replay.c calls
 * with the files of the corpus.  Both hand over a block of memory that ends where the
 * bytes end, so that AddressSanitizer sees a read past them.  A property that does not
 * hold aborts.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wherry/channel.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* What inputs have in common is let go, in targets that random.c runs. */
void target_end(void);

/* Aborts with the property's name when it does not hold. */
#define PROPERTY(holds)                                                                \
    do {                                                                               \
        if (!(holds)) {                                                                \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #holds); \
            abort();                                                                   \
        }                                                                              \
    } while (0)

/* The sentence of an error is there, is one line and has no control characters. */
static inline void check_sentence(void)
{
    const char *text = wherry_error_text();
    PROPERTY(*text);
    for (; *text; text++)
        PROPERTY((unsigned char)*text >= ' ' && *text != 0x7f);
}

#endif
