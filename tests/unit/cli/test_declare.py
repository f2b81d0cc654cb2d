"""`plan`, `apply`, `export` and `path show` against the API, with agents that obey in the background."""

from __future__ import annotations

import argparse
import io
import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cellnet_core.cli import declare, path
from cellnet_core.cli.errors import UsageError
from cellnet_core.declarative.execution import ApplyError
from cellnet_core.declarative.source import DocumentError
from tests.unit.manager.world import World

FILE = """\
cellnet: 1
managed_by: site-a
endpoints:
  - {name: main-ep, cell: main}
  - {name: east-ep, cell: east}
connections:
  - {name: main-east, local_endpoint: main-ep, remote_endpoint: east-ep}
"""
Run = Callable[..., tuple[int, str]]


class _App:
    """What cliff gives a command."""

    def __init__(self, url: str) -> None:
        self.options = argparse.Namespace(url=url, lab=None, token_file=None, os_cacert=None)
        self.stdout, self.stderr = io.StringIO(), io.StringIO()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "site.yaml"
    made.write_text(FILE)
    return made


@pytest.fixture
def run(lab: World, tmp_path: Path) -> Run:
    """Run a command; its exit status and what it printed."""

    def command(kind: type, *argv: object) -> tuple[int, str]:
        app = _App(f"unix://{tmp_path}/run/demo/manager.sock")
        made = kind(app, None)
        status = made.run(made.get_parser("x").parse_args([str(word) for word in argv]))
        return status, app.stdout.getvalue() + app.stderr.getvalue()

    return command


@pytest.fixture
def agents(lab: World) -> Iterator[None]:
    """Both agents know their cells, and do as they are told until the test is over."""
    lab.add_cells()
    lab.obey()
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.05):
            lab.obey()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    over.set()
    thread.join(timeout=20)
    assert not thread.is_alive()


def test_plan_apply_and_nothing_more_to_do(run: Run, agents: None, lab: World, file: Path) -> None:
    status, text = run(declare.Plan, file, "--detailed-exitcode")
    assert status == declare.CHANGES
    found = re.search(r"plan hash: (\w+)", text)
    assert found is not None
    status, text = run(declare.Apply, file, "--plan-hash", found[1])
    assert status == 0
    assert lab.manager.connections.get("main-east").status.state == "active"
    assert lab.manager.endpoints.get("main-ep").record.managed_by == "site-a"
    revisions = [record(lab).revision_number for record in (_connection, _endpoint)]
    assert run(declare.Apply, file) == (0, "no changes\n")
    assert run(declare.Plan, file, "--detailed-exitcode") == (0, "no changes\n")
    assert [record(lab).revision_number for record in (_connection, _endpoint)] == revisions == [1, 1]


def test_changes_replacements_and_pruning(run: Run, agents: None, lab: World, file: Path) -> None:
    run(declare.Apply, file, "--yes")
    file.write_text(
        FILE.replace("remote_endpoint: east-ep}", "remote_endpoint: east-ep, hold_time: 6}")
        .replace("cell: main}", "cell: main, prefixes: [10.0.1.0/24], health_check_addresses: [10.0.1.11]}")
        .replace("hold_time", "families: [ipv4], hold_time")
    )
    _, text = run(declare.Apply, file, "--yes")
    assert text.index("~ connection") < text.index("~ endpoint")  # a family before the prefixes of it
    assert lab.manager.connections.get("main-east").record.families == ("ipv4",)
    file.write_text(FILE.replace("cell: main}", "cell: main, prefixes: [10.0.9.0/24]}"))
    with pytest.raises(ApplyError, match=r"(?s)in none of the endpoint's prefixes.*0 of 1 actions are done"):
        run(declare.Apply, file, "--yes")
    file.write_text(FILE.replace("cell: main}", "cell: main, interfaces: [wan1]}"))
    _, text = run(declare.Apply, file, "--yes")
    assert "- connection main-east" in text
    assert "nothing passes over main-east" in text
    assert len(lab.manager.connections.get("main-east").record.paths) == 1
    assert run(declare.Apply, file) == (0, "no changes\n")
    file.write_text("cellnet: 1\nmanaged_by: site-a\n")
    status, text = run(declare.Apply, file)
    assert status == 0
    assert text.count("--prune deletes it") == 3
    run(declare.Apply, file, "--prune", "--yes")
    assert lab.event_types().count("endpoint.deleted") == 2
    assert run(declare.Apply, file, "--prune") == (0, "no changes\n")


def ordered(lab: World) -> list[str]:
    """What somebody ordered so far. That agents make it so is told beside it, at any moment."""
    return [one for one in lab.event_types() if one.endswith((".created", ".updated", ".deleted"))]


def test_a_world_that_changed_since_is_refused(run: Run, agents: None, lab: World, file: Path) -> None:
    run(declare.Apply, file, "--yes")
    file.write_text(FILE.replace("remote_endpoint: east-ep}", "remote_endpoint: east-ep, hold_time: 6}"))
    _, shown = run(declare.Plan, file, "-f", "json")
    record = lab.manager.connections.get("main-east").record
    from cellnet_core.manager.connections import ConnectionRequest

    lab.manager.connections.put(
        "main-east",
        ConnectionRequest(record.name, "main-ep", "east-ep", record.profile, description="mine"),
        None,
    )
    before = ordered(lab)
    with pytest.raises(UsageError, match="nothing was done"):
        run(declare.Apply, file, "--plan-hash", json.loads(shown)["hash"])
    assert ordered(lab) == before


def test_nobody_to_ask_is_no_yes(run: Run, agents: None, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    with pytest.raises(UsageError, match="--yes"):
        run(declare.Apply, file)


def test_an_export_is_planned_as_nothing(run: Run, agents: None, file: Path, tmp_path: Path) -> None:
    run(declare.Apply, file, "--yes")
    for name in ("out.yaml", "out.json"):
        run(declare.Export, "-o", tmp_path / name)
        assert run(declare.Plan, tmp_path / name, "--prune", "--adopt") == (0, "no changes\n")
    assert (tmp_path / "out.json").read_text().startswith("{")


def test_waiting_is_bounded_and_says_how_things_stand(run: Run, lab: World, file: Path) -> None:
    lab.add_cells()
    lab.obey()  # and then no more
    with pytest.raises(ApplyError, match="has not taken it up") as late:
        run(declare.Apply, file, "--yes", "--timeout", "0.2")
    assert late.value.exit_code == 1
    assert run(declare.Apply, file) == (0, "no changes\n")


def test_problems_of_the_file_and_of_the_world_end_with_2(run: Run, agents: None, file: Path) -> None:
    file.write_text(FILE.replace("cell: east", "cell: nowhere"))
    with pytest.raises(DocumentError, match=r"site\.yaml:5: endpoint east-ep: there is no cell") as refused:
        run(declare.Plan, file)
    assert refused.value.exit_code == 2


def test_path_show(run: Run, lab: World) -> None:
    lab.online()
    status, text = run(path.Show, "main", "east", "-f", "value", "-c", "name", "-c", "operating_status")
    assert status == 0
    assert "main-east-1 ONLINE\nmain-east-2 ONLINE\n" in text
    assert "main - east: 2 of 2 paths survive" in text


def test_cells_are_created_and_changed_and_never_deleted(run: Run, lab: World, file: Path) -> None:
    file.write_text(
        "cellnet: 1\nmanaged_by: site-a\ncells:\n"
        "  - {name: west, asn: 65003, prefixes: [10.0.3.0/24], "
        "nova_cell_uuid: 5d0f9c9e-6f0c-4c51-9a4e-0f6a5d1c0003}\n"
    )
    run(declare.Apply, file, "--yes")
    file.write_text("cellnet: 1\nmanaged_by: site-a\ncells:\n  - {name: west, asn: 65004}\n")
    _, text = run(declare.Apply, file, "--yes")
    assert "~ cell west  asn: 65003 -> 65004" in text
    record = lab.manager.cells.get("west").record
    assert (record.asn, record.prefixes) == (65004, ("10.0.3.0/24",))
    assert record.nova_cell_uuid is not None
    file.write_text("cellnet: 1\nmanaged_by: site-a\n")
    assert run(declare.Apply, file, "--prune") == (0, "no changes\n")


def _connection(lab: World):
    return lab.manager.connections.get("main-east").record


def _endpoint(lab: World):
    return lab.manager.endpoints.get("main-ep").record


def test_profiles_tags_and_policies_in_a_file(run: Run, agents: None, lab: World, file: Path) -> None:
    profile = "profiles:\n  - {name: fast, hold_time: 3, prefix_limits: {ipv4: 100}, tags: [x]}\n"
    plain = FILE
    file.write_text(
        plain.replace("remote_endpoint: east-ep}", "remote_endpoint: east-ep, profile: fast, tags: [y]}")
        + profile
    )
    _, text = run(declare.Apply, file, "--yes")
    assert text.index("+ profile fast") < text.index("+ connection main-east")
    record = _connection(lab)
    assert (record.profile.name, record.timers[0], record.tags) == ("fast", 3, ("y",))
    assert run(declare.Plan, file, "--detailed-exitcode") == (0, "no changes\n")
    file.write_text(file.read_text().replace("hold_time: 3", "hold_time: 6"))
    _, text = run(declare.Apply, file, "--yes")
    assert "~ profile fast  hold_time: 3 -> 6" in text
    file.write_text(file.read_text().replace(profile.replace("hold_time: 3", "hold_time: 6"), ""))
    with pytest.raises(DocumentError, match="--prune would delete fast; declare it in profiles"):
        run(declare.Plan, file, "--prune")
    file.write_text(file.read_text().replace("profile: fast", "profile: default"))
    _, text = run(declare.Apply, file, "--yes", "--prune")
    assert text.index("~ connection main-east") < text.index("- profile fast")
    assert _connection(lab).profile.name == "default"
    file.write_text(file.read_text().replace("profile: default", "profile: nowhere"))
    with pytest.raises(DocumentError, match="there is no profile 'nowhere'"):
        run(declare.Plan, file)
