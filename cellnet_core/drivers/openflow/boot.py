"""Makes a gateway ready to talk to its neighbours: everything that must not depend on any controller.

Each step compares first and touches only what is missing or wrong, so the same call serves the first start,
a restart of the agent and a switch that was killed (its internal ports, their addresses and all flows are
then gone). The order matters: the kernel is quiet before a port is up, and the bridges are complete, their
controller included, before flows are written.
"""

from __future__ import annotations

import asyncio
import struct
from pathlib import Path
from typing import Final

from cellnet_core.drivers.contract import DriverUnavailableError
from cellnet_core.drivers.openflow import baseflows, cables, command, kernel, ovsdb, process, quiet, switch
from cellnet_core.model.clock import Clock
from cellnet_core.model.site import Site

_PATIENCE: Final = 5.0
"""Seconds for Open vSwitch to answer, and then for its internal ports to be there."""
_INTERVAL: Final = 0.01
_HELLO: Final = struct.pack("!BBHI", 4, 0, 8, 1)  # OpenFlow 1.3, OFPT_HELLO, length, xid


async def ensure(site: Site, replica: ovsdb.Replica, clock: Clock, changed: list[str]) -> None:
    """Do all of it; what changes is added to `changed` at once, so that it is known if a later step fails.

    Raises DriverUnavailableError if something is not there.
    """
    database = await _read(site, replica)
    if others := switch.foreign(site, database):
        raise DriverUnavailableError("nothing was touched: " + "; ".join(others))
    changed += await cables.ensure(site)
    want = kernel.wanted(site)
    absent = kernel.missing_links(quiet.physical_ports(site))
    if absent:
        raise DriverUnavailableError(f"no interface {', '.join(absent)}: check the names in the site file")
    changed += await quiet.ensure(site)
    changed += kernel.ensure_settings(want.before)
    changed += await _database(site, await _read(site, replica))
    await _internal_ports(site, want, clock)
    changed += kernel.ensure_settings(want.settings)
    changed += await kernel.ensure(want)
    changed += await baseflows.ensure(site)


async def _read(site: Site, replica: ovsdb.Replica) -> ovsdb.Database:
    try:
        return await replica.wait(lambda state: bool(state["Open_vSwitch"]), _PATIENCE)
    except TimeoutError as error:
        raise DriverUnavailableError(
            f"no database server answers on {site.ovs.run_directory}/db.sock: start ovsdb-server and "
            "`ovs-vsctl --no-wait init`"
        ) from error


async def _database(site: Site, database: ovsdb.Database) -> tuple[str, ...]:
    run_directory = Path(site.ovs.run_directory)
    wanted = switch.transaction(site, database, await kernel.router_macs(site))
    if wanted.arguments:
        # It returns when ovs-vswitchd has done it.
        timeout = f"--timeout={_PATIENCE:.0f}"
        await command.run(["ovs-vsctl", f"--db=unix:{run_directory}/db.sock", timeout, *wanted.arguments])
    return wanted.changes


async def _internal_ports(site: Site, want: kernel.Wanted, clock: Clock) -> None:
    """A switch that was just started makes its internal ports by itself, from its database."""
    management = Path(site.ovs.run_directory) / f"{site.ovs.bridge}.mgmt"
    deadline = clock.now() + _PATIENCE
    while True:
        running = process.instance(Path(site.ovs.run_directory))
        absent = kernel.missing_links(want.up)
        if running and not absent and await _answers(management):
            return
        if clock.now() > deadline:
            problem = f"no interface {', '.join(absent)}" if running else "ovs-vswitchd is not running"
            raise DriverUnavailableError(f"{problem} after {_PATIENCE} s: see the log of ovs-vswitchd")
        await clock.sleep(_INTERVAL)


async def _answers(socket: Path) -> bool:
    """Whether a switch says hello there; a killed one leaves its socket's file behind."""
    try:
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_unix_connection(str(socket))
            try:
                # Answered, and its own read, or the switch logs a warning at each look.
                writer.write(_HELLO)
                return bool(await reader.read(256))
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
