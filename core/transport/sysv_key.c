/* SPDX-License-Identifier: MIT */
/*
 * Finding a System V queue by its name, or making it.
 */
#include "transport/sysv.h"

#include <errno.h>

#include "base/base.h"

static int explain(int error)
{
    struct os_msg_limits limits = {0};
    (void)os_msg_limits(&limits);
    if (error == -ENOENT)
        return failure(error,
                       "there is no such queue: listen there first, or leave out "
                       "create=no");
    if (error == -ENOSPC)
        return failure(error,
                       "there are as many queues as the system allows (kernel.msgmni, "
                       "now %lld): remove some",
                       (long long)limits.queues);
    return error;
}

static int open_by_key(const struct address *address, const struct key *key,
                       bool writes, bool *is_made)
{
    struct os_object_plan plan = {.is_private = key->sort == KEY_PRIVATE,
                                  .create = object_create(address)};
    int r = endpoint_mode(address, &plan.mode);
    if (r >= 0 && !plan.is_private)
        r = key_number(key, &plan.key);
    return r < 0 ? r : explain(os_msg_open(&plan, writes, is_made));
}

// Looking takes the right to read, which a writer need not have.
static int open_by_number(const struct key *key, bool writes)
{
    struct os_msg_state there;
    int r = os_msg_look((int)key->number, &there);
    if (r == -EACCES && writes)
        r = 0;
    if (r == -EIDRM)
        return failure(-ENOENT, "there is no queue of that number (ipcs -q)");
    return r < 0 ? r : (int)key->number;
}

int sysv_open(const struct address *address, const struct key *key, bool writes,
              bool *is_made)
{
    *is_made = false;
    return key->sort == KEY_OBJECT ? open_by_number(key, writes)
                                   : open_by_key(address, key, writes, is_made);
}
