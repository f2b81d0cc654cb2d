"""The same with FRR, and with a provider of either kind: for `make test-lab`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from simulator.routers import frr
from tests.lab.provider.cloud import Cloud, eventually

pytestmark = [
    pytest.mark.scenario,
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        not Path(frr.DAEMONS, "bgpd").exists() or shutil.which("bird") is None,
        reason="FRR (package frr) or BIRD 2 (package bird2) is not installed",
    ),
    pytest.mark.parametrize("cloud", [{"daemon": "frr"}, {"daemon": "mixed"}], indirect=True, ids=str),
]


def test_connect_break_and_repair(cloud: Cloud) -> None:
    cloud.connect("main", "cell2")
    assert cloud.reaches("main", "cell2")
    for fault in (
        {"kind": "cut", "link": "main-p1"},
        {"kind": "blackhole", "link": "cell2-p1"},
        {"kind": "cut", "link": "p1-p2"},
        {"kind": "crash", "service": "router@p1"},
        {"kind": "crash", "service": "router@p2"},
    ):
        traffic = cloud.traffic("main", "cell2", 4.0)
        cloud.lab.inject(fault)
        assert cloud.lost(traffic) < 100, f"{fault} took more than 2 s"
        assert cloud.reaches("main", "cell2"), fault
        cloud.heal()
    traffic = cloud.traffic("main", "cell2", 6.0)
    cloud.lab.inject({"kind": "crash", "service": "speaker@main-gw1"})
    assert cloud.lost(traffic) == 0
    eventually(lambda: cloud.bgp_sessions("main-gw1") == 2, "the sessions are back")
