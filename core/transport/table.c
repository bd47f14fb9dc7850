/* SPDX-License-Identifier: MIT */
/*
 * The table of mechanisms, and addresses checked against it.
 *
 * Whatever tells of mechanisms reads this table: the parser, the error texts, `wherry
 * transports`, `wherry choose` and `wherry help`, the manual and the tests.  What has
 * no transport has its row in absent.c.
 */
#include "transport/transport.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"

static const struct transport *const transports[] = {
    &transport_pipe,   &transport_fifo,  &transport_stdio, &transport_fd,
    &transport_pair,   &transport_local, &transport_unix,  &transport_tcp,
    &transport_udp,    &transport_mq,    &transport_sysv,  &transport_queue,
    &transport_signal, &transport_exec,  &transport_memfd, &transport_shm,
    &transport_shmv,   &transport_file,  &transport_lease, &transport_sem,
    &transport_semv,   &transport_fault,
};

enum {
    TRANSPORTS = sizeof(transports) / sizeof(transports[0]),
    NAMES = 64, // of all schemes, absent ones too
    SCHEMES_TEXT = TRANSPORTS * (ADDRESS_SCHEME + 3)
};

const struct wherry_option line_framing_options[] = {
    {.name = "framing",
     .type = WHERRY_OPTION_CHOICE,
     .standard = "line",
     .choices = framing_names,
     .help = "How messages are cut out of the bytes; both ends need the same."},
    {.name = NULL},
};

const struct wherry_option wherry_framing_options[] = {
    {.name = "framing",
     .type = WHERRY_OPTION_CHOICE,
     .standard = "wherry",
     .choices = framing_names,
     .help = "How messages are cut out of the bytes; both ends need the same."},
    {.name = NULL},
};

const struct wherry_option pipe_options[] = {
    {.name = "buffer",
     .type = WHERRY_OPTION_SIZE,
     .standard = "256K",
     .least = 4096,
     .most = 1 << 30,
     .help =
         "Room in the pipe, in bytes; more than fs.pipe-max-size (1M) is for root."},
    {.name = NULL},
};

int64_t pipe_room(void)
{
    int64_t room = 0;
    (void)option_read(&pipe_options[0], pipe_options[0].standard, &room);
    return room;
}

const struct wherry_option socket_options[] = {
    {.name = "buffer",
     .type = WHERRY_OPTION_SIZE,
     .standard = "0",
     .least = 0,
     .most = INT64_C(1) << 30,
     .help = "Room in the kernel for each direction, in bytes; 0 is the system's own "
             "choice, net.core.wmem_max and rmem_max its bound."},
    {.name = NULL},
};

const struct wherry_option backlog_options[] = {
    {.name = "backlog",
     .type = WHERRY_OPTION_NUMBER,
     .standard = "128",
     .least = 0,
     .most = 65535,
     .help = "How many diallers may wait to be accepted."},
    {.name = NULL},
};

const struct wherry_option type_options[] = {
    {.name = "type",
     .type = WHERRY_OPTION_CHOICE,
     .standard = "packet",
     .choices = "packet|stream|datagram",
     .help = "SOCK_SEQPACKET, SOCK_STREAM or SOCK_DGRAM; both ends need the same."},
    {.name = NULL},
};

const struct wherry_option object_options[] = {
    {.name = "create",
     .type = WHERRY_OPTION_CHOICE,
     .standard = "yes",
     .choices = "yes|no|exclusive",
     .help = "Whether it is made where there is none; with exclusive, one that is "
             "there already is an error.  A FIFO that was made is removed at the end, "
             "a queue, a region or a semaphore stays."},
    {.name = "mode",
     .type = WHERRY_OPTION_NUMBER,
     .standard = "600",
     .least = 1,
     .most = 777,
     .help = "Access rights of one that is made, in octal digits as chmod has them."},
    {.name = NULL},
};

enum os_create object_create(const struct address *address)
{
    static const enum os_create choices[] = {OS_CREATE_YES, OS_CREATE_NO,
                                             OS_CREATE_EXCLUSIVE};

    return choices[address_number(address, "create")];
}

const struct transport *transport_find(const char *scheme)
{
    for (size_t i = 0; i < TRANSPORTS; i++)
        if (strcmp(transports[i]->mechanism.scheme, scheme) == 0)
            return transports[i];
    return NULL;
}

static bool options_first(const char *scheme)
{
    // An absent one's grammar is not known here: whatever stands behind its scheme is
    // taken as it is, for it is refused anyway.
    const struct transport *transport = transport_find(scheme);
    return transport ? transport->options_first : absent_find(scheme) != NULL;
}

static int unknown_scheme(const char *scheme)
{
    const char *names[NAMES];
    char all[SCHEMES_TEXT];
    size_t used = 0;
    size_t count = 0;
    const struct wherry_mechanism *mechanism;
    for (; count < NAMES && (mechanism = wherry_mechanism_at(count)); count++) {
        names[count] = mechanism->scheme;
        if (!mechanism->absent)
            used += (size_t)snprintf(all + used, sizeof(all) - used,
                                     "%s%s:", count ? " " : "", names[count]);
    }
    const char *nearest = address_nearest(scheme, names, count);
    return failure(-EINVAL, "there is no scheme \"%s\"%s%s%s; the schemes are %s",
                   scheme, nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                   nearest ? ":\"" : "", all);
}

static int no_transport(const char *scheme)
{
    const struct wherry_mechanism *absent = absent_find(scheme);
    return absent ? absent_refuse(absent) : unknown_scheme(scheme);
}

static int check(const struct transport *transport, struct address *address)
{
    int r = address_resolve(address, transport->options);
    if (r < 0 || !transport->check)
        return r;
    static const struct complaint stands[] = {
        {EINVAL, NULL}, {ENAMETOOLONG, NULL}, {ENOTSUP, NULL}, {0, NULL}};
    r = transport->check(address);
    return r < 0 ? endpoint_refuse(address, r, stands) : 0;
}

int transport_address(const char *text, const struct transport **transport,
                      struct address **out)
{
    struct address *address;
    int r = address_parse(text, options_first, &address);
    if (r < 0)
        return r;
    const struct transport *found = transport_find(address_scheme(address));
    r = found ? check(found, address) : no_transport(address_scheme(address));
    if (r < 0) {
        address_free(address);
        return r;
    }
    *transport = found;
    *out = address;
    return 0;
}

/* --- the public face ----------------------------------------------------- */

static size_t count_absent(void)
{
    size_t count = 0;
    while (absent_mechanisms[count].scheme)
        count++;
    return count;
}

const struct wherry_mechanism *wherry_mechanism_at(size_t index)
{
    if (index < TRANSPORTS)
        return &transports[index]->mechanism;
    index -= TRANSPORTS;
    return index < count_absent() ? &absent_mechanisms[index] : NULL;
}

const struct wherry_mechanism *wherry_mechanism_find(const char *scheme)
{
    const struct transport *transport = scheme ? transport_find(scheme) : NULL;
    if (transport)
        return &transport->mechanism;
    return scheme ? absent_find(scheme) : NULL;
}

const struct wherry_option *
wherry_mechanism_option(const struct wherry_mechanism *mechanism, size_t index)
{
    const struct transport *transport =
        mechanism ? transport_find(mechanism->scheme) : NULL;
    if (!transport)
        return NULL;
    for (size_t i = 0; transport->options[i]; i++)
        for (const struct wherry_option *each = transport->options[i]; each->name;
             each++)
            if (index-- == 0)
                return each;
    return NULL;
}

static const struct complaint removal_complaints[] = {
    {ENOENT, "there is nothing of that name"},
    {EACCES, "this user may not remove it: see whose it is, and what directory"},
    {EPERM, "this user may not remove it: it is another user's"},
    {EADDRINUSE, "somebody listens there: stop it first"},
    {EEXIST, NULL},
    {EINVAL, NULL},
    {ENOTDIR, NULL},
    {ENAMETOOLONG, NULL},
    {0, NULL},
};

static int remove_object(const struct transport *transport,
                         const struct address *address)
{
    if (!transport->remove)
        return failure(-ENOTSUP,
                       "%s: has no name that stays, there is nothing to remove",
                       transport->mechanism.scheme);
    (void)failure_keep("%s", ""); // what is said from here on is about this
    int r = transport->remove(address);
    return r < 0 ? endpoint_refuse(address, r, removal_complaints) : 0;
}

int wherry_remove(const char *text)
{
    const struct transport *transport;
    struct address *address;
    int r = transport_address(text, &transport, &address);
    if (r < 0)
        return r;
    r = remove_object(transport, address);
    address_free(address);
    return r;
}

int wherry_address_check(const char *address)
{
    const struct transport *transport;
    struct address *parsed;
    int r = transport_address(address, &transport, &parsed);
    if (r >= 0)
        address_free(parsed);
    return r;
}
