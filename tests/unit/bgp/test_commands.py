"""API lines: one per set of attributes, of bounded length."""

from __future__ import annotations

from bgp import commands
from bgp.commands import Advertisement


def test_prefixes_of_equal_attributes_share_a_line() -> None:
    advertisements = [
        Advertisement("172.16.0.2", "10.0.1.0/24", "172.16.0.1", 10, ("65535:0", "65001:7")),
        Advertisement("172.16.0.2", "10.0.2.0/24", "172.16.0.1", 10, ("65535:0", "65001:7")),
        Advertisement("172.16.0.2", "10.0.3.0/24", "172.16.0.1"),
        Advertisement("172.16.0.2", "fdce::/64", "fdce:1::1"),
    ]
    start = "neighbor 172.16.0.2 announce attributes next-hop"
    assert [line for line, _ in commands.announce(advertisements)] == [
        f"{start} 172.16.0.1 nlri 10.0.3.0/24",
        f"{start} 172.16.0.1 med 10 community [ 65535:0 65001:7 ] nlri 10.0.1.0/24 10.0.2.0/24",
        f"{start} fdce:1::1 nlri fdce::/64",
    ]


def test_a_line_takes_no_more_than_a_batch() -> None:
    many = [Advertisement("172.16.0.2", f"10.{n // 256}.{n % 256}.0/24", "172.16.0.1") for n in range(1201)]
    lines = list(commands.withdraw(many))
    assert [len(members) for _, members in lines] == [500, 500, 201]
    assert {member for _, members in lines for member in members} == set(many)
    assert all(line.startswith("neighbor 172.16.0.2 withdraw attributes next-hop") for line, _ in lines)


def test_other_lines() -> None:
    assert commands.end_of_rib("172.16.0.2", "ipv6") == "neighbor 172.16.0.2 announce eor ipv6 unicast"
    assert commands.teardown("172.16.0.2") == "neighbor 172.16.0.2 teardown 4"
    assert (
        commands.route_refresh("172.16.0.2", "ipv4")
        == "neighbor 172.16.0.2 announce route-refresh ipv4 unicast"
    )
    assert commands.selector(["172.16.0.2", "172.16.0.6"]) == "neighbor 172.16.0.2 , neighbor 172.16.0.6"
