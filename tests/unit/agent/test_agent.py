"""The whole agent over fakes: it comes online, is quiet then, repairs drift, takes down and lets go."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cellnet_core.planner import addresses
from tests.contract import samples
from tests.contract.manual_clock import settle
from tests.unit.agent.cloud import Cloud, Story

EAST4, EAST6 = samples.prefixes("east")


def test_ready_without_a_manager(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        cloud.manager.cut = True
        await cloud.main.stop()
        await cloud.main.start()
        await cloud.clock.advance(1.0)
        assert cloud.main.ready == 2
        assert cloud.main.forwarding.booted

    play(story)


def test_two_cells_come_online_within_two_seconds(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.clock.advance(5.0)
        asked = cloud.clock.now()
        cloud.connect()
        while not all(
            gateway.report.connections
            and gateway.connection.phase == "applied"
            and [h.ok for h in gateway.connection.health] == [True, True]
            for gateway in (cloud.main, cloud.east)
        ):
            await cloud.clock.advance(0.05)
            assert cloud.clock.now() - asked < 2.0
        main = cloud.main.connection
        assert main.learned == {"ipv4": (EAST4,), "ipv6": (EAST6,)}
        assert {s.state for s in main.sessions} == {"ESTABLISHED"}
        assert [s.prefixes_received for s in main.sessions] == [{"ipv4": 1, "ipv6": 1}] * 2
        assert [p.bfd for p in main.paths] == ["up", "up"]
        assert main.conditions == ()
        assert cloud.main.report.generation == 1
        assert {p.name: p.ok for p in cloud.main.report.processes} == {
            "speaker": True,
            "controller": True,
            "switch": True,
        }

    play(story)


def test_nothing_is_written_once_all_is_as_wanted(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.online()
        before = cloud.main.writes(), cloud.east.writes()
        cloud.connect(generation=2)  # the same again
        await cloud.clock.advance(60.0)
        assert (cloud.main.writes(), cloud.east.writes()) == before
        assert cloud.main.report.generation == 2

    play(story)


def test_reports_are_regular_and_numbered(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.online()
        before = len(cloud.manager.reports["main"])
        await cloud.clock.advance(20.0)
        reports = cloud.manager.reports["main"]
        assert 10 <= len(reports) - before <= 12
        assert [r.sequence for r in reports] == sorted({r.sequence for r in reports})
        assert len({r.agent_id for r in reports}) == 1

    play(story)


@pytest.mark.parametrize("device", ["speaker", "forwarding"])
@pytest.mark.parametrize("hints", ["normal", "twice", "never"])
def test_drift_is_repaired_within_five_seconds(
    play: Callable[[Story], None], device: str, hints: str
) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.online()
        speaker, forwarding = cloud.main.speaker, cloud.main.forwarding
        speaker.faults.hints = forwarding.faults.hints = hints  # type: ignore[assignment]
        if device == "speaker":
            speaker.lose("main-east-1", "10.0.1.0/24")
        else:
            forwarding.lose(EAST4)
        await cloud.clock.advance(5.0)
        assert ("main-east-1", "10.0.1.0/24") in speaker.announced
        assert EAST4 in forwarding.flows
        assert cloud.main.connection.phase == "applied"

    play(story)


def test_delete_goes_in_order_and_ends_absent(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.online()
        done = len(cloud.main.speaker.applied), len(cloud.main.forwarding.applied)
        cloud.connect(generation=2, phase="absent", revision=2)
        await cloud.clock.advance(2.0)
        for gateway in (cloud.main, cloud.east):
            assert gateway.connection.phase == "absent"
            assert not gateway.speaker.neighbors
            assert not gateway.speaker.announced
            assert not {EAST4, EAST6, *samples.prefixes("main")} & {
                match for match, flow in gateway.forwarding.flows.items() if isinstance(flow, tuple)
            }
        actions = [d["do"] for d in cloud.main.journal.of("action")][sum(done) :]
        kinds = [do.split()[1] for do in actions]
        assert kinds == sorted(kinds, key=["announcement", "flow", "group", "neighbour"].index)
        cloud.manager.want("main", samples.intent(generation=3))
        await cloud.clock.advance(2.0)
        assert cloud.main.report.connections == ()
        assert cloud.main.report.generation == 3

    play(story)


def test_close_leaves_everything_in_place(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.online()
        before = cloud.main.writes()
        flows = dict(cloud.main.forwarding.flows)
        await cloud.main.stop()
        await settle()
        assert cloud.main.writes() == before
        assert cloud.main.forwarding.flows == flows
        assert addresses.contains((EAST4,), samples.health("east")[0])

    play(story)
