"""Safety properties on a real lab: each planted fault is seen by the survey that scenarios use, and undone.

The agents stand still meanwhile: they would remove what does not belong there within seconds.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cellnet_core.client import Client
from scenarios import surveying
from scenarios.capturing import Recorder
from scenarios.lookout.session import Watchman
from scenarios.lookout.values import ONE_OF, Told
from scenarios.safety import judging
from scenarios.safety.values import LOOPLESS, OWNED, RIGHT_CELL, Survey
from simulator import lab as labs
from simulator.captures import frames
from simulator.client import LabClient
from simulator.probes.flows import between
from simulator.probes.session import ProbeSession
from topologies import catalogue

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("lab"), pytest.mark.timeout(180)]

TOPOLOGY = catalogue.build("two-cells", {"paths": 2, "hosts": 2})
MAIN, EAST = (cell.hosts for cell in TOPOLOGY.cells)
TO_MAIN = str(MAIN[0].addresses[0].ip)
TO_EAST = str(EAST[0].addresses[0].ip)
BRIDGE = "unix:$OVS_RUNDIR/br-phy.mgmt"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabClient]:
    """A lab with a connection, its agents standing still."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CELLNET_RUN_DIR", str(tmp_path_factory.mktemp("run")))
        lab = labs.up(TOPOLOGY, name="safe", bfd_ms=100)
        try:
            with Client.unix(str(lab.manager_socket)) as api:
                for cell in ("main", "east"):
                    api.create_endpoint(f"{cell}-end", cell)
                api.create_connection("main-east", "main-end", "east-end")
                api.wait_for_status("main-east", timeout=60)
            assert lab.exec("main-h1", ["ping", "-c1", "-w10", TO_EAST]).returncode == 0
            for gateway in ("main-gw1", "east-gw1"):
                lab.inject({"kind": "freeze", "service": f"agent@{gateway}"})
            yield lab
        finally:
            lab.down()


@pytest.fixture
def before(client: LabClient) -> Iterator[Survey]:
    """A sound lab, before and after."""
    sound = surveying.survey(client, TOPOLOGY)
    assert judging.judge(TOPOLOGY, sound, sound) == ()
    assert set(sound.gateways) == {"main-gw1", "east-gw1"}
    yield sound
    again = surveying.survey(client, TOPOLOGY)
    assert judging.judge(TOPOLOGY, again, again) == ()


def ofctl(client: LabClient, gateway: str, verb: str, flow: str) -> None:
    script = f"ovs-ofctl -O OpenFlow13 {verb} {BRIDGE} '{flow}'"
    done = client.exec(gateway, ["sh", "-c", script])
    assert done.returncode == 0, done.stderr


def seen(client: LabClient, before: Survey, gateway: str, flow: str, ping: str = "") -> dict[str, list[str]]:
    """What a survey finds while that flow is there, by property; `ping`: after east-h1 sent there."""
    ofctl(client, gateway, "add-flow", flow)
    try:
        if ping:
            client.exec("east-h1", ["ping", "-c", "3", "-i", "0.1", "-W", "1", ping])
        now = surveying.survey(client, TOPOLOGY)
    finally:
        match, _, _ = flow.partition(",actions")
        keys = [part for part in match.split(",") if not part.startswith("cookie")]
        ofctl(client, gateway, "--strict del-flows", ",".join(keys))
    found: dict[str, list[str]] = {}
    for one in judging.judge(TOPOLOGY, now, before):
        found.setdefault(one.says, []).append(one.what)
    return found


def test_a_flow_that_somebody_installed_by_hand_has_no_owner(client: LabClient, before: Survey) -> None:
    found = seen(client, before, "main-gw1", "table=10,priority=2000,ip,nw_dst=192.0.2.1,actions=drop")
    assert set(found) == {OWNED}
    assert "main-gw1" in found[OWNED][0]


def test_a_flow_that_delivers_to_the_wrong_cell(client: LabClient, before: Survey) -> None:
    flow = (
        f"table=10,priority=2000,cookie=0xce11000200000002,ip,nw_dst={TO_EAST},"
        f"actions=dec_ttl,set_field:{MAIN[0].mac}->eth_dst,output:to-int"
    )
    found = seen(client, before, "main-gw1", flow)
    assert "delivered in main by main-gw1" in found[RIGHT_CELL][0]


def test_packets_that_reach_the_wrong_host_are_counted_there(client: LabClient, before: Survey) -> None:
    flow = (
        f"table=10,priority=2000,cookie=0xce11000200000002,ip,nw_dst={TO_MAIN},"
        f"actions=dec_ttl,set_field:{MAIN[1].mac}->eth_dst,output:to-int"
    )
    found = seen(client, before, "main-gw1", flow, ping=TO_MAIN)
    assert set(found) == {RIGHT_CELL}
    assert f"packets to {TO_MAIN} are delivered to main-h2 by main-gw1" in found[RIGHT_CELL]
    assert "main-h2 got 3 packets for somebody else" in found[RIGHT_CELL]


def test_a_loop_between_two_gateways(client: LabClient, before: Survey) -> None:
    flow = f"table=10,priority=2000,cookie=0xce11000200000001,ip,nw_dst={TO_EAST},actions=dec_ttl,output:wan1"
    found = seen(client, before, "east-gw1", flow)
    assert set(found) == {LOOPLESS}
    assert "go round" in found[LOOPLESS][0]


# --- what is there for a moment only, between two surveys -------------------------------------------

MOMENT = 0.3


@pytest.fixture(scope="module")
def watchman(client: LabClient) -> Iterator[Watchman]:
    """A lookout, and probes that run all the while."""
    watchman = Watchman(client, TOPOLOGY)
    watchman.start()
    session = ProbeSession(client, between(TOPOLOGY, "main", "east", rate=500), "watched")
    session.start()
    try:
        yield watchman
    finally:
        session.stop()
        watchman.end()


@pytest.fixture
def quiet(watchman: Watchman) -> Watchman:
    """Nothing is wrong, and the probes are seen."""
    deadline = time.monotonic() + 10
    told = watchman.take()
    while not told.samples:
        assert time.monotonic() < deadline, "no sample of the probes was seen"
        time.sleep(0.1)
        told = watchman.take()
    assert (told.sightings, told.unseen, told.gone) == ((), (), "")
    return watchman


def for_a_moment(client: LabClient, gateway: str, flow: str, seconds: float = MOMENT) -> tuple[float, float]:
    """A flow that is there for so long, by one program; from when to when it may have been."""
    match, _, _ = flow.partition(",actions")
    keys = ",".join(part for part in match.split(",") if not part.startswith("cookie"))
    ofctl = "ovs-ofctl -O OpenFlow13"
    add, remove = f"{ofctl} add-flow {BRIDGE} '{flow}'", f"{ofctl} --strict del-flows {BRIDGE} '{keys}'"
    began = time.monotonic()
    done = client.exec(gateway, ["sh", "-c", f"{add}; sleep {seconds}; {remove}"])
    assert done.returncode == 0, done.stderr
    ended = time.monotonic()
    assert judging.judge(TOPOLOGY, surveying.survey(client, TOPOLOGY)) == (), "a survey comes too late"
    return began, ended


def words(told: Told, says: str) -> str:
    return "; ".join(seen.what for seen in told.sightings if seen.says == says)


def test_a_loop_that_is_there_for_a_moment(client: LabClient, quiet: Watchman) -> None:
    """East sends back to main what is for its own host, and main's tables lead to east again."""
    flow = f"table=10,priority=2000,cookie=0xce11000200000001,ip,nw_dst={TO_EAST},actions=dec_ttl,in_port"
    began, ended = for_a_moment(client, "east-gw1", flow)
    told = quiet.take()
    assert f"to {TO_EAST} went round: at main-gw1" in words(told, LOOPLESS)
    (seen,) = [one for one in told.sightings if one.says == LOOPLESS]
    assert began <= seen.first <= seen.last <= ended
    assert seen.count > 50
    written = [fact for fact in client.timeline(began) if fact.kind == "unsafe"]
    assert written[0].t == pytest.approx(seen.first, abs=0.001)
    assert quiet.take().sightings == (), "it is told once"


def test_packets_that_come_to_the_wrong_cell_for_a_moment(client: LabClient, quiet: Watchman) -> None:
    """Main sends what is for its own host into the WAN, by the path by which it did not come."""
    flow = f"table=10,priority=2000,cookie=0xce11000200000001,ip,nw_dst={TO_MAIN}"
    for_a_moment(client, "main-gw1", f"{flow},actions=output:wan1,output:wan2")
    assert f"to {TO_MAIN} of main came to east: at east-gw1 wan" in words(quiet.take(), RIGHT_CELL)


def test_a_flow_without_an_owner_that_comes_and_goes(client: LabClient, quiet: Watchman) -> None:
    for_a_moment(client, "main-gw1", "table=10,priority=2000,ip,nw_dst=192.0.2.1,actions=drop", 0.0)
    assert "main-gw1 had a flow of nobody's" in words(quiet.take(), OWNED)


def test_a_run_s_packets_become_files_of_its_report(
    client: LabClient, quiet: Watchman, tmp_path: Path
) -> None:
    """As `scenario run --capture wan,bgp` does: one file a word, readable, moved out of the lab."""
    recorder = Recorder(("wan", "bgp"))
    recorder.start(client)
    told = quiet.take()
    while not told.samples:  # so packets passed
        time.sleep(0.05)
        told = quiet.take()
    captured = recorder.collect(tmp_path)
    assert [one.file for one in captured] == ["captures/wan.pcapng", "captures/bgp.pcapng"]
    assert all((tmp_path / one.file).stat().st_size == one.size for one in captured)
    seen = {frame.interface for frame in frames.read([tmp_path / "captures/wan.pcapng"])}
    assert {"main-gw1:wan1", "east-gw1:wan2"} <= seen
    assert not list((client.run_directory / "captures").rglob("*.pcapng"))


def test_of_sound_packets_few_wake_anybody(quiet: Watchman) -> None:
    """One of 256: 500 a second and flow, each at the one port where it comes in."""
    quiet.take()
    began = time.monotonic()
    time.sleep(1)
    told = quiet.take()
    assert told.samples <= 4 * 500 * (time.monotonic() - began) / ONE_OF + 8
