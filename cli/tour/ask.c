/* SPDX-License-Identifier: MIT */
/*
 * A child of another language that answers line by line.
 *
 * Each question is written in two halves, the second one once the child has read the
 * first: so it cannot find a line in one read.  It answers with the letters turned
 * round, which takes the whole line; the next question follows its answer, so that one
 * which keeps answers back is found out, not waited for.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>

#include <wherry/inspect.h>

#include "interrupt.h"
#include "tour/tour.h"

enum {
    LOOK_MILLISECONDS = 1, // between two looks whether a half was read
    LONGEST = 100000,      // more than a pipe holds
    ENDING = 96,
    SENTENCE = 448
};

struct asked {
    wherry_process *process;
    wherry_channel *in;  /* to its stdin, raw */
    wherry_channel *out; /* from its stdout, by lines */
    struct tour_outcome *outcome;
    const char *directory;
};

static int start(struct asked *asked)
{
    const struct tour_job *job = asked->outcome->job;
    char errors[TOUR_TEXT];
    const struct wherry_laid laid[] = {
        {.number = 0, .from = WHERRY_FROM_PIPE},
        {.number = 1, .from = WHERRY_FROM_PIPE},
        {.number = 2, .from = WHERRY_FROM_FILE, .path = errors}};
    const struct wherry_plan plan = {.file = job->programs[0],
                                     .arguments = job->arguments,
                                     .laid = laid,
                                     .laid_count = sizeof(laid) / sizeof(laid[0])};
    (void)snprintf(errors, sizeof(errors), "%s/errors", asked->directory);
    int r = wherry_spawn(&plan, sizeof(plan), &asked->process);
    if (r >= 0)
        r = wherry_process_channel(asked->process, 0, "framing=raw", &asked->in);
    if (r >= 0)
        r = wherry_process_channel(asked->process, 1, "framing=line", &asked->out);
    return r;
}

/* --- a question ---------------------------------------------------------- */

static bool is_read(struct asked *asked, wherry_deadline deadline)
{
    const size_t without_holders = offsetof(struct wherry_channel_info, holder_count);
    struct pollfd life = {.fd = wherry_process_fd(asked->process), .events = POLLIN};
    struct wherry_channel_info info = {.unsent_bytes = 0};
    do
        (void)wherry_describe(asked->in, &info, without_holders);
    while ((info.unsent_bytes > 0 || info.queued_bytes > 0) && !interrupted() &&
           poll(&life, 1, LOOK_MILLISECONDS) < 1 && wherry_now() < deadline);
    return info.unsent_bytes == 0 && info.queued_bytes == 0;
}

static int say(struct asked *asked, const char *line, size_t size)
{
    const size_t half = size / 2;
    wherry_deadline deadline = wherry_after(asked->outcome->patience);
    int r = half ? wherry_write(asked->in, line, half, 0, 0, deadline) : 0;
    if (r >= 0 && !is_read(asked, deadline))
        r = wherry_process_wait(asked->process, NULL, 0, WHERRY_POLL) < 0 ? -ETIMEDOUT
                                                                          : -EPIPE;
    if (r >= 0)
        r = wherry_write(asked->in, line + half, size - half, 0, 0, deadline);
    return r;
}

static bool check_answer(struct asked *asked, const struct tour_sample *sample,
                         const wherry_message *answer)
{
    static char turned[LONGEST];
    const char *text = wherry_message_data(answer);
    const size_t size = wherry_message_size(answer);
    for (size_t i = 0; i < size && i < LONGEST; i++)
        turned[i] = text[size - 1 - i];
    return tour_check_bytes(sample, turned, size, &asked->outcome->fault);
}

// One that fails before it has said anything is one that this machine lacks, as guests.
static bool left(struct asked *asked)
{
    struct tour_outcome *outcome = asked->outcome;
    struct wherry_exit exit = {.code = 0};
    char complaint[TOUR_TEXT];
    tour_complaint(asked->directory, complaint);
    (void)wherry_process_wait(asked->process, &exit, sizeof(exit),
                              wherry_after(outcome->patience));
    if (outcome->lines == 0 && exit.code > 0) {
        (void)snprintf(outcome->text, TOUR_TEXT, "%s did not start%s%.150s",
                       outcome->job->programs[0], complaint[0] ? ": " : "", complaint);
        return false;
    }
    return tour_wrong(&outcome->fault, "it ended without an answer%s%.150s",
                      complaint[0] ? ": " : "", complaint);
}

// What it is seen to do instead of answering.
static bool is_silent(const struct asked *asked)
{
    struct tour_outcome *outcome = asked->outcome;
    char why[SENTENCE] = "it ended";
    (void)wherry_inspect_silence(wherry_process_id(asked->process), why, sizeof(why));
    return tour_wrong(&outcome->fault, "no answer for %d ms: %.300s", outcome->patience,
                      why);
}

static bool ask(struct asked *asked, const struct tour_sample *sample)
{
    static char line[LONGEST + 1];
    struct tour_outcome *outcome = asked->outcome;
    wherry_message *answer = NULL;
    tour_sample_fill(sample, line);
    line[sample->size] = '\n';
    int r = say(asked, line, sample->size + 1);
    if (r == -ETIMEDOUT)
        return tour_wrong(&outcome->fault, "it read nothing for %d ms",
                          outcome->patience);
    if (r == -EPIPE || r == -ECONNRESET)
        return left(asked);
    if (r < 0)
        return tour_refused(&outcome->fault, "asking");
    r = wherry_recv(asked->out, &answer, wherry_after(outcome->patience));
    if (r == -ETIMEDOUT)
        return is_silent(asked);
    if (r < 0)
        return tour_refused(&outcome->fault, "the answer");
    if (r == 0)
        return left(asked);
    bool right = check_answer(asked, sample, answer);
    wherry_message_free(answer);
    outcome->lines += right;
    outcome->bytes += right ? sample->size : 0;
    return right;
}

/* --- all of it ----------------------------------------------------------- */

static void let_go(struct asked *asked)
{
    tour_guard(NULL, NULL);
    wherry_close(asked->in); // the end of its stdin
    wherry_close(asked->out);
    asked->in = NULL;
    asked->out = NULL;
}

static bool talk(struct asked *asked)
{
    static const size_t sizes[] = {1, 64, 4096, LONGEST, 0};
    wherry_message *rest = NULL;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        const struct tour_sample sample = {
            .seed = 640 + i, .size = sizes[i], .text = true};
        if (!ask(asked, &sample))
            return false;
    }
    if (wherry_finish(asked->in) < 0)
        return tour_refused(&asked->outcome->fault, "telling the end");
    int r = wherry_recv(asked->out, &rest, wherry_after(asked->outcome->patience));
    wherry_message_free(rest);
    if (r < 0)
        return tour_refused(&asked->outcome->fault, "its end");
    return r == 0 ||
           tour_wrong(&asked->outcome->fault, "it said more than it was asked");
}

// However it went, it has ended behind this.
static bool end(struct asked *asked, bool right)
{
    struct wherry_exit exit;
    char text[ENDING] = "";
    char complaint[TOUR_TEXT];
    let_go(asked);
    if (!right)
        (void)wherry_process_kill(asked->process, SIGKILL, WHERRY_ITS_TREE);
    int r = wherry_process_wait(asked->process, &exit, sizeof(exit),
                                wherry_after(asked->outcome->patience));
    if (r == -ETIMEDOUT) {
        (void)wherry_process_kill(asked->process, SIGKILL, WHERRY_ITS_TREE);
        (void)wherry_process_wait(asked->process, NULL, 0,
                                  wherry_after(asked->outcome->patience));
        return tour_wrong(&asked->outcome->fault, "it did not end with its stdin");
    }
    if (r < 0)
        return tour_refused(&asked->outcome->fault, "its end");
    if (!right || exit.code == 0)
        return right;
    (void)wherry_exit_text(&exit, text, sizeof(text));
    tour_complaint(asked->directory, complaint);
    return tour_wrong(&asked->outcome->fault, "%s%s%.150s", text,
                      complaint[0] ? ": " : "", complaint);
}

bool tour_job_ask(const char *directory, struct tour_outcome *outcome)
{
    struct asked asked = {.outcome = outcome, .directory = directory};
    int r = start(&asked);
    if (r < 0)
        tour_refused(&outcome->fault, "starting it");
    if (!asked.process)
        return false;
    tour_guard(asked.in, asked.out);
    bool right = r >= 0 && talk(&asked);
    right = end(&asked, right);
    wherry_process_close(asked.process);
    if (right)
        (void)snprintf(outcome->text, TOUR_TEXT,
                       "%d lines up to 100,000 B, in halves, each answered before the "
                       "next; exit 0",
                       (int)outcome->lines);
    return right;
}
