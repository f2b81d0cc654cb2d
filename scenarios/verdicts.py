"""From what was measured to PASS, FAIL or INCONCLUSIVE, with the numbers in the reason. Pure.

The rules, in the order in which they are asked:

1. A probe that contradicts itself fails the step: nothing it says can be believed, and a defect of the
   harness must not hide as a skipped test.
2. A miss of the budget on a quiet machine is FAIL. On a busy machine it is INCONCLUSIVE, and is not tried
   again: a retry until it passes would hide a slow product behind a busy machine.
3. What the control flow lost at the same time, the harness lost: the product is not blamed for it.
4. PASS needs a valid measurement: every sender sent at its rate, the control flow lost nothing, and no
   sender paused for so long that an outage beyond the budget could hide in the pause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from .deadline import Met
from .machine import MachineUse
from .measurements import FlowMeasurement, without_shared
from .values import Budget, Finding, Verdict
from .wording import several


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on a machine counts as too busy to tell, and a measurement as void."""

    pressure: float = 0.55
    """Share of the time some task waited for a CPU. On 2 cores the lab itself makes 0.34 with 4 % used by
    others; it was 0.50 with 22 % and 0.65 with 33 %. So this is what `foreign` allows, for a kernel or a user
    that cannot tell whose processes they are."""
    foreign: float = 0.25
    """Share of all CPUs used by others. From 36 to 73 % BFD expired by itself in 10 of 29 steps, from 4 to
    33 % in none of 4, and silent faults kept their 50 ms at 14 and 22 %."""
    steal: float = 0.03
    """Share of all CPUs a hypervisor took away; at 3 % it is gone for a whole BFD interval now and then."""
    lateness_p99_ms: float = 3.0
    """Senders are 0.2 to 2.4 ms late on an idle machine and 12 ms with three busy loops beside them. Under
    SCHED_FIFO they are 0.13 ms late however busy the machine: then this sign says nothing, others do."""
    lateness_max_ms: float = 10.0
    """One BFD interval: a process that waited this long for a CPU shows that the switch may have, too."""
    rate: float = 0.98
    """Share of the promised packets a sender must have sent."""
    blind_ms: float = 20.0
    """A sender that paused for longer may have missed an outage: nothing was there to be lost."""


LIMITS = Limits()


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """FAIL before INCONCLUSIVE before PASS. Nothing judged is a FAIL: an empty test proves nothing."""
    seen = set(verdicts)
    for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS):
        if verdict in seen:
            return verdict
    return Verdict.FAIL


def judge(
    budget: Budget,
    flows: Sequence[FlowMeasurement],
    machine: MachineUse,
    limits: Limits = LIMITS,
    signs: Sequence[str] = (),
) -> tuple[Finding, ...]:
    """Judge one step's measurements against its budget. At least one finding, the deciding ones first.

    `signs` are further signs that the machine was busy, beside those in `machine` and `flows`.
    """
    lies = contradictions(flows)
    if lies:
        return tuple(Finding(Verdict.FAIL, f"the probe contradicts itself: {lie}") for lie in lies)
    product = [measured for measured in flows if not measured.flow.control]
    misses = misses_of(budget, flows)
    busy = [*busy_signs(machine, flows, limits), *signs]
    findings = [missed(misses, busy)] if misses else []
    findings += [
        Finding(Verdict.INCONCLUSIVE, doubt)
        for doubt in (*doubts(flows, limits), *blindness(budget, product, limits))
    ]
    return tuple(findings) or (Finding(Verdict.PASS, summary(budget, product)),)


def missed(misses: Sequence[str], signs: Sequence[str]) -> Finding:
    """The one finding for all that was missed, given the signs of a busy machine."""
    what = "; ".join(misses)
    if signs:
        return Finding(Verdict.INCONCLUSIVE, f"{what}, but the machine was busy: {', '.join(signs)}")
    return Finding(Verdict.FAIL, f"{what}, on a quiet machine")


def misses_of(budget: Budget, flows: Sequence[FlowMeasurement]) -> list[str]:
    """Where flows broke the budget, a line for each limit: the worst flow, and how many more broke it.

    What control flows lost at the same time is taken off before.
    """
    controls = [measured for measured in flows if measured.flow.control]
    product = []
    for measured in flows:
        if not measured.flow.control:
            for control in controls:
                measured = without_shared(measured, control)  # noqa: PLW2901 - each takes off its own
            product.append(measured)
    parts = (budget, *budget.towards.values())
    return [
        miss for part in parts for miss in _misses(part, [x for x in product if budget.of(x.flow) is part])
    ]


def _misses(budget: Budget, product: Sequence[FlowMeasurement]) -> list[str]:
    limits: tuple[tuple[float | None, Callable[[FlowMeasurement], float], str], ...] = (
        (budget.outage_ms, lambda one: one.worst_outage_ms, "outage of {:.1f} ms, budget {:g} ms"),
        (budget.lost, lambda one: one.lost, "{:.0f} packets lost, budget {:g}"),
        (budget.outages, lambda one: len(one.outages), "{:.0f} outages, budget {:g}"),
    )
    found = []
    for limit, figure, words in limits:
        over = [one for one in product if limit is not None and figure(one) > limit]
        if over:
            worst_one = max(over, key=figure)
            more = f" (and {len(over) - 1} more flow{'s' if len(over) > 2 else ''})" if len(over) > 1 else ""
            found.append(f"{worst_one.flow.name}: {words.format(figure(worst_one), limit)}{more}")
    return found


def blindness(budget: Budget, product: Sequence[FlowMeasurement], limits: Limits = LIMITS) -> list[str]:
    """The pause of a sender in which more than the budget may have been lost unseen; [] if there was none."""
    blind = [
        one
        for one in product
        if one.lateness_max_ms > limits.blind_ms
        and (
            (most := budget.of(one.flow).outage_ms) is None
            or one.worst_outage_ms + one.lateness_max_ms > most
        )
    ]
    late = max(blind, key=lambda one: one.lateness_max_ms, default=None)
    if late is None:
        return []
    what = f"sender {late.flow.name} paused for {late.lateness_max_ms:.0f} ms"
    return [f"{what} (limit {limits.blind_ms:g} ms): what happened in that time was not measured"]


def contradictions(flows: Sequence[FlowMeasurement]) -> list[str]:
    """What cannot be true about a measurement, whatever the network did."""
    found = []
    for measured in flows:
        name = measured.flow.name
        if measured.sent <= 0:
            found.append(f"{name} sent nothing")
            continue
        if measured.received > measured.sent:
            found.append(f"{name} received {measured.received} of {measured.sent} packets sent")
        if measured.sent - measured.received != measured.lost:
            found.append(
                f"{name} sent {measured.sent} and received {measured.received}, "
                f"but says that {measured.lost} were lost"
            )
        inside = sum(outage.lost for outage in measured.outages)
        if inside != measured.lost:
            found.append(f"{name} lost {measured.lost} packets, its outages account for {inside}")
        found += [
            f"{name} says that {outage.lost} lost packets made {outage.duration_ms:.1f} ms of outage"
            for outage in measured.outages
            if not _plausible(outage.lost, outage.duration_ms, measured)
        ]
    return found


def _plausible(lost: int, duration_ms: float, measured: FlowMeasurement) -> bool:
    """Packets leave every 1/rate seconds, so many lost ones last so long, but for the sender's lateness."""
    interval_ms = 1000 / measured.flow.rate
    slack_ms = 2 * interval_ms + 2 * measured.lateness_max_ms
    return abs(duration_ms - lost * interval_ms) <= slack_ms + 0.1 * duration_ms


def doubts(flows: Sequence[FlowMeasurement], limits: Limits = LIMITS) -> list[str]:
    """Why a measurement cannot carry a PASS."""
    found = [
        f"{measured.flow.name} sent {measured.rate_sent:.0f} packets/s instead of {measured.flow.rate}: "
        "the measurement is void"
        for measured in flows
        if measured.rate_sent < limits.rate * measured.flow.rate
    ]
    controls = [measured for measured in flows if measured.flow.control]
    if not controls:
        found.append("no control flow ran beside: the loss of the harness itself is unknown")
    found += [
        f"control flow {measured.flow.name} lost {measured.lost} packets "
        f"(longest outage {measured.worst_outage_ms:.1f} ms): the harness itself loses packets"
        for measured in controls
        if measured.lost
    ]
    return found


def busy_signs(
    machine: MachineUse, flows: Sequence[FlowMeasurement] = (), limits: Limits = LIMITS
) -> list[str]:
    """Signs that the machine had no time for the work, each with its number and its limit. Empty: quiet."""
    signs = []
    if machine.pressure is not None and machine.pressure > limits.pressure:
        signs.append(f"CPU pressure {machine.pressure:.0%} (limit {limits.pressure:.0%})")
    if machine.foreign is not None and machine.foreign > limits.foreign:
        signs.append(f"other programs used {machine.foreign:.0%} of the CPUs (limit {limits.foreign:.0%})")
    if machine.steal > limits.steal:
        signs.append(f"the hypervisor took {machine.steal:.1%} of the CPUs (limit {limits.steal:.0%})")
    late = max(flows, key=lambda measured: measured.lateness_p99_ms, default=None)
    if late is not None and late.lateness_p99_ms > limits.lateness_p99_ms:
        signs.append(
            f"sender {late.flow.name} was {late.lateness_p99_ms:.1f} ms late at p99 "
            f"(limit {limits.lateness_p99_ms:g} ms)"
        )
    late = max(flows, key=lambda measured: measured.lateness_max_ms, default=None)
    if late is not None and late.lateness_max_ms > limits.lateness_max_ms:
        signs.append(
            f"sender {late.flow.name} was up to {late.lateness_max_ms:.1f} ms late "
            f"(limit {limits.lateness_max_ms:g} ms)"
        )
    if machine.stalls:
        longest = max(machine.stalls, key=lambda stall: stall.milliseconds)
        signs.append(
            f"switches warned {len(machine.stalls)} times of being late, the one of {longest.node} "
            f"by {longest.milliseconds} ms"
        )
    if machine.false_alarms:
        ports = dict.fromkeys(f"{alarm.node} {alarm.interface}" for alarm in machine.false_alarms)
        signs.append(f"BFD gave up without a fault on {several(tuple(ports))}")
    return signs


def summary(budget: Budget, product: Sequence[FlowMeasurement]) -> str:
    """The numbers of a step that met its budget."""
    outage = max((measured.worst_outage_ms for measured in product), default=0.0)
    lost = max((measured.lost for measured in product), default=0)
    limits = "; ".join(
        [_limits(budget), *(f"to {node} {_limits(one)}" for node, one in budget.towards.items())]
    )
    return f"longest outage {outage:.1f} ms, at most {lost} packets of a flow lost (budget {limits})"


def _limits(budget: Budget) -> str:
    limits = []
    if budget.outage_ms is not None:
        limits.append(f"outage {budget.outage_ms:g} ms")
    if budget.lost is not None:
        limits.append(f"{budget.lost} lost")
    if budget.outages is not None:
        limits.append(f"{budget.outages} outage{'' if budget.outages == 1 else 's'}")
    return ", ".join(limits)


def judge_step(
    budget: Budget | None,
    met: Sequence[Met],
    failure: str,
    flows: Sequence[FlowMeasurement],
    machine: MachineUse,
    limits: Limits = LIMITS,
    signs: Sequence[str] = (),
) -> tuple[Finding, ...]:
    """Everything about one step: whether it could be done, came true in time, and kept its budget.

    `failure` is the stage's error, "" if there was none. At least one finding.
    """
    if failure:
        return (Finding(Verdict.FAIL, failure),)
    findings = []
    late = [_late(one) for one in met if not one.ok]
    if late:
        findings.append(missed(late, [*busy_signs(machine, flows, limits), *signs]))
    if budget is not None:
        findings += judge(budget, flows, machine, limits, signs)
    if not findings:
        words = [
            f"{one.expectation.says} after {one.after_s:.2f} s"
            if one.expectation.kind == "eventually"
            else f"{one.expectation.kind}: {one.expectation.says}"
            for one in met
        ]
        findings.append(Finding(Verdict.PASS, "; ".join(words) or "done"))
    return tuple(findings)


def _late(one: Met) -> str:
    wanted = one.expectation
    if wanted.kind == "eventually":
        return f"not within {wanted.within_s:g} s: {wanted.says} (seen: {one.seen})"
    return (
        f"not {wanted.kind} for {wanted.within_s:g} s: {wanted.says} (after {one.after_s:.2f} s: {one.seen})"
    )
