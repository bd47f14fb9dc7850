#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Presses keys in a real shell on a terminal of its own, and prints what its line holds.

The shell is interactive, reads none of the machine's own start files, and completes by the
scripts in a folder.  Keys are the characters that they make, a tab among them.
  usage: press.py bash|zsh SCRIPTS KEYS
"""
import os
import pathlib
import pty
import select
import sys
import tempfile
import time

READY, BEGIN, END = '<ready>', '\1', '\2'  # what the shell prints for us
TELL = '\x0f'  # Ctrl-O: print the line
PATIENCE = 15  # seconds, for each answer

# Start file and command of each shell.
BASH = r'''
source "$SCRIPTS/wherry.bash"
bind 'set bell-style none'
bind 'set enable-bracketed-paste off'
tell() { printf '\1%s\2' "$READLINE_LINE"; }
bind -x '"\C-o": tell'
PS1='<ready>'
'''
ZSH = r'''
fpath=("$SCRIPTS" $fpath)
autoload -Uz compinit
compinit -D -u
tell() { printf '\1%s\2' "$BUFFER" }
zle -N tell
bindkey '^O' tell
setopt no_beep
PS1='<ready>'
'''
SHELLS = {
    'bash': ('.bashrc', BASH, lambda home: ['bash', '--noprofile', '--rcfile',
                                            f'{home}/.bashrc', '-i']),
    'zsh': ('.zshrc', ZSH, lambda home: ['zsh', '-d', '-i']),
}


def read_until(terminal, wanted, heard=''):
    """Reads on until that is heard; all that was."""
    deadline = time.monotonic() + PATIENCE
    while wanted not in heard:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([terminal], [], [], left)[0]:
            sys.exit(f'press: no {wanted!r}, but: {heard!r}')
        heard += os.read(terminal, 65536).decode(errors='replace')
    return heard


def main():
    shell, scripts, keys = sys.argv[1:]
    name, start, command = SHELLS[shell]
    with tempfile.TemporaryDirectory() as home:
        pathlib.Path(home, name).write_text(start)
        words = command(home)
        environment = dict(os.environ, SCRIPTS=str(pathlib.Path(scripts).resolve()),
                           ZDOTDIR=home, HOME=home, TERM='dumb', HISTFILE='/dev/null')
        pid, terminal = pty.fork()
        if pid == 0:
            os.execvpe(words[0], words, environment)
        read_until(terminal, READY)
        os.write(terminal, (keys + TELL).encode())
        heard = read_until(terminal, END)
        os.close(terminal)  # hangs up: the shell ends
        os.waitpid(pid, 0)
    print(heard[heard.rindex(BEGIN) + 1:heard.rindex(END)])


if __name__ == '__main__':
    main()
