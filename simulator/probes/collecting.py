"""Reads what probe processes write, while they write it: only what is new each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from simulator.probes import records
from simulator.probes.analysis import FlowRecord


class Collector:
    """The records of a session's flows, from one file a node."""

    def __init__(self, files: Sequence[Path], flows: int) -> None:
        self._files = dict.fromkeys(files, 0)
        self.flows: Mapping[int, FlowRecord] = {number: FlowRecord() for number in range(flows)}

    def read(self) -> None:
        """Take in everything that has been written so far. Raises RecordError."""
        for path, start in self._files.items():
            try:
                with path.open("rb") as file:
                    file.seek(start)
                    data = file.read()
            except FileNotFoundError:
                continue  # not written yet
            blocks, used = records.decode(data)
            self._files[path] = start + used
            for block in blocks:
                flow = self.flows[block.flow]
                if block.kind == records.SENT:
                    flow.add_sent(block.times)
                else:
                    flow.add_received(block.sequence, block.times)
