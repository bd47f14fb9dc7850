/* SPDX-License-Identifier: MIT */
/*
 * The classic tools at the other end: socat, nc, cat and echo.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer.h"

enum { ADDRESS = 512 };

static void send_text(wherry_channel *channel, const char *text)
{
    OPEN(wherry_write(channel, text, strlen(text), 0, 0, soon()));
}

static void receive_text(wherry_channel *channel, const char *text)
{
    wherry_message *message = NULL;
    int r = wherry_recv(channel, &message, soon());
    if (r != 1)
        FAIL("\"%s\": %s: %s", text, harness_errno_name(r), wherry_error_text());
    CHECK_INT(wherry_message_size(message), strlen(text));
    CHECK_BYTES(wherry_message_data(message), text, strlen(text));
    wherry_message_free(message);
}

static void receive_end(wherry_channel *channel)
{
    wherry_message *message = NULL;
    CHECK_INT(wherry_recv(channel, &message, soon()), 0);
}

// Listens, starts the tool that connects, and accepts it.
static void meet(const char *address, const char *const argv[], struct peer *peer,
                 wherry_channel **channel)
{
    wherry_listener *listener;
    OPEN(wherry_listen(address, &listener));
    peer_start(peer, argv);
    OPEN(wherry_accept(listener, soon(), channel));
    wherry_close_listener(listener);
}

// Lines both ways with a tool that copies its stdin to us and us to its stdout.
static void talk(struct peer *peer, wherry_channel *channel)
{
    peer_type(peer, "from the tool\nand more\n");
    receive_text(channel, "from the tool");
    receive_text(channel, "and more");
    send_text(channel, "from us");
    send_text(channel, "");
    peer_prints(peer, "from us\n\n");
    OPEN(wherry_finish(channel));
    peer_end(peer);
    receive_end(channel);
    wherry_close(channel);
    peer_wait(peer);
}

// The same over TCP, where the port is known late: it stands behind `before`, or alone
// behind `host`.
static void meet_tcp(const char *tool, const char *before, const char *host,
                     struct peer *peer, wherry_channel **channel)
{
    wherry_listener *listener;
    char argument[64];
    OPEN(wherry_listen("tcp:127.0.0.1:0?framing=line", &listener));
    snprintf(argument, sizeof argument, "%s%s", before, peer_port(listener));
    const char *socat[] = {"socat", argument, "STDIO", NULL};
    const char *nc[] = {"nc", "-N", host, argument, NULL};
    peer_start(peer, strcmp(tool, "socat") == 0 ? socat : nc);
    OPEN(wherry_accept(listener, soon(), channel));
    wherry_close_listener(listener);
}

// --- socat ---

TEST(socat_connects_to_a_unix_stream)
{
    char ours[ADDRESS], theirs[ADDRESS];
    struct peer peer;
    wherry_channel *channel;
    snprintf(ours, sizeof ours, "unix:%s?type=stream&framing=line", harness_path("s"));
    snprintf(theirs, sizeof theirs, "UNIX-CONNECT:%s", harness_path("s"));
    meet(ours, (const char *const[]){"socat", theirs, "STDIO", NULL}, &peer, &channel);
    talk(&peer, channel);
}

TEST(socat_connects_to_an_abstract_name)
{
    char ours[ADDRESS], theirs[ADDRESS];
    struct peer peer;
    wherry_channel *channel;
    snprintf(ours, sizeof ours, "unix:@socat-%d?type=stream&framing=line",
             (int)getpid());
    snprintf(theirs, sizeof theirs, "ABSTRACT-CONNECT:socat-%d", (int)getpid());
    meet(ours, (const char *const[]){"socat", theirs, "STDIO", NULL}, &peer, &channel);
    talk(&peer, channel);
}

TEST(socat_connects_to_a_unix_packet_socket)
{
    char ours[ADDRESS], theirs[ADDRESS];
    struct peer peer;
    wherry_channel *channel;
    snprintf(ours, sizeof ours, "unix:%s?framing=raw", harness_path("s"));
    snprintf(theirs, sizeof theirs, "UNIX-CONNECT:%s,type=5", harness_path("s"));
    meet(ours, (const char *const[]){"socat", theirs, "STDIO", NULL}, &peer, &channel);
    peer_type(&peer, "one packet");
    receive_text(channel, "one packet");
    send_text(channel, "another");
    peer_prints(&peer, "another");
    wherry_close(channel);
    peer_end(&peer);
    peer_wait(&peer);
}

TEST(socat_connects_to_tcp)
{
    struct peer peer;
    wherry_channel *channel;
    meet_tcp("socat", "TCP:127.0.0.1:", NULL, &peer, &channel);
    talk(&peer, channel);
}

TEST(socat_sends_datagrams_to_udp_and_unix)
{
    char ours[ADDRESS], theirs[ADDRESS];
    for (int i = 0; i < 2; i++) {
        struct peer peer;
        wherry_listener *listener;
        wherry_channel *channel;
        snprintf(ours, sizeof ours, "unix:%s?type=datagram&framing=raw",
                 harness_path("d"));
        OPEN(wherry_listen(i ? ours : "udp:127.0.0.1:0?framing=raw", &listener));
        OPEN(wherry_accept(listener, soon(), &channel));
        snprintf(theirs, sizeof theirs,
                 i ? "UNIX-SENDTO:%s" : "UDP4-SENDTO:127.0.0.1:%s",
                 i ? harness_path("d") : peer_port(listener));
        peer_start(&peer, (const char *const[]){"socat", "-u", "STDIN", theirs, NULL});
        peer_type(&peer, "a datagram");
        receive_text(channel, "a datagram");
        peer_end(&peer);
        peer_wait(&peer);
        wherry_close(channel);
        wherry_close_listener(listener);
    }
}

TEST(socat_listens_and_its_cat_answers)
{
    char ours[ADDRESS], theirs[ADDRESS];
    struct peer peer;
    wherry_channel *channel;
    snprintf(theirs, sizeof theirs, "UNIX-LISTEN:%s", harness_path("s"));
    snprintf(ours, sizeof ours, "unix:%s?type=stream&framing=line", harness_path("s"));
    peer_start(&peer, (const char *const[]){"socat", theirs, "EXEC:cat", NULL});
    // It says nothing when it is there: whoever dials too early tries again.
    int r;
    wherry_deadline end = soon();
    while ((r = wherry_dial(ours, soon(), &channel)) == -ENOENT || r == -ECONNREFUSED)
        CHECK(wherry_now() < end);
    OPEN(r);
    send_text(channel, "there and back");
    receive_text(channel, "there and back");
    OPEN(wherry_finish(channel));
    receive_end(channel);
    wherry_close(channel);
    peer_wait(&peer);
    unlink(harness_path("s"));
}

// --- nc ---

static void need_openbsd_nc(void)
{
    struct peer peer;
    char text[4096];
    peer_start(&peer, (const char *const[]){"sh", "-c", "nc -h 2>&1 | head -1", NULL});
    peer_line(&peer, text, sizeof text);
    peer_end(&peer);
    peer_wait(&peer);
    if (!strstr(text, "OpenBSD"))
        SKIP("nc is not that of OpenBSD: %s", text);
}

TEST(nc_connects_to_a_unix_stream)
{
    char ours[ADDRESS];
    struct peer peer;
    wherry_channel *channel;
    need_openbsd_nc();
    snprintf(ours, sizeof ours, "unix:%s?type=stream&framing=line", harness_path("s"));
    meet(ours, (const char *const[]){"nc", "-N", "-U", harness_path("s"), NULL}, &peer,
         &channel);
    talk(&peer, channel);
}

TEST(nc_connects_to_tcp)
{
    struct peer peer;
    wherry_channel *channel;
    need_openbsd_nc();
    meet_tcp("nc", "", "127.0.0.1", &peer, &channel);
    talk(&peer, channel);
}

TEST(nc_sends_to_udp_and_is_answered)
{
    struct peer peer;
    wherry_listener *listener;
    wherry_channel *channel;
    wherry_message *message, *answer;
    need_openbsd_nc();
    OPEN(wherry_listen("udp:127.0.0.1:0?framing=raw", &listener));
    OPEN(wherry_accept(listener, soon(), &channel));
    peer_start(&peer, (const char *const[]){"nc", "-u", "127.0.0.1",
                                            peer_port(listener), NULL});
    peer_type(&peer, "question");
    CHECK_INT(wherry_recv(channel, &message, soon()), 1);
    CHECK_BYTES(wherry_message_data(message), "question", 8);
    CHECK_CONTAINS(wherry_message_sender(message)->address, "udp:127.0.0.1:");
    CHECK_OK(wherry_message_copy("answer", 6, &answer));
    CHECK_OK(wherry_message_reply_to(answer, message));
    OPEN(wherry_send(channel, &answer, 0, soon()));
    peer_prints(&peer, "answer");
    wherry_message_free(message);
    wherry_close(channel);
    wherry_close_listener(listener);
    peer_kill(&peer);
}

// --- the shell, cat, echo ---

static void open_reader(const char *options, wherry_channel **channel)
{
    char address[ADDRESS];
    wherry_listener *listener;
    snprintf(address, sizeof address, "fifo:%s%s", harness_path("fifo"), options);
    OPEN(wherry_listen(address, &listener));
    OPEN(wherry_accept(listener, soon(), channel));
    wherry_close_listener(listener);
}

static void run_shell(const char *command)
{
    struct peer peer;
    char script[ADDRESS * 2];
    snprintf(script, sizeof script, "FIFO='%s'; %s", harness_path("fifo"), command);
    peer_start(&peer, (const char *const[]){"sh", "-c", script, NULL});
    peer_end(&peer);
    peer_wait(&peer);
}

TEST(echo_into_a_fifo_arrives)
{
    wherry_channel *channel;
    open_reader("", &channel);
    run_shell("echo ts > \"$FIFO\"");
    receive_text(channel, "ts");
    receive_end(channel);
    wherry_close(channel);
}

TEST(what_echo_leaves_without_a_newline_arrives_too)
{
    wherry_channel *channel;
    open_reader("", &channel);
    run_shell("printf 'one\\ntwo' > \"$FIFO\"");
    receive_text(channel, "one");
    receive_text(channel, "two");
    receive_end(channel);
    wherry_close(channel);
}

TEST(with_keep_the_next_echo_arrives_too)
{
    wherry_channel *channel;
    wherry_message *message = NULL;
    open_reader("?keep=1", &channel);
    run_shell("echo first > \"$FIFO\"");
    receive_text(channel, "first");
    CHECK_ERROR(wherry_recv(channel, &message, wherry_after(20)), -ETIMEDOUT);
    run_shell("echo second > \"$FIFO\"; echo third > \"$FIFO\"");
    receive_text(channel, "second");
    receive_text(channel, "third");
    wherry_close(channel);
}

TEST(lines_of_many_shells_do_not_mix)
{
    enum { SHELLS = 4, LINES = 200 };

    struct peer peer;
    char script[ADDRESS * 2];
    wherry_channel *channel;
    unsigned seen[SHELLS] = {0};
    // The first shells may have come and gone before the last one opens it.
    open_reader("?keep=1", &channel);
    snprintf(script, sizeof script,
             "for s in 0 1 2 3; do (i=0; while [ $i -lt %d ]; do echo \"$s $i end\"; "
             "i=$((i + 1)); done > '%s') & done; wait",
             LINES, harness_path("fifo"));
    peer_start(&peer, (const char *const[]){"sh", "-c", script, NULL});
    for (unsigned i = 0; i < SHELLS * LINES; i++) {
        char line[64] = "";
        unsigned shell, number;
        int64_t n = wherry_read(channel, line, sizeof line - 1, NULL, NULL, soon());
        if (n < 0)
            FAIL("%s", wherry_error_text());
        CHECK_INT(sscanf(line, "%u %u end", &shell, &number), 2);
        CHECK(shell < SHELLS);
        CHECK_INT(number, seen[shell]++);
    }
    wherry_close(channel);
    peer_end(&peer);
    peer_wait(&peer);
}

TEST(cat_shows_what_we_send_to_a_fifo)
{
    char address[ADDRESS];
    struct peer peer;
    wherry_channel *channel;
    CHECK_INT(mkfifo(harness_path("fifo"), 0600), 0);
    peer_start(&peer, (const char *const[]){"cat", harness_path("fifo"), NULL});
    snprintf(address, sizeof address, "fifo:%s", harness_path("fifo"));
    OPEN(wherry_dial(address, soon(), &channel));
    send_text(channel, "shown by cat");
    send_text(channel, "line by line");
    peer_prints(&peer, "shown by cat\nline by line\n");
    wherry_close(channel);
    peer_wait(&peer);
    unlink(harness_path("fifo"));
}

TEST(a_filter_of_the_shell_is_a_channel)
{
    struct peer peer;
    char address[64];
    wherry_channel *channel;
    peer_start(&peer, (const char *const[]){"sed", "-u", "s/ahoy/farewell/", NULL});
    snprintf(address, sizeof address, "fd:%d,%d?framing=line", peer.output, peer.input);
    OPEN(wherry_dial(address, soon(), &channel));
    peer.input = peer.output = -1; // the channel's now
    send_text(channel, "ahoy, world");
    receive_text(channel, "farewell, world");
    OPEN(wherry_finish(channel));
    receive_end(channel);
    wherry_close(channel);
    peer_wait(&peer);
}
