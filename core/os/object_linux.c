/* SPDX-License-Identifier: MIT */
/*
 * Opening a System V object by its key, or making it: sysvipc(7).
 *
 * The kernel makes or finds in one call, but then does not say which; so it is asked
 * for one that is there, and for a new one, until either answer holds.
 */
#define _GNU_SOURCE
#include "os/os.h"

#include <errno.h>
#include <sys/ipc.h>

int os_object_open(const struct os_object_plan *plan, const struct os_object_sort *sort,
                   bool *made)
{
    const int make = IPC_CREAT | IPC_EXCL | (int)plan->mode;
    const int64_t key = plan->is_private ? IPC_PRIVATE : plan->key;
    *made = plan->is_private || plan->create == OS_CREATE_EXCLUSIVE;
    for (;;) {
        if (*made && sort->has_size && plan->size == 0)
            return -ENODATA;
        int id =
            *made ? sort->get(key, plan->size, make) : sort->get(key, 0, sort->wish);
        // Of the two that both found none, one is too late.
        bool is_late = *made && id == -EEXIST && plan->create == OS_CREATE_YES;
        bool is_missing = !*made && id == -ENOENT && plan->create == OS_CREATE_YES;
        if (!is_late && !is_missing)
            return id;
        *made = is_missing;
    }
}
