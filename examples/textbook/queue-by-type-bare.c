/* SPDX-License-Identifier: MIT */
/*
 * A System V queue is filled by a child and read by type, after the child has ended:
 * with bare system calls.
 *
 * The queue is private, found by its number alone.  It is removed in every case but
 * one: a killed parent leaves it (`ipcs -q`, `ipcrm -q NUMBER`).
 */
#define _GNU_SOURCE // <sys/ipc.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/wait.h>
#include <unistd.h>

struct letter {
    long type;
    char text[32];
};

static const struct letter letters[] = {
    {3, "stow the lines"}, {1, "ahoy"}, {2, "cast off"}, {1, "all aboard"}, {5, "row"}};

// Exactly 2; twice the lowest that is at most 3; then the oldest, whatever it is.
static const long wishes[] = {2, -3, -3, 0, 0};

enum { COUNT = sizeof(letters) / sizeof(letters[0]) };

static int fill(int queue)
{
    for (int i = 0; i < COUNT; i++) {
        int r;
        // The size is that of the text, without the type in front of it.
        while ((r = msgsnd(queue, &letters[i], strlen(letters[i].text), 0)) < 0 &&
               errno == EINTR)
            continue;
        if (r < 0)
            return perror("queue-by-type: msgsnd"), 1;
    }
    return 0;
}

static int take_all(int queue)
{
    struct msqid_ds now;
    if (msgctl(queue, IPC_STAT, &now) < 0)
        return perror("queue-by-type: msgctl"), 1;
    printf("the child has ended, and %d messages wait\n", (int)now.msg_qnum);
    for (int i = 0; i < COUNT; i++) {
        struct letter letter;
        ssize_t size =
            msgrcv(queue, &letter, sizeof(letter.text), wishes[i], IPC_NOWAIT);
        if (size < 0)
            return perror("queue-by-type: msgrcv"), 1;
        printf("wanted %2ld: type %ld, %.*s\n", wishes[i], letter.type, (int)size,
               letter.text);
    }
    return 0;
}

int main(void)
{
    int status = 0;
    int queue = msgget(IPC_PRIVATE, 0600);
    if (queue < 0)
        return perror("queue-by-type: msgget"), 1;
    pid_t child = fork();
    if (child == 0)
        return fill(queue);
    if (child < 0)
        perror("queue-by-type: fork");
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    int failed = child < 0 || status != 0 || take_all(queue);
    msgctl(queue, IPC_RMID, NULL);
    return failed;
}
