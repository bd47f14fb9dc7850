/* SPDX-License-Identifier: MIT */
/*
 * The blocks that messages are made of; between message.c and store.c alone.
 */
#ifndef MESSAGE_STORE_H
#define MESSAGE_STORE_H

#include "message/message.h"

/* A block from the system with room for `size` bytes, all else zero.  Errors: -ENOMEM.
 */
int message_block_new(size_t size, wherry_message **out);

/* Back to its store, or to the system. Its files are closed already. */
void message_block_free(wherry_message *);

#endif
