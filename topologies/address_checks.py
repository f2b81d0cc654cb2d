"""What may be wrong with the prefixes of cells and the addresses of hosts.

Pure rules like those of `checks`, which runs them. A prefix that cannot be read is reported once; the rules
then go on with the derived one.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from topologies import numbering
from topologies.findings import Finding
from topologies.model import Network
from topologies.specs import CellSpec, HostSpec, Path, TopologySpec

_SHORTEST = {4: 8, 6: 16}
_LONGEST = {4: 28, 6: 112}
_TAKEN: tuple[tuple[Network, str], ...] = (
    (numbering.WAN_V4, "the WAN links"),
    (numbering.WAN_V6, "the WAN links"),
    (numbering.MANAGEMENT, "the management network"),
    (numbering.CONTROL, "the control links"),
    (numbering.ROUTER_IDS, "the BGP identifiers of provider routers"),
    (IPv4Network("0.0.0.0/8"), "this network (RFC 1122)"),
    (IPv4Network("127.0.0.0/8"), "loopback"),
    (IPv4Network("169.254.0.0/16"), "link-local addresses"),
    (IPv4Network("224.0.0.0/3"), "multicast and reserved addresses"),
    (IPv6Network("::/16"), "special addresses"),
    (IPv6Network("fe80::/10"), "link-local addresses"),
    (IPv6Network("ff00::/8"), "multicast"),
)
Placed = tuple[Network, Path]


def prefixes(spec: TopologySpec, unreadable: frozenset[Path]) -> Iterator[Finding]:
    """Prefixes that cannot be read, are too small, reserved, given twice in a family, or overlap."""
    everywhere: list[tuple[Network, Path, str]] = []
    for index, cell in enumerate(spec.cells):
        findings, placed = _cell_prefixes(cell, index)
        yield from findings
        everywhere += [(network, path, cell.name) for network, path in placed if path not in unreadable]
    yield from _overlaps(everywhere)


def _cell_prefixes(cell: CellSpec, index: int) -> tuple[list[Finding], list[Placed]]:
    """What is wrong with the prefixes of one cell, and those it ends up with."""
    findings: list[Finding] = []
    by_family: dict[int, Placed] = {}
    for position, text in enumerate(cell.prefixes):
        path: Path = ("cells", index, "prefixes", position)
        network = _network(text)
        if isinstance(network, str):
            findings.append(Finding(path, f"{text!r} is no prefix", network))
        elif network.version in by_family:
            findings.append(
                Finding(
                    path,
                    f"the cell has an IPv{network.version} prefix already",
                    "give at most one of each family",
                    by_family[network.version][1],
                )
            )
        else:
            by_family[network.version] = (network, path)
            findings += _unfit(cell, network, path)
    derived = numbering.cell_prefixes(index + 1) if index < numbering.MAX_CELLS else ()
    for network in derived:
        by_family.setdefault(network.version, (network, ("cells", index)))
    return findings, list(by_family.values())


def _network(text: str) -> Network | str:
    """The network, or what to do about a text that is none."""
    try:
        return ip_network(text)
    except ValueError:
        pass
    try:
        loose = ip_network(text, strict=False)
    except ValueError:
        return "write one such as 10.0.1.0/24 (length up to 32) or fdce:11:0:1::/64 (length up to 128)"
    return f"bits are set after the first {loose.prefixlen}: did you mean {loose}?"


def _unfit(cell: CellSpec, network: Network, path: Path) -> Iterator[Finding]:
    family = network.version
    low, high = _SHORTEST[family], _LONGEST[family]
    if not low <= network.prefixlen <= high:
        yield Finding(
            path,
            f"an IPv{family} prefix of length {network.prefixlen} is out of range",
            f"use a length from {low} to {high}",
        )
        return
    derived = [h for h, host in enumerate(_hosts(cell), 1) if not _written(host.addresses, family)]
    need = numbering.highest_number(cell.gateways, max(derived, default=0))
    if need >= network.num_addresses - 1:
        yield Finding(
            path,
            f"{network} is too small: the cell's addresses go up to number {need}",
            "use a shorter prefix length, fewer hosts, or write the hosts' addresses",
        )
    for taken, user in _TAKEN:
        if _overlap(network, taken):
            yield Finding(
                path, f"{network} overlaps {taken}, which belongs to {user}", "choose another prefix"
            )


def _hosts(cell: CellSpec) -> tuple[HostSpec, ...]:
    return cell.host_specs(numbering.MAX_HOSTS)


def _written(addresses: tuple[str, ...], family: int) -> bool:
    return any((":" in address) == (family == 6) for address in addresses)


def _overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)


def _overlaps(everywhere: list[tuple[Network, Path, str]]) -> Iterator[Finding]:
    # Sorted by first address, a prefix can overlap only one that reaches furthest so far.
    for family in (4, 6):
        ordered = sorted(
            (item for item in everywhere if item[0].version == family),
            key=lambda item: (int(item[0].network_address), item[0].prefixlen),
        )
        furthest = ordered[0] if ordered else None
        for item in ordered[1:]:
            assert furthest is not None
            if _overlap(item[0], furthest[0]):
                first, second = sorted((furthest, item), key=lambda one: int(one[1][1]))
                yield _overlap_finding(first, second)
            if int(item[0].broadcast_address) > int(furthest[0].broadcast_address):
                furthest = item


def _overlap_finding(first: tuple[Network, Path, str], second: tuple[Network, Path, str]) -> Finding:
    network, path, _ = second
    derived = "" if len(path) > 2 else "its derived prefix "
    fact = f"{derived}{network} overlaps {first[0]} of cell {first[2]}"
    return Finding(path, fact, "give each cell prefixes of its own", first[1])


def hosts(spec: TopologySpec, _: frozenset[Path]) -> Iterator[Finding]:
    """Written addresses of hosts that cannot be read, lie outside the cell's prefix, or are taken."""
    for index, cell in enumerate(spec.cells):
        if any(host.addresses for host in _hosts(cell)):
            yield from _cell_hosts(cell, index)


def _cell_hosts(cell: CellSpec, index: int) -> Iterator[Finding]:
    _, placed = _cell_prefixes(cell, index)
    networks: dict[int, Network] = {network.version: network for network, _ in placed}
    taken = _taken_in_cell(cell, networks)
    for h, host in enumerate(_hosts(cell)):
        families: set[int] = set()
        for position, text in enumerate(host.addresses):
            path: Path = ("cells", index, "hosts", h, "addresses", position)
            address = _address(text)
            if address is None:
                yield Finding(
                    path,
                    f"{text!r} is no address",
                    "write one without a prefix length, such as 10.0.1.50 or fdce:11:0:1::50",
                )
                continue
            network = networks.get(address.version)
            if network is None:
                continue  # one cell too many, reported: no number is left for its derived prefix
            if address.version in families:
                yield Finding(
                    path, f"the host has an IPv{address.version} address already", "give one per family"
                )
            elif address not in network:
                yield Finding(
                    path,
                    f"{address} is outside {network}, the IPv{address.version} prefix of cell {cell.name}",
                    "choose an address inside it",
                )
            elif address in (network.network_address, network.broadcast_address):
                yield Finding(
                    path, f"{address} is the first or last address of {network}", "choose one in between"
                )
            elif str(address) in taken:
                user, where = taken[str(address)]
                yield Finding(path, f"{address} is already used by {user}", "choose another address", where)
            families.add(address.version)
            taken.setdefault(str(address), (f"host {h + 1} of the cell", path))


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """None where it is none, or one of a zone (RFC 4007), which is a link's and no host's."""
    try:
        return None if "%" in text else ip_address(text)
    except ValueError:
        return None


def _taken_in_cell(cell: CellSpec, networks: dict[int, Network]) -> dict[str, tuple[str, Path | None]]:
    """The addresses that the cell's gateways and its hosts without written addresses have."""
    taken: dict[str, tuple[str, Path | None]] = {}
    for family, network in networks.items():
        if network.num_addresses <= numbering.highest_number(cell.gateways, len(_hosts(cell))):
            continue  # reported as too small
        for k in range(1, min(cell.gateways, numbering.MAX_GATEWAYS) + 1):  # more are reported
            taken[str(numbering.inside(network, k).ip)] = (f"gateway {k} of the cell", None)
            taken[str(numbering.inside(network, 10 + k).ip)] = (f"the health check of gateway {k}", None)
        for h, host in enumerate(_hosts(cell), 1):
            if not _written(host.addresses, family):
                address = numbering.inside(network, numbering.host_number(h))
                taken[str(address.ip)] = (f"host {h} of the cell", None)
    return taken
