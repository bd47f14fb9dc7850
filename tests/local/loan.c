/* SPDX-License-Identifier: MIT */
/*
 * Loans over local: that are received in place: which are, and when their room comes
 * back.
 */
#include <poll.h>
#include <pthread.h>

#include "lend.h"

/* --- in place, or not ---------------------------------------------------- */

TEST(a_loan_is_received_where_it_was_written)
{
    struct ends ends = open_warm(LENDS);
    wherry_message *message = loan(ends.here, BLOCK);
    unsigned char *written = wherry_message_data(message);
    memset(written, 1, BLOCK);
    WORKS(wherry_send(ends.here, &message, 0, soon()));
    message = take(ends.there);
    const unsigned char *read = wherry_message_data(message);
    CHECK(read != written);
    CHECK_INT(read[BLOCK - 1], 1);
    written[BLOCK - 1] = 2; // nobody should; but it shows that this is one memory
    CHECK_INT(read[BLOCK - 1], 2);
    wherry_message_free(message);
    close_both(&ends);
}

TEST(loans_and_other_messages_arrive_in_order)
{
    struct ends ends = open_warm(LENDS);
    for (int i = 0; i < ROUNDS; i++) {
        lend(ends.here, 1 + (size_t)i * 100, i);
        WORKS(wherry_write(ends.here, "plain", 5, 0, i % 3 ? WHERRY_MORE : 0, soon()));
    }
    WORKS(wherry_flush(ends.here));
    for (int i = 0; i < ROUNDS; i++) {
        wherry_message *message = take(ends.there);
        is_number(message, 1 + (size_t)i * 100, i);
        wherry_message_free(message);
        hear(ends.there, "plain");
    }
    close_both(&ends);
}

static void stays_copied(const char *here, const char *there)
{
    char address[LINE];
    wherry_listener *listener;
    struct ends ends;
    snprintf(address, sizeof(address), "local:boat?memory=always%s", here);
    WORKS(wherry_listen(address, &listener));
    snprintf(address, sizeof(address), "local:boat?memory=always%s", there);
    WORKS(wherry_dial(address, soon(), &ends.there));
    WORKS(wherry_accept(listener, soon(), &ends.here));
    CHECK(!warm_up(&ends));
    close_both(&ends);
    wherry_close_listener(listener);
}

TEST(both_ends_have_to_ask_for_it)
{
    stays_copied("", "&loan=1M");
    stays_copied("&loan=1M", "");
    stays_copied("", "");
}

static void talk_as_another_user(void *argument)
{
    struct ends *ends = argument;
    CHECK_INT(setgid(65534), 0);
    CHECK_INT(setuid(65534), 0);
    for (int i = 0; i < ROUNDS; i++) {
        lend(ends->there, 100, 7);
        wherry_message *message = take(ends->there);
        CHECK(!is_in_place(wherry_message_data(message)));
        wherry_message_free(message);
    }
}

TEST(another_users_loans_are_copied)
{
    if (geteuid() != 0)
        SKIP("only root can become another user");
    struct ends ends = open_both(LENDS);
    pid_t child = harness_child(talk_as_another_user, &ends);
    for (int i = 0; i < ROUNDS; i++) {
        wherry_message *message = take(ends.here);
        is_number(message, 100, 7);
        CHECK(!is_in_place(wherry_message_data(message)));
        wherry_message_free(message);
        lend(ends.here, 100, 7);
    }
    CHECK_INT(harness_wait(child), 0);
    close_both(&ends);
}

TEST(a_loan_that_the_pool_can_never_hold_is_copied)
{
    struct ends ends = open_warm(LENDS);
    lend(ends.here, POOL + 1, 5);
    wherry_message *message = take(ends.there);
    is_number(message, POOL + 1, 5);
    CHECK(!is_in_place(wherry_message_data(message)));
    wherry_message_free(message);
    close_both(&ends);
}

TEST(a_loan_with_an_open_file_is_copied)
{
    struct ends ends = open_warm(LENDS);
    wherry_message *message = loan(ends.here, 1000);
    memset(wherry_message_data(message), 0, 1000);
    WORKS(wherry_message_attach(message, STDERR_FILENO));
    WORKS(wherry_send(ends.here, &message, 0, soon()));
    message = take(ends.there);
    is_number(message, 1000, 0);
    CHECK_INT(wherry_message_files(message), 1);
    CHECK(!is_in_place(wherry_message_data(message)));
    wherry_message_free(message);
    wherry_message *taken[BLOCKS];
    lend_all(&ends, taken); // its block had come back
    free_all(taken);
    close_both(&ends);
}

TEST(a_loan_that_is_sent_elsewhere_is_copied)
{
    struct ends ends = open_warm(LENDS);
    struct ends others = open_warm(LENDS);
    wherry_message *message = loan(ends.here, BLOCK);
    memset(wherry_message_data(message), 0, BLOCK);
    WORKS(wherry_send(others.here, &message, 0, soon()));
    message = take(others.there);
    is_number(message, BLOCK, 0);
    CHECK(!is_in_place(wherry_message_data(message)));
    wherry_message_free(message);
    wherry_message *taken[BLOCKS];
    lend_all(&ends, taken);
    // And one that was received in place, too.
    WORKS(wherry_send(ends.there, &taken[0], 0, soon()));
    taken[0] = take(ends.here);
    is_number(taken[0], BLOCK, 0);
    CHECK(!is_in_place(wherry_message_data(taken[0])));
    free_all(taken);
    close_both(&ends);
    close_both(&others);
}

TEST(a_loan_may_be_made_smaller_and_larger)
{
    struct ends ends = open_warm(LENDS);
    static const size_t sizes[] = {10, 1000, BLOCK, BLOCK + 1000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        wherry_message *message = loan(ends.here, 1000);
        memset(wherry_message_data(message), 3, 1000);
        WORKS(wherry_message_resize(message, sizes[i]));
        WORKS(wherry_send(ends.here, &message, 0, soon()));
        message = take(ends.there);
        const unsigned char *bytes = wherry_message_data(message);
        CHECK_INT(wherry_message_size(message), sizes[i]);
        CHECK_INT(bytes[9], 3);
        CHECK_INT(bytes[sizes[i] - 1], sizes[i] <= 1000 ? 3 : 0);
        CHECK_INT(is_in_place(bytes), sizes[i] <= 1000);
        wherry_message_free(message);
    }
    wherry_message *message = loan(ends.here, 10);
    WORKS(wherry_message_resize(message, 0));
    WORKS(wherry_send(ends.here, &message, 0, soon()));
    message = take(ends.there);
    CHECK_INT(wherry_message_size(message), 0);
    wherry_message_free(message);
    close_both(&ends);
}

TEST(what_was_received_in_place_is_copied_by_a_resize)
{
    struct ends ends = open_warm(LENDS);
    wherry_message *taken[BLOCKS];
    lend_all(&ends, taken);
    for (int i = 0; i < BLOCKS; i++) {
        WORKS(wherry_message_resize(taken[i], BLOCK));
        CHECK(!is_in_place(wherry_message_data(taken[i])));
        is_number(taken[i], BLOCK, i);
        memset(wherry_message_data(taken[i]), 99, BLOCK);
    }
    WORKS(wherry_message_resize(taken[0], BLOCK / 2));
    WORKS(wherry_message_resize(taken[1], BLOCK * 2));
    wherry_message *others[BLOCKS];
    lend_all(&ends, others); // there is room again
    WORKS(wherry_message_resize(others[0], 7));
    is_number(others[0], 7, 0);
    free_all(taken);
    free_all(others);
    close_both(&ends);
}

/* --- room, and when it comes back ---------------------------------------- */

TEST(they_are_freed_in_any_order)
{
    struct ends ends = open_warm(LENDS);
    static const int orders[][BLOCKS] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}};
    for (size_t order = 0; order < 3; order++) {
        for (int round = 0; round < ROUNDS; round++) {
            wherry_message *taken[BLOCKS];
            lend_all(&ends, taken);
            for (int i = 0; i < BLOCKS; i++)
                wherry_message_free(taken[orders[order][i]]);
        }
    }
    // Nothing of it was lost: all of it is one piece again.
    lend(ends.here, POOL, 9);
    wherry_message *message = take(ends.there);
    is_number(message, POOL, 9);
    CHECK(is_in_place(wherry_message_data(message)));
    wherry_message_free(message);
    close_both(&ends);
}

TEST(a_loan_that_is_freed_gives_its_room_back)
{
    struct ends ends = open_warm(LENDS);
    for (int i = 0; i < ROUNDS; i++) {
        wherry_message *message = loan(ends.here, POOL);
        CHECK(is_in_place(wherry_message_data(message)));
        wherry_message_free(message);
    }
    close_both(&ends);
}

// Nobody else can give it back: to wait would be for ever.
TEST(who_has_all_of_it_itself_is_not_held_up)
{
    struct ends ends = open_warm(LENDS);
    wherry_message *first = loan(ends.here, POOL);
    wherry_message *second = loan(ends.here, BLOCK);
    CHECK(is_in_place(wherry_message_data(first)));
    CHECK(!is_in_place(wherry_message_data(second)));
    wherry_message_free(first);
    wherry_message_free(second);
    close_both(&ends);
}

TEST(without_room_a_loan_waits_until_its_deadline)
{
    struct ends ends = open_warm(LENDS);
    wherry_message *taken[BLOCKS];
    wherry_message *message = NULL;
    lend_all(&ends, taken);
    CHECK_ERROR(wherry_loan(ends.here, BLOCK, &message, WHERRY_POLL), -EAGAIN);
    FAILS(wherry_loan(ends.here, BLOCK, &message, at_once()), -ETIMEDOUT, "loan=");
    // Others go on.
    say(ends.here, "plain");
    hear(ends.there, "plain");
    wherry_message_free(taken[2]);
    taken[2] = NULL;
    message = loan(ends.here, BLOCK);
    CHECK(is_in_place(wherry_message_data(message)));
    wherry_message_free(message);
    free_all(taken);
    close_both(&ends);
}

TEST(who_does_not_wait_is_told_or_copies)
{
    static const struct {
        const char *address;
        int result;
    } each[] = {{LENDS "&full=fail", -EAGAIN}, {LENDS "&full=latest", 0}};

    for (size_t i = 0; i < 2; i++) {
        struct ends ends = open_warm(each[i].address);
        wherry_message *taken[BLOCKS];
        wherry_message *message = NULL;
        lend_all(&ends, taken);
        CHECK_INT(wherry_loan(ends.here, BLOCK, &message, soon()), each[i].result);
        CHECK(!message || !is_in_place(wherry_message_data(message)));
        wherry_message_free(message);
        free_all(taken);
        close_both(&ends);
    }
}

TEST(a_great_many_small_ones_may_be_out)
{
    enum { MANY = 1024, LEAST = 1000 };

    struct ends ends = open_warm(LENDS);
    static wherry_message *taken[MANY];
    wherry_message *message = NULL;
    int out = 0;
    while (wherry_loan(ends.here, 8, &message, WHERRY_POLL) == 0) {
        CHECK(out < MANY);
        CHECK(is_in_place(wherry_message_data(message)));
        WORKS(wherry_send(ends.here, &message, 0, soon()));
        taken[out++] = take(ends.there);
    }
    CHECK_RANGE(out, LEAST, MANY);
    for (int i = 0; i < out; i++)
        wherry_message_free(taken[i]);
    lend(ends.here, POOL, 4);
    wherry_message_free(take(ends.there));
    close_both(&ends);
}

struct freer {
    wherry_channel *channel;
    wherry_message **taken;
    int result;
};

static void *free_slowly(void *argument)
{
    struct freer *freer = argument;
    for (int i = 0; i < BLOCKS; i++) {
        poll(NULL, 0, 2);
        wherry_message_free(freer->taken[i]);
    }
    return NULL;
}

TEST(a_free_on_any_thread_wakes_whoever_waits_for_room)
{
    struct ends ends = open_warm(LENDS "&spin=0");
    for (int round = 0; round < ROUNDS; round++) {
        wherry_message *taken[BLOCKS];
        struct freer freer = {.taken = taken};
        pthread_t thread;
        lend_all(&ends, taken);
        CHECK_INT(pthread_create(&thread, NULL, free_slowly, &freer), 0);
        wherry_message *message = NULL;
        WORKS(wherry_loan(ends.here, POOL, &message, soon()));
        CHECK(is_in_place(wherry_message_data(message)));
        wherry_message_free(message);
        CHECK_INT(pthread_join(thread, NULL), 0);
    }
    close_both(&ends);
}

static void *free_one_slowly(void *argument)
{
    poll(NULL, 0, 5);
    wherry_message_free(argument);
    return NULL;
}

TEST(so_does_the_free_of_a_loan_that_was_not_sent)
{
    struct ends ends = open_warm(LENDS "&spin=0");
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t thread;
        lend(ends.here, BLOCK, 1);
        wherry_message *taken = take(ends.there);
        wherry_message *unsent = loan(ends.here, POOL - BLOCK);
        wherry_message *message = NULL;
        CHECK_INT(pthread_create(&thread, NULL, free_one_slowly, unsent), 0);
        WORKS(wherry_loan(ends.here, POOL - BLOCK, &message, soon()));
        CHECK(is_in_place(wherry_message_data(message)));
        wherry_message_free(message);
        wherry_message_free(taken);
        CHECK_INT(pthread_join(thread, NULL), 0);
    }
    close_both(&ends);
}

// What was gathered has to be seen before it can be freed.
TEST(who_waits_for_room_lets_go_of_what_was_gathered)
{
    struct ends ends = open_warm(LENDS);
    wherry_message *message = NULL;
    for (int i = 0; i < BLOCKS; i++) {
        message = loan(ends.here, BLOCK);
        memset(wherry_message_data(message), i, BLOCK);
        WORKS(wherry_message_set_kind(message, i));
        WORKS(wherry_send(ends.here, &message, WHERRY_MORE, soon()));
    }
    CHECK_ERROR(wherry_loan(ends.here, BLOCK, &message, WHERRY_POLL), -EAGAIN);
    for (int i = 0; i < BLOCKS; i++) {
        message = take(ends.there);
        is_number(message, BLOCK, i);
        wherry_message_free(message);
    }
    message = loan(ends.here, BLOCK);
    wherry_message_free(message);
    close_both(&ends);
}

/* Whether the channel's descriptor says that there may be room. */
static int says_room(wherry_channel *channel, int milliseconds)
{
    wherry_native fd;
    short events;
    WORKS(wherry_fd(channel, WHERRY_OUT, &fd, &events));
    struct pollfd wait = {.fd = fd, .events = events};
    return watch(&wait, milliseconds);
}

static void no_room(struct ends *ends)
{
    wherry_message *message = NULL;
    CHECK_ERROR(wherry_loan(ends->here, BLOCK, &message, WHERRY_POLL), -EAGAIN);
}

static void room(struct ends *ends)
{
    wherry_message *message = NULL;
    WORKS(wherry_loan(ends->here, BLOCK, &message, WHERRY_POLL));
    wherry_message_free(message);
}

TEST(a_loop_of_events_is_told_of_room_for_loans)
{
    const int soon_enough = harness_stretch(HARNESS_PATIENCE);
    struct ends ends = open_warm(LENDS);
    wherry_message *taken[BLOCKS];
    for (int round = 0; round < ROUNDS; round++) {
        wherry_native fd;
        short events;
        lend_all(&ends, taken);
        no_room(&ends);
        WORKS(wherry_fd(ends.here, WHERRY_OUT, &fd, &events));
        struct pollfd wait = {.fd = fd, .events = events};
        CHECK_INT(watch(&wait, 0), 0);
        wherry_message_free(taken[1]);
        CHECK_INT(watch(&wait, soon_enough), 1);
        room(&ends);
        lend(ends.here, BLOCK, 1);
        taken[1] = take(ends.there);
        no_room(&ends);
        wherry_message_free(taken[2]); // before it is asked for the descriptor
        taken[2] = NULL;
        CHECK_INT(says_room(ends.here, 0), 1);
        room(&ends);
        free_all(taken);
    }
    close_both(&ends);
}

TEST(so_it_is_of_a_loan_that_was_not_sent)
{
    struct ends ends = open_warm(LENDS);
    for (int round = 0; round < ROUNDS; round++) {
        wherry_native fd;
        short events;
        wherry_message_free(loan(ends.here, POOL)); // all of it is one piece
        lend(ends.here, BLOCK, 1);
        wherry_message *taken = take(ends.there);
        wherry_message *first = loan(ends.here, BLOCK);
        wherry_message *second = loan(ends.here, 2 * BLOCK);
        no_room(&ends);
        WORKS(wherry_fd(ends.here, WHERRY_OUT, &fd, &events));
        struct pollfd wait = {.fd = fd, .events = events};
        CHECK_INT(watch(&wait, 0), 0);
        wherry_message_free(first);
        CHECK_INT(watch(&wait, harness_stretch(HARNESS_PATIENCE)), 1);
        room(&ends);
        first = loan(ends.here, BLOCK);
        no_room(&ends);
        wherry_message_free(second);
        CHECK_INT(says_room(ends.here, 0), 1);
        room(&ends);
        wherry_message_free(first);
        wherry_message_free(taken);
    }
    close_both(&ends);
}
