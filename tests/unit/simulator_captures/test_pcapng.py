"""The file format: golden bytes, and files that scapy and Wireshark's programs read as they were meant."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.captures import pcapng
from simulator.captures.pcapng import Block, Direction, Interface, Packet, Reception, Section, Statistics

FRAME = bytes.fromhex("ffffffffffff0200000000010806") + bytes(28)
TIME = 1_784_212_345_123_456_789
FILE: tuple[Block, ...] = (
    Section("where the times come from", "cellnet"),
    Interface("main-gw1:wan1", "link main-east-1, end a", "tcp port 179"),
    Interface("east-gw1:wan1"),
    Packet(0, TIME, FRAME, len(FRAME), Direction.OUT, Reception.BROADCAST),
    Packet(1, TIME + 1, FRAME[:17], len(FRAME), Direction.IN),
    Statistics(0, TIME + 2, 7, 3, "absent for a while"),
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "x.pcapng"
    path.write_bytes(b"".join(map(pcapng.render, FILE)))
    return path


@pytest.mark.parametrize(
    ("block", "golden"),
    [
        (Section(), bytes.fromhex("0a0d0d0a1c0000004d3c2b1a01000000ffffffffffffffff1c000000")),
        (
            Interface("a:b"),
            bytes.fromhex("01000000 28000000 01000000 00000400 02000300 613a6200 09000100 09000000")
            + bytes.fromhex("00000000 28000000"),
        ),
        (
            Packet(1, (2 << 32) + 5, b"\x01\x02\x03", 60, Direction.OUT, Reception.UNICAST),
            bytes.fromhex("06000000 30000000 01000000 02000000 05000000 03000000 3c000000 01020300")
            + bytes.fromhex("02000400 06000000 00000000 30000000"),
        ),
    ],
)  # fmt: skip
def test_golden_bytes(block: Block, golden: bytes) -> None:
    assert pcapng.render(block) == golden


def test_what_was_written_is_read() -> None:
    assert tuple(pcapng.parse(b"".join(map(pcapng.render, FILE)))) == FILE


@given(
    st.builds(
        Packet,
        st.just(0),
        st.integers(0, 2**63),
        st.binary(max_size=200),
        st.integers(0, 2**32 - 1),
        st.sampled_from(Direction),
        st.sampled_from(Reception),
    )
)
def test_any_packet_survives(packet: Packet) -> None:
    head = pcapng.render(Section()) + pcapng.render(Interface("i"))
    assert list(pcapng.parse(head + pcapng.render(packet)))[-1] == packet


@given(st.integers(0, len(b"".join(map(pcapng.render, FILE)))))
def test_a_file_that_is_being_written_ends_early(size: int) -> None:
    blocks = tuple(pcapng.parse(b"".join(map(pcapng.render, FILE))[:size]))
    assert blocks == FILE[: len(blocks)]


@given(st.binary(max_size=100))
def test_anything_else_is_refused_or_nothing(data: bytes) -> None:
    try:
        assert list(pcapng.parse(data)) == [] or data[:4] == b"\x0a\x0d\x0d\x0a"
    except pcapng.PcapngError:
        pass


def test_a_damaged_block_is_noticed() -> None:
    data = bytearray(b"".join(map(pcapng.render, FILE)))
    data[-1] ^= 1
    with pytest.raises(pcapng.PcapngError, match="two sizes"):
        list(pcapng.parse(bytes(data)))


def test_scapy_reads_it(file: Path) -> None:
    from scapy.utils import PcapNgReader

    with PcapNgReader(str(file)) as reader:
        first, second = reader.read_all()
    assert bytes(first) == FRAME
    assert bytes(second) == FRAME[:17]
    assert int(first.time * 10**9) == TIME
    assert first.sniffed_on == "main-gw1:wan1"
    assert (first.direction, second.direction) == (2, 1)
    assert second.wirelen == len(FRAME)


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_reads_it(file: Path) -> None:
    fields = (
        *("frame.time_epoch", "frame.interface_name", "frame.interface_description", "frame.cap_len"),
        *("frame.len", "frame.packet_flags_direction", "frame.packet_flags_reception_type"),
    )
    wanted = [word for name in fields for word in ("-e", name)]
    done = subprocess.run(
        ["tshark", "-r", file, "-T", "json", *wanted], capture_output=True, text=True, timeout=60, check=True
    )
    first, second = (packet["_source"]["layers"] for packet in json.loads(done.stdout))
    assert first["frame.interface_name"] == ["main-gw1:wan1"]
    assert first["frame.interface_description"] == ["link main-east-1, end a"]
    assert first["frame.time_epoch"][0].endswith("123456789")
    assert [int(flag[0], 0) for name, flag in first.items() if "flags" in name] == [2, 3]
    assert (second["frame.cap_len"], second["frame.len"]) == (["17"], [str(len(FRAME))])


@pytest.mark.skipif(shutil.which("capinfos") is None, reason="capinfos is not installed")
def test_capinfos_finds_nothing_wrong(file: Path) -> None:
    done = subprocess.run(["capinfos", file], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "where the times come from" in done.stdout
    assert "Capture filter string" not in done.stderr
    assert "tcp port 179" in done.stdout
