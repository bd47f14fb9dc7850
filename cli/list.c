/* SPDX-License-Identifier: MIT */
/*
 * list: the objects of the machine, and who has them.
 */
#include "objects.h"
#include "say.h"

static int print(const struct choices *choices, const struct wherry_ipc_view *view)
{
    struct table *table = objects_table();
    for (size_t i = 0; i < view->object_count; i++)
        if (objects_is_chosen(choices, &view->objects[i]))
            objects_add(table, &view->objects[i]);
    return table_print(table, command_list.name);
}

static int run(int argc, char **argv)
{
    struct choices choices;
    struct wherry_ipc_view *view;
    if (settings_read(&command_list, argc, argv, 0, -1, &choices) != DONE)
        return USAGE;
    int status = objects_look(command_list.name, &choices, &view);
    if (status != DONE)
        return status;
    if (choices.json) {
        status = objects_print_json(command_list.name, &choices, view);
    } else {
        status = print(&choices, view);
        objects_tell_missing(command_list.name, view);
    }
    wherry_ipc_view_free(view);
    return status;
}

static const struct setting *const settings[] = {&setting_json,         &setting_mine,
                                                 &setting_orphans_only, &setting_pid,
                                                 &setting_older,        NULL};

const struct command command_list = {
    .name = "list",
    .arguments = "[OPTION…] [PATTERN…]",
    .summary = "Lists the queues, semaphores, regions, FIFOs and sockets there are.",
    .settings = settings,
    .help = "Each has its address, its owner, its size in bytes, its age, and the "
            "processes\n"
            "that have it.  \"nobody left\" is proven by the kernel; where it does not "
            "say,\n"
            "it is \"not known\", whoever is seen.  A PATTERN is an address in which * "
            "stands\n"
            "for anything, 'shm:/charts-*', or a scheme, shm: for all of its objects.\n"
            "\n"
            "Example:\n"
            "  wherry region create shm:/charts?size=4K\n"
            "  wherry list shm:/charts\n"
            "  wherry remove shm:/charts\n",
    .run = run,
};
