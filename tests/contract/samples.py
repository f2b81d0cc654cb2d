"""Two gateways as the planner, the agent and the contract suite see them: sites, intents, neighbours."""

from __future__ import annotations

from ipaddress import ip_interface, ip_network
from uuid import UUID

from cellnet_core.model.site import Controller, Lan, OpenVSwitch, Site, Speaker, WanPort
from cellnet_core.model.wire import (
    ConnectionIntent,
    IntentDocument,
    PathIntent,
    ProfileIntent,
    RemoteIntent,
)
from cellnet_core.planner.seen import KernelNeighbor

CELLS = {"main": 1, "east": 2}


def mac(cell: str, port: int) -> str:
    """MAC of a gateway's port; 0 is the LAN's."""
    return f"02:00:00:{CELLS[cell]:02x}:00:{port:02x}"


def link_addresses(cell: str, path: int) -> tuple[str, str]:
    """A gateway's addresses on a path, one per family."""
    n = CELLS[cell]
    return f"172.16.0.{4 * (path - 1) + n}", f"fdce:11:ffff:{path}::{n}"


def prefixes(cell: str) -> tuple[str, str]:
    """What a cell announces."""
    return f"10.0.{CELLS[cell]}.0/24", f"fdce:11:0:{CELLS[cell]}::/64"


def health(cell: str) -> tuple[str, str]:
    """A cell's health addresses."""
    return f"10.0.{CELLS[cell]}.11", f"fdce:11:0:{CELLS[cell]}::11"


def site(cell: str = "main", state: str = "/nowhere", paths: int = 2) -> Site:
    """The site file of a cell's gateway."""
    n = CELLS[cell]
    v4, v6 = prefixes(cell)
    return Site(
        cell=cell,
        gateway=f"{cell}-gw1",
        kind="main" if n == 1 else "sub",
        uuid=UUID(int=n),
        asn=65000 + n,
        router_id=f"10.0.{n}.1",
        prefixes=(ip_network(v4), ip_network(v6)),
        manager_url="http://manager",
        state_directory=state,
        wan=tuple(
            WanPort(
                interface=f"wan{path}",
                l3_port=f"ip-wan{path}",
                mac=mac(cell, path),
                addresses=(
                    ip_interface(f"{link_addresses(cell, path)[0]}/30"),
                    ip_interface(f"{link_addresses(cell, path)[1]}/64"),
                ),
            )
            for path in range(1, paths + 1)
        ),
        lan=Lan(
            interfaces=("lan1",),
            l3_port="ip-lan",
            router_mac=mac(cell, 0),
            addresses=(ip_interface(f"10.0.{n}.1/24"), ip_interface(f"fdce:11:0:{n}::1/64")),
            health_addresses=(ip_interface(f"{health(cell)[0]}/32"), ip_interface(f"{health(cell)[1]}/128")),
        ),
        ovs=OpenVSwitch(run_directory="/nowhere/ovs", datapath_id=n),
        controller=Controller(target="tcp:192.168.254.2:6653", socket="/nowhere/controller.sock"),
        speaker=Speaker(directory="/nowhere/speaker"),
    )


def connection(
    cell: str = "main",
    peer: str = "east",
    paths: int = 2,
    revision: int = 1,
    phase: str = "present",
    hold_down: float = 3.0,
) -> ConnectionIntent:
    """The connection of the two cells, from one side."""
    return ConnectionIntent(
        id="c-1",
        name="main-east",
        revision=revision,
        phase="absent" if phase == "absent" else "present",
        families=("ipv4", "ipv6"),
        profile=ProfileIntent(hold_down=hold_down),
        remote=RemoteIntent(
            cell=peer,
            asn=65000 + CELLS[peer],
            prefixes=prefixes(peer),
            health_addresses=health(peer),
        ),
        prefixes=prefixes(cell),
        paths=tuple(
            PathIntent(
                name=f"main-east-{path}",
                interface=f"wan{path}",
                local_addresses=link_addresses(cell, path),
                remote_addresses=link_addresses(peer, path),
                passive=CELLS[cell] > CELLS[peer],
            )
            for path in range(1, paths + 1)
        ),
    )


def intent(
    *connections: ConnectionIntent, generation: int = 1, owner: str = "m-1", confirmed_empty: bool = False
) -> IntentDocument:
    """An intent of these connections."""
    return IntentDocument(
        owner=owner, generation=generation, confirmed_empty=confirmed_empty, connections=connections
    )


def kernel_neighbors(peer: str = "east", paths: int = 2, hosts: int = 1) -> tuple[KernelNeighbor, ...]:
    """What the kernel of the other cell's gateway knows: the far ends of all paths, and its own hosts."""
    own = next(cell for cell in CELLS if cell != peer)
    ends = [
        KernelNeighbor(f"ip-wan{path}", address, mac(peer, path))
        for path in range(1, paths + 1)
        for address in link_addresses(peer, path)
    ]
    found = [
        KernelNeighbor("ip-lan", f"10.0.{CELLS[own]}.{20 + host}", f"02:00:00:{CELLS[own]:02x}:01:{host:02x}")
        for host in range(1, hosts + 1)
    ]
    return tuple(sorted(ends + found))
