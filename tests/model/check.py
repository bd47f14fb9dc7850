#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the models of lease:, local:, its topics and queue:, every order of their steps.

A model must hold, and each of its mutants, a step as it must not be, must be caught.
What is searched is all of it: a search that ends before is a failure.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SECONDS_MOST = 240
MEGABYTES_MOST = 4000
SCENES = {
    'one permit': ('lease-wake.pml', {'PERMITS': 1}),
    'two permits': ('lease-wake.pml', {'PERMITS': 2}),
    'two wait, one holds': ('lease-death.pml', {'SCENE': 1}),
    'two wait, one comes': ('lease-death.pml', {'SCENE': 2}),
    'one waits, one leaves, one comes': ('lease-death.pml', {'SCENE': 3}),
    'one comes to the place of the dead': ('lease-death.pml', {'SCENE': 4}),
    'one waits at the place of the dead': ('lease-death.pml', {'SCENE': 5}),
    'one leaves and comes again': ('lease-death.pml', {'SCENE': 6}),
    'records become visible': ('ring-records.pml', {}),
    'a reader sleeps': ('ring-wake.pml', {}),
    'a writer waits for room': ('ring-room.pml', {}),
    'two ends go over and leave': ('ring-memory.pml', {}),
    'an owner waits for a block': ('pool-room.pml', {}),
    'a reader is overtaken': ('fan-overwrite.pml', {}),
    'many readers sleep': ('fan-wake.pml', {}),
    'a queue, two die': ('queue-death.pml', {'DEATHS': 2}),
    'a queue, two want the same': ('queue-wake.pml', {'SCENE': 1}),
    'a queue, two want different': ('queue-wake.pml', {'SCENE': 2}),
    'a queue, one puts two': ('queue-wake.pml', {'SCENE': 3}),
}
# What is done wrong, and where that shows.
MUTANTS = {
    'QUIET_AFTER_THE_LOOK': 'one permit',
    'COUNTED_BEFORE_WRITTEN': 'one permit',
    'NOT_PASSED_ON': 'one permit',
    'BELL_EMPTIED_LAST': 'two permits',
    'INSISTS_AFTER_THE_LOOK': 'two permits',
    'PLACE_BEFORE_PERMITS': 'two wait, one holds',
    'LOOKED_BEFORE_THE_WATCH': 'two wait, one holds',
    'WAIT_CLEARED_ONCE': 'two wait, one comes',
    'COUNTED_BEFORE_HERE': 'two wait, one comes',
    'WAKES_AFTER_ITS_PLACE': 'one waits, one leaves, one comes',
    'WAKES_WITHOUT_A_PLACE': 'one comes to the place of the dead',
    'WAIT_CLEARED_UNSEEN': 'one waits at the place of the dead',
    'GENERATION_NOT_RAISED': 'one leaves and comes again',
    'NO_END': 'records become visible',
    'END_AFTER_THE_WORD': 'records become visible',
    'WORD_BEFORE_THE_PAYLOAD': 'records become visible',
    'FULL_TO_THE_BRIM': 'records become visible',
    'PUBLISHED_IN_ORDER': 'records become visible',
    'PUBLISH_UNFENCED': 'a reader sleeps',
    'CHANGED_WITHOUT_A_FENCE': 'a reader sleeps',
    'BELL_WITHOUT_A_NEW_EPOCH': 'a reader sleeps',
    'END_BEFORE_THE_RING': 'a reader sleeps',
    'NO_BARRIER': 'a reader sleeps',
    'NO_SECOND_LOOK': 'a reader sleeps',
    'RELEASE_UNFENCED': 'a writer waits for room',
    'ASLEEP_UNFENCED': 'a writer waits for room',
    'RUNG_BEFORE_ASLEEP': 'a writer waits for room',
    'RETURN_UNFENCED': 'an owner waits for a block',
    'SLEEPS_UNFENCED': 'an owner waits for a block',
    'LOOKS_FIRST': 'an owner waits for a block',
    'SAME_EPOCH': 'an owner waits for a block',
    'ONLY_WHAT_RETURNED': 'an owner waits for a block',
    'SWITCHES_BEFORE_IT_IS_MAPPED': 'two ends go over and leave',
    'COMES_BACK_TO_ITS_RING': 'two ends go over and leave',
    'DROPS_BEFORE_BOTH_LEFT': 'two ends go over and leave',
    'LEAVES_WITHOUT_A_WORD': 'two ends go over and leave',
    'NO_MEMORY_IS_EARLY': 'two ends go over and leave',
    'NO_MESSAGE_IS_EARLY': 'two ends go over and leave',
    'FLOOR_AFTER_THE_WORDS': 'a reader is overtaken',
    'TAIL_BEFORE_THE_WORDS': 'a reader is overtaken',
    'NEWEST_BEFORE_THE_TAIL': 'a reader is overtaken',
    'LOOKS_BEFORE_THE_COPY': 'a reader is overtaken',
    'NO_LOOK_AFTER_THE_COPY': 'a reader is overtaken',
    'SHOWN_UNFENCED': 'many readers sleep',
    'LOOKS_BEFORE_IT_SHOWS': 'many readers sleep',
    'NO_BARRIER_FOR_MANY': 'many readers sleep',
    'RUNG_FOR_ONE_AS_FOR_ALL': 'many readers sleep',
    'RINGS_FOR_THE_FIRST_ALONE': 'many readers sleep',
    'ENTRY_FIRST': 'a queue, two die',
    'TAKEN_FIRST': 'a queue, two die',
    'RETURN_FIRST': 'a queue, two die',
    'ARRIVAL_NOT_SETTLED': 'a queue, two die',
    'READING_FORGOTTEN': 'a queue, two die',
    'TAKEN_OVER_AS_IT_IS': 'a queue, two die',
    'GONE_BEFORE_RUNG': 'a queue, two want the same',
    'RUNG_BEFORE_PUT': 'a queue, two want the same',
    'WAIT_COUNTED_FIRST': 'a queue, one puts two',
    'DOORBELL_EMPTIED_LAST': 'a queue, two want the same',
    'NOT_LOOKED_ANEW': 'a queue, two want the same',
    'NOT_LEFT': 'a queue, two want the same',
    'GIVEN_UP_UNSAID': 'a queue, two want the same',
    'ONE_FOR_ALL': 'a queue, two want different',
}


def build(folder, model, macros):
    """Makes the checker of a model in that folder."""
    options = [f'-D{name}={value}' for name, value in macros.items()]
    commands = [
        ['spin', '-a', *options, str(HERE / model)],
        ['gcc', '-w', '-DSAFETY', '-DCOLLAPSE', f'-DMEMLIM={MEGABYTES_MOST}',
         '-o', 'pan', 'pan.c'],
    ]
    for command in commands:
        done = subprocess.run(command, cwd=folder, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        # spin(1) says so of what it cannot read, and ends well.
        if done.returncode != 0 or 'Error' in done.stdout:
            return done.stdout
    return ''


def search(model, macros):
    """(errors or None, what was found or said)"""
    with tempfile.TemporaryDirectory() as folder:
        said = build(folder, model, macros)
        if said:
            return None, said
        try:
            done = subprocess.run(['./pan', '-m100000', '-w24'], cwd=folder, text=True,
                                  check=False, timeout=SECONDS_MOST,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        except subprocess.TimeoutExpired:
            return None, f'it took more than {SECONDS_MOST} s'
    errors = re.search(r'errors: (\d+)', done.stdout)
    wrong = re.search(r'^pan:1: (.*?)(?: \(at depth.*)?$', done.stdout, re.M)
    if errors and int(errors[1]) > 0 and wrong:
        return int(errors[1]), wrong[1]
    states = re.search(r'(\d+) states, stored', done.stdout)
    if not errors or not states or 'not completed' in done.stdout:
        return None, done.stdout
    if 'max search depth too small' in done.stdout:
        return None, 'it is deeper than was searched'
    return 0, f'{int(states[1]):,} states'


def name_of(scene, mutant):
    """What is shown."""
    return f'{scene}: ' + (f'{mutant} is caught' if mutant else 'it holds')


def check(scene, mutant, deaths):
    """(is it as it must be, its name, a line for it, or what was said if not)"""
    model, macros = SCENES[scene]
    macros = {**macros, **({mutant: 1} if mutant else {})}
    if model == 'lease-death.pml':
        macros['DEATHS'] = deaths
    name = name_of(scene, mutant)
    began = time.monotonic()
    errors, said = search(model, macros)
    is_right = errors is not None and (errors > 0) == bool(mutant)
    first = said.splitlines()[0] if said else ''
    note = f'{name}: {first}, {time.monotonic() - began:.1f} s'
    return is_right, name, note if is_right else said


def main():
    """Prints what tests print (TAP)."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog='Example: tests/model/check.py --only holds --deaths 2')
    parser.add_argument('--only', default='', metavar='WORD',
                        help='those whose name contains it')
    parser.add_argument('--deaths', type=int, choices=(0, 1, 2), default=1,
                        help='so many at most; 1 if not told')
    options = parser.parse_args()
    if not shutil.which('spin'):
        print('1..0 # SKIP spin is not installed: ./dev setup')
        return 0
    jobs = [(scene, None) for scene in SCENES]
    jobs += [(scene, mutant) for mutant, scene in MUTANTS.items()]
    jobs = [job for job in jobs if options.only in name_of(*job)]
    if not jobs:
        parser.error(f'nothing has {options.only} in its name')
    print(f'TAP version 13\n1..{len(jobs)}', flush=True)
    wrong = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        results = pool.map(lambda job: check(*job, options.deaths), jobs)
        for number, (is_right, name, note) in enumerate(results, 1):
            print(f'{"" if is_right else "not "}ok {number} - {name}')
            print('\n'.join('# ' + line for line in note.splitlines()), flush=True)
            wrong += not is_right
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
