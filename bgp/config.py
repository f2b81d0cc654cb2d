"""Renders exabgp.conf from frozen values. Pure: no file is touched here.

The text says only what is wanted: no routes (they come over the API, so that a reload never touches them), no
TTL settings, one API process for all neighbours. A configuration without neighbours is legal for ExaBGP as
long as it names the process, and is how a speaker starts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from bgp.model import FAMILIES, Neighbor

PROCESS = "cellnet"
PORT = 179
MAX_RESTART_TIME = 4095  # 12 bits (RFC 4724 section 3); ExaBGP would silently cut what is larger

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
_ARGUMENT = re.compile(r"[A-Za-z0-9_./:=@+-]+")
# 80 bytes is what the kernel takes (linux/tcp.h: TCP_MD5SIG_MAXKEYLEN); ExaBGP cannot quote the rest.
PASSWORD = re.compile(r"[A-Za-z0-9_.,:@%+=/!?*()<>-]{1,80}")

_NEIGHBOR = """\
neighbor {peer_address} {{
    description "{description}";
    router-id {router_id};
    local-address {local_address};
{lines}\
    local-as {local_as};
    peer-as {peer_as};
    hold-time {hold_time};
    manual-eor true;
    group-updates true;
    adj-rib-in true;
    adj-rib-out true;
    capability {{
        asn4 enable;
        route-refresh enable;
{capability}\
    }}
    family {{
{families}\
    }}
    api {{
        processes [ {process} ];
        neighbor-changes;
        receive {{
            parsed;
            open;
            update;
            notification;
            refresh;
        }}
        send {{
            parsed;
            notification;
        }}
    }}
}}
"""


class ConfigurationError(ValueError):
    """Neighbours that cannot be configured; the message lists every problem, one a line."""


def render(neighbors: Sequence[Neighbor], relay: Sequence[str]) -> str:
    """The whole text of exabgp.conf. `relay` is the command line of the API process, the program first.

    Neighbours come out in order of peer address, so that equal sets give equal text.
    Raises ConfigurationError when a value is out of range or two neighbours would be one to ExaBGP.
    """
    problems = [problem for neighbor in neighbors for problem in _problems(neighbor)]
    problems += _doubles("peer address", [neighbor.peer_address for neighbor in neighbors])
    problems += _doubles("name", [neighbor.name for neighbor in neighbors])
    if not relay or not relay[0].startswith("/"):
        problems.append("the API process needs an absolute path: give the interpreter's full path first")
    problems += [
        f"the API process has {argument!r} in its command line: ExaBGP cannot quote; use a plain path"
        for argument in relay
        if not _ARGUMENT.fullmatch(argument)
    ]
    if problems:
        raise ConfigurationError("\n".join(problems))
    process = f"process {PROCESS} {{\n    run {' '.join(relay)};\n    encoder json;\n}}\n"
    ordered = sorted(neighbors, key=lambda neighbor: _sort_key(neighbor.peer_address))
    return "\n".join([process, *(_render_neighbor(neighbor) for neighbor in ordered)])


def render_description(neighbor: Neighbor) -> str:
    """What ExaBGP keeps for us as the neighbour's description; `readback` takes it apart again."""
    return neighbor.name if neighbor.interface is None else f"{neighbor.name} interface {neighbor.interface}"


def _render_neighbor(neighbor: Neighbor) -> str:
    lines = [f"passive {'true' if neighbor.passive else 'false'};"]
    if neighbor.passive:
        # Its own listener, on the link's address only, and only while somebody is expected: a speaker that
        # listens for all would answer an early peer with a NOTIFICATION instead of a plain TCP reset.
        lines.append(f"listen {PORT};")
    if neighbor.password is not None:
        lines.append(f'md5-password "{neighbor.password}";')
    if neighbor.interface is not None and ip_address(neighbor.local_address).is_link_local:
        lines.append(f"source-interface {neighbor.interface};")
    restart = neighbor.graceful_restart_time
    return _NEIGHBOR.format(
        peer_address=neighbor.peer_address,
        local_address=neighbor.local_address,
        description=render_description(neighbor),
        router_id=neighbor.router_id,
        lines="".join(f"    {line}\n" for line in lines),
        local_as=neighbor.local_as,
        peer_as=neighbor.peer_as,
        hold_time=neighbor.hold_time,
        # ExaBGP takes 0 for "the hold time", so off is said by leaving it out.
        capability=f"        graceful-restart {restart};\n" if restart else "",
        families="".join(
            f"        {family} unicast;\n" for family in FAMILIES if family in neighbor.families
        ),
        process=PROCESS,
    )


def _problems(neighbor: Neighbor) -> list[str]:
    """Every reason why this neighbour cannot be configured."""
    where = f"neighbor {neighbor.name!r}"
    problems = []
    if not _NAME.fullmatch(neighbor.name):
        problems.append(f"{where}: the name may hold letters, digits and . _ : - only (100 at most)")
    if neighbor.interface is not None and not _NAME.fullmatch(neighbor.interface):
        problems.append(f"{where}: interface {neighbor.interface!r} is not the name of an interface")
    addresses = [_address(text) for text in (neighbor.local_address, neighbor.peer_address)]
    for text, address in zip((neighbor.local_address, neighbor.peer_address), addresses, strict=True):
        if address is None or str(address) != text:
            problems.append(f"{where}: {text!r} is not a plain address in its short form")
    if None not in addresses and len({type(address) for address in addresses}) != 1:
        problems.append(f"{where}: local and peer address must be of one family")
    if addresses[0] is not None and addresses[0] == addresses[1]:
        problems.append(f"{where}: local and peer address must differ")
    if not isinstance(_address(neighbor.router_id), IPv4Address):
        problems.append(f"{where}: router-id {neighbor.router_id!r} must be a dotted quad")
    problems += [
        f"{where}: {word} {number} must be between 1 and 4294967295"
        for word, number in (("local-as", neighbor.local_as), ("peer-as", neighbor.peer_as))
        if not 1 <= number <= 4_294_967_295
    ]
    if neighbor.password is not None and not PASSWORD.fullmatch(neighbor.password):
        problems.append(
            f"{where}: the password may hold 1 to 80 letters, digits and _.,:@%+=/!?*()<>- "
            "(it is not shown here)"
        )
    if neighbor.hold_time != 0 and not 3 <= neighbor.hold_time <= 65535:
        problems.append(f"{where}: hold-time {neighbor.hold_time} must be 0 or between 3 and 65535 seconds")
    if not 0 <= neighbor.graceful_restart_time <= MAX_RESTART_TIME:
        problems.append(
            f"{where}: graceful-restart {neighbor.graceful_restart_time} must be"
            f" between 0 and {MAX_RESTART_TIME} seconds"
        )
    if not neighbor.families or not set(neighbor.families) <= set(FAMILIES):
        problems.append(f"{where}: families {neighbor.families!r} must name ipv4, ipv6 or both")
    return problems


def _doubles(word: str, values: list[str]) -> list[str]:
    return [
        f"{word} {value} is used by two neighbors" for value, count in Counter(values).items() if count > 1
    ]


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _sort_key(address: str) -> tuple[int, int]:
    parsed = ip_address(address)
    return parsed.version, int(parsed)
