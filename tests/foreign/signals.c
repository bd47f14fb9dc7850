/* SPDX-License-Identifier: MIT */
/*
 * Programs that send and receive signals without Wherry: kill(1) and Python's signal
 * module.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "peer.h"

// Blocks two signals, says so, and prints each that comes; then sends one back.
static const char script[] =
    "import os, signal, sys\n"
    "mine = [signal.SIGUSR1, signal.SIGRTMIN]\n"
    "signal.pthread_sigmask(signal.SIG_BLOCK, mine)\n"
    "print('ready', flush=True)\n"
    "for i in range(3):\n"
    "    came = signal.sigwaitinfo(mine)\n"
    "    print(int(came.si_signo == signal.SIGRTMIN), came.si_code, came.si_pid,\n"
    "          flush=True)\n"
    "    if came.si_signo == signal.SIGUSR1:\n"
    "        os.kill(came.si_pid, signal.SIGUSR2)\n";

static wherry_channel *receiver_of(const char *address)
{
    wherry_listener *listener;
    wherry_channel *channel;
    OPEN(wherry_listen(address, &listener));
    OPEN(wherry_accept(listener, soon(), &channel));
    wherry_close_listener(listener);
    return channel;
}

TEST(python_waits_for_our_signals_and_sends_one)
{
    struct peer peer;
    wherry_channel *out;
    wherry_message *message;
    char address[64], line[64];
    const int value = 11;
    if (!harness_have_program("python3"))
        SKIP("there is no python3");
    wherry_channel *in = receiver_of("signal:self?signal=USR2");
    peer_start(&peer, (const char *const[]){"python3", "-I", "-c", script, NULL});
    peer_prints(&peer, "ready\n");
    snprintf(address, sizeof address, "signal:%d?signal=RTMIN", peer.pid);
    OPEN(wherry_dial(address, soon(), &out));
    for (int i = 0; i < 2; i++) {
        OPEN(wherry_write(out, &value, sizeof value, 0, 0, soon()));
        snprintf(line, sizeof line, "1 %d %d\n", SI_QUEUE, getpid());
        peer_prints(&peer, line);
    }
    OPEN(wherry_write(out, NULL, 0, SIGUSR1, 0, soon()));
    snprintf(line, sizeof line, "0 %d %d\n", SI_USER, getpid());
    peer_prints(&peer, line);
    CHECK_INT(wherry_recv(in, &message, soon()), 1);
    CHECK_INT(wherry_message_kind(message), SIGUSR2);
    CHECK_INT(wherry_message_sender(message)->trust, WHERRY_TRUST_KERNEL);
    CHECK_INT(wherry_message_sender(message)->pid, peer.pid);
    wherry_message_free(message);
    peer_wait(&peer);
    wherry_close(out);
    wherry_close(in);
}

TEST(kill_sends_a_signal_with_a_number)
{
    struct peer peer;
    wherry_message *message;
    char self[32];
    int value = 0;
    wherry_channel *in = receiver_of("signal:self?signal=USR1,RTMIN+1");
    snprintf(self, sizeof self, "%d", getpid());
    peer_start(&peer, (const char *const[]){"kill", "-q", "4711", "-s", "RTMIN+1", self,
                                            NULL});
    CHECK_INT(wherry_recv(in, &message, soon()), 1);
    CHECK_INT(wherry_message_kind(message), SIGRTMIN + 1);
    CHECK_INT(wherry_message_size(message), sizeof value);
    memcpy(&value, wherry_message_data(message), sizeof value);
    CHECK_INT(value, 4711);
    CHECK_INT(wherry_message_sender(message)->pid, peer.pid);
    wherry_message_free(message);
    peer_wait(&peer);
    peer_start(&peer, (const char *const[]){"kill", "-s", "USR1", self, NULL});
    CHECK_INT(wherry_recv(in, &message, soon()), 1);
    CHECK_INT(wherry_message_kind(message), SIGUSR1);
    CHECK_INT(wherry_message_size(message), 0);
    CHECK_INT(wherry_message_sender(message)->trust, WHERRY_TRUST_KERNEL);
    wherry_message_free(message);
    peer_wait(&peer);
    wherry_close(in);
}
