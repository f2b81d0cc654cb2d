"""The loop: look, think, act, until there is nothing left to do; then wait for a reason to look again.

Level-triggered: whatever rings only wakes it, and a resync timer rings too. One round looks, lets the planner
decide and carries the plan out. Of a device that did not ring and was not written to, what was seen a moment
ago will do, and of a speaker that tells of routes a glance; the resync looks at everything. Failures back
off; nothing that fails here ends the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from cellnet_core.agent import view
from cellnet_core.agent.execute import execute, first_failure
from cellnet_core.agent.kernel import NeighborTable
from cellnet_core.agent.looking import NOTHING, Lookout
from cellnet_core.agent.orders import Orders
from cellnet_core.agent.storage import Storage
from cellnet_core.agent.view import View
from cellnet_core.agent.wakeup import Backoff, Wakeup
from cellnet_core.drivers.contract import (
    Driver,
    DriverError,
    ForwardingDriver,
    ForwardingObservation,
    Outcome,
    SpeakerDriver,
)
from cellnet_core.model.clock import Clock
from cellnet_core.model.journal import Journal
from cellnet_core.model.site import Site
from cellnet_core.model.wire import ConditionReport, IntentDocument
from cellnet_core.planner import decide, drift, guards, holds, retention
from cellnet_core.planner.conditions import problem
from cellnet_core.planner.seen import Memory, Seen

RESYNC = 3.0
"""Seconds between two looks when nothing rings: drift is found within that time."""
RESYNC_SHARE = 3.0
"""A look that nothing asked for follows a pause of so many times the last round, which may be seconds."""
LONGEST_RESYNC = 15.0
"""But at most so many seconds."""
RETRY = 0.5
"""Seconds until the next look while a device does not answer or a next hop has no MAC."""
AUDIT = 3.0
"""Seconds between two audits of what the boot made."""
AUDIT_TIMEOUT = 5.0
"""Seconds for an audit; a switch that does not answer is not waited for."""
AUDIT_SHARE = 20.0
"""An audit is followed by a pause of so many times its own length: on a busy machine it comes less often."""
LONGEST_AUDIT = 15.0
"""But at most so many seconds."""
GATHER = 0.002
"""Seconds over which rings are gathered into one round."""
AT_ONCE = ("intent",)
"""Rings that nothing is gathered for: they come one at a time."""
LULL = 0.1
"""The same when only ports rang: the switch repairs by itself, and a look at it now would make it late."""
TOLD_SINGLY = 50
"""Drifts of one look that get a line each in the journal; of more, their number is told."""
MEMORY_GAP = 1.0
"""Seconds between two writes of the planner's memory."""
BURST = 8
"""Rounds with a plan that may follow each other without waiting for a ring."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything outside of the agent's thinking, given to it by the composition root."""

    clock: Clock
    journal: Journal
    storage: Storage
    neighbors: NeighborTable
    random: Random


class Reconciler:
    """Keeps one gateway and its speaker as the intent wants them. `view` is the result of the last round."""

    def __init__(
        self,
        site: Site,
        speaker: SpeakerDriver,
        forwarding: ForwardingDriver,
        around: Surroundings,
        changed: Callable[[View], None],
    ) -> None:
        self._site = site
        self._speaker = speaker
        self._forwarding = forwarding
        self._around = around
        self._changed = changed
        self._drivers: dict[str, Driver[Any, Any]] = {speaker.name: speaker, forwarding.name: forwarding}
        south = decide.southbound(
            speaker.plan, forwarding.plan, speaker.capabilities(), forwarding.capabilities()
        )
        self._south = replace(south, speaker=speaker.name, forwarding=forwarding.name)
        self.orders = Orders(speaker, around.storage, around.journal)
        self._backoff = Backoff(0.1, RESYNC, around.random)
        self._memory = retention.resume(around.storage.load_memory(), around.clock.now())
        self._saved = self._memory
        self._saved_at = float("-inf")
        self._lookout = Lookout(speaker, forwarding, around.neighbors, around.clock)
        self._known = NOTHING
        self._look_again_at = float("-inf")
        self._booted: str | None = None
        self._booting = asyncio.Lock()
        self._notice: ConditionReport | None = None
        self._boot_error = ""
        self._woken_by: tuple[str, ...] = ("start",)
        self._plans = 0
        self._failed_rounds = 0
        self.intent: IntentDocument | None = around.storage.load_intent()
        self.view = view.first(self.intent)
        self.bell = Wakeup()
        if self.intent is not None:
            around.journal.record(
                "intent", generation=self.intent.generation, owner=self.intent.owner, origin="disk"
            )

    def take(self, incoming: IntentDocument) -> None:
        """A new intent from the manager: put it in force, or say why not."""
        if incoming == self.intent:
            self._notice = None
            return
        verdict = guards.accept(self.intent, incoming)
        self._around.journal.record(
            "intent",
            generation=incoming.generation,
            owner=incoming.owner,
            origin="manager",
            accepted=verdict.accepted,
            reason=verdict.reason,
            message=verdict.message,
            connections={c.name: c.phase for c in incoming.connections},
        )
        self._notice = None
        if verdict.reason:
            self._notice = ConditionReport(
                type="IntentNotice", status="True", reason=verdict.reason, message=verdict.message
            )
        if verdict.accepted:
            self.intent = incoming
            self._around.storage.save_intent(incoming)
        self.bell.ring("intent")

    async def start(self) -> None:
        """Boot the gateway and do the first round; returns when the gateway has been booted."""
        while not await self._boot("start"):
            await self._around.clock.sleep(self._backoff.fail())
        self._backoff.reset()
        await self.round()

    async def run(self) -> None:
        """Rounds, for ever."""
        while True:
            pause = await self._burst()
            reasons = await self.bell.wait(self._around.clock, pause)
            self._woken_by = reasons or ("resync",)
            if reasons and not set(reasons) <= set(AT_ONCE):
                await self._around.clock.sleep(LULL if self._only_ports(reasons) else GATHER)

    def _only_ports(self, reasons: Sequence[str]) -> bool:
        return all(reason == f"{self._forwarding.name}: port" for reason in reasons)

    async def audit(self) -> None:
        """Have what the boot made looked at again and repaired, for ever.

        Beside the rounds and not in them: a switch that does not answer holds up neither speaker nor report.
        """
        pause = AUDIT
        while True:
            await self._around.clock.sleep(pause)
            began = self._around.clock.now()
            try:
                async with asyncio.timeout(AUDIT_TIMEOUT), self._booting:
                    changes = await self._forwarding.boot()
            except (DriverError, TimeoutError):
                pause = AUDIT  # the rounds tell of a switch that is not there
                continue
            if changes:
                self._around.journal.record("boot", why="audit", changes=list(changes))
                now = self._around.clock.now()
                self._keep(drift.mended(self._memory.book, self._forwarding.name, changes, now))
                self.bell.ring("audit")
            # What was put right took its time, which says nothing of the next one.
            took = 0.0 if changes else self._around.clock.now() - began
            pause = min(LONGEST_AUDIT, max(AUDIT, AUDIT_SHARE * took))

    async def _burst(self) -> float:
        """Rounds until nothing is left to do; how many seconds to wait for a ring then."""
        for _ in range(BURST):
            worked, pause = await self.round()
            if not worked:
                return pause
        return RETRY

    async def round(self) -> tuple[bool, float]:
        """Look, think, act once. Whether something was done, and the seconds until the next look."""
        began = self._around.clock.now()
        due = self.orders.due(self.intent)
        known = NOTHING if due or began >= self._look_again_at else self._known
        seen = await self._lookout.look(self._woken_by, known)
        if self._needs_boot(seen.forwarding) and await self._boot("switch restarted"):
            seen = await self._lookout.look()
        now = self._around.clock.now()
        before, intent = self._memory, self.intent  # a new intent may come at any moment from here on
        try:
            decision = decide.decide(intent, self._site, seen, before, self._south, now)
        except DriverError as error:
            return await self._cannot_plan(error)
        self._memory = replace(decision.memory, book=before.book)
        self._keep(decision.memory.book)
        self._tell_paths(before, decision.memory)
        for _, local, remote in decision.unresolved:
            self._around.neighbors.resolve(local, remote)
        outcomes = await self._act(decision.plan)
        self._known = self._lookout.untouched(seen, outcomes)
        failed = first_failure(outcomes)
        self._failed_rounds = self._failed_rounds + 1 if failed is not None else 0
        self._memory = replace(self._memory, book=drift.failed(self._memory.book, outcomes))
        why = "" if failed is None else f"{failed.action.verb} {failed.action.target}: {failed.message}"
        fresh = seen.speaker.fresh and seen.forwarding.fresh
        ordered = await self.orders.carry_out(due if fresh else (), seen.speaker.neighbors, why)
        took = self._around.clock.now() - began
        self._around.storage.settle()  # what is published is reported
        self._publish(intent, seen, replace(decision, memory=self._memory), outcomes, took)
        self._save_memory(now)
        if failed is not None:
            await self._around.clock.sleep(self._backoff.fail())
            return False, 0.0
        self._backoff.reset()
        pause = self._pause(seen, decision, took)
        if known == NOTHING:
            self._look_again_at = self._around.clock.now() + pause
        return bool(outcomes) or ordered, min(
            pause, max(GATHER, self._look_again_at - self._around.clock.now())
        )

    def _keep(self, book: drift.Book) -> None:
        """Remember what somebody else changed, and tell the journal what is new of it."""
        told = list(drift.news(self._memory.book, book))
        if len(told) > TOLD_SINGLY:
            self._around.journal.record("drift-more", count=len(told) - TOLD_SINGLY)
        for word, found in told[:TOLD_SINGLY]:
            self._around.journal.record(
                "drift",
                about=word,
                driver=found.driver,
                object=found.target,
                desired=drift.desired_text(found),
                observed=drift.observed_text(found),
                action=found.action,
                message=found.message,
                found=round(found.found, 6),
            )
        self._memory = replace(self._memory, book=book)

    async def _cannot_plan(self, error: DriverError) -> tuple[bool, float]:
        """A driver says that it cannot have this at all: change nothing, say so, look again later."""
        self._show(view.with_problem(self.view, problem("PlanImpossible", "DriverRefuses", str(error))))
        await self._around.clock.sleep(self._backoff.fail())
        return False, RESYNC

    def _pause(self, seen: Seen, decision: decide.Decision, took: float) -> float:
        uncertain = not seen.speaker.fresh or not seen.forwarding.fresh or bool(decision.unresolved)
        pause = RETRY if uncertain else min(LONGEST_RESYNC, max(RESYNC, RESYNC_SHARE * took))
        if decision.wake_at is not None:
            pause = min(pause, max(GATHER, decision.wake_at - self._around.clock.now()))
        return pause

    def _needs_boot(self, gateway: ForwardingObservation) -> bool:
        if not gateway.instance:
            return False  # no switch runs: its start will be heard or seen
        if gateway.instance != self._booted:
            return True
        there = {port.interface for port in gateway.ports if port.link_up is not None}
        return any(port.interface not in there for port in self._site.wan)

    async def _boot(self, why: str) -> bool:
        try:
            async with self._booting:
                changes = await self._forwarding.boot()
        except DriverError as error:
            if str(error) != self._boot_error:
                self._boot_error = str(error)
                self._around.journal.record("boot", why=why, error=self._boot_error)
            return False
        self._boot_error = ""
        gateway = await self._lookout.at_gateway()
        # A switch that cannot be seen yet is booted again when it shows up: that costs nothing.
        self._booted = gateway.instance or self._booted
        if changes or why == "start":
            self._around.journal.record("boot", why=why, instance=gateway.instance, changes=list(changes))
        return True

    async def _act(self, plan: decide.Plan) -> tuple[Outcome, ...]:
        if not plan:
            return ()
        record = self._around.journal.record
        self._plans += 1
        actions = [{"do": f"{a.verb} {a.target}", "why": a.reason} for a in plan.actions]
        record("plan", number=self._plans, woken_by=list(self._woken_by), actions=actions)
        outcomes = await execute(plan.actions, self._drivers)
        for outcome in outcomes:
            record(
                "action",
                plan=self._plans,
                driver=outcome.action.driver,
                do=f"{outcome.action.verb} {outcome.action.target}",
                status=outcome.status,
                message=outcome.message,
            )
        return outcomes

    def _tell_paths(self, before: Memory, after: Memory) -> None:
        words = {("held", "up"): "restored"}
        for turn in holds.turns(before.holds, after.holds):
            event = words.get((turn.before, turn.after), turn.after.value)
            self._around.journal.record("path", path=turn.path, event=event, before=turn.before.value)

    def _publish(
        self,
        intent: IntentDocument | None,
        seen: Seen,
        decision: decide.Decision,
        outcomes: tuple[Outcome, ...],
        took: float,
    ) -> None:
        rounds, notice, gateway = self._failed_rounds, self._notice, self._forwarding.name
        new = view.advance(self.view, intent, seen, decision, outcomes, rounds, notice, gateway)
        self._show(replace(new, round_s=took))

    def _show(self, new: View) -> None:
        old, self.view = self.view, new
        for connection, condition, status in view.condition_changes(old, new):
            self._around.journal.record(
                "condition",
                connection=connection,
                type=condition.type,
                status=status,
                reason=condition.reason,
                message=condition.message,
            )
        self._changed(self.view)

    def _save_memory(self, now: float) -> None:
        # Adjacencies are not written, the kernel has them; nor is drift that is not left alone.
        left = tuple(found for found in self._memory.book.open if found.left)
        worth = replace(self._memory, adjacencies=None, book=drift.Book(open=left))
        if worth == self._saved or now - self._saved_at < MEMORY_GAP:
            return
        self._around.storage.save_memory(worth)
        self._saved, self._saved_at = worth, now
