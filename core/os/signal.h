/* SPDX-License-Identifier: MIT */
/*
 * os: signals as messages, signal(7).  Part of os.h, which others include.
 */
#ifndef OS_SIGNAL_H
#define OS_SIGNAL_H

#include "os/os.h"

/* --- signal_linux.c ------------------------------------------------------ */

enum {
    OS_SIGNALS = 65,        /* their numbers are 1 to 64 */
    OS_SIGNAL_NAME = 16,    /* "RTMIN+15" */
    OS_SIGNALS_AT_ONCE = 16 /* that one read takes */
};

/* A set of signals is a number with a bit for each. */
#define OS_SIGNAL_BIT(number) (UINT64_C(1) << ((number)-1))

/* The first one that is queued with its number, and not merged: SIGRTMIN. */
int os_signal_first_queued(void);

/* The number of "USR1", "SIGUSR1", "RTMIN+3" or "10".  Errors: -EINVAL. */
int os_signal_number(const char *name);

/* Its name: "USR1", "RTMIN+3"; one without a name is its digits. */
void os_signal_name(int number, char out[OS_SIGNAL_NAME]);

/* What it means to a process that it ended, "segmentation fault"; NULL: no more than
 * its name says. */
const char *os_signal_meaning(int number);

/* Whether its usual effect is to stop a process. */
bool os_signal_stops(int number);

/* SIGTERM, SIGKILL, SIGSTOP and SIGCONT. */
extern const int os_signal_term;
extern const int os_signal_kill;
extern const int os_signal_stop;
extern const int os_signal_continue;

/* Why no receiver can have it, or NULL. */
const char *os_signal_refused(int number);

struct os_signal {
    int number;
    bool has_value;
    int32_t value;
    enum wherry_source source;
    bool is_vouched; /* the kernel wrote who sent it, not the sender */
    int64_t pid;     /* -1: it was no process */
    int64_t uid;
};

/* Of siginfo_t, sigaction(2), what tells all of a signal but its value. */
struct os_signal_cause {
    int number;
    int32_t code;
    uint32_t pid;
    uint32_t uid;
};

void os_signal_explain(const struct os_signal_cause *, struct os_signal *out);

/* Which signals a receiver has blocked, and in which thread; a plain value. */
struct os_signal_hold {
    uint64_t signals;
    uint64_t thread; /* 0: in none */
};

/* Opens a receiver, and blocks its signals in the calling thread; reading never waits.
 * Errors: -EMFILE …. */
int os_signal_open(uint64_t signals, struct os_signal_hold *,
                   struct os_descriptor *out);

/* The receiver is no more: what its thread had not blocked before its first receiver,
 * and no other of its receivers wants, is forgotten where it is pending and let through
 * again; nothing is, if another thread calls. */
void os_signal_let_go(struct os_signal_hold *);

/* Up to `most` (at most OS_SIGNALS_AT_ONCE) that are pending; how many.  Errors:
 * -EAGAIN. */
int os_signal_receive(int fd, struct os_signal *out, size_t most);

/* One process to send to, whoever gets its number later.  Errors: -ESRCH (there is
 * none, or it has ended), -EPERM (it may not be sent signals), -EMFILE …. */
int os_signal_target(int64_t pid, struct os_descriptor *out);

/* Whether that process has ended, though it may not have been waited for. */
bool os_signal_is_gone(int fd);

/* With a number, or (NULL) without, as kill(2).  At RLIMIT_SIGPENDING of its user a
 * standard signal loses its number, and any without a number its sender.
 * Errors: -EAGAIN (that limit), -ESRCH (it is gone and was waited for), -EPERM. */
int os_signal_send(int fd, int number, const int32_t *value);

#endif
