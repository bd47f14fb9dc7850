/* SPDX-License-Identifier: MIT */
/*
 * Time as tests see it: a monotonic clock, deadlines that stretch where everything is
 * slow, and waiting for what has no descriptor.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "parts.h"

enum { COMPILED_SLOWNESS = IS_THREAD_SANITIZED ? 10 : IS_MEMORY_SANITIZED ? 3 : 1 };

enum { VALGRIND_SLOWNESS = 20, STORM_SLOWNESS = 3, SLOWNESS_MOST = 1000 };

int64_t harness_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

bool valgrind_is_on(void)
{
    const char *preloaded = getenv("LD_PRELOAD");
    return preloaded && strstr(preloaded, "vgpreload");
}

static int slowness(void)
{
    const char *told = getenv("WHERRY_TEST_SLOW");
    if (told && *told) {
        long factor = strtol(told, NULL, 10);
        return factor < 1 ? 1 : factor > SLOWNESS_MOST ? SLOWNESS_MOST : (int)factor;
    }
    if (valgrind_is_on())
        return VALGRIND_SLOWNESS;
    return storm_is_on() ? COMPILED_SLOWNESS * STORM_SLOWNESS : COMPILED_SLOWNESS;
}

bool harness_is_slow(void)
{
    return slowness() > 1;
}

int harness_stretch(int milliseconds)
{
    return milliseconds * slowness();
}

void pause_briefly(int microseconds)
{
    struct timespec pause = {.tv_nsec = (long)microseconds * 1000};
    ppoll(NULL, 0, &pause, NULL);
}

void harness_until(bool (*is_so)(void *argument), void *argument)
{
    int64_t end = harness_now() + (int64_t)harness_stretch(HARNESS_PATIENCE) * 1000000;
    while (!is_so(argument)) {
        if (harness_now() > end)
            FAIL("what was waited for did not come within %d ms",
                 harness_stretch(HARNESS_PATIENCE));
        pause_briefly(500);
    }
}

long harness_told(const char *variable, long otherwise)
{
    const char *text = getenv(variable);
    const long number = text ? strtol(text, NULL, 10) : 0;
    return number > 0 ? number : otherwise;
}
