"""`endpoint set`, `connection set` and `connection delete --force`, against the API."""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path
from typing import Any

import pytest

from cellnet_core.cli import connection, endpoint
from cellnet_core.cli.errors import UsageError
from cellnet_core.client import ApiError
from tests.unit.manager.world import World


class _App:
    """What cliff gives a command."""

    def __init__(self, url: str) -> None:
        self.options = argparse.Namespace(url=url, lab=None, token_file=None, os_cacert=None)
        self.stdout = io.StringIO()


@pytest.fixture
def command(lab: World, tmp_path: Path):
    """Run a command; returns what it showed."""
    lab.online()

    def run(kind: type, *argv: str) -> Any:
        app = _App(f"unix://{tmp_path}/run/demo/manager.sock")
        made = kind(app, None)
        form = ("-f", "json") if kind.__name__ == "Set" else ()
        assert made.run(made.get_parser("x").parse_args([*argv, *form])) == 0
        return json.loads(app.stdout.getvalue() or "null")

    return run


def test_set_changes_what_is_named_and_leaves_the_rest(lab: World, command) -> None:
    before = lab.manager.endpoints.get("main-ep").record
    shown = command(endpoint.Set, "main-ep", "--name", "edge", "--description", "north door")
    assert (shown["name"], shown["description"], shown["revision_number"]) == ("edge", "north door", 2)
    after = lab.manager.endpoints.get("edge").record
    assert (after.prefixes, after.interfaces, after.asn) == (before.prefixes, before.interfaces, before.asn)
    shown = command(connection.Set, "main-east", "--hold-time", "6", "--disable")
    assert (shown["hold_time"], shown["enabled"], shown["hold_down"]) == (6, False, None)
    assert command(connection.Set, "main-east", "--enable")["enabled"] is True


@pytest.mark.parametrize("kind", [endpoint.Set, connection.Set])
def test_set_without_a_change_is_a_mistake(command, kind: type) -> None:
    with pytest.raises(UsageError, match="nothing to change"):
        command(kind, "main-ep" if kind is endpoint.Set else "main-east")


def test_set_tells_what_the_api_refuses(command) -> None:
    with pytest.raises(ApiError, match="cannot change while connection main-east uses it"):
        command(endpoint.Set, "main-ep", "--interface", "wan1")


def test_forced_deletion_waits_for_nobody(lab: World, command) -> None:
    command(connection.Delete, "main-east", "--force", "--wait")
    assert "connection.deleted" in lab.event_types()
