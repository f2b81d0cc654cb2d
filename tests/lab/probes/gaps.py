"""Gaps that are known to the packet, because the kernel cuts them out by sequence number."""

from __future__ import annotations

from simulator.client import LabClient

SEQUENCE_BIT = (8 + 12) * 8  # after the UDP header and the first 12 bytes of the probe's own


def drop_packets(client: LabClient, node: str, device: str, port: int, first: int, count: int) -> None:
    """Have the kernel drop the probe packets with these sequence numbers."""
    rules = (
        f"table netdev gap {{\n chain out {{\n"
        f'  type filter hook egress device "{device}" priority 0; policy accept;\n'
        f"  udp dport {port} @th,{SEQUENCE_BIT},32 {first}-{first + count - 1} counter drop\n"
        " }\n}\n"
    )
    done = client.exec(node, ["nft", "-f", "-"], input=rules)
    assert done.returncode == 0, done.stderr


def dropped_by_kernel(client: LabClient, node: str) -> int:
    """How many it dropped; it stops."""
    words = client.exec(node, ["nft", "list", "table", "netdev", "gap"]).stdout.split()
    client.exec(node, ["nft", "delete", "table", "netdev", "gap"])
    return int(words[words.index("packets") + 1])
