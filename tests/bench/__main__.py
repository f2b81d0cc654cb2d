"""`make bench`: every figure of docs/benchmarks.md, measured in one run, as tables and as JSON.

    python -m tests.bench [--only PART ...] [--quick] [--seed S] [--output FILE]

Parts: lifecycle (up, down, idle cost), connect (POST to first round trip), change (a new prefix by REST until
the far gateway has the flow, step by step), outages (side by side),
scale (outages by number of prefixes and distance of the controller), probes (what the probe itself loses,
how late it is, and whether a known gap is measured; exit status 1 if the machine cannot measure now),
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
from rich.table import Table

from tests.bench import change, lifecycle, manager, outages, probes, scale

PARTS = ("probes", "lifecycle", "connect", "change", "outages", "scale", "manager")
RIVALS = ("ovs", "bird", "frr", "bird-defaults", "frr-defaults")
KINDS = ("blackhole", "cut")


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
        console.print(_probes(report["probes"]))
        for reason in report["probes"]["void"]:
            console.print(f"VOID: {reason}")
    if "lifecycle" in parts:
        rounds = 2 if options.quick else 5
        report["two-cells"] = lifecycle.up_and_down("two-cells", {"paths": 2, "hosts": 1}, rounds)
        eight = {"cells": 8, "paths": 2, "hosts": 1}
        report["main-and-subs, 8 cells"] = lifecycle.up_and_down(
            "main-and-subs", eight, 1 if options.quick else 3
        )
        console.print(_lifecycle(report))
    if "connect" in parts:
        report["connect"] = lifecycle.first_round_trip(3 if options.quick else 20)
        console.print(
            f"POST to first reply: median {report['connect']['first_reply_median_s']} s; "
            f"to ONLINE: median {report['connect']['online_median_s']} s"
        )
    if "change" in parts:
        report["change"] = change.run(5 if options.quick else 50)
        console.print(_change(report["change"]))
    if "outages" in parts:
        rounds, alone = (3, 3) if options.quick else (options.rounds, options.alone)
        rivals = list(options.rival or RIVALS)
        report["outages"] = outages.run(rivals, rounds, alone, list(KINDS), options.seed)
        report["ratios"] = ratios(report["outages"])
        console.print(_outages(report["outages"]))
        console.print(_ratios(report["ratios"]))
    if "scale" in parts:
        counts, rounds = ((10, 200), 3) if options.quick else ((10, 10_000), options.rounds)
        report["scale"] = scale.run(counts, rounds, 50.0, options.seed)
        console.print(_outages({place: report["scale"][place] for place in ("near", "far")}))
    if "manager" in parts:
        report["manager"] = manager.run(quick=options.quick)
        console.print(_manager(report["manager"]))
    if options.output is not None:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        console.print(f"written: {options.output}")
    return 1 if report.get("probes", {}).get("void") else 0


def ratios(found: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Median outage of each rival divided by cellnet's beside it, by kind of fault; where both have one."""
    result: dict[str, dict[str, float]] = {kind: {} for kind in KINDS}
    for rival, both in found.items():
        for kind in KINDS:
            own = both["cellnet"].get(kind, {}).get("median_ms")
            other = both.get(rival, {}).get(kind, {}).get("median_ms")
            if own and other is not None:
                result[kind][rival] = round(other / own, 2)
    return result


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


def _lifecycle(report: dict[str, Any]) -> Table:
    table = Table("lab", "up s", "down s", "idle CPU %", "idle PSS MiB", title="labs")
    for name in ("two-cells", "main-and-subs, 8 cells"):
        one = report[name]
        idle = one["idle"]
        row = (one["up_median_s"], one["down_median_s"], idle["cpu_percent"], idle["pss_mib"])
        table.add_row(name, *map(str, row))
    return table


def _probes(found: dict[str, Any]) -> Table:
    parts = {name: one for name, one in found.items() if name != "void"}
    table = Table("figure", *parts, title="probes")
    for figure in dict.fromkeys(key for one in parts.values() for key in one if key != "distrust"):
        table.add_row(figure.replace("_", " "), *(str(one.get(figure, "")) for one in parts.values()))
    return table


def _change(found: dict[str, Any]) -> Table:
    table = Table(
        "after the request, ms", "median", "p95", title="a new prefix, until it is in the far flow table"
    )
    for step, figures in found.items():
        table.add_row(step, str(figures["median_ms"]), str(figures["p95_ms"]))
    return table


def _outages(found: dict[str, Any]) -> Table:
    columns = ("beside", "network", "fault", "n", "median ms", "p95 ms", "min ms", "max ms", "inconclusive")
    table = Table(*columns, title="outages")
    for beside, both in found.items():
        for name, values in both.items():
            for kind in KINDS:
                one = values.get(kind)
                doubtful = sum(text.startswith(kind) for text in values["inconclusive"])
                if one is not None:
                    row = (
                        one["count"],
                        one["median_ms"],
                        one["p95_ms"],
                        one["min_ms"],
                        one["max_ms"],
                        doubtful,
                    )
                    table.add_row(beside, name, kind, *map(str, row))
    return table


def _manager(found: dict[str, Any]) -> Table:
    table = Table("what", *(f"{size} endpoints" for size in found), title="manager")
    for what, one in next(iter(found.values())).items():
        if isinstance(one, dict) and "median_ms" in one:
            cells = (f"{f[what]['median_ms']} ms, {f[what]['per_s']}/s" for f in found.values())
            table.add_row(what, *cells)
    for what in next(iter(found.values()))["ratios"]:
        table.add_row(f"{what} / bare", *(str(f["ratios"][what]) for f in found.values()))
    for what in ("memory_mib", "memory_after_resync_mib"):
        table.add_row(what, *(str(f[what]) for f in found.values()))
    resync = (
        f"{f['resync']['connections']} connections: {f['resync']['together_s']} s" for f in found.values()
    )
    table.add_row("full resync", *resync)
    return table


def _ratios(found: dict[str, dict[str, float]]) -> Table:
    names = sorted({name for values in found.values() for name in values})
    table = Table("fault", *names, title="median outage, as a multiple of cellnet's")
    for kind, values in found.items():
        table.add_row(kind, *(str(values.get(name, "")) for name in names))
    return table


if __name__ == "__main__":
    sys.exit(main())
