/* SPDX-License-Identifier: MIT */
/*
 * A local: listener whose peers are killed at random, again and again, while they send
 * and receive through memory: each of its ends sees whole messages and then the death,
 * and none of them stays.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "kernel.h"
#include "local.h"

/* What runs share. */
struct quay {
    char address[LINE_ADDRESS];
    pid_t server;
    atomic_uint begun; // ends that were accepted,
    atomic_uint ended;
    atomic_uint wrong; // that saw what must not be
    atomic_bool is_open;
};

static wherry_deadline soon(void)
{
    return wherry_after(harness_stretch(LINE_PATIENCE));
}

static bool lends; // what is sent

/* --- messages, of three sizes -------------------------------------------- */

static unsigned size_of(unsigned number)
{
    static const unsigned sizes[] = {LINE_SMALL, LINE_SMALL, LINE_MIDDLE, LINE_SMALL,
                                     LINE_LARGE};
    return sizes[number % (sizeof sizes / sizeof *sizes)];
}

static bool is_whole(const wherry_message *message, unsigned number)
{
    const unsigned char *bytes = wherry_message_data(message);
    const unsigned size = size_of(number);
    return wherry_message_size(message) == size && bytes[0] == (number & 0xff) &&
           bytes[size / 2] == (number & 0xff) && bytes[size - 1] == (number & 0xff);
}

static int lend_number(wherry_channel *channel, unsigned number)
{
    wherry_message *message = NULL;
    int r = wherry_loan(channel, size_of(number), &message, soon());
    if (r < 0)
        return r;
    memset(wherry_message_data(message), (int)(number & 0xff), size_of(number));
    r = wherry_send(channel, &message, 0, soon());
    wherry_message_free(message);
    return r;
}

static int send_number(wherry_channel *channel, unsigned number)
{
    if (lends)
        return lend_number(channel, number);
    static unsigned char bytes[LINE_LARGE];
    memset(bytes, (int)(number & 0xff), size_of(number));
    return wherry_write(channel, bytes, size_of(number), 0, 0, soon());
}

// 1, or as recv; -EBADMSG: not that one, or not whole.
static int receive_number(wherry_channel *channel, unsigned number,
                          wherry_deadline deadline)
{
    wherry_message *message = NULL;
    int r = wherry_recv(channel, &message, deadline);
    if (r == 1 && !is_whole(message, number))
        r = -EBADMSG;
    wherry_message_free(message);
    return r;
}

/* --- who is dialled ------------------------------------------------------ */

static void serve(struct quay *quay, wherry_channel *channel)
{
    int r = 1;
    for (unsigned number = 0; r > 0; number++) {
        r = receive_number(channel, number, WHERRY_FOREVER);
        if (r == 1 && (r = send_number(channel, number)) >= 0)
            r = 1;
    }
    wherry_close(channel);
    if (r != 0 && r != -ECONNRESET && r != -EPIPE)
        atomic_fetch_add(&quay->wrong, 1);
    atomic_fetch_add(&quay->ended, 1);
}

static void listen_and_serve(void *argument)
{
    struct quay *quay = argument;
    wherry_listener *listener = NULL;
    signal(SIGCHLD, SIG_IGN); // nobody waits for those that serve
    CHECK_OK(wherry_listen(quay->address, &listener));
    atomic_store(&quay->is_open, true);
    for (;;) {
        wherry_channel *channel = NULL;
        if (wherry_accept(listener, WHERRY_FOREVER, &channel) < 0)
            continue;
        atomic_fetch_add(&quay->begun, 1);
        const pid_t pid = fork();
        if (pid == 0) {
            serve(quay, channel);
            harness_exit(0);
        }
        CHECK(pid > 0);
        wherry_close(channel);
    }
}

static bool is_open(void *argument)
{
    struct quay *quay = argument;
    return atomic_load(&quay->is_open);
}

static void clear(void *argument)
{
    const struct quay *quay = argument;
    (void)wherry_remove(quay->address);
}

static void *make_with(const char *options)
{
    struct quay *quay = kernel_memory(sizeof *quay);
    snprintf(quay->address, LINE_ADDRESS, "local:quay?ring=64K&memory=always%s",
             options);
    quay->server = harness_child(listen_and_serve, quay);
    harness_until(is_open, quay);
    return quay;
}

static void *make(const struct step_role *role)
{
    (void)role;
    lends = false;
    return make_with("");
}

// So little that loans are waited for.
static void *make_lending(const struct step_role *role)
{
    (void)role;
    lends = true;
    return make_with("&loan=64K");
}

static void unmake(void *shared)
{
    struct quay *quay = shared;
    harness_kill(quay->server);
    CHECK_INT(harness_wait(harness_child(clear, quay)), 0);
    munmap(quay, sizeof *quay);
}

/* --- who is killed ------------------------------------------------------- */

struct worker {
    wherry_channel *channel;
    unsigned number;
};

static void attach(struct step_scene *scene)
{
    static struct worker worker;
    const struct quay *quay = scene->shared;
    CHECK_OK(wherry_dial(quay->address, soon(), &worker.channel));
    scene->own = &worker;
}

static void turn(struct step_scene *scene)
{
    struct worker *worker = scene->own;
    CHECK_OK(send_number(worker->channel, worker->number));
    CHECK_INT(receive_number(worker->channel, worker->number, soon()), 1);
    worker->number++;
}

static struct step_finding settle(struct step_scene *scene)
{
    struct quay *quay = scene->shared;
    const int64_t end = harness_now() + (int64_t)LINE_ANSWER * 1000000;
    while (atomic_load(&quay->ended) < atomic_load(&quay->begun) && harness_now() < end)
        poll(NULL, 0, 1);
    const unsigned left = atomic_load(&quay->begun) - atomic_load(&quay->ended);
    if (atomic_load(&quay->wrong) > 0)
        return step_find(STEP_TORN, "%u ends saw what must not be",
                         atomic_load(&quay->wrong));
    if (left > 0)
        return step_find(STEP_HUNG, "%u ends wait on for the dead", left);
    return step_find(STEP_WHOLE, "%u ends were told", atomic_load(&quay->ended));
}

const struct step_subject local_load = {
    .name = "local-load",
    .make = make,
    .unmake = unmake,
    .attach = attach,
    .turn = turn,
    .settle = settle,
};

const struct step_subject local_loan_load = {
    .name = "local-loan-load",
    .make = make_lending,
    .unmake = unmake,
    .attach = attach,
    .turn = turn,
    .settle = settle,
};
