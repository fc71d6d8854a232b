# SPDX-License-Identifier: MIT
"""ways.py - the ways to solve an exercise, with a seed's numbers filled in"""

import os
import re

from course import TOP


def block(request):
    """The size of the block that a request gets."""
    return (request + 4 + 15) // 16 * 16


def solutions():
    """{exercise: [(is right, template)]}"""
    found = {}
    with open(os.path.join(TOP, 'tests/lessons/solutions'),
              encoding='utf-8') as file:
        for line in file:
            parts = line.strip().split(' ', 2)
            if len(parts) == 3 and parts[1] in ('right', 'wrong'):
                found.setdefault(parts[0], []).append(
                    (parts[1] == 'right', parts[2]))
    return found


def fill_in(template, numbers):
    """TEMPLATE with its {...} worked out."""
    return eval(f'f"""{template}"""', {'block': block, **numbers})


def numbers_of(machine, exercise):
    answer = machine.answer(f'lesson {exercise} numbers')
    return {name: int(value) for name, value in
            re.findall(r'^(\w+) = (-?\d+)$', answer, re.M)}
