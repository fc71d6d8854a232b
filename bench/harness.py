# SPDX-License-Identifier: MIT
"""
harness - allocators, traces, and running one on the other

An *allocator* is a library that is put before the C library, or none (glibc).
What is measured runs in a process of its own, so that nothing of one
allocator's run is left for another's. Every measurement takes the allocators
in turn, A B C D A B C D, so that a machine that gets slower in the middle gets
slower for all of them.
"""

import collections
import glob
import itertools
import lzma
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(TOP, 'build', 'bench')
REPLAY = os.path.join(BUILD, 'replay')
TIMEOUT = 300               # seconds, for any one process

Allocator = collections.namedtuple('Allocator', 'name library kind package')
# kind: ours, peer, floor; level: ours, with HEAPGLASS_LEVEL=package


def first_file(*patterns):
    for pattern in patterns:
        for path in sorted(glob.glob(pattern)):
            return os.path.realpath(path)
    return None


def library_of(stem):
    return first_file(*(f'{folder}/{stem}' for folder in (
        '/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/lib',
        '/usr/local/lib')))


def known_allocators(ours, more):
    """All that could be measured; `library` is None for an absent one."""
    known = [
        Allocator('heapglass', ours if os.path.exists(ours) else None,
                  'ours', '`make lib`'),
        Allocator('glibc', '', 'peer', 'libc6'),
        Allocator('jemalloc', library_of('libjemalloc.so.2'), 'peer',
                  'libjemalloc2'),
        Allocator('tcmalloc', library_of('libtcmalloc_minimal.so.4'), 'peer',
                  'libtcmalloc-minimal4'),
        Allocator('mimalloc', library_of('libmimalloc.so.2*'), 'peer',
                  'libmimalloc2.0'),
    ]
    for path in more:
        name = re.sub(r'^lib|\.so.*$', '', os.path.basename(path))
        while name in [a.name for a in known]:
            name += "'"
        known.append(Allocator(name, os.path.realpath(path)
                               if os.path.exists(path) else None,
                               'peer', path))
    return known


FLOORS = [
    Allocator('loop alone', os.path.join(BUILD, 'floor_nothing.so'), 'floor',
              'bench/floor_nothing.c'),
    Allocator('lists alone', os.path.join(BUILD, 'floor_lists.so'), 'floor',
              'bench/floor_lists.c'),
]


LEVELS = ['none', 'check', 'canary', 'poison', 'full']


def levels_of(library):
    """LIBRARY at each level of care that it knows by name."""
    with open(library, 'rb') as file:
        text = file.read()
    known = itertools.takewhile(
        lambda level: level == 'none' or level.encode() + b'\0' in text,
        LEVELS)
    return [Allocator(level, library, 'level', level) for level in known]


class Failed(Exception):
    """A process that ended badly, in a sentence."""


def environment(allocator):
    variables = dict(os.environ, LC_ALL='C')
    for name in ('LD_PRELOAD', 'HEAPGLASS_LEVEL'):
        variables.pop(name, None)
    if allocator.library:
        variables['LD_PRELOAD'] = allocator.library
    if allocator.kind == 'level':
        variables['HEAPGLASS_LEVEL'] = allocator.package
    return variables


def run(allocator, *words, before=()):
    """What `replay WORDS` printed, line by line, split into words."""
    try:
        done = subprocess.run(
            [*before, REPLAY, *map(str, words)], env=environment(allocator),
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False, timeout=TIMEOUT)
    except subprocess.TimeoutExpired as reason:
        raise Failed(f'not done after {TIMEOUT} s') from reason
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise Failed(said[-1] if said else f'status {done.returncode}'
                     if done.returncode > 0 else
                     f'killed by signal {-done.returncode}')
    return [line.split() for line in done.stdout.splitlines()]


def values(lines):
    """Lines of two words as a dictionary of numbers."""
    return {line[0]: float(line[1]) for line in lines if len(line) == 2}


# ---- traces ----------------------------------------------------------------------

def unpacked(path):
    """The path of the text of PATH, which may be packed."""
    if not path.endswith('.xz'):
        return path
    text = os.path.join(BUILD, 'traces', os.path.basename(path)[:-3])
    if not os.path.exists(text) or \
            os.path.getmtime(text) < os.path.getmtime(path):
        os.makedirs(os.path.dirname(text), exist_ok=True)
        with lzma.open(path) as packed, open(text + '.new', 'wb') as file:
            file.write(packed.read())
        os.replace(text + '.new', text)
    return text


def generated():
    folder = os.path.join(BUILD, 'traces', 'generated')
    maker = os.path.join(TOP, 'bench', 'generate.py')
    made = glob.glob(f'{folder}/*.rep')
    if not made or min(map(os.path.getmtime, made)) < os.path.getmtime(maker):
        subprocess.run([sys.executable, maker, folder], check=True)
    return sorted(glob.glob(f'{folder}/*.rep'))


def shipped_traces():
    """Name -> path of the text, of all traces of the repository."""
    recorded = sorted(glob.glob(os.path.join(TOP, 'bench/traces/*.rep.xz')))
    paths = [unpacked(path) for path in recorded] + generated()
    return {os.path.basename(path)[:-4]: path for path in paths}


def given_traces(paths):
    return {re.sub(r'\.rep(\.xz)?$', '', os.path.basename(path)):
            unpacked(path) for path in paths}


# ---- counting instructions ---------------------------------------------------------

COST = re.compile(r'^[+\-*\d]\S* (\d+)')


def instructions_outside(path, program):
    """Instructions in a callgrind file that were not in PROGRAM's own code."""
    objects, current, total, inclusive = {}, None, 0, False
    with open(path, encoding='utf-8', errors='replace') as file:
        for line in file:
            if line.startswith(('ob=', 'cob=')):    # named where first seen
                number, _, name = line.partition('=')[2].strip().partition(' ')
                name = objects.setdefault(number, name)
                if line.startswith('ob='):
                    current = name
            elif line.startswith('calls='):
                inclusive = True        # the next line is the callee's
            else:
                cost = COST.match(line)
                if cost:
                    if not inclusive and current is not None and \
                            os.path.basename(current) != program:
                        total += int(cost.group(1))
                    inclusive = False
    return total


def count_instructions(allocator, function, *words):
    """Instructions of the allocator while FUNCTION ran in `replay WORDS`."""
    out = os.path.join(BUILD, f'callgrind.{os.getpid()}')
    try:
        lines = run(allocator, *words, before=[
            'valgrind', '-q', '--tool=callgrind',
            f'--callgrind-out-file={out}', f'--toggle-collect={function}'])
        return instructions_outside(out, 'replay'), values(lines)
    finally:
        if os.path.exists(out):
            os.remove(out)
