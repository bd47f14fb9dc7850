/* SPDX-License-Identifier: MIT */
/*
 * Four processes count in shared memory, each its own number and the total; the third
 * is killed between the two: with bare system calls and a robust mutex.
 *
 * The kernel marks the mutex of who dies with it, and the next one is told: it holds
 * the mutex, makes the total right again and says so.  Without "robust" all others
 * would wait for ever, without "process shared" there would be four mutexes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORKERS = 4, TURNS = 100, KILLED = 2, KILLED_AT = 50, PATIENCE_SECONDS = 30 };

struct counters {
    pthread_mutex_t mutex;
    long total;
    long each[WORKERS];
    long deaths;
};

static int complain(const char *what, int error)
{
    errno = error;
    return perror(what), 1;
}

static int make_mutex(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    int error = pthread_mutex_init(mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return error;
}

// 0 with the mutex held.  POSIX has deadlines by the wall clock only.
static int take(struct counters *counters)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_SECONDS;
    int error = pthread_mutex_timedlock(&counters->mutex, &until);
    if (error != EOWNERDEAD)
        return error;
    counters->deaths++;
    counters->total = 0;
    for (int i = 0; i < WORKERS; i++)
        counters->total += counters->each[i];
    return pthread_mutex_consistent(&counters->mutex);
}

static int count(struct counters *counters, int worker)
{
    for (int turn = 0; turn < TURNS; turn++) {
        int error = take(counters);
        if (error != 0)
            return complain("counters: taking the mutex", error);
        counters->each[worker]++;
        if (worker == KILLED && turn == KILLED_AT)
            raise(SIGKILL);
        counters->total++;
        pthread_mutex_unlock(&counters->mutex);
    }
    return 0;
}

static int show(struct counters *counters)
{
    int error = take(counters);
    if (error != 0)
        return complain("counters: taking the mutex", error);
    for (int i = 0; i < WORKERS; i++)
        printf("worker %d: %ld\n", i + 1, counters->each[i]);
    printf("total: %ld, and %ld death was told\n", counters->total, counters->deaths);
    pthread_mutex_unlock(&counters->mutex);
    return 0;
}

int main(void)
{
    struct counters *counters = mmap(NULL, sizeof(*counters), PROT_READ | PROT_WRITE,
                                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (counters == MAP_FAILED)
        return complain("counters: mmap", errno);
    int error = make_mutex(&counters->mutex);
    if (error != 0)
        return complain("counters: making a mutex", error);
    for (int i = 0; i < WORKERS; i++) {
        pid_t child = fork();
        if (child < 0)
            return complain("counters: fork", errno);
        if (child == 0)
            return count(counters, i);
    }
    while (wait(NULL) > 0 || errno == EINTR)
        continue;
    return show(counters);
}
