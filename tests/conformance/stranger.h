/* SPDX-License-Identifier: MIT */
/*
 * A peer that is not Wherry's: a bare socket at the address of a listener.
 */
#ifndef STRANGER_H
#define STRANGER_H

#include "rows.h"

/* Connects; the descriptor, or a negative errno. */
int stranger_connect(const char *address);

/* The hello of Wherry's framing in these versions, to be written as it is; its size. */
enum { STRANGER_HELLO = 48 };

size_t stranger_hello(unsigned frame_version, unsigned least, unsigned most,
                      unsigned char bytes[STRANGER_HELLO]);

/* Waits until the other end has closed it, whatever is said before. */
void stranger_is_closed(int fd);

#endif
