/* SPDX-License-Identifier: MIT */
/*
 * What the explorer's files know of one another: fiber.c switches, memory.c has the
 * buffers, sleep.c who waits, moves.c says what may happen next, search.c chooses,
 * explore.c runs.
 */
#ifndef EXPLORE_PARTS_H
#define EXPLORE_PARTS_H

#include "explore.h"
#include "hooks.h"

enum {
    STORES_MOST = 40,  /* of a buffer; x86 has 40 and more */
    POINTS_MOST = 8192 /* of one order of steps: longer has no end */
};

/* --- fiber.c ------------------------------------------------------------- */

/* The fiber begins at its beginning when it is next gone on with. */
void fiber_renew(unsigned number, void (*body)(unsigned number));

/* From one to another; EXPLORE_FIBERS is whoever called first. */
void fiber_switch(unsigned from, unsigned to);

/* --- what runs ----------------------------------------------------------- */

enum fiber_state { FIBER_READY, FIBER_ASLEEP, FIBER_ENDED, FIBER_DEAD };

struct store {
    unsigned char *at;
    uint64_t value;
    unsigned size;
    bool is_release; /* it is seen after all that are older, */
    bool is_fenced;  /* or it and all that are newer are */
    const struct explore_site *site;
};

struct fiber {
    enum fiber_state state;
    const struct explore_bell *awaits;
    unsigned deaths; /* of whom wake it, too; a bit each */
    bool was_chosen; /* to go on, since its last step */
    bool holds;      /* its stores wait until they have to be seen */
    bool has_fenced; /* the next store is that */
    unsigned count;  /* of its stores that are not yet seen */
    struct store stores[STORES_MOST];
    const struct explore_site *looked; /* its last step, if that was a look, */
    uint64_t version;                  /* when memory was so */
};

/* One order of steps. */
struct run {
    const struct explore_scene *scene;
    unsigned count;
    unsigned now; /* the fiber that runs; EXPLORE_FIBERS: none does */
    unsigned points;
    uint64_t version; /* how often anything changed */
    bool is_told;
    bool has_found;
    struct fiber fibers[EXPLORE_FIBERS];
};

extern struct run run;

static inline bool run_goes(void)
{
    return run.now < EXPLORE_FIBERS;
}

const char *run_name(unsigned fiber);

/* Ends this order of steps, from within a fiber. */
void run_leave(void);

/* One line of what happens, if it is told. */
void run_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* --- memory.c ------------------------------------------------------------ */

/* What is about to be looked at or changed. */
struct access {
    const unsigned char *at;
    size_t size;  /* 0: nothing */
    bool is_full; /* all that is held has to be seen before */
};

/* Whether somebody's stores there are not yet seen. */
bool memory_is_hidden(unsigned number, const struct access *);

/* The oldest store becomes visible; or all do. */
void memory_show_one(unsigned number);
void memory_show(unsigned number);

/* Whether one there can before those that are older; which then it does. */
bool memory_can_overtake(unsigned number, const struct access *);
void memory_overtake(unsigned number, const struct access *);

/* --- moves.c ------------------------------------------------------------- */

enum move_sort { GO_ON, SHOW, OVERTAKE, HOLD, DIE };

struct move {
    unsigned char sort; /* enum move_sort */
    unsigned char fiber;
    unsigned char cost; /* 1: a change from the plainest order */
};

enum { MOVES_MOST = 3 * EXPLORE_FIBERS + 2 };

struct moves {
    unsigned count;
    struct move all[MOVES_MOST]; /* the first is the plainest */
};

static const struct access moves_plain = {0};
static const struct access moves_full = {.is_full = true};

/* Before a step that others could see, or that could see what others did. */
void moves_point(const struct access *next);

/* The fiber that runs goes no further now: another does.  False: nobody can. */
bool moves_elsewhere(void);

/* The fiber that runs has ended, or died: does not return. */
void moves_end(void);

/* Somebody begins. */
void moves_begin(void);

/* --- sleep.c ------------------------------------------------------------- */

/* Whoever sleeps, and has a reason to wake, can go on. */
void sleep_wake(void);

/* --- search.c ------------------------------------------------------------ */

/* Which of them. */
unsigned search_choose(const struct moves *);

/* Every order with so many changes. */
void search_every(unsigned changes);

/* Whether there is a next one, which is begun with. */
bool search_next(void);

/* How many changes the last one had. */
unsigned search_changes(void);

/* One by chance. */
void search_chance(uint64_t seed);

/* What was chosen, in words; and the same again. */
void search_words(char *words, size_t size);
bool search_replay(const char *words);

#endif
