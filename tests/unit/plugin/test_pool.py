"""What costs a lab, what fails a test, and whose labs are ended by a later run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scenarios.plugin import ownership, wishes
from scenarios.plugin.options import AUDITS
from scenarios.plugin.ownership import Ownership
from scenarios.plugin.pool import Pool
from tests.unit.plugin.fakes import FakeLab, Fakes

FLOW = "\n cookie={cookie}, send_flow_rem priority=1 actions=group:1"
WISH = wishes.read([], Path())


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Pool]:
    pool = Pool(Fakes(tmp_path), tmp_path, reset_seconds=0.0, audit_seconds=0.0)
    yield pool
    pool.close()


def _flow(cookie: str) -> Callable[[FakeLab], None]:
    def spoil(lab: FakeLab) -> None:
        lab.flows["main-gw1"] += FLOW.format(cookie=cookie)

    return spoil


def _no_flows(lab: FakeLab) -> None:
    lab.flows["main-gw1"] = ""


def _stubborn_fault(lab: FakeLab) -> None:
    lab.stubborn = True
    lab.inject({"kind": "cut", "link": "main-h1"})


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_flow("0xce11000300000001"), "flow cookie=0xce11000300000001"),
        (_flow("0x7"), "flow without an owner cookie=0x7"),
        (_no_flows, "base flow is missing"),
        (_stubborn_fault, "fault f1 is in force"),
    ],
)
def test_a_lab_that_does_not_become_clean_is_replaced(
    pool: Pool, spoil: Callable[[FakeLab], None], says: str
) -> None:
    lent = pool.lend(WISH)
    assert isinstance(lent.client, FakeLab)
    spoil(lent.client)
    returned = pool.give_back(lent, AUDITS)
    assert any(says in line for line in returned.cleaning.dirt), returned
    assert returned.leaks == (), "dirt is no leak: it costs the lab, not the test"
    assert not lent.client.run_directory.exists()
    assert says in pool.tally.text
    assert pool.lend(WISH) is not lent


def test_local_flows_come_and_go_without_being_dirt(pool: Pool) -> None:
    lent = pool.lend(WISH)
    assert isinstance(lent.client, FakeLab)
    _flow("0xce11000200000002")(lent.client)
    assert pool.give_back(lent, AUDITS).cleaning.dirt == ()
    assert pool.lend(WISH) is lent


def test_a_leak_is_told_and_costs_the_lab(pool: Pool) -> None:
    lent = pool.lend(WISH)
    assert isinstance(lent.client, FakeLab)
    lent.client.strangers.add("77 sleep 1000")
    returned = pool.give_back(lent, AUDITS)
    assert returned.leaks == ("process in the sandbox: 77 sleep 1000",)
    assert not lent.client.run_directory.exists()


def test_a_lab_that_was_lent_when_the_run_ends_is_ended(pool: Pool) -> None:
    lent = pool.lend(WISH)
    pool.close()
    assert not lent.client.run_directory.exists()


def test_a_machine_without_a_capability_is_asked_once(tmp_path: Path) -> None:
    pool = Pool(Fakes(tmp_path, {"netem": "netem: no"}), tmp_path)
    assert pool.missing(["netem", "bird"]) == ["needs netem: netem: no"]
    assert pool.missing(["bird"]) == []
    assert (tmp_path / "starts.txt").read_text() == "doctor\n"


def test_labs_of_runs_that_are_gone_are_orphans_unless_kept(tmp_path: Path) -> None:
    for name in ("pytest-1-1", "pytest-2-1", "pytest-3-1", "pytest-4-1", "mine"):
        (tmp_path / name).mkdir()
    alive = Ownership(tmp_path / "pytest-1-1")
    Ownership(tmp_path / "pytest-2-1").release(keep=False)
    Ownership(tmp_path / "pytest-3-1").release(keep=True)
    Ownership(tmp_path / "mine").release(keep=False)
    assert [lab.name for lab in ownership.orphans(tmp_path)] == ["pytest-2-1"]
    alive.release(keep=False)
    assert ownership.sweep(tmp_path) == ("pytest-1-1", "pytest-2-1")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "pytest-3-1", "pytest-4-1"]
