/* SPDX-License-Identifier: MIT */
/*
 * `<`, `>`, `>>`, `2>&1` and `>&3`, as a shell does them: with Wherry.
 *   usage: redirect-wherry IN OUT
 *
 * A layout says what stands at each number when the program begins, in any order:
 * FROM_NUMBER is another number of its own, FROM_DESCRIPTOR one of this process.  A
 * file that cannot be opened is the error of wherry_spawn(), and nothing has started.
 */
#include <stdio.h>
#include <wherry.h>

static int run(const struct wherry_plan *plan)
{
    wherry_process *process;
    struct wherry_exit exit;
    char text[96];
    int r = wherry_spawn(plan, sizeof(*plan), &process);
    if (r < 0)
        return fprintf(stderr, "redirect: %s\n", wherry_error_text()), r;
    r = wherry_process_wait(process, &exit, sizeof(exit), WHERRY_FOREVER);
    wherry_process_close(process);
    if (r < 0)
        return fprintf(stderr, "redirect: %s\n", wherry_error_text()), r;
    if (exit.code == 0)
        return 0;
    wherry_exit_text(&exit, text, sizeof(text));
    return fprintf(stderr, "redirect: %s\n", text), -1;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return fprintf(stderr, "usage: redirect-wherry IN OUT\n"), 2;
    const struct wherry_laid in = {
        .number = 0, .from = WHERRY_FROM_FILE, .path = argv[1]};
    const struct wherry_laid out = {
        .number = 1, .from = WHERRY_FROM_FILE, .path = argv[2]};
    struct wherry_laid more = out; // >>OUT
    more.access = WHERRY_ACCESS_APPEND;
    struct wherry_laid three = more; // 3>>OUT
    three.number = 3;
    const struct wherry_laid rows[][3] = {
        // sort <IN >OUT
        {in, out, {.number = 2, .from = WHERRY_FROM_PARENT}},
        // … >>OUT 2>&1
        {more, {.number = 2, .from = WHERRY_FROM_NUMBER, .descriptor = 1}},
        // … 2>&1 >>OUT
        {more, {.number = 2, .from = WHERRY_FROM_DESCRIPTOR, .descriptor = 1}},
        // … 3>>OUT >&3
        {three, {.number = 1, .from = WHERRY_FROM_NUMBER, .descriptor = 3}},
    };
    const struct wherry_plan plans[] = {
        {.file = "sort", .laid = rows[0], .laid_count = 3},
        {.line = "echo said; echo wrong >&2", .laid = rows[1], .laid_count = 2},
        {.line = "echo said again; echo wrong again >&2",
         .laid = rows[2],
         .laid_count = 2},
        {.line = "echo by one; echo by three >&3", .laid = rows[3], .laid_count = 2},
    };
    for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
        if (run(&plans[i]) < 0)
            return 1;
    }
    return 0;
}
