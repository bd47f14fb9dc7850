/* SPDX-License-Identifier: MIT */
/*
 * known: what users of each mechanism know, and that any program is at the other end.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>

#include "rows.h"

static const struct row *row_of(const char *scheme)
{
    const struct row *row = rows;
    while (strcmp(row->scheme, scheme) != 0)
        row++;
    return row;
}

static void need_python(void)
{
    if (!harness_have_program("python3"))
        SKIP("there is no python3");
}

static void run_python(const char *script)
{
    const char *const words[] = {"python3", "-c", script, NULL};
    CHECK_INT(harness_wait(harness_program(words, -1, -1)), 0);
}

/* --- shm: ---------------------------------------------------------------- */

TEST(shm_open_finds_it_by_the_same_name)
{
    const struct row *row = row_of("shm");
    wherry_region *region = make(row);
    int fd = shm_open(strchr(at(row, ""), '/'), O_RDWR, 0);
    CHECK(fd >= 0);
    char *other = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(other != MAP_FAILED);
    strcpy(other, "by shm_open");
    CHECK_STRING(wherry_region_data(region), "by shm_open");
    munmap(other, SIZE);
    close(fd);
    wherry_region_close(region);
    unmake(row);
}

TEST(an_array_is_shared_with_pythons_shared_memory)
{
    char script[1024];
    const struct row *row = row_of("shm");
    need_python();
    wherry_region *region = make(row);
    int32_t *numbers = wherry_region_data(region);
    for (int i = 0; i < 100; i++)
        numbers[i] = i * i;
    snprintf(script, sizeof(script),
             "from multiprocessing import resource_tracker, shared_memory\n"
             "resource_tracker.register = lambda *a: None\n" // it would remove it
             "m = shared_memory.SharedMemory('%s')\n"
             "a = m.buf[:400].cast('i')\n"
             "assert list(a) == [i * i for i in range(100)], list(a)\n"
             "a[7] = -1\n"
             "a.release(); m.close()\n",
             strchr(at(row, ""), '/') + 1);
    run_python(script);
    CHECK_INT(numbers[7], -1);
    wherry_region_close(region);
    unmake(row);
}

TEST(a_symbolic_link_at_its_name_is_not_followed)
{
    const struct row *row = row_of("shm");
    char path[128];
    wherry_region *region = NULL;
    snprintf(path, sizeof(path), "/dev/shm%s", strchr(at(row, ""), '/'));
    CHECK_INT(symlink("/etc/hostname", path), 0);
    FAILS(wherry_region_open(at(row, "?access=read"), &region), -ELOOP,
          "symbolic link");
    FAILS(wherry_remove(at(row, "")), -EEXIST, "a symbolic link");
    CHECK_INT(unlink(path), 0);
}

TEST(names_that_are_none_are_refused)
{
    char address[400];
    wherry_region *region = NULL;
    FAILS(wherry_region_open("shm:x?size=4K", &region), -EINVAL, "one slash");
    FAILS(wherry_region_open("shm:/?size=4K", &region), -EINVAL, "one slash");
    FAILS(wherry_region_open("shm:/a/b?size=4K", &region), -EINVAL, "one slash");
    FAILS(wherry_region_open("shm:/..?size=4K", &region), -EINVAL, "cannot be called");
    snprintf(address, sizeof(address), "shm:/%0256d?size=4K", 0);
    FAILS(wherry_region_open(address, &region), -ENAMETOOLONG, "255");
    FAILS(wherry_region_open("memfd:x?size=4K", &region), -EINVAL, "without a name");
    FAILS(wherry_region_open("shmv:no?size=4K", &region), -EINVAL, "ipcs -m");
    FAILS(wherry_region_open("file:?size=4K", &region), -EINVAL, "file:PATH");
}

/* --- file: --------------------------------------------------------------- */

TEST(what_is_written_is_in_the_file)
{
    char text[16] = "";
    const struct row *row = row_of("file");
    wherry_region *region = make(row);
    strcpy((char *)wherry_region_data(region) + 10, "in the file");
    WORKS(wherry_region_flush(region, 10, 12));
    wherry_region_close(region);
    int fd = open(harness_path("region"), O_RDONLY | O_CLOEXEC);
    CHECK_INT(pread(fd, text, 12, 10), 12);
    CHECK_STRING(text, "in the file");
    close(fd);
    unmake(row);
}

// Both have it mapped at once, and each message is read before the next one is written.
TEST(python_and_we_see_each_others_messages_in_a_file_as_they_come)
{
    char script[1024];
    const struct row *row = row_of("file");
    need_python();
    wherry_region *region = make(row);
    snprintf(script, sizeof(script),
             "import mmap\n"
             "with open('%s', 'r+b') as f, mmap.mmap(f.fileno(), 0) as m:\n"
             "    for i in range(1, 101):\n"
             "        while m[0] != i: pass\n"
             "        assert m[8:12] == b'%%04d' %% i, m[8:12]\n"
             "        m[16:20] = b'%%04d' %% (i * 2)\n"
             "        m[1] = i\n",
             harness_path("region"));
    const char *const words[] = {"python3", "-c", script, NULL};
    pid_t python = harness_program(words, -1, -1);
    char *bytes = wherry_region_data(region);
    for (int i = 1; i <= 100; i++) {
        char number[8];
        snprintf(number, sizeof(number), "%04d", i);
        memcpy(bytes + 8, number, 4);
        __atomic_store_n(bytes, (char)i, __ATOMIC_RELEASE);
        const wherry_deadline end = soon();
        while (__atomic_load_n(bytes + 1, __ATOMIC_ACQUIRE) != (char)i)
            CHECK(wherry_now() < end);
        snprintf(number, sizeof(number), "%04d", i * 2);
        CHECK_BYTES(bytes + 16, number, 4);
    }
    CHECK_INT(harness_wait(python), 0);
    wherry_region_close(region);
    unmake(row);
}

TEST(what_is_no_regular_file_is_not_mapped)
{
    char address[ADDRESS];
    wherry_region *region = NULL;
    CHECK_INT(mkfifo(harness_path("fifo"), 0600), 0);
    snprintf(address, sizeof(address), "file:%s", harness_path("fifo"));
    FAILS(wherry_region_open(address, &region), -ENOTSUP, "is a FIFO");
    FAILS(wherry_remove(address), -EEXIST, "is a FIFO");
    snprintf(address, sizeof(address), "file:%s", harness_directory());
    FAILS(wherry_region_open(address, &region), -ENOTSUP, "is a directory");
    FAILS(wherry_region_open("file:/dev/null", &region), -ENOTSUP, "character device");
    snprintf(address, sizeof(address), "file:%s/none/x?size=4K", harness_directory());
    FAILS(wherry_region_open(address, &region), -ENOENT, "directory");
    CHECK_INT(unlink(harness_path("fifo")), 0);
}

TEST(one_that_is_empty_is_not_done)
{
    char address[ADDRESS];
    wherry_region *region = NULL;
    close(open(harness_path("empty"), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    snprintf(address, sizeof(address), "file:%s", harness_path("empty"));
    FAILS(wherry_region_open(address, &region), -EINVAL, "is empty");
    CHECK_INT(unlink(harness_path("empty")), 0);
}

/* --- shmv: --------------------------------------------------------------- */

TEST(shmget_finds_it_by_the_same_key)
{
    const struct row *row = row_of("shmv");
    wherry_region *region = make(row);
    int id = shmget((key_t)strtol(at(row, "") + 5, NULL, 16), 0, 0);
    CHECK(id >= 0);
    char *other = shmat(id, NULL, 0);
    CHECK(other != (void *)-1);
    strcpy(other, "by shmat");
    CHECK_STRING(wherry_region_data(region), "by shmat");
    shmdt(other);
    wherry_region_close(region);
    unmake(row);
}

TEST(a_segment_tells_who_made_it_and_how_often_it_is_attached)
{
    struct wherry_region_info info;
    const struct row *row = row_of("shmv");
    wherry_region *region = make(row);
    wherry_region *other = again(row, region, WHERRY_REGION_READ);
    WORKS(wherry_region_describe(region, &info, sizeof(info)));
    CHECK_INT(info.attached, 2);
    CHECK_INT(info.creator, getpid());
    CHECK_INT(info.last, getpid());
    CHECK(info.attached_at > 0);
    CHECK_INT(info.detached_at, 0);
    wherry_region_close(other);
    WORKS(wherry_region_describe(region, &info, sizeof(info)));
    CHECK_INT(info.attached, 1);
    CHECK(info.detached_at > 0);
    wherry_region_close(region);
    unmake(row);
}

// By its number, which the description tells; and when the last has gone it is no more.
TEST(a_private_segment_leaves_nothing_behind)
{
    struct wherry_region_info info;
    wherry_region *region = NULL;
    wherry_region *other = NULL;
    WORKS(wherry_region_open("shmv:private?size=64K", &region));
    WORKS(wherry_region_describe(region, &info, sizeof(info)));
    CHECK_INT(info.removed, 1);
    WORKS(wherry_region_open(info.address, &other));
    strcpy(wherry_region_data(region), "by its number");
    CHECK_STRING(wherry_region_data(other), "by its number");
    wherry_region_close(region);
    wherry_region_close(other);
    FAILS(wherry_region_open(info.address, &region), -ENOENT, "no such segment");
}

TEST(a_segment_is_named_for_a_file_as_ftok_does)
{
    char address[ADDRESS];
    wherry_region *region = NULL;
    snprintf(address, sizeof(address), "shmv:%s,7?size=64K", harness_directory());
    WORKS(wherry_region_open(address, &region));
    CHECK(shmget(ftok(harness_directory(), 7), 0, 0) >= 0);
    wherry_region_close(region);
    WORKS(wherry_remove(address));
    FAILS(wherry_region_open("shmv:/no/such/file,7", &region), -ENOENT,
          "no file /no/such/file");
}

/* --- all of them --------------------------------------------------------- */

static void open_and_close(void *argument)
{
    const struct row *row = argument;
    wherry_region *region = NULL;
    if (wherry_region_open(at(row, "?size=64K"), &region) < 0)
        return;
    CHECK_STRING(wherry_region_data(region), "");
    wherry_region_close(region);
    (void)wherry_remove(at(row, ""));
}

EACH_ROW(each_allocation_that_fails_is_told_and_leaves_nothing)
{
    (void)at(row, "");
    harness_note("%lu allocations",
                 harness_each_allocation(open_and_close, (void *)(uintptr_t)row));
}

EACH_ROW(nothing_grows_over_many)
{
    harness_cycles(1000, open_and_close, (void *)(uintptr_t)row);
}
