/* SPDX-License-Identifier: MIT */
/*
 * The sending side of a conversation, on a thread of its own.
 */
#ifndef TALK_SENDER_H
#define TALK_SENDER_H

#include "talk.h"

struct sender;

/* Starts sending what the plan says.  DONE, or FAILED, said on stderr. */
int sender_start(wherry_channel *channel, const struct wherry_channel_info *info,
                 const struct talk_plan *plan, struct sender **out);

/* Somebody was heard: where a channel has many peers, it is answered from now on. */
void sender_heard(struct sender *sender, const struct wherry_peer *peer);

/* Whether there is nothing more to send; waits so many milliseconds for that. */
bool sender_is_done(const struct sender *sender, int milliseconds);

/* Waits until all is sent, or, if `at_once`, makes it stop.  Frees it.  DONE, or
 * FAILED, said on stderr. */
int sender_end(struct sender *sender, bool at_once);

#endif
