/* SPDX-License-Identifier: MIT */
/*
 * os: the kernel's message queues.  Part of os.h, which others include.
 */
#ifndef OS_QUEUE_H
#define OS_QUEUE_H

#include "os/object.h"
#include "os/os.h"

/* --- mq_linux.c: POSIX message queues, mq_overview(7) -------------------- */

struct os_mq_plan {
    const char *name; /* "/NAME" */
    enum os_create create;
    bool writes; /* else it reads */
    uint32_t mode;
    int64_t messages;     /* how many one that is made holds; 0: as the system likes */
    int64_t message_size; /* bytes of the largest; 0: as the system likes */
};

/* Opens one end, without waiting ever after.  What a queue that is there holds is not
 * looked at.
 * Errors: as mq_open(3); -ENOTSUP (without /proc both numbers are needed). */
int os_mq_open(const struct os_mq_plan *, struct os_descriptor *out);

struct os_mq_state {
    int64_t messages; /* that wait in it */
    int64_t messages_most;
    int64_t message_size; /* bytes of the largest that it takes */
    int64_t bytes;        /* that wait in it; -1: only its readers are told */
};

int os_mq_look(int fd, struct os_mq_state *out);

/* Removes the name; whoever has it open goes on.  Errors: as mq_unlink(3). */
int os_mq_remove(const char *name);

/* What this user may have; -1: not known, or no limit. */
struct os_mq_limits {
    int64_t messages;     /* fs.mqueue.msg_max */
    int64_t message_size; /* fs.mqueue.msgsize_max */
    int64_t queues;       /* fs.mqueue.queues_max */
    int64_t user_bytes;   /* RLIMIT_MSGQUEUE */
};

void os_mq_limits(struct os_mq_limits *out);

/* Errors: -EAGAIN (full), -EMSGSIZE …. */
int os_mq_send(int fd, const void *bytes, size_t size, unsigned priority);

/* The oldest of the highest priority: its size, -EAGAIN (empty), -EMSGSIZE (`room` is
 * less than the queue's message_size) …. */
int64_t os_mq_receive(int fd, void *bytes, size_t room, unsigned *priority);

/* --- msg_linux.c: System V message queues, sysvipc(7) -------------------- */

/* The identifier of a queue, to write to it or to read from it, and whether it was
 * made.  Errors: as msgget(2). */
int os_msg_open(const struct os_object_plan *, bool writes, bool *made);

/* The identifier of the queue of a key, whatever this user may do with it.  Errors:
 * -ENOENT. */
int os_msg_find(int64_t key);

struct os_msg_state {
    int64_t messages; /* that wait in it */
    int64_t bytes;    /* of them */
    int64_t bytes_most;
    int64_t sender; /* the last process that sent, and that received; 0: none has */
    int64_t receiver;
    int64_t sent; /* when, in seconds since 1970; 0: never */
    int64_t received;
    int64_t changed;
};

/* Errors: -EACCES, -EIDRM (there is none). */
int os_msg_look(int id, struct os_msg_state *out);

/* Sets how many bytes it holds.  Errors: -EPERM (not the owner, or over
 * kernel.msgmnb). */
int os_msg_resize(int id, int64_t bytes);

int os_msg_remove(int id);

struct os_msg_limits {
    int64_t message_size; /* kernel.msgmax */
    int64_t queue_bytes;  /* kernel.msgmnb */
    int64_t queues;       /* kernel.msgmni */
};

int os_msg_limits(struct os_msg_limits *out);

/* A letter is a long, the type, and the message behind it.
 * Errors: -EAGAIN (full), -EINVAL never, -EACCES, -EIDRM (the queue is no more). */
int os_msg_send(int id, const void *letter, size_t size);

struct os_msg_wish {
    int64_t type; /* msgrcv(2): 0 any, n exactly, -n the lowest up to n */
    bool cuts;    /* one that is larger than the room is cut, else left there */
};

/* The size of what came: -EAGAIN (none), -E2BIG (larger than the room), -EACCES,
 * -EIDRM.
 */
int64_t os_msg_receive(int id, void *letter, size_t room, const struct os_msg_wish *);

/* The same, but it waits without end; a signal handler that sets *stop ends it, however
 * close to the call: -ECANCELED.  -ENOTSUP where that cannot be kept: in a process with
 * threads, which no signal reaches for sure, and without rseq(2). */
int64_t os_msg_await(int id, void *letter, size_t room, const struct os_msg_wish *,
                     const atomic_bool *stop);

/* A copy of the message at `index`, cut to the room, which stays: its size, -EAGAIN
 * (there are not so many), -ENOSYS. */
int64_t os_msg_peek(int id, int64_t index, void *letter, size_t room);

#endif
