/* SPDX-License-Identifier: MIT */
/*
 * sysv: how much a queue and a message may hold, and what other users may do.
 */
#define _GNU_SOURCE // setresuid

#include "sysv_talk.h"

TEST(qbytes_sets_what_the_queue_holds)
{
    wherry_channel *out = writer_at(at("?qbytes=100"));
    char bytes[60] = "";
    CHECK_INT(info_of(out).waiting_bytes_most, 100);
    WORKS(wherry_write(out, bytes, sizeof(bytes), 0, 0, WHERRY_POLL));
    CHECK_ERROR(wherry_write(out, bytes, sizeof(bytes), 0, 0, WHERRY_POLL), -EAGAIN);
    CHECK_ERROR(wherry_write(out, bytes, sizeof(bytes), 0, 0, at_once()), -ETIMEDOUT);
    char more[101] = "";
    FAILS(wherry_write(out, more, sizeof(more), 0, 0, soon()), -EMSGSIZE, "holds, 100");
    CHECK_INT(info_of(out).unsent_bytes, 60);
    wherry_channel *in = reader_at(at(""));
    struct wherry_channel_info info = info_of(in);
    CHECK_INT(info.waiting_bytes_most, 100);
    CHECK_INT(info.waiting_messages, 1);
    CHECK_INT(info.unread_bytes, 60);
    CHECK_INT(info.last_sender, getpid());
    CHECK_INT(info.last_receiver, 0);
    CHECK_INT(info.last_received, 0);
    CHECK(info.last_sent > 0);
    wherry_close(in);
    wherry_close(out);
    remove_queue();
}

TEST(a_message_over_the_readers_limit_stays_or_is_cut)
{
    wherry_message *message;
    wherry_channel *out = writer_at(at(""));
    put(out, "too large", 2);
    put(out, "good", 1);
    wherry_channel *in = reader_at(at("?message=4"));
    for (int i = 0; i < 2; i++)
        FAILS(wherry_recv(in, &message, soon()), -EMSGSIZE, "message= on this side");
    take(in, 1, "good", 1);
    wherry_close(in);
    in = reader_at(at("?message=4&truncate=cut"));
    take(in, 0, "too ", 2);
    wherry_close(in);
    wherry_close(out);
    remove_queue();
}

TEST(a_message_over_the_systems_limit_is_refused)
{
    static char bytes[1 << 20];
    wherry_channel *out = writer_at(at(""));
    uint64_t limit = info_of(out).message_limit;
    if (limit + 1 > sizeof(bytes))
        SKIP("this system takes messages of a megabyte and more");
    FAILS(wherry_write(out, bytes, limit + 1, 0, 0, soon()), -EMSGSIZE, "limit of");
    wherry_close(out);
    remove_queue();
}

enum { NUMBERS = 20000, LARGE = 60 };

static void sends_numbers(void *unused)
{
    (void)unused;
    int bytes[LARGE / sizeof(int)] = {0};
    wherry_channel *out = writer_at(at("?create=no"));
    for (int i = 0; i < NUMBERS; i++) {
        bytes[0] = i;
        WORKS(wherry_write(out, bytes, LARGE, 0, 0, soon()));
    }
    wherry_close(out);
}

// It takes one at a time, so each send but the first meets a full queue, or one that is
// being emptied just then.
TEST(nothing_is_lost_where_a_queue_is_always_full)
{
    int bytes[LARGE / sizeof(int)];
    wherry_channel *in = reader_at(at("?qbytes=100"));
    pid_t child = harness_child(sends_numbers, NULL);
    for (int i = 0; i < NUMBERS; i++) {
        CHECK_INT(wherry_read(in, bytes, sizeof(bytes), NULL, NULL, soon()), LARGE);
        CHECK_INT(bytes[0], i);
    }
    CHECK_INT(harness_wait(child), 0);
    wherry_close(in);
    remove_queue();
}

static void writes_without_reading(void *gates)
{
    enum { NOBODY = 65534 };

    struct harness_gate *full = gates;
    CHECK_INT(setresuid(NOBODY, NOBODY, NOBODY), 0);
    char bytes[LARGE] = "";
    wherry_channel *out = writer_at(at("?create=no"));
    WORKS(wherry_write(out, bytes, LARGE, 0, 0, WHERRY_POLL));
    CHECK_ERROR(wherry_write(out, bytes, LARGE, 0, 0, WHERRY_POLL), -EAGAIN);
    gate_pass(&full[0]);
    gate_wait(&full[1]);
    WORKS(wherry_write(out, bytes, LARGE, 0, 0, WHERRY_POLL));
    wherry_close(out);
}

TEST(a_writer_that_may_not_look_goes_on_when_there_is_room)
{
    char bytes[LARGE];
    struct harness_gate gates[2];
    if (getuid() != 0)
        SKIP("only root can become somebody else");
    gate_open(&gates[0]);
    gate_open(&gates[1]);
    wherry_channel *in = reader_at(at("?qbytes=100&mode=622"));
    pid_t child = harness_child(writes_without_reading, gates);
    gate_wait(&gates[0]);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(wherry_read(in, bytes, sizeof(bytes), NULL, NULL, soon()), LARGE);
        if (i == 0)
            gate_pass(&gates[1]);
    }
    CHECK_INT(harness_wait(child), 0);
    gate_close(&gates[0]);
    gate_close(&gates[1]);
    wherry_close(in);
    remove_queue();
}

static void dials_as_nobody(void *unused)
{
    enum { NOBODY = 65534 };

    (void)unused;
    wherry_channel *channel;
    CHECK_INT(setresuid(NOBODY, NOBODY, NOBODY), 0);
    FAILS(wherry_dial(at(""), soon(), &channel), -EACCES, "may not open");
    FAILS(wherry_remove(at("")), -EPERM, "may not remove");
}

TEST(another_users_queue_is_told)
{
    if (getuid() != 0)
        SKIP("only root can become somebody else");
    wherry_channel *out = writer_at(at(""));
    CHECK_INT(harness_wait(harness_child(dials_as_nobody, NULL)), 0);
    wherry_close(out);
    remove_queue();
}
