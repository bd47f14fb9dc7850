/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the loop start.
 *
 *   child says N CODE    sends its parent the messages "1" to "N", and gives CODE to
 *                        exit(3)
 *   child dies           sends "last words", and is killed
 *   child echo           answers each message by the same, until that ends
 *   child file           sends a message with an open file, in which stands "inside"
 *   child leaves         sends "one", and ends; who holds its channel and its stdout
 *                        sends "two" and ends, too, once the parent's channel ends
 */
#define _GNU_SOURCE // memfd_create
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <wherry.h>

static wherry_channel *parent;

static int say(const char *text)
{
    return wherry_write(parent, text, strlen(text), 0, 0, WHERRY_FOREVER);
}

static int says(char **words)
{
    char text[16];
    int r = 0;
    for (int i = 1; i <= atoi(words[0]) && r >= 0; i++) {
        snprintf(text, sizeof(text), "%d", i);
        r = say(text);
    }
    return r < 0 ? 99 : atoi(words[1]);
}

static int dies(char **words)
{
    (void)words;
    say("last words");
    raise(SIGKILL);
    return 99;
}

static int echoes(char **words)
{
    wherry_message *message = NULL;
    (void)words;
    while (wherry_recv(parent, &message, WHERRY_FOREVER) == 1)
        if (wherry_send(parent, &message, 0, WHERRY_FOREVER) < 0)
            return 99;
    return 0;
}

static int sends_file(char **words)
{
    wherry_message *message = NULL;
    int file = memfd_create("inside", MFD_CLOEXEC);
    (void)words;
    if (file < 0 || write(file, "inside", 6) != 6 || lseek(file, 0, SEEK_SET) < 0)
        return 99;
    if (wherry_message_copy("file", 4, &message) < 0 ||
        wherry_message_attach(message, file) < 0)
        return 99;
    return wherry_send(parent, &message, 0, WHERRY_FOREVER) < 0 ? 99 : 0;
}

static int leaves(char **words)
{
    wherry_message *message = NULL;
    (void)words;
    if (say("one") < 0)
        return 99;
    if (fork() > 0)
        _exit(0);
    int r = wherry_recv(parent, &message, WHERRY_FOREVER);
    wherry_message_free(message);
    return r < 0 || say("two") < 0 ? 99 : 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int words;
        int (*run)(char **words);
    } tasks[] = {{"says", 2, says},
                 {"dies", 0, dies},
                 {"echo", 0, echoes},
                 {"file", 0, sends_file},
                 {"leaves", 0, leaves}};

    int r = 98;
    if (wherry_parent(&parent) < 0)
        return 97;
    for (size_t i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++)
        if (argc == 2 + tasks[i].words && strcmp(argv[1], tasks[i].name) == 0)
            r = tasks[i].run(argv + 2);
    wherry_close(parent);
    return r;
}
