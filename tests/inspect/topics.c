/* SPDX-License-Identifier: MIT */
/*
 * Topics, seen from outside: each reader by its process, how far it is behind, and what
 * it has lost.
 */
#define _GNU_SOURCE
#include "lies.h"
#include "meeting.h"

/* --- topics -------------------------------------------------------------- */

enum { PUBLISHED = 10, READ = 2, MANY = 4000, RECORD = 160 };

#define NEWS "local:news"

static void publish(wherry_listener *topic, int count)
{
    static const char bytes[FEW];
    for (int i = 0; i < count; i++) {
        wherry_message *message;
        CHECK_OK(wherry_message_copy(bytes, sizeof(bytes), &message));
        CHECK_OK(wherry_publish(topic, &message, WHERRY_POLL));
    }
}

static void take_two(wherry_channel *channel)
{
    take_some(channel, READ);
}

// The next that is still there.
static void take_a_later_one(wherry_channel *channel)
{
    wherry_message *message;
    CHECK_INT(wherry_recv(channel, &message, soon()), 1);
    CHECK(wherry_message_lost(message) > 0);
    wherry_message_free(message);
}

static void take_the_rest(wherry_channel *channel)
{
    take_some(channel, PUBLISHED - READ);
    have_none(channel);
}

static const struct wherry_view_reader *
reader_of(const struct wherry_view_channel *topic, pid_t pid)
{
    for (size_t i = 0; i < topic->reader_count; i++)
        if (topic->readers[i].pid == pid)
            return &topic->readers[i];
    FAIL("process %d is no reader", (int)pid);
}

// As its writer sees it, who reads the same words from within.
static struct wherry_reader reader_within(wherry_listener *topic, pid_t pid)
{
    struct wherry_reader readers[8];
    int count = wherry_listener_readers(topic, readers, 8);
    CHECK_OK(count);
    for (int i = 0; i < count; i++)
        if (readers[i].pid == pid)
            return readers[i];
    FAIL("process %d is no reader, says its writer", (int)pid);
}

static bool has_two(void *topic)
{
    int count = wherry_publish(topic, NULL, WHERRY_POLL);
    CHECK_OK(count);
    return count == 2;
}

// Both have read the first two; one goes on to the end.
static wherry_listener *start_topic(struct other *quick, struct other *slow)
{
    wherry_listener *topic;
    *quick =
        (struct other){.address = NEWS, .before = take_two, .after = take_the_rest};
    *slow = (struct other){.address = NEWS "?full=drop-oldest",
                           .before = take_two,
                           .after = take_a_later_one};
    CHECK_OK(wherry_listen(NEWS "?fan=broadcast&ring=64K", &topic));
    start_there(quick);
    start_there(slow);
    harness_until(has_two, topic);
    publish(topic, PUBLISHED);
    gate_wait(&quick->ready);
    gate_wait(&slow->ready);
    return topic;
}

static void end_topic(wherry_listener *topic, struct other *quick, struct other *slow)
{
    end_there(quick);
    end_there(slow);
    wherry_close_listener(topic);
}

/* --- readers ------------------------------------------------------------- */

TEST(a_reader_of_a_topic_that_lags_is_named_by_its_process)
{
    struct other quick, slow;
    wherry_listener *topic = start_topic(&quick, &slow);
    go_on(&quick);
    struct wherry_channels_view *view = channels_of(getpid());
    const struct wherry_view_channel *news = find(view, WHERRY_MEMORY_TOPIC);
    CHECK_STRING(news->why, "");
    CHECK_STRING(news->address, NEWS);
    CHECK_INT(news->out.sent_messages, PUBLISHED);
    CHECK_INT(news->out.sent_bytes, PUBLISHED * FEW);
    CHECK_INT(news->out.used, PUBLISHED * RECORD);
    CHECK_INT(news->in.ring, -1);
    CHECK_INT(news->reader_count, 2);
    const struct wherry_view_reader *ahead = reader_of(news, quick.pid);
    CHECK_INT(ahead->received_messages, PUBLISHED);
    CHECK_INT(ahead->behind_messages, 0);
    CHECK_INT(ahead->behind_bytes, 0);
    CHECK_INT(ahead->behind_age, 0);
    const struct wherry_view_reader *behind = reader_of(news, slow.pid);
    const struct wherry_reader within = reader_within(topic, slow.pid);
    CHECK_STRING(behind->why, "");
    CHECK_STRING(behind->name, view->state.name);
    CHECK_INT(behind->received_messages, READ);
    CHECK_INT(behind->lost_messages, 0);
    CHECK_INT(behind->behind_messages, PUBLISHED - READ);
    CHECK_INT(behind->behind_bytes, (PUBLISHED - READ) * RECORD);
    CHECK_INT(behind->overtaken, 0);
    CHECK_INT(behind->sleeps, 0);
    CHECK_INT(within.behind_messages, PUBLISHED - READ);
    CHECK_INT((int64_t)within.behind_bytes, behind->behind_bytes);
    CHECK_RANGE(behind->behind_age, 1, within.behind_age);
    wherry_channels_view_free(view);
    end_topic(topic, &quick, &slow);
}

TEST(what_a_reader_of_a_topic_has_lost_is_told)
{
    struct other quick, slow;
    wherry_listener *topic = start_topic(&quick, &slow);
    publish(topic, MANY);
    struct wherry_channels_view *view = channels_of(getpid());
    const struct wherry_view_channel *news = find(view, WHERRY_MEMORY_TOPIC);
    const struct wherry_view_reader *behind = reader_of(news, slow.pid);
    CHECK_INT(behind->overtaken, 1);
    CHECK_INT(behind->lost_messages, 0);
    CHECK_INT(behind->behind_bytes, news->out.used);
    const int64_t there = behind->behind_messages;
    CHECK_RANGE(there, RING / RECORD / 2, RING / RECORD);
    wherry_channels_view_free(view);
    go_on(&slow);
    view = channels_of(getpid());
    behind = reader_of(find(view, WHERRY_MEMORY_TOPIC), slow.pid);
    CHECK_INT(behind->lost_messages, PUBLISHED + MANY - READ - there);
    CHECK_INT(behind->behind_messages, there - 1);
    CHECK_INT(behind->overtaken, 0);
    wherry_channels_view_free(view);
    end_topic(topic, &quick, &slow);
}

TEST(a_reader_of_a_topic_is_seen_from_its_own_process)
{
    struct other quick, slow;
    wherry_listener *topic = start_topic(&quick, &slow);
    struct wherry_channels_view *view = channels_of(slow.pid);
    const struct wherry_view_channel *news = find(view, WHERRY_MEMORY_READER);
    CHECK_STRING(news->why, "");
    CHECK_STRING(news->address, NEWS);
    CHECK_INT(news->peers[0].pid, getpid());
    CHECK_INT(news->in.ring, RING);
    CHECK_INT(news->in.sent_messages, PUBLISHED);
    CHECK_INT(news->in.received_messages, READ);
    CHECK_INT(news->reader_count, 1);
    CHECK_INT(news->readers[0].pid, slow.pid);
    CHECK_INT(news->readers[0].behind_messages, PUBLISHED - READ);
    CHECK_INT(news->readers[0].behind_bytes, (PUBLISHED - READ) * RECORD);
    wherry_channels_view_free(view);
    end_topic(topic, &quick, &slow);
}

/* --- who lies ------------------------------------------------------------ */

// A third process says that it reads the topic; but the kernel says that it does not.
TEST(a_process_that_has_not_the_socket_is_not_believed)
{
    char page[PAGE];
    struct other quick, slow;
    wherry_listener *topic = start_topic(&quick, &slow);
    struct wherry_channels_view *view = channels_of(slow.pid);
    copy_page(slow.pid, find(view, WHERRY_MEMORY_READER)->number, page);
    wherry_channels_view_free(view);
    harness_kill(slow.pid);
    const int lie = memory_called("wherry:local", page, PAGE, PAGE);
    view = channels_of(getpid());
    CHECK_INT(find(view, WHERRY_MEMORY_TOPIC)->reader_count, 1);
    CHECK_INT(find(view, WHERRY_MEMORY_TOPIC)->readers[0].pid, quick.pid);
    const struct wherry_view_channel *liar = find(view, WHERRY_MEMORY_READER);
    CHECK_INT(liar->number, lie);
    CHECK_INT(liar->socket, -1);
    CHECK_STRING(liar->why, "its socket is not among what the process has open");
    CHECK_INT(liar->readers[0].behind_bytes, -1);
    wherry_channels_view_free(view);
    close(lie);
    gate_close(&slow.ready);
    gate_close(&slow.more);
    gate_close(&slow.done);
    end_there(&quick);
    wherry_close_listener(topic);
}
