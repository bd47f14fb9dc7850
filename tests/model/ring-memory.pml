/* SPDX-License-Identifier: MIT */
/*
 * Two ends of local: go over to memory and leave it again (core/transport/local_*.c).
 *
 * Each end sends numbered messages to the other, offers its memory or answers an offer
 * or refuses, goes over to its ring once the other has mapped it, and leaves it when it
 * likes.  Words and messages go over the socket, a queue each way, or through the ring
 * of a generation of memory.
 *
 * It holds if all messages arrive in order, nothing is said at the wrong time (those
 * are the assertions: the errors that an end would tell its peer's fault), and neither
 * waits for ever.
 */
#ifndef MESSAGES
#define MESSAGES 2
#endif
#define GENERATIONS 2 /* of one end's memory */

mtype = { MESSAGE, MEMORY, READY, REFUSED, SWITCH, GONE, LEFT };

chan socket[2] = [7] of { mtype, byte };
chan ring0[GENERATIONS] = [4] of { mtype, byte }; /* written by end 0 */
chan ring1[GENERATIONS] = [4] of { mtype, byte };

#define THEIRS (1 - me)

proctype End(bit me)
{
    byte sent = 0; byte heard = 0; byte number; mtype what; byte value;
    byte made = 0;          /* generations of our memory so far */
    byte theirs = 0;        /* and of theirs, mapped */
    bit own = 0; bit offered = 0; bit mapped = 0; bit taken = 0; bit none = 0;
    bit left_out = 0; bit left_in = 0; bit out_on_ring = 0; bit in_on_ring = 0;
    mtype early = 0;        /* what came over the socket before the last record was seen */
    byte early_value;

#ifdef SWITCHES_BEFORE_IT_IS_MAPPED
#define IS_UP (offered && mapped && !left_out && !left_in)
#elif defined(COMES_BACK_TO_ITS_RING)
#define IS_UP (offered && mapped && taken && !left_in)
#else
#define IS_UP (offered && mapped && taken && !left_out && !left_in)
#endif

again:
    do
    /* --- sending --- */
    :: atomic { sent < MESSAGES && out_on_ring ->
        sent++;
        if
        :: me == 0 -> ring0[made - 1]!MESSAGE, sent
        :: else -> ring1[made - 1]!MESSAGE, sent
        fi }
    :: atomic { sent < MESSAGES && !out_on_ring && !IS_UP ->
        sent++;
        socket[me]!MESSAGE, sent }
    :: atomic { !out_on_ring && IS_UP && sent < MESSAGES ->
        socket[me]!SWITCH, 0;
        out_on_ring = 1 }

    /* --- offering, leaving --- */
    :: atomic { !own && !offered && !mapped && !taken && !none && !left_in &&
                made < GENERATIONS ->
        made++;
        own = 1;
        offered = 1;
        socket[me]!MEMORY, made }
    :: atomic { offered && mapped && taken && !left_out ->
        if
        :: out_on_ring && me == 0 -> ring0[made - 1]!LEFT, 0
        :: out_on_ring && me == 1 -> ring1[made - 1]!LEFT, 0
#ifndef LEAVES_WITHOUT_A_WORD
        :: else -> socket[me]!GONE, 0
#else
        :: else
#endif
        fi;
        out_on_ring = 0;
        left_out = 1;
        goto drop_if_both }

    /* --- receiving --- */
    :: atomic { in_on_ring && me == 0 && nempty(ring1[theirs - 1]) ->
        ring1[theirs - 1]?what, value;
        goto hear_record }
    :: atomic { in_on_ring && me == 1 && nempty(ring0[theirs - 1]) ->
        ring0[theirs - 1]?what, value;
        goto hear_record }
    :: atomic { early != 0 && !in_on_ring ->
        what = early;
        value = early_value;
        early = 0;
        goto hear_word }
    :: atomic { early == 0 && !in_on_ring && nempty(socket[THEIRS]) ->
        socket[THEIRS]?what, value;
        goto hear_word }
    /* the ring was empty when it was looked at, and may not be any more */
    :: atomic { early == 0 && in_on_ring && nempty(socket[THEIRS]) ->
        socket[THEIRS]?what, value;
        if
#ifndef NO_MEMORY_IS_EARLY
        :: what == MEMORY -> early = what; early_value = value
#endif
#ifndef NO_MESSAGE_IS_EARLY
        :: what == MESSAGE -> early = what; early_value = value
#endif
        :: else -> goto hear_word
        fi }

    /* --- both have said all: what is under way is heard, and they leave each other be */
    :: atomic { sent == MESSAGES && heard == MESSAGES -> goto end }
    od;

hear_record:
    atomic {
        if
        :: what == MESSAGE -> heard++; assert(value == heard)
        :: what == LEFT -> in_on_ring = 0; left_in = 1; goto drop_if_both
        fi;
        goto again }

hear_word:
    atomic {
        if
        :: what == MESSAGE -> assert(!in_on_ring); heard++; assert(value == heard)
        :: what == MEMORY ->
            if
            :: none
            :: !none ->
                assert(!mapped); /* "offers memory twice" */
                if
                :: own || made < GENERATIONS ->
                    if
                    :: !own -> made++; own = 1; offered = 1; socket[me]!MEMORY, made
                    :: own
                    fi;
                    mapped = 1;
                    theirs++;
                    socket[me]!READY, 0
                :: goto refuse   /* for any reason */
                fi
            fi
        :: what == READY ->
            if
            :: none
            :: !none -> assert(offered && !taken); taken = 1
            fi
        :: what == REFUSED -> assert(!taken); own = 0; offered = 0; mapped = 0; none = 1
        :: what == SWITCH ->
            assert(offered && mapped && !left_in && !in_on_ring);
            in_on_ring = 1
        :: what == GONE ->
            assert(!in_on_ring && mapped);
            left_in = 1;
            goto drop_if_both
        fi;
        goto again }

refuse:
    atomic { own = 0; offered = 0; mapped = 0; none = 1; socket[me]!REFUSED, 0; goto again }

drop_if_both:
    atomic {
        if
#ifndef DROPS_BEFORE_BOTH_LEFT
        :: left_out && left_in ->
#else
        :: left_in ->
#endif
            own = 0; offered = 0; mapped = 0; taken = 0; left_out = 0; left_in = 0
        :: else
        fi;
        goto again }

end:
    skip
}

init
{
    atomic { run End(0); run End(1) }
}
