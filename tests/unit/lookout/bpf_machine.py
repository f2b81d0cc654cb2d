"""A small machine for BPF programs, as the kernel runs them on packet sockets (linux/filter.h)."""

from __future__ import annotations

from simulator.captures.bpf import Program

_PACKET_TYPE = 0xFFFFF004


def run(program: Program, frame: bytes, *, outgoing: bool = False) -> int:
    """How many bytes the program lets through; 0 also for one that reads past the end."""
    a = x = at = 0
    while True:
        code, jump_true, jump_false, k = program[at]
        at += 1
        if code in (48, 40, 32, 80, 72):
            if k == _PACKET_TYPE:
                a = 4 if outgoing else 0
                continue
            size = {48: 1, 40: 2, 32: 4, 80: 1, 72: 2}[code]
            start = k + (x if code in (80, 72) else 0)
            if start + size > len(frame):
                return 0
            a = int.from_bytes(frame[start : start + size], "big")
        elif code == 84:
            a &= k
        elif code == 177:
            x = 4 * (frame[k] & 0xF)
        elif code == 5:
            at += k
        elif code == 21:
            at += jump_true if a == k else jump_false
        elif code == 53:
            at += jump_true if a >= k else jump_false
        elif code == 6:
            return k
        else:
            raise AssertionError(f"no such instruction: {code}")
