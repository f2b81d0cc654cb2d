"""How the sessions of a connection look: one entry per path and side."""

from __future__ import annotations

from datetime import datetime, timedelta

from cellnet_core.manager import addresses, pairing
from cellnet_core.manager.standing import ConnectionView
from cellnet_core.northbound.fields import Output


class Session(Output):
    """A BGP session and its path, as one side sees them.

    `bgp_state` is that of RFC 4271, as last reported; `operating_status` is UNKNOWN when that report is too
    old to be taken for the present, ONLINE when ESTABLISHED, else OFFLINE. None: not reported.
    """

    path: str
    cell: str
    gateway: str
    interface: str
    local_address: str
    remote_address: str
    operating_status: str
    bgp_state: str | None
    since: datetime | None
    last_error: str | None
    hold_time: int | None
    families: tuple[str, ...]
    prefixes_received: dict[str, int]
    flaps: int
    link_up: bool | None
    bfd: str | None
    held_down: bool
    observed_at: datetime | None
    observed_age_s: float | None


def present_sessions(view: ConnectionView) -> list[Session]:
    """All sessions, by path, the local side first."""
    return [
        _present(view, position, number) for position in range(len(view.record.paths)) for number in (0, 1)
    ]


def _present(view: ConnectionView, position: int, number: int) -> Session:
    path, side, received = view.record.paths[position], view.sides[number], view.received[number]
    interface, near, far = path.local_interface, path.local_addresses, path.remote_addresses
    if number == 1:
        interface, near, far = path.remote_interface, far, near
    router = pairing.peer_at(side.endpoint, interface)
    if router is not None:
        # The session of a path via a provider is the one with its router.
        far = tuple(addresses.plain(address) for address in router.addresses)
    about = side.about(view.record)
    session = next((s for s in about.sessions if s.path == path.name), None) if about else None
    state = next((p for p in about.paths if p.path == path.name), None) if about else None
    status = "UNKNOWN"
    if side.fresh and session is not None:
        status = "ONLINE" if session.state == "ESTABLISHED" else "OFFLINE"
    return Session(
        path=path.name,
        cell=side.endpoint.cell_name,
        gateway=side.endpoint.gateway,
        interface=interface,
        local_address=near[0],
        remote_address=far[0],
        operating_status=status,
        bgp_state=session.state if session else None,
        since=received.wall - timedelta(seconds=session.since_s) if received and session else None,
        last_error=session.last_error if session else None,
        hold_time=session.hold_time if session else None,
        families=session.families if session else (),
        prefixes_received=session.prefixes_received if session else {},
        flaps=session.flaps if session else 0,
        link_up=state.link_up if state else None,
        bfd=state.bfd if state else None,
        held_down=state.held_down if state else False,
        observed_at=received.wall if received else None,
        observed_age_s=round(side.age, 3) if received else None,
    )
