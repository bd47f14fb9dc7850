/* SPDX-License-Identifier: MIT */
/*
 * The queue of queue.c and its messages, and what is found in it (queue_judge.c).
 */
#ifndef STEP_QUEUE_H
#define STEP_QUEUE_H

#include <wherry.h>

#include "memory/shared_queue.h"
#include "step.h"

enum {
    ADDRESS = 64,
    MESSAGES = 4,    // that it holds
    BYTES = 8192,    // and room for these
    LARGE = 2500,    // of a message that takes blocks
    SMALL = 16,      // and of one that does not
    SOON = 2000,     // milliseconds
    NOBODYS = 77,    // a kind that there is not
    VISITORS = 88,   // the kind of whoever comes while another is stopped, or repairs
    THERE_MOST = 16, // messages that are looked at
    LEAST = 100      // the first number of a message
};

/* What runs share. */
struct quay {
    char address[ADDRESS];
    char file[ADDRESS];
    int there; // messages that were put before, from LEAST on
    struct shared_queue_header *block;
    size_t size;
};

/* What a process has for itself. */
struct ends {
    wherry_channel *out;
    wherry_channel *in;
};

/* What was found in a queue. */
struct haul {
    int numbers[THERE_MOST];
    int count;
    int visitors; /* messages of those who met whoever was stopped */
    bool is_torn;
    bool is_stuck; /* something is there, and cannot be had */
};

/* Puts the message of that number: each has a kind, a size and bytes of its own. */
int queue_put(wherry_channel *out, int number, wherry_deadline deadline);

/* The number of a message, or -1 if it is torn. */
int queue_number_of(const wherry_message *message);

/* Takes all that is there. */
void queue_empty(wherry_channel *in, struct haul *haul);

/* Whether a haul is what was put: in order, each once; of those that were there one at
 * most is missing, if somebody took it. */
struct step_finding queue_judge_haul(const struct step_scene *scene,
                                     const struct haul *haul);

/* Whether all of its room can be used: by messages, and by bytes. */
struct step_finding queue_judge_room(const struct ends *ends);

#endif
