"""What was measured, as tables for a terminal. Knows no figure of its own."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.table import Table

from tests.bench.goals import Row
from tests.bench.outages import KINDS


def lifecycle(report: dict[str, Any]) -> Table:
    table = Table("lab", "up s", "down s", "idle CPU %", "idle PSS MiB", title="labs")
    for name in ("two-cells", "main-and-subs, 8 cells"):
        one = report[name]
        idle = one["idle"]
        row = (one["up_median_s"], one["down_median_s"], idle["cpu_percent"], idle["pss_mib"])
        table.add_row(name, *map(str, row))
    return table


def resets(found: dict[str, Any]) -> Table:
    columns = ("what the test before did", "n", "median s", "most s", "with starts s", "most s")
    table = Table(*columns, title="lab reset between tests", box=box.SIMPLE)
    for kind, one in found.items():
        keys = ("resets", "reset_median_s", "reset_max_s", "total_median_s", "total_max_s")
        table.add_row(kind, *(str(one[key]) for key in keys))
    return table


def probes(found: dict[str, Any]) -> Table:
    parts = {name: one for name, one in found.items() if name != "void"}
    table = Table("figure", *parts, title="probes")
    for figure in dict.fromkeys(key for one in parts.values() for key in one if key != "distrust"):
        table.add_row(figure.replace("_", " "), *(str(one.get(figure, "")) for one in parts.values()))
    return table


def alarms(found: dict[str, Any]) -> Table:
    """False alarms of BFD, and packets."""
    table = Table(title="all paths are well")
    for heading in ("beside", "seconds", "false alarms", "sent", "lost", "longest outage, ms", "doubts"):
        table.add_column(heading)
    for beside, each in found.items():
        names = ("seconds", "false_alarms", "sent", "lost", "longest_outage_ms")
        table.add_row(beside, *(str(each[name]) for name in names), str(len(each["doubts"])))
    return table


def change(found: dict[str, Any]) -> Table:
    table = Table(
        "after the request, ms", "median", "p95", title="a new prefix, until it is in the far flow table"
    )
    for step, figures in found.items():
        table.add_row(step, str(figures["median_ms"]), str(figures["p95_ms"]))
    return table


def outages(found: dict[str, Any]) -> Table:
    table = Table(title="outages, ms; out: doubtful, and left out", box=box.SIMPLE, padding=(0, 1, 0, 0))
    for column in ("beside", "network", "fault", "n", "median", "p95", "least", "most", "out"):
        table.add_column(column, no_wrap=True)
    for beside, both in found.items():
        for name, values in both.items():
            for kind in KINDS:
                one = values.get(kind)
                doubtful = sum(text.startswith(kind) for text in values["inconclusive"])
                if one is not None:
                    figures = (one[key] for key in ("count", "median_ms", "p95_ms", "min_ms", "max_ms"))
                    table.add_row(beside, name, kind, *map(str, figures), str(doubtful))
    return table


def manager(found: dict[str, Any]) -> Table:
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


def goals(rows: list[Row]) -> Table:
    table = Table("goal", "found", "wanted", "", title="against the goals")
    for row in rows:
        table.add_row(row["what"], str(row["found"]), row["goal"], "met" if row["met"] else "MISSED")
    return table


def ratios(found: dict[str, dict[str, float]]) -> Table:
    names = sorted({name for values in found.values() for name in values})
    table = Table("fault", *names, title="median outage, as a multiple of cellnet's")
    for kind, values in found.items():
        table.add_row(kind, *(str(values.get(name, "")) for name in names))
    return table
