"""What an agent bounds: journal lines, drifts in a report, looks at a switch that repairs itself."""

from __future__ import annotations

from collections.abc import Callable

from cellnet_core.agent.reconciler import GATHER, LULL, TOLD_SINGLY
from cellnet_core.agent.report import LISTED
from cellnet_core.planner import drift
from tests.contract import samples
from tests.unit.agent.cloud import Cloud, Story


def plant(cloud: Cloud, count: int) -> None:
    """So many flows that nobody wants, of which one look hears."""
    for number in range(count):
        cloud.main.forwarding.flows[f"192.0.{number // 250}.{number % 250}"] = "local"
    cloud.main.forwarding.hint("drift")


def test_of_many_drifts_the_journal_has_some_and_the_number_of_the_rest(
    play: Callable[[Story], None],
) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.online()
        plant(cloud, TOLD_SINGLY)
        await cloud.clock.advance(1.0)
        found = [line for line in cloud.main.journal.of("drift") if line["about"] == "found"]
        assert len(found) == TOLD_SINGLY
        assert cloud.main.journal.of("drift-more") == [], "as many as are told singly"
        plant(cloud, TOLD_SINGLY + 7)
        await cloud.clock.advance(1.0)
        found = [line for line in cloud.main.journal.of("drift") if line["about"] == "found"]
        assert len(found) == 2 * TOLD_SINGLY
        assert cloud.main.journal.of("drift-more")[0] == {"count": 7}

    play(story)


def test_of_many_open_drifts_a_report_names_some_and_the_number_of_all(
    play: Callable[[Story], None],
) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.online()
        wanted = samples.connection("main", "east")
        ignoring = samples.intent(wanted, generation=2).model_copy(update={"drift_policy": "ignore"})
        cloud.manager.want("main", ignoring)
        await cloud.clock.advance(1.0)
        plant(cloud, LISTED + 30)
        await cloud.clock.advance(3.0)
        report = cloud.main.report
        assert len([found for found in report.drifts if found.over_s is None]) == LISTED
        assert {truth.subject: truth.differing for truth in report.truth}["flows"] == LISTED + 30
        cloud.main.forwarding.flows = {
            name: flow for name, flow in cloud.main.forwarding.flows.items() if not name.startswith("192.0.")
        }
        cloud.main.forwarding.hint("drift")
        await cloud.clock.advance(3.0)
        over = cloud.main.report.drifts
        assert len(over) == drift.KEPT
        assert all(found.over_s is not None for found in over)

    play(story)


async def _calm(cloud: Cloud) -> list[float]:
    """Until nothing is looked at for a while; the times of later looks."""
    looked = cloud.main.forwarding.looked
    count = -1
    while count != len(looked):
        count = len(looked)
        await cloud.clock.advance(0.5)
    looked.clear()
    return looked


def test_a_switch_that_repairs_itself_is_not_looked_at_meanwhile(play: Callable[[Story], None]) -> None:
    """It moves traffic at once; a look at 10,000 flows in that moment would make it late."""

    async def story(cloud: Cloud) -> None:
        await cloud.online()
        looked = await _calm(cloud)
        cloud.main.forwarding.set_port("wan1", bfd="down")
        await cloud.clock.advance(0.9 * LULL)
        assert looked == [], "left alone"
        await cloud.clock.advance(0.2 * LULL)
        assert looked, "and then looked at"

    play(story)


def test_what_is_not_of_a_port_does_not_wait_for_the_lull(play: Callable[[Story], None]) -> None:
    async def story(cloud: Cloud) -> None:
        await cloud.online()
        looked = await _calm(cloud)
        cloud.main.forwarding.set_port("wan1", bfd="down")
        cloud.main.forwarding.hint("drift")
        await cloud.clock.advance(2 * GATHER)
        assert looked

    play(story)
