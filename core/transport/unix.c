/* SPDX-License-Identifier: MIT */
/*
 * unix:PATH and unix:@NAME - unix(7) sockets: packets, streams or datagrams.
 *
 * A path is made with rights for its owner alone unless mode= says otherwise, a stale
 * one is replaced safely, and it is removed at the end if it still is what was made. An
 * abstract name (@NAME) has no rights of its own: a listener there lets in its own user
 * and root only, unless mode= is given.  Datagrams have no connections: listen gives
 * one channel that hears everybody, and a dialler has an address of its own, chosen by
 * the kernel or by bind=, so that it can be answered.
 */
#include "transport/transport.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

static const struct wherry_option own_options[] = {
    {.name = "bind",
     .type = WHERRY_OPTION_TEXT,
     .least = 1,
     .most = 107,
     .help =
         "The dialler's own address, PATH or @NAME, which the listener sees and can "
         "answer to."},
    {.name = "mode",
     .type = WHERRY_OPTION_NUMBER,
     .standard = "600",
     .least = 1,
     .most = 777,
     .help = "Access rights of a path that is made, in octal digits as chmod has them; "
             "an abstract name opens to all users with mode=666."},
    {.name = NULL},
};

static const struct wherry_option *const options[] = {
    type_options,           backlog_options, own_options, socket_options,
    wherry_framing_options, channel_options, NULL};

static const struct complaint dial_complaints[] = {
    {ENOENT, "there is no such path: start the listener first, or check the spelling"},
    {ENOTSOCK, NULL},
    {ECONNREFUSED,
     "nobody listens there: start the listener; it replaces what is left"},
    {EPROTOTYPE,
     "it is of another type: try type=packet, type=stream or type=datagram"},
    {EACCES, "this user may not connect: see the mode of it and of the directories"},
    {EPERM, "the datagram socket there listens to its own peer only"},
    {EAGAIN, "its backlog is full: give a deadline to wait, or it a larger backlog="},
    {ETIMEDOUT, "its backlog stayed full until the deadline: is it still accepting?"},
    {EADDRINUSE, "the path or name in bind= is in use: choose another, or remove it"},
    {EEXIST, NULL},
    {EINVAL, NULL},
    {ENAMETOOLONG, NULL},
    {0, NULL},
};

static const struct complaint listen_complaints[] = {
    {EADDRINUSE, "somebody listens there already: stop it, or choose another address"},
    {EEXIST, NULL},
    {ENOENT, "there is no such directory: make it first, or check the spelling"},
    {EACCES, "this user may not make a socket there: see the modes of the directories"},
    {EPERM, "what is left there is another user's, who alone can remove it"},
    {EINVAL, NULL},
    {ENAMETOOLONG, NULL},
    {0, NULL},
};

/* --- names --------------------------------------------------------------- */

static int read_name(const char *text, size_t size, struct os_name *out)
{
    bool abstract = text[0] == '@';
    return os_name_unix(text + abstract, size - abstract, abstract, out);
}

static bool is_path(const char *text)
{
    return text[0] != '@';
}

// "@" alone: the kernel chooses a name for the listener.
static bool is_any(const struct address *address)
{
    return strcmp(address_rest(address), "@") == 0 && address_rest_size(address) == 1;
}

static int own_name(const struct address *address, struct os_name *out)
{
    const char *text = address_string(address, "bind");
    return text ? read_name(text, strlen(text), out) : 0;
}

static int unix_check(const struct address *address)
{
    struct os_name name;
    uint32_t mode;
    int r = own_name(address, &name);
    if (r >= 0)
        r = endpoint_mode(address, &mode);
    if (r < 0 || is_any(address))
        return r;
    return read_name(address_rest(address), address_rest_size(address), &name);
}

/* --- dial ---------------------------------------------------------------- */

// What connect(2) calls refused may be no socket at all.
static int explain_refusal(const struct address *address)
{
    const char *path = address_rest(address);
    const char *word = is_path(path) ? os_path_word(path) : "a socket";
    if (strcmp(word, "a socket") == 0 || strcmp(word, "a symbolic link") == 0)
        return -ECONNREFUSED;
    return failure(-ENOTSOCK,
                   "%s is %s, not a socket: check the path, or listen on "
                   "another",
                   path, word);
}

static int unix_dial(const struct address *address, wherry_deadline deadline,
                     struct endpoint *out)
{
    struct os_name name;
    struct os_name own;
    uint32_t mode;
    const char *bound = address_string(address, "bind");
    if (is_any(address))
        return failure(-EINVAL, "%s: a dialler must say which name: unix:@NAME",
                       address_text(address));
    int r = read_name(address_rest(address), address_rest_size(address), &name);
    if (r >= 0)
        r = own_name(address, &own);
    if (r >= 0)
        r = endpoint_mode(address, &mode);
    // Without a name of its own it is given one, for it asks who it hears
    // (SO_PASSCRED).
    struct os_socket_plan plan = {.kind = endpoint_kind(address),
                                  .name = &name,
                                  .bound = bound ? &own : NULL,
                                  .buffer = address_number(address, "buffer"),
                                  .identify = true,
                                  .mode = address_given(address, "mode") ? mode : 0};
    struct os_descriptor socket;
    if (r >= 0 && bound && is_path(bound))
        r = os_sweep(bound);
    if (r >= 0)
        r = os_connect(&plan, deadline, &socket);
    if (r == -ECONNREFUSED)
        r = explain_refusal(address);
    if (r < 0)
        return endpoint_refuse(address, r, dial_complaints);
    char *path = bound && is_path(bound) ? os_path_absolute(bound) : NULL;
    r = endpoint_socket(address, socket, path, out);
    free(path);
    return r;
}

/* --- listen -------------------------------------------------------------- */

static int bind_name(struct harbour *harbour, const struct os_socket_plan *plan)
{
    const char *rest = address_rest(harbour->address);
    if (!is_path(rest)) {
        harbour->one_user = !address_given(harbour->address, "mode");
        return os_bind(plan, &harbour->descriptor);
    }
    char *path = os_path_absolute(rest);
    if (!path)
        return -ENOMEM;
    int r = os_bind_path(plan, &harbour->descriptor, &harbour->made);
    if (r >= 0)
        harbour->path = path;
    else
        free(path);
    return r;
}

static int open_harbour(struct harbour *harbour, const void *with)
{
    (void)with;
    const struct address *address = harbour->address;
    struct os_name name;
    uint32_t mode;
    int r = endpoint_mode(address, &mode);
    harbour->is_chosen = is_any(address);
    if (r >= 0 && harbour->is_chosen)
        os_name_unix_any(&name);
    else if (r >= 0)
        r = read_name(address_rest(address), address_rest_size(address), &name);
    if (r < 0)
        return r;
    struct os_socket_plan plan = {.kind = endpoint_kind(address),
                                  .name = &name,
                                  .buffer = address_number(address, "buffer"),
                                  .backlog = (int)address_number(address, "backlog"),
                                  .identify = true,
                                  .mode = address_given(address, "mode") ? mode : 0};
    return bind_name(harbour, &plan);
}

static int unix_listen(const struct address *address, void **state, char *shown)
{
    static const struct harbour_plan plan = {open_harbour, NULL, listen_complaints};
    return harbour_listen(address, &plan, state, shown);
}

static int unix_remove(const struct address *address)
{
    const char *path = address_rest(address);
    struct os_file there;
    int r = is_path(path) ? os_look(path, &there) : -ENOENT;
    return r < 0 ? r : os_sweep(path);
}

const struct transport transport_unix = {
    .mechanism = {.scheme = "unix",
                  .usage = "unix:PATH or unix:@NAME",
                  .mechanism = "unix(7) socket",
                  .summary = "Both ways between any programs of one machine, with open "
                             "files and the kernel's word on who speaks.",
                  .example = "unix:/tmp/wherry-example.sock",
                  .abilities = ENDPOINT_SOCKET | WHERRY_ABLE_DIAL | WHERRY_ABLE_LISTEN |
                               WHERRY_ABLE_CONNECTIONLESS | WHERRY_ABLE_MESSAGES |
                               WHERRY_ABLE_STRANGERS,
                  .traits = WHERRY_TRAIT_NAME_STAYS | WHERRY_TRAIT_CONTAINERS,
                  .framing = "wherry",
                  .limit =
                      "message= with type=stream; else what fits into the socket's "
                      "buffer (about 200 KiB, buffer= raises it)",
                  .systems = "POSIX"},
    .options = options,
    .check = unix_check,
    .dial = unix_dial,
    .listen = unix_listen,
    .accept = harbour_accept,
    .accept_wait = harbour_wait,
    .unlisten = harbour_close,
    .remove = unix_remove,
};
