/* SPDX-License-Identifier: MIT */
/*
 * The first program: a parent hears from its child, and knows that it was the child.
 */
#include <stdio.h>
#include <unistd.h>
#include <wherry.h>

int main(void)
{
    wherry_channel *ends[2];
    if (wherry_pair("pair:", ends) < 0)
        return fprintf(stderr, "hello: %s\n", wherry_error_text()), 1;
    pid_t child = fork();
    if (child == 0) {
        wherry_close(ends[0]);
        int sent = wherry_write(ends[1], "ahoy", 4, 7, 0, WHERRY_FOREVER);
        wherry_close(ends[1]);
        return sent < 0;
    }
    wherry_close(ends[1]);
    wherry_message *message = NULL;
    if (wherry_recv(ends[0], &message, wherry_after(5000)) != 1)
        return fprintf(stderr, "hello: %s\n", wherry_error_text()), 1;
    printf("%.4s, kind %d, from my child: %s\n", (char *)wherry_message_data(message),
           (int)wherry_message_kind(message),
           wherry_message_sender(message)->pid == child ? "yes" : "no");
    wherry_message_free(message);
    wherry_close(ends[0]);
    return 0;
}
