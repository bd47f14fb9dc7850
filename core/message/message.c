/* SPDX-License-Identifier: MIT */
/*
 * Messages.
 *
 * One block of memory holds the struct and its bytes; only a message that grew has a
 * second. Open files, destinations and origins are rare and have blocks of their own.
 * A message has one owner and is not locked; freeing it hands it back to the store it
 * came from.
 */
#include "message/message.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "message/store.h"
#include "os/os.h"

static const struct wherry_peer nobody = {.pid = -1, .uid = -1, .gid = -1};

int wherry_message_new(size_t size, wherry_message **out)
{
    wherry_message *message;
    int r = message_block_new(size, &message);
    if (r < 0)
        return r;
    memset(message->data, 0, size);
    *out = message;
    return 0;
}

int wherry_message_copy(const void *bytes, size_t size, wherry_message **out)
{
    wherry_message *message;
    int r = message_block_new(size, &message);
    if (r < 0)
        return r;
    if (size > 0)
        memcpy(message->data, bytes, size);
    *out = message;
    return 0;
}

void *wherry_message_data(const wherry_message *message)
{
    return message->data;
}

size_t wherry_message_size(const wherry_message *message)
{
    return message->size;
}

static int grow(wherry_message *message, size_t size)
{
    uint8_t *bytes = malloc(size);
    if (!bytes)
        return failure(-ENOMEM, "no memory for a message of %zu bytes", size);
    memcpy(bytes, message->data, message->size < size ? message->size : size);
    free(message->own);
    if (message->lender)
        message->lender->take_back(message->lender, message);
    message->lender = NULL;
    message->own = message->data = bytes;
    message->capacity = size;
    return 0;
}

int wherry_message_resize(wherry_message *message, size_t size)
{
    if (size > message->capacity) {
        int r = grow(message, size);
        if (r < 0)
            return r;
    }
    if (size > message->size)
        memset(message->data + message->size, 0, size - message->size);
    message->size = size;
    return 0;
}

int64_t wherry_message_kind(const wherry_message *message)
{
    return message->kind;
}

int wherry_message_set_kind(wherry_message *message, int64_t kind)
{
    if (kind < 0)
        return failure(-EINVAL, "a kind is a number >= 0, not %lld", (long long)kind);
    message->kind = kind;
    return 0;
}

/* --- open files ---------------------------------------------------------- */

static int *files_resize(wherry_message *message, size_t count)
{
    int *files = realloc(message->files, count * sizeof(*files));
    if (files)
        message->files = files;
    return files;
}

uint64_t wherry_message_lost(const wherry_message *message)
{
    return message->lost;
}

int wherry_message_attach(wherry_message *message, wherry_native file)
{
    if (message->file_count >= MESSAGE_FILES)
        return failure(-E2BIG, "a message carries at most %d open files",
                       MESSAGE_FILES);
    int copy = os_duplicate(file);
    if (copy < 0)
        return failure(copy, "open file %d: %s", file, error_words(copy));
    if (!files_resize(message, message->file_count + 1u)) {
        os_close(copy);
        return failure_plain(-ENOMEM, "no memory for an open file");
    }
    message->files[message->file_count++] = copy;
    return 0;
}

int message_adopt_files(wherry_message *message, const int *files, size_t count)
{
    assert(message->file_count == 0 && count <= MESSAGE_FILES);
    if (!files_resize(message, count))
        return failure_plain(-ENOMEM, "no memory for open files");
    memcpy(message->files, files, count * sizeof(*files));
    message->file_count = (uint32_t)count;
    return 0;
}

size_t wherry_message_files(const wherry_message *message)
{
    return message->file_count;
}

wherry_native wherry_message_file(const wherry_message *message, size_t index)
{
    if (index >= message->file_count)
        return failure(-EINVAL, "the message has %u open files, none at %zu",
                       message->file_count, index);
    if (message->files[index] < 0)
        return failure(-EBADF, "open file %zu was taken already", index);
    return message->files[index];
}

wherry_native wherry_message_take_file(wherry_message *message, size_t index)
{
    int file = wherry_message_file(message, index);
    if (file >= 0)
        message->files[index] = -1;
    return file;
}

void message_close_files(wherry_message *message)
{
    for (uint32_t i = 0; i < message->file_count; i++)
        os_close(message->files[i]);
    free(message->files);
    message->files = NULL;
    message->file_count = 0;
}

/* --- who sent it, and where it goes -------------------------------------- */

int message_route(wherry_message *message, struct message_route **out)
{
    if (!message->route)
        message->route = calloc(1, sizeof(*message->route));
    if (!message->route)
        return failure_plain(-ENOMEM, "no memory for an address");
    *out = message->route;
    return 0;
}

static void show_origin(struct message_route *route)
{
    struct os_name from = {.size = route->from_size};
    memcpy(from.bytes, route->from, sizeof(route->from));
    os_name_print(&from, "udp", route->sender.address, sizeof(route->sender.address));
}

const struct wherry_peer *wherry_message_sender(const wherry_message *message)
{
    struct message_route *route = message->route;
    if (!route || !route->has_sender)
        return message->store ? message_store_peer(message->store) : &nobody;
    // The text of an origin is made when somebody asks for it.
    if (route->from_size > 0 && !route->sender.address[0])
        show_origin(route);
    return &route->sender;
}

int wherry_message_set_sender(wherry_message *message, const struct wherry_peer *peer)
{
    struct message_route *route;
    int r = message_route(message, &route);
    if (r < 0)
        return r;
    route->sender = *peer;
    route->has_sender = true;
    return 0;
}

int wherry_message_set_to(wherry_message *message, const char *to)
{
    struct os_name name = {0};
    int r = to ? os_name_read(to, &name) : 0;
    if (r < 0 || (!to && !message->route))
        return r;
    struct message_route *route;
    r = message_route(message, &route);
    if (r < 0)
        return r;
    route->to_size = name.size;
    memcpy(route->to, name.bytes, sizeof(route->to));
    return 0;
}

int wherry_message_reply_to(wherry_message *reply, const wherry_message *received)
{
    if (!received->route || received->route->from_size == 0)
        return failure(-EDESTADDRREQ,
                       "the sender has no address to reply to: it did not "
                       "bind one (unix: bind=PATH)");
    struct message_route *route;
    int r = message_route(reply, &route);
    if (r < 0)
        return r;
    route->to_size = received->route->from_size;
    memcpy(route->to, received->route->from, sizeof(route->to));
    return 0;
}

void message_borrow(wherry_message *message, const void *bytes, size_t size,
                    int64_t kind)
{
    // One by one: compilers zero a struct of this size by a loop that costs more than
    // the rest of a small send.
    message->data = (uint8_t *)(uintptr_t)bytes;
    message->size = size;
    message->capacity = size;
    message->kind = kind;
    message->word = 0;
    message->file_count = 0;
    message->files = NULL;
    message->route = NULL;
    message->store = NULL;
    message->next = NULL;
    message->lender = NULL;
    message->own = NULL;
    message->room = 0;
    message->queued_at = 0;
    message->lost = 0;
    message->borrowed = true;
    message->side = 0;
    message->files_lost = false;
}

static APART void free_with_files(wherry_message *message)
{
    message_close_files(message);
    message_block_free(message);
}

void wherry_message_free(wherry_message *message)
{
    if (!message || message->borrowed)
        return;
    if (message->files)
        free_with_files(message);
    else
        message_block_free(message);
}
