"""What faults do to a lab that keeps books: all or nothing, undone exactly, once, in any order."""

from __future__ import annotations

import asyncio
import itertools
import signal

import pytest

from simulator.context import FaultTargetError
from simulator.faults import (
    All,
    Blackhole,
    Control,
    Crash,
    Cut,
    Delay,
    Direction,
    Fault,
    FaultError,
    Freeze,
    Isolate,
    Loss,
    Partition,
    Rate,
    Restart,
    apply,
)
from tests.unit.simulator_faults.books import BookLab, run

LASTING: list[Fault] = [
    Cut("main-east-1"),
    Cut("main-h1"),
    Blackhole("main-east-1"),
    Blackhole("main-east-1", Direction.A_TO_B),
    Loss("main-east-1", 30),
    Delay("main-east-2", 5),
    Rate("main-h1", 10),
    Partition((("main-gw1",),)),
    Partition((("main-gw1",), ("east-gw1",))),
    Isolate(Control.CONTROLLER, "main"),
    Isolate(Control.MANAGER, "east"),
    Freeze("agent@main-gw1"),
    All((Cut("main-east-1"), Loss("main-east-2", 5), Freeze("agent@main-gw1"))),
]


@pytest.mark.parametrize("fault", LASTING, ids=str)
def test_undo_leaves_nothing_and_may_be_repeated(fault: Fault, lab: BookLab) -> None:
    async def story() -> None:
        undo = await apply(fault, lab)
        assert undo is not None
        assert not lab.untouched
        await undo()
        assert lab.untouched
        await undo()
        assert lab.untouched

    run(story())
    assert lab.doors == 0, "every door is closed"
    assert [kind for kind, _ in lab.journal] == ["fault", "fault-cleared"]
    for _, detail in lab.journal:
        assert detail["t_before"] < detail["t_after"]
        assert detail["fault"]["kind"] == fault.kind


@pytest.mark.parametrize(
    "faults",
    [
        *itertools.permutations([Cut("main-east-1"), Blackhole("main-east-1"), Loss("main-east-1", 5)]),
        (Cut("main-east-1"), Cut("main-east-1")),
        (Freeze("agent@main-gw1"), Freeze("agent@main-gw1")),
        (Blackhole("main-east-1"), Blackhole("main-east-1")),
        (Partition((("main-gw1",),)), Partition((("main-mgr",),))),
    ],
    ids=lambda faults: "+".join(fault.kind for fault in faults),
)
def test_taking_one_back_leaves_the_others(faults: tuple[Fault, ...], lab: BookLab) -> None:
    async def story() -> None:
        undos = [await apply(fault, lab) for fault in faults]
        for index, undo in enumerate(undos):
            assert undo is not None
            await undo()
            left = faults[index + 1 :]
            cuts = sum(isinstance(fault, Cut) for fault in left)
            assert len(lab.down) == (2 if cuts else 0)
            tables = sum(2 for fault in left if isinstance(fault, Blackhole | Loss))
            tables += sum(isinstance(fault, Partition) for fault in left)
            assert len(lab.tables) == tables
            assert lab.services["agent@main-gw1"].frozen == any(isinstance(fault, Freeze) for fault in left)

    run(story())
    assert lab.untouched


@pytest.mark.parametrize("refusing", ["main-gw1", "east-gw1"])
@pytest.mark.parametrize(
    "fault",
    [Cut("main-east-1"), Blackhole("main-east-1"), Loss("main-east-1", 5), Rate("main-east-1", 5)],
    ids=str,
)
def test_a_refusal_leaves_nothing_half_done(fault: Fault, refusing: str, lab: BookLab) -> None:
    lab.refuse[refusing] = "Error: Could not process rule: Operation not supported"
    with pytest.raises((FaultError, FaultTargetError)):
        run(apply(fault, lab))
    assert lab.untouched
    assert lab.journal == []


def test_a_back_end_that_is_missing_is_refused_with_the_remedy(lab: BookLab) -> None:
    lab.refuse["main-gw1"] = "RTNETLINK answers: No such file or directory\n"
    with pytest.raises(FaultError) as caught:
        run(apply(Rate("main-east-1", 5), lab))
    assert str(caught.value) == (
        "rate main-east-1: cannot be done here: "
        "tc tbf on main-gw1: RTNETLINK answers: No such file or directory; "
        "this kernel needs sch_tbf (CONFIG_NET_SCH_TBF)"
    )


def test_a_delay_is_made_by_netem_or_by_a_line_of_our_own(lab: BookLab) -> None:
    async def story(back_end: str) -> None:
        undo = await apply(Delay("main-east-1", 5, Direction.A_TO_B), lab)
        assert lab.qdiscs == {("main-gw1", "wan1"): back_end}
        assert ("delay-wan1@main-gw1" in lab.services) == (back_end == "clsact")
        assert undo is not None
        await undo()
        assert lab.untouched

    run(story("netem"))
    lab = BookLab(lab.inventory)
    lab.netem = False
    run(story("clsact"))


def test_without_netem_and_without_taps_a_delay_is_refused_and_nothing_stays(lab: BookLab) -> None:
    lab.netem = False
    lab.refuse["east-gw1"] = "open: Permission denied"
    with pytest.raises(FaultError) as caught:
        run(apply(Delay("main-east-1", 5), lab))
    assert "a tap (netem is missing too) on east-gw1: open: Permission denied" in str(caught.value)
    assert "/dev/net/tun for everybody" in str(caught.value)
    assert lab.untouched


def test_two_shapers_on_one_interface_are_refused_and_the_first_stays(lab: BookLab) -> None:
    async def story() -> None:
        undo = await apply(Rate("main-east-1", 5, Direction.A_TO_B), lab)
        with pytest.raises(FaultError, match="shaped by another delay or rate"):
            await apply(Delay("main-east-1", 5), lab)
        assert lab.qdiscs == {("main-gw1", "wan1"): "tbf"}
        assert undo is not None
        await undo()

    run(story())
    assert lab.untouched


def test_a_fault_with_an_end_is_over_when_apply_returns(lab: BookLab) -> None:
    assert run(apply(Freeze("agent@main-gw1", 0.1), lab)) is None
    assert lab.untouched
    (_, began), (_, ended) = lab.journal
    assert 0.1 <= ended["t_before"] - began["t_after"] < 0.11


def test_a_caller_that_goes_away_takes_its_fault_along(lab: BookLab) -> None:
    async def story() -> None:
        held = asyncio.Event()

        async def never(_: float) -> None:
            held.set()
            await asyncio.Event().wait()

        lab.clock.sleep = never  # type: ignore[method-assign]
        task = asyncio.create_task(apply(Blackhole("main-east-1", seconds=5), lab))
        await held.wait()
        assert len(lab.tables) == 2
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(story())
    assert lab.untouched


@pytest.mark.parametrize("fault", LASTING, ids=str)
def test_undo_works_when_the_nodes_are_gone(fault: Fault, lab: BookLab) -> None:
    async def story() -> None:
        undo = await apply(fault, lab)
        lab.gone |= lab.inventory.nodes
        assert undo is not None
        await undo()

    run(story())


def test_a_cut_keeps_the_addresses_of_a_host(lab: BookLab) -> None:
    run(apply(Cut("main-h1"), lab))
    assert {node for node, _ in lab.down} == {"main-gw1"}


def test_a_one_way_blackhole_drops_where_that_direction_is_sent(lab: BookLab) -> None:
    run(apply(Blackhole("main-east-1", Direction.B_TO_A), lab))
    (((node, family, _), rules),) = lab.tables.items()
    assert (node, family) == ("east-gw1", "netdev")
    assert 'hook egress device "wan1"' in rules


def test_moments_have_no_undo(lab: BookLab) -> None:
    assert run(apply(Crash("speaker@main-gw1"), lab)) is None
    assert lab.services["speaker@main-gw1"].signals == [signal.SIGKILL]
    assert run(apply(Restart("speaker@main-gw1"), lab)) is None
    assert lab.services["speaker@main-gw1"].restarts == 1


def test_a_partition_drops_between_groups_and_leaves_all_others_alone(lab: BookLab) -> None:
    run(apply(Partition((("main-gw1", "main-mgr"), ("east-gw1",))), lab))
    (((node, family, _), rules),) = lab.tables.items()
    assert (node, family) == ("mgmt", "bridge")
    names = {link.a.node: link.b.name for link in lab.inventory.links.values() if link.b.node == "mgmt"}
    main = ", ".join(f'"{name}"' for name in sorted((names["main-gw1"], names["main-mgr"])))
    east = f'"{names["east-gw1"]}"'
    assert f"iifname {{ {main} }} oifname {{ {east} }} counter drop" in rules
    assert f"iifname {{ {east} }} oifname {{ {main} }} counter drop" in rules
    assert "!=" not in rules


def test_three_groups_are_apart_two_by_two(lab: BookLab) -> None:
    run(apply(Partition((("main-gw1",), ("main-mgr",), ("east-gw1",))), lab))
    assert next(iter(lab.tables.values())).count("drop") == 6


def test_an_isolated_controller_is_silent_both_ways_with_its_carrier(lab: BookLab) -> None:
    run(apply(Isolate(Control.CONTROLLER, "main"), lab))
    assert {node for node, _, _ in lab.tables} == {"main-gw1", "main-ctl1"}
    assert not lab.down


def test_an_isolated_manager_still_hears_the_other_cells(lab: BookLab) -> None:
    run(apply(Isolate(Control.MANAGER, "east"), lab))
    ((_, rules),) = lab.tables.items()
    names = {link.a.node: link.b.name for link in lab.inventory.links.values() if link.b.node == "mgmt"}
    assert names["east-gw1"] in rules
    assert names["main-mgr"] in rules
    assert names["main-gw1"] not in rules


def test_all_is_one_line_one_undo_and_moments_come_last(lab: BookLab) -> None:
    async def story() -> None:
        undo = await apply(All((Crash("agent@main-gw1"), Cut("main-east-1"))), lab, "f1")
        assert lab.services["agent@main-gw1"].signals == [signal.SIGKILL]
        assert undo is not None
        await undo()

    run(story())
    assert lab.untouched
    assert [kind for kind, _ in lab.journal] == ["fault", "fault-cleared"]
    assert lab.journal[0][1]["fault"]["faults"][1] == {"kind": "cut", "link": "main-east-1"}


def test_all_or_nothing_and_what_cannot_be_taken_back_is_not_done(lab: BookLab) -> None:
    lab.refuse["east-gw1"] = "Error: no"
    fault = All((Crash("agent@main-gw1"), Cut("main-h1"), Loss("main-east-1", 5)))
    with pytest.raises(FaultError):
        run(apply(fault, lab))
    assert lab.untouched
    assert lab.services["agent@main-gw1"].signals == []
    assert lab.journal == []


def test_all_with_an_end_is_held_as_one(lab: BookLab) -> None:
    assert run(apply(All((Cut("main-h1"), Blackhole("main-east-1")), seconds=0.1), lab)) is None
    assert lab.untouched
