"""A stretch is judged by what happened in it, as closely as anybody looked."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from simulator.probes import looks, summary
from simulator.probes.analysis import FlowRecord
from simulator.probes.flows import Flow
from simulator.probes.histogram import Histogram
from simulator.probes.load import Load, Reading
from simulator.probes.looks import Look, Looks
from simulator.probes.process import Status
from simulator.probes.reports import ProbeReport, distrust
from simulator.probes.state import State

FLOW = Flow("main-east-v4", "a", "b", "10.0.1.21", "10.0.2.21", 42000)
START = Reading(t=100.0, busy_s=0.0, steal_s=0.0, lab_s=0.0, stalled_s=0.0, processors=2)


def late(counts: dict[int, int]) -> list[tuple[int, int]]:
    """Items of a histogram of so many packets by milliseconds of lateness."""
    histogram = Histogram()
    for milliseconds, count in counts.items():
        for _ in range(count):
            histogram.add(milliseconds * 1000)
    return histogram.items()


def look(t: float, *, stolen: float = 0.0, on_time: int = 0, tardy: int = 0) -> Look:
    """Counters at second `t`: processor seconds stolen, packets that left at once and 9 ms late, by then."""
    return Look(replace(START, t=t, steal_s=stolen), {"a": late({0: on_time, 9: tardy})})


def burst(first: float, last: float) -> Looks:
    """A look each half second for 20 s. Meanwhile half of the machine was stolen, every packet late."""
    found = Looks(START)
    for step in range(1, 41):
        t = START.t + step / 2
        bad = max(min(t, last) - first, 0.0)
        found.add(look(t, stolen=bad, on_time=int(100 * (t - START.t - bad)), tardy=int(100 * bad)))
    return found


def reported(known: Looks | None, since: float | None, until: float | None) -> ProbeReport:
    end = burst(110.0, 111.0).around(100.0, 120.0).after
    said = Status("a", int(120e9), "sending", True, 1.0, end.late["a"], {}, {}, {}, {}, {}, {}, {})
    state = State(
        "probe",
        (FLOW,),
        7,
        started_ns=int(START.t * 1e9),
        processes={"a": "p1"},
        statuses={"a": {**asdict(said), "alive": True}},
        load_before=START,
        load_after=end.reading,
    )
    return summary.report(state, {0: FlowRecord()}, since, until, known)


def test_a_burst_in_the_stretch_is_told_whole_and_one_before_it_not_at_all() -> None:
    known = burst(110.0, 111.0)
    during, later = known.around(110.0, 111.0), known.around(112.0, 113.0)
    assert (during.load.steal, during.late("a").quantile_ms(0.5)) == (50.0, pytest.approx(9, rel=0.02))
    assert (later.load.steal, later.late("a").max_ms) == (0.0, 0.0)


def test_a_report_of_a_stretch_distrusts_what_happened_then_and_one_of_all_the_share_of_all() -> None:
    known = burst(110.0, 111.0)
    assert any("hypervisor took 50 %" in reason for reason in distrust(reported(known, 110.0, 111.0)))
    assert any("packets left a late" in reason for reason in distrust(reported(known, 110.0, 111.0)))
    assert distrust(reported(known, 112.0, 113.0)) == ()
    assert reported(known, None, None).load == Load(lab=0.0, foreign=0.0, steal=2.5, pressure=0.0)
    assert reported(None, 112.0, 113.0).load.steal == 2.5  # of a session that another process started


def test_less_than_a_second_is_never_judged_alone() -> None:
    around = burst(110.0, 111.0).around(115.2, 115.3)
    assert around.after.reading.t - around.before.reading.t >= looks.SHORTEST_S


def test_what_nobody_looked_at_is_judged_from_the_look_before_to_the_newest() -> None:
    known = Looks(START)
    assert known.around(101.0, 102.0).before == known.around(101.0, 102.0).after  # nothing is known yet
    known.add(look(104.0, stolen=1.0))
    around = known.around(103.0, 110.0)
    assert (around.before.reading.t, around.after.reading.t) == (100.0, 104.0)


def test_the_oldest_looks_are_forgotten_but_never_the_start() -> None:
    known = Looks(START)
    for number in range(looks.KEPT + 100):
        known.add(look(101.0 + number))
    assert known.around(101.0, 102.0).before.reading.t == START.t
    assert known.around(500.0, 502.0).before.reading.t == 500.0
