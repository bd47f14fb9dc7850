/* SPDX-License-Identifier: MIT */
/*
 * What stands in the directory of this user's objects is told by its name there, though
 * whoever is bound to it went by a descriptor of the directory; and what has the same
 * name elsewhere is not.
 */
#include "objects.h"

#include <signal.h>
#include <sys/stat.h>

#include <wherry.h>

enum { DIRECTORIES = 32 };

static const char pier[] = "local:pier";

static void listen_there(struct neighbour *neighbour)
{
    wherry_listener *listener;
    (void)neighbour;
    CHECK_OK(wherry_listen(pier, &listener));
}

// Leaves the name of a listener that was killed.
static void leave_a_name(void)
{
    struct neighbour listener = {.prepare = listen_there};
    start_beside(&listener);
    end_beside(&listener);
}

TEST(a_listener_is_told_by_its_name_and_whoever_was_accepted_too)
{
    struct wherry_ipc_view *view;
    struct neighbour listener = {.prepare = listen_there};
    wherry_channel *channel;
    start_beside(&listener);
    CHECK_OK(wherry_dial(pier, wherry_after(HARNESS_PATIENCE), &channel));
    const struct wherry_ipc_object *object = only("local", &view);
    CHECK_STRING(object->address, pier);
    CHECK_STRING(object->scheme, "local");
    CHECK_INT(object->user, geteuid());
    CHECK_INT(object->mode, 0600);
    CHECK_INT(object->is_deleted, 0);
    CHECK_INT(object->left, 1);
    CHECK(is_recent(object->changed));
    CHECK_INT(how_of(object, listener.pid) & WHERRY_IPC_LISTENS, WHERRY_IPC_LISTENS);
    CHECK(wherry_inspect_remove(object) < 0);
    wherry_ipc_view_free(view);
    wherry_close(channel);
    CHECK_ERROR(wherry_remove(pier), -EADDRINUSE);
    end_beside(&listener);
    CHECK_OK(wherry_remove(pier));
}

TEST(what_a_killed_listener_left_is_proven_to_be_nobodys)
{
    wherry_channel *channel;
    leave_a_name();
    check_left(pier, 0);
    CHECK_ERROR(wherry_dial(pier, WHERRY_POLL, &channel), -ECONNREFUSED);
    CHECK_INT(remove_it(pier), 0);
    CHECK_ERROR(wherry_dial(pier, WHERRY_POLL, &channel), -ENOENT);
    CHECK_ERROR(wherry_remove(pier), -ENOENT);
}

TEST(a_name_that_somebody_has_taken_meanwhile_stays)
{
    struct wherry_ipc_view *view;
    wherry_listener *listener;
    leave_a_name();
    const struct wherry_ipc_object *object = only(pier, &view);
    CHECK_INT(object->left, 0);
    CHECK_OK(wherry_listen(pier, &listener));
    CHECK(wherry_inspect_remove(object) < 0);
    wherry_ipc_view_free(view);
    check_left(pier, 1);
    wherry_close_listener(listener);
}

static void go_elsewhere(struct neighbour *neighbour)
{
    const char *elsewhere = harness_path("elsewhere");
    // NOLINTNEXTLINE(concurrency-mt-unsafe): of a process of its own
    CHECK_INT(setenv("WHERRY_DIR", elsewhere, 1), 0);
    listen_there(neighbour);
}

// The kernel calls both /proc/self/fd/N/pier.local.
TEST(the_same_name_in_another_directory_is_another)
{
    struct neighbour elsewhere = {.prepare = go_elsewhere};
    start_beside(&elsewhere);
    struct wherry_ipc_view *view = view_of("local:*");
    CHECK_INT(view->object_count, 0);
    wherry_ipc_view_free(view);
    leave_a_name();
    check_left(pier, 0);
    end_beside(&elsewhere);
    CHECK_INT(remove_it(pier), 0);
    CHECK_INT(unlink(harness_path("elsewhere/pier.local")), 0);
    CHECK_INT(rmdir(harness_path("elsewhere")), 0);
}

// Here every number is a directory, in which there is no such name.
TEST(a_path_of_another_process_is_not_looked_at)
{
    struct neighbour elsewhere = {.prepare = go_elsewhere};
    int directories[DIRECTORIES];
    size_t seen = 0;
    start_beside(&elsewhere);
    for (int i = 0; i < DIRECTORIES; i++)
        CHECK_OK(directories[i] = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct wherry_ipc_view *view = view_of("unix:/proc/self/fd/*");
    for (size_t i = 0; i < view->object_count; i++)
        if (how_of(&view->objects[i], elsewhere.pid)) {
            CHECK_INT(view->objects[i].is_deleted, 0);
            seen++;
        }
    CHECK_INT(seen, 1);
    wherry_ipc_view_free(view);
    for (int i = 0; i < DIRECTORIES; i++)
        close(directories[i]);
    end_beside(&elsewhere);
    CHECK_INT(unlink(harness_path("elsewhere/pier.local")), 0);
    CHECK_INT(rmdir(harness_path("elsewhere")), 0);
}

TEST(a_file_that_is_no_socket_is_no_name)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/quay.local",
             getenv("WHERRY_DIR")); // NOLINT(concurrency-mt-unsafe): read
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    CHECK_OK(fd);
    close(fd);
    struct wherry_ipc_view *view = view_of("local");
    CHECK_INT(view->object_count, 0);
    wherry_ipc_view_free(view);
    CHECK_INT(unlink(path), 0);
}

TEST(a_process_has_its_sockets_under_that_name)
{
    wherry_listener *listener;
    bool is_there = false;
    CHECK_OK(wherry_listen(pier, &listener));
    struct wherry_process_view *view = look_into(getpid());
    for (size_t i = 0; i < view->object_count; i++)
        is_there |= strcmp(view->objects[i].local, pier) == 0;
    CHECK(is_there);
    wherry_view_free(view);
    wherry_close_listener(listener);
}
