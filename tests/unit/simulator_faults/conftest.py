"""A lab to be wrong about, with two cells and two paths; and one that keeps books."""

from __future__ import annotations

import pytest

from simulator.context import SEGMENT_NODE, Inventory
from tests.unit.simulator_faults.books import BookLab
from topologies import catalogue


@pytest.fixture(scope="session")
def inventory() -> Inventory:
    topology = catalogue.build("two-cells", {"paths": 2, "hosts": 1})
    nodes = {node for link in topology.links for node in (link.a.node, link.b.node)}
    return Inventory(
        topology=topology,
        nodes=frozenset(nodes) | {SEGMENT_NODE},
        links={link.name: link for link in topology.links},
        services={
            f"{role}@{cell}-gw1": f"{cell}-gw1" for role in ("speaker", "agent") for cell in ("main", "east")
        },
    )


@pytest.fixture
def lab(inventory: Inventory) -> BookLab:
    return BookLab(inventory)
