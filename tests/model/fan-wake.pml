/* SPDX-License-Identifier: MIT */
/*
 * Readers of a fan sleep, and its writer wakes each of them (core/memory/ring.c and
 * fan.c; transport/topic.c, topic_in.c): fan_show, fan_must_ring, ring_shown,
 * fan_in_sleeps, ring_in_wakes, and what is done about bells.
 *
 * Stores of the writer go through a buffer, as in ring-wake.pml; there is one mode for
 * all readers.  The writer may die at any moment, and a reader may stop for ever: it
 * does so where it likes, and holds up nobody.
 *
 * It holds if no reader that goes on sleeps for ever over something that is there.
 */
#ifndef PUBLISHES
#define PUBLISHES 2
#endif
#define READERS 2

mtype = { TAIL, MODE };

byte tail = 0;
bit unfenced = 0;
byte epoch[READERS];
bit bell[READERS];
bit ended = 0;
bit killed = 0;
chan stores = [4] of { mtype, byte };

inline see(what, value)
{
    if
    :: what == TAIL -> tail = value
    :: what == MODE -> unfenced = value
    fi
}

active proctype Buffer()
{
    mtype what; byte value;
end:
    do
    :: atomic { stores?what, value -> see(what, value) }
    od
}

active proctype Killer()
{
    if
    :: killed = 1
    :: skip
    fi
}

#ifdef RUNG_FOR_ONE_AS_FOR_ALL
#define RUNG rung[0]
#else
#define RUNG rung[i]
#endif

inline look_at_all()
{
    i = 0;
    has_rung = 0;
    do
    :: i < READERS ->
        atomic {
            seen = epoch[i];
            if
            :: (seen & 1) && seen != RUNG -> RUNG = seen; has_rung = 1
            :: else -> seen = 0
            fi
        };
        if
        :: seen -> bell[i] = 1
        :: else
        fi;
        i++
#ifdef RINGS_FOR_THE_FIRST_ALONE
        :: has_rung -> break
#endif
    :: i == READERS -> break
    od
}

active proctype Writer()
{
    byte written = 0; byte seen; byte rung[READERS]; byte i; bit is_unfenced = 0;
    bit has_rung = 0;
    {
    do
    :: written < PUBLISHES ->
        written++;
#ifdef LOOKS_BEFORE_IT_SHOWS
        look_at_all();
#endif
        stores!TAIL, written;
        if
        :: is_unfenced
        :: !is_unfenced ->
#ifndef SHOWN_UNFENCED
            empty(stores)
#else
            skip
#endif
        fi;
#ifndef LOOKS_BEFORE_IT_SHOWS
        look_at_all();
#endif
        if
        :: has_rung ->
            is_unfenced = 0;
            stores!MODE, 0
        :: !has_rung && !is_unfenced ->
            is_unfenced = 1;
            stores!MODE, 1;
            empty(stores)
        :: !has_rung -> skip
        fi
    :: else -> break
    od;
end:
    (killed)
    } unless { (killed) };
    empty(stores);
    ended = 1
}

inline fall_asleep()
{
    epoch[me]++;
    mode = unfenced;
    if
    :: mode ->
#ifndef NO_BARRIER_FOR_MANY
        atomic {
            do
            :: nempty(stores) -> stores?what, value; see(what, value)
            :: empty(stores) -> break
            od
        }
#else
        skip
#endif
    :: else
    fi
}

proctype Reader(byte me)
{
    byte read = 0; bit mode; mtype what; byte value; bit was_ended;
    do
    :: read == PUBLISHES -> break
    :: me > 0 -> goto end          /* stopped for ever, or killed */
    :: read != PUBLISHES && tail != read -> read = tail
    :: read != PUBLISHES && tail == read ->
        was_ended = ended;
        if
        :: bell[me] ->
            bell[me] = 0;
            if
            :: epoch[me] & 1 -> epoch[me]++
            :: else
            fi
        :: else ->
            if
            :: was_ended && tail == read -> break
            :: was_ended && tail != read
            :: !was_ended ->
                if
                :: !(epoch[me] & 1) -> fall_asleep()
                :: else
                fi;
                if
                :: tail != read
                :: else -> (bell[me] || ended)
                fi
            fi
        fi;
        mode = 0; was_ended = 0; what = 0; value = 0 /* forgotten: fewer states */
    od;
    assert(read == tail);
end:
    skip
}

init
{
    atomic { run Reader(0); run Reader(1) }
}
