/* SPDX-License-Identifier: MIT */
/*
 * Opening channels for verbs.
 *
 * wherry_dial() has nothing to cancel yet while it waits, so it waits on a thread of
 * its own and Ctrl-C is heard beside it.
 */
#include "open.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "help.h"
#include "interrupt.h"
#include "say.h"

enum {
    TEXT_MOST = 1024,
    PROGRESS_AFTER = 1000, // milliseconds
    LOOK_AGAIN = 20,       // milliseconds, between two tries of --wait
    GIVE_UP_AFTER = 1000   // milliseconds
};

wherry_deadline open_deadline(const struct choices *choices)
{
    return choices->timeout ? wherry_after(choices->timeout) : WHERRY_FOREVER;
}

static const struct wherry_mechanism *mechanism_of(const char *address)
{
    char scheme[32];
    snprintf(scheme, sizeof(scheme), "%.*s", (int)strcspn(address, ":?"), address);
    return wherry_mechanism_find(scheme);
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

static char *add_options(const char *address, const struct choices *choices)
{
    const struct wherry_mechanism *mechanism = mechanism_of(address);
    bool is_given = strstr(address, "framing=") != NULL;
    bool carries_bytes =
        mechanism && mechanism->framing && !has(mechanism, WHERRY_ABLE_MESSAGES);
    const char *framing = choices->framing;
    if (!framing && choices->raw && carries_bytes && !is_given)
        framing = "raw";
    bool keeps = choices->keep && mechanism &&
                 mechanism_has_option(mechanism, "keep") && !strstr(address, "keep=");
    size_t size = strlen(address) + (framing ? strlen(framing) : 0) + 32;
    char *whole = malloc(size);
    if (!whole)
        return NULL;
    bool is_first = !strchr(with_options(address), '?');
    int used = snprintf(whole, size, "%s", address);
    if (framing) {
        used += snprintf(whole + used, size - (size_t)used, "%cframing=%s",
                         is_first ? '?' : '&', framing);
        is_first = false;
    }
    if (keeps)
        snprintf(whole + used, size - (size_t)used, "%ckeep=yes", is_first ? '?' : '&');
    return whole;
}

/* --- dialling ------------------------------------------------------------ */

struct dialling {
    const char *address;
    wherry_deadline deadline;
    wherry_channel *channel;
    int result;
    char text[TEXT_MOST];
    int done[2]; /* a pipe: readable at the end */
};

static void *dial(void *argument)
{
    struct dialling *dialling = argument;
    dialling->result =
        wherry_dial(dialling->address, dialling->deadline, &dialling->channel);
    snprintf(dialling->text, sizeof(dialling->text), "%s", wherry_error_text());
    close(dialling->done[1]);
    return NULL;
}

// 1: it is done; 0: interrupted.
static int wait_for_dial(const struct dialling *dialling, const char *verb)
{
    struct pollfd waits[] = {{.fd = dialling->done[0], .events = POLLIN},
                             {.fd = interrupt_fd(), .events = POLLIN}};
    for (int timeout = PROGRESS_AFTER;;) {
        int r = poll(waits, 2, timeout);
        if (waits[0].revents && r > 0)
            return 1;
        if (interrupted())
            return 0;
        if (r == 0) {
            say_progress(verb, "waiting for %s", dialling->address);
            timeout = -1;
        }
    }
}

// A dial that waits for a reader has made a name, which it removes when it ends: so it
// is given a reader.
static bool end_dial(const struct dialling *dialling)
{
    const struct wherry_mechanism *mechanism = mechanism_of(dialling->address);
    if (!has(mechanism, WHERRY_ABLE_LISTEN) || has(mechanism, WHERRY_ABLE_DUPLEX))
        return false;
    wherry_listener *reader;
    if (wherry_listen(dialling->address, &reader) < 0)
        return false;
    struct pollfd wait = {.fd = dialling->done[0], .events = POLLIN};
    int r;
    do
        r = poll(&wait, 1, GIVE_UP_AFTER);
    while (r < 0 && errno == EINTR);
    wherry_close_listener(reader);
    return r > 0;
}

static int start_dial(struct dialling *dialling, pthread_t *thread)
{
    if (pipe(dialling->done) < 0)
        return -errno;
    int r = interrupt_thread(thread, dial, dialling);
    if (r < 0) {
        close(dialling->done[0]);
        close(dialling->done[1]);
    }
    return r;
}

// Negative errno as wherry_dial, -EINTR when interrupted; the sentence is in `text`.
static int dial_once(const struct opening *opening, const char *address,
                     wherry_deadline deadline, char text[TEXT_MOST],
                     wherry_channel **out)
{
    struct dialling *dialling = calloc(1, sizeof(*dialling));
    pthread_t thread;
    int r = -ENOMEM;
    if (dialling) {
        dialling->address = address;
        dialling->deadline = deadline;
        r = start_dial(dialling, &thread);
    }
    if (r < 0) {
        snprintf(text, TEXT_MOST, "%s: %s", address, strerror(-r));
        free(dialling);
        return r;
    }
    bool interrupted_it = !wait_for_dial(dialling, opening->verb);
    if (interrupted_it && !end_dial(dialling))
        return -EINTR; // the thread has it, and ends with the process
    pthread_join(thread, NULL);
    close(dialling->done[0]);
    r = dialling->result;
    memcpy(text, dialling->text, TEXT_MOST);
    if (r >= 0 && interrupted_it) {
        wherry_close(dialling->channel);
        r = -EINTR;
    }
    if (r >= 0)
        *out = dialling->channel;
    free(dialling);
    return r;
}

static bool is_nobody(int error)
{
    return error == -ENOENT || error == -ECONNREFUSED;
}

static int dial_until(const struct opening *opening, const char *address,
                      wherry_channel **out)
{
    const wherry_deadline begun = wherry_now();
    const wherry_deadline deadline = open_deadline(opening->choices);
    char text[TEXT_MOST];
    bool told = false;
    for (;;) {
        int r = dial_once(opening, address, deadline, text, out);
        if (r >= 0)
            return DONE;
        if (r == -EINTR)
            return FAILED;
        bool goes_on =
            opening->choices->wait && is_nobody(r) && wherry_now() < deadline;
        if (!goes_on)
            return say_error(opening->verb, "%s", text);
        if (!told && wherry_now() - begun > PROGRESS_AFTER * INT64_C(1000000)) {
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
    if (wherry_listen(opened->address, &opened->listener) < 0)
        return say_error(opening->verb, "%s", wherry_error_text());
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

int open_channel(const struct opening *opening, const char *address, struct opened *out)
{
    *out = (struct opened){.address = add_options(address, opening->choices)};
    if (!out->address || interrupt_begin() < 0)
        return say_error(opening->verb, "%s: no memory or no descriptor left", address);
    if (wherry_address_check(out->address) < 0) {
        int status = say_bad_address(opening->verb, address, wherry_error_text());
        open_close(out);
        return status;
    }
    int status = opening->listens ? listen_at(opening, out) : DONE;
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
