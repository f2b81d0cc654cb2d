"""Acts on BGP: a gateway's speaker is told something, and told the opposite afterwards.

Told by a command line (`python -m bgp.tell`) in the gateway's namespace: this package knows no BGP library.
The moments are the command's own, just around what it sent.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from simulator import stack
from simulator.context import FaultContext, FaultTargetError
from simulator.faults.errors import FaultError, Problem
from simulator.faults.steps import Moments, reason_of

WITHIN = 15.0
"""Seconds that a command may take; it needs 0.2."""
FLOOD_WITHIN = 120.0
"""Seconds that a whole flood may take, and its withdrawal."""
NO_SPEAKER = 4
"""Exit status of the command when there is no speaker to talk to."""
FIRST_BLOCK = 500
"""Prefixes of a flood that are sent before its injection returns."""


@dataclass(frozen=True, slots=True)
class Session:
    """One end of a session: the gateway that speaks, its peer, and its own addresses to be next hops."""

    gateway: str
    peer: str
    next_hops: Mapping[int, str]  # by IP version


async def tell(
    context: FaultContext,
    gateway: str,
    words: Sequence[str],
    *,
    fault: str,
    stdin: str | None = None,
    within: float = WITHIN,
) -> dict[str, Any] | None:
    """What the command printed; None when there is no speaker. Raises FaultError with what it said."""
    argv = (*stack.PYTHON, "bgp.tell", "--directory", stack.speaker_directory_on(gateway), *words)
    done = await context.run(gateway, argv, stdin=stdin, within=within)
    if done.returncode == NO_SPEAKER:
        return None
    if done.returncode != 0:
        lines = [line for line in reason_of(done).splitlines() if line.strip()]
        raise FaultError(Problem(fault, f"the speaker of {gateway}: {lines[-1]}"))
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


def _moments(told: Mapping[str, Any] | None, gateway: str, fault: str) -> Moments:
    if told is None:
        raise FaultError(
            Problem(fault, f"no speaker runs on {gateway} now", f"see logs/speaker-{gateway}.log of the lab")
        )
    return float(told["t_before"]), float(told["t_after"])


@dataclass(slots=True)
class Reset:
    """A session ended; it comes back by itself."""

    final: ClassVar[bool] = True
    gateway: str
    session: str  # the peer's address, or the session's name
    fault: str

    async def prepare(self, context: FaultContext) -> None:
        """The command does everything."""

    async def do(self, context: FaultContext) -> Moments | None:
        told = await tell(context, self.gateway, ("reset", self.session), fault=self.fault)
        return _moments(told, self.gateway, self.fault)

    async def undo(self, context: FaultContext) -> None:
        """The speakers do that."""


@dataclass(slots=True)
class Withdrawn:
    """A cell's own prefixes withdrawn from some peers; undone by announcing them as they were."""

    final: ClassVar[bool] = False
    gateway: str
    peers: tuple[str, ...]
    prefixes: tuple[str, ...]
    fault: str
    _told: list[Any] | None = field(default=None, init=False)

    async def prepare(self, context: FaultContext) -> None:
        """The command does everything."""

    async def do(self, context: FaultContext) -> Moments | None:
        words = ("withdraw", *self.peers, "--prefix", *self.prefixes)
        told = await tell(context, self.gateway, words, fault=self.fault)
        moments = _moments(told, self.gateway, self.fault)
        assert told is not None
        self._told = told["advertisements"]
        return moments

    async def undo(self, context: FaultContext) -> Moments | None:
        return await _take_back(self, context, "announce")


@dataclass(slots=True)
class Announced:
    """Prefixes announced that the cell should not; undone by withdrawing what is left of them.

    `advertisements` are objects with `peer_address`, `prefix` and `next_hop`.
    """

    final: ClassVar[bool] = False
    gateway: str
    advertisements: tuple[Mapping[str, str], ...]
    fault: str
    _told: list[Any] | None = field(default=None, init=False)

    async def prepare(self, context: FaultContext) -> None:
        """The command does everything."""

    async def do(self, context: FaultContext) -> Moments | None:
        # From here on something may have been sent, also when this is cancelled.
        self._told = [dict(one) for one in self.advertisements]
        stdin = json.dumps(self._told)
        told = await tell(context, self.gateway, ("announce",), fault=self.fault, stdin=stdin)
        moments = _moments(told, self.gateway, self.fault)
        assert told is not None
        self._told = told["advertisements"]
        return moments

    async def undo(self, context: FaultContext) -> Moments | None:
        return await _take_back(self, context, "remove")


async def _take_back(step: Withdrawn | Announced, context: FaultContext, verb: str) -> Moments | None:
    """A speaker that was started anew since has forgotten all of it, and its agent tells it what is right."""
    if not step._told:  # noqa: SLF001  # the two classes share this half
        return None
    try:
        told = await tell(context, step.gateway, (verb,), fault=step.fault, stdin=json.dumps(step._told))  # noqa: SLF001  # as above
    except FaultTargetError:
        told = None  # the node is gone, and its speaker with it
    step._told = None  # noqa: SLF001  # as above
    return None if told is None else _moments(told, step.gateway, step.fault)


@dataclass(slots=True)
class Flooding:
    """Many prefixes: the first block is part of the injection, a task in the daemon sees to the rest."""

    final: ClassVar[bool] = False
    sessions: tuple[Session, ...]  # of one gateway
    count: int
    fault: str
    _begun: bool = field(default=False, init=False)
    _rest: asyncio.Task[None] | None = field(default=None, init=False)

    async def prepare(self, context: FaultContext) -> None:
        """The command does everything."""

    async def do(self, context: FaultContext) -> Moments | None:
        first = min(FIRST_BLOCK, self.count)
        self._begun = True
        told = await self._flood(context, 0, first, WITHIN)
        moments = _moments(told, self._gateway, self.fault)
        if first < self.count:
            self._rest = asyncio.create_task(self._keep_on(context, first), name=self.fault)
        return moments

    async def undo(self, context: FaultContext) -> Moments | None:
        if self._rest is not None:
            self._rest.cancel()
            await asyncio.gather(self._rest, return_exceptions=True)
            self._rest = None
        if not self._begun:
            return None
        words = ("unflood", *(session.peer for session in self.sessions))
        try:
            told = await tell(context, self._gateway, words, fault=self.fault, within=FLOOD_WITHIN)
        except FaultTargetError:
            told = None  # the node is gone, and its speaker with it
        self._begun = False
        return None if told is None else _moments(told, self._gateway, self.fault)

    @property
    def _gateway(self) -> str:
        return self.sessions[0].gateway

    async def _flood(self, context: FaultContext, first: int, count: int, within: float) -> Any:
        hops = [f"{session.peer}={session.next_hops[4]}" for session in self.sessions]
        words = ("flood", *hops, "--count", str(count), "--from", str(first))
        return await tell(context, self._gateway, words, fault=self.fault, within=within)

    async def _keep_on(self, context: FaultContext, first: int) -> None:
        detail: dict[str, Any] = {"gateway": self._gateway, "prefixes": self.count}
        try:
            told = await self._flood(context, first, self.count, FLOOD_WITHIN)
        except (FaultError, FaultTargetError, TimeoutError) as error:
            context.record("flood-broken", **detail, error=str(error) or "it took too long")
        else:
            if told is None:
                context.record("flood-broken", **detail, error="the speaker is gone")
            else:
                context.record("flood-sent", **detail)
