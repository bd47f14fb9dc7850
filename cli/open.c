/* SPDX-License-Identifier: MIT */
/*
 * Opening channels for verbs: the address with what options add to it, then dialled
 * (open_dial.c) or listened at, again for each peer of --keep.
 */
#include "open.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "help.h"
#include "interrupt.h"
#include "open_dial.h"
#include "say.h"

enum { LOOK_AGAIN = 20 }; // milliseconds, between two tries of --wait

wherry_deadline open_deadline(const struct choices *choices)
{
    return choices->timeout ? wherry_after(choices->timeout) : WHERRY_FOREVER;
}

static bool has(const struct wherry_mechanism *mechanism, unsigned abilities)
{
    return mechanism && (mechanism->abilities & abilities) == abilities;
}

void open_either_way(struct opening *opening, const char *address)
{
    const struct wherry_mechanism *mechanism = mechanism_of(address);
    bool can_listen = has(mechanism, WHERRY_ABLE_LISTEN);
    bool can_dial = has(mechanism, WHERRY_ABLE_DIAL);
    if (can_listen != can_dial && !opening->choices->dial && !opening->choices->listen)
        opening->listens = can_listen;
}

/* --- the address --------------------------------------------------------- */

// The part of an address that ends with its options: of `fault?…:ADDRESS` the inner
// one.
static const char *with_options(const char *address)
{
    size_t scheme = strcspn(address, ":?");
    const char *colon = strchr(address, ':');
    return address[scheme] == '?' && colon ? colon + 1 : address;
}

// Where the mechanism has it, and the address does not say it itself.
static bool may_add(const char *address, const char *option)
{
    const struct wherry_mechanism *mechanism = mechanism_of(address);
    return mechanism && mechanism_has_option(mechanism, option) &&
           !address_gives(with_options(address), NULL, option);
}

static const char *framing_to_add(const char *address, const struct choices *choices)
{
    const struct wherry_mechanism *mechanism = mechanism_of(address);
    bool carries_bytes =
        mechanism && mechanism->framing && !has(mechanism, WHERRY_ABLE_MESSAGES);
    bool is_raw = choices->raw && carries_bytes &&
                  !address_gives(with_options(address), NULL, "framing");
    return choices->framing ? choices->framing : is_raw ? "raw" : NULL;
}

static char *add_options(const char *address, const struct opening *opening)
{
    const struct choices *choices = opening->choices;

    const struct {
        const char *name;
        const char *value; // NULL: it is not added
    } additions[] = {
        {"framing", framing_to_add(address, choices)},
        {"keep", choices->keep && may_add(address, "keep") ? "yes" : NULL},
        {"create", opening->only_looks && may_add(address, "create") ? "no" : NULL},
    };

    enum { ROOM = 64 };

    size_t used = strlen(address);
    char *whole = malloc(used + ROOM);
    if (!whole)
        return NULL;
    memcpy(whole, address, used + 1);
    for (size_t i = 0; i < sizeof(additions) / sizeof(additions[0]); i++)
        if (additions[i].value)
            used += (size_t)snprintf(whole + used, ROOM, "%c%s=%s",
                                     strchr(with_options(whole), '?') ? '&' : '?',
                                     additions[i].name, additions[i].value);
    return whole;
}

// What is wrong with an address may show only when it is used: local: is good for a
// pair.
static int say_not_opened(const struct opening *opening, const char *address, int error,
                          const char *text)
{
    return error == -EINVAL ? say_bad_address(opening->verb, address, text)
                            : say_error(opening->verb, "%s", text);
}

/* --- dialling ------------------------------------------------------------ */

static bool is_nobody(int error)
{
    return error == -ENOENT || error == -ECONNREFUSED;
}

static int dial_until(const struct opening *opening, const char *address,
                      wherry_channel **out)
{
    const wherry_deadline begun = wherry_now();
    const wherry_deadline deadline = open_deadline(opening->choices);
    char text[OPEN_TEXT];
    bool told = false;
    for (;;) {
        int r = open_dial(opening->verb, address, deadline, text, out);
        if (r >= 0)
            return DONE;
        if (r == -EINTR)
            return FAILED;
        bool goes_on =
            opening->choices->wait && is_nobody(r) && wherry_now() < deadline;
        if (!goes_on)
            return say_not_opened(opening, address, r, text);
        if (!told && wherry_now() - begun > OPEN_PATIENCE * INT64_C(1000000)) {
            say_progress(opening->verb, "waiting for somebody to listen at %s",
                         address);
            told = true;
        }
        struct pollfd wait = {.fd = interrupt_fd(), .events = POLLIN};
        poll(&wait, 1, LOOK_AGAIN);
        if (interrupted())
            return FAILED;
    }
}

/* --- listening ----------------------------------------------------------- */

static int listen_at(const struct opening *opening, struct opened *opened)
{
    const int r = wherry_listen(opened->address, &opened->listener);
    if (r < 0)
        return say_not_opened(opening, opened->address, r, wherry_error_text());
    interrupt_watch_listener(opened->listener);
    const char *shown = wherry_listener_address(opened->listener);
    // A port that the system chose has to be known.
    if (strncmp(shown, opened->address, strcspn(opened->address, "?")) != 0)
        say_notice(opening->verb, "listening at %s", shown);
    else
        say_progress(opening->verb, "listening at %s", shown);
    return DONE;
}

static int accept_next(const struct opening *opening, struct opened *opened)
{
    int r = wherry_accept(opened->listener, open_deadline(opening->choices),
                          &opened->channel);
    // One-way and connectionless mechanisms have one channel for all peers.
    if ((r < 0 && interrupted()) || r == -EALREADY)
        return FAILED;
    return r < 0 ? say_error(opening->verb, "%s", wherry_error_text()) : DONE;
}

/* --- for verbs ----------------------------------------------------------- */

int open_check(const struct opening *opening, const char *address)
{
    char *whole = add_options(address, opening);
    if (!whole)
        return say_error(opening->verb, "%s: no memory left", address);
    int r = wherry_address_check(whole);
    free(whole);
    if (r < 0)
        return say_bad_address(opening->verb, address, wherry_error_text());
    const struct wherry_mechanism *mechanism = mechanism_of(address);
    if (!mechanism || mechanism->abilities & (WHERRY_ABLE_DIAL | WHERRY_ABLE_LISTEN))
        return DONE;
    char why[OPEN_TEXT];
    snprintf(why, sizeof(why),
             mechanism->traits & WHERRY_TRAIT_MEMORY
                 ? "%s is memory, no channel: `wherry region` works with it"
             : mechanism->traits & WHERRY_TRAIT_TURNS
                 ? "%s is a semaphore, no channel: `wherry describe` tells of it"
                 : "%s has both its ends in one program, for it and its children; "
                   "between two programs take fifo:, unix: or tcp:",
             address);
    return say_bad_address(opening->verb, address, why);
}

// Whoever sends may go on when the channel is closed: that must not end the program.
static void hold_signals(const char *address)
{
    const struct wherry_mechanism *mechanism = mechanism_of(address);
    sigset_t queued;
    if (!has(mechanism, WHERRY_ABLE_NUMBER))
        return;
    sigemptyset(&queued);
    for (int number = SIGRTMIN; number <= SIGRTMAX; number++)
        sigaddset(&queued, number);
    sigaddset(&queued, SIGUSR1);
    sigaddset(&queued, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &queued, NULL);
}

int open_channel(const struct opening *opening, const char *address, struct opened *out)
{
    *out = (struct opened){.address = NULL};
    int status = open_check(opening, address);
    if (status != DONE)
        return status;
    out->address = add_options(address, opening);
    if (!out->address || interrupt_begin() < 0)
        status =
            say_error(opening->verb, "%s: no memory or no descriptor left", address);
    if (status == DONE && opening->listens) {
        hold_signals(address);
        status = listen_at(opening, out);
    }
    if (status == DONE)
        status = open_next(opening, out);
    if (status != DONE)
        open_close(out);
    return status;
}

static void close_channel(struct opened *opened)
{
    if (!opened->channel)
        return;
    interrupt_forget(opened->channel);
    wherry_close(opened->channel);
    opened->channel = NULL;
}

int open_next(const struct opening *opening, struct opened *opened)
{
    close_channel(opened);
    if (opening->publishes && opened->listener &&
        wherry_listener_readers(opened->listener, NULL, 0) >= 0)
        return DONE;
    int status = opened->listener
                     ? accept_next(opening, opened)
                     : dial_until(opening, opened->address, &opened->channel);
    if (status == DONE)
        interrupt_watch(opened->channel);
    return status;
}

void open_close(struct opened *opened)
{
    close_channel(opened);
    if (opened->listener) {
        interrupt_forget_listener();
        wherry_close_listener(opened->listener);
    }
    free(opened->address);
    *opened = (struct opened){.address = NULL};
}
