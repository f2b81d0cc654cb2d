"""Captures of real links and channels: complete, each frame once an end, live on the host, ended in time."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from simulator.captures import Capture, Frame
from simulator.captures.pcapng import Direction, Statistics, parse
from simulator.client import LabClient

pytestmark = pytest.mark.lab

COMMAND = (
    "import sys; from simulator.cli.capture import Capture; command = Capture(None, None); "
    "sys.exit(command.take_action(command.get_parser('cellnet lab capture').parse_args(sys.argv[1:])))"
)
"""`cellnet lab capture`, also where the installed command does not know it yet."""
BOUND = 30.0


def command(*words: str) -> list[str]:
    return [sys.executable, "-c", COMMAND, *words]


def started(file: Path) -> None:
    """Return when the capture has begun to write. Bounded."""
    deadline = time.monotonic() + BOUND
    while not file.exists() or not file.stat().st_size:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def capturers() -> set[str]:
    """Process ids of all capturing processes that are seen from here."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"simulator.captures" in words:
            found.add(path.parent.name)
    return found


def ping(client: LabClient, target: str = "10.0.2.21", count: int = 20, size: int = 56) -> None:
    done = client.exec("main-h1", ["ping", "-c", str(count), "-i", "0.02", "-s", str(size), target])
    assert f" {count} received" in done.stdout, done.stdout


def echoes(frames: list[Frame]) -> Counter[tuple[str, Direction, int, bytes]]:
    """How often each ICMP echo or reply was seen, by interface, direction and what tells it from others."""
    return Counter(
        (frame.interface, frame.direction, frame.data[34], frame.data[38:42])
        for frame in frames
        if frame.data[12:14] == b"\x08\x00" and frame.data[23] == 1 and frame.length > 1000
    )


def test_each_frame_is_there_once_an_end(client: LabClient) -> None:
    """The switches read and write packet sockets of their own: nothing may be seen twice because of it."""
    with Capture(client, ("main-east-1", "main-east-2", "main-h1", "east-h1")) as capture:
        before = time.monotonic()
        ping(client, size=1200)
        after = time.monotonic()
    assert capture.doubts() == ()
    frames = list(capture.frames())
    seen = echoes(frames)
    assert set(seen.values()) == {1}
    places = Counter((interface.partition(":")[0], kind, way) for interface, way, kind, _ in seen)
    into, out = Direction.IN, Direction.OUT
    host, gateway = [places["main-h1", kind, way] for kind, way in ((8, out), (0, into))], "main-gw1"
    assert host == [20, 20]
    # Each crosses a gateway once on the LAN and once on the WAN.
    assert [places[gateway, kind, way] for kind in (8, 0) for way in (into, out)] == [20, 20, 20, 20]
    assert sum(places.values()) == 2 * (4 + 2 * 4) * 10
    assert [frame.time_ns for frame in frames] == sorted(frame.time_ns for frame in frames)
    times = [frame.t for frame in frames if frame.length > 1000]
    assert before <= min(times) <= max(times) <= after


def test_channels_hold_their_own_messages_and_scapy_reads_them(client: LabClient) -> None:
    capture = Capture(client, ("bgp", "openflow"), "main-gw1")
    capture.start(seconds=4)
    path = capture.wait(BOUND)
    assert path.suffix == ".pcapng"
    assert capture.doubts() == ()
    assert capture.interfaces() == ("main-gw1:ip-wan1", "main-gw1:ip-wan2", "main-gw1:ctl0")
    kinds = {message.kind for message in capture.messages()}
    assert {"KEEPALIVE", "ECHO_REQUEST", "ECHO_REPLY"} <= kinds
    for packet in capture.packets():
        ports = {packet["TCP"].sport, packet["TCP"].dport}
        assert (179 if "wan" in packet.sniffed_on else 6653) in ports


def test_a_capture_outlives_its_interface_and_says_so(client: LabClient) -> None:
    with Capture(client, "main-h1") as capture:
        ping(client, "10.0.1.1", 5, 1200)
        fault = client.inject({"kind": "cut", "link": "main-h1"})
        client.clear(fault)
        ping(client, "10.0.1.1", 5, 1200)
    seen = echoes(list(capture.frames()))
    assert {interface for interface, *_ in seen} == {"main-gw1:lan1", "main-h1:eth0"}
    assert sum(count for (interface, *_), count in seen.items() if "lan1" in interface) >= 18
    [doubt] = capture.doubts()
    assert doubt.startswith("main-gw1:lan1: the interface was down or absent for ")


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_it_streams_to_a_reader_on_the_host_and_ends_with_it(client: LabClient) -> None:
    live = subprocess.Popen(command("bgp,openflow", "main-gw1"), stdout=subprocess.PIPE)
    try:
        reader = ["tshark", "-l", "-i", "-", "-c", "6", "-T", "fields", "-e", "frame.interface_name"]
        done = subprocess.run(
            reader, stdin=live.stdout, capture_output=True, text=True, timeout=BOUND, check=True
        )
        assert live.stdout is not None
        live.stdout.close()
        assert live.wait(BOUND) == 0  # nobody reads any more: it has noticed by itself
    finally:
        live.kill()
    assert "main-gw1:" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_a_whole_file(
    client: LabClient, tmp_path: Path, number: signal.Signals
) -> None:
    file = tmp_path / "out.pcapng"
    process = subprocess.Popen(command("main-h1", "--write", str(file)))
    started(file)
    ping(client, "10.0.1.1", 5)
    process.send_signal(number)
    assert process.wait(BOUND) == 0
    *_, last, other = parse(file.read_bytes())
    assert isinstance(last, Statistics)
    assert isinstance(other, Statistics)
    assert (last.dropped, other.dropped) == (0, 0)
    assert last.received >= 10


def test_a_killed_command_leaves_no_capture_behind(client: LabClient, tmp_path: Path) -> None:
    before = capturers()
    file = tmp_path / "out.pcapng"
    process = subprocess.Popen(command("main-h1", "--write", str(file)))
    started(file)
    ours = capturers() - before
    assert ours
    process.kill()
    process.wait(BOUND)
    deadline = time.monotonic() + BOUND
    while capturers() & ours:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_count_seconds_and_filter(client: LabClient, tmp_path: Path) -> None:
    file = tmp_path / "out.pcapng"
    words = ("main-h1", "main-h1", "--filter", "icmp", "--count", "6", "--write", str(file))
    process = subprocess.Popen(command(*words))
    started(file)
    ping(client, "10.0.1.1", 8)
    assert process.wait(BOUND) == 0
    packets = [block for block in parse(file.read_bytes()) if hasattr(block, "data")]
    assert len(packets) == 6
    done = subprocess.run(
        command("main-h1", "--filter", "udp port 9", "--seconds", "0.2"),
        capture_output=True,
        timeout=BOUND,
        check=True,
    )
    assert len(list(parse(done.stdout))) == 1 + 2 + 2  # no packet at all: a head, and counters of both ends
