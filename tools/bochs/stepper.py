# SPDX-License-Identifier: MIT
"""stepper.py - Bochs with its debugger at hand, and the heap in words

Theory of operation
-------------------
Bochs is a PC written as a program, and its debugger looks at the machine from
outside. We type at the debugger and read what it says:

    we -> x /3wx 0xc01e4700                the debugger's `examine`
    we <- 0x00000000c01e4700 <session+0>:  0x00000018  0x00400000  0x...

The kernel executes a magic breakpoint (`xchg bx, bx`) when a step of the
allocator is whole, if the shell's `bp` asked for it (src/shell/cmd_bp.c). To
show the block *before* the step as well, we look at all headers at two other
places, where we set ordinary breakpoints and go on at once:

    past_before      a command begins
    session_hear     an event has happened, whether `bp` selects it or not

so that the last look is always that of one step ago.

  B1  Everything shown was read by the debugger's `x`. The kernel is asked
      nothing, and prints nothing about its steps.
  B2  Without `bp` a breakpoint costs one word that is read.
  B3  No size is followed that leads out of its span: in a damaged heap a look
      ends there.
"""

import os
import re
import select
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(
    __file__))))
from machine import (Machine, MachineError, PROMPT,     # noqa: E402
                     kernel_path)

QUANTUM, HEADER, SPAN_OF_BLOCKS = 16, 4, 0x4e415053
SPANS_MOST = 64         # looked at before an event tells which is concerned
BLOCKS_MOST = 4096      # of a span, in a look

# enum mm_event_kind (src/mm/event.h): those at which `bp` can stop.
SENTENCES = {
    2: ('SPLIT', 'keeps {size} bytes, the {other} bytes to the right stay '
                 'free'),
    3: ('TAKE', '{size} bytes leave the free list for a request of '
                '{request}'),
    4: ('RELEASE', '{size} bytes are free'),
    5: ('COALESCE', 'takes in the {other} free bytes to its right, {size} '
                    'bytes now'),
}

STOP = re.compile(r'<bochs:\d+> $')
WORDS = re.compile(r'^0x[0-9a-f]+ <[^>]*>:((?:[ \t]+0x[0-9a-f]{8})+)', re.M)


def symbols(elf):
    """The addresses of functions and variables, by name."""
    for tool in ('nm', 'llvm-nm'):
        try:
            text = subprocess.run([tool, elf], check=True,
                                  stdout=subprocess.PIPE).stdout.decode()
        except (OSError, subprocess.CalledProcessError):
            continue
        rows = [row.split() for row in text.splitlines()]
        return {row[2]: int(row[0], 16) for row in rows if len(row) == 3}
    raise MachineError('nm is not installed, and Bochs learns the names of '
                       'functions from it: it is in the package binutils.')


def header_words(header):
    used, marked = header & 1, header >> 1 & 1
    return (('used' if used else 'free') + f', {block_size(header)} bytes, '
            f'left={(header >> 17) * QUANTUM}, header=0x{header:08x}'
            + (', kept' if used and marked else ', hollow' if marked else ''))


def block_size(header):
    return (header >> 2 & 0x7fff) * QUANTUM


class Bochs(Machine):
    """A machine in Bochs whose debugger we hold. Between two calls it runs,
    or stands still at a stop that stopped() has told of."""

    def __init__(self, steps=True, display=None, **settings):
        super().__init__(machine='bochs', **settings)
        self.steps, self.display = steps, display
        self.symbols = symbols(kernel_path(self.arch))
        self.word = 4 if self.arch == 'i686' else 8
        self.said = ''          # by the debugger, not looked at yet
        self.before = {}        # offset of a payload -> header, at last look
        self.spans = set()      # in which there were events

    def _spawn(self, command, **streams):
        names = os.path.join(self._work, 'symbols')
        with open(names, 'w', encoding='utf-8') as file:
            file.writelines(f'{address:#x} {name}\n' for name, address
                            in sorted(self.symbols.items()))
        go = os.path.join(self._work, 'go')
        with open(go, 'w', encoding='utf-8') as file:
            file.write(f'ldsym global "{names}"\n')
            for name in ('past_before', 'session_hear'):
                if self.steps:
                    file.write(f'lb {self.symbols[name]:#x}\n')
            file.write('continue\n')
        command[command.index('-rc') + 1] = go
        if self.display:
            command[-1] = f'display_library: {self.display}'
        streams['stdin'] = streams['stdout'] = subprocess.PIPE
        super()._spawn(command, **streams)
        os.set_blocking(self._process.stdout.fileno(), False)

    # the debugger's line

    def line(self):
        """The file number on which the debugger speaks."""
        return self._process.stdout.fileno()

    def listen(self):
        """Takes in what the debugger has said; true when it has stopped."""
        try:
            data = os.read(self.line(), 65536)
        except BlockingIOError:
            data = None
        if data == b'':
            self._end()
        self.said += (data or b'').decode('latin-1')
        return bool(STOP.search(self.said))

    def wait_stop(self, seconds=20):
        deadline = time.monotonic() + seconds
        while not self.listen():
            if self.ended or time.monotonic() > deadline:
                raise MachineError('The debugger of Bochs does not answer. '
                                   'Its last words:\n' + self.said[-500:])
            select.select([self.line()], [], [], 0.5)
        said, self.said = self.said, ''
        return said

    def ask(self, line, seconds=20):
        """Types LINE at the debugger, which stands still; its answer."""
        self.say(line)
        answer = self.wait_stop(seconds)
        return STOP.sub('', answer).replace(line + '\n', '', 1)

    def say(self, line):
        self._process.stdin.write((line + '\n').encode())
        self._process.stdin.flush()

    def go_on(self):
        self.say('continue')

    def interrupt(self):
        """Makes the debugger stop the machine, wherever it is."""
        self._process.send_signal(signal.SIGINT)
        return self.wait_stop()

    # memory

    def words(self, address, count):
        """COUNT words of 32 bits at the linear ADDRESS; None where there is
        no memory."""
        found = []
        for row in WORDS.findall(self.ask(f'x /{count}wx {address:#x}')):
            found += [int(word, 16) for word in row.split()]
        return found if len(found) == count else None

    def pointers(self, address, count):
        found = self.words(address, count * self.word // 4)
        if found is None or self.word == 4:
            return found
        return [found[i] | found[i + 1] << 32 for i in range(0, 2 * count, 2)]

    def physical(self, address):
        match = re.search(r'physical page (0x[0-9a-f]+)',
                          self.ask(f'page {address:#x}'))
        return int(match.group(1), 16) | address & 0xfff if match else None

    # the heap: see cmd_bp.c for what lies where

    def breaks(self):
        found = self.words(self.symbols['session'], 1)
        return found[0] if found else 0

    def heap(self):
        """Base, arena's bytes, span's and head's bytes of the heap in use."""
        machine = self.pointers(self.symbols['session'] + self.word, 1)
        if not machine or not machine[0]:
            return None
        heap = self.pointers(machine[0] + 4 * self.word, 1)
        base = heap and self.pointers(heap[0] + 2 * self.word, 1)
        sizes = base and self.words(heap[0] + 3 * self.word, 3)
        if not sizes or sizes[1] == 0:
            return None
        return base[0], sizes[0] * QUANTUM, sizes[1], sizes[2]

    def look(self):
        """All headers: offset of the payload -> header."""
        heap = self.heap()
        if heap is None:
            return {}
        base, arena, span_bytes, head = heap
        spans = set(self.spans)
        if arena // span_bytes <= SPANS_MOST:
            spans |= set(range(0, arena, span_bytes))
        blocks = {}
        for span in sorted(spans):
            start = self.words(base + span, 1)
            if not start or start[0] != SPAN_OF_BLOCKS:
                continue
            at = span + head + HEADER
            for _ in range(BLOCKS_MOST):                        # B3
                header = self.words(base + at - HEADER, 1)
                if not header:
                    break
                blocks[at] = header[0]
                at += block_size(header[0])
                if block_size(header[0]) == 0 or at >= span + span_bytes:
                    break
        return blocks

    # stops

    def stopped(self, said):
        """What the stop that the debugger SAID is: the rows to show a person,
        or None when it was only a look, and the machine goes on."""
        if 'Magic breakpoint' in said:
            return self.step_words()
        if self.steps and 'Breakpoint' in said and (
                '(past_before+0)' in said or '(session_hear+0)' in said):
            selected = self.breaks()
            if selected and '(past_before+0)' in said:
                self.before = self.look()
            elif selected and not self.is_selected(selected):
                self.before = self.look()
            self.go_on()
            return None
        return [row for row in said.splitlines() if row.startswith('(0)')]

    def register(self, name):
        match = re.search(rf'^{name}: ([0-9a-f]{{8}})_([0-9a-f]{{8}})',
                          self.ask('r'), re.M)
        return int(match.group(1) + match.group(2), 16)

    def is_selected(self, selected):
        """At session_hear: does `bp` stop at this event? Then the look that
        we have is that of before it."""
        if self.word == 4:
            event = self.words(self.register('rsp') + 8, 1)
        else:
            event = [self.register('rsi')]
        kind = event and self.words(event[0], 1)
        return bool(kind) and bool(selected >> kind[0] & 1)

    def step_words(self):
        """At a magic breakpoint: the step in words, the blocks concerned and
        the right neighbour before and after it, and where the header is."""
        event = self.words(self.register('rsi'), 10)
        heap = self.heap()
        if not event or not heap or event[0] not in SENTENCES:
            return ['A magic breakpoint, and no step of the allocator that '
                    'can be read.']
        at, size, other, request = (event[i] | event[i + 1] << 32
                                    for i in (2, 4, 6, 8))
        name, sentence = SENTENCES[event[0]]
        self.spans.add(at - at % heap[2])
        after = self.look()
        end = at + size + (other if name == 'SPLIT' else 0)
        rows = [f'{name} +{at:#x}: ' + sentence.format(
            size=size, other=other, request=request)]
        for title, blocks in (('before', self.before), ('after', after)):
            shown = [row for row in sorted(blocks)
                     if row <= end and row + block_size(blocks[row]) > at]
            for i, row in enumerate(shown):
                rows.append(f'  {title if i == 0 else "":<7} +{row:#x} '
                            + header_words(blocks[row]))
            if not shown:
                rows.append(f'  {title:<7} not looked at yet')
        header = heap[0] + at - HEADER
        physical = self.physical(header)
        rows.append(f'  header at {header:#x}'
                    + (f', physical {physical:#x}' if physical else ''))
        self.before = after
        return rows

    def wait(self, condition, what, timeout=None):
        """As any machine's; a stop does not keep us."""
        self.run(condition, what, timeout or self.timeout)

    def run(self, condition, what, seconds):
        """Goes on at every stop until CONDITION() holds: their rows."""
        stops = []
        deadline = time.monotonic() + seconds
        while not condition():
            if self.ended or time.monotonic() > deadline:
                raise MachineError(f'No {what}.' + self._last_words())
            self._pump(time.monotonic() + 0.02)
            if self.listen():
                rows = self.stopped(self.wait_stop())
                if rows is not None:
                    stops.append(rows)
                    self.go_on()
        return stops

    def steps_of(self, line, seconds=60):
        """Types LINE at the shell and goes on at every stop until the prompt
        is back: the shell's answer, and the rows of each stop."""
        start = len(self.text)
        self.type(line + '\n')
        stops = self.run(lambda: self.status is not None or (
            '\n' in self.text[start:] and self.at_prompt(
                self.text.index('\n', start))), f'prompt after "{line}"',
                         seconds)
        end = self.text.rindex(PROMPT) if self.status is None else None
        return self.text[start:end].split('\n', 1)[1], stops
