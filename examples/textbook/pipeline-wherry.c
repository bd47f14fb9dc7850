/* SPDX-License-Identifier: MIT */
/*
 * `cat FILE | wc -l`, `ls | grep txt` and `yes | head -n 1`: with Wherry.
 *   usage: pipeline-wherry FILE
 *
 * Both programs of a pipeline start, or neither does; the pipe is theirs alone.
 */
#include <stdio.h>
#include <wherry.h>

enum { SIGNALLED = 128 };

// What a shell makes of its end.
static int show(const struct wherry_exit *exit, const char *name)
{
    if (exit->signal)
        printf("%s: signal %d", name, exit->signal);
    else
        printf("%s: exit %d", name, exit->code);
    return exit->signal ? SIGNALLED + exit->signal : exit->code;
}

static int run(const struct wherry_plan plans[2])
{
    wherry_pipeline *pipeline;
    struct wherry_exit exits[2];
    int r = wherry_pipeline_spawn(plans, sizeof(*plans), 2, &pipeline);
    if (r < 0)
        return r;
    r = wherry_pipeline_wait(pipeline, exits, sizeof(*exits), WHERRY_FOREVER);
    wherry_pipeline_close(pipeline);
    if (r < 0)
        return r;
    int before = show(&exits[0], plans[0].file);
    printf(", ");
    int last = show(&exits[1], plans[1].file);
    printf("; status %d, with pipefail %d\n", last, last ? last : before);
    fflush(stdout); // before the next one writes there
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return fprintf(stderr, "usage: pipeline-wherry FILE\n"), 2;
    const char *const path[] = {argv[1], NULL};
    const char *const lines[] = {"-l", NULL};
    const char *const txt[] = {"txt", NULL};
    const char *const one[] = {"-n", "1", NULL};
    const struct wherry_plan rows[][2] = {
        {{.file = "cat", .arguments = path}, {.file = "wc", .arguments = lines}},
        {{.file = "ls"}, {.file = "grep", .arguments = txt}},
        {{.file = "yes"}, {.file = "head", .arguments = one}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (run(rows[i]) < 0)
            return fprintf(stderr, "pipeline: %s\n", wherry_error_text()), 1;
    }
    return 0;
}
