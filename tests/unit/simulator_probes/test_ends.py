"""Sender and receiver over loopback: honest about what they could not do."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest

from simulator.probes.flows import Flow
from simulator.probes.receiving import Receiver
from simulator.probes.sending import CATCH_UP_NS, Sender

RUN = 4711


def arrive(receiver: Receiver, done: Callable[[Receiver], bool]) -> None:
    """On a busy machine the kernel may deliver a packet some time after it took it."""
    deadline = time.monotonic() + 10
    while True:
        receiver.drain()
        if done(receiver):
            return
        assert time.monotonic() < deadline, (receiver.received, receiver.strangers, receiver.drops)
        time.sleep(0.001)


@pytest.fixture
def flow() -> Flow:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return Flow("a-b-v4", "a", "b", "127.0.0.1", "127.0.0.1", port, rate=1000)


def test_packets_cross_and_are_stamped_at_both_ends(flow: Flow) -> None:
    receiver, sender = Receiver(RUN, 3, flow), Sender(RUN, 3, flow)
    began = time.monotonic_ns()
    sender.start(began - 5_000_000)
    assert sender.fire() > began, "all that was due is sent"
    arrive(receiver, lambda each: each.received == sender.next)
    assert list(receiver.sequence) == list(range(sender.next))
    over = time.monotonic_ns()
    # Arrival is told by another clock; what lies between two looks at them may be long on a busy machine.
    slack = over - began + 1_000_000
    for sent, arrived in zip(sender.times, receiver.times, strict=True):
        assert began <= sent <= over
        assert began - slack < arrived < over + slack


def test_strangers_are_not_counted_as_ours(flow: Flow) -> None:
    receiver = Receiver(RUN, 3, flow)
    others = [Sender(RUN + 1, 3, flow), Sender(RUN, 4, flow)]
    for other in others:
        other.start(time.monotonic_ns())
        other.fire()
    sent = sum(other.next for other in others) + 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rude:
        rude.sendto(b"?", (flow.destination, flow.port))
    arrive(receiver, lambda each: each.received + each.strangers == sent)
    assert sent >= 3
    assert (receiver.received, receiver.strangers) == (0, sent)


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
    assert receiver.drops > 0
    arrive(receiver, lambda each: each.received + each.drops >= sender.next - sender.errors)
    assert receiver.received + receiver.drops == sender.next - sender.errors


def test_a_port_that_nobody_listens_on_stops_no_flow(flow: Flow) -> None:
    sender = Sender(RUN, 0, flow)
    for _ in range(5):
        sender.start(time.monotonic_ns())
        sender.fire()
    assert sender.next >= 5
