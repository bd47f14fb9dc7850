/* SPDX-License-Identifier: MIT */
/*
 * What tcp: and udp: share.  Private to core/transport.
 */
#ifndef TRANSPORT_INET_H
#define TRANSPORT_INET_H

#include "transport/transport.h"

/* What connecting and binding can say. */
extern const struct complaint inet_complaints[];

/* HOST:PORT; with numeric=yes, HOST is a number.  Errors: -EINVAL, -ENAMETOOLONG. */
int inet_check(const struct address *);

/* The numbers of HOST:PORT, at most `most`; how many.  Errors: as os_look_up, with the
 * whole sentence; -EINVAL for port 0 unless `passive`. */
int inet_look_up(const struct address *, bool passive, struct os_name *out,
                 size_t most);

/* A socket that connected to its own port, which the system chose because nobody else
 * has it, is nobody's listener: released, and -ECONNREFUSED.  Else 0. */
int inet_not_itself(struct os_descriptor *);

/* Member `listen` of struct transport, by a plan without its name. */
int inet_listen(const struct address *, struct os_socket_plan *, void **state,
                char *shown);

#endif
