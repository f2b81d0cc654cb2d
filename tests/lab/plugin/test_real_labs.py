"""The plugin with real labs: runs of pytest inside of tests, each with its own run directory."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from simulator import rundir
from tests.unit.plugin.conftest import ROOT, USE

pytest_plugins = ["pytester"]
pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("lab")]

CONNECT = """
import time

def connect(cellnet, expect):
    cellnet.create_endpoint("a", cell="main")
    cellnet.create_endpoint("b", cell="east")
    cellnet.create_connection("ab", "a", "b")
    expect.eventually(lambda: cellnet.connection("ab").operating_status == "ONLINE", within=20)
"""


@pytest.fixture
def base(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The inner runs' run directory; every lab in it must be gone at the end."""
    base = tmp_path_factory.mktemp("run")
    monkeypatch.setenv("CELLNET_RUN_DIR", str(base))
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
    return base


def run(pytester: pytest.Pytester, test: str, *options: str) -> pytest.RunResult:
    pytester.makepyfile(test_inner=f"{CONNECT}\n{test}")
    arguments = (*USE, "-p", "no:cacheprovider", "--timeout=60", "--cellnet-inconclusive=fail", *options)
    return pytester.runpytest_subprocess(*arguments, timeout=110)


@pytest.mark.scenario  # boots several labs: too long for every run
def test_a_broken_agent_and_a_lying_probe_fail_the_check_that_is_for_them(
    pytester: pytest.Pytester, base: Path
) -> None:
    result = run(
        pytester,
        """
import array, signal
import pytest
from simulator.probes import records

def test_an_agent_that_hangs(lab, cellnet, expect):
    lab.kill_service("agent@east-gw1", signal.SIGSTOP)      # nobody told the lab of it: no fault to take back
    cellnet.create_endpoint("a", cell="main")
    cellnet.create_endpoint("b", cell="east")
    cellnet.create_connection("ab", "a", "b")
    is_online = lambda: cellnet.connection("ab").operating_status == "ONLINE"
    expect.eventually(is_online, within=3, says="ab is up")

def test_has_another_lab(lab, cellnet):
    assert all(agent.operating_status == "ONLINE" for agent in cellnet.agents())

def by_a_slow_clock(block, start):
    times = array.array("q", [start + (at - start) // 10 for at in block.times])
    if block.kind == records.SENT:
        return records.encode_sent(block.flow, times)
    return records.encode_received(block.flow, block.sequence, block.times)

@pytest.mark.capture("wan")
def test_a_probe_that_lies(lab, cellnet, expect, probe, faults):
    connect(cellnet, expect)
    flows = probe("main", "east", rate=500)
    time.sleep(0.3)
    with faults.blackhole("main-east-1"), faults.blackhole("main-east-2"):
        time.sleep(0.5)
    time.sleep(0.5)
    flows.stop()
    for path in (lab.run_directory / "probes").glob("*/*.records"):
        blocks, _ = records.decode(path.read_bytes())
        start = int(1e9 * flows.session.started_s)
        path.write_bytes(b"".join(by_a_slow_clock(block, start) for block in blocks))
    flows.session._collector = None
    expect.budget(flows, outage_ms=5000)
""",
        "--cellnet-report=out",
    )
    result.assert_outcomes(passed=1, failed=2)
    output = result.stdout.str()
    assert re.search(r"not within 3 s: ab is up \(seen:", output)
    assert "the probe contradicts itself" in output
    assert re.search(r"replaced pytest-\d+-1: ", output), "a lab with an agent that hangs is not proved clean"
    assert "- cellnet captures -" in output
    assert re.search(r"bgp UPDATE of \d+ bytes", output)
    saved = {path.name for path in pytester.path.glob("out/*lies*/captures/*.pcapng")}
    assert saved == {"bgp-openflow.pcapng", "main-east-1-main-east-2.pcapng"}
    assert rundir.listing(base) == ()


@pytest.mark.scenario  # boots several labs: too long for every run
def test_what_breaks_is_told_and_the_next_test_has_a_clean_lab(pytester: pytest.Pytester, base: Path) -> None:
    result = run(
        pytester,
        """
def test_a_lossy_path_breaks_the_budget(lab, cellnet, expect, probe, faults):
    connect(cellnet, expect)
    flows = probe("main", "east", rate=500)
    lab.add_node("extra")
    faults.loss("main-east-1", 40)
    faults.loss("main-east-2", 40)
    faults.freeze("controller@main-ctl1")
    time.sleep(0.5)
    expect.budget(flows, lost=0)

def test_nothing_is_left(lab, cellnet, timeline):
    view = lab.show()
    assert view.faults == ()
    assert view.links == view.topology.links
    running = [one.id for one in view.processes if one.returncode is None]
    assert running == ["capture-bgp-openflow"], "the lab's own capture, since its birth"
    assert "extra" not in [node.name for node in view.nodes]
    assert all(service.ready for service in view.services)
    assert cellnet.connections() == cellnet.endpoints() == ()
    shown = lab.exec("main-gw1", ["ovs-ofctl", "-O", "OpenFlow13", "dump-flows", "br-phy"]).stdout
    assert "cookie=0xce110001" in shown
    assert "cookie=0xce110003" not in shown
    assert list(timeline(kind="fault")) == []

def test_a_process_and_a_file_are_left_behind(lab):
    lab.exec("main-h1", ["sh", "-c", "touch /tmp/left; setsid sleep 4711 >/dev/null 2>&1 &"])

def test_gets_another_lab(lab):
    assert lab.exec("main-h1", ["pgrep", "-f", "^sleep 4711"]).stdout == ""
    assert lab.exec("main-h1", ["test", "-e", "/tmp/left"]).returncode == 1
""",
        "--cellnet-report=out",
    )
    result.assert_outcomes(passed=3, failed=1, errors=1)
    output = result.stdout.str()
    assert "packets lost, budget 0" in output
    assert "contradicts itself" not in output
    for section in ("timeline", "plans", "probes", "captures", "logs", "machine", "lab"):
        assert f"- cellnet {section} -" in output
    assert re.search(r"lab +fault +.*fault=.*main-east-2", output)
    assert re.search(r"add group 1: no group has the next hops", output)
    assert re.search(r"main-east-v4: \d+ of \d+ lost", output)
    assert re.search(r"logs/speaker-main-gw1\.log:\n", output)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at teardown of test_a_process_and_a_file_are_left_behind*",
            "  process in the sandbox: * sleep 4711",
            "  file in the sandbox: /tmp/left",
            "2 labs started, 3 resets (median *",
        ]
    )
    assert rundir.listing(base) == ()
    documents = [json.loads(path.read_text()) for path in pytester.path.glob("out/*/report.json")]
    failed = next(one for one in documents if one["outcome"] == "failed")
    assert sum(flow["lost"] for flow in failed["probes"][0]["flows"] if not flow["control"]) > 0
    assert [fault["fault"]["kind"] for fault in failed["faults"]] == ["loss", "loss", "freeze"]


@pytest.mark.scenario  # boots several labs: too long for every run
def test_each_worker_of_xdist_has_a_sandbox_of_its_own(pytester: pytest.Pytester, base: Path) -> None:
    result = run(
        pytester,
        """
import pytest

@pytest.mark.parametrize("n", range(2))
def test_it(lab, n):
    lab.inject({"kind": "cut", "link": "main-east-1"})
    assert len(lab.faults()) == 1
""",
        *("-n", "2", "--dist", "each"),
    )
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines_random(["gw0: 1 lab started, 2 resets*", "gw1: 1 lab started, 2 resets*"])
    assert rundir.listing(base) == ()


@pytest.mark.scenario  # boots several labs: too long for every run
def test_a_killed_run_leaves_no_lab_once_another_has_run(pytester: pytest.Pytester, base: Path) -> None:
    result = run(pytester, "import os\ndef test_it(lab): os.kill(os.getpid(), 9)")
    assert result.ret == -9
    (left,) = rundir.listing(base)
    assert left.alive()
    result = run(pytester, "def test_it(lab): pass")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"ended the lab of a run that is gone: {left.name}"])
    assert rundir.listing(base) == ()
