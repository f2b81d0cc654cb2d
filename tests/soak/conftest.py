"""Labs of the soak: their own run directory, kept when a test fails."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator import rundir
from simulator.client import LabClient

FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Remember whether the test itself failed."""
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed  # type: ignore[attr-defined]
    return report  # type: ignore[return-value]


@pytest.fixture
def labs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A root for run directories. Labs are ended afterwards; those of a failed test leave their logs."""
    path = Path(tempfile.mkdtemp(prefix="cn-soak-", dir=os.environ.get("CELLNET_SOAK_DIR")))
    monkeypatch.setenv("CELLNET_RUN_DIR", str(path))
    yield
    failed = request.node.stash.get(FAILED, False)
    for directory in rundir.listing(path):
        LabClient(directory).down(keep_logs=failed)
    if failed:
        print(f"logs and journals: {path}")
    else:
        path.rmdir()
