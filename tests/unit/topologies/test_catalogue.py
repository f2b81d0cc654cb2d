"""Every design of the catalogue has the shape it promises, in every size its settings allow."""

from __future__ import annotations

from collections import Counter

import pytest

from topologies import catalogue
from topologies.errors import TopologyError
from topologies.model import CellKind, LinkKind


def shape(name: str, **settings: int) -> tuple[int, int, int]:
    """How many cells, WAN paths and hosts."""
    topology = catalogue.build(name, settings)
    return (
        len(topology.cells),
        sum(link.kind is LinkKind.WAN for link in topology.links),
        sum(len(cell.hosts) for cell in topology.cells),
    )


def test_shapes() -> None:
    assert shape("two-cells") == (2, 2, 2)
    assert shape("main-and-subs", cells=8, paths=1) == (8, 7, 8)
    assert shape("ring", cells=5, paths=2, hosts=3) == (5, 10, 15)
    assert shape("full-mesh", cells=5, hosts=0) == (5, 10, 0)
    assert shape("provider", cells=3, routers=2) == (3, 7, 3)


def test_names_of_cells() -> None:
    assert [cell.name for cell in catalogue.build("main-and-subs").cells] == ["main", "sub1", "sub2"]
    for name in ("ring", "full-mesh"):
        assert [cell.name for cell in catalogue.build(name).cells] == ["main", "cell2", "cell3", "cell4"]


def test_a_provider_s_routers_run_what_was_asked_for() -> None:
    for word, daemons in (("bird", ["bird"] * 3), ("frr", ["frr"] * 3), ("mixed", ["bird", "frr", "bird"])):
        topology = catalogue.build("provider", {"routers": 3, "daemon": word})
        assert [router.daemon for router in topology.routers] == daemons
        assert [link.name for link in topology.uplinks("cell2")] == ["cell2-p1", "cell2-p2", "cell2-p3"]


def test_one_more_cell_changes_nothing_of_a_provider() -> None:
    small, large = (catalogue.build("provider", {"cells": cells}) for cells in (2, 3))
    assert set(small.links) < set(large.links)


def test_a_word_that_is_no_choice() -> None:
    with pytest.raises(TopologyError, match="--set daemon=quagga: provider takes bird or frr or mixed"):
        catalogue.build("provider", {"daemon": "quagga"})


def test_every_cell_of_a_ring_has_two_neighbours() -> None:
    topology = catalogue.build("ring", {"cells": 7})
    ends = Counter(
        port.node for link in topology.links if link.kind is LinkKind.WAN for port in (link.a, link.b)
    )
    assert set(ends.values()) == {2}
    assert len(ends) == 7


def test_one_main_cell_and_parameters_that_say_how_it_was_made() -> None:
    for name in catalogue.names():
        topology = catalogue.build(name, {"hosts": "2"})
        assert [cell.kind for cell in topology.cells].count(CellKind.MAIN) == 1
        assert topology.parameters["catalogue"] == name
        assert topology.parameters["hosts"] == 2


@pytest.mark.parametrize("design", catalogue.DESIGNS, ids=lambda design: design.name)
def test_the_smallest_of_everything_can_be_built(design: catalogue.Design) -> None:
    catalogue.build(design.name, {s.name: s.low for s in design.settings if isinstance(s, catalogue.Setting)})


@pytest.mark.parametrize("design", catalogue.DESIGNS, ids=lambda design: design.name)
def test_the_most_cells_can_be_built(design: catalogue.Design) -> None:
    numbers = {s.name: s for s in design.settings if isinstance(s, catalogue.Setting)}
    fewest = {name: numbers[name].low for name in ("paths", "routers") if name in numbers}
    cells = numbers["cells"].high
    assert len(catalogue.build(design.name, {"cells": cells, **fewest}).cells) == cells


def test_bad_settings_are_all_reported_with_what_is_allowed() -> None:
    with pytest.raises(TopologyError) as caught:
        catalogue.build("ring", {"cells": 2, "path": 1, "hosts": "x", "paths": "٣"})
    assert str(caught.value).splitlines() == [
        "--set cells=2: ring takes 3 to 250 for cells (cells in all, the main cell included)",
        "--set path=1: ring has no setting 'path'; it takes cells, paths, hosts, bus",
        "--set hosts=x: 'x' is no whole number; give 0 to 200",
        "--set paths=٣: '٣' is no whole number; give 1 to 64",
    ]
    assert caught.value.exit_code == 2


def test_two_cells_are_two() -> None:
    with pytest.raises(TopologyError, match="two-cells takes 2 for cells"):
        catalogue.build("two-cells", {"cells": 3})
