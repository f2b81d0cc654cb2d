"""`make bench`: every figure of docs/benchmarks.md, measured in one run, as tables and as JSON.

    python -m tests.bench [--only PART ...] [--quick] [--seed S] [--output FILE]

Parts: lifecycle (up, down, idle cost), reset (between two tests, by what the test before had done),
connect (POST to first round trip), change (a new prefix by REST until the far gateway has the flow, step by
step), outages (side by side),
scale (outages by number of prefixes and distance of the controller), probes (what the probe itself loses,
how late it is, and whether a known gap is measured; exit status 1 if the machine cannot measure now),
alarms (false alarms of BFD on a busy machine, and what packets they cost),
manager (requests beside a bare application, memory, full resync, at 100, 1,000 and 10,000 endpoints).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.bench import alarms, change, goals, lifecycle, manager, outages, probes, resets, scale, tables

PARTS = ("probes", "alarms", "lifecycle", "reset", "connect", "change", "outages", "scale", "manager")
RIVALS = ("ovs", "bird", "frr", "bird-defaults", "frr-defaults")


def main() -> int:
    """Measure what was asked for; returns 0, or 1 if the probe's calibration says that nothing counts."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=PARTS, help="repeatable; default: everything")
    parser.add_argument("--quick", action="store_true", help="few rounds: to see that it works")
    parser.add_argument("--rounds", type=int, default=30, help="pairs with each rival")
    parser.add_argument("--alone", type=int, default=100, help="silent faults of cellnet alone")
    parser.add_argument("--rival", action="append", choices=RIVALS, help="repeatable; default: all of them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # labs go down with a bench that is ended
    parts = options.only or PARTS
    console = Console(highlight=False)
    report: dict[str, Any] = {"machine": machine(), "seed": options.seed, "quick": options.quick}
    if "probes" in parts:
        report["probes"] = probes.run(*((2.0, 3) if options.quick else (30.0, 20)))
        console.print(tables.probes(report["probes"]))
        for reason in report["probes"]["void"]:
            console.print(f"VOID: {reason}")
    if "alarms" in parts:
        report["alarms"] = alarms.run(5.0 if options.quick else 90.0)
        console.print(tables.alarms(report["alarms"]))
    if "lifecycle" in parts:
        rounds = 2 if options.quick else 5
        report["two-cells"] = lifecycle.up_and_down("two-cells", {"paths": 2, "hosts": 1}, rounds)
        eight = {"cells": 8, "paths": 2, "hosts": 1}
        report["main-and-subs, 8 cells"] = lifecycle.up_and_down(
            "main-and-subs", eight, 1 if options.quick else 3
        )
        console.print(tables.lifecycle(report))
    if "reset" in parts:
        report["reset"] = resets.run(2 if options.quick else 20)
        console.print(tables.resets(report["reset"]))
    if "connect" in parts:
        report["connect"] = lifecycle.first_round_trip(3 if options.quick else 20)
        console.print(
            f"POST to first reply: median {report['connect']['first_reply_median_s']} s; "
            f"to ONLINE: median {report['connect']['online_median_s']} s"
        )
    if "change" in parts:
        report["change"] = change.run(5 if options.quick else 50)
        console.print(tables.change(report["change"]))
        report.setdefault("goals", []).extend(goals.change(report["change"]))
    if "outages" in parts:
        rounds, alone = (3, 3) if options.quick else (options.rounds, options.alone)
        rivals = list(options.rival or RIVALS)
        report["outages"] = outages.run(rivals, rounds, alone, options.seed)
        report["ratios"] = outages.ratios(report["outages"])
        console.print(tables.outages(report["outages"]))
        if rounds:
            console.print(tables.ratios(report["ratios"]))
    if "scale" in parts:
        counts, rounds = ((10, 200), 3) if options.quick else ((10, 10_000), options.rounds)
        report["scale"] = scale.run(counts, rounds, 50.0, options.seed)
        console.print(tables.outages({place: report["scale"][place] for place in ("near", "far")}))
    if "manager" in parts:
        report["manager"] = manager.run(quick=options.quick)
        console.print(tables.manager(report["manager"]))
        report.setdefault("goals", []).extend(goals.manager(report["manager"]))
    if "goals" in report:
        console.print(tables.goals(report["goals"]))
    if options.output is not None:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        console.print(f"written: {options.output}")
    return 1 if report.get("probes", {}).get("void") else 0


def machine() -> dict[str, Any]:
    """Where the figures come from."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    versions = {
        name: _first_line(argv)
        for name, argv in {
            "ovs": ["ovs-vswitchd", "--version"],
            "frr": ["/usr/lib/frr/bgpd", "--version"],
            "bird": ["bird", "--version"],
        }.items()
    }
    return {
        "kernel": platform.release(),
        "processors": os.cpu_count(),
        "model": model,
        "python": platform.python_version(),
        "versions": versions,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def _first_line(argv: list[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False)
    return next(iter((done.stdout or done.stderr).splitlines()), "")


if __name__ == "__main__":
    sys.exit(main())
