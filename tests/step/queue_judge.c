/* SPDX-License-Identifier: MIT */
/*
 * The messages that the queue of queue.c is tried with, and whether what is found there
 * afterwards is as it must be.
 */
#include "queue.h"

#include <errno.h>
#include <string.h>

#include "harness.h"

/* --- messages ------------------------------------------------------------ */

// Every third one is large.
static size_t size_of(int number)
{
    return number % 3 == 0 ? LARGE : SMALL;
}

int queue_put(wherry_channel *out, int number, wherry_deadline deadline)
{
    static uint8_t bytes[LARGE];
    memset(bytes, number, sizeof bytes);
    memcpy(bytes, &number, sizeof number);
    return wherry_write(out, bytes, size_of(number), number, 0, deadline);
}

// Its number, or -1 if it is torn.
int queue_number_of(const wherry_message *message)
{
    const uint8_t *bytes = wherry_message_data(message);
    const size_t size = wherry_message_size(message);
    int number;
    if (size < sizeof number)
        return -1;
    memcpy(&number, bytes, sizeof number);
    if (size != size_of(number) || wherry_message_kind(message) != number)
        return -1;
    for (size_t i = sizeof number; i < size; i++)
        if (bytes[i] != (uint8_t)number)
            return -1;
    return number;
}

/* --- what is found ------------------------------------------------------- */

void queue_empty(wherry_channel *in, struct haul *haul)
{
    wherry_message *message = NULL;
    int r;
    *haul = (struct haul){.count = 0};
    while ((r = wherry_recv(in, &message, WHERRY_POLL)) == 1) {
        const bool is_visitors = wherry_message_kind(message) == VISITORS;
        const int number = queue_number_of(message);
        haul->is_torn = haul->is_torn || (number < 0 && !is_visitors);
        if (is_visitors)
            haul->visitors++;
        else if (haul->count < THERE_MOST)
            haul->numbers[haul->count++] = number;
        wherry_message_free(message);
    }
    struct wherry_channel_info info;
    CHECK_OK(wherry_describe(in, &info, sizeof info));
    haul->is_stuck = r != -EAGAIN || info.waiting_messages > 0;
}

// In order, each once; of those that were there one at most is missing, if somebody
// took it.
struct step_finding queue_judge_haul(const struct step_scene *scene,
                                     const struct haul *haul)
{
    const struct quay *quay = scene->shared;
    int missing = quay->there;
    int more = 0;
    for (int i = 0; i < haul->count; i++) {
        const int number = haul->numbers[i];
        if (i > 0 && number <= haul->numbers[i - 1])
            return step_find(STEP_TORN, "%d comes after %d", number,
                             haul->numbers[i - 1]);
        missing -= number < LEAST + quay->there;
        more += number >= LEAST + quay->there;
    }
    const bool takes = scene->role && strstr(scene->role->name, "take");
    if (haul->is_torn || more > 2)
        return step_find(STEP_TORN, "a message is torn, or there are too many");
    if (missing > (takes ? 1 : 0))
        return step_find(STEP_LOST, "%d messages are gone", missing);
    return step_find(missing || more ? STEP_WHOLE : STEP_ABSENT, "%d missing, %d more",
                     missing, more);
}

// All of its room can be used: by messages, and by bytes.
struct step_finding queue_judge_room(const struct ends *ends)
{
    static uint8_t bytes[BYTES];
    struct haul haul;
    for (int i = 0; i < MESSAGES; i++)
        if (queue_put(ends->out, LEAST + 1, wherry_after(SOON)) < 0)
            return step_find(STEP_LOST, "room for %d messages is left: %s", i,
                             wherry_error_text());
    if (queue_put(ends->out, LEAST + 1, WHERRY_POLL) != -EAGAIN)
        return step_find(STEP_TORN, "there is more room than there was");
    queue_empty(ends->in, &haul);
    if (haul.count != MESSAGES || haul.is_torn || haul.is_stuck)
        return step_find(STEP_TORN, "of %d messages %d come back", MESSAGES,
                         haul.count);
    if (wherry_write(ends->out, bytes, BYTES, VISITORS, 0, wherry_after(SOON)) < 0)
        return step_find(STEP_LOST, "blocks are gone: %s", wherry_error_text());
    queue_empty(ends->in, &haul);
    return step_find(STEP_WHOLE, "all of its room is there");
}
