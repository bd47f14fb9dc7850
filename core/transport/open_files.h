/* SPDX-License-Identifier: MIT */
/*
 * Received descriptors, until the messages that they belong to are cut out: shared by
 * streams and packets.  Private to core/transport.
 */
#ifndef TRANSPORT_OPEN_FILES_H
#define TRANSPORT_OPEN_FILES_H

#include "transport/transport.h"

/* A queue of descriptors with marks where the kernel lost some. */
struct open_files {
    int *places;
    size_t start;
    size_t count;
    size_t capacity;
};

/* Adds what arrived, and a mark if more came than this process had room for.  On
 * failure they are closed.  Errors: -ENOMEM, -EPROTO (more than `most` wait for
 * messages that claim them). */
int open_files_push(struct open_files *, const struct os_arrival *, size_t most);

/* Moves the `count` that a record claims into its message, if they are at most `limit`
 * (of MESSAGE_FILES).  On failure they are closed, and the queue goes on with the next
 * record's.  Errors: -E2BIG (more than the limit), -EMFILE (some were lost), -EPROTO
 * (not that many came), -ENOMEM. */
int open_files_claim(struct open_files *, size_t count, size_t limit, wherry_message *);

void open_files_close(struct open_files *);

#endif
