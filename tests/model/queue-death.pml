/* SPDX-License-Identifier: MIT */
/*
 * No death at a shared queue loses or doubles a message, or loses room: the steps of
 * core/memory/shared_queue_{put,get,mend,lock}.c, one for one.
 *
 * One statement, or one atomic block, is one access to memory that processes share; what
 * a process does with its own memory goes with the access before it.  A process can be
 * killed between any two of them, while it mends, too.  Each step is a release store,
 * which x86 keeps in its order, so plain interleaving is right; who finds an entry has
 * acquired what was stored before it.
 *
 * A message is in its slot as one number: that a copy is half done when its doer dies is
 * what the states are for.  What is left out: blocks (they are listed anew from the
 * slots), kinds (whoever passes over makes the same list that mending does), waiting
 * (queue-wake.pml).
 *
 * A mutant is a macro: the step as it must not be.  check.py tries each.
 */
#ifndef DEATHS
#define DEATHS 2
#endif
#define SLOTS 2
#define RING 4
#define MESSAGES 3
#define PROCESSES 4
#define NONE 7

#define RETURNED 1
#define READY 2
#define READING 3

/* --- what is shared -------------------------------------------------------- */

byte lock_w, lock_r; /* a process, or 0 */
byte arrived = RING, taken = RING;
byte read = RING, returned = RING + SLOTS, first = NONE, last = NONE;
byte arrivals_at[RING], arrivals_slot[RING]; /* an entry is one word: one access */
byte returns_at[RING], returns_slot[RING];
byte state[SLOTS], position[SLOTS]; /* one word, too */
byte message[SLOTS], next[SLOTS];

/* The checker's. */
bool ended[PROCESSES + 3], is_put[MESSAGES + 1], is_begun[MESSAGES + 1];
byte gone[MESSAGES + 1];
byte deaths = DEATHS, over;

#define me _pid

#define mortal                                                                        \
    if                                                                                \
    :: me != JUDGE && deaths > 0 -> goto killed                                       \
    :: true                                                                           \
    fi

#define JUDGE (PROCESSES + 1)

#define arrival_at(p) (arrivals_at[(p) % RING] == (p) -> arrivals_slot[(p) % RING] : NONE)
#define return_at(p) (returns_at[(p) % RING] == (p) -> returns_slot[(p) % RING] : NONE)

#define set_state(s, what, p)                                                         \
    state[s] = what; position[s] = p

/* --- mending --------------------------------------------------------------- */

inline mend_writers()
{
#ifndef ARRIVAL_NOT_SETTLED
    atomic { mortal; if
    :: arrival_at(arrived) != NONE -> arrived++
    :: else
    fi };
#endif
    atomic { mortal;
        s = return_at(taken);
        if
        :: s == NONE
        :: s != NONE && ((state[s] == READY && position[s] >= arrived) ||
                         (state[s] == RETURNED && position[s] == taken)) ->
            set_state(s, RETURNED, taken)
        :: else -> taken++
        fi;
        s = 0
    }
}

inline give_back()
{
    atomic { mortal; set_state(n, RETURNED, returned) };
    atomic { mortal; returns_at[returned % RING] = returned;
             returns_slot[returned % RING] = n };
    atomic { mortal; returned++ }
}

inline mend_readers()
{
    atomic { mortal; if
    :: return_at(returned) != NONE -> returned++
    :: else
    fi };
    n = 0;
    do
    :: n < SLOTS ->
        atomic { mortal; w = state[n]; p = position[n] };
        if
#ifdef READING_FORGOTTEN
        :: false
#else
        :: w == READING -> atomic { mortal; set_state(n, READY, p) }
#endif
        :: w == RETURNED && p >= returned -> give_back()
        :: else
        fi;
        n++
    :: else -> break
    od;
    atomic { mortal; t = arrived; n = 0; s = NONE; p = 0 };
    /* Those that are READY before t, in order: there are two slots. */
    atomic { mortal;
        if
        :: state[0] == READY && position[0] < t -> s = 0
        :: else
        fi;
        w = NONE
    };
    atomic { mortal;
        if
        :: state[1] == READY && position[1] < t -> w = 1
        :: else
        fi
    };
    if
    :: s != NONE && w != NONE && position[w] < position[s] -> s = 1; w = 0
    :: s == NONE -> s = w; w = NONE
    :: else
    fi;
    atomic { mortal; last = (w != NONE -> w : s) };
    if
    :: w != NONE -> atomic { mortal; next[w] = NONE }
    :: else
    fi;
    if
    :: s != NONE -> atomic { mortal; next[s] = w }
    :: else
    fi;
    atomic { mortal; first = s };
    atomic { mortal; read = t; s = 0; w = 0; t = 0; p = 0; n = 0 }
}

/* --- locks ----------------------------------------------------------------- */

inline take_w()
{
    atomic {
        (lock_w == 0 || ended[lock_w]) -> mortal; h = lock_w; lock_w = me
    };
    if
#ifndef TAKEN_OVER_AS_IT_IS
    :: h != 0 -> h = 0; mend_writers()
#endif
    :: else -> h = 0
    fi
}

inline take_r()
{
    atomic {
        (lock_r == 0 || ended[lock_r]) -> mortal; h = lock_r; lock_r = me
    };
    if
    :: h != 0 -> h = 0; mend_readers()
    :: else -> h = 0
    fi
}

/* --- putting and taking ---------------------------------------------------- */

inline put(number)
{
    take_w();
    atomic { mortal; s = return_at(taken) };
    if
    :: s != NONE && state[s] == RETURNED && position[s] == taken ->
        atomic { mortal; message[s] = number; is_begun[number] = true };
#ifdef TAKEN_FIRST
        atomic { mortal; taken++ };
#endif
#ifdef ENTRY_FIRST
        atomic { mortal; arrivals_at[arrived % RING] = arrived;
                 arrivals_slot[arrived % RING] = s };
        atomic { mortal; set_state(s, READY, arrived) };
#else
        atomic { mortal; set_state(s, READY, arrived) };
        atomic { mortal; arrivals_at[arrived % RING] = arrived;
                 arrivals_slot[arrived % RING] = s };
#endif
        atomic { mortal; arrived++ };
#ifndef TAKEN_FIRST
        atomic { mortal; taken++ };
#endif
        atomic { mortal; is_put[number] = true; lock_w = 0; s = 0 }
    :: else ->
        atomic { mortal; lock_w = 0; s = 0; is_full = true }
    fi
}

inline next_arrival()
{
    do
    :: atomic { mortal; s = arrival_at(read) };
        if
        :: s == NONE -> break
        :: s != NONE && state[s] == READY && position[s] == read -> break
        :: else -> atomic { mortal; read++ }
        fi
    od
}

inline take()
{
    take_r();
    atomic { mortal; s = first };
    if
    :: s != NONE -> passed = true
    :: else -> next_arrival()
    fi;
    if
    :: s == NONE -> atomic { mortal; lock_r = 0; s = 0; passed = false; is_empty = true }
    :: else ->
        atomic { mortal; p = position[s]; set_state(s, READING, p); p = 0 };
        atomic { mortal; got = message[s] };
        leave_order();
#ifdef RETURN_FIRST
        atomic { mortal; returns_at[returned % RING] = returned;
                 returns_slot[returned % RING] = s };
        atomic { mortal; gone[got]++; set_state(s, RETURNED, returned) };
#else
        atomic { mortal; gone[got]++; set_state(s, RETURNED, returned) };
        atomic { mortal; returns_at[returned % RING] = returned;
                 returns_slot[returned % RING] = s };
#endif
        atomic { mortal; returned++ };
        atomic { mortal; lock_r = 0; s = 0; got = 0; passed = false }
    fi
}

inline leave_order()
{
    if
    :: passed ->
        atomic { mortal; first = next[s] };
        atomic { mortal; if
        :: last == s -> last = NONE
        :: else
        fi }
    :: else -> atomic { mortal; read++ }
    fi
}

inline end_program()
{
    atomic {
        goto finished;
killed:
        deaths--;
        ended[me] = true;
finished:
        s = 0; w = 0; p = 0; n = 0; t = 0; h = 0; got = 0; passed = 0; is_full = 0;
        is_empty = 0;
        over++
    }
}

#define OWN                                                                           \
    byte s, w, p, n, t, h, got;                                                       \
    bool passed, is_full, is_empty

proctype writer(byte from; byte to)
{
    OWN;
    byte i = from;
    do
    :: i <= to && !is_full -> put(i); i++
    :: else -> break
    od;
    end_program()
}

proctype reader(byte times)
{
    OWN;
    byte i = 0;
    do
    :: i < times && !is_empty -> take(); i++
    :: else -> break
    od;
    end_program()
}

/* Whoever comes after all of them. */
proctype judge()
{
    OWN;
    byte i;
    do
    :: !is_empty -> take()
    :: else -> break
    od;
    take_w();
    lock_w = 0;
    if
    :: false -> goto killed /* nobody kills the judge */
    :: else
    fi;
    atomic {
        for (i : 1 .. MESSAGES) {
            assert(gone[i] <= 1);
            assert(!is_put[i] || gone[i] == 1);
            assert(is_begun[i] || gone[i] == 0)
        }
        /* Both slots are free, and whoever writes next finds them. */
        assert(returned - taken == SLOTS);
        for (i : 0 .. SLOTS - 1) {
            s = return_at(taken + i);
            assert(s != NONE && state[s] == RETURNED && position[s] == taken + i)
        }
        assert(return_at(taken) != return_at(taken + 1));
        assert(arrived == read || first == NONE)
    };
    end_program()
}

init
{
    byte i;
    atomic {
        for (i : 0 .. SLOTS - 1) {
            state[i] = RETURNED; position[i] = RING + i;
            returns_at[(RING + i) % RING] = RING + i;
            returns_slot[(RING + i) % RING] = i
        }
        run writer(1, 2);
        run writer(3, 3);
        run reader(2);
        run reader(1);
        i = 0
    }
    over == PROCESSES;
    run judge()
}
