/* SPDX-License-Identifier: MIT */
/*
 * message: the nouns of talk.  Addresses with their options, messages, and the store
 * that lets a channel send and receive without allocating.
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/channel.h>
#include <wherry/mechanism.h>
#include <wherry/transport.h>

/* --- nearest.c: what was meant ------------------------------------------- */

/* The nearest of `count` names to a mistyped one, or NULL when none is near. */
const char *address_nearest(const char *name, const char *const *names, size_t count);

/* --- address.c: scheme:rest?option=value&… ------------------------------- */

enum {
    ADDRESS_TEXT = 4096,  /* the longest address */
    ADDRESS_OPTIONS = 32, /* the most options in one */
    ADDRESS_SCHEME = 16,  /* the longest scheme, its NUL counted */
};

/* An address taken apart; its strings live as long as it does. */
struct address;

/* Takes an address apart: scheme, rest, options.  Knows no schemes.  `options_first`
 * says of a scheme whether its options stand before the rest (`exec?framing=raw:grep
 * 'a?b'`); such a rest is kept as it is, no %HH and no `?` in it mean anything. Errors:
 * -EINVAL (the sentence says where), -ENAMETOOLONG, -ENOMEM. */
int address_parse(const char *text, bool (*options_first)(const char *scheme),
                  struct address **out);

/* Checks every option against the tables (each ends with a NULL name; the list of
 * tables ends with NULL) and works out every value, defaults included.  Errors:
 * -ENOMEM; -EINVAL: unknown (with the nearest known one), twice, not a value of its
 * type, or out of its bounds, which the sentence names. */
int address_resolve(struct address *, const struct wherry_option *const *tables);

void address_free(struct address *);

const char *address_text(const struct address *); /* as it was given */
const char *address_scheme(const struct address *);
const char *address_rest(const struct address *); /* decoded, NUL after its end */
size_t address_rest_size(const struct address *); /* %00 may stand in it */

/* Values after address_resolve; asking for an option that is in no table is a mistake
 * of ours (assert). Numbers: bytes, nanoseconds, 0/1 for flags, the place among
 * `choices`. */
int64_t address_number(const struct address *, const char *option);
const char *address_string(const struct address *,
                           const char *option); /* NULL: not set */
bool address_given(const struct address *, const char *option);

/* --- option.c: one value of an option ------------------------------------ */

/* Reads a value as its option's type: the number in *out (0 for text).
 * Errors: -EINVAL, the sentence names the option, its bounds and an example. */
int option_read(const struct wherry_option *, const char *text, int64_t *out);

/* Writes "64K", "2s", "yes", "block": what option_read would read as `value`. */
void option_print(const struct wherry_option *, int64_t value, char *out, size_t size);

/* The option with that name in one table, or NULL. */
const struct wherry_option *option_find(const struct wherry_option *table,
                                        const char *name);

/* Whether `value` is the place of `name` among the choices. */
bool option_is(const struct wherry_option *, int64_t value, const char *name);

/* --- message.c: bytes, a kind, open files, who sent them ----------------- */

struct message_store;

enum {
    MESSAGE_DESTINATION = 128, /* room for a destination's or origin's socket name */
    MESSAGE_FILES = 253,       /* SCM_MAX_FD */
};

/* Destination and origin are kept as the system's own socket names, in a block of their
 * own that only connectionless channels need. */
struct message_route {
    uint32_t to_size; /* 0: none */
    uint32_t from_size;
    _Alignas(8) uint8_t to[MESSAGE_DESTINATION];
    _Alignas(8) uint8_t from[MESSAGE_DESTINATION];
    struct wherry_peer sender; /* when it is not the channel's one peer */
    bool has_sender;
};

/* Whose memory the bytes of a message lie in, where that is not its own.  It is given
 * back when the message is freed, on any thread. */
struct message_lender {
    void (*take_back)(struct message_lender *, const wherry_message *);
};

/*
 * `data` points into `room` (the bytes behind this struct), into `own` (a block of its
 * own, after growing), into memory that was lent, or at a stranger's bytes (`borrowed`:
 * never freed or written).  What may only be read has a capacity of 0.
 */
struct wherry_message {
    uint8_t *data;
    size_t size;
    size_t capacity; /* bytes from `data` on */
    int64_t kind;
    uint32_t word;       /* enum frame_word; 0 for a message */
    uint32_t file_count; /* places in `files`; a taken one is -1 */
    int *files;
    struct message_route *route;
    struct message_store *store;   /* goes back there when freed; NULL: to the system */
    struct wherry_message *next;   /* of whoever owns it: a list, the store */
    struct message_lender *lender; /* NULL: nobody */
    uint32_t block;                /* of the lender's, where that tells them apart */
    uint8_t *own;
    size_t room;       /* bytes in the block behind this struct */
    int64_t queued_at; /* when a private queue took it */
    uint64_t lost;     /* of a topic: how many before it this reader did not get */
    bool borrowed;
    uint8_t side;    /* of the store, that took it: enum wherry_direction */
    uint8_t bin;     /* of the store, that keeps it while it is unused */
    bool files_lost; /* some of its open files did not fit into this process */
};

/* A message over someone's bytes, for the length of one call; on the caller's stack. */
void message_borrow(wherry_message *, const void *bytes, size_t size, int64_t kind);

/* How far from one message to the next where bytes lie behind each other. */
static inline size_t bytes_padded(size_t size)
{
    return (size + WHERRY_BYTES_STEP - 1) & ~(size_t)(WHERRY_BYTES_STEP - 1);
}

/* Closes its files, but for those that were taken. */
void message_close_files(wherry_message *);

/* Adopts `count` descriptors: the message closes them.  Errors: -ENOMEM (still the
 * caller's). */
int message_adopt_files(wherry_message *, const int *files, size_t count);

/* The route block, made at need.  Errors: -ENOMEM. */
int message_route(wherry_message *, struct message_route **out);

/* --- store.c: messages that come back to be used again ------------------- */

enum {
    MESSAGE_READ = 66560 /* what a busy channel reads at once: 64 KiB, and what follows
                            of the next message; blocks of that size are kept */
};

/*
 * One a channel.  Messages are taken by its sender (WHERRY_OUT) and its receiver
 * (WHERRY_IN), each on one thread at a time, and freed on any.  It lives until the
 * channel and the last of its messages are gone.
 */
int message_store_new(struct message_store **out);

/* A message with room for `size` bytes (its size is set, its bytes are not), for one
 * side. Errors: -ENOMEM. */
int message_store_take(struct message_store *, enum wherry_direction side, size_t size,
                       wherry_message **out);

/* A message has been sent, on the thread that takes for WHERRY_OUT: unless it was only
 * borrowed it is freed, without an atomic operation if it is of this store, and
 * *gone is NULL. */
void message_store_sent(struct message_store *, wherry_message **gone);

/* Gives back to the system what lies unused on one side. */
void message_store_trim(struct message_store *, enum wherry_direction side);

/* Counts memory that goes with the messages (of what is gathered) among its own. */
void message_store_count(struct message_store *, int64_t bytes);

/* Bytes of memory of it and of all its messages, unused or out. */
size_t message_store_size(struct message_store *);

/* The one peer of the channel: what wherry_message_sender() tells of its messages. */
struct wherry_peer *message_store_peer(struct message_store *);

/* The channel lets go of it. */
void message_store_leave(struct message_store *);

#endif
