"""The whole agent over fakes: what is lost and comes back: manager, agent, speaker, switch, path."""

from __future__ import annotations

from collections.abc import Callable

from tests.contract import samples
from tests.unit.agent.cloud import Cloud, Story

EAST4, EAST6 = samples.prefixes("east")


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
