/* SPDX-License-Identifier: MIT */
/*
 * One direction of a channel, out of what its two ends say.  Either may lie: what
 * cannot be is not known.
 */
#include "inspect/pieces.h"

int64_t flow_count(uint64_t count)
{
    return count <= INT64_MAX ? (int64_t)count : -1;
}

// How much of it has not arrived, at most that.
static int64_t on_the_way(uint64_t sent, uint64_t arrived, uint64_t most)
{
    return arrived <= sent && sent - arrived <= most ? (int64_t)(sent - arrived) : -1;
}

static void tell_writer(const struct wherry_memory_info *writer,
                        struct wherry_flow *out)
{
    out->ring = flow_count(writer->size);
    out->sent_messages = flow_count(writer->sent_messages);
    out->sent_bytes = flow_count(writer->sent_bytes);
    out->writer_sleeps = writer->waits_for_room;
}

static void tell_reader(const struct wherry_memory_info *reader,
                        struct wherry_flow *out)
{
    out->received_messages = flow_count(reader->received_messages);
    out->received_bytes = flow_count(reader->received_bytes);
    out->reader_sleeps = reader->waits_for_messages;
}

static void tell_both(const struct wherry_memory_info *writer,
                      const struct wherry_memory_info *reader, struct wherry_flow *out)
{
    out->used = on_the_way(writer->written, reader->read, writer->size);
    out->waiting_messages =
        on_the_way(writer->sent_messages, reader->received_messages, writer->size);
    out->waiting_bytes =
        on_the_way(writer->sent_bytes, reader->received_bytes, INT64_MAX);
}

static void tell_loans(const struct flow_ends *ends, struct wherry_flow *out)
{
    const struct piece *pool = ends->pool;
    const struct piece *returns = ends->returns;
    out->pool = pool ? flow_count(pool->info.size) : ends->writer ? 0 : -1;
    if (pool && pool->info.waits_for_room)
        out->writer_sleeps = 1;
    if (pool && returns)
        out->blocks =
            on_the_way(pool->info.blocks, returns->info.blocks, pool->info.size);
    else if (out->pool == 0)
        out->blocks = 0;
}

void flow_tell(const struct flow_ends *ends, struct wherry_flow *out)
{
    *out = (struct wherry_flow){.ring = -1,
                                .used = -1,
                                .sent_messages = -1,
                                .sent_bytes = -1,
                                .received_messages = -1,
                                .received_bytes = -1,
                                .waiting_messages = -1,
                                .waiting_bytes = -1,
                                .writer_sleeps = -1,
                                .reader_sleeps = -1,
                                .blocks = -1};
    if (ends->writer)
        tell_writer(&ends->writer->info, out);
    if (ends->reader)
        tell_reader(&ends->reader->info, out);
    if (ends->writer && ends->reader)
        tell_both(&ends->writer->info, &ends->reader->info, out);
    tell_loans(ends, out);
}
