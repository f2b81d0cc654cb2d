"""What may be wrong with a request for a topology: names, graph and limits.

Pure rules, each over the whole request and each reporting everything it finds, so that a user sees all
problems at once. Addresses and prefixes are in `address_checks`. What a reader could not even read is passed
as `unreadable`: rules stay silent about it instead of reporting consequences.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

from topologies import address_checks, assembly, numbering
from topologies.findings import Finding
from topologies.model import CellKind
from topologies.specs import LinkSpec, Path, TopologySpec

RESERVED_NAMES = frozenset({numbering.MANAGEMENT_NODE, "all", "lab", "localhost", "manager", "none"})
DAEMONS = ("bird", "frr")
_NODE_NAME = re.compile(r".*-(gw|ctl|h)[0-9]+|.*-mgr|mgmt-.*")
_NODE_SUFFIX = re.compile(r"(gw|ctl|h)[0-9]+|mgr")
_RESERVED_ASNS = frozenset({0, 23_456, 65_535, 4_294_967_295})  # RFC 7607, 6793, 7300
_NAME_HELP = "use lower-case letters, digits and hyphens, beginning with a letter and ending with no hyphen"


def check(spec: TopologySpec, unreadable: Collection[Path] = ()) -> list[Finding]:
    """Everything wrong with the request, in the order of the places it names."""
    known = frozenset(unreadable)
    rules: tuple[Callable[[TopologySpec, frozenset[Path]], Iterator[Finding]], ...] = (
        _sizes,
        _names,
        _kinds,
        _as_numbers,
        _routers,
        address_checks.prefixes,
        address_checks.hosts,
        _links,
        _derived_names,
        _connectivity,
    )
    found = [finding for rule in rules for finding in rule(spec, known)]
    return [
        finding
        for finding in dict.fromkeys(found)
        if not any(finding.path[: len(path)] == path for path in known)
    ]


def _sizes(spec: TopologySpec, unreadable: frozenset[Path]) -> Iterator[Finding]:
    if not spec.cells and ("cells",) not in unreadable:
        yield Finding(("cells",), "there are no cells", "a topology needs at least the main cell")
    if len(spec.cells) > numbering.MAX_CELLS:
        yield Finding(
            ("cells", numbering.MAX_CELLS),
            f"this is cell number {numbering.MAX_CELLS + 1} of {len(spec.cells)}",
            f"a topology has at most {numbering.MAX_CELLS} cells: each takes one number of the address plan",
        )
    for index, cell in enumerate(spec.cells):
        if not 1 <= cell.gateways <= numbering.MAX_GATEWAYS:
            yield Finding(
                ("cells", index, "gateways"),
                f"{cell.gateways} gateways are out of range",
                f"give a number from 1 to {numbering.MAX_GATEWAYS}",
            )
        if not 0 <= cell.host_count <= numbering.MAX_HOSTS:
            yield Finding(
                ("cells", index, "hosts"),
                f"{cell.host_count} hosts are out of range",
                f"give a number from 0 to {numbering.MAX_HOSTS}",
            )
    total = sum(link.paths for link in spec.links if 1 <= link.paths <= numbering.MAX_PATHS_PER_LINK)
    if total > numbering.MAX_PATHS:
        yield Finding(
            ("links",), f"{total} paths are too many", f"a topology has at most {numbering.MAX_PATHS}"
        )


def _name(path: Path, what: str, name: str, longest: int) -> Iterator[Finding]:
    if not re.fullmatch(numbering.NAME_PATTERN, name):
        yield Finding(path, f"{name!r} is no name for a {what}", _NAME_HELP)
    if len(name) > longest:
        yield Finding(
            path,
            f"the name has {len(name)} characters",
            f"use at most {longest}: it becomes part of unix socket paths, which are limited to 107 bytes",
        )


def _names(spec: TopologySpec, unreadable: frozenset[Path]) -> Iterator[Finding]:
    yield from _name(("name",), "topology", spec.name, numbering.MAX_TOPOLOGY_NAME)
    first: dict[str, tuple[str, Path]] = {}
    nodes: list[tuple[str, str, Path]] = [
        ("cell", cell.name, ("cells", index, "name")) for index, cell in enumerate(spec.cells)
    ]
    nodes += [
        ("router", router.name, ("routers", index, "name")) for index, router in enumerate(spec.routers)
    ]
    for what, name, path in nodes:
        yield from _name(path, what, name, numbering.MAX_CELL_NAME)
        if name in RESERVED_NAMES:
            yield Finding(
                path,
                f"the name {name!r} is reserved",
                f"choose another than {', '.join(sorted(RESERVED_NAMES))}",
            )
        elif _NODE_NAME.fullmatch(name):
            yield Finding(
                path,
                f"the name {name!r} reads like a node inside a cell",
                "choose one that begins with no 'mgmt-' and ends with no '-gw1', '-ctl1', '-h1' or '-mgr'",
            )
        if name in first and path not in unreadable:
            other, where = first[name]
            yield Finding(
                path, f"the name {name!r} is already used by another {other}", f"rename one {what}", where
            )
        first.setdefault(name, (what, path))


def _routers(spec: TopologySpec, _: frozenset[Path]) -> Iterator[Finding]:
    if len(spec.routers) > numbering.MAX_ROUTERS:
        yield Finding(
            ("routers", numbering.MAX_ROUTERS),
            f"this is router number {numbering.MAX_ROUTERS + 1} of {len(spec.routers)}",
            f"a topology has at most {numbering.MAX_ROUTERS} routers",
        )
    for index, router in enumerate(spec.routers):
        if router.daemon not in DAEMONS:
            yield Finding(
                ("routers", index, "daemon"),
                f"{router.daemon!r} is no choice here",
                f"write {' or '.join(DAEMONS)}",
            )
        if _NODE_SUFFIX.fullmatch(router.name):
            # Its link to the cell main would be called main-gw1, like a node.
            yield Finding(
                ("routers", index, "name"),
                f"the name {router.name!r} is what nodes inside a cell are called by",
                "choose another than gw1, ctl1, h1 or mgr, such as p1",
            )


def _kinds(spec: TopologySpec, unreadable: frozenset[Path]) -> Iterator[Finding]:
    mains = [index for index, cell in enumerate(spec.cells) if cell.effective_kind is CellKind.MAIN]
    for index in mains[1:]:
        yield Finding(
            ("cells", index, "kind"),
            f"cell {spec.cells[mains[0]].name} is the main cell already",
            "a topology has one main cell, which runs the manager: write 'kind: sub' for one of them",
            ("cells", mains[0], "kind"),
        )
    readable = not any(path[0] == "cells" and path[2:] in ((), ("name",), ("kind",)) for path in unreadable)
    if spec.cells and not mains and readable:
        yield Finding(
            ("cells",),
            "no cell is the main cell, which runs the manager",
            "write 'kind: main' for one of them or call it 'main'",
        )


def _as_numbers(spec: TopologySpec, _: frozenset[Path]) -> Iterator[Finding]:
    users: dict[int, tuple[str, Path]] = {}
    asked: list[tuple[str, int, Path, bool]] = [
        (f"cell {cell.name}", cell.asn or 0, ("cells", index, "asn"), True)
        if cell.asn is not None
        else (f"cell {cell.name}", numbering.cell_asn(index + 1), ("cells", index), False)
        for index, cell in enumerate(spec.cells)
    ]
    asked += [
        (f"router {router.name}", router.asn, ("routers", index, "asn"), True)
        if router.asn is not None
        else (f"router {router.name}", numbering.router_asn(index + 1), ("routers", index), False)
        for index, router in enumerate(spec.routers)
    ]
    for who, asn, path, written in asked:
        if written and (not 0 <= asn <= 4_294_967_295 or asn in _RESERVED_ASNS):
            yield Finding(
                path,
                f"{asn} is no AS number that may be used",
                "give one from 1 to 4294967294 that is neither 23456 nor 65535, such as 65001",
            )
        elif asn in users:
            other, where = users[asn]
            fact = f"{asn} is already used by {other}"
            yield Finding(
                path,
                fact if written else f"its derived AS number {fact}",
                f"give each {who.split()[0]} its own AS number",
                where,
            )
        users.setdefault(asn, (who, path))


def _links(spec: TopologySpec, unreadable: frozenset[Path]) -> Iterator[Finding]:
    names = [cell.name for cell in spec.cells] + [router.name for router in spec.routers]
    # A link may be to a cell whose name could not be read: then only likely slips are called wrong.
    readable = not any(path[0] in ("cells", "routers") and path[2:] in ((), ("name",)) for path in unreadable)
    pairs: dict[frozenset[str], Path] = {}
    for index, link in enumerate(spec.links):
        path: Path = ("links", index, "between")
        if not 1 <= link.paths <= numbering.MAX_PATHS_PER_LINK:
            yield Finding(
                ("links", index, "paths"),
                f"{link.paths} paths are out of range",
                f"give a number from 1 to {numbering.MAX_PATHS_PER_LINK}",
            )
        unknown = [
            (side, end) for side, end in enumerate(dict.fromkeys((link.a, link.b))) if end not in names
        ]
        for side, end in unknown:
            if readable or difflib.get_close_matches(end, names, 1):
                what = "cell or router" if spec.routers else "cell"
                yield Finding((*path, side), f"there is no {what} {end!r}", _which(end, names))
        if link.a == link.b:
            yield Finding(path, f"the link joins {link.a} to itself", "name two different cells")
        elif (pair := frozenset((link.a, link.b))) in pairs:
            yield Finding(
                path,
                f"{link.a} and {link.b} are linked already",
                "write one link and raise its 'paths'",
                pairs[pair],
            )
        else:
            pairs[pair] = path


def _which(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, 1)
    if near:
        return f"did you mean {near[0]!r}?"
    return "add it or name one of " + ", ".join(names[:10]) + (" ..." if len(names) > 10 else "")


def _derived_names(spec: TopologySpec, _: frozenset[Path]) -> Iterator[Finding]:
    # "a-b" to "c" and "a" to "b-c" would both have a path a-b-c-1.
    users: dict[str, tuple[LinkSpec, Path]] = {}
    pairs: set[frozenset[str]] = set()
    routers = {router.name for router in spec.routers}
    for index, link in enumerate(spec.links):
        if frozenset((link.a, link.b)) in pairs or link.paths < 1:
            continue  # reported by another rule
        pairs.add(frozenset((link.a, link.b)))
        path: Path = ("links", index, "between")
        names = assembly.path_names(
            replace(link, paths=min(link.paths, numbering.MAX_PATHS_PER_LINK)), routers
        )
        taken = next((name for name in names if name in users), None)
        if taken is not None:
            other, where = users[taken]
            yield Finding(
                path,
                f"its path {taken} would have the same name as that of {other.a} and {other.b}",
                f"rename one of the {'cells or routers' if routers else 'cells'}",
                where,
            )
        users.update({name: (link, path) for name in names if name not in users})


def _connectivity(spec: TopologySpec, unreadable: frozenset[Path]) -> Iterator[Finding]:
    if any(path[0] == "links" or path[2:] in ((), ("name",)) for path in unreadable):
        return
    places: list[tuple[str, str, Path]] = [
        ("cell", cell.name, ("cells", index)) for index, cell in enumerate(spec.cells)
    ]
    places += [("router", router.name, ("routers", index)) for index, router in enumerate(spec.routers)]
    neighbours: dict[str, set[str]] = {name: set() for _, name, _ in places}
    if any(end not in neighbours for link in spec.links for end in (link.a, link.b)):
        return  # an unknown end is what has to be put right first
    for link in spec.links:
        neighbours[link.a].add(link.b)
        neighbours[link.b].add(link.a)
    start = next((cell.name for cell in spec.cells if cell.effective_kind is CellKind.MAIN), None)
    if start is None:
        return
    reached, edge = {start}, [start]
    while edge:
        new = neighbours[edge.pop()] - reached
        reached |= new
        edge += new
    for what, name, path in places:
        if name not in reached:
            yield Finding(
                path,
                f"no link leads from {what} {name} to the main cell {start}",
                f"add a link, such as 'between: [{start}, {name}]'",
            )
