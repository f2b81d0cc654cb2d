"""What is written for providers' routers, read by the daemons' own parsers; and a slip, which they refuse."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.routers import bird, frr, plans
from topologies.builder import Builder
from topologies.model import Topology

pytestmark = pytest.mark.daemon
needs_bird = pytest.mark.skipif(
    shutil.which("bird") is None, reason="BIRD 2 is not installed (package bird2)"
)
needs_frr = pytest.mark.skipif(
    not Path(frr.DAEMONS, "bgpd").exists(), reason="FRR is not installed (package frr)"
)
IN_A_LAB = (
    *("unshare", "--map-root-user", "--mount", "--net", "sh", "-c"),
    """mount -t tmpfs run /run && mount -t tmpfs tmp /var/tmp && mkdir /var/tmp/frr &&
    "$0" -c "from simulator.routers import frr; frr.prepare_users()" && exec "$@" """,
    sys.executable,
)
"""FRR's daemons want their user even to read a file: give it to them as a lab does, root or not."""


NO_MATTER = ("Graceful restart conf", "session-enable: specified interface wan")
"""That sessions have to be reset to take it up, and that the ports are not there: there is no router here."""


def network() -> Topology:
    """Names with hyphens, a cell with two gateways, two cables to a router, long prefixes."""
    return (
        Builder("wan")
        .cell("main", gateways=2, prefixes=["10.9.0.0/27", "fd00:9::/112"])
        .cell("north-east", asn=4_200_000_001)
        .router("p-1")
        .router("p2", asn=4_200_000_002)
        .router("alone")
        .direct("p-1", "p2", paths=2)
        .direct("main", "p-1", paths=2)
        .direct("north-east", "p-1")
        .direct("north-east", "p2")
        .direct("main", "alone")
        .build()
    )


def texts() -> dict[str, dict[str, str]]:
    topology = network()
    made: dict[str, dict[str, str]] = {"bird": {}, "bgpd": {}, "bfdd": {}}
    for router in topology.routers:
        plan = plans.plan(topology, router, bfd_ms=50)
        made["bird"][router.name] = bird.render(plan)
        made["bgpd"][router.name] = frr.render_bgpd(plan)
        made["bfdd"][router.name] = frr.render_bfdd(plan)
    return made


def read_by(command: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


@needs_bird
@pytest.mark.parametrize("router", ["p-1", "p2", "alone"])
def test_bird_reads_it(router: str, tmp_path: Path) -> None:
    file = tmp_path / "bird.conf"
    text = texts()["bird"][router]
    file.write_text(text)
    done = read_by(bird.check_command(str(file)))
    assert done.returncode == 0, done.stderr
    file.write_text(text.replace("hold time 9;", "hold time soon;"))
    assert read_by(bird.check_command(str(file))).returncode != 0


@needs_frr
@pytest.mark.parametrize("router", ["p-1", "p2", "alone"])
@pytest.mark.parametrize(
    ("daemon", "right", "wrong"),
    [
        ("bgpd", "timers connect 1", "timers connect soon"),
        ("bfdd", "receive-interval 50", "receive-interval x"),
    ],
)
def test_frr_reads_it(daemon: str, right: str, wrong: str, router: str, tmp_path: Path) -> None:
    file = tmp_path / f"{daemon}.conf"
    text = texts()[daemon][router]
    file.write_text(text)
    done = read_by((*IN_A_LAB, *frr.check_command(daemon, str(file))))
    said = [
        line for line in (done.stdout + done.stderr).splitlines() if not any(n in line for n in NO_MATTER)
    ]
    assert (done.returncode, "\n".join(said).strip()) == (0, "")
    file.write_text(text.replace(right, wrong))
    refused = read_by((*IN_A_LAB, *frr.check_command(daemon, str(file))))
    assert refused.returncode != 0 or wrong in refused.stdout + refused.stderr
