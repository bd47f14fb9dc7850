// SPDX-License-Identifier: MIT
// The trap: answer.js with its stdout corked, to write more at a time, and nobody who
// pulls the cork before the next question.
const lines = require('readline').createInterface({ input: process.stdin })

process.stdout.cork()
lines.on('line', line => process.stdout.write(line.toUpperCase() + '\n'))
