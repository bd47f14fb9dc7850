/* SPDX-License-Identifier: MIT */
/*
 * region: memory, written and read by the shell.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <wherry.h>

#include "harness.h"
#include "shell.h"

TEST(what_was_written_is_read)
{
    CHECK_SHELL(
        "r=file:$TMPDIR/sea; wherry region create $r?size=8\n"
        "printf 12345678 | wherry region write $r; wherry region read $r; echo\n"
        "printf ab >$TMPDIR/in; wherry region write --offset 6 $r <$TMPDIR/in\n"
        "wherry region read --offset 4 --size 4 $r; echo\n"
        "wherry region remove $r; rm $TMPDIR/in; test ! -e $TMPDIR/sea",
        "12345678\n56ab\n");
}

TEST(more_than_there_is_room_for_is_refused_before_anything_is_written)
{
    shell("r=file:$TMPDIR/sea; wherry region create $r?size=8; cd $TMPDIR\n"
          "printf 12345678 >fits; wherry region write $r <fits; echo $?\n"
          "printf abcdefghi >more; wherry region write $r <more; echo $?\n"
          "wherry region write --offset 4 $r <fits; echo $?\n"
          "wherry region write --offset 9 $r <fits; echo $?\n"
          "wherry region read $r; echo\n"
          "{ dd of=/dev/null bs=1 count=4 2>/dev/null; wherry region write --offset 4 "
          "$r; } <fits\n"
          "echo $?; wherry region read $r; wherry region remove $r; rm fits more");
    CHECK_STRING(said.out, "0\n1\n1\n1\n12345678\n0\n12345678");
    CHECK_CONTAINS(said.err, "more input than the 8 bytes");
}

// Of a pipe nobody knows how much there is.
TEST(what_fitted_of_a_pipe_is_written)
{
    shell("r=file:$TMPDIR/sea; wherry region create $r?size=4\n"
          "printf abcdef | wherry region write $r; echo $?\n"
          "wherry region read $r; wherry region remove $r");
    CHECK_STRING(said.out, "1\nabcd");
    CHECK_CONTAINS(said.err, "more input than the 4 bytes");
}
