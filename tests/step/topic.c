/* SPDX-License-Identifier: MIT */
/*
 * A topic whose writer, or a reader of it, dies or is stopped at every instruction of
 * what it does.  A reader gets whole messages in their order, all that were published
 * with success among them, and then the death; a writer forgets the dead reader, keeps
 * nothing of it, and goes on; and whoever comes next is served.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <wherry.h>

#include "harness.h"
#include "kernel.h"
#include "step.h"
#include "topic_load.h"

enum {
    TEXT = 96,
    PATIENCE = 2000, // milliseconds: nobody waits longer
    ANSWER = 80,     // of a survivor that has nothing to wait for
    SOON = 20,
    RING = 65536,
    SMALL = 60, // bytes
    LARGE = RING / 4 - 32,
    MANY = 12 // large ones: more than the ring holds
};

/* What the company is told to do. */
enum order {
    DIAL = 'd',
    READ_ALL = 'r',  // to the end, and closes
    READ_SOON = 's', // one if it comes soon
    PUBLISH = 'p',   // one
    OVERTAKE = 'o',  // more than the ring holds
    ADMIT = 'a',     // who waits
    EMPTY = 'e',     // waits until there is no reader any more
    QUIT = 'q'
};

/* What runs share. */
struct square {
    char address[TEXT]; // of the writer,
    char reader[TEXT];  // and of a reader
    int orders[2], answers[2];
    pid_t company;
    unsigned size; // bytes of a message
    atomic_uint begun;
    atomic_uint published; // with success
    atomic_uint joined_at; // messages before the reader's first
    atomic_uint taken;
    atomic_uint lost;
    atomic_uint torn; // or out of order
    atomic_int result;
    atomic_int left; // what the company had open, or mapped, afterwards
};

static wherry_listener *topic;
static wherry_channel *reader;

static wherry_deadline soon(void)
{
    return wherry_after(harness_stretch(PATIENCE));
}

/* --- messages ------------------------------------------------------------ */

static int publish_one(struct square *square)
{
    wherry_message *message;
    unsigned char bytes[LARGE];
    const unsigned number = atomic_fetch_add(&square->begun, 1);
    memset(bytes, (int)(number & 0xff), square->size);
    int r = wherry_message_copy(bytes, square->size, &message);
    if (r >= 0)
        r = wherry_message_set_kind(message, number);
    if (r >= 0)
        r = wherry_publish(topic, &message, WHERRY_POLL);
    if (r >= 0)
        atomic_fetch_add(&square->published, 1);
    wherry_message_free(message);
    return r;
}

static bool is_whole(const struct square *square, const wherry_message *message)
{
    const unsigned char *bytes = wherry_message_data(message);
    const unsigned size = square->size;
    const unsigned byte = wherry_message_kind(message) & 0xff;
    return wherry_message_size(message) == size && bytes[0] == byte &&
           bytes[size / 2] == byte && bytes[size - 1] == byte;
}

// 1, or as recv.
static int take_one(struct square *square, wherry_deadline deadline)
{
    wherry_message *message = NULL;
    int r = wherry_recv(reader, &message, deadline);
    if (r != 1)
        return r;
    const uint64_t lost = wherry_message_lost(message);
    const uint64_t number = (uint64_t)wherry_message_kind(message);
    const uint64_t next = atomic_load(&square->joined_at) +
                          atomic_load(&square->taken) + atomic_load(&square->lost) +
                          lost;
    atomic_fetch_add(&square->lost, (unsigned)lost);
    if (!is_whole(square, message) || number != next)
        atomic_fetch_add(&square->torn, 1);
    atomic_fetch_add(&square->taken, 1);
    wherry_message_free(message);
    return 1;
}

/* --- the company --------------------------------------------------------- */

static int count_rings(void)
{
    static char text[1 << 16];
    int count = 0;
    const size_t size = harness_read_file("/proc/self/maps", text, sizeof text);
    for (const char *at = text; size > 0 && (at = strstr(at, "wherry:local")); at++)
        count++;
    return count;
}

static int dial(struct square *square)
{
    atomic_store(&square->joined_at, atomic_load(&square->begun));
    return wherry_dial(square->reader, soon(), &reader);
}

static int read_all(struct square *square)
{
    int r;
    while ((r = take_one(square, WHERRY_FOREVER)) == 1)
        ;
    wherry_close(reader);
    reader = NULL;
    return r;
}

static int read_soon(struct square *square)
{
    int r = take_one(square, wherry_after(SOON));
    return r == -ETIMEDOUT ? 0 : r;
}

static int overtake(struct square *square)
{
    int r = 0;
    for (int i = 0; i < MANY && r >= 0; i++)
        r = publish_one(square);
    return r;
}

static int admit(struct square *square)
{
    (void)square;
    return wherry_publish(topic, NULL, soon());
}

// Asleep until something changes, as an event loop is.
static int empty(struct square *square)
{
    const wherry_deadline end = wherry_after(harness_stretch(ANSWER));
    struct pollfd change;
    int r = wherry_listener_fd(topic, &change.fd, &change.events);
    (void)square;
    while (r >= 0 && (r = wherry_publish(topic, NULL, WHERRY_POLL)) > 0)
        if (wherry_now() > end || poll(&change, 1, ANSWER) == 0)
            return -ETIME;
    return r;
}

static const struct {
    char letter;
    bool counts; // what is left then
    int (*run)(struct square *);
} deeds[] = {
    {DIAL, false, dial},           {READ_ALL, true, read_all},
    {READ_SOON, false, read_soon}, {PUBLISH, false, publish_one},
    {OVERTAKE, false, overtake},   {ADMIT, false, admit},
    {EMPTY, true, empty},
};

static void follow(struct square *square, char letter, const int before[2])
{
    size_t i = 0;
    while (deeds[i].letter != letter)
        i++;
    atomic_store(&square->result, deeds[i].run(square));
    if (deeds[i].counts)
        atomic_store(&square->left,
                     harness_descriptors() - before[0] + count_rings() - before[1]);
}

static void live(struct square *square)
{
    const int before[2] = {harness_descriptors(), count_rings()};
    char letter = 0;
    CHECK_INT(write(square->answers[1], "", 1), 1);
    while (letter != QUIT) {
        if (read(square->orders[0], &letter, 1) != 1 || letter == QUIT)
            continue; // EINTR
        follow(square, letter, before);
        CHECK_INT(write(square->answers[1], "", 1), 1);
    }
    wherry_close(reader);
    wherry_close_listener(topic);
    harness_exit(0);
}

static void live_as_reader(void *argument)
{
    live(argument);
}

static void live_as_writer(void *argument)
{
    struct square *square = argument;
    CHECK_OK(wherry_listen(square->address, &topic));
    live(square);
}

static void tell(struct square *square, enum order order)
{
    const char letter = (char)order;
    CHECK_INT(write(square->orders[1], &letter, 1), 1);
}

static bool is_done(struct square *square, int milliseconds)
{
    struct pollfd answer = {.fd = square->answers[0], .events = POLLIN};
    char byte;
    return poll(&answer, 1, milliseconds) == 1 &&
           read(square->answers[0], &byte, 1) == 1;
}

static void have_done(struct square *square, enum order order)
{
    tell(square, order);
    CHECK(is_done(square, harness_stretch(PATIENCE)));
    CHECK_OK(atomic_load(&square->result));
}

/* --- making one ---------------------------------------------------------- */

static struct square *new_square(const struct step_role *role, void (*company)(void *))
{
    static unsigned runs;
    struct square *square = kernel_memory(sizeof *square);
    const bool is_latest = strcmp(role->name, "recv-latest") == 0;
    const bool is_large = strstr(role->name, "over") != NULL;
    square->size = is_large ? LARGE : SMALL;
    // A name that a test beside this one has in its directory is not known from ours.
    const long long self = getpid();
    snprintf(square->address, TEXT, "local:t%07lld-%06u?ring=64K&fan=broadcast", self,
             runs);
    snprintf(square->reader, TEXT, "local:t%07lld-%06u?spin=0&full=%s", self, runs++,
             is_latest ? "latest" : "drop-oldest");
    CHECK_INT(pipe2(square->orders, O_CLOEXEC), 0);
    CHECK_INT(pipe2(square->answers, O_CLOEXEC), 0);
    square->company = harness_child(company, square);
    CHECK(is_done(square, harness_stretch(PATIENCE)));
    return square;
}

static void *make_for_writer(const struct step_role *role)
{
    return new_square(role, live_as_reader);
}

static void *make_for_reader(const struct step_role *role)
{
    return new_square(role, live_as_writer);
}

static void clear(void *argument)
{
    const struct square *square = argument;
    (void)wherry_remove(square->address);
}

static void unmake(void *shared)
{
    struct square *square = shared;
    int status = 0;
    pid_t ended = 0;
    tell(square, QUIT);
    for (int i = 0; i < PATIENCE && ended == 0; i++) {
        ended = waitpid(square->company, &status, WNOHANG);
        if (ended == 0)
            poll(NULL, 0, 1);
    }
    if (ended == 0)
        harness_kill(square->company);
    CHECK_INT(harness_wait(harness_child(clear, square)), 0);
    CHECK_INT(status, 0);
    for (int i = 0; i < 2; i++) {
        close(square->orders[i]);
        close(square->answers[i]);
    }
    munmap(square, sizeof *square);
}

static pid_t company(const struct step_scene *scene)
{
    const struct square *square = scene->shared;
    return square->company;
}

static uint64_t state(const struct step_scene *scene)
{
    const struct square *square = scene->shared;
    return (uint64_t)atomic_load(&square->begun) << 40 |
           (uint64_t)atomic_load(&square->published) << 20 |
           atomic_load(&square->taken);
}

/* --- who publishes is stepped -------------------------------------------- */

static void be_open(struct step_scene *scene)
{
    struct square *square = scene->shared;
    CHECK_OK(wherry_listen(square->address, &topic));
}

static void be_dialled(struct step_scene *scene)
{
    be_open(scene);
    have_done(scene->shared, DIAL);
}

static void be_read(struct step_scene *scene)
{
    be_dialled(scene);
    CHECK_INT(publish_one(scene->shared), 1);
    have_done(scene->shared, READ_SOON);
}

static void be_read_by_a_sleeper(struct step_scene *scene)
{
    be_read(scene);
    tell(scene->shared, READ_ALL);
}

// The next one does not fit before the end of the ring, and others are overwritten.
static void be_at_the_end(struct step_scene *scene)
{
    be_read(scene);
    for (int i = 0; i < 6; i++) {
        CHECK_INT(publish_one(scene->shared), 1);
        have_done(scene->shared, READ_SOON);
    }
}

static void publish(struct step_scene *scene)
{
    (void)publish_one(scene->shared);
}

static void publish_some(struct step_scene *scene)
{
    for (int i = 0; i < 3; i++)
        (void)publish_one(scene->shared);
}

static void close_topic(struct step_scene *scene)
{
    (void)scene;
    wherry_close_listener(topic);
    topic = NULL;
}

static const struct step_role writer_roles[] = {
    {.name = "publish", .prepare = be_read, .run = publish},
    {.name = "publish-to-a-sleeper", .prepare = be_read_by_a_sleeper, .run = publish},
    {.name = "publish-over-the-end", .prepare = be_at_the_end, .run = publish_some},
    {.name = "publish-to-a-newcomer", .prepare = be_dialled, .run = publish},
    {.name = "close", .prepare = be_read, .run = close_topic},
    {.name = "close-to-a-sleeper", .prepare = be_read_by_a_sleeper, .run = close_topic},
};

static bool has_company(const struct step_scene *scene)
{
    return strstr(scene->role->name, "sleeper") != NULL;
}

static struct step_finding judge_reading(const struct square *square,
                                         unsigned published)
{
    const unsigned seen = atomic_load(&square->joined_at) +
                          atomic_load(&square->taken) + atomic_load(&square->lost);
    const int result = atomic_load(&square->result);
    if (atomic_load(&square->torn) > 0 || seen > atomic_load(&square->begun))
        return step_find(STEP_TORN, "%u were torn, %u of %u are seen",
                         atomic_load(&square->torn), seen, atomic_load(&square->begun));
    if (result != 0 && result != -ECONNRESET)
        return step_find(STEP_TORN, "the end is told as %s",
                         harness_errno_name(result));
    if (seen < published)
        return step_find(STEP_LOST, "%u were published, %u are seen", published, seen);
    if (atomic_load(&square->left) != 0)
        return step_find(STEP_LOST, "the reader keeps %d things",
                         atomic_load(&square->left));
    return step_find(seen == atomic_load(&square->begun) ? STEP_WHOLE : STEP_ABSENT,
                     "%u of %u are seen", seen, published);
}

// A newcomer that was not let in is told so by the end, and has missed nothing that
// was published to it.
static unsigned due(const struct square *square)
{
    const bool was_let_in = atomic_load(&square->taken) > 0;
    return was_let_in ? atomic_load(&square->published)
                      : atomic_load(&square->joined_at);
}

// Whoever opens the topic again has its name at once.
static struct step_finding open_again(const struct square *square,
                                      struct step_finding finding)
{
    wherry_listener *next = NULL;
    int r = wherry_listen(square->address, &next);
    wherry_close_listener(next);
    return r < 0 ? step_find(STEP_HUNG, "the next one: %s", harness_errno_name(r))
                 : finding;
}

static struct step_finding check_writer(struct step_scene *scene)
{
    struct square *square = scene->shared;
    const bool is_newcomer = strstr(scene->role->name, "newcomer") != NULL;
    if (!has_company(scene)) {
        while (is_done(square, 0))
            ;
        tell(square, READ_ALL);
    }
    if (!is_done(square, ANSWER))
        return step_find(STEP_HUNG, "the reader waits on");
    struct step_finding finding = judge_reading(
        square, is_newcomer ? due(square) : atomic_load(&square->published));
    return finding.verdict >= STEP_LOST ? finding : open_again(square, finding);
}

static struct step_finding meet_reader(struct step_scene *scene)
{
    struct square *square = scene->shared;
    if (has_company(scene))
        return step_find(STEP_ABSENT, "the reader sleeps, or has read");
    while (is_done(square, 0))
        ;
    tell(square, READ_SOON);
    if (!is_done(square, ANSWER))
        return step_find(STEP_HUNG, "the deadline was not met");
    int r = atomic_load(&square->result);
    return r < 0 ? step_find(STEP_TORN, "meanwhile: %s", harness_errno_name(r))
                 : step_find(STEP_WHOLE, "the deadline was met");
}

/* --- who reads is stepped ------------------------------------------------ */

static void join_topic(struct step_scene *scene)
{
    (void)dial(scene->shared);
}

static void have_joined(struct step_scene *scene)
{
    join_topic(scene);
    have_done(scene->shared, ADMIT);
}

static void have_one(struct step_scene *scene)
{
    have_joined(scene);
    have_done(scene->shared, PUBLISH);
}

static void be_overtaken(struct step_scene *scene)
{
    have_joined(scene);
    have_done(scene->shared, OVERTAKE);
}

static void have_some(struct step_scene *scene)
{
    have_one(scene);
    have_done(scene->shared, PUBLISH);
}

static void take(struct step_scene *scene)
{
    (void)take_one(scene->shared, soon());
}

static void leave(struct step_scene *scene)
{
    (void)scene;
    wherry_close(reader);
    reader = NULL;
}

static void let_publish(struct step_scene *scene)
{
    struct square *square = scene->shared;
    if (atomic_load(&square->published) == atomic_load(&square->taken))
        tell(square, PUBLISH);
}

static const struct step_role reader_roles[] = {
    {.name = "join", .run = join_topic},
    {.name = "recv-first", .prepare = have_one, .run = take},
    {.name = "recv-asleep", .prepare = have_joined, .run = take, .wake = let_publish},
    {.name = "recv-overtaken", .prepare = be_overtaken, .run = take},
    {.name = "recv-latest", .prepare = have_some, .run = take},
    {.name = "close", .prepare = have_one, .run = leave},
};

// The one that is no more is forgotten, and one that comes now is published to.
static struct step_finding check_reader(struct step_scene *scene)
{
    struct square *square = scene->shared;
    if (atomic_load(&square->torn) > 0)
        return step_find(STEP_TORN, "%u were torn", atomic_load(&square->torn));
    while (is_done(square, 0))
        ;
    tell(square, EMPTY);
    if (!is_done(square, 2 * ANSWER))
        return step_find(STEP_HUNG, "the writer waits on");
    if (atomic_load(&square->result) < 0)
        return step_find(STEP_LOST, "the dead reader has its place still");
    if (atomic_load(&square->left) != 0)
        return step_find(STEP_LOST, "the writer keeps %d things",
                         atomic_load(&square->left));
    int r = wherry_dial(square->reader, soon(), &reader);
    wherry_message *message = NULL;
    tell(square, PUBLISH);
    if (r >= 0)
        r = wherry_recv(reader, &message, soon());
    wherry_message_free(message);
    wherry_close(reader);
    if (r != 1 || !is_done(square, ANSWER))
        return step_find(STEP_HUNG, "the next one: %s", harness_errno_name(r));
    return step_find(STEP_WHOLE, "the next one is served");
}

static struct step_finding meet_writer(struct step_scene *scene)
{
    struct square *square = scene->shared;
    while (is_done(square, 0))
        ;
    tell(square, OVERTAKE);
    if (!is_done(square, ANSWER))
        return step_find(STEP_HUNG, "the writer was held up");
    int r = atomic_load(&square->result);
    return r < 0 ? step_find(STEP_TORN, "meanwhile: %s", harness_errno_name(r))
                 : step_find(STEP_WHOLE, "the writer was not held up");
}

#define SUBJECT(role, other)                                                           \
    {                                                                                  \
        .name = "topic-" #role, .roles = role##_roles,                                 \
        .role_count = sizeof role##_roles / sizeof *role##_roles,                      \
        .make = make_for_##role, .unmake = unmake, .state = state, .company = company, \
        .check = check_##role, .meet = meet_##other                                    \
    }

static const struct step_subject subjects[] = {SUBJECT(writer, reader),
                                               SUBJECT(reader, writer)};

void harness_register(void)
{
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++)
        step_add(&subjects[i]);
    step_add(&topic_load);
}
