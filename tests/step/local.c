/* SPDX-License-Identifier: MIT */
/*
 * A local: channel of which one end dies, is stopped, or closes, at every instruction
 * of what it does.  The other end gets whole messages in their order, all that the dead
 * had sent with success among them, and then its death; whoever sleeps is woken; and
 * both of its descriptors and its memory are given back.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <wherry.h>

#include "channel/channel.h"
#include "harness.h"
#include "kernel.h"
#include "local.h"
#include "transport/local.h"

enum { ROUNDS = 6 };

/* --- before -------------------------------------------------------------- */

#define UP "memory=always&spin=0"
#define LENDS UP "&loan=64K"

static const struct line_setting settings[] = {
    {"send", LINE_SMALL, UP, 0},
    {"send-to-a-sleeper", LINE_SMALL, UP, ORDER_RECEIVE},
    {"send-to-a-poller", LINE_SMALL, UP, ORDER_POLL},
    {"send-awake-to-a-poller", LINE_SMALL, "memory=always", ORDER_POLL},
    {"send-over-the-end", LINE_MIDDLE, UP, 0},
    {"send-to-a-full-ring", LINE_MIDDLE, UP, 0},
    {"send-pieces", LINE_LARGE, UP, ORDER_POLL},
    {"send-pieces-to-a-full-ring", LINE_LARGE, UP, 0},
    {"send-many", LINE_SMALL, UP, 0},
    {"send-many-to-a-poller", LINE_SMALL, UP, ORDER_POLL},
    {"send-bytes", LINE_SMALL, UP, 0},
    {"send-file", LINE_SMALL, UP, 0},
    {"send-file-to-a-poller", LINE_SMALL, UP, ORDER_POLL},
    {"lend", LINE_SMALL, LENDS, 0},
    {"lend-to-a-poller", LINE_SMALL, LENDS, ORDER_POLL},
    {"lend-of-a-full-pool", LINE_LARGE, LENDS, 0},
    {"recv", LINE_SMALL, UP, 0},
    {"recv-bytes", LINE_SMALL, UP, 0},
    {"recv-over-the-end", LINE_MIDDLE, UP, 0},
    {"recv-from-a-full-ring", LINE_MIDDLE, UP, ORDER_SEND},
    {"recv-asleep", LINE_SMALL, UP, 0},
    {"recv-awake", LINE_SMALL, "memory=always", 0},
    {"poll-for-a-message", LINE_SMALL, UP, 0},
    {"poll-for-room", LINE_MIDDLE, UP, 0},
    {"recv-pieces", LINE_LARGE, UP, ORDER_SEND_POLL},
    {"recv-file", LINE_SMALL, UP, 0},
    {"recv-lent", LINE_LARGE, LENDS, 0},
    {"recv-lent-from-a-full-pool", LINE_LARGE, LENDS, ORDER_SEND_POLL},
    {"go-over-first", LINE_SMALL, "memory=auto&spin=0", ORDER_POLL},
    {"go-over-second", LINE_SMALL, UP, ORDER_ECHO},
    {"refuse-memory", LINE_SMALL, "memory=never&spin=0", ORDER_ECHO},
    {"leave-first", LINE_SMALL, UP "&idle=9s", ORDER_ECHO},
    {"leave-second", LINE_SMALL, UP "&idle=9s", ORDER_ECHO},
    {"drain", LINE_SMALL, UP, ORDER_POLL},
    {"close", LINE_SMALL, UP, 0},
    {"close-to-a-sleeper", LINE_SMALL, UP, ORDER_RECEIVE},
    {"close-to-a-waiting-writer", LINE_MIDDLE, UP, ORDER_SEND},
    {"dial", LINE_SMALL, UP, ORDER_NEXT},
};

const struct line_setting *line_setting_of(const struct step_role *role)
{
    size_t i = 0;
    while (strcmp(settings[i].role, role->name) != 0)
        i++;
    return &settings[i];
}

static void *make(const struct step_role *role)
{
    const struct line_setting *setting = line_setting_of(role);
    return line_new(setting->options, setting->size);
}

static void unmake(void *shared)
{
    line_free(shared);
}

static pid_t company(const struct step_scene *scene)
{
    const struct line *line = scene->shared;
    return line->peer;
}

static struct local *local_of(const struct step_scene *scene)
{
    const wherry_channel *channel = scene->own;
    return channel->state;
}

static wherry_deadline soon(void)
{
    return wherry_after(harness_stretch(LINE_PATIENCE));
}

static void tell(struct line *line, enum order order)
{
    line_tell(line, order);
    CHECK(line_is_done(line, harness_stretch(LINE_PATIENCE)));
}

static void send_one(struct step_scene *scene)
{
    struct line *line = scene->shared;
    (void)line_send(line, &line->there, scene->own, soon());
}

static void receive_one(struct step_scene *scene)
{
    struct line *line = scene->shared;
    (void)line_receive(line, &line->back, scene->own, soon());
}

static void read_many(struct step_scene *scene)
{
    struct line *line = scene->shared;
    (void)line_read_many(line, &line->back, scene->own);
}

// There and back, the other end being told.
static void exchange(struct step_scene *scene)
{
    struct line *line = scene->shared;
    line_tell(line, ORDER_ANSWER);
    send_one(scene);
    receive_one(scene);
    CHECK(line_is_done(line, harness_stretch(LINE_PATIENCE)));
}

static void meet_the_other(struct step_scene *scene)
{
    struct line *line = scene->shared;
    line_tell(line, ORDER_ACCEPT);
    wherry_channel *channel = NULL;
    CHECK_OK(wherry_dial(line->address, soon(), &channel));
    scene->own = channel;
    // Whoever looks for a message says hello, and with that is accepted.
    CHECK_ERROR(line_receive(line, &line->back, channel, WHERRY_POLL), -EAGAIN);
    CHECK(line_is_done(line, harness_stretch(LINE_PATIENCE)));
}

static void remember_memory(struct step_scene *scene)
{
    struct line *line = scene->shared;
    const struct local *local = local_of(scene);
    atomic_store(&line->own, (uintptr_t)local->own.page);
    atomic_store(&line->theirs, (uintptr_t)local->theirs.page);
    local_start(scene);
}

// What the company does begins; it is waited for until it sleeps.
static void begin(struct step_scene *scene)
{
    struct line *line = scene->shared;
    const enum order order = line_setting_of(scene->role)->company;
    atomic_store(&line->told_at, harness_now());
    if (order)
        line_tell(line, order);
}

// A blocking wait looks by itself once, when nothing has come for 100 ms.
static bool has_looked(const struct step_scene *scene)
{
    enum { LOOKED_AFTER = 130 * 1000000 };

    const struct line *line = scene->shared;
    return harness_now() - atomic_load(&line->told_at) > LOOKED_AFTER;
}

// When either went over depends on who was quicker: from here on it does not matter.
static void even_out(struct step_scene *scene)
{
    struct line *line = scene->shared;
    struct local *local = local_of(scene);
    const uint64_t enough = 2 * ROUNDS * ring_padded(line->size);
    while (local->out.ring.tail < enough)
        exchange(scene);
    while (local->in.ring.head < enough) {
        tell(line, ORDER_WRITE);
        receive_one(scene);
    }
    // Both have slept in vain, and that is remembered.
    tell(line, ORDER_SLEEP);
    CHECK_ERROR(line_receive(line, &line->back, scene->own, wherry_after(1)),
                -ETIMEDOUT);
    local->out.publishes = 0;
    local->out.looked = 0;
    local->out.ring.awake = 0;
}

static void go_over(struct step_scene *scene)
{
    meet_the_other(scene);
    for (int i = 0; i < ROUNDS; i++)
        exchange(scene);
    const struct local *local = local_of(scene);
    CHECK(local->out.on_ring && local->in.on_ring);
    even_out(scene);
    remember_memory(scene);
}

static void be_up(struct step_scene *scene)
{
    go_over(scene);
    begin(scene);
}

static void agree_on_loans(struct step_scene *scene)
{
    go_over(scene);
    CHECK_INT(local_loan_steps(local_of(scene)), LOCAL_LENT_OUT);
    CHECK(local_of(scene)->loans.theirs != NULL);
}

static void be_lending(struct step_scene *scene)
{
    agree_on_loans(scene);
    begin(scene);
}

// As many as there is room for.
static void lend_all(struct step_scene *scene)
{
    struct line *line = scene->shared;
    agree_on_loans(scene);
    while (line_send(line, &line->there, scene->own, WHERRY_POLL) >= 0)
        ;
    begin(scene);
}

static void have_a_loan(struct step_scene *scene)
{
    agree_on_loans(scene);
    tell(scene->shared, ORDER_WRITE);
}

// As many as go in.
static void fill(struct step_scene *scene)
{
    struct line *line = scene->shared;
    go_over(scene);
    while (!local_of(scene)->out.rest &&
           line_send(line, &line->there, scene->own, WHERRY_POLL) >= 0)
        ;
    begin(scene);
}

// One less than in pieces: the next one goes in in part.
static void fill_but_one(struct step_scene *scene)
{
    const struct local_out *out;
    struct line *line = scene->shared;
    go_over(scene);
    out = &local_of(scene)->out;
    while (out->ring.size - (out->ring.tail - out->ring.head_seen) > 2 * LINE_LARGE)
        CHECK_OK(line_send(line, &line->there, scene->own, WHERRY_POLL));
    begin(scene);
}

// The next record does not fit before the end of the ring.
static void go_to_the_end(struct step_scene *scene)
{
    go_over(scene);
    const struct ring_out *ring = &local_of(scene)->out.ring;
    while (ring->size - (ring->tail & (ring->size - 1)) >= ring_padded(LINE_MIDDLE))
        exchange(scene);
    begin(scene);
}

static void have_one(struct step_scene *scene)
{
    go_over(scene);
    tell(scene->shared, ORDER_WRITE);
}

static void have_two(struct step_scene *scene)
{
    have_one(scene);
    tell(scene->shared, ORDER_WRITE);
}

static void have_one_over_the_end(struct step_scene *scene)
{
    go_over(scene);
    const struct ring_in *ring = &local_of(scene)->in.ring;
    while (ring->size - (ring->head & (ring->size - 1)) >= ring_padded(LINE_MIDDLE))
        exchange(scene);
    tell(scene->shared, ORDER_WRITE);
}

static void have_a_file(struct step_scene *scene)
{
    go_over(scene);
    tell(scene->shared, ORDER_WRITE_FILE);
}

static void have_met(struct step_scene *scene)
{
    meet_the_other(scene);
    exchange(scene);
    begin(scene);
}

static void have_dialled(struct step_scene *scene)
{
    meet_the_other(scene);
    begin(scene);
}

// It was idle for long; that it is, was seen.
static void have_been_idle(struct step_scene *scene)
{
    struct line *line = scene->shared;
    go_over(scene);
    CHECK_ERROR(line_receive(line, &line->back, scene->own, wherry_after(2)),
                -ETIMEDOUT);
    step_clock_skip(INT64_C(10000000000));
    begin(scene);
}

static void be_left(struct step_scene *scene)
{
    struct line *line = scene->shared;
    go_over(scene);
    tell(line, ORDER_LEAVE);
    CHECK_INT(atomic_load(&line->result), 0);
    begin(scene);
}

static void fill_and_be_written_to(struct step_scene *scene)
{
    be_up(scene);
    harness_wait_blocked(((struct line *)scene->shared)->peer);
}

static void be_asleep_to_be_dialled(struct step_scene *scene)
{
    begin(scene);
    harness_wait_blocked(((struct line *)scene->shared)->peer);
}

/* --- the operations ------------------------------------------------------ */

static void send_many(struct step_scene *scene)
{
    enum { MANY = 20 };

    struct line *line = scene->shared;
    (void)line_send_many(line, &line->there, scene->own, MANY);
}

static void write_many(struct step_scene *scene)
{
    enum { MANY = 4 };

    struct line *line = scene->shared;
    (void)line_write_many(line, &line->there, scene->own, MANY);
}

static void send_file(struct step_scene *scene)
{
    struct line *line = scene->shared;
    (void)line_send_file(line, &line->there, scene->own);
}

static void send_burst(struct step_scene *scene)
{
    enum { BURST = 20 };

    for (int i = 0; i < BURST; i++)
        send_one(scene);
}

static void exchange_some(struct step_scene *scene)
{
    enum { SOME = 5 };

    for (int i = 0; i < SOME; i++) {
        send_one(scene);
        receive_one(scene);
    }
}

static void rest_and_exchange(struct step_scene *scene)
{
    struct line *line = scene->shared;
    (void)line_receive(line, &line->back, scene->own, wherry_after(2));
    exchange_some(scene);
}

static void send_and_drain(struct step_scene *scene)
{
    send_one(scene);
    (void)wherry_drain(scene->own, soon());
}

static void close_own(struct step_scene *scene)
{
    wherry_channel *channel = scene->own;
    scene->own = NULL;
    wherry_close(channel);
}

static void dial_and_send(struct step_scene *scene)
{
    struct line *line = scene->shared;
    wherry_channel *channel = NULL;
    if (wherry_dial(line->address, soon(), &channel) < 0)
        return;
    scene->own = channel;
    send_one(scene);
}

// As loops of events do.  A blocking wait would look by itself after a while: here a
// wake-up that is lost is lost for ever.
static void poll_for_a_message(struct step_scene *scene)
{
    struct line *line = scene->shared;
    wherry_native fd;
    short events;
    int r = wherry_fd(scene->own, WHERRY_IN, &fd, &events);
    while (r >= 0 &&
           (r = line_receive(line, &line->back, scene->own, WHERRY_POLL)) == -EAGAIN) {
        struct pollfd wait = {.fd = fd, .events = events};
        r = poll(&wait, 1, -1) == 1 ? 0 : -EIO;
    }
}

static void poll_for_room(struct step_scene *scene)
{
    struct line *line = scene->shared;
    int r;
    while ((r = line_send(line, &line->there, scene->own, WHERRY_POLL)) == -EAGAIN) {
        wherry_native fd;
        struct pollfd wait;
        if (wherry_fd(scene->own, WHERRY_OUT, &fd, &wait.events) < 0)
            return;
        wait.fd = fd;
        (void)poll(&wait, 1, -1);
    }
}

// Both only if there is nothing that it should have been told of: a stopped one was
// told meanwhile, and goes on by itself.
static void let_take(struct step_scene *scene)
{
    enum { HELD = LINE_RING / (LINE_MIDDLE + RING_STEP) };

    struct line *line = scene->shared;
    const struct flow *there = &line->there;
    const unsigned waiting = atomic_load(&there->begun) - atomic_load(&there->taken);
    if (line->size != LINE_MIDDLE || waiting >= HELD)
        line_tell(line, ORDER_TAKE);
}

static void let_write(struct step_scene *scene)
{
    struct line *line = scene->shared;
    if (atomic_load(&line->back.sent) == atomic_load(&line->back.taken))
        line_tell(line, ORDER_WRITE);
}

static const struct step_role writer_roles[] = {
    {.name = "send", .prepare = be_up, .run = send_one},
    {.name = "send-to-a-sleeper",
     .prepare = be_up,
     .run = send_one,
     .is_deep = has_looked},
    {.name = "send-to-a-poller", .prepare = be_up, .run = send_one},
    {.name = "send-awake-to-a-poller", .prepare = be_up, .run = send_one},
    {.name = "send-over-the-end", .prepare = go_to_the_end, .run = send_one},
    {.name = "send-to-a-full-ring", .prepare = fill, .run = send_one, .wake = let_take},
    {.name = "send-pieces", .prepare = be_up, .run = send_one},
    {.name = "send-pieces-to-a-full-ring",
     .prepare = fill_but_one,
     .run = send_one,
     .wake = let_take},
    {.name = "send-many", .prepare = be_up, .run = send_many},
    {.name = "send-many-to-a-poller", .prepare = be_up, .run = send_many},
    {.name = "send-bytes", .prepare = be_up, .run = write_many},
    {.name = "send-file", .prepare = be_up, .run = send_file},
    {.name = "send-file-to-a-poller", .prepare = be_up, .run = send_file},
    {.name = "poll-for-room", .prepare = fill, .run = poll_for_room, .wake = let_take},
    {.name = "lend", .prepare = be_lending, .run = send_one},
    {.name = "lend-to-a-poller", .prepare = be_lending, .run = send_one},
    {.name = "lend-of-a-full-pool",
     .prepare = lend_all,
     .run = send_one,
     .wake = let_take},
};

static const struct step_role reader_roles[] = {
    {.name = "recv", .prepare = have_one, .run = receive_one},
    {.name = "recv-bytes", .prepare = have_two, .run = read_many},
    {.name = "recv-over-the-end", .prepare = have_one_over_the_end, .run = receive_one},
    {.name = "recv-from-a-full-ring", .prepare = be_up, .run = receive_one},
    {.name = "recv-asleep", .prepare = be_up, .run = receive_one, .wake = let_write},
    {.name = "recv-awake", .prepare = be_up, .run = receive_one, .wake = let_write},
    {.name = "poll-for-a-message",
     .prepare = be_up,
     .run = poll_for_a_message,
     .wake = let_write},
    {.name = "recv-pieces", .prepare = be_up, .run = receive_one},
    {.name = "recv-file", .prepare = have_a_file, .run = receive_one},
    {.name = "recv-lent", .prepare = have_a_loan, .run = receive_one},
    {.name = "recv-lent-from-a-full-pool", .prepare = be_lending, .run = receive_one},
};

static const struct step_role life_roles[] = {
    {.name = "go-over-first", .prepare = have_met, .run = send_burst},
    {.name = "go-over-second", .prepare = have_dialled, .run = exchange_some},
    {.name = "refuse-memory", .prepare = have_dialled, .run = exchange_some},
    {.name = "leave-first", .prepare = have_been_idle, .run = rest_and_exchange},
    {.name = "leave-second", .prepare = be_left, .run = exchange_some},
    {.name = "drain", .prepare = be_up, .run = send_and_drain},
    {.name = "close", .prepare = be_up, .run = close_own},
    {.name = "close-to-a-sleeper",
     .prepare = be_up,
     .run = close_own,
     .is_deep = has_looked},
    {.name = "close-to-a-waiting-writer",
     .prepare = fill_and_be_written_to,
     .run = close_own},
    {.name = "dial", .prepare = be_asleep_to_be_dialled, .run = dial_and_send},
};

#define SUBJECT(role)                                                                  \
    {                                                                                  \
        .name = "local-" #role, .roles = role##_roles,                                 \
        .role_count = sizeof role##_roles / sizeof *role##_roles, .make = make,        \
        .unmake = unmake, .state = local_state, .company = company,                    \
        .check = local_check, .meet = local_meet                                       \
    }

static const struct step_subject subjects[] = {SUBJECT(writer), SUBJECT(reader),
                                               SUBJECT(life)};

void harness_register(void)
{
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++)
        step_add(&subjects[i]);
    step_add(&local_name);
    step_add(&local_load);
    step_add(&local_loan_load);
}
