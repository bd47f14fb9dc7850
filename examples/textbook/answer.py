# SPDX-License-Identifier: MIT
"""Answers each line of its stdin with the same in capitals (child-bare.c)."""
import sys

for line in sys.stdin:
    # To a pipe Python writes when a block is full: without the flush, whoever waits for
    # this answer waits without end.
    print(line.upper(), end='', flush=True)
