/* SPDX-License-Identifier: MIT */
/*
 * What becomes of loans at an end: of a channel, of either process, in a child of
 * fork(2), and when nobody uses them any more.
 */
#include <poll.h>
#include <signal.h>

#include "lend.h"

/* --- ends ---------------------------------------------------------------- */

TEST(what_was_received_and_lent_outlives_the_channel)
{
    struct ends ends = open_warm(LENDS);
    wherry_message *taken[BLOCKS];
    lend_all(&ends, taken);
    wherry_message_free(taken[3]);
    wherry_message *unsent = loan(ends.here, BLOCK);
    CHECK(is_in_place(wherry_message_data(unsent)));
    close_both(&ends);
    memset(wherry_message_data(unsent), 5, BLOCK);
    for (int i = 0; i < 3; i++) {
        CHECK(is_in_place(wherry_message_data(taken[i])));
        is_number(taken[i], BLOCK, i);
        wherry_message_free(taken[i]);
    }
    struct ends others = open_warm(LENDS);
    WORKS(wherry_send(others.here, &unsent, 0, soon()));
    unsent = take(others.there);
    const unsigned char *bytes = wherry_message_data(unsent);
    CHECK_INT(bytes[0], 5);
    CHECK_INT(bytes[BLOCK - 1], 5);
    wherry_message_free(unsent);
    close_both(&others);
}

struct visit {
    wherry_channel *channel;
    int count;
};

static void hold_all(void *argument)
{
    struct ends *ends = argument;
    wherry_close(ends->here);
    bool in_place = false;
    for (int i = 0; i < ROUNDS && !in_place; i++) {
        wherry_message *message = take(ends->there);
        in_place = is_in_place(wherry_message_data(message));
        wherry_message_free(message);
        WORKS(wherry_write(ends->there, "", 0, in_place, 0, soon()));
    }
    CHECK(in_place);
    for (int i = 0; i < BLOCKS; i++)
        is_number(take(ends->there), BLOCK, i);
    say(ends->there, "all of them");
    for (;;)
        pause();
}

/* Whether the other process now reads in place. */
static void warm_up_far(wherry_channel *channel)
{
    int64_t in_place = 0;
    for (int i = 0; i < ROUNDS && !in_place; i++) {
        lend(channel, 100, 1);
        WORKS(wherry_read(channel, "", 0, &in_place, NULL, soon()));
    }
    CHECK(in_place);
}

TEST(the_death_of_whoever_has_it_all_is_told)
{
    struct ends ends = open_both(LENDS);
    pid_t child = harness_child(hold_all, &ends);
    wherry_close(ends.there);
    warm_up_far(ends.here);
    for (int i = 0; i < BLOCKS; i++)
        lend(ends.here, BLOCK, i);
    hear(ends.here, "all of them");
    wherry_message *message = NULL;
    CHECK_ERROR(wherry_loan(ends.here, BLOCK, &message, at_once()), -ETIMEDOUT);
    wherry_native fd;
    short events;
    WORKS(wherry_fd(ends.here, WHERRY_OUT, &fd, &events));
    struct pollfd wait = {.fd = fd, .events = events};
    CHECK_INT(watch(&wait, 0), 0);
    kill(child, SIGKILL);
    CHECK_INT(watch(&wait, harness_stretch(HARNESS_PATIENCE)), 1);
    FAILS(wherry_loan(ends.here, BLOCK, &message, soon()), -EPIPE, "gone");
    CHECK_INT(harness_wait(child), -SIGKILL);
    wherry_close(ends.here);
}

static void lend_and_die(void *argument)
{
    struct ends *ends = argument;
    wherry_close(ends->there);
    warm_up_far(ends->here);
    for (int i = 0; i < BLOCKS; i++)
        lend(ends->here, BLOCK, i);
    raise(SIGKILL);
}

TEST(what_the_dead_had_lent_stays_as_it_was)
{
    struct ends ends = open_both(LENDS);
    wherry_message *taken[BLOCKS];
    wherry_message *message = NULL;
    pid_t child = harness_child(lend_and_die, &ends);
    wherry_close(ends.here);
    for (bool in_place = false; !in_place;) {
        message = take(ends.there);
        in_place = is_in_place(wherry_message_data(message));
        wherry_message_free(message);
        WORKS(wherry_write(ends.there, "", 0, in_place, 0, soon()));
    }
    CHECK_INT(harness_wait(child), -SIGKILL);
    for (int i = 0; i < BLOCKS; i++)
        taken[i] = take(ends.there);
    FAILS(wherry_recv(ends.there, &message, soon()), -ECONNRESET, "died");
    wherry_close(ends.there);
    for (int i = 0; i < BLOCKS; i++) {
        is_number(taken[i], BLOCK, i);
        CHECK(is_in_place(wherry_message_data(taken[i])));
    }
    free_all(taken);
}

struct family {
    struct ends ends;
    wherry_message *taken[BLOCKS];
    wherry_message *unsent;
};

static void use_in_child(void *argument)
{
    struct family *family = argument;
    wherry_message *message = NULL;
    for (int i = 0; i < BLOCKS - 1; i++) {
        is_number(family->taken[i], BLOCK, i);
        wherry_message_free(family->taken[i]);
    }
    WORKS(wherry_loan(family->ends.here, BLOCK, &message, WHERRY_POLL));
    CHECK(!is_in_place(wherry_message_data(message)));
    FAILS(wherry_send(family->ends.here, &message, 0, soon()), -ECHILD, "fork");
    wherry_message_free(message);
    wherry_message_free(family->unsent);
    close_both(&family->ends);
}

TEST(a_child_reads_what_was_lent_and_gives_nothing_back)
{
    struct family family = {.ends = open_warm(LENDS)};
    wherry_message *message = NULL;
    lend_all(&family.ends, family.taken);
    wherry_message_free(family.taken[BLOCKS - 1]);
    family.unsent = loan(family.ends.here, BLOCK);
    CHECK_INT(harness_wait(harness_child(use_in_child, &family)), 0);
    CHECK_ERROR(wherry_loan(family.ends.here, BLOCK, &message, WHERRY_POLL), -EAGAIN);
    for (int i = 0; i < BLOCKS - 1; i++) {
        is_number(family.taken[i], BLOCK, i);
        wherry_message_free(family.taken[i]);
    }
    wherry_message_free(family.unsent);
    message = loan(family.ends.here, POOL);
    CHECK(is_in_place(wherry_message_data(message)));
    wherry_message_free(message);
    close_both(&family.ends);
}

/* --- what it costs ------------------------------------------------------- */

static uint64_t memory_of(wherry_channel *channel)
{
    return info_of(channel).memory;
}

static void wait_in_vain(wherry_channel *channel)
{
    wherry_message *message = NULL;
    CHECK_ERROR(wherry_recv(channel, &message, wherry_after(150)), -ETIMEDOUT);
}

TEST(the_pool_is_made_at_the_first_loan_and_given_back_after_idleness)
{
    struct ends ends = open_both(LENDS "&idle=200ms");
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < ROUNDS; i++) {
            say(ends.here, "plain");
            hear(ends.there, "plain");
            say(ends.there, "plain");
            hear(ends.here, "plain");
        }
        const uint64_t before = memory_of(ends.here);
        CHECK(warm_up(&ends));
        CHECK(memory_of(ends.here) >= before + POOL);
        // Not while any of it is in use.
        lend(ends.here, BLOCK, 3);
        wherry_message *message = take(ends.there);
        for (int i = 0; i < 4; i++) {
            wait_in_vain(ends.here);
            wait_in_vain(ends.there);
        }
        CHECK(memory_of(ends.here) > POOL);
        wherry_message_free(message);
        for (int i = 0; i < 20 && memory_of(ends.here) > POOL; i++) {
            wait_in_vain(ends.here);
            wait_in_vain(ends.there);
        }
        CHECK(memory_of(ends.here) < 12288);
        CHECK(memory_of(ends.there) < 12288);
    }
    close_both(&ends);
}

TEST(the_size_of_what_is_lent_is_checked)
{
    wherry_channel *channels[2];
    static const char *const sizes[] = {"1", "4096", "65537", "100000"};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char address[LINE];
        snprintf(address, sizeof(address), "local:?loan=%s", sizes[i]);
        FAILS(wherry_pair(address, channels), -EINVAL, "loan=");
    }
    FAILS(wherry_pair("local:?loan=2G", channels), -EINVAL, "loan");
}
