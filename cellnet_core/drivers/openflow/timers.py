"""BFD timers of WAN ports: what the switch's database says, what is to change, and the change.

The three keys of the column `bfd` and nothing else: whether BFD is on, and with whom, is the boot's business.
Open vSwitch agrees new timers with the far end by a Poll Sequence (RFC 5880 section 6.8.3) while the session
stays up. One transaction for all ports.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from cellnet_core.drivers.contract import Action, DriverUnavailableError, PortTimers
from cellnet_core.drivers.openflow import command, ovsdb
from cellnet_core.model.site import Site

KEYS: Final = {"min_tx": "min_tx_ms", "min_rx": "min_rx_ms", "mult": "multiplier"}
"""Key of the column to field of the value."""
RANGES: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {"bfd_min_tx_ms": (10, 10_000), "bfd_min_rx_ms": (10, 10_000), "bfd_multiplier": (2, 255)}
)
"""Below 10 ms a switch in user space misses its own packets; a multiplier of 1 takes one late packet for a
fault. The multiplier is a byte (RFC 5880 section 4.1)."""
_ORDER: Final = 25
"""After flows, which may be waited for, and before announcements."""
_PATIENCE: Final = 3.0
"""Seconds for the database to take the change and to tell of it."""


def seen(site: Site, database: ovsdb.Database | None) -> tuple[PortTimers, ...]:
    """The timers of each WAN port that has BFD switched on; of others, and of timers that are no numbers,
    nothing is known."""
    if database is None:
        return ()
    rows = ((port.interface, ovsdb.interface(database, port.interface)) for port in site.wan)
    found = (_of(name, row["bfd"]) for name, row in rows if row is not None)
    return tuple(timers for timers in found if timers is not None)


def _of(interface: str, column: Mapping[str, Any]) -> PortTimers | None:
    if column.get("enable") != "true":
        return None
    # A key that was taken away by hand counts as 0: no timer that anybody wants, so it is put right.
    values = (str(column.get(key, "0")) for key in KEYS)
    min_tx, min_rx, multiplier = (int(text) if text.isascii() and text.isdigit() else 0 for text in values)
    return PortTimers(interface, min_tx, min_rx, multiplier)


def actions(driver: str, wanted: Iterable[PortTimers], observed: Iterable[PortTimers]) -> tuple[Action, ...]:
    """What has to change; a port whose timers are not known is left alone."""
    known = {timers.interface: timers for timers in observed}
    return tuple(
        Action(driver, "modify", f"bfd {each.interface}", _reason(known[each.interface], each), _ORDER, each)
        for each in wanted
        if each.interface in known and known[each.interface] != each
    )


def _reason(now: PortTimers, then: PortTimers) -> str:
    changes = ", ".join(
        f"{key} {getattr(now, name)} -> {getattr(then, name)}"
        for key, name in KEYS.items()
        if getattr(now, name) != getattr(then, name)
    )
    return changes + (f", as {then.why}" if then.why else "")


def arguments(wanted: Iterable[PortTimers]) -> list[str]:
    """For ovs-vsctl: these keys only, so that BFD goes on."""
    found: list[str] = []
    for each in wanted:
        columns = [f"bfd:{key}={getattr(each, name)}" for key, name in KEYS.items()]
        found += ["--", "set", "interface", each.interface, *columns]
    return found


async def ensure(run_directory: Path, replica: ovsdb.Replica, wanted: Sequence[PortTimers]) -> None:
    """Make it so; returns when the switch has taken it and the replica knows. Raises
    DriverUnavailableError."""
    database = f"--db=unix:{run_directory}/db.sock"
    await command.run(["ovs-vsctl", database, f"--timeout={_PATIENCE:.0f}", *arguments(wanted)])

    def told(state: ovsdb.Database) -> bool:
        rows = ((each, ovsdb.interface(state, each.interface)) for each in wanted)
        return all(row is not None and _of(each.interface, row["bfd"]) == each for each, row in rows)

    try:
        await replica.wait(told, _PATIENCE)
    except TimeoutError as error:
        raise DriverUnavailableError(
            f"the database did not tell of new BFD timers within {_PATIENCE} s: observe again"
        ) from error
