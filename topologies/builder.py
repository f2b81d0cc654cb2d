"""Topologies in Python, in the order in which one would tell them.

    Builder("lab").cell("main", hosts=2).cell("east").direct("main", "east", paths=2).build()

A builder is itself a value: every call returns a new one, so that a half-built network can be shared and
extended in several ways. Nothing is checked before `build`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from topologies import assembly, checks, findings
from topologies.errors import TopologyError
from topologies.model import CellKind, Topology
from topologies.specs import CellSpec, HostSpec, LinkSpec, RouterSpec, TopologySpec


@dataclass(frozen=True, slots=True, init=False)
class Builder:
    """Collects what a topology shall hold; `build` derives everything that was not said."""

    spec: TopologySpec

    def __init__(self, name: str, parameters: dict[str, Any] | None = None) -> None:
        """`parameters` says how the topology was made; it ends up in reports."""
        object.__setattr__(self, "spec", TopologySpec(name, parameters=dict(parameters or {})))

    def _with(self, spec: TopologySpec) -> Builder:
        new = object.__new__(Builder)
        object.__setattr__(new, "spec", spec)
        return new

    def cell(
        self,
        name: str,
        *,
        hosts: int | Sequence[Sequence[str] | HostSpec] = 1,
        kind: CellKind | None = None,
        asn: int | None = None,
        prefixes: Sequence[str] = (),
        gateways: int = 1,
    ) -> Builder:
        """Add a cell. The order of cells numbers them.

        `hosts` is a count, or for each host its addresses (at most one per family; what is missing is
        derived) or a HostSpec, which may have a role. `kind` is by default main for a cell called "main" and
        sub for others. `prefixes` takes at most one prefix per family.
        """
        specs = hosts if isinstance(hosts, int) else tuple(map(_host, hosts))
        cell = CellSpec(name, kind, asn, tuple(prefixes), gateways, specs)
        return self._with(replace(self.spec, cells=(*self.spec.cells, cell)))

    def router(self, name: str, *, asn: int | None = None, daemon: str = "bird") -> Builder:
        """Add a provider's router to the WAN; `direct` then takes its name like that of a cell.

        `daemon` is what runs on it: "bird" or "frr". The order of routers numbers them.
        """
        router = RouterSpec(name, asn, daemon)
        return self._with(replace(self.spec, routers=(*self.spec.routers, router)))

    def direct(self, a: str, b: str, *, paths: int = 1) -> Builder:
        """Join two cells by parallel fibres between their gateways, in turn where a cell has several."""
        return self._with(replace(self.spec, links=(*self.spec.links, LinkSpec(a, b, paths))))

    def build(self) -> Topology:
        """The topology. Raises TopologyError with everything that is wrong with it."""
        found = checks.check(self.spec)
        if found:
            raise TopologyError(findings.report(found))
        return assembly.assemble(self.spec)


def _host(said: Sequence[str] | HostSpec) -> HostSpec:
    return said if isinstance(said, HostSpec) else HostSpec(tuple(said))
