/* SPDX-License-Identifier: MIT */
/*
 * A gate: an event that one thread or process waits for and another gives, kept in a
 * counting eventfd, so that it may be given first.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "parts.h"

void gate_open(struct harness_gate *gate)
{
    gate->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
    if (gate->fd < 0)
        FAIL("eventfd: %s", harness_errno_name(errno));
}

void gate_pass(struct harness_gate *gate)
{
    uint64_t one = 1;
    if (write(gate->fd, &one, sizeof one) != sizeof one)
        FAIL("a gate cannot be passed: %s", harness_errno_name(errno));
}

void gate_wait(struct harness_gate *gate)
{
    int64_t end = harness_now() + (int64_t)harness_stretch(HARNESS_PATIENCE) * 1000000;
    uint64_t one;
    while (read(gate->fd, &one, sizeof one) != sizeof one) {
        if (errno != EAGAIN && errno != EINTR)
            FAIL("a gate cannot be waited for: %s", harness_errno_name(errno));
        int64_t left = end - harness_now();
        if (left < 0)
            FAIL("nobody passed the gate within %d ms",
                 harness_stretch(HARNESS_PATIENCE));
        struct pollfd wait = {.fd = gate->fd, .events = POLLIN};
        poll(&wait, 1, (int)(left / 1000000) + 1);
    }
}

bool gate_is_passed(const struct harness_gate *gate)
{
    struct pollfd look = {.fd = gate->fd, .events = POLLIN};
    int r;
    do
        r = poll(&look, 1, 0);
    while (r < 0 && errno == EINTR);
    return r == 1;
}

void gate_close(struct harness_gate *gate)
{
    close(gate->fd);
    gate->fd = -1;
}
