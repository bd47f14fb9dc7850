/* SPDX-License-Identifier: MIT */
/*
 * The steps of a lease, one for one as core/memory has them (places.c, line.c, watch.c,
 * wait.c); lease-*.pml are the models that take them.
 *
 * One statement, or one atomic block, is one access to memory that processes share; what
 * a process does with its own memory goes with the access before it.  A process can be
 * killed between any two of them, by end_some(); one that is stopped is one that does not
 * go on, and the checker tries each order.  Nobody looks without being told: the looks of
 * wait.c, ten a second, are not there, so that each wake-up must be.
 *
 * Plain interleaving is the right memory for x86.  The words are seq_cst atomics, and
 * each store before a look for what others did is a locked instruction, after which no
 * load comes early: the count of arrivals and the clearing of RUNG before the look at
 * the permits; the exchange of a permit before the look at the arrivals; the count of
 * those who came before the look at the waits.  What is relaxed is no part of that:
 *   - the look at a permit before its exchange (lease.c, places.c): a load, which x86
 *     keeps behind the locked instruction before it;
 *   - `hint` and `quiet`: of one handle; an old value costs a look at the waits;
 *   - `first_at`: read after `first`, stored before it; an old value costs patience;
 *   - since, inode, boot: stored before the place is HERE, and read between two looks at
 *     its word.
 *
 * What is left out: the clock (the first millisecond, patience), how many permits one
 * wants (all want one), descriptors that run out, threads of one handle.
 *
 * A mutant is a macro: the step as it must not be.  run.py tries each.
 */

/* --- what is shared -------------------------------------------------------- */

#define FREE 0
#define COMING 1
#define HERE 2
#define GONE 3

/* A place's word: pid, generation, state.  An owner: pid, generation, place. */
#define GENERATION 12
#define WHO 252
#define in_state(state, word) (((word) & WHO) | (state))
#define state_of(word) ((word) & 3)
#define owner_of(place, word) (((word) & WHO) | (place))
#define place_of(owner) ((owner) & 3)
#define pid_of(word) ((word) >> 4)
#define word_of(pid, state) ((pid) << 4 | (state))

#ifdef GENERATION_NOT_RAISED
#define freed(word) ((word) & GENERATION)
#else
#define freed(word) (((word) + 4) & GENERATION)
#endif

/* A wait: its ticket, and whether it was rung. */
#define RUNG 1

byte permits[PERMITS];
byte places[PLACES];
byte waits[PLACES];
byte tickets, arrivals, attached, first;

/* The kernel's: doorbells, and who has ended.  init is 0, and `last` comes last. */
bool bell[PROCESSES + 2];
bool ended[PROCESSES + 2];

/* The checker's: who is inside, whose program is through, deaths that may still come. */
byte inside[PROCESSES + 2]; /* with so many permits */
byte how_many_inside;
bool done[PROCESSES + 2];
byte deaths;

#define me _pid

/* What a process has for itself, and what of that is forgotten when it is over. */
#if IS_WATCHED
#define OWN                                                                           \
    byte owner, place, quiet = 255, seen = 255, watched[PLACES];                      \
    byte counted, next, at, tries, i, n, hurry, gone, w;                              \
    bool taken, again
#define forget_what_was_watched                                                       \
    seen = 0; gone = 0; w = 0; again = 0;                                             \
    for (i : 0 .. PLACES - 1) {                                                       \
        watched[i] = 0                                                                \
    }
#else
#define OWN                                                                           \
    byte owner, place, quiet = 255;                                                   \
    byte counted, next, at, tries, i, n, hurry;                                       \
    bool taken
#define forget_what_was_watched
#endif

/* Here a process may be killed: before each access to what others see. */
#if DEATHS > 0
#define mortal                                                                        \
    if                                                                                \
    :: deaths > 0 -> goto killed                                                      \
    :: true                                                                           \
    fi
#else
#define mortal skip
#endif

#define goes_out()                                                                    \
    how_many_inside = how_many_inside - inside[me];                                   \
    inside[me] = 0

inline end_program()
{
    atomic {
        mortal;
        done[me] = true;
        goto over;
killed:
        deaths--;
        ended[me] = true;
        goes_out();
over:
        forget_what_was_watched
        owner = 0; place = 0; quiet = 0; counted = 0; next = 0; at = 0; tries = 0;
        n = 0; hurry = 0; taken = 0; bell[me] = 0; i = 0
    }
}

/* Ends an atomic block that is the body of a loop over what there is `many` of. */
#define until(number, many)                                                           \
    number++;                                                                         \
    if                                                                                \
    :: number == many -> number = 0; break                                            \
    :: else                                                                           \
    fi

/* Exchanges a word, if it still is that. */
#define exchange(word, old, new)                                                      \
    if                                                                                \
    :: word == (old) -> word = (new)                                                  \
    :: else                                                                           \
    fi

#if IS_WATCHED

/* --- places.c: taking back ------------------------------------------------- */

inline clear_permits(whose)
{
    do
    :: atomic {
           mortal;
           if
           :: permits[w] == whose && whose == owner -> goes_out()
           :: else
           fi;
           exchange(permits[w], whose, 0);
           until(w, PERMITS)
       }
    od
}

#define word_of_gone places[place_of(gone)]
#define wait_of_gone waits[place_of(gone)]

inline clear_wait_of_gone()
{
    do
    :: atomic {
           mortal;
           w = wait_of_gone;
           if
           :: w == 0 -> break
           :: else
           fi
       };
#ifndef WAIT_CLEARED_UNSEEN
       atomic {
           mortal;
           if
           :: word_of_gone != in_state(GONE, gone) -> w = 0; break
           :: else
           fi
       };
#endif
       atomic {
           mortal;
           if
           :: wait_of_gone == w -> wait_of_gone = 0; w = 0; break
#ifdef WAIT_CLEARED_ONCE
           :: else -> w = 0; break
#else
           :: else -> w = 0
#endif
           fi
       }
    od
}

inline take_back(whose)
{
    gone = whose;
#ifndef PLACE_BEFORE_PERMITS
    clear_permits(gone);
#endif
    atomic {
        mortal;
        exchange(first, gone, 0)
    };
    atomic {
        mortal;
        exchange(word_of_gone, in_state(HERE, gone), in_state(GONE, gone))
    };
    atomic {
        mortal;
        w = (word_of_gone == in_state(GONE, gone))
    };
    if
    :: w != 0 ->
       clear_wait_of_gone();
       atomic {
           mortal;
           exchange(word_of_gone, in_state(GONE, gone), freed(gone))
       }
    :: else
    fi;
#ifdef PLACE_BEFORE_PERMITS
    clear_permits(gone);
#endif
    gone = 0
}

#endif

/* --- bells.c, line.c: waking ----------------------------------------------- */

inline ring(number)
{
    atomic {
        mortal;
        n = places[number];
        if
        :: state_of(n) < HERE -> n = 0
        :: else
        fi
    };
    if
    :: n != 0 ->
       atomic {
           mortal;
           bell[pid_of(n)] = !ended[pid_of(n)] && !done[pid_of(n)];
           n = 0
       }
    :: else
    fi
}

/* Whose turn it is, or who has waited longest: next, and at which place. */
inline find_next()
{
    atomic {
        mortal;
        next = first;
        at = (next != 0 -> place_of(next) : 0)
    };
    if
    :: next != 0 ->
       atomic {
           mortal;
           next = waits[at]
       }
    :: else
    fi;
    if
    :: next == 0 ->
       do
       :: atomic {
              mortal;
              if
              :: waits[n] != 0 && (next == 0 || waits[n] < next) ->
                 next = waits[n];
                 at = n
              :: else
              fi;
              until(n, WAITERS)
          }
       od
    :: else
    fi
}

inline wake_next()
{
    do
    :: find_next();
       if
       :: next == 0 ->
#ifdef QUIET_AFTER_THE_LOOK
          atomic {
              mortal;
              quiet = arrivals
          };
#else
          quiet = counted;
#endif
          break
       :: next != 0 && (next & RUNG) != 0 -> break
       :: else ->
          atomic {
              mortal;
              if
              :: waits[at] == next -> waits[at] = next | RUNG; next = RUNG
              :: else -> next = 0; tries++
              fi
          };
          if
          :: next == RUNG -> ring(at); break
          :: next == 0 && tries > PLACES -> break
          :: else
          fi
       fi
    od;
    atomic { next = 0; at = 0; tries = 0; counted = 0 }
}

inline wake()
{
    atomic {
        mortal;
        counted = arrivals
    };
    if
    :: counted != quiet -> wake_next()
    :: else -> counted = 0
    fi
}

inline wake_all()
{
    do
    :: atomic {
           mortal;
           if
           :: waits[at] != 0 -> n = 1
           :: else -> until(at, WAITERS)
           fi
       };
       if
       :: n != 0 -> ring(at); atomic { until(at, WAITERS) }
       :: else
       fi
    od
}

/* --- lease.c: permits ------------------------------------------------------ */

/* One try; taken is whether it was one. */
inline try()
{
    atomic {
        mortal;
        taken = (first == 0 || first == owner)
    };
    if
    :: taken ->
       do
       :: atomic {
              mortal;
              if
              :: permits[i] == 0 ->
                 permits[i] = owner;
                 inside[me]++;
                 how_many_inside++;
                 assert(how_many_inside <= PERMITS);
                 i = 0;
                 break
              :: else
              fi;
              taken = (i + 1 < PERMITS);
              until(i, PERMITS)
          }
       od
    :: else
    fi
}

inline give()
{
    taken = false;
    do
    :: atomic {
           mortal;
           if
           :: permits[i] == owner ->
              permits[i] = 0;
              inside[me]--;
              how_many_inside--;
              i = 0;
              break
           :: else -> i++
           fi;
           assert(i < PERMITS) /* nobody else gives it back */
       }
    od;
    wake()
}

/* --- line.c: waiting ------------------------------------------------------- */

inline count_arrival()
{
    atomic {
        mortal;
        arrivals++
    }
}

inline join()
{
    atomic {
        mortal;
        tickets++;
        n = tickets
    };
#ifdef COUNTED_BEFORE_WRITTEN
    count_arrival();
#endif
    atomic {
        mortal;
        waits[place] = n << 1;
        n = 0
    }
#ifndef COUNTED_BEFORE_WRITTEN
    ;
    count_arrival()
#endif
}

inline empty_bell()
{
    atomic {
        mortal;
        bell[me] = false
    }
}

inline wakes()
{
    atomic {
        mortal;
        waits[place] = waits[place] & ~RUNG
    }
}

inline leave_line()
{
    atomic {
        mortal;
        waits[place] = 0
    };
    atomic {
        mortal;
        exchange(first, owner, 0)
    };
#ifndef NOT_PASSED_ON
    do
    :: atomic {
           mortal;
           if
           :: permits[i] == 0 -> i = 0; n = 1; break
           :: else
           fi;
           until(i, PERMITS)
       }
    od;
    if
    :: n != 0 -> n = 0; wake()
    :: else
    fi
#endif
}

/* Its turn is before all who come, if it has waited longest. */
inline insist()
{
    atomic {
        mortal;
        n = (first == 0 -> 1 : 0)
    };
    if
    :: n != 0 ->
       n = 0;
       do
       :: atomic {
              mortal;
              if
              :: n == place -> n++
              :: else
              fi;
              if
              :: n < WAITERS && waits[n] != 0 && waits[n] < waits[place] ->
                 n = 0;
                 break
              :: else -> n++
              fi;
              if
              :: n >= WAITERS -> break
              :: else
              fi
          }
       od;
       if
       :: n != 0 ->
          atomic {
              mortal;
              exchange(first, 0, owner);
              n = 0
          }
       :: else
       fi
    :: else
    fi
}

#if IS_WATCHED

/* --- places.c: coming and leaving ------------------------------------------ */

/* What the dead left, and their places. */
inline sweep()
{
    do
    :: atomic {
           mortal;
           n = places[i];
           if
           :: state_of(n) == GONE -> next = owner_of(i, n)
           :: state_of(n) == HERE && ended[pid_of(n)] -> next = owner_of(i, n)
           :: state_of(n) == COMING && ended[pid_of(n)] -> places[i] = freed(n)
           :: else
           fi;
           n = 0
       };
       if
       :: next != 0 -> take_back(next); next = 0
       :: else
       fi;
       atomic { until(i, PLACES) }
    od
#ifdef WAKES_WITHOUT_A_PLACE
    ;
    wake()
#endif
}

#define is_here(owner)                                                                \
    (places[place_of(owner)] == in_state(HERE, owner) && !ended[pid_of(owner)])

/* What is held by any who have ended. */
inline look()
{
    do
    :: atomic {
           mortal;
           next = permits[i];
           if
           :: next != 0 && is_here(next) -> next = 0
           :: else
           fi
       };
       if
       :: next != 0 -> take_back(next); next = 0
       :: else
       fi;
       atomic { until(i, PERMITS) }
    od
}

inline take_place()
{
    do
    :: atomic {
           mortal;
           if
           :: state_of(places[i]) == FREE ->
              places[i] = places[i] | word_of(me, COMING);
              owner = owner_of(i, places[i]);
              place = i;
              i = 0;
              break
           :: else
           fi;
           until(i, PLACES)
       }
    od
}

inline count_attached()
{
    atomic {
        mortal;
        attached++
    }
}

/* owner stays 0 where there is no place. */
inline enter()
{
    take_place();
    if
    :: owner == 0 -> sweep(); take_place()
    :: else
    fi;
    if
    :: owner != 0 ->
#ifdef COUNTED_BEFORE_HERE
       count_attached();
#endif
       atomic {
           mortal;
           places[place] = in_state(HERE, owner)
       };
#ifndef COUNTED_BEFORE_HERE
       count_attached();
#endif
       wake_all()
    :: else
    fi
}

inline leave()
{
#ifdef WAKES_AFTER_ITS_PLACE
    take_back(owner);
    wake()
#else
    atomic {
        mortal;
        waits[place] = 0
    };
    clear_permits(owner);
    atomic {
        mortal;
        exchange(first, owner, 0)
    };
    wake();
    take_back(owner)
#endif
}

/* --- watch.c: the ends of others ------------------------------------------- */

#define has_ended(one) (watched[one] != 0 && ended[pid_of(watched[one])])
#define is_told_of_an_end (has_ended(0) || has_ended(1) || has_ended(2))

inline look_who_ended()
{
    do
    :: atomic {
           mortal;
           if
           :: has_ended(0) -> next = watched[0]; watched[0] = 0
           :: has_ended(1) -> next = watched[1]; watched[1] = 0
           :: has_ended(2) -> next = watched[2]; watched[2] = 0
           :: else -> break
           fi
       };
       take_back(next);
       next = 0;
       again = true
    od
}

inline watch_new()
{
    do
    :: atomic {
           mortal;
           if
           :: i == place -> i++
           :: else
           fi;
           if
           :: i < PLACES ->
              n = owner_of(i, places[i]);
              if
              :: state_of(places[i]) == GONE -> next = n; n = 0; again = true
              :: state_of(places[i]) < HERE -> watched[i] = 0; n = 0
              :: state_of(places[i]) == HERE && n == watched[i] -> n = 0
              :: else -> watched[i] = 0
              fi
           :: else
           fi;
           i++;
           if
           :: n == 0 && next == 0 && i >= PLACES -> i = 0; break
           :: else
           fi
       };
       if
       :: n != 0 ->
          atomic {
              mortal;
              if
              :: is_here(n) -> watched[place_of(n)] = n
              :: else -> next = n; again = true
              fi;
              n = 0
          }
       :: else
       fi;
       if
       :: next != 0 -> take_back(next); next = 0
       :: else
       fi;
       if
       :: i >= PLACES -> i = 0; break
       :: else
       fi
    od
}

/* again: whether anything was taken back. */
inline watch()
{
    look_who_ended();
    atomic {
        mortal;
        at = attached
    };
    if
    :: at != seen -> watch_new(); seen = at
    :: else
    fi;
    at = 0
}

#else

#define watch() skip
#define is_told_of_an_end false

#endif

/* --- wait.c ---------------------------------------------------------------- */

inline sleep()
{
    if
    :: atomic { bell[me] || is_told_of_an_end -> skip }
    :: hurry == 1 -> hurry = 2
#if DEATHS > 0
    :: atomic { deaths > 0 -> goto killed }
#endif
    fi
}

/* Sleeps deep from the start; one that is in a hurry leaves after a look, at any time. */
inline acquire_in_line()
{
    join();
    do
    ::
#if defined(LOOKED_BEFORE_THE_WATCH)
       empty_bell();
       insist();
       wakes();
       try();
       if
       :: taken || hurry == 2 -> break
       :: else
       fi;
       watch();
       if
       :: again -> again = false
       :: else -> sleep()
       fi
#else
#ifndef BELL_EMPTIED_LAST
       empty_bell();
#endif
       watch();
#if IS_WATCHED
       again = false;
#endif
#ifndef INSISTS_AFTER_THE_LOOK
       insist();
#endif
       wakes();
#ifdef BELL_EMPTIED_LAST
       empty_bell();
#endif
       try();
       if
       :: taken || hurry == 2 -> break
       :: else
       fi;
#ifdef INSISTS_AFTER_THE_LOOK
       insist();
#endif
       sleep()
#endif
    od;
    hurry = 0;
    leave_line()
}

inline acquire()
{
    try();
    if
    :: !taken -> acquire_in_line()
    :: else
    fi
}
