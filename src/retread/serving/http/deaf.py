"""A listening socket that takes no new connections and keeps those that wait to be accepted.

Closing it outright would reset connections whose handshake is done and that were not accepted
yet: requests lost, though clients did nothing wrong. A packet filter that drops everything is
asked only about packets to the listening socket itself, so a client that begins now tries again
a second later, and finds the next server or none.
"""

from __future__ import annotations

import contextlib
import ctypes
import socket
import struct

_SO_ATTACH_FILTER = 26
_DROP_EVERYTHING = struct.pack("=HBBI", 0x06, 0, 0, 0)
"""The classic BPF program `return 0`."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def go_deaf(listener: socket.socket) -> None:
    """Best effort: where there are no such filters, the socket goes on listening."""
    program = _Program(1, _DROP_EVERYTHING)
    with contextlib.suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, bytes(program))
