"""Connections and paths on real wires: a stall that is known by other means, and the link that is known."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from simulator import lab
from simulator.captures import Capture
from simulator.captures.frames import Frame
from simulator.client import LabClient
from simulator.probes.flows import Flow, between, control_link
from simulator.probes.packets import BODY, BODY_AT, prefix
from simulator.probes.reports import FlowReport, distrust
from simulator.probes.session import ProbeSession
from topologies import catalogue
from topologies.model import Link

pytestmark = pytest.mark.lab

RATE = 500
RESOLUTION_MS = 1000 / RATE
ALLOWED_MS = 2.0
"""How much later than the kernel a program may have read what ended a stall, beside its own lateness."""


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


def connection(cable: Link, transport: str, port: int) -> Flow:
    a, b = cable.a, cable.b
    source, destination = str(a.addresses[0].ip), str(b.addresses[0].ip)
    assert transport in ("tcp", "message")
    return Flow(
        f"a-b-{transport}",
        a.node,
        b.node,
        source,
        destination,
        port,
        RATE,
        transport=transport,  # type: ignore[arg-type]
    )


def delivered(frames: list[Frame], run: int, flow: Flow, interface: str) -> list[float]:
    """When the kernel of the receiver could hand over something new: times of the frames that brought the
    next message in order. This reads the wire and knows nothing of what the probe wrote down."""
    size, start = flow.size, prefix(run, 0)
    times, next_number, early = [], 0, set[int]()
    for frame in frames:
        at = frame.data.find(start)
        if frame.interface != interface or int(frame.direction) != 1 or at < 0:
            continue
        numbers = range((len(frame.data) - at) // size)
        early |= {BODY.unpack_from(frame.data, at + n * size + BODY_AT)[0] for n in numbers}
        if next_number in early:
            while next_number in early:
                next_number += 1
            times.append(frame.t)
    return times


@pytest.mark.parametrize("transport", ["tcp", "message"])
def test_a_planted_stall_is_measured_to_what_is_stated(
    client: LabClient, cable: Link, transport: str
) -> None:
    flow = connection(cable, transport, 42500 + len(transport))
    for _ in range(5):
        report, truth, late = measure_stall(client, cable, flow)
        (hit,) = report
        assert hit.stream is not None
        assert hit.stream.reconnects == 0
        slack = RESOLUTION_MS + ALLOWED_MS + late
        assert abs(hit.stream.longest_stall_ms - truth) <= slack
        assert (hit.figures.lost, hit.figures.duplicated) == (0, 0), "a connection loses nothing"
        if late < ALLOWED_MS:
            return
    pytest.skip(f"machine too busy: the probe was {late:.1f} ms late")


def measure_stall(client: LabClient, cable: Link, flow: Flow) -> tuple[tuple[FlowReport, ...], float, float]:
    """The report, the longest stretch without a delivery by the wire, and how late the probe was."""
    session = ProbeSession(client, [flow], "stalled", control=False)
    with Capture(client, cable.name, cable.b.node) as capture:
        session.start()
        try:
            await_sent(session, 100)
            client.inject({"kind": "oneway", "link": cable.name, "direction": "a-to-b", "seconds": 0.15})
            await_sent(session, 700)
        finally:
            report = session.stop()
    assert capture.doubts() == ()
    interface = f"{cable.b.node}:{cable.b.name}"
    times = delivered(list(capture.frames()), session._state.run, flow, interface)
    truth = max(1000 * (after - before) for before, after in pairwise(times))
    assert truth >= 150 - RESOLUTION_MS, "the fault was there"
    late = max(report.flows[0].figures.widest_send_gap_ms - RESOLUTION_MS, 0.0)
    return report.flows, truth, late


def await_sent(session: ProbeSession, count: int) -> None:
    deadline = time.monotonic() + 20
    while session.snapshot().flows[0].figures.sent < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_receiver_that_was_frozen_is_a_stall_of_known_length(client: LabClient, cable: Link) -> None:
    """By signals at known times: the stall is that long, and nothing is lost."""
    for _ in range(5):
        stall, took = measure_frozen(client, cable)
        assert stall >= 200 - RESOLUTION_MS
        if stall <= took + RESOLUTION_MS + ALLOWED_MS + 50:
            return
    pytest.fail(f"five times longer than it was frozen (or a busy machine): {stall:.1f} ms, {took:.1f} ms")


def measure_frozen(client: LabClient, cable: Link) -> tuple[float, float]:
    """The longest stall that was told, and how long the signals took; milliseconds."""
    session = ProbeSession(client, [connection(cable, "message", 42600)], "frozen-server", control=False)
    session.start()
    await_sent(session, 50)
    name = f"probe-frozen-server-{cable.b.node}"
    process = next(view for view in client.show().processes if view.id.startswith(name))
    began = time.monotonic()
    try:
        client.exec("mgmt", ["sh", "-c", f"kill -STOP {process.pid}; sleep 0.2; kill -CONT {process.pid}"])
        took = 1000 * (time.monotonic() - began)
        await_sent(session, 300)
    finally:
        report = session.stop()
    (hit,) = report.flows
    assert hit.stream is not None
    assert hit.figures.lost == 0
    return hit.stream.longest_stall_ms, took


@pytest.fixture(scope="module")
def plain(client: LabClient) -> tuple[Flow, ...]:
    """Gateways turned into plain kernel bridges that join a LAN port and one WAN port: a known way."""
    for gateway in ("main-gw1", "east-gw1"):
        script = (
            "ip link add br0 type bridge stp_state 0 && ip link set lan1 master br0 && "
            "ip link set wan1 master br0 && ip link set br0 up && ip link set lan1 up && "
            "ip link set wan1 up && ip link set wan2 up"
        )
        done = client.exec(gateway, ["sh", "-c", script])
        assert done.returncode == 0, done.stderr
    for node, own in (("main-h1", 1), ("east-h1", 2)):
        done = client.exec(node, ["ip", "address", "add", f"198.19.0.{own}/24", "dev", "eth0"])
        assert done.returncode == 0, done.stderr
    return tuple(
        Flow(f"{a}-{b}-{t}", f"{a}-h1", f"{b}-h1", f"198.19.0.{m}", f"198.19.0.{n}", port, 200, transport=t)
        for port, (a, b, m, n, t) in enumerate(
            (("main", "east", 1, 2, "udp"), ("east", "main", 2, 1, "message")), start=42700
        )
    )


def test_the_path_is_the_wire_that_the_bridge_was_plugged_into(
    client: LabClient, plain: tuple[Flow, ...]
) -> None:
    session = ProbeSession(client, plain, "paths", paths=True)
    session.start()
    try:
        await_sent(session, 40)
        before = time.monotonic()
        for gateway in ("main-gw1", "east-gw1"):
            script = "ip link set wan2 master br0 && ip link set wan1 nomaster && ip link set wan1 up"
            done = client.exec(gateway, ["sh", "-c", script])
            assert done.returncode == 0, done.stderr
        after = time.monotonic()
        await_arrived(session, after + 0.1)
    finally:
        report = session.stop()
    for one in report.flows[:2]:
        assert one.path is not None
        links = [(part.place, part.link) for part in one.path]
        assert links[0][1] == "main-east-1"
        assert {("left", "main-east-2"), ("arrived", "main-east-2")} <= set(links)
        moved = one.switches[-1]
        assert (moved.before, moved.after) == ("main-east-1", "main-east-2")
        # A connection repeats what was lost: those messages bear the stamp of their first sending.
        assert before - 1.0 <= moved.at_s
        if not one.flow.streams:
            assert before <= moved.at_s
    assert report.flows[2].path is None, "a control flow crosses no gateway"
    assert [reason for reason in distrust(report) if "path" in reason] == []
    assert all(view.returncode is not None for view in client.show().processes)


def await_arrived(session: ProbeSession, at: float) -> None:
    """Until packets sent after that moment have arrived."""
    deadline = time.monotonic() + 20
    while not all(
        any(part.link == "main-east-2" and part.last_s > at for part in flow.path or ())
        for flow in session.snapshot().flows[:2]
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_watcher_that_was_killed_is_a_reason_for_distrust(
    client: LabClient, plain: tuple[Flow, ...]
) -> None:
    session = ProbeSession(client, plain, "blind", control=False, paths=True)
    session.start()
    process = next(view for view in client.show().processes if view.id.startswith("probe-blind-paths"))
    client.exec("mgmt", ["kill", "-KILL", str(process.pid)])
    report = session.stop()
    assert any("the process that looks at paths ended" in reason for reason in distrust(report))


def test_both_families_and_all_transports_have_flows_of_their_own() -> None:
    flows = between(catalogue.build("two-cells", {}), "main", "east", 100, ("udp", "tcp", "message"))
    assert len({flow.name for flow in flows}) == len({flow.port for flow in flows}) == 12
    assert {(flow.transport, flow.family) for flow in flows} == {
        (transport, family) for transport in ("udp", "tcp", "message") for family in (4, 6)
    }
