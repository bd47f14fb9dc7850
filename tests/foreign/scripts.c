/* SPDX-License-Identifier: MIT */
/*
 * Python and Node at the other end of each mechanism, in each framing that they speak:
 * as the one who listens, and as the one who connects.
 */
#define _GNU_SOURCE // pipe2
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"

enum { ADDRESS = 512, WRITTEN = 4 };

static const struct language {
    const char *name;
    const char *program;
    const char *script;
    const char *mechanisms; // that it can
} languages[] = {
    {"python", "python3", FOREIGN_SCRIPTS "/peer.py",
     "unix-stream abstract-stream unix-packet unix-datagram abstract-datagram tcp4 "
     "tcp6 udp4 udp6 fifo stdio"},
    {"node", "node", FOREIGN_SCRIPTS "/peer.js",
     "unix-stream tcp4 tcp6 udp4 udp6 fifo stdio"},
};

static const struct mechanism {
    const char *name;
    const char *address; // of ours; %s: a path, or a port
    const char *framings;
    bool is_datagram;
} mechanisms[] = {
    {"unix-stream", "unix:%s?type=stream&", "raw line length header", false},
    {"abstract-stream", "unix:@%s?type=stream&", "line", false},
    {"unix-packet", "unix:%s?", "raw", false},
    {"unix-datagram", "unix:%s?type=datagram&", "raw", true},
    {"abstract-datagram", "unix:@%s?type=datagram&", "raw", true},
    {"tcp4", "tcp:127.0.0.1:%s?", "raw line length header", false},
    {"tcp6", "tcp:[::1]:%s?", "line length", false},
    {"udp4", "udp:127.0.0.1:%s?", "raw", true},
    {"udp6", "udp:[::1]:%s?", "raw", true},
    {"fifo", "fifo:%s?writers=one&", "raw line length header", false},
    {"stdio", "stdio:?", "raw line length header", false},
};

enum {
    LANGUAGES = sizeof languages / sizeof languages[0],
    MECHANISMS = sizeof mechanisms / sizeof mechanisms[0],
    MEETINGS_MOST = 256
};

struct meeting {
    const struct language *language;
    const struct mechanism *mechanism;
    const char *role; // of the peer
    char framing[16];
};

// --- addresses ---

static bool is_inet(const struct mechanism *mechanism)
{
    return strncmp(mechanism->name, "tcp", 3) == 0 ||
           strncmp(mechanism->name, "udp", 3) == 0;
}

static bool is_abstract(const struct mechanism *mechanism)
{
    return strncmp(mechanism->name, "abstract", 8) == 0;
}

static void need_internet(const struct mechanism *mechanism)
{
    struct sockaddr_in6 name = {.sin6_family = AF_INET6,
                                .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    if (!strchr(mechanism->name, '6'))
        return;
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool is_there = fd >= 0 && bind(fd, (struct sockaddr *)&name, sizeof name) == 0;
    if (fd >= 0)
        close(fd);
    if (!is_there)
        SKIP("this machine has no IPv6");
}

// The name in the middle: a path, a name without its @, or a port.
static void choose_name(const struct mechanism *mechanism, char *name)
{
    if (is_inet(mechanism))
        snprintf(name, ADDRESS, "0");
    else if (is_abstract(mechanism))
        snprintf(name, ADDRESS, "wherry-foreign-%d", (int)getpid());
    else
        snprintf(name, ADDRESS, "%s", harness_path("meeting"));
}

static void our_address(const struct meeting *meeting, const char *name, char *address)
{
    const char *format = meeting->mechanism->address, *mark = strstr(format, "%s");
    if (mark)
        snprintf(address, ADDRESS, "%.*s%s%sframing=%s", (int)(mark - format), format,
                 name, mark + 2, meeting->framing);
    else
        snprintf(address, ADDRESS, "%sframing=%s", format, meeting->framing);
}

static void start(const struct meeting *meeting, const char *name, struct peer *peer)
{
    char theirs[ADDRESS + 1];
    snprintf(theirs, sizeof theirs, "%s%s", is_abstract(meeting->mechanism) ? "@" : "",
             name);
    const char *mechanism = meeting->mechanism->name;
    const char *known = strcmp(mechanism, "abstract-stream") == 0     ? "unix-stream"
                        : strcmp(mechanism, "abstract-datagram") == 0 ? "unix-datagram"
                                                                      : mechanism;
    peer_start(peer, (const char *const[]){meeting->language->program,
                                           meeting->language->script, meeting->role,
                                           known, theirs, meeting->framing, NULL});
}

// --- talking ---

static void fill(unsigned char *bytes, size_t size, bool is_text)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(is_text ? 'a' + i * 7 % 26 : i * 31 + i / 251);
}

static int send_bytes(wherry_channel *channel, const wherry_message *to_whom,
                      const unsigned char *bytes, size_t size)
{
    wherry_message *message;
    CHECK_OK(wherry_message_copy(bytes, size, &message));
    if (to_whom)
        CHECK_OK(wherry_message_reply_to(message, to_whom));
    int r = wherry_send(channel, &message, 0, soon());
    wherry_message_free(message);
    return r;
}

// What comes back is what was sent, bit 5 of each byte turned over.
static void hear_back(wherry_channel *channel, const unsigned char *bytes, size_t size,
                      bool is_whole)
{
    size_t have = 0;
    do {
        wherry_message *message;
        int r = wherry_recv(channel, &message, soon());
        if (r != 1)
            FAIL("%zu bytes: %s: %s", size, harness_errno_name(r), wherry_error_text());
        const unsigned char *got = wherry_message_data(message);
        size_t more = wherry_message_size(message);
        CHECK_RANGE(more, is_whole ? size : 1, size - have);
        for (size_t i = 0; i < more; i++)
            CHECK_INT(got[i], bytes[have + i] ^ 0x20);
        have += more;
        wherry_message_free(message);
    } while (have < size);
}

// Sends these bytes and hears them back.
static void exchange(wherry_channel *channel, const wherry_message *to_whom,
                     const unsigned char *bytes, size_t size, bool is_whole)
{
    int r = send_bytes(channel, to_whom, bytes, size);
    if (r < 0)
        FAIL("sending %zu bytes: %s: %s", size, harness_errno_name(r),
             wherry_error_text());
    hear_back(channel, bytes, size, is_whole);
}

static void converse(const struct meeting *meeting, wherry_channel *channel,
                     const wherry_message *to_whom)
{
    // A peer that answers as it reads may be full before the end.
    enum { PIECE = 30000 };

    static const size_t sizes[] = {1, 0, 100, 5000, 8000, 70000, 1000000};
    static unsigned char bytes[1000000];
    const char *name = meeting->mechanism->name;
    bool is_raw = strcmp(meeting->framing, "raw") == 0;
    bool is_packet = meeting->mechanism->is_datagram || strstr(name, "packet");
    fill(bytes, sizeof bytes, strcmp(meeting->framing, "line") == 0);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t size = sizes[i];
        if ((is_packet && size > 8000) || (is_raw && size == 0))
            continue;
        if (!is_raw || is_packet) {
            exchange(channel, to_whom, bytes, size, true);
            continue;
        }
        for (size_t at = 0; at < size; at += PIECE)
            exchange(channel, to_whom, bytes + at,
                     size - at < PIECE ? size - at : PIECE, false);
    }
}

// Says the end and hears the peer's; a datagram peer is told nothing.
static void part(const struct meeting *meeting, wherry_channel *channel,
                 struct peer *peer)
{
    wherry_message *message = NULL;
    if (meeting->mechanism->is_datagram) {
        wherry_close(channel);
        peer_kill(peer);
        return;
    }
    OPEN(wherry_finish(channel));
    int r = wherry_recv(channel, &message, soon());
    if (r < 0)
        FAIL("the end: %s: %s", harness_errno_name(r), wherry_error_text());
    CHECK_INT(r, 0);
    wherry_close(channel);
    peer_wait(peer);
}

// --- the roles of the peer ---

static void dial_the_peer(const struct meeting *meeting)
{
    char name[ADDRESS], line[ADDRESS], address[ADDRESS];
    struct peer peer;
    wherry_channel *channel;
    choose_name(meeting->mechanism, name);
    start(meeting, name, &peer);
    peer_line(&peer, line, sizeof line);
    CHECK(strncmp(line, "ready ", 6) == 0);
    our_address(meeting, line + 6 + is_abstract(meeting->mechanism), address);
    OPEN(wherry_dial(address, soon(), &channel));
    converse(meeting, channel, NULL);
    part(meeting, channel, &peer);
    unlink(harness_path("meeting"));
}

static void listen_to_the_peer(const struct meeting *meeting)
{
    char name[ADDRESS], address[ADDRESS];
    struct peer peer;
    wherry_listener *listener;
    wherry_channel *channel;
    wherry_message *knock = NULL;
    choose_name(meeting->mechanism, name);
    our_address(meeting, name, address);
    OPEN(wherry_listen(address, &listener));
    if (is_inet(meeting->mechanism))
        snprintf(name, sizeof name, "%s", peer_port(listener));
    start(meeting, name, &peer);
    OPEN(wherry_accept(listener, soon(), &channel));
    wherry_close_listener(listener);
    if (meeting->mechanism->is_datagram) {
        CHECK_INT(wherry_recv(channel, &knock, soon()), 1);
        CHECK_BYTES(wherry_message_data(knock), "knock", 5);
        CHECK_CONTAINS(wherry_message_sender(knock)->address,
                       meeting->mechanism->address[1] == 'd' ? "udp:" : "unix:");
    }
    converse(meeting, channel, knock);
    wherry_message_free(knock);
    part(meeting, channel, &peer);
}

static const size_t written[WRITTEN] = {1, 2, 100, 3000};

// One message of that size, or so many bytes in a row.
static void read_written(const struct meeting *meeting, wherry_channel *channel,
                         size_t size)
{
    static wherry_message *rest;
    static size_t used;
    unsigned char expected[4096];
    bool is_raw = strcmp(meeting->framing, "raw") == 0;
    fill(expected, size, true);
    for (size_t have = 0; have < size;) {
        if (!rest) {
            int r = wherry_recv(channel, &rest, soon());
            if (r != 1)
                FAIL("%s: %s", harness_errno_name(r), wherry_error_text());
            CHECK(is_raw || wherry_message_size(rest) == size);
        }
        size_t there = wherry_message_size(rest) - used;
        size_t more = there < size - have ? there : size - have;
        CHECK_BYTES((unsigned char *)wherry_message_data(rest) + used, expected + have,
                    more);
        have += more;
        used += more;
        if (used < wherry_message_size(rest))
            continue;
        wherry_message_free(rest);
        rest = NULL;
        used = 0;
    }
}

static void read_what_it_writes(const struct meeting *meeting)
{
    char address[ADDRESS], line[ADDRESS];
    struct peer peer;
    wherry_listener *listener;
    wherry_channel *channel;
    wherry_message *message = NULL;
    start(meeting, harness_path("meeting"), &peer);
    peer_line(&peer, line, sizeof line);
    our_address(meeting, harness_path("meeting"), address);
    OPEN(wherry_listen(address, &listener));
    OPEN(wherry_accept(listener, soon(), &channel));
    wherry_close_listener(listener);
    for (int i = 0; i < WRITTEN; i++)
        read_written(meeting, channel, written[i]);
    CHECK_INT(wherry_recv(channel, &message, soon()), 0);
    wherry_close(channel);
    peer_wait(&peer);
    unlink(harness_path("meeting"));
}

static void write_what_it_reads(const struct meeting *meeting)
{
    char address[ADDRESS], line[ADDRESS], expected[ADDRESS];
    unsigned char bytes[4096];
    struct peer peer;
    wherry_channel *channel;
    unsigned long long at = 0, sum = 0;
    start(meeting, harness_path("meeting"), &peer);
    peer_line(&peer, line, sizeof line);
    our_address(meeting, harness_path("meeting"), address);
    OPEN(wherry_dial(address, soon(), &channel));
    for (int i = 0; i < WRITTEN; i++) {
        fill(bytes, written[i], true);
        CHECK_INT(wherry_write(channel, bytes, written[i], 0, 0, soon()), 0);
        for (size_t k = 0; k < written[i]; k++)
            sum += ++at * bytes[k];
    }
    wherry_close(channel);
    peer_line(&peer, line, sizeof line);
    snprintf(expected, sizeof expected, "got %d %llu %llu",
             strcmp(meeting->framing, "raw") == 0 ? 0 : WRITTEN, at, sum);
    CHECK_STRING(line, expected);
    peer_wait(&peer);
    unlink(harness_path("meeting"));
}

// In a child, whose stdin and stdout are the peer's stdout and stdin.
static void be_a_filter(void *argument)
{
    const struct meeting *meeting = argument;
    char address[ADDRESS];
    wherry_channel *channel;
    our_address(meeting, "", address);
    OPEN(wherry_dial(address, soon(), &channel));
    converse(meeting, channel, NULL);
    wherry_close(channel);
}

static void talk_through_stdio(const struct meeting *meeting)
{
    struct peer peer;
    start(meeting, "", &peer);
    int saved[2];
    for (int i = 0; i < 2; i++)
        saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 3);
    CHECK_INT(dup2(peer.output, 0), 0);
    CHECK_INT(dup2(peer.input, 1), 1);
    pid_t child = harness_child(be_a_filter, (void *)meeting);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(dup2(saved[i], i), i);
        close(saved[i]);
    }
    CHECK_INT(harness_wait_within(child, 8000), 0);
    peer_end(&peer); // the last writer of its stdin
    peer_wait(&peer);
}

static void meet(const void *argument)
{
    static const struct {
        const char *name;
        void (*run)(const struct meeting *);
    } roles[] = {
        {"listen", dial_the_peer},      {"connect", listen_to_the_peer},
        {"write", read_what_it_writes}, {"read", write_what_it_reads},
        {"stdio", talk_through_stdio},
    };
    const struct meeting *meeting = argument;
    need_internet(meeting->mechanism);
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        if (strcmp(roles[i].name, meeting->role) == 0)
            roles[i].run(meeting);
}

// --- the list ---

static void add(const struct meeting *meeting)
{
    static struct meeting meetings[MEETINGS_MOST];
    static size_t used;
    char name[256];
    if (used == MEETINGS_MOST)
        abort();
    meetings[used] = *meeting;
    snprintf(name, sizeof name, "%s_can_%s/%s-%s", meeting->language->name,
             meeting->role, meeting->mechanism->name, meeting->framing);
    harness_add(name, meet, &meetings[used++]);
}

static bool has_word(const char *words, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = words; (at = strstr(at, word)); at += size)
        if ((at == words || at[-1] == ' ') && (at[size] == ' ' || at[size] == 0))
            return true;
    return false;
}

static void add_roles(const struct language *language,
                      const struct mechanism *mechanism, const char *framing,
                      size_t size)
{
    bool is_fifo = strcmp(mechanism->name, "fifo") == 0;
    bool is_stdio = strcmp(mechanism->name, "stdio") == 0;
    const char *roles[2] = {is_stdio  ? "stdio"
                            : is_fifo ? "write"
                                      : "listen",
                            is_stdio  ? NULL
                            : is_fifo ? "read"
                                      : "connect"};
    for (int i = 0; i < 2 && roles[i]; i++) {
        struct meeting meeting = {language, mechanism, roles[i], ""};
        memcpy(meeting.framing, framing, size);
        add(&meeting);
    }
}

void harness_register(void)
{
    for (size_t i = 0; i < LANGUAGES; i++)
        for (size_t k = 0; k < MECHANISMS; k++) {
            if (!has_word(languages[i].mechanisms, mechanisms[k].name))
                continue;
            for (const char *at = mechanisms[k].framings; *at;) {
                size_t size = strcspn(at, " ");
                add_roles(&languages[i], &mechanisms[k], at, size);
                at += size + (at[size] == ' ');
            }
        }
}
