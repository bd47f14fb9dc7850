/* SPDX-License-Identifier: MIT */
/*
 * A filter that numbers the lines of its stdin: with Wherry.
 *
 * A message is a line.  It has left when wherry_send returns: there is nothing to
 * flush.
 */
#include <stdio.h>
#include <string.h>
#include <wherry.h>

static int answer(wherry_channel *channel, const wherry_message *question, int count)
{
    char head[16];
    wherry_message *message;
    size_t size = wherry_message_size(question);
    size_t before = (size_t)snprintf(head, sizeof(head), "%d: ", count);
    int r = wherry_loan(channel, before + size, &message, WHERRY_FOREVER);
    if (r < 0)
        return r;
    char *text = wherry_message_data(message);
    memcpy(text, head, before);
    memcpy(text + before, wherry_message_data(question), size);
    r = wherry_send(channel, &message, 0, WHERRY_FOREVER);
    wherry_message_free(message);
    return r;
}

int main(void)
{
    wherry_channel *channel;
    wherry_message *question;
    int count = 0;
    int r = wherry_dial("stdio:", WHERRY_FOREVER, &channel);
    if (r < 0)
        return fprintf(stderr, "filter: %s\n", wherry_error_text()), 1;
    while (r >= 0 && (r = wherry_recv(channel, &question, WHERRY_FOREVER)) == 1) {
        r = answer(channel, question, ++count);
        wherry_message_free(question);
    }
    if (r < 0)
        fprintf(stderr, "filter: %s\n", wherry_error_text());
    wherry_close(channel);
    return r < 0;
}
