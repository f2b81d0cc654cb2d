"""Whether this kernel signs TCP segments (RFC 2385): found by trying, since a kernel may be built without."""

from __future__ import annotations

import os
import socket
import struct
from functools import cache

TCP_MD5SIG = 14  # linux/tcp.h
_ADDRESS = struct.pack("HH4s", socket.AF_INET, 0, bytes((127, 0, 0, 1))).ljust(128, b"\0")
_KEY = struct.pack("2xH4x80s", 4, b"test")


@cache
def supported() -> bool | str:
    """True, or the reason why not. Opens one socket, once."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.setsockopt(socket.IPPROTO_TCP, TCP_MD5SIG, _ADDRESS + _KEY)
        except OSError as error:
            return f"this kernel cannot sign TCP (TCP_MD5SIG): {os.strerror(error.errno or 0)}"
    return True
