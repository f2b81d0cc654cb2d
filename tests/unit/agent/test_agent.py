"""The whole agent over fakes: provisioning, every loss, restart, take-down."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from cellnet_core.planner import addresses
from tests.contract import samples
from tests.contract.manual_clock import settle
from tests.unit.agent.cloud import Cloud

EAST4, EAST6 = samples.prefixes("east")
Story = Callable[[Cloud], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Story], None]:
    """Run a story in a cloud with started agents."""

    def run(story: Story) -> None:
        async def told() -> None:
            async with Cloud(tmp_path) as cloud:
                await story(cloud)

        asyncio.run(told())

    return run


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


def test_loss_of_the_manager_changes_nothing(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.online()
        before = cloud.main.writes()
        cloud.manager.cut = True
        await cloud.clock.advance(120.0)
        assert cloud.main.writes() == before
        cloud.main.forwarding.lose(EAST4)  # and it still repairs
        await cloud.clock.advance(5.0)
        assert EAST4 in cloud.main.forwarding.flows
        count = len(cloud.manager.reports["main"])
        cloud.manager.cut = False
        cloud.connect(generation=2, revision=2)
        await cloud.clock.advance(4.0)
        assert len(cloud.manager.reports["main"]) > count
        assert cloud.main.report.generation == 2
        states = [(d["about"], d["ok"]) for d in cloud.main.journal.of("manager")]
        assert sorted(states) == [("intent", False), ("intent", True), ("report", False), ("report", True)]

    play(story)


def test_a_restarted_agent_touches_nothing_even_without_the_manager(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.online()
        before = cloud.main.writes()
        await cloud.main.stop()
        cloud.manager.cut = True
        await cloud.clock.advance(30.0)
        await cloud.main.start()
        await cloud.clock.advance(10.0)
        assert cloud.main.writes() == before
        cloud.manager.cut = False
        await cloud.clock.advance(5.0)
        assert cloud.main.connection.phase == "applied"
        assert [h.ok for h in cloud.main.connection.health] == [True, True]
        assert cloud.main.writes() == before

    play(story)


def test_an_agent_and_a_speaker_that_restart_together_keep_the_flows(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.online()
        await cloud.clock.advance(3.0)
        before = len(cloud.main.forwarding.applied)
        await cloud.main.stop()
        cloud.main.speaker.restart()
        await cloud.main.start()
        await cloud.clock.advance(10.0)
        assert len(cloud.main.forwarding.applied) == before
        assert {s.state for s in cloud.main.connection.sessions} == {"ESTABLISHED"}

    play(story)


def test_speaker_crash_costs_no_flow_and_comes_back(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.online()
        before = [len(g.forwarding.applied) for g in (cloud.main, cloud.east)]
        cloud.main.speaker.faults.unavailable = True
        await cloud.clock.advance(5.0)
        assert {p.name: p.ok for p in cloud.main.report.processes}["speaker"] is False
        assert "SpeakerUnknown" in {c.type for c in cloud.main.connection.conditions}
        assert cloud.main.connection.phase == "applied"
        cloud.main.speaker.faults.unavailable = False
        cloud.main.speaker.restart()
        await cloud.clock.advance(5.0)
        assert [len(g.forwarding.applied) for g in (cloud.main, cloud.east)] == before
        assert cloud.main.connection.conditions == ()
        assert len(cloud.main.speaker.announced) == 4

    play(story)


def test_switch_restart_boots_and_restores(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.online()
        cloud.main.forwarding.restart()
        await cloud.clock.advance(5.0)
        assert cloud.main.forwarding.booted
        assert cloud.main.forwarding.next_hops(EAST4)
        assert [d["why"] for d in cloud.main.journal.of("boot")] == ["start", "switch restarted"]
        assert [h.ok for h in cloud.main.connection.health] == [True, True]

    play(story)


def test_what_the_boot_made_is_audited(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.online()
        cloud.main.forwarding.spoiled = ("address 10.0.1.1/24 on ip-lan",)
        await cloud.clock.advance(4.0)
        assert cloud.main.forwarding.spoiled == ()
        assert cloud.main.journal.of("boot")[-1] == {
            "why": "audit",
            "changes": ["address 10.0.1.1/24 on ip-lan"],
        }
        cloud.main.forwarding.faults.unavailable = True
        await cloud.clock.advance(8.0)
        cloud.main.forwarding.spoiled = ("sysctl",)
        cloud.main.forwarding.faults.unavailable = False
        await cloud.clock.advance(4.0)
        assert cloud.main.forwarding.spoiled == ()

    play(story)


def test_switch_that_is_gone_is_waited_for(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.main.stop()
        cloud.main.forwarding.faults.unavailable = True
        cloud.main.forwarding.restart()
        await cloud.main.start()
        await cloud.clock.advance(20.0)
        assert cloud.main.ready == 1
        cloud.main.forwarding.faults.unavailable = False
        await cloud.clock.advance(4.0)
        assert cloud.main.ready == 2

    play(story)


def test_path_loss_and_return_with_hold_down(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.online()
        forwarding = cloud.main.forwarding

        def first() -> str:
            return forwarding.next_hops(EAST4)[0].interface

        forwarding.set_port("wan1", bfd="down")
        await cloud.clock.advance(0.1)
        assert first() == "wan2"
        assert "PathDown" in {c.type for c in cloud.main.connection.conditions}
        forwarding.set_port("wan1", bfd="up")
        await cloud.clock.advance(2.9)
        assert first() == "wan2"
        assert [p.held_down for p in cloud.main.connection.paths] == [True, False]
        await cloud.clock.advance(0.2)
        assert first() == "wan1"
        events = [d["event"] for d in cloud.main.journal.of("path") if d["path"] == "main-east-1"]
        assert events == ["up", "down", "held", "restored"]
        assert cloud.main.connection.conditions == ()

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


def test_an_empty_intent_out_of_nowhere_is_refused(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.online()
        before = cloud.main.writes()
        cloud.manager.want("main", samples.intent(generation=2))
        await cloud.clock.advance(5.0)
        assert cloud.main.writes() == before
        assert cloud.main.report.generation == 1
        (condition,) = cloud.main.connection.conditions
        assert condition.reason == "EmptyIntentRefused"
        assert len(cloud.main.journal.of("intent")) == 2  # said once, not asked for over and over
        cloud.manager.want("main", samples.intent(generation=3, confirmed_empty=True))
        await cloud.clock.advance(5.0)
        assert not cloud.main.speaker.neighbors

    play(story)


def test_failed_action_is_said_and_repeated(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        cloud.main.forwarding.faults.fail_at = 0
        cloud.connect()
        await cloud.clock.advance(3.0)
        assert "failed" in {d["status"] for d in cloud.main.journal.of("action")}
        assert "ActionFailed" in {d["type"] for d in cloud.main.journal.of("condition")}
        assert cloud.main.connection.phase == "applied"
        assert cloud.main.connection.conditions == ()

    play(story)


def test_a_device_that_fails_for_ever_is_not_hammered(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        cloud.connect()
        await cloud.clock.advance(0.001)
        for _ in range(3000):
            cloud.main.forwarding.faults.fail_at = 0  # fails once: asked for again before anybody can succeed
            cloud.main.forwarding.hint("noise")
            await cloud.clock.advance(0.02)
        failed = [d for d in cloud.main.journal.of("action") if d["status"] == "failed"]
        assert 10 < len(failed) < 60
        assert cloud.main.connection.phase == "error"

    play(story)


def test_next_hops_are_resolved_by_a_nudge(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        cloud.main.table.answers = False
        cloud.connect()
        await cloud.clock.advance(2.0)
        assert cloud.main.connection.learned == {}
        assert "NextHopUnresolved" in {c.type for c in cloud.main.connection.conditions}
        assert len(cloud.main.table.asked) < 40
        cloud.main.table.answers = True
        await cloud.clock.advance(1.0)
        assert cloud.main.connection.learned == {"ipv4": (EAST4,), "ipv6": (EAST6,)}

    play(story)


def test_health_is_fast_at_first_then_steady_and_forgives_one_loss(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.online()
        before = cloud.main.pinger.sent
        await cloud.clock.advance(10.0)
        assert 18 <= cloud.main.pinger.sent - before <= 22  # two families, one a second each
        for gateway in (cloud.main, cloud.east):
            for port in ("wan1", "wan2"):
                gateway.forwarding.set_port(port, bfd="down")
        await cloud.clock.advance(1.2)
        assert [h.ok for h in cloud.main.connection.health] == [True, True]
        await cloud.clock.advance(4.0)
        assert [h.ok for h in cloud.main.connection.health] == [False, False]
        assert [d["ok"] for d in cloud.main.journal.of("health")] == [True, True, False, False]

    play(story)


def test_a_slow_speaker_does_not_hold_up_the_gateway(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.online()
        cloud.main.speaker.faults.delay = 0.5
        cloud.main.forwarding.set_port("wan1", bfd="down")
        await cloud.clock.advance(1.0)
        assert cloud.main.forwarding.next_hops(EAST4)[0].interface == "wan2"

    play(story)


def test_refusal_by_the_manager_is_retried_slowly(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.clock.advance(1.0)
        cloud.manager.refuse = 404
        cloud.connect()
        await cloud.clock.advance(30.0)
        cloud.manager.refuse = 0
        await cloud.clock.advance(5.0)
        assert cloud.main.connection.phase == "applied"

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
