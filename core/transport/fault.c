/* SPDX-License-Identifier: MIT */
/*
 * fault?OPTIONS:ADDRESS - another mechanism, made worse, for tests.
 *
 * Wraps the moves of an inner endpoint in moves of its own: drops messages that are
 * sent, holds back those that arrive, ends the connection without a word.  It only uses
 * what wherry/transport.h says of moves, so that it fits around any of them, and what
 * it does is counted, never random: a test that failed fails again.
 */
#include "transport/fault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

static const struct wherry_option own_options[] = {
    {.name = "drop",
     .type = WHERRY_OPTION_NUMBER,
     .standard = "0",
     .least = 0,
     .most = INT64_C(1) << 30,
     .help = "Every N-th message that is sent is lost without a word; 0 is none."},
    {.name = "delay",
     .type = WHERRY_OPTION_DURATION,
     .standard = "0s",
     .least = 0,
     .most = INT64_C(3600000000000),
     .help = "What arrives is held back for that long."},
    {.name = "cut",
     .type = WHERRY_OPTION_NUMBER,
     .standard = "0",
     .least = 0,
     .most = INT64_C(1) << 30,
     .help =
         "After N messages were sent the connection breaks, without an orderly end; "
         "0 is never."},
    {.name = NULL},
};

static const struct wherry_option *const options[] = {own_options, NULL};

static struct fault_plan plan_of(const struct address *address)
{
    return (struct fault_plan){.drop = address_number(address, "drop"),
                               .cut = address_number(address, "cut"),
                               .delay = address_number(address, "delay")};
}

// Puts "fault?drop=2:" before an address that the inner mechanism shows.
static void show_around(const char *own, size_t size, char shown[ENDPOINT_ADDRESS])
{
    const size_t most = ENDPOINT_ADDRESS - 1;
    size_t left = strlen(shown);
    if (size > most)
        size = most;
    if (left > most - size)
        left = most - size;
    memmove(shown + size, shown, left);
    memcpy(shown, own, size);
    shown[size + left] = 0;
}

static size_t own_size(const struct address *address)
{
    return strlen(address_text(address)) - address_rest_size(address);
}

static int wrap(const struct address *address, struct endpoint *end)
{
    struct fault_plan plan = plan_of(address);
    show_around(address_text(address), own_size(address), end->address);
    return fault_wrap(&plan, end);
}

static int open_inner(const struct address *address, const struct transport **transport,
                      struct address **inner)
{
    return transport_address(address_rest(address), transport, inner);
}

static int fault_check(const struct address *address)
{
    const struct transport *transport;
    struct address *inner;
    if (strncmp(address_rest(address), "fault", strlen("fault")) == 0)
        return failure(-EINVAL,
                       "fault: does not wrap itself: give all its options once");
    int r = open_inner(address, &transport, &inner);
    if (r >= 0)
        address_free(inner);
    return r;
}

static int lacks(const struct transport *transport, const char *way)
{
    return failure(-ENOTSUP, "%s: has no %s", transport->mechanism.scheme, way);
}

static int fault_dial(const struct address *address, wherry_deadline deadline,
                      struct endpoint *out)
{
    const struct transport *transport;
    struct address *inner;
    int r = open_inner(address, &transport, &inner);
    if (r < 0)
        return r;
    r = transport->dial ? transport->dial(inner, deadline, out)
                        : lacks(transport, "dial");
    address_free(inner);
    return r < 0 ? r : wrap(address, out);
}

static int fault_pair(const struct address *address, struct endpoint out[2])
{
    const struct transport *transport;
    struct address *inner;
    int r = open_inner(address, &transport, &inner);
    if (r < 0)
        return r;
    r = transport->pair ? transport->pair(inner, out) : lacks(transport, "pair");
    address_free(inner);
    if (r < 0)
        return r;
    r = wrap(address, &out[0]);
    if (r < 0) {
        endpoint_close(&out[1]);
        return r;
    }
    r = wrap(address, &out[1]);
    if (r < 0)
        endpoint_close(&out[0]);
    return r;
}

static void fault_opened(const struct address *address)
{
    const struct transport *transport;
    struct address *inner;
    if (open_inner(address, &transport, &inner) < 0)
        return;
    if (transport->opened)
        transport->opened(inner);
    address_free(inner);
}

struct fault_listener {
    struct fault_plan plan;
    char *own; /* "fault?drop=2:" */
    const struct transport *transport;
    struct address *inner;
    void *state;
};

static void listener_free(struct fault_listener *listener)
{
    address_free(listener->inner);
    free(listener->own);
    free(listener);
}

static int fault_listen(const struct address *address, void **state, char *shown)
{
    struct fault_listener *listener = calloc(1, sizeof(*listener));
    if (listener)
        listener->own = strndup(address_text(address), own_size(address));
    if (!listener || !listener->own) {
        free(listener);
        return endpoint_refuse(address, -ENOMEM, NULL);
    }
    listener->plan = plan_of(address);
    int r = open_inner(address, &listener->transport, &listener->inner);
    if (r >= 0)
        r = listener->transport->listen
                ? listener->transport->listen(listener->inner, &listener->state, shown)
                : lacks(listener->transport, "listen");
    if (r < 0) {
        listener_free(listener);
        return r;
    }
    show_around(listener->own, strlen(listener->own), shown);
    *state = listener;
    return 0;
}

static int fault_accept(void *state, struct endpoint *out)
{
    struct fault_listener *listener = state;
    int r = listener->transport->accept(listener->state, out);
    if (r < 0)
        return r;
    show_around(listener->own, strlen(listener->own), out->address);
    return fault_wrap(&listener->plan, out);
}

static int fault_accept_wait(void *state, struct wherry_wait waits[WHERRY_WAITS])
{
    struct fault_listener *listener = state;
    return listener->transport->accept_wait(listener->state, waits);
}

static void fault_unlisten(void *state)
{
    struct fault_listener *listener = state;
    listener->transport->unlisten(listener->state);
    listener_free(listener);
}

const struct transport transport_fault = {
    .mechanism = {.scheme = "fault",
                  .usage = "fault?drop=N&delay=TIME&cut=N:ADDRESS",
                  .mechanism = "another mechanism",
                  .summary =
                      "Loses, delays or cuts what another mechanism carries; for "
                      "tests.",
                  .example = "fault?delay=20ms:pair:",
                  .abilities = ENDPOINT_SOCKET | WHERRY_ABLE_DIAL | WHERRY_ABLE_LISTEN |
                               WHERRY_ABLE_PAIR | WHERRY_ABLE_MESSAGES |
                               WHERRY_ABLE_LOSS | WHERRY_ABLE_TESTS_ONLY,
                  .framing = NULL,
                  .limit = "that of the other mechanism",
                  .systems = "all"},
    .options = options,
    .options_first = true,
    .wraps = true,
    .check = fault_check,
    .dial = fault_dial,
    .listen = fault_listen,
    .accept = fault_accept,
    .accept_wait = fault_accept_wait,
    .unlisten = fault_unlisten,
    .pair = fault_pair,
    .opened = fault_opened,
};
