// SPDX-License-Identifier: MIT
// Answers each line of its stdin with the same in capitals (child-bare.c).  readline
// puts lines together: a 'data' of stdin is what one read gave, half a line or two.
// What is written to a pipe leaves at once.
const lines = require('readline').createInterface({ input: process.stdin })

lines.on('line', line => process.stdout.write(line.toUpperCase() + '\n'))
