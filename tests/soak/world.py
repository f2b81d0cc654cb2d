"""A lab with its manager, and the connections that are wanted there. Blocking calls, each bounded."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from cellnet_core.client import Client
from cellnet_core.client.errors import ApiError, ClientError, NotFoundError, UnreachableError
from simulator.client import LabClient
from topologies.model import Cell, LinkKind, Topology

T = TypeVar("T")
ANSWER_WITHIN = 30.0
"""Seconds in which a manager that was killed or frozen must answer again."""

Pair = tuple[str, str]


@dataclass
class World:
    """`wanted` are the pairs of cells that were connected last; each connection is called A-B."""

    lab: LabClient
    topology: Topology
    wanted: set[Pair] = field(default_factory=set)

    @classmethod
    def of(cls, lab: LabClient) -> World:
        """The world of a lab that is up; every cell gets an endpoint."""
        world = cls(lab, lab.show().topology)
        for cell in world.topology.cells:
            world.ask(lambda api, name=cell.name: api.create_endpoint(endpoint_of(name), cell=name))
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

        def delete(api: Client) -> None:
            try:
                api.delete_connection(name_of(pair))
            except NotFoundError:
                return  # the answer to an order before was lost

        self.ask(delete)

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
            elif (each.provisioning_status, each.operating_status) != ("ACTIVE", "ONLINE"):
                problems.append(
                    f"{name} is {each.provisioning_status} {each.operating_status}: {each.explain()}"
                )
        return "; ".join(problems)

    def reachable(self, a: str, b: str) -> bool:
        """Whether hosts of two cells are to reach each other: connections are not transitive."""
        return a == b or (a, b) in self.wanted or (b, a) in self.wanted

    def host_pairs(self) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        """(host, other host, the other's addresses) for all hosts that are to reach each other."""
        homes = [(cell.name, host) for cell in self.topology.cells for host in cell.hosts]
        return tuple(
            (host.name, other.name, tuple(str(address.ip) for address in other.addresses))
            for (home, host), (away, other) in itertools.permutations(homes, 2)
            if self.reachable(home, away)
        )

    def strangers(self) -> tuple[tuple[str, str], ...]:
        """(host, an address it must not reach) for each pair of cells without a connection."""
        first = {cell.name: cell.hosts[0] for cell in self.topology.cells if cell.hosts}
        return tuple(
            (first[a].name, str(address.ip))
            for a, b in itertools.permutations(first, 2)
            if not self.reachable(a, b)
            for address in first[b].addresses
        )


def name_of(pair: Pair) -> str:
    """Name of the connection of two cells."""
    return f"{pair[0]}-{pair[1]}"


def endpoint_of(cell: str) -> str:
    """Name of a cell's endpoint."""
    return f"{cell}-ep"
