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

// The first reader is waited for, and no other.  A publish looks for them by itself.
static int find_readers(struct wherry_listener *listener, bool publishes,
                        wherry_deadline deadline)
{
    const struct transport *transport = listener->transport;
    int readers = publishes ? transport->readers(listener->state, NULL, 0) : 0;
    while (readers == 0) {
        readers = transport->admit(listener->state);
        if (readers != 0 || deadline == WHERRY_POLL)
            return readers;
        int r = listener_wait(listener, deadline);
        if (r < 0)
            return r;
    }
    return readers;
}

int wherry_publish(wherry_listener *listener, wherry_message **message,
                   wherry_deadline deadline)
{
    if (!listener->transport->publish)
        return no_topic(listener);
    if (message && !*message)
        return failure(-EINVAL, "%s: there is no message", listener->shown);
    int r = 0;
    if (!message || deadline != WHERRY_POLL)
        r = find_readers(listener, message != NULL, deadline);
    if (!message || r < 0)
        return r;
    r = listener->transport->publish(listener->state, *message);
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
