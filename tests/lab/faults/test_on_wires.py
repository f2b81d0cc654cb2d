"""Faults on real cables: the peer sees what the fault's name says, and afterwards nothing is left of it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from simulator import doctor, lab
from simulator.client import LabClient
from simulator.errors import LabUsageError
from simulator.probes.flows import control_link, over
from simulator.probes.session import ProbeSession
from topologies import catalogue

pytestmark = pytest.mark.lab

CABLE = "probe-control-0"
SETTLES_WITHIN = 5.0


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabClient]:
    """A network without daemons, and a cable between two hosts to do things to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CELLNET_RUN_DIR", str(tmp_path_factory.mktemp("run")))
        client = lab.up(catalogue.build("two-cells", {"hosts": 1}), services=False)
        try:
            client.add_link(control_link("main-h1", "east-h1", ()))
            settle(client)
            yield client
        finally:
            client.down()


@pytest.fixture(autouse=True)
def _untouched_afterwards(client: LabClient) -> Iterator[None]:
    before = state(client)
    yield
    client.clear_all()
    deadline = time.monotonic() + SETTLES_WITHIN
    while (after := state(client)) != before and time.monotonic() < deadline:
        time.sleep(0.1)  # the kernel tells of a carrier that is back a little later
    assert after == before


def settle(client: LabClient) -> None:
    """Return when a second has changed nothing: the kernel tells the state of a new link that much later."""
    seen: list[str] = []
    deadline = time.monotonic() + 4 * SETTLES_WITHIN
    while (now := state(client)) != seen:
        assert time.monotonic() < deadline, "the links of a new lab do not settle"
        seen = now
        time.sleep(1.2)  # the kernel's link watch runs once a second


def state(client: LabClient) -> list[str]:
    """Everything that a fault may have changed, as the kernel tells it."""
    found = []
    for node in ("main-gw1", "east-gw1", "main-h1", "east-h1", "mgmt"):
        for argv in (
            ["nft", "list", "ruleset"],
            ["tc", "qdisc", "show"],
            ["ip", "-oneline", "link"],
            ["ip", "-6", "-oneline", "address", "show", "scope", "global"],
            ["ip", "route"],
            ["ip", "-6", "route", "show", "proto", "static"],
        ):
            done = client.exec(node, argv)
            assert done.returncode == 0, done.stderr
            found.append(f"{node} {' '.join(argv)}\n{done.stdout}")
    return found


def carriers(client: LabClient, node: str, interface: str) -> str:
    """The flags between angle brackets."""
    shown = client.exec(node, ["ip", "-oneline", "link", "show", interface]).stdout
    return shown.partition("<")[2].partition(">")[0]


def lost_while(client: LabClient, fault: dict[str, Any], seconds: float = 0.5) -> dict[str, tuple[int, int]]:
    """(sent, lost) of each direction over the cable while the fault was in force, with guard times."""
    link = next(link for link in client.show().links if link.name == CABLE)
    session = ProbeSession(client, over(link, 1000, 45000), control=False)
    session.start()
    try:
        identity = client.inject(fault)
        began = time.monotonic()
        time.sleep(seconds)  # traffic has to flow under the fault for a while
        ended = time.monotonic()
        client.clear(identity)
    finally:
        session.stop()
    report = session.snapshot(began, ended)
    return {flow.flow.sender: (flow.figures.sent, flow.figures.lost) for flow in report.flows}


def test_a_cut_takes_the_carrier_from_both_ends(client: LabClient) -> None:
    identity = client.inject({"kind": "cut", "link": "main-east-1"})
    for node in ("main-gw1", "east-gw1"):
        assert "LOWER_UP" not in carriers(client, node, "wan1")
        assert "LOWER_UP" in carriers(client, node, "wan2")
    client.clear(identity)
    for node in ("main-gw1", "east-gw1"):
        assert "LOWER_UP" in carriers(client, node, "wan1")


def test_a_cut_host_keeps_its_addresses_and_routes(client: LabClient) -> None:
    routes = client.exec("main-h1", ["ip", "-6", "route", "show", "default"]).stdout
    assert "default" in routes
    identity = client.inject({"kind": "cut", "link": "main-h1"})
    assert "NO-CARRIER" in carriers(client, "main-h1", "eth0")
    client.clear(identity)
    assert "default" in client.exec("main-h1", ["ip", "-6", "route", "show", "default"]).stdout


def test_a_blackhole_is_silent_in_both_directions(client: LabClient) -> None:
    lost = lost_while(client, {"kind": "blackhole", "link": CABLE})
    assert all(sent == gone > 0 for sent, gone in lost.values()), lost


@pytest.mark.parametrize(("direction", "hit"), [("a-to-b", "main-h1"), ("b-to-a", "east-h1")])
def test_one_way_hits_that_way_only(client: LabClient, direction: str, hit: str) -> None:
    lost = lost_while(client, {"kind": "oneway", "link": CABLE, "direction": direction})
    for sender, (sent, gone) in lost.items():
        assert gone == (sent if sender == hit else 0), lost


def test_loss_takes_its_share(client: LabClient) -> None:
    lost = lost_while(client, {"kind": "loss", "link": CABLE, "percent": 30}, seconds=1.5)
    for sent, gone in lost.values():
        assert 0.2 < gone / sent < 0.4, lost  # 1,500 packets: 8 standard deviations


def test_clearing_one_of_two_faults_on_a_cable_leaves_the_other(client: LabClient) -> None:
    first = client.inject({"kind": "blackhole", "link": CABLE, "direction": "a-to-b"})
    lost = lost_while(client, {"kind": "blackhole", "link": CABLE})
    assert all(sent == gone for sent, gone in lost.values())
    rules = client.exec("main-h1", ["nft", "list", "ruleset"]).stdout
    assert len(re.findall("table netdev", rules)) == 1
    client.clear(first)


def reaches(client: LabClient, node: str, address: str) -> bool:
    return client.exec(node, ["ping", "-c", "1", "-W", "1", address]).returncode == 0


def test_a_partition_separates_and_joins_again(client: LabClient) -> None:
    """main-gw1 100.64.1.1, east-gw1 100.64.2.1, manager 100.64.0.1."""
    assert reaches(client, "main-mgr", "100.64.1.1")
    assert reaches(client, "main-gw1", "100.64.2.1")
    identity = client.inject({"kind": "partition", "cells": ["main"]})
    assert not reaches(client, "main-mgr", "100.64.1.1")
    assert not reaches(client, "main-gw1", "100.64.2.1")
    assert reaches(client, "main-mgr", "100.64.2.1")
    client.clear(identity)
    assert reaches(client, "main-mgr", "100.64.1.1")


def test_both_sides_of_a_partition_go_on_among_themselves(client: LabClient) -> None:
    identity = client.inject({"kind": "partition", "members": ["main", "main-mgr"]})
    assert reaches(client, "main-mgr", "100.64.1.1")
    assert not reaches(client, "main-mgr", "100.64.2.1")
    client.clear(identity)


def test_a_fault_that_ends_by_itself_is_over(client: LabClient) -> None:
    assert client.inject({"kind": "blackhole", "link": CABLE, "seconds": 0.05}) == ""
    assert client.faults() == ()


def test_the_timeline_has_the_moments_around_the_act(client: LabClient) -> None:
    before = time.monotonic()
    client.clear(client.inject({"kind": "blackhole", "link": CABLE}))
    after = time.monotonic()
    kinds = {"fault", "fault-cleared"}
    stamps = [entry.detail for entry in client.timeline(before) if entry.kind in kinds]
    assert len(stamps) == 2
    for stamp in stamps:
        assert before < stamp["t_before"] < stamp["t_after"] < after


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"kind": "cut", "link": "main-east-9"}, "there is no link 'main-east-9' in this lab"),
        ({"kind": "crash", "service": "speaker@main-gw1"}, "there is no service 'speaker@main-gw1'"),
        ({"kind": "loss", "link": CABLE, "percent": -3}, "-3 is not above 0"),
    ],
)
def test_what_cannot_be_is_refused(client: LabClient, fault: dict[str, Any], says: str) -> None:
    with pytest.raises(LabUsageError, match=says):
        client.inject(fault)


def test_what_this_kernel_cannot_do_is_refused_with_the_reason(client: LabClient) -> None:
    """Either netem is there and delays, or the refusal names it: the doctor and the lab agree."""
    delay = {"kind": "delay", "link": CABLE, "milliseconds": 50}
    if not next(finding for finding in doctor.checks() if finding.name == "netem").ok:
        with pytest.raises(LabUsageError, match="this kernel needs sch_netem"):
            client.inject(delay)
        return
    identity = client.inject(delay)
    rtt = client.exec("main-h1", ["ping", "-c", "1", "-W", "2", "198.18.0.2"]).stdout
    assert float(re.search(r"time=([\d.]+)", rtt)[1]) >= 99  # type: ignore[index]
    client.clear(identity)
