/* SPDX-License-Identifier: MIT */
/*
 * The clock of a process that is stepped.  An instruction takes it some ten
 * microseconds: on the clock of others a spin of 50 us would have one turn, and a
 * deadline be over before anything was tried.  Here time passes only when it is looked
 * at, a little more with each look: every spin has the same turns in every run, and
 * ends.
 *
 * ld --wrap leads here what the program and static libraries ask; the code has a
 * section of its own, for its instructions are not the subject's.
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <time.h>

#include "parts.h"

enum { LOOKS_UNTIL_FASTER = 32, TICK_FIRST = 1000, TICK_MOST = 100000000 };

int real_clock_gettime(clockid_t, struct timespec *) __asm__("__real_clock_gettime");
int wrapped_clock_gettime(clockid_t, struct timespec *) __asm__("__wrap_clock_gettime");

extern const char section_begin[] __asm__("__start_step_clock");
extern const char section_end[] __asm__("__stop_step_clock");

static bool is_on;
static int64_t ahead;
static int64_t now;
static int64_t tick;
static int looks;

void clock_begin(void)
{
    struct timespec real;
    real_clock_gettime(CLOCK_MONOTONIC, &real);
    now = (int64_t)real.tv_sec * 1000000000 + real.tv_nsec + ahead;
    tick = TICK_FIRST;
    looks = 0;
    is_on = true;
}

void clock_end(void)
{
    is_on = false;
}

void step_clock_skip(int64_t nanoseconds)
{
    ahead += nanoseconds;
}

static int go_by_real_time(clockid_t clock, struct timespec *time)
{
    int r = real_clock_gettime(clock, time);
    const int64_t all = (int64_t)time->tv_nsec + ahead;
    if (ahead > 0 && clock == CLOCK_MONOTONIC) {
        time->tv_sec += (time_t)(all / 1000000000);
        time->tv_nsec = (long)(all % 1000000000);
    }
    return r;
}

__attribute__((section("step_clock"))) int wrapped_clock_gettime(clockid_t clock,
                                                                 struct timespec *time)
{
    if (!is_on || (clock != CLOCK_MONOTONIC && clock != CLOCK_MONOTONIC_COARSE))
        return go_by_real_time(clock, time);
    now += tick;
    if (++looks % LOOKS_UNTIL_FASTER == 0 && tick < TICK_MOST)
        tick *= 2;
    time->tv_sec = (time_t)(now / 1000000000);
    time->tv_nsec = (long)(now % 1000000000);
    return 0;
}

bool clock_has_code(uint64_t address)
{
    return address >= (uintptr_t)section_begin && address < (uintptr_t)section_end;
}
