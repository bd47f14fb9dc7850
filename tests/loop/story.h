/* SPDX-License-Identifier: MIT */
/*
 * Short words for tests of the loop: what is called back is told to a story, which is
 * compared in the end, and a run that does not end by itself fails the test.
 */
#ifndef STORY_H
#define STORY_H

#include <wherry/loop.h>

#include "../transport/talk.h"

enum { STORY = 4096 };

/* What was told so far, "message one, disconnect 0, close". */
extern char story[STORY];

/* Adds to it, in the format of printf(3). */
void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Compares it, and begins a new one. */
#define CHECK_STORY(expected)                                                          \
    do {                                                                               \
        CHECK_STRING(story, expected);                                                 \
        story[0] = 0;                                                                  \
    } while (0)

/* The test's loop, and the end of it. */
extern wherry_loop *loop;
void begin(void);
void end(void);

/* Lets this process open so many descriptors more at once, or, for -1, as many as
 * before. */
void leave_descriptors(int room);

/* Runs it until nothing is left, or it was stopped. */
void run(void);

/* Everything that a channel does, told with its name (`user`). */
extern const struct wherry_channel_events telling;

/* The same under a name. */
struct wherry_channel_events telling_of(const char *name);

/* Watches a channel so. */
wherry_watch *watch_channel(wherry_channel *channel, const char *name);

/* A program of the tests beside this one. */
const char *program_beside(const char *name);

/* A plan of `child TASK …` with messages at 3, its stdout a pipe and its stderr the
 * test's; `words` end with NULL. */
struct wherry_plan plan_of_child(const char *const *words);

/* Everything that a process does. */
struct wherry_process_events telling_of_process(void);

wherry_watch *watch_process(const struct wherry_plan *plan,
                            const struct wherry_process_events *events);

/* Waits for the end of one that was forgotten, whoever has heard of it. */
void until_gone(pid_t pid);

#endif
