"""A rogue speaker in the true one's place: the true one is held stopped, the rogue runs as a service."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from simulator import stack
from simulator.context import FaultContext, FaultTargetError
from simulator.faults import holds
from simulator.faults.errors import FaultError, Problem
from simulator.services import Notified, ServiceSpec

ESTABLISHED_WITHIN = 20.0
"""Seconds until the rogue has a session and has sent its first broken UPDATE; it needs about 2."""


@dataclass(slots=True)
class Impostor:
    """`arguments` are those of the rogue's command line. Supervised: a rogue that is killed comes back."""

    final: ClassVar[bool] = False
    gateway: str
    arguments: tuple[str, ...]
    fault: str
    _begun: bool = field(default=False, init=False)

    async def prepare(self, context: FaultContext) -> None:
        context.service(self._true_one)
        if holds.holders(context, self._resource):
            raise FaultError(
                Problem(self.fault, f"another rogue speaks for {self.gateway}", "clear that fault first")
            )
        holds.take(context, self._resource)
        self._begun = True

    async def do(self, context: FaultContext) -> None:
        await context.service(self._true_one).stop()
        journal = f"{stack.LAB}/journal/rogue-{self.gateway}.jsonl"
        argv = (*stack.PYTHON, "bgp.rogue", *self.arguments, "--journal", journal)
        spec = ServiceSpec("rogue", self.gateway, f"gateway {self.gateway}", argv, Notified())
        try:
            await context.add_service(spec, ESTABLISHED_WITHIN)
        except FaultTargetError as error:
            raise FaultError(
                Problem(
                    self.fault,
                    f"the rogue got no session within {ESTABLISHED_WITHIN:g} s: {str(error).splitlines()[0]}",
                    "the path must carry a session that is up: `cellnet session list`",
                )
            ) from error

    async def undo(self, context: FaultContext) -> None:
        if not self._begun:
            return
        await context.remove_service(f"rogue@{self.gateway}")
        try:
            await context.service(self._true_one).start()
        except FaultTargetError:
            pass  # the node is gone, and its speaker with it
        self._begun = False
        holds.release(context, self._resource)

    @property
    def _true_one(self) -> str:
        return f"speaker@{self.gateway}"

    @property
    def _resource(self) -> holds.Resource:
        return ("rogue", self.gateway)
