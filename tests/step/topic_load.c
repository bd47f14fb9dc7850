/* SPDX-License-Identifier: MIT */
/*
 * A topic whose readers are killed at random, again and again, while it is published to
 * without a pause: each reader gets whole messages in their order, and the writer keeps
 * nothing of the dead.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <wherry.h>

#include "harness.h"
#include "kernel.h"
#include "step.h"
#include "topic_load.h"

enum { SIZE = 1500, ADDRESS = 64, PATIENCE = 2000, ANSWER = 1000 /* milliseconds */ };

/* What runs share. */
struct square {
    char address[ADDRESS];
    pid_t writer;
    atomic_bool is_open;
    atomic_int readers; // as the writer knows them
    atomic_uint wrong;  // messages that were torn, or out of order
};

static wherry_deadline soon(void)
{
    return wherry_after(harness_stretch(PATIENCE));
}

static void publish_without_end(void *argument)
{
    struct square *square = argument;
    wherry_listener *topic = NULL;
    char address[2 * ADDRESS];
    snprintf(address, sizeof address, "%s?fan=broadcast&ring=64K", square->address);
    CHECK_OK(wherry_listen(address, &topic));
    atomic_store(&square->is_open, true);
    for (int64_t number = 0;; number++) {
        wherry_message *message = NULL;
        CHECK_OK(wherry_message_new(SIZE, &message));
        memset(wherry_message_data(message), (int)(number & 0xff), SIZE);
        wherry_message_set_kind(message, number);
        atomic_store(&square->readers, wherry_publish(topic, &message, WHERRY_POLL));
        wherry_message_free(message);
    }
}

static bool is_open(void *argument)
{
    struct square *square = argument;
    return atomic_load(&square->is_open);
}

static void clear(void *argument)
{
    const struct square *square = argument;
    (void)wherry_remove(square->address);
}

static void *make(const struct step_role *role)
{
    struct square *square = kernel_memory(sizeof *square);
    (void)role;
    snprintf(square->address, ADDRESS, "local:square");
    square->writer = harness_child(publish_without_end, square);
    harness_until(is_open, square);
    return square;
}

static void unmake(void *shared)
{
    struct square *square = shared;
    harness_kill(square->writer);
    CHECK_INT(harness_wait(harness_child(clear, square)), 0);
    munmap(square, sizeof *square);
}

/* --- who is killed ------------------------------------------------------- */

struct reader {
    wherry_channel *channel;
    int64_t last;
};

static void attach(struct step_scene *scene)
{
    static struct reader reader = {.last = -1};
    const struct square *square = scene->shared;
    char address[2 * ADDRESS];
    snprintf(address, sizeof address, "%s?full=drop-oldest", square->address);
    CHECK_OK(wherry_dial(address, soon(), &reader.channel));
    scene->own = &reader;
}

static bool is_whole(const wherry_message *message)
{
    const unsigned char *bytes = wherry_message_data(message);
    const unsigned char byte = (unsigned char)wherry_message_kind(message);
    for (size_t i = 0; i < wherry_message_size(message); i++)
        if (bytes[i] != byte)
            return false;
    return wherry_message_size(message) == SIZE;
}

static void turn(struct step_scene *scene)
{
    struct reader *reader = scene->own;
    struct square *square = scene->shared;
    wherry_message *message = NULL;
    CHECK_INT(wherry_recv(reader->channel, &message, soon()), 1);
    const int64_t number = wherry_message_kind(message);
    if (!is_whole(message) || number <= reader->last)
        atomic_fetch_add(&square->wrong, 1);
    reader->last = number;
    wherry_message_free(message);
}

static struct step_finding settle(struct step_scene *scene)
{
    struct square *square = scene->shared;
    const int64_t end = harness_now() + (int64_t)harness_stretch(ANSWER) * 1000000;
    while (atomic_load(&square->readers) > 0 && harness_now() < end)
        poll(NULL, 0, 1);
    const int left = atomic_load(&square->readers);
    if (atomic_load(&square->wrong) > 0)
        return step_find(STEP_TORN, "%u messages were torn or out of order",
                         atomic_load(&square->wrong));
    if (left != 0)
        return step_find(STEP_LOST, "%d dead readers keep their place", left);
    return step_find(STEP_WHOLE, "nobody is left");
}

const struct step_subject topic_load = {
    .name = "topic-load",
    .make = make,
    .unmake = unmake,
    .attach = attach,
    .turn = turn,
    .settle = settle,
};
