"""Messages come out of frames complete, in order and once, whatever TCP did to them on the way."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.captures import messages, segments

from . import streams
from .streams import frame

STREAM = streams.KEEPALIVE + streams.UPDATE + streams.END_OF_RIB_V6 + streams.KEEPALIVE
KINDS = ["KEEPALIVE", "UPDATE", "UPDATE", "KEEPALIVE"]


def kinds(frames: list[messages.Frame]) -> list[str]:
    return [message.kind for message in messages.read(frames)]


@pytest.mark.parametrize("six", [False, True])
@pytest.mark.parametrize("tag", [False, True])
def test_several_messages_in_one_segment(six: bool, tag: bool) -> None:
    found = list(messages.read([frame(STREAM, six=six, tag=tag, t=5.0)]))
    assert [message.kind for message in found] == KINDS
    assert found[0].t == 5.0
    assert found[0].destination == ("[fd00::2]:179" if six else "172.16.0.2:179")
    assert [message.end_of_rib for message in found] == [False, False, True, False]


@given(
    st.lists(st.integers(0, 10**6), max_size=12),
    st.integers(0, 2**32 - 1),
    st.randoms(use_true_random=False),
    st.sampled_from([179, 6653]),
)
def test_any_cutting_order_and_repetition(
    places: list[int], first: int, chance: random.Random, port: int
) -> None:
    openflow = streams.ECHO + streams.FLOW_MOD + streams.GROUP_MOD + streams.BUNDLE_ADD
    stream = STREAM if port == 179 else openflow
    expected = KINDS if port == 179 else ["ECHO_REQUEST", "FLOW_MOD", "GROUP_MOD", "BUNDLE"]
    pieces = streams.cut(stream, places, first + 1)
    pieces += chance.sample(pieces, len(pieces) // 2)
    chance.shuffle(pieces)
    frames = [frame(b"", first, port=port, flags="S")]
    frames += [frame(piece, sequence, port=port) for sequence, piece in pieces]
    assert kinds(frames) == expected


def test_the_same_message_counts_once_for_each_interface() -> None:
    ends = [frame(streams.UPDATE), frame(streams.UPDATE, interface="east-gw1:ip-wan1")]
    assert [message.interface for message in messages.read(ends)] == ["main-gw1:ip-wan1", "east-gw1:ip-wan1"]


def test_joined_in_the_middle_of_a_bgp_message() -> None:
    assert kinds([frame(streams.UPDATE[30:] + streams.KEEPALIVE)]) == ["UNREADABLE", "KEEPALIVE"]


def test_joined_in_the_middle_of_an_openflow_message() -> None:
    rest = b"\xaa" * 30
    later = frame(streams.FLOW_MOD, 31, port=6653)
    assert kinds([frame(rest, port=6653), later]) == ["UNREADABLE", "FLOW_MOD"]


def test_what_lies_behind_a_hole_is_not_lost() -> None:
    assert kinds([frame(streams.KEEPALIVE), frame(streams.UPDATE, 500)]) == ["KEEPALIVE", "UPDATE"]


def test_a_hole_is_not_waited_for_without_end() -> None:
    size = len(streams.KEEPALIVE)
    frames = [frame(streams.KEEPALIVE, 1)]
    frames += [frame(streams.KEEPALIVE, 1 + size * number) for number in range(5, 90)]
    assert kinds(frames) == ["KEEPALIVE"] * 86


def test_a_new_connection_of_the_same_ports_begins_anew() -> None:
    frames = [frame(streams.UPDATE[:25], 1), frame(b"", 7000, flags="S"), frame(streams.UPDATE, 7001)]
    assert kinds(frames) == ["UPDATE"]


def test_other_traffic_is_passed_over() -> None:
    assert kinds([frame(STREAM, port=80)]) == []


@given(st.binary(max_size=120))
def test_no_frame_can_break_it(data: bytes) -> None:
    segments.parse(data)
    for port in (179, 6653):
        list(messages.read([frame(data, port=port)]))
