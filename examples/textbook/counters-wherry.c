/* SPDX-License-Identifier: MIT */
/*
 * Four processes count in shared memory, each its own number and the total; the third
 * is killed between the two: with Wherry.
 *
 * Each call on cells is one step by itself; the two numbers are one step because the
 * lock is held meanwhile.  The next one is told of the death, and holds the lock.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wherry.h>

enum { TOTAL, FIRST, WORKERS = 4, DEATHS = FIRST + WORKERS, CELLS };

enum { TURNS = 100, KILLED = 2, KILLED_AT = 50, PATIENCE_MILLISECONDS = 30000 };

static int complain(void)
{
    return fprintf(stderr, "counters: %s\n", wherry_error_text()), 1;
}

// >= 0 with the lock held.
static int take(wherry_cells *cells)
{
    wherry_lock *lock = wherry_cells_lock(cells);
    int64_t *values = wherry_cells_data(cells);
    int r = wherry_lock_take(lock, wherry_after(PATIENCE_MILLISECONDS));
    if (r != -EOWNERDEAD)
        return r;
    values[DEATHS]++;
    values[TOTAL] = 0;
    for (int i = 0; i < WORKERS; i++)
        values[TOTAL] += values[FIRST + i];
    return wherry_lock_recover(lock);
}

static int count(wherry_cells *cells, int worker)
{
    int64_t *values = wherry_cells_data(cells);
    for (int turn = 0; turn < TURNS; turn++) {
        if (take(cells) < 0)
            return complain();
        values[FIRST + worker]++;
        if (worker == KILLED && turn == KILLED_AT)
            raise(SIGKILL);
        values[TOTAL]++;
        wherry_lock_give(wherry_cells_lock(cells));
    }
    return 0;
}

static int show(wherry_cells *cells)
{
    const int64_t *values = wherry_cells_data(cells);
    if (take(cells) < 0)
        return complain();
    for (int i = 0; i < WORKERS; i++)
        printf("worker %d: %lld\n", i + 1, (long long)values[FIRST + i]);
    printf("total: %lld, and %lld death was told\n", (long long)values[TOTAL],
           (long long)values[DEATHS]);
    wherry_lock_give(wherry_cells_lock(cells));
    return 0;
}

// Each process opens them itself, and whoever is first makes them.
static int with_cells(wherry_region *region, int worker)
{
    wherry_cells *cells;
    if (wherry_cells_open(region, 0, WHERRY_CELL_INT64, CELLS, &cells) < 0)
        return complain();
    int failed = worker < WORKERS ? count(cells, worker) : show(cells);
    wherry_cells_close(cells);
    wherry_region_close(region);
    return failed;
}

int main(void)
{
    wherry_region *region;
    if (wherry_region_open("memfd:?size=4K", &region) < 0)
        return complain();
    for (int i = 0; i < WORKERS; i++) {
        pid_t child = fork();
        if (child < 0)
            return perror("counters: fork"), 1;
        if (child == 0)
            return with_cells(region, i);
    }
    while (wait(NULL) > 0 || errno == EINTR)
        continue;
    return with_cells(region, WORKERS);
}
