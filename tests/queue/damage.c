/* SPDX-License-Identifier: MIT */
/*
 * queue: strangers at its memory: other namespaces, other files in its place, nonsense
 * in it, and a file system that is full.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "queue_inside.h"
#include "queue_talk.h"

/* --- strangers and damage ------------------------------------------------ */

static void open_elsewhere(void *argument)
{
    wherry_channel *out;
    (void)argument;
    FAILS(wherry_dial("queue:boat", soon(), &out), -EXDEV, "pid namespace");
}

TEST(another_pid_namespace_is_refused)
{
    wherry_channel *out = writer("queue:boat");
    harness_in_own_namespace(open_elsewhere, NULL);
    close_all(out, NULL);
}

static void put_file(const void *bytes, size_t size)
{
    harness_write_file("wherry/boat.queue", bytes, size);
    CHECK_INT(chmod(harness_path("wherry/boat.queue"), 0600), 0);
}

TEST(what_is_no_queue_is_refused)
{
    wherry_channel *out;
    char bytes[8192] = "something else";
    put_file(bytes, sizeof(bytes));
    FAILS(wherry_dial("queue:boat", soon(), &out), -EPROTO, "no queue");
    put_file("", 0);
    FAILS(wherry_dial("queue:boat", soon(), &out), -EPROTO, "no queue");
    put_file("wherry-q", 8);
    FAILS(wherry_dial("queue:boat", soon(), &out), -EPROTO, "no queue");
    memset(bytes, 0xff, sizeof(bytes));
    memcpy(bytes, "wherry-q", 8);
    put_file(bytes, sizeof(bytes));
    FAILS(wherry_dial("queue:boat", soon(), &out), -EPROTO, "version 4294967295");
    WORKS(wherry_remove("queue:boat"));
    wherry_close(writer("queue:boat"));
    CHECK_INT(truncate(harness_path("wherry/boat.queue"), 4096), 0);
    FAILS(wherry_dial("queue:boat", soon(), &out), -EPROTO, "do not fit");
    WORKS(wherry_remove("queue:boat"));
    CHECK_INT(symlink("/dev/zero", harness_path("wherry/boat.queue")), 0);
    CHECK(wherry_dial("queue:boat", soon(), &out) < 0);
    CHECK_INT(unlink(harness_path("wherry/boat.queue")), 0);
    CHECK_INT(mkdir(harness_path("wherry/boat.queue"), 0700), 0);
    FAILS(wherry_dial("queue:boat", soon(), &out), -ENOTSUP, "something else");
    CHECK_INT(rmdir(harness_path("wherry/boat.queue")), 0);
}

// As it is without a sanitizer, which has a handler of its own.
static void put_into_nothing(void *argument)
{
    wherry_channel *out = writer("queue:boat");
    (void)argument;
    CHECK(signal(SIGBUS, SIG_DFL) != SIG_ERR);
    CHECK_INT(truncate(harness_path("wherry/boat.queue"), 0), 0);
    put(out, "into nothing", 1);
}

// As the headers say: any process of its user can do that to the others.
TEST(one_that_is_made_smaller_ends_who_uses_it)
{
    CHECK_INT(harness_wait(harness_child(put_into_nothing, NULL)), -SIGBUS);
    WORKS(wherry_remove("queue:boat"));
}

struct image {
    uint32_t *words;
    size_t size;
};

static struct image look_into(void)
{
    struct image image;
    struct stat status;
    int file = open(harness_path("wherry/boat.queue"), O_RDWR | O_CLOEXEC);
    CHECK_INT(fstat(file, &status), 0);
    image.size = (size_t)status.st_size;
    image.words = mmap(NULL, image.size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(image.words != MAP_FAILED);
    close(file);
    return image;
}

// Dies with the readers' lock, and the first message half read.
static void die_reading(void *argument)
{
    struct shared_queue queue = {.slot_count = 0};
    struct image image = look_into();
    struct shared_queue_header *header = (void *)image.words;
    (void)argument;
    queue.places.space = header->common.space;
    wherry_channel *in = reader("queue:boat"); // has the second place
    WORKS(shared_queue_know(&queue, header, image.size));
    const uint64_t who = atomic_load(&queue.places.all[1].word) << 10 >> 10;
    const uint64_t read = atomic_load(&queue.readers->read);
    const uint32_t slot = entry_at(&queue, queue.arrivals, read);
    CHECK_INT(owner_pid(who), getpid());
    atomic_store(&queue.readers->lock,
                 UINT64_C(1) << (OWNER_PID_BITS + OWNER_GENERATION_BITS) | who);
    atomic_store(&queue.slots[slot].state, state_word(QUEUE_READING, read));
    CHECK(in != NULL);
    raise(SIGKILL);
}

static void read_beside_the_dead(const char *address, int lost)
{
    wherry_channel *out = writer(address);
    put(out, "first", 1);
    put(out, "second", 2);
    CHECK_INT(harness_wait(harness_child(die_reading, NULL)), -SIGKILL);
    wherry_channel *in = reader("queue:boat");
    CHECK_INT(info_of(in).waiting_messages, 2);
    if (!lost)
        take(in, 0, "first", 1);
    take(in, 0, "second", 2);
    hear_nothing(in);
    CHECK_INT(info_of(in).lost_messages, lost);
    CHECK_INT(info_of(in).waiting_messages, 0);
    for (int i = 0; i < 4; i++) // and its room is there again
        put(out, "more", 3);
    close_all(out, in);
}

TEST(a_message_that_somebody_died_reading_comes_again)
{
    read_beside_the_dead("queue:boat?maxsize=4", 0);
}

TEST(or_it_counts_as_lost_where_the_queue_was_made_so)
{
    read_beside_the_dead("queue:boat?maxsize=4&unread=lost", 1);
}

static void use(wherry_channel *out, wherry_channel *in, int round)
{
    static char bytes[3000];
    wherry_message *message = NULL;
    int64_t kind;
    (void)wherry_write(out, bytes, (size_t)round % 3 * 1500, round % 4, 0,
                       wherry_after(2));
    (void)wherry_write(out, bytes, 10, round % 4, 0, WHERRY_POLL);
    if (wherry_recv_kind(in, round % 7 - 3, &message, wherry_after(2)) == 1)
        wherry_message_free(message);
    (void)wherry_peek(in, (size_t)round % 5, &kind);
    (void)info_of(out);
}

// Whoever may open it may write anything there: nobody crashes, or waits past a
// deadline.
TEST(nonsense_in_its_memory_hurts_nobody)
{
    wherry_channel *out = writer("queue:boat?maxsize=16&bytes=8K&handles=4");
    wherry_channel *in = reader("queue:boat");
    struct image image = look_into();
    unsigned seed = 42;
    const size_t count = image.size / sizeof(*image.words);
    for (int round = 0; round < 300; round++) {
        for (size_t i = 16; i < count; i++)
            if (round % 3 < 2 || rand_r(&seed) % 8 == 0)
                image.words[i] = round % 3 == 0   ? 0xffffffff
                                 : round % 3 == 1 ? (uint32_t)rand_r(&seed) << 8
                                                  : (uint32_t)rand_r(&seed) % 32;
        use(out, in, round);
    }
    munmap(image.words, image.size);
    wherry_close(out);
    wherry_close(in);
    WORKS(wherry_remove("queue:boat"));
}

TEST(whoever_sends_into_broken_memory_is_told_what_is_wrong_with_it)
{
    wherry_channel *out = writer("queue:boat?bytes=64K");
    wherry_channel *other;
    static const char bytes[5000];
    atomic_store(&inside(out)->writers->free, UINT32_MAX - 1);
    for (int i = 0; i < 2; i++) {
        FAILS(wherry_write(out, bytes, sizeof(bytes), 0, 0, WHERRY_POLL), -EPROTO,
              "the queue's memory is broken");
        FAILS(wherry_dial("queue:", soon(), &other), -EINVAL, "name"); // another one
    }
    close_all(out, NULL);
}

/* --- no room ------------------------------------------------------------- */

static void live_on_small_files(void *place)
{
    wherry_channel *second;
    CHECK_INT(setenv("WHERRY_DIR", place, 1), 0);
    wherry_channel *out = writer("queue:boat?bytes=64K&maxsize=32&handles=4");
    wherry_channel *in = reader("queue:boat");
    FAILS(wherry_dial("queue:raft", soon(), &second), -ENOSPC, "space");
    CHECK_INT(count_names(), 1);
    static char bytes[65536];
    WORKS(wherry_write(out, bytes, sizeof(bytes), 0, 0, WHERRY_POLL));
    CHECK_INT(wherry_read(in, bytes, sizeof(bytes), NULL, NULL, WHERRY_POLL), 65536);
    close_all(out, in);
}

TEST(its_room_is_there_from_the_beginning)
{
    harness_on_small_files("size=256k,mode=700", live_on_small_files);
}
