"""What the kernel is told: nft rule sets and tc arguments of the impairments. Pure text.

Each fault has a table of its own, named by its token, so that taking one fault back leaves every other on the
same link alone. Drops are made at the *egress* of the sending interface: an ingress hook comes after the
packet sockets that Open vSwitch's userspace datapath reads, so it would see nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import permutations

SCALE = 100_000
"""Loss is set in steps of 1/SCALE: a thousandth of a percent."""


def table_name(token: str) -> str:
    """The nft table of the fault with that token."""
    return f"fault_{token}"


def drop_all(table: str, device: str) -> str:
    """Everything the device would send is dropped."""
    return _egress(table, device, "counter drop")


def drop_some(table: str, device: str, percent: float) -> str:
    """Each packet the device would send is dropped with that probability, independently."""
    share = round(percent * SCALE / 100)
    if share >= SCALE:
        return drop_all(table, device)
    return _egress(table, device, f"numgen random mod {SCALE} < {max(share, 1)} counter drop")


def separate(table: str, groups: Sequence[Iterable[str]]) -> str:
    """On a bridge, nothing is forwarded between the ports of different groups; within each all passes.

    One group alone is separated from all other ports. Ports in no group reach everybody.
    """
    sets = ["{ " + ", ".join(f'"{port}"' for port in sorted(group)) + " }" for group in groups]
    if len(sets) == 1:
        pairs = [(sets[0], f"!= {sets[0]}"), (f"!= {sets[0]}", sets[0])]
    else:
        pairs = list(permutations(sets, 2))
    rules = "".join(f"  iifname {here} oifname {there} counter drop\n" for here, there in pairs)
    return (
        f"table bridge {table} {{\n"
        " chain apart {\n"
        "  type filter hook forward priority filter; policy accept;\n"
        f"{rules}"
        " }\n}\n"
    )


def remove(family: str, table: str) -> str:
    """The table is gone, with all that is in it."""
    return f"delete table {family} {table}"


def _egress(table: str, device: str, rule: str) -> str:
    return (
        f"table netdev {table} {{\n"
        " chain out {\n"
        f'  type filter hook egress device "{device}" priority filter; policy accept;\n'
        f"  {rule}\n"
        " }\n}\n"
    )


QUEUE = 10_000
"""Packets that a delay holds at most, so that it does not become a loss at lab rates."""


def netem_delay(milliseconds: float, jitter_ms: float | None) -> tuple[str, ...]:
    """With jitter netem reorders."""
    jitter = () if jitter_ms is None else (f"{jitter_ms:g}ms",)
    return ("netem", "delay", f"{milliseconds:g}ms", *jitter, "limit", str(QUEUE))


def tbf_rate(mbit: float) -> tuple[str, ...]:
    """Bursts of 10 ms at that rate (never less than three full frames), at most 50 ms of waiting."""
    burst = max(int(mbit * 1e6 / 8 * 0.01), 3 * 1600)
    return ("tbf", "rate", f"{mbit:g}mbit", "burst", str(burst), "latency", "50ms")
