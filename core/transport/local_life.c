/* SPDX-License-Identifier: MIT */
/*
 * local: - whose memory it is: of this process, not of a child that it forks; and of
 * whoever has the other end, until that process ends.
 */
#include "transport/local.h"

#include <errno.h>

int local_miss_life(void)
{
    return failure(-ECHILD, "this channel has gone over to memory, which a child of "
                            "fork(2) does not have: dial anew, or use memory=never");
}

// Whoever has made that memory calls itself by a number, and the kernel has called it
// so, too: else it is of another pid namespace, or a child has taken over since.
int local_open_life(const struct wherry_peer *peer, int64_t claimed, bool *died)
{
    const struct os_life life = {.pid = peer->pid, .inode = peer->identity};
    const bool is_known =
        peer->trust == WHERRY_TRUST_KERNEL && peer->pid > 0 && claimed == peer->pid;
    int pidfd = is_known ? os_life_open(&life) : -ENOTSUP;
    *died = pidfd == -ESRCH;
    return pidfd < 0 ? -1 : pidfd;
}

static void watch_peer(struct local *local)
{
    bool died;
    atomic_store(&local->pidfd, local_open_life(message_store_peer(local->store),
                                                local->theirs.page->pid, &died));
    atomic_store(&local->died, died);
}

int local_watch(struct local *local)
{
    int pidfd = atomic_load(&local->pidfd);
    if (pidfd != LOCAL_UNWATCHED)
        return pidfd;
    os_lock_take(&local->speech);
    if (atomic_load(&local->pidfd) == LOCAL_UNWATCHED && local->theirs.page)
        watch_peer(local);
    os_lock_give(&local->speech);
    return atomic_load(&local->pidfd);
}

bool local_peer_has_died(struct local *local)
{
    int pidfd = atomic_load(&local->pidfd);
    return atomic_load(&local->died) || (pidfd >= 0 && os_is_readable(pidfd));
}
