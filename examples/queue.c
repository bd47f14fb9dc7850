/* SPDX-License-Identifier: MIT */
/*
 * Three processes put numbers into a queue in shared memory, three take them out and
 * put the squares into another one: each number is taken once, by whoever is free.
 * Nobody waits for anybody else to be there: what is put stays until it is taken.
 */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wherry.h>

enum { WRITERS = 3, READERS = 3, EACH = 1000, ALL = WRITERS * EACH, DONE = 99 };

static char numbers[64];
static char squares[64];

static int complain(void)
{
    return fprintf(stderr, "queue: %s\n", wherry_error_text()), 1;
}

static int open_reader(const char *address, wherry_channel **out)
{
    wherry_listener *listener;
    int r = wherry_listen(address, &listener);
    if (r < 0)
        return r;
    r = wherry_accept(listener, WHERRY_POLL, out);
    wherry_close_listener(listener);
    return r;
}

static int put_numbers(int writer)
{
    wherry_channel *out;
    if (wherry_dial(numbers, WHERRY_POLL, &out) < 0)
        return complain();
    int r = 0;
    for (int64_t i = writer; i < ALL && r >= 0; i += WRITERS)
        r = wherry_write(out, &i, sizeof(i), 0, 0, wherry_after(10000));
    wherry_close(out);
    return r < 0 ? complain() : 0;
}

static int square_numbers(void)
{
    wherry_channel *in;
    wherry_channel *out;
    int64_t kind = 0;
    int64_t number;
    if (open_reader(numbers, &in) < 0 || wherry_dial(squares, WHERRY_POLL, &out) < 0)
        return complain();
    int64_t r = 0;
    while (r >= 0 && (r = wherry_read(in, &number, sizeof(number), &kind, NULL,
                                      wherry_after(10000))) >= 0) {
        if (kind == DONE)
            break;
        number *= number;
        r = wherry_write(out, &number, sizeof(number), 0, 0, wherry_after(10000));
    }
    wherry_close(in);
    wherry_close(out);
    return r < 0 ? complain() : 0;
}

static int start_all(void)
{
    for (int i = 0; i < WRITERS + READERS; i++) {
        pid_t child = fork();
        if (child == 0)
            _exit(i < WRITERS ? put_numbers(i) : square_numbers());
        if (child < 0)
            return perror("queue: fork"), 1;
    }
    return 0;
}

static int take_squares(wherry_channel *in)
{
    int64_t sum = 0;
    for (int i = 0; i < ALL; i++) {
        int64_t square = 0;
        if (wherry_read(in, &square, sizeof(square), NULL, NULL, wherry_after(10000)) <
            0)
            return complain();
        sum += square;
    }
    printf("%d squares, and their sum is %lld\n", ALL, (long long)sum);
    return 0;
}

// One for each reader.
static int say_done(void)
{
    wherry_channel *out;
    if (wherry_dial(numbers, WHERRY_POLL, &out) < 0)
        return complain();
    int r = 0;
    for (int i = 0; i < READERS && r >= 0; i++)
        r = wherry_write(out, "", 0, DONE, 0, wherry_after(10000));
    wherry_close(out);
    return r < 0 ? complain() : 0;
}

int main(void)
{
    wherry_channel *in;
    struct wherry_channel_info info;
    int status;
    int failed = 0;
    snprintf(numbers, sizeof(numbers), "queue:numbers-%d", (int)getpid());
    snprintf(squares, sizeof(squares), "queue:squares-%d", (int)getpid());
    if (start_all())
        return 1;
    if (open_reader(squares, &in) < 0)
        return complain();
    failed = take_squares(in) || say_done();
    while (wait(&status) > 0)
        failed = failed || status != 0;
    wherry_describe(in, &info, sizeof(info));
    printf("%d wait, and nobody failed: %s\n", (int)info.waiting_messages,
           failed ? "no" : "yes");
    wherry_close(in);
    if (wherry_remove(numbers) < 0 || wherry_remove(squares) < 0)
        return complain();
    return failed;
}
