/* SPDX-License-Identifier: MIT */
/*
 * What may happen next.
 *
 * Points stand only where it makes a difference who goes on: before a look, a locked
 * operation or a fence, before a store is seen, and where a fiber stops by itself.  A
 * store that is held back may be seen earlier than it must be: that is asked before
 * somebody else looks there, for nothing else could tell.
 */
#include "parts.h"

static void add(struct moves *moves, enum move_sort sort, unsigned fiber,
                bool is_change)
{
    moves->all[moves->count++] = (struct move){
        .sort = (unsigned char)sort, .fiber = (unsigned char)fiber, .cost = is_change};
}

static void add_others(struct moves *moves, bool is_change)
{
    for (unsigned i = 0; i < run.count; i++)
        if (i != run.now && run.fibers[i].state == FIBER_READY)
            add(moves, GO_ON, i, is_change);
}

static bool may_die(unsigned fiber)
{
    return run.scene->roles[fiber].may_die;
}

// `may_switch`: since the last step, so that it makes a difference who goes on.
static void lay_out(struct moves *moves, const struct access *next, bool may_switch)
{
    const unsigned now = run.now;
    const struct fiber *fiber = &run.fibers[now];
    const bool is_due = fiber->count > 0 && !fiber->holds;
    moves->count = 0;
    add(moves, is_due ? SHOW : GO_ON, now, false);
    if (is_due && !next->is_full)
        add(moves, HOLD, now, true);
    if (may_switch)
        add_others(moves, true);
    for (unsigned i = 0; i < run.count && next->size > 0 && !is_due; i++)
        if (i != now && run.fibers[i].holds && memory_is_hidden(i, next)) {
            add(moves, SHOW, i, false);
            if (memory_can_overtake(i, next))
                add(moves, OVERTAKE, i, true);
        }
    if (may_die(now) && !is_due)
        add(moves, DIE, now, true);
}

/* --- making them --------------------------------------------------------- */

static void go_to(unsigned fiber)
{
    const unsigned from = run.now;
    run_say("-- %s goes on", run_name(fiber));
    run.now = fiber;
    fiber_switch(from, fiber);
}

// Its stores leave the processor, whatever becomes of it.
static void die(void)
{
    memory_show(run.now);
    run.fibers[run.now].state = FIBER_DEAD;
    run.version++;
    run_say("-- %s dies", run_name(run.now));
    sleep_wake();
    moves_end();
}

static void hold(unsigned number)
{
    struct fiber *fiber = &run.fibers[number];
    fiber->holds = true;
    run_say("    %s of %s is held back", fiber->stores[0].site->text, run_name(number));
}

enum after { TAKES_STEP, MAY_SWITCH, STAYS };

// What the fiber that was asked may do then.  Who is gone on with takes a step: whoever
// else could have been gone on with instead.
static enum after make(const struct move *move, const struct access *next)
{
    const unsigned now = run.now;
    switch ((enum move_sort)move->sort) {
    case SHOW:
        memory_show_one(move->fiber);
        return move->fiber == now ? MAY_SWITCH : STAYS;
    case OVERTAKE:
        memory_overtake(move->fiber, next);
        return STAYS;
    case HOLD:
        hold(move->fiber);
        return STAYS;
    case DIE:
        die();
        return STAYS;
    case GO_ON:
        break;
    }
    if (move->fiber == now)
        return TAKES_STEP;
    go_to(move->fiber);
    return STAYS;
}

void moves_point(const struct access *next)
{
    struct fiber *fiber = &run.fibers[run.now];
    struct moves moves;
    enum after after = fiber->was_chosen ? STAYS : MAY_SWITCH;
    fiber->was_chosen = false;
    if (++run.points > POINTS_MOST)
        explore_find("%s has no end", run_name(run.now));
    do {
        lay_out(&moves, next, after == MAY_SWITCH);
        after = make(&moves.all[search_choose(&moves)], next);
    } while (after != TAKES_STEP);
}

bool moves_elsewhere(void)
{
    struct moves moves = {.count = 0};
    add_others(&moves, false);
    if (moves.count == 0)
        return false;
    go_to(moves.all[search_choose(&moves)].fiber);
    return true;
}

// Whoever sleeps while nobody can go on sleeps for ever.
void moves_end(void)
{
    if (moves_elsewhere())
        return;
    for (unsigned i = 0; i < run.count; i++)
        if (run.fibers[i].state == FIBER_ASLEEP)
            explore_find("%s sleeps for ever", run_name(i));
    run_leave();
}

void moves_begin(void)
{
    run.now = EXPLORE_FIBERS;
    (void)moves_elsewhere();
}
