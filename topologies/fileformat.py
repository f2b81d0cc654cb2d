"""The YAML file format of topologies: reading.

`load` reports everything that is wrong with a file at once: first what does not fit the published schema
(`topology.schema.json`), then, for all that could be read, what the checks find. Writing is in `render`.
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path as FilePath
from typing import Any

from topologies import assembly, checks, findings, schema_findings, yaml_source
from topologies.errors import Problem, TopologyError
from topologies.model import CellKind, HostRole, Topology
from topologies.specs import CellSpec, HostSpec, LinkSpec, Path, RouterSpec, TopologySpec

SCHEMA_FILE = "topology.schema.json"


def schema() -> dict[str, Any]:
    """The published JSON Schema (2020-12) of the file format."""
    text = resources.files("topologies").joinpath(SCHEMA_FILE).read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def load(text: str, filename: str = "topology.yaml") -> Topology:
    """The topology that a file describes. Raises TopologyError with every problem and its line."""
    source = yaml_source.parse(text, filename)
    misfits = schema_findings.find(source.value, schema())
    unreadable = {finding.path for finding in misfits}
    if () in unreadable:  # no mapping at all: nothing more can be said
        raise TopologyError(findings.report(misfits, filename, source.locate))
    spec = _topology(_Readable(unreadable), source.value)
    found = [*misfits, *checks.check(spec, unreadable)]
    if found:
        raise TopologyError(findings.report(found, filename, source.locate))
    return assembly.assemble(spec)


def read(path: FilePath) -> Topology:
    """`load` of a file. Raises TopologyError also if it cannot be opened or is no text."""
    try:
        if path.stat().st_size > yaml_source.MAX_BYTES:
            raise _unreadable(path, f"is larger than {yaml_source.MAX_BYTES} bytes; split the topology")
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise _unreadable(path, "is no text in UTF-8; save it as UTF-8") from error
    except OSError as error:
        raise _unreadable(path, f"cannot be read: {error.strerror}; check name and permissions") from error
    return load(text, str(path))


def _unreadable(path: FilePath, fact: str) -> TopologyError:
    return TopologyError([Problem(f"the file {fact}", file=str(path))])


class _Readable:
    """Gives values that fit the schema, and stand-ins for those that do not (they are reported already)."""

    def __init__(self, unreadable: set[Path]) -> None:
        self._unreadable = unreadable

    def get(self, mapping: dict[str, Any], key: str, path: Path, default: Any) -> Any:
        return default if (*path, key) in self._unreadable else mapping.get(key, default)

    def items(self, values: list[Any], path: Path, default: Any) -> list[Any]:
        """The entries; a default keeps the place of each unreadable one, so that positions stay true."""
        return [
            default if (*path, index) in self._unreadable else value for index, value in enumerate(values)
        ]


def _topology(readable: _Readable, data: dict[str, Any]) -> TopologySpec:
    cells = readable.items(readable.get(data, "cells", (), []), ("cells",), {})
    routers = readable.items(readable.get(data, "routers", (), []), ("routers",), {})
    links = readable.items(readable.get(data, "links", (), []), ("links",), {})
    return TopologySpec(
        name=readable.get(data, "name", (), ""),
        cells=tuple(_cell(readable, cell, ("cells", index)) for index, cell in enumerate(cells)),
        routers=tuple(_router(readable, router, ("routers", index)) for index, router in enumerate(routers)),
        links=tuple(_link(readable, link, ("links", index)) for index, link in enumerate(links)),
        parameters=readable.get(data, "parameters", (), {}),
    )


def _cell(readable: _Readable, data: dict[str, Any], path: Path) -> CellSpec:
    kind = readable.get(data, "kind", path, None)
    asn = readable.get(data, "asn", path, None)
    prefixes = readable.get(data, "prefixes", path, [])
    hosts = readable.get(data, "hosts", path, 1)
    return CellSpec(
        name=readable.get(data, "name", path, ""),
        kind=CellKind(kind) if kind is not None else None,
        asn=int(asn) if asn is not None else None,
        prefixes=tuple(readable.items(prefixes, (*path, "prefixes"), "")),
        gateways=int(readable.get(data, "gateways", path, 1)),
        hosts=tuple(
            _host(readable, host, (*path, "hosts", index))
            for index, host in enumerate(readable.items(hosts, (*path, "hosts"), {}))
        )
        if isinstance(hosts, list)
        else int(hosts),
    )


def _host(readable: _Readable, data: dict[str, Any], path: Path) -> HostSpec:
    addresses = readable.get(data, "addresses", path, [])
    role = readable.get(data, "role", path, None)
    return HostSpec(
        tuple(readable.items(addresses, (*path, "addresses"), "")),
        HostRole(role) if role is not None else None,
    )


def _router(readable: _Readable, data: dict[str, Any], path: Path) -> RouterSpec:
    asn = readable.get(data, "asn", path, None)
    return RouterSpec(
        name=readable.get(data, "name", path, ""),
        asn=int(asn) if asn is not None else None,
        daemon=readable.get(data, "daemon", path, "bird"),
    )


def _link(readable: _Readable, data: dict[str, Any], path: Path) -> LinkSpec:
    ends = readable.items(readable.get(data, "between", path, ["", ""]), (*path, "between"), "")
    return LinkSpec(ends[0], ends[1], int(readable.get(data, "paths", path, 1)))
