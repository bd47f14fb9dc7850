/* SPDX-License-Identifier: MIT */
/*
 * fd:N and fd:N,M - descriptors that this process inherited or was given.
 *
 * What they are is found out: a pipe, FIFO, file or terminal moves one way or both as
 * it was opened, a socket as its type says; a listening socket, or a datagram socket
 * without a peer, is for listen.  The flags of what others hold too are never changed.
 *
 * The channel works on copies (dup(2)) that are close-on-exec; with close=yes the given
 * numbers are closed once it stands, and not before.
 */
#include "transport/transport.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

static const struct wherry_option own_options[] = {
    {.name = "close",
     .type = WHERRY_OPTION_FLAG,
     .standard = "yes",
     .help = "The channel takes the descriptors over: their numbers are closed once it "
             "stands."},
    {.name = NULL},
};

static const struct wherry_option *const options[] = {
    own_options, wherry_framing_options, channel_options, NULL};

static const struct complaint complaints[] = {
    {EBADF, "no such descriptor is open in this process: was it inherited (not "
            "close-on-exec), or taken over by a channel before?"},
    {EACCES, "this user may not open it again, for use without waiting"},
    {ENXIO, "it cannot be opened again, for use without waiting"},
    {EINVAL, NULL},
    {0, NULL},
};

enum {
    MOVING = WHERRY_ABLE_SEND | WHERRY_ABLE_RECV | WHERRY_ABLE_DUPLEX |
             WHERRY_ABLE_KINDS | WHERRY_ABLE_FINISH | WHERRY_ABLE_DRAIN |
             WHERRY_ABLE_FRAMING | WHERRY_ABLE_DESCRIPTOR
};

/* --- which numbers ------------------------------------------------------- */

static int read_number(const char *text, const char **end)
{
    char *after;
    if (*text < '0' || *text > '9')
        return -EINVAL;
    long number = strtol(text, &after, 10);
    *end = after;
    return number > INT_MAX ? -EINVAL : (int)number;
}

// One number: numbers[1] is -1.
static int read_numbers(const struct address *address, int numbers[2])
{
    const char *rest = address_rest(address);
    numbers[0] = read_number(rest, &rest);
    numbers[1] = -1;
    if (numbers[0] >= 0 && *rest == ',') {
        numbers[1] = read_number(rest + 1, &rest);
        if (numbers[1] < 0)
            numbers[0] = -1;
    }
    bool is_whole = numbers[0] >= 0 && *rest == 0 &&
                    strlen(address_rest(address)) == address_rest_size(address);
    if (is_whole)
        return 0;
    return failure(-EINVAL,
                   "a descriptor is a number: fd:3, or fd:3,4 to read from 3 and write "
                   "to 4");
}

static int fd_check(const struct address *address)
{
    int numbers[2];
    return read_numbers(address, numbers);
}

static void fd_opened(const struct address *address)
{
    int numbers[2];
    if (!address_number(address, "close") || read_numbers(address, numbers) < 0)
        return;
    os_close(numbers[0]);
    if (numbers[1] != numbers[0])
        os_close(numbers[1]);
}

/* --- what they are ------------------------------------------------------- */

static bool has_peer(const struct os_descriptor *socket)
{
    struct os_name peer;
    return os_socket_peer(socket->fd, &peer) >= 0;
}

/* --- dial ---------------------------------------------------------------- */

static int check_dialled(const struct os_descriptor *socket)
{
    if (socket->is_listening)
        return failure(-EINVAL, "it is a listening socket: listen on it, do not dial");
    if (has_peer(socket))
        return 0;
    return failure(-EINVAL, "it is a socket without a peer: %s",
                   socket->kind == OS_KIND_DATAGRAM ? "listen on it, do not dial"
                                                    : "connect it first");
}

static int dial_socket(const struct address *address, int number, struct endpoint *out)
{
    struct os_descriptor socket;
    int r = os_adopt_copy(number, false, &socket);
    if (r >= 0 && (r = check_dialled(&socket)) < 0)
        os_release(&socket);
    if (r < 0)
        return endpoint_refuse(address, r, complaints);
    endpoint_identify(address, &socket, out);
    return endpoint_socket(address, socket, NULL, out);
}

static bool is_one_only(const struct os_descriptor *end)
{
    return end->fd >= 0 && os_is_socket(end) &&
           (end->kind != OS_KIND_STREAM || end->is_listening);
}

static int adopt_both(const int numbers[2], struct os_descriptor *in,
                      struct os_descriptor *out)
{
    int writer = numbers[1] >= 0 ? numbers[1] : numbers[0];
    bool reads, writes, ignored;
    int r = os_access(numbers[0], &reads, &ignored);
    if (r >= 0)
        r = os_access(writer, &ignored, &writes);
    if (r < 0)
        return r;
    if (numbers[1] >= 0 && (!reads || !writes))
        return failure(-EINVAL, "descriptor %d is not open for %s",
                       reads ? writer : numbers[0], reads ? "writing" : "reading");
    if (reads)
        r = os_adopt_copy(numbers[0], false, in);
    if (r >= 0 && writes)
        r = os_adopt_copy(writer, true, out);
    if (r >= 0 && (is_one_only(in) || is_one_only(out)))
        return failure(-EINVAL, "a packet or listening socket is one descriptor: fd:N");
    return r;
}

static int dial_bytes(const struct address *address, const int numbers[2],
                      struct endpoint *end)
{
    struct os_descriptor in = OS_DESCRIPTOR_NONE;
    struct os_descriptor out = OS_DESCRIPTOR_NONE;
    int r = adopt_both(numbers, &in, &out);
    if (r < 0) {
        os_release(&in);
        os_release(&out);
        return endpoint_refuse(address, r, complaints);
    }
    endpoint_show(end, address_text(address));
    endpoint_identify(address, &out, end);
    endpoint_identify(address, &in, end);
    return stream_new(&(struct stream_plan){.address = address,
                                            .in = in,
                                            .out = out,
                                            .abilities = MOVING,
                                            .words = true},
                      end);
}

static int fd_dial(const struct address *address, wherry_deadline deadline,
                   struct endpoint *out)
{
    (void)deadline;
    int numbers[2];
    struct os_descriptor found;
    int r = read_numbers(address, numbers);
    if (r >= 0)
        r = os_inspect(numbers[0], &found);
    if (r < 0)
        return endpoint_refuse(address, r, complaints);
    return os_is_socket(&found) && numbers[1] < 0
               ? dial_socket(address, numbers[0], out)
               : dial_bytes(address, numbers, out);
}

/* --- listen -------------------------------------------------------------- */

static int check_listening(const struct os_descriptor *socket, const int numbers[2])
{
    bool hears_all = socket->kind == OS_KIND_DATAGRAM && !has_peer(socket);
    return numbers[1] < 0 && (socket->is_listening || hears_all)
               ? 0
               : failure(-EINVAL, "it is neither a listening socket nor a bound "
                                  "datagram socket: dial it");
}

static int open_harbour(struct harbour *harbour, const void *with)
{
    int numbers[2];
    (void)with;
    harbour->is_chosen = true;
    int r = read_numbers(harbour->address, numbers);
    if (r >= 0)
        r = os_adopt_copy(numbers[0], false, &harbour->descriptor);
    if (r >= 0)
        r = check_listening(&harbour->descriptor, numbers);
    if (r >= 0 && harbour->descriptor.is_unix)
        os_identify(harbour->descriptor.fd, true);
    return r;
}

static int fd_listen(const struct address *address, void **state, char *shown)
{
    static const struct harbour_plan plan = {open_harbour, NULL, complaints};
    return harbour_listen(address, &plan, state, shown);
}

const struct transport transport_fd = {
    .mechanism = {.scheme = "fd",
                  .usage = "fd:N or fd:READ,WRITE",
                  .mechanism = "an inherited descriptor",
                  .summary = "Whatever a descriptor is that this process was started "
                             "with or was given.",
                  .example = NULL,
                  .abilities = ENDPOINT_SOCKET | WHERRY_ABLE_DIAL | WHERRY_ABLE_LISTEN |
                               WHERRY_ABLE_CONNECTIONLESS | WHERRY_ABLE_MESSAGES,
                  .traits = WHERRY_TRAIT_STARTS | WHERRY_TRAIT_GIVEN,
                  .framing = "wherry",
                  .limit = "that of what the descriptor is",
                  .systems = "POSIX"},
    .options = options,
    .check = fd_check,
    .dial = fd_dial,
    .listen = fd_listen,
    .accept = harbour_accept,
    .accept_wait = harbour_wait,
    .unlisten = harbour_close,
    .opened = fd_opened,
};
