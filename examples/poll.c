/* SPDX-License-Identifier: MIT */
/*
 * A channel in poll(2): its descriptor is readable whenever a recv would not wait, so
 * one message is taken for each wake, however many came at once.
 */
#include <poll.h>
#include <stdio.h>
#include <wherry.h>

int main(void)
{
    wherry_channel *ends[2];
    if (wherry_pair("pair:?type=stream", ends) < 0)
        return fprintf(stderr, "poll: %s\n", wherry_error_text()), 1;
    for (int i = 0; i < 1000; i++)
        wherry_write(ends[1], &i, sizeof(i), 0, i < 999 ? WHERRY_MORE : 0,
                     WHERRY_FOREVER);
    wherry_close(ends[1]);
    struct pollfd wait = {0};
    wherry_fd(ends[0], WHERRY_IN, &wait.fd, &wait.events);
    int taken = 0;
    int in_order = 0;
    wherry_message *message;
    while (poll(&wait, 1, 5000) == 1) {
        int r = wherry_recv(ends[0], &message, WHERRY_POLL);
        if (r == 1) {
            in_order += *(int *)wherry_message_data(message) == taken++;
            wherry_message_free(message);
        } else if (r == 0) {
            break;
        }
    }
    printf("%d messages, one a wake, %d in order\n", taken, in_order);
    wherry_close(ends[0]);
    return 0;
}
