"""The kernel's neighbour table (ARP and ND) by rtnetlink: read it, hear of changes, have an entry resolved.

Speaks just the two messages it needs (rtnetlink(7), linux/neighbour.h), because the loop reads the table in
every round: 200 entries take 1.2 ms, with the general library 7 ms or more. Level-triggered: an event only
says that the table must be read again.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator, Iterable, Iterator
from ipaddress import ip_address
from typing import Protocol

from cellnet_core.model.clock import Clock
from cellnet_core.planner.seen import KernelNeighbor

RTM_NEWNEIGH, RTM_GETNEIGH = 28, 30
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_DUMP, NLM_F_DUMP_INTR = 0x1, 0x300, 0x10
RTMGRP_NEIGH = 4
NDA_DST, NDA_LLADDR = 1, 2
NUD_USABLE = 0x02 | 0x04 | 0x08 | 0x10 | 0x40 | 0x80  # reachable, stale, delay, probe, noarp, permanent
HEADER, NDMSG, ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=BBHiHBB"), struct.Struct("=HH")

DUMP_TIMEOUT = 1.0
"""Seconds; the kernel answers at once."""
QUIET = 0.02
"""Seconds over which events are gathered."""
DISCARD_PORT = 9


class NeighborTable(Protocol):
    """What the agent needs of the kernel's neighbour table."""

    def snapshot(self) -> tuple[KernelNeighbor, ...] | None:
        """All entries with a usable MAC, sorted; None when the table cannot be read now."""
        ...

    def changes(self) -> AsyncIterator[None]:
        """Yields whenever the snapshot may have become another."""
        ...

    def resolve(self, local: str, remote: str) -> None:
        """Make the kernel ask for the MAC of a link peer; the answer shows up as a change."""
        ...

    def close(self) -> None:
        """Let go of sockets."""
        ...


class KernelNeighborTable:
    """The table of the network namespace this process runs in, as far as the given interfaces go."""

    def __init__(self, interfaces: Iterable[str], clock: Clock) -> None:
        self._interfaces = frozenset(interfaces)
        self._clock = clock
        self._events = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE
        )
        self._events.bind((0, RTMGRP_NEIGH))
        self._dirty = asyncio.Event()

    def snapshot(self) -> tuple[KernelNeighbor, ...] | None:
        """See NeighborTable. Blocks for well under a millisecond with a few hundred entries."""
        try:
            return tuple(sorted(self._dump()))
        except OSError:
            return None

    async def changes(self) -> AsyncIterator[None]:
        """See NeighborTable."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._events, self._drain)
        try:
            last = self.snapshot()
            while True:
                await self._dirty.wait()
                await self._clock.sleep(QUIET)
                self._dirty.clear()
                now = self.snapshot()
                # The kernel ages entries all the time; only MACs that come, change or go matter.
                if now is not None and now != last:
                    last = now
                    yield
        finally:
            loop.remove_reader(self._events)

    def resolve(self, local: str, remote: str) -> None:
        """See NeighborTable: an empty datagram to the discard port; the far gateway drops it unanswered."""
        family = socket.AF_INET6 if ":" in remote else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as probe:
            try:
                probe.bind((local, 0))
                probe.sendto(b"", (remote, DISCARD_PORT))
            except OSError:
                return  # the port or its address is not there now; asked again by the next round

    def close(self) -> None:
        """See NeighborTable."""
        self._events.close()

    def _drain(self) -> None:
        self._dirty.set()
        try:
            while self._events.recv(65536):
                pass
        except BlockingIOError:
            return
        except OSError:
            return  # ENOBUFS: events were lost, and the table is read again anyway

    def _dump(self) -> Iterator[KernelNeighbor]:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
            sock.settimeout(DUMP_TIMEOUT)
            sock.bind((0, 0))
            body = NDMSG.pack(socket.AF_UNSPEC, 0, 0, 0, 0, 0, 0)
            size = HEADER.size + len(body)
            sock.send(HEADER.pack(size, RTM_GETNEIGH, NLM_F_REQUEST | NLM_F_DUMP, 1, 0) + body)
            names: dict[int, str] = {}
            while True:
                for kind, flags, payload in messages(sock.recv(1 << 17)):
                    if flags & NLM_F_DUMP_INTR:
                        raise InterruptedError("the table changed while it was read")
                    if kind == NLMSG_ERROR:
                        number = -int.from_bytes(payload[:4], "little", signed=True)
                        raise OSError(number, os.strerror(number))
                    if kind == NLMSG_DONE:
                        return
                    entry = parse(payload, names) if kind == RTM_NEWNEIGH else None
                    if entry is not None and entry.interface in self._interfaces:
                        yield entry


def messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(type, flags, payload) of each message in a netlink datagram; a cut-off rest is dropped."""
    offset = 0
    while offset + HEADER.size <= len(data):
        length, kind, flags, _, _ = HEADER.unpack_from(data, offset)
        if length < HEADER.size or offset + length > len(data):
            return
        yield kind, flags, data[offset + HEADER.size : offset + length]
        offset += (length + 3) & ~3


def parse(payload: bytes, names: dict[int, str]) -> KernelNeighbor | None:
    """An entry with a usable Ethernet MAC; None for any other. `names` caches interface names by index."""
    if len(payload) < NDMSG.size:
        return None
    family, _, _, index, state, _, _ = NDMSG.unpack_from(payload)
    if family not in (socket.AF_INET, socket.AF_INET6) or not state & NUD_USABLE:
        return None
    attributes = dict(_attributes(payload[NDMSG.size :]))
    raw, mac = attributes.get(NDA_DST, b""), attributes.get(NDA_LLADDR, b"")
    if len(raw) not in (4, 16) or len(mac) != 6 or mac[0] & 1:
        return None  # multicast groups have entries too
    if index not in names:
        try:
            names[index] = socket.if_indextoname(index)
        except OSError:
            return None  # gone since
    return KernelNeighbor(names[index], str(ip_address(raw)), mac.hex(":"))


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset + ATTRIBUTE.size <= len(data):
        length, kind = ATTRIBUTE.unpack_from(data, offset)
        if length < ATTRIBUTE.size or offset + length > len(data):
            return
        yield kind, data[offset + ATTRIBUTE.size : offset + length]
        offset += (length + 3) & ~3
