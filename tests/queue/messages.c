/* SPDX-License-Identifier: MIT */
/*
 * queue: what a user of a message queue in shared memory knows: kinds, room, processes,
 * and what stays.  Who waits is in waiting.c, what others do to its memory in damage.c.
 */
#define _GNU_SOURCE // MAP_ANONYMOUS
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "queue_talk.h"

/* --- kinds --------------------------------------------------------------- */

TEST(a_message_is_picked_as_msgrcv_picks_and_the_rest_stays_in_the_queue)
{
    wherry_channel *out = writer("queue:boat");
    wherry_channel *in = reader("queue:boat");
    wherry_message *message;
    put(out, "five", 5);
    put(out, "two", 2);
    put(out, "none", 0);
    put(out, "two again", 2);
    CHECK_ERROR(wherry_recv_kind(in, 4, &message, WHERRY_POLL), -EAGAIN);
    CHECK_ERROR(wherry_recv_kind(in, 4, &message, at_once()), -ETIMEDOUT);
    CHECK_INT(info_of(in).waiting_messages, 4);
    CHECK_INT(info_of(in).held_messages, 0);
    take(in, 2, "two", 2);
    take(in, -3, "none", 0);
    take(in, -3, "two again", 2);
    CHECK_ERROR(wherry_recv_kind(in, -3, &message, WHERRY_POLL), -EAGAIN);
    take(in, 0, "five", 5);
    put(out, "largest", INT64_MAX);
    take(in, -INT64_MAX, "largest", INT64_MAX);
    close_all(out, in);
}

TEST(of_equals_the_first_comes_first_whatever_was_passed_over)
{
    wherry_channel *out = writer("queue:boat");
    wherry_channel *in = reader("queue:boat");
    char text[16];
    for (int i = 0; i < 30; i++) {
        snprintf(text, sizeof(text), "%d", i);
        put(out, text, i % 3 + 1);
    }
    for (int i = 0; i < 30; i += 3) { // all of kind 1, the lowest
        snprintf(text, sizeof(text), "%d", i);
        take(in, -2, text, 1);
    }
    for (int i = 2; i < 30; i += 6) { // half of kind 3
        snprintf(text, sizeof(text), "%d", i / 2 * 1);
        wherry_message *message = NULL;
        WORKS(wherry_recv_kind(in, 3, &message, soon()));
        wherry_message_free(message);
    }
    put(out, "late", 2);
    for (int i = 1; i < 30; i++) {
        snprintf(text, sizeof(text), "%d", i);
        if (i % 3 == 1 || (i % 3 == 2 && i > 15))
            take(in, 0, text, i % 3 + 1);
    }
    take(in, 0, "late", 2);
    close_all(out, in);
}

/* --- room ---------------------------------------------------------------- */

static void exchange(wherry_channel *out, wherry_channel *in, size_t size)
{
    uint8_t *bytes = malloc(size + 1);
    uint8_t *back = malloc(size + 1);
    CHECK(bytes && back);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    WORKS(wherry_write(out, bytes, size, 1, 0, soon()));
    CHECK_INT(info_of(in).unread_bytes, size);
    CHECK_INT(wherry_read(in, back, size, NULL, NULL, soon()), (int64_t)size);
    CHECK(memcmp(bytes, back, size) == 0);
    free(bytes);
    free(back);
}

TEST(a_message_has_any_size_up_to_the_bound)
{
    static const size_t sizes[] = {0,    1,    88,   89,    1023,   1024,
                                   1025, 2048, 5000, 65536, 100000, 102400};
    wherry_channel *out = writer("queue:boat?bytes=100K");
    wherry_channel *in = reader("queue:boat");
    CHECK_INT(info_of(out).message_limit, 102400);
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
            exchange(out, in, sizes[i]);
    char *large = calloc(1, 102401);
    FAILS(wherry_write(out, large, 102401, 0, 0, WHERRY_POLL), -EMSGSIZE, "102400");
    free(large);
    close_all(out, in);
}

TEST(full_and_empty_are_told_apart_from_all_else)
{
    wherry_channel *out = writer("queue:boat?maxsize=2");
    wherry_channel *in = reader("queue:boat");
    wherry_message *message;
    CHECK_ERROR(wherry_recv(in, &message, WHERRY_POLL), -EAGAIN);
    CHECK_ERROR(wherry_recv(in, &message, at_once()), -ETIMEDOUT);
    put(out, "one", 1);
    put(out, "two", 2);
    CHECK_INT(info_of(out).waiting_messages, 2);
    CHECK_INT(info_of(out).waiting_most, 2);
    CHECK_INT(info_of(out).unsent_bytes, 6);
    CHECK_ERROR(wherry_write(out, "three", 5, 3, 0, WHERRY_POLL), -EAGAIN);
    CHECK_ERROR(wherry_write(out, "three", 5, 3, 0, at_once()), -ETIMEDOUT);
    take(in, 2, "two", 2);
    put(out, "three", 3);
    CHECK_ERROR(wherry_write(out, "four", 4, 3, 0, WHERRY_POLL), -EAGAIN);
    take(in, 0, "one", 1);
    take(in, 0, "three", 3);
    CHECK_ERROR(wherry_recv(in, &message, WHERRY_POLL), -EAGAIN);
    CHECK_INT(info_of(in).waiting_messages, 0);
    close_all(out, in);
}

TEST(room_for_bytes_is_a_bound_of_its_own)
{
    static const char bytes[4096];
    wherry_channel *out = writer("queue:boat?bytes=4K");
    wherry_channel *in = reader("queue:boat");
    CHECK_INT(info_of(out).waiting_bytes_most, 4096);
    WORKS(wherry_write(out, bytes, 3000, 1, 0, WHERRY_POLL));
    CHECK_ERROR(wherry_write(out, bytes, 2000, 2, 0, WHERRY_POLL), -EAGAIN);
    WORKS(wherry_write(out, bytes, 1000, 3, 0, WHERRY_POLL));
    CHECK_ERROR(wherry_write(out, bytes, 89, 4, 0, at_once()), -ETIMEDOUT);
    WORKS(wherry_write(out, bytes, 88, 5, 0, WHERRY_POLL));
    wherry_message *message = NULL;
    CHECK_INT(wherry_recv_kind(in, 3, &message, WHERRY_POLL), 1);
    wherry_message_free(message);
    CHECK_ERROR(wherry_write(out, bytes, 2000, 2, 0, WHERRY_POLL), -EAGAIN);
    WORKS(wherry_write(out, bytes, 1024, 2, 0, WHERRY_POLL));
    for (int i = 0; i < 3; i++) {
        CHECK_INT(wherry_recv(in, &message, WHERRY_POLL), 1);
        wherry_message_free(message);
    }
    WORKS(wherry_write(out, bytes, 4096, 6, 0, WHERRY_POLL));
    close_all(out, in);
}

TEST(what_waits_can_be_seen_in_its_order_without_taking_it)
{
    wherry_channel *out = writer("queue:boat");
    wherry_channel *in = reader("queue:boat");
    wherry_message *message;
    int64_t kind = -1;
    CHECK_ERROR(wherry_peek(in, 0, &kind), -EAGAIN);
    put(out, "a", 1);
    put(out, "bb", 2);
    put(out, "ccc", 3);
    CHECK_ERROR(wherry_recv_kind(in, 9, &message, WHERRY_POLL), -EAGAIN); // passed over
    put(out, "dddd", 4);
    for (size_t i = 0; i < 4; i++) {
        CHECK_INT(wherry_peek(i % 2 ? in : out, i, &kind), i + 1);
        CHECK_INT(kind, i + 1);
    }
    CHECK_ERROR(wherry_peek(out, 4, &kind), -EAGAIN);
    take(in, 2, "bb", 2);
    CHECK_INT(wherry_peek(in, 1, &kind), 3);
    CHECK_INT(kind, 3);
    close_all(out, in);
}

/* --- opening ------------------------------------------------------------- */

TEST(what_is_in_a_queue_outlives_whoever_put_it_there)
{
    wherry_channel *out = writer("queue:boat");
    put(out, "for later", 3);
    put(out, "and after", 4);
    wherry_close(out);
    CHECK_INT(count_names(), 1);
    wherry_channel *in = reader("queue:boat?create=no");
    take(in, 0, "for later", 3);
    wherry_close(in);
    in = reader("queue:boat?create=no");
    take(in, 0, "and after", 4);
    close_all(NULL, in);
}

TEST(one_that_is_there_keeps_what_it_was_made_with)
{
    wherry_channel *other;
    wherry_listener *listener;
    FAILS(wherry_dial("queue:boat?create=no", soon(), &other), -ENOENT,
          "no such queue");
    wherry_channel *out = writer("queue:boat?maxsize=7&bytes=2K&unread=lost&handles=2");
    FAILS(wherry_dial("queue:boat?create=exclusive", soon(), &other), -EEXIST,
          "there already");
    FAILS(wherry_dial("queue:boat?maxsize=8", soon(), &other), -EEXIST, "maxsize=7");
    FAILS(wherry_dial("queue:boat?bytes=4K", soon(), &other), -EEXIST, "bytes=2048");
    FAILS(wherry_dial("queue:boat?unread=again", soon(), &other), -EEXIST,
          "unread=lost");
    wherry_channel *in = reader("queue:boat?maxsize=7&bytes=2K&unread=lost");
    FAILS(wherry_listen("queue:boat", &listener), -EUSERS, "handles=");
    close_all(out, in);
    FAILS(wherry_remove("queue:boat"), -ENOENT, "queue:boat");
}

TEST(one_end_is_given_once)
{
    wherry_listener *listener;
    wherry_channel *in, *other;
    WORKS(wherry_listen("queue:boat", &listener));
    WORKS(wherry_accept(listener, WHERRY_POLL, &in));
    CHECK_ERROR(wherry_accept(listener, WHERRY_POLL, &other), -EALREADY);
    wherry_close_listener(listener);
    CHECK_ERROR(wherry_write(in, "back", 4, 0, 0, WHERRY_POLL), -EPERM);
    close_all(NULL, in);
    WORKS(wherry_listen("queue:boat", &listener)); // and one that nobody accepts
    wherry_close_listener(listener);
    WORKS(wherry_remove("queue:boat"));
    CHECK_INT(count_names(), 0);
}

TEST(names_that_lead_elsewhere_are_refused)
{
    wherry_channel *out;
    char address[128];
    FAILS(wherry_dial("queue:", soon(), &out), -EINVAL, "no name");
    FAILS(wherry_dial("queue:../boat", soon(), &out), -EINVAL, "slash");
    FAILS(wherry_dial("queue:.boat", soon(), &out), -EINVAL, "dot");
    FAILS(wherry_dial("queue:bo%00at", soon(), &out), -EINVAL, "slash");
    snprintf(address, sizeof(address), "queue:%0101d", 0);
    FAILS(wherry_dial(address, soon(), &out), -ENAMETOOLONG, "100");
}

TEST(after_its_removal_those_who_have_it_go_on_among_themselves)
{
    wherry_channel *out = writer("queue:boat");
    wherry_channel *in = reader("queue:boat");
    WORKS(wherry_remove("queue:boat"));
    wherry_channel *other = reader("queue:boat");
    put(out, "between us", 1);
    hear_nothing(other);
    take(in, 0, "between us", 1);
    wherry_close(other);
    close_all(out, in);
}

TEST(a_message_over_the_readers_own_limit_stays_for_others)
{
    wherry_channel *out = writer("queue:boat");
    wherry_channel *small = reader("queue:boat?message=4");
    wherry_channel *in = reader("queue:boat");
    wherry_message *message;
    put(out, "larger", 1);
    FAILS(wherry_recv(small, &message, WHERRY_POLL), -EMSGSIZE, "message=");
    FAILS(wherry_recv(small, &message, soon()), -EMSGSIZE, "6 bytes");
    take(in, 0, "larger", 1);
    put(out, "fits", 1);
    take(small, 0, "fits", 1);
    wherry_close(small);
    close_all(out, in);
}

TEST(what_a_read_has_no_room_for_stays_for_others)
{
    wherry_channel *out = writer("queue:boat");
    wherry_channel *in = reader("queue:boat");
    wherry_channel *other = reader("queue:boat");
    char bytes[4];
    put(out, "five is too large", 5);
    for (int i = 0; i < 3; i++) { // and it is no end of the channel
        FAILS(wherry_read(in, bytes, sizeof(bytes), NULL, NULL, soon()), -ENOSPC,
              "room for 4");
        CHECK_INT(info_of(other).waiting_messages, 1);
        CHECK_INT(info_of(in).held_messages, 0);
    }
    wherry_close(in);
    take(other, 5, "five is too large", 5);
    close_all(out, other);
}

TEST(a_message_says_which_process_put_it_there_and_nobody_vouches_for_it)
{
    wherry_channel *out = writer("queue:boat");
    wherry_channel *in = reader("queue:boat");
    wherry_message *message = NULL;
    put(out, "mine", 0);
    WORKS(wherry_recv(in, &message, soon()));
    CHECK_INT(wherry_message_sender(message)->pid, getpid());
    CHECK_INT(wherry_message_sender(message)->trust, WHERRY_TRUST_NONE);
    wherry_message_free(message);
    close_all(out, in);
}

/* --- processes ----------------------------------------------------------- */

static void use_in_a_child(void *argument)
{
    wherry_channel **ends = argument;
    wherry_message *message;
    wherry_native fd;
    short events;
    int64_t kind;
    FAILS(wherry_write(ends[0], "x", 1, 0, 0, soon()), -ECHILD, "before fork(2)");
    FAILS(wherry_recv(ends[1], &message, soon()), -ECHILD, "before fork(2)");
    CHECK_ERROR(wherry_peek(ends[1], 0, &kind), -ECHILD);
    CHECK(wherry_fd(ends[1], WHERRY_IN, &fd, &events) < 0);
    CHECK_INT(info_of(ends[1]).waiting_messages, 0);
    wherry_close(ends[0]);
    wherry_close(ends[1]);
}

TEST(a_child_of_fork_has_to_open_it_anew)
{
    wherry_channel *ends[] = {writer("queue:boat"), reader("queue:boat")};
    CHECK_INT(harness_wait(harness_child(use_in_a_child, ends)), 0);
    put(ends[0], "as before", 1);
    take(ends[1], 0, "as before", 1);
    close_all(ends[0], ends[1]);
}

enum { WRITERS = 4, READERS = 4, EACH = 3000 };

static void write_many(void *argument)
{
    wherry_channel *out = writer("queue:boat");
    const int number = *(const int *)argument;
    for (int i = 0; i < EACH; i++) {
        int words[300] = {number, i};
        const size_t size = i % 10 == 0 ? sizeof(words) : 2 * sizeof(int);
        WORKS(wherry_write(out, words, size, i % 3, 0, soon()));
    }
    wherry_close(out);
}

static void read_many(void *argument)
{
    atomic_int *seen = argument;
    wherry_channel *in = reader("queue:boat");
    int last[WRITERS] = {-1, -1, -1, -1};
    for (;;) {
        wherry_message *message = NULL;
        int words[2];
        WORKS(wherry_recv(in, &message, soon()));
        if (wherry_message_kind(message) == 99)
            break;
        memcpy(words, wherry_message_data(message), sizeof(words));
        CHECK_RANGE(words[0], 0, WRITERS - 1);
        CHECK(words[1] > last[words[0]]); // of one writer in its order
        last[words[0]] = words[1];
        atomic_fetch_add(&seen[words[0] * EACH + words[1]], 1);
        wherry_message_free(message);
    }
    wherry_close(in);
    harness_exit(0); // before it frees the last one
}

TEST(each_message_of_many_writers_is_taken_by_one_of_many_readers)
{
    const size_t size = WRITERS * EACH * sizeof(atomic_int);
    atomic_int *seen =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(seen != MAP_FAILED);
    wherry_channel *out = writer("queue:boat?maxsize=64&bytes=16K");
    pid_t writers[WRITERS], readers[READERS];
    int numbers[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        numbers[i] = i;
        writers[i] = harness_child(write_many, &numbers[i]);
        readers[i] = harness_child(read_many, seen);
    }
    for (int i = 0; i < WRITERS; i++)
        CHECK_INT(harness_wait_within(writers[i], 60000), 0);
    for (int i = 0; i < READERS; i++)
        put(out, "end", 99);
    for (int i = 0; i < READERS; i++)
        CHECK_INT(harness_wait_within(readers[i], 60000), 0);
    for (int i = 0; i < WRITERS * EACH; i++)
        CHECK_INT(atomic_load(&seen[i]), 1);
    munmap(seen, size);
    close_all(out, NULL);
}
