"""What is kept of each test in the directory of `--cellnet-report`. A directory a test: workers never meet.

DIR/<test>/report.json     outcome, faults, probes, machine, reset; times in seconds since the test began
DIR/<test>/timeline.jsonl  the timeline of the test, CLOCK_MONOTONIC
DIR/<test>/logs/           the lab's logs, of failed tests
DIR/<test>/captures/       its packets, of failed tests: a pcapng file for each capture
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from simulator.view import TimelineEntry

_LONGEST = 120


def write(
    directory: Path,
    nodeid: str,
    document: Mapping[str, Any],
    entries: Iterable[TimelineEntry],
    logs: Path | None,
) -> Path:
    """Write a test's directory anew; returns it. Raises OSError."""
    place = directory / name_for(nodeid)
    if place.exists():
        shutil.rmtree(place)
    place.mkdir(parents=True)
    (place / "report.json").write_text(json.dumps(document, indent=1, default=str) + "\n", encoding="utf-8")
    with (place / "timeline.jsonl").open("w", encoding="utf-8") as timeline:
        timeline.writelines(json.dumps(dataclasses.asdict(entry)) + "\n" for entry in entries)
    if logs is not None:
        shutil.copytree(logs, place / "logs")
    return place


def add(place: Path, **facts: Any) -> None:
    """Put more into a test's report.json. Raises OSError."""
    path = place / "report.json"
    document = {**json.loads(path.read_text(encoding="utf-8")), **facts}
    path.write_text(json.dumps(document, indent=1, default=str) + "\n", encoding="utf-8")


def name_for(nodeid: str) -> str:
    """A directory's name for a test: readable, and different for different tests."""
    plain = re.sub(r"[^A-Za-z0-9._]+", "-", nodeid).strip("-.")
    if len(plain) <= _LONGEST and plain == nodeid:
        return plain
    return f"{plain[-_LONGEST:]}-{hashlib.sha256(nodeid.encode()).hexdigest()[:8]}"
