"""Golden files: rendered configurations, which ExaBGP's own validator accepts, and recorded event lines.

`CELLNET_GOLDEN=write pytest tests/golden/bgp` writes the files anew; read the difference before you keep it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bgp import config
from bgp.events import parse
from bgp.model import Neighbor
from bgp.readback import parse_neighbors

HERE = Path(__file__).parent
RELAY = (
    "/usr/bin/python3",
    "-I",
    "-S",
    "/opt/cellnet/bgp/relay.py",
    "--socket",
    "/run/cellnet/speaker/api.sock",
)

FIRST = Neighbor(
    name="main-east-1",
    local_address="172.16.0.1",
    peer_address="172.16.0.2",
    local_as=65001,
    peer_as=65002,
    router_id="10.0.1.1",
    passive=False,
    families=("ipv4", "ipv6"),
    interface="ip-wan1",
)
PASSIVE = replace(
    FIRST,
    name="main-east-2",
    local_address="172.16.0.6",
    peer_address="172.16.0.5",
    passive=True,
    families=("ipv4",),
    hold_time=90,
    graceful_restart_time=0,
    peer_as=4_200_000_000,
)
OVER_IPV6 = replace(
    FIRST,
    name="main-west-1",
    local_address="fe80::1",
    peer_address="fe80::2",
    families=("ipv6",),
    graceful_restart_time=4095,
)

CONFIGURATIONS: dict[str, Sequence[Neighbor]] = {
    "no-neighbors": (),
    "one-path": (FIRST,),
    "all-options": (OVER_IPV6, PASSIVE, FIRST),
}


def compare(name: str, text: str) -> None:
    path = HERE / name
    if os.environ.get("CELLNET_GOLDEN") == "write":
        path.write_text(text)
    assert text == path.read_text()


def validate(path: Path) -> subprocess.CompletedProcess[str]:
    """ExaBGP's own check. It wants a user it knows, also to look at a file."""
    return subprocess.run(
        [Path(sys.executable).parent / "exabgp", "validate", "--neighbor", str(path)],
        env={**os.environ, "exabgp_daemon_user": "root"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_configuration(name: str, tmp_path: Path) -> None:
    text = config.render(CONFIGURATIONS[name], RELAY)
    compare(f"{name}.conf", text)
    # The validator wants the program to be there.
    runnable = tmp_path / "exabgp.conf"
    runnable.write_text(text.replace(RELAY[0], sys.executable))
    result = validate(runnable)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ("hold-time 9;", "hold-tim 9;", "invalid keyword"),
        ("peer-as 65002;", "", "missing peer-as"),
        ("local-address 172.16.0.1;", "local-address fdce::1;", "must be of the same family"),
        ("hold-time 9;", "hold-time 2;", "holdtime must be zero or at least 3 seconds"),
    ],
)
def test_the_validator_catches_a_planted_error(
    tmp_path: Path, right: str, wrong: str, complaint: str
) -> None:
    text = config.render([FIRST], (sys.executable, *RELAY[1:]))
    assert text.count(right) >= 1
    broken = tmp_path / "exabgp.conf"
    broken.write_text(wrong.join(text.rsplit(right, 1)))
    result = validate(broken)
    assert result.returncode == 1
    assert complaint in result.stdout + result.stderr


def test_events() -> None:
    lines = (HERE / "events.jsonl").read_text().splitlines()
    compare("events.txt", "".join(f"{parse(line)!r}\n" for line in lines))


def test_the_configuration_that_exabgp_shows() -> None:
    """What ExaBGP printed for `show neighbor configuration` while it ran with "all-options"."""
    shown = (HERE / "shown-configuration.txt").read_text().splitlines()
    assert sorted(parse_neighbors(shown), key=lambda one: one.name) == [FIRST, PASSIVE, OVER_IPV6]
