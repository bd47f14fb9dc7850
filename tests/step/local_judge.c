/* SPDX-License-Identifier: MIT */
/*
 * What came of a local: channel of which one end was killed or stopped: by the words in
 * its memory, and by what the other end saw.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/uio.h>

#include <wherry.h>

#include "harness.h"
#include "local.h"
#include "memory/ring.h"

static wherry_deadline soon(void)
{
    return wherry_after(harness_stretch(LINE_PATIENCE));
}

/* --- one moment and another ---------------------------------------------- */

static bool peek(const struct step_scene *scene, uint64_t page, size_t offset,
                 void *out, size_t size)
{
    const struct iovec here = {out, size};
    const struct iovec there = {(void *)(uintptr_t)(page + offset), size};
    return page &&
           process_vm_readv(scene->stepped, &here, 1, &there, 1, 0) == (ssize_t)size;
}

// How far a ring is written and the other is read; 0 where there is none.
static uint64_t progress_of(const struct step_scene *scene, uint64_t page, bool is_own)
{
    uint64_t tail = 0;
    uint64_t head = 0;
    if (!peek(scene, page, offsetof(struct ring_page, reader), &head, sizeof head))
        return 0;
    if (is_own)
        (void)peek(scene, page, offsetof(struct ring_page, writer), &tail, sizeof tail);
    return 1 + tail * 31 + head;
}

static uint64_t sleepers_of(const struct step_scene *scene, uint64_t page)
{
    uint32_t sleeps[2] = {0, 0};
    (void)peek(scene, page, offsetof(struct ring_page, sleeps), sleeps, sizeof sleeps);
    return (sleeps[0] & 1) * 2 + (sleeps[1] & 1);
}

// How much the other end has sent meanwhile is no part of it: that one is not stepped,
// and may be anywhere.
static uint64_t flows_of(struct line *line)
{
    const uint64_t there =
        atomic_load(&line->there.sent) * UINT64_C(31) + atomic_load(&line->there.taken);
    return there * 31 + atomic_load(&line->back.taken);
}

void local_start(const struct step_scene *scene)
{
    struct line *line = scene->shared;
    atomic_store(&line->start.flows, flows_of(line));
    atomic_store(&line->start.own, progress_of(scene, atomic_load(&line->own), true));
    atomic_store(&line->start.theirs,
                 progress_of(scene, atomic_load(&line->theirs), false));
}

static uint64_t since_start(uint64_t now, uint64_t start)
{
    return now > 0 ? 1 + now - start : 0;
}

uint64_t local_state(const struct step_scene *scene)
{
    struct line *line = scene->shared;
    const uint64_t own = atomic_load(&line->own);
    const uint64_t theirs = atomic_load(&line->theirs);
    uint64_t sum = flows_of(line) - atomic_load(&line->start.flows);
    sum = sum * 1009 +
          since_start(progress_of(scene, own, true), atomic_load(&line->start.own));
    sum = sum * 1009 + since_start(progress_of(scene, theirs, false),
                                   atomic_load(&line->start.theirs));
    return (sum * 4 + sleepers_of(scene, own)) * 4 + sleepers_of(scene, theirs);
}

/* --- the judgement ------------------------------------------------------- */

static bool is_torn(const struct flow *flow)
{
    return atomic_load(&flow->torn) > 0 ||
           atomic_load(&flow->taken) > atomic_load(&flow->begun);
}

static bool is_end(int r)
{
    return r == 0 || r == -ECONNRESET || r == -EPIPE;
}

// Whoever comes next is served as if nothing had been.
static int talk_as_a_stranger(struct line *line)
{
    wherry_channel *channel = NULL;
    int r = wherry_dial(line->address, soon(), &channel);
    if (r >= 0)
        r = wherry_write(channel, "", 0, LINE_STRANGER, 0, soon());
    if (r >= 0 && !line_is_done(line, LINE_ANSWER))
        r = -ETIME;
    wherry_close(channel);
    return r < 0 ? r : atomic_load(&line->result);
}

static struct step_finding judge_flows(struct line *line, enum order order)
{
    const unsigned sent = atomic_load(&line->there.sent);
    const unsigned taken = atomic_load(&line->there.taken);
    const int result = atomic_load(&line->result);
    if (is_torn(&line->there) || is_torn(&line->back))
        return step_find(STEP_TORN, "%u of %u arrived, %u and %u were torn", taken,
                         sent, atomic_load(&line->there.torn),
                         atomic_load(&line->back.torn));
    if (!is_end(result))
        return step_find(STEP_TORN, "the end is told as %s",
                         harness_errno_name(result));
    if (taken < sent && (order == ORDER_RECEIVE || order == ORDER_POLL))
        return step_find(STEP_LOST, "%u messages were sent, %u arrived", sent, taken);
    if (atomic_load(&line->left) != 0)
        return step_find(STEP_LOST, "the survivor keeps %d things",
                         atomic_load(&line->left));
    return step_find(taken == atomic_load(&line->there.begun) ? STEP_WHOLE
                                                              : STEP_ABSENT,
                     "%u of %u arrived", taken, sent);
}

// Of one that only sleeps the answer is there; another is asked for it first.
static enum order ask(struct step_scene *scene)
{
    struct line *line = scene->shared;
    const enum order order = line_setting_of(scene->role)->company;
    const bool reads = strncmp(scene->role->name, "recv", 4) == 0 ||
                       strcmp(scene->role->name, "poll-for-a-message") == 0;
    if (order)
        return order;
    while (line_is_done(line, 0))
        ; // what it was told meanwhile
    line_tell(line, reads ? ORDER_SEND : ORDER_RECEIVE);
    return reads ? ORDER_SEND : ORDER_RECEIVE;
}

struct step_finding local_check(struct step_scene *scene)
{
    struct line *line = scene->shared;
    const enum order order = ask(scene);
    struct step_finding finding = step_find(STEP_ABSENT, "nobody was dialled");
    if (order != ORDER_NEXT) {
        if (!line_is_done(line, LINE_ANSWER))
            return step_find(STEP_HUNG, "the survivor waits on, at %c", order);
        finding = judge_flows(line, order);
        line_tell(line, ORDER_NEXT);
    }
    int r = finding.verdict >= STEP_LOST ? 0 : talk_as_a_stranger(line);
    if (r < 0)
        return step_find(STEP_HUNG, "the next one: %s", harness_errno_name(r));
    return finding;
}

struct step_finding local_meet(struct step_scene *scene)
{
    struct line *line = scene->shared;
    if (line_setting_of(scene->role)->company)
        return step_find(STEP_ABSENT, "the other end sleeps, or has answered");
    while (line_is_done(line, 0))
        ;
    const bool has_filled = scene->role->wake && line->size == LINE_MIDDLE;
    line_tell(line, has_filled ? ORDER_TAKE : ORDER_MEET);
    if (!line_is_done(line, LINE_ANSWER))
        return step_find(STEP_HUNG, "the deadline was not met");
    int r = atomic_load(&line->result);
    return r < 0 ? step_find(STEP_TORN, "meanwhile: %s", harness_errno_name(r))
                 : step_find(STEP_WHOLE, "the deadline was met");
}
