"""Network namespaces and mounts by system call: the calls Python 3.11 has no function for.

`setns` and `unshare(CLONE_NEWNET)` act on the calling thread alone; `inside` always brings it back.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1

MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000

_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_SIOCETHTOOL = 0x8946
_ETHTOOL_STXCSUM = 0x17
_IFF_UP = 0x1
_IFREQ_SIZE = 40


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source: str, target: str | Path, kind: str = "", flags: int = 0, options: str = "") -> None:
    """mount(2). Raises OSError."""
    result = _LIBC.mount(
        source.encode(),
        os.fsencode(target),
        kind.encode() or None,
        ctypes.c_ulong(flags),
        options.encode() or None,
    )
    _check(result, f"mount {source} on {target}")


def die_with_parent() -> None:
    """Ask the kernel for SIGKILL when this process's parent dies (prctl(2))."""
    _check(_LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl(PR_SET_PDEATHSIG)")


def current() -> int:
    """An open descriptor of the calling thread's network namespace."""
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


@contextlib.contextmanager
def inside(namespace: int) -> Iterator[None]:
    """Be in another network namespace; programs started meanwhile are born there."""
    home = current()
    try:
        _check(_LIBC.setns(namespace, _CLONE_NEWNET), "setns")
        try:
            yield
        finally:
            _check(_LIBC.setns(home, _CLONE_NEWNET), "setns back")
    finally:
        os.close(home)


def create(bound_to: Path) -> int:
    """Make a network namespace, kept by a bind mount at `bound_to`; returns an open descriptor of it."""
    home = current()
    try:
        _check(_LIBC.unshare(_CLONE_NEWNET), "unshare(CLONE_NEWNET)")
        try:
            namespace = current()
        finally:
            _check(_LIBC.setns(home, _CLONE_NEWNET), "setns back")
    finally:
        os.close(home)
    bound_to.touch()
    mount(f"/proc/self/fd/{namespace}", bound_to, flags=MS_BIND)
    return namespace


def unbind(bound_to: Path) -> None:
    """Let go of a namespace made by `create`; it ends with its last process."""
    _check(_LIBC.umount2(os.fsencode(bound_to), 2), f"umount {bound_to}")  # 2: MNT_DETACH
    bound_to.unlink()


class Handle:
    """A socket inside a network namespace, for the interface requests that need no netlink."""

    def __init__(self, namespace: int) -> None:
        with inside(namespace):
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def close(self) -> None:
        self._socket.close()

    def set_up(self, interface: str, *, up: bool) -> None:
        """Set an interface administratively up or down. Raises OSError (ENODEV) if there is none."""
        request = struct.pack("16sH22x", interface.encode(), 0)
        answer = fcntl.ioctl(self._socket, _SIOCGIFFLAGS, request)
        flags = struct.unpack_from("16sH", answer)[1]
        wanted = flags | _IFF_UP if up else flags & ~_IFF_UP
        fcntl.ioctl(self._socket, _SIOCSIFFLAGS, struct.pack("16sH22x", interface.encode(), wanted))

    def transmit_checksums_off(self, interface: str) -> None:
        """`ethtool -K interface tx off`. Raises OSError."""
        value = ctypes.create_string_buffer(struct.pack("II", _ETHTOOL_STXCSUM, 0))
        request = struct.pack("16sP", interface.encode(), ctypes.addressof(value)).ljust(_IFREQ_SIZE, b"\0")
        fcntl.ioctl(self._socket, _SIOCETHTOOL, request)
