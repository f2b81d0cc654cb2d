"""Sender and receiver over loopback: honest about what they could not do."""

from __future__ import annotations

import socket
import time

import pytest

from simulator.probes.flows import Flow
from simulator.probes.receiving import Receiver
from simulator.probes.sending import CATCH_UP_NS, Sender

RUN = 4711


@pytest.fixture
def flow() -> Flow:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return Flow("a-b-v4", "a", "b", "127.0.0.1", "127.0.0.1", port, rate=1000)


def test_packets_cross_and_are_stamped_at_both_ends(flow: Flow) -> None:
    receiver, sender = Receiver(RUN, 3, flow), Sender(RUN, 3, flow)
    sender.start(time.monotonic_ns() - 5_000_000)
    deadline = sender.fire()
    assert deadline > time.monotonic_ns() - flow.interval_ns * 5
    receiver.drain()
    assert list(receiver.sequence) == list(range(sender.next))
    for sent, arrived in zip(sender.times, receiver.times, strict=True):
        assert -1_000_000 < arrived - sent < 5_000_000_000


def test_strangers_are_not_counted_as_ours(flow: Flow) -> None:
    receiver = Receiver(RUN, 3, flow)
    for run, number in ((RUN + 1, 3), (RUN, 4)):
        other = Sender(run, number, flow)
        other.start(time.monotonic_ns())
        other.fire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rude:
        rude.sendto(b"?", (flow.destination, flow.port))
    receiver.drain()
    assert (receiver.received, receiver.strangers) == (0, 3)


def test_a_sender_that_was_held_up_says_so_and_sends_no_flood(flow: Flow) -> None:
    Receiver(RUN, 0, flow)
    sender = Sender(RUN, 0, flow)
    began = time.monotonic_ns()
    sender.start(began - 500_000_000)
    sender.fire()
    spent = (time.monotonic_ns() - began) // flow.interval_ns
    most = CATCH_UP_NS // flow.interval_ns + spent + 2
    assert sender.next <= most
    assert sender.skipped + sender.next >= 500
    assert sender.lateness.max_ms >= 480


def test_what_a_full_socket_drops_is_known(flow: Flow) -> None:
    receiver, sender = Receiver(RUN, 0, flow), Sender(RUN, 0, flow)
    while receiver.drops == 0 and sender.next < 200_000:
        sender.start(time.monotonic_ns() - CATCH_UP_NS)
        sender.fire()
    receiver.drain()
    assert receiver.drops > 0
    assert receiver.received + receiver.drops == sender.next - sender.errors


def test_a_port_that_nobody_listens_on_stops_no_flow(flow: Flow) -> None:
    sender = Sender(RUN, 0, flow)
    for _ in range(5):
        sender.start(time.monotonic_ns())
        sender.fire()
    assert sender.next >= 5
