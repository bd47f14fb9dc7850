/* SPDX-License-Identifier: MIT */
/*
 * Nobody sleeps at a shared queue while there is a message for it: the steps of
 * core/memory/shared_queue_wait.c, and when the channel takes them (core/channel/wait.c):
 * a look in vain, a wait, what became of it, another look, or none when the deadline has
 * passed.
 *
 * One statement, or one atomic block, is one access to memory that processes share.  A
 * putter can be killed between any two of its steps; a sleeper's watch tells it of that.
 * Plain interleaving is right on x86: the lock is given back by an exchange after the
 * entry and before the look at the count of arrivals, and that count is raised by a
 * locked instruction after the wait is written and before the last look.
 *
 * Two classes: who wants any message, and who wants those of kind 1 only.
 *
 * A mutant is a macro: the step as it must not be.  check.py tries each.
 */
#ifndef SCENE
#define SCENE 1
#endif
#define READERS 2
#if SCENE == 1
#define PUTTERS 2
#else
#define PUTTERS 1
#endif
#define RUNG 1
#define ANY 0

/* --- what is shared -------------------------------------------------------- */

byte there[2];       /* messages of kind 0, and of kind 1 */
byte waits[READERS]; /* a ticket and RUNG, or 0 */
byte wants[READERS];
byte tickets, arrivals;

/* The kernel's. */
bool bell[READERS];
bool ended[PUTTERS];

/* The checker's. */
bool through[READERS];
byte over, deaths = 1;

#define ticket_of(wait) ((wait) >> 1)
#define fits(kind, wanted) ((wanted) == ANY || (wanted) == (kind))
#define has(wanted) ((there[1] > 0) || ((wanted) == ANY && there[0] > 0))

/* --- putting --------------------------------------------------------------- */

#define mortal                                                                        \
    if                                                                                \
    :: deaths > 0 -> goto killed                                                      \
    :: true                                                                           \
    fi

inline ring(r)
{
    atomic { mortal; if
    :: r < READERS && waits[r] == seen[r] && seen[r] != 0 ->
        waits[r] = waits[r] | RUNG; rung = true
#ifndef GONE_BEFORE_RUNG
    :: r < READERS && waits[r] != seen[r] -> again = true
#endif
    :: else
    fi };
    if
    :: rung -> atomic { mortal; bell[r] = true; rung = false }
    :: else
    fi
}

/* Of each class that fits, the one that waits longest and was not rung. */
inline wake(kind)
{
    do
    :: wake_once(kind);
        if
        :: again -> again = false
        :: else -> break
        fi
    od
}

inline wake_once(kind)
{
    atomic { mortal; counted = arrivals };
    any = false;
    for (i : 0 .. READERS - 1) {
        atomic { mortal; seen[i] = waits[i]; want[i] = wants[i];
                 any = any || seen[i] != 0 }
    }
    if
    :: !any -> quiet = counted
    :: else
    fi;
    best[0] = READERS; best[1] = READERS;
    for (i : 0 .. READERS - 1) {
        if
        :: seen[i] != 0 && !(seen[i] & RUNG) && fits(kind, want[i]) ->
#ifdef ONE_FOR_ALL
            c = 0;
#else
            c = want[i];
#endif
            if
            :: best[c] == READERS -> best[c] = i
            :: best[c] < READERS ->
                if
                :: ticket_of(seen[i]) < ticket_of(seen[best[c]]) -> best[c] = i
                :: else
                fi
            fi
        :: else
        fi
    }
    ring(best[0]);
    ring(best[1])
}

proctype putter(byte number; byte first; byte second)
{
    byte i, c, seen[READERS], want[READERS], best[2], counted, k, n;
    byte quiet = 255;
    bool rung, again, any;
    do
    :: n < 2 ->
        k = (n == 0 -> first : second);
        if
        :: k < 2 ->
#ifdef RUNG_BEFORE_PUT
            atomic { mortal; counted = arrivals };
            if
            :: counted != quiet -> wake(k)
            :: else
            fi;
            atomic { mortal; there[k]++ }
#else
            atomic { mortal; there[k]++ };
            atomic { mortal; counted = arrivals };
            if
            :: counted != quiet -> wake(k)
            :: else
            fi
#endif
        :: else
        fi;
        n++
    :: else -> break
    od;
    atomic {
        goto finished;
killed:
        deaths--;
        ended[number] = true;
finished:
        n = 0; k = 0; i = 0; c = 0; counted = 0; rung = 0; again = 0; any = 0; quiet = 0; best[0] = 0; best[1] = 0;
        for (i : 0 .. READERS - 1) {
            seen[i] = 0; want[i] = 0
        }
        i = 0;
        over++
    }
}

/* --- taking ---------------------------------------------------------------- */

inline look()
{
    atomic {
        if
        :: there[1] > 0 && wanted == 1 -> there[1]--; got = true
        :: wanted == ANY && there[0] > 0 -> there[0]--; got = true
        :: wanted == ANY && there[1] > 0 -> there[1]--; got = true
        :: else
        fi
    }
}

inline empty_bell()
{
    bell[me] = false
}

inline join()
{
    atomic { tickets++; t = tickets };
    wants[me] = wanted;
#ifdef WAIT_COUNTED_FIRST
    arrivals++;
    waits[me] = t << 1
#else
    waits[me] = t << 1;
    arrivals++
#endif
}

/* All that wakes it is ready before it looks. */
inline wait()
{
#ifndef DOORBELL_EMPTIED_LAST
    empty_bell();
#endif
    atomic { known = ended[0] + ended[PUTTERS - 1] };
    join();
#ifndef NOT_LOOKED_ANEW
    atomic { if
    :: has(wanted) -> bell[me] = true
    :: else
    fi };
#endif
#ifdef DOORBELL_EMPTIED_LAST
    empty_bell();
#endif
end_sleep:
    atomic {
        if
        :: bell[me] || known != ended[0] + ended[PUTTERS - 1] -> skip
        :: hurries -> hurries = false; gives_up = true
        fi
    };
#ifdef NOT_LEFT
    atomic { was = waits[me]; if
    :: !gives_up -> waits[me] = 0
    :: else
    fi };
#else
    atomic { was = waits[me]; waits[me] = 0 };
#endif
#ifndef GIVEN_UP_UNSAID
    if
    :: gives_up && (was & RUNG) ->
        for (j : 0 .. READERS - 1) {
            atomic { if
            :: waits[j] != 0 -> bell[j] = true
            :: else
            fi }
        }
    :: else
    fi;
#endif
    was = 0; j = 0
}

proctype reader(byte me; byte wanted; bool hurries)
{
    byte t, was, j, known;
    bool got, gives_up;
    do
    :: look();
        if
        :: got || gives_up -> break
        :: else -> wait(); if
            :: gives_up -> break
            :: else
            fi
        fi
    od;
    through[me] = true
}

init
{
    byte i;
    atomic {
#if SCENE == 1
        /* The same for all; one may give up. */
        run reader(0, ANY, true);
        run reader(1, ANY, false);
        run putter(0, 0, 2);
        run putter(1, 0, 2)
#elif SCENE == 2
        /* Two classes; one may give up. */
        run reader(0, ANY, true);
        run reader(1, 1, false);
        run putter(0, 1, 0)
#else
        /* Two after another. */
        run reader(0, ANY, false);
        run reader(1, ANY, false);
        run putter(0, 0, 0)
#endif
    }
    timeout;
    assert(over == PUTTERS);
    /* Whoever is not through sleeps, and there is nothing for it. */
    for (i : 0 .. READERS - 1) {
        assert(through[i] || !has(wants[i]))
    }
}
