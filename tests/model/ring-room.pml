/* SPDX-License-Identifier: MIT */
/*
 * A ring is full: its writer sleeps, and its reader wakes it (core/memory/ring.c):
 * ring_release, ring_out_sleeps, ring_out_wakes, and what transport/local_wait.c does
 * about that bell.
 *
 * Here each side has a buffer of stores, as on x86: the reader's with how far it has
 * read, the writer's with its epoch.
 *
 * It holds if the writer never sleeps for ever while there is room.
 */
#define ROOM 2      /* records that the ring has room for */
#define RECORDS 5

byte head = 0;      /* as the writer sees it */
byte epoch = 0;     /* as the reader sees it; odd: the writer sleeps */
byte tail = 0;
bit bell = 0;
chan read_stores = [3] of { byte };
chan write_stores = [3] of { byte };

active proctype ReadBuffer()
{
end:
    do
    :: read_stores?head
    od
}

active proctype WriteBuffer()
{
end:
    do
    :: write_stores?epoch
    od
}

active proctype Reader()
{
    byte read = 0; byte rung = 0; byte seen;
    do
    :: read == RECORDS -> break
    :: read < RECORDS && tail != read ->
        read++;
        read_stores!read;
#ifndef RELEASE_UNFENCED
        empty(read_stores);
#endif
        seen = epoch;
        if
        :: (seen & 1) && seen != rung -> rung = seen; bell = 1
        :: else
        fi
    od
}

active proctype Writer()
{
    byte written = 0; byte seen = 0; byte own = 0; bit asleep = 0;
    do
    :: written == RECORDS -> break
    :: written < RECORDS && written - seen < ROOM -> written++; tail = written
    :: written < RECORDS && written - seen >= ROOM ->
        if
        :: head != seen -> seen = head
        :: else ->
            if
            :: asleep ->             /* a bell may have been rung for what was seen */
                bell = 0;
                own++;
                write_stores!own
            :: else
            fi;
            asleep = 1;
#ifdef RUNG_BEFORE_ASLEEP
            if
            :: head != seen
            :: else
            fi;
#endif
            own++;
            write_stores!own;
#ifndef ASLEEP_UNFENCED
            empty(write_stores);
#endif
#ifndef RUNG_BEFORE_ASLEEP
            if
            :: head != seen
            :: else -> bell
            fi
#else
            bell
#endif
        fi
    od
}
