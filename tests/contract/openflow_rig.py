"""A real Open vSwitch and a real controller for the contract suite; the sandbox is the gateway's node."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from cellnet_core.drivers.openflow import OpenFlowGateway
from cellnet_core.model.clock import SystemClock
from cellnet_core.model.journal import NoJournal
from cellnet_core.model.site import Bfd, Controller, OpenVSwitch
from tests.contract import samples
from tests.contract.rigs import FORWARDING_WORDS, forwarding_intents
from tests.datapath import DATAPATH, DUMMY

START = 10.0
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"


async def until(condition: Callable[[], bool]) -> None:
    """Wait for it; bounded."""
    async with asyncio.timeout(START):
        while not condition():
            await asyncio.sleep(0.02)


class OpenFlow:
    """Open vSwitch on an empty database, a controller, and cables whose other ends lie loose."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._environment = dict(
            os.environ,
            **dict.fromkeys(("OVS_RUNDIR", "OVS_DBDIR", "OVS_LOGDIR", "OVS_SYSCONFDIR"), str(directory)),
        )
        self._switch: subprocess.Popen[bytes] | None = None
        site = samples.site(state=str(directory))
        self.site = site.model_copy(
            update={
                "wan": tuple(
                    port.model_copy(update={"bfd": Bfd(min_tx_ms=100, min_rx_ms=100)}) for port in site.wan
                ),
                "ovs": OpenVSwitch(run_directory=str(directory), datapath_type=DATAPATH, datapath_id=1),
                "controller": Controller(
                    target="tcp:127.0.0.1:6653", socket=str(directory / "controller.sock")
                ),
            }
        )

    async def prepare(self) -> None:
        """Cables, database server and controller."""
        for name in ("wan1", "wan2", "lan1"):
            self.run("ip", "link", "add", name, "type", "veth", "peer", "name", f"far-{name}")
            self.run("ip", "link", "set", name, "up")
            self.run("ip", "link", "set", f"far-{name}", "up")
        self.run("ovsdb-tool", "create", str(self._directory / "conf.db"), SCHEMA)
        self._spawn("ovsdb-server", "conf.db", f"--remote=punix:{self._directory}/db.sock")
        await until((self._directory / "db.sock").is_socket)
        self.run("ovs-vsctl", f"--db=unix:{self._directory}/db.sock", "--no-wait", "init")
        module = [sys.executable, "-m", "cellnet_core.openflow.controller_app", "--library", "os-ken"]
        where = ["--listen", "127.0.0.1:6653", "--socket", self.site.controller.socket]
        self._spawn(*module, *where, "--journal", str(self._directory / "controller.jsonl"), cwd=Path.cwd())
        await until(Path(self.site.controller.socket).is_socket)

    async def start(self) -> None:
        """ovs-vswitchd, unless it runs."""
        if self._switch is None:
            self._switch = self._spawn("ovs-vswitchd", *DUMMY, f"unix:{self._directory}/db.sock", "--pidfile")
            pid = f"{self._switch.pid}"
            file = self._directory / "ovs-vswitchd.pid"
            await until(lambda: file.exists() and file.read_text().strip() == pid)

    async def stop(self) -> None:
        """ovs-vswitchd dies."""
        if self._switch is not None:
            self._switch.kill()
            await asyncio.to_thread(self._switch.wait)
            self._switch = None

    async def rig(self) -> OpenFlowRig:
        await self.start()
        self.run("ip", "link", "set", "far-wan1", "up")
        return OpenFlowRig(self)

    def logs(self) -> str:
        return "\n".join(log.read_text(errors="replace")[-1500:] for log in self._directory.glob("*.log"))

    def run(self, *command: str) -> str:
        """A command's output; AssertionError with all it said."""
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=START)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def ofctl(self, command: str, *arguments: str) -> str:
        """ovs-ofctl on the bridge."""
        target = f"unix:{self._directory}/{self.site.ovs.bridge}.mgmt"
        return self.run("ovs-ofctl", "-O", "OpenFlow13", command, target, *arguments)

    def _spawn(self, *command: str, cwd: Path | None = None) -> subprocess.Popen[bytes]:
        with (self._directory / f"{Path(command[0]).name}.log").open("ab") as log:
            return subprocess.Popen(
                command, env=self._environment, cwd=cwd or self._directory, stdout=log, stderr=log
            )


class OpenFlowRig:
    """One driver on the gateway."""

    words = FORWARDING_WORDS
    patience = 15.0
    intents = forwarding_intents()

    def __init__(self, device: OpenFlow) -> None:
        self._device = device
        self.driver = OpenFlowGateway(device.site, SystemClock(), NoJournal())

    async def state(self) -> object:
        flows = self._device.ofctl("dump-flows", "--no-stats").splitlines()[1:]
        groups = self._device.ofctl("dump-groups").splitlines()[1:]
        return sorted(line.strip() for line in flows), sorted(line.strip() for line in groups)

    async def meddle(self) -> None:
        self._device.ofctl("del-flows", "ip,nw_dst=10.0.2.0/24")

    async def provoke(self) -> None:
        self._device.run("ip", "link", "set", "far-wan1", "down")

    async def stop(self) -> None:
        await self._device.stop()

    async def start(self) -> None:
        await self._device.start()


@asynccontextmanager
async def openflow(directory: Path) -> AsyncIterator[OpenFlow]:
    """See sandboxed.Device."""
    device = OpenFlow(directory)
    try:
        await device.prepare()
        yield device
    finally:
        await device.stop()
