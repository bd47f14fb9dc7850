/* SPDX-License-Identifier: MIT */
/*
 * wherry_cancel ends every wait on its channel, from another thread and from a signal
 * handler, now and later; what need not wait goes on working.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "caller.h"

static wherry_channel *volatile canceled_by_signal;

static void cancel_it(int number)
{
    (void)number;
    int saved = errno;
    wherry_cancel(canceled_by_signal);
    errno = saved;
}

static void check_after(const struct waiting_call *call, wherry_channel *channel)
{
    int64_t began = harness_now();
    CHECK_ERROR(call->call(channel, WHERRY_FOREVER), -ECANCELED);
    CHECK_ERROR(call->call(channel, wherry_after(60000)), -ECANCELED);
    CHECK(harness_now() - began < INT64_C(1000000000) * harness_stretch(1));
}

static void check_call(const struct row *row, const struct waiting_call *call)
{
    struct ends ends;
    struct caller caller;
    ends_open(row, NULL, &ends);
    call_need(call, &ends);
    wherry_channel *channel = call_prepare(call, &ends);
    caller_start(&caller, call, channel, WHERRY_FOREVER);
    wherry_cancel(channel);
    CHECK_ERROR(caller_join(&caller), -ECANCELED);
    CHECK_CONTAINS(caller.error_text, channel_info(channel).scheme);
    check_after(call, channel);
    ends_close(&ends);
}

static void check_signal(const struct row *row, const struct waiting_call *call)
{
    struct ends ends;
    struct caller caller;
    struct sigaction action = {.sa_handler = cancel_it, .sa_flags = SA_RESTART};
    ends_open(row, NULL, &ends);
    call_need(call, &ends);
    canceled_by_signal = call_prepare(call, &ends);
    CHECK_INT(sigaction(SIGUSR1, &action, NULL), 0);
    caller_start(&caller, call, canceled_by_signal, WHERRY_FOREVER);
    CHECK_INT(pthread_kill(caller.thread, SIGUSR1), 0);
    CHECK_ERROR(caller_join(&caller), -ECANCELED);
    signal(SIGUSR1, SIG_DFL);
    ends_close(&ends);
}

ROW_TEST(cancel_ends_recv)
{
    check_call(row, &call_recv);
}

ROW_TEST(cancel_ends_recv_kind)
{
    check_call(row, &call_recv_kind);
}

ROW_TEST(cancel_ends_recv_many)
{
    check_call(row, &call_recv_many);
}

ROW_TEST(cancel_ends_read_many)
{
    check_call(row, &call_read_many);
}

ROW_TEST(cancel_ends_read)
{
    check_call(row, &call_read);
}

ROW_TEST(cancel_ends_send)
{
    check_call(row, &call_send);
}

ROW_TEST(cancel_ends_write)
{
    check_call(row, &call_write);
}

ROW_TEST(cancel_ends_send_many)
{
    check_call(row, &call_send_many);
}

ROW_TEST(cancel_ends_write_many)
{
    check_call(row, &call_write_many);
}

ROW_TEST(cancel_ends_drain)
{
    check_call(row, &call_drain);
}

ROW_TEST(cancel_ends_relay)
{
    check_call(row, &call_relay);
}

ROW_TEST(a_signal_handler_cancels_recv)
{
    check_signal(row, &call_recv);
}

ROW_TEST(a_signal_handler_cancels_send)
{
    check_signal(row, &call_send);
}

ROW_TEST(a_signal_handler_cancels_drain)
{
    check_signal(row, &call_drain);
}

ROW_TEST(a_signal_handler_cancels_relay)
{
    check_signal(row, &call_relay);
}

ROW_TEST(what_need_not_wait_works_after_cancel)
{
    struct ends ends;
    wherry_message *message = NULL;
    ends_open(row, NULL, &ends);
    wherry_cancel(ends.sender);
    wherry_cancel(ends.receiver);
    CHECK_INT(wherry_write(ends.sender, "last", 4, 0, 0, WHERRY_FOREVER), 0);
    CHECK_INT(wherry_recv(ends.receiver, &message, WHERRY_FOREVER), 1);
    CHECK_BYTES(wherry_message_data(message), "last", 4);
    wherry_message_free(message);
    CHECK_ERROR(wherry_recv(ends.receiver, &message, WHERRY_POLL), -EAGAIN);
    CHECK_ERROR(wherry_recv(ends.receiver, &message, WHERRY_FOREVER), -ECANCELED);
    ends_close(&ends);
}

// --- accept ---

static long long accept_one(wherry_channel *listener, wherry_deadline deadline)
{
    wherry_channel *channel = NULL;
    int r = wherry_accept((wherry_listener *)listener, deadline, &channel);
    wherry_close(channel);
    return r;
}

ROW_TEST(cancel_ends_accept)
{
    static const struct waiting_call call = {"accept", ROW_RECEIVES, 0, false,
                                             accept_one};
    struct caller caller;
    wherry_listener *listener = row_listen_for_many(row, NULL);
    caller_start(&caller, &call, (wherry_channel *)listener, WHERRY_FOREVER);
    wherry_cancel_accept(listener);
    CHECK_ERROR(caller_join(&caller), -ECANCELED);
    CHECK_ERROR(accept_one((wherry_channel *)listener, WHERRY_FOREVER), -ECANCELED);
    wherry_channel *channel;
    CHECK_OK(wherry_dial(wherry_listener_address(listener), soon(), &channel));
    CHECK_OK(accept_one((wherry_channel *)listener, WHERRY_FOREVER));
    wherry_close(channel);
    wherry_close_listener(listener);
}
