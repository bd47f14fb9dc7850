/* SPDX-License-Identifier: MIT */
/*
 * fifo: what a user of mkfifo(3) knows, through channels; and shell commands at the
 * other end.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "talk.h"

static const char *fifo(const char *options)
{
    static char text[512];
    snprintf(text, sizeof(text), "fifo:%s/f%s", harness_directory(), options);
    return text;
}

static const char *path(void)
{
    return harness_path("f");
}

TEST(a_fifo_is_one_way_and_is_accepted_once)
{
    struct two two = open_two(fifo(""));
    wherry_channel *another;
    say(two.dialled, "down the river");
    hear(two.accepted, "down the river");
    FAILS(wherry_write(two.accepted, "up", 2, 0, 0, WHERRY_POLL), -EPERM, "receiving");
    FAILS(wherry_accept(two.listener, soon(), &another), -EALREADY, "one channel");
    close_two(&two);
}

TEST(the_end_comes_when_the_last_writer_has_left)
{
    struct two two = open_two(fifo(""));
    wherry_channel *second;
    WORKS(wherry_dial(fifo(""), soon(), &second));
    say(two.dialled, "first");
    wherry_close(two.dialled);
    two.dialled = NULL;
    hear(two.accepted, "first");
    hear_nothing(two.accepted);
    say(second, "second");
    wherry_close(second);
    hear(two.accepted, "second");
    hear_end(two.accepted);
    close_two(&two);
}

TEST(a_reader_waits_for_its_first_writer)
{
    wherry_listener *listener;
    wherry_channel *reader, *writer;
    wherry_message *message;
    WORKS(wherry_listen(fifo(""), &listener));
    WORKS(wherry_accept(listener, WHERRY_POLL, &reader));
    hear_nothing(reader);
    CHECK_ERROR(wherry_recv(reader, &message, at_once()), -ETIMEDOUT);
    WORKS(wherry_dial(fifo(""), soon(), &writer));
    hear_nothing(reader);
    wherry_close(writer);
    hear_end(reader);
    wherry_close(reader);
    wherry_close_listener(listener);
}

TEST(keep_waits_for_the_next_writer)
{
    struct two two = open_two(fifo("?keep=1"));
    say(two.dialled, "first");
    wherry_close(two.dialled);
    two.dialled = NULL;
    hear(two.accepted, "first");
    hear_nothing(two.accepted);
    WORKS(wherry_dial(fifo(""), soon(), &two.dialled));
    say(two.dialled, "second");
    hear(two.accepted, "second");
    close_two(&two);
}

TEST(nothing_is_kept_without_a_process)
{
    WORKS(mkfifo(path(), 0600));
    struct two two = open_two(fifo(""));
    say(two.dialled, "lost");
    close_two(&two);
    two = open_two(fifo(""));
    hear_nothing(two.accepted);
    close_two(&two);
    WORKS(unlink(path()));
}

static void dials_and_says(void *unused)
{
    (void)unused;
    wherry_channel *writer;
    WORKS(wherry_dial(fifo(""), soon(), &writer));
    say(writer, "I was first");
    wherry_close(writer);
}

static bool is_there(void *unused)
{
    (void)unused;
    return exists(path());
}

TEST(a_writer_can_come_before_its_reader)
{
    wherry_listener *listener;
    wherry_channel *reader;
    pid_t writer = harness_child(dials_and_says, NULL);
    harness_until(is_there, NULL);
    WORKS(wherry_listen(fifo(""), &listener));
    WORKS(wherry_accept(listener, soon(), &reader));
    hear(reader, "I was first");
    hear_end(reader);
    CHECK_INT(harness_wait(writer), 0);
    CHECK(!exists(path())); // it made the FIFO, so it removed it
    wherry_close(reader);
    wherry_close_listener(listener);
}

TEST(dialling_where_nobody_reads_ends_at_the_deadline_and_leaves_nothing)
{
    wherry_channel *writer;
    int64_t begin = harness_now();
    FAILS(wherry_dial(fifo(""), wherry_after(50), &writer), -ETIMEDOUT,
          "nobody opened it for reading");
    CHECK_RANGE(harness_now() - begin, 50000000, 50000000 + 1000000000);
    FAILS(wherry_dial(fifo(""), WHERRY_POLL, &writer), -EAGAIN, "nobody reads");
    CHECK(!exists(path()));
}

TEST(a_message_is_at_most_pipe_buf_unless_there_is_one_writer)
{
    static char bytes[5000];
    memset(bytes, 'x', sizeof(bytes));
    struct two two = open_two(fifo(""));
    CHECK_INT(info_of(two.dialled).message_limit, 4095);
    WORKS(wherry_write(two.dialled, bytes, 4095, 0, 0, WHERRY_POLL));
    FAILS(wherry_write(two.dialled, bytes, 4096, 0, 0, WHERRY_POLL), -EMSGSIZE, "4095");
    CHECK_CONTAINS(wherry_error_text(), "4096");
    close_two(&two);

    two = open_two(fifo("?framing=wherry"));
    CHECK_INT(info_of(two.dialled).message_limit, 4080);
    close_two(&two);

    two = open_two(fifo("?writers=one"));
    WORKS(wherry_write(two.dialled, bytes, 5000, 0, 0, WHERRY_POLL));
    CHECK_INT(wherry_read(two.accepted, bytes, 5000, NULL, NULL, soon()), 5000);
    close_two(&two);
}

TEST(nothing_but_messages_is_written_whatever_the_framing)
{
    char record[64];
    struct two two = open_two(fifo("?framing=wherry"));
    int reader = open(path(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    say(two.dialled, "x");
    CHECK_INT(read_on(reader, record, 17), 17); // the head has 16 bytes
    CHECK_INT(record[16], 'x');
    wherry_close(two.dialled);
    two.dialled = NULL;
    CHECK_INT(read_on(reader, record, sizeof(record)), 0);
    hear_end(two.accepted);
    close(reader);
    close_two(&two);
}

enum { WRITERS = 4, LINES = 500, LINE = 1000 };

static void writes_lines(void *argument)
{
    static char line[LINE];
    wherry_channel *writer;
    memset(line, 'a' + *(int *)argument, sizeof(line));
    WORKS(wherry_dial(fifo(""), soon(), &writer));
    for (int i = 0; i < LINES; i++)
        WORKS(wherry_write(writer, line, sizeof(line), 0, 0, soon()));
    wherry_close(writer);
}

TEST(messages_of_many_writers_never_mix)
{
    wherry_listener *listener;
    wherry_channel *reader;
    pid_t writers[WRITERS];
    int heard[WRITERS] = {0};
    char line[LINE + 1];
    WORKS(wherry_listen(fifo("?keep=yes"), &listener));
    WORKS(wherry_accept(listener, soon(), &reader));
    for (int i = 0; i < WRITERS; i++)
        writers[i] = harness_child(writes_lines, &(int){i});
    for (int i = 0; i < WRITERS * LINES; i++) {
        CHECK_INT(wherry_read(reader, line, sizeof(line), NULL, NULL, soon()), LINE);
        for (int at = 1; at < LINE; at++)
            if (line[at] != line[0])
                FAIL("byte %d of message %d is another writer's", at, i);
        CHECK_RANGE(line[0], 'a', 'a' + WRITERS - 1);
        heard[line[0] - 'a']++;
    }
    for (int i = 0; i < WRITERS; i++) {
        CHECK_INT(harness_wait(writers[i]), 0);
        CHECK_INT(heard[i], LINES);
    }
    wherry_close(reader);
    wherry_close_listener(listener);
}

TEST(echo_into_the_path_arrives)
{
    wherry_listener *listener;
    wherry_channel *reader;
    char command[600];
    WORKS(wherry_listen(fifo(""), &listener));
    WORKS(wherry_accept(listener, soon(), &reader));
    wherry_close_listener(listener); // the name stays while somebody reads
    snprintf(command, sizeof(command), "echo ts > '%s'", path());
    pid_t shell = harness_program((const char *[]){"sh", "-c", command, NULL}, -1, -1);
    hear(reader, "ts");
    hear_end(reader);
    CHECK_INT(harness_wait(shell), 0);
    wherry_close(reader);
    CHECK(!exists(path()));
}

TEST(cat_shows_what_we_send)
{
    int output[2];
    char shown[64] = "";
    wherry_channel *writer;
    WORKS(mkfifo(path(), 0600));
    WORKS(pipe(output));
    pid_t cat = harness_program((const char *[]){"cat", path(), NULL}, -1, output[1]);
    close(output[1]);
    WORKS(wherry_dial(fifo(""), soon(), &writer));
    say(writer, "one");
    say(writer, "two");
    wherry_close(writer);
    CHECK_INT(harness_wait(cat), 0);
    CHECK_INT(read_on(output[0], shown, sizeof(shown) - 1), 8);
    CHECK_STRING(shown, "one\ntwo\n");
    close(output[0]);
    CHECK(exists(path())); // it was there before, so it stays
    WORKS(unlink(path()));
}

TEST(a_made_fifo_is_removed_and_an_exchanged_one_is_not)
{
    struct two two = open_two(fifo(""));
    close_two(&two);
    CHECK(!exists(path()));
    two = open_two(fifo(""));
    WORKS(unlink(path()));
    WORKS(mkfifo(path(), 0600));
    close_two(&two);
    CHECK(exists(path()));
    WORKS(unlink(path()));
}

TEST(a_relative_path_is_removed_from_another_directory_too)
{
    WORKS(chdir(harness_directory()));
    struct two two = open_two("fifo:f");
    WORKS(chdir("/"));
    close_two(&two);
    CHECK(!exists(path()));
}

static unsigned mode_of_made(const char *options)
{
    struct stat status;
    wherry_listener *listener;
    WORKS(wherry_listen(fifo(options), &listener));
    WORKS(stat(path(), &status));
    wherry_close_listener(listener);
    return status.st_mode & 0777;
}

TEST(a_made_fifo_is_for_its_owner_alone_unless_mode_says_otherwise)
{
    umask(022);
    CHECK_INT(mode_of_made(""), 0600);
    CHECK_INT(mode_of_made("?mode=666"), 0666);
    CHECK_INT(mode_of_made("?mode=640"), 0640);
}

TEST(a_path_that_is_no_fifo_is_told_and_left_alone)
{
    wherry_listener *listener;
    wherry_channel *channel;
    char text[16];
    harness_write_file("f", "precious", 8);
    FAILS(wherry_listen(fifo(""), &listener), -EEXIST, "a regular file, not a FIFO");
    FAILS(wherry_dial(fifo(""), soon(), &channel), -EEXIST, "not a FIFO");
    FAILS(wherry_dial(fifo("?create=no"), soon(), &channel), -ENOTSUP, "not a FIFO");
    CHECK_INT(harness_read_file(path(), text, sizeof(text)), 8);
    WORKS(unlink(path()));
    WORKS(symlink("nowhere", path()));
    FAILS(wherry_listen(fifo(""), &listener), -EEXIST, "link to nothing");
    WORKS(unlink(path()));
}

TEST(what_is_not_there_is_not_waited_for_without_leave_to_make_it)
{
    wherry_channel *channel;
    FAILS(wherry_dial(fifo("?create=no"), soon(), &channel), -ENOENT, path());
    FAILS(wherry_dial(address_in_directory("fifo", "no/such"), soon(), &channel),
          -ENOENT, "directory");
}
