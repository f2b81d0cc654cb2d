"""What the switch's database says of the WAN ports; pure."""

from __future__ import annotations

from typing import Any, Final

from cellnet_core.drivers.contract import PortStatus
from cellnet_core.drivers.openflow import ovsdb
from cellnet_core.model.site import Site

_BFD_STATES: Final = ("admin_down", "down", "init", "up")


def statuses(site: Site, database: ovsdb.Database | None) -> tuple[PortStatus, ...]:
    """The status of each WAN port, in the site's order; unknown where the database does not say.

    Pass None when the switch is not running: the database then still holds what it said last.
    """
    return tuple(_status(port.interface, port.bfd is not None, database) for port in site.wan)


def _status(name: str, with_bfd: bool, database: ovsdb.Database | None) -> PortStatus:
    row = ovsdb.interface(database, name) if database is not None else None
    if row is None:
        return PortStatus(name, None, None if with_bfd else "off")
    link = ovsdb.optional(row["link_state"])
    link_up = None if link is None else link == "up"
    if not with_bfd:
        return PortStatus(name, link_up, "off", int(ovsdb.optional(row["link_resets"]) or 0))
    status: dict[str, Any] = row["bfd_status"]
    state = status.get("state")
    # `flap_count` counts every change of `forwarding`, starting with the first up: each second one is a down.
    flaps = int(status.get("flap_count", 0)) // 2
    return PortStatus(name, link_up, state if state in _BFD_STATES else None, flaps)
