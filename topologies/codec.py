"""Whole topologies to plain JSON values and back, without loss.

For programs that store or send a topology: every derived address is in it, so that the reader derives
nothing. People write the YAML file format instead (`fileformat`).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from ipaddress import ip_interface, ip_network
from typing import Any

from topologies.errors import TopologyError
from topologies.model import (
    Cell,
    CellKind,
    Gateway,
    Host,
    HostRole,
    Interface,
    Link,
    LinkKind,
    Port,
    Router,
    Topology,
)

VERSION = 1
Json = dict[str, Any]


def to_dict(topology: Topology) -> Json:
    """The topology as JSON values: addresses and ids as text, datapath ids as numbers below 2**53."""
    return {
        "version": VERSION,
        "name": topology.name,
        "cells": [_cell_to(cell) for cell in topology.cells],
        "routers": [_router_to(router) for router in topology.routers],
        "links": [
            {"name": link.name, "kind": link.kind.value, "a": _port_to(link.a), "b": _port_to(link.b)}
            for link in topology.links
        ],
        "parameters": dict(topology.parameters),
    }


def from_dict(data: Mapping[str, Any]) -> Topology:
    """The topology that `to_dict` wrote. Raises TopologyError if it is from another version or broken."""
    version = data.get("version")
    if version != VERSION:
        raise TopologyError.of(
            f"a serialized topology of version {version!r} cannot be read; this program reads {VERSION}"
        )
    try:
        return Topology(
            name=data["name"],
            cells=tuple(_cell_from(cell) for cell in data["cells"]),
            links=tuple(
                Link(link["name"], LinkKind(link["kind"]), _port_from(link["a"]), _port_from(link["b"]))
                for link in data["links"]
            ),
            routers=tuple(Router(**router) for router in data["routers"]),
            parameters=dict(data["parameters"]),
        )
    except KeyError as error:
        raise TopologyError.of(f"a serialized topology lacks the field {error}") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise TopologyError.of(f"a serialized topology is broken: {error}") from error


def _texts(values: tuple[Any, ...]) -> list[str]:
    return [str(value) for value in values]


def _interfaces(texts: list[str]) -> tuple[Interface, ...]:
    return tuple(ip_interface(text) for text in texts)


def _router_to(router: Router) -> Json:
    return {
        "name": router.name,
        "asn": router.asn,
        "router_id": router.router_id,
        "daemon": router.daemon,
    }


def _port_to(port: Port) -> Json:
    return {
        "node": port.node,
        "name": port.name,
        "mac": port.mac,
        "addresses": _texts(port.addresses),
        "l3_port": port.l3_port,
        "link_mac": port.link_mac,
    }


def _port_from(data: Json) -> Port:
    return Port(**{**data, "addresses": _interfaces(data["addresses"])})


def _host_to(host: Host) -> Json:
    return {
        "name": host.name,
        "cell": host.cell,
        "mac": host.mac,
        "addresses": _texts(host.addresses),
        "routes_via": list(host.routes_via),
        "role": None if host.role is None else host.role.value,
    }


def _host_from(data: Json) -> Host:
    return Host(
        **{
            **data,
            "addresses": _interfaces(data["addresses"]),
            "routes_via": tuple(data["routes_via"]),
            "role": HostRole(data["role"]) if data.get("role") else None,
        }
    )


def _gateway_to(gateway: Gateway) -> Json:
    return {
        "name": gateway.name,
        "cell": gateway.cell,
        "index": gateway.index,
        "datapath_id": gateway.datapath_id,
        "lan_port": gateway.lan_port,
        "router_mac": gateway.router_mac,
        "lan_addresses": _texts(gateway.lan_addresses),
        "health_addresses": _texts(gateway.health_addresses),
        "router_id": gateway.router_id,
        "controller_node": gateway.controller_node,
    }


def _gateway_from(data: Json) -> Gateway:
    return Gateway(
        **{
            **data,
            "lan_addresses": _interfaces(data["lan_addresses"]),
            "health_addresses": _interfaces(data["health_addresses"]),
        }
    )


def _cell_to(cell: Cell) -> Json:
    return {
        "name": cell.name,
        "kind": cell.kind.value,
        "index": cell.index,
        "uuid": str(cell.uuid),
        "asn": cell.asn,
        "prefixes": _texts(cell.prefixes),
        "gateways": [_gateway_to(gateway) for gateway in cell.gateways],
        "hosts": [_host_to(host) for host in cell.hosts],
        "manager_node": cell.manager_node,
    }


def _cell_from(data: Json) -> Cell:
    return Cell(
        **{
            **data,
            "kind": CellKind(data["kind"]),
            "uuid": uuid.UUID(data["uuid"]),
            "prefixes": tuple(ip_network(prefix) for prefix in data["prefixes"]),
            "gateways": tuple(_gateway_from(gateway) for gateway in data["gateways"]),
            "hosts": tuple(_host_from(host) for host in data["hosts"]),
        }
    )
