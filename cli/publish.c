/* SPDX-License-Identifier: MIT */
/*
 * Publishing: the first message waits for the first reader, and those after it for
 * nobody.
 */
#include "publish.h"

#include <errno.h>
#include <string.h>

#include "interrupt.h"
#include "open.h"
#include "say.h"

enum { LINE_MOST = 16777216 }; // bytes; what a topic takes is less

static int next(const struct talk_plan *plan, int64_t number, const char **bytes,
                size_t *size)
{
    const struct input_wait wait = {.stop = -1, .peer = -1};
    if (plan->word_count == 0)
        return input_next(plan->input, LINE_MOST, &wait, bytes, size);
    if (number == plan->word_count)
        return 0;
    *bytes = plan->words[number];
    *size = strlen(*bytes);
    return 1;
}

static int publish(wherry_listener *topic, const struct choices *choices,
                   wherry_message **message, wherry_deadline deadline)
{
    int r = wherry_message_set_kind(*message, choices->kind);
    return r < 0 ? r : wherry_publish(topic, message, deadline);
}

// What went wrong, but for an interrupt, which is its own word.
static int failed(const struct talk_plan *plan, const char *text)
{
    return interrupted() ? FAILED : say_error(plan->verb, "%s", text);
}

int publish_all(wherry_listener *topic, const struct talk_plan *plan)
{
    const struct choices *choices = plan->choices;
    wherry_deadline deadline = open_deadline(choices);
    int64_t number = 0;
    if (choices->file_count > 0)
        return say_error(plan->verb, "a topic carries no open files (--file)");
    while (choices->count == 0 || number < choices->count) {
        const char *bytes;
        size_t size;
        wherry_message *message = NULL;
        int r = next(plan, number, &bytes, &size);
        if (r == 0)
            return DONE;
        if (r < 0)
            return failed(plan, say_errno(r));
        r = wherry_message_copy(bytes, size, &message);
        if (r >= 0)
            r = publish(topic, choices, &message, deadline);
        if (r < 0) {
            failed(plan, wherry_error_text());
            wherry_message_free(message);
            return FAILED;
        }
        number++;
        deadline = WHERRY_POLL;
    }
    return DONE;
}
