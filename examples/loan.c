/* SPDX-License-Identifier: MIT */
/*
 * Pictures that are never copied.  One process draws each where another will look at
 * it: wherry_loan gives the place, wherry_send says which it is, and it is free again
 * once the other has freed the message.  Both ends ask for that, by loan=.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <wherry.h>

enum { PICTURES = 100, PIXELS = 1024 * 1024 };

static uint64_t sum_of(const uint8_t *pixels)
{
    uint64_t sum = 0;
    for (int i = 0; i < PIXELS; i++)
        sum += pixels[i];
    return sum;
}

/* Answers each picture by the sum of its pixels. */
static int look(const char *address)
{
    wherry_channel *channel;
    wherry_message *picture;
    int r = wherry_dial(address, wherry_after(5000), &channel);
    if (r < 0)
        return 1;
    while ((r = wherry_recv(channel, &picture, WHERRY_FOREVER)) == 1) {
        const uint64_t sum = sum_of(wherry_message_data(picture));
        wherry_message_free(picture); // its place is free
        if (wherry_write(channel, &sum, sizeof(sum), 0, 0, wherry_after(5000)) < 0)
            break;
    }
    wherry_close(channel);
    return r < 0;
}

/* Whether the answer to a picture of that colour is right. */
static int draw(wherry_channel *channel, uint8_t colour)
{
    const wherry_deadline end = wherry_after(5000);
    wherry_message *picture;
    uint64_t sum = 0;
    if (wherry_loan(channel, PIXELS, &picture, end) < 0)
        return 0;
    memset(wherry_message_data(picture), colour, PIXELS);
    int r = wherry_send(channel, &picture, 0, end);
    if (r < 0)
        wherry_message_free(picture);
    else
        r = (int)wherry_read(channel, &sum, sizeof(sum), NULL, NULL, end);
    return r >= 0 && sum == (uint64_t)colour * PIXELS;
}

int main(void)
{
    char address[64];
    wherry_listener *listener;
    wherry_channel *channel;
    snprintf(address, sizeof(address), "local:pictures-%d?loan=8M", (int)getpid());
    if (wherry_listen(address, &listener) < 0)
        return fprintf(stderr, "loan: %s\n", wherry_error_text()), 1;
    if (fork() == 0)
        _exit(look(address));
    int r = wherry_accept(listener, wherry_after(5000), &channel);
    wherry_close_listener(listener);
    if (r < 0)
        return fprintf(stderr, "loan: %s\n", wherry_error_text()), 1;
    int right = 0;
    for (int i = 0; i < PICTURES; i++)
        right += draw(channel, (uint8_t)i);
    if (right < PICTURES)
        fprintf(stderr, "loan: %s\n", wherry_error_text());
    printf("%d pictures, %d right sums\n", PICTURES, right);
    wherry_close(channel);
    return right != PICTURES;
}
