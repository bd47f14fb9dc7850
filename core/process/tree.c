/* SPDX-License-Identifier: MIT */
/*
 * A process and all that descend from it.
 *
 * The system keeps no list of that, only each process's parent, and a process may start
 * another while they are counted.  So before they are signalled each that is found is
 * stopped, and looked for children again, until nobody runs and nothing new is found:
 * then nobody gets away.  The signal takes effect when they go on.
 */
#include "process/process.h"

#include <errno.h>
#include <stdlib.h>

enum { ROUNDS = 64 };

struct tree {
    struct os_relative *members; // the root is not among them
    size_t count;
    int64_t root;
    bool is_still; // nobody of it runs, as of the last look
};

static bool has(const struct tree *tree, int64_t pid)
{
    bool found = pid == tree->root;
    for (size_t i = 0; i < tree->count && !found; i++)
        found = tree->members[i].pid == pid;
    return found;
}

static int add(struct tree *tree, const struct os_relative *one)
{
    struct os_relative *more =
        realloc(tree->members, (tree->count + 1) * sizeof(*more));
    if (!more)
        return failure_plain(-ENOMEM,
                             "no memory to look for the children of a process");
    tree->members = more;
    more[tree->count++] = *one;
    return 0;
}

// One look: whoever is new is stopped.  How many were new.
static int look(struct tree *tree, int stop)
{
    struct os_relative *all = NULL;
    size_t count = 0;
    int found = 0;
    int r = os_everybody(&all, &count);
    tree->is_still = true;
    for (size_t i = 0; r >= 0 && i < count; i++) {
        if (has(tree, all[i].pid)) {
            tree->is_still = tree->is_still && all[i].is_still;
        } else if (has(tree, all[i].parent)) {
            r = add(tree, &all[i]);
            (void)os_kill_relative(&all[i], stop);
            found++;
        }
    }
    free(all);
    return r < 0 ? r : found;
}

// A stop takes effect when the kernel's work for the process is done, and that may be a
// fork: only a look that begins when nobody runs any more sees all.
static int find_all(struct tree *tree, int stop)
{
    bool was_still = false;
    for (int round = 0; round < ROUNDS; round++) {
        int found = look(tree, stop);
        bool is_all = found == 0 && (was_still || stop == 0);
        if (found < 0 || is_all)
            return found;
        was_still = tree->is_still && found == 0;
        os_yield();
    }
    return 0; // one that the kernel does not stop: all others are found
}

// Parents first: how one ends is not what it makes of a child's end.
static int signal_all(const struct tree *tree, const wherry_process *process,
                      int signal)
{
    int result = os_kill(process->fd, signal, false);
    for (size_t i = 0; i < tree->count; i++) {
        int r = os_kill_relative(&tree->members[i], signal);
        if (r < 0 && r != -ESRCH && result >= 0)
            result = r;
    }
    return result;
}

int tree_kill(const wherry_process *process, int signal)
{
    struct tree tree = {.root = process->pid};
    const int stop = signal == 0 ? 0 : os_signal_stop;
    const bool goes_on = signal != os_signal_kill && signal != stop;
    // Also asks whether it is there: its number is its own as long as it is.
    int r = os_kill(process->fd, stop, false);
    if (r >= 0)
        r = find_all(&tree, stop);
    int signalled = signal_all(&tree, process, signal);
    if (goes_on)
        (void)signal_all(&tree, process, os_signal_continue);
    free(tree.members);
    return r < 0 ? r : signalled;
}
