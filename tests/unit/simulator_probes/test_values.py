"""Flows, reports and what makes a report untrustworthy."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from simulator import codec
from simulator.probes import load, state
from simulator.probes.analysis import Figures, Outage
from simulator.probes.flows import Flow, NodeSpec, ProbeError, between, control_link, over, specs
from simulator.probes.reports import FlowReport, NodeReport, ProbeReport, distrust
from topologies import catalogue

TOPOLOGY = catalogue.build("two-cells", {"paths": 2, "hosts": 2})


def test_flows_between_two_cells() -> None:
    flows = between(TOPOLOGY, "main", "east", 500)
    assert [flow.name for flow in flows] == ["main-east-v4", "main-east-v6", "east-main-v4", "east-main-v6"]
    assert {flow.sender for flow in flows} == {"main-h1", "east-h1"}
    assert len({flow.port for flow in flows}) == 4
    assert [flow.family for flow in flows] == [4, 6, 4, 6]
    assert flows[0].interval_ns == 2_000_000


@pytest.mark.parametrize(
    ("a", "b", "rate", "says"),
    [
        ("main", "main", 1000, "--to main: a probe needs two different cells"),
        ("main", "west", 1000, "there is no cell 'west' in this lab; cells: main, east"),
        ("main", "east", 0, "--rate 0: choose 1 to 5000 packets a second"),
    ],
)
def test_wrong_flows_are_refused(a: str, b: str, rate: int, says: str) -> None:
    with pytest.raises(ProbeError, match=says) as caught:
        between(TOPOLOGY, a, b, rate)
    assert caught.value.exit_code == 2


def test_a_cell_without_hosts_is_refused_with_the_remedy() -> None:
    with pytest.raises(ProbeError, match="--set hosts=1"):
        between(catalogue.build("two-cells", {"hosts": 0}), "main", "east")


def test_control_links_collide_with_nothing() -> None:
    taken: list[str] = [link.name for link in TOPOLOGY.links]
    addresses = set()
    for _ in range(100):
        link = control_link("main-h1", "east-h1", taken)
        assert link.name not in taken
        taken.append(link.name)
        addresses |= {str(address) for port in (link.a, link.b) for address in port.addresses}
        assert all(flow.control for flow in over(link, 1000, 50000))
    assert len(addresses) == 200


def test_every_flow_is_sent_by_one_node_and_received_by_one() -> None:
    flows = between(TOPOLOGY, "main", "east")
    made = specs(flows, 7, {"main-h1": "/run/a", "east-h1": "/run/b"})
    assert sorted(key for spec in made for key in spec.sends) == ["0", "1", "2", "3"]
    assert sorted(key for spec in made for key in spec.receives) == ["0", "1", "2", "3"]
    for spec in made:
        assert codec.from_document(NodeSpec, json.loads(json.dumps(codec.to_document(spec)))) == spec


@pytest.mark.parametrize("name", ["", "../other", "a b", "x" * 41])
def test_a_session_name_is_no_path(name: str, tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match="cannot name a probe session"):
        state.directory(tmp_path, name)


def test_a_session_that_does_not_exist_names_those_that_do(tmp_path: Path) -> None:
    (tmp_path / "probes" / "drill").mkdir(parents=True)
    state.store(tmp_path, state.State("drill", (), 7))
    assert state.load(tmp_path, "drill") == state.State("drill", (), 7)
    with pytest.raises(ProbeError, match="there is no probe session 'dril'; sessions: drill"):
        state.load(tmp_path, "dril")


def flow_report(*, control: bool = False, lost: int = 0, gap: float = 1.2, drops: int = 0) -> FlowReport:
    flow = Flow(
        "control" if control else "main-east-v4", "a", "b", "10.0.1.21", "10.0.2.21", 42000, control=control
    )
    outages = (Outage(100.5, float(lost), lost),) if lost else ()
    figures = Figures(1000, 1000 - lost, lost, 0, 0, outages, 0.1, 0.2, 0.3, gap)
    return FlowReport(flow, figures, 0, 0, drops)


GOOD = ProbeReport(
    session="probe",
    final=True,
    since_s=100.0,
    until_s=101.0,
    flows=(flow_report(lost=30), flow_report(control=True)),
    nodes=(NodeReport("a", alive=True, late_ms_p99=0.2),),
    load=load.Load(lab=20.0, foreign=5.0, steal=0.0, pressure=10.0),
)


def test_a_quiet_machine_is_trusted_also_when_the_network_lost_packets() -> None:
    assert distrust(GOOD) == ()
    assert (GOOD.lost, GOOD.longest_outage_ms) == (30, 30.0)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"flows": (flow_report(), flow_report(control=True, lost=2))},
            "control flow control, beside the WAN, lost 2",
        ),
        ({"flows": (flow_report(drops=9),)}, "the receiving socket was full for 9 packets"),
        ({"flows": (flow_report(gap=61.0),)}, r"its sender paused for 61.0 ms \(limit 20\)"),
        ({"nodes": (NodeReport("a", alive=False),)}, "the probe process on a ended"),
        ({"nodes": (NodeReport("a", alive=True, late_ms_p99=7.0),)}, "packets left a late: p99 7.0 ms"),
        ({"load": load.Load(5, 5, 30.0, 10)}, "the hypervisor took 30 %"),
        (
            {"load": load.Load(5, 90, 0, 95.0)},
            "waited for a processor 95 % of the time .*outside the lab used 90 %",
        ),
    ],
)
def test_each_reason_for_distrust_is_found(changes: dict[str, object], says: str) -> None:
    (reason,) = distrust(replace(GOOD, **changes))
    assert re.search(says, reason)


def test_the_document_has_what_reports_promise() -> None:
    document = GOOD.document(zero_s=100.0)
    assert json.loads(json.dumps(document)) == document
    flow = document["flows"][0]
    assert {key: flow[key] for key in ("sent", "received", "lost", "duplicated", "reordered")} == {
        "sent": 1000,
        "received": 970,
        "lost": 30,
        "duplicated": 0,
        "reordered": 0,
    }
    assert flow["outages"] == [{"start_s": 0.5, "duration_ms": 30.0, "lost": 30, "open": False}]


def test_load_between_two_readings() -> None:
    before = load.Reading(t=10.0, busy_s=100.0, steal_s=1.0, lab_s=50.0, stalled_s=3.0, processors=2)
    after = load.Reading(t=20.0, busy_s=110.0, steal_s=2.0, lab_s=54.0, stalled_s=4.0, processors=2)
    assert load.between(before, after) == load.Load(lab=20.0, foreign=30.0, steal=5.0, pressure=10.0)
    assert load.between(replace(before, stalled_s=None), after).pressure is None


def test_a_reading_of_this_machine() -> None:
    reading = load.read(lab_pid=os.getpid())
    assert reading.lab_s > 0
    assert reading.busy_s > 0
    assert load.read(lab_pid=2**22 + 1).lab_s == 0.0
