"""A lab with its manager, and the connections that are wanted there. Blocking calls, each bounded."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_network
from typing import Any, TypeVar

from cellnet_core.client import Client
from cellnet_core.client.errors import ApiError, ClientError, NotFoundError, UnreachableError
from simulator.client import LabClient
from topologies.model import Cell, LinkKind, Topology

T = TypeVar("T")
ANSWER_WITHIN = 30.0
"""Seconds in which a manager that was killed or frozen must answer again."""

PRECONDITION_FAILED = 412

Pair = tuple[str, str]

CHANGEABLE = (
    *("name", "local_endpoint", "remote_endpoint", "families", "profile", "hold_time"),
    *("graceful_restart_time", "hold_down", "enabled", "description", "managed_by", "tags"),
)
"""What a PUT of a connection says."""
OF_ENDPOINT = (
    *("name", "cell", "gateway", "interfaces", "asn", "prefixes", "health_check_addresses"),
    *("description", "managed_by", "tags"),
)
"""What a PUT of an endpoint says."""


@dataclass
class World:
    """`wanted` are the pairs of cells that were connected last; each connection is called A-B."""

    lab: LabClient
    topology: Topology
    wanted: set[Pair] = field(default_factory=set)
    changed: dict[Pair, dict[str, Any]] = field(default_factory=dict)
    """Fields of connections that were changed since they were ordered, as the manager acknowledged them."""
    more: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Prefixes that a cell's endpoint got beside the cell's own."""

    @classmethod
    def of(cls, lab: LabClient) -> World:
        """The world of a lab that is up; every cell gets an endpoint."""
        world = cls(lab, lab.show().topology)
        for cell in world.topology.cells:
            world.ask(partial(_create_endpoint, cell=cell.name))
        return world

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """Cells that share fibres, in the order in which the topology names them."""
        home = {gateway.name: cell.name for cell in self.topology.cells for gateway in cell.gateways}
        links = (link for link in self.topology.links if link.kind is LinkKind.WAN)
        return tuple(dict.fromkeys((home[link.a.node], home[link.b.node]) for link in links))

    def cell(self, name: str) -> Cell:
        """The cell of that name."""
        return next(cell for cell in self.topology.cells if cell.name == name)

    def fibres(self, pair: Pair) -> tuple[str, ...]:
        """Names of the WAN links between two cells."""
        ends = {gateway.name for name in pair for gateway in self.cell(name).gateways}
        return tuple(
            link.name
            for link in self.topology.links
            if link.kind is LinkKind.WAN and {link.a.node, link.b.node} <= ends
        )

    def ask(self, what: Callable[[Client], T], within: float = ANSWER_WITHIN) -> T:
        """Ask the manager, again while it does not answer."""
        deadline = time.monotonic() + within
        while True:
            try:
                with Client.unix(str(self.lab.manager_socket), timeout=5.0) as api:
                    return what(api)
            except UnreachableError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def connect(self, pair: Pair) -> None:
        """Order a connection; one of the same name that is still going away is waited for."""
        if pair not in self.wanted:
            self.changed.pop(pair, None)
        self.wanted.add(pair)
        name, (local, remote) = name_of(pair), pair

        def create(api: Client) -> bool:
            try:
                api.create_connection(name, endpoint_of(local), endpoint_of(remote))
            except ApiError as error:
                if error.status != 409:
                    raise
                # An order whose answer was lost with its manager, or the one before that is not gone yet.
                try:
                    return api.connection(name).provisioning_status != "PENDING_DELETE"
                except NotFoundError:
                    return False
            return True

        self.until(lambda: self.ask(create), 90.0, f"the manager takes {name}")

    def disconnect(self, pair: Pair) -> None:
        """Order that a connection goes; returns when the manager has taken the order."""
        self.wanted.discard(pair)
        self.changed.pop(pair, None)

        def delete(api: Client) -> None:
            try:
                api.delete_connection(name_of(pair))
            except NotFoundError:
                return  # the answer to an order before was lost

        self.ask(delete)

    def change(self, pair: Pair, fields: Mapping[str, Any]) -> None:
        """Order that a connection becomes another; nothing if it is not wanted (any more)."""
        if pair not in self.wanted:
            return
        self._replace("connections", "connection", name_of(pair), CHANGEABLE, fields)
        self.changed.setdefault(pair, {}).update(fields)

    def announce(self, cell: str, more: tuple[str, ...]) -> None:
        """Order that a cell has these prefixes beside its own."""
        prefixes = [*(str(prefix) for prefix in self.cell(cell).prefixes), *more]
        self._replace("endpoints", "endpoint", endpoint_of(cell), OF_ENDPOINT, {"prefixes": prefixes})
        self.more[cell] = more

    def _replace(
        self, collection: str, key: str, name: str, known: tuple[str, ...], fields: Mapping[str, Any]
    ) -> None:
        def put(api: Client) -> bool:
            now = api.object(collection, key, name).document
            whole = {field: now[field] for field in known} | dict(fields)
            try:
                api.replace(collection, key, now["id"], whole, now["revision_number"])
            except ApiError as error:
                if error.status != PRECONDITION_FAILED:
                    raise
                return False  # an order whose answer came too late was carried out meanwhile
            return True

        self.until(lambda: self.ask(put), ANSWER_WITHIN, f"the manager takes a change of {name}")

    def prefixes(self, cell: str) -> tuple[str, ...]:
        """All that a cell shall announce."""
        return (*(str(prefix) for prefix in self.cell(cell).prefixes), *self.more.get(cell, ()))

    def families(self, a: str, b: str) -> frozenset[int]:
        """IP versions that shall pass between two cells."""
        if a == b:
            return frozenset({4, 6})
        pair = (a, b) if (a, b) in self.wanted else (b, a)
        fields = self.changed.get(pair, {})
        if pair not in self.wanted or not fields.get("enabled", True):
            return frozenset()
        return frozenset(int(family[3:]) for family in fields.get("families") or ("ipv4", "ipv6"))

    @property
    def joined(self) -> set[Pair]:
        """Connections that are wanted and not switched off."""
        return {pair for pair in self.wanted if self.families(*pair)}

    def until(self, holds: Callable[[], bool], within: float, what: str) -> float:
        """Seconds until it holds. Raises AssertionError after `within` seconds."""
        start = time.monotonic()
        while not holds():
            assert time.monotonic() - start < within, f"not within {within:g} s: {what}"
            time.sleep(0.05)
        return time.monotonic() - start

    def settled(self) -> str:
        """What is not as ordered yet, in the manager's words; empty when all is."""
        try:
            with Client.unix(str(self.lab.manager_socket), timeout=5.0) as api:
                there = {each.name: each for each in api.connections()}
        except ClientError as error:
            return str(error)
        wanted = {name_of(pair) for pair in self.wanted}
        problems = [f"{name} is not there" for name in sorted(wanted - set(there))]
        for name, each in sorted(there.items()):
            if name not in wanted:
                problems.append(f"{name} is still there: {each.explain()}")
            elif not each.enabled:
                # Gone from both gateways, and for some other pair nothing is said about it.
                if (each.provisioning_status, each.operating_status) != ("ACTIVE", "OFFLINE"):
                    problems.append(f"{name} is off and {each.provisioning_status} {each.operating_status}")
            elif (each.provisioning_status, each.operating_status) != ("ACTIVE", "ONLINE"):
                problems.append(
                    f"{name} is {each.provisioning_status} {each.operating_status}: {each.explain()}"
                )
        return "; ".join(problems)

    def forgotten(self) -> list[str]:
        """Acknowledged changes that are not there."""
        there = self.ask(
            lambda api: {each.document["name"]: each.document for each in api.objects("connections")}
        )
        problems = [
            f"{name_of(pair)}: {field} is {there[name_of(pair)][field]!r}, and {value!r} was acknowledged"
            for pair, fields in sorted(self.changed.items())
            for field, value in fields.items()
            if there[name_of(pair)][field] != value
        ]
        ends = self.ask(lambda api: {e.document["name"]: e.document for e in api.objects("endpoints")})
        for cell in sorted(self.more):
            found = set(ends[endpoint_of(cell)]["prefixes"])
            if found != set(self.prefixes(cell)):
                problems.append(f"{cell}: prefixes {sorted(found)}, acknowledged {self.prefixes(cell)}")
        return problems

    def host_pairs(self) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        """(host, other host, the other's addresses) for all hosts that are to reach each other."""
        homes = [(cell.name, host) for cell in self.topology.cells for host in cell.hosts]
        return tuple(
            (
                host.name,
                other.name,
                tuple(str(a.ip) for a in other.addresses if a.version in self.families(home, away)),
            )
            for (home, host), (away, other) in itertools.permutations(homes, 2)
        )

    def strangers(self) -> tuple[tuple[str, str], ...]:
        """(host, an address it must not reach) for each pair of cells without a connection."""
        first = {cell.name: cell.hosts[0] for cell in self.topology.cells if cell.hosts}
        return tuple(
            (first[a].name, str(address.ip))
            for a, b in itertools.permutations(first, 2)
            for address in first[b].addresses
            if address.version not in self.families(a, b)
        )


def version(prefix: str) -> int:
    """4 or 6."""
    return ip_network(prefix).version


def _create_endpoint(api: Client, cell: str) -> None:
    api.create_endpoint(endpoint_of(cell), cell=cell)


def name_of(pair: Pair) -> str:
    """Name of the connection of two cells."""
    return f"{pair[0]}-{pair[1]}"


def endpoint_of(cell: str) -> str:
    """Name of a cell's endpoint."""
    return f"{cell}-ep"
