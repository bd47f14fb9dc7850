/* SPDX-License-Identifier: MIT */
/*
 * semv:KEY - System V sets of semaphores, semop(2).
 *
 * Any program's semget(2) finds it by that key; it stays, with its values, until
 * wherry_remove.  A private one goes when the process that made it closes it (one that
 * is killed leaves it: ipcrm).
 *
 * The kernel makes a set with all values 0 and lets others see it at once.  Whoever
 * makes one here gives it its values, and then a time of the last operation; who finds
 * one without that time waits for it, a tenth of a second at most, for its maker may be
 * another program, which has none to give, or dead.
 */
#include "transport/semv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base.h"
#include "transport/key.h"

static const char of_set[] = "a set that is there (ipcs -s)";

enum {
    SHOWN = 32,
    MEMBERS_MOST = 65535,
    PATIENCE = 100000000, // nanoseconds for whoever makes one to be done
    LOOK = 1000000        // from one look to the next
};

static const struct wherry_option own_options[] = {
    {.name = "members",
     .type = WHERRY_OPTION_NUMBER,
     .standard = "0",
     .least = 0,
     .most = MEMBERS_MOST,
     .help = "How many semaphores a set that is made has; one that is there must have "
             "so many.  0 makes none, and takes one as it is."},
    {.name = "initial",
     .type = WHERRY_OPTION_TEXT,
     .standard = "1",
     .least = 1,
     .most = 511,
     .help = "The values of a set that is made, 0 to 32767: one for all of its "
             "members, or one for each, as in 1,0,5."},
    {.name = "undo",
     .type = WHERRY_OPTION_FLAG,
     .standard = "yes",
     .help = "Whether the kernel takes back what a process has changed when it ends, "
             "however it does (SEM_UNDO)."},
    {.name = "member",
     .type = WHERRY_OPTION_NUMBER,
     .standard = "0",
     .least = 0,
     .most = MEMBERS_MOST - 1,
     .help = "Which semaphore of the set acquire and release are about."},
    {.name = NULL},
};

static const struct wherry_option *const options[] = {own_options, object_options,
                                                      NULL};

static int semv_check(const struct address *address)
{
    struct key key;
    uint32_t mode;
    const int64_t members = address_number(address, "members");
    int r = key_read(address, of_set, &key);
    if (r >= 0)
        r = semv_check_values(address);
    if (r >= 0 && members > 0 && address_number(address, "member") >= members)
        r = failure(-EINVAL, "member=%s is none of %lld, which are counted from 0",
                    address_string(address, "member"), (long long)members);
    return r < 0 ? r : endpoint_mode(address, &mode);
}

/* --- opening ------------------------------------------------------------- */

static const struct complaint complaints[] = {
    {ENOENT, NULL},
    {EEXIST, NULL},
    {ENOTSUP, NULL},
    {EINVAL, NULL},
    {ENOSPC, NULL},
    {ENODATA, "there is no such set, and none is made without its size: members=1"},
    {EACCES, "this user may not open it: see who owns it, and its mode="},
    {ENOSYS, "this kernel has no System V semaphores"},
    {0, NULL},
};

static int refuse(const struct address *address, int error)
{
    // What there is not, and cannot be made, is not there.
    int r = endpoint_refuse(address, error, complaints);
    return r == -ENODATA ? -ENOENT : r;
}

static int explain(int error)
{
    struct os_semv_limits limits;
    os_semv_limits(&limits);
    if (error == -EINVAL)
        return failure(error,
                       "members= is more than the system allows in a set (kernel.sem, "
                       "its first number, now %lld)",
                       (long long)limits.members);
    if (error == -ENOSPC)
        return failure(error,
                       "there are as many sets as the system allows (kernel.sem, its "
                       "fourth number, now %lld), or as many members in them (its "
                       "second, now %lld): remove some",
                       (long long)limits.sets, (long long)limits.all);
    if (error == -ENOENT || error == -EIDRM)
        return failure(-ENOENT, "there is no such set: make it with members=, and "
                                "leave out create=no");
    if (error == -EEXIST)
        return failure(error, "the set is there already: leave out create=exclusive, "
                              "or remove it first (wherry remove)");
    return error;
}

static int find_or_make(const struct address *address, const struct key *key,
                        bool *is_made)
{
    struct os_object_plan plan = {.is_private = key->sort == KEY_PRIVATE,
                                  .create = object_create(address),
                                  .size = (uint64_t)address_number(address, "members")};
    if (key->sort == KEY_OBJECT)
        return (int)key->number;
    int r = endpoint_mode(address, &plan.mode);
    if (r >= 0 && !plan.is_private)
        r = key_number(key, &plan.key);
    return r < 0 ? r : explain(os_semv_open(&plan, is_made));
}

// One that is there, once whoever makes it is done.
static int meet(const struct address *address, int id, struct os_semv_state *there)
{
    const int64_t members = address_number(address, "members");
    const wherry_deadline until = deadline_add(wherry_now(), PATIENCE);
    int r;
    while ((r = os_semv_look(id, there)) >= 0 && there->operated_at == 0 &&
           wherry_now() < until)
        (void)os_wait(NULL, 0, deadline_add(wherry_now(), LOOK));
    if (r < 0)
        return explain(r);
    if (there->members > OS_SEMV_MEMBERS)
        return failure(-ENOTSUP, "the set has %u members, and up to %d are known here",
                       (unsigned)there->members, OS_SEMV_MEMBERS);
    if (members > 0 && members != there->members)
        return failure(-EEXIST,
                       "the set is there with %u members, not %lld: leave out "
                       "members=, or remove it first (wherry remove)",
                       (unsigned)there->members, (long long)members);
    if (address_number(address, "member") >= there->members)
        return failure(-EINVAL, "member=%s is none of %u, which are counted from 0",
                       address_string(address, "member"), (unsigned)there->members);
    return 0;
}

static int enter(const struct address *address, const struct key *key, int id,
                 wherry_semaphore **out)
{
    char shown[SHOWN];
    struct os_semv_state there;
    int r = meet(address, id, &there);
    if (r < 0)
        return r;
    const bool is_private = key->sort == KEY_PRIVATE;
    snprintf(shown, sizeof(shown), "semv:#%d", id);
    return semv_new(
        &(struct semv_plan){.id = id,
                            .member = (uint32_t)address_number(address, "member"),
                            .members = there.members,
                            .undo = address_number(address, "undo"),
                            .owner = is_private ? os_self() : 0,
                            .address = is_private ? shown : address_text(address)},
        out);
}

// Found, or made and given its values: nothing comes between the two but the kernel.
static int open_set(const struct address *address, const struct key *key, bool *is_made)
{
    uint16_t *values;
    int r = semv_values(address, &values);
    if (r < 0)
        return r;
    int id = find_or_make(address, key, is_made);
    if (*is_made && id >= 0 && (r = os_semv_begin(id, values)) < 0) {
        (void)os_semv_remove(id);
        id = explain(r);
    }
    free(values);
    return id;
}

static int semv_turns(const struct address *address, wherry_semaphore **out)
{
    struct key key;
    bool is_made = false;
    int r = key_read(address, of_set, &key);
    int id = r < 0 ? r : open_set(address, &key, &is_made);
    if (id < 0)
        return refuse(address, id);
    r = enter(address, &key, id, out);
    if (r < 0 && is_made)
        (void)os_semv_remove(id);
    return r < 0 ? refuse(address, r == -EIDRM ? explain(r) : r) : 0;
}

static int semv_remove(const struct address *address)
{
    struct key key;
    int r = key_read(address, of_set, &key);
    if (r >= 0)
        r = key_find(&key, os_semv_find);
    if (r >= 0)
        r = os_semv_remove(r);
    return r == -EIDRM ? -ENOENT : r;
}

const struct transport transport_semv = {
    .mechanism =
        {.scheme = "semv",
         .usage = "semv:KEY",
         .mechanism = "System V semaphores, semop(2)",
         .summary = "Turns on one machine, several at once, undone when a holder dies.",
         .example = "semv:4712?members=3&initial=1,0,5",
         .abilities = WHERRY_ABLE_STRANGERS | WHERRY_ABLE_OUTLIVES,
         .traits = WHERRY_TRAIT_TURNS | WHERRY_TRAIT_CONTAINERS,
         .limit = "it carries none",
         .systems = "POSIX (XSI)"},
    .options = options,
    .check = semv_check,
    .turns = semv_turns,
    .remove = semv_remove,
};
