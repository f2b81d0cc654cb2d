"""The report to the manager, from the view of the last round and the health checks. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import get_args

from cellnet_core.agent.view import ConnectionView, View
from cellnet_core.drivers.contract import Capabilities, Session
from cellnet_core.model import lineage
from cellnet_core.model.site import Site, WanPort
from cellnet_core.model.wire import (
    BgpState,
    ConditionReport,
    ConnectionReport,
    DriftReport,
    HealthReport,
    Inventory,
    OrderReport,
    PathIntent,
    PathReport,
    PeerInventory,
    PortInventory,
    ProcessReport,
    ReportDocument,
    SessionReport,
    TruthReport,
)
from cellnet_core.planner import drift
from cellnet_core.planner.drift import Drift
from cellnet_core.planner.seen import Standing

STATES: tuple[BgpState, ...] = get_args(BgpState)


LISTED = 200
"""Open drifts that a report names; `truth` has the number of all."""


def inventory(site: Site, *capabilities: Capabilities) -> Inventory:
    """What the site offers to endpoints, and what the drivers can and cannot do."""
    return Inventory(
        asn=site.asn,
        router_id=site.router_id,
        prefixes=tuple(str(prefix) for prefix in site.prefixes),
        health_addresses=tuple(str(interface.ip) for interface in site.lan.health_addresses),
        ports=tuple(
            PortInventory(
                interface=port.interface,
                addresses=tuple(str(a) for a in port.addresses),
                peer=_peer(port),
            )
            for port in site.wan
        ),
        capabilities={answer.driver: dict(answer.supports) for answer in capabilities},
        ranges={answer.driver: dict(answer.ranges) for answer in capabilities if answer.ranges},
    )


def _peer(port: WanPort) -> PeerInventory | None:
    if port.peer is None:
        return None
    return PeerInventory(
        name=port.peer.name,
        asn=port.peer.asn,
        addresses=tuple(str(address) for address in port.peer.addresses),
        passive=port.peer.passive,
    )


def document(
    view: View,
    offer: Inventory,
    agent_id: str,
    sequence: int,
    health: Callable[[str], tuple[HealthReport, ...]],
    orders: Mapping[str, OrderReport],
    now: float,
) -> ReportDocument:
    """Everything the agent sees, now. `orders`: what became of them, by id."""
    return ReportDocument(
        agent_id=agent_id,
        sequence=sequence,
        generation=-1 if view.intent is None else view.intent.generation,
        position=None if view.intent is None else lineage.position(view.intent),
        inventory=offer,
        processes=_processes(view),
        connections=tuple(
            _connection(view, connection, health(connection.intent.id), orders, now)
            for connection in view.connections
        ),
        drifts=tuple(_drift(found, now) for found in (*view.book.past, *view.book.open[:LISTED])),
        truth=_truth(view, now),
        reconcile_s=None if view.round_s is None else round(view.round_s, 6),
    )


def with_notice(report: ReportDocument, apart: str) -> ReportDocument:
    """The report, with what keeps agent and manager apart as a problem of every connection."""
    if not apart:
        return report
    notice = ConditionReport(type="IntentNotice", status="True", reason="WireVersionUnusable", message=apart)
    return report.model_copy(
        update={
            "connections": tuple(
                connection.model_copy(update={"conditions": (*connection.conditions, notice)})
                for connection in report.connections
            )
        }
    )


def significant(report: ReportDocument) -> object:
    """The part of a report whose change is news; the rest can wait for the next regular report."""
    return report.model_copy(
        update={
            "sequence": 0,
            "reconcile_s": None,
            "connections": tuple(
                connection.model_copy(
                    update={
                        "sessions": tuple(s.model_copy(update={"since_s": 0.0}) for s in connection.sessions),
                        "health": tuple((h.family, h.ok, h.known) for h in connection.health),
                        "sessions_age_s": connection.sessions_age_s is None,
                        "tables_age_s": connection.tables_age_s is None,
                    }
                )
                for connection in report.connections
            ),
            "drifts": tuple((d.id, d.action, d.message, d.over_s is None) for d in report.drifts),
            "truth": tuple((t.subject, t.status, t.differing) for t in report.truth),
        }
    )


def _processes(view: View) -> tuple[ProcessReport, ...]:
    return (
        ProcessReport(
            name="speaker",
            ok=view.speaker_fresh,
            message="" if view.speaker_fresh else "does not answer; sessions shown are the last known",
        ),
        ProcessReport(
            name="controller",
            ok=view.forwarding_fresh,
            message="" if view.forwarding_fresh else "tables cannot be read; flows stay as they are",
        ),
        ProcessReport(
            name="switch",
            ok=view.switch_known,
            message="" if view.switch_known else "WAN ports are not there; waiting to boot the gateway",
        ),
    )


def _age(at: float | None, now: float) -> float | None:
    return None if at is None else round(max(0.0, now - at), 3)


def _drift(found: Drift, now: float) -> DriftReport:
    return DriftReport(
        id=str(found.number),
        driver=found.driver,
        kind=found.kind,
        object=found.target,
        desired=drift.desired_text(found),
        observed=drift.observed_text(found),
        action=found.action,
        message=found.message,
        found_s=_age(found.found, now) or 0.0,
        over_s=_age(found.over, now),
    )


def _truth(view: View, now: float) -> tuple[TruthReport, ...]:
    """Speaker, flows and groups: as wanted, differing, or not known."""
    parts = {"speaker": 0, "flows": 0, "groups": 0}
    for found in view.book.open:
        part = {"flow": "flows", "group": "groups"}.get(found.kind, "speaker")
        parts[part] += found.action != "adopt"
    told = []
    for subject, differing in parts.items():
        speaker = subject == "speaker"
        fresh = view.speaker_fresh if speaker else view.forwarding_fresh
        at = view.speaker_at if speaker else view.forwarding_at
        status = "unknown" if not fresh else "differs" if differing else "as_wanted"
        told.append(TruthReport(subject=subject, status=status, differing=differing, age_s=_age(at, now)))
    return tuple(told)


def _connection(
    view: View,
    connection: ConnectionView,
    health: tuple[HealthReport, ...],
    orders: Mapping[str, OrderReport],
    now: float,
) -> ConnectionReport:
    sessions, paths = [], []
    for path in connection.intent.paths:
        session = view.sessions.get(path.session)
        if session is not None and connection.stage != "gone":
            sessions.append(_session(connection, path, session, now))
        port = view.ports.get(path.interface)
        hold = view.holds.get(path.name)
        paths.append(
            PathReport(
                path=path.name,
                interface=path.interface,
                link_up=None if port is None else port.link_up,
                bfd=None if port is None else port.bfd,
                held_down=hold is not None and hold.standing is Standing.HELD,
            )
        )
    return ConnectionReport(
        id=connection.intent.id,
        revision=connection.intent.revision,
        phase=connection.phase,
        sessions=tuple(sessions),
        paths=tuple(paths),
        health=health,
        learned=dict(connection.in_use),
        conditions=connection.conditions,
        stage=connection.stage.value,
        sessions_age_s=_age(view.speaker_at, now),
        tables_age_s=_age(view.forwarding_at, now),
        orders=tuple(orders[o.id] for o in connection.intent.orders if o.id in orders),
    )


def _session(connection: ConnectionView, path: PathIntent, session: Session, now: float) -> SessionReport:
    state = next((state for state in STATES if state == session.state.upper()), "IDLE")
    return SessionReport(
        path=path.name,
        local_address=path.local_addresses[0] if path.local_addresses else "",
        remote_address=path.remote_addresses[0] if path.remote_addresses else "",
        state=state,
        since_s=round(max(0.0, now - session.since), 3),
        last_error=session.last_error,
        hold_time=session.hold_time if state == "ESTABLISHED" else None,
        families=session.families,
        prefixes_received=dict(connection.received.get(path.name, {})),
        flaps=session.flaps,
    )
