"""Sites and intents of a small full mesh of cells, for tests of the pipeline; addresses as in a lab."""

from __future__ import annotations

from functools import cache

from cellnet_core.drivers.contract import Adjacency, ForwardingIntent, NextHop, Route
from cellnet_core.model.site import Site


def wan_mac(cell: int, port: int) -> str:
    """MAC of a WAN l3 port."""
    return f"02:00:00:{cell:02x}:01:{port:02x}"


def router_mac(cell: int) -> str:
    return f"02:00:00:{cell:02x}:00:01"


def host_mac(cell: int) -> str:
    return f"02:00:00:{cell:02x}:00:21"


def host(cell: int, version: int) -> str:
    """Address of the cell's host."""
    return f"10.0.{cell}.21" if version == 4 else f"fdce:11:0:{cell}::21"


def prefixes(cell: int) -> tuple[str, str]:
    return (f"10.0.{cell}.0/24", f"fdce:11:0:{cell}::/64")


def port_to(cell: int, far: int, path: int, paths: int) -> int:
    """Number (from 1) of the WAN port of a cell on a path to another, in a full mesh."""
    index = far - 1 if far < cell else far - 2
    return index * paths + path


@cache
def site(cell: int, cells: int = 2, paths: int = 2) -> Site:
    """The site of a cell's gateway in a full mesh."""
    count = (cells - 1) * paths
    return Site.model_validate(
        {
            "cell": f"cell{cell}",
            "gateway": f"cell{cell}-gw1",
            "kind": "sub",
            "uuid": "00000000-0000-4000-8000-000000000001",
            "asn": 65000 + cell,
            "router_id": f"10.0.{cell}.1",
            "prefixes": prefixes(cell),
            "manager_url": "http://100.64.0.1:9790",
            "state_directory": "/run/lab/state",
            "wan": [
                {
                    "interface": f"wan{port}",
                    "l3_port": f"ip-wan{port}",
                    "mac": wan_mac(cell, port),
                    "addresses": [f"172.16.{cell}.{4 * port + 1}/30", f"fdce:11:ffff:{port}::{cell}/64"],
                }
                for port in range(1, count + 1)
            ],
            "lan": {
                "interfaces": ["lan1"],
                "l3_port": "ip-lan",
                "router_mac": router_mac(cell),
                "addresses": [f"10.0.{cell}.1/24", f"fdce:11:0:{cell}::1/64"],
                "health_addresses": [f"10.0.{cell}.11/24", f"fdce:11:0:{cell}::11/64"],
            },
            "ovs": {"run_directory": "/run/lab/ovs", "datapath_id": cell},
            "controller": {"target": "tcp:192.168.254.2:6653", "socket": "/run/lab/controller.sock"},
            "speaker": {"directory": "/run/lab/speaker"},
        }
    )


def hops(cell: int, far: int, cells: int = 2, paths: int = 2) -> tuple[NextHop, ...]:
    """Next hops of a cell to another, first path first."""
    return tuple(
        NextHop(
            f"wan{port_to(cell, far, path, paths)}",
            wan_mac(cell, port_to(cell, far, path, paths)),
            wan_mac(far, port_to(far, cell, path, paths)),
        )
        for path in range(1, paths + 1)
    )


def intent(cell: int, cells: int = 2, paths: int = 2) -> ForwardingIntent:
    """Everything reachable."""
    far = [other for other in range(1, cells + 1) if other != cell]
    return ForwardingIntent(
        local_prefixes=prefixes(cell),
        local_addresses=(
            f"10.0.{cell}.1",
            f"10.0.{cell}.11",
            f"fdce:11:0:{cell}::1",
            f"fdce:11:0:{cell}::11",
        ),
        adjacencies=(Adjacency(host(cell, 4), host_mac(cell)), Adjacency(host(cell, 6), host_mac(cell))),
        routes=tuple(
            Route(prefix, hops(cell, other, cells, paths)) for other in far for prefix in prefixes(other)
        ),
    )
