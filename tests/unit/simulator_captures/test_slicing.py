"""A stretch cut out of a capture is a capture."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.captures import frames, pcapng, slicing
from simulator.captures.errors import CaptureError
from simulator.captures.pcapng import Block, Direction, Interface, Packet, Section

OFFSET = 1_000_000_000_000


def packet(at_s: float) -> Packet:
    return Packet(0, int(at_s * 1e9) + OFFSET, bytes(60), 60, Direction.IN)


def write(path: Path, *blocks: Block, name: str = "main-gw1:wan1") -> Path:
    head = (
        Section(f"realtime-minus-monotonic-ns={OFFSET}", "cellnet lab capture"),
        Interface(name, "link main-east-1, end a", ""),
    )
    path.write_bytes(b"".join(map(pcapng.render, (*head, *blocks))))
    return path


def test_packets_of_all_files_since_then_are_kept(tmp_path: Path) -> None:
    first = write(tmp_path / "1.pcapng", packet(1), packet(2), packet(3))
    second = write(tmp_path / "2.pcapng", packet(4), packet(5))
    target = tmp_path / "cut.pcapng"
    assert slicing.cut([first, second, tmp_path / "gone.pcapng"], 3.0, target) == 3
    assert [frame.t for frame in frames.read([target])] == [3.0, 4.0, 5.0]
    assert {frame.interface for frame in frames.read([target])} == {"main-gw1:wan1"}


def test_nothing_since_then_makes_no_file(tmp_path: Path) -> None:
    first = write(tmp_path / "1.pcapng", packet(1))
    assert slicing.cut([first], 9.0, tmp_path / "cut.pcapng") == 0
    assert not (tmp_path / "cut.pcapng").exists()


def test_files_of_two_captures_are_not_mixed(tmp_path: Path) -> None:
    first = write(tmp_path / "1.pcapng", packet(1))
    other = write(tmp_path / "2.pcapng", packet(2), name="east-gw1:wan1")
    with pytest.raises(CaptureError, match="of another capture"):
        slicing.cut([first, other], 0.0, tmp_path / "cut.pcapng")
