"""What becomes of a judged expectation: it passes, fails, or skips as INCONCLUSIVE with the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pytest

from scenarios import verdicts
from scenarios.deadline import Met
from scenarios.machine import MachineUse
from scenarios.measurements import FlowMeasurement
from scenarios.values import Budget, Finding, Verdict

HOW_TO_FAIL = "(--cellnet-inconclusive=fail makes this a failure)"


class NotMetError(AssertionError):
    """An expectation that was not met. The message has every finding, with its numbers."""


class Witness(Protocol):
    """Who knows how busy the machine was while this test ran."""

    def machine(self) -> MachineUse:
        """From the start of the test until now."""
        ...

    def flows(self) -> Sequence[FlowMeasurement]:
        """What the test's probes say now."""
        ...


class Judge:
    """Applies the verdicts' rules to one test."""

    def __init__(self, witness: Witness, *, inconclusive_fails: bool = False) -> None:
        self._witness = witness
        self._inconclusive_fails = inconclusive_fails

    def met(self, met: Sequence[Met]) -> None:
        """Raise for expectations that did not come true in time."""
        __tracebackhide__ = True
        if all(one.ok for one in met):
            return
        use, flows = self._witness.machine(), self._witness.flows()
        self.conclude(verdicts.judge_step(None, met, "", flows, use))

    def budget(self, budget: Budget, flows: Sequence[FlowMeasurement]) -> None:
        """Raise for measurements that broke a budget, or that cannot be believed."""
        __tracebackhide__ = True
        self.conclude(verdicts.judge(budget, flows, self._witness.machine()))

    def conclude(self, findings: Sequence[Finding]) -> None:
        """Raises NotMetError, or pytest's skip for an INCONCLUSIVE verdict."""
        __tracebackhide__ = True
        verdict = verdicts.worst(finding.verdict for finding in findings)
        reasons = [finding.reason for finding in findings if finding.verdict is verdict]
        if verdict is Verdict.FAIL:
            raise NotMetError("\n".join(reasons))
        if verdict is Verdict.INCONCLUSIVE:
            words = f"INCONCLUSIVE: {'; '.join(reasons)}"
            if self._inconclusive_fails:
                raise NotMetError(words)
            pytest.skip(f"{words} {HOW_TO_FAIL}")
