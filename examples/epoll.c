/* SPDX-License-Identifier: MIT */
/*
 * A channel in epoll(7), level-triggered: one message for each wake.
 */
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <wherry.h>

int main(void)
{
    wherry_channel *ends[2];
    if (wherry_pair("pair:", ends) < 0)
        return fprintf(stderr, "epoll: %s\n", wherry_error_text()), 1;
    for (int i = 0; i < 1000; i++)
        wherry_write(ends[1], &i, sizeof(i), 0, i < 999 ? WHERRY_MORE : 0,
                     WHERRY_FOREVER);
    wherry_close(ends[1]);
    wherry_native fd;
    short events;
    wherry_fd(ends[0], WHERRY_IN, &fd, &events);
    int loop = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = (uint32_t)events};
    epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event);
    int taken = 0;
    int r = 1;
    wherry_message *message;
    while (r != 0 && epoll_wait(loop, &event, 1, 5000) == 1) {
        r = wherry_recv(ends[0], &message, WHERRY_POLL);
        if (r == 1) {
            taken++;
            wherry_message_free(message);
        }
    }
    printf("%d messages, one a wake\n", taken);
    epoll_ctl(loop, EPOLL_CTL_DEL, fd, NULL); // before close, as for any descriptor
    wherry_close(ends[0]);
    close(loop);
    return 0;
}
