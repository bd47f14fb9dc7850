/* SPDX-License-Identifier: MIT */
/*
 * Records of a ring become visible (core/memory/ring.h): ring_put, ring_find_room and
 * ring_publish; ring_next and ring_release.
 *
 * The ring is units, and a unit holds a record's first word or a piece of payload, which
 * may look like one.  A record is a unit and up to PAYLOAD_MOST more; one that does not
 * fit before the end of the ring is preceded by a skip.  What the writer stores goes
 * through a buffer, as on x86.  It may die at any moment: what it had stored is seen.
 *
 * It holds if the reader finds every record that was published, in order, with its
 * payload, and never takes for a record what is none.
 */
#define SIZE 8
#define PAYLOAD_MOST 1
#ifndef RECORDS
#define RECORDS 7
#endif
#define DUE 2 /* units, after which the reader says how far it is */

#define AT(count) ((count) % SIZE)
#define WORD(number, more) (1 + (number) * 4 + (more))
#define SKIP(number) WORD(number, 3)
#define PAYLOAD(number) (101 + (number))

byte units[SIZE];    /* as the reader sees them */
byte head = 0;       /* ditto the writer */
bit killed = 0;
bit ended = 0;
byte published_records = 0;
chan stores = [5] of { byte, byte };

active proctype Buffer()
{
    byte at; byte value;
end:
    do
    :: atomic { stores?at, value -> units[at] = value }
    od
}

active proctype Killer()
{
    if
    :: killed = 1
    :: skip
    fi
}

byte tail = 0, published = 0, mark = 0; /* the writer's own */

/* ring_add: the first word of what is not yet published waits. */
inline add(word, size)
{
    if
#ifndef PUBLISHED_IN_ORDER
    :: published == tail -> mark = word
    :: published != tail -> stores!AT(tail), word
#else
    :: published == tail -> mark = word; stores!AT(tail), word
    :: published != tail -> stores!AT(tail), word
#endif
    fi;
    tail = tail + size
}

active proctype Writer()
{
    byte number = 0; byte more; byte all;
    {
    do
    :: number < RECORDS ->
        if
        :: more = 0
        :: more = PAYLOAD_MOST
        fi;
        all = 1 + more;
        if
        :: AT(tail) + all > SIZE -> all = all + SIZE - AT(tail)
        :: else
        fi;
#ifndef FULL_TO_THE_BRIM
        (tail - head + all < SIZE);
#else
        (tail - head + all <= SIZE);
#endif
        if
        :: AT(tail) + 1 + more > SIZE -> add(SKIP(number), SIZE - AT(tail))
        :: else
        fi;
#ifndef NO_END
#ifndef END_AFTER_THE_WORD
        stores!AT(tail + 1 + more), 0;
#endif
#endif
#ifdef WORD_BEFORE_THE_PAYLOAD
        all = tail;
        add(WORD(number, more), 1 + more);
        if
        :: published == all -> stores!AT(all), mark
        :: else
        fi;
        if
        :: more > 0 -> stores!AT(all + 1), PAYLOAD(number)
        :: else
        fi;
#else
        if
        :: more > 0 -> stores!AT(tail + 1), PAYLOAD(number)
        :: else
        fi;
        add(WORD(number, more), 1 + more);
#endif
        number++;
        if
        :: stores!AT(published), mark;
           published = tail;
           published_records = number
        :: number < RECORDS && tail - published < DUE  /* more goes with it */
        fi;
#ifdef END_AFTER_THE_WORD
        stores!AT(tail), 0
#endif
    :: else -> break
    od
    } unless { (killed) };
    empty(stores);
    ended = 1
}

active proctype Reader()
{
    byte here = 0; byte released = 0; byte number = 0; byte word; byte more;
    do
    :: units[AT(here)] != 0 ->
        word = units[AT(here)];
        if
        :: word == SKIP(number) ->
            assert(AT(here) != 0);
            here = here + SIZE - AT(here);
            word = units[AT(here)]
        :: else
        fi;
        assert(word == WORD(number, 0) || word == WORD(number, PAYLOAD_MOST));
        more = word - WORD(number, 0);
        if
        :: more > 0 -> assert(units[AT(here + 1)] == PAYLOAD(number))
        :: else
        fi;
        here = here + 1 + more;
        number++;
        if
        :: here - released >= DUE -> released = here; head = here
        :: else
        fi
    :: ended && units[AT(here)] == 0 -> break
    od;
    assert(number >= published_records);
    assert(killed || number == RECORDS)
}
