/* SPDX-License-Identifier: MIT */
/*
 * The program of the kernel's and the C library's own subjects.
 */
#include "harness.h"
#include "kernel.h"

void harness_register(void)
{
    step_add(&posix_semaphore);
    step_add(&robust_mutex);
    step_add(&packet_socket);
}
