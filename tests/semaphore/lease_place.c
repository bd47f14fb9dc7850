/* SPDX-License-Identifier: MIT */
/*
 * lease: - where it is, what else may stand there, and who may use it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "keeper.h"

/* --- who may use it ------------------------------------------------------ */

TEST(as_many_can_have_it_open_as_it_was_made_for)
{
    wherry_semaphore *lease = open_lease("lease:boat?handles=2");
    struct keeper keeper = keeper_with("lease:boat", 1);
    wherry_semaphore *third = NULL;
    FAILS(wherry_semaphore_open("lease:boat", &third), -EUSERS, "handles=");
    end_keeper(&keeper);
    WORKS(wherry_semaphore_open("lease:boat", &third));
    wherry_semaphore_close(third);
    close_last(lease);
}

static void open_elsewhere(void *address)
{
    wherry_semaphore *lease = NULL;
    FAILS(wherry_semaphore_open(address, &lease), -EXDEV, "pid namespace");
}

TEST(another_pid_namespace_is_refused)
{
    char address[] = "lease:boat";
    wherry_semaphore *lease = open_lease(address);
    harness_in_own_namespace(open_elsewhere, address);
    close_last(lease);
}

TEST(another_number_of_permits_is_refused)
{
    wherry_semaphore *lease = open_lease("lease:boat?permits=3");
    wherry_semaphore *other = NULL;
    FAILS(wherry_semaphore_open("lease:boat?permits=2", &other), -EEXIST, "3 permits");
    CHECK_INT(look_at(lease).attached, 1);
    FAILS(wherry_acquire(lease, 4, soon()), -EINVAL, "3 at most");
    close_last(lease);
}

TEST(after_its_removal_those_who_have_it_go_on_among_themselves)
{
    wherry_semaphore *lease = open_lease("lease:boat");
    WORKS(wherry_acquire(lease, 1, WHERRY_POLL));
    CHECK_INT(look_at(lease).removed, 0);
    WORKS(wherry_remove("lease:boat"));
    CHECK_INT(look_at(lease).removed, 1);
    wherry_semaphore *other = open_lease("lease:boat");
    WORKS(wherry_acquire(other, 1, WHERRY_POLL));
    WORKS(wherry_release(lease, 1));
    wherry_semaphore_close(other);
    close_last(lease);
    FAILS(wherry_remove("lease:nobody"), -ENOENT, "lease:nobody");
}

/* --- doorbells ----------------------------------------------------------- */

static bool is_bell(const char *name)
{
    const size_t size = strlen(name);
    return size > 5 && strcmp(name + size - 5, ".bell") == 0;
}

// As wherry_inspect_remove does it: aside, where its owner does not find it any more.
static void take_if_nobodys(int directory, const char *name)
{
    if (renameat(directory, name, directory, "aside") < 0)
        return;
    int fd = openat(directory, "aside", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    CHECK(fd >= 0 || errno == ENXIO);
    CHECK_INT(fd < 0 ? unlinkat(directory, "aside", 0)
                     : renameat(directory, "aside", directory, name),
              0);
    if (fd >= 0)
        close(fd);
}

static void look_through(void)
{
    DIR *list = opendir(getenv("WHERRY_DIR"));
    CHECK(list != NULL);
    for (struct dirent *entry; (entry = readdir(list));)
        if (is_bell(entry->d_name))
            take_if_nobodys(dirfd(list), entry->d_name);
    closedir(list);
}

static void take_what_is_nobodys(void *argument)
{
    (void)argument;
    for (;;)
        look_through();
}

TEST(whoever_takes_away_doorbells_of_the_dead_disturbs_nobody_who_lives)
{
    wherry_semaphore *lease = open_lease("lease:boat");
    WORKS(wherry_acquire(lease, 1, WHERRY_POLL));
    pid_t taker = harness_child(take_what_is_nobodys, NULL);
    for (int i = 0; i < 500; i++) {
        wherry_semaphore *other = open_lease("lease:boat");
        FAILS(wherry_acquire(other, 1, wherry_after(1)), -ETIMEDOUT, "in time");
        wherry_semaphore_close(other);
    }
    harness_kill(taker);
    (void)unlink(harness_path("wherry/aside"));
    look_through(); // for one that had left while its bell was aside
    close_last(lease);
}

/* --- what stands in its place -------------------------------------------- */

static void put(const void *bytes, size_t size)
{
    harness_write_file("wherry/boat.lease", bytes, size);
    char path[512];
    snprintf(path, sizeof(path), "%s/boat.lease", getenv("WHERRY_DIR"));
    CHECK_INT(chmod(path, 0600), 0);
}

TEST(what_is_no_lease_is_refused)
{
    wherry_semaphore *lease = NULL;
    char bytes[8192] = "something else";
    put(bytes, sizeof(bytes));
    FAILS(wherry_semaphore_open("lease:boat", &lease), -EPROTO, "no lease");
    put("", 0);
    FAILS(wherry_semaphore_open("lease:boat", &lease), -EPROTO, "no lease");
    put("wherry-l", 8);
    FAILS(wherry_semaphore_open("lease:boat", &lease), -EPROTO, "no lease");
    memset(bytes, 0xff, sizeof(bytes));
    memcpy(bytes, "wherry-l", 8);
    put(bytes, sizeof(bytes));
    FAILS(wherry_semaphore_open("lease:boat", &lease), -EPROTO, "version");
    WORKS(wherry_remove("lease:boat"));
    CHECK_INT(symlink("/dev/zero", harness_path("wherry/boat.lease")), 0);
    CHECK(wherry_semaphore_open("lease:boat", &lease) < 0);
    CHECK_INT(unlink(harness_path("wherry/boat.lease")), 0);
    CHECK_INT(mkdir(harness_path("wherry/boat.lease"), 0700), 0);
    FAILS(wherry_semaphore_open("lease:boat", &lease), -ENOTSUP, "something else");
    CHECK_INT(rmdir(harness_path("wherry/boat.lease")), 0);
}

// Whoever may open it may write anything there: nobody crashes, or waits past a
// deadline.
TEST(nonsense_in_its_memory_hurts_nobody)
{
    wherry_semaphore *lease = open_lease("lease:boat?permits=5&handles=8");
    char path[512];
    struct stat status;
    snprintf(path, sizeof(path), "%s/boat.lease", getenv("WHERRY_DIR"));
    int file = open(path, O_RDWR | O_CLOEXEC);
    CHECK_INT(fstat(file, &status), 0);
    uint32_t *words =
        mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(words != MAP_FAILED);
    close(file);
    unsigned seed = 42;
    const size_t count = (size_t)status.st_size / sizeof(*words);
    for (int round = 0; round < 300; round++) {
        for (size_t i = 16; i < count; i++)
            words[i] = round % 3 == 0 ? 0xffffffff : (uint32_t)rand_r(&seed) << 8;
        struct wherry_semaphore_holder holders[8];
        wherry_native ignored;
        (void)wherry_acquire(lease, 1 + (uint32_t)round % 5, wherry_after(2));
        (void)wherry_release(lease, 1);
        (void)wherry_semaphore_holders(lease, holders, 8);
        (void)look_at(lease);
        (void)wherry_semaphore_fd(lease, (uint32_t)round % 2, &ignored, NULL);
    }
    munmap(words, (size_t)status.st_size);
    wherry_semaphore_close(lease);
    WORKS(wherry_remove("lease:boat"));
}

/* --- the directory ------------------------------------------------------- */

TEST(a_directory_that_others_can_enter_is_refused)
{
    wherry_semaphore *lease = NULL;
    CHECK_INT(chmod(getenv("WHERRY_DIR"), 0755), 0);
    FAILS(wherry_semaphore_open("lease:boat", &lease), -EPERM, "chmod 700");
    CHECK_INT(chmod(getenv("WHERRY_DIR"), 0700), 0);
    if (geteuid() != 0)
        SKIP("only root can give a directory away");
    CHECK_INT(chown(getenv("WHERRY_DIR"), 65534, 65534), 0);
    FAILS(wherry_semaphore_open("lease:boat", &lease), -EPERM, "65534");
    CHECK_INT(chown(getenv("WHERRY_DIR"), 0, 0), 0);
}

TEST(a_symbolic_link_in_its_place_is_refused)
{
    wherry_semaphore *lease = NULL;
    CHECK_INT(symlink("wherry", harness_path("link")), 0);
    CHECK_INT(setenv("WHERRY_DIR", harness_path("link"), 1), 0);
    FAILS(wherry_semaphore_open("lease:boat", &lease), -ENOTDIR, "symbolic link");
    FAILS(wherry_remove("lease:boat"), -ENOTDIR, "symbolic link");
    CHECK_INT(unlink(harness_path("link")), 0);
    CHECK_INT(setenv("WHERRY_DIR", harness_path("no/such"), 1), 0);
    FAILS(wherry_semaphore_open("lease:boat", &lease), -ENOENT, "no/such");
    CHECK_INT(setenv("WHERRY_DIR", harness_path("new"), 1), 0);
    WORKS(wherry_semaphore_open("lease:boat", &lease));
    wherry_semaphore_close(lease);
    WORKS(wherry_remove("lease:boat"));
    CHECK_INT(rmdir(harness_path("new")), 0);
}

TEST(a_directory_that_is_not_named_from_the_root_is_refused)
{
    static const char *const wrong[] = {"boats", "./boats", "../boats"};
    wherry_semaphore *lease = NULL;
    CHECK_INT(chdir(harness_directory()), 0);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        CHECK_INT(setenv("WHERRY_DIR", wrong[i], 1), 0);
        FAILS(wherry_semaphore_open("lease:boat", &lease), -EINVAL, wrong[i]);
        CHECK_CONTAINS(wherry_error_text(), "from / on");
        FAILS(wherry_remove("lease:boat"), -EINVAL, "from / on");
        CHECK(access(wrong[i], F_OK) < 0);
    }
    harness_write_file("file", "", 0);
    CHECK_INT(setenv("WHERRY_DIR", harness_path("file"), 1), 0);
    FAILS(wherry_semaphore_open("lease:boat", &lease), -ENOTDIR, "is no directory");
}

/* --- no room ------------------------------------------------------------- */

static void fill_up(const char *place)
{
    char path[512];
    char block[4096] = {1};
    snprintf(path, sizeof(path), "%s/ballast", place);
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK(file >= 0);
    while (write(file, block, sizeof(block)) > 0)
        continue;
    close(file);
}

// What is there goes on; what would be new is an error, and leaves nothing.
static void live_on_full_files(void *place)
{
    wherry_semaphore *second = NULL;
    CHECK_INT(setenv("WHERRY_DIR", place, 1), 0);
    wherry_semaphore *lease = open_lease("lease:boat?permits=2&handles=16");
    struct keeper keeper = keeper_with("lease:boat", 1);
    fill_up(place);
    const int names = count_names();
    FAILS(wherry_semaphore_open("lease:raft?handles=16", &second), -ENOSPC, "space");
    CHECK_INT(count_names(), names);
    WORKS(wherry_acquire(lease, 1, WHERRY_POLL));
    end_keeper(&keeper);
    WORKS(wherry_acquire(lease, 1, WHERRY_POLL));
    CHECK_ERROR(wherry_acquire(lease, 1, wherry_after(20)), -ETIMEDOUT);
    WORKS(wherry_release(lease, 2));
    close_last(lease);
    CHECK_INT(count_names(), names - 1);
}

TEST(in_a_full_file_system_those_who_have_one_go_on)
{
    harness_on_small_files("size=64k,mode=700,nr_inodes=6", live_on_full_files);
}

// However many are left, it is told of descriptors, or works.
static void open_with_few(void *argument)
{
    const int first = dup(STDIN_FILENO);
    int r = -EMFILE;
    close(first);
    (void)argument;
    for (int left = 0; r < 0; left++) {
        const struct rlimit limit = {(rlim_t)(first + left), (rlim_t)(first + 64)};
        wherry_semaphore *lease = NULL;
        CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
        r = wherry_semaphore_open("lease:boat", &lease);
        if (r < 0)
            CHECK_CONTAINS(wherry_error_text(), "descriptors");
        CHECK_INT(r, r < 0 ? -EMFILE : 0);
        wherry_semaphore_close(lease);
    }
    WORKS(wherry_remove("lease:boat"));
}

TEST(too_few_descriptors_are_told_as_that)
{
    CHECK_INT(harness_wait(harness_child(open_with_few, NULL)), 0);
}

TEST(names_that_lead_elsewhere_are_refused)
{
    wherry_semaphore *lease = NULL;
    FAILS(wherry_semaphore_open("lease:", &lease), -EINVAL, "no name");
    FAILS(wherry_semaphore_open("lease:../boat", &lease), -EINVAL, "slash");
    FAILS(wherry_semaphore_open("lease:.boat", &lease), -EINVAL, "dot");
    FAILS(wherry_semaphore_open("lease:bo%00at", &lease), -EINVAL, "slash");
    char address[160];
    snprintf(address, sizeof(address), "lease:%0101d", 0);
    FAILS(wherry_semaphore_open(address, &lease), -ENAMETOOLONG, "100 bytes");
    FAILS(wherry_semaphore_open("lease:boat?permits=65537", &lease), -EINVAL,
          "permits");
}

/* --- in a region --------------------------------------------------------- */

TEST(in_a_region_it_keeps_its_promises_too)
{
    wherry_region *region = NULL;
    wherry_semaphore *lease = NULL;
    wherry_semaphore *other = NULL;
    int64_t room = wherry_semaphore_room("lease:?permits=2&handles=4");
    CHECK(room > 0 && room < 4096);
    WORKS(wherry_region_open("memfd:?size=8K", &region));
    FAILS(wherry_semaphore_place("lease:", region, 0, &lease), -EINVAL, "create=");
    FAILS(wherry_semaphore_place("lease:?create=no", region, 0, &lease), -EPROTO,
          "no lease");
    FAILS(wherry_semaphore_place("lease:boat?create=no", region, 0, &lease), -EINVAL,
          "has a name");
    FAILS(wherry_semaphore_place("lease:?create=exclusive", region, 1000, &lease),
          -EINVAL, "multiple");
    FAILS(wherry_semaphore_place("lease:?create=exclusive", region, 8128, &lease),
          -ERANGE, "not within");
    WORKS(wherry_semaphore_place("lease:?permits=2&handles=4&create=exclusive", region,
                                 1024, &lease));
    WORKS(wherry_semaphore_place("lease:?create=no", region, 1024, &other));
    WORKS(wherry_acquire(lease, 2, WHERRY_POLL));
    CHECK_ERROR(wherry_acquire(other, 1, at_once()), -ETIMEDOUT);
    wherry_semaphore_close(lease);
    WORKS(wherry_acquire(other, 1, at_once()));
    wherry_semaphore_close(other);
    wherry_region_close(region);
    CHECK_INT(count_names(), 0);
}
