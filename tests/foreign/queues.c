/* SPDX-License-Identifier: MIT */
/*
 * Programs that use the kernel's queues by the C library, without Wherry.
 */
#include <errno.h>
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

/* --- System V ------------------------------------------------------------- */

static int ipc_make(void)
{
    struct peer peer;
    char line[128];
    int id = -1;
    peer_start(&peer, (const char *const[]){"ipcmk", "-Q", NULL});
    peer_line(&peer, line, sizeof line);
    if (sscanf(line, "Message queue id: %d", &id) != 1)
        FAIL("ipcmk says %s", line);
    peer_wait(&peer);
    return id;
}

static void ipc_remove(int id)
{
    struct peer peer;
    char number[32];
    snprintf(number, sizeof number, "%d", id);
    peer_start(&peer, (const char *const[]){"ipcrm", "-q", number, NULL});
    peer_wait(&peer);
}

TEST(a_queue_that_ipcmk_made_is_used_until_ipcrm_removes_it)
{
    char address[ADDRESS], bytes[16];
    int64_t kind = 0;
    wherry_channel *out;
    int id = ipc_make();
    snprintf(address, sizeof address, "sysv:#%d", id);
    OPEN(wherry_dial(address, soon(), &out));
    wherry_channel *in = reader_of(address);
    OPEN(wherry_write(out, "ahoy", 4, 3, 0, soon()));
    CHECK_INT(wherry_read(in, bytes, sizeof bytes, &kind, NULL, soon()), 4);
    CHECK_INT(kind, 3);
    ipc_remove(id);
    CHECK_ERROR(wherry_write(out, "gone", 4, 3, 0, soon()), -EIDRM);
    wherry_close(in);
    wherry_close(out);
}

TEST(ipcs_shows_a_queue_of_ours)
{
    struct peer peer;
    wherry_channel *out;
    char address[ADDRESS], line[256] = "", wanted[32];
    int id, bytes = 0, messages = 0;
    snprintf(wanted, sizeof wanted, "0x%08x", 0x57000000 | (int)getpid());
    snprintf(address, sizeof address, "sysv:%s", wanted);
    OPEN(wherry_dial(address, soon(), &out));
    OPEN(wherry_write(out, "ahoy", 4, 3, 0, soon()));
    OPEN(wherry_write(out, "boat", 4, 3, 0, soon()));
    peer_start(&peer, (const char *const[]){"ipcs", "-q", NULL});
    while (strncmp(line, wanted, strlen(wanted)) != 0)
        peer_line(&peer, line, sizeof line);
    CHECK_INT(sscanf(line, "%*s %d %*s 600 %d %d", &id, &bytes, &messages), 3);
    CHECK_INT(bytes, 8);
    CHECK_INT(messages, 2);
    peer_kill(&peer);
    OPEN(wherry_remove(address));
    wherry_close(out);
}

static const char letters[] =
    "import ctypes, sys\n"
    "c = ctypes.CDLL(None)\n"
    "q = c.msgget(int(sys.argv[1], 16), 0)\n"
    "m = ctypes.create_string_buffer(100)\n"
    "size = c.msgrcv(q, m, ctypes.c_size_t(64), ctypes.c_long(-5), 0)\n"
    "head = ctypes.sizeof(ctypes.c_long)\n"
    "kind = int.from_bytes(m.raw[:head], sys.byteorder)\n"
    "print(kind, m.raw[head:head + size].decode(), flush=True)\n"
    "m[:head] = (kind + 100).to_bytes(head, sys.byteorder)\n"
    "c.msgsnd(q, m, ctypes.c_size_t(size), 0)\n";

TEST(python_picks_and_puts_by_msgrcv_and_msgsnd)
{
    struct peer peer;
    wherry_message *message;
    wherry_channel *out;
    char address[ADDRESS], key[32];
    if (!harness_have_program("python3"))
        SKIP("there is no python3");
    snprintf(key, sizeof key, "0x%x", 0x58000000 | (int)getpid());
    snprintf(address, sizeof address, "sysv:%s", key);
    OPEN(wherry_dial(address, soon(), &out));
    wherry_channel *in = reader_of(address);
    OPEN(wherry_write(out, "six", 3, 6, 0, soon()));
    OPEN(wherry_write(out, "four", 4, 4, 0, soon()));
    peer_start(&peer, (const char *const[]){"python3", "-I", "-c", letters, key, NULL});
    peer_prints(&peer, "4 four\n");
    CHECK_INT(wherry_recv_kind(in, 104, &message, soon()), 1);
    CHECK_BYTES(wherry_message_data(message), "four", 4);
    wherry_message_free(message);
    peer_wait(&peer);
    OPEN(wherry_remove(address));
    wherry_close(in);
    wherry_close(out);
}

// Debian's python3 has the module sysv_ipc (python3-sysv-ipc); another one may not.
static const char module[] = "import sys\n"
                             "try:\n"
                             "    import sysv_ipc\n"
                             "except ImportError:\n"
                             "    print('none', flush=True)\n"
                             "    sys.exit(0)\n"
                             "q = sysv_ipc.MessageQueue(int(sys.argv[1], 16))\n"
                             "print(q.current_messages, flush=True)\n"
                             "text, kind = q.receive(type=-5)\n"
                             "print(kind, text.decode(), flush=True)\n"
                             "q.send(text.upper(), type=kind + 100)\n";

TEST(pythons_sysv_ipc_module_picks_and_puts)
{
    struct peer peer;
    wherry_message *message;
    wherry_channel *out;
    char address[ADDRESS], key[32], line[32];
    if (!harness_have_program("/usr/bin/python3"))
        SKIP("there is no /usr/bin/python3");
    snprintf(key, sizeof key, "0x%x", 0x59000000 | (int)getpid());
    snprintf(address, sizeof address, "sysv:%s", key);
    OPEN(wherry_dial(address, soon(), &out));
    wherry_channel *in = reader_of(address);
    OPEN(wherry_write(out, "six", 3, 6, 0, soon()));
    OPEN(wherry_write(out, "four", 4, 4, 0, soon()));
    peer_start(&peer, (const char *const[]){"/usr/bin/python3", "-I", "-c", module, key,
                                            NULL});
    peer_line(&peer, line, sizeof line);
    if (strcmp(line, "none") == 0) {
        peer_wait(&peer);
        OPEN(wherry_remove(address));
        SKIP("Debian has the module in python3-sysv-ipc");
    }
    CHECK_STRING(line, "2");
    peer_prints(&peer, "4 four\n");
    CHECK_INT(wherry_recv_kind(in, 104, &message, soon()), 1);
    CHECK_BYTES(wherry_message_data(message), "FOUR", 4);
    wherry_message_free(message);
    peer_wait(&peer);
    OPEN(wherry_remove(address));
    wherry_close(in);
    wherry_close(out);
}
