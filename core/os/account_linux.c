/* SPDX-License-Identifier: MIT */
/*
 * Users and groups, by name or number: getpwnam(3), getgrnam(3), getgrouplist(3).
 */
#define _GNU_SOURCE
#include "os/os.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"

enum { ENTRY = 1 << 20 }; // bytes of one entry, with the members of a group

static bool is_number(const char *text, uint32_t *out)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    // The last one stands for "none" in setuid(2)'s relatives.
    if (text[0] < '0' || text[0] > '9' || *end || errno || number >= UINT32_MAX)
        return false;
    *out = (uint32_t)number;
    return true;
}

// That there is no entry is told in many ways, getpwnam(3).
static int outcome(const void *found, int error)
{
    bool is_missing = error == 0 || error == ENOENT || error == ESRCH ||
                      error == EBADF || error == EPERM;
    return found ? 0 : is_missing ? -ENOENT : -error;
}

// Its strings are in the room.  Errors: -ENOENT.
static int look_up_user(const char *name, uint32_t number, char *room,
                        struct passwd *out)
{
    struct passwd *found = NULL;
    int r = name ? getpwnam_r(name, out, room, ENTRY, &found)
                 : getpwuid_r(number, out, room, ENTRY, &found);
    return outcome(found, r);
}

static int look_up_group(const char *name, uint32_t *out)
{
    struct group entry;
    struct group *found = NULL;
    char *room = malloc(ENTRY);
    if (!room)
        return -ENOMEM;
    int r = getgrnam_r(name, &entry, room, ENTRY, &found);
    if (found)
        *out = entry.gr_gid;
    free(room);
    return outcome(found, r);
}

static int groups_of(const struct passwd *entry, struct os_account *out)
{
    _Static_assert(sizeof(gid_t) == sizeof(out->groups[0]), "a gid has 32 bits");
    int count = OS_GROUPS;
    if (getgrouplist(entry->pw_name, out->group, out->groups, &count) < 0)
        return failure(-E2BIG, "user %s is in more than %d groups", entry->pw_name,
                       OS_GROUPS);
    out->group_count = (size_t)count;
    return 0;
}

static int find_user(const char *user, bool has_group, struct os_account *out)
{
    struct passwd entry;
    char *room = malloc(ENTRY);
    if (!room)
        return failure_plain(-ENOMEM, user);
    bool by_number = is_number(user, &out->user);
    int r = look_up_user(by_number ? NULL : user, out->user, room, &entry);
    if (r == 0) {
        out->user = entry.pw_uid;
        if (!has_group)
            out->group = entry.pw_gid;
        r = groups_of(&entry, out);
    } else if (r == -ENOENT && by_number && has_group) {
        out->groups[0] = out->group; // it is in no other
        out->group_count = 1;
        r = 0;
    } else if (r == -ENOENT) {
        r = by_number ? failure(r, "user %s has no entry: name its group, too", user)
                      : failure(r, "there is no user %s", user);
    } else {
        failure_plain(r, user);
    }
    free(room);
    return r;
}

static int find_group(const char *group, struct os_account *out)
{
    int r = is_number(group, &out->group) ? 0 : look_up_group(group, &out->group);
    if (r == -ENOENT)
        return failure(r, "there is no group %s", group);
    return r < 0 ? failure_plain(r, group) : 0;
}

// Whoever has no rights, and is nobody else in any way, has nothing to change.
static bool is_all_there(const struct os_account *account)
{
    uid_t user[3];
    gid_t group[3];
    if (geteuid() == 0 || getresuid(&user[0], &user[1], &user[2]) < 0 ||
        getresgid(&group[0], &group[1], &group[2]) < 0)
        return false;
    for (int i = 0; i < 3; i++) {
        if (user[i] != account->user || group[i] != account->group)
            return false;
    }
    return true;
}

int os_account_find(const char *user, const char *group, struct os_account *out,
                    bool *changes)
{
    *out = (struct os_account){.user = geteuid(), .group = getegid()};
    int r = group ? find_group(group, out) : 0;
    out->groups[0] = out->group;
    out->group_count = 1;
    if (r >= 0 && user)
        r = find_user(user, group != NULL, out);
    *changes = !is_all_there(out);
    return r;
}
