"""What must hold in a lab once every fault is over: each check returns what is wrong, in words.

Processes are counted from the host's /proc, tables are read from the switches themselves: nothing here
believes the agents.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from bgp import readback
from tests.soak.world import World, version
from topologies.model import Link, Port

QUIET_S = 3.5
"""Seconds without a plan after which an agent has nothing left to do: its resync comes every 3."""
QUIET_WITHIN_S = 25.0
_TROUBLE = re.compile(
    r"Traceback|\bCRITICAL\b|\bERROR\b|never retrieved|never awaited|Unhandled|assertion failed|Segmentation",
)
_EXPECTED_TROUBLE = re.compile(
    # ExaBGP's level for sessions that end, which faults are there to make them do.
    r"^\d\d:\d\d:\d\d \d+ +(outgoing|incoming|peer|reactor|network)|"
    # A controller that the switch lost, or the other way round.
    r"\|(rconn|stream_tcp|vconn|jsonrpc|reconnect)\|"
)
NODES = "/run/lab/nodes"
"""Where the sandbox has the files of its nodes."""
_OURS = ("0xce110001", "0xce110002", "0xce110003")
_COUNTERS = re.compile(r"(duration|n_packets|n_bytes|idle_age|hard_age)=[^,]*, ")


@dataclass
class Baseline:
    """How a lab was before any fault: kinds of processes, and how far each log was read."""

    processes: Counter[str]
    logs: dict[str, int] = field(default_factory=dict)
    files: dict[int, int] = field(default_factory=dict)
    """Open files of each process (host pid) when it was first seen."""


def baseline(world: World) -> Baseline:
    """Take it while nothing happens."""
    return Baseline(processes(world))


def check(world: World, before: Baseline, settle_s: float) -> list[str]:
    """All checks, once the lab has settled; what is wrong, nothing when all is well."""
    late = settle(world, settle_s)
    if late:
        return late
    # Processes last: pings are processes too.
    return [
        *world.forgotten(),
        *damage(world),
        *tables(world),
        *neighbours(world),
        *packets(world),
        *leftovers(world, before),
        *log_trouble(world, before),
    ]


def settle(world: World, within: float) -> list[str]:
    """Wait until services run, connections are as ordered and agents plan nothing more."""
    deadline = time.monotonic() + within
    why = ""
    while time.monotonic() < deadline:
        late = [f"{s.name} is {s.state}" for s in world.lab.services() if not s.ready]
        why = "; ".join(late) or world.settled()
        if not why:
            break
        time.sleep(0.1)
    else:
        return [f"not settled within {within:g} s: {why}"]
    start = time.monotonic()
    while time.monotonic() - start < QUIET_WITHIN_S:
        since = time.monotonic() - QUIET_S
        busy = [e for e in world.lab.timeline(since) if e.kind == "plan"]
        if not busy and time.monotonic() - start > QUIET_S and not world.settled():
            return []
        time.sleep(0.3)
    last = [str(entry.detail)[:600] for entry in world.lab.timeline(start) if entry.kind == "plan"]
    return [f"agents do not come to rest, or not settled again ({world.settled()}): {last[-3:]}"]


# --- tables -------------------------------------------------------------------------------------------


def dump(world: World, gateway: str) -> tuple[list[str], list[str]]:
    """Flows and groups of a gateway as the switch tells them, without counters."""

    def ofctl(what: str) -> list[str]:
        command = ["ovs-ofctl", "-O", "OpenFlow13", "--names", what, "br-phy"]
        lines = world.lab.exec(gateway, command).stdout.splitlines()
        return sorted(_COUNTERS.sub("", line).strip() for line in lines if "reply" not in line)

    return ofctl("dump-flows"), ofctl("dump-groups")


def tables(world: World) -> list[str]:
    """Unowned flows, prefixes without group, groups without all paths, remains of deleted connections."""
    problems: list[str] = []
    for cell in world.topology.cells:
        peers = [name for pair in world.joined if cell.name in pair for name in pair if name != cell.name]
        for gateway in cell.gateways:
            flows, groups = dump(world, gateway.name)
            problems += [
                f"{gateway.name}: unowned {flow}" for flow in flows if not flow.startswith(_cookies())
            ]
            into = [flow for flow in flows if "group:" in flow]
            wanted = {
                prefix
                for peer in peers
                for prefix in world.prefixes(peer)
                if version(prefix) in world.families(cell.name, peer)
            }
            there = {match[1] for flow in into if (match := re.search(r"(?:nw|ipv6)_dst=(\S+)", flow))}
            if wanted != there:
                problems.append(f"{gateway.name}: routes to {sorted(there)}, wanted {sorted(wanted)}")
            groups = [group for group in groups if "type=all" not in group]  # the copies of last resorts
            if len(groups) != len(peers):
                problems.append(f"{gateway.name}: {len(groups)} groups for {len(peers)} peers: {groups}")
            expected = sum(
                len(world.fibres(pair)) + 1 for pair in world.joined if cell.name in pair
            )  # and a last resort each
            buckets = sum(group.count("bucket=") for group in groups)
            if buckets != expected:
                problems.append(f"{gateway.name}: {buckets} buckets, wanted {expected}: {groups}")
            base = [flow for flow in flows if flow.startswith(f"cookie={_OURS[0]}")]
            if not base:
                problems.append(f"{gateway.name}: no base flows")
    return problems


def _cookies() -> tuple[str, ...]:
    return tuple(f"cookie={prefix}" for prefix in _OURS)


# --- neighbours, database -----------------------------------------------------------------------------


def neighbours(world: World) -> list[str]:
    """BGP neighbours that no connection needs, and needed ones that are not there, as ExaBGP says."""
    problems = []
    for cell in world.topology.cells:
        for gateway in cell.gateways:
            wanted = {
                str(end.addresses[0].ip)
                for pair in world.joined
                for name in world.fibres(pair)
                for end in _far_end(world.topology.link(name), gateway.name)
            }
            command = [sys.executable, "-m", "bgp.tell", "--directory", f"{NODES}/{gateway.name}/speaker"]
            said = world.lab.exec(gateway.name, [*command, "line", "show neighbor json"], timeout=30.0)
            if said.returncode:
                problems.append(f"{gateway.name}: the speaker does not say its neighbours: {said.stderr}")
                continue
            answer = json.loads(said.stdout)["answer"]
            there = {session.peer.remote for session in readback.parse_sessions(answer)}
            if wanted != there:
                problems.append(f"{gateway.name}: neighbours {sorted(there)}, wanted {sorted(wanted)}")
    return problems


def _far_end(link: Link, gateway: str) -> list[Port]:
    """The other end, IPv4 first, of a link of this gateway; nothing of somebody else's."""
    ends = {link.a.node: link.b, link.b.node: link.a}
    return [ends[gateway]] if gateway in ends else []


def damage(world: World) -> list[str]:
    """What `cellnet-manage db check` finds in the manager's database."""
    manager = next(s.name.partition("@")[2] for s in world.lab.services() if s.name.startswith("manager@"))
    config = f"{NODES}/{manager}/manager.json"
    command = [str(Path(sys.executable).parent / "cellnet-manage"), "--config", config, "db", "check"]
    done = world.lab.exec(manager, command, timeout=30.0)
    return [] if done.returncode == 0 else [f"cellnet-manage db check: {done.stdout} {done.stderr}"]


# --- packets ------------------------------------------------------------------------------------------


def packets(world: World) -> list[str]:
    """Hosts that do not reach each other and should, and the other way round."""
    tasks = [(a, address, True) for a, _, addresses in world.host_pairs() for address in addresses]
    tasks += [(a, address, False) for a, address in world.strangers()]

    def ping(task: tuple[str, str, bool]) -> str:
        host, address, wanted = task
        command = ["ping", "-n", "-q", "-c", "3", "-i", "0.2", "-W", "1", address]
        done = world.lab.exec(host, command)
        answered = re.search(r"(\d+) received", done.stdout)
        got = int(answered[1]) if answered else 0
        if wanted and got < 3:
            return f"{host} to {address}: {got} of 3 echoes came back"
        return f"{host} reaches {address} without a connection" if got and not wanted else ""

    with ThreadPoolExecutor(6) as pool:
        return [problem for problem in pool.map(ping, tasks) if problem]


# --- processes, files, logs ---------------------------------------------------------------------------


def processes(world: World) -> Counter[str]:
    """Command lines of everything that runs in the sandbox, without what this module starts itself."""
    return Counter(_command(pid) for pid in _pids(world))


def leftovers(world: World, before: Baseline) -> list[str]:
    """Processes that were not there before and do not end, and processes that hold ever more files."""
    deadline = time.monotonic() + 10
    while True:
        now = processes(world)
        # Switch tools and pings come and go.
        extra = {name: n for name, n in (now - before.processes).items() if name}
        if not extra or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    missing = before.processes - now
    problems = [f"{n} more of: {name}" for name, n in extra.items()]
    problems += [f"{n} missing of: {name}" for name, n in missing.items()]
    for pid in _pids(world):
        try:
            count = len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208
        except OSError:
            continue
        first = before.files.setdefault(pid, count)
        if count > first + 15:
            problems.append(f"{_command(pid)} held {first} files and holds {count}")
    return problems


def memory_mb(world: World) -> Mapping[str, float]:
    """Resident memory of each long-running process by its command line, in megabytes."""
    found: dict[str, float] = {}
    for pid in _pids(world):
        try:
            status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        except OSError:
            continue
        resident = re.search(r"VmRSS:\s+(\d+)", status)
        if resident:
            found[f"{_command(pid)}#{pid}"] = int(resident[1]) / 1024
    return found


def log_trouble(world: World, before: Baseline) -> list[str]:
    """Lines of logs, written since the last look, that say that a program met something unforeseen."""
    problems = []
    for path in sorted(world.lab.run_directory.joinpath("logs").iterdir()):
        start = before.logs.get(path.name, 0)
        with path.open("rb") as file:
            file.seek(start)
            text = file.read()
        before.logs[path.name] = start + len(text)
        lines = text.decode(errors="replace").splitlines()
        for number, line in enumerate(lines):
            if _TROUBLE.search(line) and not _EXPECTED_TROUBLE.search(line):
                problems.append(f"{path.name}: " + " / ".join(lines[number : number + 25])[:2500])
                break
    return problems


def _pids(world: World) -> Iterable[int]:
    """Host pids of everything in the lab's pid namespace."""
    daemon = world.lab.daemon_pid()
    home = os.readlink(f"/proc/{daemon}/ns/pid")  # noqa: PTH115
    for entry in os.listdir("/proc"):  # noqa: PTH208
        if not entry.isdigit():
            continue
        try:
            if os.readlink(f"/proc/{entry}/ns/pid") == home:  # noqa: PTH115
                yield int(entry)
        except OSError:
            continue


def _command(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return ""
    name = " ".join(words).strip()
    return "" if name.startswith(("ping ", "ovs-ofctl ", "ovs-vsctl ", "nft ")) else name
