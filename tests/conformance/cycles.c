/* SPDX-License-Identifier: MIT */
/*
 * Ten thousand times opened, used and closed, without one leaked descriptor, object or
 * byte.
 */
#include "bytes.h"

#include <errno.h>
#include <string.h>

enum { FAST_CYCLES = 10000, SLOW_CYCLES = 300 };

static unsigned long count_of(void)
{
    return row_is_thorough() ? FAST_CYCLES : SLOW_CYCLES;
}

struct cycle {
    const struct row *row;
    wherry_listener *listener; /* for all of them: ports would run out */
};

static void open_ends(const struct cycle *cycle, struct ends *ends)
{
    if (!cycle->listener) {
        ends_open_bare(cycle->row, NULL, ends);
        return;
    }
    *ends = (struct ends){
        .row = cycle->row, .listener = cycle->listener, .saved = {-1, -1}};
    ends_open_more(ends);
    ends->listener = NULL;
}

static void talk_once(void *argument)
{
    struct ends ends;
    open_ends(argument, &ends);
    text_send(ends.sender, "a cycle");
    text_receive(ends.receiver, "a cycle");
    ends_close(&ends);
}

static void leave_unread(void *argument)
{
    struct ends ends;
    open_ends(argument, &ends);
    text_gather(ends.sender, "gathered");
    text_send(ends.sender, "never read");
    wherry_native fd;
    short events;
    bool has_one = channel_info(ends.receiver).abilities & WHERRY_ABLE_DESCRIPTOR;
    CHECK_INT(wherry_fd(ends.receiver, WHERRY_IN, &fd, &events),
              has_one ? 0 : -ENOTSUP);
    ends_close(&ends);
}

static void repeat(const struct row *row, void (*scenario)(void *), unsigned long count)
{
    struct cycle cycle = {.row = row};
    struct ends first;
    ends_open(row, NULL, &first);
    if (strncmp(row->address, "tcp", 3) == 0) {
        cycle.listener = first.listener;
        first.listener = NULL;
    }
    ends_close(&first);
    harness_cycles(count, scenario, &cycle);
    wherry_close_listener(cycle.listener);
}

ROW_TEST(ten_thousand_channels_leave_nothing)
{
    repeat(row, talk_once, count_of());
}

ROW_TEST(a_thousand_abandoned_channels_leave_nothing)
{
    repeat(row, leave_unread, count_of() / 10);
}
