"""Configurations of providers' routers, to the letter; tests/daemon/routers has the daemons read them.

Set CELLNET_UPDATE_GOLDEN=1 to write the expected files anew, and read the difference before committing it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from simulator.routers import bird, frr, plans
from topologies import catalogue

HERE = Path(__file__).parent
RENDERERS = {"bird.conf": bird.render, "bgpd.conf": frr.render_bgpd, "bfdd.conf": frr.render_bfdd}


@pytest.mark.parametrize("name", RENDERERS)
@pytest.mark.parametrize("router", ["p1", "p2"])
def test_two_cells_and_two_routers(router: str, name: str) -> None:
    topology = catalogue.build("provider", {"daemon": "mixed"})
    text = RENDERERS[name](plans.plan(topology, topology.router(router), bfd_ms=10))
    file = HERE / f"{router}.{name}"
    if os.environ.get("CELLNET_UPDATE_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")
