# SPDX-License-Identifier: MIT
"""course.py - the lessons as the tests read them

A chapter is a Markdown file in docs/lessons. Of interest here are its fenced
blocks:

    heap    a transcript: a session of its own, in a new lab. Lines that start
            with the prompt are typed, the others must be printed exactly;
            `...` alone on a line stands for any lines.
    goal    an exercise (src/shell/lesson.h describes its fields)
    gdb     commands for GDB
"""

import glob
import os
import re

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
PROMPT = 'heap> '
os.environ['HEAPGLASS_ROOT'] = TOP      # where the host finds its files
FENCE = re.compile(r'^```(\w*)\n(.*?)^```$', re.M | re.S)

# Printed once in a session, before the first damage; one session carries all
# transcripts here, while a reader's carries one.
WARNING = re.compile(r'^Warning: this can damage the lab.*\n', re.M)


class Chapter:
    def __init__(self, path):
        self.path = path
        self.name = os.path.relpath(path, TOP)
        self.number = int(os.path.basename(path)[:2])
        with open(path, encoding='utf-8') as file:
            self.text = file.read()

    def blocks(self, kind):
        """(line number, content) of every fenced block of KIND."""
        return [(self.text.count('\n', 0, found.start()) + 1, found.group(2))
                for found in FENCE.finditer(self.text)
                if found.group(1) == kind]

    def prose(self):
        """The text without fenced blocks."""
        return FENCE.sub('', self.text)


def chapters():
    return [Chapter(path) for path in
            sorted(glob.glob(os.path.join(TOP, 'docs/lessons/[0-9]*.md')))]


def exchanges(block):
    """The (typed line, what must be printed) pairs of a transcript."""
    pairs = []
    for line in block.splitlines(True):
        if line.startswith(PROMPT):
            pairs.append([line[len(PROMPT):].rstrip('\n'), ''])
        elif pairs:
            pairs[-1][1] += line
    return pairs


def matches(expected, printed):
    """Whether PRINTED is EXPECTED, whose `...` lines stand for any."""
    expected, printed = WARNING.sub('', expected), WARNING.sub('', printed)
    parts = re.split(r'^\.\.\.\n', expected, flags=re.M)
    pattern = r'(?:.*\n)*?'.join(re.escape(part) for part in parts)
    return re.fullmatch(pattern, printed) is not None
