"""Two gateways with real Open vSwitch and real controllers, two paths between them, one host each.

Runs inside a sandbox (`sandbox.py`): namespaces are held by sleeping processes, sockets of any node are made
in a thread that visits its namespace, and each gateway's driver lives in an event loop of its own there.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from cellnet_core.drivers.contract import (
    Adjacency,
    ForwardingIntent,
    ForwardingObservation,
    Hint,
    NextHop,
    Route,
)
from cellnet_core.drivers.openflow import OpenFlowGateway
from cellnet_core.model.clock import SystemClock
from cellnet_core.model.journal import NoJournal
from cellnet_core.model.site import Site
from tests.datapath import DATAPATH, DUMMY

T = TypeVar("T")
PATIENCE = 30.0
_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)


def until(condition: Callable[[], T], seconds: float = PATIENCE) -> T:
    """Wait for a condition; its value, or an AssertionError."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {condition}"
        time.sleep(0.01)
    return value


def accepts(path: Path) -> bool:
    """Whether somebody listens there: the file alone comes a little earlier."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


class Node:
    """A network namespace."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        own = Path("/proc/self/ns/net").stat().st_ino
        path = f"/proc/{self._holder.pid}/ns/net"
        until(lambda: Path(path).stat().st_ino != own)
        self.namespace = os.open(path, os.O_RDONLY)
        self.pid = self._holder.pid
        self.run("ip", "link", "set", "lo", "up")

    def enter(self) -> list[str]:
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net"]

    def run(self, *command: str, stdin: str = "", check: bool = True) -> str:
        done = subprocess.run(
            [*self.enter(), *command], input=stdin, capture_output=True, text=True, timeout=PATIENCE
        )
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def visit(self, action: Callable[[], T]) -> T:
        """Do something in this namespace, in a thread."""

        def work() -> T:
            setns(self.namespace)
            return action()

        with ThreadPoolExecutor(1) as thread:
            return thread.submit(work).result()

    def socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        return self.visit(lambda: socket.socket(family, kind, protocol))


def setns(descriptor: int) -> None:
    if _LIBC.setns(descriptor, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def cable(a: Node, port_a: str, b: Node, port_b: str, mac_b: str | None = None) -> None:
    """A veth pair between two nodes, up on both ends."""
    mac = ["address", mac_b] if mac_b else []
    near = ["ip", "link", "add", port_a, "netns", str(a.pid), "type", "veth"]
    subprocess.run([*near, "peer", "name", port_b, *mac, "netns", str(b.pid)], check=True)
    a.run("ip", "link", "set", port_a, "up")
    b.run("ip", "link", "set", port_b, "up")


class Gateway(Node):
    """A gateway node: Open vSwitch on an empty database, a controller, and the driver under test."""

    def __init__(self, cell: str, index: int, directory: Path, library: str, bfd_ms: int) -> None:
        super().__init__(f"{cell}-gw1")
        self.directory = directory / self.name
        self.directory.mkdir()
        self.library = library
        self.site = make_site(cell, index, self.directory, bfd_ms)
        self.environment = dict(
            os.environ,
            **dict.fromkeys(("OVS_RUNDIR", "OVS_DBDIR", "OVS_LOGDIR", "OVS_SYSCONFDIR"), str(self.directory)),
        )
        self.switch: subprocess.Popen[bytes] | None = None
        self.controller: subprocess.Popen[bytes] | None = None
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._serve, daemon=True).start()
        self.driver = self.call(self._make_driver())

    async def _make_driver(self) -> OpenFlowGateway:
        return OpenFlowGateway(self.site, SystemClock(), NoJournal())

    def _serve(self) -> None:
        setns(self.namespace)
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def call(self, work: Coroutine[Any, Any, T], seconds: float = PATIENCE) -> T:
        """Run a coroutine in the gateway's event loop, inside its namespace."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)

    def start_database(self) -> None:
        schema = "/usr/share/openvswitch/vswitch.ovsschema"
        subprocess.run(["ovsdb-tool", "create", self.directory / "conf.db", schema], check=True)
        self._spawn("ovsdb-server", "conf.db", f"--remote=punix:{self.directory}/db.sock")
        until(lambda: accepts(self.directory / "db.sock"))
        self.run("ovs-vsctl", f"--db=unix:{self.directory}/db.sock", "--no-wait", "init")

    def start_switch(self) -> None:
        self.switch = self._spawn("ovs-vswitchd", *DUMMY, f"unix:{self.directory}/db.sock", "--pidfile")

    def start_controller(self) -> None:
        socket_path = Path(self.site.controller.socket)
        socket_path.unlink(missing_ok=True)
        module = [sys.executable, "-m", "cellnet_core.openflow.controller_app", "--library", self.library]
        where = ["--listen", "127.0.0.1:6653", "--socket", str(socket_path)]
        journal = ["--journal", str(self.directory / "controller.jsonl")]
        with (self.directory / "controller.log").open("ab") as log:
            self.controller = subprocess.Popen(
                [*self.enter(), *module, *where, *journal], stdout=log, stderr=log
            )
        until(lambda: accepts(socket_path))

    def _spawn(self, *command: str) -> subprocess.Popen[bytes]:
        with (self.directory / f"{command[0]}.log").open("ab") as log:
            return subprocess.Popen(
                [*self.enter(), *command], env=self.environment, cwd=self.directory, stdout=log, stderr=log
            )

    def kill_switch(self) -> None:
        assert self.switch is not None
        self.switch.send_signal(signal.SIGKILL)
        self.switch.wait()

    def kill_controller(self) -> None:
        assert self.controller is not None
        self.controller.send_signal(signal.SIGKILL)
        self.controller.wait()

    def boot(self) -> tuple[str, ...]:
        return self.call(self.driver.boot())

    def observe(self) -> ForwardingObservation:
        return self.call(self.driver.observe())

    def observe_fresh(self) -> ForwardingObservation:
        return until(lambda: (seen := self.observe()).fresh and seen)

    def converge(self, intent: ForwardingIntent) -> int:
        """One plan, applied; the number of actions. The next plan is empty."""
        actions = self.driver.plan(intent, self.observe_fresh())
        outcomes = self.call(self.driver.apply(actions))
        assert all(outcome.status == "done" for outcome in outcomes), outcomes
        again = self.driver.plan(intent, self.observe_fresh())
        assert again == (), again
        return len(actions)

    def ofctl(self, *arguments: str, check: bool = True) -> str:
        command, *rest = arguments
        target = f"unix:{self.directory}/{self.site.ovs.bridge}.mgmt"
        return self.run("ovs-ofctl", "-O", "OpenFlow13", command, target, *rest, check=check)

    def overflowed(self) -> int:
        """Packets that the switch came too late for: its sockets on the ports were full."""
        return sum(map(int, re.findall(r"skmem:\([^)]*,d(\d+)\)", self.run("ss", "-0", "-H", "-n", "-m"))))

    def bfd_up(self) -> bool:
        return all(port.bfd == "up" for port in self.observe().ports)


def make_site(cell: str, index: int, directory: Path, bfd_ms: int, wan_ports: int = 2) -> Site:
    """A gateway's site, in the addresses of the lab."""
    mac = f"02:00:00:{index:02x}:00"
    end = 1 if index == 1 else 2
    return Site.model_validate(
        {
            "cell": cell,
            "gateway": f"{cell}-gw1",
            "kind": "main" if index == 1 else "sub",
            "uuid": "00000000-0000-4000-8000-000000000001",
            "asn": 65000 + index,
            "router_id": f"10.0.{index}.1",
            "prefixes": [f"10.0.{index}.0/24", f"fdce:11:0:{index}::/64"],
            "manager_url": "http://100.64.0.1:9790",
            "state_directory": str(directory),
            "wan": [
                {
                    "interface": f"wan{k}",
                    "l3_port": f"ip-wan{k}",
                    "mac": f"{mac}:1{k}",
                    "addresses": [f"172.16.{k}.{end}/30", f"fdce:11:ffff:{k}::{end}/64"],
                    "bfd": {"min_tx_ms": bfd_ms, "min_rx_ms": bfd_ms},
                }
                for k in range(1, wan_ports + 1)
            ],
            "lan": {
                "interfaces": ["lan1"],
                "l3_port": "ip-lan",
                "router_mac": f"{mac}:01",
                "addresses": [f"10.0.{index}.1/24", f"fdce:11:0:{index}::1/64"],
                "health_addresses": [f"10.0.{index}.11/24", f"fdce:11:0:{index}::11/64"],
            },
            "ovs": {"run_directory": str(directory), "datapath_type": DATAPATH, "datapath_id": index},
            "controller": {"target": "tcp:127.0.0.1:6653", "socket": str(directory / "controller.sock")},
            "speaker": {"directory": str(directory)},
        }
    )


class World:
    """main and east, two paths, a host each; booted, controllers connected, BFD up."""

    def __init__(self, library: str = "ryu", bfd_ms: int = 50) -> None:
        # 10 ms would give false alarms while other tests run beside this one.
        directory = Path(tempfile.mkdtemp(prefix="of-"))
        self.main = Gateway("main", 1, directory, library, bfd_ms)
        self.east = Gateway("east", 2, directory, library, bfd_ms)
        self.gateways = (self.main, self.east)
        self.hosts = (Node("main-h1"), Node("east-h1"))
        for k in (1, 2):
            cable(self.main, f"wan{k}", self.east, f"wan{k}")
        for index, (gateway, host) in enumerate(zip(self.gateways, self.hosts, strict=True), start=1):
            cable(gateway, "lan1", host, "eth0", host_mac(index))
            host.run("ethtool", "-K", "eth0", "tx", "off")
            for family, net in (("-4", f"10.0.{index}."), ("-6", f"fdce:11:0:{index}::")):
                length = 24 if family == "-4" else 64
                nodad = [] if family == "-4" else ["nodad"]
                host.run("ip", family, "addr", "add", f"{net}21/{length}", "dev", "eth0", *nodad)
                host.run("ip", family, "route", "add", "default", "via", f"{net}1")
            gateway.start_database()
            gateway.start_switch()

    def boot(self) -> tuple[tuple[str, ...], ...]:
        return tuple(gateway.boot() for gateway in self.gateways)

    def start(self) -> None:
        """Boot, start the controllers, wait for BFD."""
        self.boot()
        for gateway in self.gateways:
            gateway.start_controller()
        for gateway in self.gateways:
            until(gateway.bfd_up)

    def connect(self) -> None:
        """Both gateways forward to each other, wan1 preferred."""
        for gateway in self.gateways:
            gateway.converge(self.intent(gateway))

    def intent(
        self, gateway: Gateway, paths: tuple[int, ...] = (1, 2), adjacencies: bool = True, routes: bool = True
    ) -> ForwardingIntent:
        index = 1 if gateway is self.main else 2
        far = self.east if gateway is self.main else self.main
        hops = tuple(NextHop(f"wan{k}", gateway.site.wan[k - 1].mac, far.site.wan[k - 1].mac) for k in paths)
        lan = gateway.site.lan
        return ForwardingIntent(
            local_prefixes=tuple(map(str, gateway.site.prefixes)),
            local_addresses=tuple(str(each.ip) for each in (*lan.addresses, *lan.health_addresses)),
            adjacencies=tuple(Adjacency(address, host_mac(index)) for address in (host4(index), host6(index)))
            if adjacencies
            else (),
            routes=tuple(Route(str(prefix), hops) for prefix in far.site.prefixes) if routes else (),
        )


def host_mac(index: int) -> str:
    return f"02:00:00:0{index}:00:21"


def host4(index: int) -> str:
    return f"10.0.{index}.21"


def host6(index: int) -> str:
    return f"fdce:11:0:{index}::21"


async def collect(gateway: Gateway, hints: list[tuple[float, Hint]]) -> None:
    """Write down each hint of the driver and when it came, for ever."""
    async for hint in gateway.driver.watch():
        hints.append((time.monotonic(), hint))  # noqa: PERF401 - the time at which it came
