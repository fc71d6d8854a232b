#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""rebuild.py - a heap rebuilt from its stream alone

    tests/stream/rebuild.py STREAM [TRANSCRIPT]

Reads the lines of docs/stream.md and follows them: every event changes a
picture of the heap. Each snapshot in the stream, which a walk through the real
memory has made, must then say what the picture says; and where a TRANSCRIPT of
the shell is given, whose every `dump` is followed by `stream snapshot`, so
must the rows of these dumps.

Written from docs/stream.md and docs/design.md, not from the allocator: it
shares no code with it. Status: 0; 1 when something differs.
"""

import json
import re
import sys

QUANTUM, HEADER, PAGE, SLICE = 16, 4, 4096, 2048
TAGS = 1                                # the range type that holds its page


class Wrong(Exception):
    """The stream contradicts itself, or what a dump says."""


def need(condition, sentence):
    if not condition:
        raise Wrong(sentence)


def class_of(quanta):
    """The free list of blocks of so many quanta (docs/stream.md)."""
    if quanta < 32:
        return quanta - 1
    log2 = quanta.bit_length() - 1
    return 31 + (log2 - 5) * 8 + (quanta >> (log2 - 3) & 7)


def letters(number):
    """0 -> a, 25 -> z, 26 -> aa."""
    name = ''
    number += 1
    while number > 0:
        number, digit = divmod(number - 1, 26)
        name = chr(ord('a') + digit) + name
    return name


class Block:
    def __init__(self, size, state):
        self.size, self.state = size, state


class Page:
    """A slot page."""

    def __init__(self, size, first, end):
        self.size, self.first, self.end = size, first, end
        self.watermark, self.free, self.used = first, [], set()


class Heap:
    """What the lines since the last hello say."""

    def __init__(self):
        self.lines = self.snapshots = 0
        self.hello({'arena': 0, 'policy': 'segregated'})

    # ---- new, or another one ------------------------------------------------

    def hello(self, line):
        self.arena = line['arena']
        self.segregated = line['policy'] == 'segregated'
        self.blocks = {}                # payload's offset -> Block
        self.spans = {}                 # start -> (end, first block, heap)
        self.held = set()               # numbers of pages
        self.lists = {}                 # (heap, class) -> offsets in order
        self.pages = {}                 # slot page's offset -> Page
        self.remote = {}                # heap -> offsets, last pushed first
        self.drained = {}
        self.live = {}                  # offset -> (letter's number, request)
        self.freed = None
        self.born = 0                   # letters given
        self.waiting = set()            # freed by other threads
        self.late = set()               # freed, and not to be used again yet
        self.reading = line.get('restored', False)

    # ---- helpers --------------------------------------------------------------

    def block(self, at, *states):
        need(at in self.blocks, f'no block is at +0x{at:x}')
        block = self.blocks[at]
        need(not states or block.state in states,
             f'the block at +0x{at:x} is {block.state}')
        return block

    def span(self, at):
        for start, (end, first, heap) in self.spans.items():
            if start <= at < end:
                return start, end, first, heap
        raise Wrong(f'+0x{at:x} is in no span')

    def heap_of(self, at):
        return self.span(at)[3]

    def list_of(self, at):
        key = self.heap_of(at), class_of(self.blocks[at].size // QUANTUM)
        return self.lists.setdefault(key, [])

    def appear(self, at, size):
        self.blocks[at] = Block(size, 'free')
        self.list_of(at).insert(0, at)

    def vanish(self, at):
        self.list_of(at).remove(at)
        del self.blocks[at]

    def birth(self, at, request):
        need(at not in self.live, f'+0x{at:x} is live already')
        self.live[at] = self.born, request
        self.born += 1

    def death(self, at):
        """A payload is given back; by its owner's thread, or now at last."""
        if at in self.late:
            self.late.remove(at)
            return
        if at in self.waiting:
            self.waiting.remove(at)
            queue = self.drained[self.heap_of(at)]
            need(queue and queue.pop(0) == at,
                 f'+0x{at:x} waits and was not drained')
            return
        need(at in self.live, f'+0x{at:x} is not live')
        self.freed = at, self.live.pop(at)

    def pages_of(self, e):
        need(e['at'] % PAGE == 0 and e['size'] % PAGE == 0
             and e['at'] + e['size'] <= self.arena,
             'these are no pages of the arena')
        return range(e['at'] // PAGE, (e['at'] + e['size']) // PAGE)

    def page_at(self, at):
        page = self.pages.get(at // SLICE * SLICE)
        need(page is not None, f'+0x{at:x} is in no slot page')
        need(page.first <= at < page.end
             and (at - page.first) % page.size == 0,
             f'no slot is at +0x{at:x}')
        return page

    # ---- events ---------------------------------------------------------------

    def on_GROW(self, e):
        self.spans[e['at']] = e['at'] + e['size'], e['other'], e['owner']
        # from header to header: the end word is the span's last
        self.appear(e['other'], e['at'] + e['size'] - e['other'])

    def on_SHRINK(self, e):
        _, end, first, _ = self.span(e['at'])
        need(self.block(first, 'free').size == end - first,
             'the span that leaves is not empty')
        self.vanish(first)
        del self.spans[e['at']]

    def on_SPLIT(self, e):
        block = self.block(e['at'], 'free')
        need(block.size == e['size'] + e['other'],
             'the parts do not make up the block')
        self.vanish(e['at'])
        self.appear(e['at'], e['size'])
        self.appear(e['at'] + e['size'], e['other'])

    def on_TAKE(self, e):
        if e['at'] not in self.blocks:
            self.blocks[e['at']] = Block(e['size'], 'large')
        else:
            block = self.block(e['at'], 'free')
            need(block.size == e['size'], 'the block has another size')
            self.list_of(e['at']).remove(e['at'])
            block.state = 'used'
        if e['use'] == 0:
            self.birth(e['at'], e['request'])

    def on_RELEASE(self, e):
        if e['use'] == 2:
            block = self.block(e['at'], 'kept')
        else:
            block = self.block(e['at'], 'used', 'large')
        need(block.size == e['size'], 'the block has another size')
        if e['use'] == 0:
            self.death(e['at'])
        del self.blocks[e['at']]
        if block.state != 'large':
            self.appear(e['at'], block.size)

    def on_COALESCE(self, e):
        right = e['at'] + e['size'] - e['other']
        need(self.block(right, 'free').size == e['other']
             and self.block(e['at'], 'free').size == right - e['at'],
             'the blocks that join have other sizes')
        self.vanish(right)
        self.vanish(e['at'])
        self.appear(e['at'], e['size'])

    def on_RESIZE(self, e):
        at = e['at']
        number, _ = self.live.get(at, (None, None))
        need(number is not None, f'+0x{at:x} is not live')
        self.live[at] = number, e['request']
        if at not in self.blocks:       # a slot: only the request changes
            self.page_at(at)
            return
        block = self.block(at, 'used', 'large')
        need(block.size == e['other'], 'the block had another size')
        if block.state == 'used' and e['size'] != e['other']:
            right, end = at + e['other'], at + e['other']
            if right in self.blocks and self.blocks[right].state == 'free':
                end += self.blocks[right].size
                self.vanish(right)
            need(at + e['size'] <= end, 'there is no room to grow')
            if at + e['size'] < end:
                self.appear(at + e['size'], end - at - e['size'])
        block.size = e['size']

    def on_HOLD(self, e):
        pages = self.pages_of(e)
        need(not self.held.intersection(pages), 'a page is held already')
        self.held.update(pages)

    def on_TRIM(self, e):
        pages = self.pages_of(e)
        need(self.held.issuperset(pages), 'a page is not held')
        self.held.difference_update(pages)

    def on_REFUSE(self, e):
        pass

    def on_PAGE_TAKE(self, e):
        block = self.block(e['at'], 'used')
        room = (e['at'] + block.size - HEADER - e['other']) // e['size']
        block.state = 'slots'
        self.pages[e['at']] = Page(e['size'], e['other'],
                                   e['other'] + room * e['size'])

    def on_PAGE_GIVE(self, e):
        page = self.pages.pop(e['at'])
        need(not page.used and page.size == e['size'],
             'the slot page is not empty, or of another size')
        self.block(e['at'], 'slots').state = 'used'

    def on_SLOT_TAKE(self, e):
        page = self.page_at(e['at'])
        need(page.size == e['size'], 'the slot has another size')
        if e['other']:
            need(not page.free and e['at'] == page.watermark,
                 'not the slot at the watermark')
            page.watermark += page.size
        else:
            need(page.free and page.free.pop(0) == e['at'],
                 "not the first of the page's list")
        page.used.add(e['at'])
        self.birth(e['at'], e['request'])

    def on_SLOT_GIVE(self, e):
        page = self.page_at(e['at'])
        need(e['at'] in page.used and page.size == e['size'],
             'the slot is not used, or has another size')
        page.used.remove(e['at'])
        page.free.insert(0, e['at'])
        self.death(e['at'])

    def on_MAP(self, e):
        if e['other'] == TAGS:
            self.held.update(range(e['at'] // PAGE,
                                   (e['at'] + e['size']) // PAGE))

    def on_UNMAP(self, e):
        pass

    def on_FRAME_TAKE(self, e):
        pass

    def on_FRAME_GIVE(self, e):
        pass

    def on_KEEP(self, e):
        block = self.block(e['at'], 'used')
        need(block.size == e['size'], 'the block has another size')
        self.death(e['at'])
        block.state = 'kept'

    def on_REUSE(self, e):
        self.block(e['at'], 'kept').state = 'used'
        self.birth(e['at'], e['request'])

    def on_REMOTE_PUSH(self, e):
        self.death(e['at'])
        self.waiting.add(e['at'])
        self.remote.setdefault(e['owner'], []).insert(0, e['at'])

    def on_REMOTE_DRAIN(self, e):
        queue = self.remote.pop(e['owner'], [])
        need(len(queue) == e['size'], 'another number of payloads waits')
        need(not self.drained.get(e['owner']), 'some are left from last time')
        self.drained[e['owner']] = queue

    def on_WAIT(self, e):
        self.death(e['at'])
        self.late.add(e['at'])

    def on_ADOPT(self, e):
        pass

    # ---- other lines ------------------------------------------------------------

    def moved(self, line):
        at, (number, _) = self.freed
        need(at == line['moved'], 'what has moved was not just freed')
        newest, request = self.live[line['to']]
        if newest + 1 == self.born:
            self.born -= 1
        self.live[line['to']] = number, request

    def hollow(self, at):
        start, size = at - HEADER, self.blocks[at].size
        return any(page not in self.held for page in
                   range(start // PAGE, (start + size - 1) // PAGE + 1))

    def left(self, at):
        _, _, first, _ = self.span(at)
        if at == first:
            return 0
        return next(block.size for start, block in self.blocks.items()
                    if start + block.size == at and block.state != 'large')

    def rows(self):
        """What a snapshot says of the blocks, line by line."""
        for at, block in sorted(self.blocks.items()):
            number, request = self.live.get(at, (None, None))
            letter = None if number is None else letters(number)
            if block.state == 'large':
                yield dict(block='large', at=at, size=block.size, left=0,
                           header=0, heap=0, letter=letter, request=request)
                continue
            left = self.left(at)
            mark = (self.hollow(at) if block.state == 'free'
                    else block.state == 'kept')
            yield dict(block=block.state, at=at, size=block.size, left=left,
                       header=left // QUANTUM << 17
                       | block.size // QUANTUM << 2 | mark << 1
                       | (block.state != 'free'), heap=self.heap_of(at),
                       letter=letter, request=request)
            if block.state != 'slots':
                continue
            page = self.pages[at]
            yield dict(slots=at, size=page.size, first=page.first,
                       count=(page.end - page.first) // page.size,
                       watermark=page.watermark, used=len(page.used),
                       free=page.free)
            for slot in sorted(page.used):
                number, request = self.live.get(slot, (None, None))
                yield dict(slot=slot, size=page.size, request=request,
                           letter=None if number is None
                           else letters(number))

    def held_pairs(self):
        pairs = []
        for page in sorted(self.held):
            if pairs and sum(pairs[-1]) == page * PAGE:
                pairs[-1][1] += PAGE
            else:
                pairs.append([page * PAGE, PAGE])
        return pairs

    def list_lines(self):
        for heap in range(9):
            for (owner, k), blocks in sorted(self.lists.items()):
                if owner == heap and blocks:
                    yield dict(list=k, heap=heap, at=blocks)
            if self.remote.get(heap):
                yield dict(remote=heap, at=self.remote[heap])

    def snapshot(self):
        """The lines of a snapshot, as this picture says."""
        yield dict(snapshot='begin')
        yield dict(held=self.held_pairs())
        yield from self.rows()
        yield from self.list_lines()
        yield dict(letters=self.born)
        used = sum(block.state != 'free' for block in self.blocks.values())
        yield dict(snapshot='end', blocks=len(self.blocks), used=used,
                   free=len(self.blocks) - used)

    def dump(self):
        """The rows that the shell's dump prints, as this picture says."""
        for row in self.rows():
            if 'block' not in row:
                continue
            used = row['block'] != 'free'
            state = {'kept': 'kept', 'free': 'free'}.get(row['block'], 'used')
            request = row['request'] if used else None
            yield (f"{row['letter'] or '-'} +0x{row['at']:x} {row['size']} "
                   f"{'-' if request is None else request} {state} "
                   f"left={row['left']} header=0x{row['header']:08x}")
        used = sum(block.state != 'free' for block in self.blocks.values())
        one = '' if len(self.blocks) == 1 else 's'
        yield (f'{len(self.blocks)} block{one}, {used} used, '
               f'{len(self.blocks) - used} free')

    # ---- believing a snapshot, after going back in time ---------------------------

    def believe(self, lines):
        letter_number = {}

        def known(line, at):
            if line['letter'] is not None:
                number = 0
                for c in line['letter']:
                    number = number * 26 + ord(c) - ord('a') + 1
                self.live[at] = number - 1, line['request']
                letter_number[at] = number - 1

        for line in lines:
            if 'held' in line:
                for at, size in line['held']:
                    self.held.update(range(at // PAGE, (at + size) // PAGE))
            elif 'block' in line:
                at = line['at']
                state = line['block']
                self.blocks[at] = Block(line['size'], state)
                if state != 'large':
                    start = at // self.span_bytes * self.span_bytes
                    first = self.spans.get(start, (0, at, 0))[1]
                    self.spans[start] = (start + self.span_bytes, first,
                                         line['heap'])
                known(line, at)
            elif 'slots' in line:
                page = Page(line['size'], line['first'], line['first']
                            + line['count'] * line['size'])
                page.watermark, page.free = line['watermark'], line['free']
                self.pages[line['slots']] = page
            elif 'slot' in line:
                self.page_at(line['slot']).used.add(line['slot'])
                known(line, line['slot'])
            elif 'list' in line:
                self.lists[line['heap'], line['list']] = line['at']
            elif 'remote' in line:
                self.remote[line['remote']] = line['at']
                self.waiting.update(line['at'])
            elif 'letters' in line:
                self.born = line['letters']

    # ---- reading ----------------------------------------------------------------

    def compare(self, lines):
        expected = list(self.snapshot())
        if not self.segregated:         # other policies order lists as they do
            expected = [x for x in expected if 'list' not in x]
            lines = [x for x in lines if 'list' not in x]
        for mine, told in zip(expected, lines):
            need(mine == told, f'the snapshot says {told},\n'
                 f'and the events before it {mine}')
        need(len(expected) == len(lines),
             f'the snapshot has {len(lines)} lines, the picture '
             f'{len(expected)}')

    def read(self, text):
        """Follows all lines of TEXT; yields the picture at each snapshot that
        was asked for."""
        pending = None
        for number, text_line in enumerate(text.splitlines(), 1):
            line = json.loads(text_line)
            self.lines += 1
            try:
                if 'snapshot' in line or pending is not None:
                    pending = (pending or []) + [line]
                    if line.get('snapshot') != 'end':
                        continue
                    asked = not self.reading
                    if self.reading:
                        self.believe(pending)
                    self.compare(pending)
                    self.reading, pending = False, None
                    if asked:
                        self.snapshots += 1
                        yield self
                elif 'event' in line:
                    getattr(self, 'on_' + line['event'])(line)
                elif 'hello' in line:
                    need(line['hello'] == 1, 'a stream of another version')
                    self.span_bytes = line['span']
                    self.hello(line)
                elif 'moved' in line:
                    self.moved(line)
                elif 'letters' in line:
                    self.born = line['letters']
                else:
                    raise Wrong('a line of no known kind')
            except (Wrong, KeyError, AttributeError, StopIteration) as error:
                raise Wrong(f'line {number}, {text_line}: {error!r}') from error


def dumps(transcript):
    """The answers to `dump` in a transcript of the shell."""
    return [answer.splitlines() for answer in
            re.findall(r'^heap> dump\n(.*?)(?=^heap> |\Z)', transcript,
                       re.M | re.S)]


def rebuild(stream, transcript=None):
    """Follows STREAM and compares. How many snapshots, how many lines."""
    heap = Heap()
    answers = dumps(transcript) if transcript is not None else []
    count = 0
    for picture in heap.read(stream):
        if transcript is None:
            continue
        need(count < len(answers), 'more snapshots than dumps')
        mine = list(picture.dump())
        for row, answer in zip(mine, answers[count]):
            need(row == answer, f'dump number {count + 1} says\n{answer}\n'
                 f'and the stream\n{row}')
        need(len(mine) == len(answers[count]),
             f'dump number {count + 1} has {len(answers[count])} rows, the '
             f'stream {len(mine)}')
        count += 1
    if transcript is not None:
        need(count == len(answers), f'{len(answers)} dumps and {count} '
             'snapshots')
    return heap.snapshots, heap.lines


def main():
    if len(sys.argv) not in (2, 3):
        print(__doc__)
        return 2
    with open(sys.argv[1], encoding='utf-8') as file:
        stream = file.read()
    transcript = None
    if len(sys.argv) == 3:
        with open(sys.argv[2], encoding='utf-8') as file:
            transcript = file.read()
    try:
        count, lines = rebuild(stream, transcript)
    except Wrong as error:
        print(error)
        return 1
    print(f'{lines} lines, {count} snapshots: the heap is what the stream '
          'says')
    return 0


if __name__ == '__main__':
    sys.exit(main())
