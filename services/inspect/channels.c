/* SPDX-License-Identifier: MIT */
/*
 * The channels of a process that go through memory, put together from its own memory
 * and that of whoever is at their other ends.
 *
 * What one end has read is looked at before what the other has written, so that nothing
 * seems to be read before it was written: the process first, then the others, then the
 * process again.
 */
#include "inspect/pieces.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DESCRIPTORS_MOST = 65536,
    OTHERS_MOST = 4194304,
    CHANNELS_MOST = 4096,
    READERS_MOST = 4096
};

static const size_t none = SIZE_MAX;

/* The view, and what it is made of. */
struct whole {
    struct wherry_channels_view view; // first: it is what the caller has
    struct arena arena;
    struct tables tables;
    struct others others;
    struct pieces pieces;
    size_t own; // the first so many of these are the process's
    struct wherry_place self;
    struct wherry_view_channel *channels;
    size_t count;
    size_t readers; // of all of them
};

/* --- sockets ------------------------------------------------------------- */

// The object of the process's socket with that inode; none: there is no such.
static size_t find_socket(const struct tables *tables, uint64_t inode)
{
    for (size_t i = 0; inode && i < tables->object_count; i++)
        if (tables->objects[i].object == WHERRY_OBJECT_SOCKET &&
            tables->objects[i].inode == inode)
            return i;
    return none;
}

static int number_of(const struct tables *tables, size_t object)
{
    for (size_t i = 0; i < tables->description_count; i++)
        if (tables->descriptions[i].object == object)
            return tables->descriptions[i].numbers[0];
    return -1;
}

// Whether a socket was accepted by that listener: it has its address, and a peer.
static bool is_accepted(const struct tables *tables, size_t listener, size_t socket)
{
    return socket != listener && tables->peers[socket] != 0 &&
           *tables->objects[listener].local &&
           strcmp(tables->objects[socket].local, tables->objects[listener].local) == 0;
}

/* --- looking ------------------------------------------------------------- */

static int look_at_ends(struct whole *whole, size_t socket)
{
    const struct wherry_view_object *object = &whole->tables.objects[socket];
    int r = 0;
    for (size_t i = 0; r == 0 && i < object->end_count; i++)
        r = pieces_add_other(&whole->pieces, object->ends[i].pid);
    return r;
}

static int look_at_readers(struct whole *whole, size_t listener)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < whole->tables.object_count; i++)
        if (is_accepted(&whole->tables, listener, i))
            r = look_at_ends(whole, i);
    return r;
}

static int look_at_others(struct whole *whole)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < whole->own; i++) {
        const struct wherry_memory_info *info = &whole->pieces.all[i].info;
        const size_t socket = find_socket(&whole->tables, info->carrier);
        if (socket == none)
            continue;
        r = info->use == WHERRY_MEMORY_TOPIC ? look_at_readers(whole, socket)
                                             : look_at_ends(whole, socket);
    }
    return r;
}

/* --- what is missing ----------------------------------------------------- */

static const char *why_unreadable(const struct piece *piece)
{
    return *piece->why ? piece->why : "its memory may not be read by this user";
}

static const char *why_no_peer(const struct whole *whole, size_t socket)
{
    const int cause = whole->tables.sockets_cause;
    const struct wherry_view_object *object =
        socket == none ? NULL : &whole->tables.objects[socket];
    if (!object)
        return "its socket is not among what the process has open";
    if (cause && cause != -E2BIG)
        return cause == -EXDEV ? "the process is in another network namespace: who has "
                                 "the other end is not known"
                               : "the kernel does not tell who has the other end";
    if (whole->tables.peers[socket] == 0)
        return "the other end is closed";
    for (size_t i = 0; i < whole->pieces.count; i++)
        for (size_t j = 0; j < object->end_count; j++)
            if (whole->pieces.all[i].cause &&
                whole->pieces.all[i].pid == object->ends[j].pid)
                return why_unreadable(&whole->pieces.all[i]);
    return object->end_count == 0
               ? "no process that may be looked into has the other end"
               : "the other end's memory was not found in its process";
}

/* --- channels ------------------------------------------------------------ */

static struct piece *find_own(const struct whole *whole, enum wherry_memory_use use,
                              uint64_t carrier)
{
    return pieces_find(&whole->pieces, use, carrier, &whole->self, 1);
}

static struct piece *find_theirs(const struct whole *whole, enum wherry_memory_use use,
                                 size_t socket)
{
    if (socket == none)
        return NULL;
    const struct wherry_view_object *object = &whole->tables.objects[socket];
    return pieces_find(&whole->pieces, use, whole->tables.peers[socket], object->ends,
                       object->end_count);
}

static void look_again(const struct whole *whole, struct piece *piece)
{
    if (piece)
        piece_look_again(&whole->pieces, whole->tables.directory, piece);
}

static void count_memory(struct wherry_view_channel *out, const struct piece *piece)
{
    out->memory += piece ? (int64_t)piece->info.memory : 0;
}

static void tell_flows(struct whole *whole, struct piece *own, size_t socket,
                       struct wherry_view_channel *out)
{
    const uint64_t carrier = own->info.carrier;
    const struct piece before = *own;
    const struct piece *theirs = find_theirs(whole, WHERRY_MEMORY_CHANNEL, socket);
    struct piece *pool = find_own(whole, WHERRY_MEMORY_POOL, carrier);
    const struct flow_ends in = {.writer = theirs,
                                 .reader = &before,
                                 .pool = find_theirs(whole, WHERRY_MEMORY_POOL, socket),
                                 .returns =
                                     find_own(whole, WHERRY_MEMORY_RETURNS, carrier)};
    const struct flow_ends ends = {
        .writer = own,
        .reader = theirs,
        .pool = pool,
        .returns = find_theirs(whole, WHERRY_MEMORY_RETURNS, socket)};
    flow_tell(&in, &out->in);
    look_again(whole, own);
    look_again(whole, pool);
    flow_tell(&ends, &out->out);
    const struct piece *all[] = {theirs, in.pool, in.returns, pool, ends.returns};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        count_memory(out, all[i]);
    if (!theirs)
        out->why = why_no_peer(whole, socket);
}

/* --- topics -------------------------------------------------------------- */

static const struct wherry_place *place_in(const struct wherry_view_object *socket,
                                           int64_t pid)
{
    for (size_t i = 0; i < socket->end_count; i++)
        if (socket->ends[i].pid == pid)
            return &socket->ends[i];
    return NULL;
}

// Of the processes that have the socket, the one that says it made the memory, or has
// it; without memory the first.
static const struct wherry_place *place_of(const struct wherry_view_object *socket,
                                           const struct piece *piece)
{
    const struct wherry_place *place =
        piece ? place_in(socket, piece->info.maker) : socket->ends;
    return place || !piece ? place : place_in(socket, piece->pid);
}

static void tell_reader(const struct piece *reader, struct wherry_view_reader *out)
{
    out->number = reader->number;
    out->received_messages = flow_count(reader->info.received_messages);
    out->lost_messages = flow_count(reader->info.lost_messages);
    out->sleeps = reader->info.waits_for_messages;
}

static int measure_lag(const struct whole *whole, struct piece *topic, uint64_t read,
                       struct wherry_reader *out)
{
    const bool is_own = topic->pid == whole->self.pid;
    int directory = is_own ? whole->tables.directory : proc_open(topic->pid);
    int fd = directory < 0 ? -ESRCH : piece_open(&whole->pieces, directory, topic);
    int r = fd < 0 ? fd : wherry_memory_behind(fd, read, out);
    if (fd >= 0)
        memory_close(fd);
    if (directory >= 0 && !is_own)
        proc_close(directory);
    return r;
}

// What it says it has read was looked at before what is written.
static void tell_lag(const struct whole *whole, struct piece *topic,
                     const struct piece *reader, struct wherry_view_reader *out)
{
    struct wherry_reader lag;
    const uint64_t read = reader->info.read;
    if (read > topic->info.written || measure_lag(whole, topic, read, &lag) < 0)
        return;
    out->behind_bytes = flow_count(lag.behind_bytes);
    out->overtaken = lag.overtaken;
    if (lag.behind_bytes > 0 && lag.behind_messages == 0)
        return; // overwritten while it was looked at, or made up
    out->behind_messages = flow_count(lag.behind_messages);
    out->behind_age = lag.behind_age;
}

static struct wherry_view_reader *add_reader(struct whole *whole,
                                             struct wherry_view_channel *out)
{
    struct wherry_view_reader *list =
        (struct wherry_view_reader *)(uintptr_t)out->readers;
    whole->pieces.is_cut |= whole->readers == READERS_MOST;
    if (whole->readers == READERS_MOST)
        return NULL;
    list = arena_room(&whole->arena, list, out->reader_count, sizeof(*list));
    if (!list)
        return NULL;
    whole->readers++;
    out->readers = list;
    struct wherry_view_reader *reader = &list[out->reader_count++];
    *reader = (struct wherry_view_reader){.pid = -1,
                                          .number = -1,
                                          .name = "",
                                          .received_messages = -1,
                                          .lost_messages = -1,
                                          .behind_messages = -1,
                                          .behind_bytes = -1,
                                          .behind_age = -1,
                                          .overtaken = -1,
                                          .sleeps = -1,
                                          .why = ""};
    return reader;
}

static void add_reader_behind(struct whole *whole, struct piece *topic, size_t socket,
                              struct wherry_view_channel *out)
{
    struct wherry_view_reader *reader = add_reader(whole, out);
    if (!reader)
        return;
    const struct piece *piece = find_theirs(whole, WHERRY_MEMORY_READER, socket);
    const struct wherry_place *place = place_of(&whole->tables.objects[socket], piece);
    if (place) {
        reader->pid = place->pid;
        reader->name = place->name;
    }
    if (piece) {
        tell_reader(piece, reader);
        tell_lag(whole, topic, piece, reader);
    } else {
        reader->why = why_no_peer(whole, socket);
    }
}

static void tell_topic(struct whole *whole, struct piece *own, size_t socket,
                       struct wherry_view_channel *out)
{
    const uint64_t size = own->info.size;
    flow_tell(&(struct flow_ends){.writer = NULL}, &out->in);
    look_again(whole, own);
    flow_tell(&(struct flow_ends){.writer = own}, &out->out);
    const uint64_t there = own->info.written - own->info.oldest;
    out->out.used = there <= size ? (int64_t)there : -1;
    if (socket == none)
        out->why = why_no_peer(whole, socket);
    for (size_t i = 0; socket != none && i < whole->tables.object_count; i++)
        if (is_accepted(&whole->tables, socket, i))
            add_reader_behind(whole, own, i, out);
}

static struct piece *find_topic(const struct whole *whole, const struct piece *reader,
                                size_t socket)
{
    const struct wherry_view_object *object = &whole->tables.objects[socket];
    for (size_t i = 0; i < whole->pieces.count; i++) {
        struct piece *piece = &whole->pieces.all[i];
        if (!piece->cause && piece->info.use == WHERRY_MEMORY_TOPIC &&
            piece->inode == reader->info.reads &&
            pieces_is_among(object->ends, object->end_count, piece->pid))
            return piece;
    }
    return NULL;
}

// It has one reader: itself.
static void tell_reading(struct whole *whole, struct piece *own, size_t socket,
                         struct wherry_view_channel *out)
{
    struct piece *topic = socket == none ? NULL : find_topic(whole, own, socket);
    flow_tell(&(struct flow_ends){.writer = topic, .reader = own}, &out->in);
    flow_tell(&(struct flow_ends){.writer = NULL}, &out->out);
    count_memory(out, topic);
    struct wherry_view_reader *reader = add_reader(whole, out);
    if (!reader)
        return;
    reader->pid = own->pid;
    tell_reader(own, reader);
    if (topic)
        tell_lag(whole, topic, own, reader);
    else
        out->why = why_no_peer(whole, socket);
}

/* --- all of it ----------------------------------------------------------- */

static void (*const tellers[])(struct whole *, struct piece *, size_t socket,
                               struct wherry_view_channel *) = {
    [WHERRY_MEMORY_CHANNEL] = tell_flows,
    [WHERRY_MEMORY_TOPIC] = tell_topic,
    [WHERRY_MEMORY_READER] = tell_reading,
};

static const size_t teller_count = sizeof(tellers) / sizeof(tellers[0]);

// The listener's; whoever dials may have got one of the kernel's, which nobody knows.
static const char *address_of(const struct wherry_view_object *socket)
{
    const bool is_kernels = strncmp(socket->local, "unix:@", 6) == 0;
    return *socket->local && !(is_kernels && *socket->peer) ? socket->local
                                                            : socket->peer;
}

static void tell_channel(struct whole *whole, struct piece *own,
                         struct wherry_view_channel *out)
{
    const size_t socket = find_socket(&whole->tables, own->info.carrier);
    *out = (struct wherry_view_channel){.use = own->info.use,
                                        .number = own->number,
                                        .socket = -1,
                                        .maker = own->info.maker,
                                        .memory = (int64_t)own->info.memory,
                                        .address = "",
                                        .why = ""};
    flow_tell(&(struct flow_ends){.writer = NULL}, &out->in);
    flow_tell(&(struct flow_ends){.writer = NULL}, &out->out);
    if (own->cause) {
        out->why = why_unreadable(own);
        return;
    }
    if (socket != none) {
        const struct wherry_view_object *object = &whole->tables.objects[socket];
        out->socket = number_of(&whole->tables, socket);
        out->address = address_of(object);
        out->peers = object->ends;
        out->peer_count = object->end_count;
    }
    tellers[own->info.use](whole, own, socket, out);
}

static bool is_channel(const struct piece *piece)
{
    return piece->cause ||
           ((size_t)piece->info.use < teller_count && tellers[piece->info.use]);
}

static int tell_channels(struct whole *whole)
{
    whole->channels =
        arena_take(&whole->arena, (whole->own + 1) * sizeof(*whole->channels));
    for (size_t i = 0; whole->channels && i < whole->own; i++) {
        if (!is_channel(&whole->pieces.all[i]))
            continue;
        whole->pieces.is_cut |= whole->count == CHANNELS_MOST;
        if (whole->count == CHANNELS_MOST)
            break;
        tell_channel(whole, &whole->pieces.all[i], &whole->channels[whole->count++]);
    }
    return whole->arena.failed ? -ENOMEM : 0;
}

static int look_at_memory(struct whole *whole)
{
    struct pieces *pieces = &whole->pieces;
    int r = memory_device(&pieces->device);
    if (r == 0)
        r = pieces_add(pieces, whole->tables.directory, whole->self.pid);
    whole->own = pieces->count;
    pieces->numbers_most = whole->others.most;
    if (r == 0)
        r = look_at_others(whole);
    return r == 0 ? tell_channels(whole) : r;
}

static int look(struct whole *whole, const struct wherry_inspect_wish *wish)
{
    struct tables *tables = &whole->tables;
    struct wherry_channels_view *view = &whole->view;
    int r = state_look(tables->directory, tables->pid, &view->state);
    if (r == 0)
        r = tables_look(tables, whole->pieces.numbers_most);
    if (r == 0 && !(wish && wish->alone))
        r = others_look(tables, &whole->others);
    if (r == 0 && tables->descriptors_cause == 0)
        r = look_at_memory(whole);
    if (r == -EACCES || r == -EPERM) { // by now: it ends, or has become somebody else
        tables->descriptors_cause = r;
        whole->count = 0;
        r = 0;
    }
    view->channels = whole->channels;
    view->channel_count = whole->count;
    view->descriptors_cause = tables->descriptors_cause;
    view->sockets_cause = tables->sockets_cause;
    view->processes = whole->others.processes;
    view->unseen = whole->others.unseen;
    view->is_cut = whole->others.is_cut || whole->pieces.is_cut;
    return r;
}

static void begin(struct whole *whole, int64_t pid, int directory,
                  const struct wherry_inspect_wish *wish)
{
    whole->self.pid = pid;
    whole->tables =
        (struct tables){.arena = &whole->arena, .directory = directory, .pid = pid};
    whole->others.most = wish && wish->others_most ? wish->others_most : OTHERS_MOST;
    whole->pieces.arena = &whole->arena;
    whole->pieces.numbers_most =
        wish && wish->descriptors_most ? wish->descriptors_most : DESCRIPTORS_MOST;
}

int wherry_inspect_channels(int64_t pid, const struct wherry_inspect_wish *wish,
                            struct wherry_channels_view **out)
{
    int directory = proc_open(pid);
    if (directory < 0)
        return directory;
    struct whole *whole = calloc(1, sizeof(*whole));
    int r = whole ? 0 : -ENOMEM;
    if (r == 0) {
        begin(whole, pid, directory, wish);
        r = look(whole, wish);
    }
    proc_close(directory);
    if (r == 0)
        *out = &whole->view;
    else if (whole)
        wherry_channels_view_free(&whole->view);
    return r;
}

void wherry_channels_view_free(struct wherry_channels_view *view)
{
    struct whole *whole = (struct whole *)view;
    if (!whole)
        return;
    arena_free(&whole->arena);
    free(whole);
}
