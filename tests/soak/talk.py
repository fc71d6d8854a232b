# SPDX-License-Identifier: MIT
"""talk.py - long conversations with a booted kernel, and what must hold in them

What the soak and the hostile lines share. Lines are pasted, hundreds at once;
a machine that talks for hours does not keep what it said.
"""

import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'boot'))

from boot import PROMPT     # noqa: E402

RANGE = re.compile(r'^\+0x([0-9a-f]+) (\d+) bytes, \d+ pages, (?!free)', re.M)
USED_FRAMES = re.compile(r'^\d+ frames: (\d+) used', re.M)


class Fault(Exception):
    """Something did not hold; the text says what."""


def expect(good, sentence, detail=''):
    if not good:
        raise Fault(f'{sentence}\n{detail}')


# --- Talking -----------------------------------------------------------------


def converse(machine, lines, meanwhile=None):
    """Pastes LINES and returns the answer to each; S2. MEANWHILE is called
    while they are under way."""
    machine.text, end = PROMPT, '# end of batch'
    machine.log.clear()         # an hour of output is not kept
    machine.type(''.join(line + '\n' for line in list(lines) + [end]))
    if meanwhile:
        meanwhile(machine)
    machine.wait(lambda: machine.text.endswith(end + '\n' + PROMPT),
                 'end of a batch')
    parts = machine.text[len(PROMPT):].split('\n' + PROMPT)
    answers = []
    for line, part in zip(list(lines) + [end], parts):
        echo, _, answer = part.partition('\n')
        expect(echo == line, f'S2: typed "{line}", it came back as "{echo}"',
               machine.text)
        answers.append(answer)
    expect(len(answers) == len(lines) + 1,
           f'S2: {len(lines) + 1} lines were typed, {len(answers)} came back',
           machine.text)
    return answers[:-1]


def check_all(machine):
    """S1"""
    answer, = converse(machine, ['check'])
    expect(answer.count(': ok') == 3 and len(answer.splitlines()) == 3,
           'S1: a checker found a fault', answer)


def page_tables(arch, ranges):
    """How many tables of the last level the used RANGES need."""
    shift, tables = 22 if arch == 'i686' else 21, set()
    for at, size in RANGE.findall(ranges):
        first, end = int(at, 16), int(at, 16) + int(size)
        tables.update(range(first >> shift, ((end - 1) >> shift) + 1))
    return len(tables)


def used_frames(machine):
    """Frames in use when all is given back, page tables apart, and what uses
    them; S1, S5."""
    converse(machine, ['use lab', 'reset', 'use kernel', 'small on', 'trim'])
    check_all(machine)
    frames, ranges, blocks = converse(machine, ['frames', 'ranges', 'dump'])
    expect(blocks.startswith('0 blocks'), 'S5: the kernel has blocks', blocks)
    return int(USED_FRAMES.search(frames).group(1)) \
        - page_tables(machine.arch, ranges), frames + ranges
