/* SPDX-License-Identifier: MIT */
/*
 * known: what can be asked of a semaphore, of every mechanism.
 */
#include "rows.h"

EACH_ROW(its_description_says_what_is_known)
{
    struct wherry_semaphore_info info;
    wherry_semaphore *semaphore = make(row, 3);
    WORKS(wherry_acquire(semaphore, 1, WHERRY_POLL));
    WORKS(wherry_semaphore_describe(semaphore, &info, sizeof(info)));
    CHECK_STRING(info.scheme, row->scheme);
    CHECK_INT(info.members, 1);
    CHECK_INT(info.value, 2);
    CHECK_INT(info.permits, row->tells_permits ? 3 : -1);
    CHECK_INT(info.waiters, row->tells_waiters ? 0 : -1);
    CHECK_INT(info.held, row->has_owner ? 1 : -1);
    CHECK_INT(info.undo, row->has_owner || row->has_sets);
    CHECK_INT(info.removed, 0);
    CHECK_INT(info.temporary, 0);
    if (row->is_placed)
        CHECK_STRING(info.address, "");
    else
        CHECK_CONTAINS(info.address, at(row, ""));
    WORKS(wherry_release(semaphore, 1));
    wherry_semaphore_close(semaphore);
    unmake(row);
}

EACH_ROW(an_older_program_gets_as_much_as_it_knows)
{
    struct wherry_semaphore_info info;
    wherry_semaphore *semaphore = make(row, 1);
    memset(&info, 'x', sizeof(info));
    FAILS(wherry_semaphore_describe(semaphore, &info, 0), -EINVAL, "0 bytes");
    WORKS(wherry_semaphore_describe(semaphore, &info, sizeof(info.scheme)));
    CHECK_STRING(info.scheme, row->scheme);
    CHECK_INT(info.address[0], 'x');
    wherry_semaphore_close(semaphore);
    unmake(row);
}

EACH_ROW(its_members_are_told)
{
    struct wherry_semaphore_member member = {.value = 7};
    wherry_semaphore *semaphore = make(row, 3);
    CHECK_INT(wherry_semaphore_members(semaphore, 0, NULL, 0), 1);
    CHECK_INT(wherry_semaphore_members(semaphore, 0, &member, 1), 1);
    CHECK_INT(member.value, 3);
    CHECK_INT(member.waiters, row->tells_waiters ? 0 : -1);
    FAILS(wherry_semaphore_members(semaphore, 1, &member, 1), -ERANGE, "no 1");
    wherry_semaphore_close(semaphore);
    unmake(row);
}

EACH_ROW(who_has_it_is_told_where_that_is_known)
{
    struct wherry_semaphore_holder holder = {.pid = 0};
    wherry_semaphore *semaphore = make(row, 1);
    if (row->has_owner) {
        CHECK_INT(wherry_semaphore_holders(semaphore, &holder, 1), 1);
        CHECK_INT(holder.pid, getpid());
    } else {
        FAILS(wherry_semaphore_holders(semaphore, &holder, 1), -ENOTSUP,
              "nobody knows");
    }
    wherry_semaphore_close(semaphore);
    unmake(row);
}

EACH_ROW(what_has_no_descriptor_says_so)
{
    wherry_native file = -1;
    short events = 0;
    if (row->has_descriptor)
        SKIP("it has one");
    wherry_semaphore *semaphore = make(row, 1);
    FAILS(wherry_semaphore_fd(semaphore, 1, &file, &events), -ENOTSUP, "no descriptor");
    wherry_semaphore_close(semaphore);
    unmake(row);
}

struct gift {
    wherry_semaphore *semaphore;
    struct harness_gate taken;
};

// What it gave would be undone at its end.
static void give_one(void *argument)
{
    struct gift *gift = argument;
    WORKS(wherry_release(gift->semaphore, 1));
    gate_wait(&gift->taken);
}

EACH_ROW(it_goes_on_in_a_child)
{
    if (row->has_owner)
        SKIP("the parent holds it: the child opens it for itself");
    struct gift gift = {.semaphore = make(row, 0)};
    gate_open(&gift.taken);
    pid_t child = harness_child(give_one, &gift);
    WORKS(wherry_acquire(gift.semaphore, 1, soon()));
    gate_pass(&gift.taken);
    CHECK_INT(harness_wait(child), 0);
    gate_close(&gift.taken);
    wherry_semaphore_close(gift.semaphore);
    unmake(row);
}

EACH_ROW(nothing_is_left_of_many)
{
    for (int i = 0; i < 500; i++) {
        wherry_semaphore *semaphore = make(row, 1);
        wherry_semaphore *second = again(row);
        WORKS(wherry_acquire(semaphore, 1, WHERRY_POLL));
        WORKS(wherry_release(semaphore, 1));
        wherry_semaphore_close(second);
        wherry_semaphore_close(semaphore);
        unmake(row);
    }
}
