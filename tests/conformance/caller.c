/* SPDX-License-Identifier: MIT */
/*
 * The calls that can wait, and a thread that makes one.
 */
#define _GNU_SOURCE // pthread_timedjoin_np
#include "caller.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { WANTED_KIND = 77, PIECE = 512 };

static long long recv_one(wherry_channel *channel, wherry_deadline deadline)
{
    wherry_message *message = NULL;
    int r = wherry_recv(channel, &message, deadline);
    wherry_message_free(message);
    return r;
}

static long long recv_of_kind(wherry_channel *channel, wherry_deadline deadline)
{
    wherry_message *message = NULL;
    int r = wherry_recv_kind(channel, WANTED_KIND, &message, deadline);
    wherry_message_free(message);
    return r;
}

static long long recv_several(wherry_channel *channel, wherry_deadline deadline)
{
    wherry_message *messages[4] = {NULL};
    int r = wherry_recv_many(channel, messages, 4, deadline);
    for (int i = 0; i < r; i++)
        wherry_message_free(messages[i]);
    return r;
}

static long long read_bytes(wherry_channel *channel, wherry_deadline deadline)
{
    char bytes[PIECE];
    return wherry_read(channel, bytes, sizeof bytes, NULL, NULL, deadline);
}

static long long read_several(wherry_channel *channel, wherry_deadline deadline)
{
    char bytes[PIECE];
    struct wherry_bytes got[4];
    return wherry_read_many(channel, bytes, sizeof bytes, got, 4, deadline);
}

static long long send_one(wherry_channel *channel, wherry_deadline deadline)
{
    wherry_message *message;
    size_t size = size_there(channel, PIECE);
    CHECK_OK(wherry_message_new(size, &message));
    bytes_fill(wherry_message_data(message), size, 0);
    int r = wherry_send(channel, &message, 0, deadline);
    CHECK((r == 0) == (message == NULL));
    wherry_message_free(message);
    return r;
}

static long long write_bytes(wherry_channel *channel, wherry_deadline deadline)
{
    char bytes[PIECE];
    size_t size = size_there(channel, PIECE);
    bytes_fill(bytes, size, 0);
    return wherry_write(channel, bytes, size, 0, 0, deadline);
}

static long long send_several(wherry_channel *channel, wherry_deadline deadline)
{
    wherry_message *message;
    size_t size = size_there(channel, PIECE);
    CHECK_OK(wherry_message_new(size, &message));
    bytes_fill(wherry_message_data(message), size, 0);
    int r = wherry_send_many(channel, &message, 1, deadline);
    wherry_message_free(message);
    return r;
}

static long long write_several(wherry_channel *channel, wherry_deadline deadline)
{
    char bytes[PIECE];
    size_t size = size_there(channel, PIECE);
    bytes_fill(bytes, size, 0);
    return wherry_write_many(channel, &(struct wherry_bytes){bytes, size, 0}, 1,
                             deadline);
}

static long long drain(wherry_channel *channel, wherry_deadline deadline)
{
    return wherry_drain(channel, deadline);
}

static long long echo(wherry_channel *channel, wherry_deadline deadline)
{
    return wherry_relay(channel, NULL, NULL, deadline);
}

const struct waiting_call call_recv = {"recv", ROW_RECEIVES, 0, false, recv_one};
const struct waiting_call call_recv_kind = {"recv_kind", ROW_RECEIVES,
                                            WHERRY_ABLE_KINDS, false, recv_of_kind};
const struct waiting_call call_recv_many = {"recv_many", ROW_RECEIVES, 0, false,
                                            recv_several};
const struct waiting_call call_read = {"read", ROW_RECEIVES, 0, false, read_bytes};
const struct waiting_call call_send = {"send", ROW_SENDS, 0, true, send_one};
const struct waiting_call call_write = {"write", ROW_SENDS, 0, true, write_bytes};
const struct waiting_call call_send_many = {"send_many", ROW_SENDS, 0, true,
                                            send_several};
const struct waiting_call call_read_many = {"read_many", ROW_RECEIVES, 0, false,
                                            read_several};
const struct waiting_call call_write_many = {"write_many", ROW_SENDS, 0, true,
                                             write_several};
const struct waiting_call call_drain = {"drain", ROW_SENDS, WHERRY_ABLE_DRAIN, false,
                                        drain};
const struct waiting_call call_relay = {
    "relay", ROW_RECEIVES, WHERRY_ABLE_DUPLEX | WHERRY_ABLE_DESCRIPTOR, false, echo};

void call_need(const struct waiting_call *call, const struct ends *ends)
{
    ends_need(ends, call->needs);
    if (call->is_full && ends_can(ends, WHERRY_ABLE_LOSS))
        ends_skip(ends, "it is never full: the kernel loses what does not fit");
}

wherry_channel *call_prepare(const struct waiting_call *call, struct ends *ends)
{
    if (call->is_full)
        fill_up(ends->sender, PIECE);
    if (call == &call_drain)
        text_send(ends->sender, "to be confirmed");
    return call->side == ROW_SENDS ? ends->sender : ends->receiver;
}

static void *run(void *argument)
{
    struct caller *caller = argument;
    caller->tid = harness_thread();
    gate_pass(&caller->started);
    caller->result = caller->call->call(caller->channel, caller->deadline);
    caller->ended = harness_now();
    snprintf(caller->error_text, sizeof caller->error_text, "%s", wherry_error_text());
    return NULL;
}

void caller_start(struct caller *caller, const struct waiting_call *call,
                  wherry_channel *channel, wherry_deadline deadline)
{
    *caller = (struct caller){.call = call, .channel = channel, .deadline = deadline};
    gate_open(&caller->started);
    CHECK_INT(pthread_create(&caller->thread, NULL, run, caller), 0);
    gate_wait(&caller->started);
    harness_wait_blocked(caller->tid);
}

long long caller_join(struct caller *caller)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += harness_stretch(HARNESS_PATIENCE) / 1000;
    int r = pthread_timedjoin_np(caller->thread, NULL, &until);
    if (r != 0)
        FAIL("%s still waits", caller->call->name);
    gate_close(&caller->started);
    return caller->result;
}
