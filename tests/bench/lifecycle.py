"""How long a lab takes to come up and go, what it costs while idle, and how fast a connection comes alive."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from statistics import median

import psutil

from cellnet_core.client import Client
from simulator import lab as labs
from simulator.client import LabClient
from topologies import catalogue

IDLE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Cost:
    """An idle lab: share of one core in percent, proportional set size in MiB, number of processes."""

    cpu_percent: float
    pss_mib: float
    processes: int


def processes(client: LabClient) -> list[psutil.Process]:
    """Every process of the lab, its first one included."""
    first = psutil.Process(client.show().pid)
    return [first, *first.children(recursive=True)]


def cost(client: LabClient, seconds: float = IDLE_SECONDS) -> Cost:
    """Watch the lab do nothing for a while. CPU counts children that ended in between, too."""
    before = _cpu(processes(client))
    began = time.monotonic()
    time.sleep(seconds)
    alive = processes(client)
    used = _cpu(alive) - before
    elapsed = time.monotonic() - began
    pss = sum(process.memory_full_info().pss for process in alive) / 2**20
    return Cost(round(100 * used / elapsed, 1), round(pss, 1), len(alive))


def _cpu(alive: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:4]) for process in alive)


def up_and_down(name: str, settings: dict[str, int], rounds: int) -> dict[str, object]:
    """Seconds from the call to "all daemons ready", and from the call of down to nothing left."""
    ups, downs, idle = [], [], None
    for n in range(rounds):
        topology = catalogue.build(name, settings)
        began = time.monotonic()
        client = labs.up(topology, name=f"bench-{name}")
        ups.append(time.monotonic() - began)
        if n == 0:
            idle = cost(client)
        began = time.monotonic()
        client.down()
        downs.append(time.monotonic() - began)
    return {
        "up_s": [round(value, 2) for value in ups],
        "up_median_s": round(median(ups), 2),
        "down_s": [round(value, 2) for value in downs],
        "down_median_s": round(median(downs), 2),
        "idle": asdict(idle) if idle else None,
    }


def connect(client: LabClient, name: str = "main-east", prefixes: tuple[str, ...] = ()) -> str:
    """Two endpoints and a connection over the API, as a user would; the connection's id.

    `prefixes`: what the cell east announces; what its agent offers if there are none.
    """
    api = Client.unix(str(client.manager_socket))
    deadline = time.monotonic() + 10.0
    while len(api.agents()) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    api.create_endpoint(name="bench-main", cell="main")
    said = {"prefixes": list(prefixes)} if prefixes else {}
    api.create_endpoint(name="bench-east", cell="east", **said)
    created = api.create_connection(name, "bench-main", "bench-east")
    return created.id


def wait_online(client: LabClient, identity: str) -> None:
    """Return when the connection is ONLINE; bounded."""
    Client.unix(str(client.manager_socket)).wait_for_status(identity, timeout=30.0)


def first_round_trip(rounds: int) -> dict[str, object]:
    """Seconds from the POST of a connection to the first reply between hosts, and to ONLINE.

    The packet is a ping every 10 ms from a host of one cell to a host of the other, begun before the POST.
    """
    replies, online = [], []
    topology = catalogue.build("two-cells", {"paths": 2, "hosts": 1})
    client = labs.up(topology, name="bench-connect")
    try:
        api = Client.unix(str(client.manager_socket))
        api.create_endpoint(name="a", cell="main")
        api.create_endpoint(name="b", cell="east")
        near, far = topology.cells[0].hosts[0], topology.cells[1].hosts[0]
        target = str(far.addresses[0].ip)
        for n in range(rounds):
            ping = client.spawn(near.name, ["sh", "-c", _PING.format(target=target, n=n)], f"ping-{n}")
            began = time.monotonic()
            identity = api.create_connection(f"c{n}", "a", "b").id
            client.wait(ping, timeout=20.0)
            replies.append(time.monotonic() - began)
            api.wait_for_status(identity, timeout=20.0)
            online.append(time.monotonic() - began)
            api.delete_connection(identity)
            api.wait_until_gone(identity, timeout=20.0)
    finally:
        client.down()
    return {
        "first_reply_s": [round(value, 2) for value in replies],
        "first_reply_median_s": round(median(replies), 2),
        "online_s": [round(value, 2) for value in online],
        "online_median_s": round(median(online), 2),
    }


# Ends with the first reply; bounded by the number of tries (20 s).
_PING = "exec ping -n -i 0.01 -c 1 -w 20 {target}"
