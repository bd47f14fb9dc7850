/* SPDX-License-Identifier: MIT */
/*
 * Mistyped names: which one was meant, and when none was.
 */
#include "harness.h"

#include "message/message.h"

static const char *const schemes[] = {"local", "pipe", "fifo", "unix",
                                      "tcp",   "udp",  "fd"};

static const char *nearest(const char *name)
{
    return address_nearest(name, schemes, sizeof schemes / sizeof *schemes);
}

TEST(a_mistyped_name_has_a_nearest)
{
    CHECK_STRING(nearest("unix"), "unix");
    CHECK_STRING(nearest("unxi"), "unix");
    CHECK_STRING(nearest("unx"), "unix");
    CHECK_STRING(nearest("uniix"), "unix");
    CHECK_STRING(nearest("umix"), "unix");
    CHECK_STRING(nearest("UNIX"), "unix");
    CHECK_STRING(nearest("tpc"), "tcp");
    CHECK_STRING(nearest("pip"), "pipe");
    CHECK_STRING(nearest("loacl"), "local");
    CHECK_STRING(nearest("lcoal"), "local");
    CHECK_STRING(nearest("td"), "fd");
}

TEST(what_is_far_from_all_has_none)
{
    CHECK(!nearest(""));
    CHECK(!nearest("x"));
    CHECK(!nearest("zz"));
    CHECK(!nearest("http"));
    CHECK(!nearest("websocket"));
    CHECK(!nearest("unixunixunixunixunixunixunixunixunix"));
    CHECK(!address_nearest("unix", NULL, 0));
    CHECK(!address_nearest("xy", (const char *const[]){"y"}, 1));
}

TEST(a_name_of_32_letters_is_compared_and_one_of_33_is_not)
{
    const char *long_name = "abcdefghijklmnopqrstuvwxyzabcdef";
    const char *longer_name = "abcdefghijklmnopqrstuvwxyzabcdefg";
    CHECK(address_nearest(long_name, &long_name, 1) == long_name);
    CHECK(!address_nearest(long_name, &longer_name, 1));
    CHECK(!address_nearest(longer_name, &long_name, 1));
}
