/* SPDX-License-Identifier: MIT */
/*
 * Rings whose other side lies: about its memory, and in it.  Each lie is an error that
 * says so, and none is believed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "rings.h"

enum { SIZE = RING_LEAST, SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

/* --- about it ------------------------------------------------------------ */

static int memory(off_t size, int seals)
{
    int fd = memfd_create("lie", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CHECK_OK(fd);
    CHECK_INT(ftruncate(fd, size), 0);
    struct ring_side side;
    int made;
    CHECK_OK(ring_make(SIZE, &side, &made));
    struct ring_page page = *side.page;
    ring_leave(&side);
    close(made);
    page.size = (uint64_t)(size - RING_FRONT);
    CHECK_INT(pwrite(fd, &page, sizeof(page), 0),
              size < (off_t)sizeof(page) ? size : (long)sizeof(page));
    CHECK_INT(fcntl(fd, F_ADD_SEALS, seals), 0);
    return fd;
}

static void refused(int fd, const char *why)
{
    struct ring_side side = {0};
    CHECK_ERROR(ring_attach(fd, &side), -EPROTO);
    CHECK_CONTAINS(wherry_error_text(), why);
    CHECK(side.page == NULL);
    close(fd);
}

TEST(memory_whose_size_can_change_is_refused)
{
    static const int each[] = {0, F_SEAL_SHRINK | F_SEAL_GROW,
                               F_SEAL_SHRINK | F_SEAL_SEAL | F_SEAL_FUTURE_WRITE,
                               F_SEAL_GROW | F_SEAL_SEAL | F_SEAL_FUTURE_WRITE, SEALS};
    for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++)
        refused(memory(RING_FRONT + SIZE, each[i]), "change");
}

TEST(memory_of_a_size_that_no_ring_has_is_refused)
{
    static const off_t sizes[] = {RING_FRONT,
                                  RING_FRONT + SIZE / 2,
                                  RING_FRONT + SIZE + 1,
                                  RING_FRONT + SIZE + 4096,
                                  RING_FRONT + 3 * SIZE,
                                  (off_t)RING_FRONT + 2 * RING_MOST};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        refused(memory(sizes[i], SEALS | F_SEAL_FUTURE_WRITE), "no ring");
}

TEST(what_is_no_memory_at_all_is_refused)
{
    int ends[2];
    char path[] = "/tmp/wherry-lie-XXXXXX";
    CHECK_INT(pipe2(ends, O_CLOEXEC), 0);
    refused(ends[0], "change");
    close(ends[1]);
    refused(open("/dev/zero", O_RDWR | O_CLOEXEC), "change");
    snprintf(path, sizeof(path), "%s", harness_path("lie"));
    refused(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), "change");
}

static int changed(void (*change)(struct ring_page *))
{
    int fd = memfd_create("lie", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    struct ring_page page;
    int from = memory(RING_FRONT + SIZE, SEALS | F_SEAL_FUTURE_WRITE);
    CHECK_INT(pread(from, &page, sizeof(page), 0), (long)sizeof(page));
    close(from);
    change(&page);
    CHECK_INT(ftruncate(fd, RING_FRONT + SIZE), 0);
    CHECK_INT(pwrite(fd, &page, sizeof(page), 0), (long)sizeof(page));
    CHECK_INT(fcntl(fd, F_ADD_SEALS, SEALS | F_SEAL_FUTURE_WRITE), 0);
    return fd;
}

static void other_magic(struct ring_page *page)
{
    page->magic[0] ^= 1;
}

static void other_version(struct ring_page *page)
{
    page->version++;
}

static void other_layout(struct ring_page *page)
{
    page->layout++;
}

static void other_size(struct ring_page *page)
{
    page->size *= 2;
}

TEST(memory_that_says_something_else_of_itself_is_refused)
{
    refused(changed(other_magic), "no ring");
    refused(changed(other_size), "no ring");
    refused(changed(other_version), "version 3");
    refused(changed(other_layout), "layout");
}

/* --- in it --------------------------------------------------------------- */

static struct rings rings;

static void start(void)
{
    rings_open(&rings, SIZE);
    ring_put(&rings.out, "abcdefgh", 8, 0, 3);
    (void)ring_publish(&rings.out);
}

static void broken(const char *why)
{
    struct ring_record record = {0};
    CHECK_ERROR(ring_next(&rings.in, &record), -EPROTO);
    CHECK_CONTAINS(wherry_error_text(), why);
    rings_close(&rings);
}

static _Atomic(uint64_t) *word(unsigned number)
{
    return (_Atomic(uint64_t) *)(void *)(rings.writer.data + number * sizeof(uint64_t));
}

static void mark_is(uint64_t mark, const char *why)
{
    start();
    atomic_store(word(0), mark);
    broken(why);
}

static uint64_t mark_of(uint64_t flags, uint64_t left)
{
    return (flags | RING_THERE) << RING_FLAGS_AT | left;
}

TEST(a_record_that_cannot_be_is_an_error)
{
    mark_is(1, "no known sort");
    mark_is(mark_of(RING_THERE << 1, 0), "no known sort");
    mark_is(mark_of(0x10000, 0), "no known sort");
    mark_is(mark_of(RING_SKIP | 1, 0), "no known sort");
    mark_is(mark_of(RING_SKIP, 0), "nothing stands before");
}

TEST(a_record_that_goes_over_the_end_of_the_ring_is_an_error)
{
    rings_open(&rings, SIZE);
    const uint64_t last = SIZE - RING_STEP;
    while (rings.in.head < last) {
        CHECK_INT(ring_has_room(&rings.out, 0), 1);
        ring_put(&rings.out, NULL, 0, 0, 0);
        (void)ring_publish(&rings.out);
        rings_take(&rings, "", 0, 0);
    }
    atomic_store(word((unsigned)(last / sizeof(uint64_t))), mark_of(0, 1));
    broken("longer than the ring");
}

TEST(a_kind_below_zero_is_an_error)
{
    start();
    atomic_store(word(1), UINT64_MAX);
    broken("kind");
}

// One skip leads to the beginning, and there no other can stand.
TEST(skips_without_end_are_an_error)
{
    start();
    rings_take(&rings, "abcdefgh", 8, 3);
    for (unsigned at = 0; at < SIZE / 8; at += 2)
        atomic_store(word(at), mark_of(RING_SKIP, 0));
    broken("no known sort");
}

static void head_is(uint64_t head)
{
    start();
    atomic_store(&rings.reader.page->reader.head, head);
    CHECK_ERROR(ring_find_room(&rings.out, SIZE), -EPROTO);
    CHECK_CONTAINS(wherry_error_text(), "has read");
    rings_close(&rings);
}

TEST(a_reader_that_has_read_what_was_never_written_is_an_error)
{
    head_is(3 * RING_STEP);
    head_is(UINT64_MAX);
    head_is(UINT64_C(1) << 63);
}

// How much is unread is theirs to say, and for nothing but to be shown.
TEST(a_tail_may_be_anything)
{
    start();
    atomic_store(&rings.writer.page->writer.tail, UINT64_MAX);
    CHECK_INT(ring_unread(&rings.in), 0);
    atomic_store(&rings.writer.page->writer.tail, SIZE + 1);
    CHECK_INT(ring_unread(&rings.in), 0);
    atomic_store(&rings.writer.page->writer.tail, SIZE);
    CHECK_INT(ring_unread(&rings.in), SIZE);
    rings_take(&rings, "abcdefgh", 8, 3);
    rings_close(&rings);
}

// What the other side says of its epochs costs a bell at most.
TEST(epochs_may_be_anything)
{
    start();
    unsigned rung = 0;
    for (uint32_t epoch = 0; epoch < 64; epoch++) {
        atomic_store(&rings.reader.page->sleeps.reader, epoch * 2654435761U);
        CHECK_INT(ring_has_room(&rings.out, 0), 1);
        ring_put(&rings.out, NULL, 0, 0, 0);
        rung += ring_publish(&rings.out);
    }
    CHECK_INT(rung, 32);
    rings_close(&rings);
}
