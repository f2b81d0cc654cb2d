"""The leak check itself: each kind of leak, planted, is caught."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.lab.sandbox import leaks

ROOT = Path(__file__).parents[3]


def test_nothing_planted_nothing_found(mark: str, before: leaks.Snapshot) -> None:
    assert leaks.left_behind(before, mark) == []


def test_a_process_left_behind_is_caught(mark: str, before: leaks.Snapshot) -> None:
    with subprocess.Popen(["sleep", "60"]) as planted:
        assert leaks.left_behind(before, mark) == [f"processes: {planted.pid} sleep 60"]
        planted.kill()
    assert leaks.left_behind(before, mark) == []


def test_a_file_left_behind_is_caught(mark: str, tmp_path: Path) -> None:
    watched = (str(tmp_path),)
    before = leaks.take(mark, watched)
    (tmp_path / "conf.db").touch()
    assert leaks.left_behind(before, mark, watched) == [f"files: {tmp_path / 'conf.db'}"]


def test_an_interface_and_a_mount_left_behind_are_caught() -> None:
    """In a user namespace, where planting them needs no rights and harms nobody."""
    script = (
        "import subprocess\n"
        "from tests.lab.sandbox import leaks\n"
        "before = leaks.take('x')\n"
        "subprocess.run(['ip', 'link', 'add', 'planted', 'type', 'bridge'], check=True)\n"
        "subprocess.run(['mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], check=True)\n"
        "print(leaks.left_behind(before, 'x'))\n"
    )
    found = subprocess.run(
        ["unshare", "-r", "--net", "--mount", sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert found.stdout.strip() == "['interfaces: planted', 'mounts: /mnt']"
