# SPDX-License-Identifier: MIT
"""boot.py - what the boot tests share

Each script in this folder starts machines with tools/machine.py, types at
them, and prints `ok - ...` or `not ok - ...` for each thing it looked at.
Nothing here depends on how fast the computer is.
"""

import difflib
import os
import sys
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, 'tools'))
sys.dont_write_bytecode = True

from machine import (Machine, MachineError, PROMPT, OK,     # noqa: E402,F401
                     COMMAND_FAILED, USAGE, NO_PROMPT, FAULT, BUILD,
                     map_module)

ARCHES = ['i686', 'x86_64']
failures = 0


def check(good, description, detail=''):
    """Prints one result; DETAIL is shown when it is not GOOD."""
    global failures
    print(('ok - ' if good else 'not ok - ') + description)
    if not good:
        failures += 1
        for line in str(detail).splitlines()[-40:]:
            print('#   ' + line)
    sys.stdout.flush()
    return good


def note(text):
    """For the person who reads the log; decides nothing."""
    print('# ' + text)
    sys.stdout.flush()


def check_same(one, other, description):
    """Are two transcripts the same, byte for byte?"""
    difference = ''
    if one != other:
        difference = '\n'.join(list(difflib.unified_diff(
            one.splitlines(), other.splitlines(), lineterm='', n=2))[:40])
        difference = difference or 'they differ in white space'
    return check(one == other, description, difference)


class guarded:
    """`with guarded('x boots'):` makes any exception a failed check."""

    def __init__(self, description):
        self.description = description

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None or not issubclass(kind, Exception):
            return False
        detail = str(value) if kind is MachineError else ''.join(
            traceback.format_exception(kind, value, trace))
        check(False, self.description, detail)
        return True


def session(machine, commands):
    """Types COMMANDS at a booted MACHINE; returns the whole transcript."""
    return ''.join(PROMPT + machine.command(command) for command in commands)


def finish():
    sys.exit(1 if failures else 0)
