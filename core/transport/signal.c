/* SPDX-License-Identifier: MIT */
/*
 * signal:PID, signal:self - signals that carry a number, signal(7).
 *
 * Listening and accepting gives an end that receives the signals that `signal=` names,
 * sent to this process by anybody; dialling gives one that sends to a process, which is
 * held by a pidfd, so that whoever gets its number later is never hit.  Nothing is
 * added to a signal: kill(2), sigqueue(3) and a timer can be at the other end.
 *
 * Standard signals merge while they are pending, real-time ones queue, each with its
 * number, until RLIMIT_SIGPENDING of the receiver's user; then a standard one loses its
 * number, and one without a number its sender.  The lowest of those that are pending
 * comes first.  What is sent while a receiver is stopped waits for it.
 */
#include "transport/signal.h"

#include <wherry/signal.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

enum { LIST_MOST = 191, PID_DIGITS = 9 };

static const struct wherry_option own_options[] = {
    {.name = "signal",
     .type = WHERRY_OPTION_TEXT,
     .standard = "RTMIN",
     .least = 1,
     .most = LIST_MOST,
     .help = "Which signals are received, by name or number and with commas between "
             "them: USR1,RTMIN+1; a sender sends kind 0 as the first of them."},
    {.name = NULL},
};

static const struct wherry_option *const options[] = {own_options, channel_options,
                                                      NULL};

static const struct complaint complaints[] = {
    {ESRCH, "there is no such process (any more)"},
    {EPERM, "this user may not send it signals: it is another user's process"},
    {ENOSYS, "this kernel has no pidfds: Linux 5.3 or later is needed"},
    {0, NULL},
};

/* --- addresses ----------------------------------------------------------- */

static int bad_signal(const char *name)
{
    return failure(-EINVAL,
                   "signal=%s: there is no signal \"%s\": they are called USR1, TERM, "
                   "RTMIN, RTMIN+3, RTMAX-1 or 10 (kill -l)",
                   name, name);
}

static int read_list(const struct address *address, struct signal_list *out)
{
    char names[LIST_MOST + 1];
    snprintf(names, sizeof(names), "%s", address_string(address, "signal"));
    *out = (struct signal_list){0};
    for (char *name = names; name;) {
        char *behind = strchr(name, ',');
        if (behind)
            *behind++ = 0;
        int number = os_signal_number(name);
        if (number < 0)
            return bad_signal(name);
        out->first = out->first ? out->first : number;
        out->signals |= OS_SIGNAL_BIT(number);
        name = behind;
    }
    return 0;
}

// 0: it is no process's number.
static int64_t read_pid(const struct address *address)
{
    const char *rest = address_rest(address);
    size_t size = address_rest_size(address);
    if (size == 4 && memcmp(rest, "self", size) == 0)
        return os_self();
    bool is_number =
        size > 0 && size <= PID_DIGITS && strspn(rest, "0123456789") == size;
    return is_number ? strtoll(rest, NULL, 10) : 0;
}

static int signal_check(const struct address *address)
{
    struct signal_list list;
    if (read_pid(address) == 0)
        return failure(-EINVAL, "a process is called by its number, or self: "
                                "signal:4711, signal:self");
    return read_list(address, &list);
}

/* --- opening ------------------------------------------------------------- */

static int signal_dial(const struct address *address, wherry_deadline deadline,
                       struct endpoint *out)
{
    struct signal_list list;
    struct os_descriptor target = OS_DESCRIPTOR_NONE;
    const int64_t pid = read_pid(address);
    (void)deadline; // it never waits
    int r = read_list(address, &list);
    if (r < 0)
        return r;
    r = os_signal_target(pid, &target);
    if (r < 0) {
        endpoint_refuse(address, r, complaints);
        return r == -EPERM ? -EACCES : r;
    }
    endpoint_show(out, address_text(address));
    return signal_sender(&list, target, pid, out);
}

static int check_list(const struct signal_list *list)
{
    for (int number = 1; number < OS_SIGNALS; number++) {
        const char *reason =
            list->signals & OS_SIGNAL_BIT(number) ? os_signal_refused(number) : NULL;
        char name[OS_SIGNAL_NAME];
        os_signal_name(number, name);
        if (reason)
            return failure(-EINVAL, "signal=%s: %s", name, reason);
    }
    return 0;
}

// What a harbour has of a receiver.
struct signal_place {
    struct signal_list list;
    struct os_signal_hold hold;
};

static void leave_place(struct harbour *harbour)
{
    struct signal_place *place = harbour->own;
    if (!harbour->is_given)
        os_signal_let_go(&place->hold);
    free(place);
}

static int give_receiver(const struct harbour *harbour, struct os_descriptor descriptor,
                         struct endpoint *out)
{
    const struct signal_place *place = harbour->own;
    return signal_receiver(&place->list, descriptor, &place->hold, out);
}

static int open_receiver(struct harbour *harbour, const void *with)
{
    static const struct complaint stands[] = {{EINVAL, NULL}, {0, NULL}};
    const struct address *address = harbour->address;
    struct signal_place *place = calloc(1, sizeof(*place));
    (void)with;
    if (!place)
        return endpoint_refuse(address, -ENOMEM, NULL);
    harbour->own = place;
    harbour->give = give_receiver;
    harbour->leave = leave_place;
    int r = read_list(address, &place->list);
    if (r >= 0 && read_pid(address) != os_self())
        r = failure(-EINVAL, "a process receives its own signals only: signal:self");
    if (r >= 0)
        r = check_list(&place->list);
    if (r >= 0)
        r = os_signal_open(place->list.signals, &place->hold, &harbour->descriptor);
    if (r < 0)
        return endpoint_refuse(address, r, stands);
    snprintf(harbour->shown, sizeof(harbour->shown), "signal:%lld",
             (long long)os_self());
    return 0;
}

static int signal_listen(const struct address *address, void **state, char *shown)
{
    static const struct harbour_plan plan = {open_receiver, NULL, NULL};
    return harbour_listen(address, &plan, state, shown);
}

const struct transport transport_signal = {
    .mechanism = {.scheme = "signal",
                  .usage = "signal:PID or signal:self",
                  .mechanism = "signals, signal(7)",
                  .summary = "A notice with one number to any process of this user.",
                  .example = "signal:self",
                  .abilities = WHERRY_ABLE_DIAL | WHERRY_ABLE_LISTEN |
                               WHERRY_ABLE_SEND | WHERRY_ABLE_RECV |
                               WHERRY_ABLE_MESSAGES | WHERRY_ABLE_NUMBER |
                               WHERRY_ABLE_KINDS | WHERRY_ABLE_PRIORITY |
                               WHERRY_ABLE_STRANGERS | WHERRY_ABLE_MANY_WRITERS |
                               WHERRY_ABLE_LOSS | WHERRY_ABLE_DESCRIPTOR,
                  .traits = WHERRY_TRAIT_NOTICE | WHERRY_TRAIT_USER,
                  .limit = "one number, the 4 bytes of an int (sigqueue(3))",
                  .largest = 4,
                  .systems = "POSIX, not macOS"},
    .options = options,
    .check = signal_check,
    .dial = signal_dial,
    .listen = signal_listen,
    .accept = harbour_accept,
    .accept_wait = harbour_wait,
    .unlisten = harbour_close,
};

/* --- names, for everybody ------------------------------------------------ */

int wherry_signal_number(const char *name)
{
    int number = name ? os_signal_number(name) : -EINVAL;
    return number < 0 ? failure(-EINVAL, "there is no signal \"%s\" (kill -l)",
                                name ? name : "")
                      : number;
}

int wherry_signal_name(int64_t number, char *out, size_t size)
{
    char name[OS_SIGNAL_NAME];
    if (number < 1 || number >= OS_SIGNALS)
        return failure(-EINVAL, "signals are numbers from 1 to %d", OS_SIGNALS - 1);
    os_signal_name((int)number, name);
    if (strlen(name) >= size)
        return failure(-ENOSPC, "the name %s does not fit into %zu bytes", name, size);
    memcpy(out, name, strlen(name) + 1);
    return 0;
}
