"""What an agent says of the truth: nothing before it has looked, drift with what is done, orders once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cellnet_core.model.wire import OrderIntent
from tests.contract import samples
from tests.unit.agent.cloud import Cloud, Story

EAST4, EAST6 = samples.prefixes("east")


def tell(cloud: Cloud, generation: int, policy: str = "repair", orders: tuple[OrderIntent, ...] = ()) -> None:
    wanted = samples.connection("main", "east").model_copy(update={"orders": orders})
    intent = samples.intent(wanted, generation=generation).model_copy(update={"drift_policy": policy})
    cloud.manager.want("main", intent)


@pytest.mark.parametrize("device", ["speaker", "forwarding"])
def test_before_the_first_observation_a_report_says_unknown(
    play: Callable[[Story], None], device: str
) -> None:
    """Under load a new agent's first looks fail: that is no news of sessions, tables or health."""

    async def story(cloud: Cloud) -> None:
        await cloud.online()
        await cloud.main.stop()
        faults = (cloud.main.speaker if device == "speaker" else cloud.main.forwarding).faults
        faults.stale = True
        before = len(cloud.manager.reports["main"])
        await cloud.main.start()
        await cloud.clock.advance(4.0)
        reports = cloud.manager.reports["main"][before:]
        assert reports
        for report in reports:
            (connection,) = report.connections
            age = connection.sessions_age_s if device == "speaker" else connection.tables_age_s
            assert age is None
            subject = {"speaker": "speaker", "forwarding": "flows"}[device]
            assert {t.subject: t.status for t in report.truth}[subject] == "unknown"
            assert all(h.ok or not h.known for h in connection.health), connection.health
        faults.stale = False
        await cloud.clock.advance(4.0)
        assert [h.ok for h in cloud.main.connection.health] == [True, True]
        assert cloud.main.connection.sessions_age_s is not None

    play(story)


def test_a_new_agent_over_a_living_gateway_calls_nothing_lost_before_three_losses(
    play: Callable[[Story], None],
) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.online()
        await cloud.main.stop()
        for port in ("wan1", "wan2"):
            cloud.east.forwarding.set_port(port, bfd="down")
        before = len(cloud.manager.reports["main"])
        await cloud.main.start()
        await cloud.clock.advance(3.0)
        said = [
            [(h.ok, h.known) for h in report.connections[0].health]
            for report in cloud.manager.reports["main"][before:]
        ]
        assert said[0] == [(False, False)] * 2
        assert said[-1] == [(False, True)] * 2, "three losses are known"

    play(story)


def test_drift_is_recorded_with_what_was_found_and_done(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.online()
        found_at = cloud.clock.now()
        cloud.main.forwarding.lose(EAST4)
        cloud.main.forwarding.plant("192.0.2.0/24")
        cloud.main.speaker.lose("main-east-1", "10.0.1.0/24")
        await cloud.clock.advance(5.0)
        drifts = {d.object: d for d in cloud.main.report.drifts}
        assert {d.action for d in drifts.values()} == {"repair"}
        assert drifts[f"flow {EAST4}"].desired == "present, as the intent has it"
        assert drifts[f"flow {EAST4}"].observed == "missing (wanted, not there)"
        assert drifts["flow 192.0.2.0/24"].desired == "absent"
        assert len(drifts) == 3
        for drift in drifts.values():
            assert drift.over_s is not None
            assert drift.found_s <= cloud.clock.now() - found_at
        assert {(t.subject, t.status) for t in cloud.main.report.truth} == {
            ("speaker", "as_wanted"),
            ("flows", "as_wanted"),
            ("groups", "as_wanted"),
        }
        about = [(d["about"], d["object"]) for d in cloud.main.journal.of("drift")]
        assert sorted(about) == sorted((word, name) for name in drifts for word in ("found", "over"))

    play(story)


def test_provisioning_losses_and_restarts_are_no_drift(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.online()
        cloud.main.forwarding.set_port("wan1", bfd="down")
        await cloud.clock.advance(5.0)
        cloud.main.forwarding.set_port("wan1")
        await cloud.clock.advance(5.0)
        cloud.main.speaker.restart()
        await cloud.clock.advance(10.0)
        cloud.main.forwarding.restart()
        await cloud.clock.advance(10.0)
        assert cloud.main.connection.phase == "applied"
        assert cloud.main.report.drifts == ()

    play(story)


@pytest.mark.parametrize("policy", ["ignore", "adopt"])
def test_what_is_left_alone_stays_over_a_restart_of_the_agent(
    play: Callable[[Story], None], policy: str
) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.online()
        tell(cloud, 2, policy)
        await cloud.clock.advance(1.0)
        cloud.main.forwarding.plant("192.0.2.0/24")
        await cloud.clock.advance(4.0)
        conditions = {c.type for c in cloud.main.connection.conditions}
        assert ("DriftIgnored" in conditions) == (policy == "ignore")
        assert cloud.main.connection.phase == "applied"
        await cloud.main.stop()
        await cloud.main.start()
        await cloud.clock.advance(4.0)
        assert "192.0.2.0/24" in cloud.main.forwarding.flows
        assert [d.action for d in cloud.main.report.drifts] == [policy]
        tell(cloud, 3, "repair")
        await cloud.clock.advance(4.0)
        assert "192.0.2.0/24" not in cloud.main.forwarding.flows

    play(story)


def test_a_take_down_ends_beside_what_was_adopted(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.online()
        tell(cloud, 2, "adopt")
        await cloud.clock.advance(1.0)
        cloud.main.forwarding.plant("192.0.2.0/24")
        await cloud.clock.advance(4.0)
        absent = samples.connection("main", "east", phase="absent", revision=2)
        cloud.manager.want(
            "main", samples.intent(absent, generation=3).model_copy(update={"drift_policy": "adopt"})
        )
        await cloud.clock.advance(5.0)
        assert (cloud.main.connection.phase, cloud.main.connection.stage) == ("absent", "gone")
        assert "192.0.2.0/24" in cloud.main.forwarding.flows

    play(story)


@pytest.mark.parametrize(("action", "flaps"), [("reconcile", 0), ("refresh", 0), ("reset", 1)])
def test_an_order_is_carried_out_once_and_reported(
    play: Callable[[Story], None], action: str, flaps: int
) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.online()
        order = OrderIntent(id="o-1", action=action, paths=("main-east-1",))
        tell(cloud, 2, orders=(order,))
        await cloud.clock.advance(1.0)
        (done,) = cloud.main.connection.orders
        assert (done.id, done.state) == ("o-1", "done")
        await cloud.main.stop()
        await cloud.main.start()
        await cloud.clock.advance(5.0)
        assert [o.state for o in cloud.main.connection.orders] == ["done"], "remembered over a restart"
        assert {name: s.flaps for name, s in cloud.main.speaker.sessions.items()} == {
            "main-east-1": flaps,
            "main-east-2": 0,
        }
        tell(cloud, 3)
        await cloud.clock.advance(1.0)
        assert cloud.main.connection.orders == ()

    play(story)


def test_an_order_that_this_agent_does_not_know_fails(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.online()
        tell(cloud, 2, orders=(OrderIntent(id="o-1", action="polish"),))
        await cloud.clock.advance(1.0)
        (said,) = cloud.main.connection.orders
        assert (said.state, said.message) == ("failed", "this agent does not know 'polish': upgrade it")

    play(story)


def test_the_health_interval_of_the_profile_counts(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.online()
        wanted = samples.connection("main", "east")
        profile = wanted.profile.model_copy(update={"health_interval": 10.0})
        cloud.manager.want(
            "main", samples.intent(wanted.model_copy(update={"profile": profile}), generation=2)
        )
        await cloud.clock.advance(2.0)
        sent = cloud.main.pinger.sent
        await cloud.clock.advance(20.0)
        assert 2 <= cloud.main.pinger.sent - sent <= 6
        assert [h.ok for h in cloud.main.connection.health] == [True, True]

    play(story)


def test_files_that_may_hold_a_password_are_private(play: Callable[[Story], None], tmp_path: Path) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.online()

    play(story)
    for name in ("intent.json", "memory.json"):
        assert (tmp_path / "main" / name).stat().st_mode & 0o777 == 0o600
