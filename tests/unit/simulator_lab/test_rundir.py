"""Names are claimed by exactly one; a lab is alive as long as its lock is held."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from simulator import rundir
from simulator.errors import LabUsageError, NameTakenError, NoSuchLabError


@pytest.mark.parametrize(
    ("environment", "uid", "root"),
    [
        ({"CELLNET_RUN_DIR": "/x/y", "XDG_RUNTIME_DIR": "/run/user/7"}, 7, "/x/y"),
        ({"XDG_RUNTIME_DIR": "/run/user/7"}, 7, "/run/user/7/cellnet"),
        ({"XDG_RUNTIME_DIR": "/run/user/0"}, 0, "/run/user/0/cellnet"),
        ({}, 0, "/run/cellnet"),
        ({}, 7, "/tmp/cellnet-7"),
    ],
)
def test_where_run_directories_are(environment: dict[str, str], uid: int, root: str) -> None:
    assert rundir.root(environment, uid) == Path(root)


def test_default_names_get_numbers_and_wanted_names_are_refused(tmp_path: Path) -> None:
    base = tmp_path / "labs"
    claims = [rundir.claim(base, None, "ring", {"topology": "ring"}) for _ in range(3)]
    assert [claim.directory.name for claim in claims] == ["ring", "ring-2", "ring-3"]
    with pytest.raises(NameTakenError, match="a lab named 'ring-2' is running: choose another --name"):
        rundir.claim(base, "ring-2", "ring", {})
    claims[1].release()
    with pytest.raises(NameTakenError, match="'ring-2' died and left its logs in"):
        rundir.claim(base, "ring-2", "ring", {})
    assert sorted(path.name for path in base.iterdir()) == ["ring", "ring-2", "ring-3"]
    assert claims[0].directory.info()["name"] == "ring"


@pytest.mark.parametrize("name", ["", "..", "a/b", "A", "x" * 49, "-x", "a b"])
def test_names_that_cannot_be_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(LabUsageError, match="cannot be a lab's name"):
        rundir.claim(tmp_path / "labs", name, "ring", {})
    assert not (tmp_path / "labs").exists()


def test_a_lab_is_alive_while_any_descriptor_of_its_lock_is_open(tmp_path: Path) -> None:
    claim = rundir.claim(tmp_path / "labs", None, "ring", {})
    inherited = os.dup(claim.lock)
    assert claim.directory.alive()
    claim.release()
    assert claim.directory.alive()
    assert not claim.directory.wait_dead(0.05)
    os.close(inherited)
    assert not claim.directory.alive()
    assert claim.directory.wait_dead(1)


def test_asking_whether_it_is_alive_disturbs_nobody(tmp_path: Path) -> None:
    directory = rundir.claim(tmp_path / "labs", None, "ring", {}).directory
    asking = os.open(directory.path / "lock", os.O_RDONLY)
    with pytest.raises(BlockingIOError):
        fcntl.flock(asking, fcntl.LOCK_SH | fcntl.LOCK_NB)
    os.close(asking)
    assert directory.alive()


def test_remove_takes_all_or_keeps_logs(tmp_path: Path) -> None:
    directory = rundir.claim(tmp_path / "labs", None, "ring", {}).directory
    (directory.logs / "daemon.log").write_text("said\n")
    (directory.path / "topology.json").touch()
    directory.remove(keep_logs=True)
    assert sorted(path.name for path in directory.path.iterdir()) == ["journal", "lab.json", "lock", "logs"]
    directory.remove()
    directory.remove()
    assert list((tmp_path / "labs").iterdir()) == []


def test_a_recycled_pid_is_not_killed(tmp_path: Path) -> None:
    directory = rundir.claim(tmp_path / "labs", None, "ring", {}).directory
    other = f'{{"launcher": {{"pid": {os.getpid()}, "started": 1}}}}'
    (directory.path / "lab.json").write_text(other)
    directory.kill()  # we live: the start time is not ours
    (directory.path / "lab.json").write_text("torn")
    directory.kill()


def test_a_directory_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    base = tmp_path / "labs"
    base.mkdir()
    base.chmod(0o777)
    with pytest.raises(LabUsageError, match=r"others may write to .*: chmod go-w it"):
        rundir.claim(base, None, "ring", {})


def test_finding(tmp_path: Path) -> None:
    base = tmp_path / "labs"
    with pytest.raises(NoSuchLabError, match="start one with `cellnet lab up two-cells`"):
        rundir.find(None, base)
    one = rundir.claim(base, "one", "ring", {})
    assert rundir.find(None, base) == one.directory
    two = rundir.claim(base, "two", "ring", {})
    with pytest.raises(NoSuchLabError, match=r"several labs are running: .*\(one, two\)"):
        rundir.find(None, base)
    two.release()
    assert rundir.find(None, base) == one.directory
    assert rundir.find("two", base) == two.directory
    with pytest.raises(NoSuchLabError, match="no lab named 'three'; labs: one, two"):
        rundir.find("three", base)
