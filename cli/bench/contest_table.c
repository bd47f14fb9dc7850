/* SPDX-License-Identifier: MIT */
/*
 * Who is measured beside Wherry, by which workloads, and what is promised of it: data.
 */
#include "bench/contest.h"

enum {
    CROSS = 1 << CONTEST_CROSS,
    SAME = 1 << CONTEST_SAME,
    FREE = 1 << CONTEST_FREE,
    SLEEPS = 1 << CONTEST_SLEEPS,
    AWAKE = 1 << CONTEST_AWAKE,
    LENDS = 1 << CONTEST_LENDS
};

const char *const contest_places[CONTEST_PLACES] = {"cross", "same", "free"};

const struct contest_rival contest_rivals[] = {
    {"line", "limits", NULL, false},
    {"two-copies", "limits", NULL, false},
    {"descriptor", "limits", NULL, false},
    {"futex", "kernel", NULL, false},
    {"pipe", "kernel", NULL, false},
    {"sysv", "kernel", NULL, false},
    {"iceoryx", "iceoryx", "libiceoryx-posh-dev, libiceoryx-hoofs-dev, iceoryx", true},
    {"iceoryx-waitset", "iceoryx", "libiceoryx-posh-dev, libiceoryx-hoofs-dev, iceoryx",
     true},
    {"boost-lockfree", "boost", "libboost-dev", false},
    {"boost-queue", "boost", "libboost-dev", false},
    {"libqb", "libqb", "libqb-dev", false},
    {"libqb-awake", "libqb", "libqb-dev", false},
    {"zmq", "zmq", "libzmq3-dev", false},
    {"nng", "nng", "libnng-dev", false},
    {"nanomsg", "nanomsg", "libnanomsg-dev", false},
    {"libuv", "libuv", "libuv1-dev", false},
    {NULL, NULL, NULL, false},
};

const struct contest_rival *const contest_line = &contest_rivals[0];

const char *const contest_addresses[] = {"local:", "queue:%s", "pair:", NULL};

const char *const contest_variants[CONTEST_VARIANTS][3] = {
    [CONTEST_SLEEPS] = {"spin=off", "spin=0us"},
    [CONTEST_AWAKE] = {"spin=1s"},
    [CONTEST_LENDS] = {"loan=64M"},
};

const struct contest_task contest_tasks[CONTEST_TASKS] = {
    [TASK_ROUND_8] = {.heading = "Round trip",
                      .workload = "round",
                      .size = 8,
                      .places = CROSS | SAME,
                      .variants = SLEEPS},
    [TASK_ROUND_64] = {.heading = "Round trip",
                       .workload = "round",
                       .size = 64,
                       .rests = true,
                       .places = CROSS | SAME | FREE,
                       .variants = SLEEPS | AWAKE},
    [TASK_ROUND_64K] = {.heading = "Round trip",
                        .workload = "round",
                        .size = 65536,
                        .places = CROSS | SAME,
                        .variants = SLEEPS},
    [TASK_TIMED] = {.heading = "Round trip, a deadline at each call",
                    .workload = "timed",
                    .size = 64,
                    .places = CROSS | SAME,
                    .variants = SLEEPS},
    [TASK_THINK_5] = {.heading = "Round trip, 5 us of thought before the answer",
                      .workload = "round",
                      .size = 64,
                      .think = 5000,
                      .is_ours = true,
                      .places = CROSS | SAME | FREE,
                      .variants = SLEEPS | AWAKE},
    [TASK_THINK_20] = {.heading = "Round trip, 20 us of thought before the answer",
                       .workload = "round",
                       .size = 64,
                       .think = 20000,
                       .is_ours = true,
                       .places = CROSS | SAME | FREE,
                       .variants = SLEEPS | AWAKE},
    [TASK_LENT_8] = {.heading = "Round trip in place, 8 bytes touched",
                     .workload = "lent",
                     .size = 8,
                     .places = CROSS,
                     .variants = LENDS},
    [TASK_LENT_8M] = {.heading = "Round trip in place, 8 bytes touched",
                      .workload = "lent",
                      .size = 8 << 20,
                      .places = CROSS,
                      .variants = LENDS},
    [TASK_PUSH_64] = {.heading = "One way, a send at a time",
                      .workload = "push",
                      .size = 64,
                      .is_one_way = true,
                      .places = CROSS | SAME,
                      .variants = SLEEPS},
    [TASK_PUSH_64K] = {.heading = "One way, a send at a time",
                       .workload = "push",
                       .size = 65536,
                       .is_one_way = true,
                       .places = CROSS | SAME,
                       .variants = SLEEPS},
    [TASK_PUSH_1M] = {.heading = "One way, a send at a time",
                      .workload = "push",
                      .size = 1 << 20,
                      .is_one_way = true,
                      .places = CROSS | SAME,
                      .variants = SLEEPS},
    [TASK_PUSH_8M] = {.heading = "One way, a send at a time",
                      .workload = "push",
                      .size = 8 << 20,
                      .is_one_way = true,
                      .places = CROSS | SAME,
                      .variants = SLEEPS},
    [TASK_MANY] = {.heading = "One way, many a call",
                   .workload = "many",
                   .size = 64,
                   .is_one_way = true,
                   .places = CROSS | SAME,
                   .variants = SLEEPS},
    [TASK_FOUR] = {.heading = "One way, four writers and four readers",
                   .workload = "four",
                   .size = 64,
                   .is_one_way = true,
                   .places = CROSS},
    [TASK_EIGHT] = {.heading = "One way, eight writers and one reader",
                    .workload = "eight",
                    .size = 64,
                    .is_one_way = true,
                    .places = CROSS},
};

/* --- the bars ------------------------------------------------------------ */

// One divided by one of the same task and place; a bar or a goal of 0 is none.
#define AT_MOST(task, place, variant, unit, against, bar, goal)                        \
    {                                                                                  \
        "local", task, place, variant, unit, against, task, false, bar, goal           \
    }
#define AT_LEAST(scheme, task, unit, against, bar, goal)                               \
    {                                                                                  \
        scheme, task, CONTEST_CROSS, CONTEST_PLAIN, unit, against, task, true, bar,    \
            goal                                                                       \
    }
#define THINKING(task, place)                                                          \
    AT_MOST(task, place, CONTEST_PLAIN, UNIT_TIME, "sleeps awake", 1.25, 1.1)

const struct contest_bar contest_bars[] = {
    // Both awake, two cores.
    AT_MOST(TASK_ROUND_8, CONTEST_CROSS, CONTEST_PLAIN, UNIT_PP, NULL, 1.5, 1.1),
    AT_MOST(TASK_ROUND_64, CONTEST_CROSS, CONTEST_PLAIN, UNIT_PP, NULL, 1.5, 1.1),
    AT_MOST(TASK_ROUND_8, CONTEST_CROSS, CONTEST_PLAIN, UNIT_TIME, "iceoryx", 1 / 6.0,
            0.1),
    AT_MOST(TASK_ROUND_64, CONTEST_CROSS, CONTEST_PLAIN, UNIT_TIME, "iceoryx", 1 / 6.0,
            0.1),
    AT_MOST(TASK_ROUND_64K, CONTEST_CROSS, CONTEST_PLAIN, UNIT_TIME, "two-copies", 1.15,
            1.0),
    AT_MOST(TASK_ROUND_64K, CONTEST_CROSS, CONTEST_PLAIN, UNIT_TIME, "iceoryx", 0, 0.7),

    // One core for both, as it comes.
    AT_MOST(TASK_ROUND_64, CONTEST_SAME, CONTEST_PLAIN, UNIT_TIME, "futex", 1.0, 0.67),
    AT_MOST(TASK_ROUND_64, CONTEST_SAME, CONTEST_PLAIN, UNIT_TIME, "pipe", 0, 0.6),
    AT_MOST(TASK_ROUND_64, CONTEST_SAME, CONTEST_PLAIN, UNIT_TIME, "zmq", 0, 0.07),

    // Both asleep.
    AT_MOST(TASK_TIMED, CONTEST_SAME, CONTEST_SLEEPS, UNIT_TIME, "futex", 1.6, 0),
    AT_MOST(TASK_TIMED, CONTEST_SAME, CONTEST_SLEEPS, UNIT_TIME, "zmq", 0, 0.2),
    AT_MOST(TASK_TIMED, CONTEST_CROSS, CONTEST_SLEEPS, UNIT_TIME, "futex", 1.2, 0),
    AT_MOST(TASK_TIMED, CONTEST_CROSS, CONTEST_SLEEPS, UNIT_TIME, "zmq", 0, 0.65),

    // As it comes, to the better of always awake and never.
    THINKING(TASK_ROUND_64, CONTEST_CROSS),
    THINKING(TASK_ROUND_64, CONTEST_SAME),
    THINKING(TASK_ROUND_64, CONTEST_FREE),
    THINKING(TASK_THINK_5, CONTEST_CROSS),
    THINKING(TASK_THINK_5, CONTEST_SAME),
    THINKING(TASK_THINK_5, CONTEST_FREE),
    THINKING(TASK_THINK_20, CONTEST_CROSS),
    THINKING(TASK_THINK_20, CONTEST_SAME),
    THINKING(TASK_THINK_20, CONTEST_FREE),

    // One way.
    AT_LEAST("local", TASK_PUSH_64, UNIT_PER_PP, NULL, 5, 11),
    AT_LEAST("local", TASK_PUSH_64, UNIT_RATE, "zmq", 4, 0),
    AT_LEAST("local", TASK_PUSH_64, UNIT_RATE, "iceoryx", 0, 60),
    AT_LEAST("local", TASK_MANY, UNIT_PER_PP, NULL, 15, 36),
    AT_LEAST("local", TASK_MANY, UNIT_RATE, "zmq", 0, 45),
    AT_LEAST("local", TASK_PUSH_64K, UNIT_RATE, "two-copies", 0.8, 1.0),
    AT_LEAST("local", TASK_PUSH_1M, UNIT_RATE, "two-copies", 0.8, 1.0),
    AT_LEAST("local", TASK_PUSH_64K, UNIT_RATE, "libqb libqb-awake", 0, 1.1),
    AT_LEAST("local", TASK_PUSH_1M, UNIT_RATE, "libqb libqb-awake", 0, 1.1),
    AT_LEAST("local", TASK_PUSH_8M, UNIT_RATE, "iceoryx", 2, 2.5),
    {"local", TASK_PUSH_8M, CONTEST_CROSS, CONTEST_PLAIN, UNIT_BYTES, NULL,
     TASK_PUSH_64K, true, 0, 0.85},

    // In place.
    {"local", TASK_LENT_8M, CONTEST_CROSS, CONTEST_LENDS, UNIT_TIME, NULL, TASK_LENT_8,
     false, 1.1, 0},
    AT_MOST(TASK_LENT_8M, CONTEST_CROSS, CONTEST_LENDS, UNIT_TIME, "descriptor", 2,
            1.3),
    AT_MOST(TASK_LENT_8M, CONTEST_CROSS, CONTEST_LENDS, UNIT_TIME, "iceoryx", 0,
            1 / 7.0),

    // A queue, to the faster of two others.
    AT_LEAST("queue", TASK_PUSH_64, UNIT_RATE, "boost-queue sysv", 2, 10),
    AT_LEAST("queue", TASK_FOUR, UNIT_RATE, "boost-queue sysv", 2, 10),
    {"queue", TASK_EIGHT, CONTEST_CROSS, CONTEST_PLAIN, UNIT_BYTES, NULL, TASK_PUSH_64,
     true, 0.8, 0.95},

    // At rest: bar 0.5 is none at all in a second or two.
    AT_MOST(TASK_ROUND_64, CONTEST_CROSS, CONTEST_PLAIN, UNIT_WAKES, NULL, 0.5, 0),
    {.scheme = NULL},
};
