/* SPDX-License-Identifier: MIT */
/*
 * No wake-up is lost between those who wait and those who give back: nobody sleeps on
 * while a permit is free, whoever comes between, gives up, or has its turn.  All live.
 */
#ifndef PERMITS
#define PERMITS 1
#endif
#define PROCESSES 3
#define PLACES 2
#define WAITERS 2
#define DEATHS 0
#define IS_WATCHED 0
#include "lease.pml"

#define attach()                                                                     \
    place = me - 1;                                                                  \
    owner = (me << 4) | place

proctype waiter(byte may_hurry)
{
    OWN;
    attach();
    if
    :: hurry = may_hurry
    :: hurry = 0
    fi;
    acquire();
    if
    :: taken -> give()
    :: else
    fi;
    end_program()
}

/* Has all permits from the start, and never waits. */
proctype giver()
{
    OWN;
    attach();
    give();
#if PERMITS > 1
    give();
#else
    try();
    if
    :: taken -> give()
    :: else
    fi;
#endif
    end_program()
}

init
{
    byte i;
    atomic {
        for (i : 0 .. PLACES - 1) {
            places[i] = ((i + 1) << 4) | HERE
        }
        for (i : 0 .. PERMITS - 1) {
            permits[i] = (3 << 4) | 2
        }
        inside[3] = PERMITS;
        how_many_inside = PERMITS;
        run waiter(0);
        run waiter(PERMITS == 1);
        run giver();
        i = 0
    }
    timeout;
    for (i : 1 .. PROCESSES) {
        assert(done[i])
    }
    assert(waits[0] == 0 && waits[1] == 0 && how_many_inside == 0 && first == 0)
}
