/* SPDX-License-Identifier: MIT */
/*
 * All blocks of a pool are out: its owner sleeps, and whoever gives one back wakes it
 * (core/memory/pool.c): pool_return and pool_take_back, pool_lend, pool_sleeps and
 * pool_wakes, and what transport/local_wait.c does about that bell.
 *
 * Each block is sent to the borrower, or another thread of the owner's process frees it
 * unsent.  Here the borrower has a buffer of stores, as on x86, with how many came
 * back, and the owner one with its epoch; taking a lock empties the own one.
 *
 * It holds if the owner never sleeps for ever while a block is free.
 */
#define BLOCKS 2
#define LOANS 5

byte returned = 0;   /* as the owner sees it */
byte epoch = 0;      /* as the others see it; odd: the owner sleeps */
byte sent = 0;
byte unsent = 0;     /* with the other thread */
byte taken_back = 0; /* under the lock */
bit over = 0;
bit bell = 0;
chan return_stores = [3] of { byte };
chan owner_stores = [3] of { byte };

active proctype ReturnBuffer()
{
end:
    do
    :: return_stores?returned
    od
}

active proctype OwnerBuffer()
{
end:
    do
    :: owner_stores?epoch
    od
}

active proctype Borrower()
{
    byte back = 0; byte rung = 0; byte seen;
end:
    do
    :: back != sent ->
        back++;
        return_stores!back;
#ifndef RETURN_UNFENCED
        empty(return_stores);
#endif
        seen = epoch;
        if
        :: (seen & 1) && seen != rung -> rung = seen; bell = 1
        :: else
        fi
    :: over && back == sent -> break
    od
}

active proctype Thread()
{
end:
    do
    :: atomic { unsent > 0 -> unsent--; taken_back++;  /* the lock */
        if
        :: epoch & 1 -> bell = 1
        :: else
        fi }
    :: over && unsent == 0 -> break
    od
}

active proctype Owner()
{
    byte loans = 0; byte out = 0; byte own = 0; bit asleep = 0;
    byte taken = 0;      /* of what was returned */
    byte seen = 0;       /* of taken_back */
    do
    :: loans == LOANS -> over = 1; break
    :: loans < LOANS && out < BLOCKS ->
        loans++; out++;
        if
        :: sent++
        :: unsent++
        fi
    :: loans < LOANS && out == BLOCKS ->
        atomic { empty(owner_stores);                /* pool_lend, under the lock */
            out = out - (taken_back - seen); seen = taken_back;
            out = out - (returned - taken); taken = returned }
        if
        :: out < BLOCKS
        :: else ->
            if
            :: asleep ->               /* a bell may have been rung for what was seen */
                bell = 0;
#ifndef SAME_EPOCH
                own++;
                owner_stores!own
#endif
            :: else
            fi;
            asleep = 1;
#ifdef LOOKS_FIRST
            if
            :: returned != taken || taken_back != seen -> goto again
            :: else
            fi;
#endif
            own = own | 1;
            owner_stores!own;
#ifdef SLEEPS_UNFENCED
            if
            :: returned != taken -> goto again
            :: else
            fi;
#endif
            empty(owner_stores);
#ifndef LOOKS_FIRST
            if
#ifdef ONLY_WHAT_RETURNED
            :: returned != taken
            :: else -> bell
#else
#ifdef SLEEPS_UNFENCED
            :: taken_back != seen
            :: else -> bell
#else
            :: returned != taken || taken_back != seen
            :: else -> bell
#endif
#endif
            fi
#else
            bell
#endif
        fi;
again:  skip
    od
}
