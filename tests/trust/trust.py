#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows that the promises hold, and that their tests would tell if they did not.

promises.txt names for each promise the test that proves it and a mutant: a patch that
plants a bug.  The test must pass on the tree as it is and fail on a copy with the bug; a
patch that no longer applies or builds is a failure, so that the mutants stay true.
campaigns.txt names counted campaigns: a command, and the figure to find in its output.

Everything is built in build-trust/: `good` from the tree, `mutant` from the copy `tree`.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / 'tests' / 'trust'
WORK = ROOT / 'build-trust'
TREE = WORK / 'tree'
COPIED = ['bench', 'cli', 'core', 'examples', 'guard', 'include', 'man', 'services', 'tests',
          'tools', 'meson.build', 'meson_options.txt']
PROOF_SECONDS = 300
CAMPAIGN_SECONDS = {False: 240, True: 7200}
CLEAN = {'WHERRY_TEST_STORM', 'WHERRY_TEST_KERNEL', 'WHERRY_TEST_REFUSE'}


def table(name, columns):
    """The rows of a table: one a line, cells between bars, # begins a comment line."""
    rows = []
    for number, line in enumerate((HERE / name).read_text().splitlines(), 1):
        if not line.strip() or line.lstrip().startswith('#'):
            continue
        cells = [cell.strip() for cell in re.split(r'\s\|\s', line)]
        if len(cells) != columns or not all(cells):
            sys.exit(f'tests/trust/{name}:{number}: not {columns} cells: {line}')
        rows.append([spell_out(cell) for cell in cells])
    return rows


def run(command, seconds, folder=ROOT, build=None):
    """Runs a shell command: (exit status or None when it took too long, what it said)."""
    environment = {k: v for k, v in os.environ.items() if k not in CLEAN}
    if build:
        environment['BUILD'] = str(build)
    child = subprocess.Popen(['sh', '-c', command], cwd=folder, env=environment, text=True,
                             errors='replace', stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        said, _ = child.communicate(timeout=seconds)
        return child.returncode, said
    except subprocess.TimeoutExpired:
        child.terminate()
        return None, child.communicate()[0]


def spell_out(command):
    """a{b,c} becomes ab ac, which sh itself does not."""
    def words(match):
        return ' '.join(match[1] + middle + match[3] for middle in match[2].split(','))
    return re.sub(r'(\S*)\{(\w+(?:,\w+)+)\}([^\s;]*)', words, command)


def programs(command):
    """The targets of the build that a command runs."""
    return re.findall(r'\$BUILD/([^\s;]+)', command)


def indent(lines):
    return '\n'.join('    ' + line for line in lines)


def tail(text, lines=15):
    return indent(text.splitlines()[-lines:])


def head(text, lines=15):
    return indent(text.splitlines()[:lines])


class Build:
    """A build directory of this tree or of its copy."""

    def __init__(self, name, source):
        self.folder = WORK / name
        self.source = source

    def prepare(self):
        if (self.folder / 'build.ninja').exists():
            return True
        status, said = run(f'meson setup --buildtype=debug -Dcli=disabled {self.folder}',
                           PROOF_SECONDS, self.source)
        if status != 0:
            shutil.rmtree(self.folder, ignore_errors=True)
            print(tail(said))
        return status == 0

    def make(self, targets):
        """(is it built, what was said)"""
        status, said = run(f'ninja -C {self.folder} -j2 ' + ' '.join(sorted(set(targets))),
                           PROOF_SECONDS * 2)
        return status == 0, said


def files_to_copy():
    for name in COPIED:
        path = ROOT / name
        if path.is_dir():
            yield from (p.relative_to(ROOT) for p in path.rglob('*') if p.is_file())
        elif path.exists():
            yield path.relative_to(ROOT)


def refresh_copy():
    """Makes the copy the same as the tree, touching only what differs."""
    wanted = set(files_to_copy())
    for name in wanted:
        target = TREE / name
        content = (ROOT / name).read_bytes()
        if target.exists() and target.read_bytes() == content:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        shutil.copymode(ROOT / name, target)
    if TREE.exists():
        for path in [p for p in TREE.rglob('*') if p.is_file()]:
            if path.relative_to(TREE) not in wanted:
                path.unlink()


def patch_of(mutant):
    return HERE / 'mutants' / f'{mutant}.patch'


def patched_files(mutant):
    return re.findall(r'^\+\+\+ b/(\S+)', patch_of(mutant).read_text(), re.M)


def apply(mutant, folder, options=''):
    """True if the patch applies."""
    if not patch_of(mutant).exists():
        return False, f'there is no {patch_of(mutant).relative_to(ROOT)}'
    status, said = run(f'patch --batch --silent -p1 {options} -r - --no-backup-if-mismatch '
                       f'-i {patch_of(mutant)}', 60, folder)
    return status == 0, said


def try_mutant(proof, mutant, build):
    """('' if the test catches the mutant, else what is wrong; what was said)"""
    if not patch_of(mutant).exists():
        return 'there is no such patch', ''
    healthy = {name: (TREE / name).read_bytes() for name in patched_files(mutant)
               if (TREE / name).exists()}
    is_applied, said = apply(mutant, TREE)
    try:
        if not is_applied:
            return 'the patch does not apply', said
        is_built, said = build.make(programs(proof))
        if not is_built:
            return 'the mutant does not build', said
        status, said = run('export WHERRY_TEST_STOP=1; ' + proof, PROOF_SECONDS,
                           build=build.folder)
        if status is None:
            return 'the test did not end', said
        if status == 0:
            return 'the mutant survives', said
        # It must be a test that fails, not a program that cannot run.
        return ('', said) if re.search(r'^not ok ', said, re.M) else ('no test ran', said)
    finally:
        for name, content in healthy.items():
            (TREE / name).write_bytes(content)


def prove(promises, good, copy):
    """Runs all proofs and mutants; how many promises do not stand."""
    wrong = 0
    print(f'{"promise":64} {"holds":>6}  mutant')
    for promise, proof, mutant in promises:
        status, said = run(proof, PROOF_SECONDS, build=good.folder)
        counted = len(re.findall(r'^ok (?!.*# SKIP)', said, re.M))
        holds = status == 0 and counted > 0
        problem, heard = try_mutant(proof, mutant, copy) if holds else ('', '')
        verdict = '-' if not holds else problem or 'caught'
        print(f'{promise:64} {"yes" if holds else "NO":>6}  {mutant}: {verdict}', flush=True)
        if not holds:
            print(tail(said) if counted or status != 0 else '    every test was skipped')
        if problem:
            print(tail(heard))
        wrong += not holds or bool(problem)
    return wrong


def choose(text, is_long):
    """[few,many] becomes few, or many with --long."""
    return re.sub(r'\[(\w+),(\w+)\]', lambda m: m.group(2 if is_long else 1), text)


def campaign(row, good, is_long):
    """Runs one; True if it went well."""
    name, least, command, figure = row
    began = time.monotonic()
    status, said = run(choose(command, is_long), CAMPAIGN_SECONDS[is_long],
                       build=good.folder)
    total = sum(int(n.replace(',', '')) for n in re.findall(figure, said, re.M))
    enough = total >= int(choose(least, is_long))
    verdict = ('did not end' if status is None else 'FAILED' if status != 0
               else 'ok' if enough else f'fewer than {choose(least, is_long)}')
    seconds = time.monotonic() - began
    print(f'{name:64} {total:>13,} {seconds:6.0f} s  {verdict}', flush=True)
    if verdict != 'ok':
        found = re.search(r'^(not ok|# bad:)', said, re.M)
        print(head(said[found.start():]) if found else tail(said))
    return verdict == 'ok'


def has_source(program):
    """tests/SUITE/PREFIX-NAME is made of tests/SUITE/NAME.c, or told by name."""
    folder, name = program.rsplit('/', 1)
    source = ROOT / folder / (name.split('-', 1)[-1] + '.c')
    return source.exists() or name in (ROOT / folder / 'meson.build').read_text()


def check_tables(promises, campaigns):
    """For the ordinary tests: the tables are whole and every patch applies."""
    problems = []
    named = {mutant for _, _, mutant in promises}
    for promise, command, _ in promises:
        problems += [f'promise "{promise}": there is no {program}'
                     for program in programs(command) if not has_source(program)]
    for mutant in sorted(named):
        is_applied, said = apply(mutant, ROOT, '--dry-run')
        if not is_applied:
            problems.append(f'mutant {mutant} does not apply: {said.strip()}')
    for path in sorted((HERE / 'mutants').glob('*.patch')):
        if path.stem not in named:
            problems.append(f'mutant {path.stem} proves no promise')
    for name, _, command, figure in campaigns:
        if re.compile(figure).groups != 1:
            problems.append(f'campaign {name}: the figure is not one group')
        if any('$' in program for program in programs(command)):
            problems.append(f'campaign {name}: what it runs is not known before it runs')
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def main():
    parser = argparse.ArgumentParser(prog='./dev trust', description=__doc__.split('\n')[0])
    parser.add_argument('--long', action='store_true', help='campaigns of an hour')
    parser.add_argument('--only', metavar='WORD', default='',
                        help='promises, mutants and campaigns that contain it')
    parser.add_argument('--check', action='store_true',
                        help='only see that the tables are whole and the patches apply')
    arguments = parser.parse_args()
    promises, campaigns = table('promises.txt', 3), table('campaigns.txt', 4)
    if arguments.check:
        return check_tables(promises, campaigns)
    promises = [row for row in promises if arguments.only in ' '.join(row)]
    campaigns = [row for row in campaigns if arguments.only in ' '.join(row)]
    began = time.monotonic()
    WORK.mkdir(exist_ok=True)
    refresh_copy()
    good, copy = Build('good', ROOT), Build('mutant', TREE)
    targets = [t for row in promises for t in programs(row[1])]
    needed = targets + [t for row in campaigns for t in programs(row[2])]
    for build, wanted in ((good, needed), (copy, targets)):
        if not build.prepare():
            return 1
        is_built, said = build.make(wanted) if wanted else (True, '')
        if not is_built:
            print(tail(said, 40))
            return 1
    wrong = prove(promises, good, copy)
    print(f'\n{"campaign":64} {"figure":>13}')
    wrong += sum(not campaign(row, good, arguments.long) for row in campaigns)
    seconds = time.monotonic() - began
    print(f'\n{len(promises)} promises and {len(campaigns)} campaigns, {wrong} of them do '
          f'not stand; {seconds // 60:.0f} min {seconds % 60:.0f} s')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
