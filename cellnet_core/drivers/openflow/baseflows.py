"""Base flows into a switch that may have no controller: one atomic bundle over its management socket."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cellnet_core.drivers.openflow import command
from cellnet_core.model.site import Site
from cellnet_core.openflow import base, cookies, render

_OFCTL: Final = ("ovs-ofctl", "-O", "OpenFlow13")
_NO_MATCH: Final = ("cookie=", "duration=", "idle_timeout=", "hard_timeout=")


@dataclass(frozen=True, slots=True)
class Difference:
    """How table 0 differs from the base flows: how many lack, and whole lines that have no place there."""

    missing: int
    stale: tuple[str, ...]


async def ensure(site: Site) -> tuple[str, ...]:
    """Compare by Open vSwitch's own reading of both sides and install if anything lacks or is stale.

    Returns what changed. Raises DriverUnavailableError while the switch does not answer.
    """
    target = f"unix:{Path(site.ovs.run_directory) / site.ovs.bridge}.mgmt"
    flows = render.render_flows(base.flows(site))
    compared = await command.run([*_OFCTL, "diff-flows", target, "/dev/stdin"], stdin=flows, ok=(0, 2))
    found = parse_difference(compared.output)
    if not found.missing and not found.stale:
        return ()
    removals = "".join(f"delete_strict {line}\n" for line in found.stale)
    additions = "".join(f"add {line}\n" for line in flows.splitlines())
    await command.run([*_OFCTL, "--bundle", "add-flows", target, "-"], stdin=removals + additions)
    return (f"base flows: {found.missing} were missing or wrong, {len(found.stale)} stale",)


def parse_difference(output: str) -> Difference:
    """Read the output of `ovs-ofctl diff-flows SWITCH FILE`: "-" is in the switch only, "+" in the file only.

    Flows of other tables and of other cookies are none of our business here.
    """
    added: set[str] = set()
    removed: set[str] = set()
    for line in output.splitlines():
        head, _, _ = line[1:].partition(" actions=")
        words = head.split()
        cookie = next((word.removeprefix("cookie=") for word in words if word.startswith("cookie=")), "0")
        match = ",".join(word for word in words if not word.startswith(_NO_MATCH))
        if line.startswith("+"):
            added.add(match)
        elif "table=" not in head and cookies.space_of(int(cookie, 0)) == "base":
            removed.add(match)
    return Difference(len(added), tuple(sorted(removed - added)))
