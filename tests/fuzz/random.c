/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target over any bytes for a while, as a plain test with any compiler:
 * what is found without a fuzzer must not be there.  For how many seconds is
 * WHERRY_TEST_SECONDS (1 if it is not set).
 */
#include <stdlib.h>

#include "fuzz.h"
#include "harness.h"

enum { SIZE_MOST = 96, BETWEEN_LOOKS = 256, SECONDS = 1 };

static uint64_t state = UINT64_C(0x9e3779b97f4a7c15);

static uint64_t any_number(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

// Small numbers are those that mean something.
static uint8_t any_byte(void)
{
    const uint64_t number = any_number();
    return (uint8_t)(number & 3 ? number >> 8 & 15 : number >> 8);
}

static void run_one(void)
{
    const size_t size = any_number() % SIZE_MOST;
    uint8_t *exact = malloc(size ? size : 1);
    PROPERTY(exact);
    for (size_t i = 0; i < size; i++)
        exact[i] = any_byte();
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

TEST(all_properties_hold_for_any_bytes)
{
    const char *told = getenv("WHERRY_TEST_SECONDS");
    const long seconds = told ? strtol(told, NULL, 10) : SECONDS;
    const int64_t end = harness_now() + seconds * INT64_C(1000000000);
    unsigned long count = 0;
    for (; harness_now() < end; count += BETWEEN_LOOKS)
        for (int i = 0; i < BETWEEN_LOOKS; i++)
            run_one();
    target_end();
    harness_note("%lu executions", count);
}
