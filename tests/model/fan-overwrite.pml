/* SPDX-License-Identifier: MIT */
/*
 * A fan's writer overwrites what a reader copies (core/memory/fan.c): fan_put, fan_show,
 * fan_next, fan_copy, fan_go_to_oldest and fan_go_to_newest.
 *
 * A record is two words, and the ring has room for two records.  The writer stores its
 * words one by one; x86 shows stores in their order, and the writer reads nothing of
 * what the reader stores, so that a store buffer would show nothing new.  The reader
 * loads one by one, and x86 keeps that order, too.
 *
 * The writer may die at any moment.
 *
 * It holds if the reader takes no record that is not whole, none that was not published
 * and none twice, and if it comes to the last one that is published.
 */
#ifndef PUBLISHES
#define PUBLISHES 6
#endif
#define ROOM 2
#define AT(position) ((position) % ROOM)

byte first[ROOM];  /* the words of each record, */
byte second[ROOM];
byte tail = 0;     /* so many are published, */
byte newest = 0;   /* which is the last of them, */
byte floor = 0;    /* and which the oldest that is there */
bit killed = 0;
bit ended = 0;

active proctype Killer()
{
    if
    :: killed = 1
    :: skip
    fi
}

inline raise_floor()
{
    if
    :: written >= ROOM -> floor = written - ROOM + 1
    :: else
    fi
}

active proctype Writer()
{
    byte written = 0;
    {
    do
    :: written < PUBLISHES ->
#ifdef TAIL_BEFORE_THE_WORDS
        raise_floor();
        tail = written + 1;
        first[AT(written)] = written;
        second[AT(written)] = written;
#else
#ifndef FLOOR_AFTER_THE_WORDS
        raise_floor();
#endif
        first[AT(written)] = written;
        second[AT(written)] = written;
#ifdef FLOOR_AFTER_THE_WORDS
        raise_floor();
#endif
#ifdef NEWEST_BEFORE_THE_TAIL
        newest = written;
#endif
        tail = written + 1;
#endif
#ifndef NEWEST_BEFORE_THE_TAIL
        newest = written;
#endif
        written++
    :: else -> break
    od
    } unless { (killed) };
    ended = 1
}

active proctype Reader()
{
    byte head = 0; byte seen; byte one; byte two; byte to; bit was_ended;
    do
    :: was_ended = ended;
        seen = tail;
        if
        :: seen == head && was_ended -> break
        :: seen == head && !was_ended -> (tail != head || ended)
        :: seen != head ->
            if
            :: skip                /* in order, */
            :: to = newest;        /* or only the newest */
                seen = tail;
                assert(to < seen || to == 0);
                if
                :: to > head -> head = to
                :: else
                fi
            fi;
#ifdef LOOKS_BEFORE_THE_COPY
            if
            :: floor > head -> goto behind
            :: else
            fi;
            one = first[AT(head)];
            two = second[AT(head)];
#else
            one = first[AT(head)];
            two = second[AT(head)];
#ifndef NO_LOOK_AFTER_THE_COPY
            if
            :: floor > head -> goto behind
            :: else
            fi;
#endif
#endif
            assert(one == head && two == head && head < seen);
            head++
        fi;
        goto next;
behind:
        to = floor;
        head = to;
        seen = tail;
        assert(head <= seen);
next:
        one = 0; two = 0; to = 0   /* forgotten: fewer states */
    od;
    assert(head == tail || killed)
}
