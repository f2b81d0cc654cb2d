"""The contract's calls over ExaBGP: an I/O shell around the modules beside it.

What must be known from outside: the speaker process (`python -m bgp.speaker`) waits for its first
configuration, which `prepare()` writes; the clock must be the machine's monotonic one, because the relay
stamps events with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from bgp import commands, readback, rib, speaker, tcpmd5
from bgp.client import CommandRefusedError, Hello, SpeakerClient, SpeakerUnavailableError
from cellnet_core.drivers.contract import (
    APPLY_TIMEOUT,
    OBSERVE_TIMEOUT,
    Action,
    Capabilities,
    DriverUnavailableError,
    Hint,
    Neighbor,
    Outcome,
    SpeakerIntent,
    SpeakerObservation,
)
from cellnet_core.drivers.exabgp import observation, planning
from cellnet_core.drivers.exabgp.picture import Picture
from cellnet_core.drivers.exabgp.writing import Writer
from cellnet_core.model.clock import Clock
from cellnet_core.model.journal import Journal, NoJournal

MARGIN = 0.5  # seconds kept back from the contract's limits
CONNECT_WITHIN = 1.0
FIRST_RETRY = 0.02
LONGEST_RETRY = 0.2
HINTS_KEPT = 1000
READINGS = 3  # of sessions and tables, until no session came or went in between

CAPABILITIES: dict[str, bool | str] = {
    "ipv4": True,
    "ipv6": True,
    "graceful_restart": True,
    "manual_end_of_rib": True,
    "communities": True,
    "dynamic_peers": "ExaBGP 5.0 has no command to add a neighbour: its configuration is rewritten and"
    " reloaded, which leaves unchanged sessions alone",
    "bfd": "ExaBGP has no BFD; the gateway's switch runs it",
    "evpn": "ExaBGP 5.0 cannot announce EVPN",
}


class ExaBgpSpeaker:
    """A `SpeakerDriver` over the speaker whose private directory is given."""

    name = planning.DRIVER

    def __init__(self, directory: Path, clock: Clock, journal: Journal | None = None) -> None:
        self._directory = directory
        self._clock = clock
        self._journal: Journal = journal or NoJournal()
        self._picture = Picture(clock, self._journal, self._hint)
        self._client = SpeakerClient(
            directory / speaker.SOCKET, self._take_hello, self._picture.take_line, self._take_loss
        )
        self._writer = Writer(directory, self._client, self._picture, clock, self._journal)
        self._turn = asyncio.Lock()
        self._lost = asyncio.Event()
        self._hints: set[asyncio.Queue[Hint | None]] = set()
        self._closed = False
        self._fault = ""
        self._asked: tuple[observation.Answers, float] | None = None
        """What ExaBGP answered last, and when; None where a glance would not do."""

    def capabilities(self) -> Capabilities:
        """The contract's capability document."""
        supports = {**CAPABILITIES, "md5": tcpmd5.supported()}
        return Capabilities(driver=self.name, version=version("exabgp"), supports=supports)

    def plan(self, desired: SpeakerIntent, observed: SpeakerObservation) -> tuple[Action, ...]:
        """The contract's `plan`."""
        return planning.plan(desired, observed)

    def order(self, kind: Literal["refresh", "reset"], neighbors: Sequence[Neighbor]) -> tuple[Action, ...]:
        """The contract's `order`."""
        return planning.order(kind, neighbors)

    def prepare(self) -> bool:
        """Write a configuration without neighbours unless there is one; the speaker process waits for it.

        Call it when the agent starts. True when it wrote. A configuration that is there stays: the speaker
        may be running on it, and the next plan corrects it.
        """
        if (self._directory / speaker.CONFIGURATION).exists():
            return False
        self._writer.write_configuration([])
        return True

    async def apply(self, actions: Sequence[Action]) -> tuple[Outcome, ...]:
        """The contract's `apply`."""
        if not actions:
            return ()
        self._asked = None
        try:
            async with asyncio.timeout(APPLY_TIMEOUT - MARGIN), self._turn:
                await self._client.connect(CONNECT_WITHIN)
                return await self._writer.write(actions)
        except (SpeakerUnavailableError, CommandRefusedError, readback.MalformedAnswerError) as error:
            raise DriverUnavailableError(str(error)) from error
        except TimeoutError as error:
            raise DriverUnavailableError(
                f"ExaBGP did not take it over within {APPLY_TIMEOUT - MARGIN} s; its log says why"
            ) from error

    async def observe(self) -> SpeakerObservation:
        """The contract's `observe`. Stale routes are remembered here, all else is what ExaBGP answers now.

        A configuration file that somebody changed behind ExaBGP's back is put right.
        """
        self._asked = None
        try:
            async with asyncio.timeout(OBSERVE_TIMEOUT - MARGIN), self._turn:
                found = await self._read_everything()
        except (
            SpeakerUnavailableError,
            CommandRefusedError,
            readback.MalformedAnswerError,
            TimeoutError,
        ) as error:
            text = f"{type(error).__name__}: {error}"
            if text != self._fault:  # said once, not at every look
                self._journal.record("driver-fault", driver=self.name, error=text)
            self._fault = text
            self._writer.guard_configuration(None)
            return SpeakerObservation(at=self._clock.now(), fresh=False)
        self._fault = ""
        self._writer.guard_configuration(found.configured)
        return found

    def glance(self) -> SpeakerObservation | None:
        """The contract's `glance`: one route more among 10,000 has none of them read again.

        Configuration, sessions and what is announced are as answered the last time; the tables that were read
        then have taken in every update since. Any other event, or one that cannot be read, needs asking.
        """
        if self._asked is None or not self._picture.only_routes or not self._client.connected:
            return None
        answers, at = self._asked
        now = self._clock.now()
        self._picture.advance(rib.Tick(), now)
        return replace(observation.compose(answers, self._picture.rib, self._picture.notes, now), at=at)

    async def watch(self) -> AsyncIterator[Hint]:
        """The contract's `watch`; also keeps the connection to the speaker up while it is iterated."""
        queue: asyncio.Queue[Hint | None] = asyncio.Queue()
        self._hints.add(queue)
        keeper = asyncio.create_task(self._keep_connected(), name="exabgp-driver")
        try:
            while not self._closed and (hint := await queue.get()) is not None:
                yield hint
        finally:
            self._hints.discard(queue)
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)

    async def close(self) -> None:
        """Let go of the speaker, which does not notice."""
        self._closed = True
        for queue in self._hints:
            queue.put_nowait(None)
        await self._client.close()

    async def _read_everything(self) -> planning.ExaBgpObservation:
        await self._client.connect(CONNECT_WITHIN)
        self._picture.only_routes = True
        neighbors = readback.parse_neighbors(await self._ask(commands.SHOW_CONFIGURATION))
        self._picture.take_neighbors(neighbors)
        for _ in range(READINGS):
            states = readback.parse_sessions(await self._ask(commands.SHOW_SESSIONS))
            sessions = {state.peer: state for state in states}
            routes = readback.parse_routes(await self._ask(commands.SHOW_ADJ_RIB_IN))
            announced = readback.parse_routes(await self._ask(commands.SHOW_ADJ_RIB_OUT))
            # Only now: a session that came up before the last answer would have its routes without it.
            if self._picture.take_tables(sessions, routes):
                break
        now = self._clock.now()
        self._picture.advance(rib.Tick(), now)
        answers = observation.Answers(self._picture.instance, neighbors, sessions, announced)
        self._asked = answers, now
        return observation.compose(answers, self._picture.rib, self._picture.notes, now)

    async def _ask(self, command: str) -> tuple[str, ...]:
        return await self._client.ask(command, OBSERVE_TIMEOUT)

    def _take_hello(self, hello: Hello) -> None:
        self._lost.clear()
        self._picture.take_hello(hello)

    def _take_loss(self) -> None:
        self._lost.set()
        self._hint("speaker", lost=True)

    def _hint(self, about: str, **detail: Any) -> None:
        for queue in self._hints:
            if queue.qsize() < HINTS_KEPT:
                queue.put_nowait(Hint(about, detail))

    async def _keep_connected(self) -> None:
        """Connect whenever there is no connection; say when stale routes run out."""
        pause = FIRST_RETRY
        while True:
            try:
                await self._client.connect(CONNECT_WITHIN)
            except SpeakerUnavailableError:
                await self._clock.sleep(pause)
                pause = min(pause * 2, LONGEST_RETRY)
                continue
            pause = FIRST_RETRY
            await self._until_lost_or_stale()

    async def _until_lost_or_stale(self) -> None:
        """Return when the connection is lost, and at least once a second to look at the tables' deadlines."""
        deadline = self._picture.rib.next_deadline()
        nap = 1.0 if deadline is None else max(0.0, min(1.0, deadline - self._clock.now()))
        waits = {asyncio.create_task(self._lost.wait()), asyncio.create_task(self._clock.sleep(nap))}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        now = self._clock.now()
        if deadline is not None and now >= deadline:
            self._picture.advance(rib.Tick(), now)
            self._hint("route", stale=True)
