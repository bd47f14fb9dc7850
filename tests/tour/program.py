#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs `wherry tour` as people and programs do, and looks at what it leaves.  TAP.

usage: program.py WHERRY [TEST…]

Each test has a directory of its own as TMPDIR, which must be empty afterwards, and the
tour leads a process group that must have nobody in it.
"""
import html.parser
import itertools
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import xml.etree.ElementTree as xml

WHERRY = os.path.abspath(sys.argv[1])
PATIENCE = 120
MEMORY = ('memfd', 'shm', 'shmv', 'file')
TURNS = ('lease', 'sem', 'semv')
TESTS = []


class Skip(Exception):
    """Why a test cannot run here."""


def test(function):
    TESTS.append(function)
    return function


def check(holds, *words):
    if not holds:
        raise AssertionError(' '.join(str(word) for word in words))


class Tour:
    """One run; `with` ends with a look at what it left behind."""

    def __init__(self, *arguments, program=WHERRY, environment=None, wrapper=(),
                 **options):
        self.temporary = tempfile.mkdtemp(prefix='tour-', dir='/tmp')
        os.chmod(self.temporary, 0o777)
        env = {**os.environ, 'TMPDIR': self.temporary, 'LC_ALL': 'C.UTF-8',
               'TERM': 'xterm', **(environment or {})}
        self.process = subprocess.Popen(
            [*wrapper, program, 'tour', *arguments], env=env, start_new_session=True,
            stdin=subprocess.DEVNULL,
            **{'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE, **options})

    def __enter__(self):
        return self

    def end(self):
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, (out or b'').decode(), (err or b'').decode()

    def group(self):
        """Who is in its process group, zombies included."""
        found = []
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                with open(f'/proc/{pid}/stat', encoding='utf-8', errors='replace') as f:
                    fields = f.read().rpartition(')')[2].split()
            except OSError:
                continue
            if int(fields[2]) == self.process.pid:
                found.append(int(pid))
        return found

    def __exit__(self, kind, value, trace):
        try:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            for stream in (self.process.stdout, self.process.stderr):
                if stream:
                    stream.close()
            if kind is None:
                # Grandchildren that were killed with it may still be on their way out.
                end = time.monotonic() + 5
                while self.group() and time.monotonic() < end:
                    select.select([], [], [], 0.01)
                check(not self.group(), 'processes are left:', self.group())
                left = os.listdir(self.temporary)
                check(not left, 'left in its TMPDIR:', left)
        finally:
            shutil.rmtree(self.temporary)


def transports():
    said = subprocess.run([WHERRY, 'transports', '--json'], stdout=subprocess.PIPE,
                          check=True)
    return [row['scheme'] for row in json.loads(said.stdout)['transports']
            if row['here']]


@test
def every_mechanism_has_a_row_and_none_failed():
    with Tour('--json') as tour:
        status, out, err = tour.end()
        rows = json.loads(out)['tour']
        bad = [row for row in rows if row['result'] == 'failed'
               or row['other_ends_failed'] or row['fault'] and row['result'] == 'ok']
        check(not bad, json.dumps(bad, indent=1))
        check(status == 0 and err == '', status, err)
        jobs = [row for row in rows if row['scheme'] is None]
        rows = [row for row in rows if row['scheme']]
        schemes = {row['scheme'] for row in rows}
        check(schemes == set(transports()), schemes, transports())
        check({'cat | wc', 'ls | grep', 'redirection', 'python child', 'node child'}
              <= {job['name'] for job in jobs}, jobs)
        for job in jobs:
            check(job['command'], job)
            check(job['fault'] if job['result'] == 'missing' else job['messages'] > 0, job)
        for row in rows:
            if row['result'] != 'ok':
                check(row['fault'], row)
                continue
            check((row['turns'] is not None) == (row['scheme'] in TURNS), row)
            if row['scheme'] in TURNS:
                check(row['turns'] == 2000 and row['limit'] is None, row)
                check((row['permit_after'] is None) == (row['scheme'] == 'sem'), row)
                continue
            check((row['told_after'] is None) == (row['scheme'] != 'local'), row)
            # Four sizes both ways, and the round trips.
            check(row['messages'] > 100, row)
            check(row['bytes'] > 2 * row['limit'], row)
            check((row['kinds'] > 0) == (row['scheme'] not in MEMORY), row)
            if row['scheme'] == 'signal':
                check(row['limit'] == 4 and row['median_limit'] > 0, row)
                continue
            check(row['limit'] >= (4096 if row['scheme'] in ('mq', 'sysv') else 60000), row)
            check(0 < row['median_64'] <= row['p99_64'], row)
            # Which size takes longer is a benchmark's question. What fits was timed.
            check(row['median_1'] > 0 and row['median_limit'] > 0, row)
            check((row['median_65536'] is not None) == (row['limit'] >= 65536), row)
        everywhere = {'pipe', 'fifo', 'stdio', 'fd', 'pair', 'local', 'unix', 'file',
                      'lease'}
        lacking = {row['scheme'] for row in rows if row['result'] == 'missing'}
        check(not everywhere & lacking, lacking)
        sockets = {'fd', 'pair packet', 'pair stream', 'local', 'unix packet',
                   'unix stream', 'unix datagram'}
        with_files = {row['name'] for row in rows if row['files'] == 34}
        check(sockets == with_files, with_files)
        with_senders = {row['name'] for row in rows if row['senders'] > 100}
        check(sockets == with_senders, with_senders)


@test
def it_takes_less_than_30_seconds():
    start = time.monotonic()
    with Tour(stdout=subprocess.DEVNULL) as tour:
        status, _, err = tour.end()
        check(status == 0, status, err)
    took = time.monotonic() - start
    # A sanitizer, or a machine full of other tests, is no newcomer's.
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    print(f'# {took:.1f} s')
    with open(WHERRY, 'rb') as program:
        sanitized = b'__asan_' in program.read()
    check(took < 30 * max(1, load) * (5 if sanitized else 1), took, 'seconds')


@test
def over_a_pipe_there_is_one_plain_line_for_each_finding():
    with Tour() as tour:
        status, out, err = tour.end()
    check(status == 0 and err == '', status, err)
    check('\x1b' not in out and '\r' not in out, 'control characters')
    lines = out.splitlines()
    for scheme in transports():
        row = next((i for i, line in enumerate(lines) if line.startswith(scheme)), None)
        check(row is not None, 'no line of', scheme)
        check(len(lines[row].split(maxsplit=1)[1]) > 20, 'no purpose:', lines[row])
        check(re.match(r' +(ok +2 processes, (1 B to|numbers of|2,000 turns) .* (whole|seen|counted)|-- )',
                       lines[row + 1]), lines[row + 1])
    heading = next((i for i, line in enumerate(lines) if line.startswith('Processes')), None)
    check(heading is not None, 'no heading of the processes')
    row = next((i for i, line in enumerate(lines) if line.startswith('cat | wc')), 0)
    check(row > heading and re.match(r' +(ok +1,000 lines|-- )', lines[row + 1]), lines[row])
    check(any(line.startswith('MECHANISM') for line in lines), 'no table')
    check(re.search(r'^\d+ right, 0 failed, \d+ missing; ', out, re.M), lines[-1])


def on_a_terminal(environment):
    leader, follower = pty.openpty()
    said = b''
    with Tour('pair', stdout=follower, environment=environment) as tour:
        os.close(follower)
        while True:
            try:
                part = os.read(leader, 65536)
            except OSError:  # EIO: nobody has the other side any more
                break
            if not part:
                break
            said += part
        check(tour.process.wait(PATIENCE) == 0, tour.process.returncode)
    os.close(leader)
    return said.decode()


@test
def on_a_terminal_there_is_colour_unless_it_is_refused():
    check('\x1b[' in on_a_terminal({'NO_COLOR': ''}), 'no colour')
    check('\x1b[3' not in on_a_terminal({'NO_COLOR': '1'}), 'colour in spite of NO_COLOR')


class Balance(html.parser.HTMLParser):
    """Every element that is opened is closed, in its order."""

    def __init__(self):
        super().__init__()
        self.open = []
        self.names = []
        self.links = []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.handle_startendtag(tag, attrs)

    def handle_startendtag(self, tag, attrs):
        self.names.append(tag)
        self.links += [value for name, value in attrs if name in ('href', 'src')]

    def handle_endtag(self, tag):
        check(self.open and self.open[-1] == tag, 'ends', tag, 'within', self.open)
        self.open.pop()


@test
def the_page_is_well_formed_and_needs_no_other_file():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'page.html')
        with Tour('--json', '--html', path) as tour:
            status, out, _ = tour.end()
        rows = json.loads(out)['tour']
        with open(path, encoding='utf-8') as page:
            text = page.read()
        check(status == 0, status)
        balance = Balance()
        balance.feed(text)
        balance.close()
        check(not balance.open, 'never closed:', balance.open)
        check(not balance.links, 'links:', balance.links)
        check('url(' not in text and '@import' not in text, 'the style sheet loads')
        check(not {'script', 'link', 'img', 'iframe'} & set(balance.names), balance.names)
        tree = xml.fromstring(text.replace('<!DOCTYPE html>', '', 1))
        svg = tree.find('.//{http://www.w3.org/2000/svg}svg')
        check(svg is not None, 'no chart')
        space = '{http://www.w3.org/2000/svg}'
        labels = [element.text for element in svg.iter(space + 'text')]
        cells = [''.join(cell.itertext()) for cell in tree.iter('td')]
        for row in rows:
            check((row['name'] in labels) == (row['scheme'] is not None), row['name'],
                  'is not in the chart, or is and has no round trips')
            check(row['name'] in cells, row['name'], 'is not in the table')
        dots = [group for group in svg.iter(space + 'g')
                if group.get('class') in ('small', 'medium', 'limit')]
        times = sum(row['median_64'] is not None for row in rows) + \
            sum(row['median_65536'] is not None for row in rows) + \
            sum(row['median_limit'] is not None for row in rows)
        check(len(dots) == times, len(dots), 'dots for', times, 'times')
        left, right, height = 130, 860, float(svg.get('viewBox').split()[3])
        for circle in (dot.find(space + 'circle') for dot in dots):
            check(left <= float(circle.get('cx')) <= right, circle.attrib)
            check(0 <= float(circle.get('cy')) <= height, circle.attrib)


@test
def without_any_other_program_it_is_right_and_says_what_is_skipped():
    with tempfile.TemporaryDirectory() as empty:
        with Tour('fifo', 'unix', 'tcp', 'udp',
                  environment={'PATH': empty, 'LC_ALL': 'C'}) as tour:
            status, out, err = tour.end()
    check(status == 0 and err == '', status, err)
    check(out.isascii(), 'other than ASCII in the C locale')
    line = next((line for line in out.splitlines() if 'not installed' in line), '')
    for package in ('python3', 'nodejs', 'socat', 'netcat-openbsd'):
        check(package in line, package, 'is not in:', line)
    check(not re.search(r'^ +\w+ +with ', out, re.M), 'a guest from nowhere')


@test
def without_any_program_the_processes_are_missing():
    with tempfile.TemporaryDirectory() as empty:
        with Tour('--json', 'processes', environment={'PATH': empty}) as tour:
            status, out, err = tour.end()
        rows = json.loads(out)['tour']
        check(status == 0 and err == '', status, err)
        check({row['result'] for row in rows} == {'missing'}, out)
        check(all('Debian has it in' in row['fault'] for row in rows), out)


@test
def a_job_that_goes_wrong_fails_the_tour():
    with tempfile.TemporaryDirectory() as folder:
        lie = os.path.join(folder, 'wc')
        with open(lie, 'w', encoding='utf-8') as script:
            script.write('#!/bin/sh\ncat >/dev/null\necho 999\n')
        os.chmod(lie, 0o755)
        path = os.path.join(folder, 'page.html')
        with Tour('processes', '--html', path,
                  environment={'PATH': folder + ':' + os.environ['PATH']}) as tour:
            status, out, err = tour.end()
        with open(path, encoding='utf-8') as page:
            text = page.read()
    check(status == 1 and err == '', status, err)
    check(re.search(r'^ +FAILED +wc -l: "999', out, re.M), out)
    check(', 1 failed, ' in out.splitlines()[-2], out)
    check('class="failed">failed' in text and '&quot;999' in text, text)
    xml.fromstring(text.replace('<!DOCTYPE html>', '', 1))


@test
def it_needs_no_root():
    if os.getuid() != 0:
        raise Skip('this is not root already')
    # The program may lie where only root looks.
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copy(WHERRY, folder)
        os.chmod(folder, 0o755)
        with Tour('--json', program=copy, user=65534, group=65534, extra_groups=[],
                  cwd='/') as tour:
            status, out, err = tour.end()
    check(status == 0, status, err, out)


@test
def without_a_network_it_says_what_is_missing():
    unshare = shutil.which('unshare')
    wrapper = [unshare, '--net'] if os.getuid() == 0 else [unshare, '--user', '--net']
    if not unshare or subprocess.run([*wrapper, 'true'], stderr=subprocess.DEVNULL,
                                     check=False).returncode != 0:
        raise Skip('no network namespace to be had')
    with Tour('--json', 'tcp', 'udp', wrapper=wrapper) as tour:
        status, out, err = tour.end()
    rows = json.loads(out)['tour']
    check(status == 0, status, err, out)
    check({row['result'] for row in rows} == {'missing'}, out)
    check(all('lacks' in row['fault'] for row in rows), out)


def stopped_after(lines, number, *arguments):
    with Tour(*arguments, stdout=subprocess.PIPE) as tour:
        for _ in range(lines):
            check(tour.process.stdout.readline(), 'it ended early')
        tour.process.send_signal(number)
        tour.end()
        check(tour.process.returncode == -number, tour.process.returncode)


@test
def a_signal_at_any_moment_leaves_nothing():
    for lines in range(1, 26, 4):
        number = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)[lines // 4 % 3]
        stopped_after(lines, number)


@test
def a_signal_in_the_middle_of_a_job_leaves_nothing():
    # Behind seven lines, each job says what it is for and what was found.
    for lines in range(8, 20, 2):
        number = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)[lines // 2 % 3]
        stopped_after(lines, number, 'processes')


def objects_of(folder, place):
    """What a tour in that directory, whose stat(2) was `place`, has left of its objects."""
    name = os.path.basename(folder)
    left = [each for each in os.listdir('/dev/shm') if name in each]
    for kind, number in (('shm', 3), ('sem', 4)):
        key = number << 24 | (place.st_dev & 0xff) << 16 | place.st_ino & 0xffff  # ftok(3)
        with open(f'/proc/sysvipc/{kind}', encoding='utf-8') as table:
            keys = [int(line.split()[0]) & 0xffffffff for line in table.readlines()[1:]]
        left += [f'{kind} {key:#x}'] * (key in keys)
    return left


@test
def a_signal_in_the_middle_of_what_has_a_name_leaves_nothing():
    stops = ('local', 'shm', 'shmv', 'lease', 'sem', 'semv')
    for stop, number in itertools.product(stops, (signal.SIGINT, signal.SIGTERM)):
        with tempfile.TemporaryDirectory() as names, \
                Tour(*stops, environment={'WHERRY_DIR': names}) as tour:
            while line := tour.process.stdout.readline().decode():
                if line.split()[:1] == [stop]:
                    break
            check(line, 'no stop', stop)
            folder = os.path.join(tour.temporary, os.listdir(tour.temporary)[0])
            place = os.stat(folder)
            tour.process.send_signal(number)
            tour.end()
            check(tour.process.returncode == -number, tour.process.returncode)
            left = objects_of(folder, place) + os.listdir(names)
            check(not left, 'after', stop, left)


@test
def control_c_reaches_the_whole_group_and_leaves_nothing():
    for lines in (5, 12, 19):
        with Tour() as tour:
            for _ in range(lines):
                tour.process.stdout.readline()
            os.killpg(tour.process.pid, signal.SIGINT)
            tour.end()
            check(tour.process.returncode == -signal.SIGINT, tour.process.returncode)


@test
def an_interrupted_tour_leaves_no_page():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'page.html')
        stopped_after(6, signal.SIGTERM, '--html', path)
        check(os.listdir(folder) == [], os.listdir(folder))


@test
def when_nobody_reads_any_more_it_ends_and_leaves_nothing():
    with Tour() as tour:
        tour.process.stdout.readline()
        tour.process.stdout.close()
        check(tour.process.wait(PATIENCE) == -signal.SIGPIPE, tour.process.returncode)


@test
def bad_input_is_refused_in_a_sentence():
    for arguments, wanted, words in (
            (['--html', '/nowhere/page.html'], 1, '/nowhere/page.html'),
            (['nosuch'], 2, 'nosuch'),
            (['--nosuch'], 2, 'nosuch')):
        with Tour(*arguments) as tour:
            status, out, err = tour.end()
        check(status == wanted and words in err and out == '', status, out, err)
    with Tour('pipe', environment={'TMPDIR': '/nowhere'}) as tour:
        status, out, err = tour.end()
    check(status == 1 and '/nowhere' in err and 'TMPDIR' in err, status, err)


def main():
    # What whoever started the tests ignores, the tour would leave ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    wanted = [each for each in TESTS if not sys.argv[2:] or each.__name__ in sys.argv[2:]]
    print(f'1..{len(wanted)}')
    failed = 0
    for number, each in enumerate(wanted, 1):
        try:
            each()
            print(f'ok {number} - {each.__name__}', flush=True)
        except Skip as why:
            print(f'ok {number} - {each.__name__} # SKIP {why}', flush=True)
        except Exception:  # whatever it was, the test has failed and the others go on
            failed += 1
            print(f'not ok {number} - {each.__name__}')
            for line in traceback.format_exc().splitlines():
                print('#', line)
            sys.stdout.flush()
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
