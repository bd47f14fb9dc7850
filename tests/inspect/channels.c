/* SPDX-License-Identifier: MIT */
/*
 * Channels over memory, seen from outside: what is told agrees with what happened; of
 * what is closed or may not be seen it is said that it is not known.
 */
#define _GNU_SOURCE
#include "meeting.h"

#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>

/* --- what is on the way -------------------------------------------------- */

TEST(messages_that_wait_are_counted_from_both_ends)
{
    struct meeting meeting;
    meet(&meeting, BOAT ALWAYS, NULL);
    send_some(meeting.channel, 5);
    struct wherry_channels_view *near = channels_of(getpid());
    struct wherry_channels_view *far = channels_of(meeting.other.pid);
    const struct wherry_view_channel *here = find(near, WHERRY_MEMORY_CHANNEL);
    const struct wherry_view_channel *there = find(far, WHERRY_MEMORY_CHANNEL);
    CHECK_STRING(here->why, "");
    CHECK_STRING(here->address, BOAT);
    CHECK_STRING(there->address, BOAT);
    CHECK_INT(here->maker, getpid());
    CHECK_INT(there->maker, meeting.other.pid);
    CHECK_INT(here->peer_count, 1);
    CHECK_INT(here->peers[0].pid, meeting.other.pid);
    CHECK_INT(here->peers[0].number, there->socket);
    CHECK_INT(there->peers[0].number, here->socket);
    CHECK_INT(here->memory, 2 * (RING + 4096));
    CHECK_INT(here->out.ring, RING);
    CHECK_INT(here->out.waiting_messages, 5);
    CHECK_INT(here->out.waiting_bytes, 5 * FEW);
    CHECK_INT(here->out.sent_messages - here->out.received_messages, 5);
    CHECK_INT(here->out.sent_bytes - here->out.received_bytes, 5 * FEW);
    CHECK_RANGE(here->out.used, 5 * FEW, RING);
    CHECK_INT(here->out.writer_sleeps, 0);
    CHECK_INT(here->out.pool, 0);
    CHECK_INT(here->out.blocks, 0);
    CHECK_INT(here->in.waiting_messages, 0);
    CHECK_INT(here->in.waiting_bytes, 0);
    CHECK_INT(here->reader_count, 0);
    // The other end sees the same, the other way round.
    CHECK_INT(there->in.waiting_messages, 5);
    CHECK_INT(there->in.waiting_bytes, 5 * FEW);
    CHECK_INT(there->in.used, here->out.used);
    CHECK_INT(there->out.sent_messages, here->in.sent_messages);
    CHECK_INT(there->out.waiting_messages, 0);
    wherry_channels_view_free(near);
    wherry_channels_view_free(far);
    part(&meeting);
}

// What one flag of the test's own channel is by now.
static int flag_of_own(size_t offset)
{
    struct wherry_channels_view *view = channels_of(getpid());
    const char *channel = (const char *)find(view, WHERRY_MEMORY_CHANNEL);
    const int flag = *(const int *)(const void *)(channel + offset);
    wherry_channels_view_free(view);
    return flag;
}

static bool is_set(void *argument)
{
    return flag_of_own(*(const size_t *)argument) == 1;
}

static void send_without_end(wherry_channel *channel)
{
    for (;;)
        send_some(channel, 1);
}

TEST(a_writer_asleep_on_a_full_ring_is_told_from_both_ends)
{
    size_t writer = offsetof(struct wherry_view_channel, in.writer_sleeps);
    struct meeting meeting;
    meet(&meeting, BOAT ALWAYS, send_without_end);
    CHECK_INT(flag_of_own(writer), 0);
    gate_pass(&meeting.other.more);
    harness_until(is_set, &writer);
    struct wherry_channels_view *far = channels_of(meeting.other.pid);
    const struct wherry_view_channel *there = find(far, WHERRY_MEMORY_CHANNEL);
    CHECK_INT(there->out.writer_sleeps, 1);
    CHECK_RANGE(there->out.used, RING - 2 * FEW, RING);
    CHECK_RANGE(there->out.waiting_messages, RING / 2 / FEW, RING / FEW);
    CHECK_INT(there->out.waiting_bytes, FEW * there->out.waiting_messages);
    wherry_channels_view_free(far);
    take_some(meeting.channel, RING / 2 / FEW);
    part(&meeting);
}

TEST(a_reader_that_sleeps_is_told_and_has_told_what_it_read)
{
    size_t reader = offsetof(struct wherry_view_channel, out.reader_sleeps);
    struct meeting meeting;
    meet(&meeting, BOAT ALWAYS, wait_for_one);
    gate_pass(&meeting.other.more);
    harness_until(is_set, &reader);
    send_some(meeting.channel, 1);
    gate_wait(&meeting.other.done);
    CHECK_INT(flag_of_own(reader), 0);
    part(&meeting);
}

TEST(a_channel_without_memory_is_not_among_them)
{
    wherry_channel *pair[2];
    CHECK_OK(wherry_pair("local:?memory=never", pair));
    struct wherry_channels_view *view = channels_of(getpid());
    CHECK_INT(view->channel_count, 0);
    CHECK_INT(view->descriptors_cause, 0);
    wherry_channels_view_free(view);
    wherry_close(pair[0]);
    wherry_close(pair[1]);
}

TEST(both_ends_of_a_pair_are_told_in_one_process)
{
    wherry_channel *pair[2];
    CHECK_OK(wherry_pair("local:" ALWAYS, pair));
    for (int i = 0; i < ROUNDS; i++) {
        send_some(pair[0], 1);
        take_some(pair[1], 1);
        send_some(pair[1], 1);
        take_some(pair[0], 1);
    }
    have_none(pair[0]);
    have_none(pair[1]);
    send_some(pair[1], 3);
    struct wherry_channels_view *view = channels_of(getpid());
    CHECK_INT(view->channel_count, 2);
    const struct wherry_view_channel *here = &view->channels[0];
    const struct wherry_view_channel *there = &view->channels[1];
    CHECK_INT(here->peers[0].pid, getpid());
    CHECK_INT(here->peers[0].number, there->socket);
    CHECK_INT(here->out.waiting_messages + there->out.waiting_messages, 3);
    CHECK_STRING(here->why, "");
    wherry_channels_view_free(view);
    wherry_close(pair[0]);
    wherry_close(pair[1]);
}

/* --- loans --------------------------------------------------------------- */

enum { POOL = 1048576, LENT = 3 };

#define LENDS "?memory=always&ring=8M&loan=1M"

static wherry_message *kept[LENT];

static void take_one(wherry_channel *channel, wherry_message **out)
{
    CHECK_INT(wherry_recv(channel, out, soon()), 1);
}

static void take_loans(wherry_channel *channel)
{
    for (int i = 0; i < ROUNDS; i++) {
        wherry_message *message;
        take_one(channel, &message);
        wherry_message_free(message);
        send_some(channel, 1);
    }
    for (int i = 0; i < LENT; i++)
        take_one(channel, &kept[i]);
    send_some(channel, 1);
}

static void free_two(wherry_channel *channel)
{
    (void)channel;
    wherry_message_free(kept[0]);
    wherry_message_free(kept[2]);
}

static void lend(wherry_channel *channel)
{
    wherry_message *message = NULL;
    CHECK_OK(wherry_loan(channel, FEW, &message, soon()));
    memset(wherry_message_data(message), 'x', FEW);
    CHECK_OK(wherry_send(channel, &message, 0, soon()));
}

static int64_t blocks_out(struct wherry_channels_view *view)
{
    const struct wherry_view_channel *channel = find(view, WHERRY_MEMORY_CHANNEL);
    const int64_t blocks = channel->out.blocks;
    CHECK_INT(channel->out.pool, POOL);
    wherry_channels_view_free(view);
    return blocks;
}

TEST(loans_that_are_out_are_counted)
{
    struct other other = {
        .address = BOAT LENDS, .before = take_loans, .after = free_two};
    wherry_listener *listener;
    wherry_channel *channel;
    CHECK_OK(wherry_listen(BOAT LENDS, &listener));
    start_there(&other);
    CHECK_OK(wherry_accept(listener, soon(), &channel));
    for (int i = 0; i < ROUNDS; i++) {
        lend(channel);
        take_some(channel, 1);
    }
    CHECK_INT(blocks_out(channels_of(getpid())), 0);
    for (int i = 0; i < LENT; i++)
        lend(channel);
    take_some(channel, 1);
    gate_wait(&other.ready);
    CHECK_INT(blocks_out(channels_of(getpid())), LENT);
    struct wherry_channels_view *far = channels_of(other.pid);
    CHECK_INT(find(far, WHERRY_MEMORY_CHANNEL)->in.blocks, LENT);
    wherry_channels_view_free(far);
    go_on(&other);
    CHECK_INT(blocks_out(channels_of(getpid())), LENT - 2);
    end_there(&other);
    wherry_close(channel);
    wherry_close_listener(listener);
}

/* --- what is not known --------------------------------------------------- */

TEST(the_end_of_the_other_process_is_told)
{
    struct meeting meeting;
    meet(&meeting, BOAT ALWAYS, NULL);
    send_some(meeting.channel, 2);
    harness_kill(meeting.other.pid);
    struct wherry_channels_view *view = channels_of(getpid());
    const struct wherry_view_channel *here = find(view, WHERRY_MEMORY_CHANNEL);
    CHECK_STRING(here->why, "the other end is closed");
    CHECK_INT(here->peer_count, 0);
    CHECK(here->out.sent_messages >= 2);
    CHECK_INT(here->out.received_messages, -1);
    CHECK_INT(here->out.waiting_messages, -1);
    CHECK_INT(here->out.used, -1);
    CHECK_INT(here->in.ring, -1);
    CHECK_INT(here->in.sent_messages, -1);
    wherry_channels_view_free(view);
    struct wherry_channels_view *none = NULL;
    CHECK_ERROR(wherry_inspect_channels(meeting.other.pid, NULL, &none), -ESRCH);
    CHECK(!none);
    gate_close(&meeting.other.ready);
    gate_close(&meeting.other.more);
    gate_close(&meeting.other.done);
    wherry_close(meeting.channel);
    wherry_close_listener(meeting.listener);
}

static void come_and_go(struct neighbour *neighbour)
{
    gate_pass(&neighbour->ready);
    for (;;) {
        wherry_channel *pair[2];
        CHECK_OK(wherry_pair("local:" ALWAYS, pair));
        send_some(pair[0], 2);
        take_some(pair[1], 2);
        wherry_close(pair[0]);
        wherry_close(pair[1]);
    }
}

// From its second look on, it may end at any moment.
static void be_killed_soon(void *argument)
{
    (void)kill(*(const pid_t *)argument, SIGKILL);
    harness_exit(0);
}

TEST(a_process_that_goes_on_or_ends_is_looked_at_all_the_same)
{
    enum { LOOKS = 100, ENDS = 20 };
    const struct wherry_inspect_wish wish = {.others_most = 64};
    struct wherry_channels_view *view;
    for (int i = 0; i < ENDS; i++) {
        struct neighbour neighbour = {.prepare = come_and_go};
        start_beside(&neighbour);
        for (int look = 0; i == 0 && look < LOOKS; look++) {
            CHECK_OK(wherry_inspect_channels(neighbour.pid, &wish, &view));
            wherry_channels_view_free(view);
        }
        const pid_t killer = harness_child(be_killed_soon, &neighbour.pid);
        bool has_ended;
        int r;
        do {
            r = wherry_inspect_channels(neighbour.pid, &wish, &view);
            has_ended = r < 0 || view->state.doing == WHERRY_DOING_ZOMBIE;
            if (r == 0)
                wherry_channels_view_free(view);
        } while (!has_ended);
        CHECK(r == 0 || r == -ESRCH);
        CHECK_INT(harness_wait(killer), 0);
        end_beside(&neighbour);
    }
}

/* --- what may not be seen ------------------------------------------------ */

static void look_at_test(void *argument)
{
    struct wherry_channels_view *view = NULL;
    CHECK_INT(setgid(65534), 0);
    CHECK_INT(setuid(65534), 0);
    CHECK_OK(wherry_inspect_channels(*(const pid_t *)argument, NULL, &view));
    CHECK_INT(view->descriptors_cause, -EACCES);
    CHECK_INT(view->channel_count, 0);
    wherry_channels_view_free(view);
    harness_exit(0);
}

TEST(a_process_of_another_user_is_not_allowed_to_see)
{
    pid_t pid = getpid();
    if (geteuid() != 0)
        SKIP("only root can become another user");
    CHECK_INT(harness_wait(harness_child(look_at_test, &pid)), 0);
}

static void hide(wherry_channel *channel)
{
    (void)channel;
    CHECK_INT(prctl(PR_SET_DUMPABLE, 0), 0);
}

TEST(an_other_end_that_may_not_be_looked_into_is_told)
{
    struct meeting meeting;
    if (geteuid() == 0)
        SKIP("root may look into every process");
    meet(&meeting, BOAT ALWAYS, hide);
    go_on(&meeting.other);
    struct wherry_channels_view *view = channels_of(getpid());
    const struct wherry_view_channel *here = find(view, WHERRY_MEMORY_CHANNEL);
    CHECK_STRING(here->why, "no process that may be looked into has the other end");
    CHECK(view->unseen > 0);
    CHECK(here->out.sent_messages > 0);
    CHECK_INT(here->out.waiting_messages, -1);
    wherry_channels_view_free(view);
    part(&meeting);
}

/* --- bounds, and no memory ----------------------------------------------- */

TEST(a_bound_that_is_reached_is_told)
{
    const struct wherry_inspect_wish wish = {.descriptors_most = 3, .alone = 1};
    struct wherry_channels_view *view;
    CHECK_OK(wherry_inspect_channels(getpid(), &wish, &view));
    CHECK_INT(view->is_cut, 1);
    wherry_channels_view_free(view);
}

static void look_once(void *argument)
{
    const struct wherry_inspect_wish wish = {.others_most = 20};
    struct wherry_channels_view *view = NULL;
    (void)argument;
    int r = wherry_inspect_channels(getpid(), &wish, &view);
    CHECK(r == 0 || r == -ENOMEM);
    CHECK((r == 0) == (view != NULL));
    wherry_channels_view_free(view);
}

TEST(without_memory_there_is_a_clean_error)
{
    wherry_channel *pair[2];
    CHECK_OK(wherry_pair("local:" ALWAYS, pair));
    for (int i = 0; i < ROUNDS; i++) {
        send_some(pair[0], 1);
        take_some(pair[1], 1);
        send_some(pair[1], 1);
        take_some(pair[0], 1);
    }
    CHECK(harness_each_allocation(look_once, NULL) > 5);
    wherry_close(pair[0]);
    wherry_close(pair[1]);
}
