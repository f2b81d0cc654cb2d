"""Two machines with an Open vSwitch that serves others already, a third for the manager, and cables between.

No code of the lab: namespaces, daemons by their command lines, files as an operator writes them.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.daemon.openflow.world import Node, accepts, cable, host_mac, make_site, until

PROGRAMS = Path(sys.executable).parent
FOREIGN = "br-int"
"""What OpenStack's own bridge is called on most hosts."""
READY = 60.0


class Machine(Node):
    """A machine that an operator installs cellnet on."""

    def __init__(self, name: str, directory: Path) -> None:
        super().__init__(name)
        self.directory = directory / name
        self.directory.mkdir()
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, program: str, *arguments: str, notify: bool = True, **environment: str) -> None:
        """As systemd does: in the machine's namespace, until it says READY=1."""
        path = self.directory / f"{program}.notify"
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(str(path))
            listener.settimeout(READY)
            found = PROGRAMS / program
            with (self.directory / f"{program}.log").open("ab") as log:
                self.running[program] = subprocess.Popen(
                    [*self.enter(), str(found) if found.exists() else program, *arguments],
                    env=os.environ | {"NOTIFY_SOCKET": str(path)} | environment,
                    cwd=self.directory,
                    stdout=log,
                    stderr=log,
                )
            while notify:
                try:
                    if b"READY=1" in listener.recv(4096):
                        return
                except TimeoutError:
                    raise AssertionError(f"{program}: {self.log(program)}") from None

    def stop(self, program: str, signal: int) -> None:
        process = self.running.pop(program)
        process.send_signal(signal)
        process.wait(20)

    def log(self, program: str) -> str:
        return (self.directory / f"{program}.log").read_text(errors="replace")


class Gateway(Machine):
    """A machine whose Open vSwitch serves others: a bridge with ports, flows, a mirror and settings."""

    def __init__(self, cell: str, index: int, directory: Path) -> None:
        super().__init__(f"{cell}-gw1", directory)
        self.cell = cell
        self.ovs = self.directory / "openvswitch"
        self.ovs.mkdir()
        names = ("OVS_RUNDIR", "OVS_DBDIR", "OVS_LOGDIR", "OVS_SYSCONFDIR")
        self.environment = dict.fromkeys(names, str(self.ovs))
        schema = "/usr/share/openvswitch/vswitch.ovsschema"
        subprocess.run(["ovsdb-tool", "create", self.ovs / "conf.db", schema], check=True)
        socket_ = self.ovs / "db.sock"
        self.start(
            *("ovsdb-server", str(self.ovs / "conf.db"), f"--remote=punix:{socket_}"),
            notify=False,
            **self.environment,
        )
        until(lambda: accepts(socket_))
        self.vsctl("--no-wait", "init")
        self.start("ovs-vswitchd", f"unix:{socket_}", "--pidfile", notify=False, **self.environment)
        self.serve_others(index)

    def vsctl(self, *arguments: str) -> str:
        return self.run("ovs-vsctl", f"--db=unix:{self.ovs}/db.sock", *arguments)

    def ofctl(self, command: str, bridge: str, *arguments: str) -> str:
        return self.run(
            "ovs-ofctl", "-O", "OpenFlow13", command, f"unix:{self.ovs}/{bridge}.mgmt", *arguments
        )

    def serve_others(self, index: int) -> None:
        """What was there before cellnet."""
        self.run("ip", "link", "add", "vm1", "type", "veth", "peer", "name", "vm1-in")
        self.vsctl(
            *("set", "open_vswitch", ".", "external_ids:hostname=compute", "other_config:flow-limit=20000"),
            *("--", "add-br", FOREIGN, "--", "set", "bridge", FOREIGN, "datapath_type=netdev"),
            *("fail_mode=secure", "external_ids:owner=neutron", "protocols=OpenFlow13,OpenFlow10"),
            *("--", "add-port", FOREIGN, "vm1", "tag=7", "--", "set", "interface", "vm1"),
            *("external_ids:iface-id=9f6c", "ingress_policing_rate=100000"),
            *("--", "add-port", FOREIGN, "qr-1", "--", "set", "interface", "qr-1", "type=internal"),
        )
        for flow in (
            "table=0,priority=10,cookie=0x7,ip,nw_dst=192.0.2.9,actions=output:vm1",
            "table=0,priority=0,actions=NORMAL",
            "table=60,priority=5,arp,actions=resubmit(,61)",
            "table=61,actions=drop",
        ):
            self.ofctl("add-flow", FOREIGN, flow)
        self.ofctl("add-group", FOREIGN, "group_id=3,type=all,bucket=output:vm1")
        self.run("ip", "addr", "add", f"192.0.2.{index}/24", "dev", "qr-1")
        self.run("ip", "link", "set", "qr-1", "up")

    def foreign(self) -> str:
        """Everything of the others, to be compared byte by byte."""
        ports = self.vsctl("list-ports", FOREIGN).split()
        columns = {
            "Open_vSwitch": "_uuid,external_ids,other_config,manager_options,ssl",
            "Bridge": "_uuid,name,ports,fail_mode,protocols,external_ids,other_config,controller,mirrors,"
            "datapath_type",
            "Port": "_uuid,name,tag,trunks,qos,external_ids,other_config,interfaces",
            "Interface": "_uuid,name,type,ofport,ofport_request,external_ids,options,bfd,mac,"
            "ingress_policing_rate",
        }
        parts = [self.vsctl(f"--columns={columns['Open_vSwitch']}", "list", "open_vswitch", ".")]
        parts.append(self.vsctl(f"--columns={columns['Bridge']}", "list", "bridge", FOREIGN))
        for port in (FOREIGN, *ports):
            parts.append(self.vsctl(f"--columns={columns['Port']}", "list", "port", port))
            parts.append(self.vsctl(f"--columns={columns['Interface']}", "list", "interface", port))
        parts.append(self.ofctl("dump-flows", FOREIGN, "--no-stats"))
        parts.append(self.ofctl("dump-groups", FOREIGN))
        parts.append(self.run("ip", "-o", "-4", "addr", "show", "dev", "qr-1"))
        parts.append(self.run("ip", "route", "show", "table", "main", "default"))
        return "\n".join(parts)

    def flows(self) -> list[str]:
        """Our own flows and groups, without counters."""
        lines = self.ofctl("dump-flows", "br-phy", "--no-stats").splitlines()[1:]
        return sorted(lines) + sorted(self.ofctl("dump-groups", "br-phy").splitlines()[1:])


def site(gateway: Gateway, index: int, manager: str) -> dict[str, Any]:
    """The site file, as an operator of a machine that serves others writes it."""
    directory = gateway.directory
    document: dict[str, Any] = make_site(gateway.cell, index, directory, bfd_ms=100).model_dump(mode="json")
    document |= {
        "uuid": f"00000000-0000-4000-8000-00000000000{index}",
        "manager_url": f"https://{manager}:9790",
        "manager_ca": str(directory.parent / "ca.crt"),
        "enrolment_file": str(directory / "enrolment.token"),
        "state_directory": str(directory / "state"),
        "journal": str(directory / "agent.jsonl"),
        "speaker": {"directory": str(directory / "speaker")},
    }
    document["ovs"] |= {"run_directory": str(gateway.ovs), "integration_bridge": "br-cell"}
    document["lan"] |= {"routing_table": 52}
    return document


def wire(manager: Machine, gateways: tuple[Gateway, Gateway], hosts: tuple[Node, Node]) -> tuple[str, str]:
    """Cables and addresses of the machines. Returns the manager's address for each gateway."""
    main, east = gateways
    for number in (1, 2):
        cable(main, f"wan{number}", east, f"wan{number}")
    addresses = []
    for index, (gateway, host) in enumerate(zip(gateways, hosts, strict=True), start=1):
        cable(manager, f"to-{gateway.cell}", gateway, "mgmt0")
        near, far = f"198.51.100.{4 * index + 1}", f"198.51.100.{4 * index + 2}"
        manager.run("ip", "addr", "add", f"{near}/30", "dev", f"to-{gateway.cell}")
        gateway.run("ip", "addr", "add", f"{far}/30", "dev", "mgmt0")
        gateway.run("ip", "route", "add", "default", "via", near)  # the machine's own way to the world
        addresses.append(near)
        cable(gateway, "lan1", host, "eth0", host_mac(index))
        host.run("ethtool", "-K", "eth0", "tx", "off")
        for family, net in (("-4", f"10.0.{index}."), ("-6", f"fdce:11:0:{index}::")):
            length, nodad = ("24", []) if family == "-4" else ("64", ["nodad"])
            host.run("ip", family, "addr", "add", f"{net}21/{length}", "dev", "eth0", *nodad)
            host.run("ip", family, "route", "add", "default", "via", f"{net}1")
    return addresses[0], addresses[1]


def certificates(directory: Path, *addresses: str) -> None:
    """A test authority and the manager's certificate, by openssl."""
    names = ",".join(f"IP:{address}" for address in addresses)
    new = ("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    for command in (
        (*new, "-x509", "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=cellnet test authority"),
        (
            *(*new, "-x509", "-CA", "ca.crt", "-CAkey", "ca.key", "-keyout", "manager.key"),
            *("-out", "manager.crt", "-subj", "/CN=cellnet manager"),
            *("-addext", f"subjectAltName={names}", "-addext", "basicConstraints=critical,CA:FALSE"),
        ),
    ):
        subprocess.run(command, cwd=directory, check=True, capture_output=True)


def write(path: Path, document: Any) -> str:
    """A JSON file."""
    path.write_text(json.dumps(document, indent=1))
    return str(path)
