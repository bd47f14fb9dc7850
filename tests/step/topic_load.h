/* SPDX-License-Identifier: MIT */
/*
 * The subject of the mode load that is a topic, topic_load.c.
 */
#ifndef STEP_TOPIC_LOAD_H
#define STEP_TOPIC_LOAD_H

#include "step.h"

extern const struct step_subject topic_load;

#endif
