/* SPDX-License-Identifier: MIT */
/*
 * Short words for tests of inspection: look into a process, find a row of its tables.
 */
#ifndef LOOK_H
#define LOOK_H

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <wherry/inspect.h>

#include "harness.h"

static inline struct wherry_process_view *look_into(int64_t pid)
{
    struct wherry_process_view *view = NULL;
    CHECK_INT(wherry_inspect_process(pid, NULL, &view), 0);
    CHECK_INT(view->state.pid, pid);
    return view;
}

static inline const struct wherry_view_descriptor *
descriptor_of(const struct wherry_process_view *view, int number)
{
    for (size_t i = 0; i < view->descriptor_count; i++)
        if (view->descriptors[i].number == number)
            return &view->descriptors[i];
    FAIL("number %d is not in the table", number);
}

static inline const struct wherry_view_description *
description_of(const struct wherry_process_view *view, int number)
{
    size_t place = descriptor_of(view, number)->description;
    CHECK(place < view->description_count);
    return &view->descriptions[place];
}

static inline const struct wherry_view_object *
object_of(const struct wherry_process_view *view, int number)
{
    size_t place = description_of(view, number)->object;
    CHECK(place < view->object_count);
    return &view->objects[place];
}

/* The place of that number among others, or NULL. */
static inline const struct wherry_place *place_of(const struct wherry_place *places,
                                                  size_t count, int64_t pid, int number)
{
    for (size_t i = 0; i < count; i++)
        if (places[i].pid == pid && places[i].number == number)
            return &places[i];
    return NULL;
}

/* A process of the test that has its own number `kept` and lives until it is killed. */
struct neighbour {
    pid_t pid;
    struct harness_gate ready;
    void (*prepare)(struct neighbour *);
    int kept;
};

static inline void live_beside(void *argument)
{
    struct neighbour *neighbour = argument;
    if (neighbour->prepare)
        neighbour->prepare(neighbour);
    gate_pass(&neighbour->ready);
    for (;;)
        pause();
}

static inline void start_beside(struct neighbour *neighbour)
{
    gate_open(&neighbour->ready);
    neighbour->pid = harness_child(live_beside, neighbour);
    gate_wait(&neighbour->ready);
}

static inline void end_beside(struct neighbour *neighbour)
{
    harness_kill(neighbour->pid);
    gate_close(&neighbour->ready);
}

#endif
