"""Brings a used lab back to how it was born, and proves it. What cannot be proved is said, not hidden."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from cellnet_core.client import Client, ClientError, NotFoundError
from scenarios.plugin import looking, portrait
from scenarios.plugin.portrait import Portrait
from simulator.client import LabClient
from simulator.errors import LabError

SECONDS = 6.0
"""So long a lab may take to become clean. A new one takes 3 to 5 s, and BFD needs a second to come back."""
READY_SECONDS = 5.0
PAUSE = 0.05
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Cleaning:
    """How a reset went. `dirt` is what is still different from the birth; empty: proved clean."""

    seconds: float
    dirt: tuple[str, ...]


def settle(
    client: LabClient,
    api: Client,
    seconds: float = SECONDS,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Portrait:
    """The portrait of a new lab, once it is as it should be (BFD needs two seconds), or after that time."""
    deadline = now() + seconds
    while True:
        birth = looking.take(client, api)
        if not portrait.differences(birth, birth) or now() >= deadline:
            return birth
        sleep(PAUSE)


def reset(
    client: LabClient,
    api: Client,
    birth: Portrait,
    seconds: float = SECONDS,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Cleaning:
    """Undo everything that the lab and the API know of, then look until nothing differs from the birth."""
    began = now()
    try:
        _undo(client, api, birth)
        dirt = _prove(client, api, birth, began + seconds, now, sleep)
    except (LabError, ClientError) as error:
        dirt = [f"{type(error).__name__}: {error}"]
    return Cleaning(now() - began, tuple(dirt))


def _undo(client: LabClient, api: Client, birth: Portrait) -> None:
    client.clear_all()
    client.wait_ready(READY_SECONDS)
    for connection in api.connections():
        if connection.provisioning_status != "PENDING_DELETE":
            api.delete_connection(connection.id)
    view = client.show()  # agents take connections down meanwhile
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="cellnet-reset") as pool:
        list(pool.map(client.stop, [process.id for process in portrait.running(view)]))
    nodes = {node.name for node in birth.view.nodes}
    links = {link.name for link in birth.view.links}
    for link in view.links:
        if link.name not in links:
            client.remove_link(link.name)
    for node in view.nodes:
        if node.name not in nodes:
            client.remove_node(node.name)


def _prove(
    client: LabClient,
    api: Client,
    birth: Portrait,
    deadline: float,
    now: Callable[[], float],
    sleep: Callable[[float], None],
) -> list[str]:
    """Look until nothing differs; what did at the last look. Asks again only nodes that did."""
    suspects: set[str] | None = None
    while True:
        _forget_endpoints(api, birth)
        dirt = []
        if not api.connections():  # before that nothing can be clean, and looking costs the agents time
            seen = looking.take(client, api, suspects)
            dirt = portrait.differences(birth, seen)
            suspects = {
                name
                for name, text in seen.nodes.items()
                if name in birth.nodes and portrait.of_node(birth.nodes[name], text)
            }
            if not dirt:
                return []
        if now() >= deadline:
            return dirt or [f"connection {connection.name} exists" for connection in api.connections()]
        sleep(PAUSE)


def _forget_endpoints(api: Client, birth: Portrait) -> None:
    """Endpoints and added cells can go once no connection uses them."""
    if api.connections():
        return
    for endpoint in api.endpoints():
        _gone_is_good(api.delete_endpoint, endpoint.id)
    known = {cell.split()[0] for cell in birth.told.cells}
    for cell in api.cells():
        if cell.name not in known:
            _gone_is_good(api.delete_cell, cell.id)


def _gone_is_good(delete: Callable[[str], None], identity: str) -> None:
    try:
        delete(identity)
    except NotFoundError:
        return
