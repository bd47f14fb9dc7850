/* SPDX-License-Identifier: MIT */
/*
 * The objects of the machine that are no files of memory: of System V, queues, FIFOs,
 * sockets.
 */
#define _GNU_SOURCE
#include "objects.h"

#include <mqueue.h>
#include <stddef.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>

enum { MQUEUE_MAGIC = 0x19800202, NOBODY = 65534 };

static const char *beside_name;

/* --- System V ------------------------------------------------------------ */

static int made; // before the fork: ids are the namespace's

static void attach(struct neighbour *neighbour)
{
    (void)neighbour;
    CHECK(shmat(made, NULL, SHM_RDONLY) != (void *)-1);
}

static int wait_for_segment(void)
{
    char address[32];
    snprintf(address, sizeof(address), "shmv:#%d", made);
    struct wherry_ipc_view *view;
    const struct wherry_ipc_object *object = only(address, &view);
    const int left = object->left;
    wherry_ipc_view_free(view);
    return left;
}

static void make_segment(void *argument)
{
    (void)argument;
    int *id = argument;
    *id = shmget(IPC_PRIVATE, SIZE, IPC_CREAT | 0600);
    CHECK_OK(*id);
}

TEST(a_segment_is_nobodys_when_its_maker_has_ended_and_nobody_is_attached)
{
    struct wherry_ipc_view *view;
    struct neighbour neighbour = {.prepare = attach};
    int *id = mmap(NULL, sizeof(*id), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(id != MAP_FAILED);
    const pid_t maker = harness_child(make_segment, id);
    CHECK_INT(harness_wait(maker), 0);
    made = *id;
    CHECK_INT(wait_for_segment(), 0);
    start_beside(&neighbour);
    char address[32];
    snprintf(address, sizeof(address), "shmv:#%d", made);
    const struct wherry_ipc_object *object = only(address, &view);
    CHECK_INT(object->left, 1);
    CHECK_INT(object->count, 1);
    CHECK_STRING(object->counted, "attachments");
    CHECK_INT(object->size, SIZE);
    CHECK_INT(object->creator, maker);
    CHECK_INT(how_of(object, neighbour.pid), WHERRY_IPC_MAPPED);
    CHECK_INT(wherry_inspect_remove(object), -EBUSY);
    wherry_ipc_view_free(view);
    end_beside(&neighbour);
    CHECK_INT(wait_for_segment(), 0);
    CHECK_INT(remove_it(address), 0);
    CHECK(shmctl(made, IPC_RMID, NULL) < 0);
    munmap(id, sizeof(*id));
}

TEST(a_segment_whose_maker_still_runs_may_be_its_own)
{
    struct wherry_ipc_view *view;
    char address[32];
    make_segment(&made);
    snprintf(address, sizeof(address), "shmv:#%d", made);
    const struct wherry_ipc_object *object = only(address, &view);
    CHECK_INT(object->left, -1);
    CHECK_CONTAINS(object->why, "made it still runs");
    CHECK_INT(wherry_inspect_remove(object), -ENOTSUP);
    wherry_ipc_view_free(view);
    CHECK_INT(shmctl(made, IPC_RMID, NULL), 0);
}

/* Who is to wait, and where. */
struct wait {
    const char *address;
    pid_t pid;
};

// One that is interrupted all the time does not at each moment.
static bool waits_there(void *argument)
{
    const struct wait *wait = argument;
    struct wherry_ipc_view *view;
    const struct wherry_ipc_object *object = only(wait->address, &view);
    const bool waits = (how_of(object, wait->pid) & WHERRY_IPC_WAITS) != 0;
    CHECK(!waits || object->left == 1);
    wherry_ipc_view_free(view);
    return waits;
}

static void wait_for_waiter(const char *address, pid_t pid)
{
    struct wait wait = {address, pid};
    harness_until(waits_there, &wait);
}

static void receive(void *argument)
{
    struct {
        long type;
        char text[8];
    } message;

    (void)argument;
    while (msgrcv(made, &message, sizeof(message.text), 7, 0) < 0 && errno == EINTR)
        ;
}

TEST(a_queue_tells_what_waits_and_who_waits_but_never_that_nobody_is_left)
{
    struct wherry_ipc_view *view;

    const struct {
        long type;
        char text[8];
    } message = {1, "ahoy"};

    char address[32];
    made = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    CHECK_OK(made);
    CHECK_INT(msgsnd(made, &message, 5, 0), 0);
    snprintf(address, sizeof(address), "sysv:#%d", made);
    const struct wherry_ipc_object *object = only(address, &view);
    CHECK_INT(object->count, 1);
    CHECK_STRING(object->counted, "messages");
    CHECK_INT(object->size, 5);
    CHECK_INT(object->last_pids[0], getpid());
    CHECK_INT(object->left, -1);
    CHECK_INT(wherry_inspect_remove(object), -ENOTSUP);
    wherry_ipc_view_free(view);
    const pid_t receiver = harness_child(receive, NULL);
    wait_for_waiter(address, receiver);
    CHECK_INT(msgctl(made, IPC_RMID, NULL), 0);
    CHECK_INT(harness_wait(receiver), 0);
}

static void take(void *argument)
{
    struct sembuf turn = {.sem_num = 1, .sem_op = -1};
    (void)argument;
    while (semop(made, &turn, 1) < 0 && errno == EINTR)
        ;
}

TEST(a_set_of_semaphores_tells_who_waits)
{
    struct wherry_ipc_view *view;
    char address[32];
    made = semget(IPC_PRIVATE, 3, IPC_CREAT | 0600);
    CHECK_OK(made);
    snprintf(address, sizeof(address), "semv:#%d", made);
    const pid_t taker = harness_child(take, NULL);
    wait_for_waiter(address, taker);
    const struct wherry_ipc_object *object = only(address, &view);
    CHECK_INT(object->count, 3);
    CHECK_STRING(object->counted, "semaphores");
    wherry_ipc_view_free(view);
    CHECK_INT(semctl(made, 0, IPC_RMID), 0);
    CHECK_INT(harness_wait(taker), 0);
}

/* --- queues of POSIX ----------------------------------------------------- */

static bool is_mounted(void)
{
    struct statfs system;
    return statfs("/dev/mqueue", &system) == 0 && system.f_type == MQUEUE_MAGIC;
}

static void receive_from_queue(void *argument)
{
    char room[8192];
    mqd_t queue = mq_open(argument, O_RDONLY);
    CHECK_OK(queue);
    while (mq_receive(queue, room, sizeof(room), NULL) < 0 && errno == EINTR)
        ;
}

TEST(a_queue_of_posix_tells_its_messages_and_who_has_it)
{
    struct wherry_ipc_view *view;
    if (geteuid() != 0 && !is_mounted())
        SKIP("/dev/mqueue is not mounted, and only root can look without it");
    char *name = (char *)(uintptr_t)own_name("pier");
    const char *address = address_of("mq", name);
    mqd_t queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL);
    CHECK_OK(queue);
    CHECK_INT(mq_send(queue, "ahoy", 4, 0), 0);
    const struct wherry_ipc_object *object = only(address, &view);
    CHECK_INT(object->count, 1);
    CHECK_INT(object->size, 4);
    CHECK_INT(how_of(object, getpid()), WHERRY_IPC_OPEN);
    wherry_ipc_view_free(view);
    mq_close(queue);
    check_left(address, 0);
    const pid_t first = harness_child(receive_from_queue, name);
    CHECK_INT(harness_wait(first), 0);
    const pid_t second = harness_child(receive_from_queue, name);
    wait_for_waiter(address, second);
    check_left(address, 1);
    harness_kill(second);
    check_left(address, 0);
    CHECK_INT(remove_it(address), 0);
}

static void look_without_listing(void *argument)
{
    struct wherry_ipc_view *view;
    mqd_t *queue = argument;
    const char *address = address_of("mq", beside_name);
    CHECK(geteuid() != 0 || (setgid(NOBODY) == 0 && setuid(NOBODY) == 0));
    // Of those that changed their user nobody but root may see what they have.
    CHECK_INT(prctl(PR_SET_DUMPABLE, 1), 0);
    const struct wherry_ipc_object *object = only(address, &view);
    CHECK_INT(how_of(object, getpid()), WHERRY_IPC_OPEN);
    CHECK_INT(view->note_count, 1);
    CHECK_CONTAINS(view->notes[0], "mount -t mqueue");
    wherry_ipc_view_free(view);
    mq_close(*queue);
    view = view_of(address);
    CHECK_INT(view->object_count, 0);
    CHECK_INT(view->note_count, 1);
    wherry_ipc_view_free(view);
}

TEST(queues_that_cannot_be_listed_are_noted_and_those_in_use_are_told)
{
    if (is_mounted())
        SKIP("/dev/mqueue is mounted here");
    beside_name = own_name("unmounted");
    mqd_t queue = mq_open(beside_name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL);
    CHECK_OK(queue);
    const pid_t child = harness_child(look_without_listing, &queue);
    mq_close(queue);
    CHECK_INT(harness_wait(child), 0);
    CHECK_INT(mq_unlink(beside_name), 0);
}

/* --- FIFOs and sockets --------------------------------------------------- */

TEST(a_fifo_is_told_while_somebody_has_it_open)
{
    struct wherry_ipc_view *view;
    const char *path = harness_path("horn %?");
    char address[4096];
    CHECK_INT(mkfifo(path, 0640), 0);
    snprintf(address, sizeof(address), "fifo:%s/horn %%25%%3F", harness_directory());
    int fd = open(path, O_RDWR | O_CLOEXEC);
    CHECK_OK(fd);
    const char *const patterns[] = {"fifo:*horn*", NULL};
    const struct wherry_ipc_wish wish = {.patterns = patterns};
    CHECK_INT(wherry_inspect_objects(&wish, &view), 0);
    CHECK_INT(view->object_count, 1);
    CHECK_STRING(view->objects[0].address, address);
    CHECK_INT(how_of(&view->objects[0], getpid()), WHERRY_IPC_OPEN);
    CHECK_INT(view->objects[0].left, 1);
    wherry_ipc_view_free(view);
    close(fd);
    CHECK_INT(wherry_inspect_objects(&wish, &view), 0);
    CHECK_INT(view->object_count, 0);
    wherry_ipc_view_free(view);
    CHECK_INT(unlink(path), 0);
}

static socklen_t socket_name(struct sockaddr_un *name, const char *path)
{
    *name = (struct sockaddr_un){.sun_family = AF_UNIX};
    CHECK(strlen(path) < sizeof(name->sun_path));
    memcpy(name->sun_path + (path[0] == '@'), path + (path[0] == '@'),
           strlen(path) - (path[0] == '@'));
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
}

static int bound_socket(int type, const char *path)
{
    struct sockaddr_un name;
    const socklen_t size = socket_name(&name, path);
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    CHECK_OK(fd);
    CHECK_INT(bind(fd, (struct sockaddr *)&name, size), 0);
    if (type != SOCK_DGRAM)
        CHECK_INT(listen(fd, 8), 0);
    return fd;
}

static void dial(struct neighbour *neighbour)
{
    struct sockaddr_un name;
    const socklen_t size = socket_name(&name, beside_name);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_INT(connect(fd, (struct sockaddr *)&name, size), 0);
    neighbour->kept = fd;
}

TEST(a_socket_tells_who_listens_and_who_has_dialled)
{
    struct wherry_ipc_view *view;
    struct neighbour dialler = {.prepare = dial};
    char path[64];
    snprintf(path, sizeof(path), "@wherry-test-%d\n", (int)getpid());
    beside_name = path;
    int fd = bound_socket(SOCK_STREAM, path);
    start_beside(&dialler);
    int accepted = accept(fd, NULL, NULL);
    CHECK_OK(accepted);
    snprintf(path, sizeof(path), "unix:@wherry-test-%d%%0A", (int)getpid());
    const struct wherry_ipc_object *object = only(path, &view);
    CHECK_CONTAINS(object->address, "%0A?type=stream");
    CHECK_INT(object->user, geteuid());
    CHECK_INT(object->count, 1);
    CHECK_INT(how_of(object, getpid()), WHERRY_IPC_LISTENS | WHERRY_IPC_CONNECTED);
    CHECK_INT(how_of(object, dialler.pid) & WHERRY_IPC_CONNECTED, WHERRY_IPC_CONNECTED);
    wherry_ipc_view_free(view);
    end_beside(&dialler);
    close(accepted);
    close(fd);
}

TEST(a_path_that_nobody_is_bound_to_is_found_by_its_directory)
{
    struct wherry_ipc_view *view;
    const char *path = harness_path("pier");
    int fd = bound_socket(SOCK_DGRAM, path);
    const struct wherry_ipc_object *object = only(address_of("unix", path), &view);
    CHECK_CONTAINS(object->address, "/pier?type=datagram");
    CHECK_INT(how_of(object, getpid()), WHERRY_IPC_BOUND);
    CHECK_INT(object->left, 1);
    CHECK_INT(object->mode & 0700, 0700);
    CHECK(is_recent(object->changed));
    CHECK(wherry_inspect_remove(object) < 0);
    wherry_ipc_view_free(view);
    close(fd);
    check_left(address_of("unix", path), 0);
    CHECK_INT(remove_it(address_of("unix", path)), 0);
    CHECK(access(path, F_OK) < 0);
}

TEST(a_path_that_somebody_has_bound_meanwhile_stays)
{
    struct wherry_ipc_view *view;
    const char *path = harness_path("quay");
    close(bound_socket(SOCK_STREAM, path));
    const struct wherry_ipc_object *object = only(address_of("unix", path), &view);
    CHECK_INT(object->left, 0);
    CHECK_INT(unlink(path), 0);
    int fd = bound_socket(SOCK_STREAM, path);
    CHECK(wherry_inspect_remove(object) < 0);
    CHECK_INT(access(path, F_OK), 0);
    wherry_ipc_view_free(view);
    close(fd);
    CHECK_INT(unlink(path), 0);
}
