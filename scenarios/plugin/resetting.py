"""Brings a used lab back to how it was born, and proves it. What cannot be proved is said, not hidden."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from cellnet_core.client import Client, ClientError, NotFoundError
from scenarios.plugin import looking, portrait, reviving
from scenarios.plugin.portrait import Portrait
from simulator.client import LabClient
from simulator.errors import LabError
from simulator.view import LabView

SECONDS = 6.0
"""So long a lab may take to become clean. A new one takes 3 to 5 s, and BFD needs a second to come back."""
READY_SECONDS = 15.0
"""So long services that a test ended may take to be back. On a busy machine a manager's start takes 5 s."""
SETTLE_SECONDS = 3.0
"""So long BFD is waited for: a session comes up within two by itself."""
PAUSE = 0.05
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Cleaning:
    """How a reset went. `dirt` is what is still different from the birth; empty: proved clean.

    `seconds` are from when every service was ready. A test that ends one and does not wait for it leaves that
    to the reset: `start_seconds` before.
    """

    seconds: float
    dirt: tuple[str, ...]
    waited_for: tuple[str, ...] = ()
    """What the last look but one still found."""
    start_seconds: float = 0.0


def settle(
    client: LabClient,
    api: Client,
    seconds: float = SECONDS,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Portrait:
    """The portrait of a new lab, once it is as it should be (BFD needs two seconds), or after that time."""
    deadline = now() + seconds
    wake = _Wake(client)
    while True:
        birth = looking.take(client, api)
        todo = portrait.differences(birth, birth) or wake.waited_for(birth)
        if not todo or now() >= deadline:
            return birth
        if not wake.up(birth.view, portrait.silent(birth)):
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
    asked = began = now()
    wake = _Wake(client)
    watch = _Watch(client, api, birth, wake)
    try:
        client.clear_all()
        if not all(service.ready for service in client.services()):
            _disconnect_early(client, api)
            client.wait_ready(READY_SECONDS)
        began = now()
        _undo(client, api, birth)
        wake.up(birth.view, looking.silent(client, birth.view))  # agents take connections down meanwhile
        while not watch.clean(settled=now() >= began + SETTLE_SECONDS) and now() < began + seconds:
            sleep(PAUSE)
    except (LabError, ClientError) as error:
        return Cleaning(now() - began, (f"{type(error).__name__}: {error}",))
    return Cleaning(now() - began, tuple(watch.dirt), tuple(watch.waited_for), began - asked)


def _disconnect(api: Client) -> None:
    for connection in api.connections():
        if connection.provisioning_status != "PENDING_DELETE":
            api.delete_connection(connection.id)


def _disconnect_early(client: LabClient, api: Client) -> None:
    """While services start, those that run can begin. A manager that is just ending is asked again later."""
    if all(one.ready for one in client.services() if one.name.startswith("manager@")):
        with suppress(ClientError):
            _disconnect(api)


def _undo(client: LabClient, api: Client, birth: Portrait) -> None:
    _disconnect(api)
    view = client.show()
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="cellnet-reset") as pool:
        own = {process.id for process in portrait.running(birth.view)}
        list(pool.map(client.stop, [one.id for one in portrait.running(view) if one.id not in own]))
    nodes = {node.name for node in birth.view.nodes}
    links = {link.name for link in birth.view.links}
    for link in view.links:
        if link.name not in links:
            client.remove_link(link.name)
    for node in view.nodes:
        if node.name not in nodes:
            client.remove_node(node.name)


class _Wake:
    """Wakes BFD sessions, and knows which came up.

    On a busy machine a session of 10 ms that is up may go down at any moment. One that came up since the
    reset began, and is down again, is no trace of a test, and not waited for again.
    """

    def __init__(self, client: LabClient) -> None:
        self._client = client
        self._came_up: frozenset[tuple[str, str]] = frozenset()

    def up(self, view: LabView, silent: Collection[tuple[str, str]]) -> bool:
        """Wake these (node, port) and wait for a moment until they are up. False: there was nothing to do."""
        asleep = set(silent) - self._came_up
        if asleep:
            self._came_up |= reviving.revive(self._client, view, asleep)
        return bool(asleep)

    def waited_for(self, now: Portrait) -> list[str]:
        """What is still to be waited for."""
        return portrait.unsettled(now, self._came_up)


class _Watch:
    """Looks again and again. Only nodes that differed are asked again."""

    def __init__(self, client: LabClient, api: Client, birth: Portrait, wake: _Wake) -> None:
        self._client = client
        self._api = api
        self._birth = birth
        self._wake = wake
        self._suspects: set[str] | None = None
        self.dirt: list[str] = []
        self.waited_for: list[str] = []

    def clean(self, *, settled: bool) -> bool:
        """One look: nothing differs, nor is anything unsettled, unless that `settled` enough."""
        connections = self._api.connections()
        if connections:  # before they are gone nothing is clean, and looking costs the agents time
            self.dirt = [f"connection {connection.name} exists" for connection in connections]
            return False
        _forget_endpoints(self._api, self._birth)
        now = looking.take(self._client, self._api, self._suspects)
        self.dirt = portrait.differences(self._birth, now)
        waiting = [] if settled else self._wake.waited_for(now)
        self.waited_for = [*self.dirt, *waiting] or self.waited_for
        if waiting:
            self._wake.up(now.view, portrait.silent(now))
        self._suspects = {
            name
            for name, text in now.nodes.items()
            if portrait.bfd_down(text.bfd)
            or (name in self._birth.nodes and portrait.of_node(self._birth.nodes[name], text))
        }
        return not self.dirt and not waiting


def _forget_endpoints(api: Client, birth: Portrait) -> None:
    """Endpoints and added cells: they can go once no connection uses them."""
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
