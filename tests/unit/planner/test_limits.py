"""A flood of prefixes: what is imported stays bounded, the cell's own prefixes pass, and it is said."""

from __future__ import annotations

import asyncio

from tests.contract import samples
from tests.unit.planner.world import World

EAST4, EAST6 = samples.prefixes("east")
FLOOD = tuple(f"10.0.2.{n}/32" for n in range(100, 180))
FOREIGN = tuple(f"192.168.{n}.0/24" for n in range(50))


def limited(limit: int) -> tuple[World, object]:
    wanted = samples.connection()
    profile = wanted.profile.model_copy(update={"prefix_limits": {"ipv4": limit}})
    return World(), samples.intent(wanted.model_copy(update={"profile": profile}))


def test_a_flood_fills_no_table_and_the_session_stays() -> None:
    world, intent = limited(10)
    world.peer_up(extra=FLOOD)
    (*_, last) = asyncio.run(world.converge(intent))  # type: ignore[arg-type]
    (outlook,) = last.outlooks
    assert len(outlook.in_use["ipv4"]) == 10
    assert EAST4 in outlook.in_use["ipv4"], "the aggregate survives"
    assert outlook.in_use["ipv6"] == (EAST6,), "the other family has no limit"
    (said,) = [c for c in outlook.conditions if c.type == "PrefixLimitExceeded"]
    assert said.reason == "ImportStopped"
    assert "session main-east-1 brought 81 ipv4 prefixes, the limit is 10" in said.message
    assert {s.state for s in world.speaker.sessions.values()} == {"ESTABLISHED"}


def test_what_the_import_filter_refuses_does_not_use_up_the_limit() -> None:
    world, intent = limited(5)
    world.peer_up(extra=FOREIGN)
    (*_, last) = asyncio.run(world.converge(intent))  # type: ignore[arg-type]
    assert last.outlooks[0].in_use["ipv4"] == (EAST4,)
    assert "PrefixLimitExceeded" in {c.type for c in last.outlooks[0].conditions}


def test_within_the_limit_nothing_is_said_and_the_choice_does_not_move() -> None:
    world, intent = limited(len(FLOOD) + 1)
    world.peer_up(extra=FLOOD)
    (*_, last) = asyncio.run(world.converge(intent))  # type: ignore[arg-type]
    assert "PrefixLimitExceeded" not in {c.type for c in last.outlooks[0].conditions}
    assert len(last.outlooks[0].in_use["ipv4"]) == len(FLOOD) + 1
