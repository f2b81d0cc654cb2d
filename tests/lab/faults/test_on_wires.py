"""Faults on real cables: the peer sees what the fault's name says, and afterwards nothing is left of it."""

from __future__ import annotations

import re
import signal
import sys
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
STAMPED = 0.01
"""Seconds that a packet may wait between its stamp and the wire."""
PACED = 0.1
"""Seconds that a sender of one packet a millisecond may pause, beside what it says itself."""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabClient]:
    """A network without daemons, and a cable between two hosts to do things to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CELLNET_RUN_DIR", str(tmp_path_factory.mktemp("run")))
        client = lab.up(catalogue.build("two-cells", {"hosts": 1, "bus": "yes"}), services=False)
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


def answers(client: LabClient, node: str, address: str) -> bool:
    """Now."""
    return client.exec(node, ["ping", "-c", "1", "-W", "1", address]).returncode == 0


def reaches(client: LabClient, node: str, address: str) -> bool:
    """Soon: a neighbour entry that failed while nobody answered is asked for again first."""
    return client.exec(node, ["ping", "-c", "1", "-i", "0.2", "-w", "10", address]).returncode == 0


def test_a_partition_separates_and_joins_again(client: LabClient) -> None:
    """main-gw1 100.64.1.1, east-gw1 100.64.2.1, manager 100.64.0.1."""
    assert reaches(client, "main-mgr", "100.64.1.1")
    assert reaches(client, "main-gw1", "100.64.2.1")
    identity = client.inject({"kind": "partition", "cells": ["main"]})
    assert not answers(client, "main-mgr", "100.64.1.1")
    assert not answers(client, "main-gw1", "100.64.2.1")
    assert reaches(client, "main-mgr", "100.64.2.1")
    client.clear(identity)
    assert reaches(client, "main-mgr", "100.64.1.1")


def test_both_sides_of_a_partition_go_on_among_themselves(client: LabClient) -> None:
    identity = client.inject({"kind": "partition", "members": ["main", "main-mgr"]})
    assert reaches(client, "main-mgr", "100.64.1.1")
    assert not answers(client, "main-mgr", "100.64.2.1")
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


def rtt_ms(client: LabClient) -> float:
    """Least of a few round trips over the cable."""
    said = client.exec("main-h1", ["ping", "-c", "5", "-i", "0.1", "-W", "2", "198.18.0.2"]).stdout
    found = re.search(r"= ([\d.]+)/", said)
    assert found, said
    return float(found[1])


def test_a_delay_is_felt_both_ways_by_whatever_back_end_there_is(client: LabClient) -> None:
    """The doctor and the lab agree: either it is refused, or packets are never early."""
    delay = {"kind": "delay", "link": CABLE, "milliseconds": 50, "jitter_ms": 5}
    if not next(finding for finding in doctor.checks() if finding.name == "delay").ok:
        with pytest.raises(LabUsageError, match="sch_netem"):
            client.inject(delay)
        return
    identity = client.inject(delay)
    assert rtt_ms(client) >= 90
    with pytest.raises(LabUsageError, match="is shaped by another delay or rate"):
        client.inject({"kind": "rate", "link": CABLE, "mbit": 5})
    client.clear(identity)
    assert rtt_ms(client) < 50


@pytest.fixture
def line(client: LabClient) -> Iterator[str]:
    """A delay by a line of our own, and its service."""
    delays = next(finding for finding in doctor.checks() if finding.name == "delay")
    if not delays.ok:
        pytest.skip(f"no delays here: {delays.detail}; {delays.remedy}")
    identity = client.inject({"kind": "delay", "link": CABLE, "milliseconds": 5, "direction": "a-to-b"})
    names = [one.name for one in client.show().services if one.name.startswith("delay-")]
    if not names:
        client.clear(identity)
        pytest.skip("this kernel has netem: delays need no line of our own")
    yield names[0]
    client.clear(identity)
    assert not [one for one in client.show().services if one.name.startswith("delay-")]


def test_large_segments_pass_a_delay_line_whole(client: LabClient, line: str) -> None:
    """The sender's kernel hands over segments of many frames, with checksums yet to be made."""
    server = (
        "import hashlib, socket; s = socket.create_server(('198.18.0.2', 9999)); c, _ = s.accept();"
        "h = hashlib.sha256()\nwhile d := c.recv(65536): h.update(d)\nprint(h.hexdigest())"
    )
    sender = (
        "import hashlib, os, socket, time; data = os.urandom(3_000_000); end = time.monotonic() + 10\n"
        "while True:\n"
        " try: s = socket.create_connection(('198.18.0.2', 9999)); break\n"
        " except ConnectionRefusedError:\n"
        "  assert time.monotonic() < end; time.sleep(0.05)\n"
        "s.sendall(data); s.close(); print(hashlib.sha256(data).hexdigest())"
    )
    process = client.spawn("east-h1", [sys.executable, "-c", server], "receiver")
    sent = client.exec("main-h1", [sys.executable, "-c", sender], timeout=30)
    assert client.wait(process, 30) == 0
    log = next(one.log for one in client.show().processes if one.id == process)
    assert (client.run_directory / log).read_text().strip() == sent.stdout.strip()


def test_a_delay_line_that_is_killed_comes_back_and_the_timeline_says_so(
    client: LabClient, line: str
) -> None:
    before = time.monotonic()
    client.kill_service(line, signal.SIGKILL)
    client.wait_ready(10)
    assert 5 <= rtt_ms(client) < 50
    told = [entry.kind for entry in client.timeline(before) if entry.detail.get("service") == line]
    assert told == ["service-signal", "service-exit", "service-start", "service-ready"]


def test_a_blackhole_and_a_delay_line_on_one_cable_go_each_alone(client: LabClient, line: str) -> None:
    lost = lost_while(client, {"kind": "oneway", "link": CABLE, "direction": "a-to-b"})
    sent, gone = lost["main-h1"]
    assert sent - gone <= 20, lost  # what was in the line when the hole opened still arrived: 5 ms at 1,000/s
    assert rtt_ms(client) >= 5


def test_a_flapping_cable_is_down_in_its_beats_and_whole_afterwards(client: LabClient) -> None:
    before = time.monotonic()
    flap = {"kind": "flap", "link": "main-east-1", "period_s": 0.4, "duty": 0.5, "count": 6, "seed": 1}
    identity = client.inject(flap)
    deadline = time.monotonic() + 20
    seen = set()
    while client.faults():
        assert time.monotonic() < deadline, "the train does not end"
        seen.add("LOWER_UP" in carriers(client, "main-gw1", "wan1"))
        time.sleep(0.02)
    assert seen == {True, False}, "down in some beat, up between two"
    assert "LOWER_UP" in carriers(client, "main-gw1", "wan1")
    client.clear(identity)  # harmless: it is over
    told = [entry.kind for entry in client.timeline(before) if entry.detail.get("id") == identity]
    assert told.count("fault") == told.count("fault-cleared") == 6
    assert told.count("flap") == told.count("flap-over") == 1


def test_a_flap_cleared_in_the_middle_of_a_beat_leaves_the_cable_whole(client: LabClient) -> None:
    flap = {"kind": "flap", "link": "main-east-1", "mode": "blackhole", "period_s": 20, "count": 3}
    client.clear(client.inject(flap))
    assert client.exec("main-gw1", ["nft", "list", "ruleset"]).stdout == ""
    assert client.faults() == ()


def test_several_faults_are_one_or_none(client: LabClient) -> None:
    cut = {"kind": "cut", "link": "main-east-1"}
    identity = client.inject({"kind": "all", "faults": [cut, {"kind": "blackhole", "link": "main-east-2"}]})
    assert "LOWER_UP" not in carriers(client, "main-gw1", "wan1")
    assert "drop" in client.exec("main-gw1", ["nft", "list", "ruleset"]).stdout
    client.clear(identity)
    held = client.inject({"kind": "rate", "link": "main-east-2", "mbit": 5})
    with pytest.raises(LabUsageError, match="is shaped by another"):
        client.inject({"kind": "all", "faults": [cut, {"kind": "rate", "link": "main-east-2", "mbit": 5}]})
    assert "LOWER_UP" in carriers(client, "main-gw1", "wan1")
    client.clear(held)


def test_an_isolated_manager_is_away_from_that_cell_only(client: LabClient) -> None:
    identity = client.inject({"kind": "isolate", "target": "manager", "cell": "east"})
    assert not answers(client, "main-mgr", "100.64.2.1")
    assert reaches(client, "main-mgr", "100.64.1.1")
    assert reaches(client, "main-gw1", "100.64.2.1")
    client.clear(identity)
    assert reaches(client, "main-mgr", "100.64.2.1")


def test_an_isolated_controller_is_silent_with_its_carrier(client: LabClient) -> None:
    identity = client.inject({"kind": "isolate", "target": "controller", "cell": "main"})
    assert not answers(client, "main-gw1", "192.168.254.2")
    assert "LOWER_UP" in carriers(client, "main-gw1", "ctl0")
    assert reaches(client, "east-gw1", "192.168.254.2")
    client.clear(identity)
    assert reaches(client, "main-gw1", "192.168.254.2")


def test_an_isolated_bus_is_silent_with_its_carrier_and_nobody_else_is(client: LabClient) -> None:
    cables = {"main-h1": ("lan1", "10.0.1.1/32"), "main-h2": ("lan2", "10.0.1.2/32")}
    for host, (port, address) in cables.items():  # no switch runs here: the kernel answers
        route = f"10.0.1.{21 if host == 'main-h1' else 22}"
        assert client.exec("main-gw1", ["ip", "address", "add", address, "dev", port]).returncode == 0
        assert client.exec("main-gw1", ["ip", "route", "add", route, "dev", port]).returncode == 0
    assert reaches(client, "main-h2", "10.0.1.2")
    identity = client.inject({"kind": "isolate", "target": "bus", "cell": "main"})
    assert not answers(client, "main-h2", "10.0.1.2")
    assert not answers(client, "main-gw1", "10.0.1.22")
    assert "LOWER_UP" in carriers(client, "main-h2", "eth0")
    assert reaches(client, "main-h1", "10.0.1.1")
    client.clear(identity)
    assert reaches(client, "main-h2", "10.0.1.2")
    for port, address in cables.values():
        client.exec("main-gw1", ["ip", "address", "del", address, "dev", port])
        client.exec("main-gw1", ["ip", "route", "flush", "dev", port])


def test_three_groups_hear_only_themselves(client: LabClient) -> None:
    identity = client.inject({"kind": "partition", "groups": [["main"], ["east"], ["main-mgr"]]})
    assert not answers(client, "main-mgr", "100.64.1.1")
    assert not answers(client, "main-gw1", "100.64.2.1")
    client.clear(identity)


def test_the_moments_are_just_around_the_act(client: LabClient) -> None:
    """The first packet lost was sent after t_before, and the last one that arrived before t_after."""
    link = next(link for link in client.show().links if link.name == CABLE)
    session = ProbeSession(client, over(link, 1000, 45000), control=False)
    session.start()
    try:
        deadline = time.monotonic() + 10
        while not all(flow.figures.sent for flow in session.snapshot().flows):  # also before the fault
            assert time.monotonic() < deadline
            time.sleep(0.05)
        before = time.monotonic()
        identity = client.inject({"kind": "blackhole", "link": CABLE})
        time.sleep(0.2)
        client.clear(identity)
    finally:
        session.stop()
    fault = next(entry.detail for entry in client.timeline(before) if entry.kind == "fault")
    cleared = next(entry.detail for entry in client.timeline(before) if entry.kind == "fault-cleared")
    report = session.snapshot(before - 0.1, cleared["t_after"] + 0.1)
    for flow in report.flows:
        (outage,) = flow.figures.outages
        paused = flow.figures.widest_send_gap_ms / 1000
        stamped, paced = STAMPED + paused, PACED + paused
        assert fault["t_before"] - stamped <= outage.start_s <= fault["t_after"] + paced
        assert cleared["t_before"] - stamped <= outage.end_s <= cleared["t_after"] + paced
