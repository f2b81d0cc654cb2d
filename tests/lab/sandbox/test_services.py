"""The lab's own supervision of the real daemons: each comes back on its own, and so do its traces."""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Iterator

import pytest

from simulator import lab
from simulator.client import LabClient
from simulator.launcher import SESSION_NICE
from simulator.processes import BACKGROUND_NICE

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("lab")]


@pytest.fixture(scope="module")
def client() -> Iterator[LabClient]:
    """One lab for all tests of this file; the last one takes a node away."""
    told: list[str] = []
    with tempfile.TemporaryDirectory(prefix="cn-") as base, pytest.MonkeyPatch.context() as patch:
        patch.setenv("CELLNET_RUN_DIR", base)
        client = lab.up("two-cells", progress=told.append)
        assert "gateway main-gw1: agent ready" in told
        assert "manager main-mgr: manager ready" in told
        yield client
        client.down()


def test_every_service_is_ready_and_comes_back_alone_after_kill_9(client: LabClient) -> None:
    before = {service.name: service for service in client.services()}
    assert sorted(before) == sorted(
        [
            *(
                f"{role}@{cell}-gw1"
                for cell in ("main", "east")
                for role in ("ovsdb", "switch", "agent", "speaker")
            ),
            "controller@main-ctl1",
            "controller@east-ctl1",
            "manager@main-mgr",
        ]
    )
    assert all(service.ready for service in before.values())
    victims = (
        "agent@east-gw1",
        "speaker@main-gw1",
        "controller@main-ctl1",
        "manager@main-mgr",
        "switch@east-gw1",
    )
    began = time.monotonic()
    for victim in victims:
        client.kill_service(victim, signal.SIGKILL)
    client.wait_ready(60)
    after = {service.name: service for service in client.services()}
    for name, service in after.items():
        assert service.restarts == (1 if name in victims else 0), name
        assert (service.pid == before[name].pid) == (name not in victims)
    exits = [entry.detail for entry in client.timeline(began) if entry.kind == "service-exit"]
    assert {detail["service"]: detail["returncode"] for detail in exits} == dict.fromkeys(victims, -9)


def test_a_switch_does_not_share_its_processor_time_with_the_control_plane(client: LabClient) -> None:
    pids = {service.name: service.pid for service in client.services()}
    seen = client.exec("main-mgr", ["ps", "-o", "pid=,sid=,ni=", *(str(pid) for pid in pids.values())])
    shown = {int(pid): (int(sid), int(ni)) for pid, sid, ni in map(str.split, seen.stdout.splitlines())}
    switches = {pid for name, pid in pids.items() if name.startswith("switch@")}
    others = set(pids.values()) - switches
    # sched(7): the kernel divides processors among sessions first, and among processes where it does not
    assert all(shown[pid] == (pid, 0) for pid in switches)
    assert {shown[pid] for pid in others} == {(0, BACKGROUND_NICE)}, "a session begun outside of the sandbox"
    first = client.exec("main-mgr", ["cat", "/proc/1/autogroup"])
    if first.returncode == 0:
        assert first.stdout.split()[-1] == str(SESSION_NICE)


def test_restart_in_order_returns_when_it_is_ready(client: LabClient) -> None:
    began = time.monotonic()
    client.restart_service("controller@east-ctl1")
    service = client.show().service("controller@east-ctl1")
    assert service.ready
    exits = [entry.detail for entry in client.timeline(began) if entry.kind == "service-exit"]
    assert [(detail["service"], detail["asked"]) for detail in exits] == [("controller@east-ctl1", True)]


def test_the_switchs_own_programs_find_it(client: LabClient) -> None:
    shown = client.exec("main-gw1", ["ovs-vsctl", "--timeout=5", "list-br"])
    assert shown.stdout.split() == ["br-int", "br-phy"], shown.stderr


def test_the_manager_answers_on_the_host(client: LabClient) -> None:
    import httpx

    transport = httpx.HTTPTransport(uds=str(client.manager_socket))
    with httpx.Client(transport=transport, base_url="http://manager") as http:
        cells = http.get("/v1/cells").json()["cells"]
    assert sorted(cell["name"] for cell in cells) == ["east", "main"]


def test_removing_a_node_ends_its_services(client: LabClient) -> None:
    client.remove_node("east-ctl1")
    assert "controller@east-ctl1" not in {service.name for service in client.services()}
    assert "east-ctl1" not in {link.name for link in client.show().links}
