"""Descriptions of faults of BGP. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network

from simulator.faults.errors import choose_from
from simulator.faults.reading import Reader
from simulator.faults.routing import FLOOD, Flood, Hijack, Leak, Malformed, ResetSession, Sort, Withdraw
from simulator.faults.values import Single
from topologies.model import Cell, Link, LinkKind

Network = IPv4Network | IPv6Network
MOST_PREFIXES = 1_000_000
_SESSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")


def _reset_session(reader: Reader) -> Single | None:
    given = [name for name in ("link", "session") if reader.document.get(name) is not None]
    if len(given) > 1:
        reader.wrong("session", "stands beside link", "a session has the name of its path: give one of them")
    name = given[0] if given else "link"
    session, inventory = reader.document.get("session"), reader.inventory
    if name == "session" and inventory.topology.routers and session not in inventory.links:
        return _named_session(reader, session)
    link, cell = _path(reader, name)
    return None if link is None or cell is None else ResetSession(link.name, cell.name)


def _named_session(reader: Reader, session: object) -> Single | None:
    """A session with a router has a name of its own; whether it is there, only the cell's speaker knows."""
    cell = reader.cell()
    if not isinstance(session, str) or not _SESSION.fullmatch(session):
        reader.wrong("session", f"{session!r} is no name of a session", "name its link, such as main-p1")
        return None
    if cell is None:
        return None
    if not sessions(reader.inventory.links.values(), reader.inventory.services, cell):
        reader.wrong("cell", f"no speaker of {cell.name} runs in this lab", "start the lab with its services")
        return None
    return ResetSession(None, cell.name, session)


def _malformed(reader: Reader) -> Single | None:
    seconds, sort = reader.seconds(), reader.choice("sort", Sort, Sort.ATTRIBUTE_LENGTH)
    link, cell = _path(reader, "link")
    if link is None or cell is None or sort is None:
        return None
    return Malformed(link.name, cell.name, sort, seconds)


def _withdraw(reader: Reader) -> Single | None:
    seconds, cell = reader.seconds(), reader.cell()
    links = _links(reader, cell)
    return None if cell is None else Withdraw(cell.name, links, seconds)


def _leak(reader: Reader) -> Single | None:
    seconds, cell = reader.seconds(), reader.cell()
    links, prefix = _links(reader, cell), _prefix(reader, "prefix", reader.document.get("prefix"))
    if prefix is None and reader.document.get("prefix") is None:
        reader.wrong("prefix", "is missing", "give a prefix that is not the cell's own, such as 10.99.0.0/24")
    if cell is None or prefix is None:
        return None
    if any(_within(prefix, own) for own in cell.prefixes):
        reader.wrong("prefix", f"{prefix} is {cell.name}'s own", "a leak announces somebody else's")
    return Leak(cell.name, str(prefix), links, seconds)


def _hijack(reader: Reader) -> Single | None:
    seconds, cell, victim = reader.seconds(), reader.cell(), reader.cell("victim")
    links = _links(reader, cell)
    given = _several(reader, "prefix", "prefixes")
    prefixes = [_prefix(reader, name, value) for name, value in given]
    if cell is None or victim is None or None in prefixes:
        return None
    if cell.name == victim.name:
        reader.wrong("victim", f"{victim.name} cannot hijack itself", "name two different cells")
        return None
    chosen = [prefix for prefix in prefixes if prefix is not None]
    if not chosen:
        chosen = [_first_half(own) for own in victim.prefixes if own.prefixlen < own.max_prefixlen]
    for prefix in chosen:
        if not any(_within(prefix, own) and prefix.prefixlen > own.prefixlen for own in victim.prefixes):
            whole = ", ".join(map(str, victim.prefixes))
            reader.wrong(
                "prefix", f"{prefix} is not more specific than {victim.name}'s {whole}", "give a part of it"
            )
    return Hijack(cell.name, victim.name, tuple(map(str, chosen)), links, seconds)


def _flood(reader: Reader) -> Single | None:
    cell, count = reader.cell(), reader.integer("count", 1, MOST_PREFIXES)
    links = _links(reader, cell)
    return None if cell is None else Flood(cell.name, links, FLOOD if count is None else count)


def sessions(links: Iterable[Link], services: Mapping[str, str], cell: Cell) -> dict[str, Link]:
    """The WAN links on which a speaker of that cell can have a session."""
    gateways = {gateway.name for gateway in cell.gateways if f"speaker@{gateway.name}" in services}
    wan = (link for link in links if link.kind is LinkKind.WAN)
    return {link.name: link for link in wan if {link.a.node, link.b.node} & gateways}


def _path(reader: Reader, name: str) -> tuple[Link | None, Cell | None]:
    """A WAN link, and the cell whose speaker acts on it: the one given, or that of the first end with one."""
    link, cell = reader.link(name), reader.cell(required=False)
    if link is None or (cell is None and reader.document.get("cell") is not None):
        return None, None
    inventory = reader.inventory
    able = [
        each
        for each in inventory.topology.cells
        if link.name in sessions(inventory.links.values(), inventory.services, each)
    ]
    able.sort(key=lambda each: link.a.node not in {gateway.name for gateway in each.gateways})
    names = [each.name for each in able]
    if not able:
        known = {
            path
            for each in inventory.topology.cells
            for path in sessions(inventory.links.values(), inventory.services, each)
        }
        reader.wrong(name, f"no speaker has a session over {link.name}", choose_from(link.name, known))
    elif cell is not None and cell.name not in names:
        reader.wrong("cell", f"{cell.name} has no end on {link.name}", choose_from(cell.name, names))
    else:
        return link, cell or able[0]
    return None, None


def _links(reader: Reader, cell: Cell | None) -> tuple[str, ...]:
    """Names of the paths to act on; none given means all that the cell has."""
    given = _several(reader, "link", "links")
    if cell is None:
        return ()
    known = sessions(reader.inventory.links.values(), reader.inventory.services, cell)
    if not known:
        reader.wrong("cell", f"no speaker of {cell.name} runs in this lab", "start the lab with its services")
        return ()
    for name, value in given:
        if not isinstance(value, str) or value not in known:
            reader.wrong(name, f"{cell.name} has no session {value!r}", choose_from(str(value), known))
    return tuple(dict.fromkeys(str(value) for _, value in given)) or tuple(sorted(known))


def _several(reader: Reader, one: str, many: str) -> list[tuple[str, object]]:
    """`(field, value)` of what may be given as one value or as a list."""
    single, several = reader.document.get(one), reader.document.get(many)
    found: list[tuple[str, object]] = [] if single is None else [(one, single)]
    if several is not None and not isinstance(several, list | tuple):
        reader.wrong(many, f"{several!r} is no list", f"write [...], or {one} for a single one")
    elif several is not None:
        found += [(f"{many}[{index}]", value) for index, value in enumerate(several)]
    return found


def _prefix(reader: Reader, name: str, value: object) -> Network | None:
    if value is None:
        return None
    try:
        return ip_network(str(value))
    except ValueError as error:
        reader.wrong(name, f"{value!r} is no prefix: {error}", "write it like 10.0.1.0/25 or fdce:11::/64")
    return None


def _first_half(prefix: Network) -> Network:
    return ip_network((prefix.network_address, prefix.prefixlen + 1))


def _within(prefix: Network, other: Network) -> bool:
    if isinstance(prefix, IPv4Network):
        return isinstance(other, IPv4Network) and prefix.subnet_of(other)
    return isinstance(other, IPv6Network) and prefix.subnet_of(other)


BUILDERS: dict[str, Callable[[Reader], Single | None]] = {
    "reset-session": _reset_session,
    "withdraw": _withdraw,
    "leak": _leak,
    "hijack": _hijack,
    "flood": _flood,
    "malformed": _malformed,
}
