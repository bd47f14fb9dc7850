/* SPDX-License-Identifier: MIT */
/*
 * The three tables, as textbooks draw them: numbers, descriptions, inodes.
 */
#define _GNU_SOURCE
#include "look.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <mqueue.h>
#include <semaphore.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

enum { FEW = 50, MANY = 10000, HIGH = 300 };

static int open_letters(int flags)
{
    harness_write_file("letters", "abcdefghij", 10);
    int fd = open(harness_path("letters"), flags | O_CLOEXEC);
    CHECK_OK(fd);
    return fd;
}

TEST(two_numbers_made_by_dup_are_one_description)
{
    int fd = open_letters(O_RDONLY);
    int copy = dup(fd);
    struct wherry_process_view *view = look_into(getpid());
    CHECK_INT(descriptor_of(view, copy)->description,
              descriptor_of(view, fd)->description);
    const struct wherry_view_description *both = description_of(view, fd);
    CHECK_INT(both->number_count, 2);
    CHECK_INT(both->numbers[0], fd);
    CHECK_INT(both->numbers[1], copy);
    CHECK_INT(view->sharing_cause, 0);
    wherry_view_free(view);
    close(fd);
    close(copy);
}

TEST(a_file_that_is_opened_twice_is_two_descriptions_and_one_inode)
{
    int first = open_letters(O_RDONLY);
    int second = open(harness_path("letters"), O_WRONLY | O_CLOEXEC);
    struct stat status;
    CHECK_INT(fstat(first, &status), 0);
    struct wherry_process_view *view = look_into(getpid());
    CHECK(descriptor_of(view, first)->description !=
          descriptor_of(view, second)->description);
    CHECK(object_of(view, first) == object_of(view, second));
    const struct wherry_view_object *inode = object_of(view, first);
    CHECK_INT(inode->object, WHERRY_OBJECT_FILE);
    CHECK_INT(inode->inode, status.st_ino);
    CHECK_STRING(inode->name, harness_path("letters"));
    CHECK_INT(inode->is_deleted, 0);
    CHECK_INT(description_of(view, first)->reads, 1);
    CHECK_INT(description_of(view, first)->writes, 0);
    CHECK_INT(description_of(view, second)->reads, 0);
    CHECK_INT(description_of(view, second)->writes, 1);
    wherry_view_free(view);
    close(first);
    close(second);
}

TEST(a_read_by_one_number_moves_the_other_and_no_other_description)
{
    char bytes[4];
    int fd = open_letters(O_RDONLY);
    int copy = dup(fd);
    int alone = open(harness_path("letters"), O_RDONLY | O_CLOEXEC);
    CHECK_INT(read(copy, bytes, 4), 4);
    struct wherry_process_view *view = look_into(getpid());
    CHECK_INT(description_of(view, fd)->offset, 4);
    CHECK_INT(description_of(view, alone)->offset, 0);
    wherry_view_free(view);
    CHECK_INT(lseek(fd, 9, SEEK_SET), 9);
    view = look_into(getpid());
    CHECK_INT(description_of(view, copy)->offset, 9);
    CHECK_INT(description_of(view, alone)->offset, 0);
    wherry_view_free(view);
    close(fd);
    close(copy);
    close(alone);
}

TEST(fork_shares_a_description_between_two_processes)
{
    char byte;
    int fd = open_letters(O_RDONLY);
    struct neighbour child = {.kept = fd};
    start_beside(&child);
    struct wherry_process_view *view = look_into(getpid());
    const struct wherry_view_description *shared = description_of(view, fd);
    const struct wherry_place *place =
        place_of(shared->shared, shared->shared_count, child.pid, fd);
    CHECK(place != NULL);
    CHECK_STRING(place->name, view->state.name);
    CHECK_INT(place->reads, 1);
    CHECK_INT(place->writes, 0);
    wherry_view_free(view);
    // The other way round: and the offset is the child's, too.
    CHECK_INT(read(fd, &byte, 1), 1);
    view = look_into(child.pid);
    shared = description_of(view, fd);
    CHECK(place_of(shared->shared, shared->shared_count, getpid(), fd) != NULL);
    CHECK_INT(shared->offset, 1);
    CHECK_INT(view->state.parent, getpid());
    wherry_view_free(view);
    end_beside(&child);
    close(fd);
}

TEST(each_of_many_descriptions_of_one_file_is_found_in_another_process)
{
    int fds[FEW];
    struct neighbour child = {.kept = -1};
    for (int i = 0; i < FEW; i++)
        fds[i] = open_letters(O_RDONLY);
    start_beside(&child);
    struct wherry_process_view *view = look_into(getpid());
    for (int i = 0; i < FEW; i++) {
        const struct wherry_view_description *is = description_of(view, fds[i]);
        CHECK_INT(is->shared_count, 1);
        CHECK(place_of(is->shared, is->shared_count, child.pid, fds[i]) != NULL);
    }
    wherry_view_free(view);
    end_beside(&child);
    for (int i = 0; i < FEW; i++)
        close(fds[i]);
}

static void open_anew(struct neighbour *self)
{
    int fd = open(harness_path("letters"), O_RDONLY | O_CLOEXEC);
    CHECK_OK(dup3(fd, self->kept, O_CLOEXEC));
    close(fd);
}

TEST(the_same_number_in_two_processes_is_two_descriptions)
{
    int fd = open_letters(O_RDONLY);
    struct neighbour child = {.kept = fd, .prepare = open_anew};
    start_beside(&child);
    struct wherry_process_view *view = look_into(getpid());
    const struct wherry_view_description *ours = description_of(view, fd);
    CHECK(place_of(ours->shared, ours->shared_count, child.pid, fd) == NULL);
    struct wherry_process_view *its = look_into(child.pid);
    CHECK_INT(object_of(its, fd)->inode, object_of(view, fd)->inode);
    wherry_view_free(its);
    wherry_view_free(view);
    end_beside(&child);
    close(fd);
}

TEST(a_number_says_whether_it_is_closed_on_exec_and_a_description_its_flags)
{
    int fd = open_letters(O_WRONLY | O_APPEND | O_NONBLOCK);
    int kept = dup(fd);
    struct wherry_process_view *view = look_into(getpid());
    CHECK_INT(descriptor_of(view, fd)->close_on_exec, 1);
    CHECK_INT(descriptor_of(view, kept)->close_on_exec, 0);
    CHECK_STRING(description_of(view, fd)->flags, "append, nonblocking");
    wherry_view_free(view);
    close(fd);
    close(kept);
}

TEST(a_file_that_was_deleted_is_told_so)
{
    int fd = open_letters(O_RDONLY);
    unlink(harness_path("letters"));
    struct wherry_process_view *view = look_into(getpid());
    CHECK_INT(object_of(view, fd)->is_deleted, 1);
    CHECK_STRING(object_of(view, fd)->name, harness_path("letters"));
    wherry_view_free(view);
    close(fd);
}

TEST(a_file_of_which_the_name_ends_so_is_not_deleted)
{
    int fd = open(harness_path("x (deleted)"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct wherry_process_view *view = look_into(getpid());
    CHECK_INT(object_of(view, fd)->is_deleted, 0);
    CHECK_STRING(object_of(view, fd)->name, harness_path("x (deleted)"));
    wherry_view_free(view);
    unlink(harness_path("x (deleted)"));
    close(fd);
}

/* --- objects that are no files ------------------------------------------- */

static void check_words(int fd, enum wherry_object object, const char *text)
{
    const struct wherry_inspect_wish wish = {.alone = 1};
    struct wherry_process_view *view = NULL;
    CHECK_INT(wherry_inspect_process(getpid(), &wish, &view), 0);
    CHECK_INT(object_of(view, fd)->object, object);
    CHECK_CONTAINS(object_of(view, fd)->text, text);
    wherry_view_free(view);
}

TEST(what_is_no_file_says_what_it_holds)
{
    char text[64];
    struct epoll_event event = {.events = EPOLLIN};
    struct itimerspec soon = {.it_value = {.tv_sec = 1000}};
    sigset_t set;
    int events = eventfd(7, EFD_CLOEXEC);
    int watch = epoll_create1(EPOLL_CLOEXEC);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    int notes = inotify_init1(IN_CLOEXEC);
    int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    int signals = signalfd(-1, &set, SFD_CLOEXEC);
    check_words(events, WHERRY_OBJECT_EVENTFD, "count 7");
    check_words(watch, WHERRY_OBJECT_EPOLL, "watches nothing");
    CHECK_INT(epoll_ctl(watch, EPOLL_CTL_ADD, events, &event), 0);
    snprintf(text, sizeof(text), "watches %d", events);
    check_words(watch, WHERRY_OBJECT_EPOLL, text);
    check_words(timer, WHERRY_OBJECT_TIMERFD, "not set");
    CHECK_INT(timerfd_settime(timer, 0, &soon, NULL), 0);
    check_words(timer, WHERRY_OBJECT_TIMERFD, "in 999.");
    check_words(notes, WHERRY_OBJECT_INOTIFY, "0 watches");
    check_words(signals, WHERRY_OBJECT_SIGNALFD, "takes USR1");
    snprintf(text, sizeof(text), "of process %d", getpid());
    check_words(self, WHERRY_OBJECT_PIDFD, text);
    const int fds[] = {events, watch, timer, notes, self, signals};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        close(fds[i]);
}

TEST(two_of_a_kind_without_an_inode_are_two_objects)
{
    int first = eventfd(1, EFD_CLOEXEC);
    int second = eventfd(2, EFD_CLOEXEC);
    struct wherry_process_view *view = look_into(getpid());
    CHECK(object_of(view, first) != object_of(view, second));
    CHECK_INT(object_of(view, first)->inode, 0);
    CHECK_STRING(object_of(view, second)->text, "count 2");
    wherry_view_free(view);
    close(first);
    close(second);
}

TEST(a_memfd_has_its_name_and_its_seals)
{
    int fd = memfd_create("cargo", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CHECK_INT(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
    struct wherry_process_view *view = look_into(getpid());
    CHECK_INT(object_of(view, fd)->object, WHERRY_OBJECT_MEMFD);
    CHECK_STRING(object_of(view, fd)->name, "memfd:cargo");
    CHECK_CONTAINS(object_of(view, fd)->text, "sealed: shrink, grow");
    wherry_view_free(view);
    close(fd);
}

/* --- what it holds ------------------------------------------------------- */

static const struct wherry_view_held *held_as(const struct wherry_process_view *view,
                                              const char *address)
{
    for (size_t i = 0; i < view->held_count; i++)
        if (strcmp(view->held[i].address, address) == 0)
            return &view->held[i];
    return NULL;
}

TEST(a_queue_is_an_object_that_the_process_holds)
{
    char name[64], address[80];
    snprintf(name, sizeof(name), "/wherry-inspect-%d", getpid());
    snprintf(address, sizeof(address), "mq:%s", name);
    mqd_t queue = mq_open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600, NULL);
    if (queue < 0)
        SKIP("no message queues here");
    CHECK_INT(mq_send(queue, "ahoy", 4, 0), 0);
    struct wherry_process_view *view = look_into(getpid());
    CHECK_INT(object_of(view, (int)queue)->object, WHERRY_OBJECT_MQ);
    CHECK_STRING(object_of(view, (int)queue)->text, "4 bytes wait");
    CHECK(held_as(view, address) != NULL);
    wherry_view_free(view);
    mq_unlink(name);
    mq_close(queue);
}

// Another C library than glibc has no name of its own for what is a semaphore.
#ifdef __GLIBC__
static const char semaphores[] = "sem:";
#else
static const char semaphores[] = "shm:";
#endif

TEST(shared_memory_and_semaphores_that_are_mapped_are_held)
{
    char name[64], turns[64], address[80], key[64];
    snprintf(name, sizeof(name), "/wherry-inspect-%d", getpid());
    snprintf(turns, sizeof(turns), "/wherry-turns-%d", getpid());
    int fd = shm_open(name, O_RDWR | O_CREAT, 0600);
    CHECK_OK(fd);
    CHECK_INT(ftruncate(fd, 8192), 0);
    void *memory = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0);
    sem_t *semaphore = sem_open(turns, O_CREAT, 0600, 1);
    int segment = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    void *attached = shmat(segment, NULL, 0);
    snprintf(key, sizeof(key), "shmv:#%d", segment);
    struct wherry_process_view *view = look_into(getpid());
    snprintf(address, sizeof(address), "shm:%s", name);
    const struct wherry_view_held *held = held_as(view, address);
    CHECK(held != NULL);
    CHECK_INT(held->size, 8192);
    CHECK_INT(held->writes, 0);
    snprintf(address, sizeof(address), "%s%s", semaphores, turns);
    held = held_as(view, address);
    CHECK(held != NULL);
    CHECK_INT(held->is_deleted, 0);
    held = held_as(view, key);
    CHECK(held != NULL);
    CHECK_INT(held->size, 4096);
    CHECK_INT(held->writes, 1);
    CHECK_INT(held->is_deleted, 0);
    wherry_view_free(view);
    shmdt(attached);
    shmctl(segment, IPC_RMID, NULL);
    sem_close(semaphore);
    sem_unlink(turns);
    munmap(memory, 8192);
    close(fd);
    shm_unlink(name);
}

/* --- bounds -------------------------------------------------------------- */

static void allow_many(void)
{
    struct rlimit limit;
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_max < MANY + HIGH)
        SKIP("this user may not open %d files", MANY);
    limit.rlim_cur = MANY + HIGH;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

// Pairs of one description, and all of one inode: what takes longest.
TEST(ten_thousand_descriptors_are_sorted_out)
{
    static int fds[MANY];
    allow_many();
    fds[0] = open_letters(O_RDONLY);
    for (int i = 1; i < MANY; i++) {
        fds[i] = i % 2 ? dup(fds[i - 1])
                       : open(harness_path("letters"), O_RDONLY | O_CLOEXEC);
        CHECK_OK(fds[i]);
    }
    int64_t began = harness_now();
    struct wherry_process_view *view = look_into(getpid());
    harness_note("%d ms", (int)((harness_now() - began) / 1000000));
    for (int i = 0; i < MANY; i += 2)
        CHECK_INT(descriptor_of(view, fds[i])->description,
                  descriptor_of(view, fds[i + 1])->description);
    CHECK_INT(description_of(view, fds[MANY - 1])->number_count, 2);
    CHECK(object_of(view, fds[0]) == object_of(view, fds[MANY - 1]));
    wherry_view_free(view);
    for (int i = 0; i < MANY; i++)
        close(fds[i]);
}

TEST(what_is_beyond_a_bound_is_counted)
{
    int fds[20];
    const struct wherry_inspect_wish wish = {.descriptors_most = 5, .others_most = 1};
    struct wherry_process_view *view = NULL;
    for (int i = 0; i < 20; i++)
        fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int all = harness_descriptors();
    CHECK_INT(wherry_inspect_process(getpid(), &wish, &view), 0);
    CHECK_INT(view->descriptor_count, 5);
    CHECK_RANGE(view->not_looked_at, all - 5, all - 3); // it opens directories
    CHECK_INT(view->is_cut, 1);
    wherry_view_free(view);
    for (int i = 0; i < 20; i++)
        close(fds[i]);
}

TEST(alone_others_are_not_looked_into)
{
    const struct wherry_inspect_wish wish = {.alone = 1};
    struct wherry_process_view *view = NULL;
    struct neighbour child = {.kept = -1};
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    start_beside(&child);
    CHECK_INT(wherry_inspect_process(getpid(), &wish, &view), 0);
    CHECK_INT(description_of(view, fd)->shared_count, 0);
    CHECK_INT(view->processes, 0);
    wherry_view_free(view);
    end_beside(&child);
    close(fd);
}

/* --- what is refused ----------------------------------------------------- */

static void refuse_comparing(void)
{
    struct sock_filter lines[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_kcmp, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(lines) / sizeof(lines[0]), lines};
    CHECK_INT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        SKIP("no seccomp(2) here");
}

TEST(where_the_kernel_does_not_compare_sharing_is_not_known)
{
    int fd = open_letters(O_RDONLY);
    int copy = dup(fd);
    refuse_comparing();
    struct wherry_process_view *view = look_into(getpid());
    CHECK_ERROR(view->sharing_cause, -ENOSYS);
    CHECK(description_of(view, fd) != description_of(view, copy));
    CHECK(object_of(view, fd) == object_of(view, copy));
    wherry_view_free(view);
    // Where there are no two to be compared, with those of others it is not known.
    const struct wherry_inspect_wish one = {.descriptors_most = 1};
    CHECK_INT(wherry_inspect_process(getpid(), &one, &view), 0);
    CHECK_ERROR(view->sharing_cause, -ENOSYS);
    wherry_view_free(view);
    close(fd);
    close(copy);
}

static void look_at_parent(void *unused)
{
    (void)unused;
    CHECK_INT(setgid(65534), 0);
    CHECK_INT(setuid(65534), 0);
    struct wherry_process_view *view = look_into(getppid());
    CHECK_ERROR(view->descriptors_cause, -EACCES);
    CHECK_ERROR(view->held_cause, -EACCES);
    CHECK_INT(view->descriptor_count, 0);
    CHECK_INT(view->user, 0);
    CHECK(view->state.doing != WHERRY_DOING_UNKNOWN);
    wherry_view_free(view);
    // Its own it may see, and how many others it may not.
    CHECK_INT(prctl(PR_SET_DUMPABLE, 1), 0);
    view = look_into(getpid());
    CHECK_INT(view->descriptors_cause, 0);
    CHECK(view->unseen > 0);
    wherry_view_free(view);
}

TEST(what_another_user_has_open_is_not_allowed_to_see)
{
    if (geteuid() != 0)
        SKIP("only root can become another user");
    CHECK_INT(harness_wait(harness_child(look_at_parent, NULL)), 0);
}

/* --- no memory ----------------------------------------------------------- */

static void look_once(void *argument)
{
    // A few others are as good as all.
    const struct wherry_inspect_wish wish = {.others_most = 20};
    struct wherry_process_view *view = NULL;
    int r = wherry_inspect_process(*(const pid_t *)argument, &wish, &view);
    CHECK(r == 0 || r == -ENOMEM);
    CHECK((r == 0) == (view != NULL));
    wherry_view_free(view);
}

TEST(without_memory_there_is_a_clean_error)
{
    int pair[2];
    struct neighbour child = {.kept = -1};
    CHECK_INT(pipe2(pair, O_CLOEXEC), 0);
    start_beside(&child);
    unsigned long count = harness_each_allocation(look_once, &child.pid);
    CHECK(count > 5);
    end_beside(&child);
    close(pair[0]);
    close(pair[1]);
}
