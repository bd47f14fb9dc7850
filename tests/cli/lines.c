/* SPDX-License-Identifier: MIT */
/*
 * Lines of stdin are messages, messages are lines of stdout.
 */
#include "shell.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* --- lines --------------------------------------------------------------- */

TEST(a_line_becomes_a_message_and_a_message_a_line)
{
    CHECK_SHELL("wherry recv unix:s & echo ahoy | wherry send --wait unix:s; wait",
                "ahoy\n");
}

TEST(words_are_messages_too)
{
    CHECK_SHELL(
        "wherry recv unix:s & wherry send --wait unix:s one 'two three' '' -- --x;"
        "wait",
        "one\ntwo three\n\n--x\n");
}

TEST(an_empty_line_is_an_empty_message)
{
    CHECK_SHELL(
        "wherry recv unix:s & printf '\\n\\na\\n\\n' | wherry send --wait unix:s;"
        "wait",
        "\n\na\n\n");
}

TEST(the_last_line_needs_no_newline)
{
    CHECK_SHELL("wherry recv unix:s & printf 'a\\nb' | wherry send --wait unix:s; wait",
                "a\nb\n");
}

TEST(no_line_at_all_is_no_message)
{
    CHECK_SHELL(
        "wherry recv --show-kind unix:s & wherry send --wait unix:s && echo sent; wait",
        "sent\n");
}

TEST(lines_of_64_kib_and_more_arrive_whole)
{
    CHECK_SHELL("{ head -c 65535 /dev/zero | tr '\\0' x; echo;"
                "  head -c 65536 /dev/zero | tr '\\0' y; echo; echo;"
                "  head -c 300000 /dev/zero | tr '\\0' z; echo; } > lines\n"
                "wherry recv 'unix:s?type=stream' > heard &\n"
                "wherry send --wait 'unix:s?type=stream' < lines; wait\n"
                "cmp lines heard && echo same; rm lines heard",
                "same\n");
}

TEST(ten_thousand_lines_arrive_in_order)
{
    CHECK_SHELL("seq 10000 > lines; wherry recv unix:s > heard &\n"
                "wherry send --wait unix:s < lines; wait\n"
                "cmp lines heard && echo same; rm lines heard",
                "same\n");
}

TEST(both_sides_talk_at_once)
{
    CHECK_SHELL("seq 5000 > one; seq 5001 9000 > two\n"
                "wherry listen unix:s < one > heard-two &\n"
                "wherry dial --wait unix:s < two > heard-one; wait\n"
                "cmp one heard-one && cmp two heard-two && echo same\n"
                "rm one two heard-one heard-two",
                "same\n");
}

TEST(a_conversation_goes_on_line_by_line)
{
    struct beside here, there;
    beside_start(&here, "wherry listen unix:s");
    beside_start(&there, "wherry dial --wait unix:s");
    beside_tell(&here, "who is there\n");
    CHECK_STRING(beside_line(&there), "who is there");
    beside_tell(&there, "me\n");
    CHECK_STRING(beside_line(&here), "me");
    beside_tell(&here, "welcome\n");
    CHECK_STRING(beside_line(&there), "welcome");
    beside_hush(&there);
    beside_hush(&here);
    CHECK_INT(beside_end(&there), 0);
    CHECK_INT(beside_end(&here), 0);
}

TEST(after_the_end_of_stdin_answers_still_come)
{
    struct beside here, there;
    beside_start(&here, "wherry listen unix:s");
    beside_start(&there, "wherry dial --wait unix:s");
    beside_tell(&there, "a question\n");
    beside_hush(&there);
    CHECK_STRING(beside_line(&here), "a question");
    beside_tell(&here, "an answer\n");
    CHECK_STRING(beside_line(&there), "an answer");
    beside_hush(&here);
    CHECK_INT(beside_end(&there), 0);
    CHECK_INT(beside_end(&here), 0);
}

TEST(whoever_waits_for_input_ends_when_the_peer_has_left)
{
    struct beside here, there;
    beside_start(&here, "wherry listen unix:s");
    beside_start(&there, "wherry dial --wait --count 1 unix:s");
    beside_tell(&here, "the only one\n");
    CHECK_STRING(beside_line(&there), "the only one");
    CHECK_INT(beside_end(&there), 0);
    CHECK_STRING(beside_line(&here), ""); // its stdin is open still
    CHECK_INT(beside_end(&here), 0);
}

TEST(a_listener_without_input_hears_and_confirms)
{
    struct beside here, there;
    beside_start(&here, "wherry listen unix:s");
    beside_hush(&here);
    beside_start(&there, "wherry send --wait unix:s");
    beside_tell(&there, "ahoy\n");
    CHECK_STRING(beside_line(&here), "ahoy");
    beside_hush(&there); // only now it asks whether it was taken
    CHECK_STRING(beside_line(&there), "");
    CHECK_INT(beside_end(&there), 0);
    CHECK_INT(beside_end(&here), 0);
}

TEST(two_that_have_nothing_to_say_part_in_peace)
{
    CHECK_SHELL(
        "wherry listen unix:s </dev/null & wherry dial --wait unix:s </dev/null;"
        "wait",
        "");
}

TEST(an_endless_talker_meets_an_echo_and_nobody_waits_for_ever)
{
    CHECK_SHELL("wherry relay unix:s 2>/dev/null &\n"
                "yes 'a line of some length' | head -n 200000 |\n"
                "    wherry dial --wait unix:s | wc -l; wait",
                "200000\n");
}

/* --- bytes --------------------------------------------------------------- */

TEST(raw_carries_every_byte_as_it_is)
{
    CHECK_SHELL(
        "head -c 1000000 /dev/urandom > bytes\n"
        "wherry recv --raw 'unix:s?type=stream&framing=raw' > heard &\n"
        "wherry send --raw --wait 'unix:s?type=stream&framing=raw' < bytes; wait\n"
        "cmp bytes heard && echo same; rm bytes heard",
        "same\n");
}

TEST(raw_over_a_fifo_needs_no_option_of_the_address)
{
    CHECK_SHELL("printf 'a\\0b\\nc' > bytes; wherry recv --raw fifo:f > heard &\n"
                "wherry send --raw fifo:f < bytes; wait\n"
                "cmp bytes heard && echo same; rm bytes heard",
                "same\n");
}

TEST(without_raw_a_message_of_bytes_is_a_line)
{
    CHECK_SHELL("wherry recv unix:s & printf 'a\\0b' | wherry send --raw --wait unix:s;"
                "wait",
                "a");
    CHECK_INT(said.size, 4);
    CHECK_BYTES(said.out, "a\0b\n", 4);
}

TEST(raw_over_tcp_talks_to_a_program_that_knows_nothing_of_messages)
{
    if (!harness_have_program("python3"))
        SKIP("there is no python3 to answer");
    harness_write_file("server.py", "", 0);
    shell("cat > server.py <<'EOF'\n"
          "import socket\n"
          "server = socket.create_server(('127.0.0.1', 0))\n"
          "print(server.getsockname()[1], flush=True)\n"
          "peer, _ = server.accept()\n"
          "with peer, peer.makefile('rwb') as stream:\n"
          "    heard = stream.read()\n" // until our half-close
          "    stream.write(heard.upper() + b'\\0end')\n"
          "EOF\n"
          "mkfifo port; python3 server.py > port &\n"
          "read port < port; rm port\n"
          "printf 'GET /\\r\\n\\r\\n' | wherry dial --raw tcp:127.0.0.1:$port; wait");
    CHECK_STRING(said.err, "");
    CHECK_INT(said.size, 13);
    CHECK_BYTES(said.out, "GET /\r\n\r\n\0end", 13);
}

TEST(a_peer_of_another_framing_is_told_by_what_it_said)
{
    shell("wherry recv 'unix:s?type=stream&framing=length' &\n"
          "wherry send --wait --framing line 'unix:s?type=stream' '{\"a\": 1}'; wait");
    CHECK_STRING(said.out, "");
    CHECK_CONTAINS(said.err, "(framing length)"); // not that of the address alone
    CHECK_CONTAINS(said.err, "what was sent looks like JSON");
}

/* --- FIFOs, with anybody at the other end -------------------------------- */

TEST(what_echo_says_arrives_in_recv)
{
    struct beside beside;
    beside_start(&beside, "wherry recv fifo:f");
    wait_for_path("f");
    CHECK_SHELL("echo ts > f", "");
    CHECK_STRING(beside_line(&beside), "ts");
    CHECK_INT(beside_end(&beside), 0);
    CHECK(!path_is_there("f"));
}

TEST(cat_shows_what_send_says)
{
    struct beside beside;
    beside_start(&beside, "wherry send fifo:f one two");
    wait_for_path("f");
    CHECK_SHELL("cat f", "one\ntwo\n");
    CHECK_INT(beside_end(&beside), 0);
    CHECK(!path_is_there("f"));
}

TEST(a_fifo_with_keep_hears_one_writer_after_another)
{
    struct beside beside;
    beside_start(&beside, "wherry recv --keep --count 3 fifo:f");
    wait_for_path("f");
    CHECK_SHELL("echo one > f; echo two > f", "");
    CHECK_STRING(beside_line(&beside), "one");
    CHECK_STRING(beside_line(&beside), "two");
    CHECK_SHELL("wherry send fifo:f three", "");
    CHECK_STRING(beside_line(&beside), "three");
    CHECK_STRING(beside_line(&beside), "");
    CHECK_INT(beside_end(&beside), 0);
}

TEST(count_is_of_all_peers_together)
{
    struct beside beside;
    beside_start(&beside, "wherry recv --keep --count 3 unix:s");
    CHECK_SHELL("wherry send --wait unix:s one; wherry send unix:s two three", "");
    CHECK_STRING(beside_line(&beside), "one");
    CHECK_STRING(beside_line(&beside), "two");
    CHECK_STRING(beside_line(&beside), "three");
    CHECK_INT(beside_end(&beside), 0);
}

/* --- queues --------------------------------------------------------------- */

TEST(a_queue_keeps_what_was_sent_until_all_of_it_is_taken)
{
    CHECK_SHELL("q=mq:/wherry-test-$$\n"
                "wherry send $q a b && wherry send --kind 7 $q first\n"
                "wherry recv --all --show-kind $q; wherry recv --all $q\n"
                "wherry remove $q",
                "7\tfirst\n0\ta\n0\tb\n");
}

TEST(messages_are_listed_and_picked_from_a_queue)
{
    CHECK_SHELL("touch key; q=sysv:$PWD/key,1\n"
                "wherry send --kind 5 $q five && wherry send --kind 2 $q two\n"
                "wherry describe --messages $q | sed 's/  */ /g; s/^ //'\n"
                "wherry recv --all --kind -3 --show-kind $q\n"
                "wherry recv --all $q; wherry remove $q; rm key",
                "MESSAGE KIND SIZE\n0 5 4\n1 2 3\n2\ttwo\nfive\n");
    shell("wherry send mq:/wherry-test-$$ x; wherry describe --messages "
          "mq:/wherry-test-$$; wherry remove mq:/wherry-test-$$");
    CHECK_CONTAINS(said.err, "without taking it");
}

TEST(all_ends_with_what_is_there_wherever_it_comes_from)
{
    CHECK_SHELL("mkfifo f; exec 3<>f; echo one >f; echo two >f\n"
                "wherry recv --all fifo:f; rm f",
                "one\ntwo\n");
}

TEST(what_would_be_lost_or_never_end_is_refused)
{
    shell("wherry recv --all unix:s; echo $?; wherry recv --kind 3 mq:/x; echo $?");
    CHECK_STRING(said.out, "2\n2\n");
    CHECK_CONTAINS(said.err, "--all is for queues and FIFOs");
    CHECK_CONTAINS(said.err, "would be lost");
    shell("touch key; q=sysv:$PWD/key,1; wherry send $q a; wherry recv --all --count 2 "
          "$q; echo $?; wherry remove $q; rm key");
    CHECK_STRING(said.out, "a\n1\n");
    CHECK_CONTAINS(said.err, "1 of 2 messages were there");
}

TEST(what_is_not_there_is_not_removed_and_the_rest_is)
{
    shell("mkfifo f g; wherry remove fifo:f fifo:missing fifo:g; echo $?; ls");
    CHECK_STRING(said.out, "1\nwherry\n");
    CHECK_CONTAINS(said.err, "fifo:missing: there is nothing of that name");
    shell("touch f; wherry remove fifo:f; echo $?; wherry remove pipe:; echo $?; ls");
    CHECK_STRING(said.out, "1\n1\nf\nwherry\n");
    CHECK_CONTAINS(said.err, "a regular file, not a FIFO");
    CHECK_CONTAINS(said.err, "no name that stays");
    shell("mkfifo g; wherry remove fifo:g nothing; echo $?; rm f g");
    CHECK_STRING(said.out, "2\n"); // a wrong word, and nothing is touched
}

TEST(an_option_in_a_path_is_no_option)
{
    CHECK_SHELL("wherry describe 'fifo:create=no' 2>/dev/null; echo $?; ls;"
                "wherry recv --raw unix:framing=x?type=stream > heard &"
                "printf 'a\\0b' |"
                "    wherry send --wait --raw 'unix:framing=x?type=stream'; wait;"
                "wc -c < heard; rm heard",
                "1\nwherry\n3\n");
}

TEST(describe_makes_nothing)
{
    shell("wherry describe fifo:f; echo $?; wherry describe mq:/wherry-test-$$; echo "
          "$?; ls");
    CHECK_STRING(said.out, "1\n1\nwherry\n");
    CHECK_CONTAINS(said.err, "no FIFO at that path");
    CHECK_CONTAINS(said.err, "no such queue");
    shell("q=mq:/wherry-test-$$; wherry send $q a b; wherry describe $q; wherry "
          "remove $q");
    CHECK_CONTAINS(said.out, "waiting messages   2\n");
    CHECK_CONTAINS(said.out, "kind limit         32767\n");
}

/* --- kinds, senders, files ----------------------------------------------- */

TEST(a_kind_is_sent_and_shown)
{
    CHECK_SHELL(
        "wherry recv --show-kind unix:s & wherry send --wait --kind 7 unix:s a b;"
        "wait",
        "7\ta\n7\tb\n");
}

TEST(recv_picks_by_kind)
{
    CHECK_SHELL(
        "(echo one; echo two) | wherry listen --kind 4 unix:s &\n"
        "wherry recv --dial --wait --kind -9 --count 2 --show-kind unix:s; wait",
        "4\tone\n4\ttwo\n");
}

TEST(the_sender_is_shown_as_the_kernel_knows_it)
{
    shell("wherry recv --show-sender unix:s & sh -c 'echo $$ >&2; exec wherry send "
          "--wait "
          "unix:s x'; wait");
    char expected[64];
    snprintf(expected, sizeof(expected), "pid=%.*s uid=%u (kernel)",
             (int)strcspn(said.err, "\n"), said.err, (unsigned)getuid());
    CHECK_CONTAINS(said.out, expected);
    CHECK_CONTAINS(said.out, "\tx\n");
}

TEST(an_open_file_travels_with_the_first_message)
{
    harness_write_file("cargo", "12345", 5);
    CHECK_SHELL("wherry recv unix:s & wherry send --wait --file cargo unix:s a b; wait",
                "a\nb\n");
    CHECK_STRING(said.err, "wherry: recv: open file 1 of 1: regular file of 5 bytes\n");
}

TEST(with_raw_an_open_file_is_copied_out)
{
    harness_write_file("cargo", "12345", 5);
    CHECK_SHELL(
        "wherry recv --raw unix:s & wherry send --wait --file cargo unix:s a; wait",
        "a12345");
}

TEST(a_stdin_that_cannot_be_read_is_told)
{
    shell("wherry recv unix:s & wherry send --wait unix:s < /; echo $?; wait");
    CHECK_STRING(said.out, "1\n");
    CHECK_CONTAINS(said.err, "wherry: send: stdin: Is a directory\n");
}

TEST(a_file_that_is_not_there_is_told_before_anything_is_sent)
{
    shell("wherry recv unix:s 2>/dev/null & wherry send --wait --file gone unix:s a;"
          "echo status $?; wait");
    CHECK_STRING(said.out, "status 1\n");
    CHECK_STRING(said.err, "wherry: send: --file gone: No such file or directory\n");
}

/* --- counts and times ---------------------------------------------------- */

TEST(send_ends_after_count_messages)
{
    CHECK_SHELL(
        "wherry recv unix:s & seq 9 | wherry send --count 3 --wait unix:s; wait",
        "1\n2\n3\n");
}

TEST(recv_ends_after_count_messages_and_all_of_them_are_confirmed)
{
    CHECK_SHELL("wherry recv --count 2 unix:s & wherry send --wait unix:s a b &&"
                "wait && echo confirmed",
                "a\nb\nconfirmed\n");
}

TEST(a_receiver_that_has_enough_still_confirms_what_it_took)
{
    struct beside here, there;
    beside_start(&here, "wherry recv --count 2 unix:s");
    beside_start(&there, "wherry send --wait unix:s");
    beside_tell(&there, "a\nb\n");
    CHECK_STRING(beside_line(&here), "a");
    CHECK_STRING(beside_line(&here), "b");
    beside_hush(&there); // only now it asks whether both were taken
    CHECK_STRING(beside_line(&there), "");
    CHECK_INT(beside_end(&there), 0);
    CHECK_INT(beside_end(&here), 0);
}

TEST(send_says_when_the_peer_left_before_it_had_everything)
{
    shell(
        "wherry recv --count 1 unix:s & wherry send --wait unix:s a b; echo $?; wait");
    CHECK_CONTAINS(said.out, "1\n");
    CHECK_CONTAINS(said.err, "wherry: send: unix:s: ");
}

TEST(recv_says_when_the_peer_finished_before_count)
{
    shell("wherry send --wait unix:s a & wherry recv --count 2 unix:s; echo $?; wait");
    CHECK_STRING(said.out, "a\n1\n");
    CHECK_STRING(said.err, "wherry: recv: the peer finished after 1 of 2 messages\n");
}

TEST(a_listener_whom_nobody_dials_gives_up_by_timeout)
{
    shell("wherry recv --timeout 50ms unix:s; echo $?");
    CHECK_STRING(said.out, "1\n");
    CHECK_STRING(said.err, "wherry: recv: unix:s: nobody dialled by the deadline\n");
    CHECK(!path_is_there("s"));
}

TEST(a_dialler_whom_nobody_reads_gives_up_by_timeout)
{
    shell("wherry send --timeout 50ms fifo:f x; echo $?");
    CHECK_STRING(said.out, "1\n");
    CHECK_CONTAINS(said.err, "wherry: send: fifo:f: nobody opened it for reading");
    CHECK(!path_is_there("f"));
}

TEST(wait_has_an_end_too)
{
    shell("wherry send --wait --timeout 50ms unix:s x; echo $?");
    CHECK_STRING(said.out, "1\n");
    CHECK_CONTAINS(said.err, "wherry: send: unix:s: there is no such path");
}

TEST(a_silent_peer_is_given_up_by_timeout)
{
    struct beside beside;
    beside_start(&beside, "wherry listen unix:s");
    shell("wherry dial --wait --timeout 50ms unix:s; echo $?");
    CHECK_STRING(said.out, "1\n");
    CHECK_CONTAINS(said.err, "deadline passed");
    CHECK_INT(beside_end(&beside), 0);
}

/* --- relay --------------------------------------------------------------- */

TEST(relay_joins_two_mechanisms)
{
    CHECK_SHELL("wherry recv fifo:far > heard &\n"
                "wherry relay --wait unix:near fifo:far &\n"
                "wherry send --wait unix:near a b; wait; cat heard; rm heard",
                "a\nb\n");
    CHECK_CONTAINS(said.err, "wherry: relay: joined unix:near and fifo:far\n");
    CHECK_CONTAINS(said.err, "wherry: relay: left unix:near after 2 messages\n");
}

TEST(relay_carries_kinds_and_open_files)
{
    harness_write_file("cargo", "12345", 5);
    CHECK_SHELL(
        "wherry recv --show-kind unix:far 2>&1 > heard | tee told > /dev/null &\n"
        "wherry relay --wait unix:near unix:far 2>/dev/null &\n"
        "wherry send --wait --kind 5 --file cargo unix:near a\n"
        "wait; cat heard told; rm heard told",
        "5\ta\nwherry: recv: open file 1 of 1: regular file of 5 bytes\n");
}

TEST(relay_with_keep_serves_one_peer_after_another)
{
    struct beside beside;
    beside_start(&beside, "wherry relay --keep unix:s");
    CHECK_SHELL("for word in one two three; do\n"
                "    echo $word | wherry dial --wait unix:s\n"
                "done",
                "one\ntwo\nthree\n");
    kill(beside.pid, SIGINT);
    CHECK_INT(beside_end(&beside), -SIGINT);
    CHECK(!path_is_there("s"));
}

TEST(listen_with_keep_talks_to_one_peer_after_another)
{
    struct beside beside;
    beside_start(&beside, "wherry listen --keep unix:s");
    CHECK_SHELL("wherry send --wait unix:s one; wherry send unix:s two", "");
    CHECK_STRING(beside_line(&beside), "one");
    CHECK_STRING(beside_line(&beside), "two");
    kill(beside.pid, SIGINT);
    CHECK_INT(beside_end(&beside), -SIGINT);
}

TEST(relay_joins_stdio_with_an_address)
{
    CHECK_SHELL("wherry recv unix:far > heard &\n"
                "printf 'a\\nb\\n' | wherry relay --wait stdio: unix:far 2>/dev/null\n"
                "wait; cat heard; rm heard",
                "a\nb\n");
}

/* --- the network --------------------------------------------------------- */

TEST(a_port_that_the_system_chose_is_told)
{
    struct beside beside;
    char script[256];
    beside_start(&beside, "wherry recv tcp:127.0.0.1:0");
    const char *line = beside_line(&beside);
    CHECK_CONTAINS(line, "wherry: recv: listening at tcp:127.0.0.1:");
    snprintf(script, sizeof(script), "wherry send %s ahoy", strstr(line, "tcp:"));
    CHECK_SHELL(script, "");
    CHECK_STRING(beside_line(&beside), "ahoy");
    CHECK_INT(beside_end(&beside), 0);
}

TEST(a_datagram_listener_answers_whoever_spoke)
{
    struct beside beside;
    char script[256];
    beside_start(&beside, "wherry listen udp:127.0.0.1:0");
    const char *line = beside_line(&beside);
    snprintf(script, sizeof(script), "echo question | wherry dial --count 1 %s",
             strstr(line, "udp:"));
    beside_tell(&beside, "answer\n"); // it has nobody to tell yet
    CHECK_SHELL(script, "answer\n");
    CHECK_STRING(beside_line(&beside), "question");
    kill(beside.pid, SIGTERM);
    CHECK_INT(beside_end(&beside), -SIGTERM);
}

/* --- a child that says nothing ------------------------------------------- */

TEST(a_child_that_does_not_flush_is_told_of)
{
    shell("mkfifo f; exec 3<>f; echo question >&3\n"
          "wherry dial --timeout 1s 'exec?grace=0s:tr a-z A-Z' <f; echo $?; rm f");
    CHECK_STRING(said.out, "1\n");
    CHECK_CONTAINS(said.err, "tr (process ");
    CHECK_CONTAINS(said.err, "waits for more; if it has answered");
    CHECK_CONTAINS(said.err, "the deadline passed");
    shell("mkfifo f; exec 3<>f; echo question >&3\n"
          "(timeout 4 wherry dial 'exec?grace=0s:tr a-z A-Z' <f); rm f");
    CHECK_CONTAINS(said.err, "have it write each one");
}

TEST(a_child_that_was_not_asked_or_answers_is_not)
{
    shell("mkfifo f; exec 3<>f; echo question >&3\n"
          "wherry dial --timeout 1s 'exec?grace=0s:sed -u s/^/x/' <f; rm f\n"
          "mkfifo f; exec 3<>f; wherry dial --timeout 1s 'exec?grace=0s:cat' <f; rm f");
    CHECK_STRING(said.out, "xquestion\n");
    CHECK(strstr(said.err, "buffer of its own") == NULL);
}

/* --- a child that has heard enough --------------------------------------- */

TEST(a_child_that_does_not_read_all_is_told_by_its_end)
{
    shell("yes | wherry dial 'exec:head -n 1'; echo $?");
    CHECK_STRING(said.out, "y\n0\n");
    CHECK_STRING(said.err, "");
    shell("yes | wherry dial 'exec:sh -c \"exec <&-; echo hi; exit 3\"'; echo $?");
    CHECK_STRING(said.out, "hi\n1\n");
    CHECK_CONTAINS(said.err, ": exit 3");
    CHECK(strstr(said.err, "nobody reads") == NULL);
    shell("yes | wherry send 'exec:sh -c \"exec <&-\"'; echo $?");
    CHECK_STRING(said.out, "1\n"); // who only sends wants it taken
}
