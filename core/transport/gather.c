/* SPDX-License-Identifier: MIT */
/*
 * Messages that leave together.
 *
 * A small message costs little more than its copy here: so what is added to a record is
 * written in its place, and the message goes straight back to its store.
 */
#include "transport/gather.h"

#include <string.h>

// Any record; its size, or an error of the framing's.  The head is written in its
// place: to copy it as soon as it is written would wait for the processor's stores.
static int64_t write_any(const struct framing *framing, enum frame_word word,
                         const struct wherry_plain *message, uint8_t *bytes)
{
    uint8_t tail[FRAMING_TAIL];
    struct frame_room room = {.head = bytes, .tail = tail};
    struct frame frame = {.word = word, .size = message->size, .kind = message->kind};
    int r = record_check(framing, message->data, message->size);
    if (r >= 0)
        r = framing->encode(&frame, &room);
    if (r < 0)
        return r;
    uint8_t *payload = bytes + room.place.head_size;
    if (message->size > 0)
        memcpy(payload, message->data, message->size);
    if (room.place.tail_size > 0)
        memcpy(payload + message->size, tail, room.place.tail_size);
    return (int64_t)(room.place.head_size + message->size + room.place.tail_size);
}

static inline int64_t write_record(const struct framing *framing, enum frame_word word,
                                   const struct wherry_plain *message, uint8_t *bytes)
{
    size_t head = framing->plain_head;
    if (head == 0 || word != FRAME_MESSAGE)
        return write_any(framing, word, message, bytes);
    framing->encode_plain(bytes, message->size, message->kind);
    if (message->size > 0)
        memcpy(bytes + head, message->data, message->size);
    return (int64_t)(head + message->size);
}

static APART int make_room(struct gathered *gathered, struct message_store *store,
                           size_t more)
{
    struct buffer *records = &gathered->records;
    size_t before = records->capacity;
    int r = buffer_reserve(records, more);
    if (r < 0)
        return failure_plain(r, "no memory to gather messages in");
    message_store_count(store, (int64_t)records->capacity - (int64_t)before);
    return 0;
}

static inline int add(struct gathered *gathered, const struct framing *framing,
                      struct message_store *store, enum frame_word word,
                      const struct wherry_plain *message)
{
    struct buffer *records = &gathered->records;
    size_t most = record_size_most(message->size);
    int r = buffer_room(records) < most ? make_room(gathered, store, most) : 0;
    if (r < 0)
        return r;
    int64_t size = write_record(framing, word, message, buffer_back(records));
    if (size < 0)
        return (int)size;
    if (records->size == 0)
        gathered->since = wherry_now();
    records->size += (size_t)size;
    gathered->count++;
    return 0;
}

int gathered_add(struct gathered *gathered, const struct framing *framing,
                 struct message_store *store, wherry_message **message)
{
    const wherry_message *whole = *message;
    struct wherry_plain plain = {whole->data, whole->size, whole->kind, NULL};
    int r = add(gathered, framing, store, (enum frame_word)whole->word, &plain);
    if (r >= 0)
        message_store_sent(store, message);
    return r;
}

size_t gathered_add_run(struct gathered *gathered, const struct framing *framing,
                        struct message_store *store,
                        const struct wherry_plain *messages, size_t count)
{
    size_t done = 0;
    while (done < count && gathered_is_small(messages[done].size) &&
           gathered_fits(gathered, messages[done].size) &&
           add(gathered, framing, store, FRAME_MESSAGE, &messages[done]) >= 0)
        done++;
    return done;
}

void gathered_consume(struct gathered *gathered, size_t size)
{
    buffer_consume(&gathered->records, size);
    if (gathered->records.size == 0)
        gathered->count = 0;
}

void gathered_describe(const struct gathered *gathered,
                       struct wherry_channel_info *info)
{
    info->queued_messages += gathered->count;
    info->queued_bytes += gathered->records.size;
    if (gathered->records.size > 0)
        info->queued_age = wherry_now() - gathered->since;
}

void gathered_rest(struct gathered *gathered, struct message_store *store)
{
    if (gathered->records.size > 0)
        return;
    message_store_count(store, -(int64_t)gathered->records.capacity);
    buffer_release(&gathered->records);
}

void gathered_close(struct gathered *gathered)
{
    buffer_release(&gathered->records);
}
