/* SPDX-License-Identifier: MIT */
/*
 * System V message queues: sysvipc(7), msgget(2), msgop(2), msgctl(2).
 *
 * There is no descriptor and no call with a deadline.  The one call that waits has no
 * end but a message, the removal of the queue and a signal that is handled, so a wish
 * to end it that comes from a signal handler must not slip in between looking for it
 * and entering the kernel: that is what the restartable sequence below is for.
 */
#define _GNU_SOURCE
#include "os/os.h"
#include "os/written.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/syscall.h>
#include <unistd.h>
// ThreadSanitizer keeps signals back while a thread is in the kernel.
#if defined(__x86_64__) && !defined(__ILP32__) && __has_include(<sys/rseq.h>) &&       \
    !defined(__SANITIZE_THREAD__)
#include <sys/rseq.h>
#define CAN_AWAIT
#endif

#include "base/base.h"

#ifndef MSG_COPY // musl leaves it out
#define MSG_COPY 040000
#endif

/* --- opening ------------------------------------------------------------- */

// What these calls say of a queue that is no more: that its number is wrong, if it was
// gone before they began.
static int of_queue(int error)
{
    return error == EINVAL ? -EIDRM : -error;
}

static int get(int64_t key, uint64_t size, int flags)
{
    (void)size; // it has none
    int id = msgget((key_t)key, flags);
    return id < 0 ? -errno : id;
}

int os_msg_open(const struct os_object_plan *plan, bool writes, bool *made)
{
    const struct os_object_sort sort = {.get = get, .wish = writes ? 0222 : 0444};
    return os_object_open(plan, &sort, made);
}

int os_msg_find(int64_t key)
{
    return get(key, 0, 0);
}

int os_msg_look(int id, struct os_msg_state *out)
{
    struct msqid_ds now = {0};
    if (msgctl(id, IPC_STAT, &now) < 0)
        return of_queue(errno);
    *out = (struct os_msg_state){.messages = (int64_t)now.msg_qnum,
                                 .bytes = (int64_t)now.__msg_cbytes,
                                 .bytes_most = (int64_t)now.msg_qbytes,
                                 .sender = now.msg_lspid,
                                 .receiver = now.msg_lrpid,
                                 .sent = now.msg_stime,
                                 .received = now.msg_rtime,
                                 .changed = now.msg_ctime};
    return 0;
}

int os_msg_resize(int id, int64_t bytes)
{
    struct msqid_ds now = {0};
    if (msgctl(id, IPC_STAT, &now) < 0)
        return of_queue(errno);
    if ((int64_t)now.msg_qbytes == bytes)
        return 0;
    now.msg_qbytes = (msglen_t)bytes;
    return msgctl(id, IPC_SET, &now) < 0 ? -errno : 0;
}

int os_msg_remove(int id)
{
    return msgctl(id, IPC_RMID, NULL) < 0 ? of_queue(errno) : 0;
}

int os_msg_limits(struct os_msg_limits *out)
{
    struct msginfo info = {0};
    // The result is the highest index that is used, which nobody needs.
    if (msgctl(0, IPC_INFO, (struct msqid_ds *)(void *)&info) < 0)
        return -errno;
    *out = (struct os_msg_limits){
        .message_size = info.msgmax, .queue_bytes = info.msgmnb, .queues = info.msgmni};
    return 0;
}

/* --- moving -------------------------------------------------------------- */

int os_msg_send(int id, const void *letter, size_t size)
{
    return msgsnd(id, letter, size, IPC_NOWAIT) < 0 ? of_queue(errno) : 0;
}

// A letter is its type and `size` bytes.
static int64_t received(const void *letter, ssize_t size)
{
    if (size < 0)
        return errno == ENOMSG ? -EAGAIN : of_queue(errno);
    os_was_written(letter, sizeof(long) + (size_t)size);
    return size;
}

int64_t os_msg_receive(int id, void *letter, size_t room,
                       const struct os_msg_wish *wish)
{
    int flags = IPC_NOWAIT | (wish->cuts ? MSG_NOERROR : 0);
    return received(letter, msgrcv(id, letter, room, (long)wish->type, flags));
}

#ifdef CAN_AWAIT

struct waiting_call {
    int id;
    void *letter;
    size_t room;
    long type;
    long flags;
};

// rseq(2): while the thread is between the labels 1 and 2 the kernel sends it to 4 when
// a signal is delivered to it.  The last instruction of the sequence enters the kernel;
// what interrupts the call itself finds the thread behind it, and makes it return EINTR
// as ever.
static long enter_unless(const atomic_bool *stop, const struct waiting_call *call)
{
    char *self;
    __asm__("movq %%fs:0, %0" : "=r"(self));
    struct rseq *area = (struct rseq *)(void *)(self + __rseq_offset);
    register long flags __asm__("r8") = call->flags;
    register long type __asm__("r10") = call->type;
    long result = -EINTR;
    __asm__ volatile(".pushsection __rseq_cs, \"aw\"\n\t"
                     ".balign 32\n"
                     "3:\n\t"
                     ".long 0, 0\n\t"
                     ".quad 1f, 2f - 1f, 4f\n\t"
                     ".popsection\n\t"
                     "leaq 3b(%%rip), %%rcx\n\t"
                     "movq %%rcx, %[sequence]\n"
                     "1:\n\t"
                     "cmpb $0, %[stop]\n\t"
                     "jne 5f\n\t"
                     "movq %[number], %%rax\n\t"
                     "syscall\n"
                     "2:\n\t"
                     "jmp 5f\n\t"
                     ".byte 0x0f, 0xb9, 0x3d\n\t"
                     ".long %c[signature]\n"
                     "4:\n\t"
                     "movq %[interrupted], %%rax\n"
                     "5:\n"
                     : "+a"(result), [sequence] "=m"(area->rseq_cs)
                     : [stop] "m"(*stop), [number] "i"(SYS_msgrcv),
                       [interrupted] "i"(-EINTR), [signature] "i"(RSEQ_SIG),
                       "D"((long)call->id), "S"(call->letter), "d"(call->room),
                       "r"(type), "r"(flags)
                     : "rcx", "r11", "memory", "cc");
    area->rseq_cs = 0;
    return result;
}

int64_t os_msg_await(int id, void *letter, size_t room, const struct os_msg_wish *wish,
                     const atomic_bool *stop)
{
    if (__rseq_size == 0 || !os_alone())
        return -ENOTSUP;
    const struct waiting_call call = {.id = id,
                                      .letter = letter,
                                      .room = room,
                                      .type = (long)wish->type,
                                      .flags = wish->cuts ? MSG_NOERROR : 0};
    long r;
    do
        r = enter_unless(stop, &call);
    while (r == -EINTR && !atomic_load(stop));
    if (r == -EINTR)
        return -ECANCELED;
    return r < 0 ? of_queue((int)-r) : received(letter, r);
}

#else

int64_t os_msg_await(int id, void *letter, size_t room, const struct os_msg_wish *wish,
                     const atomic_bool *stop)
{
    (void)id, (void)letter, (void)room, (void)wish, (void)stop;
    return -ENOTSUP;
}

#endif

int64_t os_msg_peek(int id, int64_t index, void *letter, size_t room)
{
    return received(letter, msgrcv(id, letter, room, (long)index,
                                   IPC_NOWAIT | MSG_NOERROR | MSG_COPY));
}
