/* SPDX-License-Identifier: MIT */
/*
 * The channels of a process that go through memory, for describe.
 */
#ifndef CHANNELS_H
#define CHANNELS_H

#include <stdbool.h>

#include <wherry/inspect.h>

/* Whether a word is meant as PID or PID:NUMBER, which no address is: it begins with a
 * digit. */
bool channels_are_meant(const char *word);

/* Tells all channels of the process, or the one whose memory or socket has that number;
 * an exit status, said on stderr. */
int channels_describe(const char *verb, const char *word, bool as_json);

/* channels_json.c: those of the view as tables of one object; `number` is of the only
 * one that is told, or -1. */
int channels_print_json(const char *verb, const struct wherry_channels_view *view,
                        int number);

/* Whether that channel is told; and a direction of it. */
bool channels_is_told(const struct wherry_view_channel *channel, int number);
bool channels_has_flow(const struct wherry_flow *flow);

#endif
