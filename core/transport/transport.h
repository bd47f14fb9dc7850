/* SPDX-License-Identifier: MIT */
/*
 * transport: one file per mechanism, which opens; stream.c and packet.c move what they
 * share.
 *
 * A transport file fills in struct transport: how its addresses become endpoints.  An
 * endpoint is how messages move from then on.  No function here waits, but dial, until
 * its deadline.
 */
#ifndef TRANSPORT_H
#define TRANSPORT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/transport.h>

#include "framing/framing.h"
#include "memory/memory.h"
#include "message/message.h"
#include "os/os.h"

enum { ENDPOINT_ADDRESS = 256 };

/* One end of an open mechanism, on its way into a channel. */
struct endpoint {
    const struct wherry_transport *moves;
    void *state;
    unsigned abilities;          /* of this endpoint, as its options made it */
    uint64_t message_limit;      /* of the mechanism itself; 0: none */
    int64_t kind_limit;          /* ditto; 0: none */
    int64_t kind_least;          /* as which kind 0 arrives */
    const char *framing;         /* its name, or "" */
    bool words;                  /* hello, end, sync travel on it */
    struct message_store *store; /* of its messages; the channel's to leave */
    bool nonblocking;            /* as os_descriptor: ours, and set so */
    uint32_t layout;             /* of memory that it may offer; 0: none */

    /* Where there is no descriptor to wait for: waits without end, in the system's own
     * call, until a message of that kind can be received.  0, -ECANCELED once a signal
     * handler has set *stop, -ENOTSUP: not in this process; else recv tells.  NULL:
     * never. */
    int (*attend)(void *state, int64_t kind, const atomic_bool *stop);

    struct wherry_peer peer; /* what opening told: the creator, a network address */
    char address[ENDPOINT_ADDRESS]; /* as descriptions show it */
};

/* The bounds of a channel, from its address; the same options everywhere. */
struct channel_limits {
    uint64_t message;  /* bytes of one message */
    uint64_t queue;    /* bytes of the private list */
    uint64_t held;     /* bytes of what recv_kind and drain pass over */
    uint32_t files;    /* open files of one message */
    int64_t handshake; /* nanoseconds for a peer's hello */
    int64_t linger;    /* nanoseconds that close may wait for room to say the end */
    int full;          /* place among the choices of full= */
};

enum full_policy {
    FULL_BLOCK,
    FULL_FAIL,
    FULL_OLDEST,
    FULL_NEWEST,
    FULL_LATEST,
    FULL_CUT
};

/* Of an address that transport_address has checked; what wraps another mechanism
 * (fault:) has the bounds that the inner address says. */
void limits_from(const struct address *, struct channel_limits *out);

/* What a transport's files are made of. NULL members: it cannot. */
struct transport {
    struct wherry_mechanism mechanism;
    const struct wherry_option *const *options; /* tables, the list ends with NULL */
    bool options_first; /* they stand before the rest, which is kept as it is */
    bool wraps;         /* the rest is the address of another mechanism */

    /* Whether the rest makes sense, looking at nothing but the address.  NULL: anything
     * does.  Errors: -EINVAL, -ENAMETOOLONG; the sentence is set, without the address.
     */
    int (*check)(const struct address *);

    /* Errors: as wherry_dial. */
    int (*dial)(const struct address *, wherry_deadline, struct endpoint *out);

    /* *state is the listener's own, until unlisten.  `shown` (ENDPOINT_ADDRESS bytes)
     * is where it can be dialled.  Errors: as wherry_listen. */
    int (*listen)(const struct address *, void **state, char *shown);

    /* The next peer, without waiting: -EAGAIN, -EALREADY, …; the sentence is set. */
    int (*accept)(void *state, struct endpoint *out);

    /* What to wait for before the next accept; how many, 0: none, it is ready. */
    int (*accept_wait)(void *state, struct wherry_wait waits[WHERRY_WAITS]);

    void (*unlisten)(void *state);

    /* Of a listener that is a topic, without waiting.  NULL: it never is one; -ENOTSUP:
     * this one is none.  Lets in who waits to read and forgets who has gone: how many
     * readers there are.  Errors: -EMFILE, -ENFILE, -ENOMEM (there would be one). */
    int (*admit)(void *state);

    /* Forgets who has gone, and publishes a message, which is copied: to how many.  0
     * and nothing is published, where it is to go to somebody, and nobody reads.
     * Errors: as wherry_publish. */
    int (*publish)(void *state, const wherry_message *, bool to_somebody);

    /* Fills in up to `most`: how many there are.  By any thread. */
    int (*readers)(void *state, struct wherry_reader *out, size_t most);

    int (*pair)(const struct address *, struct endpoint out[2]);

    /* Memory in place of a channel.  Errors: as wherry_region_open; the sentence is
     * set. */
    int (*map)(const struct address *, wherry_region **out);

    /* Turns in place of a channel.  Errors: as wherry_semaphore_open; the sentence is
     * set. */
    int (*turns)(const struct address *, wherry_semaphore **out);

    /* The same in memory: of an address without a name, how many bytes it takes, and
     * the semaphore at a place that has as many.  NULL: only under a name. */
    uint64_t (*room)(const struct address *);
    int (*place)(const struct address *, wherry_region *, uint64_t offset,
                 wherry_semaphore **out);

    /* Removes what the address names.  Errors: as wherry_remove; the sentence is set
     * for -EEXIST only. */
    int (*remove)(const struct address *);

    /* Dialling or listening has succeeded altogether, nothing can fail any more: what
     * the address lent is taken over now.  NULL: it lends nothing. */
    void (*opened)(const struct address *);
};

/* --- table.c ------------------------------------------------------------- */

const struct transport *transport_find(const char *scheme);

/* Takes an address apart and checks it against its transport's options.
 * Errors: -EINVAL, -ENAMETOOLONG, -ENOTSUP (absent.c), -ENOMEM; the sentence is set. */
int transport_address(const char *text, const struct transport **transport,
                      struct address **out);

/* Tables that several transports list. */
extern const struct wherry_option
    channel_options[]; /* message queue held files full … */
extern const struct wherry_option line_framing_options[]; /* framing=, standard line */
extern const struct wherry_option
    wherry_framing_options[];                        /* framing=, standard wherry */
extern const struct wherry_option pipe_options[];    /* buffer= of a pipe or FIFO */
extern const struct wherry_option socket_options[];  /* buffer= */
extern const struct wherry_option backlog_options[]; /* backlog= */
extern const struct wherry_option type_options[];    /* type= of unix(7) sockets */
extern const struct wherry_option
    object_options[]; /* create= and mode= of what stays */

/* What create= says about an object of that name. */
enum os_create object_create(const struct address *);

/* The standard buffer= of a pipe: a message of 64 KiB and what stands around it fit. */
int64_t pipe_room(void);

extern const struct transport transport_local, transport_pipe, transport_fifo,
    transport_stdio, transport_fd, transport_pair, transport_unix, transport_tcp,
    transport_udp, transport_mq, transport_sysv, transport_queue, transport_signal,
    transport_exec, transport_memfd, transport_shm, transport_shmv, transport_file,
    transport_lease, transport_sem, transport_semv, transport_fault;

/* --- absent.c: rows without a transport ---------------------------------- */

/* Ends with a NULL scheme. */
extern const struct wherry_mechanism absent_mechanisms[];

/* The absent mechanism with that scheme, or NULL. */
const struct wherry_mechanism *absent_find(const char *scheme);

/* -ENOTSUP, and the sentence: why, and what to take instead. */
int absent_refuse(const struct wherry_mechanism *);

/* --- stream.c: messages cut out of bytes --------------------------------- */

/* Whose life a stream hangs on, beside its descriptors; all zero: nobody's. */
struct stream_life {
    int watch; /* readable when that has ended; `in` is a member of it */
    /* 0: it ended as it should, or why not; the sentence is set.  -EAGAIN: it lives. */
    int (*end)(void *own);
    void (*leave)(void *own); /* at close, when the descriptors are closed */
    void *own;                /* taken by a stream_new() that succeeds */
};

/* What a stream is made of; an unused direction is OS_DESCRIPTOR_NONE.  Fill out->peer
 * (all of it) and out->address before stream_new and packet_new, they fill in the rest.
 */
struct stream_plan {
    const struct address *address; /* framing= message= files= */
    struct os_descriptor in;       /* taken, released at close, also on failure */
    struct os_descriptor out;      /* may be the same descriptor as `in` */
    unsigned abilities;            /* of the mechanism; the framing's are masked in */
    const char *framing;           /* NULL: as the address says */
    uint64_t message_limit;        /* of the mechanism itself (PIPE_BUF); 0: none */
    bool words; /* the `wherry` framing may say hello, end and sync here: one peer */
    struct os_file made; /* a path to remove at close, if `path` is set */
    const char *path;    /* copied */
    struct stream_life life;
};

int stream_new(const struct stream_plan *, struct endpoint *out);

/* --- packet.c: a packet is a message ------------------------------------- */

struct packet_plan {
    const struct address *address;   /* framing= message= files= */
    struct os_descriptor descriptor; /* taken, released at close, also on failure */
    unsigned abilities;
    bool connectionless;
    bool one_user;       /* packets of other users (but root) are dropped */
    const char *scheme;  /* for the names of senders */
    struct os_file made; /* a path to remove at close, if `path` is set */
    const char *path;
};

int packet_new(const struct packet_plan *, struct endpoint *out);

/* --- endpoint.c: what the openers share ---------------------------------- */

/* Starts an endpoint: nobody is known at its other end, and descriptions show `address`
 * (cut to fit). */
void endpoint_show(struct endpoint *, const char *address);

/* Closes what was opened and did not become a channel. */
void endpoint_close(struct endpoint *);

/* What an error means to one mechanism, and what would work. */
struct complaint {
    int error;        /* an errno; 0 ends a table */
    const char *text; /* NULL: the sentence that stands says it */
};

/* Makes "ADDRESS: text" the sentence, by the table (may be NULL), else in general
 * words, and returns `error`. */
int endpoint_refuse(const struct address *, int error, const struct complaint *table);

/* The largest payload whose record has at most `size` bytes under the address's
 * framing. */
uint64_t endpoint_payload(const struct address *, uint64_t size);

/* Whether the rest is "/NAME", as POSIX objects are called; `noun` says of what.
 * Errors: -EINVAL, -ENAMETOOLONG; the sentence is set. */
int endpoint_name(const struct address *, const char *noun);

/* `mode=` as chmod(1) reads it.  Errors: -EINVAL (an 8 or a 9). */
int endpoint_mode(const struct address *, uint32_t *out);

/* `type=`. */
enum os_kind endpoint_kind(const struct address *);

/* The endpoint of a connected socket of any kind (taken, also on failure): its peer,
 * its address as given, and how it moves.  `path` (may be NULL) is its own name,
 * removed at close. */
int endpoint_socket(const struct address *, struct os_descriptor, const char *path,
                    struct endpoint *out);

/* Asks the kernel to attach who speaks to the first words on an adopted unix(7) socket,
 * ours too, if there will be any; and takes its creator for its peer until then. */
void endpoint_identify(const struct address *, const struct os_descriptor *,
                       struct endpoint *out);

/* Member `keep` of transports that never hold a part of a message. */
int endpoint_keep_nothing(void *state);

/* All that a socket can do; stream.c and packet.c leave what this one can. */
enum {
    ENDPOINT_SOCKET = WHERRY_ABLE_SEND | WHERRY_ABLE_RECV | WHERRY_ABLE_DUPLEX |
                      WHERRY_ABLE_KINDS | WHERRY_ABLE_FILES | WHERRY_ABLE_SENDER |
                      WHERRY_ABLE_FINISH | WHERRY_ABLE_DRAIN | WHERRY_ABLE_FRAMING |
                      WHERRY_ABLE_DESCRIPTOR
};

/* --- harbour.c: a place to be dialled, while it is open ------------------ */

/* Either a listening socket, or the one end that accept gives: the reading end of a
 * FIFO, a bound datagram socket, a queue, signals. */
struct harbour {
    struct address *address;         /* its own copy */
    struct os_descriptor descriptor; /* OS_DESCRIPTOR_NONE: it needs none */
    void *own;                       /* what else the opener needs */
    /* Makes the one end of a copy of the descriptor (taken, also on failure); as for
     * datagrams, unless the opener says otherwise. */
    int (*give)(const struct harbour *, struct os_descriptor, struct endpoint *out);
    /* Makes an endpoint of a connection (taken, also on failure).  NULL: as sockets of
     * that address. */
    int (*welcome)(const struct address *, struct os_descriptor, struct endpoint *out);
    /* Frees `own`, and undoes what opening did unless the one end was given, which then
     * has that to do.  NULL: there is nothing. */
    void (*leave)(struct harbour *);
    bool is_given;       /* the one end */
    bool is_chosen;      /* the system chose its port or name */
    bool one_user;       /* other users' connections are not let in (but root's) */
    struct os_file made; /* removed at the end, if `path` is set */
    char *path;          /* allocated */
    char shown[ENDPOINT_ADDRESS];
};

/* How one is opened: fills in the descriptor and what goes with it.  Its errors are
 * told by the table; NULL: its sentence is whole. */
struct harbour_plan {
    int (*open)(struct harbour *, const void *with);
    const void *with;
    const struct complaint *complaints;
};

/* For the member `listen` of struct transport.  It shows the address as it was given,
 * or, where the system has chosen a port or name, its real name with the options as
 * given. */
int harbour_listen(const struct address *, const struct harbour_plan *, void **state,
                   char *shown);

/* Members of struct transport. */
int harbour_accept(void *state, struct endpoint *out);
int harbour_wait(void *state, struct wherry_wait waits[WHERRY_WAITS]);
void harbour_close(void *state);

#endif
