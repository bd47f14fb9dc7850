/* SPDX-License-Identifier: MIT */
/*
 * Programs that use the kernel's queues by the C library, without Wherry.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "peer.h"

enum { ADDRESS = 128 };

// Takes a message, says its priority and bytes, and answers one priority above.
static const char script[] =
    "import ctypes, os, sys\n"
    "c = ctypes.CDLL(None, use_errno=True)\n"
    "def check(r):\n"
    "    if r < 0: sys.exit(os.strerror(ctypes.get_errno()))\n"
    "    return r\n"
    "there = check(c.mq_open(sys.argv[1].encode(), os.O_RDONLY))\n"
    "back = check(c.mq_open(sys.argv[2].encode(), os.O_WRONLY))\n"
    "room = ctypes.create_string_buffer(8192)\n"
    "priority = ctypes.c_uint()\n"
    "for i in range(3):\n"
    "    size = check(c.mq_receive(there, room, ctypes.c_size_t(8192),\n"
    "                              ctypes.byref(priority)))\n"
    "    print(priority.value, room.raw[:size].decode(), flush=True)\n"
    "    check(c.mq_send(back, room, ctypes.c_size_t(size), priority.value + 1))\n";

static const char *queue(const char *suffix)
{
    static char names[2][ADDRESS];
    static unsigned next;
    char *name = names[next++ % 2];
    snprintf(name, sizeof names[0], "/wherry-test-%ld-%s", (long)getpid(), suffix);
    return name;
}

static void address_of(const char *name, char out[ADDRESS])
{
    snprintf(out, ADDRESS, "mq:%s", name);
}

static wherry_channel *reader_of(const char *address)
{
    wherry_listener *listener;
    wherry_channel *channel;
    OPEN(wherry_listen(address, &listener));
    OPEN(wherry_accept(listener, soon(), &channel));
    wherry_close_listener(listener);
    return channel;
}

TEST(python_takes_and_puts_by_the_c_librarys_calls)
{
    static const char *const texts[] = {"low", "high", "highest"};
    struct peer peer;
    char there[ADDRESS], back[ADDRESS], said[64];
    wherry_channel *out;
    if (!harness_have_program("python3"))
        SKIP("there is no python3");
    const char *names[2] = {queue("there"), queue("back")};
    address_of(names[0], there);
    address_of(names[1], back);
    wherry_channel *in = reader_of(back);
    OPEN(wherry_dial(there, soon(), &out));
    for (int i = 0; i < 3; i++)
        OPEN(wherry_write(out, texts[i], strlen(texts[i]), i * 10, 0, soon()));
    peer_start(&peer, (const char *const[]){"python3", "-I", "-c", script, names[0],
                                            names[1], NULL});
    for (int i = 2; i >= 0; i--) {
        wherry_message *message;
        snprintf(said, sizeof said, "%d %s\n", i * 10, texts[i]);
        peer_prints(&peer, said);
        CHECK_INT(wherry_recv(in, &message, soon()), 1);
        CHECK_INT(wherry_message_kind(message), i * 10 + 1);
        CHECK_BYTES(wherry_message_data(message), texts[i], strlen(texts[i]));
        wherry_message_free(message);
    }
    peer_wait(&peer);
    OPEN(wherry_remove(there));
    OPEN(wherry_remove(back));
    wherry_close(in);
    wherry_close(out);
}
