/* SPDX-License-Identifier: MIT */
/*
 * A ring's reader sleeps, and its writer wakes it (core/memory/ring.c): ring_publish,
 * ring_in_sleeps, ring_in_wakes, and what transport/local_in.c does about bells.
 *
 * What the writer stores goes through a buffer, as on x86: the reader sees it later, in
 * the same order.  `tail` stands for its records (ring-records.pml).  A fence waits until
 * the buffer is empty; so does membarrier(2), which the sleeper calls.  The reader's own
 * stores to its epoch are fenced, and seen at once.
 *
 * The writer may die at any moment: what it had stored is seen, and its end is.
 *
 * It holds if nobody sleeps for ever over something that is there: spin(1) calls that an
 * invalid end state.
 */
#ifndef PUBLISHES
#define PUBLISHES 4
#endif
#define SPINS 2 /* times that waiting awake was in vain */

mtype = { TAIL, MODE };

byte tail = 0;       /* as the reader sees it */
bit unfenced = 0;    /* ditto: the mode */
byte epoch = 0;      /* odd: the reader sleeps */
bit bell = 0;        /* in the socket: one is as good as many */
bit ended = 0;       /* so is the writer's end */
bit killed = 0;
chan stores = [4] of { mtype, byte };

inline see(what, value)
{
    if
    :: what == TAIL -> tail = value
    :: what == MODE -> unfenced = value
    fi
}

/* What a processor does by itself. */
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

active proctype Writer()
{
    byte written = 0; byte seen; byte rung = 0; bit is_unfenced = 0;
    {
    do
    :: written < PUBLISHES ->
        written++;
        stores!TAIL, written;
        if
        :: is_unfenced
        :: !is_unfenced ->
#ifndef PUBLISH_UNFENCED
            empty(stores)
#else
            skip
#endif
        fi;
        seen = epoch;
        if
        :: (seen & 1) && seen != rung ->
            rung = seen;
            is_unfenced = 0;
            stores!MODE, 0;
            bell = 1
        :: (seen & 1) && seen == rung
        :: !(seen & 1) ->
            if
            :: !is_unfenced ->    /* it has been awake for a while */
                is_unfenced = 1;
                stores!MODE, 1;
#ifndef CHANGED_WITHOUT_A_FENCE
                empty(stores)
#else
                skip
#endif
            :: skip
            fi
        fi
    :: else -> break
    od;
end:
    (killed)                       /* it lives on, and has no more to say */
    } unless { (killed) };
    empty(stores);
    ended = 1
}

active proctype Reader()
{
    byte read = 0; byte spins = 0; bit mode; mtype what; byte value; bit was_ended;
    do
    :: read == PUBLISHES -> break
    :: read != PUBLISHES && tail != read -> read = tail
    :: read != PUBLISHES && tail == read && spins < SPINS ->
        spins++;                   /* awake, in vain: whatever bell there is stays */
        if
        :: epoch & 1 -> epoch++
        :: else
        fi
    :: read != PUBLISHES && tail == read ->
        was_ended = ended;         /* a look at the socket */
        if
        :: bell ->
            bell = 0;
#ifndef BELL_WITHOUT_A_NEW_EPOCH
            if
            :: epoch & 1 -> epoch++
            :: else
            fi
#endif
        :: else ->
            if
            :: was_ended ->
#ifndef END_BEFORE_THE_RING
                if
                :: tail != read -> skip
                :: else -> break
                fi
#else
                break
#endif
            :: else ->
                if
                :: !(epoch & 1) ->
                    epoch++;
                    mode = unfenced;
                    if
                    :: mode ->
#ifndef NO_BARRIER
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
                :: else
                fi;
#ifndef NO_SECOND_LOOK
                if
                :: tail != read
                :: else -> (bell || ended)
                fi
#else
                (bell || ended)
#endif
            fi
        fi
    od;
    assert(read == tail)
}
