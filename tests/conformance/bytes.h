/* SPDX-License-Identifier: MIT */
/*
 * Messages whose every byte is known to both ends, sent and checked.
 */
#ifndef BYTES_H
#define BYTES_H

#include "rows.h"

/* How many bytes a message of `size` has there: where each is one number, 4 or none. */
size_t size_there(wherry_channel *, size_t size);

/* Fills with what belongs to that number; never a newline, so that any framing carries
 * it. */
void bytes_fill(void *bytes, size_t size, unsigned number);

/* Fails the test unless it holds exactly that. */
void bytes_check(const void *bytes, size_t size, unsigned number);

/* Sends the message of that number. */
void bytes_send(wherry_channel *, size_t size, unsigned number, int64_t kind);

/* Receives one, which must be that message. */
void bytes_receive(wherry_channel *, size_t size, unsigned number, int64_t kind);

/* As which kind a message of `kind` arrives. */
int64_t kind_of_arrival(wherry_channel *channel, int64_t kind);

/* Sends (text_gather with WHERRY_MORE) and receives a short text, or, where a message
 * is one number, one that is made of it; for tests of something else. */
void text_send(wherry_channel *, const char *text);
void text_gather(wherry_channel *, const char *text);
void text_receive(wherry_channel *, const char *text);

/* The next recv must say that the peer finished. */
void end_receive(wherry_channel *);

/* Says the orderly end, for as long as the peer takes to make room for it. */
void finish_all(wherry_channel *);

/* For a child that is to be killed, however it is interrupted before. */
_Noreturn void hang(void);

/* What the channel says of itself now; but for the holders, which cost a search. */
struct wherry_channel_info channel_info(wherry_channel *);

/* The same with the holders. */
struct wherry_channel_info channel_info_and_holders(wherry_channel *);

/* Sends small messages without waiting until the channel takes no more; how many of
 * them it took, numbered from 0.  Each is `size` bytes. */
unsigned fill_up(wherry_channel *, size_t size);

#endif
