/* SPDX-License-Identifier: MIT */
/*
 * Listening: whoever is silent, slow or speaks something else holds nobody up and costs
 * a bounded amount.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bytes.h"
#include "stranger.h"

enum { SILENT_MOST = 64, MILLION = 1000000 };

static void need_handshake(const struct row *row)
{
    if (strstr(row->options, "framing="))
        SKIP("this framing begins without a word");
}

static int connect_to(wherry_listener *listener)
{
    int fd = stranger_connect(wherry_listener_address(listener));
    CHECK_OK(fd);
    return fd;
}

static wherry_channel *dial(wherry_listener *listener)
{
    wherry_channel *channel;
    int r = wherry_dial(wherry_listener_address(listener), soon(), &channel);
    if (r < 0)
        FAIL("%s", wherry_error_text());
    return channel;
}

// The next one accepted is at the other end of this.
static void accept_and_check(wherry_listener *listener, wherry_channel *dialled)
{
    wherry_channel *accepted;
    CHECK_OK(wherry_accept(listener, soon(), &accepted));
    text_send(dialled, "who is there");
    text_receive(accepted, "who is there");
    wherry_close(accepted);
}

ROW_TEST(everybody_who_dials_is_accepted_in_turn)
{
    enum { MANY = 30 };

    wherry_listener *listener = row_listen_for_many(row, NULL);
    wherry_channel *dialled[MANY], *accepted[MANY];
    for (int i = 0; i < MANY; i++)
        dialled[i] = dial(listener);
    for (unsigned i = 0; i < MANY; i++) {
        bytes_send(dialled[i], 10, i, 0);
        CHECK_OK(wherry_accept(listener, soon(), &accepted[i]));
    }
    for (unsigned i = 0; i < MANY; i++) {
        bytes_receive(accepted[i], 10, i, 0);
        wherry_close(accepted[i]);
        wherry_close(dialled[i]);
    }
    wherry_channel *nobody = NULL;
    CHECK_ERROR(wherry_accept(listener, WHERRY_POLL, &nobody), -EAGAIN);
    CHECK(nobody == NULL);
    wherry_close_listener(listener);
}

ROW_TEST(a_silent_client_holds_nobody_up)
{
    need_handshake(row);
    wherry_listener *listener = row_listen_for_many(row, NULL);
    int silent = connect_to(listener);
    wherry_channel *dialled = dial(listener);
    int64_t began = harness_now();
    accept_and_check(listener, dialled);
    // Not after the two seconds that the silent one has.
    CHECK_RANGE(harness_now() - began, 0, INT64_C(1000) * MILLION);
    close(silent);
    wherry_close(dialled);
    wherry_close_listener(listener);
}

ROW_TEST(half_a_hello_holds_nobody_up)
{
    unsigned char hello[STRANGER_HELLO];
    need_handshake(row);
    if (!strstr(row->options, "stream") && strncmp(row->address, "tcp", 3) != 0)
        SKIP("a packet is whole");
    wherry_listener *listener = row_listen_for_many(row, NULL);
    int slow = connect_to(listener);
    stranger_hello(1, 1, 1, hello);
    CHECK_INT(send(slow, hello, 20, 0), 20);
    wherry_channel *dialled = dial(listener), *accepted;
    accept_and_check(listener, dialled);
    // The rest of it makes that one a peer too.
    CHECK_INT(send(slow, hello + 20, STRANGER_HELLO - 20, 0), STRANGER_HELLO - 20);
    CHECK_OK(wherry_accept(listener, soon(), &accepted));
    wherry_close(accepted);
    close(slow);
    wherry_close(dialled);
    wherry_close_listener(listener);
}

ROW_TEST(many_silent_clients_are_bounded)
{
    enum { CROWD = 200 };

    int crowd[CROWD];
    wherry_channel *nobody = NULL;
    need_handshake(row);
    wherry_listener *listener = row_listen_for_many(row, NULL);
    int before = harness_descriptors();
    for (int i = 0; i < CROWD; i++) {
        crowd[i] = connect_to(listener);
        CHECK_ERROR(wherry_accept(listener, WHERRY_POLL, &nobody), -EAGAIN);
        // Each costs one, and what wraps it another.
        CHECK_RANGE(harness_descriptors() - before - (i + 1), 0, 2 * SILENT_MOST);
    }
    // The eldest were sent away for the others.
    stranger_is_closed(crowd[0]);
    wherry_channel *dialled = dial(listener);
    accept_and_check(listener, dialled);
    wherry_close(dialled);
    for (int i = 0; i < CROWD; i++)
        close(crowd[i]);
    wherry_close_listener(listener);
}

ROW_TEST(a_crowd_that_came_before_anybody_was_accepted_holds_nobody_up)
{
    enum { CROWD = SILENT_MOST + 10 };

    int crowd[CROWD];
    wherry_channel *nobody = NULL;
    need_handshake(row);
    wherry_listener *listener = row_listen_for_many(row, NULL);
    for (int i = 0; i < CROWD; i++)
        crowd[i] = connect_to(listener);
    wherry_channel *dialled = dial(listener);
    // One call looks at no more of them than can be half open; the next goes on.
    CHECK_ERROR(wherry_accept(listener, WHERRY_POLL, &nobody), -EAGAIN);
    CHECK(nobody == NULL);
    accept_and_check(listener, dialled);
    wherry_close(dialled);
    for (int i = 0; i < CROWD; i++)
        close(crowd[i]);
    wherry_close_listener(listener);
}

ROW_TEST(a_silent_client_is_sent_away_after_its_time)
{
    wherry_channel *nobody = NULL;
    need_handshake(row);
    wherry_listener *listener = row_listen_for_many(row, "handshake=40ms");
    int silent = connect_to(listener);
    int64_t began = harness_now();
    CHECK_ERROR(wherry_accept(listener, wherry_after(harness_stretch(150)), &nobody),
                -ETIMEDOUT);
    stranger_is_closed(silent);
    CHECK_RANGE(harness_now() - began, INT64_C(40) * MILLION, INT64_MAX);
    close(silent);
    wherry_close_listener(listener);
}

// --- its descriptor ---

static bool is_readable(wherry_listener *listener, int milliseconds)
{
    struct pollfd wait;
    wherry_deadline end = wherry_after(milliseconds);
    int r;
    CHECK_OK(wherry_listener_fd(listener, &wait.fd, &wait.events));
    CHECK_INT(wait.events, POLLIN);
    do
        r = poll(&wait, 1, milliseconds);
    while (r < 0 && errno == EINTR && wherry_now() < end);
    return r > 0;
}

ROW_TEST(the_descriptor_of_a_listener_says_when_to_accept)
{
    wherry_channel *accepted = NULL;
    wherry_listener *listener = row_listen_for_many(row, NULL);
    CHECK(!is_readable(listener, 0));
    wherry_channel *dialled = dial(listener);
    int r = -EAGAIN;
    while (r == -EAGAIN) {
        CHECK(is_readable(listener, harness_stretch(HARNESS_PATIENCE)));
        r = wherry_accept(listener, WHERRY_POLL, &accepted);
    }
    CHECK_OK(r);
    CHECK(!is_readable(listener, 0));
    wherry_close(accepted);
    wherry_close(dialled);
    wherry_close_listener(listener);
}

ROW_TEST(a_silent_client_wakes_the_descriptor_once)
{
    wherry_channel *accepted = NULL;
    need_handshake(row);
    wherry_listener *listener = row_listen_for_many(row, NULL);
    int silent = connect_to(listener);
    CHECK(is_readable(listener, harness_stretch(HARNESS_PATIENCE)));
    CHECK_ERROR(wherry_accept(listener, WHERRY_POLL, &accepted), -EAGAIN);
    CHECK(!is_readable(listener, 0));
    unsigned char hello[STRANGER_HELLO];
    CHECK_INT(send(silent, hello, stranger_hello(1, 1, 1, hello), 0), STRANGER_HELLO);
    CHECK(is_readable(listener, harness_stretch(HARNESS_PATIENCE)));
    CHECK_OK(wherry_accept(listener, soon(), &accepted));
    wherry_close(accepted);
    close(silent);
    wherry_close_listener(listener);
}

ROW_TEST(a_mechanism_of_one_channel_is_readable_until_it_is_accepted)
{
    wherry_channel *channel;
    if (row_accepts_many(row))
        SKIP("it takes many peers");
    wherry_listener *listener = row_listen(row, NULL);
    CHECK(is_readable(listener, 0));
    CHECK_OK(wherry_accept(listener, WHERRY_POLL, &channel));
    CHECK_ERROR(wherry_accept(listener, WHERRY_FOREVER, &channel), -EALREADY);
    CHECK_CONTAINS(wherry_error_text(), wherry_listener_address(listener));
    wherry_close(channel);
    wherry_close_listener(listener);
}

// --- other languages ---

ROW_TEST(who_speaks_something_else_is_sent_away_and_others_are_not)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n";
    wherry_channel *nobody = NULL;
    need_handshake(row);
    wherry_listener *listener = row_listen_for_many(row, NULL);
    int browser = connect_to(listener);
    CHECK_INT(send(browser, request, sizeof request - 1, 0), sizeof request - 1);
    CHECK_ERROR(wherry_accept(listener, wherry_after(30), &nobody), -ETIMEDOUT);
    stranger_is_closed(browser);
    wherry_channel *dialled = dial(listener);
    accept_and_check(listener, dialled);
    wherry_close(dialled);
    close(browser);
    wherry_close_listener(listener);
}

ROW_TEST(a_later_version_is_sent_away)
{
    unsigned char hello[STRANGER_HELLO];
    wherry_channel *nobody = NULL;
    need_handshake(row);
    wherry_listener *listener = row_listen_for_many(row, NULL);
    int later = connect_to(listener);
    CHECK_INT(send(later, hello, stranger_hello(1, 7, 9, hello), 0), STRANGER_HELLO);
    CHECK_ERROR(wherry_accept(listener, wherry_after(30), &nobody), -ETIMEDOUT);
    stranger_is_closed(later);
    close(later);
    wherry_close_listener(listener);
}

// --- names ---

ROW_TEST(a_place_is_taken_once_and_free_again_after_close)
{
    char address[ROW_ADDRESS];
    wherry_listener *second = NULL;
    wherry_listener *listener = row_listen_for_many(row, NULL);
    snprintf(address, sizeof address, "%s", wherry_listener_address(listener));
    CHECK_ERROR(wherry_listen(address, &second), -EADDRINUSE);
    const char *where = strstr(address, "unix:") ? strstr(address, "unix:") : address;
    CHECK_CONTAINS(wherry_error_text(), where);
    wherry_close_listener(listener);
    CHECK_OK(wherry_listen(address, &second));
    wherry_channel *dialled = dial(second);
    accept_and_check(second, dialled);
    wherry_close(dialled);
    wherry_close_listener(second);
}

ROW_TEST(closing_a_listener_ends_those_who_wait_to_be_accepted)
{
    wherry_message *message = NULL;
    wherry_listener *listener = row_listen_for_many(row, NULL);
    wherry_channel *dialled = dial(listener);
    wherry_close_listener(listener);
    int r = wherry_recv(dialled, &message, soon());
    bool has_word = !strstr(row->options, "framing=");
    if (r != 0 || has_word) // else the end of the bytes may be all that is heard
        CHECK_ERROR(r, -ECONNRESET);
    wherry_close(dialled);
}
