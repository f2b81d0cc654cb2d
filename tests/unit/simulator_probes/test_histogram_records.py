"""The two containers: nothing counted is lost, and what was written reads back, also half-written."""

from __future__ import annotations

import itertools
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.probes import records
from simulator.probes.histogram import Histogram

MICROSECONDS = st.integers(0, 10**9)


def counted(values: list[int]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    return histogram


@settings(deadline=None)
@given(st.lists(MICROSECONDS, min_size=1), st.floats(0.01, 1.0))
def test_a_quantile_is_right_to_one_part_in_sixty_four(values: list[int], share: float) -> None:
    wanted = share * len(values)
    exact = sorted(values)[next(i for i in range(len(values)) if i + 1 >= wanted)]
    found = counted(values).quantile_ms(share) * 1000
    assert exact - 1e-6 <= found <= exact * (1 + 1 / 64) + 1e-6


@settings(deadline=None)
@given(st.lists(MICROSECONDS), st.lists(MICROSECONDS))
def test_items_and_merge_keep_every_count(one: list[int], two: list[int]) -> None:
    merged = Histogram(counted(one).items())
    merged.merge(counted(two))
    assert merged.items() == counted(one + two).items()
    assert merged.total == len(one) + len(two)


def test_an_empty_histogram_and_a_clock_that_ran_back() -> None:
    assert Histogram().max_ms == 0.0
    assert counted([-5]).items() == [(0, 1)]


def sample() -> list[bytes]:
    return [
        records.encode_sent(0, array("q", [10, 20, 30])),
        records.encode_received(1, array("I", [7, 9]), array("q", [110, 120])),
        records.encode_sent(2, array("q")),
    ]


def test_blocks_read_back_however_much_has_been_written() -> None:
    parts = sample()
    ends = list(itertools.accumulate(map(len, parts)))
    data = b"".join(parts)
    for length in range(len(data) + 1):
        blocks, used = records.decode(data[:length])
        assert len(blocks) == sum(end <= length for end in ends)
        assert used == max((end for end in ends if end <= length), default=0)
    sent, received, _ = records.decode(data)[0]
    assert (sent.kind, sent.flow, list(sent.times)) == (records.SENT, 0, [10, 20, 30])
    assert (received.flow, list(received.sequence), list(received.times)) == (1, [7, 9], [110, 120])


def test_a_strange_file_is_refused() -> None:
    with pytest.raises(records.RecordError, match="byte 0: not a block"):
        records.decode(b"GIF89a" + bytes(20))
