"""Silence is proved only by a channel that was heard; each thing that would make it a lie is found."""

from __future__ import annotations

import pytest

from simulator.captures import messages, silence
from simulator.captures.frames import Frame
from simulator.captures.pcapng import Direction

from . import streams
from .streams import frame

WAN = "main-gw1:ip-wan1"


def alive(t: float = 1.0, direction: Direction = Direction.OUT, sequence: int = 1) -> Frame:
    return frame(streams.KEEPALIVE, sequence, t=t, direction=direction)


def judged(*frames: Frame, doubts: tuple[str, ...] = ()) -> silence.Silence:
    return silence.judge(messages.read(frames), [WAN], doubts, 0.0, 10.0)


BOTH = alive(), frame(streams.KEEPALIVE, t=2.0, direction=Direction.IN, six=True)


def test_keepalives_both_ways_and_nothing_else_is_silence() -> None:
    judged(*BOTH).require()
    assert judged(*BOTH).proved


@pytest.mark.parametrize(
    ("change", "port", "kind"),
    [
        (streams.UPDATE, 179, "UPDATE"),
        (streams.END_OF_RIB, 179, "UPDATE"),
        (streams.FLOW_MOD, 6653, "FLOW_MOD"),
        (streams.GROUP_MOD, 6653, "GROUP_MOD"),
        (streams.BUNDLE_ADD, 6653, "BUNDLE"),
    ],
)
def test_a_change_is_heard(change: bytes, port: int, kind: str) -> None:
    found = judged(*BOTH, frame(change, 500, port=port, t=3.0))
    assert not found.proved
    with pytest.raises(AssertionError, match=rf"3\.000 .*{kind}"):
        found.require()


def test_a_change_outside_of_the_stretch_does_not_count() -> None:
    judged(*BOTH, frame(streams.UPDATE, 500, t=11.0)).require()


def test_a_channel_that_was_not_heard_proves_nothing() -> None:
    assert judged().doubts == (f"{WAN}: no message arrived at all", f"{WAN}: no message left at all")
    assert judged(alive()).doubts == (f"{WAN}: no message arrived at all",)
    with pytest.raises(AssertionError, match="heard: nothing"):
        judged().require()


def test_bytes_that_are_no_message_prove_nothing() -> None:
    found = judged(*BOTH, frame(streams.UPDATE[20:], 500, t=3.0))
    assert not found.changes
    with pytest.raises(AssertionError, match="unknown content"):
        found.require()


def test_a_capture_with_holes_proves_nothing() -> None:
    with pytest.raises(AssertionError, match="doubt: 3 packets found no room"):
        judged(*BOTH, doubts=("3 packets found no room",)).require()
