/* SPDX-License-Identifier: MIT */
/*
 * A message with open files comes over the socket, and its record through memory: who
 * receives may see the one before the other.  The sender is held up between the two,
 * the receiver between a look at the ring and one at the socket.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>

#include "os/os.h"
#include "talk.h"

int64_t real_send(struct os_descriptor *, const struct os_bytes *, size_t, const int *,
                  size_t, const struct os_name *) __asm__("__real_os_send");
int64_t wrapped_send(struct os_descriptor *, const struct os_bytes *, size_t,
                     const int *, size_t,
                     const struct os_name *) __asm__("__wrap_os_send");
int64_t real_receive(struct os_descriptor *, const struct os_room *, size_t,
                     struct os_arrival *, bool) __asm__("__real_os_receive");
int64_t wrapped_receive(struct os_descriptor *, const struct os_room *, size_t,
                        struct os_arrival *, bool) __asm__("__wrap_os_receive");

/* --- who is held up ------------------------------------------------------ */

enum step {
    QUIET,     // nobody is held up
    BEGIN,     // the sender will be, and nothing is sent
    IN_SOCKET, // the first message is, its record not in memory
    TAKEN,     // it was taken from there, and the ring was found empty once more
    SENT,      // all is
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t news;
    enum step step;
    unsigned looks; // of the receiver at the socket
} hold = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, QUIET, 0};

static enum step step_now(void)
{
    CHECK_INT(pthread_mutex_lock(&hold.lock), 0);
    const enum step step = hold.step;
    CHECK_INT(pthread_mutex_unlock(&hold.lock), 0);
    return step;
}

static void say_step(enum step step)
{
    CHECK_INT(pthread_mutex_lock(&hold.lock), 0);
    hold.step = step;
    CHECK_INT(pthread_cond_broadcast(&hold.news), 0);
    CHECK_INT(pthread_mutex_unlock(&hold.lock), 0);
}

static void await_step(enum step step)
{
    CHECK_INT(pthread_mutex_lock(&hold.lock), 0);
    while (hold.step < step)
        CHECK_INT(pthread_cond_wait(&hold.news, &hold.lock), 0);
    CHECK_INT(pthread_mutex_unlock(&hold.lock), 0);
}

int64_t wrapped_send(struct os_descriptor *descriptor, const struct os_bytes *pieces,
                     size_t count, const int *files, size_t file_count,
                     const struct os_name *to)
{
    int64_t r = real_send(descriptor, pieces, count, files, file_count, to);
    if (file_count > 0 && step_now() == BEGIN) {
        say_step(IN_SOCKET);
        await_step(TAKEN);
    }
    return r;
}

int64_t wrapped_receive(struct os_descriptor *descriptor, const struct os_room *rooms,
                        size_t count, struct os_arrival *arrival, bool want_name)
{
    if (step_now() == IN_SOCKET && hold.looks++ == 1) {
        say_step(TAKEN);
        await_step(SENT);
    }
    return real_receive(descriptor, rooms, count, arrival, want_name);
}

/* --- both ends ----------------------------------------------------------- */

enum { MANY = 40, RING = 65536, MESSAGES = 4 };

static struct two open_over_memory(void)
{
    struct two two = open_two("local:early?ring=64K&spin=0");
    for (int i = 0; i < MANY; i++) {
        say(two.dialled, "there");
        hear(two.accepted, "there");
        say(two.accepted, "and back");
        hear(two.dialled, "and back");
    }
    CHECK(info_of(two.dialled).memory > RING && info_of(two.accepted).memory > RING);
    return two;
}

struct sender {
    wherry_channel *channel;
    unsigned with_files; // bit I: message I brings one
};

// Kinds 1 to MESSAGES; the first is held up.
static void *send_all(void *context)
{
    const struct sender *sender = context;
    int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (int i = 1; i <= MESSAGES; i++) {
        wherry_message *message;
        WORKS(wherry_message_copy("x", 1, &message));
        wherry_message_set_kind(message, i);
        if (sender->with_files & 1u << i)
            WORKS(wherry_message_attach(message, file));
        WORKS(wherry_send(sender->channel, &message, 0, soon()));
    }
    close(file);
    say_step(SENT);
    return NULL;
}

static pthread_t start(struct sender *sender)
{
    pthread_t thread;
    say_step(BEGIN);
    CHECK_INT(pthread_create(&thread, NULL, send_all, sender), 0);
    await_step(IN_SOCKET);
    return thread;
}

static void take(wherry_channel *channel, int kind, size_t files)
{
    wherry_message *message;
    CHECK_INT(wherry_recv(channel, &message, soon()), 1);
    CHECK_INT(wherry_message_kind(message), kind);
    CHECK_INT(wherry_message_files(message), files);
    wherry_message_free(message);
}

/* --- tests --------------------------------------------------------------- */

TEST(messages_with_files_that_come_before_their_records_are_all_received)
{
    struct two two = open_over_memory();
    struct sender sender = {two.dialled, 1u << 1 | 1u << 2 | 1u << 3};
    pthread_t thread = start(&sender);
    take(two.accepted, 1, 1);
    take(two.accepted, 2, 1);
    take(two.accepted, 3, 1);
    take(two.accepted, 4, 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    say(two.dialled, "and it goes on");
    hear(two.accepted, "and it goes on");
    close_two(&two);
}

// What is open already stays so, and nothing else comes.
static struct rlimit refuse_files(void)
{
    struct rlimit before, none;
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &before), 0);
    const int next = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
    close(next);
    none = (struct rlimit){(rlim_t)next, before.rlim_max};
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &none), 0);
    return before;
}

TEST(a_message_whose_files_did_not_fit_is_missed_in_its_place)
{
    struct two two = open_over_memory();
    struct sender sender = {two.dialled, 1u << 1 | 1u << 3};
    wherry_message *message;
    pthread_t thread = start(&sender);
    const struct rlimit before = refuse_files();
    CHECK_ERROR(wherry_recv(two.accepted, &message, soon()), -EMFILE);
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &before), 0);
    take(two.accepted, 2, 0);
    take(two.accepted, 3, 1);
    take(two.accepted, 4, 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    close_two(&two);
}
