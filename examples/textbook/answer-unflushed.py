# SPDX-License-Identifier: MIT
"""The trap: answer.py without the flush.  On a terminal it works."""
import sys

for line in sys.stdin:
    print(line.upper(), end='')
