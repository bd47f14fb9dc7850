/* SPDX-License-Identifier: MIT */
/*
 * Wherry: processes that talk.
 *
 * This header includes the whole public interface of libwherry, but for transport.h;
 * services have a library and headers of their own.  Each part reads as its manual:
 *
 *   wherry/deadline.h    when a call stops waiting
 *   wherry/message.h     bytes, a kind, open files, who sent them
 *   wherry/channel.h     dial, listen, accept, pair, send, recv, drain, close
 *   wherry/relay.h       two channels joined
 *   wherry/process.h     processes: spawn, wait, kill, their channels
 *   wherry/region.h      memory that processes share
 *   wherry/lock.h        locks in them, which tell of a holder that died
 *   wherry/cells.h       numbers in them, with a lock
 *   wherry/semaphore.h   turns that processes take
 *   wherry/signal.h      signals by their names
 *   wherry/memory.h      memory of `local:`, as whoever looks on sees it
 *   wherry/mechanism.h   what each mechanism can do: the table, as data
 *   wherry/transport.h   adding a mechanism of your own
 *   wherry/loop.h        callbacks for all of these, on libuv (libwherry-services)
 *
 * Beside it, in libwherry-services:
 *
 *   wherry/inspect.h     what processes do and have open
 *
 * Rules that hold for every function:
 *   - A result >= 0 is success, a result < 0 is a negative errno value (-ETIMEDOUT).
 * What is given through `T **out` is written on success only.
 *   - `T **` given in may be taken (the pointer becomes NULL), `T **out` is yours, a
 *     returned pointer is borrowed.  Every function that frees accepts NULL.
 *   - The sentence behind an error is wherry_error_text().
 *   - Nothing here starts threads, installs signal handlers, logs, exits or changes the
 *     state of the process.  One exception: listening on `signal:` blocks its
 *     signals in the calling thread (wherry/signal.h).  Every descriptor is
 *     close-on-exec from birth.
 */
#ifndef WHERRY_H
#define WHERRY_H

#include <wherry/cells.h>
#include <wherry/channel.h>
#include <wherry/deadline.h>
#include <wherry/lock.h>
#include <wherry/mechanism.h>
#include <wherry/memory.h>
#include <wherry/message.h>
#include <wherry/process.h>
#include <wherry/region.h>
#include <wherry/relay.h>
#include <wherry/semaphore.h>
#include <wherry/signal.h>

#endif
