"""Causes: from an API request to the first good packet, and from a fault to its repair, link by link."""

from __future__ import annotations

from scenarios import causes
from scenarios.measurements import Outage
from scenarios.values import Event
from tests.unit.scenarios.stand_ins import THERE, saw
from topologies import catalogue

TOPOLOGY = catalogue.build("two-cells", {"paths": 2})
DPID = TOPOLOGY.cell("main").gateways[0].datapath_id
CUT = {"kind": "cut", "link": "main-east-1"}


def chain(events: list[Event]) -> list[tuple[str, str | None]]:
    """Each event's kind with that of its cause."""
    found = causes.link(events, TOPOLOGY)
    return [
        (event.kind, None if cause is None else events[cause].kind)
        for event, cause in zip(events, found, strict=True)
    ]


def of_agent(t: float, kind: str, **detail) -> Event:
    return Event(t, "agent/main-gw1", kind, detail)


def test_from_a_request_to_a_route_at_the_other_end():
    events = [
        Event(1.0, "lab", "change", {"do": "update", "resource": "endpoint", "name": "east-end"}),
        Event(1.1, "manager", "endpoint.updated", {"request": "req-1"}),
        Event(1.1, "manager", "intent.told", {"request": "req-1", "generations": {"main-gw1": 7}}),
        of_agent(1.2, "intent", generation=7, origin="manager", accepted=True),
        of_agent(1.25, "plan", number=3, woken_by=["intent"]),
        Event(1.3, "controller/controller-main-ctl1", "flow-mod", {"dpid": DPID, "target": "flow 10/192"}),
        of_agent(1.31, "bgp-announce", neighbor="main-east-1", announced=["10.9.0.0/24"]),
        of_agent(1.32, "action", plan=3, do="add flow"),
        Event(1.4, "agent/east-gw1", "bgp-route", {"neighbor": "main-east-1", "learned": ["10.9.0.0/24"]}),
    ]
    assert chain(events) == [
        ("change", None),
        ("endpoint.updated", "change"),
        ("intent.told", "endpoint.updated"),
        ("intent", "intent.told"),
        ("plan", "intent"),
        ("flow-mod", "plan"),
        ("bgp-announce", "plan"),
        ("action", "plan"),
        ("bgp-route", "bgp-announce"),
    ]


def test_from_a_fault_to_the_first_good_packet():
    cut = saw(THERE, start=9.0, end=14.0, outages=(Outage(10.001, 26.0, 26),), lost=26)
    events = [
        Event(10.0, "lab", "fault", {"fault": CUT}),
        Event(10.02, "switch/main-gw1", "bfd", {"interface": "wan1", "was": "up", "state": "down"}),
        of_agent(10.03, "port", interface="wan1", link_up=False, bfd="down"),
        of_agent(10.03, "hint", driver="openflow", about="port"),
        of_agent(10.1, "path", path="main-east-1", event="down"),
        of_agent(10.1, "plan", number=4, woken_by=["openflow: port"]),
        Event(11.5, "lab", "fault-cleared", {"fault": CUT}),
        of_agent(12.6, "port", interface="wan1", link_up=True, bfd="up"),
        *causes.of_probes([cut]),
    ]
    events.sort(key=lambda event: event.t)
    assert chain(events) == [
        ("fault", None),
        ("outage", "fault"),
        ("bfd", "fault"),
        ("packets-again", "bfd"),
        ("port", "bfd"),
        ("hint", "port"),
        ("path", "port"),
        ("plan", "path"),
        ("fault-cleared", "fault"),
        ("port", "fault-cleared"),
    ]


def test_a_service_that_was_killed_and_came_back():
    name = {"service": "switch@main-gw1"}
    events = [
        Event(1.0, "lab", "fault", {"fault": {"kind": "crash", **name}}),
        Event(1.01, "lab", "service-exit", name),
        Event(1.06, "lab", "service-start", name),
        Event(1.2, "lab", "service-ready", name),
        of_agent(1.3, "switch-started", instance="x"),
        of_agent(1.5, "boot", changes=["bridge"]),
    ]
    assert [cause for _, cause in chain(events)] == [
        None, "fault", "service-exit", "service-start", "service-start", "service-start",
    ]  # fmt: skip


def test_a_hold_timer_that_ended():
    fault = {"kind": "freeze", "service": "speaker@main-gw1"}
    far = {"neighbor": "main-east-1"}
    events = [
        Event(1.0, "lab", "fault", {"fault": fault}),
        Event(9.0, "agent/east-gw1", "bgp-notification", {**far, "direction": "send", "code": 4}),
        Event(9.0, "agent/east-gw1", "bgp-session", {**far, "state": "down"}),
        Event(9.01, "agent/east-gw1", "bgp-route", {**far, "withdrawn": ["10.0.1.0/24"]}),
    ]
    assert [cause for _, cause in chain(events)] == [None, "fault", "bgp-notification", "bgp-session"]


def test_no_link_is_invented():
    events = [
        of_agent(1.0, "plan", number=1, woken_by=["resync"]),
        of_agent(2.0, "port", interface="wan2", link_up=True, bfd="down"),  # a false alarm
        Event(3.0, "agent/east-gw1", "bgp-route", {"neighbor": "x", "learned": ["10.9.0.0/24"]}),
        Event(4.0, "speaker/main-gw1", "log", {"text": "hello"}),
        Event(5.0, "controller/x", "flow-mod", {"dpid": 1, "target": "flow"}),
    ]
    assert {cause for _, cause in chain(events)} == {None}
