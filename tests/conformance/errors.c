/* SPDX-License-Identifier: MIT */
/*
 * Bad input gets a sentence that names the address, what was wrong with it and what
 * would work.  One table of addresses, and what must be made before it can be wrong.
 */
#define _GNU_SOURCE // mkfifo, setegid
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bytes.h"
#include "stranger.h"

enum verb { DIAL, LISTEN, PAIR, ANY };

struct bad {
    const char *name; // of the test
    const char *address;
    enum verb verb;
    int error;
    const char *said[4]; // parts of the sentence
};

static const struct bad table[] = {
    {"an_unknown_scheme", "unxi:/tmp/x", ANY, -EINVAL, {"unxi", "unix:", "tcp:"}},
    {"a_foreign_scheme", "gopher://example.org/", ANY, -EINVAL, {"gopher", "tcp:"}},
    {"an_absent_mechanism",
     "http://example.org/",
     ANY,
     -ENOTSUP,
     {"http:", "later", "tcp:"}},
    {"no_scheme", "/run/service", ANY, -EINVAL, {"/run/service", "unix:"}},
    {"an_empty_address", "", ANY, -EINVAL, {"empty", "SCHEME:REST"}},
    {"an_unknown_option", "pair:?tipe=stream", PAIR, -EINVAL, {"tipe", "type"}},
    {"an_option_of_another",
     "pair:?backlog=3",
     PAIR,
     -EINVAL,
     {"backlog", "type", "buffer"}},
    {"a_word_that_is_no_choice",
     "pair:?type=steam",
     PAIR,
     -EINVAL,
     {"steam", "packet", "stream", "datagram"}},
    {"a_number_below_its_bounds",
     "pair:?message=0",
     PAIR,
     -EINVAL,
     {"message", "0", "1", "1G"}},
    {"a_number_above_its_bounds",
     "pair:?files=300",
     PAIR,
     -EINVAL,
     {"files", "300", "253"}},
    {"a_duration_without_its_unit",
     "unix:@x?handshake=2",
     LISTEN,
     -EINVAL,
     {"handshake", "2", "2s"}},
    {"a_number_that_is_none", "pair:?queue=much", PAIR, -EINVAL, {"queue", "much"}},
    {"an_option_without_a_value", "pair:?type", PAIR, -EINVAL, {"type"}},
    {"an_option_twice",
     "pair:?type=stream&type=packet",
     PAIR,
     -EINVAL,
     {"type", "twice"}},
    {"an_unknown_framing",
     "pair:?type=stream&framing=lines",
     PAIR,
     -EINVAL,
     {"lines", "line", "wherry", "length"}},
    {"a_broken_escape", "unix:/tmp/a%2", ANY, -EINVAL, {"%2"}},
    {"a_pair_with_a_name", "pair:name", PAIR, -EINVAL, {"name", "unix:"}},
    {"a_pipe_with_a_name", "pipe:name", PAIR, -EINVAL, {"name", "fifo:"}},
    {"a_pipe_that_is_dialled", "pipe:", DIAL, -ENOTSUP, {"pipe", "pair"}},
    {"a_fifo_made_as_a_pair", "fifo:/tmp/x", PAIR, -ENOTSUP, {"fifo", "dial"}},
    {"stdio_listened_on", "stdio:", LISTEN, -ENOTSUP, {"stdio"}},
    {"a_descriptor_that_is_no_number", "fd:three", DIAL, -EINVAL, {"fd:three", "fd:3"}},
    {"a_descriptor_that_is_not_open", "fd:987", DIAL, -EBADF, {"fd:987", "descriptor"}},
    {"a_port_that_is_no_number", "tcp:127.0.0.1:http", DIAL, -EINVAL, {"http", "port"}},
    {"a_port_that_is_too_large",
     "tcp:127.0.0.1:70000",
     DIAL,
     -EINVAL,
     {"70000", "65535"}},
    {"a_host_without_a_port", "tcp:127.0.0.1", DIAL, -EINVAL, {"port", "HOST:PORT"}},
    {"an_ipv6_host_without_brackets", "tcp:::1:80", DIAL, -EINVAL, {"[", "]"}},
    {"port_0_dialled", "tcp:127.0.0.1:0", DIAL, -EINVAL, {"127.0.0.1:0", "port"}},
    {"a_name_where_numbers_are_asked_for",
     "tcp:localhost:80?numeric=yes",
     DIAL,
     -EINVAL,
     {"localhost", "numeric"}},
    {"nobody_at_a_path", "unix:%s/nobody", DIAL, -ENOENT, {"%s/nobody", "start"}},
    {"nobody_at_a_name", "unix:@%s/nobody", DIAL, -ECONNREFUSED, {"nobody", "listen"}},
    {"no_directory", "unix:%s/no/socket", LISTEN, -ENOENT, {"%s/no/socket", "direct"}},
    {"a_file_in_the_way_of_a_listener",
     "unix:%s/file",
     LISTEN,
     -EEXIST,
     {"%s/file", "file", "socket"}},
    {"a_file_that_is_dialled", "unix:%s/file", DIAL, -ENOTSOCK, {"%s/file", "socket"}},
    {"a_path_through_a_file", "unix:%s/file/x", DIAL, -ENOTDIR, {"%s/file/x", "direc"}},
    {"a_file_that_is_no_fifo", "fifo:%s/file", LISTEN, -EEXIST, {"%s/file", "FIFO"}},
    {"a_fifo_that_is_dialled_as_a_socket",
     "unix:%s/fifo",
     DIAL,
     -ENOTSOCK,
     {"%s/fifo", "FIFO", "socket"}},
    {"a_fifo_that_is_not_to_be_made",
     "fifo:%s/missing?create=no",
     DIAL,
     -ENOENT,
     {"%s/missing", "create=no"}},
    {"a_fifo_that_nobody_reads", "fifo:%s/fifo", DIAL, -EAGAIN, {"%s/fifo", "reads"}},
    {"a_mode_that_is_not_octal",
     "unix:%s/socket?mode=680",
     LISTEN,
     -EINVAL,
     {"680", "octal"}},
};

enum { BAD = sizeof table / sizeof table[0] };

// The text with the test's directory in the place of %s.
static void place(const char *text, char *out, size_t size)
{
    const char *mark = strstr(text, "%s");
    if (!mark)
        snprintf(out, size, "%s", text);
    else
        snprintf(out, size, "%.*s%s%s", (int)(mark - text), text, harness_directory(),
                 mark + 2);
}

static int try(enum verb verb, const char *address)
{
    wherry_channel *channel = NULL, *pair[2];
    wherry_listener *listener = NULL;
    int r = verb == PAIR     ? wherry_pair(address, pair)
            : verb == LISTEN ? wherry_listen(address, &listener)
                             : wherry_dial(address, WHERRY_POLL, &channel);
    CHECK(channel == NULL && listener == NULL);
    return r;
}

static void check_bad(const void *argument)
{
    const struct bad *bad = argument;
    char address[ROW_ADDRESS], part[ROW_ADDRESS];
    harness_write_file("file", "text", 4);
    CHECK_INT(mkfifo(harness_path("fifo"), 0600), 0);
    place(bad->address, address, sizeof address);
    for (enum verb verb = DIAL; verb < ANY; verb++) {
        if (bad->verb != ANY && bad->verb != verb)
            continue;
        CHECK_ERROR(try(verb, address), bad->error);
        for (int i = 0; i < 4 && bad->said[i]; i++) {
            place(bad->said[i], part, sizeof part);
            CHECK_CONTAINS(wherry_error_text(), part);
        }
        CHECK(strlen(wherry_error_text()) > 20);
        CHECK(!strchr(wherry_error_text(), '\n'));
    }
    if (bad->error == -EINVAL && bad->verb == ANY)
        CHECK_ERROR(wherry_address_check(address), -EINVAL);
    CHECK_INT(unlink(harness_path("fifo")), 0);
}

void harness_register(void)
{
    for (size_t i = 0; i < BAD; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s_is_told", table[i].name);
        harness_add(name, check_bad, &table[i]);
    }
}

TEST(a_wrong_address_opens_nothing_when_it_is_only_checked)
{
    CHECK_ERROR(wherry_address_check("pair:?files=300"), -EINVAL);
    CHECK_CONTAINS(wherry_error_text(), "files");
    CHECK_INT(wherry_address_check("unix:/nowhere/at/all"), 0);
    CHECK_INT(wherry_address_check("tcp:127.0.0.1:1"), 0);
}

TEST(a_name_that_is_too_long_is_told)
{
    char address[300] = "unix:/tmp/";
    wherry_listener *listener;
    memset(address + 10, 'x', 280);
    CHECK_ERROR(wherry_listen(address, &listener), -ENAMETOOLONG);
    CHECK_CONTAINS(wherry_error_text(), "unix:/tmp/xxx");
    address[5] = '@';
    CHECK_ERROR(wherry_listen(address, &listener), -ENAMETOOLONG);
    CHECK_CONTAINS(wherry_error_text(), "107");
}

TEST(a_port_in_use_is_told)
{
    wherry_listener *listener, *second;
    CHECK_OK(wherry_listen("tcp:127.0.0.1:0", &listener));
    CHECK_ERROR(wherry_listen(wherry_listener_address(listener), &second), -EADDRINUSE);
    CHECK_CONTAINS(wherry_error_text(), wherry_listener_address(listener));
    CHECK_CONTAINS(wherry_error_text(), "port");
    wherry_close_listener(listener);
}

TEST(nobody_at_a_port_is_told)
{
    wherry_listener *listener;
    wherry_channel *channel;
    char address[ROW_ADDRESS];
    CHECK_OK(wherry_listen("tcp:127.0.0.1:0", &listener));
    snprintf(address, sizeof address, "%s", wherry_listener_address(listener));
    wherry_close_listener(listener);
    CHECK_ERROR(wherry_dial(address, soon(), &channel), -ECONNREFUSED);
    CHECK_CONTAINS(wherry_error_text(), address);
    CHECK_CONTAINS(wherry_error_text(), "listen");
}

TEST(a_host_that_does_not_resolve_is_told)
{
    wherry_channel *channel;
    int r = wherry_dial("tcp:no-such-host.invalid:80", soon(), &channel);
    CHECK(r == -ENOENT || r == -EHOSTUNREACH || r == -EAGAIN);
    CHECK_CONTAINS(wherry_error_text(), "no-such-host.invalid");
}

// As another user, in a child: root may do anything.
static void dial_forbidden(void *argument)
{
    wherry_channel *channel;
    wherry_listener *listener;
    char inside[ROW_ADDRESS];
    if (geteuid() == 0) {
        CHECK_INT(setegid(65534), 0);
        CHECK_INT(seteuid(65534), 0);
    }
    CHECK_ERROR(wherry_dial(argument, soon(), &channel), -EACCES);
    CHECK_CONTAINS(wherry_error_text(), argument);
    snprintf(inside, sizeof inside, "unix:%s/closed/socket", harness_directory());
    CHECK_ERROR(wherry_listen(inside, &listener), -EACCES);
    CHECK_CONTAINS(wherry_error_text(), inside);
}

TEST(a_place_without_permission_is_told)
{
    char address[ROW_ADDRESS];
    wherry_listener *listener;
    CHECK_INT(chmod(harness_directory(), 0755), 0);
    CHECK_INT(mkdir(harness_path("closed"), 0000), 0);
    snprintf(address, sizeof address, "unix:%s", harness_path("socket"));
    CHECK_OK(wherry_listen(address, &listener));
    CHECK_INT(chmod(harness_path("socket"), 0000), 0);
    CHECK_INT(harness_wait(harness_child(dial_forbidden, address)), 0);
    wherry_close_listener(listener);
    CHECK_INT(rmdir(harness_path("closed")), 0);
}

TEST(another_type_of_socket_is_told)
{
    char address[ROW_ADDRESS];
    wherry_listener *listener;
    wherry_channel *channel;
    snprintf(address, sizeof address, "unix:%s", harness_path("socket"));
    CHECK_OK(wherry_listen(address, &listener));
    snprintf(address, sizeof address, "unix:%s?type=stream", harness_path("socket"));
    CHECK_ERROR(wherry_dial(address, soon(), &channel), -EPROTOTYPE);
    CHECK_CONTAINS(wherry_error_text(), address);
    CHECK_CONTAINS(wherry_error_text(), "type=");
    wherry_close_listener(listener);
}

// --- out of something ---

TEST(running_out_of_descriptors_is_told_and_harms_nothing)
{
    struct rlimit old, none;
    wherry_channel *pair[2];
    wherry_listener *listener;
    int lowest = dup(STDERR_FILENO);
    close(lowest);
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = old;
    for (rlim_t room = 0; room < 3; room++) {
        none.rlim_cur = (rlim_t)lowest + room;
        CHECK_INT(setrlimit(RLIMIT_NOFILE, &none), 0);
        static const char *const addresses[] = {"pair:", "pipe:?duplex=1"};
        for (int i = 0; i < 2; i++) {
            int r = wherry_pair(addresses[i], pair);
            if (r >= 0) {
                wherry_close(pair[0]);
                wherry_close(pair[1]);
                continue;
            }
            CHECK_ERROR(r, -EMFILE);
            CHECK_CONTAINS(wherry_error_text(), addresses[i]);
            CHECK_CONTAINS(wherry_error_text(), "descriptors");
        }
        int r = wherry_listen("tcp:127.0.0.1:0", &listener);
        CHECK_ERROR(r, -EMFILE);
        CHECK_CONTAINS(wherry_error_text(), "descriptors");
        CHECK_INT(setrlimit(RLIMIT_NOFILE, &old), 0);
    }
    CHECK_OK(wherry_pair("pair:", pair));
    wherry_close(pair[0]);
    wherry_close(pair[1]);
}

TEST(a_message_over_the_peers_limit_is_told_with_both_limits)
{
    char address[ROW_ADDRESS], bytes[2000] = "";
    wherry_listener *listener;
    wherry_channel *dialled, *accepted;
    snprintf(address, sizeof address, "unix:%s?type=stream&message=1000",
             harness_path("socket"));
    CHECK_OK(wherry_listen(address, &listener));
    snprintf(address, sizeof address, "unix:%s?type=stream&message=1500",
             harness_path("socket"));
    CHECK_OK(wherry_dial(address, soon(), &dialled));
    CHECK_OK(wherry_accept(listener, soon(), &accepted));
    text_send(accepted, "hello");
    text_receive(dialled, "hello");
    CHECK_ERROR(wherry_write(dialled, bytes, 1200, 0, 0, soon()), -EMSGSIZE);
    CHECK_CONTAINS(wherry_error_text(), "1200");
    CHECK_CONTAINS(wherry_error_text(), "1000");
    CHECK_CONTAINS(wherry_error_text(), "1500");
    text_send(dialled, "short enough");
    text_receive(accepted, "short enough");
    wherry_close(dialled);
    wherry_close(accepted);
    wherry_close_listener(listener);
}

// --- strangers ---

struct heard {
    int fds[2];
    char address[ROW_ADDRESS];
    char sentence[512];
    wherry_channel *channel;
};

// What a channel says of the first bytes that come to it, as it were from its peer.
static const char *hear(const char *options, const void *bytes, size_t size, int error)
{
    static struct heard heard;
    wherry_message *message = NULL;
    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, heard.fds), 0);
    snprintf(heard.address, sizeof heard.address, "fd:%d%s", heard.fds[0], options);
    CHECK_OK(wherry_dial(heard.address, soon(), &heard.channel));
    CHECK_INT(send(heard.fds[1], bytes, size, 0), (long long)size);
    CHECK_ERROR(wherry_recv(heard.channel, &message, soon()), error);
    snprintf(heard.sentence, sizeof heard.sentence, "%s", wherry_error_text());
    CHECK_CONTAINS(heard.sentence, heard.address);
    CHECK(message == NULL);
    CHECK_STRING(channel_info(heard.channel).error_text, heard.sentence);
    // It is of no more use.
    CHECK_ERROR(wherry_recv(heard.channel, &message, soon()), error);
    wherry_close(heard.channel);
    close(heard.fds[1]);
    return heard.sentence;
}

TEST(a_peer_that_speaks_http_is_named)
{
    static const char answer[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    static const char request[] = "GET / HTTP/1.1\r\n\r\n";
    CHECK_CONTAINS(hear("", answer, sizeof answer - 1, -EPROTO), "HTTP");
    CHECK_CONTAINS(hear("", request, sizeof request - 1, -EPROTO), "HTTP");
    CHECK_CONTAINS(hear("?framing=length", request, sizeof request - 1, -EMSGSIZE),
                   "HTTP");
}

TEST(a_peer_that_speaks_lines_is_told_from_ours)
{
    CHECK_CONTAINS(hear("", "hello, world\n", 13, -EPROTO), "framing");
}

TEST(a_peer_that_speaks_lsp_is_named)
{
    CHECK_CONTAINS(hear("", "Content-Length: 2\r\n\r\n{}", 23, -EPROTO), "header");
}

TEST(another_version_is_told_with_both_numbers)
{
    unsigned char hello[STRANGER_HELLO];
    stranger_hello(1, 7, 9, hello);
    const char *said = hear("", hello, sizeof hello, -EPROTO);
    CHECK_CONTAINS(said, "7 to 9");
    CHECK_CONTAINS(said, "version 1");
    stranger_hello(3, 1, 1, hello);
    said = hear("", hello, sizeof hello, -EPROTO);
    CHECK_CONTAINS(said, "version 3");
    CHECK_CONTAINS(said, "version 1");
}

TEST(a_peer_that_claims_too_much_is_told_with_both_numbers)
{
    unsigned char hello[STRANGER_HELLO + 16] = {0};
    stranger_hello(1, 1, 1, hello);
    unsigned char *head = hello + STRANGER_HELLO;
    head[3] = 0x40; // a message of 1 GiB
    head[4] = 1;
    const char *said = hear("", hello, sizeof hello, -EMSGSIZE);
    CHECK_CONTAINS(said, "1073741824");
    CHECK_CONTAINS(said, "16777216");
}

TEST(a_peer_that_does_not_begin_with_its_hello_is_refused)
{
    unsigned char message[17] = {0};
    message[0] = 1;
    message[4] = 1;
    CHECK_CONTAINS(hear("", message, sizeof message, -EPROTO), "hello");
}

TEST(a_broken_header_block_is_quoted)
{
    CHECK_CONTAINS(hear("?framing=header", "Content-Length: many\r\n\r\n", 24, -EPROTO),
                   "many");
    hear("?framing=header", "{\"jsonrpc\": \"2.0\"}", 18, -EPROTO);
}

TEST(a_fatal_error_is_told_again_in_the_same_words)
{
    int fds[2];
    char address[64], sentence[512];
    wherry_channel *channel;
    wherry_message *message = NULL;
    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    snprintf(address, sizeof address, "fd:%d", fds[0]);
    CHECK_OK(wherry_dial(address, soon(), &channel));
    CHECK_INT(send(fds[1], "hello, world\n", 13, 0), 13);
    CHECK_ERROR(wherry_recv(channel, &message, soon()), -EPROTO);
    snprintf(sentence, sizeof sentence, "%s", wherry_error_text());
    CHECK_ERROR(wherry_recv(channel, &message, soon()), -EPROTO);
    CHECK_STRING(wherry_error_text(), sentence);
    CHECK_STRING(channel_info(channel).error_text, sentence);
    wherry_close(channel);
    close(fds[1]);
}

TEST(an_error_is_kept_until_the_next_one)
{
    wherry_channel *pair[2];
    char before[512];
    CHECK_STRING(wherry_error_text(), "");
    CHECK_ERROR(wherry_pair("pear:", pair), -EINVAL);
    snprintf(before, sizeof before, "%s", wherry_error_text());
    CHECK_CONTAINS(before, "pear");
    CHECK_OK(wherry_pair("pair:", pair));
    CHECK_STRING(wherry_error_text(), before);
    wherry_close(pair[0]);
    wherry_close(pair[1]);
}

TEST(every_option_of_the_table_refuses_what_is_just_outside_its_bounds)
{
    const struct wherry_mechanism *mechanism;
    unsigned tried = 0;
    for (size_t i = 0; (mechanism = wherry_mechanism_at(i)); i++) {
        const struct wherry_option *option;
        const char *example = mechanism->example ? mechanism->example : "fd:0";
        if (strchr(example, '?'))
            continue; // its options stand elsewhere
        for (size_t k = 0; (option = wherry_mechanism_option(mechanism, k)); k++) {
            char address[ROW_ADDRESS];
            if (option->type > WHERRY_OPTION_DURATION)
                continue;
            const char *unit = option->type == WHERRY_OPTION_DURATION ? "ns" : "";
            for (int side = 0; side < 2; side++) {
                long long value = side ? option->most : option->least;
                snprintf(address, sizeof address, "%s?%s=%lld%s", example, option->name,
                         value, unit);
                CHECK_INT(wherry_address_check(address), 0);
                snprintf(address, sizeof address, "%s?%s=%lld%s", example, option->name,
                         side ? value + 1 : value - 1, unit);
                CHECK_ERROR(wherry_address_check(address), -EINVAL);
                CHECK_CONTAINS(wherry_error_text(), option->name);
                tried++;
            }
        }
    }
    CHECK(tried > 50);
}
