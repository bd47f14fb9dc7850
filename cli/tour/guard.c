/* SPDX-License-Identifier: MIT */
/*
 * A limit to every wait of the tour, beside Ctrl-C (interrupt.h).
 *
 * The handler of SIGALRM only cancels what is waited on (wherry_cancel is safe there);
 * everything then ends the way it ends when something is wrong: processes are killed
 * and reaped, the directory is removed.
 */
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "interrupt.h"
#include "tour/tour.h"

enum { CHILD_SECONDS = 30 };

static volatile sig_atomic_t late;
static wherry_channel *_Atomic guarded[2];

static void cancel_guarded(void)
{
    for (int i = 0; i < 2; i++) {
        wherry_channel *channel = atomic_load(&guarded[i]);
        if (channel)
            wherry_cancel(channel);
    }
}

static void be_late(int number)
{
    (void)number;
    late = 1;
    cancel_guarded();
}

void tour_guard(wherry_channel *in, wherry_channel *out)
{
    wherry_channel *const now[2] = {in, out};
    for (int i = 0; i < 2; i++) {
        interrupt_forget(atomic_load(&guarded[i]));
        atomic_store(&guarded[i], now[i]);
        if (now[i] && (i == 0 || in != out))
            interrupt_watch(now[i]);
    }
    if (late) // it came before there was something to cancel
        cancel_guarded();
}

void tour_guard_seconds(unsigned seconds)
{
    struct sigaction action = {.sa_handler = be_late};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGALRM, &action, NULL);
    if (seconds > 0)
        late = 0;
    (void)alarm(seconds);
}

bool tour_is_late(void)
{
    return late;
}

void tour_guard_child(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGALRM, SIGPIPE};
    struct sigaction action = {.sa_handler = SIG_DFL};
    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        (void)sigaction(numbers[i], &action, NULL);
    (void)alarm(CHILD_SECONDS);
}
