/* SPDX-License-Identifier: MIT */
/*
 * System V semaphores: sysvipc(7), semget(2), semop(2), semctl(2).
 *
 * There is no descriptor.  A set is an array of members; operations on any of them are
 * done together or not at all.
 */
#define _GNU_SOURCE
#include "os/os.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <time.h>

enum { FEW = 8 }; // operations for which nothing is allocated

// The caller's to define (semctl(2)).
union semun {
    int val;
    struct semid_ds *buf;
    unsigned short *array;
    struct seminfo *info;
};

// What these calls say of a set that is no more: that its number is wrong, if it was
// gone before they began.
static int of_set(int error)
{
    return error == EINVAL ? -EIDRM : error == EFBIG ? -ERANGE : -error;
}

/* --- opening ------------------------------------------------------------- */

static int get(int64_t key, uint64_t size, int flags)
{
    if (size > INT32_MAX)
        return -EINVAL;
    int id = semget((key_t)key, (int)size, flags);
    return id < 0 ? -errno : id;
}

int os_semv_open(const struct os_object_plan *plan, bool *made)
{
    static const struct os_object_sort sort = {
        .get = get, .wish = 0444, .has_size = true};
    return os_object_open(plan, &sort, made);
}

int os_semv_find(int64_t key)
{
    return get(key, 0, 0);
}

int os_semv_begin(int id, const uint16_t *values)
{
    if (semctl(id, 0, SETALL, (union semun){.array = (uint16_t *)(uintptr_t)values}) <
        0)
        return of_set(errno);
    // Forth and back in one step changes nothing.  If that cannot be done, somebody has
    // been quicker and changed the value, which is an operation too; without any, the
    // next one waits for nothing, and no more comes of it.
    const short first = values[0] < OS_SEMV_MOST ? 1 : -1;
    struct sembuf nothing[] = {{.sem_op = first}, {.sem_op = (short)-first}};
    if (semtimedop(id, nothing, 2, &(const struct timespec){0}) == 0)
        return 0;
    return errno == EAGAIN || errno == ERANGE || errno == EINTR ? 0 : of_set(errno);
}

int os_semv_look(int id, struct os_semv_state *out)
{
    struct semid_ds now = {.sem_nsems = 0}; // the analyser cannot see that it is filled
    if (semctl(id, 0, IPC_STAT, (union semun){.buf = &now}) < 0)
        return of_set(errno);
    *out = (struct os_semv_state){.members = (uint32_t)now.sem_nsems,
                                  .uid = now.sem_perm.uid,
                                  .gid = now.sem_perm.gid,
                                  .mode = now.sem_perm.mode & 0777u,
                                  .operated_at = now.sem_otime,
                                  .changed_at = now.sem_ctime};
    return 0;
}

int os_semv_remove(int id)
{
    return semctl(id, 0, IPC_RMID) < 0 ? of_set(errno) : 0;
}

void os_semv_limits(struct os_semv_limits *out)
{
    struct seminfo info;
    *out = (struct os_semv_limits){-1, -1, -1, -1};
    if (semctl(0, 0, IPC_INFO, (union semun){.info = &info}) < 0)
        return;
    *out = (struct os_semv_limits){.members = info.semmsl,
                                   .all = info.semmns,
                                   .operations = info.semopm,
                                   .sets = info.semmni};
}

/* --- operating ----------------------------------------------------------- */

// How long this call may wait: until the deadline, and no longer than a slice.
static struct timespec time_for(wherry_deadline deadline)
{
    int64_t left = deadline == WHERRY_POLL ? 0 : OS_STOP_SLICE;
    if (deadline != WHERRY_POLL && deadline != WHERRY_FOREVER)
        left = deadline - wherry_now();
    left = left < 0 ? 0 : left > OS_STOP_SLICE ? OS_STOP_SLICE : left;
    return (struct timespec){.tv_nsec = (long)left};
}

// Without a time, which the kernel would set a timer for.  -EAGAIN: not now.
static int try_now(int id, struct sembuf *steps, size_t count)
{
    int r;
    for (size_t i = 0; i < count; i++)
        steps[i].sem_flg |= IPC_NOWAIT;
    do
        r = semop(id, steps, count);
    while (r < 0 && errno == EINTR);
    r = r < 0 ? of_set(errno) : 0;
    for (size_t i = 0; i < count; i++)
        steps[i].sem_flg &= ~IPC_NOWAIT;
    return r;
}

static int operate(int id, struct sembuf *steps, size_t count, wherry_deadline deadline,
                   const atomic_bool *stop)
{
    int r = try_now(id, steps, count);
    if (r != -EAGAIN || deadline == WHERRY_POLL)
        return r;
    for (;;) {
        // Who is to stop still takes what is there.
        const bool stops = atomic_load(stop);
        const struct timespec most = time_for(stops ? WHERRY_POLL : deadline);
        if (semtimedop(id, steps, count, &most) == 0)
            return 0;
        if (errno != EAGAIN && errno != EINTR)
            return of_set(errno);
        if (errno == EAGAIN && stops)
            return -ECANCELED;
        if (wherry_now() >= deadline)
            return -ETIMEDOUT;
    }
}

int os_semv_operate(int id, const struct os_semv_step *steps, size_t count,
                    wherry_deadline deadline, const atomic_bool *stop)
{
    struct sembuf few[FEW];
    if (count > OS_SEMV_STEPS)
        return -E2BIG;
    struct sembuf *all = count <= FEW ? few : calloc(count, sizeof(*all));
    if (!all)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        all[i] = (struct sembuf){.sem_num = steps[i].member,
                                 .sem_op = steps[i].change,
                                 .sem_flg = steps[i].undo ? SEM_UNDO : 0};
    int r = operate(id, all, count, deadline, stop);
    if (all != few)
        free(all);
    return r;
}

/* --- looking ------------------------------------------------------------- */

int os_semv_values(int id, uint16_t *out)
{
    return semctl(id, 0, GETALL, (union semun){.array = out}) < 0 ? of_set(errno) : 0;
}

int64_t os_semv_ask(int id, uint32_t member, enum os_semv_question question)
{
    static const int commands[] = {[OS_SEMV_VALUE] = GETVAL,
                                   [OS_SEMV_WAITERS] = GETNCNT,
                                   [OS_SEMV_ZERO] = GETZCNT,
                                   [OS_SEMV_LAST] = GETPID};

    int r = semctl(id, (int)member, commands[question]);
    return r < 0 ? of_set(errno) : r;
}

int os_semv_set(int id, uint32_t member, uint32_t value)
{
    if (value > INT32_MAX)
        return -ERANGE;
    return semctl(id, (int)member, SETVAL, (union semun){.val = (int)value}) < 0
               ? of_set(errno)
               : 0;
}
