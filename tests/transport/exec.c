/* SPDX-License-Identifier: MIT */
/*
 * exec: - a command that is started for the channel, through its stdin and stdout.
 */
#include "talk.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

enum { LARGE = 300000 };

static wherry_channel *dial(const char *address)
{
    wherry_channel *channel = NULL;
    WORKS(wherry_dial(address, soon(), &channel));
    return channel;
}

static void nobody_is_left(void)
{
    CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
    CHECK_INT(errno, ECHILD);
}

static void hear_reset(wherry_channel *channel, const char *part)
{
    wherry_message *message = NULL;
    FAILS(wherry_recv(channel, &message, soon()), -ECONNRESET, part);
}

/* --- talking ------------------------------------------------------------- */

TEST(what_is_said_goes_to_its_stdin_and_comes_from_its_stdout)
{
    wherry_channel *channel = dial("exec:sed -u 's/^/got /'");
    say(channel, "a");
    hear(channel, "got a");
    say(channel, "b c");
    hear(channel, "got b c");
    WORKS(wherry_finish(channel));
    hear_end(channel);
    hear_end(channel);
    wherry_close(channel);
    nobody_is_left();
}

TEST(its_words_are_those_of_a_shell_without_a_shell)
{
    wherry_channel *channel = dial("exec:printf '%s\\n' 'a b' \"c\" $HOME '*' d?e");
    hear(channel, "a b");
    hear(channel, "c");
    hear(channel, "$HOME");
    hear(channel, "*");
    hear(channel, "d?e");
    hear_end(channel);
    wherry_close(channel);
}

TEST(its_options_stand_before_the_command)
{
    wherry_channel *channel = dial("exec?framing=raw:printf 'a?b=c'");
    hear(channel, "a?b=c");
    hear_end(channel);
    wherry_close(channel);
    FAILS(wherry_address_check("exec?no=1:cat"), -EINVAL, "no");
}

static char large[LARGE];

static void *say_large(void *channel)
{
    WORKS(wherry_write(channel, large, LARGE, 0, 0, soon()));
    return NULL;
}

TEST(messages_larger_than_any_pipe_go_through)
{
    wherry_channel *channel = dial("exec?framing=length:cat");
    wherry_message *message = NULL;
    pthread_t sender;
    for (size_t i = 0; i < LARGE; i++)
        large[i] = (char)(i * 7 + i / 251);
    CHECK_INT(pthread_create(&sender, NULL, say_large, channel), 0);
    CHECK_INT(wherry_recv(channel, &message, soon()), 1);
    CHECK_INT(pthread_join(sender, NULL), 0);
    CHECK_INT(wherry_message_size(message), LARGE);
    CHECK_BYTES(wherry_message_data(message), large, LARGE);
    wherry_message_free(message);
    wherry_close(channel);
    nobody_is_left();
}

TEST(its_stderr_can_go_nowhere)
{
    wherry_channel *channel =
        dial("exec?stderr=null:sh -c 'echo not seen >&2; echo seen'");
    hear(channel, "seen");
    hear_end(channel);
    wherry_close(channel);
}

TEST(it_is_the_peer_that_the_description_names)
{
    struct wherry_channel_info info;
    wherry_channel *channel = dial("exec:sh -c 'echo $$; cat'");
    char text[32];
    WORKS(wherry_describe(channel, &info, sizeof(info)));
    CHECK_STRING(info.address, "exec:sh -c 'echo $$; cat'");
    CHECK_STRING(info.scheme, "exec");
    CHECK_INT(info.peer.trust, WHERRY_TRUST_CREATOR);
    snprintf(text, sizeof(text), "%lld", (long long)info.peer.pid);
    hear(channel, text);
    wherry_close(channel);
}

/* --- its end ------------------------------------------------------------- */

TEST(an_end_other_than_exit_0_is_told)
{
    wherry_channel *channel = dial("exec:sh -c 'echo last; exit 3'");
    hear(channel, "last");
    hear_reset(channel, "exit 3");
    wherry_close(channel);
    channel = dial("exec:sh -c 'echo last; kill -SEGV $$'");
    hear(channel, "last");
    hear_reset(channel, "SIGSEGV");
    hear_reset(channel, "SIGSEGV");
    wherry_close(channel);
    nobody_is_left();
}

TEST(a_closed_stdout_is_not_yet_its_end)
{
    wherry_channel *channel =
        dial("exec:sh -c 'echo last; exec >&-; read wait; exit 4'");
    wherry_message *message = NULL;
    wherry_native fd;
    short events;
    hear(channel, "last");
    CHECK_ERROR(wherry_recv(channel, &message, at_once()), -ETIMEDOUT);
    WORKS(wherry_fd(channel, WHERRY_IN, &fd, &events));
    struct pollfd watched = {.fd = fd, .events = events};
    CHECK_INT(poll(&watched, 1, 0), 0);
    say(channel, "go");
    CHECK_INT(poll(&watched, 1, harness_stretch(HARNESS_PATIENCE)), 1);
    hear_reset(channel, "exit 4");
    wherry_close(channel);
}

TEST(what_it_left_behind_with_its_stdout_open_is_not_waited_for)
{
    wherry_channel *channel =
        dial("exec:sh -c 'sleep 1000 </dev/null & echo $!; exit 5'");
    char text[32];
    int64_t size = wherry_read(channel, text, sizeof(text) - 1, NULL, NULL, soon());
    WORKS(size);
    text[size] = 0;
    hear_reset(channel, "exit 5");
    wherry_close(channel);
    CHECK_INT(kill((pid_t)atoi(text), SIGKILL), 0);
}

TEST(a_line_that_it_did_not_end_is_received_all_the_same)
{
    wherry_channel *channel = dial("exec:printf 'a\\nb'");
    hear(channel, "a");
    hear(channel, "b");
    hear_end(channel);
    wherry_close(channel);
}

TEST(saying_something_to_one_that_has_ended_is_an_error)
{
    wherry_channel *channel = dial("exec:true");
    hear_end(channel);
    CHECK_ERROR(wherry_write(channel, "x", 1, 0, 0, soon()), -EPIPE);
    wherry_close(channel);
}

TEST(a_copy_of_the_process_does_not_take_its_life_for_over)
{
    wherry_channel *channel = dial("exec:cat");
    wherry_message *message = NULL;
    pid_t copy = fork();
    CHECK(copy >= 0);
    if (copy == 0)
        _exit(wherry_recv(channel, &message, WHERRY_POLL) == -EAGAIN ? 0 : 1);
    int status = -1;
    CHECK_INT(waitpid(copy, &status, 0), copy);
    CHECK_INT(status, 0);
    say(channel, "still there");
    hear(channel, "still there");
    wherry_close(channel);
}

TEST(it_can_be_what_another_program_reads)
{
    wherry_channel *channel = dial("exec:echo through");
    const struct wherry_laid laid[] = {
        {.number = 0, .from = WHERRY_FROM_CHANNEL, .channel = channel}};
    const struct wherry_plan plan = {.file = "cat", .laid = laid, .laid_count = 1};
    struct wherry_collected all;
    WORKS(wherry_collect(&plan, sizeof(plan), NULL, &all, soon()));
    CHECK_STRING(all.output, "through\n");
    wherry_collected_free(&all);
    wherry_close(channel);
}

/* --- close --------------------------------------------------------------- */

TEST(close_ends_one_that_reads_its_stdin)
{
    wherry_channel *channel = dial("exec?grace=60min:cat");
    wherry_close(channel);
    nobody_is_left();
}

TEST(close_signals_one_that_goes_on_and_what_it_started)
{
    wherry_channel *channel =
        dial("exec?grace=10ms:sh -c 'sleep 1000 & echo $!; sleep 1000'");
    char text[32];
    int64_t size = wherry_read(channel, text, sizeof(text) - 1, NULL, NULL, soon());
    WORKS(size);
    text[size] = 0;
    wherry_close(channel);
    nobody_is_left();
    while (kill((pid_t)atoi(text), 0) == 0)
        (void)poll(NULL, 0, 1);
    CHECK_INT(errno, ESRCH);
}

TEST(close_lets_one_that_listens_to_SIGTERM_end_by_itself)
{
    char address[512];
    const char *path = harness_path("asked");
    snprintf(address, sizeof(address),
             "exec?grace=1s:sh -c \"trap 'echo asked >%s; exit' TERM; echo ready; "
             "while :; do sleep 0.01; done\"",
             path);
    wherry_channel *channel = dial(address);
    hear(channel, "ready");
    wherry_close(channel);
    nobody_is_left();
    CHECK_INT(access(path, F_OK), 0);
    unlink(path);
}

TEST(close_kills_one_that_does_not_listen)
{
    wherry_channel *channel =
        dial("exec?grace=10ms:sh -c \"trap '' TERM; echo ready; while :; do sleep 1; "
             "done\"");
    hear(channel, "ready");
    wherry_close(channel);
    nobody_is_left();
}

// The kernel needs time to take a quarter of a gigabyte back.
TEST(close_waits_for_the_end_of_one_that_it_killed_however_short_the_grace)
{
    if (!harness_have_program("perl"))
        SKIP("perl is not installed");
    wherry_channel *channel = dial(
        "exec?grace=0s:perl -e '$SIG{TERM} = \"IGNORE\"; $much = \"x\" x (1 << 28); "
        "$| = 1; print \"ready\\n\"; sleep 1000'");
    hear(channel, "ready");
    wherry_close(channel);
    nobody_is_left();
}

/* --- what cannot be opened ----------------------------------------------- */

TEST(a_command_that_is_not_there_is_an_error_of_dial)
{
    wherry_channel *channel = NULL;
    FAILS(wherry_dial("exec:no-such-program -x", soon(), &channel), -ENOENT,
          "no-such-program");
    FAILS(wherry_dial("exec:/", soon(), &channel), -EACCES, "exec:/");
    FAILS(wherry_dial("exec:grep 'a", soon(), &channel), -EINVAL, "quote");
    FAILS(wherry_dial("exec:", soon(), &channel), -EINVAL, "names no program");
    CHECK(channel == NULL);
    nobody_is_left();
}

TEST(nobody_can_listen_there)
{
    wherry_listener *listener = NULL;
    FAILS(wherry_listen("exec:cat", &listener), -ENOTSUP, "exec");
}

static void talk_or_fail(void *unused)
{
    (void)unused;
    wherry_channel *channel = NULL;
    int r = wherry_dial("exec:cat", soon(), &channel);
    if (r < 0)
        CHECK_ERROR(r, -ENOMEM);
    wherry_close(channel);
    nobody_is_left();
}

TEST(each_allocation_that_fails_is_told_and_leaves_nothing)
{
    harness_note("%lu allocations", harness_each_allocation(talk_or_fail, NULL));
}

static void talk_once(void *unused)
{
    (void)unused;
    wherry_channel *channel = dial("exec:cat");
    say(channel, "x");
    hear(channel, "x");
    wherry_close(channel);
}

TEST(nothing_grows_over_many)
{
    harness_cycles(harness_is_slow() ? 30 : 300, talk_once, NULL);
}
