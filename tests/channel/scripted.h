/* SPDX-License-Identifier: MIT */
/*
 * A channel whose transport does what the test has written down: it takes or refuses
 * what is sent, hears what the test lets arrive, and fails at the moment that the test
 * has chosen.
 *
 *     struct scripted script;
 *     wherry_channel *channel = scripted_open(&script, "own:?full=latest");
 *     script.send = first(-EAGAIN);            // then 0
 *     scripted_arrives(&script, 3, "three");   // a message of kind 3
 *     CHECK_INT(wherry_write(channel, "one", 3, 0, 0, soon()), 0);
 *     CHECK_STRING(script.said, "one");
 *
 * What it waits for is always there, unless the test says otherwise, so a call that
 * waits comes back at once and tries again: nothing here takes time.  Nothing is
 * locked: a test of threads says itself which functions meet.
 */
#ifndef SCRIPTED_H
#define SCRIPTED_H

#include <errno.h>

#include <wherry.h>
#include <wherry/transport.h>

#include "channel/channel.h"
#include "harness.h"

enum { SCRIPTED_ARRIVALS = 256, SCRIPTED_SAID = 1024 };

/* What a function of the transport answers: `first` so many `times`, then `then`. */
struct answers {
    int first;
    unsigned times;
    int then;
};

/* That once or always; where it is not written, the answer is 0. */
struct answers first(int result);
struct answers always(int result);

struct arrival {
    wherry_message *message; /* NULL: recv gives `result` */
    int result;
};

struct scripted {
    struct wherry_transport moves; /* may be changed before scripted_open_as */
    struct answers send;
    struct answers flush;
    struct answers keep;
    struct answers finish;
    struct answers wait[2]; /* by direction; 0: `fd`, 1: there is nothing to wait for */

    struct arrival arrivals[SCRIPTED_ARRIVALS];
    unsigned arrived; /* how many there are, */
    unsigned heard;   /* and were given */

    /* What was sent: texts and words, with a space between them ("hello one sync:1
     * end"), and how often it was finished and closed. */
    char said[SCRIPTED_SAID];
    bool is_mute;       /* nothing is added to `said` any more */
    unsigned gathered;  /* messages that scripted_gather took */
    unsigned waited[2]; /* by direction, how often what to wait for was asked */
    unsigned finished;
    unsigned closed;

    int fd;     /* what it waits for: `bell`, or what the test puts here */
    int bell;   /* always readable */
    int silent; /* never readable */
};

/* A script with a whole transport: duplex, with kinds and open files, that knows
 * borrowed messages; to be changed before scripted_open_as. */
void scripted_begin(struct scripted *);

/* A `gather` for it: takes two at a time. */
size_t scripted_gather(void *state, const struct wherry_plain *messages, size_t count);

/* Opens a channel on it, as a user of the library does: no words are spoken. */
wherry_channel *scripted_open_as(struct scripted *, const char *address);

/* Both. */
wherry_channel *scripted_open(struct scripted *, const char *address);

/* The same between two ends that speak the `wherry` framing; the peer has not yet said
 * hello. */
wherry_channel *scripted_open_with_words(struct scripted *, const char *address);

/* Closes the channel, which closes its transport once, and ends the script. */
void scripted_close(struct scripted *, wherry_channel *);

/* Ends a script that became no channel. */
void scripted_end(struct scripted *);

/* What arrives next: a message, a word (a hello is a good one), or a result of recv. */
void scripted_arrives(struct scripted *, int64_t kind, const char *text);
void scripted_arrives_word(struct scripted *, enum frame_word, int64_t number);
void scripted_arrives_result(struct scripted *, int result);

/* Lets this process open `room` more descriptors and no other, or as many as before. */
void descriptors_leave(unsigned room);
void descriptors_leave_all(void);

/* Closes stdin, and makes the system refuse to wait for more than one descriptor, until
 * descriptors_leave_all. */
void waits_are_refused(void);

/* A deadline that ends the test if it is not kept; one that passes at once; one that
 * has passed. */
wherry_deadline soon(void);
wherry_deadline at_once(void);
wherry_deadline long_ago(void);

/* Fails with that error, and a sentence that contains `part`. */
#define FAILS(call, error, part)                                                       \
    do {                                                                               \
        CHECK_ERROR(call, error);                                                      \
        CHECK_CONTAINS(wherry_error_text(), part);                                     \
    } while (0)

/* Short words: one message sent, the next one heard (a text and a kind). */
int say(wherry_channel *, const char *text);
void hear(wherry_channel *, const char *text);

#endif
