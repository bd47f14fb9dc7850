/* SPDX-License-Identifier: MIT */
/*
 * Where memory is full: in a control group of 32 MiB, in as much address space, and on
 * a tmpfs of 64 KiB.
 *
 * Channels are opened and used until there is no room for one more.  That is an error,
 * when one is made or sent to; or the kernel ends the process whose group has no memory
 * (SIGKILL, its right).  It is never a signal for memory that was promised and is not
 * there, and whoever has room goes on.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "../queue/queue_talk.h"

enum {
    GROUP = 32 << 20,
    MOST = 64, // times 1 MiB, more than the group has
    PIECE = 65536,
    PIECES = 12,
    ADDRESS = 64
};

struct one {
    char address[ADDRESS];
    wherry_listener *listener;
    wherry_channel *from, *to;
};

/* --- what is opened, and used to its last byte --------------------------- */

static int open_pair(struct one *one)
{
    wherry_channel *ends[2];
    const int r = wherry_pair("local:?memory=always&ring=1M&spin=0", ends);
    if (r < 0)
        return r;
    one->from = ends[0];
    one->to = ends[1];
    return 0;
}

static int open_lending(struct one *one)
{
    wherry_channel *ends[2];
    const int r = wherry_pair("local:?memory=always&ring=256K&loan=1M&spin=0", ends);
    if (r < 0)
        return r;
    one->from = ends[0];
    one->to = ends[1];
    return 0;
}

static int open_queue(struct one *one)
{
    int r = wherry_dial(one->address, soon(), &one->from);
    if (r >= 0)
        r = wherry_listen(one->address, &one->listener);
    return r < 0 ? r : wherry_accept(one->listener, soon(), &one->to);
}

static int open_topic(struct one *one)
{
    const int r = wherry_listen(one->address, &one->listener);
    if (r < 0)
        return r;
    *strchr(one->address, '?') = 0;
    return wherry_dial(one->address, soon(), &one->to);
}

static int receive(struct one *one, size_t size, int piece)
{
    wherry_message *message = NULL;
    const int r = wherry_recv(one->to, &message, soon());
    if (r == 1) {
        const char *bytes = wherry_message_data(message);
        CHECK_INT(wherry_message_size(message), size);
        CHECK_INT(bytes[0], piece);
        CHECK_INT(bytes[size - 1], piece);
    }
    wherry_message_free(message);
    return r < 0 ? r : 0;
}

static int use_channel(struct one *one)
{
    static char bytes[PIECE];
    int r = 0;
    for (int i = 0; i < PIECES && r >= 0; i++) {
        memset(bytes, i, sizeof(bytes));
        r = wherry_write(one->from, bytes, sizeof(bytes), 0, 0, soon());
        if (r >= 0)
            r = receive(one, sizeof(bytes), i);
    }
    return r;
}

static int use_loans(struct one *one)
{
    int r = 0;
    for (int i = 0; i < PIECES && r >= 0; i++) {
        wherry_message *message = NULL;
        r = wherry_loan(one->from, PIECE, &message, soon());
        if (r < 0)
            break;
        memset(wherry_message_data(message), i, PIECE);
        r = wherry_send(one->from, &message, 0, soon());
        if (r >= 0)
            r = receive(one, PIECE, i);
        wherry_message_free(message);
    }
    return r;
}

static int use_topic(struct one *one)
{
    int r = 0;
    for (int i = 0; i < PIECES && r >= 0; i++) {
        wherry_message *message = NULL;
        r = wherry_message_new(PIECE, &message);
        if (r < 0)
            break;
        memset(wherry_message_data(message), i, PIECE);
        r = wherry_publish(one->listener, &message, soon());
        wherry_message_free(message);
        if (r >= 0)
            r = receive(one, PIECE, i);
    }
    return r;
}

static const struct kind {
    const char *name;
    const char *scheme, *options; // a number between them is a name
    int (*open)(struct one *one);
    int (*use)(struct one *one);
} kinds[] = {
    {"local", "", "", open_pair, use_channel},
    {"loans", "", "", open_lending, use_loans},
    {"topic", "local:", "?fan=broadcast&ring=1M", open_topic, use_topic},
    {"queue", "queue:", "?bytes=1M", open_queue, use_channel},
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

/* --- until there is no room ---------------------------------------------- */

static const struct kind *kind;

static int fill(struct one *all, int *error)
{
    int count = 0;
    int r = 0;
    while (count < MOST && r >= 0) {
        struct one *one = &all[count++];
        snprintf(one->address, ADDRESS, "%s%d%s", kind->scheme, count, kind->options);
        r = kind->open(one);
        if (r >= 0)
            r = kind->use(one);
    }
    *error = r;
    return count;
}

static void close_one(struct one *one)
{
    wherry_close(one->from);
    wherry_close(one->to);
    wherry_close_listener(one->listener);
    if (strncmp(one->address, "queue", 5) == 0)
        (void)wherry_remove(one->address);
}

static void use_all_that_there_is(void)
{
    static struct one all[MOST];
    int error;
    const int count = fill(all, &error);
    CHECK_RANGE(error, -4095, -1);
    // Those that were whole before go on, once there is room for a message again.
    close_one(&all[count - 1]);
    for (int i = 0; i < count - 1; i++)
        WORKS(kind->use(&all[i]));
    for (int i = 0; i < count - 1; i++)
        close_one(&all[i]);
    memset(all, 0, sizeof(all));
    harness_note("%s: there was room for %d, then %s", kind->name, count - 1,
                 harness_errno_name(error));
}

/* --- a control group ----------------------------------------------------- */

static struct harness_group group;

static void fill_group(void *argument)
{
    (void)argument;
    group_join(&group);
    use_all_that_there_is();
}

static void fill_on(void *place)
{
    CHECK_INT(setenv("WHERRY_DIR", place, 1), 0);
    const int status =
        harness_wait_within(harness_child(fill_group, NULL), 4 * HARNESS_PATIENCE);
    if (status == -SIGKILL)
        harness_note("%s: the kernel ended it", kind->name);
    else
        CHECK_INT(status, 0);
}

static void in_a_group(const void *argument)
{
    kind = argument;
    if (harness_is_slow())
        SKIP("sanitizers and valgrind need more than that themselves");
    if (!group_open(&group, GROUP))
        SKIP("this user may make no control group of memory");
    harness_on_small_files("size=128m,mode=700", fill_on);
    group_close(&group);
}

/* --- little address space ------------------------------------------------ */

static void limit_and_fill(void *argument)
{
    char text[128];
    (void)argument;
    harness_read_file("/proc/self/statm", text, sizeof(text));
    const rlim_t now = (rlim_t)strtoull(text, NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE);
    const struct rlimit limit = {.rlim_cur = now + GROUP, .rlim_max = now + GROUP};
    CHECK_INT(setrlimit(RLIMIT_AS, &limit), 0);
    use_all_that_there_is();
}

static void in_little_space(const void *argument)
{
    kind = argument;
    if (harness_is_slow())
        SKIP("sanitizers and valgrind need more than that themselves");
    CHECK_INT(
        harness_wait_within(harness_child(limit_and_fill, NULL), 4 * HARNESS_PATIENCE),
        0);
}

/* --- a small file system ------------------------------------------------- */

// To the last byte.
static void fill_up(const char *place)
{
    char path[512];
    static char bytes[4096];
    snprintf(path, sizeof(path), "%s/filling", place);
    const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK_OK(fd);
    while (write(fd, bytes, sizeof(bytes)) > 0)
        ;
    CHECK_INT(errno, ENOSPC);
    close(fd);
}

static void use_what_fits(void *place)
{
    struct one one = {.address = "queue:boat?bytes=8K&maxsize=16&handles=4"};
    wherry_channel *second;
    static char bytes[8000];
    CHECK_INT(setenv("WHERRY_DIR", place, 1), 0);
    WORKS(open_queue(&one));
    fill_up(place);
    FAILS(wherry_dial("queue:raft", soon(), &second), -ENOSPC, "space");
    for (int i = 0; i < PIECES; i++) {
        memset(bytes, i, sizeof(bytes));
        WORKS(wherry_write(one.from, bytes, sizeof(bytes), 0, 0, soon()));
        WORKS(receive(&one, sizeof(bytes), i));
    }
    close_one(&one);
}

TEST(a_queue_on_a_small_file_system_that_is_full_has_its_room)
{
    harness_on_small_files("size=64k,mode=700", use_what_fits);
}

void harness_register(void)
{
    char name[64];
    for (int i = 0; i < KINDS; i++) {
        snprintf(name, sizeof(name),
                 "a_group_without_memory_ends_by_an_error_or_by_the_kernel/%s",
                 kinds[i].name);
        harness_add(name, in_a_group, &kinds[i]);
        snprintf(name, sizeof(name), "whoever_may_map_no_more_is_told_so/%s",
                 kinds[i].name);
        harness_add(name, in_little_space, &kinds[i]);
    }
}
