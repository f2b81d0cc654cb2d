"""Whole stories as plans: what would be done, in which order, and why. Golden files beside this one.

`CELLNET_GOLDEN=write` writes them anew; read the difference before committing it.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from cellnet_core.planner.decide import Decision
from tests.contract.samples import connection, intent
from tests.unit.planner.world import World, text

GOLDEN = Path(__file__).parent


def check(name: str, chapters: dict[str, list[Decision]]) -> None:
    """Compare a story with its golden file."""
    lines = []
    for title, decisions in chapters.items():
        lines.append(f"# {title}")
        for number, decision in enumerate(decisions, 1):
            lines.append(f"round {number}:" + ("" if decision.plan else " nothing to do"))
            lines += [f"  {line}" for line in text(decision)]
            for outlook in decision.outlooks:
                lines += [f"  ! {c.type}: {c.message}" for c in outlook.conditions]
                lines.append(f"  = {outlook.id} {outlook.stage.value}")
    found = "\n".join(lines) + "\n"
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("CELLNET_GOLDEN") == "write":
        path.write_text(found)
    assert found == path.read_text()


def test_provision_fail_over_and_take_down() -> None:
    async def story() -> dict[str, list[Decision]]:
        world = World()
        await world.forwarding.boot()
        wanted = intent(connection())
        chapters = {"no intent yet": await world.converge(None)}
        chapters["connection wanted"] = await world.converge(wanted)
        world.peer_up()
        chapters["east answers"] = await world.converge(wanted)
        world.forwarding.set_port("wan1", bfd="down")
        chapters["path 1 lost"] = await world.converge(wanted)
        world.forwarding.set_port("wan1", bfd="up")
        chapters["path 1 back"] = await world.converge(wanted)
        world.clock.turn(3.0)
        chapters["path 1 up for 3 s"] = await world.converge(wanted)
        chapters["connection absent"] = await world.converge(intent(connection(phase="absent")))
        chapters["connection forgotten"] = await world.converge(intent())
        return chapters

    check("provision_fail_over_take_down", asyncio.run(story()))


def test_leak_and_unresolved_next_hop() -> None:
    async def story() -> dict[str, list[Decision]]:
        world = World()
        await world.forwarding.boot()
        world.neighbors = tuple(n for n in world.neighbors or () if n.interface != "ip-wan2")
        world.peer_up(extra=("10.0.99.0/24", "10.0.1.128/25"))
        wanted = intent(connection(), connection(paths=1).model_copy(update={"id": "c-2", "name": "other"}))
        return {"a leak, a missing MAC, a path named twice": await world.converge(wanted)}

    check("leak_and_unresolved", asyncio.run(story()))
