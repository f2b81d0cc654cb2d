"""What the doctor says: one finding a question, and what follows from all of them. Values, pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from simulator.errors import LabUsageError

LAB = "lab"
"""`needed_for` of what no lab can do without."""
TAPS = "taps"
"""`needed_for` of what the usual gateways need; without it they are built with veth pairs instead."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer. `detail` is what was found: a version, or why not. `remedy` is empty where all is well.

    `needed_for` is "lab" for what no lab can do without, else what works only with it: "fault:delay",
    "daemon:frr", "probe", "verdict", "capture".
    """

    name: str
    ok: bool
    detail: str
    needed_for: str
    remedy: str = ""

    def __post_init__(self) -> None:
        assert self.ok or self.remedy, f"{self.name}: a no needs a remedy"


class NotCapableError(LabUsageError):
    """This machine cannot run a lab. The message has every reason with its remedy. Exit status 2."""

    code = "not-capable"


def for_daemon(daemon: str) -> str:
    """`needed_for` of what only labs need that run this daemon, such as "frr"."""
    return f"daemon:{daemon}"


def missing_for_lab(findings: Iterable[Finding], daemons: Collection[str] = ()) -> tuple[Finding, ...]:
    """The findings that keep a lab from running that runs these daemons beside what every lab runs."""
    needed = {LAB, *map(for_daemon, daemons)}
    return tuple(finding for finding in findings if not finding.ok and finding.needed_for in needed)


def refusal(missing: Iterable[Finding]) -> str:
    """The words for a user whose lab cannot start."""
    lines = [f"  {finding.name}: {finding.detail}; {finding.remedy}" for finding in missing]
    return "\n".join(["this machine cannot run a lab:", *lines, "`cellnet doctor` shows everything"])
