/* SPDX-License-Identifier: MIT */
/*
 * Memory that is only called as ours is, or says what cannot be: that is told, and
 * nothing is believed that the kernel does not say too.
 */
#define _GNU_SOURCE
#include "lies.h"

#include "meeting.h"

TEST(memory_that_is_only_called_so_is_told_as_unknown)
{
    static const char *const others[] = {"wherry:region", "wherry:localish",
                                         "wherry:loc", "local", "wherry:"};

    enum { OTHERS = sizeof(others) / sizeof(others[0]) };

    static const char bytes[PAGE] = "wherry";
    int files[OTHERS];
    for (size_t i = 0; i < OTHERS; i++)
        files[i] = memory_called(others[i], bytes, PAGE, PAGE);
    struct wherry_channels_view *view = channels_of(getpid());
    CHECK_INT(view->channel_count, 0);
    wherry_channels_view_free(view);
    const int empty = memory_called("wherry:local", "", 0, 0);
    const int other_release = memory_called("wherry:local", bytes, PAGE, 2 * PAGE);
    view = channels_of(getpid());
    CHECK_INT(view->channel_count, 2);
    CHECK_INT(view->channels[0].use, 0);
    CHECK_INT(view->channels[0].number, empty);
    CHECK_STRING(view->channels[0].why, "it is no memory of local:");
    CHECK_INT(view->channels[0].out.ring, -1);
    CHECK_INT(view->channels[1].number, other_release);
    CHECK_CONTAINS(view->channels[1].why, "version 0");
    CHECK_STRING(wherry_memory_use_name(view->channels[1].use), "");
    wherry_channels_view_free(view);
    close(empty);
    close(other_release);
    for (size_t i = 0; i < OTHERS; i++)
        close(files[i]);
}

TEST(a_second_piece_beside_the_same_socket_is_not_told)
{
    char page[PAGE];
    struct meeting meeting;
    meet(&meeting, BOAT ALWAYS, NULL);
    struct wherry_channels_view *view = channels_of(getpid());
    copy_page(getpid(), find(view, WHERRY_MEMORY_CHANNEL)->number, page);
    wherry_channels_view_free(view);
    const int lie = memory_called("wherry:local", page, PAGE, PAGE + RING);
    view = channels_of(getpid());
    CHECK(find(view, WHERRY_MEMORY_CHANNEL)->number != lie);
    wherry_channels_view_free(view);
    close(lie);
    part(&meeting);
}

static void lie_as_told(wherry_channel *channel)
{
    static char page[PAGE];
    CHECK_INT(wherry_read(channel, page, PAGE, NULL, NULL, soon()), PAGE);
    (void)memory_called("wherry:local", page, PAGE, PAGE + RING);
}

static void send_three(wherry_channel *channel)
{
    send_some(channel, 3);
}

// The liar, which the test talks to as well, has an older copy of the other's memory.
TEST(a_process_is_not_believed_about_the_socket_of_another)
{
    char page[PAGE];
    struct meeting liar, honest;
    meet(&liar, BOAT ALWAYS, lie_as_told);
    meet(&honest, "local:quay" ALWAYS, send_three);
    struct wherry_channels_view *view = channels_of(honest.other.pid);
    for (size_t i = 0; i < view->channel_count; i++)
        if (view->channels[i].maker == honest.other.pid)
            copy_page(honest.other.pid, view->channels[i].number, page);
    wherry_channels_view_free(view);
    CHECK_OK(wherry_write(liar.channel, page, PAGE, 0, 0, soon()));
    go_on(&liar.other);
    go_on(&honest.other);
    view = channels_of(getpid());
    CHECK_INT(view->channel_count, 2);
    CHECK_INT(view->channels[0].peers[0].pid, liar.other.pid);
    CHECK_INT(view->channels[1].peers[0].pid, honest.other.pid);
    CHECK_INT(view->channels[1].in.waiting_messages, 3);
    wherry_channels_view_free(view);
    part(&honest);
    part(&liar);
}

static bool is_a_count(int64_t count, int64_t most)
{
    return count >= -1 && count <= most;
}

static void check_flow(const struct wherry_flow *flow)
{
    CHECK(is_a_count(flow->ring, 1 << 30));
    CHECK(is_a_count(flow->used, flow->ring));
    CHECK(is_a_count(flow->waiting_messages, flow->ring));
    CHECK(is_a_count(flow->sent_messages, INT64_MAX));
    CHECK(is_a_count(flow->received_bytes, INT64_MAX));
    CHECK(is_a_count(flow->writer_sleeps, 1));
    CHECK(is_a_count(flow->reader_sleeps, 1));
}

static void turn_over(char *word)
{
    for (size_t i = 0; i < sizeof(uint64_t); i++)
        word[i] = (char)~word[i];
}

// Each word of the page of a channel that is there is another one in turn.
TEST(a_page_that_says_what_cannot_be_is_not_known_or_within_bounds)
{
    const struct wherry_inspect_wish wish = {.alone = 1};
    char page[PAGE];
    struct meeting meeting;
    meet(&meeting, BOAT ALWAYS, NULL);
    struct wherry_channels_view *view = channels_of(meeting.other.pid);
    copy_page(meeting.other.pid, find(view, WHERRY_MEMORY_CHANNEL)->number, page);
    wherry_channels_view_free(view);
    for (size_t at = 0; at < WORDS * sizeof(uint64_t); at += sizeof(uint64_t)) {
        turn_over(page + at);
        const int lie = memory_called("wherry:local", page, PAGE, PAGE + RING);
        CHECK_OK(wherry_inspect_channels(getpid(), &wish, &view));
        CHECK_RANGE(view->channel_count, 1, 2);
        for (size_t i = 0; i < view->channel_count; i++) {
            check_flow(&view->channels[i].in);
            check_flow(&view->channels[i].out);
        }
        wherry_channels_view_free(view);
        turn_over(page + at);
        close(lie);
    }
    part(&meeting);
}
