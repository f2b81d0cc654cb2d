"""ovs-vswitchd's log, with lines as version 3.1.0 writes them."""

from __future__ import annotations

from datetime import UTC, datetime

from scenarios import switch_log

LOG = """\
2026-11-22T16:00:00.000Z|00001|vlog|INFO|opened log file /run/lab/logs/switch-main-gw1.log
2026-11-22T16:00:01.500Z|00002|bfd(monitor5)|INFO|wan1: BFD state change: up->down "No Diagnostic"->"Control Detection Time Expired".
	Forwarding: true
2026-11-22T16:00:02.000Z|00003|timeval|WARN|Unreasonably long 1023ms poll interval (3ms user, 2ms system)
2026-11-22T16:00:02.250Z|00004|ovs_rcu(urcu2)|WARN|blocked 1000 ms waiting for main to quiesce
2026-11-22T16:00:03.000Z|00005|bfd(monitor5)|WARN|wan2: long delay of 117ms (expected 10ms) sending BFD control message
not a line of the log
"""  # noqa: E501
ZERO = datetime(2026, 11, 22, 16, 0, 0, tzinfo=UTC).timestamp()


def test_stalls_with_their_lengths_on_the_monotonic_clock():
    stalls = switch_log.parse_stalls(LOG, "main-gw1", ZERO - 5000.0)
    assert [(round(stall.t, 3), stall.milliseconds) for stall in stalls] == [
        (5002.0, 1023),
        (5002.25, 1000),
        (5003.0, 117),
    ]
    assert {stall.node for stall in stalls} == {"main-gw1"}


def test_state_changes_of_bfd():
    (event,) = switch_log.parse_bfd(LOG, "main-gw1", ZERO)
    assert round(event.t, 3) == 1.5
    assert (event.source, event.kind) == ("switch/main-gw1", "bfd")
    assert event.detail == {
        "interface": "wan1",
        "was": "up",
        "state": "down",
        "diagnostic": "Control Detection Time Expired",
    }


def test_nothing_in_nothing():
    assert switch_log.parse_stalls("", "n", 0.0) == ()
    assert switch_log.parse_bfd("\n\n", "n", 0.0) == ()
