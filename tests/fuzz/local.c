/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: a local: channel whose other end is the input.
 *
 * The other end holds the bare socket and says what it likes on it: whole words, broken
 * ones, open files of all sorts; and it has memory, sealed as it is to be, which it
 * rewrites before each look of ours (script.h); it lends, and says
 * what it gives back of what it was lent.  Nothing is waited for. Whatever it does is
 * an error that has a sentence, and no descriptor is lost.
 */
#define _GNU_SOURCE
#include "script.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <wherry.h>

#include "framing/framing.h"
#include "memory/ring.h"
#include "os/region.h"
#include "transport/local.h"

enum {
    MESSAGE_MOST = 20000,
    LARGE = 18000, // more than a record takes
    SEALS = OS_SEAL_SHRINK | OS_SEAL_GROW | OS_SEAL_WRITERS | OS_SEAL_SEAL
};

/* --- what the other end has ---------------------------------------------- */

enum file {
    FILE_RING,
    FILE_UNSEALED,
    FILE_SMALL,
    FILE_FOREIGN,
    FILE_PIPE,
    FILE_POOL,
    FILE_RETURNS,
    FILES
};

enum { KEPT = 4 };

static struct {
    int files[FILES];
    struct ring_page *page; // of FILE_RING, to be written
    uint8_t *data;
    uint64_t tail;          // of the records that it wrote in order
    bool has_shrunk;        // FILE_UNSEALED
    struct pool_out lends;  // of FILE_POOL
    struct pool_in returns; // of FILE_RETURNS, and of FILE_POOL
    bool means_well;        // until both have agreed
    int socket;
    wherry_channel *channel; // this end
    wherry_message *kept[KEPT];
} peer;

static int new_memory(uint64_t size, bool is_known, unsigned seals, void **out)
{
    void *at;
    int fd = os_memfd("wherry:fuzz", size);
    PROPERTY(fd >= 0 && os_map(fd, size, OS_MAP_WRITE, &at) >= 0);
    struct ring_page *page = at;
    *page = (struct ring_page){.magic = "wherry",
                               .version = RING_VERSION,
                               .layout = ring_layout() + !is_known,
                               .size = RING_LEAST};
    PROPERTY(seals == 0 || os_seal(fd, seals) >= 0);
    if (out)
        *out = at;
    else
        os_unmap(at, size);
    return fd;
}

static void make_files(void)
{
    void *page;
    int ends[2];
    const uint64_t size = RING_FRONT + RING_LEAST;
    peer.files[FILE_RING] = new_memory(size, true, SEALS, &page);
    peer.files[FILE_UNSEALED] = new_memory(size, true, 0, NULL);
    peer.files[FILE_SMALL] = new_memory(RING_FRONT * 2, true, SEALS, NULL);
    peer.files[FILE_FOREIGN] = new_memory(size, false, SEALS, NULL);
    PROPERTY(pipe2(ends, O_CLOEXEC) == 0);
    close(ends[1]);
    peer.files[FILE_PIPE] = ends[0];
    atomic_store(&((struct ring_page *)page)->trusts, 1);
    PROPERTY(pool_make(POOL_LEAST, &peer.lends, &peer.files[FILE_POOL]) >= 0);
    PROPERTY(pool_attach(peer.files[FILE_POOL], &peer.returns,
                         &peer.files[FILE_RETURNS]) >= 0);
    peer.page = page;
    peer.data = (uint8_t *)page + RING_FRONT;
}

// Where it can still be: whoever has mapped it dies of the next look.
static void shrink_memory(void)
{
    PROPERTY(ftruncate(peer.files[FILE_UNSEALED], 0) == 0);
    peer.has_shrunk = true;
}

static void restore_memory(void)
{
    if (!peer.has_shrunk)
        return;
    close(peer.files[FILE_UNSEALED]);
    peer.files[FILE_UNSEALED] = new_memory(RING_FRONT + RING_LEAST, true, 0, NULL);
    peer.has_shrunk = false;
}

void target_end(void)
{
    for (int i = 0; i < FILES; i++)
        close(peer.files[i]);
    os_unmap(peer.page, RING_FRONT + RING_LEAST);
    pool_leave_in(&peer.returns);
    pool_leave_out(&peer.lends);
    peer.page = NULL;
}

// As far as a run may have written it.
static void clear_memory(void)
{
    memset(&peer.page->writer, 0,
           sizeof *peer.page - offsetof(struct ring_page, writer));
    memset(peer.data, 0, 4096);
    atomic_store(&peer.returns.own->count, 0);
    atomic_store(&peer.lends.page->sleeps, 0);
    peer.tail = 0;
}

/* --- what it does with its memory ---------------------------------------- */

// Where this end reads: nothing any more, or again what stood there.
static void go_back(void)
{
    peer.tail -= (uint64_t)next() * RING_STEP;
    atomic_store(&peer.page->writer.tail, peer.tail);
}

static void read_more(void)
{
    atomic_fetch_add(&peer.page->reader.head, (uint64_t)next() * RING_STEP * 16);
}

static void put_record(uint64_t at, uint64_t left, uint64_t flags, uint64_t kind)
{
    uint8_t *record = peer.data + (at & (RING_LEAST - 1));
    _Atomic(uint64_t) *words = (_Atomic(uint64_t) *)(void *)record;
    atomic_store(&words[1], kind);
    atomic_store(&words[0], left | (flags ^ RING_THERE) << RING_FLAGS_AT);
}

// As it is to be, mostly: a record behind the others, and they know of it.
static void write_record(void)
{
    const uint8_t how = next();
    const uint64_t left = how & 1 ? next() : how & 2 ? LARGE + next() : 0;
    const uint64_t here = left < 8176 ? left : 8176;
    put_record(peer.tail, left, how & 4 ? next() : 0, how & 8 ? next_number() : 0);
    peer.tail += ring_padded(here);
    atomic_store(&peer.page->writer.tail, peer.tail);
}

static void change_record(void)
{
    put_record((uint64_t)next() * RING_STEP, next(), next(), next());
}

static void change_sleeps(void)
{
    const uint8_t epochs = next();
    atomic_store(&peer.page->sleeps.reader, epochs & 15);
    atomic_store(&peer.page->sleeps.writer, epochs >> 4);
}

static void change_word(void)
{
    const uint64_t number = next_number();
    atomic_store(number & 1 ? &peer.page->writer.tail : &peer.page->reader.head,
                 number >> 8);
}

// Where a message lies in its pool, mostly.
static void write_loan(void)
{
    const uint8_t how = next();
    const uint64_t at = peer.tail & (RING_LEAST - 1);
    const uint64_t place[3] = {
        how & 1 ? next_number() : (uint64_t)(how >> 4) * POOL_STEP,
        how & 2 ? next_number() : 1 + (uint64_t)next() * 64,
        how & 4 ? next_number() : next(),
    };
    if (RING_LEAST - at < ring_padded(sizeof place))
        return;
    put_record(peer.tail, how & 8 ? next() : sizeof place, RING_LENT, 0);
    memcpy(peer.data + at + RING_STEP, place, sizeof place);
    peer.tail += ring_padded(sizeof place);
    atomic_store(&peer.page->writer.tail, peer.tail);
}

// What it was lent comes back: a block, mostly one that it has.
static void give_back(void)
{
    struct pool_returns *own = peer.returns.own;
    const uint64_t count = atomic_load(&own->count);
    const uint8_t how = next();
    atomic_store(&own->blocks[count % POOL_BLOCKS],
                 how & 0x80 ? (uint32_t)next_number() : how & 7);
    atomic_store(&own->count, (how & 0x70) == 0x70 ? next_number() : count + 1);
}

static void change_pool(void)
{
    atomic_store(&peer.lends.page->sleeps, next());
}

static void leave_it(void)
{
}

void shared_rewrite(void)
{
    static void (*const writes[])(void) = {
        leave_it,    write_record, go_back,   change_record, read_more,  change_sleeps,
        change_word, leave_it,     give_back, change_pool,   write_loan,
    };
    if (!peer.means_well)
        SCRIPT_CHOICE(writes)();
}

/* --- what it says -------------------------------------------------------- */

static void say_bytes(const void *bytes, size_t size, int file)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};

    struct iovec piece = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    if (file >= 0) {
        control.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
                                        .cmsg_level = SOL_SOCKET,
                                        .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.head), &file, sizeof file);
        message.msg_control = &control;
        message.msg_controllen = sizeof control.room;
    }
    (void)sendmsg(peer.socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void say(const struct frame *frame, const void *payload, int file)
{
    uint8_t bytes[FRAMING_HEAD + 256];
    struct frame_edges edges;
    if (framing_encode(&framing_wherry, frame, &edges) < 0)
        return;
    memcpy(bytes, edges.head, edges.place.head_size);
    memcpy(bytes + edges.place.head_size, payload, frame->size);
    say_bytes(bytes, edges.place.head_size + frame->size, file);
}

static void say_hello(void)
{
    struct hello hello = {.version_least = HELLO_VERSION,
                          .version_most = HELLO_VERSION,
                          .layout = ring_layout(),
                          .message_limit = MESSAGE_MOST,
                          .file_limit = 4};
    uint8_t bytes[HELLO_SIZE];
    hello_encode(&hello, bytes);
    say(&(struct frame){.word = FRAME_HELLO, .size = HELLO_SIZE}, bytes, -1);
}

static void say_of_memory(enum local_word word, int file)
{
    say(&(struct frame){.word = FRAME_RING, .kind = word, .files = file >= 0}, "",
        file);
}

static void say_ring(void)
{
    const uint8_t how = next();
    const int file = how & 16 ? peer.files[(how >> 5) % FILES] : -1;
    say_of_memory(how % (LOCAL_WORDS + 1), file);
}

// What it claims to have of open files need not be what it has.
static void say_message(void)
{
    static const uint8_t payload[256];
    const uint8_t how = next();
    const int file = how & 1 ? peer.files[(how >> 1) % FILES] : -1;
    say(&(struct frame){.size = next(), .kind = how >> 6, .files = how >> 4 & 1},
        payload, file);
}

static void say_word(void)
{
    const uint8_t how = next();
    say(&(struct frame){.word = how % FRAME_WORDS, .kind = how >> 4}, "", -1);
}

static void say_anything(void)
{
    uint8_t bytes[FRAMING_HEAD];
    const size_t size = next() % sizeof bytes;
    for (size_t i = 0; i < size; i++)
        bytes[i] = next();
    say_bytes(bytes, size, -1);
}

static void hear(void)
{
    static uint8_t bytes[1 << 16];
    (void)recv(peer.socket, bytes, sizeof bytes, MSG_DONTWAIT);
}

static void finish_it(void)
{
    (void)shutdown(peer.socket, SHUT_WR);
}

/* --- what this end does -------------------------------------------------- */

static void check_result(int64_t r)
{
    static const int known[] = {-EAGAIN,    -EPROTO,  -ECONNRESET, -EPIPE,
                                -EMSGSIZE,  -EMFILE,  -E2BIG,      -ENOBUFS,
                                -ESHUTDOWN, -ENOTSUP, -ENOSPC,     0};
    if (r >= 0)
        return;
    size_t i = 0;
    while (known[i] != 0 && known[i] != r)
        i++;
    PROPERTY(known[i] != 0);
    if (r != -EAGAIN)
        check_sentence();
}

static void receive(void)
{
    wherry_message *message;
    int r = wherry_recv(peer.channel, &message, WHERRY_POLL);
    check_result(r);
    if (r != 1)
        return;
    const uint8_t *bytes = wherry_message_data(message);
    const size_t size = wherry_message_size(message);
    unsigned sum = 0;
    PROPERTY(size <= MESSAGE_MOST && wherry_message_kind(message) >= 0);
    for (size_t i = 0; i < size; i++)
        sum += bytes[i];
    PROPERTY(sum < UINT32_MAX);
    const uint8_t place = next() % (2 * KEPT);
    if (place < KEPT) { // it lies there for a while, perhaps until after the end
        wherry_message *other = peer.kept[place];
        peer.kept[place] = message;
        message = other;
    }
    wherry_message_free(message);
}

static void free_kept(void)
{
    for (int i = 0; i < KEPT; i++) {
        wherry_message_free(peer.kept[i]);
        peer.kept[i] = NULL;
    }
}

static void lend(void)
{
    wherry_message *message = NULL;
    const uint8_t how = next();
    const size_t size = how & 1 ? LARGE : how;
    const int r = wherry_loan(peer.channel, size, &message, WHERRY_POLL);
    check_result(r);
    if (r < 0)
        return;
    memset(wherry_message_data(message), how, size);
    if ((how & 6) == 6)
        PROPERTY(wherry_message_resize(message, size / 2) >= 0);
    if ((how & 24) != 24)
        check_result(wherry_send(peer.channel, &message, how & 32 ? WHERRY_MORE : 0,
                                 WHERRY_POLL));
    wherry_message_free(message);
}

static void receive_many(void)
{
    enum { MANY = 4 };

    wherry_message *messages[MANY];
    int r = wherry_recv_many(peer.channel, messages, MANY, WHERRY_POLL);
    check_result(r);
    for (int i = 0; i < r; i++)
        wherry_message_free(messages[i]);
}

// Into exactly as much room as there is.
static void read_some(void)
{
    enum { MANY = 4 };

    struct wherry_bytes got[MANY];
    const size_t room = next();
    uint8_t *bytes = malloc(room + 1);
    PROPERTY(bytes != NULL);
    int r = wherry_read_many(peer.channel, bytes, room, got, MANY, WHERRY_POLL);
    check_result(r);
    for (int i = 0; i < r; i++) {
        const size_t at = (size_t)((const uint8_t *)got[i].bytes - bytes);
        PROPERTY(at % WHERRY_BYTES_STEP == 0 && at <= room);
        PROPERTY(got[i].size <= room - at && got[i].kind >= 0);
    }
    free(bytes);
}

static void write_some(void)
{
    static const struct wherry_bytes some[] = {{"a", 1, 1}, {"", 0, 2}, {"ccc", 3, 3}};
    check_result(wherry_write_many(peer.channel, some, 3, WHERRY_POLL));
}

static void write_small(void)
{
    enum { MANY = 10 }; // a burst

    for (int i = next() & 1 ? MANY : 1; i > 0; i--)
        check_result(wherry_write(peer.channel, "small", 5, 1, 0, WHERRY_POLL));
}

static void write_large(void)
{
    static const uint8_t bytes[LARGE];
    check_result(wherry_write(peer.channel, bytes, sizeof bytes, 0, 0, WHERRY_POLL));
}

static void gather_some(void)
{
    for (int i = 0; i < 3; i++)
        check_result(
            wherry_write(peer.channel, "gathered", 8, 0, WHERRY_MORE, WHERRY_POLL));
    check_result(wherry_flush(peer.channel));
}

static void write_file(void)
{
    wherry_message *message;
    PROPERTY(wherry_message_copy("file", 4, &message) == 0);
    PROPERTY(wherry_message_attach(message, peer.files[FILE_PIPE]) >= 0);
    check_result(wherry_send(peer.channel, &message, 0, WHERRY_POLL));
    wherry_message_free(message);
}

static void ask_for_descriptors(void)
{
    wherry_native fd;
    short events;
    check_result(wherry_fd(peer.channel, WHERRY_IN, &fd, &events));
    // Who has finished cannot tell the other end of a bell any more.
    int r = wherry_fd(peer.channel, WHERRY_OUT, &fd, &events);
    check_result(r == -ENOTSUP ? 0 : r);
}

static void describe(void)
{
    struct wherry_channel_info info;
    PROPERTY(wherry_describe(peer.channel, &info,
                             offsetof(struct wherry_channel_info, holder_count)) == 0);
}

static void drain(void)
{
    check_result(wherry_drain(peer.channel, WHERRY_POLL));
}

static void finish(void)
{
    check_result(wherry_finish(peer.channel));
}

/* --- the input ----------------------------------------------------------- */

// Both have gone over, as those do that mean well.
static void go_up(enum file file)
{
    say_hello();
    say_of_memory(LOCAL_MEMORY, peer.files[file]);
    receive();
    say_of_memory(LOCAL_READY, -1);
    say_of_memory(LOCAL_SWITCH, -1);
    receive();
    hear();
}

// And lend to each other.
static void agree(void)
{
    say_of_memory(LOCAL_ROOM, peer.files[FILE_PIPE]);
    say_of_memory(LOCAL_POOL, peer.files[FILE_POOL]);
    receive();
    lend(); // it goes over to its ring,
    lend(); // and offers its pool
    say_of_memory(LOCAL_RETURNS, peer.files[FILE_RETURNS]);
    receive();
    hear();
}

static void open_both(uint8_t how)
{
    static const char *const addresses[] = {
        "local:?memory=auto&ring=64K&message=20000&files=4",
        "local:?memory=always&ring=64K&message=20000&files=4",
        "local:?memory=auto&ring=64K&message=20000&full=fail&held=1000&files=4",
        "local:?memory=never&message=20000&files=4",
        "local:?memory=always&loan=64K&ring=64K&message=20000&files=4",
    };
    wherry_channel *ends[2];
    wherry_native socket;
    short events;
    PROPERTY(wherry_pair(addresses[how & 32 ? 4 : how & 3], ends) == 0);
    PROPERTY(wherry_fd(ends[1], WHERRY_OUT, &socket, &events) == 0);
    peer.socket = fcntl(socket, F_DUPFD_CLOEXEC, 3);
    PROPERTY(peer.socket >= 0);
    wherry_close(ends[1]); // it never spoke
    peer.channel = ends[0];
    peer.means_well = true;
    if (how & 4)
        go_up(how & 8 ? FILE_UNSEALED : FILE_RING);
    if ((how & 36) == 36)
        agree();
    peer.means_well = false;
}

static int next_descriptor(void)
{
    int fd = fcntl(peer.files[FILE_PIPE], F_DUPFD_CLOEXEC, 3);
    close(fd);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static void (*const operations[])(void) = {
        receive,       write_small, say_ring,      write_record,
        say_message,   hear,        say_hello,     receive,
        write_large,   gather_some, write_file,    ask_for_descriptors,
        describe,      drain,       say_word,      say_anything,
        finish,        finish_it,   read_more,     receive_many,
        change_sleeps, go_back,     change_record, shrink_memory,
        lend,          write_loan,  give_back,     free_kept,
        change_pool,   read_some,   write_some,
    };
    if (!peer.page)
        make_files();
    const int descriptor = next_descriptor();
    script_begin(bytes, size);
    clear_memory();
    open_both(next());
    while (script.at < script.end)
        SCRIPT_CHOICE(operations)();
    close(peer.socket); // first: nobody waits for it
    wherry_close(peer.channel);
    free_kept();
    PROPERTY(next_descriptor() == descriptor);
    restore_memory();
    return 0;
}
