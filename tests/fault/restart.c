/* SPDX-License-Identifier: MIT */
/*
 * Names whose makers are killed, whatever they were doing, are there for the next who
 * starts: no cleaning up between, and nothing is left in the end.  How often is
 * WHERRY_TEST_KILLS (50 if it is not set).
 */
#include "../queue/queue_talk.h"

enum { KILLS = 50, TREE = 3, TURNS = 4 };

static const char text[] = "after a death";

/* --- a listener of local: ------------------------------------------------ */

static const char boat[] = "local:boat?memory=always&ring=64K";

static void echo_once(wherry_listener *listener)
{
    wherry_channel *channel = NULL;
    wherry_message *message = NULL;
    WORKS(wherry_accept(listener, soon(), &channel));
    while (wherry_recv(channel, &message, soon()) == 1)
        if (wherry_send(channel, &message, 0, soon()) < 0)
            wherry_message_free(message);
    wherry_close(channel);
}

static void talk_on(wherry_channel *channel)
{
    for (int i = 0; i < TURNS; i++) {
        wherry_message *message = NULL;
        (void)wherry_write(channel, text, strlen(text), 0, 0, soon());
        (void)wherry_recv(channel, &message, at_once());
        wherry_message_free(message);
    }
}

// One of the tree has the name at a time; the others dial it.
static void listen_or_dial(void *argument)
{
    (void)argument;
    for (;;) {
        wherry_listener *listener = NULL;
        wherry_channel *channel = NULL;
        if (wherry_listen(boat, &listener) >= 0) {
            echo_once(listener);
            wherry_close_listener(listener);
        } else if (wherry_dial(boat, soon(), &channel) >= 0) {
            talk_on(channel);
            wherry_close(channel);
        }
    }
}

static void use_listener(void)
{
    struct two two = open_two(boat);
    for (int i = 0; i < TURNS; i++) {
        say(two.dialled, text);
        hear(two.accepted, text);
        say(two.accepted, text);
        hear(two.dialled, text);
    }
    close_two(&two);
}

/* --- a queue ------------------------------------------------------------- */

static const char queue[] = "queue:boat?bytes=64K";

static void make_and_use(void *argument)
{
    (void)argument;
    for (;;) {
        wherry_channel *in = reader(queue);
        wherry_channel *out = writer(queue);
        for (int i = 0; i < TURNS; i++) {
            wherry_message *message = NULL;
            put(out, text, 0);
            if (wherry_recv(in, &message, WHERRY_POLL) == 1)
                wherry_message_free(message);
        }
        wherry_close(out);
        wherry_close(in);
    }
}

// What the dead had written is still there, each message whole; then ours.
static void use_queue(void)
{
    wherry_channel *in = reader(queue);
    wherry_channel *out = writer(queue);
    wherry_message *message = NULL;
    while (wherry_recv(in, &message, WHERRY_POLL) == 1) {
        CHECK_INT(wherry_message_size(message), strlen(text));
        wherry_message_free(message);
    }
    put(out, "mine", 1);
    take(in, 0, "mine", 1);
    wherry_close(out);
    wherry_close(in);
}

/* --- both ---------------------------------------------------------------- */

static void kill_and_start(void (*work)(void *), void (*use)(void), const char *address)
{
    const unsigned long rounds =
        (unsigned long)harness_told("WHERRY_TEST_KILLS", KILLS);
    for (unsigned long i = 0; i < rounds; i++) {
        harness_kill_tree(work, NULL, TREE, i);
        use();
        if (i % 2)
            (void)wherry_remove(address);
    }
    (void)wherry_remove(address);
    CHECK_INT(count_names(), 0);
    harness_note("%lu of %lu starts", rounds, rounds);
}

TEST(whatever_listeners_were_doing_when_they_were_killed_the_next_one_listens)
{
    kill_and_start(listen_or_dial, use_listener, "local:boat");
}

TEST(whatever_users_of_a_queue_were_doing_when_they_were_killed_the_next_ones_use_it)
{
    kill_and_start(make_and_use, use_queue, "queue:boat");
}
