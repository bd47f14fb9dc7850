/* SPDX-License-Identifier: MIT */
/*
 * A process and all that descend from it.
 *
 * The system keeps no list of that, only each process's parent, and a process may start
 * another while they are counted.  So before they are signalled each that is found is
 * stopped, and looked for children again, until nobody runs and nothing new is found.
 * The signal takes effect when they go on.  Who was found is remembered: when the root
 * has ended there is no other way to them.
 */
#include "process/process.h"

#include <errno.h>
#include <stdlib.h>

enum { ROUNDS = 64 };

static bool has(const wherry_process *root, int64_t pid)
{
    bool found = pid == root->pid;
    for (size_t i = 0; i < root->family_size && !found; i++)
        found = root->family[i].pid == pid;
    return found;
}

static int add(wherry_process *root, const struct os_relative *one)
{
    struct os_relative *more =
        realloc(root->family, (root->family_size + 1) * sizeof(*more));
    if (!more)
        return failure_plain(-ENOMEM,
                             "no memory to look for the children of a process");
    root->family = more;
    more[root->family_size++] = *one;
    return 0;
}

// One look: whoever is new, or still runs, is stopped, but nobody who could not be
// found again to go on.  How many were new, and whether nobody runs.
static int look(wherry_process *root, int stop, bool *is_still)
{
    struct os_relative *all = NULL;
    size_t count = 0;
    int found = 0;
    int r = os_everybody(&all, &count);
    *is_still = true;
    for (size_t i = 0; r >= 0 && i < count; i++) {
        const bool is_new = !has(root, all[i].pid);
        if (is_new && !has(root, all[i].parent))
            continue;
        if (is_new) {
            r = add(root, &all[i]);
            found++;
        }
        *is_still = *is_still && all[i].is_still;
        if (r >= 0 && !all[i].is_still)
            (void)os_kill_relative(&all[i], stop);
    }
    free(all);
    return r < 0 ? r : found;
}

// A stop takes effect when the kernel's work for the process is done, and that may be a
// fork: only a look that begins when nobody runs any more sees all.
static int find_all(wherry_process *root, int stop)
{
    bool was_still = false;
    for (int round = 0; round < ROUNDS; round++) {
        bool is_still;
        int found = look(root, stop, &is_still);
        if (found < 0 || (found == 0 && (was_still || stop == 0)))
            return found;
        was_still = is_still && found == 0;
        os_yield();
    }
    return 0; // one that the kernel does not stop: all others are found
}

// Who has ended does not matter, as long as anybody was there.
static int signal_family(const wherry_process *root, int signal)
{
    int result = -ESRCH;
    for (size_t i = root->family_size; i > 0; i--) {
        int r = os_kill_relative(&root->family[i - 1], signal);
        if (r >= 0 && result == -ESRCH)
            result = 0;
        else if (r < 0 && r != -ESRCH)
            result = r;
    }
    return result;
}

static int first_of(int a, int b)
{
    return a < 0 && a != -ESRCH ? a : b < 0 && b != -ESRCH ? b : a < b ? b : a;
}

// The root is the last to be killed: the kernel wakes what is stopped when its parent
// ends (setpgid(2)).  It is the first to go on: how it ends is not what it makes of its
// children's ends.
static int signal_all(const wherry_process *root, int signal, bool goes_on)
{
    int family = signal_family(root, signal);
    int r = first_of(os_kill(root->own, signal, false), family);
    if (goes_on) {
        int root_goes_on = os_kill(root->own, os_signal_continue, false);
        int went_on = first_of(root_goes_on, signal_family(root, os_signal_continue));
        r = went_on < 0 && went_on != -ESRCH ? first_of(r, went_on) : r;
    }
    return r;
}

int tree_kill(wherry_process *root, int signal)
{
    const int stop = signal == 0 ? 0 : os_signal_stop;
    const bool goes_on =
        signal != 0 && signal != os_signal_kill && !os_signal_stops(signal);
    // Its number is its own as long as it is there; else whoever was found before.
    int r = os_kill(root->own, stop, false);
    (void)signal_family(root, stop);
    if (r >= 0)
        r = find_all(root, stop);
    int signalled = signal_all(root, signal, goes_on);
    return r < 0 && r != -ESRCH ? r : signalled;
}

int64_t tree_patience(int signal, int64_t grace)
{
    return signal == os_signal_kill && grace < PROCESS_PATIENCE ? PROCESS_PATIENCE
                                                                : grace;
}

void tree_take_back(wherry_process *const *roots, size_t count)
{
    const wherry_deadline deadline = deadline_add(wherry_now(), PROCESS_PATIENCE);
    struct failure_aside why;
    failure_put_aside(&why);
    for (size_t i = 0; i < count; i++)
        (void)tree_kill(roots[i], os_signal_kill);
    for (size_t i = 0; i < count; i++) {
        struct os_wait end = {.fd = roots[i]->fd, .events = os_wait_in};
        (void)os_wait(&end, 1, deadline);
        tree_end(roots[i], deadline);
    }
    failure_bring_back(&why);
}

void tree_end(const wherry_process *root, wherry_deadline deadline)
{
    for (size_t i = 0; i < root->family_size; i++)
        (void)os_await_relative(&root->family[i], deadline);
    (void)signal_family(root, os_signal_kill);
}
