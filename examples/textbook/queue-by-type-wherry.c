/* SPDX-License-Identifier: MIT */
/*
 * A System V queue is filled by a child and read by type, after the child has ended:
 * with Wherry.
 *
 * A type is a message's kind.  The queue is private: the listener's address tells its
 * number, and the last process that closes it removes it.  A killed parent leaves it
 * (`ipcs -q`, `ipcrm -q NUMBER`).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wherry.h>

static const struct letter {
    int64_t kind;
    const char *text;
} letters[] = {
    {3, "stow the lines"}, {1, "ahoy"}, {2, "cast off"}, {1, "all aboard"}, {5, "row"}};

// Exactly 2; twice the lowest that is at most 3; then the oldest, whatever it is.
static const int64_t wishes[] = {2, -3, -3, 0, 0};

enum { COUNT = sizeof(letters) / sizeof(letters[0]) };

static int complain(void)
{
    return fprintf(stderr, "queue-by-type: %s\n", wherry_error_text()), 1;
}

static int fill(const char *address)
{
    wherry_channel *out;
    if (wherry_dial(address, WHERRY_POLL, &out) < 0)
        return complain();
    int r = 0;
    for (int i = 0; i < COUNT && r >= 0; i++)
        r = wherry_write(out, letters[i].text, strlen(letters[i].text), letters[i].kind,
                         0, WHERRY_FOREVER);
    int failed = r < 0 ? complain() : 0;
    wherry_close(out);
    return failed;
}

static int take_all(wherry_channel *in)
{
    struct wherry_channel_info now;
    wherry_message *message;
    if (wherry_describe(in, &now, sizeof(now)) < 0)
        return complain();
    printf("the child has ended, and %d messages wait\n", (int)now.waiting_messages);
    for (int i = 0; i < COUNT; i++) {
        if (wherry_recv_kind(in, wishes[i], &message, WHERRY_POLL) != 1)
            return complain();
        printf("wanted %2ld: type %ld, %.*s\n", (long)wishes[i],
               (long)wherry_message_kind(message), (int)wherry_message_size(message),
               (char *)wherry_message_data(message));
        wherry_message_free(message);
    }
    return 0;
}

int main(void)
{
    wherry_listener *listener;
    wherry_channel *in = NULL;
    int status = 0;
    if (wherry_listen("sysv:private", &listener) < 0)
        return complain();
    pid_t child = fork();
    if (child == 0) {
        int failed = fill(wherry_listener_address(listener));
        wherry_close_listener(listener);
        return failed;
    }
    if (child < 0)
        perror("queue-by-type: fork");
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    int failed = child < 0 || status != 0;
    if (!failed)
        failed =
            wherry_accept(listener, WHERRY_POLL, &in) < 0 ? complain() : take_all(in);
    wherry_close(in);
    wherry_close_listener(listener);
    return failed;
}
