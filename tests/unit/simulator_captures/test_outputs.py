"""Files stay within their limit and are whole, each of them; a stream ends with its reader."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from simulator.captures import frames, outputs, pcapng
from simulator.captures.errors import CaptureError
from simulator.captures.pcapng import Interface, Packet, Section, Statistics
from simulator.captures.session import Ring

HEAD = (Section("realtime-minus-monotonic-ns=1000000000"), Interface("n:d"))


def packets(first: int, count: int) -> list[Packet]:
    return [Packet(0, (number + 1) * 10**9, bytes(1000), 1000) for number in range(first, first + count)]


def test_a_ring_keeps_the_newest_within_its_limit(tmp_path: Path) -> None:
    files = outputs.Files(tmp_path, lambda: HEAD, 40_000, 4)
    for batch in range(30):
        files.write(packets(batch * 7, 7))
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 40_000
    files.close([Statistics(0, 0, 210, 0)])
    there = outputs.files_in(tmp_path)
    assert len(there) == 4
    times = [frame.t for frame in frames.read(there)]
    assert times == [float(number) for number in range(210 - len(times), 210)]
    assert len(times) > 25
    assert all(list(pcapng.parse(path.read_bytes()))[: len(HEAD)] == list(HEAD) for path in there)


def test_without_a_limit_there_is_one_file(tmp_path: Path) -> None:
    files = outputs.Files(tmp_path, lambda: HEAD, 0, 8)
    files.write(packets(0, 500))
    files.close([Statistics(0, 0, 500, 2)])
    [path] = outputs.files_in(tmp_path)
    assert len(list(frames.read([path]))) == 500
    assert frames.totals(path)[0].counted.dropped == 2


def test_a_file_that_is_no_capture_of_ours_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "1.pcapng"
    path.write_bytes(pcapng.render(Section("made elsewhere")))
    with pytest.raises(CaptureError, match="no cellnet capture"):
        list(frames.read([path]))
    path.write_bytes(b"something else altogether")
    with pytest.raises(CaptureError, match="no little-endian pcapng"):
        list(frames.read([path]))


def test_a_reader_that_leaves_ends_a_stream() -> None:
    reader, writer = os.pipe()
    stream = outputs.Stream(writer, lambda: HEAD, lambda: False)
    os.close(reader)
    with pytest.raises(outputs.ReaderGoneError):
        stream.write(packets(0, 1))
    os.close(writer)


def test_a_reader_that_sleeps_does_not_hold_up_the_end() -> None:
    reader, writer = os.pipe()
    stream = outputs.Stream(writer, lambda: HEAD, lambda: True)
    stream.write(packets(0, 500))  # more than a pipe holds: returns because the capture is being ended
    taken = os.read(reader, 1 << 20)
    assert 0 < len(taken) < 500_000
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize(("limit", "files"), [(64 << 20, 1), (1000, 2), (-1, 4)])
def test_a_ring_that_cannot_be_is_refused(limit: int, files: int) -> None:
    with pytest.raises(CaptureError, match="at least 2 files"):
        Ring(limit, files)
