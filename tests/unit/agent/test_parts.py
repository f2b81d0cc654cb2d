"""The agent's parts on their own: storage, execution, site files, waiting, netlink messages."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from cellnet_core.agent.__main__ import SiteError, load_site, main
from cellnet_core.agent.execute import execute
from cellnet_core.agent.health import Health, advance
from cellnet_core.agent.kernel import messages, parse
from cellnet_core.agent.storage import Storage
from cellnet_core.agent.wakeup import Backoff, Wakeup
from cellnet_core.drivers.contract import Action, Adjacency, DriverUnavailableError, LearnedRoute, Outcome
from cellnet_core.model.journal import NoJournal
from cellnet_core.model.wire import IntentDocument
from cellnet_core.planner.seen import Deferral, Hold, Memory, Standing
from tests.contract import samples
from tests.contract.manual_clock import ManualClock
from tests.unit.agent.cloud import ListJournal

ROOT = Path(__file__).parents[3]

# --- storage -----------------------------------------------------------------------------------------


def test_intent_and_memory_survive(tmp_path: Path) -> None:
    intent = samples.intent(samples.connection(), generation=7)
    memory = Memory(
        holds={"p": Hold(Standing.HELD, 3.5, 2, 1.5)},
        macs={("ip-wan1", "172.16.0.2"): "02:00:00:02:00:01"},
        adjacencies=(Adjacency("10.0.1.21", "02:00:00:00:00:01"),),
        speaker_instance="s#1",
        learned=(LearnedRoute("p", "10.0.2.0/24", "172.16.0.2", (65002,), communities=("65535:0",)),),
        deferrals={"p": Deferral(1.0, 2, 3.0)},
    )
    storage = Storage(tmp_path / "state", NoJournal())
    storage.save_intent(intent)
    storage.save_memory(memory)
    again = Storage(tmp_path / "state", NoJournal())
    assert again.load_intent() == intent
    loaded = again.load_memory()
    assert loaded.adjacencies is None  # the kernel tells
    assert loaded == Memory(
        memory.holds, memory.macs, None, memory.speaker_instance, memory.learned, memory.deferrals
    )


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"version": 99}', '{"version": 1, "holds": 3}', "\x00"]
)
def test_unreadable_state_is_set_aside_and_said(tmp_path: Path, text: str) -> None:
    journal = ListJournal(ManualClock())
    storage = Storage(tmp_path, journal)
    storage.memory_file.write_text(text)
    storage.intent_file.write_text(text)
    assert storage.load_memory() == Memory()
    assert storage.load_intent() is None
    assert [line["file"] for line in journal.of("storage")] == ["memory.json", "intent.json"]
    assert not storage.memory_file.exists()
    assert (tmp_path / "intent.unreadable").read_text() == text


def test_an_intent_is_kept_before_it_is_acted_on_and_safe_before_it_is_told(tmp_path: Path) -> None:
    old, new = (samples.intent(samples.connection(), generation=number) for number in (7, 8))
    storage = Storage(tmp_path, NoJournal())
    storage.save_intent(old)
    storage.settle()
    assert [path.name for path in tmp_path.iterdir()] == ["intent.json"]
    storage.save_intent(new)
    killed = Storage(tmp_path, NoJournal())
    assert killed.load_intent() == new
    assert IntentDocument.model_validate_json(killed.intent_file.read_text()) == old, "known to be safe"
    killed.settle()
    assert [path.name for path in tmp_path.iterdir()] == ["intent.json"]
    assert Storage(tmp_path, NoJournal()).load_intent() == new
    assert killed.intent_file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("torn", ["", "\x00" * 64, '{"owner": "m-1", "gener'])
def test_a_machine_that_lost_its_power_midway_has_the_intent_before(tmp_path: Path, torn: str) -> None:
    old = samples.intent(samples.connection(), generation=7)
    storage = Storage(tmp_path, NoJournal())
    storage.save_intent(old)
    storage.settle()
    storage.next_file.write_text(torn)
    journal = ListJournal(ManualClock())
    again = Storage(tmp_path, journal)
    assert again.load_intent() == old
    assert [line["file"] for line in journal.of("storage")] == ["intent.next"]
    again.settle()
    assert Storage(tmp_path, NoJournal()).load_intent() == old


# --- execution ---------------------------------------------------------------------------------------


class Recorder:
    """A driver that writes down what it is given, and fails at what it is told to."""

    def __init__(self, name: str, log: list[str], fails: Sequence[str] = (), gone: bool = False) -> None:
        self.name, self._log, self._fails, self._gone = name, log, fails, gone

    async def apply(self, actions: Sequence[Action]) -> tuple[Outcome, ...]:
        if self._gone:
            raise DriverUnavailableError("gone")
        await asyncio.sleep(0)
        self._log += [action.target for action in actions]
        return tuple(
            Outcome(action, "failed" if action.target in self._fails else "done") for action in actions
        )


def run(actions: list[Action], *drivers: Recorder) -> dict[str, str]:
    """Execute; status by target."""
    outcomes = asyncio.run(execute(actions, {driver.name: driver for driver in drivers}))  # type: ignore[dict-item]
    assert tuple(outcome.action for outcome in outcomes) == tuple(actions)
    return {outcome.action.target: outcome.status for outcome in outcomes}


PLAN = [
    Action("g", "add", "group", "r", 10),
    Action("s", "add", "neighbour", "r", 10),
    Action("g", "add", "flow", "r", 20),
    Action("s", "add", "announce", "r", 30),
    Action("g", "remove", "old flow", "r", 70),
    Action("s", "remove", "old neighbour", "r", 80),
]


def test_make_before_break_across_drivers() -> None:
    log: list[str] = []
    statuses = run(PLAN, Recorder("g", log), Recorder("s", log))
    assert set(statuses.values()) == {"done"}
    assert set(log[:3]) == {"group", "flow", "neighbour"}
    assert log[3:] == ["announce", "old flow", "old neighbour"]


def test_a_flow_that_failed_holds_up_announcements_and_removals() -> None:
    log: list[str] = []
    statuses = run(PLAN, Recorder("g", log, fails=["flow"]), Recorder("s", log))
    assert statuses["neighbour"] == "done"
    assert [statuses[t] for t in ("announce", "old flow", "old neighbour")] == ["skipped"] * 3


def test_a_speaker_that_is_gone_does_not_hold_up_flows() -> None:
    log: list[str] = []
    statuses = run(PLAN, Recorder("g", log), Recorder("s", log, gone=True))
    assert (statuses["group"], statuses["flow"]) == ("done", "done")
    assert statuses["neighbour"] == "failed"
    assert statuses["old flow"] == "skipped"


# --- waiting -----------------------------------------------------------------------------------------


def test_rings_are_gathered_and_none_is_lost() -> None:
    async def story() -> None:
        clock, bell = ManualClock(), Wakeup()
        bell.ring("a")
        bell.ring("b")
        bell.ring("a")
        assert await bell.wait(clock, 10.0) == ("a", "b")
        waiting = asyncio.create_task(bell.wait(clock, 10.0))
        await clock.advance(9.9)
        assert not waiting.done()
        await clock.advance(0.2)
        assert waiting.result() == ()

    asyncio.run(story())


def test_backoff_doubles_to_its_limit_and_starts_over() -> None:
    backoff = Backoff(0.1, 1.0, Random(3))
    delays = [backoff.fail() for _ in range(6)]
    assert all(
        limit / 2 <= delay <= limit for delay, limit in zip(delays, [0.1, 0.2, 0.4, 0.8, 1, 1], strict=True)
    )
    backoff.reset()
    assert backoff.fail() <= 0.1


def test_health_needs_three_losses_in_a_row() -> None:
    health = Health()
    for rtt, ok in [(None, False), (0.3, True), (None, True), (None, True), (0.2, True)]:
        health = advance(health, rtt)
        assert health.ok is ok
    for ok in (True, True, False):
        health = advance(health, None)
        assert health.ok is ok
    assert (health.sent, health.lost, health.rtt_ms) == (8, 6, 0.2)


# --- site file and command line ----------------------------------------------------------------------


def test_site_file_as_json_and_yaml(tmp_path: Path) -> None:
    site = samples.site()
    file = tmp_path / "site.json"
    file.write_text(site.model_dump_json())
    assert load_site(file) == site
    from ruamel.yaml import YAML

    with (tmp_path / "site.yaml").open("w") as out:
        YAML().dump(json.loads(site.model_dump_json()), out)
    assert load_site(tmp_path / "site.yaml") == site


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("site.json", "{", "line 1: not JSON"),
        ("site.yaml", "a: [", "not YAML"),
        ("site.json", '{"cell": "main", "celll": 1}', "celll: Extra inputs"),
        ("site.json", "[]", "not a site file"),
    ],
)
def test_bad_site_file_names_place_and_exits_with_2(
    tmp_path: Path, name: str, text: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(SiteError, match=expected.replace("[", r"\[")):
        load_site(file)
    assert main(["--site", str(file)]) == 2
    assert expected in capsys.readouterr().err


def test_missing_site_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="No such file"):
        load_site(tmp_path / "none.json")


# --- netlink -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data", [b"", b"\x01", b"\x05\x00\x00\x00" + bytes(12), b"\xff\xff\x00\x00" + bytes(12)]
)
def test_malformed_netlink_is_dropped(data: bytes) -> None:
    assert list(messages(data)) == []
    assert parse(data, {}) is None


@pytest.mark.daemon
def test_kernel_table_in_a_namespace() -> None:
    """Against a real kernel: entries, changes, and a nudge that makes it ask."""
    script = Path(__file__).with_name("kernel_story.py")
    unshare = ["unshare", "-r", "--net", "--pid", "--fork", "--kill-child"]
    done = subprocess.run(
        [*unshare, sys.executable, str(script)], cwd=ROOT, capture_output=True, text=True, timeout=60,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
