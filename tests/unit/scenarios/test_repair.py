"""What repaired a fault: told from events and packets, never guessed."""

from __future__ import annotations

import pytest

from scenarios import repair, telling
from scenarios.measurements import Flow
from scenarios.outcomes import Struck
from scenarios.values import Event

from .sample import flow_measurement

FLOW = Flow("main → east IPv4", "main-h1", "east-h1", "10.0.1.21", "10.0.2.21", 1000)
CUT = {"kind": "cut", "link": "main-east-1"}
CRASH = {"kind": "crash", "service": "speaker@main-gw1"}


def measured(outage_ms=0.0):
    return (flow_measurement(FLOW, 99.0, 104.0, outage_ms, at=100.001),)


def bfd(t, node="east-gw1", interface="wan1", was="up", state="down"):
    return Event(t, f"switch/{node}", "bfd", {"interface": interface, "was": was, "state": state})


def struck(fault) -> tuple[Struck, ...]:
    return (Struck(fault, 100.0),)


def test_without_a_fault_nothing_is_claimed():
    assert repair.explain((), measured(), []) == repair.NOTHING


def test_a_silent_fault_was_found_by_bfd():
    told = repair.explain(struck({"kind": "blackhole", "link": "main-east-1"}), measured(26), [bfd(100.024)])
    assert told.text == "fast-failover group (BFD down on east-gw1 wan1, packets again after 26 ms)"


def test_a_cut_was_seen_by_the_carrier():
    gone = Event(100.009, "agent/main-gw1", "port", {"interface": "wan1", "link_up": False, "bfd": "up"})
    told = repair.explain(struck(CUT), measured(10), [gone, bfd(100.03)])
    assert told.text == "fast-failover group (no carrier on main-gw1 wan1, packets again after 10 ms)"


@pytest.mark.parametrize("events", [[], [bfd(99.5)], [bfd(103.0)], [bfd(100.02, was="init")]])
def test_no_detection_is_claimed_that_the_timeline_does_not_show(events):
    told = repair.explain(struck(CUT), measured(8), events)
    assert told.text == "fast-failover group (packets again after 8 ms)"


def test_a_restart_is_timed_from_the_end_of_the_process():
    events = [
        Event(100.01, "lab", "service-exit", {"service": "speaker@main-gw1"}),
        Event(100.02, "lab", "service-ready", {"service": "agent@main-gw1"}),
        Event(100.81, "lab", "service-ready", {"service": "speaker@main-gw1"}),
        Event(100.05, "agent/east-gw1", "bgp-route", {"stale": ["10.0.1.0/24", "fdce:11:0:1::/64"]}),
    ]
    told = repair.explain(struck(CRASH), measured(), events)
    assert told.text == (
        "nothing to repair: forwarding went on; supervisor restarted speaker@main-gw1 in 0.8 s; "
        "graceful restart kept 2 routes"
    )


def test_a_process_that_stays_away_is_told():
    events = [Event(100.01, "lab", "service-exit", {"service": "speaker@main-gw1"})]
    assert "has not come back" in repair.explain(struck(CRASH), measured(), events).text


def test_the_trail_goes_from_cause_to_effect_and_says_nothing_twice():
    events = [
        bfd(100.025, "main-gw1"),
        Event(100.0, "lab", "fault", {"fault": CUT}),
        bfd(100.024),
        bfd(100.0245),
        Event(99.0, "lab", "service-exit", {"service": "old"}),
        Event(100.3, "agent/main-gw1", "hint", {}),
    ]
    trail = repair.explain(struck(CUT), measured(26), events).trail
    assert [mark.text for mark in trail] == [
        "the fault takes hold",
        "east-gw1: BFD on wan1 is down",
        "main-gw1: BFD on wan1 is down",
        "packets arrive again (main → east IPv4)",
    ]


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (Event(0, "agent/a", "path", {"path": "p1", "event": "held"}), "a sees path p1 again"),
        (Event(0, "controller/controller-a", "group-mod", {"target": "group 1"}), "a writes group 1"),
        (Event(0, "agent/a", "boot", {"changes": []}), ""),
        (Event(0, "agent/a", "bgp-session", {"neighbor": "n", "state": "up"}), "a: session n is ESTABLISHED"),
        (Event(0, "manager", "connection.operating_status", {"message": "c: A (why)"}), "c: A"),
        (Event(0, "anything", "else", {}), ""),
    ],
)  # fmt: skip
def test_events_in_words(event, words):
    told = telling.tell(event)
    assert told.startswith(words)
    assert bool(told) == bool(words)


def test_a_freeze_that_cost_nothing_was_saved_by_the_last_resort():
    fault = {"kind": "freeze", "service": "switch@main-gw1", "seconds": 0.1}
    events = [bfd(100.027), bfd(100.029, interface="wan2")]
    assert repair.explain(struck(fault), measured(), events).text.startswith("last-resort bucket")
    assert repair.explain(struck(fault), measured(), events[:1]).text.startswith("nothing to repair")


def test_a_long_trail_keeps_its_milestones_its_beginning_and_its_end():
    crowd = [
        Event(100.5 + number / 10, "agent/main-gw1", "path", {"path": f"p{number}", "event": "down"})
        for number in range(40)
    ]
    events = [
        Event(100.0, "lab", "fault", {"fault": CUT}),
        *crowd,
        Event(106.0, "lab", "fault-cleared", {"fault": CUT}),
    ]
    trail = repair.explain(struck(CUT), measured(26), events).trail
    texts = [mark.text for mark in trail]
    assert len(texts) == repair.MOST_MARKS
    assert texts[0] == "the fault takes hold"
    assert texts[-1] == "the fault is taken away"
    assert any(text.startswith("packets arrive again") for text in texts)
    assert "main-gw1 stops using path p0" in texts
    assert "main-gw1 stops using path p39" in texts
    assert [mark.t for mark in trail] == sorted(mark.t for mark in trail)
