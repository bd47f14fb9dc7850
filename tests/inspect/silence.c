/* SPDX-License-Identifier: MIT */
/*
 * Why a program that was asked says nothing.
 */
#include "../transport/talk.h"

#include <signal.h>
#include <sys/stat.h>

#include <wherry/inspect.h>

static wherry_channel *ask(const char *address, int64_t *pid)
{
    struct wherry_channel_info info;
    wherry_channel *channel = NULL;
    WORKS(wherry_dial(address, soon(), &channel));
    WORKS(wherry_describe(channel, &info, sizeof(info)));
    *pid = info.peer.pid;
    say(channel, "question");
    return channel;
}

struct look {
    int64_t pid;
    int expected;
    const char *part;
};

static bool is_seen(void *argument)
{
    const struct look *look = argument;
    char sentence[448];
    int r = wherry_inspect_silence(look->pid, sentence, sizeof(sentence));
    WORKS(r);
    return r == look->expected && strstr(sentence, look->part);
}

// tr(1) writes a block at a time where it is not at a terminal.
TEST(a_child_that_keeps_its_answer_in_a_buffer_is_seen_to_wait_for_more)
{
    struct look look = {.expected = 1, .part = "tr (process "};
    wherry_channel *channel = ask("exec:tr a-z A-Z", &look.pid);
    harness_until(is_seen, &look);
    look.part = "in a buffer of its own";
    harness_until(is_seen, &look);
    WORKS(wherry_finish(channel));
    hear(channel, "QUESTION");
    wherry_close(channel);
}

TEST(one_that_does_something_else_is_told_to_do_that)
{
    struct look look = {.expected = 0, .part = "sleeps"};
    wherry_channel *channel = ask("exec?grace=0s:sleep 1000", &look.pid);
    harness_until(is_seen, &look);
    wherry_close(channel);
    CHECK_INT(wherry_inspect_silence(look.pid, (char[448]){0}, 448), -ESRCH);
    channel = ask("exec?grace=0s:sh -c 'kill -STOP $$'", &look.pid);
    look.part = " is stopped";
    harness_until(is_seen, &look);
    CHECK_INT(kill((pid_t)look.pid, SIGKILL), 0);
    wherry_close(channel);
}

TEST(one_that_waits_for_something_else_than_its_stdin_is_not_taken_for_it)
{
    struct look look = {.expected = 0, .part = "a FIFO"};
    const char *path = harness_path("fifo");
    char address[512];
    CHECK_INT(mkfifo(path, 0600), 0);
    snprintf(address, sizeof(address), "exec?grace=0s:sh -c 'exec 9<>%s; exec cat %s'",
             path, path);
    wherry_channel *channel = ask(address, &look.pid);
    harness_until(is_seen, &look);
    wherry_close(channel);
    unlink(path);
}

TEST(one_that_waits_for_its_stdin_among_others_is_seen_to_wait_for_more)
{
    struct look look = {.expected = 1, .part = "waits for more"};
    if (!harness_have_program("node"))
        SKIP("node is not installed");
    wherry_channel *channel =
        ask("exec?grace=0s:node -e \"process.stdin.on('data', () => {})\"", &look.pid);
    harness_until(is_seen, &look);
    wherry_close(channel);
}
