"""Which manager a command talks to."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from cellnet_core.cli.errors import NoManagerError, UsageError
from cellnet_core.cli.locate import manager_url, run_directory


@contextlib.contextmanager
def listening(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()
        yield


@pytest.mark.parametrize(
    ("environment", "uid", "expected"),
    [
        ({"CELLNET_RUN_DIR": "/a", "XDG_RUNTIME_DIR": "/b"}, 0, "/a"),
        ({"XDG_RUNTIME_DIR": "/b"}, 1000, "/b/cellnet"),
        ({}, 0, "/run/cellnet"),
        ({}, 1000, "/tmp/cellnet-1000"),
    ],
)
def test_the_run_directory(environment: dict[str, str], uid: int, expected: str) -> None:
    assert run_directory(environment, uid) == Path(expected)


def test_the_only_running_lab_is_meant_and_dead_ones_are_not(tmp_path: Path) -> None:
    with pytest.raises(NoManagerError, match="cellnet lab up"):
        manager_url(None, None, tmp_path)
    with listening(tmp_path / "dead" / "manager.sock"):
        pass
    with pytest.raises(NoManagerError):
        manager_url(None, None, tmp_path)
    with listening(tmp_path / "one" / "manager.sock"):
        assert manager_url(None, None, tmp_path) == f"unix://{tmp_path}/one/manager.sock"
        assert manager_url("http://x", None, tmp_path) == "http://x"
        with pytest.raises(UsageError, match="running: one"):
            manager_url(None, "dead", tmp_path)
        with listening(tmp_path / "two" / "manager.sock"):
            with pytest.raises(UsageError, match=r"one, two\): name one with --lab"):
                manager_url(None, None, tmp_path)
            assert manager_url(None, "two", tmp_path).endswith("two/manager.sock")
