/* SPDX-License-Identifier: MIT */
/*
 * Numbers, and what was proven, in words.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tour/tour.h"

const char *tour_count_text(uint64_t count, char out[TOUR_NUMBER])
{
    char digits[TOUR_NUMBER];
    int length = snprintf(digits, sizeof(digits), "%" PRIu64, count);
    char *end = out;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            *end++ = ',';
        *end++ = digits[i];
    }
    *end = 0;
    return out;
}

const char *tour_size_text(uint64_t size, char out[TOUR_NUMBER])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB"};
    size_t unit = 0;
    while (unit < 3 && size >= 1024 && size % 1024 == 0) {
        size /= 1024;
        unit++;
    }
    char number[TOUR_NUMBER];
    (void)snprintf(out, TOUR_NUMBER, "%.20s %s", tour_count_text(size, number),
                   units[unit]);
    return out;
}

const char *tour_time_text(int64_t nanoseconds, const char *micro,
                           char out[TOUR_NUMBER])
{
    double time = (double)nanoseconds;
    if (time < 999.5e3)
        (void)snprintf(out, TOUR_NUMBER, "%.*f %.4ss", time < 99.95e3 ? 1 : 0,
                       time / 1e3, micro);
    else
        (void)snprintf(out, TOUR_NUMBER, "%.*f ms", time < 99.95e6 ? 1 : 0, time / 1e6);
    return out;
}

void tour_machine_text(char out[TOUR_TEXT])
{
    struct utsname name;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (uname(&name) < 0)
        memset(&name, 0, sizeof(name));
    (void)snprintf(out, TOUR_TEXT, "%.60s %.60s, %ld processor%s", name.sysname,
                   name.release, processors, processors == 1 ? "" : "s");
}

/* --- a sentence ---------------------------------------------------------- */

struct sentence {
    char *text;
    size_t size;
    size_t used;
};

__attribute__((format(printf, 2, 3))) static void add(struct sentence *sentence,
                                                      const char *format, ...)
{
    va_list arguments;
    // From size on there is no room, and vsnprintf() writes nothing.
    size_t used = sentence->used < sentence->size ? sentence->used : sentence->size;
    va_start(arguments, format);
    int length =
        vsnprintf(sentence->text + used, sentence->size - used, format, arguments);
    va_end(arguments);
    sentence->used += length > 0 ? (size_t)length : 0;
}

static void add_abilities(struct sentence *sentence, const struct tour_stop *stop)
{
    const struct tour_proof *proof = &stop->proof;
    char number[TOUR_NUMBER];
    if (stop->abilities & WHERRY_ABLE_KINDS)
        add(sentence, ", kinds");
    if (stop->abilities & WHERRY_ABLE_FILES)
        add(sentence, ", %s open files", tour_count_text(proof->files, number));
    if (stop->abilities & WHERRY_ABLE_SENDER)
        add(sentence, ", senders");
    if (stop->abilities & (WHERRY_ABLE_KINDS | WHERRY_ABLE_FILES | WHERRY_ABLE_SENDER))
        add(sentence, " right");
}

static void add_times(struct sentence *sentence, const struct tour_time *time,
                      const char *micro)
{
    char number[TOUR_NUMBER];
    if (!time)
        return;
    add(sentence, "; %s round trips", tour_count_text(time->rounds, number));
    add(sentence, ", median %s", tour_time_text(time->median, micro, number));
}

static void add_messages(struct sentence *sentence, const struct tour_stop *stop,
                         const char *micro)
{
    char number[TOUR_NUMBER];
    const bool numbers = stop->limit == sizeof(int);
    add(sentence, "2 processes, %s %s whole", numbers ? "numbers of" : "1 B to",
        tour_size_text(stop->limit, number));
    add_abilities(sentence, stop);
    add_times(sentence, tour_stop_time(stop, numbers ? UINT64_MAX : 64), micro);
    if (stop->told_after)
        add(sentence,
            "; at first through the socket, in a burst through memory that only its "
            "writer can change; of one that was killed all that it had said came, and "
            "one that slept was told after %s",
            tour_time_text(stop->told_after, micro, number));
}

static void add_memory(struct sentence *sentence, const struct tour_stop *stop,
                       const char *micro)
{
    char number[TOUR_NUMBER];
    add(sentence,
        "2 processes, 1 B to %s seen and answered in place, another size and a "
        "reader's write refused",
        tour_size_text(stop->limit, number));
    add_times(sentence, tour_stop_time(stop, 64), micro);
}

static void add_turns(struct sentence *sentence, const struct tour_stop *stop,
                      const char *micro)
{
    char number[TOUR_NUMBER];
    add(sentence, "2 processes, %s turns at one counter, each counted; ",
        tour_count_text(stop->proof.turns, number));
    if (stop->came_after < 0)
        add(sentence, "its holder killed, the permit is gone for good");
    else
        add(sentence, "its holder killed, the permit came to one that slept after %s",
            tour_time_text(stop->came_after, micro, number));
}

void tour_stop_text(const struct tour_stop *stop, const char *micro, char *out,
                    size_t size)
{
    struct sentence sentence = {out, size, 0};
    out[0] = 0;
    if (stop->result != TOUR_RIGHT)
        add(&sentence, "%s", stop->proof.fault.text);
    else if (tour_stop_is_channel(stop))
        add_messages(&sentence, stop, micro);
    else if (stop->proof.turns > 0)
        add_turns(&sentence, stop, micro);
    else
        add_memory(&sentence, stop, micro);
}

const char *tour_outcome_text(const struct tour_outcome *outcome)
{
    return outcome->result == TOUR_WRONG ? outcome->fault.text : outcome->text;
}
