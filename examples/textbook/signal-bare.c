/* SPDX-License-Identifier: MIT */
/*
 * A child sends its parent three signals with a value while the parent has them
 * blocked; they are held, and taken later in their order: with bare system calls.
 *
 * Of a real-time signal each one is kept; a standard one (SIGUSR1) would be held once,
 * however often it was sent.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int tell(pid_t parent)
{
    for (int value = 10; value <= 30; value += 10)
        if (sigqueue(parent, SIGRTMIN, (union sigval){.sival_int = value}) < 0)
            return perror("signal: sigqueue"), 1;
    return 0;
}

static int take_all(const sigset_t *wanted, pid_t child)
{
    const struct timespec at_once = {0};
    siginfo_t info;
    int r;
    while ((r = sigtimedwait(wanted, &info, &at_once)) > 0 || errno == EINTR) {
        if (r < 0)
            continue; // a stop and a continue interrupt it without any handler
        // The sender wrote its pid itself: the kernel vouches for that of kill(2) only.
        int is_his = info.si_code == SI_QUEUE && info.si_pid == child;
        printf("value %d from %s\n", info.si_value.sival_int,
               is_his ? "the child" : "somebody else");
    }
    if (errno != EAGAIN)
        return perror("signal: sigtimedwait"), 1;
    printf("none is left\n");
    return 0;
}

int main(void)
{
    sigset_t wanted;
    int status = 0;
    pid_t parent = getpid();
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGRTMIN);
    // Before the fork: one that came sooner would kill this process.
    // NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread
    if (sigprocmask(SIG_BLOCK, &wanted, NULL) < 0)
        return perror("signal: sigprocmask"), 1;
    pid_t child = fork();
    if (child < 0)
        return perror("signal: fork"), 1;
    if (child == 0)
        return tell(parent);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (status != 0)
        return 1;
    printf("the child has ended\n");
    return take_all(&wanted, child);
}
