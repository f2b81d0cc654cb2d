"""Each rule of the verdicts, with the fault that it is there to catch planted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scenarios import verdicts
from scenarios.deadline import Met
from scenarios.machine import FalseAlarm, SwitchStall
from scenarios.measurements import Outage
from scenarios.values import Budget, Expectation, Verdict
from tests.unit.scenarios.stand_ins import BACK, BUSY, CONTROL, QUIET, THERE, saw

TIGHT = Budget(outage_ms=20, lost=20, outages=1, why="test")
LOSSLESS = Budget(lost=0, why="test")
CLEAN = saw(CONTROL)


def verdict_of(findings) -> Verdict:
    return verdicts.worst(finding.verdict for finding in findings)


def reasons(findings) -> str:
    return "\n".join(finding.reason for finding in findings)


def test_within_its_budget_a_step_passes_with_its_numbers():
    (finding,) = verdicts.judge(TIGHT, [saw(THERE, 7.0), saw(BACK), CLEAN], QUIET)
    assert finding.verdict is Verdict.PASS
    assert finding.reason == (
        "longest outage 7.0 ms, at most 7 packets of a flow lost (budget outage 20 ms, 20 lost, 1 outage)"
    )


def test_a_miss_on_a_quiet_machine_fails_and_names_the_worst_flow_once():
    (finding,) = verdicts.judge(TIGHT, [saw(THERE, 33.0), saw(BACK, 61.0), CLEAN], QUIET)
    assert finding.verdict is Verdict.FAIL
    assert finding.reason == (
        "east → main IPv4: outage of 61.0 ms, budget 20 ms (and 1 more flow); "
        "east → main IPv4: 61 packets lost, budget 20 (and 1 more flow), on a quiet machine"
    )


def test_a_second_outage_is_a_miss_however_short():
    findings = verdicts.judge(TIGHT, [saw(THERE, 5.0, 2.0), CLEAN], QUIET)
    assert verdict_of(findings) is Verdict.FAIL
    assert "2 outages, budget 1" in reasons(findings)


def test_limits_for_a_node_are_for_the_flows_to_it_and_for_no_others():
    turned = replace(TIGHT, towards={BACK.destination: Budget(outage_ms=250, why="turned by a provider")})
    (finding,) = verdicts.judge(turned, [saw(THERE, 7.0), saw(BACK, 61.0, 3.0), CLEAN], QUIET)
    assert finding.verdict is Verdict.PASS
    assert finding.reason.endswith(
        f"(budget outage 20 ms, 20 lost, 1 outage; to {BACK.destination} outage 250 ms)"
    )
    (finding,) = verdicts.judge(turned, [saw(THERE, 61.0), saw(BACK, 251.0), CLEAN], QUIET)
    assert finding.verdict is Verdict.FAIL
    assert finding.reason.startswith("main → east IPv4: outage of 61.0 ms, budget 20 ms; main → east")
    assert "east → main IPv4: outage of 251.0 ms, budget 250 ms" in finding.reason


SIGNS = {
    "pressure": (replace(QUIET, pressure=0.99), "CPU pressure 99%"),
    "others": (replace(QUIET, foreign=0.6), "other programs used 60%"),
    "hypervisor": (replace(QUIET, steal=0.1), "the hypervisor took 10.0%"),
    "switch": (
        replace(
            QUIET, stalls=(SwitchStall(1, "main-gw1", 180, "long delay"), SwitchStall(2, "main-gw1", 20, ""))
        ),
        "by 180 ms",
    ),
    "false alarm": (replace(QUIET, false_alarms=(FalseAlarm(1, "east-gw1", "wan2"),)), "east-gw1 wan2"),
}


@pytest.mark.parametrize("sign", SIGNS)
def test_the_same_miss_is_inconclusive_with_any_sign_of_a_stalled_machine(sign: str):
    machine, words = SIGNS[sign]
    (finding,) = verdicts.judge(TIGHT, [saw(THERE, 61.0), CLEAN], machine)
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.reason.count("but the machine was busy") == 1
    assert words in finding.reason


def test_a_late_sender_is_such_a_sign_too():
    late = saw(THERE, 61.0, lateness_p99_ms=6.0)
    assert verdict_of(verdicts.judge(TIGHT, [late, CLEAN], QUIET)) is Verdict.INCONCLUSIVE


def test_a_busy_machine_does_not_spoil_what_was_met():
    assert verdict_of(verdicts.judge(TIGHT, [saw(THERE, 7.0), CLEAN], BUSY)) is Verdict.PASS


LIES = {
    "more received than sent": saw(THERE, received=5000, lost=-1000),
    "sums": saw(THERE, lost=3),
    "loss without an outage": saw(THERE, received=3990, lost=10),
    "outage without its loss": saw(THERE, outages=(Outage(101, 30, 30),)),
    "a short outage of many packets": saw(THERE, received=3900, lost=100, outages=(Outage(101, 2.0, 100),)),
    "silence": saw(THERE, sent=0, received=0),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_probe_that_contradicts_itself_fails_even_on_a_busy_machine(lie: str):
    findings = verdicts.judge(LOSSLESS, [LIES[lie], CLEAN], BUSY)
    assert {finding.verdict for finding in findings} == {Verdict.FAIL}
    assert "the probe contradicts itself" in reasons(findings)


def test_a_lossy_control_flow_takes_the_pass_away():
    findings = verdicts.judge(TIGHT, [saw(THERE, 7.0), saw(CONTROL, 3.0)], QUIET)
    assert verdict_of(findings) is Verdict.INCONCLUSIVE
    assert "the harness itself loses packets" in reasons(findings)


def test_what_the_control_flow_lost_at_the_same_time_is_not_the_products():
    findings = verdicts.judge(LOSSLESS, [saw(THERE, 30.0), saw(CONTROL, 30.0)], QUIET)
    assert verdict_of(findings) is Verdict.INCONCLUSIVE
    assert "budget" not in reasons(findings)


def test_without_a_control_flow_nothing_passes():
    findings = verdicts.judge(TIGHT, [saw(THERE)], QUIET)
    assert verdict_of(findings) is Verdict.INCONCLUSIVE
    assert "no control flow" in reasons(findings)


def test_a_sender_below_its_rate_makes_the_measurement_void():
    slow = saw(THERE, sent=3000, received=3000)
    assert "the measurement is void" in reasons(verdicts.judge(LOSSLESS, [slow, CLEAN], QUIET))


def test_a_pause_in_which_an_outage_could_hide_takes_the_pass_away():
    paused = saw(THERE, lateness_max_ms=67.0)
    findings = verdicts.judge(LOSSLESS, [paused, CLEAN], QUIET)
    assert verdict_of(findings) is Verdict.INCONCLUSIVE
    assert "paused for 67 ms" in reasons(findings)


def test_a_pause_that_a_large_budget_covers_does_not():
    long_budget = Budget(outage_ms=3000, why="test")
    paused = saw(THERE, 700.0, lateness_max_ms=67.0)
    assert verdict_of(verdicts.judge(long_budget, [paused, CLEAN], QUIET)) is Verdict.PASS


def test_the_worst_verdict_counts_and_nothing_judged_is_a_failure():
    assert verdicts.worst([Verdict.PASS, Verdict.INCONCLUSIVE]) is Verdict.INCONCLUSIVE
    assert verdicts.worst([Verdict.INCONCLUSIVE, Verdict.FAIL, Verdict.PASS]) is Verdict.FAIL
    assert verdicts.worst([]) is Verdict.FAIL


LATE = Met(Expectation("status", "the connection is ONLINE", 30, of={"is": "ONLINE"}), False, 30.1, "OFFLINE")


def test_a_condition_that_did_not_come_true_fails_on_a_quiet_machine_only():
    (finding,) = verdicts.judge_step(None, [LATE], "", [], QUIET)
    assert finding.verdict is Verdict.FAIL
    assert finding.reason == ("not within 30 s: the connection is ONLINE (seen: OFFLINE), on a quiet machine")
    assert verdict_of(verdicts.judge_step(None, [LATE], "", [], BUSY)) is Verdict.INCONCLUSIVE


def test_what_the_stage_could_not_do_fails_however_busy_the_machine():
    (finding,) = verdicts.judge_step(TIGHT, [], "no such link", [], BUSY)
    assert (finding.verdict, finding.reason) == (Verdict.FAIL, "no such link")


def test_exit_statuses():
    assert [verdict.exit_status for verdict in (Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE)] == [
        0,
        1,
        3,
    ]
