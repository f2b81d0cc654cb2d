"""Tells a running speaker things from outside, by its relay: what drills and people with a shell need.

    python -m bgp.tell --directory DIR line 'show neighbor json'
    python -m bgp.tell --directory DIR reset PEER|NAME
    python -m bgp.tell --directory DIR withdraw PEER... --prefix PREFIX...
    python -m bgp.tell --directory DIR announce < advertisements.json
    python -m bgp.tell --directory DIR remove   < advertisements.json
    python -m bgp.tell --directory DIR flood PEER=NEXT_HOP... --count N [--from K]
    python -m bgp.tell --directory DIR unflood PEER...

Prints one JSON object: `t_before` and `t_after` (CLOCK_MONOTONIC seconds around what was sent), and for
`withdraw` the advertisements, which `announce` takes. Exit status 1: refused, the reason is on standard
error; 4: there is no speaker. Whoever drives the speaker (the agent) sees the change and may repair it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from ipaddress import IPv4Network, ip_network
from pathlib import Path
from typing import Any

from bgp import commands, readback, speaker
from bgp.client import CommandRefusedError, SpeakerClient, SpeakerUnavailableError
from bgp.commands import Advertisement
from bgp.model import canonical_address, canonical_prefix

CONNECT_WITHIN = 3.0
ANSWER_WITHIN = 30.0
REFUSED = 1
NO_SPEAKER = 4

FLOOD_RANGE = IPv4Network("10.128.0.0/9")
"""Private, and nobody's: the prefixes of a flood are its addresses, each alone."""


class NotToldError(Exception):
    """What was asked for makes no sense to this speaker now. The message says why."""


class Teller:
    """One conversation. Each method returns what is printed."""

    def __init__(self, client: SpeakerClient) -> None:
        self._client = client

    async def line(self, text: str) -> dict[str, Any]:
        """Any command of ExaBGP's API, and the lines of its answer."""
        before = time.monotonic()
        answer = await self._ask(text)
        return {"t_before": before, "t_after": time.monotonic(), "answer": answer}

    async def reset(self, whom: str) -> dict[str, Any]:
        """End an established session, known by its peer or its name; both ends come back by themselves."""
        neighbors = readback.parse_neighbors(await self._ask(commands.SHOW_CONFIGURATION))
        named = {one.name: one.peer_address for one in neighbors}
        peer = named.get(whom, whom)
        if peer not in named.values():
            known = ", ".join(sorted(named)) or "none"
            raise NotToldError(
                f"the session {whom} is not configured: there is nothing to reset; known: {known}"
            )
        sessions = readback.parse_sessions(await self._ask(commands.SHOW_SESSIONS))
        session = next((one for one in sessions if one.peer.remote == peer), None)
        if session is None or not session.established:
            state = "not there" if session is None else session.state
            raise NotToldError(f"the session with {peer} is {state}: there is nothing to reset")
        return await self._send([commands.teardown(peer)])

    async def withdraw(self, peers: Sequence[str], prefixes: Sequence[str]) -> dict[str, Any]:
        """Withdraw what is announced to these peers of these prefixes."""
        told = [
            one for one in await self._announced() if one.peer_address in peers and one.prefix in prefixes
        ]
        if not told:
            raise NotToldError(f"nothing of {', '.join(prefixes)} is announced to {', '.join(peers)}")
        sent = await self._send(line for line, _ in commands.withdraw(told))
        return {**sent, "advertisements": [asdict(one) for one in told]}

    async def announce(self, wanted: Sequence[Advertisement]) -> dict[str, Any]:
        """Announce what is not announced yet, to those of the peers that are configured."""
        known = await self._configured({one.peer_address for one in wanted})
        there = {(one.peer_address, one.prefix) for one in await self._announced()}
        new = [
            one for one in wanted if one.peer_address in known and (one.peer_address, one.prefix) not in there
        ]
        sent = await self._send(line for line, _ in commands.announce(new))
        return {**sent, "advertisements": [asdict(one) for one in new]}

    async def remove(self, unwanted: Sequence[Advertisement]) -> dict[str, Any]:
        """Withdraw what is still announced of these."""
        keys = {(one.peer_address, one.prefix) for one in unwanted}
        return await self._remove(lambda one: (one.peer_address, one.prefix) in keys)

    async def flood(self, hops: dict[str, str], count: int, first: int) -> dict[str, Any]:
        """Announce the flood's prefixes from number `first` to `count`, a block a line."""
        known = await self._configured(hops)
        return await self._send(
            line
            for peer in sorted(known)
            for line, _ in commands.announce(
                Advertisement(peer, prefix, hops[peer]) for prefix in flood_prefixes(first, count)
            )
        )

    async def unflood(self, peers: Sequence[str]) -> dict[str, Any]:
        """Withdraw what is announced of a flood, whatever of it has been sent and not yet repaired."""
        return await self._remove(
            lambda one: (
                one.peer_address in peers and ip_network(one.prefix).overlaps(FLOOD_RANGE)
                if ":" not in one.prefix
                else False
            )
        )

    async def _remove(self, unwanted: Callable[[Advertisement], bool]) -> dict[str, Any]:
        found = [one for one in await self._announced() if unwanted(one)]
        sent = await self._send(line for line, _ in commands.withdraw(found))
        return {**sent, "removed": len(found)}

    async def _configured(self, peers: Iterable[str]) -> set[str]:
        neighbors = readback.parse_neighbors(await self._ask(commands.SHOW_CONFIGURATION))
        known = {one.peer_address for one in neighbors} & set(peers)
        if not known:
            raise NotToldError(f"no session with {', '.join(sorted(peers))} is configured: connect first")
        return known

    async def _announced(self) -> list[Advertisement]:
        routes = readback.parse_routes(await self._ask(commands.SHOW_ADJ_RIB_OUT))
        return [
            Advertisement(peer, route.prefix, route.next_hop, route.med, route.communities)
            for peer, found in routes.items()
            for route in found
        ]

    async def _send(self, lines: Iterable[str]) -> dict[str, Any]:
        """One at a time: the agent's questions come through in between."""
        before = time.monotonic()
        number = 0
        for number, line in enumerate(lines, start=1):  # noqa: B007  # how many is told
            await self._ask(line)
        return {"t_before": before, "t_after": time.monotonic(), "lines": number}

    async def _ask(self, line: str) -> tuple[str, ...]:
        return await self._client.ask(line, ANSWER_WITHIN)


def flood_prefixes(first: int, count: int) -> Iterator[str]:
    """The prefixes of a flood from number `first` up to `count`."""
    base = int(FLOOD_RANGE.network_address)
    return (str(IPv4Network(base + number)) for number in range(first, count))


def parse_advertisements(text: str) -> list[Advertisement]:
    """What `withdraw` printed, or as much of it as matters. Raises NotToldError."""
    try:
        return [
            Advertisement(
                canonical_address(item["peer_address"]),
                canonical_prefix(item["prefix"]),
                canonical_address(item["next_hop"]),
                item.get("med"),
                tuple(item.get("communities", ())),
            )
            for item in json.loads(text)
        ]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise NotToldError(f"not a list of advertisements: {type(error).__name__}: {error}") from error


async def tell(parsed: argparse.Namespace) -> dict[str, Any]:
    """Connect, say it, and leave."""
    client = SpeakerClient(parsed.directory / speaker.SOCKET, lambda _: None, lambda _at, _line: None)
    await client.connect(CONNECT_WITHIN)
    teller = Teller(client)
    try:
        match parsed.verb:
            case "line":
                return await teller.line(parsed.text)
            case "reset":
                return await teller.reset(parsed.peer)
            case "withdraw":
                return await teller.withdraw(parsed.peers, [canonical_prefix(one) for one in parsed.prefix])
            case "announce":
                return await teller.announce(parse_advertisements(sys.stdin.read()))
            case "remove":
                return await teller.remove(parse_advertisements(sys.stdin.read()))
            case "flood":
                hops = dict(word.split("=", 1) for word in parsed.hops)
                return await teller.flood(hops, parsed.count, parsed.first)
            case _:
                return await teller.unflood(parsed.peers)
    finally:
        await client.close()


def parser() -> argparse.ArgumentParser:
    """The command line."""
    words = argparse.ArgumentParser(prog="bgp.tell", description="Tells a running speaker things.")
    words.add_argument("--directory", type=Path, required=True, help="private directory of the speaker")
    verbs = words.add_subparsers(dest="verb", required=True)
    verbs.add_parser("line").add_argument("text")
    verbs.add_parser("reset").add_argument("peer")
    withdraw = verbs.add_parser("withdraw")
    withdraw.add_argument("peers", nargs="+")
    withdraw.add_argument("--prefix", nargs="+", required=True)
    verbs.add_parser("announce")
    verbs.add_parser("remove")
    flood = verbs.add_parser("flood")
    flood.add_argument("hops", nargs="+", metavar="PEER=NEXT_HOP")
    flood.add_argument("--count", type=int, required=True)
    flood.add_argument("--from", dest="first", type=int, default=0)
    verbs.add_parser("unflood").add_argument("peers", nargs="+")
    return words


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit status."""
    parsed = parser().parse_args(arguments)
    try:
        print(json.dumps(asyncio.run(tell(parsed))))
    except SpeakerUnavailableError as error:
        sys.stderr.write(f"{error}\n")
        gone = isinstance(error.__cause__, FileNotFoundError | ConnectionRefusedError)
        return NO_SPEAKER if gone else REFUSED
    except (NotToldError, CommandRefusedError, readback.MalformedAnswerError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
