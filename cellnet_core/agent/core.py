"""All tasks of an agent, put together: loop, watchers, health checks, puller, reporter.

Everything it talks to is an argument, so that it runs the same over fakes and on a clock that a test turns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

from cellnet_core.agent import report
from cellnet_core.agent.health import HealthChecker, Pinger
from cellnet_core.agent.manager import ManagerClient
from cellnet_core.agent.puller import Puller
from cellnet_core.agent.reconciler import Reconciler, Surroundings
from cellnet_core.agent.reporter import Reporter
from cellnet_core.agent.view import View, reachable, targets
from cellnet_core.agent.wakeup import Backoff
from cellnet_core.drivers.contract import Driver, DriverError, ForwardingDriver, SpeakerDriver
from cellnet_core.model.site import Site
from cellnet_core.model.wire import ReportDocument


class Agent:
    """The agent of one gateway."""

    def __init__(
        self,
        site: Site,
        speaker: SpeakerDriver,
        forwarding: ForwardingDriver,
        manager: ManagerClient,
        pinger: Pinger,
        around: Surroundings,
    ) -> None:
        self._site = site
        self._drivers: tuple[Driver[Any, Any], ...] = (speaker, forwarding)
        self._manager = manager
        self._around = around
        clock, journal = around.clock, around.journal
        self._id = str(UUID(int=around.random.getrandbits(128), version=4))
        self._offer = report.inventory(site, speaker.capabilities(), forwarding.capabilities())
        self.reconciler = Reconciler(site, speaker, forwarding, around, self._seen)
        self._puller = Puller(manager, self.reconciler.take, clock, journal, around.random)
        self._reporter = Reporter(manager, self._report, clock, journal, around.random, self._puller.again)
        self._health = HealthChecker(pinger, clock, journal, lambda: self._reporter.bell.ring("health"))

    async def run(self, ready: Callable[[], None]) -> None:
        """Work until cancelled. `ready` is called once the gateway is booted and the speaker has its
        configuration; the manager need not be there."""
        try:
            await self.reconciler.start()
            ready()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.reconciler.run(), name="reconciler")
                tasks.create_task(self.reconciler.audit(), name="audit")
                tasks.create_task(self._puller.run(), name="puller")
                tasks.create_task(self._reporter.run(), name="reporter")
                tasks.create_task(self._watch_neighbors(), name="neighbours")
                for driver in self._drivers:
                    tasks.create_task(self._watch(driver), name=f"watch {driver.name}")
        finally:
            await self._health.close()
            await self._manager.close()
            for driver in self._drivers:
                await driver.close()
            self._around.neighbors.close()

    async def _watch(self, driver: Driver[Any, Any]) -> None:
        backoff = Backoff(0.2, 3.0, self._around.random)
        while True:
            try:
                async for hint in driver.watch():
                    backoff.reset()
                    detail = dict(hint.detail)
                    self._around.journal.record("hint", driver=driver.name, about=hint.about, detail=detail)
                    self.reconciler.bell.ring(f"{driver.name}: {hint.about}")
            except DriverError as error:
                self._around.journal.record("hint", driver=driver.name, about="lost", detail=str(error))
                await self._around.clock.sleep(backoff.fail())
            else:
                return  # the driver was closed

    async def _watch_neighbors(self) -> None:
        async for _ in self._around.neighbors.changes():
            self.reconciler.bell.ring("neighbours")

    def _seen(self, view: View) -> None:
        present = [c for c in view.connections if c.stage == "present"]
        self._health.update(
            [target for c in present for target in targets(self._site, c.intent)],
            [target for c in present for target in targets(self._site, c.intent) if reachable(c, target)],
            {c.intent.id: c.intent.profile.health_interval for c in present},
            observed=view.observed,
        )
        self._reporter.bell.ring("view")

    def _report(self, sequence: int) -> ReportDocument:
        document = report.document(
            self.reconciler.view,
            self._offer,
            self._id,
            sequence,
            self._health.reports,
            self.reconciler.orders.reports,
            self._around.clock.now(),
        )
        return report.with_notice(document, self._puller.apart)
