"""Carries the acts of a step out on a lab, each at its moment, and takes every fault back."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from signal import SIGKILL
from typing import Any

from simulator.errors import LabError
from tests.soak import sabotage
from tests.soak.plans import Act, Setting
from tests.soak.world import Pair, World
from topologies.model import LinkKind

ORDERS = ("connect", "disconnect", "change", "announce")
"""What is asked of the manager, one after the other; everything else happens meanwhile."""


class Acts:
    """What can be done to a world; methods are named by `plans.Act.what`."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def setting(self) -> Setting:
        """What there is to break."""
        topology = self._world.topology
        return Setting(
            pairs=self._world.pairs,
            fibres=tuple(link.name for link in topology.links if link.kind is LinkKind.WAN),
            services=tuple(sorted(service.name for service in self._world.lab.services())),
            gateways=tuple(gateway.name for cell in topology.cells for gateway in cell.gateways),
            nodes=tuple(
                sorted(
                    {
                        end.node
                        for link in topology.links
                        if link.kind is LinkKind.MANAGEMENT
                        for end in (link.a, link.b)
                        if end.node != "mgmt"
                    }
                )
            ),
        )

    def run(self, acts: Sequence[Act]) -> None:
        """All of them at their moments; orders wait for the one before. Returns when faults are over."""
        start = time.monotonic()

        def one(act: Act) -> None:
            time.sleep(max(0.0, start + act.at - time.monotonic()))
            getattr(self, act.what)(*act.arguments)

        def orders() -> None:
            for act in acts:
                if act.what in ORDERS:
                    one(act)

        with ThreadPoolExecutor(max_workers=len(acts) + 1) as pool:
            running = [pool.submit(orders)]
            running += [pool.submit(one, act) for act in acts if act.what not in ORDERS]
        for each in running:
            each.result()
        self._world.lab.clear_all()

    def connect(self, pair: Pair) -> None:
        """Order a connection."""
        self._world.connect(pair)

    def disconnect(self, pair: Pair) -> None:
        """Order that it goes."""
        self._world.disconnect(pair)

    def change(self, pair: Pair, fields: Mapping[str, Any]) -> None:
        """Order that a connection becomes another."""
        self._world.change(pair, fields)

    def announce(self, cell: int, prefixes: tuple[str, ...]) -> None:
        """Order that the cell of that number has these prefixes beside its own."""
        self._world.announce(self._world.topology.cells[cell].name, prefixes)

    def kill(self, *services: str) -> None:
        """kill -9, all of them as good as at once. One that is not running at that moment is dead enough."""
        for service in services:
            try:
                self._world.lab.kill_service(service, SIGKILL)
            except LabError:
                continue

    def freeze(self, service: str, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after that time."""
        self.fault({"kind": "freeze", "service": service}, seconds)

    def fault(self, document: Mapping[str, Any], seconds: float) -> None:
        """A fault of the lab for that time. One that its target refuses now (it is dead) is left out."""
        try:
            identity = self._world.lab.inject(document)
        except LabError:
            return
        time.sleep(seconds)
        if identity in {fault.id for fault in self._world.lab.faults()}:
            self._world.lab.clear(identity)

    def spoil(self, gateway: str, what: str) -> None:
        """A careless hand. Its command may fail, since the switch may be dead."""
        try:
            self._world.lab.exec(gateway, ["sh", "-c", sabotage.line(what, gateway)], timeout=20.0)
        except LabError:
            return
