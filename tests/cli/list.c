/* SPDX-License-Identifier: MIT */
/*
 * list and remove --orphans: on objects of the test alone, by patterns; what others
 * have on the machine is not looked for and never removed.
 */
#include "shell.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

// Prints what Python finds in the object, `d`.
#define JSON(script)                                                                   \
    " | LC_ALL=C.UTF-8 python3 -c 'import json,sys;d=json.load(sys.stdin);" script "'" \
    "\n"

// Names of this test's own: $n stands in them, $p is the pattern of its regions.
#define OWN "n=wherry-test-$$; p=\"shm:/$n-*\"\n"

// Waits until a pattern's table has these words.
#define UNTIL(pattern, words)                                                          \
    "until wherry list " pattern " 2>/dev/null | grep -q '" words "'; do :; done\n"

#define CLEAN "rm -f /dev/shm/$n-* /dev/shm/sem.$n-*\n"

TEST(a_region_is_listed_with_who_has_it_until_nobody_has)
{
    harness_own_memory();
    shell(OWN "wherry region create shm:/$n-a?size=4K\n"
              "sleep 97 3<>/dev/shm/$n-a &\n" UNTIL(
                  "$p", "sleep") "wherry list $p\n"
                                 "kill -9 $!; wait $! 2>/dev/null\n"
                                 "wherry list $p | tail -1\n" CLEAN);
    CHECK_CONTAINS(said.out, "ADDRESS");
    CHECK_CONTAINS(said.out, " 4096 ");
    CHECK_CONTAINS(said.out, " 1 process ");
    CHECK_CONTAINS(said.out, "(sleep) open\n");
    CHECK_CONTAINS(said.out, " nobody left");
}

// What is killed leaves one of each; what proves nothing stays.
TEST(of_what_a_killed_process_leaves_exactly_that_is_removed_which_is_proven)
{
    harness_own_memory();
    shell(OWN "k=$(printf 0x%x $$)\n"
              "wherry region create shm:/$n-a?size=4K\n"
              "wherry region create shm:/$n-kept?size=4K\n"
              "wherry region create shmv:$k?size=4K; echo > /dev/shm/sem.$n-s\n"
              "wherry send sysv:$k ahoy\n"
              "wherry listen unix:$PWD/s & l=$!\n"
              "sleep 97 3<>/dev/shm/$n-a 4</dev/shm/sem.$n-s & s=$!\n"
              "sleep 98 3</dev/shm/$n-kept & kept=$!\n"
              "set -- \"$p\" \"sem:/$n-*\" shmv:$k sysv:$k \"unix:$PWD/*\"\n" UNTIL(
                  "\"$p\"", "kept.*sleep") UNTIL("\"$p\"", "a .*sleep")
                  UNTIL("\"unix:$PWD/s\"", "listens") //
          "wherry remove --orphans --dry-run \"$@\" 2>/dev/null | cut -d ' ' -f 1\n"
          "echo -; kill -9 $s $l; wait $s $l 2>/dev/null\n"
          "wherry remove --orphans --yes \"$@\" 2>/dev/null | cut -d ' ' -f 1,2\n"
          "echo -; wherry list \"$@\" 2>/dev/null | cut -d ' ' -f 1\n"
          "kill $kept; wherry remove sysv:$k\n" CLEAN "ls");
    char expected[1024];
    char *name = strstr(said.out, "shmv:");
    char *first = strstr(said.out, "removed");
    CHECK(name != NULL && first != NULL);
    CHECK_CONTAINS(first, "removed 4\n-\nADDRESS\nshm:/wherry-test-");
    CHECK_CONTAINS(first, "-kept\nsysv:0x");
    // Before the end of the others the segment alone was an orphan.
    snprintf(expected, sizeof(expected), "ADDRESS\n%.*s\n-\n", (int)strcspn(name, "\n"),
             name);
    CHECK_INT(strncmp(said.out, expected, strlen(expected)), 0);
    CHECK(strstr(first, "sem:") == NULL && strstr(first, "unix:") == NULL);
    *first = 0; // what was shown before has these four, and no queue
    CHECK_CONTAINS(said.out, "-\nADDRESS");
    CHECK_CONTAINS(said.out, "\nsem:/");
    CHECK_CONTAINS(said.out, "\nunix:/");
    CHECK(strstr(said.out, "sysv:") == NULL && strstr(said.out, "-kept") == NULL);
    *first = 'r';
    CHECK(strstr(first, "\ns\n") == NULL); // the path of the socket
}

TEST(a_name_of_local_is_listed_and_removed_once_its_listener_is_dead)
{
    shell("wherry listen --keep local:pier > /dev/null & l=$!\n" UNTIL(
        "local:", "listens") "wherry list local: | tail -1\n"
                             "wherry remove local:pier; echo $?\n"
                             "kill -9 $l; wait $l 2>/dev/null\n"
                             "wherry list --orphans 'local:p*' | tail -1\n"
                             "wherry remove local:pier && wherry list local:\n"
                             "wherry remove local:pier; echo $?\n");
    CHECK_CONTAINS(said.out, "local:pier ");
    CHECK_CONTAINS(said.out, "(wherry) listens\n1\n");
    CHECK_CONTAINS(said.out, " nobody left");
    CHECK_CONTAINS(said.err, "local:pier: somebody listens there: stop it first");
    CHECK_CONTAINS(said.err, "local:pier: there is nothing of that name");
    CHECK_INT(strcmp(said.out + strlen(said.out) - 3, "\n1\n"), 0);
}

TEST(an_orphan_of_local_is_removed_with_the_others)
{
    shell("wherry listen --keep local:pier > /dev/null & l=$!\n" UNTIL(
        "local:", "listens") "wherry remove --orphans --yes local: 2>/dev/null\n"
                             "kill -9 $l; wait $l 2>/dev/null\n"
                             "wherry remove --orphans --yes local: 2>/dev/null |\n"
                             "    cut -d ' ' -f 1; ls \"$WHERRY_DIR\"\n");
    CHECK_STRING(said.out, "nothing to remove\nADDRESS\nlocal:pier\nremoved\n");
}

TEST(it_is_said_before_it_is_done_and_done_when_somebody_agrees)
{
    harness_own_memory();
    static const char ask[] =
        "import os,pty,sys\n"
        "pid,fd=pty.fork()\n"
        "if pid==0: "
        "os.execvp(\"wherry\",[\"wherry\",\"remove\",\"--orphans\",sys.argv[1]])\n"
        "said=b\"\"\n"
        "while b\"[y/N]\" not in said: said+=os.read(fd,4096)\n"
        "print(said.count(b\"shm:/wherry-test\"), os.path.exists(sys.argv[2]))\n"
        "os.write(fd,sys.argv[3].encode()+b\"\\n\")\n"
        "status=os.waitpid(pid,0)[1]>>8\n"
        "print(status, os.path.exists(sys.argv[2]))\n";
    char script[4096];
    snprintf(script, sizeof(script),
             OWN "wherry region create shm:/$n-a?size=4K\n"
                 "cat > ask.py <<'END'\n%sEND\n"
                 "python3 ask.py \"$p\" /dev/shm/$n-a no\n"
                 "python3 ask.py \"$p\" /dev/shm/$n-a y\n"
                 "rm ask.py\n",
             ask);
    CHECK_SHELL(script, "1 True\n1 True\n1 True\n0 False\n");
}

TEST(without_a_terminal_somebody_must_have_said_yes)
{
    harness_own_memory();
    shell(OWN "wherry region create shm:/$n-a?size=4K\n"
              "wherry remove --orphans $p >/dev/null; echo $?\n"
              "wherry remove --orphans --json $p; echo $?\n"
              "wherry remove --orphans --dry-run --yes $p > /dev/null; echo $?\n"
              "wherry remove --orphans --older 1h --yes $p; echo $?\n"
              "wherry list $p | grep -c wherry-test\n"
              "wherry remove --orphans --json --yes $p" JSON(
                  "print(len(d[\"orphans\"]),d[\"orphans\"][0][\"removed\"],"
                  "d[\"orphans\"][0][\"size\"])") //
          "wherry remove --orphans --yes $p; echo $?\n");
    CHECK_STRING(
        said.out,
        "1\n2\n0\nnothing to remove\n0\n1\n1 True 4096\nnothing to remove\n0\n");
    CHECK_CONTAINS(said.err, "nobody can be asked here; --yes agrees");
}

TEST(what_is_another_users_is_listed_and_stays)
{
    harness_own_memory();
    if (geteuid() != 0)
        SKIP("only root can make what is another user's");
    shell(OWN
          "wherry region create shm:/$n-a?size=4K; chown 65534 /dev/shm/$n-a\n"
          "wherry region create shm:/$n-b?size=4K\n"
          "wherry list --mine $p | grep -c $n\n"
          "wherry list $p | sed -n 's/.*-a *\\([^ ]*\\) .* s *\\(not known\\).*/"
          "\\1 \\2/p'\n"
          "wherry remove --orphans --yes $p > plan; grep -c $n-a plan; tail -1 plan\n"
          "rm plan; ls /dev/shm | grep -c $n-a\n"
          "wherry run --user 65534 wherry list \"$p\" | grep -c 'nobody left'\n"
          "wherry run --user 65534 wherry remove --orphans --yes \"$p\" | tail -1\n"
          "ls /dev/shm | grep -c $n\n"
          "k=$(printf 0x%x $$)\n"
          "wherry run --user 65534 wherry region create "
          "\"shmv:$k?size=4K&mode=666\"\n"
          "wherry list shmv:$k | grep -c 'nobody left'\n"
          "wherry remove --orphans --yes shmv:$k; wherry remove shmv:$k\n");
    CHECK_STRING(said.out, "1\nnobody not known\n0\nremoved 1 object\n1\n1\n"
                           "removed 1 object\n0\n1\nnothing to remove\n");
}

TEST(as_json_it_is_one_object_of_tables)
{
    harness_own_memory();
    CHECK_SHELL(OWN "wherry region create shm:/$n-a?size=4K; exec 3</dev/shm/$n-a\n"
                    "wherry list --json $p" JSON(
                        "o=d[\"objects\"][0];h=d[\"holders\"];print(*d);"
                        "print(o[\"scheme\"],o[\"size\"],o[\"left\"],o[\"why\"]);"
                        "print(h[0][\"name\"],h[0][\"how\"],"
                        "h[0][\"address\"]==o[\"address\"])") CLEAN,
                "machine notes objects holders\nshm 4096 True None\nsh open True\n");
}

TEST(each_address_that_is_listed_can_be_described)
{
    harness_own_memory();
    shell(OWN
          "k=$(printf 0x%x $$); wherry region create shm:/$n-a?size=4K\n"
          "wherry region create shmv:$k?size=4K; wherry send sysv:$k ahoy\n"
          "wherry acquire sem:/$n-s -- true; exec 3</dev/shm/sem.$n-s\n"
          "mkfifo 'f %'; exec 4<>'f %'\n"
          "wherry listen --keep unix:$PWD/s > /dev/null & l=$!\n"
          "python3 -c 'import os,signal;m=os.memfd_create(\"'$n'\");signal.pause()' &\n"
          "m=$!; until test -S s; do :; done\n" UNTIL("memfd:$n", "python3") //
          "{ wherry list --json \"$p\" \"sem:/$n*\" shmv:$k sysv:$k \"unix:$PWD/*\" "
          "\"fifo:$PWD/*\" \"memfd:$n\"" JSON(
              "[print(o[\"address\"]) for o in d[\"objects\"]]") //
          "} > listed; wc -l < listed\n"
          "while read -r a; do wherry describe --timeout 2s \"$a\" >/dev/null || "
          "echo \"$a\"; done < listed\n"
          "kill $l $m; wait $l $m; rm -f listed f* s; wherry remove sysv:$k "
          "shmv:$k\n" CLEAN);
    CHECK_STRING(said.out, "7\n");
}

TEST(names_that_control_a_terminal_are_told_and_obeyed_by_none)
{
    harness_own_memory();
    CHECK_SHELL(OWN "printf x > \"/dev/shm/$n-$(printf 'a\\nb\\033]0;x\\007\\377')\"\n"
                    "wherry list $p | tail -1 | grep -c '[[:cntrl:]]'\n"
                    "wherry list $p | sed -n 's/.*-a\\([^ ]*\\) .*/\\1/p'\n"
                    "wherry remove --orphans --yes $p | tail -1\n",
                "0\n%0Ab%1B]0;x%07%FF\nremoved 1 object\n");
}

TEST(they_are_chosen_by_process_and_by_age)
{
    harness_own_memory();
    CHECK_SHELL(OWN "wherry region create shm:/$n-a?size=4K; echo > /dev/shm/$n-b\n"
                    "touch -d '2 hours ago' /dev/shm/$n-b; exec 3</dev/shm/$n-a\n"
                    "wherry list --pid $$ $p | grep -c $n; wherry list --pid $$ $p | "
                    "grep -c $n-a\n"
                    "wherry list --older 1h $p | grep -c $n\n"
                    "wherry list --orphans $p | grep -c $n\n" CLEAN,
                "1\n1\n1\n1\n");
}

TEST(thousands_are_listed_and_removed)
{
    harness_own_memory();
    shell(OWN "i=0; while test $i -lt 1500; do : > /dev/shm/$n-$i; i=$((i + 1)); done\n"
              "wherry list $p | grep -c 'nobody left'\n"
              "wherry remove --orphans --yes $p | tail -1\n");
    CHECK_STRING(said.out, "1500\nremoved 1500 objects\n");
}
