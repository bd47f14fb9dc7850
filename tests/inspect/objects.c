/* SPDX-License-Identifier: MIT */
/*
 * The objects of the machine that are files of memory: each is found with who has it,
 * and what is said of nobody is true.
 */
#define _GNU_SOURCE
#include "objects.h"

#include <semaphore.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <wherry.h>

enum { MANY = 2000, NOBODY = 65534 };

/* --- files of memory ----------------------------------------------------- */

static const char *beside_name;

static void map_region(struct neighbour *neighbour)
{
    int fd = shm_open(beside_name, O_RDWR, 0);
    CHECK_OK(fd);
    CHECK(mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED);
    if (neighbour->kept < 0)
        close(fd);
}

TEST(a_region_is_told_with_its_size_age_owner_and_who_has_it)
{
    struct wherry_ipc_view *view;
    struct neighbour mapper = {.prepare = map_region, .kept = -1};
    struct neighbour opener = {.prepare = map_region, .kept = 1};
    beside_name = own_name("charts");
    const char *address = address_of("shm", beside_name);
    close(make_region(beside_name));
    start_beside(&mapper);
    start_beside(&opener);
    const struct wherry_ipc_object *object = only(address, &view);
    CHECK_STRING(object->address, address);
    CHECK_STRING(object->scheme, "shm");
    CHECK_STRING(object->kind, "POSIX region");
    CHECK_INT(object->user, geteuid());
    CHECK_INT(object->group, getegid());
    CHECK_INT(object->mode, 0600);
    CHECK_INT(object->size, SIZE);
    CHECK(is_recent(object->changed));
    CHECK(object->created == 0 || is_recent(object->created));
    CHECK_INT(object->left, 1);
    CHECK_INT(object->holder_count, 2);
    CHECK_INT(how_of(object, mapper.pid), WHERRY_IPC_MAPPED);
    CHECK_INT(how_of(object, opener.pid), WHERRY_IPC_MAPPED | WHERRY_IPC_OPEN);
    CHECK_STRING(object->holders[0].name, "inspect-objects");
    CHECK_INT(wherry_inspect_remove(object), -EBUSY);
    wherry_ipc_view_free(view);
    end_beside(&opener);
    check_left(address, 1);
    end_beside(&mapper);
    check_left(address, 0);
    CHECK_INT(remove_it(address), 0);
    view = view_of(address);
    CHECK_INT(view->object_count, 0);
    wherry_ipc_view_free(view);
}

TEST(a_region_that_lost_its_name_is_told_as_long_as_somebody_has_it)
{
    struct wherry_ipc_view *view;
    const char *name = own_name("lost");
    int fd = make_region(name);
    CHECK_INT(shm_unlink(name), 0);
    const struct wherry_ipc_object *object = only(address_of("shm", name), &view);
    CHECK_INT(object->is_deleted, 1);
    CHECK_INT(object->size, SIZE);
    CHECK_INT(how_of(object, getpid()), WHERRY_IPC_OPEN);
    wherry_ipc_view_free(view);
    // Another one of that name is another one.
    int other = make_region(name);
    view = view_of(address_of("shm", name));
    CHECK_INT(view->object_count, 2);
    CHECK_INT(view->objects[0].is_deleted + view->objects[1].is_deleted, 1);
    wherry_ipc_view_free(view);
    close(fd);
    close(other);
    CHECK_INT(remove_it(address_of("shm", name)), 0);
}

TEST(a_semaphore_has_the_name_that_programs_know)
{
    struct wherry_ipc_view *view;
    const char *name = own_name("gate");
    const char *address = address_of("sem", name);
    sem_t *gate = sem_open(name, O_CREAT | O_EXCL, 0600, 1);
    CHECK(gate != SEM_FAILED);
    const struct wherry_ipc_object *object = only(address, &view);
    CHECK_STRING(object->kind, "POSIX semaphore");
    CHECK_INT(how_of(object, getpid()), WHERRY_IPC_MAPPED);
    CHECK_INT(object->left, 1);
    CHECK_INT(object->is_deleted, 0);
    wherry_ipc_view_free(view);
    CHECK_INT(sem_close(gate), 0);
    check_left(address, 0);
    CHECK_INT(remove_it(address), 0);
    CHECK(sem_open(name, 0) == SEM_FAILED && errno == ENOENT);
}

TEST(memory_without_a_name_is_told_by_whoever_has_it)
{
    struct wherry_ipc_view *view;
    char name[64];
    snprintf(name, sizeof(name), "wherry-test-%d\n\xff ?%%", (int)getpid());
    int fd = memfd_create(name, MFD_CLOEXEC);
    CHECK_OK(fd);
    CHECK_INT(ftruncate(fd, SIZE), 0);
    snprintf(name, sizeof(name), "memfd:wherry-test-%d*", (int)getpid());
    const struct wherry_ipc_object *object = only(name, &view);
    CHECK_CONTAINS(object->address, "%0A%FF %3F%25");
    CHECK_INT(object->size, SIZE);
    CHECK_INT(object->left, 1);
    CHECK_INT(object->user, geteuid());
    CHECK_INT(wherry_inspect_remove(object), -ENOTSUP);
    wherry_ipc_view_free(view);
    close(fd);
    view = view_of(name);
    CHECK_INT(view->object_count, 0);
    wherry_ipc_view_free(view);
}

TEST(names_of_any_bytes_are_told_and_removed)
{
    static const char *const odd[] = {"a\nb", "a b ",       "\xff\xfe",
                                      "?%",   "(deleted)",  "x (deleted)",
                                      "[*]",  "\x1b]0;x\a", "-"};
    struct wherry_ipc_view *view;
    char pattern[128];
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
        close(make_region(own_name(odd[i])));
    snprintf(pattern, sizeof(pattern), "shm:/wherry-test-%d-*", (int)getpid());
    view = view_of(pattern);
    CHECK_INT(view->object_count, sizeof(odd) / sizeof(odd[0]));
    for (size_t i = 0; i < view->object_count; i++) {
        wherry_region *region;
        const char *address = view->objects[i].address;
        CHECK_INT(view->objects[i].left, 0);
        CHECK_OK(wherry_region_open(address, &region)); // it is an address
        CHECK_INT(wherry_region_size(region), SIZE);
        wherry_region_close(region);
        CHECK_INT(wherry_inspect_remove(&view->objects[i]), 0);
    }
    wherry_ipc_view_free(view);
    view = view_of(pattern);
    CHECK_INT(view->object_count, 0);
    wherry_ipc_view_free(view);
}

/* --- what is proven ------------------------------------------------------ */

// No process shows it: the kernel alone knows.
TEST(what_is_on_its_way_in_a_message_is_in_use)
{
    struct wherry_ipc_view *view;

    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.head = {.cmsg_len = CMSG_LEN(sizeof(int)),
                          .cmsg_level = SOL_SOCKET,
                          .cmsg_type = SCM_RIGHTS}};

    int ends[2];
    char byte = 0;
    struct iovec bytes = {&byte, 1};
    struct msghdr message = {.msg_iov = &bytes,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    const char *name = own_name("travels");
    int fd = make_region(name);
    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
    CHECK_INT(sendmsg(ends[0], &message, 0), 1);
    close(fd);
    const struct wherry_ipc_object *object = only(address_of("shm", name), &view);
    CHECK_INT(object->holder_count, 0);
    CHECK_INT(object->left, 1);
    CHECK_STRING(object->why, "the kernel says so");
    CHECK_INT(wherry_inspect_remove(object), -EBUSY);
    wherry_ipc_view_free(view);
    close(ends[0]);
    close(ends[1]);
    check_left(address_of("shm", name), 0);
    CHECK_INT(remove_it(address_of("shm", name)), 0);
}

TEST(what_was_taken_up_again_or_replaced_stays)
{
    struct wherry_ipc_view *view;
    const char *name = own_name("again");
    close(make_region(name));
    const struct wherry_ipc_object *object = only(address_of("shm", name), &view);
    CHECK_INT(object->left, 0);
    int fd = shm_open(name, O_RDONLY, 0);
    CHECK_OK(fd);
    CHECK_INT(wherry_inspect_remove(object), -EBUSY);
    CHECK_INT(shm_unlink(name), 0);
    CHECK_INT(wherry_inspect_remove(object), -ENOENT);
    close(make_region(name)); // the first one is open still: it is another inode
    CHECK_INT(wherry_inspect_remove(object), -ESTALE);
    close(fd);
    wherry_ipc_view_free(view);
    check_left(address_of("shm", name), 0);
    CHECK_INT(remove_it(address_of("shm", name)), 0);
}

TEST(of_another_user_nothing_is_proven_and_nothing_removed)
{
    struct wherry_ipc_view *view;
    if (geteuid() != 0)
        SKIP("only root can make what is another user's");
    const char *name = own_name("theirs");
    int fd = make_region(name);
    CHECK_INT(fchown(fd, NOBODY, NOBODY), 0);
    close(fd);
    const struct wherry_ipc_object *object = only(address_of("shm", name), &view);
    CHECK_INT(object->user, NOBODY);
    CHECK_INT(object->left, -1);
    CHECK_CONTAINS(object->why, "another user's");
    CHECK_INT(wherry_inspect_remove(object), -EPERM);
    // Not if it is said to be this user's, either.
    struct wherry_ipc_object forged = *object;
    forged.user = 0;
    CHECK_INT(wherry_inspect_remove(&forged), -ESTALE);
    wherry_ipc_view_free(view);
    CHECK_INT(shm_unlink(name), 0);
}

static int kept;

static void look_as_nobody(void *argument)
{
    struct wherry_ipc_view *view;
    const char *address = argument;
    close(kept); // that it has inherited
    CHECK_INT(setgid(NOBODY), 0);
    CHECK_INT(setuid(NOBODY), 0);
    const struct wherry_ipc_object *object = only(address, &view);
    CHECK_INT(object->holder_count, 0);
    CHECK_INT(object->left, -1);
    CHECK(view->unseen > 0);
    wherry_ipc_view_free(view);
}

TEST(who_may_not_see_is_not_told_that_there_is_nobody)
{
    if (geteuid() != 0)
        SKIP("only root can become another user");
    const char *name = own_name("hidden");
    kept = make_region(name);
    CHECK_INT(harness_wait(harness_child(look_as_nobody,
                                         (void *)(uintptr_t)address_of("shm", name))),
              0);
    close(kept);
    CHECK_INT(remove_it(address_of("shm", name)), 0);
}

TEST(who_only_looks_does_not_ask)
{
    struct wherry_ipc_view *view = NULL;
    const char *name = own_name("looks");
    const char *const patterns[] = {address_of("shm", name), NULL};
    const struct wherry_ipc_wish wish = {.patterns = patterns, .only_looks = 1};
    close(make_region(name));
    CHECK_INT(wherry_inspect_objects(&wish, &view), 0);
    CHECK_INT(view->object_count, 1);
    CHECK_INT(view->objects[0].left, -1);
    CHECK_STRING(view->objects[0].why, "it was not asked");
    wherry_ipc_view_free(view);
    CHECK_INT(remove_it(patterns[0]), 0);
}

/* --- Wherry's own -------------------------------------------------------- */

TEST(a_lease_is_told_by_who_has_it_mapped)
{
    struct wherry_ipc_view *view;
    char path[4096];
    snprintf(path, sizeof(path), "%s/pump.lease",
             getenv("WHERRY_DIR")); // NOLINT(concurrency-mt-unsafe): read
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    CHECK_OK(fd);
    CHECK_INT(ftruncate(fd, SIZE), 0);
    void *bytes = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
    CHECK(bytes != MAP_FAILED);
    close(fd);
    const struct wherry_ipc_object *object = only("lease:pump", &view);
    CHECK_INT(how_of(object, getpid()), WHERRY_IPC_MAPPED);
    CHECK_INT(object->size, SIZE);
    wherry_ipc_view_free(view);
    munmap(bytes, SIZE);
    check_left("lease:pump", 0);
    CHECK_INT(remove_it("lease:pump"), 0);
    CHECK(access(path, F_OK) < 0);
}

static void hold_or_wait(void *argument)
{
    wherry_semaphore *lease = NULL;
    CHECK_OK(wherry_semaphore_open("lease:pump", &lease));
    CHECK_OK(wherry_acquire(lease, 1, WHERRY_FOREVER));
    gate_pass(argument);
    for (;;)
        pause(); // a signal does not end it
}

static bool somebody_waits(void *lease)
{
    struct wherry_semaphore_member now;
    CHECK_OK(wherry_semaphore_members(lease, 0, &now, 1));
    return now.waiters == 1;
}

// The lease is removed while somebody waits, who dies then: nobody else knows of it.
TEST(the_doorbell_of_the_last_that_died_is_nobodys)
{
    struct wherry_ipc_view *view;
    struct harness_gate has;
    wherry_semaphore *lease = NULL;
    char pattern[4096];
    snprintf(pattern, sizeof(pattern), "fifo:%s/*.bell",
             getenv("WHERRY_DIR")); // NOLINT(concurrency-mt-unsafe): read
    gate_open(&has);
    CHECK_OK(wherry_semaphore_open("lease:pump", &lease));
    pid_t holder = harness_child(hold_or_wait, &has);
    gate_wait(&has);
    pid_t waiter = harness_child(hold_or_wait, &has);
    harness_until(somebody_waits, lease);
    wherry_semaphore_close(lease);
    CHECK_OK(wherry_remove("lease:pump"));
    const struct wherry_ipc_object *object = only(pattern, &view);
    CHECK_INT(object->left, 1);
    CHECK_INT(how_of(object, waiter), WHERRY_IPC_OPEN);
    CHECK_INT(wherry_inspect_remove(object), -EBUSY);
    wherry_ipc_view_free(view);
    harness_kill(holder);
    gate_wait(&has); // it has its turn, and had its doorbell all the time
    harness_kill(waiter);
    check_left(pattern, 0);
    CHECK_INT(remove_it(pattern), 0);
    view = view_of(pattern);
    CHECK_INT(view->object_count, 0);
    wherry_ipc_view_free(view);
    gate_close(&has);
}

TEST(of_a_fifo_that_is_no_doorbell_nothing_is_proven)
{
    struct wherry_ipc_view *view;
    char path[4096];
    char pattern[4096 + 8];
    struct wherry_ipc_object object;
    snprintf(path, sizeof(path), "%s/x.bell", harness_directory());
    snprintf(pattern, sizeof(pattern), "fifo:%s", path);
    CHECK_INT(mkfifo(path, 0600), 0);
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    CHECK_OK(fd);
    object = *only(pattern, &view);
    close(fd);
    CHECK_INT(wherry_inspect_remove(&object), -ENOTSUP);
    CHECK_INT(unlink(path), 0);
    wherry_ipc_view_free(view);
}

TEST(a_queue_of_ours_is_told_with_who_has_it_and_can_be_removed)
{
    struct wherry_ipc_view *view;
    wherry_channel *out = NULL;
    CHECK_OK(wherry_dial("queue:pump", WHERRY_POLL, &out));
    CHECK_OK(wherry_write(out, "water", 5, 0, 0, WHERRY_POLL));
    const struct wherry_ipc_object *object = only("queue:pump", &view);
    CHECK_INT(how_of(object, getpid()), WHERRY_IPC_OPEN | WHERRY_IPC_MAPPED);
    wherry_ipc_view_free(view);
    CHECK(remove_it("queue:pump") < 0);
    wherry_close(out);
    check_left("queue:pump", 0);
    CHECK_INT(remove_it("queue:pump"), 0);
}

/* --- all of them --------------------------------------------------------- */

TEST(thousands_are_told_once_each_in_one_pass)
{
    struct wherry_ipc_view *view;
    harness_own_memory();
    char pattern[64];
    snprintf(pattern, sizeof(pattern), "shm:/wherry-test-%d-*", (int)getpid());
    for (int i = 0; i < MANY; i++) {
        char what[16];
        snprintf(what, sizeof(what), "%d", i);
        close(make_region(own_name(what)));
    }
    const int64_t begin = harness_now();
    view = view_of(pattern);
    harness_note("%zu objects, %zu processes: %lld us", view->object_count,
                 view->processes, (long long)((harness_now() - begin) / 1000));
    CHECK_INT(view->object_count, MANY);
    CHECK_INT(view->is_cut, 0);
    for (size_t i = 0; i + 1 < view->object_count; i++)
        CHECK(strcmp(view->objects[i].address, view->objects[i + 1].address) < 0);
    for (size_t i = 0; i < view->object_count; i++) {
        CHECK_INT(view->objects[i].left, 0);
        CHECK_INT(wherry_inspect_remove(&view->objects[i]), 0);
    }
    wherry_ipc_view_free(view);
}

TEST(what_is_beyond_a_bound_is_said_to_be_there)
{
    struct wherry_ipc_view *view = NULL;
    char pattern[64];
    const char *const patterns[] = {pattern, NULL};
    struct wherry_ipc_wish wish = {.patterns = patterns, .objects_most = 2};
    snprintf(pattern, sizeof(pattern), "shm:/wherry-test-%d-*", (int)getpid());
    for (int i = 0; i < 3; i++) {
        char what[16];
        snprintf(what, sizeof(what), "%d", i);
        close(make_region(own_name(what)));
    }
    CHECK_INT(wherry_inspect_objects(&wish, &view), 0);
    CHECK_INT(view->object_count, 2);
    CHECK_INT(view->is_cut, 1);
    wherry_ipc_view_free(view);
    wish = (struct wherry_ipc_wish){.patterns = patterns, .descriptors_most = 1};
    CHECK_INT(wherry_inspect_objects(&wish, &view), 0);
    CHECK_INT(view->object_count, 3);
    CHECK_INT(view->is_cut, 1);
    for (size_t i = 0; i < view->object_count; i++)
        CHECK_INT(wherry_inspect_remove(&view->objects[i]), 0);
    wherry_ipc_view_free(view);
}

TEST(a_scheme_alone_is_all_of_its_objects)
{
    const char *name = own_name("scheme");
    close(make_region(name));
    static const char *const words[] = {"shm", "shm:", "shm:*", "s*", "*", NULL};
    for (int i = 0; words[i]; i++) {
        struct wherry_ipc_view *view = view_of(words[i]);
        bool is_there = false;
        for (size_t j = 0; j < view->object_count; j++)
            is_there |= strcmp(view->objects[j].address, address_of("shm", name)) == 0;
        CHECK(is_there);
        wherry_ipc_view_free(view);
    }
    struct wherry_ipc_view *view = view_of("mq");
    for (size_t j = 0; j < view->object_count; j++)
        CHECK_STRING(view->objects[j].scheme, "mq");
    wherry_ipc_view_free(view);
    CHECK_INT(remove_it(address_of("shm", name)), 0);
}

static void look_once(void *argument)
{
    struct wherry_ipc_view *view = NULL;
    const char *const patterns[] = {argument, NULL};
    // Not all processes of the machine each time.
    const struct wherry_ipc_wish wish = {.patterns = patterns, .descriptors_most = 512};
    const int r = wherry_inspect_objects(&wish, &view);
    CHECK(r == 0 || r == -ENOMEM);
    wherry_ipc_view_free(view);
}

TEST(want_of_memory_is_an_error_and_leaves_nothing)
{
    harness_own_memory();
    const char *name = own_name("memory");
    close(make_region(name));
    char *address = (char *)(uintptr_t)address_of("shm", name);
    CHECK(harness_each_allocation(look_once, address) > 2);
    CHECK_INT(remove_it(address), 0);
}

TEST(what_makes_no_sense_is_refused)
{
    struct wherry_ipc_view *view;
    CHECK_INT(wherry_inspect_objects(NULL, NULL), -EINVAL);
    for (size_t i = 0; i < 3; i++) {
        static const char *const none[] = {"tcp:*", "", "shmx"};
        const char *const patterns[] = {"shm:", none[i], NULL};
        const struct wherry_ipc_wish wish = {.patterns = patterns};
        CHECK_INT(wherry_inspect_objects(&wish, &view), -EINVAL);
    }
    CHECK_STRING(wherry_ipc_scheme(0), "fifo");
    CHECK(wherry_ipc_scheme(SIZE) == NULL);
    CHECK_INT(wherry_inspect_remove(NULL), -EINVAL);
    CHECK_INT(wherry_inspect_remove(&(struct wherry_ipc_object){
                  .address = "tcp:localhost:1", .scheme = "tcp"}),
              -EINVAL);
    CHECK_INT(wherry_inspect_remove(&(struct wherry_ipc_object){
                  .address = "shm:/../etc/passwd", .scheme = "shm", .user = geteuid()}),
              -EINVAL);
    CHECK_STRING(wherry_ipc_how_name(WHERRY_IPC_MAPPED), "mapped");
    CHECK_STRING(wherry_ipc_how_name(0), "");
    wherry_ipc_view_free(NULL);
    CHECK_INT(wherry_inspect_objects(NULL, &view), 0);
    CHECK(view->processes > 0);
    wherry_ipc_view_free(view);
}
