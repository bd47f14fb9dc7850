/* SPDX-License-Identifier: MIT */
/*
 * A process in a loop: what it says and how it ends is called back.
 */
#include <stdio.h>
#include <wherry/loop.h>

static void said(void *user, wherry_watch *watch, int number, const void *bytes,
                 size_t size)
{
    (void)user, (void)watch;
    printf("at %d: %.*s", number, (int)size, (const char *)bytes);
}

static void ended(void *user, wherry_watch *watch, const struct wherry_exit *exit,
                  int error)
{
    (void)user, (void)watch;
    printf("exit %d\n", exit ? exit->code : error);
}

int main(void)
{
    const struct wherry_laid pipe = {.number = 1, .from = WHERRY_FROM_PIPE};
    struct wherry_plan plan = {.line = "echo ahoy", .laid = &pipe, .laid_count = 1};
    struct wherry_process_events events = {.on_data = said, .on_exit = ended};
    wherry_loop *loop;
    wherry_process *process;
    if (wherry_spawn(&plan, sizeof(plan), &process) < 0 || wherry_loop_new(&loop) < 0 ||
        wherry_loop_process(loop, &process, &events, sizeof(events), NULL) < 0)
        return fprintf(stderr, "loop: %s\n", wherry_error_text()), 1;
    int r = wherry_loop_run(loop, wherry_after(5000));
    wherry_loop_free(loop);
    return r < 0;
}
