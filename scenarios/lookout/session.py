"""A lookout in a lab: starts the process, asks it, ends it. Needs nothing of the lab but its client."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from scenarios.lookout import sieve
from scenarios.lookout.values import Sighting, Spec, Switch, Told, doors, lowest_ttl
from simulator import codec
from simulator.errors import LabError
from simulator.ovs import run_directory
from simulator.probes import wiring
from simulator.probes.flows import ProbeError
from simulator.view import LabView
from topologies.model import Topology

INSIDE = Path("/run/lab")
"""The lab's run directory as its nodes see it."""
NAME = "lookout"
START_SECONDS = 15.0
END_SECONDS = 5.0
_POLL_SECONDS = 0.02


class Lab(Protocol):
    """What a lookout needs of a lab (`simulator.client.LabClient` has it)."""

    @property
    def run_directory(self) -> Path: ...
    def show(self) -> LabView: ...
    def spawn(self, node: str, argv: Sequence[str], name: str) -> str: ...
    def wait(self, process: str, timeout: float) -> int: ...
    def stop(self, process: str) -> int: ...


class Watchman:
    """A lookout from `start` to `end`. Not for several threads at once."""

    def __init__(self, lab: Lab, topology: Topology) -> None:
        self._lab = lab
        self._topology = topology
        self._process: str | None = None

    @property
    def _socket(self) -> Path:
        return self._lab.run_directory / f"{NAME}.sock"

    @property
    def _spec(self) -> Path:
        return self._lab.run_directory / f"{NAME}.json"

    def start(self) -> None:
        """Return when it looks. Raises LabError, and ProbeError when it does not start."""
        view = self._lab.show()
        spec = self.spec({node.name: node.pid for node in view.nodes})
        if not spec.doors:
            return  # one cell alone: nothing can go round or to the wrong place
        path = self._spec
        path.write_text(json.dumps(codec.to_document(spec)), encoding="utf-8")
        argv = (sys.executable, "-m", "scenarios.lookout", str(INSIDE / path.name))
        self._process = self._lab.spawn(spec.doors[0].node, argv, NAME)
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            process = next(one for one in self._lab.show().processes if one.id == self._process)
            if process.returncode is not None or time.monotonic() > deadline:
                log = self._lab.run_directory / "logs" / Path(process.log).name
                said = log.read_text(encoding="utf-8", errors="replace")[-800:] if log.exists() else ""
                raise ProbeError(f"the lookout did not start: {said.strip() or 'it does not answer'}")
            time.sleep(_POLL_SECONDS)

    def spec(self, pids: dict[str, int]) -> Spec:
        """What there is to look at."""
        cells = self._topology.cells
        homes = {str(prefix): cell.name for cell in cells for prefix in cell.prefixes}
        return Spec(
            socket=str(INSIDE / f"{NAME}.sock"),
            journal=str(INSIDE / "journal" / f"{NAME}.jsonl"),
            space=sieve.space(homes),
            homes=homes,
            ttl=lowest_ttl(self._topology),
            doors=doors(self._topology, pids),
            switches=tuple(
                Switch(gateway.name, f"{run_directory(gateway.name)}/br-phy.mgmt")
                for cell in cells
                for gateway in cell.gateways
            ),
        )

    def take(self) -> Told:
        """Everything since the last time. A lookout that is gone is told of once more each time."""
        return self._ask("take")

    def end(self) -> Told:
        """The last of it, and the end of the process."""
        told = self._ask("finish")
        process, self._process = self._process, None
        if process is not None:
            try:
                self._lab.wait(process, END_SECONDS)
            except LabError:
                self._stop(process)
            self._socket.unlink(missing_ok=True)
            self._spec.unlink(missing_ok=True)
        return told

    def _stop(self, process: str) -> None:
        try:
            self._lab.stop(process)
        except LabError:
            return  # the lab is gone, and the process with it

    def _answers(self) -> bool:
        try:
            wiring.ask(self._socket, op="ready")
        except ProbeError:
            return False
        return True

    def _ask(self, operation: str) -> Told:
        if self._process is None:
            return Told()
        try:
            answer, _ = wiring.ask(self._socket, op=operation)
        except ProbeError as error:
            return Told(gone=f"the lookout does not answer: {error}")
        return _told(answer)


def _told(answer: dict[str, Any]) -> Told:
    return Told(
        samples=int(answer["samples"]),
        changes=int(answer["changes"]),
        sightings=tuple(Sighting(**one) for one in answer["sightings"]),
        unseen=tuple(answer["unseen"]),
    )
