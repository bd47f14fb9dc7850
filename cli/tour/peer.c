/* SPDX-License-Identifier: MIT */
/*
 * Programs that know nothing of Wherry, by the ways that are open to them.
 *
 * Each sends back what it hears.  The classic tools do so because their output is made
 * their input; the scripts use nothing but what their language comes with.
 */
#include "tour/tour.h"

static const char python_stream[] = "import socket, sys\n"
                                    "s = socket.socket(socket.AF_UNIX)\n"
                                    "s.connect(sys.argv[1])\n"
                                    "f = s.makefile('rwb')\n"
                                    "for line in f:\n"
                                    "    f.write(line)\n"
                                    "    f.flush()\n";

static const char python_packet[] =
    "import socket, sys\n"
    "s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
    "s.connect(sys.argv[1])\n"
    "while m := s.recv(1 << 20):\n"
    "    s.send(m)\n";

static const char python_datagram[] =
    "import socket, sys\n"
    "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
    "s.bind(sys.argv[2])\n"
    "s.connect(sys.argv[1])\n"
    "m = b'hello'\n"
    "while True:\n"
    "    s.send(m)\n"
    "    m = s.recv(1 << 20)\n";

static const char python_length[] =
    "import socket, struct, sys\n"
    "f = socket.create_connection(('127.0.0.1', int(sys.argv[1]))).makefile('rwb')\n"
    "while head := f.read(4):\n"
    "    size, = struct.unpack('>I', head)\n"
    "    f.write(head + f.read(size))\n"
    "    f.flush()\n";

static const char python_udp[] =
    "import socket, sys\n"
    "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
    "s.connect(('127.0.0.1', int(sys.argv[1])))\n"
    "m = b'hello'\n"
    "while True:\n"
    "    s.send(m)\n"
    "    m = s.recv(1 << 16)\n";

static const char node_stream[] =
    "require('net').connect(process.argv[1]).on('data', function (bytes) {\n"
    "    this.write(bytes)\n"
    "})\n";

static const char node_udp[] =
    "const s = require('dgram').createSocket('udp4')\n"
    "s.on('message', (m, from) => s.send(m, from.port, from.address))\n"
    "s.send('hello', process.argv[1], '127.0.0.1')\n";

static const char python_queue[] =
    "import ctypes, os, sys\n"
    "c = ctypes.CDLL(None)\n"
    "there = c.mq_open(sys.argv[1].encode(), os.O_RDONLY)\n"
    "back = c.mq_open(sys.argv[2].encode(), os.O_WRONLY)\n"
    "m = ctypes.create_string_buffer(4096)\n"
    "while (size := c.mq_receive(there, m, ctypes.c_size_t(4096), None)) >= 0:\n"
    "    c.mq_send(back, m, ctypes.c_size_t(size), 0)\n";

static const char python_key[] =
    "import ctypes, sys\n"
    "c = ctypes.CDLL(None)\n"
    "there, back = (c.msgget(c.ftok(sys.argv[1].encode(), i), 0) for i in (1, 2))\n"
    "m = ctypes.create_string_buffer(4096 + ctypes.sizeof(ctypes.c_long))\n"
    "while (size := c.msgrcv(there, m, ctypes.c_size_t(4096), ctypes.c_long(0), 0)) "
    ">= 0:\n"
    "    c.msgsnd(back, m, ctypes.c_size_t(size), 0)\n";

// siginfo_t of sigaction(2): its number is si_value, behind three and two numbers.
static const char python_signal[] =
    "import ctypes, os, signal, struct, sys\n"
    "c = ctypes.CDLL(None)\n"
    "parent, mine = int(sys.argv[1]), signal.SIGRTMIN\n"
    "signal.pthread_sigmask(signal.SIG_BLOCK, [mine])\n"
    "which = ctypes.create_string_buffer(128)\n"
    "c.sigemptyset(which)\n"
    "c.sigaddset(which, int(mine))\n"
    "info = ctypes.create_string_buffer(128)\n"
    "at = 24 if ctypes.sizeof(ctypes.c_void_p) == 8 else 20\n"
    "value = 0\n"
    "while c.sigqueue(parent, int(mine), ctypes.c_void_p(value)) == 0:\n"
    "    c.sigwaitinfo(which, info)\n"
    "    value = struct.unpack_from('I', info, at)[0]\n";

static const char shell_fifo[] =
    "while IFS= read -r line; do printf '%s\\n' \"$line\"; done <\"$1\" >\"$2\"";

const struct tour_peer tour_peers[] = {
    {.way = "fifo",
     .program = "sh",
     .means = "read and printf",
     .package = "dash",
     .address = "fifo:{directory}/",
     .largest = 4095,
     .text = true,
     .ends = true,
     .meet = tour_meet_fifo,
     .argv = {"sh", "-c", shell_fifo, "sh", "{directory}/there", "{directory}/back"}},
    {.way = "stdio",
     .program = "cat",
     .means = "cat | wherry | cat",
     .package = "coreutils",
     .address = "stdio:",
     .largest = 65536,
     .text = true,
     .ends = true,
     .meet = tour_meet_filter,
     .argv = {"cat"}},
    {.way = "fd",
     .program = "cat",
     .means = "a socket for stdin and stdout",
     .package = "coreutils",
     .address = "fd:",
     .largest = 65536,
     .text = true,
     .ends = true,
     .meet = tour_meet_child,
     .argv = {"cat"}},
    {.way = "unix packet",
     .program = "python3",
     .means = "its socket module",
     .package = "python3",
     .address = "unix:{directory}/peer?framing=raw",
     .largest = 65536,
     .ends = true,
     .meet = tour_meet_dialler,
     .argv = {"python3", "-I", "-c", python_packet, "{directory}/peer"}},
    {.way = "unix packet",
     .program = "socat",
     .means = "UNIX-CONNECT, type=5",
     .package = "socat",
     .address = "unix:{directory}/peer?framing=raw",
     .largest = 4096,
     .loops = true,
     .meet = tour_meet_dialler,
     .argv = {"socat", "-", "UNIX-CONNECT:{directory}/peer,type=5"}},
    {.way = "unix stream",
     .program = "python3",
     .means = "its socket module, framing=line",
     .package = "python3",
     .address = "unix:{directory}/peer?type=stream&framing=line",
     .largest = 65536,
     .text = true,
     .ends = true,
     .meet = tour_meet_dialler,
     .argv = {"python3", "-I", "-c", python_stream, "{directory}/peer"}},
    {.way = "unix stream",
     .program = "node",
     .means = "its net module, framing=line",
     .package = "nodejs",
     .address = "unix:{directory}/peer?type=stream&framing=line",
     .largest = 65536,
     .text = true,
     .ends = true,
     .meet = tour_meet_dialler,
     .argv = {"node", "-e", node_stream, "{directory}/peer"}},
    {.way = "unix stream",
     .program = "socat",
     .means = "UNIX-CONNECT, framing=line",
     .package = "socat",
     .address = "unix:{directory}/peer?type=stream&framing=line",
     .largest = 4095,
     .text = true,
     .loops = true,
     .meet = tour_meet_dialler,
     .argv = {"socat", "-", "UNIX-CONNECT:{directory}/peer"}},
    {.way = "unix datagram",
     .program = "python3",
     .means = "its socket module",
     .package = "python3",
     .address = "unix:{directory}/peer?type=datagram&framing=raw",
     .largest = 65536,
     .greets = true,
     .meet = tour_meet_dialler,
     .argv = {"python3", "-I", "-c", python_datagram, "{directory}/peer",
              "{directory}/python"}},
    {.way = "unix datagram",
     .program = "socat",
     .means = "UNIX-SENDTO",
     .package = "socat",
     .address = "unix:{directory}/peer?type=datagram&framing=raw",
     .largest = 4096,
     .loops = true,
     .greets = true,
     .meet = tour_meet_dialler,
     .argv = {"socat", "-", "UNIX-SENDTO:{directory}/peer,bind={directory}/socat"}},
    {.way = "tcp",
     .program = "python3",
     .means = "its socket module, framing=length",
     .package = "python3",
     .address = "tcp:127.0.0.1:0?framing=length",
     .largest = 65536,
     .ends = true,
     .meet = tour_meet_dialler,
     .argv = {"python3", "-I", "-c", python_length, "{port}"}},
    {.way = "tcp",
     .program = "node",
     .means = "its net module, framing=line",
     .package = "nodejs",
     .address = "tcp:127.0.0.1:0?framing=line",
     .largest = 65536,
     .text = true,
     .ends = true,
     .meet = tour_meet_dialler,
     .argv = {"node", "-e", node_stream, "{port}"}},
    {.way = "tcp",
     .program = "nc",
     .means = "HOST PORT, framing=line",
     .package = "netcat-openbsd",
     .address = "tcp:127.0.0.1:0?framing=line",
     .largest = 4095,
     .text = true,
     .loops = true,
     .meet = tour_meet_dialler,
     .argv = {"nc", "127.0.0.1", "{port}"}},
    {.way = "udp",
     .program = "python3",
     .means = "its socket module",
     .package = "python3",
     .address = "udp:127.0.0.1:0?framing=raw",
     .largest = 32768,
     .greets = true,
     .meet = tour_meet_dialler,
     .argv = {"python3", "-I", "-c", python_udp, "{port}"}},
    {.way = "udp",
     .program = "node",
     .means = "its dgram module",
     .package = "nodejs",
     .address = "udp:127.0.0.1:0?framing=raw",
     .largest = 32768,
     .greets = true,
     .meet = tour_meet_dialler,
     .argv = {"node", "-e", node_udp, "{port}"}},
    {.way = "udp",
     .program = "nc",
     .means = "-u HOST PORT",
     .package = "netcat-openbsd",
     .address = "udp:127.0.0.1:0?framing=raw",
     .largest = 4096,
     .loops = true,
     .greets = true,
     .meet = tour_meet_dialler,
     .argv = {"nc", "-u", "127.0.0.1", "{port}"}},
    {.way = "mq",
     .program = "python3",
     .means = "mq_receive and mq_send by ctypes",
     .package = "python3",
     .address = "mq:/{name}?msgsize=4096",
     .back = "mq:/{name}-back?msgsize=4096",
     .largest = 4096,
     .meet = tour_meet_queue,
     .argv = {"python3", "-I", "-c", python_queue, "/{name}", "/{name}-back"}},
    {.way = "sysv",
     .program = "python3",
     .means = "msgrcv and msgsnd by ctypes",
     .package = "python3",
     .address = "sysv:{directory},1",
     .back = "sysv:{directory},2",
     .largest = 4096,
     .meet = tour_meet_queue,
     .argv = {"python3", "-I", "-c", python_key, "{directory}"}},
    {.way = "signal",
     .program = "python3",
     .means = "sigwaitinfo and sigqueue by ctypes",
     .package = "python3",
     .address = "signal:self",
     .largest = sizeof(int),
     .greets = true,
     .numbers = true,
     .meet = tour_meet_dialler,
     .argv = {"python3", "-I", "-c", python_signal, "{port}"}},
    {.way = NULL},
};
