/* SPDX-License-Identifier: MIT */
/*
 * The conversation of two processes.
 *
 * The child speaks first and says what its end can do; the parent answers with what
 * both can.  Then each sends the other the same kinds of messages, in turn, and checks
 * what it gets; the parent measures round trips, which the child only returns; last,
 * where there is an end, each is told it.  Where a message is one number there are no
 * terms to agree on, but for the processor.  All waits are for ever: guard.c ends them.
 */
#include "tour/tour.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* What both ends can do. */
struct terms {
    uint64_t limit;
    uint64_t files;
    uint64_t abilities;
    int64_t kind;      // the largest
    int64_t processor; // on which round trips are timed
};

/* --- one message --------------------------------------------------------- */

int tour_side_address(const struct tour_side *side, wherry_message *message)
{
    return side->origin ? wherry_message_reply_to(message, side->origin) : 0;
}

bool tour_lost(struct tour_side *side, const char *what, int error)
{
    struct tour_proof *proof = &side->proof;
    proof->gone =
        error == 0 || error == -EPIPE || error == -ECONNRESET || error == -ECANCELED;
    if (error == 0)
        return tour_wrong(&proof->fault, "the other process ended too early");
    return tour_refused(&proof->fault, what);
}

// Freed by the caller, also when it was not sent.
static bool make(struct tour_side *side, const struct tour_sample *sample,
                 wherry_message **out)
{
    struct tour_fault *fault = &side->proof.fault;
    if (wherry_loan(side->out, sample->size, out, WHERRY_FOREVER) < 0)
        return tour_refused(fault, "making a message");
    tour_sample_fill(sample, wherry_message_data(*out));
    if (wherry_message_set_kind(*out, sample->kind) < 0 ||
        tour_side_address(side, *out) < 0)
        return tour_refused(fault, "addressing a message");
    return tour_sample_attach(sample, side->directory, *out, fault);
}

bool tour_say(struct tour_side *side, const struct tour_sample *sample)
{
    wherry_message *message = NULL;
    bool right = make(side, sample, &message);
    int r = right ? wherry_send(side->out, &message, 0, WHERRY_FOREVER) : 0;
    if (r < 0)
        right = tour_lost(side, "sending", r);
    wherry_message_free(message);
    return right;
}

static bool receive(struct tour_side *side, int64_t kind, wherry_message **out)
{
    int r = kind ? wherry_recv_kind(side->in, kind, out, WHERRY_FOREVER)
                 : wherry_recv(side->in, out, WHERRY_FOREVER);
    return r > 0 ? true : tour_lost(side, "receiving", r);
}

// Whose name the kernel must have attached; -1 where none is expected.  Where one is
// there all the same (datagrams have no such ability), it has to be right too.
static int64_t expected_sender(const struct tour_side *side,
                               const wherry_message *message)
{
    bool is_told = wherry_message_sender(message)->trust == WHERRY_TRUST_KERNEL;
    bool is_due = side->abilities & WHERRY_ABLE_SENDER;
    return is_due || (is_told && side->other > 0) ? side->other : -1;
}

// Kind 0 arrives as the least that there is.
static bool check_arrived(struct tour_side *side, const struct tour_sample *sample,
                          const wherry_message *message)
{
    struct tour_sample arrived = *sample;
    struct wherry_channel_info in;
    const size_t without_holders = offsetof(struct wherry_channel_info, holder_count);
    if (arrived.kind == 0 && wherry_describe(side->in, &in, without_holders) >= 0)
        arrived.kind = in.kind_least;
    return tour_check_message(&arrived, message, expected_sender(side, message),
                              &side->proof);
}

static bool hear(struct tour_side *side, const struct tour_sample *sample, int64_t kind)
{
    wherry_message *message = NULL;
    if (!receive(side, kind, &message))
        return false;
    bool right = check_arrived(side, sample, message);
    wherry_message_free(message);
    return right;
}

bool tour_hear(struct tour_side *side, const struct tour_sample *sample)
{
    return hear(side, sample, 0);
}

int tour_return(struct tour_side *side)
{
    wherry_message *message = NULL;
    int r = wherry_recv(side->in, &message, WHERRY_FOREVER);
    bool last = r == 0 || (r > 0 && wherry_message_size(message) == 0);
    side->proof.gone = r == 0; // whatever is found wrong from here on comes of that
    if (r > 0 && !last)
        r = wherry_send(side->out, &message, 0, WHERRY_FOREVER);
    wherry_message_free(message);
    if (r < 0)
        (void)tour_lost(side, "sending a message back", r);
    return r < 0 ? -1 : !last;
}

// What the other says differs from what we say.
static struct tour_sample turned(const struct tour_sample *sample)
{
    struct tour_sample other = *sample;
    other.seed += UINT64_C(1) << 32;
    return other;
}

// The parent says it and hears the answer; the child the other way about.
static bool exchange(struct tour_side *side, bool is_child,
                     const struct tour_sample *sample)
{
    struct tour_sample answer = turned(sample);
    if (is_child)
        return tour_hear(side, sample) && tour_say(side, &answer);
    return tour_say(side, sample) && tour_hear(side, &answer);
}

/* --- the terms ----------------------------------------------------------- */

// A channel for one direction has only that one's abilities.
static bool own_terms(struct tour_side *side, struct terms *terms)
{
    struct wherry_channel_info in;
    struct wherry_channel_info out;
    if (wherry_describe(side->in, &in, sizeof(in)) < 0 ||
        wherry_describe(side->out, &out, sizeof(out)) < 0)
        return tour_refused(&side->proof.fault, "describing the channel");
    unsigned both = in.abilities & out.abilities;
    side->numbers = both & WHERRY_ABLE_NUMBER;
    side->limit = out.message_limit;
    side->abilities =
        (side->numbers ? 0 : both & (WHERRY_ABLE_KINDS | WHERRY_ABLE_FILES)) |
        (in.abilities & (WHERRY_ABLE_SENDER | WHERRY_ABLE_CONNECTIONLESS)) |
        (out.abilities & WHERRY_ABLE_FINISH);
    *terms = (struct terms){side->limit, out.file_limit, side->abilities,
                            out.kind_limit, -1};
    return true;
}

static bool say_terms(struct tour_side *side, const struct terms *terms)
{
    wherry_message *message = NULL;
    const int processor = (int)terms->processor;
    int r = side->numbers ? wherry_message_copy(&processor, sizeof(processor), &message)
                          : wherry_message_copy(terms, sizeof(*terms), &message);
    if (r >= 0)
        r = tour_side_address(side, message);
    if (r >= 0)
        r = wherry_send(side->out, &message, 0, WHERRY_FOREVER);
    wherry_message_free(message);
    return r < 0 ? tour_lost(side, "sending the first message", r) : true;
}

static bool hear_terms(struct tour_side *side, struct terms *terms)
{
    wherry_message *message = NULL;
    int processor = 0;
    if (!receive(side, 0, &message))
        return false;
    const size_t size = side->numbers ? sizeof(processor) : sizeof(*terms);
    bool right = wherry_message_size(message) == size;
    if (right && side->numbers) {
        memcpy(&processor, wherry_message_data(message), sizeof(processor));
        terms->processor = processor;
    } else if (right) {
        memcpy(terms, wherry_message_data(message), sizeof(*terms));
    } else {
        tour_wrong(&side->proof.fault, "the first message has %zu bytes instead of %zu",
                   wherry_message_size(message), size);
    }
    if (right && side->abilities & WHERRY_ABLE_CONNECTIONLESS)
        side->origin = message;
    else
        wherry_message_free(message);
    return right;
}

static bool agree_as_child(struct tour_side *side, struct terms *terms)
{
    return own_terms(side, terms) && say_terms(side, terms) && hear_terms(side, terms);
}

static bool agree_as_parent(struct tour_side *side, struct terms *terms)
{
    struct terms own = {0};
    if (!own_terms(side, &own))
        return false;
    *terms = own;
    if (!hear_terms(side, terms))
        return false;
    const uint64_t of_both = WHERRY_ABLE_KINDS | WHERRY_ABLE_FILES;
    terms->limit = own.limit < terms->limit ? own.limit : terms->limit;
    terms->files = own.files < terms->files ? own.files : terms->files;
    terms->kind = own.kind < terms->kind ? own.kind : terms->kind;
    terms->abilities = (own.abilities & terms->abilities & of_both) |
                       (own.abilities & WHERRY_ABLE_FINISH);
    terms->processor = tour_processor();
    return say_terms(side, terms);
}

/* --- what they say ------------------------------------------------------- */

size_t tour_sizes(uint64_t limit, size_t out[TOUR_SIZES])
{
    static const size_t sizes[TOUR_SIZES - 1] = {1, 64, 65536};
    size_t count = 0;
    for (size_t i = 0; i < TOUR_SIZES - 1; i++)
        if (sizes[i] < limit)
            out[count++] = sizes[i];
    out[count++] = (size_t)limit;
    return count;
}

unsigned tour_rounds(size_t i, size_t count)
{
    static const unsigned rounds[TOUR_SIZES] = {500, TOUR_MOST_ROUNDS, 200, 10};
    return rounds[i + 1 == count ? TOUR_SIZES - 1 : i];
}

// The sizes that the mechanism takes; how many.
static size_t fitting_sizes(const struct tour_side *side, const struct terms *terms,
                            size_t out[TOUR_SIZES])
{
    if (!side->numbers)
        return tour_sizes(terms->limit, out);
    out[0] = (size_t)terms->limit;
    return 1;
}

static bool talk_sizes(struct tour_side *side, bool is_child, const struct terms *terms)
{
    static const int64_t kinds[TOUR_SIZES] = {0, 1, 1000000, INT64_MAX};
    size_t fitting[TOUR_SIZES];
    size_t count = fitting_sizes(side, terms, fitting);
    for (size_t i = 0; i < count; i++) {
        struct tour_sample sample = {.seed = i, .size = fitting[i]};
        if (terms->abilities & WHERRY_ABLE_KINDS)
            sample.kind = kinds[i] < terms->kind ? kinds[i] : terms->kind;
        if (!exchange(side, is_child, &sample))
            return false;
    }
    return true;
}

// One byte more than the limit must be refused here, before anything is sent.
static bool check_limit(struct tour_side *side)
{
    struct tour_fault *fault = &side->proof.fault;
    wherry_message *message = NULL;
    if (wherry_message_new((size_t)side->limit + 1, &message) < 0)
        return tour_refused(fault, "making a message");
    int r = tour_side_address(side, message);
    if (r >= 0)
        r = wherry_send(side->out, &message, 0, WHERRY_FOREVER);
    wherry_message_free(message);
    if (r == -EMSGSIZE)
        return true;
    return tour_wrong(fault,
                      "a message of one byte more than the limit of %" PRIu64
                      " gave %d instead of EMSGSIZE",
                      side->limit, r);
}

// Three of different kinds, taken in another order than they came.
static bool talk_kinds(struct tour_side *side, bool is_child)
{
    static const size_t order[] = {2, 0, 1};
    struct tour_sample samples[3];
    for (size_t i = 0; i < 3; i++)
        samples[i] =
            (struct tour_sample){.seed = 16 + i, .size = 64, .kind = (int64_t)(10 + i)};
    for (int turn = 0; turn < 2; turn++)
        for (size_t i = 0; i < 3; i++) {
            bool speaks = (turn == 0) != is_child;
            bool right = speaks
                             ? tour_say(side, &samples[i])
                             : hear(side, &samples[order[i]], samples[order[i]].kind);
            if (!right)
                return false;
        }
    return true;
}

// One open file, then as many as one message takes, then a message without.
static bool talk_files(struct tour_side *side, bool is_child, const struct terms *terms)
{
    const size_t counts[] = {1, (size_t)terms->files, 0};
    for (size_t i = 0; i < 3; i++) {
        struct tour_sample sample = {.seed = 32 + i, .size = 64, .files = counts[i]};
        if (!exchange(side, is_child, &sample))
            return false;
    }
    return true;
}

/* --- round trips --------------------------------------------------------- */

static bool round_trip(struct tour_side *side, const struct tour_sample *sample,
                       int64_t *nanoseconds)
{
    wherry_message *message = NULL;
    if (!make(side, sample, &message)) {
        wherry_message_free(message);
        return false;
    }
    wherry_deadline start = wherry_now();
    int r = wherry_send(side->out, &message, 0, WHERRY_FOREVER);
    if (r < 0)
        (void)tour_lost(side, "sending", r);
    wherry_message_free(message);
    message = NULL;
    if (r < 0 || !receive(side, 0, &message))
        return false;
    *nanoseconds = wherry_now() - start;
    bool right = check_arrived(side, sample, message);
    wherry_message_free(message);
    return right;
}

static bool measure(struct tour_side *side, const struct tour_stop *stop,
                    unsigned rounds, struct tour_time *time)
{
    static int64_t nanoseconds[TOUR_MOST_ROUNDS];
    unsigned warm_up = rounds / 10;
    unsigned done = 0;
    wherry_deadline end = wherry_now() + stop->budget;
    for (unsigned i = 0; i < warm_up + rounds; i++) {
        struct tour_sample sample = {.seed = 1000 + i, .size = (size_t)time->size};
        if (i == warm_up)
            done = 0;
        if (!round_trip(side, &sample, &nanoseconds[done]))
            return false;
        done++;
        if (wherry_now() > end)
            break;
    }
    tour_time_sum_up(nanoseconds, done, time);
    return true;
}

static bool measure_all(struct tour_side *side, const struct terms *terms,
                        struct tour_stop *stop)
{
    size_t fitting[TOUR_SIZES];
    size_t count = fitting_sizes(side, terms, fitting);
    for (size_t i = 0; i < count; i++) {
        unsigned rounds = side->numbers ? TOUR_MOST_ROUNDS : tour_rounds(i, count);
        stop->times[i].size = fitting[i];
        if (!measure(side, stop, rounds, &stop->times[i]))
            return false;
        stop->time_count = i + 1;
    }
    struct tour_sample end = {.size = 0};
    return tour_say(side, &end);
}

/* --- the end ------------------------------------------------------------- */

static bool hear_end(struct tour_side *side)
{
    wherry_message *message = NULL;
    int r = wherry_recv(side->in, &message, WHERRY_FOREVER);
    wherry_message_free(message);
    if (r == 0)
        return true;
    return r < 0 ? tour_refused(&side->proof.fault, "hearing the other's end")
                 : tour_wrong(&side->proof.fault, "a message came after the last one");
}

static bool talk(struct tour_side *side, bool is_child, const struct terms *terms)
{
    return talk_sizes(side, is_child, terms) && check_limit(side) &&
           (!(terms->abilities & WHERRY_ABLE_KINDS) || talk_kinds(side, is_child)) &&
           (!(terms->abilities & WHERRY_ABLE_FILES) ||
            talk_files(side, is_child, terms));
}

static bool talk_as_parent(struct tour_side *side, struct tour_stop *stop)
{
    struct terms terms = {0};
    if (!agree_as_parent(side, &terms))
        return false;
    stop->limit = terms.limit;
    stop->abilities =
        (unsigned)terms.abilities | (side->abilities & WHERRY_ABLE_SENDER);
    if (!talk(side, false, &terms))
        return false;
    tour_pin((int)terms.processor);
    bool measured = measure_all(side, &terms, stop);
    tour_unpin();
    if (!measured)
        return false;
    if (side->proof.senders > 0)
        stop->abilities |= WHERRY_ABLE_SENDER;
    if (side->numbers) // each came with its signal
        stop->abilities |= WHERRY_ABLE_KINDS;
    if (!(terms.abilities & WHERRY_ABLE_FINISH))
        return true;
    if (wherry_finish(side->out) < 0)
        return tour_refused(&side->proof.fault, "telling the end");
    return hear_end(side);
}

static bool talk_as_child(struct tour_side *side)
{
    struct terms terms = {0};
    if (!agree_as_child(side, &terms) || !talk(side, true, &terms))
        return false;
    tour_pin((int)terms.processor); // for as long as this child lives
    int r;
    while ((r = tour_return(side)) > 0)
        ;
    return r == 0 && (!(terms.abilities & WHERRY_ABLE_FINISH) || hear_end(side));
}

const struct tour_talk tour_talk_messages = {true, talk_as_parent, talk_as_child};
