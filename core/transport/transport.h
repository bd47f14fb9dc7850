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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/transport.h>

#include "framing/framing.h"
#include "message/message.h"
#include "os/os.h"

enum { ENDPOINT_ADDRESS = 256 };

/* One end of an open mechanism, on its way into a channel. */
struct endpoint {
    const struct wherry_transport *moves;
    void *state;
    unsigned abilities;          /* of this endpoint, as its options made it */
    uint64_t message_limit;      /* of the mechanism itself; 0: none */
    const char *framing;         /* its name, or "" */
    bool words;                  /* hello, end, sync travel on it */
    struct message_store *store; /* of its messages; the channel's to leave */
    struct wherry_peer peer;     /* what opening told: the creator, a network address */
    char address[ENDPOINT_ADDRESS]; /* as descriptions show it */
};

/* The bounds of a channel, from its address; the same options everywhere. */
struct channel_limits {
    uint64_t message;  /* bytes of one message */
    uint64_t queue;    /* bytes of the private list */
    uint64_t held;     /* bytes of what recv_kind and drain pass over */
    uint32_t files;    /* open files of one message */
    int64_t handshake; /* nanoseconds for a peer's hello */
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

void limits_from(const struct address *, struct channel_limits *out);

/* A place to be dialled, while it is open. */
struct harbour;

/* What a transport's files are made of. NULL members: it cannot. */
struct transport {
    struct wherry_mechanism mechanism;
    const struct wherry_option *const *options; /* tables, the list ends with NULL */

    /* Errors: as wherry_dial. */
    int (*dial)(const struct address *, wherry_deadline, struct endpoint *out);

    /* *state is the listener's own, until unlisten.  `shown` (ENDPOINT_ADDRESS bytes)
     * is where it can be dialled.  Errors: as wherry_listen. */
    int (*listen)(const struct address *, void **state, char *shown);

    /* The next peer, without waiting: -EAGAIN, -EALREADY, …. */
    int (*accept)(void *state, struct endpoint *out);

    /* What to wait for before the next accept; how many, 0: none, it is ready. */
    int (*accept_wait)(void *state, struct wherry_wait waits[WHERRY_WAITS]);

    void (*unlisten)(void *state);

    int (*pair)(const struct address *, struct endpoint out[2]);
};

/* --- table.c
 * ------------------------------------------------------------------------------- */

const struct transport *transport_find(const char *scheme);

/* Takes an address apart and checks it against its transport's options.
 * Errors: -EINVAL, -ENAMETOOLONG, -ENOMEM; the sentence is set. */
int transport_address(const char *text, const struct transport **transport,
                      struct address **out);

/* Tables that several transports list. */
extern const struct wherry_option
    channel_options[]; /* message queue held files full … */
extern const struct wherry_option line_framing_options[]; /* framing=, standard line */
extern const struct wherry_option
    wherry_framing_options[];                       /* framing=, standard wherry */
extern const struct wherry_option socket_options[]; /* buffer= */

extern const struct transport transport_pipe, transport_fifo, transport_stdio,
    transport_fd, transport_pair, transport_unix, transport_tcp, transport_udp,
    transport_fault;

/* --- stream.c: messages cut out of bytes
 * ---------------------------------------------------- */

/* What a stream is made of; an unused direction is OS_DESCRIPTOR_NONE.  Fill out->peer
 * (all of it) and out->address before stream_new and packet_new, they fill in the rest.
 */
struct stream_plan {
    const struct address *address; /* framing= message= files= */
    struct os_descriptor in;       /* taken, released at close, also on failure */
    struct os_descriptor out;      /* may be the same descriptor as `in` */
    unsigned abilities;            /* of the mechanism; the framing's are masked in */
    uint64_t message_limit;        /* of the mechanism itself (PIPE_BUF); 0: none */
    bool words; /* the `wherry` framing may say hello, end and sync here: one peer */
};

int stream_new(const struct stream_plan *, struct endpoint *out);

/* --- packet.c: a packet is a message
 * -------------------------------------------------------- */

struct packet_plan {
    const struct address *address;   /* framing= message= files= */
    struct os_descriptor descriptor; /* taken, released at close, also on failure */
    unsigned abilities;
    bool connectionless;
    const char *scheme;  /* for the names of senders */
    struct os_file made; /* a path to remove at close, if `path` is set */
    const char *path;
};

int packet_new(const struct packet_plan *, struct endpoint *out);

/* --- endpoint.c: filling one in
 * ------------------------------------------------------------- */

/* Copies the text of an address, cut to fit. */
void endpoint_show(struct endpoint *, const char *address);

#endif
