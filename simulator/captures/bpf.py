"""Classic BPF programs for packet sockets: TCP ports by a program of our own, everything else by libpcap.

Only compiles. The port filters need no library, so that captures of BGP and OpenFlow work without one.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import struct

from simulator.captures.errors import CaptureError

Instruction = tuple[int, int, int, int]
"""code, jump if true, jump if false, constant (struct sock_filter)."""
Program = tuple[Instruction, ...]

_ETHERNET = 1
_SNAPLEN = 262144
_LONGEST = 4096  # BPF_MAXINSNS


def tcp_port(port: int) -> Program:
    """`tcp port N` over IPv4 and IPv6, as `tcpdump -ddd` compiles it."""
    return (
        (40, 0, 0, 12),
        (21, 0, 6, 0x86DD),
        (48, 0, 0, 20),
        (21, 0, 15, 6),
        (40, 0, 0, 54),
        (21, 12, 0, port),
        (40, 0, 0, 56),
        (21, 10, 11, port),
        (21, 0, 10, 0x0800),
        (48, 0, 0, 23),
        (21, 0, 8, 6),
        (40, 0, 0, 20),
        (69, 6, 0, 0x1FFF),  # a later fragment has no ports
        (177, 0, 0, 14),
        (72, 0, 0, 14),
        (21, 2, 0, port),
        (72, 0, 0, 16),
        (21, 0, 1, port),
        (6, 0, 0, _SNAPLEN),
        (6, 0, 0, 0),
    )


class _Program(ctypes.Structure):
    """struct bpf_program of pcap/bpf.h."""

    _fields_ = (("length", ctypes.c_uint), ("instructions", ctypes.c_void_p))


def compiled(expression: str) -> Program:
    """The program of a pcap-filter(7) expression. Raises CaptureError: wrong expression, or no libpcap."""
    if "\0" in expression:
        raise CaptureError("--filter: a zero byte is in no expression; see pcap-filter(7)", 2)
    library = _library()
    handle = library.pcap_open_dead(_ETHERNET, _SNAPLEN)
    program = _Program()
    try:
        words = expression.encode()
        if library.pcap_compile(handle, ctypes.byref(program), words, 1, 0xFFFFFFFF) != 0:
            reason = ctypes.string_at(library.pcap_geterr(handle)).decode(errors="replace")
            raise CaptureError(f"--filter {expression!r}: {reason}; see pcap-filter(7)", 2)
        data = ctypes.string_at(program.instructions, program.length * 8) if program.length else b""
        library.pcap_freecode(ctypes.byref(program))
    finally:
        library.pcap_close(handle)
    instructions = tuple(struct.iter_unpack("=HBBI", data))
    if len(instructions) > _LONGEST:
        raise CaptureError(f"--filter {expression!r}: too long for the kernel; say it with fewer terms", 2)
    return instructions


def packed(program: Program) -> bytes:
    """The program as the kernel wants it: an array of struct sock_filter."""
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _library() -> ctypes.CDLL:
    name = ctypes.util.find_library("pcap")
    if name is None:
        raise CaptureError(
            "filters need libpcap: install libpcap0.8 (it comes with tcpdump), or leave --filter out"
        )
    library = ctypes.CDLL(name)
    library.pcap_open_dead.restype = ctypes.c_void_p
    library.pcap_open_dead.argtypes = (ctypes.c_int, ctypes.c_int)
    library.pcap_compile.argtypes = (
        ctypes.c_void_p, ctypes.POINTER(_Program), ctypes.c_char_p, ctypes.c_int, ctypes.c_uint32
    )  # fmt: skip
    library.pcap_geterr.restype = ctypes.c_void_p
    library.pcap_geterr.argtypes = (ctypes.c_void_p,)
    library.pcap_freecode.argtypes = (ctypes.POINTER(_Program),)
    library.pcap_close.argtypes = (ctypes.c_void_p,)
    return library
