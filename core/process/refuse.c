/* SPDX-License-Identifier: MIT */
/*
 * Why a process could not be started, in a sentence that names the part of the plan.
 */
#include "process/making.h"

#include <errno.h>
#include <string.h>

static int not_found(const struct making *making, int error, const char *path)
{
    const char *where = environment_find(making->environment, "PATH");
    if (strcmp(os_path_word(path), "nothing") != 0)
        return failure(error, "%s: the interpreter that it asks for is not there",
                       path);
    if (!strchr(making_program(making), '/'))
        return failure(error, "there is no program %s in PATH (%s)",
                       making_program(making), where ? where : "which is not set");
    return failure(error, "%s: there is no such file", path);
}

static int not_allowed(const struct making *making, int error, const char *path)
{
    const char *word = os_path_word(path);
    (void)making;
    if (strcmp(word, "a regular file") != 0 && strcmp(word, "nothing") != 0)
        return failure(error, "%s is %s, not a program", path, word);
    return failure(error,
                   "%s: this user may not run it, or the interpreter that it asks "
                   "for: see their modes (chmod +x)",
                   path);
}

static int not_a_program(const struct making *making, int error, const char *path)
{
    (void)making;
    return failure(error,
                   "%s: no program: a script begins with #! and the path of its "
                   "interpreter",
                   path);
}

static int too_much(const struct making *making, int error, const char *path)
{
    (void)making;
    return failure(error,
                   "%s: the arguments and the environment together are more than the "
                   "system takes",
                   path);
}

static int too_many(const struct making *making, int error, const char *path)
{
    (void)making;
    return failure(error,
                   "%s: this user has as many processes as it may (ulimit -u), or the "
                   "system or its control group has no more (pids.max)",
                   path);
}

static const struct {
    int error;
    int (*tell)(const struct making *, int error, const char *path);
} runs[] = {
    {-ENOENT, not_found}, {-EACCES, not_allowed}, {-ENOEXEC, not_a_program},
    {-E2BIG, too_much},   {-EAGAIN, too_many},
};

static int refuse_run(const struct making *making, int error, size_t index)
{
    const char *path = making->files[index];
    for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
        if (runs[i].error == error)
            return runs[i].tell(making, error, path);
    }
    return failure_plain(error, path);
}

static int refuse_account(const struct making *making, int error, size_t index)
{
    const struct wherry_plan *plan = making->plan;
    (void)index;
    return failure(error, "this user may not start a program as user %s, group %s: %s",
                   plan->user ? plan->user : "as it is",
                   plan->group ? plan->group : "as it is", error_words(error));
}

static int refuse_lay(const struct making *making, int error, size_t index)
{
    const struct os_lay *step = &making->lays[index];
    if (step->sort == OS_LAY_LIFT && (error == -EMFILE || error == -EINVAL))
        return failure(-EMFILE,
                       "number %d: what stands in another's place needs one above it, "
                       "and the new process may not have as many open (ulimit -n)",
                       step->to - 1);
    if (error == -EMFILE || error == -EBADF)
        return failure(
            error, "number %d: the new process may not have as many open (ulimit -n)",
            step->to);
    return failure(error, "number %d: %s", step->to, error_words(error));
}

static int refuse_limit(const struct making *making, int error, size_t index)
{
    return failure(error, "limit %s: %s", making->plan->limits[index].name,
                   error_words(error));
}

static int refuse_directory(const struct making *making, int error, size_t index)
{
    (void)index;
    return failure(error, "directory %s: %s", making->plan->directory,
                   error_words(error));
}

static int refuse_nice(const struct making *making, int error, size_t index)
{
    (void)index;
    return failure(error, "nice %d: %s", making->plan->nice, error_words(error));
}

static int refuse_start(const struct making *making, int error, size_t index)
{
    (void)index;
    return error == -EAGAIN ? too_many(making, error, making->files[0])
                            : failure_plain(error, "no process could be started");
}

static const struct {
    int error;
    const char *words;
} guards[] = {
    {-ENOENT, "it is not there, and a guarded process needs it: install Wherry, or say "
              "where it is by WHERRY_GUARD"},
    {-EACCES, "the user of the new process may not run it: see its mode, and that of "
              "the directories above it"},
    {-ECHILD, "it ended before the program ran: is it a wherry-guard of this version, "
              "and do the limits leave room for it?"},
    {-ETIMEDOUT, "it does not answer: is it a wherry-guard of this version?"},
    {-ENOTSUP,
     "a guarded process needs a /proc of its own pid namespace, which must be "
     "this process's, too"},
};

static int refuse_guard(const struct making *making, int error, size_t index)
{
    const char *words = error_words(error);
    (void)index;
    for (size_t i = 0; i < sizeof(guards) / sizeof(guards[0]); i++)
        words = guards[i].error == error ? guards[i].words : words;
    return failure(error, "the guard %s: %s", making->guard.files[0], words);
}

int making_refuse(const struct making *making, int error, const struct os_started *how)
{
    static int (*const steps[OS_STEPS])(const struct making *, int, size_t) = {
        [OS_STEP_START] = refuse_start,         [OS_STEP_STANDING] = refuse_start,
        [OS_STEP_NICE] = refuse_nice,           [OS_STEP_LAY] = refuse_lay,
        [OS_STEP_LIMIT] = refuse_limit,         [OS_STEP_ACCOUNT] = refuse_account,
        [OS_STEP_DIRECTORY] = refuse_directory, [OS_STEP_RUN] = refuse_run,
        [OS_STEP_GUARD] = refuse_guard,
    };
    return steps[how->failed](making, error, how->index);
}
