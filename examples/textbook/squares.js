// SPDX-License-Identifier: MIT
// Shares ten numbers with a program in C, which squares them (squares-bare.c), by the npm
// package shm-typed-array: its arrays are System V segments.
//
// usage: squares.js COMMAND [PREFIX]      COMMAND gets PREFIX and the key
const { execFileSync } = require('child_process')
const shm = require('shm-typed-array')

const [command, prefix = ''] = process.argv.slice(2)
const numbers = shm.create(10, 'Int32Array')
try {
  for (let i = 0; i < 10; i++) numbers[i] = i + 1
  execFileSync(command, [prefix + numbers.key], { stdio: 'inherit' })
  console.log(numbers.join(' '))
} finally {
  shm.destroy(numbers.key)
}
