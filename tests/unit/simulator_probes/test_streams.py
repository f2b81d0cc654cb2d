"""Both ends of a connection over loopback, and what a stall is."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from simulator.probes.analysis import FlowRecord
from simulator.probes.flows import Flow, Transport
from simulator.probes.packets import template
from simulator.probes.streams import AGAIN_NS, Client, Cutter, Server

RUN = 4711
MS = 1_000_000
Ask = Callable[..., Flow]


@pytest.fixture
def flow() -> Iterator[Ask]:
    """Makes flows whose port nobody else gets: a socket that does not listen holds it until the end."""
    with contextlib.ExitStack() as held:

        def ask(transport: Transport, family: int = 4) -> Flow:
            address = "127.0.0.1" if family == 4 else "::1"
            holder = socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET)
            held.enter_context(holder)
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                holder.bind((address, 0))
            except OSError as error:
                pytest.skip(f"no loopback of IPv{family} here: {error}")
            port = holder.getsockname()[1]
            return Flow("a-b", "a", "b", address, address, port, rate=1000, transport=transport)

        yield ask


def exchange(client: Client, server: Server | None, until: int) -> None:
    """Let both work until so many messages were taken by the kernel and all of them have arrived."""
    deadline = time.monotonic() + 10
    while client.next < until or (server and server.received < client.next - client.errors):
        assert time.monotonic() < deadline
        if client.next < until:
            client.deadline = time.monotonic_ns()
            client.fire()
        client.drain()
        if server:
            server.drain()


def close(*ends: Client | Server) -> None:
    for one in (one for end in ends for one in end.sockets):
        with contextlib.suppress(OSError):
            one.close()


@pytest.mark.parametrize("family", [4, 6])
def test_messages_arrive_in_order_and_are_stamped(family: int, flow: Ask) -> None:
    one = flow("tcp", family)
    server, client = Server(RUN, 3, one), Client(RUN, 3, one)
    client.start(time.monotonic_ns())
    exchange(client, server, 50)
    refused = client.errors
    assert list(server.sequence) == list(range(refused, client.next))
    for number, arrived in zip(server.sequence, server.times, strict=True):
        assert client.times[number] <= arrived <= time.monotonic_ns()
    assert (client.reconnects, client.retransmits, len(client.sequence)) == (0, 0, 0)
    close(client, server)


def test_every_message_of_a_message_flow_is_answered(flow: Ask) -> None:
    one = flow("message")
    server, client = Server(RUN, 3, one), Client(RUN, 3, one)
    client.start(time.monotonic_ns())
    exchange(client, server, 20)
    deadline = time.monotonic() + 10
    while client.received < server.received:
        assert time.monotonic() < deadline
        client.drain()
        server.drain()
    assert list(client.sequence) == list(range(client.errors, client.next))
    assert list(server.sequence) == [], "a message counts when its reply has arrived"
    close(client, server)


def test_a_lost_connection_is_made_anew_and_what_was_refused_meanwhile_is_lost(flow: Ask) -> None:
    one = flow("tcp")
    server, client = Server(RUN, 0, one), Client(RUN, 0, one)
    client.start(time.monotonic_ns())
    exchange(client, server, 10)
    close(server)
    before, deadline = client.errors, time.monotonic() + 10
    while client.errors == before:  # the kernel takes messages until it hears that nobody is there
        assert time.monotonic() < deadline
        exchange(client, None, client.next + 1)
    lost = client.next
    again = Server(RUN, 0, one)
    client._tried -= AGAIN_NS
    deadline = time.monotonic() + 10
    while again.received < 10:
        assert time.monotonic() < deadline
        exchange(client, None, client.next + 1)
        again.drain()
    assert client.reconnects == 1
    assert again.sequence[0] >= lost
    close(client, again)


def test_a_cut_message_is_put_together_and_strangers_are_passed_over() -> None:
    cutter = Cutter(RUN, 3, 64)
    ours, theirs = bytes(template(RUN, 3, 64)), bytes(template(RUN + 1, 3, 64))
    assert cutter.cut(ours + theirs + ours[:10]) == [0]
    assert cutter.cut(ours[10:]) == [0]
    cutter.cut(ours[:10])
    cutter.restart()
    assert cutter.cut(ours) == [0], "a new connection does not begin in the middle"


def record(sent: list[int], arrived: list[tuple[int, int]]) -> FlowRecord:
    one = FlowRecord()
    one.add_sent([at * MS for at in sent])
    one.add_received([number for number, _ in arrived], [at * MS for _, at in arrived])
    return one


def test_a_stall_lasts_from_the_first_message_held_until_the_next_delivery() -> None:
    sent = list(range(0, 400, 10))
    held = [(n, at if at < 100 else max(at, 350)) for n, at in enumerate(sent)]
    (stall,) = record(sent, held).stalls(0, 500 * MS)
    assert (stall.start_s, stall.duration_ms, stall.open) == (0.1, 250.0, False)
    assert stall.end_s == pytest.approx(0.35)
    assert record(sent, held).stalls(0, 100 * MS) == (), "it began later"


def test_a_pause_of_the_sender_is_no_stall() -> None:
    sent = [0, 10, 20, 320, 330]
    assert record(sent, list(enumerate(at + 1 for at in sent))).stalls(0, 500 * MS) == ()


def test_messages_lost_with_their_connection_belong_to_the_stall() -> None:
    sent = list(range(0, 400, 10))
    kept = [(n, at + 1) for n, at in enumerate(sent) if at < 100 or at >= 300]
    (stall,) = record(sent, kept).stalls(0, 500 * MS)
    assert (stall.start_s, stall.duration_ms) == (0.1, 201.0)


def test_a_stall_that_goes_on_is_open() -> None:
    sent = list(range(0, 400, 10))
    (stall,) = record(sent, [(n, at + 1) for n, at in enumerate(sent) if at < 100]).stalls(0, 400 * MS)
    assert (stall.start_s, stall.duration_ms, stall.open) == (0.1, 300.0, True)
