/* SPDX-License-Identifier: MIT */
/*
 * The other end of a local: channel, of which one end is killed: a process that make()
 * starts, and that does what it is told by single letters.
 *
 * Messages have numbers, and their bytes follow from those.  Each direction counts what
 * was begun, what was sent with success, and what was received, in its order and whole.
 */
#ifndef STEP_LOCAL_H
#define STEP_LOCAL_H

#include <stdatomic.h>
#include <wherry.h>

#include "step.h"

enum {
    LINE_ADDRESS = 160,
    LINE_NAME = 16,
    LINE_PATIENCE = 2000, // milliseconds: nobody waits longer
    LINE_ANSWER = 80,     // of a survivor that has nothing to wait for
    LINE_STRANGER = 7,    // the kind of a message that whoever judges sends
    LINE_SMALL = 60,      // bytes
    LINE_LARGE = 18000,   // in three records
    LINE_RING = 65536,    // ditto
    LINE_MIDDLE = 8000    // one record, of which the ring has room for 8
};

/* What the other end is told to do. */
enum order {
    ORDER_ACCEPT = 'a',     // one that dials
    ORDER_ANSWER = 'p',     // receives one message and sends one
    ORDER_ECHO = 'e',       // gives back each message, until there are no more
    ORDER_RECEIVE = 'r',    // all messages, to the end
    ORDER_POLL = 'R',       // the same, by its descriptor
    ORDER_TAKE = 't',       // LINE_TAKE of them
    ORDER_SEND = 's',       // messages, to the end
    ORDER_SEND_POLL = 'S',  // the same, by its descriptor
    ORDER_WRITE = 'w',      // one
    ORDER_WRITE_FILE = 'f', // one, with an open file
    ORDER_MEET = 'm',       // receive, and send, with a deadline of LINE_SOON
    ORDER_LEAVE = 'l',      // memory, for nothing was said for long
    ORDER_NEXT = 'n',       // accept whoever dials, until one is the stranger
    ORDER_SLEEP = 'z',      // waits for a message, in vain
    ORDER_QUIT = 'q'
};

enum { LINE_TAKE = 3, LINE_SOON = 20 };

struct flow {
    atomic_uint begun;
    atomic_uint sent;
    atomic_uint taken;
    atomic_uint torn; // or out of order, or without its file
};

/* How far both ends are; each number grows with what is said. */
struct line_progress {
    _Atomic(uint64_t) flows;
    _Atomic(uint64_t) own; // bytes through either ring
    _Atomic(uint64_t) theirs;
};

/* What runs share. */
struct line {
    char address[LINE_ADDRESS];
    char options[LINE_ADDRESS];
    int orders[2];  // pipes: letters,
    int answers[2]; // and one byte for each that is done
    pid_t peer;
    _Atomic(int64_t) told_at; // when its company was
    unsigned size;            // bytes of a message
    struct flow there;        // from the one that is stepped
    struct flow back;
    atomic_int result; // of the other end's last call
    atomic_int left;   // what it had open, or mapped, after its channel was closed
    // The words that they share, in the memory of the one that is stepped.
    _Atomic(uint64_t) own;
    _Atomic(uint64_t) theirs;
    struct line_progress start; // when these were known
};

extern const struct step_subject local_name;
extern const struct step_subject local_load, local_loan_load;

/* What each role begins with. */
struct line_setting {
    const char *role;
    unsigned size; // bytes of a message
    const char *options;
    enum order company; // what the other end does meanwhile; 0: nothing
};

const struct line_setting *line_setting_of(const struct step_role *role);

/* Remembers how far it is: it took both ends longer or less long to get there, and a
 * state is how far it is from there. */
void local_start(const struct step_scene *scene);

/* Of subjects whose shared is a line. */
uint64_t local_state(const struct step_scene *scene);
struct step_finding local_check(struct step_scene *scene);
struct step_finding local_meet(struct step_scene *scene);

/* Makes it with its other end asleep for orders; role-dependent `options` of both
 * addresses may be "". */
struct line *line_new(const char *options, unsigned size);
void line_free(struct line *line);

/* Tells the other end; and waits until it is done, or so many milliseconds. */
void line_tell(struct line *line, enum order order);
bool line_is_done(struct line *line, int milliseconds);

/* The next message, by this process; as wherry_write and wherry_recv. */
int line_send(struct line *line, struct flow *flow, wherry_channel *channel,
              wherry_deadline deadline);
int line_send_file(struct line *line, struct flow *flow, wherry_channel *channel);
int line_send_many(struct line *line, struct flow *flow, wherry_channel *channel,
                   int count);
int line_receive(struct line *line, struct flow *flow, wherry_channel *channel,
                 wherry_deadline deadline);

/* The same with bytes, of LINE_SMALL; as wherry_write_many and wherry_read_many. */
int line_write_many(struct line *line, struct flow *flow, wherry_channel *channel,
                    int count);
int line_read_many(struct line *line, struct flow *flow, wherry_channel *channel);

#endif
