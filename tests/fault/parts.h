/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the injector know of each other: calls.c which faults a system call
 * can have, trace.c one run under ptrace, scenario.c the process that is traced, and
 * campaign.c all runs of a scenario.
 */
#ifndef FAULT_PARTS_H
#define FAULT_PARTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "fault.h"

enum fault {
    FAULT_EINTR,
    FAULT_EAGAIN,
    FAULT_ENOMEM,
    FAULT_EMFILE,
    FAULT_ENFILE,
    FAULT_ENOSPC,
    FAULT_EPERM,
    FAULT_EIO,
    FAULT_ECONNRESET,
    FAULT_ETIMEDOUT,
    FAULT_SHORT,  // fewer bytes or messages than were asked for
    FAULT_CTRUNC, // open files that do not fit: MSG_CTRUNC
    FAULTS,
};

/* How a call counts what it moves. */
enum shape {
    SHAPE_PLAIN,   // nothing
    SHAPE_BYTES,   // pointer, size
    SHAPE_VECTOR,  // iovec, count
    SHAPE_MESSAGE, // msghdr
    SHAPE_BATCH,   // array of mmsghdr, count
};

struct call {
    long number;
    const char *name;
    unsigned faults; // bits of enum fault
    enum shape shape;
    bool is_sending;
    bool is_done_first; // the call is made, and only its result is replaced (close)
    bool is_once;       // the C library loops or aborts on it for ever
};

const char *fault_name(enum fault fault);
int fault_errno(enum fault fault); // 0 for SHORT and CTRUNC

/* The fault of that name, FAULTS if there is none. */
enum fault fault_named(const char *name);

/* NULL for a call that has no faults. */
const struct call *call_find(long number);

/* The faults that this call with these arguments can have. */
unsigned call_faults(const struct call *call, pid_t pid, const uint64_t arguments[6]);

/* Asks for one run: the fault at the call of that number, from 1. */
struct injection {
    int call; // 0: none, only record
    enum fault fault;
    bool is_forever;
};

enum { CALLS_MOST = 2000 };

struct record {
    int number; // of the system call
    unsigned faults;
};

struct trace {
    struct record calls[CALLS_MOST]; // if nothing is injected
    int count;
    int injected; // how often
    int status;   // as from waitpid
    bool is_hung; // it was killed
};

/* Runs the process under ptrace until it ends, or a limit is over. */
void trace_run(pid_t pid, const struct injection *injection, struct trace *trace);

/* What the traced process says of itself, in shared memory. */
struct outcome {
    atomic_int result;
    atomic_int leaks;
    atomic_int names; // left in the directory
    atomic_bool is_over;
};

enum { MARK = 0x57e77e }; // argument of getppid: here ends what is counted

/* Forks the process that runs the scenario; it waits to be traced.  What it says goes
 * to output. */
/* Removes what a run that was broken off left in the test's directory. */
void scenario_tidy(void);

pid_t scenario_start(const struct fault_scenario *scenario, struct outcome *outcome,
                     int output);

#endif
