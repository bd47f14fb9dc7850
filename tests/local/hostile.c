/* SPDX-License-Identifier: MIT */
/*
 * A peer that says of its memory what is not so, over the socket: it loses its channel
 * at most.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "framing/framing.h"
#include "rings.h"
#include "talk.h"
#include "transport/local.h"

enum { HEAD = 16, TEXT_MOST = 64 };

/* A channel, and the bare socket that it talks with. */
struct talk {
    wherry_listener *listener;
    wherry_channel *channel;
    int socket;
};

static void send_bytes(int socket, const void *bytes, size_t size, int file)
{
    _Alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec piece = {(void *)bytes, size};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    if (file >= 0) {
        message.msg_control = room;
        message.msg_controllen = sizeof(room);
        struct cmsghdr *control = CMSG_FIRSTHDR(&message);
        control->cmsg_level = SOL_SOCKET;
        control->cmsg_type = SCM_RIGHTS;
        control->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(control), &file, sizeof(int));
    }
    ssize_t sent;
    do
        sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    CHECK_INT(sent, size);
}

static void send_frame(int socket, enum frame_word word, int64_t kind, const char *text,
                       int file)
{
    uint8_t bytes[HEAD + TEXT_MOST];
    struct frame frame = {
        .word = word, .size = strlen(text), .kind = kind, .files = file >= 0};
    struct frame_edges edges;
    CHECK_INT(framing_encode(framing_find("wherry"), &frame, &edges), 0);
    memcpy(bytes, edges.head, HEAD);
    memcpy(bytes + HEAD, text, strlen(text));
    send_bytes(socket, bytes, HEAD + strlen(text), file);
}

static void say_of_memory(const struct talk *talk, enum local_word word, int file)
{
    send_frame(talk->socket, FRAME_RING, word, "", file);
}

static void say_hello(int socket)
{
    struct hello hello = {.version_least = HELLO_VERSION,
                          .version_most = HELLO_VERSION,
                          .layout = ring_layout(),
                          .message_limit = 1 << 20,
                          .file_limit = 16};
    uint8_t bytes[HEAD + HELLO_SIZE];
    struct frame frame = {.word = FRAME_HELLO, .size = HELLO_SIZE};
    struct frame_edges edges;
    CHECK_INT(framing_encode(framing_find("wherry"), &frame, &edges), 0);
    memcpy(bytes, edges.head, HEAD);
    hello_encode(&hello, bytes + HEAD);
    send_bytes(socket, bytes, sizeof(bytes), -1);
}

static void start_by(struct talk *talk, const char *address)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    WORKS(wherry_listen(address, &talk->listener));
    snprintf(name.sun_path, sizeof(name.sun_path), "%s/boat.local",
             getenv("WHERRY_DIR"));
    talk->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_OK(talk->socket);
    CHECK_INT(connect(talk->socket, (struct sockaddr *)&name, sizeof(name)), 0);
    say_hello(talk->socket);
    WORKS(wherry_accept(talk->listener, soon(), &talk->channel));
}

static void start(struct talk *talk)
{
    start_by(talk, "local:boat");
}

static void finish(struct talk *talk)
{
    close(talk->socket);
    wherry_close(talk->channel);
    wherry_close_listener(talk->listener);
}

static void is_broken(struct talk *talk, const char *why)
{
    wherry_message *message;
    FAILS(wherry_recv(talk->channel, &message, soon()), -EPROTO, why);
    FAILS(wherry_recv(talk->channel, &message, soon()), -EPROTO, why);
    finish(talk);
}

// It goes on without memory, and says so.
static void goes_on(struct talk *talk)
{
    send_frame(talk->socket, FRAME_MESSAGE, 0, "still here", -1);
    hear(talk->channel, "still here");
    finish(talk);
}

TEST(words_that_come_at_the_wrong_time_end_the_channel)
{
    static const struct {
        int64_t word;
        const char *why;
    } each[] = {{LOCAL_WORDS, "not known"},
                {1000, "not known"},
                {LOCAL_READY, "not offered"},
                {LOCAL_SWITCH, "not there"},
                {LOCAL_GONE, "does not use"}};

    for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
        struct talk talk;
        start(&talk);
        send_frame(talk.socket, FRAME_RING, each[i].word, "", -1);
        is_broken(&talk, each[i].why);
    }
}

TEST(a_bell_and_a_refusal_of_nothing_are_no_matter)
{
    struct talk talk;
    start(&talk);
    say_of_memory(&talk, LOCAL_BELL, -1);
    say_of_memory(&talk, LOCAL_ROOM, -1);
    say_of_memory(&talk, LOCAL_REFUSED, -1);
    say_of_memory(&talk, LOCAL_REFUSED, -1);
    goes_on(&talk);
}

TEST(what_is_no_memory_is_refused_and_the_channel_goes_on)
{
    int files[4];
    CHECK_INT(pipe2(files, O_CLOEXEC), 0);
    files[2] = memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    files[3] = open("/dev/null", O_RDWR | O_CLOEXEC);
    CHECK_INT(ftruncate(files[2], RING_FRONT + RING_LEAST), 0);
    for (int i = 0; i < 4; i++) {
        struct talk talk;
        start(&talk);
        say_of_memory(&talk, LOCAL_MEMORY, files[i]);
        goes_on(&talk);
    }
    for (int i = 0; i < 4; i++)
        close(files[i]);
}

TEST(memory_without_its_file_is_refused)
{
    struct talk talk;
    start(&talk);
    say_of_memory(&talk, LOCAL_MEMORY, -1);
    say_of_memory(&talk, LOCAL_MEMORY, -1);
    goes_on(&talk);
}

/* --- with memory --------------------------------------------------------- */

static struct ring_side side;

static void offer_by(struct talk *talk, const char *address, bool trusts)
{
    int file;
    start_by(talk, address);
    CHECK_OK(ring_make(RING_LEAST, &side, &file));
    atomic_store(&side.page->trusts, trusts);
    say_of_memory(talk, LOCAL_MEMORY, file);
    close(file);
}

static void offer(struct talk *talk)
{
    offer_by(talk, "local:boat", false);
}

static void write_record(uint64_t at, uint64_t mark)
{
    _Atomic(uint64_t) *words = ring_words(side.data, at);
    atomic_store(&words[1], 0);
    atomic_store(&words[0], mark | (uint64_t)RING_THERE << RING_FLAGS_AT);
}

TEST(memory_that_is_offered_twice_ends_the_channel)
{
    struct talk talk;
    int file;
    offer(&talk);
    struct ring_side other;
    CHECK_OK(ring_make(RING_LEAST, &other, &file));
    say_of_memory(&talk, LOCAL_MEMORY, file);
    close(file);
    ring_leave(&other);
    is_broken(&talk, "twice");
    ring_leave(&side);
}

TEST(memory_that_is_mapped_twice_ends_the_channel)
{
    struct talk talk;
    offer(&talk);
    say_of_memory(&talk, LOCAL_READY, -1);
    say_of_memory(&talk, LOCAL_READY, -1);
    is_broken(&talk, "not offered");
    ring_leave(&side);
}

static void after_switch(uint64_t mark, const char *why)
{
    struct talk talk;
    offer(&talk);
    say_of_memory(&talk, LOCAL_SWITCH, -1);
    write_record(0, mark);
    is_broken(&talk, why);
    ring_leave(&side);
}

TEST(what_is_broken_in_the_ring_ends_the_channel)
{
    const uint64_t flag = UINT64_C(1) << RING_FLAGS_AT;
    after_switch((RING_THERE << 1) * flag, "no known sort");
    after_switch(RING_SKIP * flag, "nothing stands before");
    after_switch(RING_ELSEWHERE * flag | 1, "pieces");
    after_switch(RING_LEFT * flag | 1, "pieces");
    after_switch((FRAME_HELLO * flag) | 0, "");
    after_switch((FRAME_RING * flag) | 0, "memory");
    after_switch((uint64_t)15 * flag, "");
}

TEST(a_message_over_the_limit_ends_the_channel)
{
    struct talk talk;
    wherry_message *message;
    offer(&talk);
    say_of_memory(&talk, LOCAL_SWITCH, -1);
    write_record(0, UINT32_MAX);
    FAILS(wherry_recv(talk.channel, &message, soon()), -EMSGSIZE, "limit");
    finish(&talk);
    ring_leave(&side);
}

TEST(messages_over_the_socket_that_have_no_record_end_the_channel)
{
    struct talk talk;
    offer(&talk);
    say_of_memory(&talk, LOCAL_SWITCH, -1);
    for (int i = 0; i <= LOCAL_EARLY; i++)
        send_frame(talk.socket, FRAME_MESSAGE, 0, "one", -1);
    is_broken(&talk, "no record");
    ring_leave(&side);
}

TEST(a_record_whose_message_never_comes_waits_until_the_deadline)
{
    struct talk talk;
    wherry_message *message;
    offer(&talk);
    say_of_memory(&talk, LOCAL_SWITCH, -1);
    write_record(0, (uint64_t)RING_ELSEWHERE << RING_FLAGS_AT);
    CHECK_ERROR(wherry_recv(talk.channel, &message, at_once()), -ETIMEDOUT);
    send_frame(talk.socket, FRAME_MESSAGE, 0, "late", -1);
    hear(talk.channel, "late");
    finish(&talk);
    ring_leave(&side);
}

// A bell that is a pipe, full and blocking, would hold up whoever writes to it.
TEST(a_bell_that_is_none_holds_nobody_up)
{
    struct talk talk;
    int ends[2];
    static char full[65536];
    offer(&talk);
    CHECK_INT(pipe2(ends, O_CLOEXEC), 0);
    CHECK_INT(write(ends[1], full, sizeof(full)), (long)sizeof(full));
    say_of_memory(&talk, LOCAL_ROOM, ends[1]);
    say_of_memory(&talk, LOCAL_SWITCH, -1);
    atomic_store(&side.page->sleeps.writer, 1);
    const uint64_t piece = 8000;
    for (uint64_t i = 0; i < 4; i++)
        write_record(i * ring_padded(piece), piece);
    for (int i = 0; i < 4; i++) {
        wherry_message *message;
        CHECK_INT(wherry_recv(talk.channel, &message, soon()), 1);
        CHECK_INT(wherry_message_size(message), 8000);
        wherry_message_free(message);
    }
    finish(&talk);
    close(ends[0]);
    close(ends[1]);
    ring_leave(&side);
}

/* --- with loans ---------------------------------------------------------- */

static struct pool_out pool;

static void lend(struct talk *talk, const char *address, bool trusts, int bells)
{
    int ends[2];
    int file;
    offer_by(talk, address, trusts);
    CHECK_OK(pool_make(POOL_LEAST, &pool, &file));
    CHECK_INT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    say_of_memory(talk, LOCAL_SWITCH, -1);
    for (int i = 0; i < bells; i++)
        say_of_memory(talk, LOCAL_ROOM, ends[1]);
    say_of_memory(talk, LOCAL_POOL, file);
    close(file);
    close(ends[0]);
    close(ends[1]);
}

static void end_loans(void)
{
    pool_leave_out(&pool);
    ring_leave(&side);
}

/* One record of a loan behind what the words say. */
static void write_loan(uint64_t offset, uint64_t size, uint64_t block)
{
    const uint64_t place[] = {offset, size, block};
    memcpy(side.data + RING_STEP, place, sizeof(place));
    write_record(0, sizeof(place) | (uint64_t)RING_LENT << RING_FLAGS_AT);
}

static void hear_words(struct talk *talk)
{
    wherry_message *message;
    CHECK_ERROR(wherry_recv(talk->channel, &message, at_once()), -ETIMEDOUT);
}

TEST(a_loan_is_read_where_the_peer_says_if_that_is_in_its_pool)
{
    struct talk talk;
    wherry_message *message;
    lend(&talk, "local:boat?loan=64K", true, 1);
    hear_words(&talk);
    memcpy(pool.data + 256, "lent", 4);
    write_loan(256, 4, 7);
    CHECK_INT(wherry_recv(talk.channel, &message, soon()), 1);
    CHECK_INT(wherry_message_size(message), 4);
    CHECK_BYTES(wherry_message_data(message), "lent", 4);
    memcpy(pool.data + 256, "read", 4); // it is there, and no copy
    CHECK_BYTES(wherry_message_data(message), "read", 4);
    finish(&talk);
    CHECK_BYTES(wherry_message_data(message), "read", 4);
    wherry_message_free(message);
    end_loans();
}

static void after_loan(uint64_t offset, uint64_t size, uint64_t block)
{
    struct talk talk;
    lend(&talk, "local:boat?loan=64K", true, 1);
    hear_words(&talk);
    write_loan(offset, size, block);
    is_broken(&talk, "lends block");
    end_loans();
}

TEST(a_loan_that_is_not_in_the_pool_ends_the_channel)
{
    after_loan(POOL_LEAST, 1, 0);
    after_loan(0, POOL_LEAST + 1, 0);
    after_loan(1, 1, 0);
    after_loan(0, 1, POOL_BLOCKS);
    after_loan(0, 0, 0);
}

TEST(a_loan_over_the_limit_ends_the_channel)
{
    struct talk talk;
    wherry_message *message;
    lend(&talk, "local:boat?loan=64K&message=1000", true, 1);
    hear_words(&talk);
    write_loan(0, 1001, 0);
    FAILS(wherry_recv(talk.channel, &message, soon()), -EMSGSIZE, "limit");
    finish(&talk);
    end_loans();
}

/* Who lends to one that has not agreed is not believed. */
static void nobody_borrows(const char *address, bool trusts, int bells)
{
    struct talk talk;
    lend(&talk, address, trusts, bells);
    hear_words(&talk);
    write_loan(0, 4, 0);
    is_broken(&talk, "loan that is none");
    end_loans();
}

TEST(a_loan_without_agreement_ends_the_channel)
{
    nobody_borrows("local:boat", true, 1);
    nobody_borrows("local:boat?loan=64K", false, 1);
    nobody_borrows("local:boat?loan=64K", true, 0); // there is no bell to ring
}

TEST(a_record_of_a_loan_that_is_none_ends_the_channel)
{
    const uint64_t flag = UINT64_C(1) << RING_FLAGS_AT;
    after_switch(RING_LENT * flag | 24, "loan that is none");
    after_switch(RING_LENT * flag | 8, "loan that is none");
    after_switch((RING_LENT | FRAME_HELLO) * flag | 24, "loan that is none");
    after_switch((RING_LENT | RING_ELSEWHERE) * flag, "loan that is none");
}

TEST(a_pool_that_is_offered_twice_ends_the_channel)
{
    struct talk talk;
    struct pool_out other;
    int file;
    lend(&talk, "local:boat?loan=64K", true, 1);
    CHECK_OK(pool_make(POOL_LEAST, &other, &file));
    say_of_memory(&talk, LOCAL_POOL, file);
    close(file);
    is_broken(&talk, "twice");
    pool_leave_out(&other);
    end_loans();
}

TEST(words_of_loans_at_the_wrong_time_are_no_matter)
{
    static const enum local_word words[] = {LOCAL_POOL, LOCAL_RETURNS, LOCAL_NO_LOANS};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        struct talk talk;
        start_by(&talk, "local:boat?loan=64K");
        say_of_memory(&talk, words[i], -1);
        goes_on(&talk);
    }
}

TEST(what_is_no_pool_is_refused_and_the_channel_goes_on)
{
    struct talk talk;
    int ends[2];
    offer_by(&talk, "local:boat?loan=64K", true);
    CHECK_INT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    say_of_memory(&talk, LOCAL_ROOM, ends[1]);
    say_of_memory(&talk, LOCAL_POOL, ends[1]);
    close(ends[0]);
    close(ends[1]);
    goes_on(&talk);
    ring_leave(&side);
}

TEST(words_of_memory_end_every_other_channel)
{
    int ends[2];
    char address[64];
    wherry_channel *channel;
    wherry_message *message;
    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    snprintf(address, sizeof(address), "fd:%d", ends[0]);
    WORKS(wherry_dial(address, soon(), &channel));
    say_hello(ends[1]);
    send_frame(ends[1], FRAME_RING, LOCAL_BELL, "", -1);
    FAILS(wherry_recv(channel, &message, soon()), -EPROTO, "local:");
    wherry_close(channel);
    close(ends[0]);
    close(ends[1]);
}
