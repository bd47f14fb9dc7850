/* SPDX-License-Identifier: MIT */
/*
 * Processes: started with all that they need laid out, waited for, stopped.
 *
 *     const char *words[] = {"-l", NULL};
 *     struct wherry_plan plan = {.file = "ls", .arguments = words};
 *     wherry_process *process = NULL;
 *     int r = wherry_spawn(&plan, sizeof(plan), &process);
 *
 * A plan is checked before anything starts, and what goes wrong in the new process
 * before its program runs is the error of wherry_spawn(), with the path and the reason.
 * Starting does not copy the memory of this process, however large that is (vfork(2)).
 *
 * Exactly the open files that the plan lays out arrive, whatever other threads open
 * meanwhile.  Every signal is as a new program expects it: not blocked, not ignored.
 * Any thread may start, wait for and signal processes; one closes them, when no other
 * uses them any more.  This process stays as it is: no handler is installed, no child
 * of others is waited for.  A program that waits for any child (waitpid(2) of -1) takes
 * these, too: then wherry_process_wait() tells that it was not asked.
 */
#ifndef WHERRY_PROCESS_H
#define WHERRY_PROCESS_H

#include <stddef.h>
#include <stdint.h>

#include <wherry/channel.h>

WHERRY_BEGIN

typedef struct wherry_process wherry_process;

/* --- what a process has open ---------------------------------------------------------
 */

/* Where an open file of the new process comes from. */
enum wherry_from {
    WHERRY_FROM_PARENT,     /* what this process has at that number */
    WHERRY_FROM_NULL,       /* /dev/null */
    WHERRY_FROM_PIPE,       /* a pipe; its other end is wherry_process_channel()'s */
    WHERRY_FROM_FILE,       /* the file `path`, opened by this process; a FIFO waits for
                               its other end, as in a shell */
    WHERRY_FROM_DESCRIPTOR, /* what this process has at the number `descriptor` */
    WHERRY_FROM_NUMBER,     /* what the new process has at the number `descriptor`:
                               one open file with two numbers, as 2>&1 in a shell */
    WHERRY_FROM_CHANNEL,    /* the descriptor of `channel`, which nobody here uses from
                               then on; close it after starting */
    WHERRY_FROM_MESSAGES,   /* a socket for messages, the other end of which is
                               wherry_process_channel()'s; wherry_parent() finds it */
    WHERRY_FROM_NODE,       /* the same for a program that speaks as children of Node's
                               fork() do (NODE_CHANNEL_FD): each message is one line of
                               JSON */
    WHERRY_FROM_NOTHING     /* it is closed */
};

/* What the new process may do with a pipe, file or channel. */
enum wherry_access {
    WHERRY_ACCESS_USUAL, /* number 0 reads, every other one writes */
    WHERRY_ACCESS_READ,
    WHERRY_ACCESS_WRITE, /* a file is made if it is not there, and emptied */
    WHERRY_ACCESS_APPEND /* a file is made if it is not there */
};

/* One number and what stands there. */
struct wherry_laid {
    int number; /* from 0 */
    enum wherry_from from;
    enum wherry_access access;
    int descriptor;
    const char *path; /* from this process's directory on */
    wherry_channel *channel;
};

/* --- the plan ------------------------------------------------------------------------
 */

/* A limit of getrlimit(2). */
struct wherry_limit {
    const char *name;    /* "nofile", "core", "as", … as prlimit(1) has them */
    uint64_t soft, hard; /* UINT64_MAX: none */
};

/* Whose signals from the terminal and whose kill of a group it gets. */
enum wherry_group {
    WHERRY_GROUP_PARENT, /* this process's: Ctrl-C is for both */
    WHERRY_GROUP_OWN,    /* a group of its own, of which it is the leader */
    WHERRY_GROUP_SESSION /* a session of its own, without a terminal */
};

/* What is to be started; all zero but `file`, `command` or `line` is a good plan.
 * Nothing of it is needed after wherry_spawn() has returned. */
struct wherry_plan {
    /* One of the three: a program, looked for in the new process's PATH unless it has a
     * slash in it; a program with its arguments, parted by blanks, in which quotes and
     * backslashes keep a word together as in a shell, and nothing else means anything;
     * or a line for sh(1). */
    const char *file;
    const char *command;
    const char *line;
    const char *name;             /* argv[0]; NULL: the program's */
    const char *const *arguments; /* argv[1] and so on, behind those of `command`, NULL
                                     at the end; NULL: none */

    /* "NAME=VALUE" each, NULL at the end.  NULL: what this process has. */
    const char *const *environment;
    /* Applied to that: "NAME=VALUE" is set, "NAME" is taken out. */
    const char *const *changes;

    const char *directory; /* NULL: this process's */
    const char *user;      /* a name or number, with its groups; NULL: this one's */
    const char *group;     /* a name or number; NULL: the user's first one.  Without a
                              user it is the only one */
    const char *umask;     /* octal, "077"; NULL: this process's */
    const struct wherry_limit *limits;
    size_t limit_count;
    enum wherry_group place;
    int nice; /* is added to this process's, nice(2) */

    /* The signal it gets when the thread that started it ends, whatever becomes of the
     * rest of the process; 0: none.  Kept through programs that gain rights by no one
     * (PR_SET_PDEATHSIG(2const)). */
    int death_signal;

    /* NULL: 0, 1 and 2 as this process has them.  Else these and no others; of 0, 1 and
     * 2 each that is not listed is /dev/null. */
    const struct wherry_laid *laid;
    size_t laid_count;

    /* 1: it dies with this process (SIGKILL), with all that it started and left running
     * by then, whichever thread started it and however this process ends; execve(2) is
     * no end.  It is the child of a small program of Wherry's then, wherry-guard, which
     * waits for that end: of the same user, under the same limits, in a group of its
     * own.  Who loses its parent among those that it started becomes the guard's child,
     * not init's.  When it ends by itself its guard ends the same way, and what it
     * leaves behind goes on.
     * The limits of this: what becomes another user (sudo(8)) cannot be killed, nor
     * what is below that; if somebody kills the guard (SIGKILL), it is killed, too,
     * unless it gained rights (a set-user-id program), but what it started goes on. Not
     * together with death_signal. */
    int guarded;
};

/* Starts a process.  `size` is sizeof(struct wherry_plan).  Waits until the new program
 * runs, which only a FIFO among its files delays, or a file system that does not
 * answer. Errors: -EINVAL (the plan contradicts itself; the sentence says how), -ENOENT
 * (no such file or directory, no such user), -EACCES (may not be run), -ENOEXEC (no
 * program, and no interpreter is named in it), -ENOTDIR, -ELOOP, -ENAMETOOLONG,
 * -ETXTBSY (somebody is writing to it), -EPERM (the user, a limit), -E2BIG (the
 * arguments and the environment are more than the system takes), -EBADF (no descriptor
 * of that number is open), -EMFILE, -EAGAIN (no more processes for this user),
 * -ENOMEM; of a guarded one also -ENOENT (no wherry-guard where it was installed, or
 * where WHERRY_GUARD says), -ENOTSUP (it needs a /proc of its own pid namespace),
 * -ECHILD (it ended before the program ran, as under limits that are too small for
 * it), -ETIMEDOUT (what was taken for it does not answer within 10 s). */
WHERRY_EXPORT int wherry_spawn(const struct wherry_plan *plan, size_t size,
                               wherry_process **out);

/* Starts a process with a channel of messages to it, as Node's child_process.fork().
 * `file` of the plan names a program or a script: a *.js, *.mjs or *.cjs is run by
 * node, a *.py by python3, whichever is in PATH, with the path and `arguments` behind
 * it; a script's messages are lines of JSON (WHERRY_FROM_NODE), a program's whatever is
 * sent (WHERRY_FROM_MESSAGES).  The channel has number 3, or the one at which the plan
 * lays out one of the two.  Without a layout, 0, 1 and 2 are this process's. Both of
 * `out` and `messages` are yours. Errors: as wherry_spawn and wherry_process_channel.
 */
WHERRY_EXPORT int wherry_fork(const struct wherry_plan *plan, size_t size,
                              wherry_process **out, wherry_channel **messages);

/* Its number (pid).  A guarded one is no child of this process. */
WHERRY_EXPORT int64_t wherry_process_id(const wherry_process *process);

/* The number at which the plan laid out the pipe or message socket at `index` (from 0)
 * of those that have another end here, and in *from (may be NULL) which of them it is;
 * whether that end was had already does not matter.
 * Errors: -ENOENT (there are not so many). */
WHERRY_EXPORT int wherry_process_laid(const wherry_process *process, size_t index,
                                      enum wherry_from *from);

/* The channel to what the plan laid out at `number`, WHERRY_FROM_PIPE,
 * WHERRY_FROM_MESSAGES or WHERRY_FROM_NODE: the other end.  Yours; each can be had
 * once.  `options` is what stands behind the question mark of an address of fd:
 * ("framing=line"), or NULL. Without a framing, pipes and what Node writes are cut into
 * lines, and messages stay whole. Errors: -ENOENT (nothing of the kind there, or it was
 * had before), -EINVAL (an option), -EMFILE, -ENOMEM. */
WHERRY_EXPORT int wherry_process_channel(wherry_process *process, int number,
                                         const char *options, wherry_channel **out);

/* --- its end -------------------------------------------------------------------------
 */

/* How a process ended, and what it took. */
struct wherry_exit {
    int code;            /* what it gave to exit(3), 0 to 255; -1: a signal ended it */
    int signal;          /* that signal; 0: none did */
    int core;            /* 1: the system wrote its memory to a file */
    int64_t user_time;   /* nanoseconds of processor, its children's too if it waited
                            for them: of the program */
    int64_t system_time; /* and of the kernel for it */
    int64_t memory_most; /* bytes of memory at once; at least what this process had when
                            it started it, which the system counts in */
};

/* Waits until the process has ended; asked again, it answers the same at once.  `out`
 * may be NULL.  `size` is sizeof(struct wherry_exit).
 * Errors: -EAGAIN (WHERRY_POLL: it runs), -ETIMEDOUT, -ECHILD (somebody else waited for
 * it: it has ended, and nobody knows how). */
WHERRY_EXPORT int wherry_process_wait(wherry_process *process, struct wherry_exit *out,
                                      size_t size, wherry_deadline deadline);

/* Writes "exit 3", "SIGSEGV, segmentation fault, core dumped" and so on into `out`: at
 * most `size` bytes, the NUL counted; 96 are always enough.  Errors: -ENOSPC. */
WHERRY_EXPORT int wherry_exit_text(const struct wherry_exit *, char *out, size_t size);

/* A descriptor that is readable from the moment the process has ended (poll(2)), for a
 * loop; borrowed. */
WHERRY_EXPORT wherry_native wherry_process_fd(const wherry_process *process);

/* Who gets a signal. */
enum wherry_whom {
    WHERRY_ONE,       /* the process */
    WHERRY_ITS_GROUP, /* all of its group, if it was started in one of its own */
    WHERRY_ITS_TREE   /* the process, its children, theirs and so on; all of them are
                         stopped first, so that none gets away, and go on with the
                         signal.  Whoever had lost its parent before is not found.  Once
                         the process has ended: those of them that were found before.
                         What was stopped before goes on, too, and who listens to
                         SIGCHLD hears of it */
};

/* Sends a signal (signal(7)); 0 only asks whether anybody is there.  After an error
 * some of a tree may have got it, and some be left stopped: ask again, or kill them.
 * Errors: -ESRCH (it has ended and was waited for), -EINVAL (no such signal; the group
 * is this process's own), -EPERM, -ENOTSUP (a tree needs a /proc of its own pid
 * namespace), -EMFILE, -ENOMEM. */
WHERRY_EXPORT int wherry_process_kill(wherry_process *process, int signal,
                                      enum wherry_whom whom);

/* Forgets the process, which goes on if it runs, and closes what it had not given out
 * of its channels.  One that runs and is not waited for stays in the system's table
 * when it has ended, until this process ends: wait for it.  NULL is fine. */
WHERRY_EXPORT void wherry_process_close(wherry_process *process);

/* --- all at once ---------------------------------------------------------------------
 */

/* How a process is run to its end; all zero is good. */
struct wherry_collect {
    const void *input; /* what it reads at 0; NULL: nothing */
    size_t input_size;
    uint64_t output_most; /* bytes of each of its outputs; 0: 1 MiB */
    int stop_signal;      /* what it gets when a bound is passed; 0: SIGTERM */
    int64_t grace;        /* nanoseconds until SIGKILL follows; 0: 2 s */
};

/* What it said, and how it ended. */
struct wherry_collected {
    void *output; /* what it wrote to 1; a 0 stands behind the last byte */
    size_t output_size;
    void *errors; /* to 2 */
    size_t errors_size;
    int stopped; /* 0: it ended by itself; -ETIMEDOUT: the deadline passed; -ENOBUFS: it
                    said more than output_most bytes, the first of which are here */
    struct wherry_exit exit;
};

/* Starts a process, feeds it, keeps what it says, and waits for its end, which comes at
 * the latest soon after `deadline`: what it started goes with it then.  What the plan
 * lays out at 0, 1 or 2 goes there instead, and only a pipe is collected.  Processes
 * that it leaves behind when it ends by itself are not waited for, nor what they say.
 * A FIFO among its files is waited for before that, as by wherry_spawn(). `out` is
 * yours: wherry_collected_free().  `wish` may be NULL.  Not to be cancelled: give a
 * deadline, or use wherry_spawn(). Errors: as wherry_spawn; -ECHILD, as
 * wherry_process_wait; -EBUSY (the system does not let it end), -ENOMEM. */
WHERRY_EXPORT int wherry_collect(const struct wherry_plan *plan, size_t size,
                                 const struct wherry_collect *wish,
                                 struct wherry_collected *out,
                                 wherry_deadline deadline);

/* Frees what it holds; NULL is fine. */
WHERRY_EXPORT void wherry_collected_free(struct wherry_collected *collected);

/* --- pipelines -----------------------------------------------------------------------
 */

typedef struct wherry_pipeline wherry_pipeline;

/* Starts `count` processes in a row, from 1 to 1024: what each writes to 1, the next
 * one reads at 0, unless its plan lays out something else there.  `plans` are `count`
 * of them one behind the other, `size` is sizeof(struct wherry_plan).  The pipes
 * between them are theirs alone: a stage whose reader has gone gets SIGPIPE, one whose
 * writer has gone comes to the end, as in a shell.  If one cannot be started, those
 * before it are killed, and none is left. Errors: as wherry_spawn, with the number of
 * the stage in the sentence. */
WHERRY_EXPORT int wherry_pipeline_spawn(const struct wherry_plan *plans, size_t size,
                                        size_t count, wherry_pipeline **out);

/* How many stages it has. */
WHERRY_EXPORT size_t wherry_pipeline_count(const wherry_pipeline *pipeline);

/* One of its stages, from 0; NULL: there is none of that number.  The pipeline's: all
 * may be done with it, wherry_process_close() does nothing. */
WHERRY_EXPORT wherry_process *wherry_pipeline_process(wherry_pipeline *pipeline,
                                                      size_t stage);

/* Waits until all stages have ended.  `out` has room for one wherry_exit of `size`
 * bytes for each, or is NULL.  Returns 0 if all ended with exit 0, else which stage did
 * not, the last one of several, counted from 1: what a shell makes the status of a
 * pipeline under pipefail. Errors: as wherry_process_wait. */
WHERRY_EXPORT int wherry_pipeline_wait(wherry_pipeline *pipeline,
                                       struct wherry_exit *out, size_t size,
                                       wherry_deadline deadline);

/* Sends a signal to all stages that have not ended.  Errors: as wherry_process_kill;
 * -ESRCH: all have ended. */
WHERRY_EXPORT int wherry_pipeline_kill(wherry_pipeline *pipeline, int signal,
                                       enum wherry_whom whom);

/* Forgets the pipeline, as wherry_process_close() each of its stages.  NULL is fine. */
WHERRY_EXPORT void wherry_pipeline_close(wherry_pipeline *pipeline);

/* As wherry_collect, of a pipeline: the first stage is fed, of each what it writes to 2
 * is kept by itself, of the last what it writes to 1, so that none of them waits for
 * us, however much any of them says.  `out` has room for `count`; each is yours:
 * wherry_collected_free().  A bound that one of them passes stops all.  Returns as
 * wherry_pipeline_wait.  Errors: as wherry_collect. */
WHERRY_EXPORT int wherry_pipeline_collect(const struct wherry_plan *plans, size_t size,
                                          size_t count,
                                          const struct wherry_collect *wish,
                                          struct wherry_collected *out,
                                          wherry_deadline deadline);

/* --- in the new process --------------------------------------------------------------
 */

/* The channel to the process that started this one, if it laid out WHERRY_FROM_MESSAGES
 * (WHERRY_CHANNEL in the environment), or is Node's fork() (NODE_CHANNEL_FD; each
 * message is one line of JSON).  Once it has succeeded the variables are taken out of
 * the environment, so that programs this one starts do not find them: call it before
 * other threads read the environment (setenv(3)). Errors: -ENOENT (there is none),
 * -EBADF (the number is not open, or no socket), -ENOTSUP (Node's other serialization),
 * -EMFILE, -ENOMEM. */
WHERRY_EXPORT int wherry_parent(wherry_channel **out);

WHERRY_END

#endif
