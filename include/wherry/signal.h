/* SPDX-License-Identifier: MIT */
/*
 * Signals by their names.  On a channel of `signal:` a message is one signal: its kind
 * is the signal's number, its bytes are the number that came with it (an int, as
 * sigqueue(3) has it) or none (as kill(2) sends it), and wherry_message_sender() tells
 * what it came from.
 *
 * Listening blocks the signals in the calling thread, and threads that it starts later
 * inherit that: listen before there are others, for a thread that does not block a
 * signal is where the kernel delivers it, and it may end the process.  Programs that
 * are started inherit it, too: let them through again between fork(2) and execve(2)
 * (sigprocmask(2)).  Closing the last receiver of a thread forgets what is pending and
 * lets its signals through again, if that thread closes it and had not blocked them
 * itself; whatever comes later does what it does without a receiver.  A program whose
 * senders do not stop blocks the signals itself, before it listens: then they stay
 * blocked.  Two receivers of one signal share what comes.
 *
 * A process that has ended takes signals until somebody has waited for it (kill(2)), so
 * sending to it succeeds.  A descriptor of wherry_fd() from before a fork(2) tells of
 * the parent's signals only.
 */
#ifndef WHERRY_SIGNAL_H
#define WHERRY_SIGNAL_H

#include <stddef.h>
#include <stdint.h>

#include <wherry/export.h>

WHERRY_BEGIN

/* The number of a signal: "USR1", "SIGUSR1", "RTMIN+3", "RTMAX-1" or "10" (signal(7)).
 * Errors: -EINVAL (there is none of that name; NULL). */
WHERRY_EXPORT int wherry_signal_number(const char *name);

/* Writes its name, as wherry_signal_number reads it, into `out`: at most `size` bytes,
 * its NUL counted; 16 are always enough.  A number without a name is its digits.
 * Errors: -EINVAL (below 1 or above the system's last), -ENOSPC. */
WHERRY_EXPORT int wherry_signal_name(int64_t number, char *out, size_t size);

WHERRY_END

#endif
