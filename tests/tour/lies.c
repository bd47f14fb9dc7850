/* SPDX-License-Identifier: MIT */
/*
 * A whole stop finds out a process that lies.
 *
 * The child talks over a channel of a transport of this file's own, which passes its
 * messages on, but for one lie.
 */
#include "harness.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <wherry/transport.h>

#include "tour/tour.h"

/* --- a channel that lies ------------------------------------------------- */

struct lie {
    const char *name;   /* of the test */
    const char *finds;  /* what the stop must say */
    unsigned nth;       /* the message that is touched, from 1 on */
    bool of_the_parent; /* one that the child receives, not one that it sends */
    void (*tell)(wherry_message **message);
    uint64_t claims; /* a limit that is none; 0: the true one */
};

static const struct lie *lie;

struct liar {
    wherry_channel *inner;
    wherry_message *prepared; /* touched already, but the mechanism was full */
    unsigned sent;
    unsigned received;
};

static int liar_send(void *state, wherry_message **message, unsigned flags)
{
    struct liar *liar = state;
    // Left with the caller, who tries again with the same one.
    int r = 0;
    if (liar->prepared != *message) {
        liar->sent++;
        liar->prepared = *message;
        if (lie->tell && !lie->of_the_parent && liar->sent == lie->nth) {
            lie->tell(message);
            liar->prepared = *message;
        }
    }
    r = wherry_send(liar->inner, message, flags, WHERRY_POLL);
    if (r != -EAGAIN)
        liar->prepared = NULL;
    return r;
}

static int liar_recv(void *state, wherry_message **out)
{
    struct liar *liar = state;
    int r = wherry_recv(liar->inner, out, WHERRY_POLL);
    if (r > 0 && ++liar->received == lie->nth && lie->of_the_parent)
        lie->tell(out);
    return r;
}

static int liar_wait(void *state, enum wherry_direction direction,
                     struct wherry_wait waits[WHERRY_WAITS])
{
    struct liar *liar = state;
    int r = wherry_fd(liar->inner, direction, &waits[0].fd, &waits[0].events);
    return r < 0 ? r : 1;
}

static int liar_finish(void *state)
{
    struct liar *liar = state;
    return wherry_finish(liar->inner);
}

static void liar_describe(void *state, struct wherry_channel_info *info)
{
    struct liar *liar = state;
    struct wherry_channel_info inner;
    if (wherry_describe(liar->inner, &inner, sizeof(inner)) == 0)
        info->message_limit = lie->claims ? lie->claims : inner.message_limit;
}

static void liar_close(void *state)
{
    struct liar *liar = state;
    wherry_close(liar->inner);
    free(liar);
}

static const struct wherry_transport liars = {
    .scheme = "liar",
    .abilities = WHERRY_ABLE_SEND | WHERRY_ABLE_RECV | WHERRY_ABLE_DUPLEX |
                 WHERRY_ABLE_KINDS | WHERRY_ABLE_FILES | WHERRY_ABLE_SENDER |
                 WHERRY_ABLE_FINISH | WHERRY_ABLE_MESSAGES | WHERRY_ABLE_DESCRIPTOR,
    .send = liar_send,
    .recv = liar_recv,
    .wait = liar_wait,
    .finish = liar_finish,
    .describe = liar_describe,
    .close = liar_close,
};

static int prepare(struct tour_place *place)
{
    return tour_opening_pair.prepare(place);
}

static int be_parent(struct tour_place *place, struct tour_side *side)
{
    return tour_opening_pair.parent(place, side);
}

static int be_child(struct tour_place *place, struct tour_side *side)
{
    int r = tour_opening_pair.child(place, side);
    struct liar *liar = calloc(1, sizeof(*liar));
    if (r < 0 || !liar)
        return r < 0 ? r : -ENOMEM;
    liar->inner = side->in;
    r = wherry_channel_new(&liars, liar, "liar:", &side->in);
    side->out = side->in;
    return r;
}

static const struct tour_opening opening = {prepare, be_parent, be_child};

static const struct tour_way way = {
    .scheme = "pair", .name = "liar", .address = "pair:", .opening = &opening};

/* --- the lies ------------------------------------------------------------ */

static void flip(wherry_message **message)
{
    uint8_t *bytes = wherry_message_data(*message);
    bytes[wherry_message_size(*message) - 1] ^= 1;
}

static void cut(wherry_message **message)
{
    CHECK_OK(wherry_message_resize(*message, wherry_message_size(*message) - 1));
}

static void change_kind(wherry_message **message)
{
    CHECK_OK(wherry_message_set_kind(*message, wherry_message_kind(*message) + 1));
}

// The same without its open files.
static void lose_files(wherry_message **message)
{
    wherry_message *copy;
    CHECK(wherry_message_files(*message) > 0);
    CHECK_OK(wherry_message_copy(wherry_message_data(*message),
                                 wherry_message_size(*message), &copy));
    wherry_message_free(*message);
    *message = copy;
}

static void turn_files(wherry_message **message)
{
    wherry_message *files = *message;
    size_t count = wherry_message_files(files);
    CHECK(count > 1);
    CHECK_OK(wherry_message_copy(wherry_message_data(files), wherry_message_size(files),
                                 message));
    while (count-- > 0)
        CHECK_OK(wherry_message_attach(*message, wherry_message_file(files, count)));
    wherry_message_free(files);
}

static void name_another(wherry_message **message)
{
    struct wherry_peer peer = *wherry_message_sender(*message);
    peer.pid++;
    CHECK_OK(wherry_message_set_sender(*message, &peer));
}

static void end(wherry_message **message)
{
    (void)message;
    _exit(3);
}

static void be_killed(wherry_message **message)
{
    (void)message;
    (void)raise(SIGKILL);
}

/* The child says: 1 its terms, 2-5 the four sizes, 6 one of a byte more than the limit,
 * which is refused, 7-9 three kinds, 10-12 one open file, sixteen and none; then it
 * returns what it hears. */
static const struct lie lies[] = {
    {.name = "a_stop_without_a_lie_is_right", .finds = ""},
    {.name = "a_stop_finds_one_flipped_bit",
     .finds = "byte 63 of 64",
     3,
     false,
     flip,
     0},
    {.name = "a_stop_finds_one_flipped_bit_in_the_largest_message",
     .finds = "byte 2",
     .nth = 5,
     .tell = flip},
    {.name = "a_stop_finds_a_message_cut_short",
     .finds = "63 bytes arrived where 64 were sent",
     .nth = 3,
     .tell = cut},
    {.name = "a_stop_finds_a_wrong_kind",
     .finds = "kind 2 arrived where 1 was sent",
     .nth = 3,
     .tell = change_kind},
    {.name = "a_stop_finds_a_lost_open_file",
     .finds = "0 open files arrived where 1 were sent",
     .nth = 10,
     .tell = lose_files},
    {.name = "a_stop_finds_open_files_in_another_order",
     .finds = "in open file 1 of 16",
     .nth = 11,
     .tell = turn_files},
    {.name = "a_stop_finds_a_flipped_bit_among_the_round_trips",
     .finds = "byte 63 of 64",
     .nth = 12 + 550 + 900,
     .tell = flip},
    {.name = "the_child_finds_a_flipped_bit",
     .finds = "byte 63 of 64",
     .nth = 3,
     .of_the_parent = true,
     .tell = flip},
    {.name = "the_child_finds_another_process_as_the_sender",
     .finds = "is named as the sender",
     .nth = 3,
     .of_the_parent = true,
     .tell = name_another},
    {.name = "a_stop_finds_a_limit_that_is_none",
     .finds = "one byte more than the limit",
     .claims = 1000},
    {.name = "a_stop_finds_a_child_that_ends_in_the_middle",
     .finds = "ended with status 3",
     .nth = 4,
     .tell = end},
    {.name = "a_stop_finds_a_child_that_is_killed_in_the_middle",
     .finds = "killed by signal 9",
     .nth = 4,
     .tell = be_killed},
};

static void run(const void *argument)
{
    struct tour_stop stop = {.way = &way, .budget = INT64_C(60000000000)};
    lie = argument;
    tour_stop_run(harness_directory(), &stop);
    harness_note("%s", stop.proof.fault.text);
    if (!lie->finds[0]) {
        CHECK_STRING(stop.proof.fault.text, "");
        CHECK_INT(stop.result, TOUR_RIGHT);
        CHECK(stop.proof.messages > 1800);
        CHECK(stop.proof.senders > 1500);
        CHECK_INT(stop.proof.files, 34);
        return;
    }
    CHECK_INT(stop.result, TOUR_WRONG);
    CHECK(!tour_stop_is_right(&stop));
    CHECK_CONTAINS(stop.proof.fault.text, lie->finds);
}

void harness_register(void)
{
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
        harness_add(lies[i].name, run, &lies[i]);
}

/* --- what a machine lacks ------------------------------------------------ */

static int no_family(struct tour_place *place)
{
    wherry_channel *channel;
    (void)place;
    (void)wherry_dial("fd:999", WHERRY_POLL, &channel);
    return -EAFNOSUPPORT;
}

static int no_descriptor(struct tour_place *place)
{
    wherry_channel *channel;
    (void)place;
    (void)wherry_dial("fd:999", WHERRY_POLL, &channel);
    return -EMFILE;
}

static int no_host(struct tour_place *place, struct tour_side *side)
{
    wherry_channel *channel;
    (void)place;
    (void)side;
    (void)wherry_dial("fd:999", WHERRY_POLL, &channel);
    return -EADDRNOTAVAIL;
}

static void check_opening(const struct tour_opening *tried, enum tour_result result)
{
    struct tour_way other = way;
    other.opening = tried;
    struct tour_stop stop = {.way = &other, .budget = 1000};
    tour_stop_run(harness_directory(), &stop);
    harness_note("%s", stop.proof.fault.text);
    CHECK_INT(stop.result, result);
    CHECK(stop.proof.fault.text[0]);
}

TEST(what_the_machine_lacks_is_missing_not_wrong)
{
    const struct tour_opening tried = {no_family, be_parent, be_child};
    check_opening(&tried, TOUR_MISSING);
}

TEST(what_the_machine_lacks_is_missing_when_the_child_finds_out)
{
    const struct tour_opening tried = {prepare, be_parent, no_host};
    check_opening(&tried, TOUR_MISSING);
}

TEST(what_cannot_be_opened_for_another_reason_is_wrong)
{
    const struct tour_opening tried = {no_descriptor, be_parent, be_child};
    check_opening(&tried, TOUR_WRONG);
}
