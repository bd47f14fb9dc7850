/* SPDX-License-Identifier: MIT */
/*
 * The table of mechanisms: what each transport can do, as data.
 *
 * `wherry transports`, `wherry choose`, `wherry help SCHEME`, the error texts, the
 * manual and the tests all read this one table.  It has a row for each mechanism that
 * Wherry knows of; what cannot be opened yet, or not on this system, says so in its row
 * and in the error of whoever tries.
 */
#ifndef WHERRY_MECHANISM_H
#define WHERRY_MECHANISM_H

#include <stddef.h>
#include <stdint.h>

#include <wherry/export.h>

WHERRY_BEGIN

/* What a transport (in the table), or an open channel (in its description), can do. */
enum wherry_ability {
    WHERRY_ABLE_DIAL = 1 << 0,
    WHERRY_ABLE_LISTEN = 1 << 1,
    WHERRY_ABLE_PAIR = 1 << 2,
    WHERRY_ABLE_SEND = 1 << 3,
    WHERRY_ABLE_RECV = 1 << 4,
    WHERRY_ABLE_DUPLEX = 1 << 5,         /* both ways over one channel */
    WHERRY_ABLE_CONNECTIONLESS = 1 << 6, /* many peers, `to=` */
    WHERRY_ABLE_MESSAGES = 1 << 7,       /* keeps messages apart without a framing */
    WHERRY_ABLE_KINDS = 1 << 8,
    WHERRY_ABLE_FILES = 1 << 9,
    WHERRY_ABLE_SENDER = 1 << 10,    /* the kernel vouches for who speaks */
    WHERRY_ABLE_FINISH = 1 << 11,    /* half-close */
    WHERRY_ABLE_DRAIN = 1 << 12,     /* the peer's program confirms */
    WHERRY_ABLE_HOSTS = 1 << 13,     /* across machines */
    WHERRY_ABLE_OUTLIVES = 1 << 14,  /* messages outlive their processes */
    WHERRY_ABLE_STRANGERS = 1 << 15, /* needs no kinship between the processes */
    WHERRY_ABLE_LOSS = 1 << 16,      /* may lose, repeat or reorder messages */
    WHERRY_ABLE_MANY_WRITERS = 1 << 17,
    WHERRY_ABLE_FRAMING = 1 << 18,    /* messages are cut by `framing=` */
    WHERRY_ABLE_DESCRIPTOR = 1 << 19, /* wherry_fd */
    WHERRY_ABLE_TESTS_ONLY = 1 << 20,
    WHERRY_ABLE_PRIORITY = 1 << 21, /* not the oldest comes first, but the highest kind
                                       (of signals: the lowest) */
    WHERRY_ABLE_MANY_READERS = 1 << 22, /* each message is taken by one of them */
    WHERRY_ABLE_PICK = 1 << 23,  /* the kernel picks by kind: nothing is passed over */
    WHERRY_ABLE_NUMBER = 1 << 24 /* a message is one number, in the 4 bytes of an int,
                                    or nothing */
};

/* What a mechanism is like, beyond what its channels can do. */
enum wherry_trait {
    WHERRY_TRAIT_MEMORY = 1 << 0, /* processes see the same memory; no channel */
    WHERRY_TRAIT_TURNS = 1 << 1,  /* a semaphore: processes take turns; no channel */
    WHERRY_TRAIT_NAME_STAYS = 1 << 2, /* the name outlives its processes, no messages */
    WHERRY_TRAIT_NOTICE = 1 << 3,     /* reaches a process whatever it is doing */
    WHERRY_TRAIT_SHELL = 1 << 4,      /* what a shell joins its commands with */
    WHERRY_TRAIT_STARTS = 1 << 5,     /* to a program that this one starts, or back */
    WHERRY_TRAIT_CONTAINERS = 1 << 6, /* into a container with which this one shares a
                                         directory, a network or an IPC namespace */
    WHERRY_TRAIT_BROWSER = 1 << 7,    /* a page in a browser can be at the other end */
    WHERRY_TRAIT_ENCRYPTED = 1 << 8,  /* nobody on the way can read it */
    WHERRY_TRAIT_SERVER = 1 << 9,     /* needs a server that runs beside */
    WHERRY_TRAIT_REQUESTS = 1 << 10,  /* a message one way, and its one answer */
    WHERRY_TRAIT_GIVEN = 1 << 11,     /* somebody else has opened what it uses */
    WHERRY_TRAIT_ELSEWHERE = 1 << 12, /* of other systems than this one */
    WHERRY_TRAIT_COMMAND = 1 << 13,   /* a program is started for each channel */
    WHERRY_TRAIT_USER = 1 << 14       /* between processes of one user only */
};

enum wherry_option_type {
    WHERRY_OPTION_NUMBER,   /* 42 */
    WHERRY_OPTION_SIZE,     /* bytes: 4096, 64K, 16M, 1G (powers of 1,024) */
    WHERRY_OPTION_DURATION, /* 50us, 20ms, 2s; kept in nanoseconds */
    WHERRY_OPTION_FLAG,     /* yes or no (1 or 0) */
    WHERRY_OPTION_CHOICE,   /* one of `choices` */
    WHERRY_OPTION_TEXT /* any bytes, %HH decoded; least and most bound its length */
};

/* One option of an address. */
struct wherry_option {
    const char *name;
    enum wherry_option_type type;
    const char *standard; /* the default, as one would write it; NULL: not set */
    int64_t least; /* bounds, both allowed; in bytes, nanoseconds or as counted */
    int64_t most;
    const char *choices; /* "block|fail|latest" */
    const char *help;    /* one sentence */
};

/* One mechanism, as the table describes it. */
struct wherry_mechanism {
    const char *scheme;
    const char *usage;     /* "unix:PATH or unix:@NAME" */
    const char *mechanism; /* "unix(7) socket" */
    const char *summary;   /* one sentence: what to use it for */
    const char *example;   /* an address that works as it stands, or NULL */
    unsigned abilities;    /* all that it can do, whatever the options */
    unsigned traits;       /* enum wherry_trait */
    const char *framing;   /* its default framing; NULL: none */
    const char *limit;     /* the largest message, in words, with its reason */
    uint64_t largest;      /* ditto in bytes, whatever the options, on a system as it
                              comes; 0: any, or as message= says */
    const char *systems;   /* which have it, whether Wherry runs there or not */
    const char *absent;    /* why it cannot be opened: "later"; NULL: it can */
    const char *instead;   /* of an absent one: what to take now, an address first:
                              "tcp: through an ssh(1) tunnel" */
};

/* The mechanism at `index` (from 0) of the table, or NULL past its end.  Those that are
 * absent come last; their abilities are what they will be able to do. */
WHERRY_EXPORT const struct wherry_mechanism *wherry_mechanism_at(size_t index);

/* The mechanism with that scheme, absent or not, or NULL. */
WHERRY_EXPORT const struct wherry_mechanism *wherry_mechanism_find(const char *scheme);

/* The option at `index` (from 0) of a mechanism, or NULL past the last; an absent one
 * has none. */
WHERRY_EXPORT const struct wherry_option *
wherry_mechanism_option(const struct wherry_mechanism *, size_t index);

/* One framing: how messages are cut out of bytes. */
struct wherry_framing_info {
    const char *name;
    const char *summary;
    unsigned abilities; /* of KINDS, FILES, DRAIN, FINISH: what it can carry */
};

/* The framing at `index` (from 0), or NULL past the last. */
WHERRY_EXPORT const struct wherry_framing_info *wherry_framing_at(size_t index);

/* Whether an address is well-formed, with known options within their bounds.  Opens
 * nothing.
 * Errors: -EINVAL, -ENOTSUP (its mechanism is absent); wherry_error_text() says what is
 * wrong and what would work. */
WHERRY_EXPORT int wherry_address_check(const char *address);

WHERRY_END

#endif
