"""Addresses, resolution and pairing: pure, by table and by property."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellnet_core.manager import addresses, intent, pairing, resolution
from cellnet_core.manager.errors import ConflictError, InvalidError, RequestError
from cellnet_core.manager.resolution import EndpointRequest, PortRequest
from cellnet_core.model.wire import Inventory
from cellnet_core.store.records import CellRecord, EndpointRecord, InterfaceRecord
from tests.unit.manager.world import EAST, MAIN

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CELL = CellRecord("1", "main", "main", None, 65001, ("10.0.1.0/24", "fdce:11:0:1::/64"), "", 1, NOW, NOW)


@pytest.mark.parametrize(
    ("parse", "text", "says"),
    [
        (addresses.parse_prefix, "10.0.1.1/24", "write 10.0.1.0/24"),
        (addresses.parse_prefix, "10.0.1.0", "no prefix length"),
        (addresses.parse_prefix, "10.0.1.0/33", "no IPv4 or IPv6 prefix"),
        (addresses.parse_prefix, "224.0.0.0/8", "unicast"),
        (addresses.parse_prefix, "", "no prefix length"),
        (addresses.parse_interface, "172.16.0.1", "with prefix length"),
        (addresses.parse_interface, "172.16.0.300/30", "with prefix length"),
        (addresses.parse_interface, "127.0.0.1/8", "unicast"),
        (addresses.parse_address, "10.0.1.11/32", "no IPv4 or IPv6 address"),
        (addresses.parse_address, "fe80::g", "no IPv4 or IPv6 address"),
        (addresses.parse_address, "::", "unicast"),
    ],
)
def test_bad_addresses_say_what_to_write(parse, text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse(text)


@given(st.integers(0, 2**32 - 1), st.integers(0, 32), st.integers(0, 2**128 - 1), st.integers(0, 128))
def test_canonical_prefixes_stay_as_they_are(four: int, length4: int, six: int, length6: int) -> None:
    for network in (IPv4Network((four, length4), strict=False), IPv6Network((six, length6), strict=False)):
        try:
            text = addresses.parse_prefix(str(network))
        except ValueError:
            continue
        assert addresses.parse_prefix(text) == text == str(network)


@pytest.mark.parametrize(
    ("request_", "inventories", "kind", "says"),
    [
        (EndpointRequest("e", "main"), {}, ConflictError, "no agent of cell main has reported yet"),
        (
            EndpointRequest("e", "main", gateway="gw1"),
            {},
            ConflictError,
            "the agent of main/gw1 has not reported yet; name interfaces or try later",
        ),
        (
            EndpointRequest("e", "main"),
            {"a": MAIN, "b": MAIN},
            ConflictError,
            "has the gateways a, b; name one",
        ),
        (
            EndpointRequest("e", "main", interfaces=(PortRequest("eth9", None),)),
            {"a": MAIN},
            InvalidError,
            "no WAN port 'eth9'; it has: wan1, wan2",
        ),
        (
            EndpointRequest("e", "main", interfaces=(PortRequest("wan1", None), PortRequest("wan1", None))),
            {"a": MAIN},
            InvalidError,
            "wan1 more than once",
        ),
        (
            EndpointRequest("e", "main", interfaces=(PortRequest("wan1", ("192.0.2.1/30",)),)),
            {"a": MAIN},
            ConflictError,
            "leave addresses out",
        ),
        (
            EndpointRequest(
                "e", "main", gateway="a", interfaces=(PortRequest("w", ("10.9.0.1/30", "10.9.1.1/30")),)
            ),
            {},
            InvalidError,
            "keep one per family",
        ),
        (EndpointRequest("e", "main", asn=65009), {"a": MAIN}, ConflictError, "is AS 65001, not 65009"),
        (
            EndpointRequest("e", "main", prefixes=("10.0.1.0/24", "10.0.1.128/25")),
            {"a": MAIN},
            InvalidError,
            "overlap",
        ),
        (
            EndpointRequest("e", "main", health_check_addresses=("10.77.0.1",)),
            {"a": MAIN},
            InvalidError,
            "in none of the endpoint's prefixes",
        ),
        (
            EndpointRequest("e", "main", health_check_addresses=("10.0.1.11", "10.0.1.12")),
            {"a": MAIN},
            InvalidError,
            "keep one per family",
        ),
    ],
)
def test_an_endpoint_that_cannot_be_is_refused_with_the_remedy(
    request_: EndpointRequest, inventories: dict[str, Inventory], kind: type[RequestError], says: str
) -> None:
    with pytest.raises(kind) as caught:
        resolution.resolve(request_, CELL, inventories)
    assert says in caught.value.detail


def test_what_is_left_out_is_taken_from_the_report() -> None:
    found = resolution.resolve(EndpointRequest("e", "main"), CELL, {"gw1": MAIN})
    assert found.gateway == "gw1"
    assert [(p.interface, p.addresses) for p in found.interfaces] == [
        (p.interface, p.addresses) for p in MAIN.ports
    ]
    assert found.health_check_addresses == ("10.0.1.11", "fdce:11:0:1::11")


def endpoint(number: int, ports: tuple[tuple[str, tuple[str, ...]], ...]) -> EndpointRecord:
    return EndpointRecord(
        id=f"id{number}",
        name=f"ep{number}",
        cell_id=f"cell{number}",
        cell_name=f"c{number}",
        gateway="gw1",
        asn=65000 + number,
        prefixes=(f"10.0.{number}.0/24", f"fdce:11:0:{number}::/64"),
        health_check_addresses=(f"10.0.{number}.11", f"fdce:11:0:{number}::11"),
        interfaces=tuple(InterfaceRecord(name, values) for name, values in ports),
        description="",
        revision_number=1,
        created_at=NOW,
        updated_at=NOW,
    )


ONE = endpoint(1, tuple((p.interface, p.addresses) for p in MAIN.ports))
TWO = endpoint(2, tuple((p.interface, p.addresses) for p in EAST.ports))


@pytest.mark.parametrize(
    ("remote", "code"),
    [
        (replace(TWO, asn=65001), "connection.asn_equal"),
        (replace(TWO, prefixes=("10.0.0.0/16",)), "connection.prefix_overlap"),
        (replace(TWO, cell_id="cell1"), "connection.same_cell"),
    ],
)
def test_ends_that_never_fit(remote: EndpointRecord, code: str) -> None:
    for local, other in ((ONE, remote), (remote, ONE)):
        with pytest.raises(RequestError) as caught:
            pairing.check_ends(local, other)
        assert caught.value.code == f"cell-network.{code}"


def test_families_need_prefixes_and_health_addresses_on_both_sides() -> None:
    assert pairing.choose_families(ONE, TWO, None) == ("ipv4", "ipv6")
    only_four = replace(TWO, prefixes=("10.0.2.0/24",))
    assert pairing.choose_families(ONE, only_four, None) == ("ipv4",)
    for wanted, changed in (
        (("ipv6",), only_four),
        (None, replace(TWO, health_check_addresses=("10.0.2.11",))),
        (None, replace(TWO, prefixes=())),
    ):
        with pytest.raises(ConflictError):
            pairing.choose_families(ONE, changed, wanted)


def test_a_path_needs_a_common_subnet_in_every_wanted_family() -> None:
    crooked = endpoint(2, (("wan1", ("172.16.1.2/30", "fdce:dead::2/64")), ("wan2", EAST.ports[1].addresses)))
    assert [p.local_interface for p in pairing.pair(ONE, crooked, ("ipv4", "ipv6"))] == ["wan2"]
    both = pairing.pair(ONE, crooked, ("ipv4",))
    assert [p.local_addresses for p in both] == [
        ("172.16.1.1",),
        ("172.16.2.1", "fdce:11:ffff:2::1"),
    ]
    with pytest.raises(ConflictError, match=r"no port of ep1 .* shares a subnet"):
        pairing.pair(ONE, endpoint(2, (("wan1", ("192.0.2.2/30",)),)), ("ipv4",))


def test_path_names_leave_out_numbers_in_use() -> None:
    pairs = pairing.pair(ONE, TWO, ("ipv4", "ipv6"))
    assert [p.name for p in pairing.name_paths(ONE, TWO, pairs, ())] == ["c1-c2-1", "c1-c2-2"]
    assert [p.name for p in pairing.name_paths(ONE, TWO, pairs, {"c1-c2-1"})] == ["c1-c2-2", "c1-c2-3"]


ports = st.lists(
    st.tuples(st.integers(0, 5), st.integers(1, 2), st.booleans()),
    min_size=1,
    max_size=5,
    unique_by=lambda p: p[0],
)


@given(ports, ports)
def test_the_same_pairs_are_found_from_either_side_and_one_end_waits(mine, theirs) -> None:
    def end(number: int, links) -> EndpointRecord:
        return endpoint(
            number,
            tuple(
                (f"wan{link}", (f"172.16.{link}.{side}/30", *((f"fdce:{link}::{side}/64",) if six else ())))
                for link, side, six in links
            ),
        )

    def pairs(local: EndpointRecord, remote: EndpointRecord) -> set[tuple[str, ...]]:
        try:
            found = pairing.pair(local, remote, ("ipv4",))
        except ConflictError:
            return set()
        assert all(intent.waits(p.local_addresses, p.remote_addresses) for p in found) or all(
            intent.waits(p.local_addresses, p.remote_addresses)
            != intent.waits(p.remote_addresses, p.local_addresses)
            for p in found
        )
        return {
            (p.local_interface, p.remote_interface, *p.local_addresses, *p.remote_addresses) for p in found
        }

    one, two = end(1, mine), end(2, theirs)
    forward, back = pairs(one, two), pairs(two, one)
    assert {(f[0], f[1]) for f in forward} == {(b[1], b[0]) for b in back}
