# SPDX-License-Identifier: MIT
"""A peer of Wherry's that knows nothing of Wherry: the mechanisms as Python has them.

usage: peer.py ROLE MECHANISM ADDRESS FRAMING
  ROLE       listen, connect, read, write, stdio
  MECHANISM  unix-stream unix-packet unix-datagram tcp4 tcp6 udp4 udp6 fifo stdio
  FRAMING    raw line length header

Prints `ready ADDRESS` once it can be reached.  Answers every message with the same one,
bit 5 of each byte turned over, until its input ends.
"""
import os
import socket
import struct
import sys

SIZES = [1, 2, 100, 3000]  # what `write` sends


def turn(message):
    return bytes(byte ^ 0x20 for byte in message)


def say(text):
    sys.stdout.write(text + '\n')
    sys.stdout.flush()


class Framing:
    """Messages over a file of bytes, in the four ways that others speak."""

    def __init__(self, name, reading, writing):
        self.reading, self.writing = reading, writing
        self.receive = getattr(self, 'receive_' + name)
        self.wrap = getattr(self, 'wrap_' + name)

    def send(self, message):
        self.writing.write(self.wrap(message))
        self.writing.flush()

    def receive_raw(self):
        return self.reading.read1(65536) or None

    def wrap_raw(self, message):
        return message

    def receive_line(self):
        line = self.reading.readline()
        return line[:-1] if line else None

    def wrap_line(self, message):
        return message + b'\n'

    def receive_length(self):
        head = self.reading.read(4)
        return self.reading.read(struct.unpack('>I', head)[0]) if head else None

    def wrap_length(self, message):
        return struct.pack('>I', len(message)) + message

    def receive_header(self):
        """As a language server reads: header lines, an empty one, the contents."""
        size = None
        while True:
            line = self.reading.readline()
            if not line:
                return None
            if line == b'\r\n':
                return self.reading.read(size)
            name, value = line.decode('ascii').split(':', 1)
            if name.lower() == 'content-length':
                size = int(value)

    def wrap_header(self, message):
        kind = b'Content-Type: application/vscode-jsonrpc; charset=utf-8\r\n'
        return b'Content-Length: %d\r\n' % len(message) + kind + b'\r\n' + message


def answer(framing):
    while (message := framing.receive()) is not None:
        framing.send(turn(message))


def answer_stream(connection, name):
    answer(Framing(name, connection.makefile('rb'), connection.makefile('wb')))
    connection.shutdown(socket.SHUT_WR)


def answer_packets(connection):
    while message := connection.recv(1 << 20):
        connection.send(turn(message))


def answer_datagrams(bound):
    while True:
        message, sender = bound.recvfrom(1 << 20)
        bound.sendto(turn(message), sender)


FAMILIES = {'unix': socket.AF_UNIX, 'tcp4': socket.AF_INET, 'tcp6': socket.AF_INET6,
            'udp4': socket.AF_INET, 'udp6': socket.AF_INET6}
TYPES = {'stream': socket.SOCK_STREAM, 'packet': socket.SOCK_SEQPACKET,
         'datagram': socket.SOCK_DGRAM, 'tcp4': socket.SOCK_STREAM,
         'tcp6': socket.SOCK_STREAM, 'udp4': socket.SOCK_DGRAM,
         'udp6': socket.SOCK_DGRAM}
HOSTS = {'tcp4': '127.0.0.1', 'udp4': '127.0.0.1', 'tcp6': '::1', 'udp6': '::1'}


def new_socket(mechanism):
    return socket.socket(FAMILIES[mechanism.split('-')[0]],
                         TYPES[mechanism.split('-')[-1]])


def place_of(mechanism, address):
    if mechanism.startswith('unix'):
        return '\0' + address[1:] if address.startswith('@') else address
    return HOSTS[mechanism], int(address)


def listen(mechanism, address, framing):
    own = new_socket(mechanism)
    own.bind(place_of(mechanism, address))
    is_datagram = own.type == socket.SOCK_DGRAM
    if not is_datagram:
        own.listen()
    name = own.getsockname()
    say('ready %s' % (name[1] if isinstance(name, tuple) else address))
    if is_datagram:
        answer_datagrams(own)
    connection, _ = own.accept()
    if own.type == socket.SOCK_STREAM:
        answer_stream(connection, framing)
    else:
        answer_packets(connection)


def connect(mechanism, address, framing):
    own = new_socket(mechanism)
    if mechanism == 'unix-datagram':
        own.bind('')  # the kernel chooses a name, so that it can be answered
    own.connect(place_of(mechanism, address))
    say('ready')
    if own.type == socket.SOCK_STREAM:
        answer_stream(own, framing)
    else:
        if own.type == socket.SOCK_DGRAM:
            own.send(b'knock')
        answer_packets(own)


def pattern(size):
    return bytes(97 + i * 7 % 26 for i in range(size))


def write(_, path, framing):
    os.mkfifo(path, 0o600)
    say('ready')
    with open(path, 'wb') as file:
        framed = Framing(framing, None, file)
        for size in SIZES:
            framed.send(pattern(size))


def read(_, path, framing):
    os.mkfifo(path, 0o600)
    say('ready')
    with open(path, 'rb') as file:
        framed = Framing(framing, file, None)
        got = []
        while (message := framed.receive()) is not None:
            got.append(message)
    joined = b''.join(got)
    count = 0 if framing == 'raw' else len(got)
    say('got %d %d %d' % (count, len(joined),
                          sum((i + 1) * byte for i, byte in enumerate(joined))))


def stdio(_, __, framing):
    answer(Framing(framing, sys.stdin.buffer, sys.stdout.buffer))


ROLES = {'listen': listen, 'connect': connect, 'write': write, 'read': read,
         'stdio': stdio}
ROLES[sys.argv[1]](*sys.argv[2:5])
