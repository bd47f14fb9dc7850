/* SPDX-License-Identifier: MIT */
/*
 * memory: what every mechanism of memory promises its users.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>

#include "rows.h"

static char *text_of(const wherry_region *region)
{
    return wherry_region_data(region);
}

/* --- the same memory ----------------------------------------------------- */

EACH_ROW(what_one_writes_another_sees_at_its_own_address)
{
    wherry_region *one = make(row);
    wherry_region *other = again(row, one, WHERRY_REGION_WRITE);
    CHECK_INT(wherry_region_size(one), SIZE);
    CHECK_INT(wherry_region_size(other), SIZE);
    CHECK(text_of(one) != text_of(other));
    strcpy(text_of(one) + SIZE - 8, "ahoy");
    CHECK_STRING(text_of(other) + SIZE - 8, "ahoy");
    strcpy(text_of(other), "back");
    CHECK_STRING(text_of(one), "back");
    wherry_region_close(one);
    wherry_region_close(other);
    unmake(row);
}

EACH_ROW(one_that_is_new_is_all_zero_and_begins_a_page)
{
    wherry_region *region = make(row);
    CHECK_INT((uintptr_t)wherry_region_data(region) % 4096, 0);
    for (size_t i = 0; i < SIZE; i++)
        CHECK_INT(text_of(region)[i], 0);
    wherry_region_close(region);
    unmake(row);
}

// Offsets mean the same to both, and pointers would not.
struct list {
    uint64_t first; /* offsets, 0: none */

    struct {
        uint64_t next;
        int64_t value;
    } cells[8];
};

EACH_ROW(a_list_of_offsets_is_the_same_list_wherever_it_is_mapped)
{
    wherry_region *one = make(row);
    wherry_region *other = again(row, one, WHERRY_REGION_READ);
    struct list *list = wherry_region_data(one);
    for (int i = 0; i < 8; i++) {
        list->cells[i].value = i;
        list->cells[i].next = list->first;
        list->first = (uint64_t)((char *)&list->cells[i] - text_of(one));
    }
    int64_t expected = 7;
    for (uint64_t at = ((struct list *)wherry_region_data(other))->first; at;
         expected--) {
        uint64_t cell[2];
        memcpy(cell, text_of(other) + at, sizeof(cell));
        CHECK_INT(cell[1], expected);
        at = cell[0];
    }
    CHECK_INT(expected, -1);
    wherry_region_close(one);
    wherry_region_close(other);
    unmake(row);
}

static void write_from_child(void *argument)
{
    const struct row *row = argument;
    wherry_region *region = NULL;
    WORKS(wherry_region_open(at(row, "?create=no"), &region));
    strcpy(text_of(region), "from a child");
    wherry_region_close(region);
}

EACH_ROW(another_process_finds_it_by_its_address)
{
    if (!row->has_name)
        SKIP("it has no name");
    wherry_region *region = make(row);
    pid_t child = harness_child(write_from_child, (void *)(uintptr_t)row);
    CHECK_INT(harness_wait(child), 0);
    CHECK_STRING(text_of(region), "from a child");
    wherry_region_close(region);
    unmake(row);
}

static void write_inherited(void *argument)
{
    wherry_region *region = argument;
    strcpy(text_of(region), "after a fork");
    wherry_region_close(region);
}

EACH_ROW(a_child_of_fork_has_the_same_memory)
{
    wherry_region *region = make(row);
    CHECK_INT(harness_wait(harness_child(write_inherited, region)), 0);
    CHECK_STRING(text_of(region), "after a fork");
    wherry_region_close(region);
    unmake(row);
}

EACH_ROW(it_stays_with_its_contents_when_everybody_has_gone)
{
    if (!row->has_name)
        SKIP("it goes with the last who has it open");
    wherry_region *region = make(row);
    strcpy(text_of(region), "kept");
    wherry_region_close(region);
    WORKS(wherry_region_open(at(row, ""), &region));
    CHECK_INT(wherry_region_size(region), SIZE);
    CHECK_STRING(text_of(region), "kept");
    wherry_region_close(region);
    unmake(row);
}

/* --- what this process may do there -------------------------------------- */

static void scribble(void *argument)
{
    wherry_region *region = argument;
    signal(SIGSEGV, SIG_DFL);
    ((volatile char *)wherry_region_data(region))[0] = 'x';
}

EACH_ROW(read_only_means_that_writing_ends_the_process)
{
    wherry_region *one = make(row);
    wherry_region *other = again(row, one, WHERRY_REGION_READ);
    strcpy(text_of(one), "as it was");
    CHECK_INT(harness_wait(harness_child(scribble, other)), -SIGSEGV);
    FAILS(wherry_region_write(other, 0, "x", 1), -EACCES, "open for reading");
    CHECK_STRING(text_of(other), "as it was");
    wherry_region_close(one);
    wherry_region_close(other);
    unmake(row);
}

EACH_ROW(what_is_written_privately_nobody_sees)
{
    if (!row->has_private)
        SKIP("it has no private access");
    wherry_region *one = make(row);
    strcpy(text_of(one), "shared");
    wherry_region *other = again(row, one, WHERRY_REGION_PRIVATE);
    CHECK_STRING(text_of(other), "shared");
    strcpy(text_of(other), "mine");
    WORKS(wherry_region_write(other, 100, "mine", 5));
    CHECK_STRING(text_of(one), "shared");
    CHECK_STRING(text_of(one) + 100, "");
    wherry_region_close(one);
    wherry_region_close(other);
    unmake(row);
}

EACH_ROW(bytes_are_copied_out_and_in_within_its_size_only)
{
    char text[8] = "";
    wherry_region *region = make(row);
    WORKS(wherry_region_write(region, SIZE - 5, "last", 5));
    WORKS(wherry_region_read(region, SIZE - 5, text, 5));
    CHECK_STRING(text, "last");
    WORKS(wherry_region_read(region, SIZE, text, 0));
    FAILS(wherry_region_read(region, SIZE - 4, text, 5), -ERANGE, "65536");
    FAILS(wherry_region_write(region, SIZE + 1, "x", 0), -ERANGE, "65537");
    FAILS(wherry_region_write(region, UINT64_MAX, "x", 1), -ERANGE, "within");
    wherry_region_close(region);
    unmake(row);
}

EACH_ROW(flushing_is_allowed_everywhere)
{
    wherry_region *region = make(row);
    text_of(region)[5000] = 'x';
    WORKS(wherry_region_flush(region, 5000, 1));
    WORKS(wherry_region_flush(region, 0, 0));
    FAILS(wherry_region_flush(region, 1, SIZE), -ERANGE, "within");
    wherry_region_close(region);
    unmake(row);
}

/* --- its description ----------------------------------------------------- */

EACH_ROW(its_description_says_what_it_is)
{
    struct wherry_region_info info;
    wherry_region *region = make(row);
    WORKS(wherry_region_describe(region, &info, sizeof(info)));
    CHECK_STRING(info.scheme, row->scheme);
    CHECK_STRING(info.address, row->has_name ? at(row, "?size=64K") : "");
    CHECK_INT(info.size, SIZE);
    CHECK_INT(info.size_now, SIZE);
    CHECK_INT(info.access, WHERRY_REGION_WRITE);
    CHECK_INT(info.uid, geteuid());
    CHECK_INT(info.gid, getegid());
    CHECK_INT(info.removed, 0);
    CHECK_INT(info.seals, row->has_name ? 0 : 1u << WHERRY_SEAL_SIZE);
    if (row->has_name)
        CHECK_INT(info.mode, 0600);
    FAILS(wherry_region_describe(region, &info, 0), -EINVAL, "0 bytes");
    wherry_region_close(region);
    unmake(row);
}

EACH_ROW(its_open_file_is_told_if_it_has_one)
{
    wherry_native file = -1;
    wherry_region *region = make(row);
    if (row->has_file) {
        WORKS(wherry_region_file(region, &file));
        CHECK(fcntl(file, F_GETFD) & FD_CLOEXEC);
    } else {
        FAILS(wherry_region_file(region, &file), -ENOTSUP, "no descriptor");
    }
    wherry_region_close(region);
    unmake(row);
}

EACH_ROW(one_that_is_there_is_not_removed_under_those_who_have_it)
{
    if (!row->has_name)
        SKIP("it has no name");
    wherry_region *region = make(row);
    strcpy(text_of(region), "still here");
    WORKS(wherry_region_check(region));
    unmake(row);
    CHECK_STRING(text_of(region), "still here");
    FAILS(wherry_region_check(region), -ESTALE, "was removed");
    struct wherry_region_info info;
    WORKS(wherry_region_describe(region, &info, sizeof(info)));
    CHECK_INT(info.removed, 1);
    wherry_region *other = make(row); // another one
    CHECK_STRING(text_of(other), "");
    wherry_region_close(region);
    wherry_region_close(other);
    unmake(row);
    CHECK_ERROR(wherry_remove(at(row, "")), -ENOENT);
}

/* --- what gets smaller --------------------------------------------------- */

EACH_ROW(one_that_was_made_smaller_is_found_out_and_no_copy_ends_the_process)
{
    char text[SIZE];
    wherry_native file;
    if (!row->can_shrink)
        SKIP("it cannot be made smaller");
    wherry_region *region = make(row);
    WORKS(wherry_region_file(region, &file));
    CHECK_INT(ftruncate(file, 4096), 0);
    FAILS(wherry_region_check(region), -EFAULT, "4096 bytes of 65536 are left");
    FAILS(wherry_region_read(region, 8192, text, 1), -EFAULT, "made smaller");
    FAILS(wherry_region_write(region, 0, text, SIZE), -EFAULT, "made smaller");
    WORKS(wherry_region_read(region, 0, text, 4096));
    struct wherry_region_info info;
    WORKS(wherry_region_describe(region, &info, sizeof(info)));
    CHECK_INT(info.size, SIZE);
    CHECK_INT(info.size_now, 4096);
    wherry_region_close(region);
    unmake(row);
}
