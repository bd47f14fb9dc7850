/* SPDX-License-Identifier: MIT */
/*
 * Another user at what has a name: semaphores, memory, queues, sockets of local:.
 * Whatever it tries, by Wherry and past it, is refused, and all is as it was.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "talk.h"

enum { NOBODY = 65534, TEXT = 512, PERMITS = 2, NUMBERS = 64 };

enum kind { SEMAPHORE, REGION, QUEUE, CHANNEL };

/* What another user tries. */
struct object {
    char address[TEXT]; /* without options */
    char made[TEXT];
    char path[TEXT]; /* of its file; "" where there is none */
    key_t key;       /* of the System V one; 0 where there is none */
    enum kind kind;
};

/* --- by its address ------------------------------------------------------ */

static int open_at(const struct object *object, const char *options)
{
    char address[2 * TEXT];
    wherry_semaphore *semaphore = NULL;
    wherry_region *region = NULL;
    wherry_channel *channel = NULL;
    snprintf(address, sizeof(address), "%s%s", object->address, options);
    int r = object->kind == SEMAPHORE ? wherry_semaphore_open(address, &semaphore)
            : object->kind == QUEUE   ? wherry_dial(address, WHERRY_POLL, &channel)
                                      : wherry_region_open(address, &region);
    wherry_semaphore_close(semaphore);
    wherry_region_close(region);
    wherry_close(channel);
    return r;
}

static int as_made(const struct object *object)
{
    return open_at(object, strchr(object->made, '?'));
}

static int plainly(const struct object *object)
{
    return open_at(object, "");
}

static int found(const struct object *object)
{
    return open_at(object, "?create=no");
}

static int for_reading(const struct object *object)
{
    return open_at(object, "?access=read");
}

static int for_a_copy(const struct object *object)
{
    return open_at(object, "?access=private");
}

static int anew(const struct object *object)
{
    char options[TEXT];
    snprintf(options, sizeof(options), "%s&create=exclusive",
             strchr(object->made, '?'));
    return open_at(object, options);
}

static int dial_at(const char *address)
{
    wherry_channel *channel = NULL;
    int r = wherry_dial(address, wherry_after(HARNESS_PATIENCE), &channel);
    wherry_close(channel);
    return r;
}

static int dial(const struct object *object)
{
    return dial_at(object->address);
}

static int dial_without_memory(const struct object *object)
{
    char address[2 * TEXT];
    snprintf(address, sizeof(address), "%s?memory=never", object->address);
    return dial_at(address);
}

static int listen_there(const struct object *object)
{
    wherry_listener *listener = NULL;
    int r = wherry_listen(object->address, &listener);
    wherry_close_listener(listener);
    return r;
}

static int removed(const struct object *object)
{
    return wherry_remove(object->address);
}

/* --- by its file --------------------------------------------------------- */

static int of(int r)
{
    return r < 0 ? -errno : 0;
}

static int open_file(const struct object *object, int flags)
{
    int fd = open(object->path, flags | O_CLOEXEC, 0600);
    int r = of(fd);
    if (fd >= 0)
        close(fd);
    return r;
}

static int read_file(const struct object *object)
{
    return open_file(object, O_RDONLY);
}

static int write_file(const struct object *object)
{
    return open_file(object, O_RDWR);
}

static int empty_file(const struct object *object)
{
    return open_file(object, O_WRONLY | O_TRUNC);
}

static int make_file(const struct object *object)
{
    return open_file(object, O_WRONLY | O_CREAT | O_EXCL);
}

static int shorten(const struct object *object)
{
    return of(truncate(object->path, 1));
}

static int open_to_all(const struct object *object)
{
    return of(chmod(object->path, 0666));
}

static int make_own(const struct object *object)
{
    return of(chown(object->path, NOBODY, NOBODY));
}

static int unlink_it(const struct object *object)
{
    return of(unlink(object->path));
}

static void put_beside(const struct object *object, char out[2 * TEXT])
{
    snprintf(out, 2 * (size_t)TEXT, "%s.moved", object->path);
}

static int move_away(const struct object *object)
{
    char other[2 * TEXT];
    put_beside(object, other);
    return of(rename(object->path, other));
}

static int link_beside(const struct object *object)
{
    char other[2 * TEXT];
    put_beside(object, other);
    return of(link(object->path, other));
}

static int put_symlink(const struct object *object)
{
    return of(symlink("/dev/null", object->path));
}

static int put_fifo(const struct object *object)
{
    return of(mkfifo(object->path, 0666));
}

static int put_directory(const struct object *object)
{
    return of(mkdir(object->path, 0777));
}

static int touch(const struct object *object)
{
    return of(utimensat(AT_FDCWD, object->path, NULL, 0));
}

/* --- by its socket ------------------------------------------------------- */

static int connect_to(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof(name.sun_path), "%.100s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_OK(fd);
    int r = of(connect(fd, (const struct sockaddr *)&name, sizeof(name)));
    close(fd);
    return r;
}

static int connect_it(const struct object *object)
{
    return connect_to(object->path);
}

// Its directory is among what its process has open.
static int connect_by_its_process(const struct object *object)
{
    int r = -ENOENT;
    for (int i = 0; i < NUMBERS && r < 0; i++) {
        char path[TEXT];
        snprintf(path, sizeof(path), "/proc/%d/fd/%d/%s", (int)getppid(), i,
                 strrchr(object->path, '/') + 1);
        r = connect_to(path);
    }
    return r;
}

static int bind_beside(const struct object *object)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof(name.sun_path), "%.100s2", object->path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_OK(fd);
    int r = of(bind(fd, (const struct sockaddr *)&name, sizeof(name)));
    close(fd);
    return r;
}

// By a link of that name in a directory of its own.
static int dial_by_a_link(const struct object *object)
{
    char place[] = "/tmp/wherry-stranger-XXXXXX";
    char link[TEXT];
    CHECK(mkdtemp(place) != NULL);
    snprintf(link, sizeof(link), "%s/%s", place, strrchr(object->path, '/') + 1);
    CHECK_INT(symlink(object->path, link), 0);
    const char *before = getenv("WHERRY_DIR");
    char kept[TEXT];
    snprintf(kept, sizeof(kept), "%s", before);
    CHECK_INT(setenv("WHERRY_DIR", place, 1), 0);
    int r = dial(object);
    CHECK_INT(setenv("WHERRY_DIR", kept, 1), 0);
    CHECK_INT(unlink(link), 0);
    CHECK_INT(rmdir(place), 0);
    return r;
}

/* --- by its number ------------------------------------------------------- */

union semun {
    int val;
    struct semid_ds *buf;
    unsigned short *array;
};

// Its number is no secret: it is told to everybody who asks for nothing.
static int set_of(const struct object *object)
{
    return semget(object->key, 0, 0);
}

static int segment_of(const struct object *object)
{
    return shmget(object->key, 0, 0);
}

static int sysv_open(const struct object *object)
{
    return of(object->kind == SEMAPHORE ? semget(object->key, 0, 0600)
                                        : shmget(object->key, 0, 0600));
}

static int sysv_remove(const struct object *object)
{
    return object->kind == SEMAPHORE ? of(semctl(set_of(object), 0, IPC_RMID))
                                     : of(shmctl(segment_of(object), IPC_RMID, NULL));
}

static int sysv_look(const struct object *object)
{
    struct semid_ds set;
    struct shmid_ds segment;
    return object->kind == SEMAPHORE
               ? of(semctl(set_of(object), 0, IPC_STAT, (union semun){.buf = &set}))
               : of(shmctl(segment_of(object), IPC_STAT, &segment));
}

static int sysv_own(const struct object *object)
{
    struct semid_ds set = {.sem_perm = {.uid = NOBODY, .mode = 0666}};
    struct shmid_ds segment = {.shm_perm = {.uid = NOBODY, .mode = 0666}};
    return object->kind == SEMAPHORE
               ? of(semctl(set_of(object), 0, IPC_SET, (union semun){.buf = &set}))
               : of(shmctl(segment_of(object), IPC_SET, &segment));
}

static int sysv_take(const struct object *object)
{
    struct sembuf take = {.sem_op = -1, .sem_flg = IPC_NOWAIT};
    if (object->kind == SEMAPHORE)
        return of(semop(set_of(object), &take, 1));
    void *at = shmat(segment_of(object), NULL, SHM_RDONLY);
    return at == (void *)-1 ? -errno : 0;
}

static int sysv_change(const struct object *object)
{
    if (object->kind == SEMAPHORE)
        return of(semctl(set_of(object), 0, SETVAL, (union semun){.val = 9}));
    void *at = shmat(segment_of(object), NULL, 0);
    return at == (void *)-1 ? -errno : 0;
}

/* --- all of it ----------------------------------------------------------- */

struct attempt {
    const char *name;
    int (*try)(const struct object *);
};

static const struct attempt by_address[] = {
    {"open it as it was made", as_made},
    {"open it plainly", plainly},
    {"open it with create=no", found},
    {"make it anew", anew},
    {"remove it", removed},
};

static const struct attempt by_dialling[] = {
    {"dial it", dial},
    {"dial it without memory", dial_without_memory},
    {"listen there", listen_there},
    {"remove it", removed},
    {"connect to its socket", connect_it},
    {"connect by way of its process", connect_by_its_process},
    {"bind a socket beside it", bind_beside},
    {"dial it by a link", dial_by_a_link},
};

static const struct attempt by_access[] = {
    {"open it for reading", for_reading},
    {"open it for a copy", for_a_copy},
};

static const struct attempt by_path[] = {
    {"read its file", read_file},
    {"write its file", write_file},
    {"empty its file", empty_file},
    {"make its file", make_file},
    {"shorten its file", shorten},
    {"open its file to all", open_to_all},
    {"make its file one's own", make_own},
    {"unlink its file", unlink_it},
    {"move its file away", move_away},
    {"link its file", link_beside},
    {"put a symbolic link there", put_symlink},
    {"put a FIFO there", put_fifo},
    {"put a directory there", put_directory},
    {"touch its file", touch},
};

static const struct attempt by_key[] = {
    {"open it by its key", sysv_open}, {"remove it by its key", sysv_remove},
    {"look at it", sysv_look},         {"make it one's own", sysv_own},
    {"take of it", sysv_take},         {"change it", sysv_change},
};

static int try_all(const struct object *object, const struct attempt *attempts,
                   size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (attempts[i].try(object) >= 0)
            FAIL("%s: another user could %s", object->address, attempts[i].name);
    return (int)count;
}

static void be_a_stranger(void *argument)
{
    const struct object *object = argument;
    int count = 0;
    CHECK_INT(setgroups(0, NULL), 0);
    CHECK_INT(setgid(NOBODY), 0);
    CHECK_INT(setuid(NOBODY), 0);
    if (object->kind == CHANNEL)
        count +=
            try_all(object, by_dialling, sizeof(by_dialling) / sizeof(by_dialling[0]));
    else
        count +=
            try_all(object, by_address, sizeof(by_address) / sizeof(by_address[0]));
    if (object->kind == REGION)
        count += try_all(object, by_access, sizeof(by_access) / sizeof(by_access[0]));
    if (object->path[0])
        count += try_all(object, by_path, sizeof(by_path) / sizeof(by_path[0]));
    if (object->key)
        count += try_all(object, by_key, sizeof(by_key) / sizeof(by_key[0]));
    harness_note("%d attempts, all refused", count);
}

/* What is there, opened by whom it belongs to. */
struct owned {
    wherry_semaphore *semaphore;
    wherry_region *region;
    wherry_listener *listener;
    wherry_channel *channel;
};

static void make(const struct object *object, struct owned *out)
{
    *out = (struct owned){.region = NULL};
    if (object->kind == SEMAPHORE)
        WORKS(wherry_semaphore_open(object->made, &out->semaphore));
    else if (object->kind == CHANNEL)
        WORKS(wherry_listen(object->made, &out->listener));
    else if (object->kind == QUEUE)
        WORKS(wherry_dial(object->made, WHERRY_POLL, &out->channel));
    else
        WORKS(wherry_region_open(object->made, &out->region));
    if (out->region)
        strcpy(wherry_region_data(out->region), "ahoy");
    if (out->channel)
        WORKS(wherry_write(out->channel, "ahoy", 4, 0, 0, WHERRY_POLL));
}

static void let_go(const struct owned *owned)
{
    wherry_semaphore_close(owned->semaphore);
    wherry_region_close(owned->region);
    wherry_close_listener(owned->listener);
    wherry_close(owned->channel);
}

// What was put there is the next that is taken.
static void check_queue(const struct object *object)
{
    wherry_listener *listener;
    wherry_channel *in;
    WORKS(wherry_listen(object->address, &listener));
    WORKS(wherry_accept(listener, WHERRY_POLL, &in));
    hear(in, "ahoy");
    wherry_close(in);
    wherry_close_listener(listener);
}

static void is_as_it_was(const struct object *object, const struct owned *owned)
{
    wherry_channel *ends[2];
    if (owned->listener) {
        WORKS(wherry_dial(object->address, wherry_after(HARNESS_PATIENCE), &ends[0]));
        WORKS(wherry_accept(owned->listener, wherry_after(HARNESS_PATIENCE), &ends[1]));
        WORKS(wherry_write(ends[0], "ahoy", 4, 0, 0, WHERRY_POLL));
        wherry_close(ends[0]);
        wherry_close(ends[1]);
        // Nobody else has come.
        CHECK_ERROR(wherry_accept(owned->listener, WHERRY_POLL, &ends[1]), -EAGAIN);
        return;
    }
    if (owned->semaphore) {
        CHECK_INT(wherry_semaphore_value(owned->semaphore), PERMITS);
        WORKS(wherry_acquire(owned->semaphore, 1, WHERRY_POLL));
        WORKS(wherry_release(owned->semaphore, 1));
    } else if (owned->channel) {
        check_queue(object);
    } else {
        CHECK_STRING(wherry_region_data(owned->region), "ahoy");
        WORKS(wherry_region_check(owned->region));
    }
    CHECK_INT(found(object), 0);
}

static void meet_a_stranger(struct object *object)
{
    struct stat before = {.st_size = 0};
    struct stat after = {.st_size = 0};
    struct owned owned;
    if (geteuid() != 0)
        SKIP("only root can become another user");
    make(object, &owned);
    if (object->path[0])
        CHECK_INT(stat(object->path, &before), 0);
    CHECK_INT(harness_wait(harness_child(be_a_stranger, object)), 0);
    if (object->path[0])
        CHECK_INT(stat(object->path, &after), 0);
    CHECK(before.st_ino == after.st_ino && before.st_size == after.st_size);
    CHECK(before.st_mode == after.st_mode && before.st_uid == after.st_uid);
    is_as_it_was(object, &owned);
    let_go(&owned);
    if (object->kind != CHANNEL) // its listener has removed it
        WORKS(wherry_remove(object->address));
}

static struct object object_at(enum kind kind, const char *options, const char *address)
{
    struct object object = {.kind = kind};
    snprintf(object.address, TEXT, "%s", address);
    snprintf(object.made, TEXT, "%s%s", address, options);
    return object;
}

// Under a name of this test's own.
static struct object posix_object(enum kind kind, const char *scheme,
                                  const char *options, const char *prefix)
{
    char address[TEXT];
    snprintf(address, sizeof(address), "%s:/wherry-stranger-%d", scheme, (int)getpid());
    struct object object = object_at(kind, options, address);
    snprintf(object.path, TEXT, "/dev/shm/%s%s", prefix, strchr(address, '/') + 1);
    return object;
}

static struct object sysv_object(enum kind kind, const char *scheme,
                                 const char *options)
{
    char address[TEXT];
    const key_t key = 0x57000000 | getpid();
    snprintf(address, sizeof(address), "%s:%#x", scheme, (unsigned)key);
    struct object object = object_at(kind, options, address);
    object.key = key;
    return object;
}

TEST(another_user_has_no_part_in_a_posix_semaphore)
{
    struct object object = posix_object(SEMAPHORE, "sem", "?permits=2", "sem.");
    meet_a_stranger(&object);
}

TEST(another_user_has_no_part_in_a_set)
{
    struct object object = sysv_object(SEMAPHORE, "semv", "?members=1&initial=2");
    meet_a_stranger(&object);
}

TEST(another_user_has_no_part_in_a_lease)
{
    struct object object = object_at(SEMAPHORE, "?permits=2", "lease:boat");
    snprintf(object.path, TEXT, "%s/boat.lease", getenv("WHERRY_DIR"));
    meet_a_stranger(&object);
}

TEST(another_user_has_no_part_in_a_queue)
{
    struct object object = object_at(QUEUE, "?maxsize=4", "queue:boat");
    snprintf(object.path, TEXT, "%s/boat.queue", getenv("WHERRY_DIR"));
    meet_a_stranger(&object);
}

TEST(another_user_has_no_part_in_a_channel_of_memory)
{
    struct object object = object_at(CHANNEL, "", "local:boat");
    snprintf(object.path, TEXT, "%s/boat.local", getenv("WHERRY_DIR"));
    meet_a_stranger(&object);
}

TEST(another_user_has_no_part_in_a_posix_object)
{
    struct object object = posix_object(REGION, "shm", "?size=4K", "");
    meet_a_stranger(&object);
}

TEST(another_user_has_no_part_in_a_segment)
{
    struct object object = sysv_object(REGION, "shmv", "?size=4K");
    meet_a_stranger(&object);
}

TEST(another_user_has_no_part_in_a_file)
{
    char address[TEXT];
    snprintf(address, sizeof(address), "file:%s", harness_path("sea"));
    struct object object = object_at(REGION, "?size=4K", address);
    snprintf(object.path, TEXT, "%s", harness_path("sea"));
    CHECK_INT(chmod(harness_directory(), 0755), 0);
    meet_a_stranger(&object);
}
