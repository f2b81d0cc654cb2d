"""The forwarding driver of a gateway: Open vSwitch, its kernel, and a controller process beside it.

Thin: what to do is decided by `cellnet_core.openflow` (tables) and by the pure parts of this package; this
class owns the connections and the background tasks that turn what happens into hints.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Final

from cellnet_core.drivers.contract import (
    APPLY_TIMEOUT,
    OBSERVE_TIMEOUT,
    Action,
    Capabilities,
    DriverError,
    DriverUnavailableError,
    ForwardingIntent,
    ForwardingObservation,
    Hint,
    Outcome,
    PortStatus,
    PortTimers,
)
from cellnet_core.drivers.openflow import boot, ports, process, timers
from cellnet_core.drivers.openflow.channel import Channel
from cellnet_core.drivers.openflow.ovsdb import Database, Replica
from cellnet_core.model.clock import Clock
from cellnet_core.model.journal import Journal
from cellnet_core.model.site import Site
from cellnet_core.openflow import diff, pipeline, values

_NAME: Final = "openflow"
_RETRY: Final = 0.2
_SUPPORTS: Final[dict[str, bool | str]] = {
    "ipv4": True,
    "ipv6": True,
    "fast_failover": True,
    "bfd": True,
    "bfd_timers": True,
    "last_resort": True,
    "hold_down": True,
    "ecmp": "not built yet: groups are fast failover, one next hop carries a prefix at a time",
    "drain": "not built yet: the intent has no word for it; a path leaves by a new order of next hops",
    "tunnels": "not built yet: the pipeline routes IP between bare WAN ports",
}


class OpenFlowGateway:
    """Implements `ForwardingDriver`. Use it within one event loop, in the gateway's network namespace."""

    name = _NAME

    def __init__(self, site: Site, clock: Clock, journal: Journal) -> None:
        """Does no I/O; the first call that needs the switch starts following it."""
        self._site = site
        self._clock = clock
        self._journal = journal
        self._run_directory = Path(site.ovs.run_directory)
        self._replica = Replica(self._run_directory / "db.sock", clock, self._on_database)
        self._channel = Channel(Path(site.controller.socket), site.ovs.datapath_id)
        self._tasks: list[asyncio.Task[None]] = []
        self._watchers: list[asyncio.Queue[Hint | None]] = []
        self._ports: tuple[PortStatus, ...] = ()
        self._timers: tuple[PortTimers, ...] = ()
        self._closed = False
        self._untold: list[str] = []
        """What boots have changed before one of their steps failed: told with what comes after it."""

    def capabilities(self) -> Capabilities:
        """See the contract."""
        return Capabilities(_NAME, version("cellnet"), _SUPPORTS, timers.RANGES)

    # --- deciding -----------------------------------------------------------------------------------

    def plan(self, desired: ForwardingIntent, observed: ForwardingObservation) -> tuple[Action, ...]:
        """See the contract. Raises DriverError for an intent that this gateway cannot have."""
        wanted = pipeline.expand(desired, self._site)
        if not observed.fresh:
            return ()
        assert isinstance(observed.tables, values.Tables)
        changes = tuple(
            Action(_NAME, change.verb, change.target, change.reason, change.order, change.mod)
            for change in diff.changes(wanted, observed.tables)
        )
        paced = timers.actions(_NAME, desired.timers, observed.timers)
        return tuple(sorted((*changes, *paced), key=lambda action: action.order))

    # --- doing --------------------------------------------------------------------------------------

    async def boot(self) -> tuple[str, ...]:
        """See the contract. Raises DriverUnavailableError, saying what is not there."""
        self._start()
        await boot.ensure(self._site, self._replica, self._clock, self._untold)
        changed, self._untold = tuple(self._untold), []
        if changed:
            self._journal.record("gateway-boot", changed=list(changed))
        return changed

    async def apply(self, actions: Sequence[Action]) -> tuple[Outcome, ...]:
        """See the contract. Actions are sent stage by stage; a failed stage skips what comes after it."""
        outcomes: list[Outcome] = []
        failed = False
        try:
            async with asyncio.timeout(APPLY_TIMEOUT):
                for _, members in groupby(actions, key=lambda action: action.order):
                    stage = list(members)
                    if failed:
                        outcomes += [Outcome(each, "skipped", "an earlier action failed") for each in stage]
                        continue
                    problems = await self._carry_out(stage)
                    failed = bool(problems)
                    outcomes += [
                        Outcome(each, "failed", problems[index])
                        if index in problems
                        else Outcome(each, "done")
                        for index, each in enumerate(stage)
                    ]
        except TimeoutError as error:
            raise DriverUnavailableError(f"not done within {APPLY_TIMEOUT} s: observe again") from error
        return tuple(outcomes)

    async def _carry_out(self, stage: Sequence[Action]) -> dict[int, str]:
        """One stage; problems by index. The database takes BFD timers, the controller everything else."""
        paced = [n for n, each in enumerate(stage) if isinstance(each.payload, PortTimers)]
        rest = [n for n in range(len(stage)) if n not in paced]
        problems: dict[int, str] = {}
        if paced:
            wanted = [stage[n].payload for n in paced]
            try:
                await timers.ensure(self._run_directory, self._replica, wanted)
            except DriverUnavailableError as error:
                problems |= dict.fromkeys(paced, str(error))
        if rest:
            found = await self._channel.apply([stage[n].payload for n in rest], APPLY_TIMEOUT)
            problems |= {rest[place]: problem for place, problem in found.items()}
        return problems

    async def observe(self) -> ForwardingObservation:
        """See the contract. Ports come from the switch's database, tables through the controller."""
        self._start()
        running = process.instance(self._run_directory)
        try:
            tables = await self._channel.observe(OBSERVE_TIMEOUT - 0.5)
        except DriverUnavailableError as error:
            self._journal.record("tables-unknown", reason=str(error))
            return ForwardingObservation(self._clock.now(), False, running or "", self._port_statuses())
        return ForwardingObservation(
            at=self._clock.now(),
            # Tables of a switch that ended meanwhile are nobody's.
            fresh=running is not None and running == process.instance(self._run_directory),
            instance=running or "",
            ports=self._port_statuses(),
            tables=tables,
            timers=timers.seen(self._site, self._replica.state),
            unowned=diff.unowned(tables),
        )

    async def watch(self) -> AsyncIterator[Hint]:
        """See the contract."""
        self._start()
        queue: asyncio.Queue[Hint | None] = asyncio.Queue()
        self._watchers.append(queue)
        try:
            while not self._closed and (hint := await queue.get()) is not None:
                yield hint
        finally:
            self._watchers.remove(queue)

    async def close(self) -> None:
        """See the contract."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        self._tasks.clear()
        self._channel.close()
        for queue in self._watchers:
            queue.put_nowait(None)

    # --- following ----------------------------------------------------------------------------------

    def _start(self) -> None:
        if self._closed:
            raise DriverError("this driver is closed: make a new one")
        if not self._tasks:
            coroutines = (self._replica.run(), self._follow_process(), self._follow_controller())
            self._tasks = [asyncio.create_task(each) for each in coroutines]

    def _hint(self, about: str, **detail: object) -> None:
        for queue in self._watchers:
            queue.put_nowait(Hint(about, detail))

    def _port_statuses(self) -> tuple[PortStatus, ...]:
        running = process.instance(self._run_directory) is not None
        return ports.statuses(self._site, self._replica.state if running else None)

    def _on_database(self, database: Database | None) -> None:
        former, self._timers = self._timers, timers.seen(self._site, database)
        if former and self._timers and former != self._timers:
            self._hint("timers")
        before, self._ports = self._ports, self._port_statuses()
        known = {port.interface: port for port in before}
        for port in self._ports:
            if known.get(port.interface) != port:
                detail = {"interface": port.interface, "link_up": port.link_up, "bfd": port.bfd}
                self._journal.record("port", **detail)
                self._hint("port", **detail)

    async def _follow_process(self) -> None:
        while True:
            running = await process.wait_for_start(self._run_directory, self._clock)
            self._journal.record("switch-started", instance=running)
            self._hint("restart", instance=running)
            await process.wait_for_end(running)
            self._journal.record("switch-ended", instance=running)
            self._hint("restart", ended=running)
            self._on_database(None)

    async def _follow_controller(self) -> None:
        while True:
            connected = False
            async for event in self._channel.events():
                connected = True
                detail = {key: value for key, value in event.items() if key != "about"}
                self._hint(str(event.get("about", "controller")), **detail)
            if connected:
                self._journal.record("controller-lost")
                self._hint("controller-lost")
            await self._clock.sleep(_RETRY)
