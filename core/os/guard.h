/* SPDX-License-Identifier: MIT */
/*
 * What libwherry and wherry-guard (../../guard) say to each other.
 *
 * The guard is run with two of the library's descriptors: a pidfd of the library's
 * process and a socket for packets.  argv[1] is OS_GUARD_NUMBERS; then come the files
 * to try, and the words of the program.  Each line of the program's environment stands
 * in the guard's own with OS_GUARD_MARK before it: what means something to the loader
 * or the C library of the program (LD_PRELOAD) means nothing to those of the guard.
 *
 * On the socket the guard says who it is, then how the start went; the library answers
 * by one byte when it has a pidfd of the new process, and hears of its end at last. All
 * sizes are the same for programs of 32 and of 64 bits.
 */
#ifndef OS_GUARD_H
#define OS_GUARD_H

#include <stdint.h>

/* The protocol, the pidfd, the socket, enum os_standing, how many files there are. */
#define OS_GUARD_NUMBERS "%d %d %d %d %d"

enum {
    OS_GUARD_PROTOCOL = 1, /* one more with each change of this file */
    OS_GUARD_COUNT = 5,    /* the numbers in that word */
    OS_GUARD_FILES = 2,    /* in argv, the first file */
    OS_GUARD_MARK = '.'
};

enum os_standing { OS_STANDING_PARENT, OS_STANDING_GROUP, OS_STANDING_SESSION };

/* Its first word: who it is, as it sees itself. */
struct os_guard_hello {
    int32_t protocol;
    int32_t pid;
};

/* Its second: the new process runs its program, or why it does not. */
struct os_guard_start {
    int32_t pid;   /* 0: there is none */
    int32_t error; /* a negative errno, or 0 */
    int32_t ran;   /* 1: it was a file that could not be run, that of `index` */
    int32_t index;
};

/* Its last: struct os_ended. */
struct os_guard_end {
    int64_t user_time, system_time;
    int64_t memory_most;
    int32_t code;
    int32_t signal;
    int32_t core;
    int32_t unused;
};

#endif
