"""Ports that went down: two witnesses, one loss; and which losses nobody ordered."""

from __future__ import annotations

import pytest

from scenarios.liveness import false_alarms, losses
from scenarios.outcomes import Struck
from scenarios.values import Event
from topologies import catalogue

TOPOLOGY = catalogue.build("two-cells", {"paths": 2})
EXPIRED = "Control Detection Time Expired"
CUT = {"kind": "cut", "link": "main-east-1"}


def logged(t: float, node: str, port: str, why: str = EXPIRED, was: str = "up") -> Event:
    detail = {"interface": port, "was": was, "state": "down", "diagnostic": why}
    return Event(t, f"switch/{node}", "bfd", detail)


def told(t: float, node: str, port: str, bfd: str, link_up: bool | None = True) -> Event:
    return Event(t, f"agent/{node}", "port", {"interface": port, "link_up": link_up, "bfd": bfd})


def test_a_loss_that_switch_and_agent_tell_is_one_loss():
    (loss,) = losses([told(10.03, "main-gw1", "wan1", "down"), logged(10.0, "main-gw1", "wan1")])
    assert (loss.t, loss.what, loss.diagnostic) == (10.0, "BFD", EXPIRED)


def test_the_agent_is_enough_where_the_log_is_silent():
    (loss,) = losses([told(10.03, "main-gw1", "wan1", "down"), told(10.5, "main-gw1", "wan1", "init")])
    assert (loss.t, loss.what, loss.diagnostic) == (10.03, "BFD", "")


def test_a_lost_carrier_is_told_as_what_it_is():
    events = [
        told(10.003, "main-gw1", "wan1", "up", link_up=False),
        logged(10.025, "main-gw1", "wan1"),
        told(10.031, "main-gw1", "wan1", "down", link_up=False),
    ]
    assert [(loss.t, loss.what) for loss in losses(events)] == [(10.003, "carrier"), (10.025, "BFD")]


def test_a_session_that_was_not_up_cannot_be_lost():
    assert losses([logged(10, "main-gw1", "wan1", was="init")]) == ()


def alarms(events, fault=None, injected=0.0) -> list[str]:
    faults = () if fault is None else (Struck(fault, injected),)
    return [f"{one.node} {one.interface}" for one in false_alarms(events, faults, TOPOLOGY)]


def test_without_a_fault_every_loss_is_a_false_alarm():
    assert alarms([logged(10, "main-gw1", "wan1")]) == ["main-gw1 wan1"]


def test_a_fault_explains_both_ends_of_its_own_link_and_no_other():
    events = [logged(10.03, "main-gw1", "wan1"), logged(10.03, "east-gw1", "wan1"),
              logged(10.04, "main-gw1", "wan2")]  # fmt: skip
    assert alarms(events, CUT, 10.0) == ["main-gw1 wan2"]
    assert "main-gw1 wan1" in alarms(events, CUT, 10.5)  # it went down before the fault


@pytest.mark.parametrize("service", ["speaker@main-gw1", "agent@east-gw1", "manager@main-mgr"])
def test_a_process_that_forwards_nothing_explains_nothing(service: str):
    events = [logged(10.1, "main-gw1", "wan1")]
    assert alarms(events, {"kind": "crash", "service": service}, 10.0) == ["main-gw1 wan1"]


def test_a_switch_that_was_stopped_explains_what_goes_down_soon_after_and_not_later():
    fault = {"kind": "freeze", "service": "switch@main-gw1", "seconds": 0.1}
    events = [logged(10.05, "east-gw1", "wan2"), logged(19.0, "east-gw1", "wan1")]
    assert alarms(events, fault, 10.0) == ["east-gw1 wan1"]


def test_a_session_that_was_taken_down_on_purpose_is_no_alarm():
    assert alarms([logged(10, "main-gw1", "wan1", why="Administratively Down")]) == []
