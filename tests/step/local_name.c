/* SPDX-License-Identifier: MIT */
/*
 * The name of a local: listener: whoever dies while it listens, takes over the name of
 * one that was killed, accepts or closes, the next one listens there, is dialled, and
 * leaves nothing.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "kernel.h"
#include "local.h"

/* What runs share. */
struct berth {
    char name[LINE_NAME]; // of all of its names the beginning
    char address[LINE_ADDRESS];
    int calls[2]; // a pipe, by which the dialler is told to dial
    pid_t dialler;
    atomic_int result; // of its last call
    atomic_bool is_over;
};

static const char *directory;

static wherry_deadline soon(void)
{
    return wherry_after(harness_stretch(LINE_PATIENCE));
}

static bool is_role(const struct step_role *role, const char *name)
{
    return strcmp(role->name, name) == 0;
}

// The one who is accepted: it speaks, and waits for an answer or an end.
static void dial(void *argument)
{
    struct berth *berth = argument;
    wherry_channel *channel = NULL;
    wherry_message *message = NULL;
    char byte;
    while (read(berth->calls[0], &byte, 1) != 1)
        ;
    int r = wherry_dial(berth->address, soon(), &channel);
    if (r >= 0)
        r = wherry_write(channel, "here", 4, 0, 0, soon());
    if (r >= 0)
        r = wherry_recv(channel, &message, WHERRY_FOREVER);
    wherry_message_free(message);
    wherry_close(channel);
    atomic_store(&berth->result, r);
    atomic_store(&berth->is_over, true);
}

static void die_listening(void *argument)
{
    const struct berth *berth = argument;
    wherry_listener *listener = NULL;
    CHECK_OK(wherry_listen(berth->address, &listener));
    _exit(0);
}

static void clear(void *argument)
{
    const struct berth *berth = argument;
    (void)wherry_remove(berth->address);
}

static void *make(const struct step_role *role)
{
    static unsigned runs;
    struct berth *berth = kernel_memory(sizeof *berth);
    directory = getenv("WHERRY_DIR");
    snprintf(berth->name, LINE_NAME, "n%06u", runs++);
    snprintf(berth->address, LINE_ADDRESS, "local:%s?spin=0", berth->name);
    CHECK_INT(pipe2(berth->calls, O_CLOEXEC), 0);
    if (role && is_role(role, "take-over"))
        CHECK_INT(harness_wait(harness_child(die_listening, berth)), 0);
    if (role && is_role(role, "accept"))
        berth->dialler = harness_child(dial, berth);
    return berth;
}

static void unmake(void *shared)
{
    struct berth *berth = shared;
    if (berth->dialler)
        harness_kill(berth->dialler);
    CHECK_INT(harness_wait(harness_child(clear, berth)), 0);
    close(berth->calls[0]);
    close(berth->calls[1]);
    munmap(berth, sizeof *berth);
}

static pid_t company(const struct step_scene *scene)
{
    const struct berth *berth = scene->shared;
    return atomic_load(&berth->is_over) ? 0 : berth->dialler;
}

static int count_names(const struct berth *berth)
{
    DIR *list = opendir(directory);
    int count = 0;
    for (struct dirent *entry; list && (entry = readdir(list));)
        count += strncmp(entry->d_name, berth->name, strlen(berth->name)) == 0;
    if (list)
        closedir(list);
    return count;
}

/* --- the operations ------------------------------------------------------ */

static void listen_own(struct step_scene *scene)
{
    const struct berth *berth = scene->shared;
    wherry_listener *listener = NULL;
    if (wherry_listen(berth->address, &listener) >= 0)
        scene->own = listener;
}

static void close_own(struct step_scene *scene)
{
    wherry_close_listener(scene->own);
    scene->own = NULL;
}

static void listen_and_close(struct step_scene *scene)
{
    listen_own(scene);
    close_own(scene);
}

static void be_dialled(struct step_scene *scene)
{
    struct berth *berth = scene->shared;
    listen_own(scene);
    CHECK_INT(write(berth->calls[1], "", 1), 1);
    harness_wait_blocked(berth->dialler);
}

static void accept_one(struct step_scene *scene)
{
    wherry_channel *channel = NULL;
    wherry_message *message = NULL;
    if (wherry_accept(scene->own, soon(), &channel) < 0)
        return;
    (void)wherry_recv(channel, &message, soon());
    wherry_message_free(message);
    wherry_close(channel);
}

/* --- the judgement ------------------------------------------------------- */

static int talk(wherry_listener *listener)
{
    wherry_channel *ends[2] = {NULL, NULL};
    wherry_message *message = NULL;
    int r = wherry_dial(wherry_listener_address(listener), soon(), &ends[0]);
    if (r >= 0)
        r = wherry_write(ends[0], "hello", 5, 0, 0, soon());
    if (r >= 0)
        r = wherry_accept(listener, soon(), &ends[1]);
    if (r >= 0)
        r = wherry_recv(ends[1], &message, soon());
    wherry_message_free(message);
    wherry_close(ends[0]);
    wherry_close(ends[1]);
    return r;
}

static struct step_finding judge_dialler(const struct berth *berth)
{
    const int64_t end = harness_now() + (int64_t)LINE_ANSWER * 1000000;
    while (!atomic_load(&berth->is_over) && harness_now() < end)
        poll(NULL, 0, 1);
    const int r = atomic_load(&berth->result);
    if (!atomic_load(&berth->is_over))
        return step_find(STEP_HUNG, "whoever dialled waits on");
    if (r != 0 && r != -ECONNRESET && r != -EPIPE)
        return step_find(STEP_TORN, "whoever dialled: %s", harness_errno_name(r));
    return step_find(r == 0 ? STEP_WHOLE : STEP_ABSENT, "%s", harness_errno_name(r));
}

static struct step_finding check(struct step_scene *scene)
{
    const struct berth *berth = scene->shared;
    struct step_finding finding = step_find(STEP_WHOLE, "the next one listens");
    if (berth->dialler)
        finding = judge_dialler(berth);
    wherry_listener *listener = NULL;
    if (wherry_listen(berth->address, &listener) < 0)
        return step_find(STEP_HUNG, "listening: %s", wherry_error_text());
    int r = talk(listener);
    wherry_close_listener(listener);
    if (r < 0)
        return step_find(STEP_HUNG, "talking: %s", wherry_error_text());
    if (count_names(berth) > 0)
        return step_find(STEP_LOST, "%d names stay behind", count_names(berth));
    return finding;
}

// Whoever is stopped may have the name, or its lock.
static struct step_finding meet(struct step_scene *scene)
{
    const struct berth *berth = scene->shared;
    wherry_channel *channel = NULL;
    int r = wherry_dial(berth->address, wherry_after(LINE_SOON), &channel);
    wherry_close(channel);
    wherry_listener *listener = NULL;
    if (r >= 0 || is_role(scene->role, "accept"))
        return step_find(STEP_WHOLE, "it was dialled, or not");
    r = wherry_listen(berth->address, &listener);
    wherry_close_listener(listener);
    return r < 0 && r != -EADDRINUSE
               ? step_find(STEP_TORN, "listening: %s", wherry_error_text())
               : step_find(STEP_ABSENT, "others try");
}

static const struct step_role roles[] = {
    {.name = "listen", .run = listen_own},
    {.name = "take-over", .run = listen_own},
    {.name = "close", .prepare = listen_own, .run = close_own},
    {.name = "accept", .prepare = be_dialled, .run = accept_one},
};

const struct step_subject local_name = {
    .name = "local-name",
    .roles = roles,
    .role_count = sizeof roles / sizeof *roles,
    .make = make,
    .unmake = unmake,
    .company = company,
    .recover = listen_and_close,
    .check = check,
    .meet = meet,
};
