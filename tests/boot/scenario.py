# SPDX-License-Identifier: MIT
"""scenario.py - sessions that every home must answer with the same bytes

Two kinds. HAND_WRITTEN are sessions with a point: the shapes that coalescing
can meet, refusals, damage. random_session(seed) is a stream of commands from
a generator of our own (Python's may change between versions), most of them
sensible, some of them wrong: a refusal is an answer too and must not differ
between machines either.
"""

HAND_WRITTEN = {
    'first minutes': '''
        alloc 24; alloc 100; alloc 8; dump; free a; lists; free c; lists
        frag; free b; dump; check; map
    ''',
    'coalescing, all eight shapes': '''
        reset
        alloc 32; alloc 32; alloc 32; alloc 32; alloc 32; alloc 32; alloc 32
        free b; free d; free c; dump; lists
        alloc 32; free a; free e; dump; lists
        free f; free g; dump; lists; check; frag
    ''',
    'realloc in place, moved, shrunk': '''
        reset; alloc 40; alloc 40; alloc 40; free b
        realloc a 70; dump; realloc c 20; dump; realloc a 4000; dump; lists
        check; frag
    ''',
    'alignment': '''
        reset; alloc 1; alloc 10 align 64; alloc 10 align 256
        alloc 10 align 4096; dump; lists; free b; free c; dump; check; frag
    ''',
    'until it is full': '''
        reset; alloc 30000; alloc 30000; alloc 30000; alloc 1000000
        alloc 0xffffffff; alloc 0xffffffffffffffff
        lists; frag; free a; alloc 30000; dump; check
    ''',
    'wrong words': '''
        reset; alloc; alloc x; alloc -1; alloc 24 25; free; free z; free +0x3
        free 0x99999999; realloc; aloc 24; alloc 99999999999999999999999
        help; help alloc; help nonsense; dump nothing; free +0x1008; # nothing
    ''',
    'mistakes with memory': '''
        reset; alloc 24; alloc 24; free a; free a; free +0x1234
        fill b 0xaa; dump b; fill b 0xff 40; check; dump; free b; dump; lists
    ''',
    'events': '''
        reset; events on; alloc 24; alloc 100; free a; free b; alloc 5000
        trim; realloc c 100; alloc 99999999; events off; frag
    ''',
    'slots': '''
        reset; small on; alloc 24; alloc 24; alloc 8; alloc 8; alloc 300
        slots; dump; lists; free a; slots; free b; slots; frag; check
        alloc 20 block; alloc 20 small; alloc 70000 large; dump; ranges; frag
        free c; free d; trim; dump; slots; check; small off
    ''',
    # One list with many blocks, most of them too small for what comes: some
    # are looked at, then a larger block is cut; before refusing, all are.
    'a crowded list': '''
        reset 64K 64K; alloc 1370; alloc 16
        ''' + 'alloc 1270; alloc 16; ' * 12 + '''
        alloc 1330; alloc 16; free a; free aa
        ''' + ' '.join(f'free {letter};' for letter in 'cegikmoqsuwy') + '''
        lists; alloc 1380; alloc 1320; stats; lists; alloc 50000; alloc 1300
        alloc 43000; alloc 1360; dump; lists; frag; check
    ''',
    'the layers below': '''
        reset; frames; ranges; alloc 2000; alloc 2000; frames; ranges
        whatis a; whatis +0x0; whatis +0x800; whatis 0xffffff; free a; trim
        frames; ranges; stats; check
    ''',
    'other moments': '''
        reset; alloc 24; alloc 100; fill a 0x41 40; free b; history; back 2
        history; diff 0 3; diff; forward; alloc 8; forward; history; goto 0
        dump; goto 3; save one; reset 1M 64K; alloc 100000; load one; dump
        history; back 99; goto 99; load two; reset; history; diff
    ''',
    'step by step': '''
        reset 256K 32K; step on; alloc 24; alloc 9000; realloc b 12000
        realloc a 2000; free b; small on; alloc 8; alloc 8; free d; trim
        alloc 20000; free e; alloc 99999999; step off; dump
    ''',
    'why': '''
        reset; why; alloc 24; why; alloc 1300; alloc 24; alloc 1290; alloc 24
        free b; why; free d; why; alloc 1296; why; free c; why
        realloc a 100; why; realloc a 40; why; alloc 99 align 512; why
        alloc 70000; why; free +0x404; why; alloc 30000; alloc 20000
        alloc 20000; why; fill a 1; why; small on; alloc 9; why; free j; why
        back 4; why; reset 256K 32K; as 1 alloc 300; why; as 2 alloc 40; why
        as 2 free a; why; as 1 alloc 300; as 1 free c; why; as 1 alloc 300
        why; step on; as 2 free d; as 1 alloc 5000; step off; back 3; why
    ''',
    'policies': '''
        policy; policy worse; policy buddy lifo
        ''' + ''.join('''
        policy {0}; alloc 100; alloc 40; alloc 60; alloc 40; alloc 1000
        free a; free c; alloc 56; why; free e; alloc 20; realloc d 300
        alloc 30000; alloc 30000; alloc 30000; why; alloc 50 align 256; dump
        lists; check; frag; stats; back 5; dump; history
        '''.format(name) for name in ['first', 'first lifo', 'next',
                                      'next lifo', 'best', 'worst lifo',
                                      'segregated', 'buddy', 'bump']) + '''
        reset
    ''',
    'real input': '''
        reset; until fail; replay guile until op 2000; why; dump
        until frag > 20%; back 100; history; replay; why; lists; ranges
        tree; replay guile 64K scale 9; stats; race on guile 300K scale 2
        policy best; replay guile 128K until fail; why; reset
    ''',
    'predictions': '''
        reset; predict on; alloc 24; +0x2b0; 61440; no; alloc 8; ?; ?; ?
        free a; none; predict on 7; alloc 30; what; predict off
        quiz 12 4; +0x2b0; yes; none; right; 32; both; help quiz; dump
    ''',
    'threads': '''
        as 1 alloc 10; threads; reset 1M 64K; as 1 alloc 100; as 2 alloc 1000
        events on; as 2 free a; as 1 free b; free a; as 2 realloc b 40
        as 1 alloc 24; as 2 free c; threads; events off; as 2 alloc 2000
        as 2 alloc 300; as 2 free d; threads; as 2 alloc 300; dump; check
        as 1 trim; as 2 trim; threads; as 9 free a; as 1 poweroff; stats
        as 3 alloc 60; fill f 0xff; as 1 free f; poke +0x30840 1 2 3 4
        threads; check; as 3 trim; as 3 alloc 60; as 3 lists; as 3 slots
    ''',
    'another size of lab': '''
        reset 256K 32K; alloc 9000; alloc 20000; alloc 20000; alloc 20000
        dump; lists; frames; ranges; free b; free c; trim; dump; map; frag
        reset 64K 4K; alloc 100; map; reset 3 7; reset
    ''',
}


def hand_written(name):
    """The commands of one hand-written session, one by one."""
    return [command.strip() for line in HAND_WRITTEN[name].splitlines()
            for command in line.split(';') if command.strip()]


class Dice:
    """A small generator (xorshift, 64 bits) that is the same everywhere."""

    def __init__(self, seed):
        self.state = (seed * 0x9e3779b97f4a7c15 + 1) & (1 << 64) - 1

    def below(self, limit):
        state = self.state
        state ^= state << 13 & (1 << 64) - 1
        state ^= state >> 7
        state ^= state << 17 & (1 << 64) - 1
        self.state = state
        return state % limit

    def one_of(self, choices):
        return choices[self.below(len(choices))]


def letters(number):
    """0 -> a, 25 -> z, 26 -> aa: the names that blocks are given."""
    name = ''
    number += 1
    while number > 0:
        number, digit = divmod(number - 1, 26)
        name = chr(ord('a') + digit) + name
    return name


def random_session(seed, length=120):
    """LENGTH commands, and a full look at the end."""
    dice = Dice(seed)
    commands = ['reset', 'small on' if seed % 2 else 'small off']
    if seed % 3 == 0:
        commands.append('events on')
    born = 0

    def size():
        return dice.one_of([dice.below(40), dice.below(300),
                            dice.below(3000), dice.below(20000)])

    def block():
        return letters(dice.below(born + 1))

    for _ in range(length):
        roll = dice.below(100)
        if roll < 38:
            commands.append(f'alloc {size()}')
            born += 1
        elif roll < 42:
            commands.append(f'alloc {size()} align {16 << dice.below(8)}')
            born += 1
        elif roll < 45:
            commands.append(f'alloc {dice.below(250)} '
                            + dice.one_of(['block', 'small', 'large']))
            born += 1
        elif roll < 72:
            commands.append(f'free {block()}')
        elif roll < 80:
            commands.append(f'realloc {block()} {size()}')
        elif roll < 83:
            commands.append(f'free +0x{dice.below(65536):x}')
        elif roll < 86:
            commands.append(f'fill {block()} 0x{dice.below(256):02x}')
        elif roll < 89:
            commands.append(f'whatis +0x{dice.below(70000):x}')
        else:
            commands.append(dice.one_of([
                'check', 'frag', 'lists', 'dump', 'stats', 'trim', 'slots',
                'map', 'ranges', 'frames', f'dump {block()}',
                'small on', 'small off']))
    if seed % 4 == 1:           # a student who breaks things
        for _ in range(6):
            commands.append(f'poke +0x{dice.below(4096) * 4:x} '
                            f'0x{dice.below(256):x} 0x{dice.below(256):x}')
            commands.append(dice.one_of([
                f'free {block()}', f'alloc {size()}', 'check',
                f'realloc {block()} {size()}', f'whatis {block()}']))
    return commands + ['dump', 'lists', 'frag', 'slots', 'check', 'stats']
