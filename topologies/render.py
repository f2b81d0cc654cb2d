"""The YAML file format of topologies: writing.

What `render` writes, `fileformat.load` reads back to an equal value. AS numbers and prefixes are always
written, because a reader wants to see them; hosts' addresses only where they are not the derived ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from ipaddress import IPv4Interface
from itertools import groupby
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from topologies import assembly, numbering
from topologies.model import Cell, Host, Link, LinkKind, Topology
from topologies.specs import HostSpec


def render(topology: Topology) -> str:
    """The topology as a file."""
    data = CommentedMap(name=topology.name)
    data["cells"] = [_cell(cell) for cell in topology.cells]
    if topology.routers:
        data["routers"] = [
            CommentedMap(name=router.name, asn=router.asn, daemon=router.daemon)
            for router in topology.routers
        ]
    links = [_flow_values(link) for link in _links(topology)]
    if links:
        data["links"] = links
    if topology.parameters:
        data["parameters"] = CommentedMap(topology.parameters)
    for key in list(data)[1:]:
        data.yaml_set_comment_before_after_key(key, before="\n")
    yaml = YAML(typ="rt")
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 110
    stream = StringIO()
    yaml.dump(data, stream)
    return stream.getvalue()


def _cell(cell: Cell) -> CommentedMap:
    data: dict[str, Any] = {
        "name": cell.name,
        "kind": cell.kind.value,
        "asn": cell.asn,
        "prefixes": [str(prefix) for prefix in cell.prefixes],
    }
    if len(cell.gateways) > 1:
        data["gateways"] = len(cell.gateways)
    hosts = [_host(cell, host, h) for h, host in enumerate(cell.hosts, 1)]
    data["hosts"] = [_flow_values(host) for host in hosts] if any(hosts) else len(hosts)
    return _flow_values(data)


def _host(cell: Cell, host: Host, h: int) -> dict[str, Any]:
    derived = assembly.host_addresses(HostSpec(), h, cell.prefixes)
    written = [str(address.ip) for address in host.addresses if address not in derived]
    said: dict[str, Any] = {"addresses": written} if written else {}
    return said if host.role is None else {"role": host.role.value, **said}


def _links(topology: Topology) -> Iterator[dict[str, Any]]:
    ends = {router.name: router.name for router in topology.routers}
    ends |= {gateway.name: cell.name for cell in topology.cells for gateway in cell.gateways}
    wan = sorted((link for link in topology.links if link.kind is LinkKind.WAN), key=_path)
    # The paths of one link are numbered one after the other.
    for (a, b), paths in groupby(wan, key=lambda link: (ends[link.a.node], ends[link.b.node])):
        yield {"between": [a, b], "paths": len(list(paths))}


def _path(link: Link) -> int:
    return next(
        numbering.wan_path(address) for address in link.a.addresses if isinstance(address, IPv4Interface)
    )


def _flow_values(data: dict[str, Any]) -> CommentedMap:
    """The mapping with its lists of texts on one line each: [10.0.1.0/24, fdce:11:0:1::/64]."""
    block = CommentedMap()
    for key, value in data.items():
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            line = CommentedSeq(value)
            line.fa.set_flow_style()
            block[key] = line
        else:
            block[key] = value
    if data.keys() <= {"role", "addresses"}:
        block.fa.set_flow_style()
    return block
