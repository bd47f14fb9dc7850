/* SPDX-License-Identifier: MIT */
/*
 * laid: what stands at which number of a new process, and that nothing else does.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/socket.h>

#include "start.h"

enum { ROWS = 8 };

static const char *run_with(const struct wherry_laid *laid, size_t count,
                            const char *line, char out[SAID])
{
    struct wherry_plan plan = {.line = line, .laid = laid, .laid_count = count};
    return what_is_said(&plan, out);
}

TEST(without_a_layout_it_has_0_1_and_2_of_this_process)
{
    char text[64] = "";
    struct wherry_plan plan = {.file = told()};
    const char *const arguments[] = {"fds", NULL};
    plan.arguments = arguments;
    int kept = dup(1);
    int file = open(harness_path("out"), O_RDWR | O_CREAT, 0600); // not close-on-exec
    CHECK(kept >= 0 && file >= 0);
    CHECK_INT(dup2(file, 1), 1);
    wherry_process *process = start(&plan);
    CHECK_INT(dup2(kept, 1), 1);
    ends_with(process, "exit 0");
    harness_read_file(harness_path("out"), text, sizeof(text));
    CHECK_STRING(text, "0 1 2\n");
    close(kept);
    close(file);
    unlink(harness_path("out"));
}

TEST(exactly_what_is_laid_out_arrives_and_0_1_and_2_are_null_if_not)
{
    char said[SAID];
    const char *const arguments[] = {"fds", NULL};
    const struct wherry_laid laid[] = {
        {.number = 1, .from = WHERRY_FROM_PIPE},
        {.number = 9, .from = WHERRY_FROM_NULL},
        {.number = 700, .from = WHERRY_FROM_DESCRIPTOR, .descriptor = 1},
    };
    struct wherry_plan plan = {
        .file = told(), .arguments = arguments, .laid = laid, .laid_count = 3};
    int inherited[3];
    for (int i = 0; i < 3; i++) {
        inherited[i] = open("/dev/zero", O_RDONLY); // not close-on-exec
        CHECK(inherited[i] >= 0);
    }
    CHECK_STRING(what_is_said(&plan, said), "0 1 2 9 700\n");
    for (int i = 0; i < 3; i++)
        close(inherited[i]);
    CHECK_STRING(run_with(laid, 1, "readlink /proc/self/fd/0 /proc/self/fd/2", said),
                 "/dev/null\n/dev/null\n");
}

TEST(what_this_process_does_not_have_is_missed_though_files_come_to_stand_there)
{
    wherry_process *process = NULL;
    const struct wherry_laid laid[] = {
        {.number = 0, .from = WHERRY_FROM_FILE, .path = "/etc/hostname"},
        {.number = 7, .from = WHERRY_FROM_DESCRIPTOR, .descriptor = 1}};
    struct wherry_plan plan = {.file = "true", .laid = laid, .laid_count = 2};
    int kept = dup(1);
    close(1);
    int r = wherry_spawn(&plan, sizeof(plan), &process);
    CHECK_INT(dup2(kept, 1), 1);
    close(kept);
    CHECK_ERROR(r, -EBADF);
}

TEST(a_number_can_be_left_closed)
{
    char said[SAID];
    const char *const arguments[] = {"fds", NULL};
    const struct wherry_laid laid[] = {
        {.number = 0, .from = WHERRY_FROM_NOTHING},
        {.number = 1, .from = WHERRY_FROM_PIPE},
        {.number = 2, .from = WHERRY_FROM_NUMBER, .descriptor = 0},
    };
    struct wherry_plan plan = {
        .file = told(), .arguments = arguments, .laid = laid, .laid_count = 3};
    CHECK_STRING(what_is_said(&plan, said), " 1\n");
}

TEST(a_file_is_read_emptied_or_appended_to)
{
    char text[64] = "";
    struct wherry_laid laid[] = {
        {.number = 0, .from = WHERRY_FROM_FILE},
        {.number = 1, .from = WHERRY_FROM_FILE},
        {.number = 2, .from = WHERRY_FROM_PARENT},
    };
    struct wherry_plan plan = {.file = "cat", .laid = laid, .laid_count = 3};
    harness_write_file("in", "words\n", 6);
    harness_write_file("out", "before, and a long line\n", 24);
    laid[0].path = harness_path("in");
    laid[1].path = harness_path("out");
    ends_with(start(&plan), "exit 0");
    harness_read_file(laid[1].path, text, sizeof(text));
    CHECK_STRING(text, "words\n");
    laid[1].access = WHERRY_ACCESS_APPEND;
    ends_with(start(&plan), "exit 0");
    harness_read_file(laid[1].path, text, sizeof(text));
    CHECK_STRING(text, "words\nwords\n");
}

TEST(any_number_can_read_a_file)
{
    char said[SAID];
    const struct wherry_laid laid[] = {
        {.number = 1, .from = WHERRY_FROM_PIPE},
        {.number = 7,
         .from = WHERRY_FROM_FILE,
         .access = WHERRY_ACCESS_READ,
         .path = harness_path("in")},
    };
    harness_write_file("in", "seven\n", 6);
    CHECK_STRING(run_with(laid, 2, "cat <&7", said), "seven\n");
}

TEST(two_numbers_can_share_one_open_file_so_a_seek_on_one_moves_the_other)
{
    char said[SAID];
    const char *const arguments[] = {"seek", NULL};
    struct wherry_laid laid[] = {
        {.number = 1, .from = WHERRY_FROM_PIPE},
        {.number = 3,
         .from = WHERRY_FROM_FILE,
         .access = WHERRY_ACCESS_READ,
         .path = harness_path("in")},
        {.number = 4, .from = WHERRY_FROM_NUMBER, .descriptor = 3},
    };
    struct wherry_plan plan = {
        .file = told(), .arguments = arguments, .laid = laid, .laid_count = 3};
    harness_write_file("in", "0123456789", 10);
    CHECK_STRING(what_is_said(&plan, said), "5\n");
    // Opened twice it is two open files.
    laid[2] = laid[1];
    laid[2].number = 4;
    CHECK_STRING(what_is_said(&plan, said), "0\n");
}

TEST(stderr_can_go_where_stdout_goes)
{
    char said[SAID];
    const struct wherry_laid laid[] = {
        {.number = 2, .from = WHERRY_FROM_NUMBER, .descriptor = 1},
        {.number = 1, .from = WHERRY_FROM_PIPE},
    };
    CHECK_STRING(run_with(laid, 2, "echo one; echo two >&2; echo three", said),
                 "one\ntwo\nthree\n");
}

TEST(descriptors_that_stand_in_each_others_places_are_exchanged)
{
    char said[SAID];
    int first = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int second = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    const struct wherry_laid laid[] = {
        {.number = 1, .from = WHERRY_FROM_PIPE},
        {.number = first, .from = WHERRY_FROM_DESCRIPTOR, .descriptor = second},
        {.number = second, .from = WHERRY_FROM_DESCRIPTOR, .descriptor = first},
    };
    char line[128];
    CHECK(first > 2 && second > 2);
    snprintf(line, sizeof(line), "readlink /proc/self/fd/%d /proc/self/fd/%d", first,
             second);
    CHECK_STRING(run_with(laid, 3, line, said), "/dev/zero\n/dev/null\n");
    close(first);
    close(second);
}

TEST(what_it_has_open_waits_as_programs_expect)
{
    char said[SAID];
    const struct wherry_laid laid[] = {
        {.number = 0, .from = WHERRY_FROM_PIPE},
        {.number = 1, .from = WHERRY_FROM_PIPE},
        {.number = 3, .from = WHERRY_FROM_MESSAGES},
    };
    struct wherry_plan plan = {
        .line = "for n in 0 1 3; do grep flags /proc/self/fdinfo/$n; done",
        .laid = laid,
        .laid_count = 3};
    what_is_said(&plan, said);
    int lines = 0;
    for (const char *at = said; (at = strstr(at, "flags:")); at++, lines++)
        CHECK_INT(strtol(at + 6, NULL, 8) & O_NONBLOCK, 0);
    CHECK_INT(lines, 3);
}

TEST(a_channel_of_this_process_can_be_what_the_new_one_has)
{
    wherry_channel *ends[2];
    WORKS(wherry_pair("pair:?type=stream&framing=line", ends));
    const struct wherry_laid laid[] = {
        {.number = 0, .from = WHERRY_FROM_CHANNEL, .channel = ends[1]},
        {.number = 1, .from = WHERRY_FROM_NUMBER, .descriptor = 0},
        {.number = 2, .from = WHERRY_FROM_PARENT},
    };
    struct wherry_plan plan = {.file = "cat", .laid = laid, .laid_count = 3};
    wherry_process *process = start(&plan);
    wherry_close(ends[1]);
    say(ends[0], "there and back");
    hear(ends[0], "there and back");
    WORKS(wherry_finish(ends[0]));
    ends_with(process, "exit 0");
    wherry_close(ends[0]);
}

TEST(a_pipe_of_this_process_joins_two_others)
{
    char said[SAID];
    wherry_channel *ends[2];
    WORKS(wherry_pair("pipe:?framing=line", ends));
    const struct wherry_laid writes[] = {
        {.number = 1, .from = WHERRY_FROM_CHANNEL, .channel = ends[1]}};
    const struct wherry_laid reads[] = {
        {.number = 0, .from = WHERRY_FROM_CHANNEL, .channel = ends[0]},
        {.number = 1, .from = WHERRY_FROM_PIPE}};
    struct wherry_plan first = {
        .line = "echo b; echo a", .laid = writes, .laid_count = 1};
    struct wherry_plan second = {.file = "sort", .laid = reads, .laid_count = 2};
    wherry_process *writer = start(&first);
    wherry_process *sorter = start(&second);
    wherry_close(ends[0]);
    wherry_close(ends[1]);
    wherry_channel *from = end_of(sorter, 1);
    CHECK_STRING(hear_all(from, said), "a\nb\n");
    wherry_close(from);
    ends_with(writer, "exit 0");
    ends_with(sorter, "exit 0");
}

TEST(a_pipe_both_ways_gives_the_end_that_the_number_is_for)
{
    wherry_channel *ends[2];
    WORKS(wherry_pair("pipe:?duplex=1&framing=line", ends));
    const struct wherry_laid laid[] = {
        {.number = 0, .from = WHERRY_FROM_CHANNEL, .channel = ends[1]},
        {.number = 1, .from = WHERRY_FROM_CHANNEL, .channel = ends[1]},
    };
    struct wherry_plan plan = {.file = "cat", .laid = laid, .laid_count = 2};
    wherry_process *process = start(&plan);
    wherry_close(ends[1]);
    say(ends[0], "there and back");
    hear(ends[0], "there and back");
    WORKS(wherry_finish(ends[0]));
    hear_end(ends[0]);
    ends_with(process, "exit 0");
    wherry_close(ends[0]);
}

TEST(a_channel_without_a_descriptor_cannot_be_given)
{
    wherry_channel *queue = NULL;
    wherry_listener *listener = NULL;
    wherry_process *process = NULL;
    WORKS(wherry_listen("sysv:private", &listener));
    WORKS(wherry_dial(wherry_listener_address(listener), soon(), &queue));
    const struct wherry_laid laid[] = {
        {.number = 1, .from = WHERRY_FROM_CHANNEL, .channel = queue}};
    struct wherry_plan plan = {.file = "true", .laid = laid, .laid_count = 1};
    FAILS(wherry_spawn(&plan, sizeof(plan), &process), -EINVAL,
          "has no descriptor to give away");
    wherry_close(queue);
    wherry_close_listener(listener);
}

TEST(a_channel_stays_what_it_was_if_nothing_is_started)
{
    wherry_channel *ends[2];
    wherry_process *process = NULL;
    wherry_message *message = NULL;
    WORKS(wherry_pair("pipe:?framing=line", ends));
    const struct wherry_laid laid[] = {
        {.number = 0, .from = WHERRY_FROM_CHANNEL, .channel = ends[0]}};
    struct wherry_plan plan = {
        .file = "/nonexistent/program", .laid = laid, .laid_count = 1};
    CHECK_ERROR(wherry_spawn(&plan, sizeof(plan), &process), -ENOENT);
    say(ends[1], "as before");
    hear(ends[0], "as before");
    CHECK_ERROR(wherry_recv(ends[0], &message, WHERRY_POLL), -EAGAIN);
    wherry_close(ends[0]);
    wherry_close(ends[1]);
}
