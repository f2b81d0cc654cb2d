"""`cellnet-manage export`: the same file as the API's, and a database made from it exports the same again."""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import Any

import pytest

from cellnet_core.cli import declare
from cellnet_core.cli.manage.main import main
from cellnet_core.manager.connections import ConnectionRequest
from cellnet_core.manager.profiles import ProfileRequest
from cellnet_core.store.records import BfdRecord, TimersRecord
from tests.unit.manager.world import World


class _App:
    """What cliff gives a command."""

    def __init__(self, url: str) -> None:
        self.options = argparse.Namespace(url=url, lab=None, token_file=None, os_cacert=None)
        self.stdout, self.stderr = io.StringIO(), io.StringIO()


def against(url: str, kind: type, *argv: str) -> str:
    """What a command of `cellnet` prints."""
    app = _App(url)
    made: Any = kind(app, None)
    assert made.run(made.get_parser("x").parse_args(list(argv))) == 0, app.stderr.getvalue()
    return app.stdout.getvalue()


def fill(world: World) -> None:
    """Something of everything that a file can say."""
    world.online()
    bfd = BfdRecord(50, 60, 4)
    limits = (("ipv4", 100), ("ipv6", 200))
    request = ProfileRequest("slow", 30, 60, 5.5, 2.0, bfd, limits, "med", tags=("a", "b"), description="s")
    world.manager.profiles.create(request)
    world.manager.profiles.create(ProfileRequest("calm", hold_time=90))
    world.manager.connections.put(
        "main-east",
        ConnectionRequest(
            name="main-east",
            local_endpoint="main-ep",
            remote_endpoint="east-ep",
            families=("ipv4",),
            timers=TimersRecord(hold_time=12, hold_down=1.5),
            profile="calm",
            enabled=False,
            description="with: colon, and ü",
            tags=("x",),
        ),
        None,
    )


def exported(database: Path, to: Path) -> str:
    """What `cellnet-manage` writes."""
    assert main(["--database", str(database), "export", "-o", str(to)]) == 0
    return to.read_text()


def test_export_apply_to_an_empty_database_export(lab: World, tmp_path: Path) -> None:
    full = World(tmp_path / "full.db")
    fill(full)
    full.manager.context.database.close()
    text = exported(full.path, tmp_path / "one.yaml")
    for word in ("multiplier: 4", "ipv6: 200", "hold_down: 1.5", "enabled: false", "172.16.1.1/30", "ü"):
        assert word in text
    url = f"unix://{tmp_path}/run/demo/manager.sock"
    against(url, declare.Apply, str(tmp_path / "one.yaml"), "--yes", "--no-wait")
    assert exported(lab.path, tmp_path / "two.yaml") == text
    assert against(url, declare.Export) == text, "the API says the same"
    assert against(url, declare.Plan, str(tmp_path / "two.yaml"), "--prune", "--adopt") == "no changes\n"


def test_whose_objects(lab: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lab.add_cells()
    for name in ("site-a", "site-b"):
        lab.manager.profiles.create(ProfileRequest(name, managed_by=name))
    assert main(["--database", str(lab.path), "export"]) == 2
    assert "say whose with --managed-by" in capsys.readouterr().err
    assert main(["--database", str(lab.path), "export", "--managed-by", "site-b"]) == 0
    written = capsys.readouterr().out
    assert "name: site-b" in written
    assert "name: site-a" not in written
