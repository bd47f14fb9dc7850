/* SPDX-License-Identifier: MIT */
/*
 * Onlookers: what pages say of themselves is told as it stands there, from a descriptor
 * that only reads; and what is no page of ours, or cannot be, is an error.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "memory/fan.h"
#include "memory/pool.h"
#include "rings.h"

enum { SIZE = RING_LEAST, ALL = RING_FRONT + SIZE, FEW = 100 };

/* The same memory, open for reading alone, as another process would have it. */
static int seen_from_outside(int file)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    CHECK_OK(fd);
    return fd;
}

static struct wherry_memory_info info_of(int file)
{
    struct wherry_memory_info info;
    int fd = seen_from_outside(file);
    CHECK_OK(wherry_memory_describe(fd, &info, sizeof(info)));
    close(fd);
    return info;
}

/* --- what they say ------------------------------------------------------- */

TEST(an_end_tells_what_it_has_written_and_read)
{
    static const uint8_t bytes[FEW];
    struct rings rings;
    rings_open(&rings, SIZE);
    ring_tell_use(&rings.writer, RING_OF_CHANNEL, -1);
    ring_tell_use(&rings.reader, RING_OF_CHANNEL, -1);
    for (int i = 0; i < 3; i++) {
        ring_put(&rings.out, bytes, FEW, 0, i);
        rings.out.messages++;
        rings.out.bytes += FEW;
    }
    (void)ring_publish(&rings.out);
    struct wherry_memory_info info = info_of(rings.writer_file);
    CHECK_INT(info.use, WHERRY_MEMORY_CHANNEL);
    CHECK_INT(info.size, SIZE);
    CHECK_INT(info.memory, ALL);
    CHECK_INT(info.maker, getpid());
    CHECK_INT(info.carrier, 0);
    CHECK_INT(info.sent_messages, 3);
    CHECK_INT(info.sent_bytes, 3 * FEW);
    CHECK_INT(info.written, rings.out.tail);
    rings_take(&rings, bytes, FEW, 0);
    // What was received is told at once; that there is room for more, when it is much.
    info = info_of(rings.reader_file);
    CHECK_INT(info.received_messages, 1);
    CHECK_INT(info.received_bytes, FEW);
    CHECK_INT(info.read, 0);
    CHECK(!ring_in_sleeps(&rings.in));
    CHECK_INT(info_of(rings.reader_file).waits_for_messages, 1);
    ring_in_wakes(&rings.in);
    (void)ring_release(&rings.in);
    info = info_of(rings.reader_file);
    CHECK_INT(info.read, rings.in.head);
    CHECK_INT(info.waits_for_messages, 0);
    CHECK_INT(info.waits_for_room, 0);
    (void)ring_out_sleeps(&rings.out);
    CHECK_INT(info_of(rings.writer_file).waits_for_room, 1);
    rings_close(&rings);
}

TEST(the_socket_beside_it_is_told_by_its_inode)
{
    struct ring_side side;
    struct stat status;
    int file;
    int ends[2];
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
    CHECK_INT(fstat(ends[0], &status), 0);
    CHECK_OK(ring_make(SIZE, &side, &file));
    ring_tell_use(&side, RING_OF_CHANNEL, ends[0]);
    CHECK_INT(info_of(file).carrier, status.st_ino);
    ring_leave(&side);
    close(file);
    close(ends[0]);
    close(ends[1]);
}

static void publish(struct fan_out *fan, uint64_t size)
{
    static const uint8_t bytes[FEW];
    fan_put(fan,
            &(struct fan_record){.size = size, .at = wherry_now(), .payload = bytes});
    fan_show(fan);
}

static struct wherry_reader behind(int file, uint64_t read)
{
    struct wherry_reader out = {.pid = -1};
    int fd = seen_from_outside(file);
    CHECK_OK(wherry_memory_behind(fd, read, &out));
    close(fd);
    return out;
}

TEST(how_far_behind_a_reader_is_is_seen_as_its_writer_sees_it)
{
    struct ring_side writer, reader, seen;
    struct fan_out out;
    struct fan_in in;
    struct fan_record record;
    struct stat status;
    int files[2];
    CHECK_OK(ring_make(SIZE, &writer, &files[0]));
    CHECK_OK(ring_make(0, &reader, &files[1]));
    CHECK_OK(ring_attach(files[0], &seen));
    ring_tell_use(&writer, RING_OF_TOPIC, -1);
    ring_tell_use(&reader, RING_OF_READER, -1);
    ring_tell_source(&reader, files[0]);
    fan_out_start(&out, &writer, false);
    CHECK_OK(fan_in_start(&in, &reader, &seen, 0, 0));
    for (int i = 0; i < 5; i++)
        publish(&out, FEW);
    CHECK_INT(fan_next(&in, &record), 1);
    CHECK_INT(fan_took(&in, &record), 0);
    struct wherry_memory_info info = info_of(files[1]);
    CHECK_INT(info.use, WHERRY_MEMORY_READER);
    CHECK_INT(fstat(files[0], &status), 0);
    CHECK_INT(info.reads, status.st_ino);
    CHECK_INT(info.size, 0);
    CHECK_INT(info.received_messages, 1);
    struct wherry_reader lag = behind(files[0], info.read);
    CHECK_INT(lag.behind_messages, 4);
    CHECK_INT(lag.behind_bytes, out.ring.tail - in.ring.head);
    CHECK(lag.behind_age > 0);
    CHECK_INT(lag.overtaken, 0);
    // Over its end, again and again, at every place where it can begin anew.
    for (int i = 0; i < 5000; i++) {
        struct fan_lag seen_within;
        publish(&out, (uint64_t)i * 7 % FEW);
        lag = behind(files[0], info.read);
        fan_look_behind(&writer, info.read, &seen_within);
        CHECK_INT(lag.behind_messages, seen_within.messages);
        CHECK_INT(lag.behind_bytes, seen_within.bytes);
        CHECK_INT(lag.overtaken, seen_within.is_overtaken);
        CHECK(lag.behind_age > 0);
    }
    CHECK_INT(lag.overtaken, 1);
    CHECK_INT(info_of(files[0]).oldest, out.floor);
    CHECK_OK(fan_go_to_oldest(&in));
    CHECK_INT(fan_next(&in, &record), 1);
    const uint64_t lost = fan_took(&in, &record);
    CHECK(lost > 0);
    CHECK_INT(info_of(files[1]).lost_messages, lost);
    CHECK_INT(behind(files[0], out.ring.tail).behind_age, 0);
    ring_leave(&writer);
    ring_leave(&reader);
    ring_leave(&seen);
    close(files[0]);
    close(files[1]);
}

TEST(what_is_lent_and_what_came_back_is_counted)
{
    struct pool_out lends;
    struct pool_in borrows;
    struct pool_place place;
    const uint8_t *bytes;
    int files[2];
    CHECK_OK(pool_make(POOL_LEAST, &lends, &files[0]));
    CHECK_OK(pool_attach(files[0], &borrows, &files[1]));
    CHECK_OK(pool_hear_returns(&lends, files[1]));
    for (uint64_t sent = 1; sent <= FEW; sent++) {
        uint32_t block;
        CHECK_INT(pool_lend(&lends, 1 + sent % 3 * POOL_STEP, &block), 1);
        CHECK_INT(info_of(files[0]).blocks, sent - 1); // not before it is sent
        pool_send(&lends, block, 1, &place);
        CHECK_INT(info_of(files[0]).blocks, sent);
        CHECK_OK(pool_receive(&borrows, &place, &bytes));
        if (sent % 5 != 0)
            (void)pool_return(&borrows, (uint32_t)place.block);
    }
    struct wherry_memory_info info = info_of(files[0]);
    CHECK_INT(info.use, WHERRY_MEMORY_POOL);
    CHECK_INT(info.size, POOL_LEAST);
    CHECK_INT(info.waits_for_room, 0);
    (void)pool_sleeps(&lends);
    CHECK_INT(info_of(files[0]).waits_for_room, 1);
    info = info_of(files[1]);
    CHECK_INT(info.use, WHERRY_MEMORY_RETURNS);
    CHECK_INT(info.blocks, FEW - FEW / 5);
    pool_leave_in(&borrows);
    pool_leave_out(&lends);
    close(files[0]);
    close(files[1]);
}

TEST(each_use_has_a_name_and_what_is_none_has_not)
{
    CHECK_STRING(wherry_memory_use_name(WHERRY_MEMORY_CHANNEL), "channel");
    CHECK_STRING(wherry_memory_use_name(WHERRY_MEMORY_TOPIC), "topic");
    CHECK_STRING(wherry_memory_use_name(WHERRY_MEMORY_READER), "reader");
    CHECK_STRING(wherry_memory_use_name(WHERRY_MEMORY_POOL), "pool");
    CHECK_STRING(wherry_memory_use_name(WHERRY_MEMORY_RETURNS), "returns");
    CHECK_STRING(wherry_memory_use_name((enum wherry_memory_use)0), "");
    CHECK_STRING(wherry_memory_use_name((enum wherry_memory_use) - 1), "");
}

TEST(a_caller_of_an_older_release_gets_what_it_knows)
{
    struct ring_side side;
    struct wherry_memory_info info;
    int file;
    memset(&info, 0x5a, sizeof(info));
    CHECK_OK(ring_make(SIZE, &side, &file));
    ring_tell_use(&side, RING_OF_CHANNEL, -1);
    CHECK_OK(wherry_memory_describe(file, &info,
                                    offsetof(struct wherry_memory_info, maker)));
    CHECK_INT(info.memory, ALL);
    CHECK_INT(info.maker, 0x5a5a5a5a5a5a5a5a);
    CHECK_ERROR(wherry_memory_describe(file, &info, 0), -EINVAL);
    ring_leave(&side);
    close(file);
}

/* --- what is none -------------------------------------------------------- */

enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL };

static int memory(off_t size, int seals, const void *page, size_t page_size)
{
    int fd = memfd_create("lie", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CHECK_OK(fd);
    CHECK_INT(ftruncate(fd, size), 0);
    CHECK_INT(pwrite(fd, page, page_size, 0), (long)page_size);
    CHECK_INT(fcntl(fd, F_ADD_SEALS, seals), 0);
    return fd;
}

static void refused(int fd, const char *why)
{
    struct wherry_memory_info info = {.size = 4711};
    struct wherry_reader reader;
    CHECK_ERROR(wherry_memory_describe(fd, &info, sizeof(info)), -EPROTO);
    CHECK_CONTAINS(wherry_error_text(), why);
    CHECK_INT(info.size, 4711);
    CHECK_ERROR(wherry_memory_behind(fd, 0, &reader), -EPROTO);
    close(fd);
}

static const struct ring_page good = {
    .magic = RING_MAGIC, .version = RING_VERSION, .use = RING_OF_TOPIC, .size = SIZE};

static struct ring_page good_page(void)
{
    struct ring_page page = good;
    page.layout = ring_layout();
    return page;
}

TEST(memory_that_is_none_of_ours_is_refused)
{
    static const char none[] = "no memory of local:";
    struct ring_page page = good_page();
    int ends[2];
    refused(memory(ALL, 0, &page, sizeof(page)), none);
    refused(memory(ALL, F_SEAL_SHRINK | F_SEAL_GROW, &page, sizeof(page)), none);
    refused(memory(0, SEALS, &page, 0), none);
    refused(memory(3, SEALS, &page, 3), none);
    page.magic[0] ^= 1;
    refused(memory(ALL, SEALS, &page, sizeof(page)), none);
    CHECK_INT(pipe2(ends, O_CLOEXEC), 0);
    close(ends[1]);
    refused(ends[0], none);
    refused(open("/dev/zero", O_RDONLY | O_CLOEXEC), none);
    refused(open("/proc/self/status", O_RDONLY | O_CLOEXEC), none);
    CHECK_ERROR(wherry_memory_describe(-1, &(struct wherry_memory_info){.use = 0}, 8),
                -EPROTO);
}

TEST(another_release_is_told_by_both_versions)
{
    struct ring_page page = good_page();
    page.version = RING_VERSION - 1;
    refused(memory(ALL, SEALS, &page, sizeof(page)), "version 2, and this is 3");
    page = good_page();
    page.layout ^= 1;
    refused(memory(ALL, SEALS, &page, sizeof(page)), "layout");
    struct pool_page pool = {
        .magic = POOL_MAGIC, .version = POOL_VERSION + 1, .size = POOL_LEAST};
    refused(memory(POOL_FRONT + POOL_LEAST, SEALS, &pool, sizeof(pool)), "version 3");
    pool = (struct pool_page){.magic = POOL_MAGIC_OF_RETURNS, .version = 7};
    refused(memory(POOL_RETURNS_SIZE, SEALS, &pool, sizeof(pool)), "version 7");
}

TEST(numbers_that_cannot_be_are_refused)
{
    static const char broken[] = "do not fit";
    static const uint64_t sizes[] = {0, 1, SIZE / 2, SIZE + 1, SIZE * 3, UINT64_MAX};
    struct ring_page page = good_page();
    refused(memory(ALL + 1, SEALS, &page, sizeof(page)), broken);
    refused(memory(RING_FRONT, SEALS, &page, sizeof(page)), broken);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        page.size = sizes[i];
        refused(
            memory((off_t)(RING_FRONT + sizes[i] % ALL), SEALS, &page, sizeof(page)),
            broken);
    }
    page = good_page();
    page.use = RING_USES;
    refused(memory(ALL, SEALS, &page, sizeof(page)), broken);
    page.use = 0;
    refused(memory(ALL, SEALS, &page, sizeof(page)), broken);
    page.use = RING_OF_READER;
    refused(memory(ALL, SEALS, &page, sizeof(page)), broken);
    struct pool_page pool = {
        .magic = POOL_MAGIC, .version = POOL_VERSION, .size = POOL_LEAST};
    refused(memory(POOL_FRONT, SEALS, &pool, sizeof(pool)), broken);
    pool = (struct pool_page){.magic = POOL_MAGIC_OF_RETURNS, .version = POOL_VERSION};
    refused(memory(POOL_RETURNS_SIZE - 1, SEALS, &pool, sizeof(pool)), broken);
    refused(memory(128, SEALS, &pool, 128), broken);
}

// A page that claims anything is told, and nothing is done with it.
TEST(a_topic_that_claims_what_cannot_be_is_told_within_bounds)
{
    static const uint64_t lies[] = {0, 1, SIZE, SIZE + 32, 1ULL << 40, UINT64_MAX};

    enum { COUNT = sizeof(lies) / sizeof(lies[0]) };
    struct ring_page page = good_page();
    for (size_t i = 0; i < COUNT * COUNT; i++) {
        struct wherry_reader lag;
        page.writer.tail = lies[i % COUNT];
        page.writer.messages = lies[i / COUNT];
        page.fan.floor = lies[(i + i / COUNT) % COUNT];
        int fd = memory(ALL, SEALS, &page, sizeof(page));
        for (size_t j = 0; j < COUNT; j++) {
            CHECK_OK(wherry_memory_behind(fd, lies[j], &lag));
            CHECK_RANGE(lag.behind_bytes, 0, SIZE);
            CHECK_RANGE(lag.behind_age, 0, wherry_now());
        }
        close(fd);
    }
}
