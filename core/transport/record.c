/* SPDX-License-Identifier: MIT */
/*
 * A message on its way out, with what its framing puts around it.
 */
#include "transport/record.h"

#include <string.h>

int record_encode(const struct framing *framing, const wherry_message *message,
                  bool counts_files, struct frame_edges *edges)
{
    uint32_t files = counts_files ? message->file_count : 0;
    struct frame_room room = {.head = edges->head, .tail = edges->tail};
    int r = record_encode_to(framing, message, files, &room);
    edges->place = room.place;
    return r;
}

static size_t add_piece(struct os_bytes *piece, const void *bytes, size_t size,
                        size_t *skip)
{
    if (*skip >= size) {
        *skip -= size;
        return 0;
    }
    *piece = (struct os_bytes){(const uint8_t *)bytes + *skip, size - *skip};
    *skip = 0;
    return 1;
}

size_t record_pieces(const struct frame_edges *edges, const wherry_message *message,
                     size_t offset, struct os_bytes pieces[RECORD_PIECES])
{
    size_t count = 0;
    count += add_piece(pieces + count, edges->head, edges->place.head_size, &offset);
    count += add_piece(pieces + count, message->data, message->size, &offset);
    count += add_piece(pieces + count, edges->tail, edges->place.tail_size, &offset);
    return count;
}

static size_t put(uint8_t *room, size_t at, const void *bytes, size_t size)
{
    if (size > 0)
        memcpy(room + at, bytes, size);
    return at + size;
}

size_t record_one_piece(const struct frame_edges *edges, const wherry_message *message,
                        uint8_t room[RECORD_SMALL],
                        struct os_bytes pieces[RECORD_PIECES])
{
    if (record_size(edges, message) > RECORD_SMALL)
        return record_pieces(edges, message, 0, pieces);
    size_t size = put(room, 0, edges->head, edges->place.head_size);
    size = put(room, size, message->data, message->size);
    size = put(room, size, edges->tail, edges->place.tail_size);
    pieces[0] = (struct os_bytes){room, size};
    return 1;
}

void record_sent(struct message_store *store, wherry_message **message)
{
    if ((*message)->borrowed)
        return;
    message_store_put(store, *message);
    *message = NULL;
}
