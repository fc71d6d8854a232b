# SPDX-License-Identifier: MIT
"""stub.py - a machine's registers and memory, and where it stops

QEMU speaks the debugger's protocol; this is our end of it, with just what the
tests need. A number is sent as its bytes, in the machine's order.
"""

import socket
import time

from machine import MachineError


class Stub:
    """QEMU's end of GDB's remote protocol; just what is needed here."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(120)
        deadline = time.monotonic() + 20
        while True:
            try:
                self.socket.connect(path)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        self.pending = b''

    def send(self, packet):
        data = packet.encode()
        self.socket.sendall(b'$' + data + b'#%02x' % (sum(data) & 255))

    def answer(self):
        while self.pending.count(b'#') == 0 or \
                len(self.pending) < self.pending.index(b'#') + 3:
            data = self.socket.recv(65536)
            if not data:
                raise MachineError('QEMU has closed its debugger port.')
            self.pending += data
        start = self.pending.index(b'$') + 1
        end = self.pending.index(b'#')
        packet = self.pending[start:end].decode('latin-1')
        self.pending = self.pending[end + 3:]
        self.socket.sendall(b'+')
        return packet

    def interrupt(self):
        """Stops the machine, as Ctrl-C in a debugger does."""
        self.socket.sendall(b'\x03')

    def ask(self, packet):
        self.send(packet)
        answer = self.answer()
        if answer == '' or answer.startswith('E'):
            raise MachineError(f'QEMU refuses {packet[:20]}: {answer}')
        return answer
