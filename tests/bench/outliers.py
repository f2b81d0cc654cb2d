"""Keeps the evidence of an outage that is too long: what the lab's programs wrote around it.

A figure that cannot be explained afterwards is worth little, and a lab's files go with the lab.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from simulator.client import LabClient

LIMIT_MS = 60.0
"""Twice what BFD at 10 ms x 3 needs."""
KEPT = Path("report") / "outliers"
PARTS = ("journal", "logs")


def keep(client: LabClient, what: str, milliseconds: float, began: float) -> Path | None:
    """Copy the lab's journals and logs if the outage is beyond the limit; where they are now.

    `began` is CLOCK_MONOTONIC in seconds, as in the journals. An earlier copy with the same name is replaced.
    """
    if milliseconds <= LIMIT_MS:
        return None
    target = KEPT / f"{client.name}-{what}-{began:.3f}"
    for part in PARTS:
        shutil.copytree(client.run_directory / part, target / part, dirs_exist_ok=True)
    print(f"bench: {milliseconds:.1f} ms after {what}; journals and logs are in {target}", file=sys.stderr)
    return target
