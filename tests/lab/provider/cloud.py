"""A lab of cells homed to two providers' routers, and what tests of it look at: packets, sessions, tables."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass

from cellnet_core.client import Client
from simulator.client import LabClient
from topologies.model import Topology

BFD_MS = 100
"""Calm on a busy machine; detection then takes 300 ms."""
INTERVAL = 0.02
_COUNTS = re.compile(r"(\d+) packets transmitted, (\d+) received")


@dataclass(frozen=True)
class Cloud:
    """A running lab and its manager."""

    lab: LabClient
    api: Client
    topology: Topology

    def connect(self, one: str, other: str, **fields: object) -> str:
        """Join two cells; returns the connection's id once it is ONLINE, with both families."""
        for cell in (one, other):
            if cell not in {endpoint.cell for endpoint in self.api.endpoints()}:
                self.api.create_endpoint(f"{cell}-ep", cell)
        connection = self.api.create_connection(f"{one}-{other}", f"{one}-ep", f"{other}-ep", **fields)
        assert set(self.api.wait_for_status(connection.id, timeout=40).families) == {"ipv4", "ipv6"}
        return connection.id

    def reaches(self, one: str, other: str, within: int = 10) -> bool:
        """Whether the first host of a cell gets answers from that of another, in both families."""
        far = self.topology.cell(other).hosts[0]
        return all(
            self.ping(f"{one}-h1", "-c", "3", "-i", "0.1", "-w", str(within), str(address.ip)).returncode == 0
            for address in far.addresses
        )

    def ping(self, node: str, *arguments: str):  # type: ignore[no-untyped-def]
        return self.lab.exec(node, ["ping", "-n", *arguments], timeout=20)

    def hops(self, one: str, other: str, version: int) -> list[str]:
        """Who says that a packet's time is over on the way, hop by hop; "" for who keeps silent."""
        far = next(a.ip for a in self.topology.cell(other).hosts[0].addresses if a.version == version)
        said = []
        for ttl in range(1, 6):
            done = self.ping(f"{one}-h1", "-c", "1", "-W", "1", "-t", str(ttl), str(far))
            if done.returncode == 0:
                return said
            found = re.search(r"[Ff]rom (\S+?):? icmp_seq=\d+ Time", done.stdout)
            said.append(found[1] if found else "")
        return said

    def traffic(self, one: str, other: str, seconds: float) -> str:
        """Start a ping every `INTERVAL` s between the first hosts; `lost` has what became of it."""
        far = next(a.ip for a in self.topology.cell(other).hosts[0].addresses if a.version == 4)
        count = str(int(seconds / INTERVAL))
        argv = ["ping", "-n", "-q", "-i", str(INTERVAL), "-c", count, "-W", "2", str(far)]
        return self.lab.spawn(f"{one}-h1", argv, "traffic")

    def lost(self, traffic: str) -> int:
        """How many of its packets got no answer."""
        self.lab.wait(traffic, 60.0)
        text = (self.lab.run_directory / "logs" / f"run-{traffic}.log").read_text(encoding="utf-8")
        found = _COUNTS.search(text)
        assert found is not None, text
        return int(found[1]) - int(found[2])

    def bgp_sessions(self, gateway: str) -> int:
        """Established TCP connections of a gateway's speaker."""
        filter_ = "( sport = :179 or dport = :179 )"
        shown = self.lab.exec(gateway, ["ss", "-Htn", "state", "established", filter_]).stdout
        return len(shown.splitlines())

    def routes(self, router: str) -> set[str]:
        """Prefixes of cells in a router's kernel."""
        found = set()
        for family in ("-4", "-6"):
            shown = self.lab.exec(router, ["ip", "-j", family, "route", "show", "table", "main"]).stdout
            found |= {route["dst"] for route in json.loads(shown) if route.get("protocol") in ("bird", "bgp")}
        return found

    def heal(self) -> None:
        """Take faults back and wait until every connection is ONLINE again."""
        self.lab.clear_all()
        self.lab.wait_ready(30)
        for connection in self.api.connections():
            self.api.wait_for_status(connection.id, timeout=40)


def eventually(condition, what: str, within: float = 15.0) -> None:  # type: ignore[no-untyped-def]
    """Return when it holds."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"{what} within {within} s"
        time.sleep(0.1)
