/* SPDX-License-Identifier: MIT */
/*
 * fd: whatever a descriptor is, it is found out; and whose it is, is kept.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "talk.h"

static const char *fd(int number, const char *options)
{
    static char texts[8][64];
    static unsigned next;
    char *text = texts[next++ % 8];
    snprintf(text, sizeof(texts[0]), "fd:%d%s", number, options);
    return text;
}

static bool is_open(int number)
{
    return fcntl(number, F_GETFD) >= 0;
}

TEST(a_pipe_moves_the_way_it_was_opened)
{
    int ends[2];
    wherry_channel *reader, *writer;
    WORKS(pipe(ends));
    WORKS(wherry_dial(fd(ends[0], ""), soon(), &reader));
    WORKS(wherry_dial(fd(ends[1], ""), soon(), &writer));
    say(writer, "through");
    hear(reader, "through");
    CHECK_ERROR(wherry_write(reader, "x", 1, 0, 0, soon()), -EPERM);
    wherry_close(writer);
    hear_end(reader);
    wherry_close(reader);
}

// What a pipe holds.
static size_t read_all(int end, uint8_t *bytes, size_t capacity)
{
    ssize_t size = read(end, bytes, capacity);
    CHECK(size > 0 && (size_t)size < capacity);
    return (size_t)size;
}

TEST(a_large_message_is_padded_where_its_copy_would_be_slow)
{
    enum { SIZE = 8192, PAGE = 4096, FLAGS = 6, PADDED = 0x10 };

    static const struct {
        size_t place; // in the page
        uint8_t flags;
        size_t head_size;
    } cases[] = {
        {0, PADDED, 64}, {15, PADDED, 64}, {16, 0, 16}, {PAGE - 15, PADDED, 64}};

    static _Alignas(PAGE) uint8_t payload[SIZE + PAGE];
    static uint8_t record[2 * SIZE];
    int ends[2];
    wherry_channel *writer;
    WORKS(pipe(ends));
    WORKS(wherry_dial(fd(ends[1], ""), soon(), &writer));
    say(writer, "the hello goes before this");
    read_all(ends[0], record, sizeof(record));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t head_size = cases[i].head_size;
        memset(payload + cases[i].place, (int)i + 1, SIZE);
        WORKS(wherry_write(writer, payload + cases[i].place, SIZE, 0, 0, soon()));
        CHECK_INT(read_all(ends[0], record, sizeof(record)), head_size + SIZE);
        CHECK_INT(record[FLAGS], cases[i].flags);
        CHECK_BYTES(record + head_size, payload + cases[i].place, SIZE);
    }
    wherry_close(writer);
    close(ends[0]);
}

TEST(two_descriptors_make_one_duplex_channel)
{
    int there[2], back[2];
    wherry_channel *first, *second;
    char address[64];
    WORKS(pipe(there));
    WORKS(pipe(back));
    snprintf(address, sizeof(address), "fd:%d,%d", back[0], there[1]);
    WORKS(wherry_dial(address, soon(), &first));
    snprintf(address, sizeof(address), "fd:%d,%d", there[0], back[1]);
    WORKS(wherry_dial(address, soon(), &second));
    say(first, "there");
    hear(second, "there");
    say(second, "and back");
    hear(first, "and back");
    WORKS(wherry_drain(first, WHERRY_POLL));
    wherry_close(first);
    hear_end(second);
    wherry_close(second);
    for (int i = 0; i < 2; i++)
        CHECK(!is_open(there[i]) && !is_open(back[i]));
}

TEST(a_direction_that_is_not_there_is_told)
{
    int ends[2];
    wherry_channel *channel;
    char address[64];
    WORKS(pipe(ends));
    snprintf(address, sizeof(address), "fd:%d,%d", ends[1], ends[0]);
    FAILS(wherry_dial(address, soon(), &channel), -EINVAL, "not open for reading");
    snprintf(address, sizeof(address), "fd:%d,%d", ends[0], ends[0]);
    FAILS(wherry_dial(address, soon(), &channel), -EINVAL, "not open for writing");
    CHECK(is_open(ends[0]) && is_open(ends[1]));
    close(ends[0]);
    close(ends[1]);
}

// The first message is good; what is behind it is told by the next call, in its own
// words, however the first was taken.
static void is_refused_behind_a_good_one(const char *options, const char *bytes,
                                         int error, const char *words)
{
    for (size_t many = 1; many <= 2; many++) {
        int ends[2];
        wherry_channel *reader;
        wherry_message *messages[2];
        WORKS(pipe(ends));
        CHECK_INT(write(ends[1], bytes, strlen(bytes)), strlen(bytes));
        WORKS(wherry_dial(fd(ends[0], options), soon(), &reader));
        CHECK_INT(wherry_recv_many(reader, messages, many, soon()), 1);
        CHECK_BYTES(wherry_message_data(messages[0]), "ok", 2);
        wherry_message_free(messages[0]);
        for (int i = 0; i < 2; i++)
            FAILS(wherry_recv(reader, messages, soon()), error, words);
        wherry_close(reader);
        close(ends[1]);
    }
}

TEST(what_is_wrong_behind_a_good_message_is_told_in_its_own_words)
{
    is_refused_behind_a_good_one("?framing=line&message=5", "ok\nabcdefghijk\n",
                                 -EMSGSIZE, "a line of more than the 5 bytes");
    is_refused_behind_a_good_one("?framing=header",
                                 "Content-Length: 2\r\n\r\nok"
                                 "Foo: 1\r\n\r\nContent-Length: 3\r\n\r\nabc",
                                 -EPROTO, "Content-Length");
    is_refused_behind_a_good_one("?framing=header&message=1000",
                                 "Content-Length: 2\r\n\r\nok"
                                 "Content-Length: 3000\r\n\r\n{",
                                 -EMSGSIZE, "3000 bytes");
}

TEST(without_a_hello_no_message_is_taken_not_even_after_a_want_of_memory)
{
    static const uint8_t record[] = {4, 0, 0, 0, 1, 0, 0,   0,   0,   0,
                                     0, 0, 0, 0, 0, 0, 'o', 'n', 'e', '!'};
    wherry_message *messages[2];
    for (unsigned n = 1; n <= 4; n++) {
        int ends[2];
        wherry_channel *reader;
        WORKS(pipe(ends));
        CHECK_INT(write(ends[1], record, sizeof(record)), sizeof(record));
        WORKS(wherry_dial(fd(ends[0], ""), soon(), &reader));
        harness_fail_allocation(n, false);
        int r = wherry_recv(reader, &messages[0], soon());
        // The last of them is of the sentence: of that the error's own words are left.
        const bool has_failed = harness_failed_allocations() > 0;
        const bool has_words = !has_failed || r == -ENOMEM;
        CHECK_INT(r, has_failed && has_words ? -ENOMEM : -EPROTO);
        harness_fail_allocation(0, false);
        FAILS(wherry_recv_many(reader, messages, 2, soon()), -EPROTO,
              has_words ? "hello" : "another protocol");
        wherry_close(reader);
        close(ends[1]);
    }
}

TEST(sockets_of_every_type_talk)
{
    static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
    for (int i = 0; i < 3; i++) {
        int ends[2];
        wherry_channel *first, *second;
        WORKS(socketpair(AF_UNIX, types[i], 0, ends));
        WORKS(wherry_dial(fd(ends[0], ""), soon(), &first));
        WORKS(wherry_dial(fd(ends[1], ""), soon(), &second));
        say(first, "there");
        hear(second, "there");
        say(second, "and back");
        hear(first, "and back");
        CHECK(!!(info_of(first).abilities & WHERRY_ABLE_MESSAGES) ==
              (types[i] != SOCK_STREAM));
        CHECK(info_of(first).abilities & WHERRY_ABLE_FILES);
        wherry_close(first);
        wherry_close(second);
        CHECK(!is_open(ends[0]) && !is_open(ends[1]));
    }
}

TEST(flags_of_an_inherited_description_are_never_changed)
{
    static const int types[] = {0, SOCK_STREAM, SOCK_SEQPACKET};
    for (int i = 0; i < 3; i++) {
        int ends[2];
        wherry_channel *first, *second;
        WORKS(types[i] ? socketpair(AF_UNIX, types[i], 0, ends) : pipe(ends));
        int watched = dup(ends[0]);
        int before = fcntl(watched, F_GETFL);
        WORKS(wherry_dial(fd(ends[0], ""), soon(), &first));
        WORKS(wherry_dial(fd(ends[1], ""), soon(), &second));
        hear_nothing(first);
        say(second, "x");
        hear(first, "x");
        CHECK_INT(fcntl(watched, F_GETFL), before);
        wherry_close(first);
        wherry_close(second);
        close(watched);
    }
}

TEST(a_file_is_read_to_its_end)
{
    wherry_channel *channel;
    harness_write_file("lines", "first\nsecond\n", 13);
    int file = open(harness_path("lines"), O_RDONLY);
    WORKS(wherry_dial(fd(file, "?framing=line"), soon(), &channel));
    hear(channel, "first");
    hear(channel, "second");
    hear_end(channel);
    wherry_close(channel);
}

/* --- whose it is --------------------------------------------------------- */

TEST(close_no_leaves_the_descriptor_with_the_program)
{
    int ends[2];
    wherry_channel *channel;
    WORKS(pipe(ends));
    WORKS(wherry_dial(fd(ends[1], "?close=no&framing=line"), soon(), &channel));
    say(channel, "by Wherry");
    wherry_close(channel);
    CHECK_INT(write(ends[1], "by hand\n", 8), 8);
    WORKS(wherry_dial(fd(ends[0], "?framing=line"), soon(), &channel));
    hear(channel, "by Wherry");
    hear(channel, "by hand");
    wherry_close(channel);
    close(ends[1]);
}

TEST(a_descriptor_is_taken_over_when_the_channel_stands_and_not_before)
{
    int ends[2];
    wherry_channel *channel;
    WORKS(pipe(ends));
    FAILS(wherry_dial(fd(ends[0], "?framing=lime"), soon(), &channel), -EINVAL, "line");
    CHECK(is_open(ends[0]));
    WORKS(wherry_dial(fd(ends[0], ""), soon(), &channel));
    CHECK(!is_open(ends[0]));
    FAILS(wherry_dial(fd(ends[0], ""), soon(), &channel), -EBADF, "taken over");
    wherry_close(channel);
    close(ends[1]);
}

static void dials(void *number)
{
    wherry_channel *channel;
    if (wherry_dial(fd(*(int *)number, ""), soon(), &channel) >= 0)
        wherry_close(channel);
}

TEST(no_memory_leaves_the_descriptor_with_the_program)
{
    int ends[2];
    wherry_channel *channel;
    WORKS(pipe(ends));
    for (unsigned long n = 1;; n++) {
        harness_fail_allocation(n, true);
        int r = wherry_dial(fd(ends[0], ""), soon(), &channel);
        bool is_through = harness_failed_allocations() == 0;
        harness_fail_allocation(0, false);
        if (is_through) {
            WORKS(r);
            break;
        }
        CHECK_ERROR(r, -ENOMEM);
        CHECK(is_open(ends[0]));
    }
    wherry_close(channel);
    close(ends[1]);
    int number = -1;
    dials(&number); // that there is no such number is an error, not a crash
}

/* --- what is for listen -------------------------------------------------- */

static int listening(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int number = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_INT(bind(number, (struct sockaddr *)&name, sizeof(name)), 0);
    CHECK_INT(listen(number, 8), 0);
    return number;
}

TEST(an_inherited_listening_socket_accepts)
{
    struct two two = {0};
    int number = listening();
    FAILS(wherry_dial(fd(number, ""), soon(), &two.dialled), -EINVAL, "listen on it");
    WORKS(wherry_listen(fd(number, ""), &two.listener));
    CHECK(!is_open(number));
    CHECK_CONTAINS(wherry_listener_address(two.listener), "tcp:127.0.0.1:");
    WORKS(wherry_dial(wherry_listener_address(two.listener), soon(), &two.dialled));
    WORKS(wherry_accept(two.listener, soon(), &two.accepted));
    say(two.dialled, "there");
    hear(two.accepted, "there");
    close_two(&two);
}

TEST(a_listening_socket_that_others_share_loses_nothing_by_close_no)
{
    struct two two = {0};
    int number = listening();
    WORKS(wherry_listen(fd(number, "?close=no"), &two.listener));
    WORKS(wherry_dial(wherry_listener_address(two.listener), soon(), &two.dialled));
    wherry_close_listener(two.listener);
    WORKS(wherry_listen(fd(number, ""), &two.listener));
    WORKS(wherry_accept(two.listener, soon(), &two.accepted));
    say(two.dialled, "there");
    hear(two.accepted, "there");
    close_two(&two);
}

TEST(an_inherited_datagram_socket_hears_everybody)
{
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct two two = {0};
    int number = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK_INT(bind(number, (struct sockaddr *)&name, sizeof(name)), 0);
    FAILS(wherry_dial(fd(number, ""), soon(), &two.dialled), -EINVAL, "listen on it");
    WORKS(wherry_listen(fd(number, ""), &two.listener));
    CHECK_CONTAINS(wherry_listener_address(two.listener), "udp:127.0.0.1:");
    WORKS(wherry_dial(wherry_listener_address(two.listener), soon(), &two.dialled));
    WORKS(wherry_accept(two.listener, soon(), &two.accepted));
    say(two.dialled, "there");
    hear(two.accepted, "there");
    close_two(&two);
}

/* --- a peer that sends what it likes -------------------------------------- */

enum { MOST_FILES = 253 }; // of one call, SCM_MAX_FD

static void send_files(int socket, const void *bytes, size_t size, int count)
{
    static union {
        char bytes[CMSG_SPACE(MOST_FILES * sizeof(int))];
        struct cmsghdr aligned;
    } room;
    struct iovec piece = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
    size_t space = CMSG_SPACE((size_t)count * sizeof(int));
    struct msghdr packet = {.msg_iov = &piece,
                            .msg_iovlen = 1,
                            .msg_control = count ? room.bytes : NULL,
                            .msg_controllen = count ? space : 0};
    int null = open("/dev/null", O_RDONLY);
    WORKS(null);
    if (count > 0) {
        struct cmsghdr *beside = CMSG_FIRSTHDR(&packet);
        beside->cmsg_level = SOL_SOCKET;
        beside->cmsg_type = SCM_RIGHTS;
        beside->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
        for (int i = 0; i < count; i++)
            memcpy(CMSG_DATA(beside) + (size_t)i * sizeof(int), &null, sizeof(int));
    }
    CHECK_INT(sendmsg(socket, &packet, 0), size);
    close(null);
}

/* A channel, its peer, which has said hello, and the peer's descriptor. */
static int open_beside(int type, const char *options, wherry_channel *both[2])
{
    int pair[2];
    WORKS(socketpair(AF_UNIX, type, 0, pair));
    int beside = dup(pair[1]);
    WORKS(wherry_dial(fd(pair[0], options), soon(), &both[0]));
    WORKS(wherry_dial(fd(pair[1], ""), soon(), &both[1]));
    say(both[1], "hello");
    hear(both[0], "hello");
    return beside;
}

static void check_too_many(int type, const char *options, int claimed, int sent)
{
    wherry_channel *both[2];
    wherry_message *message;
    const uint8_t head[16] = {4, 0, 0, 0, 1, (uint8_t)claimed};
    int beside = open_beside(type, options, both);
    uint8_t record[20];
    memcpy(record, head, sizeof head);
    memcpy(record + sizeof head, "lost", 4);
    send_files(beside, record, sizeof record, sent);
    FAILS(wherry_recv(both[0], &message, soon()), -E2BIG, "files=");
    say(both[1], "goes on");
    hear(both[0], "goes on");
    wherry_close(both[0]);
    wherry_close(both[1]);
    close(beside);
}

TEST(a_message_with_more_open_files_than_the_limit_is_lost_alone)
{
    check_too_many(SOCK_STREAM, "", 17, 17);
    check_too_many(SOCK_STREAM, "?files=0", 1, 1);
    check_too_many(SOCK_STREAM, "", MOST_FILES, MOST_FILES);
    check_too_many(SOCK_SEQPACKET, "", 17, 17);
    check_too_many(SOCK_SEQPACKET, "?files=0", 1, 1);
    check_too_many(SOCK_SEQPACKET, "", MOST_FILES, MOST_FILES);
}

TEST(a_peer_that_claims_more_open_files_than_there_can_be_breaks_nothing)
{
    wherry_channel *both[2];
    wherry_message *message;
    const uint8_t head[16] = {4, 0, 0, 0, 1, 255};
    int beside = open_beside(SOCK_STREAM, "?files=253", both);
    send_files(beside, head, sizeof head, MOST_FILES);
    send_files(beside, "los", 3, 40);
    send_files(beside, "t", 1, 20);
    FAILS(wherry_recv(both[0], &message, soon()), -E2BIG, "255 open files");
    wherry_close(both[0]);
    wherry_close(both[1]);
    close(beside);
}

TEST(a_peer_that_pauses_within_a_large_message_is_heard_on)
{
    enum { SIZE = 100000, FIRST = 1000, LONGER_THAN_MEMORY_IS_KEPT = 180 };

    static uint8_t record[16 + SIZE] = {SIZE & 255, SIZE >> 8 & 255, SIZE >> 16, 0, 1};
    wherry_channel *both[2];
    wherry_message *message;
    int beside = open_beside(SOCK_STREAM, "", both);
    memset(record + 16, 'p', SIZE);
    CHECK_INT(write(beside, record, FIRST), FIRST);
    for (int i = 0; i < 2; i++)
        CHECK_ERROR(
            wherry_recv(both[0], &message, wherry_after(LONGER_THAN_MEMORY_IS_KEPT)),
            -ETIMEDOUT);
    CHECK_INT(write(beside, record + FIRST, sizeof record - FIRST),
              sizeof record - FIRST);
    say(both[1], "next");
    CHECK_INT(wherry_recv(both[0], &message, soon()), 1);
    CHECK_INT(wherry_message_size(message), SIZE);
    CHECK_BYTES(wherry_message_data(message), record + 16, SIZE);
    wherry_message_free(message);
    hear(both[0], "next");
    wherry_close(both[0]);
    wherry_close(both[1]);
    close(beside);
}

// A message that lies whole in what was read may still be too large.
static void check_too_large(int type, size_t many)
{
    const uint8_t record[] = {6, 0, 0, 0, 1, 0,   0,   0,   0,   0,   0,
                              0, 0, 0, 0, 0, 'a', 'b', 'c', 'd', 'e', 'f'};
    wherry_channel *both[2];
    wherry_message *messages[4];
    int beside = open_beside(type, "?message=5", both);
    say(both[1], "one");
    CHECK_INT(write(beside, record, sizeof record), sizeof record);
    CHECK_INT(wherry_recv_many(both[0], messages, many, soon()), 1);
    CHECK_BYTES(wherry_message_data(messages[0]), "one", 3);
    wherry_message_free(messages[0]);
    FAILS(wherry_recv_many(both[0], messages, many, soon()), -EMSGSIZE, "6 bytes");
    wherry_close(both[0]);
    wherry_close(both[1]);
    close(beside);
}

TEST(a_message_above_the_limit_is_refused_wherever_it_is_found)
{
    for (size_t many = 1; many <= 4; many++) {
        check_too_large(SOCK_STREAM, many);
        check_too_large(SOCK_SEQPACKET, many);
    }
}

TEST(recv_many_tells_what_is_wrong_in_the_words_of_recv)
{
    wherry_channel *both[2];
    wherry_message *messages[4];
    const uint8_t head[20] = {4, 0, 0, 0, 1, 3};
    int beside = open_beside(SOCK_SEQPACKET, "", both);
    say(both[1], "one");
    CHECK_INT(write(beside, head, sizeof head), sizeof head);
    CHECK_INT(wherry_recv_many(both[0], messages, 4, soon()), 1);
    wherry_message_free(messages[0]);
    FAILS(wherry_recv(both[0], messages, soon()), -EPROTO, "claims 3 open files");
    wherry_close(both[0]);
    wherry_close(both[1]);
    close(beside);
}

// The kernel does not let those be tried without waiting, as pipes of pipe(2) are.
TEST(a_fifo_that_somebody_has_opened_by_its_path_is_used)
{
    const char *path = harness_path("fifo");
    wherry_channel *in = NULL;
    wherry_channel *out = NULL;
    WORKS(mkfifo(path, 0600));
    int reading = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    int writing = open(path, O_WRONLY | O_CLOEXEC);
    CHECK(reading >= 0 && writing >= 0);
    CHECK_INT(fcntl(reading, F_SETFL, 0), 0);
    WORKS(wherry_dial(fd(reading, "?framing=line"), soon(), &in));
    WORKS(wherry_dial(fd(writing, "?framing=line"), soon(), &out));
    hear_nothing(in);
    say(out, "by its path");
    hear(in, "by its path");
    wherry_close(out);
    hear_end(in);
    wherry_close(in);
    unlink(path);
}

TEST(numbers_that_make_no_sense_are_told)
{
    wherry_listener *listener;
    wherry_channel *channel;
    int ends[2];
    FAILS(wherry_address_check("fd:"), -EINVAL, "fd:3");
    FAILS(wherry_address_check("fd:three"), -EINVAL, "fd:3");
    FAILS(wherry_address_check("fd:3,"), -EINVAL, "fd:3,4");
    FAILS(wherry_address_check("fd:3,4,5"), -EINVAL, "fd:3,4");
    FAILS(wherry_address_check("fd:-1"), -EINVAL, "fd:3");
    FAILS(wherry_address_check("fd:99999999999999999999"), -EINVAL, "fd:3");
    FAILS(wherry_dial("fd:12345", soon(), &channel), -EBADF, "fd:12345");
    FAILS(wherry_listen("fd:12345", &listener), -EBADF, "fd:12345");
    WORKS(pipe(ends));
    FAILS(wherry_listen(fd(ends[0], ""), &listener), -EINVAL, "dial it");
    CHECK(is_open(ends[0]));
    close(ends[0]);
    close(ends[1]);
    int lonely = socket(AF_UNIX, SOCK_STREAM, 0);
    FAILS(wherry_dial(fd(lonely, ""), soon(), &channel), -EINVAL, "connect it first");
    close(lonely);
}
