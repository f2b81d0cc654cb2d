"""Packets through the pipeline, in the small OpenFlow model: what comes out where."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellnet_core.drivers.contract import DriverError, ForwardingIntent, NextHop, Route
from cellnet_core.openflow import diff, pipeline, ports
from cellnet_core.openflow.values import Tables
from tests.openflow_model import Packet, Switch, after
from tests.unit.openflow import samples

PATCH, LAN_L3, WAN1, IP_WAN1, WAN2 = 1, 2, 10, 11, 12
ASKER = "02:00:00:99:00:01"
BROADCAST = "ff:ff:ff:ff:ff:ff"


def tables(cell: int, intent: ForwardingIntent | None = None, cells: int = 2, paths: int = 2) -> Tables:
    wanted = pipeline.expand(intent or samples.intent(cell, cells, paths), samples.site(cell, cells, paths))
    return after(Tables(), *(change.mod for change in diff.changes(wanted, Tables())))


def switch(cell: int = 1, dead: tuple[int, ...] = ()) -> Switch:
    return Switch(tables(cell), dead)


def from_host(version: int, destination: str, ttl: int = 64) -> Packet:
    return Packet(
        samples.host_mac(1), samples.router_mac(1), "udp", samples.host(1, version), destination, ttl
    )


def from_wan(version: int, destination: str, ttl: int = 63, port: int = 1) -> Packet:
    source = samples.host(2, version)
    return Packet(samples.wan_mac(2, port), samples.wan_mac(1, port), "udp", source, destination, ttl)


@pytest.mark.parametrize("version", [4, 6])
def test_a_remote_prefix_goes_out_by_the_first_live_path(version: int) -> None:
    packet = from_host(version, samples.host(2, version))
    for dead, port, path in [((), WAN1, 1), ((WAN1,), WAN2, 2), ((WAN2,), WAN1, 1)]:
        [(out, seen)] = switch(dead=dead).process(packet, PATCH)
        assert out == port
        assert (seen.eth_src, seen.eth_dst) == (samples.wan_mac(1, path), samples.wan_mac(2, path))
        assert seen.ttl == packet.ttl - 1


@pytest.mark.parametrize("version", [4, 6])
def test_with_no_live_path_the_last_resort_carries_on(version: int) -> None:
    """By both ways: one of them may be alive, and which one is what nobody knows."""
    packet = from_host(version, samples.host(2, version))
    sent = switch(dead=(WAN1, WAN2)).process(packet, PATCH)
    assert [out for out, _ in sent] == [WAN1, WAN2]
    for path, (_, seen) in enumerate(sent, start=1):
        assert (seen.eth_src, seen.eth_dst) == (samples.wan_mac(1, path), samples.wan_mac(2, path))
        assert seen.ttl == packet.ttl - 1


@pytest.mark.parametrize("version", [4, 6])
def test_ttl_of_one_goes_nowhere_but_to_the_gateway_itself(version: int) -> None:
    gateway = "10.0.1.11" if version == 4 else "fdce:11:0:1::11"
    assert switch().process(from_host(version, samples.host(2, version), ttl=1), PATCH) == []
    assert switch().process(from_wan(version, samples.host(1, version), ttl=1), WAN1) == []
    [(out, seen)] = switch().process(from_wan(version, gateway, ttl=1), WAN1)
    assert (out, seen.ttl, seen.eth_dst) == (LAN_L3, 1, samples.router_mac(1))


@pytest.mark.parametrize("version", [4, 6])
def test_a_known_host_is_reached_directly_and_an_unknown_one_by_the_kernel(version: int) -> None:
    [(out, seen)] = switch().process(from_wan(version, samples.host(1, version)), WAN1)
    assert (out, seen.ttl) == (PATCH, 62)
    assert (seen.eth_src, seen.eth_dst) == (samples.router_mac(1), samples.host_mac(1))
    unknown = "10.0.1.77" if version == 4 else "fdce:11:0:1::77"
    [(out, seen)] = switch().process(from_wan(version, unknown), WAN1)
    assert (out, seen.eth_dst, seen.ttl) == (LAN_L3, samples.router_mac(1), 63)
    # The kernel has resolved it and sends it on.
    kernel = Packet(samples.router_mac(1), "02:00:00:01:00:77", "udp", "10.0.2.21", unknown, 62)
    [(out, seen)] = switch().process(replace(kernel, source=samples.host(2, version)), LAN_L3)
    assert (out, seen) == (PATCH, replace(kernel, source=samples.host(2, version)))


def test_the_kernel_reaches_other_cells_through_the_pipeline() -> None:
    reply = Packet(samples.router_mac(1), samples.router_mac(1), "icmp", "10.0.1.11", "10.0.2.11")
    [(out, seen)] = switch().process(reply, LAN_L3)
    assert (out, seen.eth_dst) == (WAN1, samples.wan_mac(2, 1))


def test_control_traffic_passes_untouched_between_a_wan_port_and_its_kernel_port() -> None:
    arp = Packet(ASKER, BROADCAST, "arp")
    link = samples.site(1).wan[0].addresses
    local = {address.version: str(address.ip) for address in link}
    nd = Packet(ASKER, "33:33:ff:00:00:01", "nd", "fe80::1", "ff02::1:ff00:1", 255, icmpv6_type=135)
    for packet in (arp, nd):
        assert switch().process(packet, WAN1) == [(IP_WAN1, packet)]
        assert switch().process(packet, IP_WAN1) == [(WAN1, packet)]
    for version, far in ((4, "172.16.1.6"), (6, "fdce:11:ffff:1::2")):
        syn = Packet(ASKER, samples.wan_mac(1, 1), "tcp", far, local[version], 1, 40000, 179)
        answer = Packet(samples.wan_mac(1, 1), ASKER, "tcp", local[version], far, 1, 179, 40000)
        assert switch().process(syn, WAN1) == [(IP_WAN1, syn)]  # its TTL of 1 untouched
        assert switch().process(answer, IP_WAN1) == [(WAN1, answer)]


@pytest.mark.parametrize("kind", ["tcp", "udp", "icmp"])
def test_nothing_else_reaches_the_kernel_port_of_a_link(kind: str) -> None:
    local = str(samples.site(1).wan[0].addresses[0].ip)
    packet = Packet(ASKER, samples.wan_mac(1, 1), kind, "172.16.1.6", local, tcp_dst=22, tcp_src=40000)
    assert switch().process(packet, WAN1) == []


def test_nothing_comes_out_without_flows_or_for_a_mac_that_is_not_ours() -> None:
    packet = from_wan(4, samples.host(1, 4))
    assert Switch(Tables()).process(packet, WAN1) == []
    assert switch().process(replace(packet, eth_dst="02:00:00:99:00:99"), WAN1) == []
    assert switch().process(from_host(4, "198.51.100.1"), PATCH) == []  # nobody's prefix


def test_the_longest_prefix_wins() -> None:
    hops = samples.hops(1, 2)
    intent = replace(
        samples.intent(1),
        routes=(Route("0.0.0.0/0", hops[:1]), Route("10.0.2.0/24", hops[1:]), Route("::/0", hops[1:])),
    )
    loaded = Switch(tables(1, intent))
    for destination, port in (("10.0.2.9", WAN2), ("10.0.3.9", WAN1), ("10.0.1.21", None)):
        out = loaded.process(from_host(4, destination), PATCH)
        assert [number for number, _ in out] == ([port] if port else [])
    assert [number for number, _ in loaded.process(from_host(6, "2001:db8::1"), PATCH)] == [WAN2]


def test_an_intent_that_cannot_be_is_refused_with_the_remedy() -> None:
    site = samples.site(1)
    stray = Route("10.9.0.0/24", (NextHop("eth7", ASKER, ASKER),))
    with pytest.raises(DriverError, match=r"'eth7', which is no WAN port .* name one of wan1, wan2"):
        pipeline.expand(ForwardingIntent(routes=(stray,)), site)
    twice = Route("10.9.0.0/24", samples.hops(1, 2))
    with pytest.raises(DriverError, match=r"asks twice for route 10\.9\.0\.0/24"):
        pipeline.expand(ForwardingIntent(routes=(twice, twice)), site)
    with pytest.raises(DriverError, match="no address"):
        pipeline.expand(ForwardingIntent(local_addresses=("10.0.0.256",)), site)


def test_port_numbers_are_distinct_and_stable() -> None:
    numbers = ports.number(samples.site(1, cells=8, paths=3))
    assert len(set(numbers.numbers.values())) == len(numbers.numbers) == 2 + 2 * 21
    assert numbers.numbers["wan2"] == WAN2
    assert (numbers.name(WAN2), numbers.name(999)) == ("wan2", "999")


# --- a network of switches -----------------------------------------------------------------------------

CELLS, PATHS = 3, 2


def travel(
    switches: dict[int, Switch], cell: int, packet: Packet
) -> tuple[list[int], list[tuple[int, Packet]]]:
    """Send a packet from the LAN of a cell: the cells it visits, and where it was delivered."""
    visited: list[int] = []
    delivered: list[tuple[int, Packet]] = []
    waiting = [(cell, PATCH, packet)]
    while waiting:
        here, in_port, seen = waiting.pop()
        visited.append(here)
        assert len(visited) <= 64, "TTL must end every journey"
        for port, out in switches[here].process(seen, in_port):
            if port in (PATCH, LAN_L3):
                delivered.append((here, out))
            elif port not in switches[here].dead:
                index = (port - WAN1) // 2  # 0-based WAN port in a full mesh
                other = [far for far in range(1, CELLS + 1) if far != here][index // PATHS]
                back = samples.port_to(other, here, index % PATHS + 1, PATHS)
                waiting.append((other, WAN1 + 2 * (back - 1), out))
    return visited, delivered


DEAD = st.sets(st.sampled_from([WAN1 + 2 * n for n in range((CELLS - 1) * PATHS)]))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(DEAD, min_size=CELLS, max_size=CELLS),
    st.integers(1, CELLS),
    st.integers(1, CELLS),
    st.sampled_from([4, 6]),
    st.integers(1, 64),
)
def test_direct_routes_never_loop_and_never_deliver_elsewhere(
    dead: list[set[int]], source: int, target: int, version: int, ttl: int
) -> None:
    switches = {
        cell: Switch(tables(cell, cells=CELLS, paths=PATHS), tuple(dead[cell - 1]))
        for cell in range(1, CELLS + 1)
    }
    packet = Packet(
        samples.host_mac(source),
        samples.router_mac(source),
        "udp",
        samples.host(source, version),
        samples.host(target, version),
        ttl,
    )
    visited, delivered = travel(switches, source, packet)
    assert len(visited) == len(set(visited)) <= 2
    for cell, out in delivered:
        assert cell == target
        assert out.eth_dst == samples.host_mac(target)
        assert out.ttl == ttl - 2


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_even_senseless_routes_end_and_never_deliver_elsewhere(data: st.DataObject) -> None:
    switches = {}
    for cell in range(1, CELLS + 1):
        hops = [hop for far in range(1, CELLS + 1) if far != cell for hop in samples.hops(cell, far, CELLS)]
        routes = tuple(
            Route(prefix, tuple(data.draw(st.permutations(hops))[: data.draw(st.integers(0, 4))]))
            for far in range(1, CELLS + 1)
            if far != cell
            for prefix in samples.prefixes(far)
        )
        intent = replace(samples.intent(cell, CELLS), routes=routes)
        switches[cell] = Switch(tables(cell, intent, CELLS), data.draw(DEAD))
    version = data.draw(st.sampled_from([4, 6]))
    target = data.draw(st.integers(1, CELLS))
    packet = Packet(
        samples.host_mac(1),
        samples.router_mac(1),
        "udp",
        samples.host(1, version),
        samples.host(target, version),
    )
    _, delivered = travel(switches, 1, packet)
    assert all(cell == target for cell, _ in delivered)
    assert len(delivered) <= 1
