"""What is known of a session, kept in `probes/<session>/session.json` in the lab's run directory.

So that another process (`cellnet lab probe show`) can take the session up.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulator import codec
from simulator.probes.flows import Flow, ProbeError
from simulator.probes.load import Reading

FILE = "session.json"


@dataclass(frozen=True, slots=True)
class Watch:
    """The watcher of paths. `links` has the link of each "node:device" it looks at; `process` is the lab's
    id of it.

    `seen` is what it said last (see `simulator.probes.watching`), `alive` whether it answered then.
    """

    links: dict[str, str]
    process: str = ""
    seen: dict[str, Any] = field(default_factory=dict)
    alive: bool = True


@dataclass(frozen=True, slots=True)
class State:
    """A session. `started_ns` and `stopped_ns` are CLOCK_MONOTONIC, 0 before they happen.

    `processes` are the lab's ids of the nodes' processes; `statuses` what each said last (see
    `simulator.probes.process.Status`), with `alive`: whether it answered then.
    """

    name: str
    flows: tuple[Flow, ...]
    run: int
    started_ns: int = 0
    stopped_ns: int = 0
    links: tuple[str, ...] = ()
    processes: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, Any] = field(default_factory=dict)
    load_before: Reading | None = None
    load_after: Reading | None = None
    watch: Watch | None = None

    @property
    def running(self) -> bool:
        """Between start and stop."""
        return self.started_ns > 0 and self.stopped_ns == 0


def directory(run_directory: Path, name: str) -> Path:
    """Where a session's files are. Raises ProbeError for a name that cannot be one."""
    if not name or len(name) > 40 or not all(letter.isalnum() or letter in "-_" for letter in name):
        raise ProbeError(f"{name!r} cannot name a probe session: up to 40 letters, digits, hyphens", 2)
    return run_directory / "probes" / name


def load(run_directory: Path, name: str) -> State:
    """Raises ProbeError if there is no such session."""
    path = directory(run_directory, name) / FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        there = sorted(entry.parent.name for entry in path.parent.parent.glob(f"*/{FILE}"))
        raise ProbeError(
            f"there is no probe session {name!r}; sessions: {', '.join(there) or 'none'}. "
            "`cellnet lab probe start` starts one",
            2,
        ) from error
    return codec.from_document(State, document, place=str(path))


def store(run_directory: Path, state: State) -> None:
    """Complete or not at all. Raises ProbeError if the lab's run directory is gone."""
    path = directory(run_directory, state.name) / FILE
    fresh = path.with_suffix(".new")
    try:
        fresh.write_text(json.dumps(codec.to_document(state)), encoding="utf-8")
        fresh.rename(path)
    except FileNotFoundError as error:
        raise ProbeError(f"the lab's run directory {run_directory} is gone, and the probe with it") from error
