"""The processors' work, from their idle time."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator import processors


def stat(directory: Path, *, user: int = 0, idle: int = 0, steal: int = 0) -> Path:
    directory.mkdir(exist_ok=True)
    each = "cpu0 0 0 0 0 0 0 0 0 0 0\ncpu2 0 0 0 0 0 0 0 0 0 0\ncpu5 0 0 0 0 0 0 0 0 0 0\nintr 1 2\nctxt 3\n"
    (directory / "stat").write_text(f"cpu  {user} 0 0 {idle} 0 0 0 {steal} 0 0\n{each}")
    return directory


def test_what_was_neither_idle_nor_stolen_was_worked(tmp_path: Path) -> None:
    first = processors.read(stat(tmp_path, idle=1000, steal=10))
    second = processors.read(stat(tmp_path, idle=1300, steal=30))
    worked = second.busy - first.busy
    assert worked == pytest.approx((second.at - first.at) * second.count - 3.0 - 0.2, abs=1e-6)
    assert second.steal - first.steal == pytest.approx(0.2)
    assert second.count == 3, "those that are in the sum"


def test_samples_of_the_tick_count_for_nothing(tmp_path: Path) -> None:
    """A sender in step with the tick: it was seen in each of 5,000 ticks, and the processor was idle."""
    first = processors.read(stat(tmp_path))
    second = processors.read(stat(tmp_path, user=5000, idle=5000))
    assert second.busy - first.busy < 0
