/* SPDX-License-Identifier: MIT */
/*
 * Faults of the kernel, played by ptrace: a scenario is run once for each of its system
 * calls and each fault that this call can have, once and from then on.  Every run must
 * end by itself, soon, with success or an error that is documented, and leave nothing.
 *
 * A program that is linked with fault_dep adds its scenarios in harness_register(), has
 * no main(), and is a test program of the harness: each scenario is one test.  One run
 * alone:  PROGRAM --scenario NAME --call 12 --fault EIO --forever
 */
#ifndef FAULT_H
#define FAULT_H

struct fault_scenario {
    const char *name;

    /* Does the whole of it in this process, with deadlines of a few 10 ms; 0 or the
     * negative errno of the call that failed.  After a failure it closes and frees what
     * it has, as a program would.  Checks of the harness that fail make the run bad. */
    int (*run)(const void *argument);
    const void *argument;

    /* Documented errors besides the one that was injected, negative, up to a 0. */
    const int *allowed;

    /* It calls fault_begin() itself. */
    int has_own_begin;

    /* Removes what outlives it, past the library, which may have been kept from that.
     * No fault reaches it.  May be NULL. */
    void (*clear)(void);
};

void fault_add(const struct fault_scenario *scenario);

/* After so many milliseconds a run counts as one that does not end; 2000 if not told.
 */
void fault_limit(int milliseconds);

/* From here on system calls are counted, for a scenario that sets something up first.
 */
void fault_begin(void);

/* From here on nothing is counted: for cleaning up what is not under test. */
void fault_end(void);

#endif
