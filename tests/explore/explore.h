/* SPDX-License-Identifier: MIT */
/*
 * The explorer: code that shares memory, in every order of its steps.
 *
 * The code is that of core/, compiled with hooks.h before it.  What would be processes
 * are fibers of one thread; before each of its looks at shared memory, and after each
 * of its stores, a fiber may be stopped and another one go on.  The order of steps is
 * looked for in two ways:
 *
 *   every one   with at most so many changes from the plainest: that a fiber is stopped
 *               (it goes on later), that it holds its stores back, that it dies; first
 *               with none, then with one more each time, and none twice
 *   by chance   fibers and their buffers have priorities, which change now and then
 *
 * A store goes into a buffer of its fiber's, which is emptied at once or later; looks
 * of the same fiber see what is in there, others do not.  A locked operation, a full
 * fence, a system call and membarrier(2) empty it.  So a fence that is missing before a
 * look is found.  What was stored is seen in that order, as on x86; but one that says
 * it does not mind (memory_order_relaxed, memcpy) may be seen before older ones, as
 * compilers and other processors have it.  So a release that is missing is found, too.
 * Looks are one after the other: an acquire that is missing is not found, and is left
 * to the thread sanitizer.
 *
 * Whoever waits sleeps until its bell is rung, and no time passes: a wake-up that is
 * lost is an end at which somebody sleeps, which is a finding.  So is a check that does
 * not hold, and a call that has no end.  A finding is told with all steps that led to
 * it, and the words that do the same again (WHERRY_TEST_REPLAY).
 *
 *   WHERRY_TEST_SCHEDULES=N   so many orders of each scene; without it, some seconds
 *   WHERRY_TEST_SEED=N        others by chance than without it
 *   WHERRY_TEST_REPLAY=WORDS  this one, told
 */
#ifndef EXPLORE_H
#define EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EXPLORE_FIBERS = 4 };

/* What one does, and how it is called. */
struct explore_role {
    const char *name;
    void (*run)(void);
    bool may_die;
};

/* Those who meet, and where.  `memory` is as `begin` left it whenever they start; its
 * first `shared` bytes are what they share, the rest is each one's own. */
struct explore_scene {
    const char *name; /* a sentence */
    void *memory;
    size_t shared;
    size_t size;
    void (*begin)(void);
    void (*judge)(void); /* when all have ended; may be NULL */
    struct explore_role roles[EXPLORE_FIBERS];
};

/* A scene of a file that has a `struct plan`, a pointer `plan` to the one at hand, and
 * what they meet in, `at`, of which all before the member `own` is shared; begin()
 * makes it by the plan.  Roles are told by EXPLORE_ROLES, and the plan follows. */
#define EXPLORE_SCENE(title, own, judged, players, ...)                                \
    static void begin_##title(void)                                                    \
    {                                                                                  \
        static const struct plan planned = {__VA_ARGS__};                              \
        plan = &planned;                                                               \
        begin();                                                                       \
    }                                                                                  \
    static const struct explore_scene title = {.name = #title,                         \
                                               .memory = &at,                          \
                                               .shared =                               \
                                                   offsetof(__typeof__(at), own),      \
                                               .size = sizeof(at),                     \
                                               .begin = begin_##title,                 \
                                               .judge = (judged),                      \
                                               .roles = players}

#define EXPLORE_ROLES(...)                                                             \
    {                                                                                  \
        __VA_ARGS__                                                                    \
    }

/* A test of the program: nothing is found in the scene.  It is kept. */
void explore_add(const struct explore_scene *);

/* For the explorer's own tests: what the judge of a scene saw; how often each number
 * was given, in all orders that there are; and how many those are. */
enum { EXPLORE_OUTCOMES = 16 };

void explore_tell(unsigned number);
unsigned long explore_all(const struct explore_scene *,
                          unsigned long seen[EXPLORE_OUTCOMES]);

/* That something is found in it, and again by those words; with so few changes. */
unsigned explore_least(const struct explore_scene *, char *words, size_t size);

/* --- in a scene ---------------------------------------------------------- */

/* By which one wakes another: a byte over a socket.  It lies in the scene's memory, but
 * not in what is shared. */
struct explore_bell {
    bool is_rung;
};

void explore_ring(struct explore_bell *);

/* It is not rung any more. */
void explore_hush(struct explore_bell *);

/* Until it is rung, or one of those has died: roles, a bit each. */
enum { EXPLORE_ALL = (1 << EXPLORE_FIBERS) - 1 };

void explore_sleep(const struct explore_bell *, unsigned deaths);

/* The kernel is asked, for what others may change. */
void explore_ask(const char *what);

/* Whether that role has died. */
bool explore_has_died(unsigned role);

/* Another goes on, if there is one: of whoever looks again and again. */
void explore_give_way(void);

/* A finding, if it does not hold. */
#define EXPLORE_CHECK(holds)                                                           \
    ((holds) ? (void)0 : explore_find("%s:%d: %s is false", __FILE__, __LINE__, #holds))

void explore_find(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
