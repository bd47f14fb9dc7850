/* SPDX-License-Identifier: MIT */
/*
 * The rows that every conformance test runs for: each transport in each of its
 * variants, opened by its address as any program would.
 *
 *     ROW_TEST(what_is_sent_arrives)
 *     {
 *         struct ends ends;
 *         ends_open(row, NULL, &ends);
 *         ends_need(&ends, WHERRY_ABLE_KINDS);
 *         …
 *         ends_close(&ends);
 *     }
 *
 * is one test for each row, named `what_is_sent_arrives/unix-stream` and so on.  What a
 * row can do is never looked up in a list here: the description of the opened channel
 * says it, and what it cannot do is skipped with that as the reason.
 */
#ifndef ROWS_H
#define ROWS_H

#include <wherry.h>
#include <wherry/transport.h>

#include "harness.h"

enum row_way {
    ROW_PAIR,        /* wherry_pair */
    ROW_DIAL,        /* wherry_listen, wherry_dial, wherry_accept */
    ROW_SOCKET_PAIR, /* fd:N over both ends of a socketpair(2) */
    ROW_PIPE,        /* fd:N over both ends of a pipe(2) */
    ROW_STDIO,       /* stdio: in front of a socketpair(2) whose other end is fd:N */
    ROW_OWN          /* a transport of the test's own, by wherry_channel_new */
};

struct row {
    const char *name;
    const char *address; /* %s becomes a name that nobody else uses */
    const char *options; /* behind it, "" for none */
    enum row_way way;
    int type;     /* of the socketpair(2) */
    bool endless; /* datagrams: nobody is told that the other end was closed */
};

/* Both ends in one process.  Where there is one direction, it is from the sender to the
 * receiver; a sender was dialled, where there is dialling. */
struct ends {
    const struct row *row;
    wherry_channel *sender;
    wherry_channel *receiver;
    wherry_listener *listener;      /* NULL: there is none (any more) */
    struct wherry_channel_info can; /* of the sender, as it was opened */
    int saved[2];                   /* descriptors 0 and 1 while stdio: has them */
    pid_t child;                    /* of row_fork */
};

#define ROW_TEST(name)                                                                 \
    static void name(const struct row *row);                                           \
    __attribute__((constructor)) static void rows_register_##name(void)                \
    {                                                                                  \
        rows_add(#name, name);                                                         \
    }                                                                                  \
    static void name(const struct row *row)

/* For ROW_TEST. */
void rows_add(const char *name, void (*run)(const struct row *));

/* The row of that name; fails the test if there is none. */
const struct row *row_named(const char *name);

/* The address that a row listens, pairs or dials at, with more options ("a=b&c=d" or
 * NULL), in room of ROW_ADDRESS bytes; a new name each time. */
enum { ROW_ADDRESS = 512 };

void row_address(const struct row *, const char *options, char *address);

/* Removes what was made at an address, if it outlives its processes; and at the last
 * few that were made up. */
void row_remove(const char *address);
void rows_remove(void);

/* Whether one peer after another can be accepted, each with a channel of its own. */
bool row_accepts_many(const struct row *);

/* A listener at a new name, with more options or NULL; skips where nothing listens, and
 * row_listen_for_many also where there is one channel for all. */
wherry_listener *row_listen(const struct row *, const char *options);
wherry_listener *row_listen_for_many(const struct row *, const char *options);

/* Opens both ends in this process, with more options or NULL. */
void ends_open(const struct row *, const char *options, struct ends *);

/* The same without looking at what they can do. */
void ends_open_bare(const struct row *, const char *options, struct ends *);

/* The same with a listener that stays open for ends_open_more. */
void ends_open_more(struct ends *);

/* Closes what is not NULL: sender, receiver, listener. */
void ends_close(struct ends *);
void ends_close_sender(struct ends *);
void ends_close_receiver(struct ends *);

/* Skips the test; the child goes first, so that it does not fail for want of a peer. */
_Noreturn void ends_skip(const struct ends *, const char *reason);

/* Skips the test where the ends lack an ability, and says so. */
void ends_need(const struct ends *, unsigned ability);
bool ends_can(const struct ends *, unsigned ability);

/* Skips the test where a message is one number. */
void ends_need_bytes(const struct ends *ends);

/* Messages stay what they were: no boundaries are lost (raw over bytes loses them). */
bool ends_keep_messages(const struct ends *);
void ends_need_messages(const struct ends *);

/* An orderly end is a word of its own, and what has none is a death. */
bool ends_say_end(const struct ends *);

/* Skips where nobody is told of the other end's end. */
void ends_need_end(const struct ends *);

/* Which end an own process gets. */
enum row_side { ROW_SENDS, ROW_RECEIVES };

/*
 * Both ends in two processes: `run` gets one of them in a child of its own and the
 * caller the other, as the only end it has (ends->sender or ends->receiver).  The child
 * closes its end after `run`, and nothing else is open in it.
 */
pid_t row_fork(const struct row *, const char *options, enum row_side child,
               void (*run)(struct ends *, void *argument), void *argument,
               struct ends *);

/* Whether to repeat as often as promised: not where everything is slow, nor in the runs
 * whose point is a system call that is refused. */
bool row_is_thorough(void);

/* A wait that ends the test if it is not over soon. */
wherry_deadline soon(void);

/* A channel by the moves of own.c on one end of a socketpair(2), taken. */
int own_channel(int fd, const char *options, wherry_channel **out);

#endif
