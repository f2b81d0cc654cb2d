"""Carries out planned actions at ExaBGP: one reload for neighbours, few lines for routes. An I/O shell."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from bgp import commands, config, readback, speaker
from bgp.client import CommandRefusedError, SpeakerClient
from bgp.model import Neighbor
from cellnet_core.drivers.contract import APPLY_TIMEOUT, Action, Outcome
from cellnet_core.drivers.exabgp.picture import Picture
from cellnet_core.drivers.exabgp.planning import (
    Announce,
    Refresh,
    RemoveNeighbor,
    Reset,
    SendEndOfRib,
    SetNeighbor,
    Withdraw,
)
from cellnet_core.model.clock import Clock
from cellnet_core.model.journal import Journal

CONFIRM_POLL = 0.01
RELOAD_AGAIN = 0.5


class Writer:
    """Writes to the speaker in one directory. The caller sees to one call at a time and to the time limit."""

    def __init__(
        self, directory: Path, client: SpeakerClient, picture: Picture, clock: Clock, journal: Journal
    ) -> None:
        self._directory = directory
        self._client = client
        self._picture = picture
        self._clock = clock
        self._journal = journal
        self._running: tuple[Neighbor, ...] | None = None
        self._text: str | None = None
        """The file for `_running`."""

    async def write(self, actions: Sequence[Action]) -> tuple[Outcome, ...]:
        """One outcome per action. Neighbours that follow each other share a reload, routes share lines."""
        outcomes: list[Outcome] = []
        for kind, group in groupby(actions, key=_kind):
            members = list(group)
            if kind is SetNeighbor:
                outcomes += await self._write_neighbors(members)
            elif kind is Announce:
                outcomes += await self._write_routes("announced", members)
            elif kind is Withdraw:
                outcomes += await self._write_routes("withdrawn", members)
            elif kind is SendEndOfRib:
                outcomes += [await self._write_end_of_rib(action) for action in members]
            elif kind in (Refresh, Reset):
                outcomes += [await self._write_once(action) for action in members]
            else:
                raise TypeError(f"actions of another driver: {[action.target for action in members]}")
        return tuple(outcomes)

    def write_configuration(self, neighbors: Sequence[Neighbor]) -> None:
        """Put exabgp.conf in place, in one step. Raises ConfigurationError and leaves the old one then."""
        self._put(config.render(neighbors, speaker.relay_command(self._directory)))

    def guard_configuration(self, running: Sequence[Neighbor] | None) -> None:
        """Put exabgp.conf right if somebody changed it: ExaBGP would not start again from a spoiled one.

        `running`: what ExaBGP runs with now; None while it does not answer, which keeps what was last right.
        """
        path = self._directory / speaker.CONFIGURATION
        try:
            if running is not None and running != self._running:
                self._text = config.render(running, speaker.relay_command(self._directory))
                self._running = tuple(running)
            if self._text is None or (path.is_file() and path.read_bytes() == self._text.encode("ascii")):
                return
            self._put(self._text)
        except (OSError, config.ConfigurationError) as error:
            # A full disk, or a neighbour by somebody else's hand that the next plan takes away.
            self._journal.record("bgp-file", file=path.name, problem=str(error))
            return
        self._journal.record("bgp-file", file=path.name, problem="changed by somebody else; put right")

    def _put(self, text: str) -> None:
        path = self._directory / speaker.CONFIGURATION
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        new = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # it may hold passwords
        with os.fdopen(new, "w", encoding="ascii") as file:
            file.write(text)
        draft.replace(path)

    async def _write_neighbors(self, actions: Sequence[Action]) -> list[Outcome]:
        """All these changes in one reload, read back until ExaBGP has taken them over."""
        current = {neighbor.peer_address: neighbor for neighbor in await self._read_neighbors()}
        wanted = dict(current)
        problems: dict[int, str] = {}
        for position, action in enumerate(actions):
            match action.payload:
                case SetNeighbor(neighbor):
                    try:
                        config.render([neighbor], speaker.relay_command(self._directory))
                    except config.ConfigurationError as error:
                        problems[position] = str(error)
                        continue
                    wanted[neighbor.peer_address] = neighbor
                case RemoveNeighbor(peer_address):
                    wanted.pop(peer_address, None)
        try:
            if wanted != current:
                self.write_configuration(tuple(wanted.values()))
                # A new neighbour's OPEN may come before the reload is seen to be done: be ready for it.
                self._picture.take_neighbors([*current.values(), *wanted.values()])
                await self._reload(wanted)
        except (config.ConfigurationError, CommandRefusedError) as error:
            return [Outcome(action, "failed", str(error)) for action in actions]
        return [
            Outcome(action, "failed", problems[position]) if position in problems else Outcome(action, "done")
            for position, action in enumerate(actions)
        ]

    async def _reload(self, wanted: dict[str, Neighbor]) -> None:
        """Have ExaBGP read its configuration; return when it runs with it.

        ExaBGP says "done" before it has begun, and forgets a reload while updates wait to be sent: so ask
        until configuration and sessions both show it, and now and then say it again.
        """
        while True:
            await self._client.ask(commands.RELOAD, APPLY_TIMEOUT)
            again = self._clock.now() + RELOAD_AGAIN
            while self._clock.now() < again:
                neighbors = await self._read_neighbors()
                states = readback.parse_sessions(
                    await self._client.ask(commands.SHOW_SESSIONS, APPLY_TIMEOUT)
                )
                taken_over = {neighbor.peer_address: neighbor for neighbor in neighbors} == wanted
                if taken_over and {state.peer.remote for state in states} == set(wanted):
                    self._picture.take_neighbors(neighbors)
                    return
                await self._clock.sleep(CONFIRM_POLL)

    async def _read_neighbors(self) -> tuple[Neighbor, ...]:
        return readback.parse_neighbors(await self._client.ask(commands.SHOW_CONFIGURATION, APPLY_TIMEOUT))

    async def _write_routes(self, word: str, actions: Sequence[Action]) -> list[Outcome]:
        """Announcements or withdrawals, as few lines as their attributes allow."""
        problems = {
            action.payload.advertisement: action.payload.problem
            for action in actions
            if isinstance(action.payload, Announce) and action.payload.problem is not None
        }
        sound = [one for one in (action.payload.advertisement for action in actions) if one not in problems]
        if word == "withdrawn":
            # ExaBGP would send a withdrawal for anything, and refuse it where the neighbour is gone.
            held = readback.parse_routes(await self._client.ask(commands.SHOW_ADJ_RIB_OUT, APPLY_TIMEOUT))
            there = {(address, route.prefix) for address, routes in held.items() for route in routes}
            sound = [one for one in sound if (one.peer_address, one.prefix) in there]
        # All at once: the relay passes them on one by one, and none waits here for the answer to the last.
        told = await asyncio.gather(*(self._tell(word, *line) for line in _render(word, sound)))
        for refused in told:
            problems.update(refused)
        return [_outcome(action, problems.get(action.payload.advertisement)) for action in actions]

    async def _tell(
        self, word: str, line: str, members: Sequence[commands.Advertisement]
    ) -> dict[commands.Advertisement, str]:
        """One line; why ExaBGP refused what it covers, if it did."""
        try:
            await self._client.ask(line, APPLY_TIMEOUT)
        except CommandRefusedError as error:
            return dict.fromkeys(members, str(error))
        name = self._picture.name(members[0].peer_address)
        self._journal.record("bgp-announce", neighbor=name, **{word: [one.prefix for one in members]})
        return {}

    async def _write_end_of_rib(self, action: Action) -> Outcome:
        """End-of-RIB for each family; it counts for the session that was up when it began."""
        payload: SendEndOfRib = action.payload
        before = self._picture.note_of(payload.peer_address)
        try:
            for family in payload.families:
                await self._client.ask(commands.end_of_rib(payload.peer_address, family), APPLY_TIMEOUT)
        except CommandRefusedError:
            return _outcome(action, "the session is not up; it will be told when it is")
        self._picture.take_end_of_rib(payload.peer_address, payload.families, before)
        return _outcome(action, None)

    async def _write_once(self, action: Action) -> Outcome:
        """A refresh or a reset of one session; ExaBGP refuses either where there is none."""
        payload: Refresh | Reset = action.payload
        if isinstance(payload, Reset):
            lines = [commands.teardown(payload.peer_address)]
        else:
            lines = [commands.route_refresh(payload.peer_address, family) for family in payload.families]
        try:
            for line in lines:
                await self._client.ask(line, APPLY_TIMEOUT)
        except CommandRefusedError:
            return _outcome(action, "the session is not up")
        return _outcome(action, None)


def _render(
    word: str, advertisements: Iterable[commands.Advertisement]
) -> Iterator[tuple[str, tuple[commands.Advertisement, ...]]]:
    return commands.announce(advertisements) if word == "announced" else commands.withdraw(advertisements)


def _outcome(action: Action, problem: str | None) -> Outcome:
    return Outcome(action, "done") if problem is None else Outcome(action, "failed", problem)


def _kind(action: Action) -> type[Any]:
    """What goes together: setting and removing neighbours is one reload."""
    kind = type(action.payload)
    return SetNeighbor if kind is RemoveNeighbor else kind
