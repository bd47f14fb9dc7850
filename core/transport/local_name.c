/* SPDX-License-Identifier: MIT */
/*
 * local:NAME - its name: NAME.local in the user's directory, the socket where the two
 * ends meet.
 *
 * It is reached through that directory's descriptor: a long path does no harm, nor does
 * a directory that somebody exchanges meanwhile.
 */
#include "transport/local.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "transport/topic.h"

static void path_of(int directory, const struct address *address,
                    char path[OS_DIRECTORY_PATH])
{
    char file[OS_DIRECTORY_NAME];
    snprintf(file, sizeof(file), "%s.local", address_rest(address));
    os_directory_path(directory, file, path);
}

static int need_name(const struct address *address)
{
    return address_rest_size(address) > 0
               ? 0
               : failure(-EINVAL, "it needs a name here: local:NAME");
}

static const struct complaint complaints[] = {
    {EINVAL, NULL},
    {EPERM, NULL},
    {ENAMETOOLONG, NULL},
    {ENOENT, "nobody listens there"},
    {ECONNREFUSED, "nobody listens there: its listener has gone, or what "
                   "stands in its place is no socket"},
    {EADDRINUSE, "somebody listens there already"},
    {EEXIST, "something that is no socket stands in its place"},
    {EPROTOTYPE, "it is no topic: leave fan=broadcast out"},
    {0, NULL},
};

static int connect_as(enum os_kind kind, const struct address *address, int directory,
                      wherry_deadline deadline, struct os_descriptor *out)
{
    char path[OS_DIRECTORY_PATH];
    struct os_name name;
    path_of(directory, address, path);
    int r = os_name_unix(path, strlen(path), false, &name);
    struct os_socket_plan plan = {.kind = kind,
                                  .name = &name,
                                  .buffer = address_number(address, "buffer"),
                                  .identify = true};
    return r < 0 ? r : os_connect(&plan, deadline, out);
}

// A topic's socket is of packets: what it is not shows when it is dialled.
static int connect_to(const struct address *address, int directory,
                      wherry_deadline deadline, struct os_descriptor *out)
{
    int r = -EPROTOTYPE;
    if (!local_is_topic(address))
        r = connect_as(OS_KIND_STREAM, address, directory, deadline, out);
    return r == -EPROTOTYPE
               ? connect_as(OS_KIND_PACKET, address, directory, deadline, out)
               : r;
}

int local_dial(const struct address *address, wherry_deadline deadline,
               struct endpoint *out)
{
    struct os_descriptor socket;
    int directory = need_name(address);
    if (directory >= 0)
        directory = os_directory();
    int r =
        directory < 0 ? directory : connect_to(address, directory, deadline, &socket);
    os_close(directory);
    if (r < 0)
        return endpoint_refuse(address, r, complaints);
    if (socket.kind == OS_KIND_STREAM)
        return local_make(address, socket, out);
    r = topic_join(address, socket, out);
    return r < 0 ? failure_prefix(r, "%s", address_text(address)) : r;
}

/* --- listening ----------------------------------------------------------- */

/* What a harbour has beside its socket. */
struct place {
    int directory;       /* stays open: its descriptor is part of the path */
    struct topic *topic; /* NULL: it is none */
};

static void leave_place(struct harbour *harbour)
{
    struct place *place = harbour->own;
    topic_close(place->topic);
    if (harbour->path)
        os_remove(harbour->path, &harbour->made);
    free(harbour->path);
    harbour->path = NULL;
    os_close(place->directory);
    free(place);
}

static int bind_in(struct harbour *harbour, int directory)
{
    const struct address *address = harbour->address;
    char path[OS_DIRECTORY_PATH];
    struct os_name name;
    path_of(directory, address, path);
    int r = os_name_unix(path, strlen(path), false, &name);
    const bool is_topic = local_is_topic(address);
    struct os_socket_plan plan = {.kind = is_topic ? OS_KIND_PACKET : OS_KIND_STREAM,
                                  .name = &name,
                                  .buffer = address_number(address, "buffer"),
                                  .backlog = (int)address_number(address, "backlog"),
                                  .identify = true};
    char *copy = r < 0 ? NULL : strdup(path);
    if (r >= 0)
        r = copy ? os_bind_path(&plan, &harbour->descriptor, &harbour->made) : -ENOMEM;
    if (r >= 0)
        harbour->path = copy;
    else
        free(copy);
    return r;
}

static int open_harbour(struct harbour *harbour, const void *with)
{
    (void)with;
    int r = need_name(harbour->address);
    int directory = r < 0 ? r : os_directory();
    if (directory < 0)
        return directory;
    struct place *place = calloc(1, sizeof(*place));
    if (!place) {
        os_close(directory);
        return -ENOMEM;
    }
    place->directory = directory;
    harbour->own = place;
    harbour->leave = leave_place;
    harbour->welcome = local_make;
    r = bind_in(harbour, directory);
    return r >= 0 && local_is_topic(harbour->address)
               ? topic_new(harbour, &place->topic)
               : r;
}

int local_listen(const struct address *address, void **state, char *shown)
{
    static const struct harbour_plan plan = {open_harbour, NULL, complaints};
    return harbour_listen(address, &plan, state, shown);
}

/* --- what a listener does ------------------------------------------------ */

static struct topic *topic_of(void *state)
{
    const struct harbour *harbour = state;
    const struct place *place = harbour->own;
    return place->topic;
}

int local_accept(void *state, struct endpoint *out)
{
    const struct harbour *harbour = state;
    if (topic_of(state))
        return failure(-ENOTSUP,
                       "%s: a topic has readers and no channels with them: publish to "
                       "them (wherry_publish)",
                       harbour->shown);
    return harbour_accept(state, out);
}

int local_accept_wait(void *state, struct wherry_wait waits[WHERRY_WAITS])
{
    const struct topic *topic = topic_of(state);
    int count = harbour_wait(state, waits);
    if (topic)
        waits[count++] =
            (struct wherry_wait){.fd = topic_descriptor(topic), .events = os_wait_in};
    return count;
}

static int prefixed(const struct harbour *harbour, int r)
{
    return r < 0 ? failure_prefix(r, "%s", harbour->shown) : r;
}

static int no_topic(void)
{
    return failure(-ENOTSUP, "it is no topic: listen with fan=broadcast to publish");
}

int local_admit(void *state)
{
    struct topic *topic = topic_of(state);
    return prefixed(state, topic ? topic_admit(topic) : no_topic());
}

int local_publish_message(void *state, const wherry_message *message, bool to_somebody)
{
    struct topic *topic = topic_of(state);
    return prefixed(state,
                    topic ? topic_publish(topic, message, to_somebody) : no_topic());
}

int local_readers(void *state, struct wherry_reader *out, size_t most)
{
    struct topic *topic = topic_of(state);
    return prefixed(state, topic ? topic_readers(topic, out, most) : no_topic());
}

int local_remove(const struct address *address)
{
    char path[OS_DIRECTORY_PATH];
    struct os_file there;
    int r = need_name(address);
    int directory = r < 0 ? r : os_directory();
    if (directory < 0)
        return directory;
    path_of(directory, address, path);
    r = os_look(path, &there);
    if (r >= 0)
        r = os_sweep(path);
    if (r == -EEXIST)
        (void)failure(r, "what stands in its place is %s: remove that by hand",
                      os_path_word(path));
    os_close(directory);
    return r;
}
