# SPDX-License-Identifier: MIT
"""Shares ten numbers with a program in C, which squares them (squares-bare.c).

usage: squares.py COMMAND [PREFIX]      COMMAND gets PREFIX and the name
"""
import subprocess
import sys
from multiprocessing import shared_memory

memory = shared_memory.SharedMemory(create=True, size=40)
try:
    numbers = memory.buf[:40].cast('i')
    for i in range(10):
        numbers[i] = i + 1
    prefix = sys.argv[2] if len(sys.argv) > 2 else ''
    subprocess.run([sys.argv[1], f'{prefix}/{memory.name}'], check=True)
    print(*numbers)
    numbers.release()
finally:
    memory.close()
    memory.unlink()
