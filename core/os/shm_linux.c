/* SPDX-License-Identifier: MIT */
/*
 * System V shared memory: sysvipc(7), shmget(2), shmop(2), shmctl(2).
 *
 * There is no descriptor.  A segment that is marked for removal goes with the last
 * process that has it attached; until then it can be attached by its number.
 */
#define _GNU_SOURCE
#include "os/os.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>

// What these calls say of a segment that is no more: that its number is wrong.
static int of_segment(int error)
{
    return error == EINVAL ? -EIDRM : -error;
}

static int get(int64_t key, uint64_t size, int flags)
{
    if (size > INT64_MAX)
        return -EFBIG;
    int id = shmget((key_t)key, (size_t)size, flags);
    return id < 0 ? -errno : id;
}

int os_shm_open(const struct os_object_plan *plan, bool *made)
{
    static const struct os_object_sort sort = {.get = get, .has_size = true};
    return os_object_open(plan, &sort, made);
}

int os_shm_find(int64_t key)
{
    return get(key, 0, 0);
}

int os_shm_look(int id, struct os_shm_state *out)
{
    struct shmid_ds now;
    if (shmctl(id, IPC_STAT, &now) < 0)
        return of_segment(errno);
    *out = (struct os_shm_state){.size = now.shm_segsz,
                                 .uid = now.shm_perm.uid,
                                 .gid = now.shm_perm.gid,
                                 .mode = now.shm_perm.mode & 0777u,
                                 .is_removed = (now.shm_perm.mode & SHM_DEST) != 0,
                                 .attached = (int64_t)now.shm_nattch,
                                 .creator = now.shm_cpid,
                                 .last = now.shm_lpid,
                                 .attached_at = now.shm_atime,
                                 .detached_at = now.shm_dtime,
                                 .changed_at = now.shm_ctime};
    return 0;
}

int os_shm_attach(int id, bool writes, void **out)
{
    void *at = shmat(id, NULL, writes ? 0 : SHM_RDONLY);
    if (at == (void *)-1)
        return of_segment(errno);
    *out = at;
    return 0;
}

void os_shm_detach(void *at)
{
    (void)shmdt(at);
}

int os_shm_remove(int id)
{
    return shmctl(id, IPC_RMID, NULL) < 0 ? of_segment(errno) : 0;
}

void os_shm_limits(struct os_shm_limits *out)
{
    struct shminfo info;
    *out = (struct os_shm_limits){-1, -1, -1};
    if (shmctl(0, IPC_INFO, (struct shmid_ds *)(void *)&info) < 0)
        return;
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    const uint64_t all =
        info.shmall > INT64_MAX / page ? INT64_MAX : (uint64_t)info.shmall * page;
    *out = (struct os_shm_limits){
        .size_most = info.shmmax > INT64_MAX ? INT64_MAX : (int64_t)info.shmmax,
        .segments = (int64_t)info.shmmni,
        .all_most = (int64_t)all};
}
