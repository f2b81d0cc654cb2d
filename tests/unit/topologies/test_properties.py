"""Properties that hold for every topology: nothing is used twice, and every serialization is lossless."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import fields, is_dataclass
from ipaddress import ip_network
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from topologies import codec, draw, fileformat
from topologies.builder import Builder
from topologies.model import HostRole, LinkKind, Topology
from topologies.render import render
from topologies.specs import HostSpec

WORDS = st.from_regex(r"[a-z]{1,3}(-?[a-z0-9]{1,3})?", fullmatch=True).filter(
    lambda name: not re.fullmatch(r"all|lab|main|mgmt|none|.*-mgr|.*-(gw|ctl|h)[0-9]+", name)
)
NOTES = st.text(st.characters(min_codepoint=32, max_codepoint=126) | st.sampled_from("äß→語"), max_size=9)


@st.composite
def builders(draw_value: st.DrawFn) -> Builder:
    """Builders of valid topologies: a random tree of cells and some more links."""
    names = ["main", *draw_value(st.lists(WORDS, max_size=5, unique=True))]
    builder = Builder("lab", draw_value(st.dictionaries(NOTES, st.integers() | NOTES)))
    for n, name in enumerate(names, 1):
        prefixes = draw_value(
            st.sampled_from([[], [f"10.{100 + n}.0.0/16"], [f"fd00:{n}::/48", f"10.200.{n}.0/24"]])
        )
        network = next((ip_network(p) for p in prefixes if ":" not in p), ip_network(f"10.0.{n}.0/24"))
        written = st.sampled_from([[], [str(network.network_address + 250)]])
        second = st.sampled_from([[], HostSpec(role=HostRole.MESSAGE_BUS)])
        hosts = draw_value(st.integers(0, 4) | st.tuples(written, second).map(list))
        builder = builder.cell(
            name,
            hosts=hosts,
            prefixes=prefixes,
            gateways=draw_value(st.integers(1, 3)),
            asn=draw_value(st.none() | st.just(4_200_000_000 + n)),
        )
    pairs = [(draw_value(st.sampled_from(names[:n])), names[n]) for n in range(1, len(names))]
    more = draw_value(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(names)), max_size=3))
    seen: set[frozenset[str]] = set()
    paths: set[str] = set()
    for a, b in [*pairs, *more]:
        if a != b and frozenset((a, b)) not in seen and f"{a}-{b}" not in paths:
            seen.add(frozenset((a, b)))
            paths.add(f"{a}-{b}")
            builder = builder.direct(a, b, paths=draw_value(st.integers(1, 12)))
    return builder


def buildable(builder: Builder) -> bool:
    """Whether no path was left out above because two names made the same one; rare."""
    return len({frozenset((link.a, link.b)) for link in builder.spec.links}) >= len(builder.spec.cells) - 1


TOPOLOGIES = builders().filter(buildable).map(Builder.build)


def carriers(topology: Topology) -> list[tuple[str, str, str, tuple[Any, ...]]]:
    """What carries addresses in each node: node, interface, MAC, addresses; each once."""
    found = {
        (port.node, port.l3_port or port.name, port.mac, port.addresses)
        for link in topology.links
        for port in (link.a, link.b)
    }
    return sorted(found, key=str)


def repeated(values: Any) -> list[Any]:
    return [value for value, count in Counter(values).items() if count > 1]


@given(TOPOLOGIES)
@settings(max_examples=40, deadline=None)
def test_nothing_is_used_twice(topology: Topology) -> None:
    ports = [port for link in topology.links for port in (link.a, link.b)]
    assert repeated((node, name) for node, name, _, _ in carriers(topology)) == []
    assert repeated((port.node, port.name) for port in ports) == []
    assert (
        repeated(
            [mac for _, _, mac, _ in carriers(topology)] + [port.link_mac for port in ports if port.link_mac]
        )
        == []
    )
    addresses = [
        address.ip
        for link in topology.links
        if link.kind is not LinkKind.CONTROL  # the same in every cell, on purpose
        for address in {
            a for port in (link.a, link.b) if port.node.rpartition("-")[2][:2] != "gw" for a in port.addresses
        }
    ]
    gateways = [gateway for cell in topology.cells for gateway in cell.gateways]
    for gateway in gateways:
        addresses += [a.ip for a in (*gateway.lan_addresses, *gateway.health_addresses)]
    for link in topology.links:
        if link.kind in (LinkKind.WAN, LinkKind.MANAGEMENT):
            addresses += [
                a.ip
                for port in (link.a, link.b)
                if port.node in {g.name for g in gateways}
                for a in port.addresses
            ]
    assert repeated(addresses) == []
    assert repeated(gateway.datapath_id for gateway in gateways) == []
    assert repeated(gateway.router_id for gateway in gateways) == []
    assert repeated(cell.asn for cell in topology.cells) == []
    assert repeated(cell.uuid for cell in topology.cells) == []
    assert repeated(link.name for link in topology.links) == []


@given(TOPOLOGIES)
@settings(max_examples=40, deadline=None)
def test_names_fit_where_the_kernel_puts_them(topology: Topology) -> None:
    for link in topology.links:
        for port in (link.a, link.b):
            assert len(port.name) <= 15
            assert len(port.l3_port or "") <= 15
            assert len(port.node) <= 63
            first = int(port.mac[:2], 16)
            assert first & 0b11 == 0b10, "locally administered, unicast"


@given(TOPOLOGIES)
@settings(max_examples=40, deadline=None)
def test_addresses_are_inside_their_cell(topology: Topology) -> None:
    for cell in topology.cells:
        own = [a for g in cell.gateways for a in (*g.lan_addresses, *g.health_addresses)]
        for address in [*own, *(a for host in cell.hosts for a in host.addresses)]:
            assert any(address.ip in prefix for prefix in cell.prefixes)


@given(TOPOLOGIES)
@settings(max_examples=40, deadline=None)
def test_json_is_lossless(topology: Topology) -> None:
    assert codec.from_dict(json.loads(json.dumps(codec.to_dict(topology)))) == topology


@given(TOPOLOGIES)
@settings(max_examples=40, deadline=None)
def test_yaml_is_lossless(topology: Topology) -> None:
    assert fileformat.load(render(topology)) == topology


@given(TOPOLOGIES)
@settings(max_examples=40, deadline=None)
def test_every_topology_can_be_drawn_with_every_path_in_it(topology: Topology) -> None:
    text, picture = draw.to_text(topology), draw.to_svg(topology)
    for link in topology.links:
        if link.kind is LinkKind.WAN:
            assert f" {link.name} " in text
            assert f'data-name="{link.name}"' in picture


def test_the_codec_covers_every_field_of_the_model() -> None:
    """A field added to the model and forgotten in the codec would be lost in silence if it has a default."""
    topology = Builder("lab").cell("main").router("p1", asn=64512).direct("main", "p1").build()

    def compare(value: Any, written: Any) -> None:
        if is_dataclass(value):
            assert {field.name for field in fields(value)} <= set(written)
            for field in fields(value):
                compare(getattr(value, field.name), written[field.name])
        elif isinstance(value, tuple):
            for item, other in zip(value, written, strict=True):
                compare(item, other)

    compare(topology, codec.to_dict(topology))
