"""Faults of BGP between real speakers: the other cell hears what the name says, and then the truth."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cellnet_core.client import Client
from simulator import lab, stack
from simulator.client import LabClient
from simulator.errors import LabUsageError

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]

PATHS = ("main-east-1", "main-east-2")
FREEZE = {"kind": "freeze", "service": "agent@main-gw1"}
"""The agent repairs what it did not want, within seconds: who wants a wrong announcement to last stops it."""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabClient]:
    """Two cells that are connected."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CELLNET_RUN_DIR", str(tmp_path_factory.mktemp("run")))
        client = lab.up("two-cells", bfd_ms=100)
        try:
            with Client.unix(str(client.manager_socket)) as api:
                ends = [api.create_endpoint(f"{cell}-end", cell) for cell in ("main", "east")]
                api.create_connection("main-east", *(end.id for end in ends))
            eventually(lambda: established(client) == {"main-gw1": 2, "east-gw1": 2})
            eventually(lambda: [len(prefixes) for prefixes in heard(client).values()] == [2, 2])
            yield client
        finally:
            client.down()


@pytest.fixture(autouse=True)
def _whole_afterwards(client: LabClient) -> Iterator[None]:
    before = heard(client)
    yield
    client.clear_all()
    eventually(lambda: established(client) == {"main-gw1": 2, "east-gw1": 2})
    eventually(lambda: heard(client) == before)


def eventually(true: Callable[[], bool], within: float = 30.0) -> None:
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, "it does not become true"
        time.sleep(0.1)


def ask(client: LabClient, gateway: str, line: str) -> list[str]:
    directory = stack.speaker_directory_on(gateway)
    argv = [sys.executable, "-m", "bgp.tell", "--directory", directory, "line", line]
    done = client.exec(gateway, argv)
    if done.returncode != 0:
        return []  # it is away, which is what some of these faults are about
    answer: list[str] = json.loads(done.stdout)["answer"]
    return answer


def established(client: LabClient) -> dict[str, int]:
    """Sessions that are up, by gateway."""
    return {
        gateway: sum(
            one["fsm"] == "ESTABLISHED"
            for line in ask(client, gateway, "show neighbor json")
            for one in json.loads(line)
        )
        for gateway in ("main-gw1", "east-gw1")
    }


def heard(client: LabClient) -> dict[str, set[str]]:
    """Prefixes that east hears, by peer."""
    found: dict[str, set[str]] = {}
    for line in ask(client, "east-gw1", "show adj-rib in json"):
        route = json.loads(line)
        found.setdefault(route["peer"]["address"], set()).add(route["route"]["nlri"]["prefix"])
    return found


def wrong(client: LabClient, fault: dict[str, Any]) -> str:
    """Inject it so that nobody repairs it."""
    return client.inject({"kind": "all", "faults": [FREEZE, fault]})


def test_a_reset_session_comes_back_and_the_fault_is_over_at_once(client: LabClient) -> None:
    before = time.monotonic()
    assert client.inject({"kind": "reset-session", "session": PATHS[0], "cell": "main"}) == ""
    assert client.faults() == ()
    eventually(lambda: established(client)["main-gw1"] == 2)
    (line,) = (entry for entry in client.timeline(before) if entry.kind.startswith("fault"))
    assert before < line.detail["t_before"] < line.detail["t_after"] < time.monotonic()


def test_a_leak_is_heard_and_gone_again(client: LabClient) -> None:
    identity = wrong(client, {"kind": "leak", "cell": "main", "prefix": "10.99.0.0/24", "link": PATHS[0]})
    eventually(lambda: ["10.99.0.0/24" in each for each in heard(client).values()].count(True) == 1)
    client.clear(identity)
    eventually(lambda: not any("10.99.0.0/24" in each for each in heard(client).values()))


def test_the_agent_repairs_a_leak_and_clearing_it_is_harmless(client: LabClient) -> None:
    identity = client.inject({"kind": "leak", "cell": "main", "prefix": "10.99.0.0/24"})
    eventually(lambda: not any("10.99.0.0/24" in each for each in heard(client).values()))
    client.clear(identity)


def test_a_hijack_is_more_specific_on_every_path(client: LabClient) -> None:
    identity = wrong(client, {"kind": "hijack", "cell": "main", "victim": "east"})
    eventually(lambda: all({"10.0.2.0/25", "fdce:11:0:2::/65"} <= each for each in heard(client).values()))
    client.clear(identity)


def test_withdrawn_prefixes_come_back_as_they_were(client: LabClient) -> None:
    before = heard(client)
    identity = wrong(client, {"kind": "withdraw", "cell": "main", "link": PATHS[0]})
    eventually(lambda: len(heard(client)) == 1)
    client.clear(identity)
    eventually(lambda: heard(client) == before)


def test_a_flood_is_heard_and_taken_back_whole(client: LabClient) -> None:
    identity = wrong(client, {"kind": "flood", "cell": "main", "count": 1200, "link": PATHS[1]})
    eventually(lambda: max(map(len, heard(client).values())) >= 1200)
    client.clear(identity)
    eventually(lambda: max(map(len, heard(client).values())) == 2)


def test_a_rogue_is_thrown_out_again_and_again_and_the_true_speaker_comes_back(client: LabClient) -> None:
    before = time.monotonic()
    malformed = {"kind": "malformed", "link": PATHS[0], "cell": "main", "sort": "attribute-length"}
    identity = client.inject(malformed)
    with pytest.raises(LabUsageError, match="another rogue speaks for main-gw1"):
        client.inject(malformed | {"link": PATHS[1]})

    def notifications() -> list[Any]:
        return [
            entry.detail["notification"] for entry in client.timeline(before) if entry.kind == "rogue-heard"
        ]

    eventually(lambda: len(notifications()) >= 2)
    assert notifications()[0] == [3, 1]  # RFC 4271 section 6.3: malformed attribute list
    assert client.show().service("speaker@main-gw1").state == "stopped"
    client.clear(identity)
    assert client.show().service("speaker@main-gw1").ready
    assert not [one.name for one in client.show().services if one.name.startswith("rogue")]


def test_what_makes_no_sense_now_is_refused(client: LabClient) -> None:
    identity = client.inject({"kind": "freeze", "service": "agent@main-gw1"})
    withdrawn = client.inject({"kind": "withdraw", "cell": "main"})
    with pytest.raises(LabUsageError, match="the speaker of main-gw1: nothing of"):
        client.inject({"kind": "withdraw", "cell": "main"})
    client.clear(withdrawn)
    client.clear(identity)
