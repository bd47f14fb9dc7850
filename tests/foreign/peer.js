// SPDX-License-Identifier: MIT
//
// A peer of Wherry's that knows nothing of Wherry: the mechanisms as Node has them, net,
// dgram and streams.  Roles, mechanisms and answers are those of peer.py.
'use strict';

const dgram = require('dgram');
const fs = require('fs');
const net = require('net');
const { execFileSync } = require('child_process');

const SIZES = [1, 2, 100, 3000]; // what `write` sends
const HOSTS = { tcp4: '127.0.0.1', udp4: '127.0.0.1', tcp6: '::1', udp6: '::1' };

const turn = (bytes) => Buffer.from(bytes.map((byte) => byte ^ 0x20));
const say = (text) => fs.writeSync(1, text + '\n');

// Each takes a message off the front of the bytes: [message, rest], or null.
const takers = {
  raw: (bytes) => (bytes.length ? [bytes, Buffer.alloc(0)] : null),
  line: (bytes) => {
    const end = bytes.indexOf(10);
    return end < 0 ? null : [bytes.subarray(0, end), bytes.subarray(end + 1)];
  },
  length: (bytes) => {
    if (bytes.length < 4 || bytes.length < 4 + bytes.readUInt32BE(0)) return null;
    const end = 4 + bytes.readUInt32BE(0);
    return [bytes.subarray(4, end), bytes.subarray(end)];
  },
  header: (bytes) => {
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) return null;
    const head = bytes.subarray(0, end).toString('latin1');
    const size = Number(/^content-length:\s*(\d+)/im.exec(head)[1]);
    if (bytes.length < end + 4 + size) return null;
    return [bytes.subarray(end + 4, end + 4 + size), bytes.subarray(end + 4 + size)];
  },
};

const wrappers = {
  raw: (message) => message,
  line: (message) => Buffer.concat([message, Buffer.from('\n')]),
  length: (message) => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(message.length);
    return Buffer.concat([head, message]);
  },
  header: (message) =>
    Buffer.concat([Buffer.from(`Content-Length: ${message.length}\r\n\r\n`), message]),
};

function each(stream, framing, take, end) {
  let rest = [];
  stream.on('data', (chunk) => {
    rest.push(chunk);
    let bytes = Buffer.concat(rest);
    for (let found; (found = takers[framing](bytes)); bytes = found[1]) take(found[0]);
    rest = [bytes];
  });
  stream.on('end', end);
}

function answerStream(reading, writing, framing) {
  each(reading, framing, (message) => writing.write(wrappers[framing](turn(message))),
    () => writing.end());
}

function listen(mechanism, address, framing) {
  if (mechanism.startsWith('udp')) {
    const own = dgram.createSocket(mechanism);
    own.on('message', (message, from) => own.send(turn(message), from.port, from.address));
    own.bind(0, HOSTS[mechanism], () => say(`ready ${own.address().port}`));
    return;
  }
  const server = net.createServer({ allowHalfOpen: true }, (connection) => {
    server.close();
    answerStream(connection, connection, framing);
  });
  if (mechanism === 'unix-stream') server.listen(address, () => say(`ready ${address}`));
  else server.listen(0, HOSTS[mechanism], () => say(`ready ${server.address().port}`));
}

function connect(mechanism, address, framing) {
  if (mechanism.startsWith('udp')) {
    const own = dgram.createSocket(mechanism);
    own.on('message', (message) => own.send(turn(message)));
    own.connect(Number(address), HOSTS[mechanism], () => own.send('knock'));
    return;
  }
  const place = mechanism === 'unix-stream'
    ? { path: address.replace(/^@/, '\0') }
    : { host: HOSTS[mechanism], port: Number(address) };
  const own = net.createConnection({ ...place, allowHalfOpen: true }, () => say('ready'));
  answerStream(own, own, framing);
}

const pattern = (size) => Buffer.from(Array.from({ length: size }, (_, i) => 97 + ((i * 7) % 26)));

function write(_, path, framing) {
  execFileSync('mkfifo', ['-m', '600', path]);
  say('ready');
  const stream = fs.createWriteStream(path);
  for (const size of SIZES) stream.write(wrappers[framing](pattern(size)));
  stream.end();
}

function read(_, path, framing) {
  execFileSync('mkfifo', ['-m', '600', path]);
  say('ready');
  const got = [];
  each(fs.createReadStream(path), framing, (message) => got.push(message), () => {
    const joined = Buffer.concat(got);
    const sum = joined.reduce((so_far, byte, i) => so_far + (i + 1) * byte, 0);
    say(`got ${framing === 'raw' ? 0 : got.length} ${joined.length} ${sum}`);
  });
}

function stdio(_, __, framing) {
  answerStream(process.stdin, process.stdout, framing);
}

const roles = { listen, connect, write, read, stdio };
const [, , role, ...rest] = process.argv;
roles[role](...rest);
