/* SPDX-License-Identifier: MIT */
/*
 * figure: the three tables of every textbook: the numbers of each process, the open
 * files of the system that they stand for, and the inodes behind those.  What is one
 * and what is two is seen by what moves when something else is moved.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>

#include "start.h"

enum { FREE = 40 }; // a number that the harness leaves alone

static const char digits[] = "0123456789";

static int open_digits(int flags)
{
    harness_write_file("digits", digits, sizeof(digits) - 1);
    int fd = open(harness_path("digits"), flags | O_CLOEXEC);
    CHECK(fd >= 0);
    return fd;
}

static int64_t place_of(int fd)
{
    return lseek(fd, 0, SEEK_CUR);
}

static char next_of(int fd)
{
    char byte = 0;
    CHECK_INT(read(fd, &byte, 1), 1);
    return byte;
}

/* What `told where` says of number 3 when this is laid out there. */
static void tell_where(struct wherry_laid third, char said[SAID])
{
    const char *const arguments[] = {"where", NULL};
    const struct wherry_laid laid[] = {{.number = 1, .from = WHERRY_FROM_PIPE}, third};
    struct wherry_plan plan = {
        .file = told(), .arguments = arguments, .laid = laid, .laid_count = 2};
    CHECK_INT(third.number, 3);
    what_is_said(&plan, said);
}

static void expect_where(const char *said, int fd, long long place)
{
    char expected[128];
    struct stat status;
    CHECK_INT(fstat(fd, &status), 0);
    snprintf(expected, sizeof(expected), "inode %llu:%llu at %lld\n",
             (unsigned long long)status.st_dev, (unsigned long long)status.st_ino,
             place);
    CHECK_STRING(said, expected);
}

/* --- in one process ------------------------------------------------------ */

TEST(dup_takes_the_lowest_number_and_the_two_share_one_place)
{
    int low = open_digits(O_RDONLY);
    int high = fcntl(low, F_DUPFD_CLOEXEC, FREE);
    CHECK_INT(high, FREE);
    close(low);
    CHECK_INT(dup(high), low);
    CHECK_INT(lseek(low, 5, SEEK_SET), 5);
    CHECK_INT(place_of(high), 5);
    CHECK_INT(next_of(high), '5');
    CHECK_INT(next_of(low), '6');
    close(high);
    CHECK_INT(next_of(low), '7'); // it ends with its last number, not with the first
    close(low);
}

TEST(dup2_closes_what_stood_there_first)
{
    int ends[2];
    char byte;
    int file = open_digits(O_RDONLY);
    CHECK_INT(pipe2(ends, O_CLOEXEC), 0);
    CHECK_INT(dup2(file, ends[1]), ends[1]);
    CHECK_INT(read_on(ends[0], &byte, 1), 0); // nobody can write there any more
    CHECK_INT(next_of(ends[1]), '0');
    CHECK_INT(next_of(file), '1');
    CHECK_INT(dup2(file, file), file); // onto itself: it stays open
    CHECK_INT(next_of(file), '2');
    close(ends[0]);
    close(ends[1]);
    close(file);
}

TEST(how_it_was_opened_is_the_open_files_and_close_on_exec_the_numbers)
{
    int first = open_digits(O_RDWR);
    int second = dup(first);
    CHECK_INT(fcntl(first, F_SETFL, O_APPEND), 0);
    CHECK_INT(fcntl(second, F_GETFL) & O_APPEND, O_APPEND);
    CHECK_INT(fcntl(first, F_GETFD), FD_CLOEXEC);
    CHECK_INT(fcntl(second, F_GETFD), 0);
    close(first);
    close(second);
}

TEST(two_opens_of_one_file_have_a_place_each_and_one_inode)
{
    struct stat status[2];
    int first = open_digits(O_RDONLY);
    int second = open(harness_path("digits"), O_WRONLY | O_CLOEXEC);
    CHECK_INT(fstat(first, &status[0]), 0);
    CHECK_INT(fstat(second, &status[1]), 0);
    CHECK_INT(status[0].st_ino, status[1].st_ino);
    CHECK_INT(write(second, "abc", 3), 3);
    CHECK_INT(place_of(first), 0);
    CHECK_INT(next_of(first), 'a'); // what one writes there the other reads
    close(first);
    close(second);
}

/* --- in two -------------------------------------------------------------- */

static void move_by_four(void *argument)
{
    const int *fd = argument;
    CHECK_INT(lseek(*fd, 4, SEEK_CUR), 4);
}

TEST(fork_copies_the_numbers_and_shares_the_open_files)
{
    int fd = open_digits(O_RDONLY);
    CHECK_INT(harness_wait(harness_child(move_by_four, &fd)), 0);
    CHECK_INT(place_of(fd), 4);
    close(fd);
}

TEST(what_is_laid_out_of_a_descriptor_is_shared_with_the_new_process)
{
    char said[SAID];
    int fd = open_digits(O_RDONLY);
    const char *const arguments[] = {"seek", NULL};
    const struct wherry_laid laid[] = {
        {.number = 1, .from = WHERRY_FROM_PIPE},
        {.number = 3, .from = WHERRY_FROM_DESCRIPTOR, .descriptor = fd},
        {.number = 4, .from = WHERRY_FROM_DESCRIPTOR, .descriptor = fd},
    };
    struct wherry_plan plan = {
        .file = told(), .arguments = arguments, .laid = laid, .laid_count = 3};
    CHECK_STRING(what_is_said(&plan, said), "5\n");
    CHECK_INT(place_of(fd), 5); // it was moved there
    CHECK_INT(next_of(fd), '5');
    tell_where((struct wherry_laid){.number = 3,
                                    .from = WHERRY_FROM_DESCRIPTOR,
                                    .descriptor = fd},
               said);
    expect_where(said, fd, 6); // and here
    close(fd);
}

TEST(a_file_that_the_plan_opens_has_its_own_place_and_the_same_inode)
{
    char said[SAID];
    int fd = open_digits(O_RDONLY);
    CHECK_INT(lseek(fd, 7, SEEK_SET), 7);
    tell_where((struct wherry_laid){.number = 3,
                                    .from = WHERRY_FROM_FILE,
                                    .access = WHERRY_ACCESS_READ,
                                    .path = harness_path("digits")},
               said);
    expect_where(said, fd, 0);
    CHECK_INT(place_of(fd), 7);
    close(fd);
}

TEST(the_same_number_in_two_processes_is_two_files)
{
    char said[SAID];
    int first = open_digits(O_RDONLY);
    int here = dup2(first, FREE);
    int there = open("/dev/null", O_RDONLY | O_CLOEXEC);
    const struct wherry_laid laid[] = {
        {.number = 1, .from = WHERRY_FROM_PIPE},
        {.number = FREE, .from = WHERRY_FROM_DESCRIPTOR, .descriptor = there},
    };
    struct wherry_plan plan = {
        .line = "readlink /proc/self/fd/40", .laid = laid, .laid_count = 2};
    CHECK_INT(here, FREE);
    CHECK_STRING(what_is_said(&plan, said), "/dev/null\n");
    CHECK_INT(next_of(here), '0');
    close(first);
    close(here);
    close(there);
}
