"""The real drivers keep the same contract, on real ExaBGP and real Open vSwitch with its controller."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.contract.checks import CHECKS

ROOT = Path(__file__).parents[2]
UNSHARE = ["unshare", "-r", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
LIMIT = 110


@cache
def results(kind: str) -> dict[str, str | None]:
    """The whole suite over one device, once."""
    command = [*UNSHARE, sys.executable, "-m", "tests.contract.sandboxed", kind]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, str | None] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.daemon
@pytest.mark.xdist_group("contract-exabgp")
@pytest.mark.parametrize("name", CHECKS)
def test_exabgp(name: str) -> None:
    problem = results("exabgp")[name]
    assert problem is None, problem


@pytest.mark.daemon
@pytest.mark.xdist_group("contract-openflow")
@pytest.mark.parametrize("name", CHECKS)
def test_openflow(name: str) -> None:
    problem = results("openflow")[name]
    assert problem is None, problem
