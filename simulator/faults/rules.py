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


def try_netem(device: str) -> str:
    """Shell: status 0 where the kernel has netem; nothing is left."""
    return f"tc qdisc add dev {device} root netem delay 0ms && tc qdisc del dev {device} root"


def make_tap(tap: str) -> str:
    """Shell: a tap that carries only what is led into it: the kernel says nothing on it by itself."""
    return (
        f"ip tuntap add dev {tap} mode tap"
        f" && echo 1 > /proc/sys/net/ipv6/conf/{tap}/disable_ipv6"
        f" && ip link set dev {tap} mtu 9216 txqueuelen {QUEUE} arp off up"
    )


def redirect(device: str, tap: str) -> str:
    """Shell: whatever the device would send goes to the tap instead, after the drops of other faults."""
    return (
        f"tc qdisc add dev {device} clsact && tc filter add dev {device} egress protocol all prio 1"
        f" u32 match u32 0 0 action mirred egress redirect dev {tap}"
    )


def tbf_rate(mbit: float) -> tuple[str, ...]:
    """Bursts of 10 ms at that rate (never less than three full frames), at most 50 ms of waiting."""
    burst = max(int(mbit * 1e6 / 8 * 0.01), 3 * 1600)
    return ("tbf", "rate", f"{mbit:g}mbit", "burst", str(burst), "latency", "50ms")
