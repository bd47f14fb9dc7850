#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the manual pages: PROGRAM's own help, the headers, and the prose beside this file.

What a table or a header says is taken from there, never written again: verbs, options and
examples from `PROGRAM help --json`, functions and their contracts from include/wherry.
wherry.1.scd, wherry.3.scd and wherry.7.scd have lines @NAME@ where such parts go; the page
of a verb is its help and what verbs/VERB.scd adds.  All of it is scdoc(5).
  usage: pages.py PROGRAM SCDOC SOURCES OUTPUT DEPFILE
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys

SECTIONS = {'1': 'User commands', '3': 'Library calls', '7': 'Conventions'}
ORDER = ['DESCRIPTION', 'OPTIONS', 'EXIT STATUS', 'ENVIRONMENT', 'FILES', 'EXAMPLES',
         'SEE ALSO']


# --- scdoc -------------------------------------------------------------------

def plain(text):
    """Text in which nothing is formatting but `words` in backquotes, which are bold."""
    parts = re.sub(r'([\\*_])', r'\\\1', text).split('`')
    joined = ''.join(f'*{part}*' if i % 2 else part for i, part in enumerate(parts))
    return re.sub(r'^([-.:;#|\[\]])', r'\\\1', joined)


def literal(lines):
    """Lines as they stand."""
    body = '\n'.join(line.replace('\\', '\\\\') for line in lines)
    return f'```\n{body}\n```\n'


def paragraphs(text):
    """Paragraphs are filled; what is set in columns, or indented, stays as it is."""
    made = []
    for block in re.split(r'\n\s*\n', text.strip('\n')):
        lines = block.split('\n')
        is_set = any(re.search(r'^\s|[^.?!:] {2,}\S|:  +\S', line) for line in lines)
        made.append(literal(lines) if is_set
                    else plain(' '.join(' '.join(lines).split())) + '\n')
    return '\n'.join(made)


def entry(head, text):
    """A term and, indented below it, what it is."""
    return f'{head}\n\t{plain(text)}\n'


def sections(text):
    """The sections of a piece of prose, by heading; what stands before the first
    heading goes on with the description."""
    found = re.split(r'^# (.*)\n', text, flags=re.M)
    parts = {'DESCRIPTION': found[0].strip('\n')}
    for heading, body in zip(found[1::2], found[2::2]):
        parts[heading] = body.strip('\n')
    return parts


# --- verbs -------------------------------------------------------------------

def usage(verb):
    """The arguments: names of options bold, what they stand for underlined."""
    text = plain(verb['arguments'])
    text = re.sub(r'--[a-z][a-z-]*', r'*\g<0>*', text)
    text = re.sub(r'[A-Z]{2,}|(?<= )[NT]\b', r'_\g<0>_', text)
    return f"*wherry {verb['verb']}* {text}"


def options(verb):
    listed = [*verb['options'], {'option': 'help', 'value': '', 'help': 'Prints this.'}]
    return '\n'.join(
        entry(f"*--{each['option']}*" + (f" _{each['value']}_" if each['value'] else ''),
              each['help']) for each in listed)


def verb_page(verb, prose, general):
    """The page of a verb: its help, its prose, and what holds for every verb."""
    own = sections(prose)
    parts = {name: general[name] for name in ('EXIT STATUS',)} | own
    parts['DESCRIPTION'] = '\n\n'.join(
        filter(None, [paragraphs(verb['text']).strip('\n'), own['DESCRIPTION']])
    ) or plain(verb['summary'])
    parts['OPTIONS'] = options(verb)
    example = [line.removeprefix('  ') for line in verb['example'].rstrip().split('\n')]
    parts['EXAMPLES'] = '\n\n'.join(filter(None, [literal(example), own.get('EXAMPLES')]))
    parts['SEE ALSO'] = ', '.join(filter(None, ['*wherry*(1)', '*wherry*(7)',
                                                own.get('SEE ALSO')]))
    name = f"wherry-{verb['verb']}"
    summary = verb['summary'].rstrip('.')
    head = (f"# NAME\n\n{name} - {plain(summary[0].lower() + summary[1:])}\n\n"
            f"# SYNOPSIS\n\n{usage(verb)}\n")
    order = ORDER[:-2] + [n for n in parts if n not in ORDER] + ORDER[-2:]
    return head + ''.join(f'\n# {n}\n\n{parts[n]}\n' for n in order if parts.get(n))


def list_of_verbs(help_text):
    return '\n'.join(entry(f"*wherry-{verb['verb']}*(1)", verb['summary'])
                     for verb in help_text['verbs'])


# --- addresses ---------------------------------------------------------------

def option_table(listed):
    """Options of an address, with their bounds and defaults."""
    return '\n'.join(
        entry(f"*{plain(each['option'])}*=_{plain(each['values'])}_",
              each['help'] + (f" Usually {each['usually']}." if each['usually'] else ''))
        for each in listed)


def mechanism(each):
    """All that there is to tell of one mechanism."""
    facts = [f'- {name}: {plain(text)}' for name, text in each['facts'].items()]
    if each['lacks']:
        facts.append(f"- It has not: {plain(', '.join(each['lacks']))}.")
    parts = [f"## {plain(each['usage'])}", plain(each['summary']), '\n'.join(facts)]
    if each['options']:
        parts += ['Options:', option_table(each['options']).rstrip()]
    return '\n\n'.join(parts) + '\n'


def framings(help_text):
    return '\n'.join(entry(f"*{each['framing']}*",
                           f"{each['summary'].rstrip('.')}. Carries {each['carries']}.")
                     for each in help_text['framings'])


# --- functions ---------------------------------------------------------------

def contracts(header):
    """The exported functions of a header: name, prototype, contract."""
    for comment, prototype in re.findall(
            r'/\*((?:(?!\*/).)*)\*/\s*WHERRY_EXPORT\s+([^;]*);', header, re.S):
        flat = ' '.join(prototype.split()).replace('* ', '*')
        contract = re.sub(r'^ \* ?', '', comment, flags=re.M)
        yield re.search(r'(\w+)\(', flat).group(1), flat, ' '.join(contract.split())


def first_sentence(text):
    return re.match(r'.*?\.(?= +[A-Z`0-9]| *$)|.*', text).group(0)


def headers(sources):
    """The headers that wherry.h lists, in its order: name, what it is about, what a
    program includes, functions."""
    overview = (sources / 'include/wherry.h').read_text()
    for name, about in re.findall(r'^ \*   (wherry/\w+\.h) +(.*)$', overview, re.M):
        included = 'wherry.h' if f'#include <{name}>' in overview else name
        header = (sources / 'include' / name).read_text()
        yield name, about, included, list(contracts(header))


def list_of_functions(sources):
    """Every exported function, with the first sentence of its contract."""
    made = []
    for name, about, _, declared in headers(sources):
        made.append(f'## {name}: {plain(about)}\n')
        made += [entry(f'*{plain(prototype)};*', first_sentence(contract))
                 for _, prototype, contract in declared]
    return '\n'.join(made)


def function_page(name, prototype, contract, included):
    """The page of a function: its contract, as the header has it."""
    first = first_sentence(contract).rstrip('.')
    text, *errors = re.split(r' ?\bErrors: ', contract, maxsplit=1)
    page = (f'# NAME\n\n{name} - {plain(first[0].lower() + first[1:])}\n\n'
            f'# SYNOPSIS\n\n*#include <{included}>*\n\n*{plain(prototype)};*\n\n'
            f'# DESCRIPTION\n\n{plain(text)}\n')
    if errors:
        page += f'\n# ERRORS\n\n{plain(errors[0])}\n'
    return page + '\n# SEE ALSO\n\n*wherry*(3), *wherry*(7)\n'


def hello(sources):
    """The first program, without the paragraph on top of it."""
    text = (sources / 'examples/hello.c').read_text()
    return literal(text.split(' */\n', 2)[-1].strip('\n').split('\n'))


# --- pages -------------------------------------------------------------------

class Press:
    """Turns scdoc text into pages, and knows which files they came of."""

    def __init__(self, scdoc, sources, output, version):
        self.scdoc, self.sources, self.output = scdoc, sources, output
        self.version = version
        self.read_files = [pathlib.Path(__file__), sources / 'include/wherry.h',
                           *sorted((sources / 'include/wherry').glob('*.h')),
                           sources / 'examples/hello.c']
        for section in SECTIONS:
            shutil.rmtree(output / f'man{section}', ignore_errors=True)
            (output / f'man{section}').mkdir(parents=True)

    def prose(self, name):
        """Prose of this folder; None where it is not there."""
        path = self.sources / 'man' / name
        self.read_files.append(path)  # so that it is noticed when it comes
        if not path.exists():
            return None
        lines = path.read_text().split('\n')
        return '\n'.join(line for line in lines if not line.startswith('; '))

    def print(self, name, section, text):
        head = f'{name}({section}) "Wherry {self.version}" "{SECTIONS[section]}"\n\n'
        done = subprocess.run([self.scdoc], input=head + text, text=True,
                              capture_output=True, check=False)
        if done.returncode != 0:
            sys.exit(f'{name}({section}): {done.stderr.strip()}')
        page = self.output / f'man{section}' / f'{name}.{section}'
        page.write_text(done.stdout)


def fill(text, parts):
    """Puts the parts where lines @NAME@ are."""
    return re.sub(r'^@(\w+)@$', lambda found: parts[found.group(1)].strip('\n'), text,
                  flags=re.M)


def main():
    program, scdoc, sources, output, depfile = sys.argv[1:]
    done = subprocess.run([program, 'help', '--json'], text=True, check=True,
                          stdout=subprocess.PIPE)
    help_text = json.loads(done.stdout)
    press = Press(scdoc, pathlib.Path(sources).resolve(), pathlib.Path(output).resolve(),
                  help_text['version'])
    parts = {
        'verbs': list_of_verbs(help_text),
        'mechanisms': '\n'.join(map(mechanism, help_text['schemes'])),
        'channel': option_table(help_text['channel']),
        'framings': framings(help_text),
        'functions': list_of_functions(press.sources),
        'hello': hello(press.sources),
    }
    for section in SECTIONS:
        press.print('wherry', section, fill(press.prose(f'wherry.{section}.scd'), parts))
    general = sections(press.prose('wherry.1.scd'))
    for verb in help_text['verbs']:
        prose = press.prose(f"verbs/{verb['verb']}.scd")
        if prose is None:
            print(f"man/verbs/{verb['verb']}.scd is missing: the page of this verb has its "
                  'help and no more (CONTRIBUTING.md, "Adding a verb")', file=sys.stderr)
        press.print(f"wherry-{verb['verb']}", '1', verb_page(verb, prose or '', general))
    for _, _, included, declared in headers(press.sources):
        for name, prototype, contract in declared:
            press.print(name, '3', function_page(name, prototype, contract, included))
    sources_read = [str(path).replace(' ', '\\ ') for path in press.read_files]
    pathlib.Path(depfile).write_text(f"{output}/man1: {' '.join(sources_read)}\n")


if __name__ == '__main__':
    main()
