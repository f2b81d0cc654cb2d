"""The systemd units are right in systemd's own eyes, and start what is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.daemon.deploy.hosts import PROGRAMS
from tests.daemon.openflow.sandbox import ROOT

UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))


def verify(directory: Path) -> subprocess.CompletedProcess[str]:
    units = sorted(directory.glob("*.service"))
    return subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *units],
        capture_output=True,
        text=True,
        timeout=60,
    )


def installed(directory: Path, text: str) -> str:
    return text.replace("/usr/bin/cellnet-", f"{directory}/cellnet-")


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    """The units, over the programs of this environment."""
    for unit in UNITS:
        (tmp_path / unit.name).write_text(installed(PROGRAMS, unit.read_text()))
    return tmp_path


@pytest.mark.daemon
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_takes_every_unit(copies: Path) -> None:
    done = verify(copies)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    broken = copies / UNITS[0].name
    broken.write_text(broken.read_text().replace("Restart=", "Restarrt="))
    assert "Restarrt" in verify(copies).stderr, "a planted mistake is seen"


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_every_unit_starts_a_program_of_ours_with_options_it_knows(unit: Path) -> None:
    text = unit.read_text().replace("\\\n", " ")
    (line,) = (line for line in text.splitlines() if line.startswith("ExecStart="))
    program, *arguments = line.removeprefix("ExecStart=").split()
    found = PROGRAMS / Path(program).name
    assert found.exists(), f"{program} is not among the programs that the package installs"
    shown = subprocess.run([found, "--help"], capture_output=True, text=True, timeout=60, check=True).stdout
    for argument in arguments:
        if argument.startswith("--"):
            assert argument in shown
    assert "Type=notify" in text
    assert "NoNewPrivileges=yes" in text
