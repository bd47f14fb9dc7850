/* SPDX-License-Identifier: MIT */
/*
 * Publishing: stdin, or words, to all who read a topic.
 */
#ifndef PUBLISH_H
#define PUBLISH_H

#include "talk.h"

/* Publishes each message of the plan, the first once there is a reader.  DONE, or
 * FAILED, said on stderr. */
int publish_all(wherry_listener *topic, const struct talk_plan *plan);

#endif
