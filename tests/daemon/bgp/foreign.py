"""BGP daemons that others wrote, as the peer on the node east: BIRD, FRR and GoBGP.

Each announces one prefix of either family, waits for our TCP connection, and keeps routes over a restart
(RFC 4724, both ways). They differ in what they send, when they send it, and how strictly they read.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from tests.daemon.bgp.sandbox import Sandbox, eventually

OURS = "172.16.0.1"
THEIRS = "172.16.0.2"
THEIR_SIX = "fdce:11:ffff:1::2"
PREFIXES = {"ipv4": "10.0.2.0/24", "ipv6": "fdce:11:0:2::/64"}
FRR_BGPD = Path("/usr/lib/frr/bgpd")


class Foreign(Protocol):
    """A daemon. `process` is the one that runs now."""

    process: subprocess.Popen[bytes]

    def start(self) -> None:
        """Start it, also after its end; returns when it can be asked."""

    def established(self) -> bool:
        """Whether its session with us is ESTABLISHED."""

    def routes(self) -> set[str]:
        """Prefixes that it has from us."""

    def shut_down(self) -> None:
        """End the session as an operator does (RFC 4486: Cease, administrative shutdown)."""


class Bird:
    """BIRD 2."""

    CONFIGURATION = f"""
router id 10.0.2.1;
protocol device {{ scan time 1; }}
protocol static four {{ ipv4; route {PREFIXES["ipv4"]} blackhole; }}
protocol static six {{ ipv6; route {PREFIXES["ipv6"]} blackhole; }}
protocol bgp peer {{
  local {THEIRS} as 65002;
  neighbor {OURS} as 65001;
  passive on;
  hold time 9;
  graceful restart on;
  graceful restart time 30;
  ipv4 {{ import all; export where source = RTS_STATIC; next hop self; }};
  ipv6 {{ import all; export where source = RTS_STATIC; next hop address {THEIR_SIX}; }};
}}
"""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._directory = _made(sandbox, "bird")
        (self._directory / "bird.conf").write_text(self.CONFIGURATION)
        self.start()

    def start(self) -> None:
        paths = [f"{self._directory}/bird.{suffix}" for suffix in ("conf", "ctl", "pid")]
        Path(paths[1]).unlink(missing_ok=True)
        self.process = self._sandbox.start(
            "east", "bird.log", "bird", "-f", "-c", paths[0], "-s", paths[1], "-P", paths[2]
        )
        eventually("BIRD's socket", Path(paths[1]).exists)

    def established(self) -> bool:
        return "Established" in self._ask("show", "protocols", "peer")

    def routes(self) -> set[str]:
        text = "".join(
            self._ask("show", "route", "protocol", "peer", "table", name) for name in ("master4", "master6")
        )
        return {line.split()[0] for line in text.splitlines() if " unicast " in line}

    def shut_down(self) -> None:
        self._ask("disable", "peer")

    def _ask(self, *words: str) -> str:
        return self._sandbox.run("east", "birdc", "-s", f"{self._directory}/bird.ctl", *words)


class Frr:
    """bgpd of FRR, without zebra: routes need not be usable to be counted."""

    CONFIGURATION = f"""
router bgp 65002
 bgp router-id 10.0.2.1
 no bgp ebgp-requires-policy
 no bgp network import-check
 no bgp default ipv4-unicast
 bgp graceful-restart
 bgp graceful-restart preserve-fw-state
 bgp graceful-restart restart-time 30
 timers bgp 3 9
 neighbor {OURS} remote-as 65001
 neighbor {OURS} passive
 address-family ipv4 unicast
  network {PREFIXES["ipv4"]}
  neighbor {OURS} activate
 exit-address-family
 address-family ipv6 unicast
  network {PREFIXES["ipv6"]}
  neighbor {OURS} activate
  neighbor {OURS} route-map six out
 exit-address-family
exit
route-map six permit 10
 set ipv6 next-hop global {THEIR_SIX}
exit
"""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._directory = _made(sandbox, "frr")
        (self._directory / "bgpd.conf").write_text(self.CONFIGURATION)
        self.start()

    def start(self) -> None:
        where = str(self._directory)
        (self._directory / "bgpd.vty").unlink(missing_ok=True)
        self.process = self._sandbox.start(
            "east",
            "frr.log",
            *(str(FRR_BGPD), "-Z", "-S", "-P", "0", "-l", THEIRS, "--log", "stdout"),
            *("--vty_socket", where, "-i", f"{where}/bgpd.pid", "-f", f"{where}/bgpd.conf"),
        )
        eventually("bgpd's socket", (self._directory / "bgpd.vty").exists)

    def established(self) -> bool:
        shown = json.loads(self._ask(f"show bgp neighbors {OURS} json"))
        return bool(shown[OURS]["bgpState"] == "Established")

    def routes(self) -> set[str]:
        found = set()
        for family in PREFIXES:
            shown = json.loads(self._ask(f"show bgp {family} unicast json"))
            for prefix, paths in shown.get("routes", {}).items():
                if any(path["peerId"] == OURS for path in paths):
                    found.add(prefix)
        return found

    def shut_down(self) -> None:
        self._ask("configure terminal", "router bgp 65002", f"neighbor {OURS} shutdown")

    def _ask(self, *commands: str) -> str:
        said = [part for command in commands for part in ("-c", command)]
        return self._sandbox.run("east", "vtysh", "--vty_socket", str(self._directory), *said)


class GoBgp:
    """gobgpd, which keeps what it announces in memory only: it is told anew at each start."""

    CONFIGURATION = f"""
[global.config]
  as = 65002
  router-id = "10.0.2.1"
  local-address-list = ["{THEIRS}"]
[[neighbors]]
  [neighbors.config]
    neighbor-address = "{OURS}"
    peer-as = 65001
  [neighbors.transport.config]
    passive-mode = true
    local-address = "{THEIRS}"
  [neighbors.timers.config]
    hold-time = 9
    keepalive-interval = 3
  [neighbors.graceful-restart.config]
    enabled = true
    restart-time = 30
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv4-unicast"
    [neighbors.afi-safis.mp-graceful-restart.config]
      enabled = true
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv6-unicast"
    [neighbors.afi-safis.mp-graceful-restart.config]
      enabled = true
"""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._file = _made(sandbox, "gobgp") / "gobgpd.toml"
        self._file.write_text(self.CONFIGURATION)
        self.start()

    def start(self) -> None:
        # Where the configuration is read late, the session would come up without the routes.
        self.process = self._sandbox.start(
            "east",
            "gobgp.log",
            "gobgpd",
            "-t",
            "toml",
            "-f",
            str(self._file),
            "--api-hosts",
            "127.0.0.1:50051",
        )
        eventually("gobgpd answers", self._answers)
        for family, next_hop in (("ipv4", THEIRS), ("ipv6", THEIR_SIX)):
            self._ask("global", "rib", "add", PREFIXES[family], "nexthop", next_hop, "-a", family)

    def established(self) -> bool:
        return "bgp state = established" in self._ask("neighbor", OURS).lower()

    def routes(self) -> set[str]:
        found = set()
        for family in PREFIXES:
            shown = self._ask("neighbor", OURS, "adj-in", "-a", family)
            found |= {word for line in shown.splitlines() for word in line.split() if "/" in word}
        return found

    def shut_down(self) -> None:
        self._ask("neighbor", OURS, "disable")

    def _answers(self) -> bool:
        asked = subprocess.run(
            self._sandbox.inside("east", ["gobgp", "neighbor", OURS]),
            capture_output=True,
            check=False,
            timeout=10,
        )
        return asked.returncode == 0

    def _ask(self, *words: str) -> str:
        return self._sandbox.run("east", "gobgp", *words)


DAEMONS: Mapping[str, Callable[[Sandbox], Foreign]] = {"bird": Bird, "frr": Frr, "gobgp": GoBgp}
MISSING: Mapping[str, bool] = {
    "bird": shutil.which("bird") is None,
    "frr": not FRR_BGPD.exists() or shutil.which("vtysh") is None,
    "gobgp": shutil.which("gobgpd") is None or shutil.which("gobgp") is None,
}


def _made(sandbox: Sandbox, name: str) -> Path:
    directory = sandbox.directory / name
    directory.mkdir()
    return directory
