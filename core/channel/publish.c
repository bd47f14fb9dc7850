/* SPDX-License-Identifier: MIT */
/*
 * Publishing: one message to all who read a topic, whatever they do.
 */
#include <errno.h>

#include "channel/listener.h"

static int no_topic(const struct wherry_listener *listener)
{
    return failure(-ENOTSUP, "%s: it is no topic: local:NAME?fan=broadcast is",
                   listener->shown);
}

// The first reader is waited for, and no other.
static int find_readers(struct wherry_listener *listener, wherry_deadline deadline)
{
    for (;;) {
        const int readers = listener->transport->admit(listener->state);
        if (readers != 0 || deadline == WHERRY_POLL)
            return readers;
        const int r = listener_wait(listener, deadline);
        if (r < 0)
            return r;
    }
}

// Whoever read may have gone: then there is a first one again.
static int publish_to(struct wherry_listener *listener, const wherry_message *message,
                      wherry_deadline deadline)
{
    const bool to_somebody = deadline != WHERRY_POLL;
    for (;;) {
        int r = listener->transport->publish(listener->state, message, to_somebody);
        if (r != 0 || !to_somebody)
            return r;
        r = find_readers(listener, deadline);
        if (r < 0)
            return r;
    }
}

int wherry_publish(wherry_listener *listener, wherry_message **message,
                   wherry_deadline deadline)
{
    if (!listener->transport->publish)
        return no_topic(listener);
    if (!message)
        return find_readers(listener, deadline);
    if (!*message)
        return failure(-EINVAL, "%s: there is no message", listener->shown);
    const int r = publish_to(listener, *message, deadline);
    if (r < 0)
        return r;
    wherry_message_free(*message);
    *message = NULL;
    return r;
}

int wherry_listener_readers(wherry_listener *listener, struct wherry_reader *out,
                            size_t most)
{
    return listener->transport->readers
               ? listener->transport->readers(listener->state, out, most)
               : no_topic(listener);
}
