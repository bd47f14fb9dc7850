/* SPDX-License-Identifier: MIT */
/*
 * process: what it says, its end, and the order of them, as Node has it.
 */
#include <signal.h>
#include <stdlib.h>

#include "story.h"

static wherry_watch *watch;

static void start_child(const char *const *words)
{
    struct wherry_process_events events = telling_of_process();
    struct wherry_plan plan = plan_of_child(words);
    begin();
    watch = watch_process(&plan, &events);
}

static void start_line(const char *line, const struct wherry_laid *laid, size_t count)
{
    struct wherry_process_events events = telling_of_process();
    struct wherry_plan plan = {.line = line, .laid = laid, .laid_count = count};
    begin();
    watch = watch_process(&plan, &events);
}

static const struct wherry_laid pipes[] = {{.number = 0, .from = WHERRY_FROM_PIPE},
                                           {.number = 1, .from = WHERRY_FROM_PIPE},
                                           {.number = 2, .from = WHERRY_FROM_PIPE}};

/* --- the order ----------------------------------------------------------- */

// One word for each event of the channel and the process itself.
static void name_events(const char *told, char *out, size_t size)
{
    static const char *const names[] = {"message", "disconnect", "exit", "close"};
    size_t used = 0;
    for (const char *at = told; *at; at += strcspn(at, ",") + (strchr(at, ',') ? 2 : 0))
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
            if (strncmp(at, names[i], strlen(names[i])) == 0)
                used += (size_t)snprintf(out + used, size - used, "%s\n", names[i]);
}

TEST(a_child_says_something_disconnects_exits_and_closes)
{
    start_child((const char *[]){"says", "2", "3", NULL});
    run();
    CHECK_CONTAINS(story, "message 3 1, message 3 2, disconnect 3 0");
    CHECK_CONTAINS(story, "end 1 0");
    CHECK_CONTAINS(story, "exit 3, close");
    end();
}

TEST(the_order_is_that_of_nodes_fork)
{
    static const char script[] =
        "const {fork} = require('child_process');"
        "if (process.argv[2] === 'child') {"
        "  process.send(1); process.send(2); process.exitCode = 3; }"
        "else {"
        "  const child = fork(process.argv[1], ['child']);"
        "  for (const each of ['message', 'disconnect', 'exit', 'close'])"
        "    child.on(each, () => console.log(each)); }";
    char ours[256] = "";
    struct wherry_plan plan = {.file = "node"};
    struct wherry_collected nodes;
    if (!harness_have_program("node"))
        SKIP("node is not here");
    harness_write_file("fork.js", script, strlen(script));
    const char *const words[] = {harness_path("fork.js"), NULL};
    plan.arguments = words;
    WORKS(wherry_collect(&plan, sizeof(plan), NULL, &nodes,
                         wherry_after(harness_stretch(20000))));
    CHECK_INT(nodes.exit.code, 0);
    start_child((const char *[]){"says", "2", "3", NULL});
    run();
    name_events(story, ours, sizeof(ours));
    CHECK_STRING(ours, nodes.output);
    wherry_collected_free(&nodes);
    end();
}

TEST(a_child_that_is_killed_is_told_by_its_signal)
{
    start_child((const char *[]){"dies", NULL});
    run();
    CHECK_CONTAINS(story, "message 3 last words, disconnect 3 ECONNRESET");
    CHECK_CONTAINS(story, "SIGKILL, killed, close");
    end();
}

static size_t bytes;
static int messages;

static void counts_data(void *user, wherry_watch *one, int number, const void *said,
                        size_t size)
{
    (void)user;
    (void)one;
    (void)number;
    (void)said;
    bytes += size;
}

static void counts_messages(void *user, wherry_watch *one, int number,
                            wherry_message **message)
{
    (void)user;
    (void)one;
    (void)number;
    (void)message;
    messages++;
}

TEST(all_that_it_said_comes_before_its_exit)
{
    enum { MANY = 200 };

    struct wherry_process_events events = telling_of_process();
    char count[16];
    events.on_message = counts_messages;
    snprintf(count, sizeof(count), "%d", MANY);
    struct wherry_plan plan = plan_of_child((const char *[]){"says", count, "0", NULL});
    wherry_process *process = NULL;
    begin();
    WORKS(wherry_spawn(&plan, sizeof(plan), &process));
    WORKS(wherry_process_wait(process, NULL, 0, soon())); // it has ended already
    WORKS(wherry_loop_process(loop, &process, &events, sizeof(events), &watch));
    run();
    CHECK_INT(messages, MANY);
    CHECK_CONTAINS(story, "disconnect 3 0");
    CHECK_CONTAINS(story, "exit 0, close");
    CHECK(strstr(story, "disconnect") < strstr(story, "exit"));
    CHECK(strstr(story, "end 1 0") < strstr(story, "exit"));
    end();
}

TEST(bytes_of_a_pipe_come_before_its_end_and_its_exit)
{
    struct wherry_process_events events = telling_of_process();
    struct wherry_plan plan = {
        .line = "head -c 500000 /dev/zero", .laid = pipes, .laid_count = 3};
    events.on_data = counts_data;
    begin();
    watch = watch_process(&plan, &events);
    run();
    CHECK_INT(bytes, 500000);
    CHECK_CONTAINS(story, "exit 0, close");
    CHECK(strstr(story, "end 1 0") < strstr(story, "exit"));
    end();
}

/* --- its ends ------------------------------------------------------------ */

TEST(it_is_written_to_and_its_stdin_is_ended)
{
    start_line("tr a-z A-Z; echo done >&2", pipes, 3);
    wherry_watch *to = wherry_watch_end(watch, 0);
    CHECK(wherry_watch_channel(to) != NULL);
    CHECK(wherry_watch_end(watch, 7) == NULL);
    WORKS(wherry_watch_write(to, "ahoy", 4, 0, 0));
    WORKS(wherry_watch_finish(to));
    run();
    CHECK_CONTAINS(story, "data 1 AHOY");
    CHECK_CONTAINS(story, "data 2 done");
    CHECK_CONTAINS(story, "exit 0, close");
    end();
}

static void answers(void *user, wherry_watch *one, int number, wherry_message **message)
{
    (void)user;
    tell("message %.*s", (int)wherry_message_size(*message),
         (const char *)wherry_message_data(*message));
    if (wherry_message_size(*message) < 3)
        WORKS(wherry_watch_write(wherry_watch_end(one, number), "ahoy", 4, 0, 0));
    else
        WORKS(wherry_watch_finish(wherry_watch_end(one, number)));
}

TEST(messages_go_both_ways)
{
    struct wherry_process_events events = telling_of_process();
    struct wherry_plan plan = plan_of_child((const char *[]){"echo", NULL});
    events.on_message = answers;
    begin();
    watch = watch_process(&plan, &events);
    WORKS(wherry_watch_write(wherry_watch_end(watch, 3), "hi", 2, 0, 0));
    run();
    CHECK_CONTAINS(story, "message hi, message ahoy, disconnect 3 0");
    CHECK_CONTAINS(story, "exit 0, close");
    end();
}

TEST(lines_of_a_child_that_speaks_as_nodes_do_are_messages)
{
    static const struct wherry_laid laid[] = {{.number = 3, .from = WHERRY_FROM_NODE}};
    start_line("test $NODE_CHANNEL_FD = 3; read -r x <&3; echo got $x >&3; exit 4",
               laid, 1);
    WORKS(wherry_watch_write(wherry_watch_end(watch, 3), "1", 1, 0, 0));
    run();
    CHECK_STRING(story, "message 3 got 1, disconnect 3 0, exit 4, close");
    end();
}

static void reads_file(void *user, wherry_watch *one, int number,
                       wherry_message **message)
{
    char inside[16] = "";
    (void)user;
    (void)one;
    (void)number;
    CHECK_INT(wherry_message_files(*message), 1);
    CHECK_INT(read_on(wherry_message_file(*message, 0), inside, sizeof(inside)), 6);
    tell("%s", inside);
}

TEST(an_open_file_comes_with_its_message)
{
    struct wherry_process_events events = telling_of_process();
    struct wherry_plan plan = plan_of_child((const char *[]){"file", NULL});
    events.on_message = reads_file;
    begin();
    watch = watch_process(&plan, &events);
    run();
    CHECK_CONTAINS(story, "inside, disconnect");
    end();
}

static void go_on(void *user, wherry_watch *one, const struct wherry_exit *exit,
                  int error)
{
    (void)user;
    CHECK_INT(error, 0);
    CHECK_INT(exit->code, 0);
    tell("exit");
    WORKS(wherry_watch_finish(wherry_watch_end(one, 3)));
}

TEST(close_waits_for_who_was_left_behind_and_exit_does_not)
{
    struct wherry_process_events events = telling_of_process();
    struct wherry_plan plan = plan_of_child((const char *[]){"leaves", NULL});
    events.on_exit = go_on;
    begin();
    watch = watch_process(&plan, &events);
    run();
    CHECK_CONTAINS(story, "message 3 one, exit, message 3 two, disconnect 3");
    CHECK_CONTAINS(story, "end 1 0");
    CHECK_STRING(strrchr(story, ','), ", close");
    end();
}

TEST(pipes_can_be_cut_into_lines)
{
    struct wherry_process_events events = telling_of_process();
    struct wherry_plan plan = {
        .line = "printf 'one\\ntwo\\n'", .laid = pipes, .laid_count = 3};
    events.pipes = "framing=line";
    begin();
    watch = watch_process(&plan, &events);
    run();
    CHECK_CONTAINS(story, "data 1 one, data 1 two");
    end();
}

TEST(a_channel_that_was_had_before_is_the_programs)
{
    struct wherry_process_events events = telling_of_process();
    struct wherry_plan plan = {.line = "echo one", .laid = pipes, .laid_count = 3};
    wherry_process *process = NULL;
    wherry_channel *mine = NULL;
    begin();
    WORKS(wherry_spawn(&plan, sizeof(plan), &process));
    WORKS(wherry_process_channel(process, 1, NULL, &mine));
    WORKS(wherry_loop_process(loop, &process, &events, sizeof(events), &watch));
    run();
    CHECK(strstr(story, "data") == NULL);
    CHECK_CONTAINS(story, "exit 0, close");
    hear(mine, "one");
    wherry_close(mine);
    end();
}

TEST(a_wrong_option_leaves_the_process_to_the_caller)
{
    struct wherry_process_events events = telling_of_process();
    struct wherry_plan plan = {.line = "exit 4", .laid = pipes, .laid_count = 3};
    struct wherry_exit exit;
    wherry_process *process = NULL;
    events.pipes = "frming=line";
    begin();
    WORKS(wherry_spawn(&plan, sizeof(plan), &process));
    watch = NULL;
    FAILS(wherry_loop_process(loop, &process, &events, sizeof(events), &watch), -EINVAL,
          "framing");
    CHECK(watch == NULL && process != NULL);
    run();
    CHECK_STORY("");
    WORKS(wherry_process_wait(process, &exit, sizeof(exit), soon()));
    CHECK_INT(exit.code, 4);
    wherry_process_close(process);
    end();
}

TEST(a_paused_process_says_nothing_and_its_exit_is_told)
{
    start_line("echo one", pipes, 3);
    WORKS(wherry_watch_pause(watch));
    CHECK_INT(wherry_loop_run(loop, soon()), 0);
    CHECK_STORY("exit 0");
    WORKS(wherry_watch_resume(watch));
    run();
    CHECK_CONTAINS(story, "data 1 one");
    CHECK_CONTAINS(story, "end 1 0");
    CHECK_STRING(strrchr(story, ','), ", close");
    end();
}

/* --- its end ------------------------------------------------------------- */

TEST(closing_the_watch_of_one_that_runs_forgets_it)
{
    start_line("read line", pipes, 3);
    pid_t pid = (pid_t)wherry_process_id(wherry_watch_process(watch));
    wherry_watch_close(watch);
    run();
    CHECK_STORY("close");
    until_gone(pid); // its stdin has ended
    end();
}

static void kill_it(void *user, wherry_watch *one, int number, const void *said,
                    size_t size)
{
    (void)user;
    (void)number;
    (void)said;
    (void)size;
    tell("killing");
    WORKS(wherry_process_kill(wherry_watch_process(one), SIGTERM, WHERRY_ONE));
}

TEST(a_callback_signals_the_process)
{
    struct wherry_process_events events = telling_of_process();
    struct wherry_plan plan = {
        .line = "echo ready; exec sleep 1000", .laid = pipes, .laid_count = 3};
    events.on_data = kill_it;
    begin();
    watch = watch_process(&plan, &events);
    run();
    CHECK_CONTAINS(story, "killing");
    CHECK_CONTAINS(story, "SIGTERM, asked to end, close");
    end();
}

static void starts_another(void *user, wherry_watch *one,
                           const struct wherry_exit *exit, int error)
{
    const struct wherry_process_events events = telling_of_process();
    struct wherry_plan plan = {.line = "exit 5"};
    (void)user;
    (void)error;
    tell("first %d", exit->code);
    wherry_watch_close(one);
    watch_process(&plan, &events);
}

TEST(a_callback_starts_another_process)
{
    struct wherry_process_events events = {.on_exit = starts_another};
    struct wherry_plan plan = {.line = "exit 4"};
    begin();
    watch_process(&plan, &events);
    run();
    CHECK_STORY("first 4, exit 5, close");
    end();
}

TEST(who_was_waited_for_by_others_has_ended_nobody_knows_how)
{
    struct wherry_process_events events = telling_of_process();
    struct wherry_plan plan = {.line = "exit 4"};
    wherry_process *process = NULL;
    begin();
    WORKS(wherry_spawn(&plan, sizeof(plan), &process));
    CHECK_INT(harness_wait((pid_t)wherry_process_id(process)), 4);
    WORKS(wherry_loop_process(loop, &process, &events, sizeof(events), NULL));
    run();
    CHECK_STORY("unknown, close");
    end();
}

TEST(a_process_that_does_not_hold_lets_the_run_end)
{
    start_line("read line", pipes, 3);
    pid_t pid = (pid_t)wherry_process_id(wherry_watch_process(watch));
    wherry_watch_hold(watch, 0);
    CHECK_INT(wherry_loop_run(loop, WHERRY_FOREVER), 0);
    CHECK_STORY("");
    end();
    until_gone(pid);
    CHECK_STORY("close");
}

TEST(many_processes_leave_nothing_behind)
{
    struct wherry_process_events events = {.on_data = counts_data};
    struct wherry_plan plan = {.file = "true", .laid = pipes, .laid_count = 3};
    begin();
    for (int i = 0; i < 50; i++) {
        int before = harness_descriptors();
        watch_process(&plan, &events);
        run();
        CHECK_INT(harness_descriptors(), before);
    }
    end();
}
