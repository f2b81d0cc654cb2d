"""The plugin's options, ini values and markers, and their reading. Light: pytest and standard library."""

from __future__ import annotations

import argparse
import secrets
from dataclasses import dataclass
from pathlib import Path

import pytest

AUDITS = ("processes", "namespaces", "mounts", "files", "descriptors")
"""What the leak audit looks at after each test, unless the ini value `cellnet_audit` names fewer."""

MARKERS = (
    "topology(name, **settings): the lab's topology, from the catalogue or a file (default: two-cells)",
    "driver(name): the OpenFlow library of the lab's controllers, ryu or os-ken (default: ryu)",
    "capture(name, ...): packets that the test's report shall have: a link, wan (all of them), bgp, openflow",
    "needs(name, ...): skip with the doctor's words unless this machine has it: netem, bird, fault:delay ...",
)


CHANNELS = "bgp,openflow"


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for. `report` is a directory, made when it is first needed."""

    report: Path | None
    keep: bool
    seed: int
    pause: bool
    inconclusive_fails: bool
    audits: frozenset[str]
    capture: tuple[str, ...] = ()


def add(parser: pytest.Parser) -> None:
    """Make the options known to pytest."""
    group = parser.getgroup("cellnet", "labs of cells (cellnet)")
    group.addoption(
        "--cellnet-report",
        metavar="DIR",
        type=Path,
        help="write what each test with a lab did and saw to a directory of its own in DIR",
    )
    group.addoption(
        "--cellnet-keep",
        action="store_true",
        help="leave the lab of a failed test running, as it was, and say how to enter it",
    )
    group.addoption(
        "--cellnet-seed", metavar="N", type=int, help="seed of cellnet_rng (default: a new one each run)"
    )
    group.addoption(
        "--cellnet-repeat",
        metavar="N",
        type=_positive,
        default=1,
        help="run each test that uses a lab N times",
    )
    group.addoption(
        "--cellnet-pause",
        action="store_true",
        help="stop when a test with a lab fails, print the command that opens a shell in it, wait for Enter",
    )
    group.addoption(
        "--cellnet-inconclusive",
        choices=("skip", "fail"),
        default="skip",
        help="what a timing becomes that was missed on a busy machine (default: skip)",
    )
    group.addoption(
        "--cellnet-capture",
        metavar="WHAT",
        default=CHANNELS,
        help="packets that every lab keeps the newest 16 MiB of: bgp, openflow, wan (all WAN links), always "
        f"(all of these), none, or names of links, joined by commas (default: {CHANNELS})",
    )
    parser.addini(
        "cellnet_audit",
        f"what to search for leaks after each test with a lab (default: {' '.join(AUDITS)})",
        type="args",
        default=list(AUDITS),
    )


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of times: give 1 or more")
    return int(text)


def configure(config: pytest.Config) -> None:
    """Register markers and settle what the user left open. Raises pytest.UsageError."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    unknown = sorted(set(config.getini("cellnet_audit")) - set(AUDITS))
    if unknown:
        raise pytest.UsageError(f"cellnet_audit: unknown {', '.join(unknown)}; known are {', '.join(AUDITS)}")
    if config.option.cellnet_pause and getattr(config.option, "numprocesses", None):
        raise pytest.UsageError("--cellnet-pause needs the terminal: leave out -n (or say -n 0)")
    if config.option.cellnet_seed is None:
        config.option.cellnet_seed = secrets.randbits(32)  # workers of xdist get the options from here


def read(config: pytest.Config) -> Options:
    """The options of this run."""
    from simulator.captures import keeping  # not before a test wants a lab

    option = config.option
    return Options(
        report=option.cellnet_report,
        keep=option.cellnet_keep,
        seed=option.cellnet_seed,
        pause=option.cellnet_pause,
        inconclusive_fails=option.cellnet_inconclusive == "fail",
        audits=frozenset(config.getini("cellnet_audit")),
        capture=keeping.read(option.cellnet_capture),
    )
