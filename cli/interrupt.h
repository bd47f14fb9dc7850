/* SPDX-License-Identifier: MIT */
/*
 * Ctrl-C and its like: whoever waits is woken, cleans up, and the program dies by the
 * signal that it got.
 *
 * Signals arrive on the main thread alone; the others are made by interrupt_thread().
 */
#ifndef INTERRUPT_H
#define INTERRUPT_H

#include <pthread.h>
#include <stdbool.h>

#include <wherry.h>

/* From now on SIGINT, SIGTERM and SIGHUP (unless they are ignored) cancel what is
 * watched instead of killing.  Returns < 0, a negative errno, when there is no
 * descriptor. */
int interrupt_begin(void);

/* Whether one has arrived. */
bool interrupted(void);

/* Which one, or 0. */
int interrupted_by(void);

/* Readable from the moment that one has; of the verbs that take them one by one, while
 * there is one that was not taken. */
int interrupt_fd(void);

/* Takes the next one; 0: there is none. */
int interrupt_next(void);

/* Cancels the channel, or the listener, when one arrives (or has arrived).  At most two
 * channels at a time; interrupt_forget comes before wherry_close. */
void interrupt_watch(wherry_channel *channel);
void interrupt_forget(wherry_channel *channel);
void interrupt_watch_listener(wherry_listener *listener);
void interrupt_forget_listener(void);

void interrupt_watch_semaphore(wherry_semaphore *semaphore);
void interrupt_forget_semaphore(void);

/* From now on signals do what they would if this had never been; those that have
 * arrived, too. */
void interrupt_forget_all(void);

/* As if the signal had arrived: nobody reads stdout any more. */
void interrupt_note(int signal);

/* Starts a thread in which no signals arrive.  A negative errno when there is none. */
int interrupt_thread(pthread_t *thread, void *(*run)(void *), void *argument);

/* If one has arrived, dies by it. */
void interrupt_end(void);

#endif
