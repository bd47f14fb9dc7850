/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own ways, by bare calls, blocking.
 *
 * futex: two words, each of which its waiter sleeps on; whoever wakes it looks first
 * whether it sleeps.  Nothing but the number crosses: the least that two processes pay
 * which truly sleep.
 * pipe: two pipe(2), a write and a read a message, room for 1 MiB where that is
 * allowed. sysv: two queues of msgget(2).
 */
#define _GNU_SOURCE
#include "contest.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    PIPE_ROOM = 1 << 20,
    PIPE_SMALL = 4096, /* messages for which the usual room is best */
    LETTER_MOST = 8192
};

/* --- futex --------------------------------------------------------------- */

struct word {
    _Alignas(128) _Atomic uint32_t number;
    _Alignas(128) _Atomic uint32_t sleeps;
};

struct words {
    struct word *of; /* [side that writes] */
    uint32_t seen;   /* what this end took last */
};

static int prepare_words(struct contest_end *end)
{
    struct words *words = calloc(1, sizeof(*words));
    if (!words)
        return -ENOMEM;
    end->state = words;
    words->of = contest_share(2 * sizeof(struct word));
    return words->of ? 0 : -ENOMEM;
}

static int send_word(struct contest_end *end)
{
    struct word *word = &((struct words *)end->state)->of[end->side];
    uint64_t number;
    memcpy(&number, end->bytes, sizeof(number));
    atomic_store(&word->number, (uint32_t)number);
    if (atomic_load(&word->sleeps))
        (void)syscall(SYS_futex, &word->number, FUTEX_WAKE, 1, NULL, NULL, 0);
    return 0;
}

// Numbers are never the same twice in a row.
static int take_word(struct contest_end *end)
{
    struct words *words = end->state;
    struct word *word = &words->of[1 - end->side];
    const uint32_t seen = words->seen;
    atomic_store(&word->sleeps, 1);
    while ((words->seen = atomic_load(&word->number)) == seen)
        (void)syscall(SYS_futex, &word->number, FUTEX_WAIT, seen, NULL, NULL, 0);
    atomic_store(&word->sleeps, 0);
    const uint64_t number = words->seen;
    memcpy(end->bytes, &number, sizeof(number));
    return 0;
}

/* --- descriptors --------------------------------------------------------- */

/* Both sides' ends of two of them: [side]. */
struct ends {
    int in[2];
    int out[2];
};

static int prepare_pipes(struct contest_end *end)
{
    struct ends *ends = calloc(1, sizeof(*ends));
    if (!ends)
        return -ENOMEM;
    end->state = ends;
    for (int side = 0; side < 2; side++) {
        int both[2];
        if (pipe2(both, O_CLOEXEC) < 0)
            return -errno;
        if (end->size > PIPE_SMALL)
            (void)fcntl(both[0], F_SETPIPE_SZ, PIPE_ROOM);
        ends->in[side] = both[0];
        ends->out[1 - side] = both[1];
    }
    return 0;
}

static int send_write(struct contest_end *end)
{
    const struct ends *ends = end->state;
    for (size_t done = 0; done < end->size;) {
        const ssize_t r =
            write(ends->out[end->side], end->bytes + done, end->size - done);
        if (r < 0)
            return -errno;
        done += (size_t)r;
    }
    return 0;
}

static int take_read(struct contest_end *end)
{
    const struct ends *ends = end->state;
    for (size_t done = 0; done < end->size;) {
        const ssize_t r =
            read(ends->in[end->side], end->bytes + done, end->size - done);
        if (r <= 0)
            return r < 0 ? -errno : -EPIPE;
        done += (size_t)r;
    }
    return 0;
}

/* --- System V's queues --------------------------------------------------- */

/* A message as msgsnd(2) has it. */
struct letter {
    long type;
    unsigned char bytes[LETTER_MOST];
};

struct letters {
    int queues[2]; /* [side that writes] */
    pid_t maker;   /* who removes them */
    struct letter letter;
};

static void remove_queues(const struct letters *letters)
{
    for (int side = 0; side < 2; side++) {
        if (letters->queues[side] >= 0)
            (void)msgctl(letters->queues[side], IPC_RMID, NULL);
    }
}

static int prepare_queues(struct contest_end *end)
{
    struct letters *letters = calloc(1, sizeof(*letters));
    if (!letters)
        return -ENOMEM;
    end->state = letters;
    letters->letter.type = 1;
    letters->maker = getpid();
    letters->queues[0] = msgget(IPC_PRIVATE, 0600);
    letters->queues[1] = msgget(IPC_PRIVATE, 0600);
    if (letters->queues[0] >= 0 && letters->queues[1] >= 0)
        return 0;
    const int error = -errno;
    remove_queues(letters);
    return error;
}

static int send_letter(struct contest_end *end)
{
    struct letters *letters = end->state;
    memcpy(letters->letter.bytes, end->bytes, end->size);
    const int r = msgsnd(letters->queues[end->side], &letters->letter, end->size, 0);
    return r < 0 ? -errno : 0;
}

static int take_letter(struct contest_end *end)
{
    struct letters *letters = end->state;
    const ssize_t r =
        msgrcv(letters->queues[1 - end->side], &letters->letter, LETTER_MOST, 0, 0);
    if (r != (ssize_t)end->size)
        return r < 0 ? -errno : -EPROTO;
    memcpy(end->bytes, letters->letter.bytes, end->size);
    return 0;
}

static void close_queues(struct contest_end *end)
{
    const struct letters *letters = end->state;
    if (letters->maker == getpid())
        remove_queues(letters);
}

/* --- the table ----------------------------------------------------------- */

const struct contest_entrant contest_entrants[] = {
    {.name = "futex",
     .settings = "sleeps at each turn; no bytes but the number",
     .carries = CONTEST_LEAST,
     .workloads = 1u << CONTEST_ROUND | 1u << CONTEST_TIMED,
     .prepare = prepare_words,
     .send = send_word,
     .take = take_word},
    {.name = "pipe",
     .settings = "blocking, a call a message, room for 1 MiB above 4 KiB",
     .workloads = 1u << CONTEST_ROUND | 1u << CONTEST_PUSH,
     .prepare = prepare_pipes,
     .send = send_write,
     .take = take_read},
    {.name = "sysv",
     .settings = "blocking msgsnd(2), msgrcv(2)",
     .most = LETTER_MOST,
     .workloads = 1u << CONTEST_ROUND | 1u << CONTEST_PUSH | 1u << CONTEST_FOUR |
                  1u << CONTEST_EIGHT,
     .prepare = prepare_queues,
     .send = send_letter,
     .take = take_letter,
     .close = close_queues},
    {.name = NULL},
};

int (*const contest_serve)(void) = NULL;
