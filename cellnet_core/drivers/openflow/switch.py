"""What the switch's database shall say, and the one ovs-vsctl transaction that makes it say so.

Pure: site and database in, arguments out. The controller is set in the same transaction as its bridge, since
Open vSwitch flushes all flows of a bridge that gets its first controller; base flows come after.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from cellnet_core.drivers.openflow import ovsdb
from cellnet_core.model.site import Interface, Site, WanPort
from cellnet_core.openflow import ports

NO_MACS: Final[Mapping[str, str]] = MappingProxyType({})
NO_TIMERS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType({})
_TIMERS: Final = ("min_tx", "min_rx", "mult")
_SHARED: Final = ("other_config", "external_ids")
_CONTROLLER: Final = {
    # A controller inside the bridge would bring hidden flows along; one that is gone is noticed in 3 s and
    # looked for every second.
    "connection_mode": "out-of-band",
    "max_backoff": 1000,
    "inactivity_probe": 3000,
}


@dataclass(frozen=True, slots=True)
class WantedPort:
    """A port with one interface of the same name, and the interface's columns."""

    bridge: str
    name: str
    columns: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Transaction:
    """Arguments for ovs-vsctl and, for people, what they change; both empty when all is well."""

    arguments: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()


OWNER: Final = "cellnet-gateway"
"""Key of a bridge's external_ids: whose it is. A bridge without it is somebody else's, whatever its name."""


def owner(site: Site) -> str:
    """What our bridges carry."""
    return f"{site.cell}/{site.gateway}"


def foreign(site: Site, database: ovsdb.Database) -> tuple[str, ...]:
    """What is somebody else's and would have to be touched; each with the remedy. Empty when nothing is."""
    found = []
    own = (site.ovs.bridge, site.ovs.integration_bridge)
    for name in own:
        row = _named(database, "Bridge", name)
        if row is None:
            continue
        whose = row["external_ids"].get(OWNER)
        if whose != owner(site):
            found.append(
                f"bridge {name} is {whose or 'not cellnet'}'s: name another in the site file (ovs.bridge, "
                f"ovs.integration_bridge), or, if it is this gateway's, "
                f"`ovs-vsctl set bridge {name} external_ids:{OWNER}={owner(site)}`"
            )
    for port in wanted_ports(site):
        home = _bridge_of(database, port.name)
        if home is not None and home not in own:
            found.append(f"port {port.name} is in bridge {home}: take it out of there, or name another port")
    return tuple(found)


def transaction(site: Site, database: ovsdb.Database, macs: Mapping[str, str] = NO_MACS) -> Transaction:
    """What is missing or wrong, and nothing else.

    `macs`: by WAN port, those of the providers' routers that the kernel has resolved.
    """
    commands: list[list[str]] = []
    changes: list[str] = []
    for name, columns in _bridges(site).items():
        row = _named(database, "Bridge", name)
        if row is None:
            commands.append(["--may-exist", "add-br", name])
        wrong = {key: value for key, value in columns.items() if not _says(row, key, value)}
        if wrong:
            commands.append(["set", "bridge", name, *_assignments(wrong)])
            changes.append(f"bridge {name}: {', '.join(sorted(wrong))}")
    known = {port.interface: mac for port in site.wan if (mac := _peer_mac(port, database, macs)) is not None}
    for port in wanted_ports(site, known, _timers(site, database)):
        home = _bridge_of(database, port.name)
        if home is not None and home != port.bridge:
            commands.append(["del-port", home, port.name])
        if home != port.bridge and port.name != port.bridge:
            commands.append(["--may-exist", "add-port", port.bridge, port.name])
        row = ovsdb.interface(database, port.name) if home == port.bridge else None
        wrong = {key: value for key, value in port.columns.items() if not _says(row, key, value)}
        if wrong:
            commands.append(["set", "interface", port.name, *_assignments(wrong)])
        if wrong or home != port.bridge:
            changes.append(f"port {port.name}: {', '.join(sorted(wrong)) or 'added'}")
    _controller(site, database, commands, changes)
    arguments: list[str] = []
    for command in commands:
        arguments += ["--", *command]
    return Transaction(tuple(arguments), tuple(changes))


def wanted_ports(
    site: Site,
    macs: Mapping[str, str] = NO_MACS,
    timers: Mapping[str, Mapping[str, str]] = NO_TIMERS,
) -> tuple[WantedPort, ...]:
    """Every port of both bridges. By WAN port: `macs` of providers' routers, `timers` of BFD that stay."""
    physical, integration = site.ovs.bridge, site.ovs.integration_bridge
    numbers = ports.number(site).numbers
    to_int, to_phy = ports.PATCH_TO_INTEGRATION, ports.PATCH_TO_PHYSICAL
    found = [
        WantedPort(
            physical,
            to_int,
            {"type": "patch", "options": {"peer": to_phy}, "ofport_request": numbers[to_int]},
        ),
        WantedPort(integration, to_phy, {"type": "patch", "options": {"peer": to_int}}),
        _l3(site, site.lan.l3_port, site.lan.router_mac, numbers[site.lan.l3_port]),
    ]
    for wan in site.wan:
        columns = {
            "ofport_request": numbers[wan.interface],
            "bfd": _bfd(wan, macs.get(wan.interface), timers.get(wan.interface, {})),
        }
        found.append(WantedPort(physical, wan.interface, columns))
        found.append(_l3(site, wan.l3_port, wan.mac, numbers[wan.l3_port]))
    found += [WantedPort(integration, name, {}) for name in site.lan.interfaces]
    beat = min((wan.bfd.min_tx_ms for wan in site.wan if wan.peer and wan.bfd), default=None)
    if beat is not None:
        found.append(WantedPort(physical, physical, _awake(beat)))
    return tuple(found)


def _awake(interval_ms: int) -> dict[str, Any]:
    """Columns of the bridge's own port that keep the switch awake for BFD: connectivity checks to nobody.

    While all BFD sessions are down Open vSwitch looks at them every 100 ms (ofproto-dpif-monitor.c), also
    when one has just come up and its packets are due every 10 ms. A router takes that gap for the next
    failure, ends BGP, and so on for seconds; another Open vSwitch does not. A port that checks sends whether
    anybody answers or not, so the switch looks each time; only this host's own device gets the frames.
    """
    return {"cfm_mpid": 1, "other_config": {"cfm_interval": str(interval_ms)}}


def _l3(site: Site, l3_port: str, mac: str, number: int) -> WantedPort:
    name = ports.at_switch(site, l3_port)
    internal = {"type": "internal", "mac": mac} if name == l3_port else {}
    return WantedPort(site.ovs.bridge, name, {**internal, "ofport_request": number})


def _timers(site: Site, database: ovsdb.Database) -> dict[str, dict[str, str]]:
    """The timers that ports with BFD have. They stay: the intent may want others than the site file."""
    found = {}
    for wan in site.wan:
        row = ovsdb.interface(database, wan.interface)
        if row is not None and row["bfd"].get("enable") == "true":
            found[wan.interface] = {key: row["bfd"][key] for key in _TIMERS if key in row["bfd"]}
    return found


def _bfd(wan: WanPort, peer_mac: str | None, present: Mapping[str, str]) -> dict[str, str]:
    """The column `bfd`.

    Another Open vSwitch takes BFD by whatever address; a router's kernel only what is sent to its own MAC and
    IPv4 address, so towards a router nothing is sent before its MAC is known.
    """
    bfd, peer = wan.bfd, wan.peer
    if bfd is None or (peer is not None and peer_mac is None):
        return {}
    timers = {"min_tx": bfd.min_tx_ms, "min_rx": bfd.min_rx_ms, "mult": bfd.multiplier}
    column = {"enable": "true"} | {name: str(value) for name, value in timers.items()} | dict(present)
    if peer is not None and peer_mac is not None:
        column |= {
            "bfd_src_ip": _ipv4(wan.addresses),
            "bfd_dst_ip": _ipv4(peer.addresses),
            "bfd_local_src_mac": wan.mac.lower(),
            "bfd_local_dst_mac": peer_mac,
        }
    return column


def _ipv4(addresses: Iterable[Interface]) -> str:
    return next(str(address.ip) for address in addresses if address.version == 4)


def _peer_mac(wan: WanPort, database: ovsdb.Database, macs: Mapping[str, str]) -> str | None:
    """The MAC of the router at a port: what the kernel sees, what the site file says, what was in use until
    now. The kernel forgets one whenever its link is cut; that is no reason to take BFD away."""
    if wan.peer is None:
        return None
    if (seen := macs.get(wan.interface)) is not None:
        return seen
    if wan.peer.mac is not None:
        return wan.peer.mac.lower()
    row = ovsdb.interface(database, wan.interface)
    return None if row is None else row["bfd"].get("bfd_local_dst_mac")


def _bridges(site: Site) -> dict[str, dict[str, Any]]:
    common = {"datapath_type": site.ovs.datapath_type, "external_ids": {OWNER: owner(site)}}
    return {
        site.ovs.bridge: {
            **common,
            "fail_mode": "secure",
            "protocols": "OpenFlow13",
            "other_config": {"disable-in-band": "true", "datapath-id": f"{site.ovs.datapath_id:016x}"},
        },
        site.ovs.integration_bridge: {**common, "fail_mode": "standalone"},
    }


def _controller(site: Site, database: ovsdb.Database, commands: list[list[str]], changes: list[str]) -> None:
    bridge = site.ovs.bridge
    row = _named(database, "Bridge", bridge)
    rows = [database["Controller"].get(uuid, {}) for uuid in ovsdb.as_set(row["controller"])] if row else []
    if [each.get("target") for each in rows] != [site.controller.target]:
        commands.append(["set-controller", bridge, site.controller.target])
        rows = []
    if not rows or not all(_says(rows[0], key, value) for key, value in _CONTROLLER.items()):
        commands.append(["set", "controller", bridge, *_assignments(_CONTROLLER)])
        changes.append(f"controller of {bridge}: {site.controller.target}")


def _named(database: ovsdb.Database, table: str, name: str) -> ovsdb.Row | None:
    return next((row for row in database[table].values() if row["name"] == name), None)


def _bridge_of(database: ovsdb.Database, port: str) -> str | None:
    for bridge in database["Bridge"].values():
        for uuid in ovsdb.as_set(bridge["ports"]):
            if database["Port"].get(uuid, {}).get("name") == port:
                return str(bridge["name"])
    return None


def _says(row: ovsdb.Row | None, column: str, value: Any) -> bool:
    """True if the column has the value. Other keys of shared columns may be somebody else's."""
    if row is None:
        return False
    current = row.get(column)
    if column in _SHARED:
        return isinstance(current, dict) and value.items() <= current.items()
    if isinstance(value, dict):
        return bool(current == value)
    return bool(ovsdb.as_set(current) == (value,))


def _quoted(text: str) -> str:
    """ovs-vsctl would read the colons of a MAC as a map."""
    return f'"{text}"' if ":" in text else text


def _assignments(columns: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for column, value in columns.items():
        if column in _SHARED:
            found += [f"{column}:{key}={text}" for key, text in value.items()]
        elif isinstance(value, dict):
            found.append(f"{column}={{{','.join(f'{key}={_quoted(text)}' for key, text in value.items())}}}")
        elif column == "mac":
            found.append(f"mac={_quoted(value)}")
        else:
            found.append(f"{column}={value}")
    return found
