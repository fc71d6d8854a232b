# SPDX-License-Identifier: MIT
"""heapglass.py - the heap, as GDB sees it from outside

Theory of operation
-------------------
The shell's commands look at the heap from inside: the kernel runs them. These
look from outside, at a machine that stands still. They read memory, decode it
with the layout that the kernel's debugging information gives, and print the
words that the shell would print: `heap dump` is the shell's `dump` byte for
byte, while neither knows of the other.

    heap dump|lists|check|frag      the blocks, like the shell's commands
    heap block ADDR                 one block: an offset, an address, a letter
    heap step                       run to the next event, and say it
    ranges, frames                  what lies below the heap

    struct block, struct range_tag and struct mm_event print themselves.

  G1  Nothing of the kernel is called, and nothing is written: the commands
      work where the kernel cannot run any more, as on the fault screen.
  G2  No offset or count that was read is followed before it is compared with
      what it must be below; every walk goes up, or is counted. A damaged
      heap ends in a sentence.
  G3  Memory is read when it is asked for, a page at a time, and forgotten at
      the end of the command.

What is where says the shell's session (src/shell/shell.c): the machine in use
(src/lab/machine.h), which is the lab until somebody types `use kernel`.
`tools/gdb/init` loads this file; chapter 16 of the lessons walks through it.
"""

import gdb

QUANTUM, PAGE, SLOT_PAGE, HEADER = 16, 4096, 2048, 4
OF_BLOCKS, OF_LARGE = 0x4e415053, 0x4752414c    # src/mm/span.h
TAG_SLOTS = 1
RANGE_NAMES = ['free', 'tags', 'span', 'large', 'lab', 'stack', 'device',
               'other']
FREE, TAGS, SPAN, LARGE = 0, 1, 2, 3
BAD_HEADER = 'the header is damaged'            # src/mm/names.c
BAD_SPAN = "a span's head is damaged"
BAD_TAG = "a range's tag is damaged"
BAD_LINK = "a free list's link is damaged"
HEIGHT_MAX = 64
FRAMES_LISTED = 12


class Unreadable(Exception):
    """Memory that is not there, or that makes no sense: a sentence."""


# ---- reading ----------------------------------------------------------------

PAGES = {}      # address of a page -> its bytes, while a command runs (G3)


def read(address, size):
    """SIZE bytes at ADDRESS."""
    data = b''
    while size > 0:
        page, skip = address & ~(PAGE - 1), address & (PAGE - 1)
        if page not in PAGES:
            try:
                PAGES[page] = bytes(
                    gdb.selected_inferior().read_memory(page, PAGE))
            except gdb.MemoryError as error:
                raise Unreadable(f'nothing can be read at {address:#x}: no '
                                 'memory is mapped there') from error
        part = PAGES[page][skip:skip + size]
        data += part
        address, size = address + len(part), size - len(part)
    return data


def number(address, size):
    return int.from_bytes(read(address, size), 'little')


LAYOUTS = {}    # name of a struct -> field -> (offset, size, is an array)


def layout_of(name):
    if name not in LAYOUTS:
        try:
            kind = gdb.lookup_type('struct ' + name)
        except gdb.error as error:
            raise Unreadable(
                'the symbols are not loaded: `file build/ARCH/heapglass.elf` '
                'loads those of the kernel that runs') from error
        kind = kind.strip_typedefs()
        aggregates = (gdb.TYPE_CODE_ARRAY, gdb.TYPE_CODE_STRUCT)
        LAYOUTS[name] = {
            field.name: (field.bitpos // 8, field.type.sizeof,
                         field.type.strip_typedefs().code in aggregates)
            for field in kind.fields()}
        LAYOUTS[name][''] = (0, kind.sizeof, True)
    return LAYOUTS[name]


class Struct:
    """The struct NAME at an address: its fields are numbers, read when they
    are asked for; of an array or a struct inside, the address."""

    def __init__(self, name, address):
        self.name, self.address = name, address

    def __getattr__(self, field):
        layout = layout_of(self.name)
        if field not in layout:
            raise AttributeError(field)
        offset, size, aggregate = layout[field]
        address = self.address + offset
        return address if aggregate else number(address, size)


def size_of(name):
    return layout_of(name)[''][1]


def words(address, count):
    data = read(address, count * 4)
    return [int.from_bytes(data[i:i + 4], 'little')
            for i in range(0, len(data), 4)]


def text_at(address, most=40):
    data = b''
    while len(data) < most:
        byte = read(address + len(data), 1)
        if byte == b'\0':
            break
        data += byte
    return data.decode('latin-1')


# ---- where things are -------------------------------------------------------


def class_of(units):
    """The list on which a free piece of UNITS belongs (src/mm/classes.h)."""
    if units < 32:
        return units - 1
    log2 = units.bit_length() - 1
    return 31 + (log2 - 5) * 8 + (units >> (log2 - 3) & 7)


def class_size(k):
    if k < 31:
        return k + 1
    return (8 + (k - 31) % 8) << (5 + (k - 31) // 8 - 3)


def list_sizes(k):
    first, end = class_size(k) * QUANTUM, class_size(k + 1) * QUANTUM
    return f'{first}' if end - first == QUANTUM else f'[{first}, {end})'


def letters(letter):
    """a, ... z, aa, ... (src/trace/ledger.c)."""
    text = ''
    letter += 1
    while letter > 0:
        text = chr(ord('a') + (letter - 1) % 26) + text
        letter = (letter - 1) // 26
    return text


def plural(count):
    return '' if count == 1 else 's'


class Machine:
    """The machine that the shell acts on."""

    def __init__(self):
        PAGES.clear()
        try:
            address = int(gdb.parse_and_eval(
                "&'src/shell/shell.c'::session"))
        except gdb.error as error:
            raise Unreadable(
                'the symbols are not loaded: `file build/ARCH/heapglass.elf` '
                'loads those of the kernel that runs') from error
        session = Struct('session', address)
        if session.machine == 0:
            raise Unreadable('there is no lab yet: let the kernel run to its '
                             'prompt first (`continue`, then Ctrl-C)')
        self.is_lab = session.machine == session.lab
        self.machine = Struct('machine', session.machine)
        self.heap = Struct('heap', self.machine.heap)
        self.ranges = Struct('ranges', self.machine.ranges)
        self.frames = Struct('frames', self.machine.frames)
        self.arena = self.machine.arena_bytes
        self.base = self.heap.base
        self.lab = Struct('lab', session.lab) if self.is_lab else None
        self.checked = self.heap.level >= 1
        self.births = self._births()
        self._tags = {}
        self._held = None

    def at(self, at, size):
        """SIZE bytes of the arena, as a number (G2)."""
        if at < 0 or at + size > self.arena:
            raise Unreadable(f'+{at:#x} is outside the arena')
        return number(self.base + at, size)

    def is_held(self, at):
        """Whether a frame is behind the page of AT."""
        if not 0 <= at < self.arena:
            return False
        if self.is_lab:
            if self._held is None:
                self._held = words(self.lab.page_table, self.arena // PAGE)
            return self._held[at // PAGE] != 0
        try:
            read(self.base + at, 1)
            return True
        except Unreadable:
            return False

    # the ledger: letters and requests, by offset

    def _births(self):
        if self.machine.ledger == 0:
            return None
        ledger = Struct('ledger', self.machine.ledger)
        births, size = {}, size_of('ledger_entry')
        ref, left = ledger.first, ledger.capacity
        while 0 < ref <= ledger.capacity and left > 0:
            entry = Struct('ledger_entry', ledger.address + size_of('ledger')
                           + (ref - 1) * size)
            births[entry.at] = (entry.letter, entry.request)
            ref, left = entry.next, left - 1
        self.unknown = ledger.unknown
        return births

    def birth(self, at):
        return (self.births or {}).get(at)

    # ranges: the tree by address

    def tag(self, ref):
        if ref == 0:
            return None
        if ref not in self._tags:
            if ref < 32:
                address = self.ranges.first + ref * size_of('range_tag')
            elif ref // 128 < self.ranges.page_count:
                address = self.ranges.base + ref * size_of('range_tag')
            else:
                return None
            self._tags[ref] = Struct('range_tag', address)
        return self._tags[ref]

    def find(self, page):
        """The tag that contains PAGE, or None."""
        count = self.ranges.page_count
        tag = self.tag(self.ranges.root) if page < count else None
        last = None
        for _ in range(HEIGHT_MAX):
            if tag is None:
                break
            if page < tag.start:
                tag = self.tag(tag.left) if tag.left_height else None
            else:
                last = tag
                tag = self.tag(tag.right) if tag.right_height else None
        if last and page - last.start >= last.pages and last.type != FREE:
            last = self.tag(last.previous)      # what hangs on it
        return last if (last and page - last.start < last.pages and
                        last.pages <= count - last.start) else None

    def tags(self):
        """All tags by address, from page 0 up."""
        page = 0
        while page < self.ranges.page_count:
            tag = self.find(page)
            if tag is None or tag.pages == 0 or tag.start != page:
                raise Unreadable(f'+{page * PAGE:#x}: {BAD_TAG}')
            yield tag
            page += tag.pages

    # blocks

    def span_is_possible(self, span):
        if span.kind != OF_BLOCKS or \
                span.pages != self.heap.span_bytes // PAGE:
            return False
        if span.owner == self.heap.owner:
            return True
        return self.is_lab and self.thread(span.owner) is not None

    def thread(self, owner):
        """The heap of thread OWNER of the lab, or None."""
        if owner == 0:
            return self.heap
        if owner > self.lab.thread_count:
            return None
        heap = Struct('heap', self.lab.threads
                      + (owner - 1) * size_of('heap'))
        return heap if heap.home != 0 else None

    def blocks(self):
        """All blocks by address; where one makes no sense its .fault says
        so, and the next span follows."""
        page = 0
        while page < self.ranges.page_count:
            tag = self.find(page)
            if tag is None or tag.pages == 0 or tag.start != page or \
                    tag.pages > self.ranges.page_count - page:
                yield Block(at=page * PAGE, fault=BAD_TAG)
                return
            page += tag.pages
            if tag.type == SPAN:
                yield from self.span_blocks(tag)
            elif tag.type == LARGE:
                yield self.large_block(tag)

    def large_block(self, tag):
        start, size = tag.start * PAGE, tag.pages * PAGE
        span = Struct('span', self.base + start)
        block = Block(at=start, size=size, span_at=start, span_bytes=size,
                      used=True, large=True)
        if span.kind != OF_LARGE or span.owner >= size:
            block.fault = BAD_SPAN
        else:
            block.at = start + span.owner
        return block

    def span_blocks(self, tag):
        start, size = tag.start * PAGE, tag.pages * PAGE
        span = Struct('span', self.base + start)
        if not self.span_is_possible(span) or \
                size != self.heap.span_bytes or \
                start % self.heap.span_bytes != 0:
            yield Block(at=start, span_at=start, span_bytes=size,
                        fault=BAD_SPAN)
            return
        at = start + self.heap.head_bytes + HEADER
        while at < start + size:
            block = self.block(at, start, size, span)
            yield block
            if block.fault:
                return
            at += block.size

    def block(self, at, span_at, span_bytes, span):
        """The block whose payload is AT; its header is read here."""
        header = self.at(at - HEADER, 4)
        block = Block(at=at, header=header, span_at=span_at,
                      span_bytes=span_bytes, owner=span.owner,
                      size=(header >> 2 & 0x7fff) * QUANTUM,
                      left=(header >> 17) * QUANTUM,
                      used=bool(header & 1))
        marked = bool(header & 2)
        block.kept, block.hollow = block.used and marked, \
            not block.used and marked
        block.slots = block.used and at % SLOT_PAGE == 0 and \
            self.has_slots(span, at)
        if block.size == 0 or at + block.size > span_at + span_bytes:
            block.fault = BAD_HEADER
        return block

    def slice_tag(self, span, at):
        return number(span.tags + (at % self.heap.span_bytes) // SLOT_PAGE
                      * 4, 4)

    def has_slots(self, span, at):
        return self.slice_tag(span, at) >> 12 & 0xf == TAG_SLOTS

    def links(self, at):
        """Next and previous of the free block AT, as offsets."""
        return self.at(at, 4) * QUANTUM, self.at(at + 4, 4) * QUANTUM

    def live_bit(self, at):
        inside = at % self.heap.span_bytes
        word = at - inside + 32 + self.heap.span_bytes // SLOT_PAGE * 4 \
            + inside // QUANTUM // 32 * 4
        return self.at(word, 4) >> (inside // QUANTUM % 32) & 1

    def lists(self):
        return words(self.heap.lists, (layout_of('heap')['lists'][1]) // 4)


class Block:
    """One block, slot page or large range, as the memory says."""

    def __init__(self, **fields):
        self.at = self.size = self.left = self.header = 0
        self.span_at = self.span_bytes = self.owner = 0
        self.used = self.kept = self.hollow = False
        self.slots = self.large = False
        self.fault = None
        self.__dict__.update(fields)

    @property
    def state(self):
        return 'kept' if self.kept else 'used' if self.used else 'free'


def fault_row(block):
    return (f'+{block.at:#x}: {block.fault}; the rest of the span at '
            f'+{block.span_at:#x} cannot be walked')


# ---- what the commands print ------------------------------------------------


def dump(machine):
    """The shell's `dump`, in its words."""
    blocks = used = 0
    for block in machine.blocks():
        if block.fault:
            yield fault_row(block)
            continue
        blocks, used = blocks + 1, used + block.used
        birth = machine.birth(block.at) if block.used else None
        letter, request = ('-', '-') if birth is None else \
            (letters(birth[0]), birth[1])
        yield (f'{letter} +{block.at:#x} {block.size} {request} '
               f'{block.state} left={block.left} '
               f'header=0x{block.header:08x}')
    yield (f'{blocks} block{plural(blocks)}, {used} used, '
           f'{blocks - used} free')


def link_text(machine, at):
    if at == 0:
        return 'none'
    return f'+{at:#x}' + ('' if at < machine.arena else ' (outside!)')


def one_list(machine):
    policy = machine.heap.policy
    return policy != 0 and Struct('heap_policy', policy).one_list != 0


def by_address(machine, count):
    for block in machine.blocks():
        if block.fault:
            yield f'+{block.at:#x}: {block.fault}'
        elif not block.used and block.owner == machine.heap.owner:
            count[0] += 1
            count[1] += block.size
            follows, before = machine.links(block.at)
            yield (f'+{block.at:#x} {block.size} '
                   f'next {link_text(machine, follows)} '
                   f'prev {link_text(machine, before)}')


def by_size(machine, count):
    one = one_list(machine)
    for k, head in enumerate(machine.lists()):
        at, begins = head * QUANTUM, True
        while at != 0:
            if at >= machine.arena or not machine.is_held(at) or \
                    not machine.is_held(at - HEADER) or \
                    count[0] >= machine.heap.arena_quanta:
                count[2] = True
                yield f'a link leads to +{at:#x}: no free block'
                return
            size = (machine.at(at - HEADER, 4) >> 2 & 0x7fff) * QUANTUM
            name = '' if not begins else 'all' if one else list_sizes(k)
            yield f'{name:>16} {":" if begins else "->"} +{at:#x} {size}'
            count[0] += 1
            count[1] += size
            at, begins = machine.links(at)[0], False


def lists(machine):
    """The shell's `lists`: two walks side by side."""
    left_count, right_count = [0, 0], [0, 0, False]
    left = by_address(machine, left_count)
    right = by_size(machine, right_count)
    title = 'by size'
    if one_list(machine):
        title = 'on the one list' if machine.heap.order == 1 else \
            'on the one list, last freed first'
    yield f'{"by address":<44}{title}'
    while True:
        a, b = next(left, None), next(right, None)
        if a is None and b is None:
            break
        yield f'{a or "":<44}{b}' if b is not None else a
    if left_count == right_count[:2] and not right_count[2]:
        yield (f'{left_count[0]} free block{plural(left_count[0])}, '
               f'{left_count[1]} bytes: the two agree')
    else:
        yield (f'by address {left_count[0]} free blocks, {left_count[1]} '
               f'bytes; by size {right_count[0]}, {right_count[1]} bytes: '
               'the two do not agree, the heap is damaged')


def percent(part, whole):
    if whole == 0:
        return '-'
    tenths = (part * 1000 + whole // 2) // whole
    return f'{tenths // 10}.{tenths % 10}%'


def frag(machine):
    """The shell's `frag`."""
    used = free = used_bytes = free_bytes = largest = held = 0
    histogram = {}
    for block in machine.blocks():
        if block.fault:
            yield fault_row(block)
        elif block.used:
            used, used_bytes = used + 1, used_bytes + block.size
        else:
            free, free_bytes = free + 1, free_bytes + block.size
            largest = max(largest, block.size)
            k = class_of(block.size // QUANTUM)
            histogram[k] = histogram.get(k, 0) + 1
    for tag in machine.tags():
        if tag.type in (SPAN, LARGE, TAGS):
            held += sum(machine.is_held((tag.start + i) * PAGE)
                        for i in range(tag.pages))
    known = machine.births is not None and machine.unknown == 0
    asked = sum(request for _, request in (machine.births or {}).values())
    yield (f'arena                  {machine.arena} bytes, {held * PAGE} '
           f'held in {held} page{plural(held)}')
    yield (f'used                   {used_bytes} bytes in {used} '
           f'block{plural(used)}')
    yield 'requested              ' + (f'{asked} bytes' if known else '-')
    yield (f'free                   {free_bytes} bytes in {free} '
           f'block{plural(free)}')
    yield f'largest free           {largest} bytes'
    yield 'internal fragmentation ' + (
        percent(used_bytes - asked, used_bytes)
        if known and asked <= used_bytes else '-')
    yield 'external fragmentation ' + percent(free_bytes - largest,
                                              free_bytes)
    yield 'utilization            ' + (percent(asked, held * PAGE)
                                       if known else '-')
    if free > 0:
        most = max(histogram.values())
        yield 'free blocks by size'
        for k in sorted(histogram):
            bar = '#' * ((histogram[k] * 24 + most - 1) // most)
            yield f'{list_sizes(k):>16} {histogram[k]:>6} {bar}'


# ---- check: the invariants of src/mm/heap.c, from outside -------------------

I1 = 'I1: blocks tile the span'
I2 = "I2: a header's left size is its left neighbour's own size"
I3 = 'I3: no two free blocks are neighbours'
I4 = ('I4: a free block is on the list of its size, once, and no other '
      'block is on a list')
I5 = ('I5: on a list, links lead back, and the map says which lists are not '
      'empty')
I6 = 'I6: pages under headers, links and used blocks are held'
I7 = 'I7: a free block is hollow when a page inside it is not held'
I8 = "I8: a live bit is set where a used block's payload starts"
I9 = 'I9: a slice tagged SLOTS is one used block'
S1 = ('S1: a slot below the watermark is free and listed once, or handed '
      'out')
S4 = "S4: a slot's bit is set when it is handed out"
S5 = "S5: a slot page's slots are of its class"
I10 = "I10: a span's head says what it is, how long, and whose"
R1 = 'R1: tags tile the arena'


class Broken(Exception):
    def __init__(self, at, invariant):
        super().__init__(invariant)
        self.at, self.invariant = at, invariant


def check_pages(machine, block):
    """I6 and I7."""
    def all_held(start, end):
        return all(machine.is_held(at) for at in
                   range(start & ~(PAGE - 1), end, PAGE))

    start, end = block.at - HEADER, block.at - HEADER + block.size
    if not all_held(start, end if block.used else start + 12):
        raise Broken(block.at, I6)
    if not block.used:
        inner = (start + 12 + PAGE - 1) & ~(PAGE - 1)
        inner_end = end & ~(PAGE - 1)
        hole = inner < inner_end and not all_held(inner, inner_end)
        if hole != block.hollow:
            raise Broken(block.at, I7)


def check_live(machine, block):
    """I8."""
    if not machine.checked:
        return
    if machine.live_bit(block.at) != (block.used and not block.kept):
        raise Broken(block.at, I8)
    end = min(block.at + block.size, block.span_at + block.span_bytes)
    for at in range(block.at + QUANTUM, end, QUANTUM):
        if machine.live_bit(at):
            raise Broken(at, I8)


def check_slices(machine, block):
    """I9."""
    span = Struct('span', machine.base + block.span_at)
    start = (block.at + SLOT_PAGE - 1) & ~(SLOT_PAGE - 1)
    for at in range(start, block.at - HEADER + block.size, SLOT_PAGE):
        slots = machine.has_slots(span, at)
        if slots != (block.slots and at == block.at):
            raise Broken(at, I9)
    if block.slots and block.size != SLOT_PAGE:
        raise Broken(block.at, I9)


def check_slots(machine, block):
    """S1, S4 and S5 of the slot page that fills BLOCK."""
    at, span = block.at, Struct('span', machine.base + block.span_at)
    page, room = Struct('slot_page', machine.base + at), SLOT_PAGE - HEADER
    first, size = 64, page.slot_bytes
    if not machine.checked:
        return                          # no bits: `check` knows more
    if size == 0 or not first <= page.watermark <= room or \
            (page.watermark - first) % size or (size != 8 and size % QUANTUM):
        raise Broken(at, S5)
    if machine.slice_tag(span, at) & 0xfff != \
            (0 if size == 8 else size):
        raise Broken(at, S5)
    bits = words(page.live, 8)
    used = [bits[i // 32] >> (i % 32) & 1
            for i in range((page.watermark - first) // size)]
    if sum(used) != page.used:
        raise Broken(at, S4)
    listed, slot = set(), page.free
    while slot != 0:
        index, odd = divmod(slot - first, size)
        if odd or not 0 <= index < len(used) or index in listed:
            raise Broken(at + slot, S1)
        if used[index]:
            raise Broken(at + slot, S4)
        listed.add(index)
        before, slot = slot, machine.at(at + slot, 4)
        if slot != 0 and ((slot - first) % size or not
                          first <= slot < page.watermark):
            raise Broken(at + before, S1)
    if len(listed) + sum(used) != len(used):
        raise Broken(at, S1)


def check_by_address(machine, found, free):
    span_at, left = None, None
    for block in machine.blocks():
        if block.fault:
            raise Broken(block.at, {BAD_TAG: R1, BAD_SPAN: I10}.get(
                block.fault, I1))
        if block.large:
            found['large'] += 1
            continue
        if block.span_at != span_at:
            found['spans'] += 1
            span_at, left = block.span_at, None
            end = machine.at(span_at + block.span_bytes - HEADER, 4)
            if end >> 2 & 0x7fff or not end & 1:
                raise Broken(span_at + block.span_bytes, I1)
        found['blocks'] += 1
        found['slot pages'] += block.slots
        found['free'] += not block.used
        if not block.used and block.owner == machine.heap.owner:
            free.add(block.at)
        if block.left != (left.size if left else 0):
            raise Broken(block.at, I2)
        if left and not block.used and not left.used and \
                machine.heap.policy == 0:
            raise Broken(block.at, I3)
        check_pages(machine, block)
        check_live(machine, block)
        check_slices(machine, block)
        if block.slots:
            check_slots(machine, block)
        end = block.span_at + block.span_bytes
        if block.at + block.size == end and \
                (machine.at(end - HEADER, 4) >> 17) * QUANTUM != block.size:
            raise Broken(end, I2)
        left = block


def check_by_size(machine, free):
    bits = words(machine.heap.map, layout_of('heap')['map'][1] // 4)
    one, listed = one_list(machine), set()
    for k, head in enumerate(machine.lists()):
        if (bits[k // 32] >> (k % 32) & 1) != (head != 0):
            raise Broken(0, I5)
        at, before = head * QUANTUM, 0
        while at != 0:
            if at >= machine.arena or not machine.is_held(at - HEADER):
                raise Broken(before, I5)
            if machine.links(at)[1] != before:
                raise Broken(at, I5)
            header = machine.at(at - HEADER, 4)
            quanta = header >> 2 & 0x7fff
            if header & 1 or quanta == 0 or at in listed or \
                    (not one and machine.heap.policy == 0
                     and class_of(quanta) != k):
                raise Broken(at, I4)
            listed.add(at)
            before, at = at, machine.links(at)[0]
    if listed != free:
        raise Broken(min(listed ^ free), I4)


def check(machine):
    """What of the shell's `check` can be seen from outside: blocks, slots,
    lists and ranges; not the lists of slot pages (S3), what waits for other
    threads (T1), and what a policy adds."""
    found = {'spans': 0, 'blocks': 0, 'free': 0, 'slot pages': 0, 'large': 0}
    free = set()
    try:
        check_by_address(machine, found, free)
        check_by_size(machine, free)
        yield (f'blocks: ok, {found["spans"]} span{plural(found["spans"])}, '
               f'{found["blocks"]} block{plural(found["blocks"])} '
               f'({found["free"]} free), {found["slot pages"]} slot '
               f'page{plural(found["slot pages"])}, {found["large"]} large')
    except Broken as broken:
        yield f'blocks: broken at +{broken.at:#x}: {broken.invariant}'
    try:
        used = free_count = 0
        for tag in machine.tags():
            used, free_count = used + (tag.type != FREE), \
                free_count + (tag.type == FREE)
        if (used, free_count) != (machine.ranges.used_count,
                                  machine.ranges.free_count):
            yield ('ranges: broken at +0x0: R6: the counts of pages and tags '
                   'are those of the tags')
        else:
            yield f'ranges: ok, {used} used, {free_count} free'
    except Unreadable:
        yield f'ranges: broken: {R1}'


# ---- block ADDR -------------------------------------------------------------


def offset_of(machine, word):
    """The offset that WORD means: +0x2b0, a letter, an expression."""
    for at, (letter, _) in (machine.births or {}).items():
        if word == letters(letter):
            return at
    text = word[1:] if word.startswith('+') else word
    try:
        value = int(gdb.parse_and_eval(text))
    except gdb.error as error:
        raise Unreadable(f'"{word}" is no block: say an offset, an address, '
                         'or the letter of a live block: heap block +0x2b0'
                         ) from error
    value &= (1 << 64) - 1
    if machine.base <= value < machine.base + machine.arena:
        return value - machine.base
    return value


def block_words(machine, word):
    at = offset_of(machine, word)
    if at >= machine.arena:
        raise Unreadable(f'+{at:#x} is outside the arena of {machine.arena} '
                         'bytes')
    for block in machine.blocks():
        if block.fault:
            if block.span_at <= at < block.span_at + block.span_bytes:
                yield fault_row(block)
                return
            continue
        start = block.span_at if block.large else block.at - HEADER
        if start <= at < start + block.size:
            yield from describe(machine, block)
            return
    yield (f'+{at:#x} is in no block: it is in the head of a span, or in no '
           'span')


def describe(machine, block):
    birth = machine.birth(block.at) if block.used else None
    name = f'block {letters(birth[0])}' if birth else f'{block.state} block'
    asked = f', {birth[1]} requested' if birth else ''
    yield f'{name} +{block.at:#x}: {block.size} bytes, {block.state}{asked}'
    yield f'payload at {machine.base + block.at:#x}'
    if block.large:
        return
    yield (f'header at {machine.base + block.at - HEADER:#x}: '
           f'0x{block.header:08x}')
    yield (f"  bits 31-17  left's size {block.header >> 17:>5} quanta of 16 "
           f'bytes: {block.left}'
           + ('' if block.left else ', the first of its span'))
    yield (f'  bits 16-2   own size    {block.header >> 2 & 0x7fff:>5} '
           f'quanta of 16 bytes: {block.size}')
    mark = 'kept' if block.used else 'hollow'
    yield f'  bit  1      {mark:<10}  {block.header >> 1 & 1:>5}'
    yield f'  bit  0      used        {block.header & 1:>5}'
    if not block.used:
        follows, before = machine.links(block.at)
        yield (f'links: next {link_text(machine, follows)}, '
               f'previous {link_text(machine, before)}')


# ---- ranges, frames ---------------------------------------------------------


def protection(bits):
    return ''.join(letter if bits >> i & 1 else '-'
                   for i, letter in enumerate('rwx'))


def tag_words(tag):
    name = RANGE_NAMES[tag.type] if tag.type < len(RANGE_NAMES) else 'unknown'
    return (f'+{tag.start * PAGE:#x} {tag.pages * PAGE} bytes, {tag.pages} '
            f'page{plural(tag.pages)}, {name}'
            + ('' if tag.type == FREE else ', ' + protection(tag.protection)))


def ranges(machine):
    """The shell's `ranges`."""
    for tag in machine.tags():
        yield tag_words(tag)
    r = machine.ranges
    yield (f'{r.used_count} range{plural(r.used_count)} used, '
           f'{r.free_count} free; {r.used_pages} of {r.page_count} pages '
           'used')


def free_frames(machine):
    """The free list of frames, from the top; holders have a star."""
    frames, left = machine.frames, machine.frames.free_count
    holders = {}
    if machine.is_lab:
        for i in range(min(machine.lab.holder_count, 1 << 16)):
            holder = Struct('lab_holder', machine.lab.holders
                            + i * size_of('lab_holder'))
            holders[holder.frame] = holder.contents
    head = frames.head
    while head != 0 and left > 0:
        yield f'{head}*'
        left -= 1
        if head not in holders:
            raise Unreadable('a holder of the list is not mapped' if not
                             machine.is_lab else BAD_LINK)
        holder = Struct('frames_holder', holders[head])
        if holder.count > left:
            raise Unreadable(BAD_LINK)
        for i in reversed(range(holder.count)):
            yield str(number(holder.free + i * 4, 4))
            left -= 1
        head = holder.next


def frames(machine):
    """The shell's `frames`."""
    frames_ = machine.frames
    size, above = size_of('frames_region'), 0
    for i in range(min(frames_.region_count, 4096)):
        region = Struct('frames_region', frames_.regions + i * size)
        above += region.end - region.watermark
        yield (f'frames [{region.start}, {region.end}), watermark '
               f'{region.watermark}: {region.watermark - region.start} '
               f'handed out at least once, {region.end - region.watermark} '
               'never')
    row, count, why = 'free list:', 0, None
    if frames_.free_count == 0:
        row += ' empty'
    try:
        for word in free_frames(machine):
            count += 1
            if count <= FRAMES_LISTED:
                row += ' ' + word
    except Unreadable as error:
        why = str(error)
    yield row + (' ...' if count > FRAMES_LISTED or why else '')
    if why and machine.is_lab:
        yield f'the free list of frames is damaged: {why}'
        return
    if frames_.free_count > 0:
        yield 'A frame with a * holds the numbers of those behind it.'
    used = frames_.risen_count - frames_.free_count
    yield (f'{frames_.frame_count} frames: {used} used, '
           f'{frames_.free_count + above} free ({frames_.free_count} on the '
           f'list, {above} above the watermark)')
    if frames_.own_count > 0:
        yield (f"The frames' own bits take up {frames_.own_count} of the "
               'used ones.')


# ---- events -----------------------------------------------------------------

# src/trace/sentence.c, with the event's fields by name.
SENTENCES = {
    'GROW': '{at}: a span of {size} bytes enters the heap, one free block',
    'SHRINK': '{at}: the empty span of {size} bytes leaves the heap',
    'SPLIT': '{at}: keeps {size} bytes, the {other} bytes to the right stay '
             'free',
    'TAKE': '{at}: {size} bytes leave the free list for a request of '
            '{request}',
    'RELEASE': '{at}: {size} bytes are free',
    'COALESCE': '{at}: takes in the {other} free bytes to its right, {size} '
                'bytes now',
    'RESIZE': '{at}: from {other} to {size} bytes in place for a request of '
              '{request}',
    'HOLD': '{at}: frames are behind these {size} bytes now',
    'TRIM': '{at}: the frames behind these {size} bytes are given back',
    'PAGE_TAKE': '{at}: becomes a slot page, cut into slots of {size} bytes',
    'PAGE_GIVE': '{at}: the empty slot page becomes an ordinary block again',
    'SLOT_TAKE': '{at}: a slot of {size} bytes for a request of {request}',
    'SLOT_GIVE': "{at}: the slot of {size} bytes goes on its page's list",
    'MAP': '{at}: {size} bytes of pages are a range now',
    'UNMAP': '{at}: {size} bytes of pages are free',
    'FRAME_TAKE': '{at}: {size} bytes of frames handed out',
    'FRAME_GIVE': '{at}: the frame goes on the list',
    'KEEP': '{at}: {size} bytes, freed, are kept for the next request',
    'REUSE': '{at}: the kept block of {size} bytes serves a request of '
             '{request}',
}
FRAME_EVENTS = ('FRAME_TAKE', 'FRAME_GIVE')


def event_name(kind):
    for field in gdb.lookup_type('enum mm_event_kind').fields():
        if field.enumval == kind:
            return field.name[len('MM_EVENT_'):]
    return f'event {kind}'


def event_words(event):
    name = event_name(event.kind)
    pattern = SENTENCES.get(name, '{at}: {size} bytes')
    return f'{name} ' + pattern.format(
        at=f'+{event.at:#x}', size=event.size, other=event.other,
        request=event.request)


class EventStop(gdb.Breakpoint):
    """Stops where every event passes (src/lab/parts.c), but not at those of
    single frames."""

    def __init__(self):
        super().__init__('parts_event', internal=True, temporary=False)
        self.silent = True
        self.words = None

    def stop(self):
        PAGES.clear()
        try:
            frame = gdb.newest_frame()
            event = Struct('mm_event', int(frame.read_var('event')))
            if event_name(event.kind) in FRAME_EVENTS:
                return False
            self.words = event_words(event)
        except (gdb.error, Unreadable, ValueError) as error:
            self.words = str(error)
        return True


def step():
    """Runs to the next event; the block is shown as it is after it."""
    breakpoint_ = EventStop()
    try:
        gdb.execute('continue', to_string=True)
    finally:
        said = breakpoint_.words
        breakpoint_.delete()
    PAGES.clear()
    if said is None:
        yield 'The machine stopped before the next event.'
        return
    yield said
    yield '`heap dump` shows the heap after this step, `bt` who asked for it.'


# ---- the commands -----------------------------------------------------------


def show(rows):
    """Prints ROWS; damage ends them with a sentence."""
    try:
        for row in rows():
            print(row)
    except Unreadable as error:
        print(f'{error}.')
    except gdb.error as error:
        print(f'{error}.')
    finally:
        PAGES.clear()


class HeapCommand(gdb.Command):
    """heap dump|lists|check|frag|block ADDR|step: the heap, from outside.

dump    all blocks, as the shell's dump prints them in plain mode
lists   the free blocks by address, and by size
check   the invariants, or the first that is broken
frag    how fragmented the heap is
block   one block: heap block a, heap block +0x2b0, heap block ADDRESS
step    run to the next event of the allocator, and say it

They read memory and nothing else: they work on the fault screen too."""

    ROWS = {'dump': dump, 'lists': lists, 'check': check, 'frag': frag}

    def __init__(self):
        super().__init__('heap', gdb.COMMAND_DATA)

    def complete(self, text, word):
        return [name for name in (*self.ROWS, 'block', 'step')
                if name.startswith(word or '')]

    def invoke(self, argument, from_tty):
        del from_tty
        self.dont_repeat()
        given = argument.split()
        if len(given) == 1 and given[0] in self.ROWS:
            show(lambda: self.ROWS[given[0]](Machine()))
        elif len(given) == 2 and given[0] == 'block':
            show(lambda: block_words(Machine(), given[1]))
        elif given == ['step']:
            show(step)
        else:
            print('heap takes one of dump, lists, check, frag, step, and '
                  'block with an address: heap block +0x2b0.')


class RangesCommand(gdb.Command):
    """ranges: the runs of pages, by address, as the shell's ranges."""

    def __init__(self):
        super().__init__('ranges', gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        show(lambda: ranges(Machine()))


class FramesCommand(gdb.Command):
    """frames: the physical frames, as the shell's frames."""

    def __init__(self):
        super().__init__('frames', gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        show(lambda: frames(Machine()))


# ---- pretty printers --------------------------------------------------------


class Printer:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        try:
            return self.words(self.value)
        except gdb.error as error:
            return f'<{error}>'


class BlockPrinter(Printer):
    """struct block: the header in words."""

    @staticmethod
    def words(value):
        header = int(value['header'])
        used, size = header & 1, (header >> 2 & 0x7fff) * QUANTUM
        if size == 0:
            return f'the end of a span (header 0x{header:08x})'
        text = (f"{'used' if used else 'free'}, {size} bytes, "
                f'left={(header >> 17) * QUANTUM}, header 0x{header:08x}')
        if header & 2:
            text += ', kept' if used else ', hollow'
        if not used:
            text += (f", next +{int(value['next']) * QUANTUM:#x}, previous "
                     f"+{int(value['previous']) * QUANTUM:#x}")
        return text


class TagPrinter(Printer):
    """struct range_tag: the run of pages in words."""

    @staticmethod
    def words(value):
        if int(value['pages']) == 0:
            return 'a spare tag'

        class Tag:
            start, pages = int(value['start']), int(value['pages'])
            type, protection = int(value['type']), int(value['protection'])
        return tag_words(Tag)


class EventPrinter(Printer):
    """struct mm_event: the sentence that the shell says."""

    @staticmethod
    def words(value):
        class Event:
            kind, at = int(value['kind']), int(value['at'])
            size, other = int(value['size']), int(value['other'])
            request = int(value['request'])
        return event_words(Event)


PRINTERS = {'block': BlockPrinter, 'range_tag': TagPrinter,
            'mm_event': EventPrinter}


def printer_for(value):
    kind = value.type.strip_typedefs()
    if kind.code == gdb.TYPE_CODE_STRUCT and kind.tag in PRINTERS:
        return PRINTERS[kind.tag](value)
    return None


printer_for.__name__ = 'heapglass'
gdb.pretty_printers[:] = [old for old in gdb.pretty_printers if
                          getattr(old, '__name__', '') != 'heapglass']
gdb.pretty_printers.append(printer_for)
HeapCommand()
RangesCommand()
FramesCommand()
