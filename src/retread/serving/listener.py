"""The listening socket: bind it, and stop accepting connections without resetting any."""

from __future__ import annotations

import contextlib
import ctypes
import socket
import struct

from retread.core import Unavailable

_SO_ATTACH_FILTER = 26
_DROP_EVERYTHING = struct.pack("=HBBI", 0x06, 0, 0, 0)
"""The classic BPF program `return 0`."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def bind_listener(host: str, port: int, *, shared: bool) -> socket.socket:
    """Return a socket that is bound and does not listen yet.

    Args:
        host: Address to bind to.
        port: Port; 0 for any free one.
        shared: Whether other sockets of this user may be bound to the same port.

    Raises:
        Unavailable: The address cannot be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Unavailable(
            f"Cannot listen on {host}:{port}: {error.strerror}.",
            "Stop what uses it, or choose another port with --port or [serving] port.",
        ) from error
    listener.set_inheritable(False)
    return listener


def stop_accepting(listener: socket.socket) -> None:
    """Let no new connection begin; those that wait to be accepted are kept.

    Closing the socket would reset connections whose handshake is complete and that are not
    accepted yet: requests would be lost. Instead, a packet filter drops what arrives at the
    listening socket itself, so a client that begins now tries again a second later, and finds the
    next server or none. Where there are no such filters, the socket goes on listening.
    """
    program = _Program(1, _DROP_EVERYTHING)
    with contextlib.suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, bytes(program))
