#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
generate - traces that no program left behind: worst cases, and general mixes

    bench/generate.py FOLDER [NAME...]

Writes each as FOLDER/NAME.rep, the same bytes on every machine. Those that
are called adv- are worst cases: each is made against one way of allocating,
and the sentence above it says which. The own- ones are plain mixes, in place
of a program.
"""

import os
import random
import sys


class Trace:
    """Operations in the making. Blocks are numbers; what is left is freed."""

    def __init__(self, seed):
        self.lines = []
        self.blocks = 0
        self.live = {}
        self.payload = 0
        self.peak = 0
        self.random = random.Random(seed)

    def _grow(self, by):
        self.payload += by
        self.peak = max(self.peak, self.payload)

    def alloc(self, size, align=0):
        block = self.blocks
        self.blocks += 1
        if align:
            self.lines.append(f'b {align}')
        self.lines.append(f'a {block} {size}')
        self.live[block] = size
        self._grow(size)
        return block

    def realloc(self, block, size):
        self.lines.append(f'r {block} {size}')
        self._grow(size - self.live[block])
        self.live[block] = size

    def free(self, block):
        self.lines.append(f'f {block}')
        self.payload -= self.live.pop(block)

    def free_all(self, blocks):
        for block in blocks:
            self.free(block)

    def text(self):
        self.free_all(list(self.live))
        operations = sum(line[0] != 'b' for line in self.lines)
        head = (self.peak, self.blocks, operations, 1)
        return '\n'.join([str(n) for n in head] + self.lines) + '\n'


def adv_unsorted(t):
    """Against lists that are searched: thousands of free blocks of all sizes
    lie between small live ones, then come requests that fit in none."""
    for _ in range(4):
        walls, holes = [], []
        for _ in range(4000):
            holes.append(t.alloc(t.random.randrange(1100, 3000)))
            walls.append(t.alloc(32))
        t.free_all(holes)
        for _ in range(20):
            t.free(t.alloc(t.random.randrange(4000, 9000)))
        t.free_all(walls)


def adv_samebin(t):
    """Against lists by power of two: every free block is in the list of the
    request, and every one is a little too small."""
    for _ in range(4):
        walls, holes = [], []
        for i in range(4000):
            holes.append(t.alloc(4160 + i % 60 * 64))
            walls.append(t.alloc(32))
        t.free_all(holes)
        for _ in range(200):
            t.free(t.alloc(8100))
        t.free_all(walls)


def adv_smallflood(t):
    """Against work put off: twenty thousand small blocks are freed, and the
    next, large request pays for all of them (or a later free does)."""
    for _ in range(3):
        t.free_all([t.alloc(16 + 16 * (i % 6)) for i in range(20000)])
        for _ in range(10):
            t.free(t.alloc(300000))


def adv_threshold(t):
    """Against large blocks that are mappings of their own: sizes around the
    usual borders, each time anew."""
    for _ in range(300):
        t.free_all([t.alloc(t.random.choice((60000, 130000, 262144, 600000)))
                    for _ in range(3)])


def adv_comb(t):
    """Against slabs and against lists that never coalesce: every second block
    of one size goes, and twice the size is asked for."""
    for size in (48, 96, 192, 384, 768):
        blocks = [t.alloc(size) for _ in range(6000)]
        t.free_all(blocks[::2])
        doubles = [t.alloc(2 * size) for _ in range(3000)]
        t.free_all(blocks[1::2])
        t.free_all(doubles)


def adv_phases(t):
    """Against pages that belong to one size class: each phase uses another
    size, and leaves one block in two hundred behind."""
    for size in (16, 512, 40, 1024, 72, 2048, 136, 4096, 264, 24, 8192, 3000):
        count = min(1500000 // (size + 16), 12000)
        blocks = [t.alloc(size) for _ in range(count)]
        for i, block in enumerate(blocks):
            if i % 200 != 0:
                t.free(block)


def adv_shrink(t):
    """Against memory that is never given back: a population of all sizes
    shrinks to a twentieth at random, then another grows; four times."""
    for step in range(4):
        blocks = [t.alloc(t.random.randrange(16, 2000 >> step % 2))
                  for _ in range(8000)]
        t.random.shuffle(blocks)
        t.free_all(blocks[400:])


def adv_pins(t):
    """Against pages of slots: one small block is left in each 2 KiB, at most
    one page in four could be emptied, then the next class wants pages."""
    for size in (32, 48, 64, 112, 208, 240):
        blocks = [t.alloc(size) for _ in range(600000 // size)]
        stride = max(1, 2048 // size)
        for i, block in enumerate(blocks):
            if i % stride != 0:
                t.free(block)


def adv_stairs(t):
    """Against best fit and next fit: holes of each size just too small for
    the next request, so that each one opens new memory if nothing merges."""
    walls = []
    for step in range(120):
        size = 64 + 48 * step
        holes = []
        for _ in range(40):
            holes.append(t.alloc(size))
            walls.append(t.alloc(24))
        t.free_all(holes)
    for wall in walls[::2]:
        t.free(wall)
    for _ in range(400):
        t.alloc(t.random.randrange(6000, 12000))


def adv_seesaw(t):
    """Against an edge between keeping and giving back: the population goes up
    and down by a little around every size, across the edge each time."""
    base = [t.alloc(512) for _ in range(2000)]
    for height in (8, 64, 512, 2048):
        for _ in range(40960 // height // 2):
            t.free_all([t.alloc(1000) for _ in range(height)])
    t.free_all(base)


def adv_aligned(t):
    """Against alignment by asking for more: many alignments, between small
    blocks, freed in another order."""
    blocks = []
    for _ in range(20000):
        blocks.append(t.alloc(t.random.randrange(1, 3000),
                              1 << t.random.randrange(5, 13)))
        blocks.append(t.alloc(24))
        if len(blocks) > 1500:
            i = t.random.randrange(len(blocks))
            blocks[i], blocks[-1] = blocks[-1], blocks[i]
            t.free(blocks.pop())
            t.free(blocks.pop(0))


def adv_edges(t):
    """Against rounding: sizes a byte below, at and above the borders of
    classes, mixed, at random lifetimes."""
    edges = [n + d for k in range(4, 16) for n in (1 << k, 3 << (k - 1))
             for d in (-1, 0, 1)]
    blocks = []
    for _ in range(60000):
        if blocks and t.random.random() < 0.48:
            i = t.random.randrange(len(blocks))
            blocks[i], blocks[-1] = blocks[-1], blocks[i]
            t.free(blocks.pop())
        else:
            size = edges[min(len(edges) - 1,
                             int(t.random.expovariate(0.08)))]
            blocks.append(t.alloc(size))


def own_powerlaw(t):
    """A general program: sizes by a power law, most blocks die young."""
    blocks = []
    for _ in range(60000):
        if blocks and t.random.random() < (0.5 if len(blocks) > 4000 else 0.4):
            if t.random.random() < 0.3:
                i = t.random.randrange(len(blocks))
            else:
                i = max(0, len(blocks) - 1 - int(t.random.expovariate(0.05)))
            blocks[i], blocks[-1] = blocks[-1], blocks[i]
            t.free(blocks.pop())
        else:
            size = 8 + t.random.paretovariate(0.9) * 16
            blocks.append(t.alloc(int(min(200000, size))))


def own_realloc(t):
    """Vectors and strings that grow side by side."""
    vectors = []
    for _ in range(8000):
        if len(vectors) < 60 or t.random.random() < 0.03:
            vectors.append([t.alloc(24), 24])
        vector = t.random.choice(vectors)
        if vector[1] > 60000:
            t.free(vector[0])
            vectors.remove(vector)
            continue
        vector[1] = int(vector[1] * t.random.choice((1.125, 1.5, 2))) + 8
        t.realloc(*vector)


def own_fifo(t):
    """Packets in a queue: first in, first out, four sizes."""
    queue = []
    for _ in range(40000):
        queue.append(t.alloc(t.random.choice((64, 128, 1536, 2048))))
        if len(queue) > 500:
            t.free(queue.pop(0))


def own_churn(t):
    """A full house: twenty thousand live blocks, one of them replaced at a
    time, at random. Nothing is in the cache."""
    blocks = [t.alloc(t.random.randrange(16, 1025)) for _ in range(20000)]
    for _ in range(60000):
        i = t.random.randrange(len(blocks))
        t.free(blocks[i])
        blocks[i] = t.alloc(t.random.randrange(16, 1025))


MAKERS = [adv_unsorted, adv_samebin, adv_smallflood, adv_threshold, adv_comb,
          adv_phases, adv_shrink, adv_pins, adv_stairs, adv_seesaw,
          adv_aligned, adv_edges, own_powerlaw, own_realloc, own_fifo,
          own_churn]
BY_NAME = {maker.__name__.replace('_', '-'): maker for maker in MAKERS}


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith('-'):
        print('usage: bench/generate.py FOLDER [NAME...]\n'
              'The names: ' + ' '.join(BY_NAME), file=sys.stderr)
        return 2
    folder, names = sys.argv[1], sys.argv[2:] or list(BY_NAME)
    for name in names:
        if name not in BY_NAME:
            print(f'There is no trace called {name}: '
                  + ' '.join(BY_NAME), file=sys.stderr)
            return 2
    os.makedirs(folder, exist_ok=True)
    for seed, name in enumerate(BY_NAME, 1):
        if name in names:
            trace = Trace(seed)
            BY_NAME[name](trace)
            path = os.path.join(folder, name + '.rep')
            with open(path, 'w', encoding='ascii') as file:
                file.write(trace.text())
    return 0


if __name__ == '__main__':
    sys.exit(main())
