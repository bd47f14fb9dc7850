/* SPDX-License-Identifier: MIT */
/*
 * Messages: their bytes, kind, open files, sender and destination, and each of these
 * without memory.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <wherry/channel.h>
#include <wherry/transport.h>

#include "message/message.h"

static wherry_message *message_of(const char *text)
{
    wherry_message *message = NULL;
    CHECK_OK(wherry_message_copy(text, strlen(text), &message));
    return message;
}

static int open_file(void)
{
    int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    CHECK(file >= 0);
    return file;
}

TEST(a_new_message_is_zeroed_and_from_nobody)
{
    wherry_message *message = NULL;
    CHECK_OK(wherry_message_new(9, &message));
    CHECK_BYTES(wherry_message_data(message), "\0\0\0\0\0\0\0\0\0", 9);
    CHECK_INT(wherry_message_kind(message), 0);
    CHECK_INT(wherry_message_sender(message)->trust, WHERRY_TRUST_NONE);
    CHECK_INT(wherry_message_sender(message)->pid, -1);
    wherry_message_free(message);
    wherry_message_free(NULL);
}

TEST(a_message_may_be_of_nothing)
{
    wherry_message *message = NULL;
    CHECK_OK(wherry_message_copy(NULL, 0, &message));
    CHECK_INT(wherry_message_size(message), 0);
    CHECK(wherry_message_data(message));
    wherry_message_free(message);
}

TEST(a_message_that_is_cut_and_grown_has_zeroes_at_its_end)
{
    wherry_message *message = message_of("ahoy");
    CHECK_OK(wherry_message_resize(message, 2));
    CHECK_OK(wherry_message_resize(message, 4));
    CHECK_BYTES(wherry_message_data(message), "ah\0\0", 4);
    CHECK_OK(wherry_message_resize(message, 100000));
    CHECK_OK(wherry_message_resize(message, 200000));
    CHECK_BYTES(wherry_message_data(message), "ah\0\0\0", 5);
    CHECK_INT(((char *)wherry_message_data(message))[199999], 0);
    wherry_message_free(message);
}

TEST(more_than_any_memory_is_refused)
{
    wherry_message *message = NULL;
    CHECK_ERROR(wherry_message_new(SIZE_MAX - 8, &message), -ENOMEM);
    CHECK_CONTAINS(wherry_error_text(), "memory");
    CHECK(!message);
}

TEST(a_kind_is_never_below_zero)
{
    wherry_message *message = message_of("ahoy");
    CHECK_OK(wherry_message_set_kind(message, INT64_MAX));
    CHECK_ERROR(wherry_message_set_kind(message, -1), -EINVAL);
    CHECK_INT(wherry_message_kind(message), INT64_MAX);
    wherry_message_free(message);
}

TEST(an_open_file_is_borrowed_until_it_is_taken)
{
    wherry_message *message = message_of("ahoy");
    int file = open_file();
    CHECK_OK(wherry_message_attach(message, file));
    CHECK_OK(wherry_message_attach(message, file));
    CHECK_INT(wherry_message_files(message), 2);
    CHECK(wherry_message_file(message, 0) != file);
    int taken = wherry_message_take_file(message, 0);
    CHECK(taken >= 0);
    CHECK_ERROR(wherry_message_take_file(message, 0), -EBADF);
    CHECK_ERROR(wherry_message_file(message, 2), -EINVAL);
    CHECK(wherry_message_file(message, 1) >= 0);
    wherry_message_free(message);
    CHECK_INT(close(taken), 0);
    CHECK_INT(close(file), 0);
}

TEST(what_is_no_open_file_and_one_too_many_are_refused)
{
    wherry_message *message = message_of("ahoy");
    CHECK_ERROR(wherry_message_attach(message, -1), -EBADF);
    int file = open_file();
    for (int i = 0; i < MESSAGE_FILES; i++)
        CHECK_OK(wherry_message_attach(message, file));
    CHECK_ERROR(wherry_message_attach(message, file), -E2BIG);
    CHECK_CONTAINS(wherry_error_text(), "253");
    wherry_message_free(message);
    CHECK_INT(close(file), 0);
}

TEST(a_sender_that_was_set_is_told)
{
    wherry_message *message = message_of("ahoy");
    struct wherry_peer peer = {
        .trust = WHERRY_TRUST_CREATOR, .pid = 7, .uid = 8, .gid = 9, .address = "x"};
    CHECK_OK(wherry_message_set_sender(message, &peer));
    CHECK_INT(wherry_message_sender(message)->pid, 7);
    CHECK_STRING(wherry_message_sender(message)->address, "x");
    wherry_message_free(message);
}

TEST(the_text_of_an_origin_is_made_when_it_is_asked_for)
{
    wherry_message *from = message_of("from");
    CHECK_OK(wherry_message_set_to(from, "udp:127.0.0.1:4000"));
    // What a connectionless transport does with a datagram's origin.
    struct message_route *route = NULL;
    CHECK_OK(message_route(from, &route));
    memcpy(route->from, route->to, sizeof(route->from));
    route->from_size = route->to_size;
    route->has_sender = true;
    CHECK_STRING(wherry_message_sender(from)->address, "udp:127.0.0.1:4000");
    CHECK_STRING(wherry_message_sender(from)->address, "udp:127.0.0.1:4000");
    wherry_message *reply = message_of("reply");
    CHECK_OK(wherry_message_reply_to(reply, from));
    CHECK_INT(reply->route->to_size, route->from_size);
    wherry_message_free(reply);
    wherry_message_free(from);
}

TEST(a_destination_is_set_and_taken_back)
{
    wherry_message *message = message_of("ahoy");
    CHECK_OK(wherry_message_set_to(message, NULL));
    CHECK_OK(wherry_message_set_to(message, "unix:@name"));
    CHECK(message->route->to_size > 0);
    // Where it goes says nothing of where it came from.
    CHECK_INT(wherry_message_sender(message)->pid, -1);
    CHECK_OK(wherry_message_set_to(message, NULL));
    CHECK_INT(message->route->to_size, 0);
    CHECK_ERROR(wherry_message_set_to(message, "nowhere"), -EINVAL);
    wherry_message_free(message);
}

TEST(who_has_no_address_gets_no_reply)
{
    wherry_message *message = message_of("ahoy");
    wherry_message *reply = message_of("reply");
    CHECK_ERROR(wherry_message_reply_to(reply, message), -EDESTADDRREQ);
    CHECK_OK(wherry_message_set_to(message, "udp:127.0.0.1:4000"));
    CHECK_ERROR(wherry_message_reply_to(reply, message), -EDESTADDRREQ);
    CHECK_CONTAINS(wherry_error_text(), "bind=");
    wherry_message_free(reply);
    wherry_message_free(message);
}

static void expect_no_memory(int result)
{
    if (result >= 0)
        return;
    CHECK_ERROR(result, -ENOMEM);
    CHECK_CONTAINS(wherry_error_text(), "memory");
}

static void use_all(void *unused)
{
    (void)unused;
    wherry_message *message = NULL;
    int r = wherry_message_copy("ahoy", 4, &message);
    expect_no_memory(r);
    if (r < 0)
        return;
    wherry_message *reply = NULL;
    expect_no_memory(wherry_message_new(1, &reply));
    struct wherry_peer peer = {.pid = 7};
    int file = open_file();
    expect_no_memory(wherry_message_resize(message, 5000));
    expect_no_memory(wherry_message_attach(message, file));
    expect_no_memory(wherry_message_set_to(message, "udp:127.0.0.1:4000"));
    expect_no_memory(wherry_message_set_sender(message, &peer));
    if (message->route && reply) {
        message->route->from_size = message->route->to_size;
        if (message->route->from_size > 0)
            expect_no_memory(wherry_message_reply_to(reply, message));
    }
    CHECK_INT(close(file), 0);
    wherry_message_free(reply);
    wherry_message_free(message);
}

TEST(without_memory_each_says_so_and_leaves_nothing)
{
    CHECK_RANGE(harness_each_allocation(use_all, NULL), 5, 8);
}

static void adopt(void *unused)
{
    (void)unused;
    wherry_message *message = NULL;
    if (wherry_message_new(1, &message) < 0)
        return;
    int file = open_file();
    int r = message_adopt_files(message, &file, 1);
    expect_no_memory(r);
    if (r < 0)
        CHECK_INT(close(file), 0); // still the caller's
    wherry_message_free(message);
}

TEST(without_memory_open_files_stay_the_callers)
{
    CHECK_INT(harness_each_allocation(adopt, NULL), 2);
}
