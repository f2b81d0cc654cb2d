"""Providers' routers of a lab: what each is configured with, and how its daemons run.

Knows BIRD and FRR from the outside: their configuration as text, their command lines, where they listen.
What a router does is in `plans`, once for both. Must not know how a cell's gateway works: to a router it is a
BGP neighbour.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

FORWARDING: Final[Mapping[str, str]] = {
    "net/ipv4/ip_forward": "1",
    "net/ipv6/conf/all/forwarding": "1",
    # Packets to a cell may go one way and come another.
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    "net/ipv4/conf/all/send_redirects": "0",
    # A cable that was pulled and is back has its IPv6 address as before, like its IPv4 address.
    "net/ipv6/conf/all/keep_addr_on_down": "1",
    # Traceroute asks faster than a host's default lets a router answer.
    "net/ipv4/icmp_ratelimit": "0",
    "net/ipv6/icmp/ratelimit": "0",
}
"""Settings of a router's kernel, which forwards what its daemon decides: paths below /proc/sys."""
