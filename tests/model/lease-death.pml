/* SPDX-License-Identifier: MIT */
/*
 * A lease whose processes, DEATHS of them at most, are killed anywhere, leave, and come: no permit has two
 * holders, nobody sleeps on while one is free or held by the dead, and whoever comes when
 * all is quiet finds every permit, wait and place as it was.
 *
 * SCENE tells who is there:
 *   1  two wait while one holds
 *   2  two wait while one comes
 *   3  one waits while one holds and leaves, and one comes
 *   4  one waits while one holds, and one comes to the place of one who has died
 *   5  as 4, and who comes there waits, too
 *   6  one waits while one holds, leaves, and comes again
 */
#ifndef PERMITS
#define PERMITS 1
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#if SCENE == 4 || SCENE == 5
#define PROCESSES 4
#elif SCENE == 6
#define PROCESSES 2
#else
#define PROCESSES 3
#endif
#define PLACES 3
#if SCENE == 5
#define WAITERS 3
#elif SCENE >= 3
#define WAITERS 1
#else
#define WAITERS 2
#endif
#define IS_WATCHED 1
#include "lease.pml"

#define attach()                                                                     \
    place = me - 1;                                                                  \
    owner = (me << 4) | place

/* What a process does. */
#define COMES 1
#define WAITS 2
#define HOLDS 4
#define LEAVES 8
#define RETURNS 16 /* after it has left */

inline come_again()
{
    owner = 0;
    taken = false;
    enter();
    try();
    if
    :: taken -> give()
    :: else
    fi
}

proctype somebody(byte role)
{
    OWN;
    if
    :: role & COMES -> enter()
    :: else -> attach()
    fi;
    if
    :: owner == 0 -> goto out
    :: else
    fi;
    if
    :: role & WAITS -> acquire()
    :: role & HOLDS -> taken = true
    :: else -> try()
    fi;
    if
    :: taken && !(role & HOLDS && role & LEAVES) -> give()
    :: else
    fi;
    if
    :: role & LEAVES -> leave()
    :: else
    fi;
    if
    :: role & RETURNS -> come_again()
    :: else
    fi;
out:
    end_program()
}

/* Takes up a number. */
proctype dead()
{
    skip
}

/* Whoever comes when all is quiet finds all as it was. */
proctype last()
{
    OWN;
    sweep();
    look();
    for (i : 0 .. PLACES - 1) {
        assert(waits[i] == 0);
        assert(state_of(places[i]) == FREE || !ended[pid_of(places[i])])
    }
    for (i : 0 .. PERMITS - 1) {
        assert(permits[i] == 0)
    }
    assert(first == 0 && how_many_inside == 0);
    end_program()
}

init
{
    byte i;
    atomic {
        places[0] = word_of(1, HERE);
        places[1] = word_of(2, HERE);
#if SCENE == 1
        places[2] = word_of(3, HERE);
        permits[0] = owner_of(2, word_of(3, HERE));
        inside[3] = 1;
        how_many_inside = 1;
        run somebody(WAITS);
        run somebody(WAITS);
        run somebody(HOLDS);
#elif SCENE == 2
        run somebody(WAITS);
        run somebody(WAITS);
        run somebody(COMES);
#elif SCENE == 3
        permits[0] = owner_of(1, word_of(2, HERE));
        inside[2] = 1;
        how_many_inside = 1;
        run somebody(WAITS);
        run somebody(HOLDS | LEAVES);
        run somebody(COMES);
#elif SCENE == 4 || SCENE == 5
        places[2] = word_of(3, HERE);
        ended[3] = true;
        permits[0] = owner_of(1, word_of(2, HERE));
        inside[2] = 1;
        how_many_inside = 1;
        run somebody(WAITS);
        run somebody(HOLDS);
        run dead();
#if SCENE == 5
        run somebody(COMES | WAITS);
#else
        run somebody(COMES);
#endif
#elif SCENE == 6
        permits[0] = owner_of(1, word_of(2, HERE));
        inside[2] = 1;
        how_many_inside = 1;
        run somebody(WAITS);
        run somebody(HOLDS | LEAVES | RETURNS);
#endif
        if
        :: deaths = 0
#if DEATHS > 0
        :: deaths = 1
#endif
#if DEATHS > 1
        :: deaths = 2
#endif
        fi
    }
    timeout;
    for (i : 1 .. PROCESSES) {
        assert(done[i] || ended[i])
    }
    deaths = 0;
    run last()
}
