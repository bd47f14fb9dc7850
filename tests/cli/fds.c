/* SPDX-License-Identifier: MIT */
/*
 * fds: the figure of the textbooks, drawn of real processes.
 */
#include "shell.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

// Prints what Python finds in the object, `d`; and that it is JSON at all.
#define JSON(script)                                                                   \
    " | LC_ALL=C.UTF-8 python3 -c 'import json,sys;d=json.load(sys.stdin);" script "'" \
    "\n"

TEST(the_three_tables_of_a_shell_are_the_figure_of_the_textbooks)
{
    shell("echo abcdef > f; exec 3<f 4<&3 5<f; read -r line <&3\n"
          "until wherry fds $$ > text; grep -q 'blocked: waits for a child' text\n"
          "do :; done; cat text; rm f text");
    CHECK_INT(said.status, 0);
    CHECK_STRING(said.err, "");
    CHECK_CONTAINS(said.out, "(sh)\n");
    CHECK_CONTAINS(said.out, "\ndescriptors\n");
    CHECK_CONTAINS(said.out, "\nopen file descriptions\n");
    CHECK_CONTAINS(said.out, " 3 4          7 read ");
    CHECK_CONTAINS(said.out, " 5            0 read ");
    CHECK_CONTAINS(said.out, "\ninodes and sockets\n");
    CHECK_CONTAINS(said.out, "regular file");
    // What it has inherited itself it does not tell.
    CHECK(strstr(said.out, "(wherry)") == NULL);
}

TEST(without_a_number_it_is_the_shell)
{
    CHECK_SHELL("wherry fds --json" JSON("print(d[\"process\"][0][\"name\"])"), "sh\n");
    CHECK_SHELL("wherry fds self --json" JSON("print(d[\"process\"][0][\"state\"])"),
                "running\n");
}

TEST(who_shares_a_description_and_who_is_at_the_other_end_is_named)
{
    shell("mkfifo f g; sleep 97 3<>f > g & : < g\n"
          "exec 4<>f\n"
          "until wherry fds $! > text; grep -q 'blocked: sleeps' text; do :; done\n"
          "cat text; wherry fds $$; kill $!; rm f g text");
    char process[32];
    const char *number = strstr(said.out, "process     ");
    CHECK(number != NULL);
    snprintf(process, sizeof(process), "%.*s:3 (sleep) read, write",
             (int)strspn(number + 12, "0123456789"), number + 12);
    CHECK_CONTAINS(said.out, ":4 (sh) read, write");
    CHECK_CONTAINS(said.out, process);
}

TEST(as_json_it_is_one_object_of_tables)
{
    CHECK_SHELL("exec 3</dev/null 4<&3\nwherry fds --json $$" JSON(
                    "print(*d);"
                    "n={r[\"number\"]:r[\"description\"] for r in d[\"descriptors\"]};"
                    "print(n[3]==n[4], n[0]!=n[3]);"
                    "o=d[\"descriptions\"][n[3]-1][\"object\"];"
                    "print(d[\"objects\"][o-1][\"name\"])"),
                "process held descriptors descriptions objects shared ends\n"
                "True True\n/dev/null\n");
}

TEST(names_that_control_a_terminal_are_told_and_obeyed_by_none)
{
    shell("mkfifo g h; cp \"$(command -v sh)\" \"$(printf 'e\\033[1m\\377')\"\n"
          "./e* -c 'echo > g; read -r x < h' "
          "3> \"$(printf 'a\\nb\\033]0;x\\007\\377\\302\\205é')\" &\n"
          "read -r x < g; LC_ALL=C.UTF-8 wherry fds $! > text\n"
          "grep -c '[[:cntrl:]]' text; sed -n 's/^process *[0-9]* //p' text\n"
          "wherry fds --json $!" JSON(
              "print([o[\"name\"] for o in d[\"objects\"] if \"]0;\" in str(o)][0]"
              ".split(\"/\")[-1])") "echo > h; rm a* e* g h text");
    CHECK_STRING(said.out,
                 "0\n(e\\x1b[1m\\xff)\na\\x0ab\\x1b]0;x\\x07\\xff\\xc2\\x85é\n");
    CHECK_STRING(said.err, "");
}

TEST(what_is_not_allowed_to_see_is_said)
{
    if (geteuid() != 0)
        SKIP("only root can become another user");
    shell("wherry run --user 65534 wherry fds $$");
    CHECK_INT(said.status, 0);
    CHECK_CONTAINS(said.out, "not known   what it has open: not allowed to see: run as "
                             "its user or root\n");
    CHECK_CONTAINS(said.out, "user        root\n");
}

TEST(a_number_that_is_no_process_is_told)
{
    shell("wherry fds 0; echo $?; wherry fds -5; echo $?; wherry fds 1e3; echo $?\n"
          "wherry fds 99999999999; echo $?; wherry fds 1 2; echo $?\n"
          "sh -c 'exit 0' & wait; wherry fds $!; echo $?");
    CHECK_STRING(said.out, "2\n2\n2\n2\n2\n1\n");
    CHECK_CONTAINS(said.err, "0: it must be the number of a process, or self\n");
    CHECK_CONTAINS(said.err, "wherry: fds: there is no process ");
}
