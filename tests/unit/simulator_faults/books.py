"""A lab that keeps books of what is done to it, and has no kernel under it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from simulator.context import Completed, FaultTargetError, Inventory
from simulator.services import ServiceSpec
from topologies.model import Link


class ManualClock:
    """Moves only by waiting."""

    def __init__(self) -> None:
        self.time = 100.0

    def now(self) -> float:
        self.time += 0.001
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        await asyncio.sleep(0)


@dataclass
class BookService:
    """A service that writes down what happened to it."""

    name: str
    node: str
    pid: int | None = 7
    frozen: bool = False
    signals: list[int] = field(default_factory=list)
    restarts: int = 0

    def kill(self, signal: int) -> None:
        if self.pid is None:
            raise FaultTargetError(f"{self.name} is not running")
        self.signals.append(signal)

    def freeze(self) -> None:
        self.frozen = True

    def thaw(self) -> None:
        self.frozen = False

    async def restart(self) -> None:
        self.restarts += 1

    async def stop(self) -> None:
        self.pid = None

    async def start(self) -> None:
        self.pid = 7


class BookDoor:
    """The rule sets of one node of a lab that keeps books."""

    def __init__(self, lab: BookLab, node: str) -> None:
        self.lab = lab
        self.node = node

    def run(self, commands: str) -> str:
        made = re.match(r"table (\w+) (\w+) ", commands)
        if made:
            if self.node in self.lab.refuse:
                return self.lab.refuse[self.node]
            self.lab.tables[self.node, made[1], made[2]] = commands
            return ""
        removed = re.fullmatch(r"delete table (\w+) (\w+)", commands)
        assert removed
        if self.lab.tables.pop((self.node, removed[1], removed[2]), None) is None:
            return "Error: Could not process rule: No such file or directory"
        return ""

    def close(self) -> None:
        self.lab.doors -= 1


class BookLab:
    """Keeps interfaces, tables and disciplines as a kernel does; refuses what it is told to."""

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self.clock = ManualClock()
        self.down: set[tuple[str, str]] = set()
        self.tables: dict[tuple[str, str, str], str] = {}
        self.qdiscs: dict[tuple[str, str], str] = {}
        self.services = {name: BookService(name, node) for name, node in inventory.services.items()}
        self.journal: list[tuple[str, dict[str, Any]]] = []
        self.refuse: dict[str, str] = {}
        self.gone: set[str] = set()
        self.doors = 0
        self.netem = True
        self.taps: set[tuple[str, str]] = set()

    @property
    def untouched(self) -> bool:
        frozen = any(service.frozen for service in self.services.values())
        added = self.services.keys() - self.inventory.services.keys()
        return not (self.down or self.tables or self.qdiscs or self.taps or frozen or added)

    def node_pid(self, node: str) -> int:
        return 1

    def link(self, name: str) -> Link:
        if name not in self.inventory.links:
            raise FaultTargetError(name)
        return self.inventory.links[name]

    def service(self, name: str) -> BookService:
        return self.services[name]

    def set_interface(self, node: str, interface: str, *, up: bool) -> None:
        if node in self.gone or (node in self.refuse and not up):
            raise FaultTargetError(node)
        (self.down.discard if up else self.down.add)((node, interface))

    async def run(
        self, node: str, argv: Sequence[str], *, stdin: str | None = None, within: float = 10.0
    ) -> Completed:
        await asyncio.sleep(0)
        if node in self.gone:
            raise FaultTargetError(node)
        if node in self.refuse and "del" not in argv:
            return Completed(1, "", self.refuse[node])
        if argv[0] == "sh":
            return self._shell(node, argv[2])
        key = (node, argv[4])
        if argv[:2] == ("ip", "link"):
            self.taps.discard(key)
        elif argv[2] == "add":
            if key in self.qdiscs:
                return Completed(2, "", "RTNETLINK answers: File exists")
            self.qdiscs[key] = argv[6]
        else:
            self.qdiscs.pop(key, None)
        return Completed(0, "", "")

    def _shell(self, node: str, script: str) -> Completed:
        """The scripts of a delay."""
        words = script.split()
        device = words[words.index("dev") + 1]
        if device == "lo" or "root" in words:
            if not self.netem:
                return Completed(2, "", "Error: Specified qdisc kind is unknown.")
            if device != "lo":
                self.qdiscs[node, device] = "netem"
        elif words[:3] == ["ip", "tuntap", "add"]:
            self.taps.add((node, device))
        else:
            assert (node, words[-1]) in self.taps
            self.qdiscs[node, device] = "clsact"
        return Completed(0, "", "")

    def firewall(self, node: str) -> BookDoor:
        if node in self.gone:
            raise FaultTargetError(node)
        self.doors += 1
        return BookDoor(self, node)

    async def add_service(self, spec: ServiceSpec, within: float) -> None:
        if spec.node in self.refuse:
            raise FaultTargetError(self.refuse[spec.node])
        self.services[spec.name] = BookService(spec.name, spec.node)

    async def remove_service(self, name: str) -> None:
        self.services.pop(name, None)

    def record(self, kind: str, **detail: Any) -> None:
        self.journal.append((kind, detail))


def run(coroutine: Any) -> Any:
    """Run it to its end, bounded."""
    return asyncio.run(asyncio.wait_for(coroutine, 10))
