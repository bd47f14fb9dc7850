/* SPDX-License-Identifier: MIT */
/*
 * A message on its way out, with what its framing puts around it.
 */
#include "transport/record.h"

#include <string.h>

static bool is_out_of_step(const wherry_message *message, size_t offset)
{
    size_t behind = (offset - (uintptr_t)message->data) % COPY_PAGE;
    return message->size >= COPY_LARGE && behind > 0 && behind < COPY_STEP;
}

int record_encode(const struct framing *framing, const wherry_message *message,
                  const struct record_way *way, struct frame_edges *edges)
{
    struct frame frame = {.word = (enum frame_word)message->word,
                          .size = message->size,
                          .kind = message->kind,
                          .files = way->counts_files ? message->file_count : 0};
    int r = record_check(framing, message->data, message->size);
    if (r >= 0)
        r = framing_encode(framing, &frame, edges);
    frame.is_padded = r >= 0 && frame.word == FRAME_MESSAGE &&
                      is_out_of_step(message, way->before + edges->place.head_size) &&
                      record_size_most(message->size) <= way->most;
    return frame.is_padded ? framing_encode(framing, &frame, edges) : r;
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
