"""The probe against gaps that are known by other means, and against lies."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from simulator import lab
from simulator.client import LabClient
from simulator.probes import records
from simulator.probes.flows import ProbeError, control_link, over
from simulator.probes.reports import FlowReport, ProbeReport, distrust
from simulator.probes.session import ProbeSession
from tests.lab.probes.gaps import drop_packets, dropped_by_kernel
from topologies import catalogue
from topologies.model import Link

pytestmark = pytest.mark.lab

RATE = 1000
RESOLUTION_MS = 1000 / RATE
ALLOWED_MS = 0.4


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabClient]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CELLNET_RUN_DIR", str(tmp_path_factory.mktemp("run")))
        client = lab.up(catalogue.build("two-cells", {"hosts": 1}), services=False)
        try:
            client.add_link(control_link("main-h1", "east-h1", ()))
            yield client
        finally:
            client.down()


@pytest.fixture
def cable(client: LabClient) -> Link:
    return next(link for link in client.show().links if link.name == "probe-control-0")


def calibrate(flow: FlowReport, dropped: int, late_ms: float) -> list[str]:
    """Where a flow's figures disagree with what the kernel did to it; empty for an honest probe.

    A sender that was late at an end of the gap moved that end: by `late_ms` at most, as it says itself.
    """
    wrong = []
    if flow.figures.lost != dropped:
        wrong.append(f"lost {flow.figures.lost}, dropped {dropped}")
    if len(flow.figures.outages) != 1:
        return [*wrong, f"{len(flow.figures.outages)} outages instead of 1"]
    slack = RESOLUTION_MS + ALLOWED_MS + late_ms
    duration, true = flow.figures.outages[0].duration_ms, dropped * RESOLUTION_MS
    if not math.isclose(duration, true, abs_tol=slack):
        wrong.append(f"outage of {duration:.2f} ms instead of {true:.2f} +- {slack:.2f}")
    return wrong


def lateness_near(session: ProbeSession, flow: int) -> float:
    """How much longer than an interval its sender paused at most, near the outage; milliseconds."""
    (outage,) = session.snapshot().flows[flow].figures.outages
    near = session.snapshot(outage.start_s - 0.005, outage.end_s + 0.005).flows[flow]
    return max(0.0, near.figures.widest_send_gap_ms - RESOLUTION_MS)


def measure_gap(client: LabClient, cable: Link, count: int) -> tuple[ProbeReport, int, float]:
    flows = over(cable, RATE, 46000)
    drop_packets(client, "main-h1", cable.a.name, flows[0].port, 200, count)
    session = ProbeSession(client, flows, "calibration", control=False)
    session.start()
    try:
        deadline = time.monotonic() + 20
        while session.snapshot().flows[0].figures.sent < 300 + count:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        report = session.stop()
    return report, dropped_by_kernel(client, "main-h1"), lateness_near(session, 0)


@pytest.mark.parametrize("count", [1, 10, 50])
def test_a_known_gap_is_measured_to_the_packet(client: LabClient, cable: Link, count: int) -> None:
    for _ in range(5):
        report, dropped, late = measure_gap(client, cable, count)
        hit, other = report.flows
        assert dropped == count
        assert calibrate(hit, dropped, late) == []
        assert (other.figures.lost, other.figures.outages) == (0, ())
        if late < ALLOWED_MS:
            return  # measured to the resolution
    pytest.skip(f"machine too busy: packets left {late:.1f} ms late; load {report.load}")


@pytest.mark.parametrize(
    "lie",
    ["counts what never came", "goes by the wrong clock", "misses half"],
    ids=lambda lie: lie.replace(" ", "-"),
)
def test_a_lying_probe_is_caught(client: LabClient, cable: Link, lie: str) -> None:
    """The records of an honest run, doctored, no longer agree with the kernel."""
    report, dropped, late = measure_gap(client, cable, 20)
    assert calibrate(report.flows[0], dropped, late) == []
    files = client.run_directory / "probes" / "calibration"
    sent_path, received_path = files / "main-h1.records", files / "east-h1.records"
    if lie == "goes by the wrong clock":
        sent_path.write_bytes(doctored(sent_path, lambda block: stretch(block, 2.0)))
    else:
        extra = range(200, 220) if lie == "counts what never came" else range(200, 210)
        received_path.write_bytes(
            received_path.read_bytes() + records.encode_received(0, numbers(extra), stamps(extra))
        )
    told = ProbeSession.attach(client, "calibration").snapshot(since_s=0, until_s=2**31)
    assert calibrate(told.flows[0], dropped, min(late, 5.0)) != []


def numbers(values: range) -> records.array[int]:
    return records.array("I", values)


def stamps(values: range) -> records.array[int]:
    return records.array("q", [time.monotonic_ns()] * len(values))


def stretch(block: records.Block, factor: float) -> bytes:
    """The same sends, by a clock that runs too fast."""
    first = block.times[0] if block.times else 0
    times = records.array("q", [first + int((time_ - first) * factor) for time_ in block.times])
    return records.encode_sent(block.flow, times)


def doctored(path: Path, change: Callable[[records.Block], bytes]) -> bytes:
    blocks, _ = records.decode(path.read_bytes())
    return b"".join(
        change(block)
        if block.kind == records.SENT
        else records.encode_received(block.flow, block.sequence, block.times)
        for block in blocks
    )


@pytest.mark.parametrize("seconds", [0.01, 0.05])
def test_a_gap_made_by_a_fault_lies_between_its_stamps(
    client: LabClient, cable: Link, seconds: float
) -> None:
    for _ in range(5):
        session = ProbeSession(client, over(cable, RATE, 46100), "toggled", control=False)
        session.start()
        try:
            until_it_sends(session)
            before = time.monotonic()
            client.inject({"kind": "oneway", "link": cable.name, "direction": "a-to-b", "seconds": seconds})
            until_it_sends(session, session.snapshot().flows[0].figures.sent + 100)
        finally:
            report = session.stop()
        hit, other = report.flows
        if hit.figures.widest_send_gap_ms < 1000 * seconds:
            break  # it has sent while the fault was there
    else:
        pytest.skip(f"machine too busy: the probe paused for {hit.figures.widest_send_gap_ms:.1f} ms")
    entries = client.timeline(before)
    began = next(entry.detail for entry in entries if entry.kind == "fault")
    ended = next(entry.detail for entry in entries if entry.kind == "fault-cleared")
    (outage,) = hit.figures.outages
    slack = max(hit.figures.widest_send_gap_ms, RESOLUTION_MS) + ALLOWED_MS
    assert 1000 * (ended["t_before"] - began["t_after"]) - slack <= outage.duration_ms
    assert outage.duration_ms <= 1000 * (ended["t_after"] - began["t_before"]) + slack
    assert 1000 * (began["t_before"] - outage.start_s) < slack
    assert other.figures.lost == 0


def until_it_sends(session: ProbeSession, count: int = 1) -> None:
    deadline = time.monotonic() + 10
    while session.snapshot().flows[0].figures.sent < count:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_probe_that_was_frozen_says_so(client: LabClient, cable: Link) -> None:
    session = ProbeSession(client, over(cable, RATE, 46200), "frozen", control=False)
    session.start()
    until_it_sends(session)  # frozen before its first packet it would only have started late
    process = next(view for view in client.show().processes if view.id.startswith("probe-frozen-main-h1"))
    try:
        client.exec("mgmt", ["sh", "-c", f"kill -STOP {process.pid}; sleep 0.1; kill -CONT {process.pid}"])
    finally:
        report = session.stop()
    hit = report.flows[0]
    assert hit.figures.widest_send_gap_ms >= 90
    assert hit.skipped > 0
    assert any("its sender paused for" in reason for reason in distrust(report))


def test_a_probe_that_was_killed_says_so_and_keeps_what_it_wrote(client: LabClient, cable: Link) -> None:
    session = ProbeSession(client, over(cable, RATE, 46300), "killed", control=False)
    session.start()
    until_it_sends(session)
    process = next(view for view in client.show().processes if view.id.startswith("probe-killed-east-h1"))
    client.exec("mgmt", ["kill", "-KILL", str(process.pid)])
    report = session.stop()
    assert [node.node for node in report.nodes if not node.alive] == ["east-h1"]
    assert any("the probe process on east-h1 ended" in reason for reason in distrust(report))
    assert report.flows[0].figures.sent > 0


def test_a_session_is_taken_up_by_another_client_and_leaves_nothing(client: LabClient, cable: Link) -> None:
    links = {link.name for link in client.show().links}
    session = ProbeSession(client, over(cable, RATE, 46400), "shared")
    session.start()
    assert len(session.flows) == 4
    with pytest.raises(ProbeError, match="probe session 'shared' is running"):
        ProbeSession(client, over(cable, RATE, 46500), "shared").start()
    other = ProbeSession.attach(client, "shared")
    assert other.running
    deadline = time.monotonic() + 10
    while other.snapshot().flows[-1].figures.sent == 0:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    report = other.stop()
    assert report.final
    assert {flow.figures.lost for flow in report.flows} == {0}
    assert all(flow.figures.sent == flow.figures.received > 0 for flow in report.flows)
    assert {link.name for link in client.show().links} == links
    assert all(view.returncode is not None for view in client.show().processes)
    assert other.stop().document() == report.document()
    with pytest.raises(ProbeError, match="there is no probe session 'sharde'"):
        ProbeSession.attach(client, "sharde")


def test_a_probe_that_cannot_start_leaves_nothing(client: LabClient, cable: Link) -> None:
    links = {link.name for link in client.show().links}
    flows = over(cable, RATE, 46600)
    wrong = (flows[0], flows[1].__class__("bad", "east-h1", "main-h1", "203.0.113.9", "198.18.0.1", 46602))
    with pytest.raises(ProbeError, match=r"probe process on east-h1 did not start: .*Cannot assign"):
        ProbeSession(client, wrong, "wrong").start()
    assert {link.name for link in client.show().links} == links
    assert all(view.returncode is not None for view in client.show().processes)
