/* SPDX-License-Identifier: MIT */
/*
 * acquire: a command within a turn.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <wherry.h>

#include "harness.h"
#include "shell.h"

// What the mechanisms do alike.
static const char *const addresses[] = {"lease:turns", "sem:/turns-$$",
                                        "semv:0x5$$?members=1"};

TEST(the_command_has_the_turn_and_its_status_is_that_of_acquire)
{
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        char script[1024];
        snprintf(
            script, sizeof(script),
            "at=%s\n"
            "wherry acquire $at -- sh -c 'wherry acquire --timeout 10ms '$at' -- true"
            " 2>/dev/null; echo $?; exit 7'; echo $?\n"
            "wherry acquire --timeout 10s $at -- echo after; wherry remove $at",
            addresses[i]);
        shell(script);
        CHECK_STRING(said.err, "");
        CHECK_STRING(said.out, "124\n7\nafter\n");
    }
}

TEST(several_permits_are_taken_at_once)
{
    shell("wherry acquire --count 2 'lease:turns?permits=3' -- sh -c '\n"
          "    wherry acquire --timeout 10ms --count 2 lease:turns -- echo no\n"
          "    echo $?; wherry acquire --timeout 10s lease:turns -- echo one'\n"
          "wherry acquire --count 4 lease:turns -- echo four; echo $?\n"
          "wherry remove lease:turns");
    CHECK_STRING(said.out, "124\none\n125\n");
    CHECK_CONTAINS(said.err, "no turn within the time of --timeout");
    CHECK_CONTAINS(said.err, "never has 4 permits: 3 at most");
}

TEST(one_turn_after_the_other_however_the_holders_end)
{
    shell("cd $TMPDIR\n"
          "for i in 1 2 3 4 5 6; do\n"
          "    wherry acquire lease:turns -- sh -c 'echo in >>turns; echo out >>turns\n"
          "        kill -9 $$' &\n"
          "done; wait\n"
          "uniq -c turns | awk '{print $1}' | sort -u; wc -l <turns; rm turns\n"
          "wherry remove lease:turns");
    CHECK_STRING(said.out, "1\n12\n");
}

// The shell's own child becomes the command.
TEST(the_holder_is_the_process_of_the_command)
{
    shell("mkfifo $TMPDIR/go\n"
          "wherry acquire lease:turns -- sh -c 'read go <$TMPDIR/go' & it=$!\n"
          "until wherry describe lease:turns | grep -q 'value *0'; do :; done\n"
          "kill -9 $it; wait $it 2>/dev/null\n"
          "wherry acquire --timeout 10s lease:turns -- echo free; rm $TMPDIR/go\n"
          "wherry remove lease:turns");
    CHECK_CONTAINS(said.out, "free\n");
}

TEST(the_command_is_ended_by_a_reader_that_goes)
{
    CHECK_SHELL("wherry acquire lease:boat -- yes 2>err | head -n 1; cat err; rm err",
                "y\n");
    CHECK_SHELL("wherry remove lease:boat", "");
}

TEST(a_set_without_a_key_goes_with_the_command)
{
    CHECK_SHELL("wherry acquire 'semv:private?members=77&initial=1' -- true; "
                "ipcs -s | awk '$5 == 77'",
                "");
}

TEST(a_signal_while_it_waits_ends_it_with_nothing_held)
{
    shell("mkfifo $TMPDIR/go\n"
          "wherry acquire lease:turns -- sh -c 'read go <$TMPDIR/go' &\n"
          "until wherry describe lease:turns | grep -q 'value *0'; do :; done\n"
          "wherry acquire lease:turns -- echo no & it=$!\n"
          "until wherry describe lease:turns | grep -q 'waiters *1'; do :; done\n"
          "kill -TERM $it; wait $it 2>/dev/null; echo $?\n"
          "echo >$TMPDIR/go; wait; rm $TMPDIR/go\n"
          "wherry acquire --timeout 10s lease:turns -- echo free\n"
          "wherry remove lease:turns");
    CHECK_STRING(said.out, "143\nfree\n");
}

TEST(what_cannot_be_done_is_said)
{
    shell("wherry acquire lease:turns -- no-such-program; echo $?\n"
          "wherry acquire lease:turns -- /; echo $?\n"
          "wherry acquire lease:turns; echo $?\n"
          "wherry acquire leese:turns -- true; echo $?\n"
          "wherry acquire pipe: -- true; echo $?\n"
          "wherry acquire 'lease:none?create=no' -- true; echo $?\n"
          "wherry acquire --count 0 lease:turns -- true; echo $?\n"
          "wherry acquire --count 2147483648 lease:turns -- true; echo $?\n"
          "wherry remove lease:turns");
    CHECK_STRING(said.out, "127\n126\n2\n2\n125\n125\n2\n2\n");
    CHECK_CONTAINS(said.err, "no-such-program: No such file");
    CHECK_CONTAINS(said.err, "did you mean \"lease:\"");
    CHECK_CONTAINS(said.err, "is no semaphore");
    CHECK_CONTAINS(said.err, "there is no such lease");
    CHECK_CONTAINS(said.err, "from 1 to 2147483647");
}
