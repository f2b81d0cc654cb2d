"""Runs in a network namespace of its own: the kernel's neighbour table as the agent sees it."""

from __future__ import annotations

import asyncio
import subprocess

from cellnet_core.agent.kernel import KernelNeighborTable
from cellnet_core.model.clock import SystemClock
from cellnet_core.planner.seen import KernelNeighbor


def ip(*words: str) -> None:
    """ip(8)."""
    subprocess.run(["ip", *words], check=True)


async def story() -> None:
    """Two ends of a cable in one namespace; only `near` is looked at."""
    table = KernelNeighborTable(["near"], SystemClock())
    assert table.snapshot() == ()
    heard = asyncio.Event()

    async def listen() -> None:
        async for _ in table.changes():
            heard.set()

    listener = asyncio.create_task(listen())
    await asyncio.sleep(0)
    ip("neigh", "add", "10.0.0.2", "lladdr", "02:00:00:00:00:02", "dev", "near", "nud", "stale")
    ip("neigh", "add", "fd00::2", "lladdr", "02:00:00:00:00:02", "dev", "near", "nud", "permanent")
    ip("neigh", "add", "10.0.0.3", "dev", "near", "nud", "failed")
    ip("neigh", "add", "10.9.0.3", "lladdr", "02:00:00:00:00:09", "dev", "far", "nud", "permanent")
    await asyncio.wait_for(heard.wait(), 5)
    mac = "02:00:00:00:00:02"
    assert table.snapshot() == (
        KernelNeighbor("near", "10.0.0.2", mac),
        KernelNeighbor("near", "fd00::2", mac),
    )

    heard.clear()
    ip("neigh", "replace", "10.0.0.2", "lladdr", "02:00:00:00:00:03", "dev", "near", "nud", "reachable")
    await asyncio.wait_for(heard.wait(), 5)
    ip("neigh", "del", "fd00::2", "dev", "near")
    ip("neigh", "replace", "10.0.0.2", "lladdr", "02:00:00:00:00:03", "dev", "near", "nud", "failed")
    while table.snapshot():
        await asyncio.sleep(0.01)

    # A nudge sends the question: it is seen on the other end of the cable.
    import socket

    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806)) as wire:
        wire.bind(("far", 0))
        wire.settimeout(5)
        table.resolve("10.0.0.1", "10.0.0.7")
        while socket.inet_aton("10.0.0.7") not in wire.recv(100):
            pass
    table.resolve("192.0.2.1", "192.0.2.2")  # an address that is not ours: nothing happens
    listener.cancel()
    await asyncio.gather(listener, return_exceptions=True)
    table.close()


if __name__ == "__main__":
    ip("link", "add", "near", "type", "veth", "peer", "name", "far")
    for name in ("lo", "near", "far"):
        ip("link", "set", name, "up")
    ip("addr", "add", "10.0.0.1/24", "dev", "near")
    asyncio.run(asyncio.wait_for(story(), 30))
