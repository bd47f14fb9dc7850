/* SPDX-License-Identifier: MIT */
/*
 * Who takes part in a task: Wherry by each address, in its variants, and all the
 * others; and what must run beside some of them for as long as the bench does.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bench/contest.h"

/* --- what runs beside ---------------------------------------------------- */

static const struct contest_served *find_served(const struct contest_services *services,
                                                const char *program)
{
    for (size_t i = 0; i < services->count; i++) {
        if (strcmp(services->of[i].program, program) == 0)
            return &services->of[i];
    }
    return NULL;
}

int contest_serve_all(const struct contest_wish *wish, const char *folder,
                      struct contest_services *services)
{
    for (const struct contest_rival *rival = contest_rivals; rival->name; rival++) {
        if (!rival->is_served || find_served(services, rival->program))
            continue;
        struct contest_served *served = &services->of[services->count++];
        served->program = rival->program;
        served->error = entrant_serve(
            &served->entrant,
            &(struct contest_start){
                .folder = folder, .directory = wish->plan->directory, .rival = rival});
        if (served->error == -EINTR)
            return -EINTR;
    }
    return 0;
}

void contest_end_services(struct contest_services *services)
{
    for (size_t i = 0; i < services->count; i++)
        entrant_end(&services->of[i].entrant);
}

// Who has lost what it needs beside it is not even started.
static void mind_services(const struct contest_services *services,
                          struct contest_result *result)
{
    for (size_t i = 0; i < result->count; i++) {
        struct contest_seat *seat = &result->seats[i];
        const struct contest_served *served =
            seat->rival->is_served ? find_served(services, seat->rival->program) : NULL;
        if (served && served->error < 0)
            memcpy(seat->why, served->entrant.why, sizeof(seat->why));
    }
}

/* --- who takes part ------------------------------------------------------ */

static bool has_option(const char *address, const char *name)
{
    char scheme[16];
    snprintf(scheme, sizeof(scheme), "%.*s", (int)strcspn(address, ":"), address);
    const struct wherry_mechanism *mechanism = wherry_mechanism_find(scheme);
    const struct wherry_option *option = NULL;
    const size_t size = strcspn(name, "=");
    for (size_t i = 0; mechanism && (option = wherry_mechanism_option(mechanism, i));
         i++) {
        if (strlen(option->name) == size && strncmp(option->name, name, size) == 0)
            return true;
    }
    return false;
}

int contest_check_address(const char *address)
{
    char named[BENCH_PATH];
    const char *hole = strstr(address, "%s");
    const int size = hole ? (int)(hole - address) : (int)strlen(address);
    snprintf(named, sizeof(named), "%.*s%s", size, address, hole ? "name" : "");
    if (hole)
        snprintf(named + strlen(named), sizeof(named) - strlen(named), "%s", hole + 2);
    return wherry_address_check(named);
}

// The address with what makes it that variant; false: there is none.
static bool vary(const char *address, enum contest_variant variant,
                 char out[BENCH_PATH])
{
    snprintf(out, BENCH_PATH, "%s", address);
    if (variant == CONTEST_PLAIN)
        return true;
    for (size_t i = 0; contest_variants[variant][i]; i++) {
        const char *option = contest_variants[variant][i];
        snprintf(out, BENCH_PATH, "%s%c%s", address, strchr(address, '?') ? '&' : '?',
                 option);
        if (has_option(address, option) && contest_check_address(out) >= 0)
            return true;
    }
    return false;
}

static struct contest_seat *add_seat(struct contest_result *result)
{
    struct contest_seat *seat = &result->seats[result->count];
    result->count += result->count + 1 < CONTEST_SEATS;
    return seat;
}

static void seat_ours(const struct contest_task *task, const char *address,
                      struct contest_result *result)
{
    static const struct contest_rival ours = {.name = "wherry", .program = "wherry"};

    for (int variant = 0; variant < CONTEST_VARIANTS; variant++) {
        char varied[BENCH_PATH];
        const bool is_wanted =
            variant == CONTEST_PLAIN || (task->variants & 1u << variant);
        if (!is_wanted || !vary(address, (enum contest_variant)variant, varied))
            continue;
        struct contest_seat *seat = add_seat(result);
        *seat = (struct contest_seat){.rival = &ours,
                                      .address = address,
                                      .variant = (enum contest_variant)variant};
        memcpy(seat->name, varied, sizeof(varied));
    }
}

void contest_seat_all(const struct contest_wish *wish,
                      const struct contest_services *services,
                      struct contest_result *result)
{
    const struct contest_task *task = &contest_tasks[result->task];
    for (size_t i = 0; wish->addresses[i]; i++)
        seat_ours(task, wish->addresses[i], result);
    for (const struct contest_rival *rival = contest_rivals;
         rival->name && !task->is_ours; rival++) {
        struct contest_seat *seat = add_seat(result);
        *seat = (struct contest_seat){.rival = rival};
        snprintf(seat->name, sizeof(seat->name), "%s", rival->name);
    }
    mind_services(services, result);
}
