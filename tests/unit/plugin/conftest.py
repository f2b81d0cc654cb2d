"""Runs of pytest inside of tests, with the plugin and fake labs."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
INSTALLED = bool(importlib.metadata.entry_points(group="pytest11", name="cellnet"))
USE = ("-p", "cellnet" if INSTALLED else "scenarios.plugin")
"""By its entry point where that is installed: a module can be a plugin under one name only."""

CONFTEST = """
from pathlib import Path
from tests.unit.plugin.fakes import Fakes

def pytest_cellnet_factory(config):
    return Fakes(Path({base!r}), {refused!r}, no_lab={no_lab!r})
"""


class Inner:
    """One inner pytest: `run` gives its result, `notes` what the factory was asked for."""

    def __init__(self, pytester: pytest.Pytester, base: Path) -> None:
        self.pytester = pytester
        self.base = base

    def with_fakes(self, refused: dict[str, str] | None = None, no_lab: str | None = None) -> None:
        text = CONFTEST.format(base=str(self.base), refused=refused or {}, no_lab=no_lab)
        self.pytester.makeconftest(text)

    def run(self, test: str, *options: str, subprocess: bool = False) -> pytest.RunResult:
        self.pytester.makepyfile(test_inner=test)
        run: Callable[..., pytest.RunResult] = (
            self.pytester.runpytest_subprocess if subprocess else self.pytester.runpytest_inprocess
        )
        return run(*USE, "-p", "no:cacheprovider", *options)

    @property
    def notes(self) -> list[str]:
        path = self.base / "starts.txt"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


@pytest.fixture
def inner(
    pytester: pytest.Pytester, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Inner:
    base = tmp_path_factory.mktemp("labs")
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
    monkeypatch.setenv("CELLNET_RUN_DIR", str(base))
    inner = Inner(pytester, base)
    inner.with_fakes()
    return inner
