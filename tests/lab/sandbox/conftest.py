"""Labs of these tests: their own run directory, a mark on every process, and a leak check after each test."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from simulator import lab, rundir
from simulator.client import LabClient
from tests.lab.sandbox import leaks


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch) -> str:
    """The mark of this test's processes."""
    mark = uuid.uuid4().hex
    monkeypatch.setenv(leaks.MARK, mark)
    return mark


@pytest.fixture
def before(mark: str) -> leaks.Snapshot:
    """The host before any lab of this test."""
    return leaks.take(mark)


@pytest.fixture
def base(monkeypatch: pytest.MonkeyPatch, before: leaks.Snapshot, mark: str) -> Iterator[Path]:
    """A run directory root of this test's own; afterwards nothing may be left of its labs."""
    with tempfile.TemporaryDirectory(prefix="cn-") as name:
        path = Path(name)
        monkeypatch.setenv("CELLNET_RUN_DIR", name)
        yield path
        for directory in rundir.listing(path):
            LabClient(directory).down()
        assert leaks.wait_nothing_left(before, mark) == []
        assert list(path.iterdir()) == []


@pytest.fixture
def up(base: Path) -> Callable[..., LabClient]:
    """Starts a bare lab (no daemons unless asked for)."""

    def start(topology: str = "two-cells", *, services: bool = False, **options: object) -> LabClient:
        return lab.up(topology, services=services, **options)  # type: ignore[arg-type]

    return start
