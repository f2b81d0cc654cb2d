"""nft rule sets applied inside this process, in 0.2 ms: no program starts while a fault waits to take hold.

The library is the one that the `nft` program itself is made of (libnftables, of the same package). Its three
calls used here have been stable since its first release; a binding of 300 lines for them would be a
dependency on a copy that nobody maintains. Knows no faults.
"""

from __future__ import annotations

import ctypes
import functools

from simulator import namespaces

LIBRARY = "libnftables.so.1"


class FirewallMissingError(RuntimeError):
    """There is no libnftables on this machine. The message has the remedy."""


class Firewall:
    """A door to the rule sets of one network namespace, which it keeps alive until it is closed."""

    def __init__(self, namespace: int) -> None:
        """`namespace` is an open descriptor. Raises FirewallMissingError."""
        self._library = _load(LIBRARY)
        with namespaces.inside(namespace):  # the context opens its netlink socket here, and keeps it
            self._context = ctypes.c_void_p(self._library.nft_ctx_new(0))
        # Without buffers it would print.
        self._library.nft_ctx_buffer_output(self._context)
        self._library.nft_ctx_buffer_error(self._context)

    def run(self, commands: str) -> str:
        """All of these commands in one transaction, or none. Returns what is wrong, "" when it is done."""
        if self._library.nft_run_cmd_from_buffer(self._context, commands.encode()) == 0:
            return ""
        said: bytes = self._library.nft_ctx_get_error_buffer(self._context) or b""
        return said.decode(errors="replace") or "refused without a reason"

    def close(self) -> None:
        """Let go of the namespace. Harmless when done before."""
        if self._context:
            self._library.nft_ctx_free(self._context)
            self._context = ctypes.c_void_p(None)


def missing(library: str = LIBRARY) -> str:
    """Why the library cannot be used, "" when it can."""
    try:
        _load(library)
    except FirewallMissingError as error:
        return str(error)
    return ""


@functools.cache
def _load(name: str) -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(name)
    except OSError as error:
        raise FirewallMissingError(f"{error}; install libnftables1 (it belongs to nftables)") from error
    library.nft_ctx_new.restype = ctypes.c_void_p
    library.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
    return library
