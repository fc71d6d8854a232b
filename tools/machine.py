# SPDX-License-Identifier: MIT
"""machine.py - start a Heapglass, type at it, read what it says

Theory of operation
-------------------
A *machine* is anything that runs the shell: QEMU, Bochs, or a process of this
computer. All three are the same to us: a stream of bytes that we type and a
stream of bytes that comes back. The serial line is that stream, so what works
here works on a real PC with a cable.

    build a disc (or not) -> start -> wait for "heap> " -> type a line
                                          ^                    |
                                          +--------------------+

Time decides nothing. We never sleep and hope; we wait until the stream ends
in the prompt at the start of a line, which is the shell's way to say that it
is done. A time limit exists only so that a dead machine is noticed.

The machine's verdict travels in the stream as well. The shell's last line is
"status: N", and the fault screen's is "status: 4": no special device is
needed, so it works on every machine. (No command prints a line that starts like that.)

  S1  What is typed is never dropped here: writes are queued, and we read while
      we write, so neither side can block the other.
  S2  A machine that we started is ended when we end, whatever happens.
  S3  A disc is built under a temporary name and renamed when whole, and its
      name is a digest of all that went in: two builders never meet, and an
      old disc is never mistaken for a new one.

Used by tools/drive, by the boot tests and by everything else that needs an
answer from a real shell.
"""

import hashlib
import json
import os
import re
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import tty
import zlib

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, os.environ.get('BUILD', 'build'))
PROMPT = 'heap> '

OK, COMMAND_FAILED, USAGE, NO_PROMPT, FAULT = 0, 1, 2, 3, 4

# Generous: a wrong answer because the computer was busy costs more than a
# late one. Seconds until the next prompt, by kind of machine.
TIMEOUTS = {'host': 60, 'qemu': 120, 'ovmf': 240, 'bochs': 600}

# Escape sequences (ECMA-48): colours, cursor movement.
ESCAPES = re.compile(r'\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-Z\\-_]')
# What is drawn elsewhere on the screen, between saving the cursor and putting
# it back: the live map.
PICTURE = re.compile(r'\x1b7.*?\x1b8', re.S)
STATUS = re.compile(r'(?:^|\n)status: (\d+)\n')

GRUB_MODULES = {
    'i386-pc': 'normal multiboot multiboot2 iso9660 biosdisk part_msdos '
               'vbe vga video_bochs video_cirrus all_video smbios',
    'x86_64-efi': 'normal multiboot multiboot2 iso9660 part_msdos part_gpt '
                  'fat efi_gop efi_uga all_video',
    'i386-efi': 'normal multiboot multiboot2 iso9660 part_msdos part_gpt '
                'fat efi_gop efi_uga all_video',
}

OVMF_IMAGES = {
    'x86_64': ['/usr/share/OVMF/OVMF_CODE.fd',
               '/usr/share/OVMF/OVMF_CODE_4M.fd',
               '/usr/share/edk2/ovmf/OVMF_CODE.fd',
               '/usr/share/edk2/x64/OVMF_CODE.fd',
               '/usr/share/edk2/x64/OVMF_CODE.4m.fd',
               '/usr/share/edk2-ovmf/x64/OVMF_CODE.fd',
               '/opt/homebrew/share/qemu/edk2-x86_64-code.fd',
               '/usr/local/share/qemu/edk2-x86_64-code.fd'],
    'i686': ['/usr/share/OVMF/OVMF32_CODE_4M.secboot.fd',
             '/usr/share/OVMF/OVMF32_CODE_4M.fd',
             '/usr/share/edk2/ovmf-ia32/OVMF_CODE.fd',
             '/usr/share/edk2/ia32/OVMF_CODE.4m.fd'],
}


class MachineError(Exception):
    """A sentence for the person, and the status that goes with it."""

    def __init__(self, sentence, status=NO_PROMPT):
        super().__init__(sentence)
        self.status = status


def find_tool(names, what):
    """The first of NAMES that is installed; a sentence when none is."""
    for name in names:
        if shutil.which(name):
            return name
    raise MachineError(
        f'{names[0]} is not installed, and {what} needs it: '
        '`make doctor` says which package brings it.', USAGE)


# --- Discs -----------------------------------------------------------------


def kernel_path(arch):
    path = os.path.join(BUILD, arch, 'heapglass.elf')
    if not os.path.exists(path):
        raise MachineError(f'There is no kernel for {arch} yet: '
                           f'`make kernel ARCH={arch}` builds '
                           f'{os.path.relpath(path, ROOT)}.', USAGE)
    return path


def map_module(cmdline):
    """The file of the memory map that CMDLINE names with map=, or None.

    The names are the files' stems in tests/maps and the aliases beside them.
    """
    match = re.search(r'(?:^|\s)map=(\S+)', cmdline)
    if not match or match.group(1) in ('firmware', 'none'):
        return None
    name = match.group(1)
    folder = os.path.join(ROOT, 'tests', 'maps')
    aliases = {}
    if os.path.exists(os.path.join(folder, 'ALIASES')):
        with open(os.path.join(folder, 'ALIASES'), encoding='utf-8') as lines:
            for line in lines:
                words = line.split('#')[0].split()
                if len(words) == 2:
                    aliases[words[0]] = words[1]
    path = os.path.join(folder, aliases.get(name, name) + '.map')
    if not os.path.exists(path):
        raise MachineError(f'There is no memory map called "{name}": '
                           '`ls tests/maps` lists them, and '
                           'tests/maps/ALIASES has short names.', USAGE)
    return path


def module_list(cmdline, modules):
    """Pairs of file and name for every module that the kernel is given."""
    pairs = [(path, os.path.basename(path)) for path in modules]
    from_map = map_module(cmdline)
    if from_map and from_map not in modules:
        name = re.search(r'(?:^|\s)map=(\S+)', cmdline).group(1)
        pairs.append((from_map, name + '.map'))
    for path, _ in pairs:
        if not os.path.exists(path):
            raise MachineError(f'There is no module file {path}.', USAGE)
    return pairs


def forget_old_discs(folder, seconds=7200):
    """Removes the discs in FOLDER that nobody asked for in SECONDS."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        try:
            if name.endswith('.iso') and \
                    time.time() - os.path.getmtime(path) > seconds:
                os.remove(path)
        except OSError:         # somebody else was quicker
            pass


def build_disc(arch, firmware, cmdline, modules, menu=None, screen='text'):
    """Builds, or finds, a disc that boots the kernel with CMDLINE.

    MENU replaces the whole grub.cfg (tests use it to inject faults on the
    boot path). The disc is small: one firmware, the few GRUB modules that it
    needs, no fonts and no languages.
    """
    kernel = kernel_path(arch)
    pairs = module_list(cmdline, modules)
    if menu is None:
        menu = f'multiboot2 /boot/heapglass.elf {cmdline}\n'
        menu += ''.join(f'module2 /boot/{name} {name}\n' for _, name in pairs)
        # After `multiboot2`, which asks for pixels; UEFI has no text mode.
        if firmware == 'ovmf' or screen == 'graphics':
            menu += 'insmod all_video\n'
        if firmware == 'bios':
            menu += 'set gfxpayload=' + {
                'text': 'text', 'graphics': '1024x768x32,auto'}[screen] + '\n'
        menu += 'boot\n'

    platforms = {'bios': ['i386-pc'],
                 'ovmf': ['x86_64-efi' if arch == 'x86_64' else 'i386-efi']}
    platform = platforms[firmware][0]

    digest = hashlib.sha256()
    for path in [kernel] + [path for path, _ in pairs]:
        with open(path, 'rb') as file:
            digest.update(hashlib.sha256(file.read()).digest())
    digest.update((menu + platform + GRUB_MODULES[platform]).encode())
    folder = os.path.join(BUILD, 'drive')
    os.makedirs(folder, exist_ok=True)
    disc = os.path.join(folder, f'{arch}-{digest.hexdigest()[:20]}.iso')
    if os.path.exists(disc):
        os.utime(disc)
        return disc
    forget_old_discs(folder)

    maker = find_tool([os.environ.get('GRUB_MKRESCUE', 'grub-mkrescue'),
                       'grub2-mkrescue', 'i686-elf-grub-mkrescue',
                       'x86_64-elf-grub-mkrescue'], 'building a disc')
    with tempfile.TemporaryDirectory(dir=folder) as work:
        tree = os.path.join(work, 'tree')
        os.makedirs(os.path.join(tree, 'boot', 'grub'))
        shutil.copy(kernel, os.path.join(tree, 'boot', 'heapglass.elf'))
        strip = shutil.which('strip') or shutil.which('llvm-strip')
        if strip:       # less to read from a slow disc; symbols stay here
            subprocess.run([strip, os.path.join(tree, 'boot',
                                                'heapglass.elf')],
                           stderr=subprocess.DEVNULL, check=False)
        for path, name in pairs:
            shutil.copy(path, os.path.join(tree, 'boot', name))
        with open(os.path.join(tree, 'boot', 'grub', 'grub.cfg'), 'w',
                  encoding='utf-8') as file:
            file.write(menu)
        command = [maker]
        for prefix in ('/usr/lib/grub', '/usr/share/grub', '/lib/grub'):
            if os.path.isdir(os.path.join(prefix, platform)):
                command += ['-d', os.path.join(prefix, platform)]
                break
        command += [f'--install-modules={GRUB_MODULES[platform]}',
                    '--locales=', '--fonts=', '--themes=',
                    '-o', os.path.join(work, 'disc.iso'), tree]
        result = subprocess.run(command, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, check=False)
        if result.returncode != 0:
            raise MachineError('grub-mkrescue could not build the disc:\n'
                               + result.stdout.decode(errors='replace'),
                               USAGE)
        os.replace(os.path.join(work, 'disc.iso'), disc)
    return disc


# --- Pictures ----------------------------------------------------------------


def png_from_ppm(ppm):
    """A PNG of the binary PPM that QEMU writes, with nothing but zlib."""
    fields, at = [], 0
    while len(fields) < 4:
        end = at
        while not ppm[end:end + 1].isspace():
            end += 1
        fields.append(ppm[at:end])
        at = end + 1
    width, height = int(fields[1]), int(fields[2])
    rows = b''.join(b'\0' + ppm[at + y * width * 3:at + (y + 1) * width * 3]
                    for y in range(height))

    def chunk(kind, data):
        return (struct.pack('>I', len(data)) + kind + data
                + struct.pack('>I', zlib.crc32(kind + data)))

    return (b'\x89PNG\r\n\x1a\n'
            + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height,
                                         8, 2, 0, 0, 0))
            + chunk(b'IDAT', zlib.compress(rows, 9)) + chunk(b'IEND', b''))


# --- Machines ----------------------------------------------------------------


class Machine:
    """One running Heapglass.

        with Machine(arch='i686') as machine:
            machine.boot()
            print(machine.command('alloc 24'))
            status = machine.poweroff()
    """

    def __init__(self, arch='i686', machine='qemu', firmware='bios',
                 memory='128M', cmdline='plain', modules=(), timeout=None,
                 direct=False, disc=None, menu=None, icount=False,
                 qemu_args=(), cpu=None, screen='text'):
        self.arch, self.kind, self.firmware = arch, machine, firmware
        self.memory, self.cmdline = memory, cmdline
        self.modules = list(modules)
        self.timeout = timeout or TIMEOUTS[
            'ovmf' if machine == 'qemu' and firmware == 'ovmf' else machine]
        self.direct, self.disc, self.menu = direct, disc, menu
        self.screen = screen
        self.icount, self.qemu_args, self.cpu = icount, list(qemu_args), cpu
        self.log = bytearray()          # every byte that the machine said
        self.text = ''                  # the same as text, '\r' gone
        self.status = None              # what "status: N" said
        self.ended = False
        self._outgoing = bytearray()
        self._process = self._reader = self._writer = None
        self._work = self._qmp = None
        self._slave = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    # Starting

    def start(self):
        """Starts the machine; returns at once."""
        self._work = tempfile.mkdtemp(prefix='heapglass-')
        {'qemu': self._start_qemu, 'bochs': self._start_bochs,
         'host': self._start_host}[self.kind]()
        for stream in (self._reader, self._writer):
            os.set_blocking(stream, False)
        return self

    def boot(self):
        """Starts the machine and waits for the first prompt.

        Returns what was printed before it: the boot messages.
        """
        if self._process is None:
            self.start()
        self.wait_prompt(0)
        return self.text[:self.text.rindex(PROMPT)]

    def _spawn(self, command, **streams):
        try:
            # In our own process group: whoever ends us ends it as well (S2).
            self._process = subprocess.Popen(command, cwd=self._work,
                                             **streams)
        except OSError as error:
            raise MachineError(f'{command[0]} does not start: '
                               f'{error.strerror}.', USAGE) from error

    def _start_host(self):
        program = os.path.join(BUILD, 'host', 'heapglass')
        if not os.path.exists(program):
            raise MachineError('There is no build/host/heapglass yet: '
                               '`make host` builds it.', USAGE)
        self._spawn([program, '--cmdline', self.cmdline],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT)
        self._use_pipes()

    def _use_pipes(self):
        self._reader = self._process.stdout.fileno()
        self._writer = self._process.stdin.fileno()

    def _start_qemu(self):
        qemu = find_tool(['qemu-system-i386' if self.arch == 'i686'
                          else 'qemu-system-x86_64', 'qemu-system-x86_64'],
                         'a machine')
        self._qmp = os.path.join(self._work, 'qmp')
        command = [qemu, '-nodefaults', '-no-user-config',
                   '-machine', 'pc', '-m', self.memory,
                   '-display', 'none', '-vga', 'std', '-no-reboot',
                   '-net', 'none',
                   '-chardev', 'stdio,id=line,signal=off',
                   '-serial', 'chardev:line',
                   '-qmp', f'unix:{self._qmp},server=on,wait=off']
        if self.cpu:
            command += ['-cpu', self.cpu]
        if self.icount:
            command += ['-icount', 'shift=0,sleep=off']
        if self.firmware == 'ovmf':
            command += self._ovmf()
        if self.direct:
            if self.arch != 'i686':
                raise MachineError('QEMU loads only 32-bit kernels by itself: '
                                   'use --direct with --arch i686.', USAGE)
            command += ['-kernel', kernel_path(self.arch),
                        '-append', self.cmdline]
            initrd = ','.join(f'{path} {name}' for path, name
                              in module_list(self.cmdline, self.modules))
            if initrd:
                command += ['-initrd', initrd]
        else:
            command += ['-cdrom', self._disc(), '-boot', 'd']
        self._spawn(command + self.qemu_args, stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._use_pipes()

    def _ovmf(self):
        for code in OVMF_IMAGES[self.arch]:
            if os.path.exists(code):
                return ['-drive', 'if=pflash,format=raw,unit=0,readonly=on,'
                                  f'file={code}']
        raise MachineError('No OVMF firmware was found, and --firmware ovmf '
                           'needs it: `make doctor` says which package '
                           'brings it.', USAGE)

    def _disc(self):
        if self.disc:
            return os.path.abspath(self.disc)
        return build_disc(self.arch, self.firmware, self.cmdline,
                          self.modules, self.menu, self.screen)

    def _start_bochs(self):
        bochs = find_tool(['bochs'], 'this machine')
        share = next((path for path in ('/usr/share/bochs',
                                        '/usr/local/share/bochs',
                                        '/opt/homebrew/share/bochs')
                      if os.path.isdir(path)), '/usr/share/bochs')
        # A pseudo terminal is the cable: Bochs opens one end as a device.
        self._reader, self._slave = os.openpty()
        self._writer = self._reader
        tty.setraw(self._slave)
        megabytes = max(4, size_in_bytes(self.memory) >> 20)
        model = self.cpu or ('p3_katmai' if self.arch == 'i686'
                             else 'corei7_haswell_4770')
        folder = os.path.join(ROOT, 'tools', 'bochs')
        command = [bochs, '-q', '-f', os.path.join(folder, 'bochsrc'),
                   '-rc', os.path.join(folder, 'go'),
                   '-log', os.path.join(self._work, 'bochs.log'),
                   f'ata0-master: type=cdrom, path="{self._disc()}", '
                   'status=inserted',
                   f'memory: guest={megabytes}, host={megabytes}',
                   f'cpu: model={model}, count=1, ips=100000000, '
                   'reset_on_triple_fault=0',
                   'com1: enabled=1, mode=term, '
                   f'dev={os.ttyname(self._slave)}',
                   'display_library: rfb, options="timeout=0"']
        self._spawn(command, stdin=subprocess.DEVNULL,
                    stdout=open(os.path.join(self._work, 'stdout'), 'wb'),
                    stderr=subprocess.STDOUT,
                    env=dict(os.environ, BXSHARE=share))

    # The stream

    def _pump(self, deadline):
        """Moves bytes both ways until some arrive. False: it is too late, or
        the machine has ended (then self.ended is set)."""
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            writers = [self._writer] if self._outgoing else []
            readable, writable, _ = select.select([self._reader], writers,
                                                  [], min(left, 1))
            if writable:
                try:
                    count = os.write(self._writer, self._outgoing[:4096])
                    del self._outgoing[:count]
                except BlockingIOError:
                    pass
                except OSError:         # it has ended: reading will tell
                    self._outgoing.clear()
            if readable:
                try:
                    data = os.read(self._reader, 65536)
                except BlockingIOError:
                    continue
                except OSError:
                    data = b''
                if not data:
                    self._end()
                    return False
                self._hear(data)
                return True
            # Bochs's cable stays open when Bochs has gone.
            if not readable and self._process.poll() is not None \
                    and self.kind == 'bochs':
                self._end()
                return False

    def _end(self):
        # A machine may switch off before its last new line is on the wire.
        self.ended = True
        if self.text and not self.text.endswith('\n'):
            self._hear(b'\n')

    def _hear(self, data):
        # '\r' is the serial line's half of a new line. A byte that is not
        # ASCII is kept as one character: no decoding across two reads.
        self.log += data
        self.text += data.replace(b'\r', b'').decode('latin-1')
        verdict = None
        for verdict in STATUS.finditer(self.text, max(0, len(self.text)
                                                      - len(data) - 16)):
            pass
        if verdict:
            self.status = int(verdict.group(1))

    def at_prompt(self, start=0):
        """Is the prompt the last thing that was said after START?"""
        tail = self.text[max(start, len(self.text) - 400):]
        if '\x1b8' in tail:
            tail = PICTURE.sub('', self.text[max(start, len(self.text)
                                                 - 65536):])
        tail = ESCAPES.sub('', tail)
        return tail.endswith('\n' + PROMPT) or tail == PROMPT

    def wait(self, condition, what, timeout=None):
        """Reads until CONDITION() holds. Refuses with a sentence otherwise."""
        deadline = time.monotonic() + (timeout or self.timeout)
        while not condition():
            if self.status == FAULT:
                raise MachineError('The kernel stopped on its fault screen.',
                                   FAULT)
            if not self._pump(deadline):
                if condition():
                    return
                if self.ended:
                    raise MachineError(f'The machine ended before {what}.'
                                       + self._last_words(),
                                       FAULT if self.status == FAULT
                                       else NO_PROMPT)
                raise MachineError(
                    f'No {what} within {timeout or self.timeout} s.'
                    + self._last_words())

    def _last_words(self):
        tail = self.text[-600:].strip()
        if not tail and self.kind == 'bochs':
            try:
                with open(os.path.join(self._work, 'stdout'),
                          encoding='latin-1') as file:
                    tail = file.read()[-600:]
            except OSError:
                pass
        return f' Its last words:\n{tail}' if tail else ' It said nothing.'

    def wait_prompt(self, start):
        """Waits for a prompt after position START of the text."""
        self.wait(lambda: self.at_prompt(start), 'prompt')

    # Typing

    def type(self, text):
        """Queues TEXT to be typed; returns at once."""
        data = text.encode('latin-1', 'replace')
        # A terminal's Enter key sends a carriage return; a pipe has lines.
        if self.kind != 'host':
            data = data.replace(b'\n', b'\r')
        self._outgoing += data

    def command(self, line):
        """Types LINE, waits for the next prompt, returns what was printed:
        the line itself as the shell showed it, and the answer.

        A command that ends the machine (poweroff) returns what it printed.
        """
        start = len(self.text)
        self.type(line + '\n')

        def answered():
            return self.status is not None or (
                '\n' in self.text[start:] and self.at_prompt(
                    self.text.index('\n', start)))

        self.wait(answered, f'prompt after "{line}"')
        if self.status == FAULT:
            raise MachineError('The kernel stopped on its fault screen.',
                               FAULT)
        if self.status is not None:
            return self.text[start:]
        return self.text[start:self.text.rindex(PROMPT)]

    def answer(self, line):
        """Like command(), without the typed line."""
        return self.command(line).split('\n', 1)[1]

    def paste(self, text):
        """Types all of TEXT at once, as a terminal pastes. The caller waits."""
        self.type(text)

    def poweroff(self):
        """Ends the session in good order; returns the shell's status."""
        if self.status is None:
            self.type('poweroff\n')
            self.wait(lambda: self.status is not None, 'status line')
        deadline = time.monotonic() + 5
        while self._process.poll() is None and time.monotonic() < deadline:
            if not self._pump(min(deadline, time.monotonic() + 0.2)) \
                    and self.ended:
                break
        status = self.status
        self.kill()
        return status

    def exited(self, timeout=10):
        """Did the machine switch itself off within TIMEOUT seconds?"""
        try:
            self._process.wait(timeout)
            return True
        except subprocess.TimeoutExpired:
            return False

    def kill(self):
        """Ends the machine, in whatever state it is. May be called twice."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._process is not None:
            for stream in (self._process.stdin, self._process.stdout):
                if stream:
                    try:
                        stream.close()
                    except OSError:
                        pass
        if self._slave is not None:
            os.close(self._slave)
            os.close(self._reader)
            self._slave = None
        if self._work:
            shutil.rmtree(self._work, ignore_errors=True)
            self._work = None

    # QEMU's own monitor: the screen, the keyboard, memory

    def monitor(self, execute, **arguments):
        """Asks QEMU's monitor (QMP) one thing; returns the answer."""
        if self.kind != 'qemu':
            raise MachineError('Only QEMU has this monitor.', USAGE)
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(self.timeout)
            line.connect(self._qmp)
            stream = line.makefile('rw', encoding='utf-8')

            def ask(what, **with_arguments):
                json.dump({'execute': what, 'arguments': with_arguments},
                          stream)
                stream.write('\n')
                stream.flush()
                while True:
                    reply = json.loads(stream.readline())
                    if 'return' in reply:
                        return reply['return']
                    if 'error' in reply:
                        raise MachineError('QEMU: '
                                           + reply['error']['desc'])

            stream.readline()                       # its greeting
            ask('qmp_capabilities')
            return ask(execute, **arguments)

    def screendump(self, path):
        """Writes what the screen shows to PATH, a PNG. The prompt comes on the
        serial line before the screen is drawn: so we look until two pictures
        in a row are the same, or the cursor blinks all the time."""
        ppm = os.path.join(self._work, 'screen.ppm')
        picture, before = b'', None
        for _ in range(20):
            self.monitor('screendump', filename=ppm)
            with open(ppm, 'rb') as file:
                picture = file.read()
            if picture == before:
                break
            before = picture
            time.sleep(0.05)
        with open(path, 'wb') as file:
            file.write(png_from_ppm(picture))

    def screen_text(self):
        """The 25 lines of the VGA text screen, as text."""
        dump = os.path.join(self._work, 'screen.bin')
        self.monitor('pmemsave', val=0xb8000, size=80 * 25 * 2,
                     filename=dump)
        with open(dump, 'rb') as file:
            cells = file.read()[::2].decode('latin-1').replace('\0', ' ')
        return [cells[row * 80:row * 80 + 80].rstrip() for row in range(25)]

    def press(self, *keys):
        """Presses keys on the PC's keyboard, one after another. A key is
        QEMU's name for it; several joined with '-' go down together."""
        for key in keys:
            codes = key.split('-')
            self.monitor('send-key', keys=[{'type': 'qcode', 'data': code}
                                           for code in codes])
            time.sleep(0.12)    # send-key holds a key for 100 ms


def size_in_bytes(text):
    """128M -> 134217728; a bare number counts MiB, as QEMU does."""
    match = re.fullmatch(r'(\d+)([KMGkmg]?)', text)
    if not match:
        raise MachineError(f'"{text}" is not a memory size: '
                           'say 128M or 1G.', USAGE)
    shift = {'K': 10, 'M': 20, 'G': 30, '': 20}[match.group(2).upper()]
    return int(match.group(1)) << shift


def split_commands(text):
    """The commands of a line, as the shell separates them: at ';'."""
    return [part.strip() for part in text.split(';') if part.strip()]


def interrupted(signum, _frame):
    """A signal that ends us ends the machine as well (S2)."""
    sys.exit(128 + signum)
