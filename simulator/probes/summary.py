"""From a session's state and its records to its report. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simulator.probes import load, paths
from simulator.probes.analysis import FlowRecord
from simulator.probes.flows import Flow
from simulator.probes.histogram import Histogram
from simulator.probes.looks import Between, Looks
from simulator.probes.paths import Carried, Run
from simulator.probes.reports import FlowReport, NodeReport, ProbeReport, StreamFigures
from simulator.probes.stalls import Stall
from simulator.probes.state import State, Watch

IN_FLIGHT_NS = 300_000_000
"""While flows run, packets younger than this are not judged: they may still arrive."""


def report(
    state: State,
    flows: Mapping[int, FlowRecord],
    since_s: float | None = None,
    until_s: float | None = None,
    looks: Looks | None = None,
) -> ProbeReport:
    """Of the packets sent from `since_s` to before `until_s` (CLOCK_MONOTONIC); without, of all.

    Lateness and load are of the narrowest time around it that `looks` know of; without them, of all.
    """
    said = [int(status["clock_ns"]) for status in state.statuses.values()]
    newest = state.stopped_ns or min(said, default=state.started_ns) - IN_FLIGHT_NS
    since = state.started_ns if since_s is None else max(int(since_s * 1e9), state.started_ns)
    until = max(newest if until_s is None else min(int(until_s * 1e9), newest), since)
    seconds = max((max(said, default=state.started_ns) - state.started_ns) / 1e9, 1e-3)
    whole = since_s is None and until_s is None
    around = None if looks is None or whole else looks.around(since / 1e9, until / 1e9)
    runs = [] if state.watch is None else [Run(**run) for run in state.watch.seen.get("runs", ())]
    return ProbeReport(
        session=state.name,
        final=bool(state.stopped_ns),
        since_s=since / 1e9,
        until_s=until / 1e9,
        flows=tuple(
            FlowReport(
                flow=flow,
                figures=flows[number].figures(since, until),
                refused=_count(state, "errors", number),
                skipped=_count(state, "skipped", number),
                drops=_count(state, "drops", number),
                stream=_stream(state, flow, number, flows[number].stalls(since, until)),
                path=_path(state.watch, runs, flow, number, (since / 1e9, until / 1e9)),
            )
            for number, flow in enumerate(state.flows)
        ),
        nodes=tuple(
            _node(node, state.statuses.get(node), seconds, around) for node in sorted(state.processes)
        ),
        load=_load(state) if around is None else around.load,
        doubts=() if state.watch is None else _watch_doubts(state.watch),
    )


def _stream(state: State, flow: Flow, number: int, stalls: tuple[Stall, ...]) -> StreamFigures | None:
    if not flow.streams:
        return None
    return StreamFigures(stalls, _count(state, "reconnects", number), _count(state, "retransmits", number))


def _path(
    watch: Watch | None, runs: Sequence[Run], flow: Flow, number: int, stretch: tuple[float, float]
) -> tuple[Carried, ...] | None:
    """None where nobody looked: without a watcher, and for control flows, which cross no gateway."""
    if watch is None or flow.control:
        return None
    return paths.carried(runs, number, watch.links, stretch)


def _watch_doubts(watch: Watch) -> tuple[str, ...]:
    found = []
    if not watch.alive:
        found.append("the process that looks at paths ended or does not answer")
    if watch.seen.get("dropped"):
        found.append(f"of the packets at WAN ports {watch.seen['dropped']} were not looked at: no room")
    if watch.seen.get("left_out"):
        found.append(f"flows moved too often: {watch.seen['left_out']} stretches of paths were left out")
    return tuple(found)


def _count(state: State, what: str, number: int) -> int:
    return sum(int(status[what].get(str(number), 0)) for status in state.statuses.values())


def _node(node: str, status: Mapping[str, Any] | None, seconds: float, around: Between | None) -> NodeReport:
    if status is None:
        return NodeReport(node, alive=False)
    late = (
        Histogram((index, count) for index, count in status["lateness"])
        if around is None
        else around.late(node)
    )
    return NodeReport(
        node=node,
        alive=bool(status["alive"]),
        realtime=bool(status["realtime"]),
        cpu_percent=round(100 * float(status["cpu_s"]) / seconds, 1),
        late_ms_p50=late.quantile_ms(0.5),
        late_ms_p99=late.quantile_ms(0.99),
        late_ms_p999=late.quantile_ms(0.999),
        late_ms_max=late.max_ms,
    )


def _load(state: State) -> load.Load:
    if state.load_before is None or state.load_after is None:
        return load.Load(lab=0.0, foreign=0.0, steal=0.0, pressure=None)
    return load.between(state.load_before, state.load_after)
