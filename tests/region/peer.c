/* SPDX-License-Identifier: MIT */
/*
 * peer: memory without a name, sealed, sent, and looked at before it is mapped.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>

#include "rows.h"

static wherry_region *open_at(const char *address)
{
    wherry_region *region = NULL;
    WORKS(wherry_region_open(address, &region));
    return region;
}

static wherry_native file_of(const wherry_region *region)
{
    wherry_native file = -1;
    WORKS(wherry_region_file(region, &file));
    return file;
}

static unsigned seals_of(const wherry_region *region)
{
    struct wherry_region_info info;
    WORKS(wherry_region_describe(region, &info, sizeof(info)));
    return info.seals;
}

/* --- sent ---------------------------------------------------------------- */

static void answer(void *argument)
{
    wherry_channel *channel = argument;
    const struct wherry_region_wish wish = {.size = SIZE,
                                            .access = WHERRY_REGION_WRITE};
    wherry_message *message = NULL;
    wherry_region *region = NULL;
    CHECK_INT(wherry_recv(channel, &message, soon()), 1);
    WORKS(wherry_region_receive(wherry_message_take_file(message, 0), &wish,
                                sizeof(wish), &region));
    CHECK_STRING(wherry_region_data(region), "question");
    strcpy(wherry_region_data(region), "answer");
    wherry_message_free(message);
    wherry_region_close(region);
    say(channel, "written");
    wherry_close(channel);
}

TEST(it_is_sent_as_an_open_file_and_both_have_the_same_memory)
{
    wherry_channel *ends[2];
    wherry_message *message = NULL;
    WORKS(wherry_pair("pair:", ends));
    pid_t child = harness_child(answer, ends[1]);
    wherry_close(ends[1]);
    wherry_region *region = open_at("memfd:?size=64K");
    strcpy(wherry_region_data(region), "question");
    WORKS(wherry_message_copy("here", 4, &message));
    WORKS(wherry_message_attach(message, file_of(region)));
    WORKS(wherry_send(ends[0], &message, 0, soon()));
    hear(ends[0], "written");
    CHECK_STRING(wherry_region_data(region), "answer");
    CHECK_INT(harness_wait(child), 0);
    wherry_region_close(region);
    wherry_close(ends[0]);
}

/* --- sealed -------------------------------------------------------------- */

TEST(its_size_stays_whoever_has_it)
{
    wherry_region *region = open_at("memfd:?size=64K");
    CHECK_INT(ftruncate(file_of(region), 4096), -1);
    CHECK_INT(errno, EPERM);
    CHECK_INT(ftruncate(file_of(region), 2 * SIZE), -1);
    FAILS(wherry_region_seal(region, WHERRY_SEAL_WRITERS), -EPERM, "sealed already");
    wherry_region_close(region);
}

TEST(a_single_writer_goes_on_writing_and_nobody_else_can)
{
    const struct wherry_region_wish wish = {.access = WHERRY_REGION_WRITE};
    wherry_region *other = NULL;
    wherry_region *region = open_at("memfd:?size=64K&seal=writers");
    CHECK_INT(seals_of(region), 1u << WHERRY_SEAL_SIZE | 1u << WHERRY_SEAL_WRITERS);
    int copy = dup(file_of(region));
    FAILS(wherry_region_receive(copy, &wish, sizeof(wish), &other), -EPERM,
          "against writing");
    CHECK(pwrite(copy, "x", 1, 0) < 0);
    WORKS(wherry_region_receive(copy, NULL, 0, &other));
    strcpy(wherry_region_data(region), "mine");
    WORKS(wherry_region_write(region, 100, "too", 4));
    CHECK_STRING(wherry_region_data(other), "mine");
    CHECK_STRING((char *)wherry_region_data(other) + 100, "too");
    wherry_region_close(other);
    wherry_region_close(region);
}

TEST(sealed_contents_stay_at_the_same_place_and_nobody_writes)
{
    wherry_region *region = open_at("memfd:?size=64K&seal=none");
    void *place = wherry_region_data(region);
    CHECK_INT(seals_of(region), 0);
    strcpy(place, "for ever");
    WORKS(wherry_region_seal(region, WHERRY_SEAL_CONTENTS));
    CHECK_INT(seals_of(region), 1u << WHERRY_SEAL_SIZE | 1u << WHERRY_SEAL_WRITERS |
                                    1u << WHERRY_SEAL_CONTENTS);
    CHECK(wherry_region_data(region) == place);
    CHECK_STRING(place, "for ever");
    FAILS(wherry_region_write(region, 0, "x", 1), -EACCES, "reading");
    wherry_region *other = NULL;
    WORKS(wherry_region_receive(dup(file_of(region)), NULL, 0, &other));
    CHECK_STRING(wherry_region_data(other), "for ever");
    wherry_region_close(other);
    wherry_region_close(region);
}

TEST(what_somebody_else_writes_is_not_sealed_and_can_be_written_on)
{
    wherry_region *region = open_at("memfd:?size=64K&seal=none");
    void *other =
        mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file_of(region), 0);
    CHECK(other != MAP_FAILED);
    FAILS(wherry_region_seal(region, WHERRY_SEAL_CONTENTS), -EBUSY,
          "mapped for writing");
    strcpy(wherry_region_data(region), "goes on");
    CHECK_STRING(other, "goes on");
    CHECK_INT(seals_of(region), 0);
    munmap(other, SIZE);
    WORKS(wherry_region_seal(region, WHERRY_SEAL_SIZE));
    CHECK_INT(seals_of(region), 1u << WHERRY_SEAL_SIZE);
    wherry_region_close(region);
}

TEST(what_has_a_name_is_not_sealed)
{
    for (const struct row *row = rows; row->scheme; row++) {
        if (!row->has_name)
            continue;
        wherry_region *region = make(row);
        FAILS(wherry_region_seal(region, WHERRY_SEAL_SIZE), -ENOTSUP, "only a memfd:");
        wherry_region_close(region);
        unmake(row);
    }
    wherry_region *region = open_at("memfd:?size=64K&seal=none");
    FAILS(wherry_region_seal(region, 7), -EINVAL, "no seal 7");
    wherry_region_close(region);
}

/* --- refused ------------------------------------------------------------- */

static void refuses(int file, const struct wherry_region_wish *wish, int error,
                    const char *part)
{
    wherry_region *region = NULL;
    FAILS(wherry_region_receive(file, wish, sizeof(*wish), &region), error, part);
    CHECK(region == NULL);
    CHECK(fcntl(file, F_GETFD) >= 0); // it stays the caller's
}

TEST(what_a_peer_sends_in_place_of_memory_is_refused)
{
    const struct wherry_region_wish any = {.size = 0};
    int ends[2];
    CHECK_INT(pipe2(ends, O_CLOEXEC), 0);
    refuses(ends[0], &any, -ENOTSUP, "no memory of this machine");
    int file = open(harness_path("file"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK_INT(ftruncate(file, SIZE), 0);
    refuses(file, &any, -ENOTSUP, "no memory of this machine");
    int zero = open("/dev/zero", O_RDWR | O_CLOEXEC);
    refuses(zero, &any, -ENOTSUP, "no memory of this machine");
    wherry_region *region = NULL;
    FAILS(wherry_region_receive(-1, NULL, 0, &region), -EBADF, "open file");
    close(ends[0]);
    close(ends[1]);
    close(file);
    close(zero);
    unlink(harness_path("file"));
}

TEST(what_is_not_sealed_or_has_another_size_is_refused)
{
    const struct wherry_region_wish any = {.size = 0};
    const struct wherry_region_wish small = {.most = 4096};
    const struct wherry_region_wish exact = {.size = SIZE - 1};
    const struct wherry_region_wish trusted = {.size = SIZE, .unsealed = 1};
    const struct wherry_region_wish wrong = {.access = 9};
    wherry_region *other = NULL;
    wherry_region *region = open_at("memfd:?size=64K&seal=none");
    int copy = dup(file_of(region));
    refuses(copy, &any, -EPERM, "not sealed");
    refuses(copy, &wrong, -EINVAL, "access");
    WORKS(wherry_region_receive(copy, &trusted, sizeof(trusted), &other));
    wherry_region_close(other);
    WORKS(wherry_region_seal(region, WHERRY_SEAL_SIZE));
    copy = dup(file_of(region));
    refuses(copy, &small, -EMSGSIZE, "65536 bytes, not up to 4096");
    refuses(copy, &exact, -EMSGSIZE, "65536 bytes, not 65535");
    close(copy);
    wherry_region_close(region);
}

// One that keeps the right to add seals could still be sealed under its reader's feet.
TEST(seals_that_can_still_change_are_none)
{
    const struct wherry_region_wish any = {.size = 0};
    int file = memfd_create("half", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CHECK_INT(ftruncate(file, SIZE), 0);
    CHECK_INT(fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
    refuses(file, &any, -EPERM, "not sealed");
    close(file);
}
