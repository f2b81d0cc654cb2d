"""The pure parts of the gateway driver: what the database, nft and ovs-ofctl say, and what follows."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cellnet_core.drivers.contract import PortStatus
from cellnet_core.drivers.openflow import baseflows, ovsdb, ports, process, quiet, switch
from cellnet_core.model.clock import SystemClock
from tests.unit.openflow import samples

SITE = samples.site(1)


def database(**tables: dict[str, Any]) -> ovsdb.Database:
    return {table: tables.get(table, {}) for table in ovsdb.COLUMNS}


def interface(**columns: Any) -> dict[str, Any]:
    return {"name": "wan1", "link_state": "up", "link_resets": 0, "bfd_status": {}} | columns


def test_ports_are_what_the_database_says() -> None:
    up = {"state": "up", "forwarding": "true", "flap_count": "1"}
    again = {"state": "down", "forwarding": "false", "flap_count": "4"}
    rows = {"a": interface(bfd_status=up), "b": interface(name="wan2", link_state="down", bfd_status=again)}
    assert ports.statuses(SITE, database(Interface=rows)) == (
        PortStatus("wan1", True, "up", 0),
        PortStatus("wan2", False, "down", 2),
    )


def test_ports_are_unknown_without_a_switch_or_a_state() -> None:
    unknown = (PortStatus("wan1", None, None), PortStatus("wan2", None, None))
    assert ports.statuses(SITE, None) == unknown
    assert ports.statuses(SITE, database()) == unknown
    assert ports.statuses(SITE, database(Interface={"a": interface(link_state=())})) == unknown


def test_without_bfd_the_carrier_counts() -> None:
    wan = tuple(port.model_copy(update={"bfd": None}) for port in SITE.wan)
    site = SITE.model_copy(update={"wan": wan})
    rows = {"a": interface(link_state="down", link_resets=3)}
    assert ports.statuses(site, database(Interface=rows))[0] == PortStatus("wan1", False, "off", 3)


def complete() -> dict[str, dict[str, Any]]:
    """The database of a gateway that was booted."""
    site = SITE.ovs
    common = {"datapath_type": "netdev", "protocols": (), "other_config": {}, "controller": ()}
    common["external_ids"] = {switch.OWNER: switch.owner(SITE), "other": "kept"}
    wanted = switch.wanted_ports(SITE)
    rows = {
        f"i-{port.name}": {"name": port.name, "type": "", "mac": (), "ofport_request": (), "options": {}}
        | {"bfd": {}}
        | dict(port.columns)
        for port in wanted
    }
    own = {
        port.bridge: [f"p-{each.name}" for each in wanted if each.bridge == port.bridge] for port in wanted
    }
    return {
        "Bridge": {
            "b1": common
            | {
                "name": site.bridge,
                "fail_mode": "secure",
                "protocols": "OpenFlow13",
                "other_config": {"disable-in-band": "true", "datapath-id": "0" * 15 + "1", "mac-aging": "9"},
                "controller": "c1",
                "ports": tuple(own[site.bridge]),
            },
            "b2": common
            | {
                "name": site.integration_bridge,
                "fail_mode": "standalone",
                "ports": tuple(own[site.integration_bridge]),
            },
        },
        "Port": {f"p-{port.name}": {"name": port.name, "interfaces": f"i-{port.name}"} for port in wanted},
        "Interface": rows,
        "Controller": {
            "c1": {
                "target": SITE.controller.target,
                "connection_mode": "out-of-band",
                "max_backoff": 1000,
                "inactivity_probe": 3000,
            }
        },
    }


def test_a_complete_database_is_left_alone() -> None:
    assert switch.transaction(SITE, database(**complete())) == switch.Transaction()


def broken(change: Callable[[dict[str, dict[str, Any]]], None]) -> str:
    tables = complete()
    change(tables)
    return " ".join(switch.transaction(SITE, database(**tables)).arguments)


def test_only_what_is_wrong_is_put_right() -> None:
    def bfd_off(tables: dict[str, dict[str, Any]]) -> None:
        tables["Interface"]["i-wan2"]["bfd"] = {}

    def other_controller(tables: dict[str, dict[str, Any]]) -> None:
        tables["Controller"]["c1"]["target"] = "tcp:192.0.2.1:6653"

    def astray(tables: dict[str, dict[str, Any]]) -> None:
        tables["Bridge"]["b1"]["ports"] = tuple(
            port for port in tables["Bridge"]["b1"]["ports"] if port != "p-wan1"
        )
        tables["Bridge"]["b2"]["ports"] += ("p-wan1",)

    assert broken(bfd_off) == "-- set interface wan2 bfd={enable=true,min_tx=10,min_rx=10,mult=3}"
    assert broken(other_controller).startswith(
        "-- set-controller br-phy tcp:192.168.254.2:6653 -- set controller"
    )
    assert broken(astray).startswith(
        "-- del-port br-int wan1 -- --may-exist add-port br-phy wan1 -- set interface"
    )


def test_what_is_somebody_elses_is_named_and_not_touched() -> None:
    tables = complete()
    assert switch.foreign(SITE, database(**tables)) == ()
    tables["Bridge"]["b2"]["external_ids"] = {"neutron": "yes"}
    tables["Bridge"]["b9"] = {**tables["Bridge"]["b2"], "name": "br-vm", "ports": ("p-wan1",)}
    tables["Bridge"]["b1"]["ports"] = ()
    bridge, port = switch.foreign(SITE, database(**tables))
    assert bridge.startswith("bridge br-int is not cellnet's: name another in the site file")
    assert port == "port wan1 is in bridge br-vm: take it out of there, or name another port"
    tables["Bridge"]["b2"]["external_ids"] = {switch.OWNER: "east/east-gw1"}
    assert switch.foreign(SITE, database(**tables))[0].startswith("bridge br-int is east/east-gw1's")


LISTING = """table netdev cellnet-quiet {
\tchain port-0 {
\t\ttype filter hook ingress device "wan1" priority -500; policy drop;
\t}

\tchain port-1 {
\t\ttype filter hook ingress device "lan1" priority -500; policy drop;
\t}
}
"""


def test_nft_listings_are_read_strictly() -> None:
    assert quiet.dropping(LISTING) == {"wan1", "lan1"}
    assert quiet.dropping(LISTING.replace('device "wan1"', 'devices = { "wan1" }')) == {"wan1", "lan1"}
    assert quiet.dropping(LISTING.replace("policy drop;", "policy accept;", 1)) == {"lan1"}
    assert quiet.dropping(LISTING.replace("policy drop;", "policy drop;\n\t\taccept", 1)) == {"lan1"}
    assert quiet.dropping(LISTING.replace('device "lan1" ', "")) == {"wan1"}  # its device went away
    assert quiet.dropping("") == set()


def test_differences_of_base_flows_are_told_from_flows_of_others() -> None:
    output = (
        "-priority=200,arp,in_port=10 cookie=0xce11000100000000 actions=drop\n"
        "+priority=200,arp,in_port=10 cookie=0xce11000100000000 actions=output:11\n"
        "+priority=200,arp,in_port=12 cookie=0xce11000100000000 actions=output:13\n"
        "-priority=7,ip cookie=0xce11000100000000 actions=NORMAL\n"
        "-priority=5,arp actions=FLOOD\n"
        "-table=10 priority=192,ip,nw_dst=10.2.0.0/24 cookie=0xce11000300000001 actions=dec_ttl,group:1\n"
    )
    assert baseflows.parse_difference(output) == baseflows.Difference(2, ("priority=7,ip",))
    assert baseflows.parse_difference("") == baseflows.Difference(0, ())


def test_an_instance_is_a_living_switch_and_nothing_else(tmp_path: Path) -> None:
    assert process.instance(tmp_path) is None
    for text in ("", "no number", "999999999", f"{os.getpid()}"):  # this process is no ovs-vswitchd
        (tmp_path / "ovs-vswitchd.pid").write_text(text)
        assert process.instance(tmp_path) is None


async def serve(path: Path, messages: list[bytes], received: list[bytes]) -> asyncio.Server:
    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.read(65536))
        for message in messages:
            writer.write(message)
            await writer.drain()
            await asyncio.sleep(0)
        received.append(await reader.read(65536))
        writer.close()

    return await asyncio.start_unix_server(session, str(path))


def test_the_replica_follows_updates_that_come_in_pieces(tmp_path: Path) -> None:
    row = {"name": "wan1", "bfd_status": ["map", [["state", "up"]]], "link_state": ["set", []]}
    first = json.dumps({"id": 1, "error": None, "result": {"Interface": {"u": {"new": row}}}})
    echo = json.dumps({"id": "echo", "method": "echo", "params": []})
    new = row | {"bfd_status": ["map", [["state", "down"], ["note", "é"]]]}
    update = {"id": None, "method": "update", "params": [None, {"Interface": {"u": {"old": {}, "new": new}}}]}
    wire = (first + echo + json.dumps(update, ensure_ascii=False)).encode()
    pieces = [wire[start : start + 7] for start in range(0, len(wire), 7)]
    received: list[bytes] = []

    async def follow() -> ovsdb.Database:
        server = await serve(tmp_path / "db.sock", pieces, received)
        replica = ovsdb.Replica(tmp_path / "db.sock", SystemClock(), lambda _: None)
        task = asyncio.create_task(replica.run())
        try:
            return await replica.wait(
                lambda state: (ovsdb.interface(state, "wan1") or {})["bfd_status"].get("state") == "down", 5.0
            )
        finally:
            task.cancel()
            server.close()

    state = asyncio.run(follow())
    assert ovsdb.interface(state, "wan1") == {
        "name": "wan1",
        "bfd_status": {"state": "down", "note": "é"},
        "link_state": (),
    }
    assert json.loads(received[0])["method"] == "monitor"
    assert json.loads(received[1]) == {"id": "echo", "result": [], "error": None}


def test_the_replica_says_that_nobody_answers(tmp_path: Path) -> None:
    async def follow() -> None:
        replica = ovsdb.Replica(tmp_path / "db.sock", SystemClock(), lambda _: None)
        task = asyncio.create_task(replica.run())
        try:
            await replica.wait(lambda _: True, 0.3)
        finally:
            task.cancel()

    with pytest.raises(TimeoutError):
        asyncio.run(follow())
