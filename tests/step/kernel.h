/* SPDX-License-Identifier: MIT */
/*
 * What the kernel and the C library offer, as subjects: their figures stand beside
 * ours.
 */
#ifndef STEP_KERNEL_H
#define STEP_KERNEL_H

#include <stddef.h>
#include <time.h>

#include "step.h"

extern const struct step_subject posix_semaphore;
extern const struct step_subject robust_mutex;
extern const struct step_subject packet_socket;

/* Memory that is shared with all children, filled with 0. */
void *kernel_memory(size_t size);

/* A moment soon, of the wall clock, which the C library's deadlines are in. */
struct timespec kernel_soon(void);

#endif
