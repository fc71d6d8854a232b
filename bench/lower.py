# SPDX-License-Identifier: MIT
"""
lower - the levels below the heap, measured: ranges and frames

Called by bench/run for the sections `ranges` and `frames`. Each figure is one
process of build/bench/ranges or build/bench/frames (bench/ranges.c and
bench/frames.c say what they do); of several rounds the median is taken.
Instructions are counted by callgrind, so they are the same on every machine
with the same compiler.
"""

import os
import re
import shutil
import statistics
import subprocess

import harness

LIVE = [1000, 10000, 100000, 1000000]
KINDS = ['plain', 'aligned', 'mixed']
PAIRS = 300000
COUNTED_PAIRS = 20000
COUNTED_LIVE = [1000, 10000, 100000]    # more would take minutes
FRAMES = 1000000
WAYS = {'ours': 'heapglass', 'array': 'an array of numbers',
        'threaded': 'a list through the frames'}
WHATS = ['init', 'rise', 'warm', 'cold']


def program(name):
    return os.path.join(harness.BUILD, name)


def run(words):
    """What a program printed: {name: number}."""
    done = subprocess.run(words, capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=harness.TIMEOUT)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise harness.Failed(said[-1] if said else
                             f'status {done.returncode}')
    return harness.values([line.split() for line in done.stdout.splitlines()])


def instructions(function, words):
    """Instructions while FUNCTION ran, with all that it called."""
    out = os.path.join(harness.BUILD, f'callgrind.{os.getpid()}')
    try:
        run(['valgrind', '-q', '--tool=callgrind',
             f'--callgrind-out-file={out}', f'--toggle-collect={function}',
             *words])
        with open(out, encoding='utf-8', errors='replace') as file:
            total = re.search(r'^summary: (\d+)', file.read(), re.MULTILINE)
        return int(total.group(1))
    finally:
        if os.path.exists(out):
            os.remove(out)


def medians(answers):
    return {key: statistics.median(answer[key] for answer in answers)
            for key in answers[0]}


def ranges(rounds, quick, progress):
    """{kind: {live: {ns, span, ..., instructions}}}"""
    found = {}
    for kind in KINDS:
        for live in LIVE[:-1] if quick else LIVE:
            progress('ranges', f'{kind}, {live} live')
            words = [program('ranges'), kind, str(live)]
            row = medians([run([*words, str(PAIRS)]) for _ in range(rounds)])
            if shutil.which('valgrind') and live in COUNTED_LIVE:
                row['instructions'] = instructions(
                    'ranges_run', [*words, str(COUNTED_PAIRS)]) / \
                    COUNTED_PAIRS / 2
            found.setdefault(kind, {})[str(live)] = row
    progress('', '')
    return found


def frames(rounds, progress):
    """{way: {what: {pop, push, init or run}}}"""
    found = {}
    for way in WAYS:
        for what in WHATS:
            progress('frames', f'{way}, {what}')
            words = [program('frames'), way, what, str(FRAMES)]
            found.setdefault(way, {})[what] = medians(
                [run(words) for _ in range(rounds)])
    found['ours']['runs'] = medians(
        [run([program('frames'), 'ours', 'runs', str(FRAMES)])
         for _ in range(rounds)])
    progress('', '')
    return found


# ---- the tables of the report ----------------------------------------------------

def ranges_lines(section, table):
    if not section:
        return []
    rows = [[kind, f'{int(live):,}', f"{row['ns']:.0f}",
             f"{row['instructions']:.0f}" if 'instructions' in row else '-',
             f"{row['span']:.2f}", f"{row['free']:.0f}",
             f"{row['tags']:.0f}"]
            for kind, by_live in section.items()
            for live, row in by_live.items()]
    return ['## Ranges: a free or an alloc of a run of pages', ''] + table(
        ['requests', 'live', 'ns', 'instructions', 'span over live',
         'free ranges', 'bytes of tags a live range'], rows)


def frames_lines(section, table):
    if not section:
        return []
    rows = []
    for way, row in section.items():
        rows.append([WAYS[way], f"{row['init']['init']:.0f}",
                     f"{row['rise']['pop']:.1f}"] + [
            f"{row[what][key]:.1f}" for what in ('warm', 'cold')
            for key in ('pop', 'push')] + [
            f"{row['runs']['run']:.0f}" if 'runs' in row else '-'])
    return [f'## Frames: ns a frame, {FRAMES:,} of them', ''] + table(
        ['', 'boot, all frames', 'first pop', 'pop, warm', 'push, warm',
         'pop, cold', 'push, cold', 'a run of 8, freed'], rows)
