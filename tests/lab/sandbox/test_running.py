"""What can be done with a running lab: programs, nodes, links, faults, the timeline."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from ipaddress import IPv4Interface

import pytest

from simulator import lab, rundir
from simulator.client import LabClient
from simulator.errors import LabTimeoutError, LabUsageError, UnknownTargetError
from topologies import catalogue
from topologies.model import Link, LinkKind, Port

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("lab")]


@pytest.fixture(scope="module")
def client() -> Iterator[LabClient]:
    """One lab for all tests of this file: each leaves it as it found it."""
    with tempfile.TemporaryDirectory(prefix="cn-") as base, pytest.MonkeyPatch.context() as patch:
        patch.setenv("CELLNET_RUN_DIR", base)
        client = lab.up("two-cells", services=False)
        yield client
        client.down()


def pings(client: LabClient, node: str, address: str) -> bool:
    return client.exec(node, ["ping", "-c", "1", "-W", "2", address]).returncode == 0


def test_show_has_every_node_link_and_address_of_the_topology(client: LabClient) -> None:
    topology = catalogue.build("two-cells")
    view = client.show()
    assert view.topology == topology
    assert view.links == topology.links
    ends = {(port.node, port.name) for link in topology.links for port in (link.a, link.b)}
    assert {(node.name, interface) for node in view.nodes for interface in node.interfaces} == ends
    assert view.run_directory == str(client.run_directory)
    for link in topology.links:
        for port in (link.a, link.b):
            shown = client.exec(port.node, ["ip", "-o", "address", "show", "dev", port.name]).stdout
            link_shown = client.exec(port.node, ["ip", "-o", "link", "show", "dev", port.name]).stdout
            assert (port.link_mac or port.mac) in link_shown
            assert "state UP" in link_shown
            for address in port.addresses:
                assert (f" {address} " in shown) == (port.l3_port is None), (port, shown)


def test_hosts_route_through_their_gateway_and_compute_their_checksums(client: LabClient) -> None:
    assert "default via 10.0.1.1 " in client.exec("main-h1", ["ip", "route"]).stdout
    assert "default via fdce:11:0:1::1 " in client.exec("main-h1", ["ip", "-6", "route"]).stdout
    for node, interface in (("main-h1", "eth0"), ("main-gw1", "lan1"), ("main-gw1", "wan1")):
        features = client.exec(node, ["ethtool", "-k", interface]).stdout
        assert "tx-checksumming: off" in features


def test_the_management_network_joins_gateways_and_manager(client: LabClient) -> None:
    assert pings(client, "main-mgr", "100.64.1.1")
    assert pings(client, "east-gw1", "100.64.0.1")
    assert pings(client, "east-ctl1", "192.168.254.1")


def test_exec_gives_output_status_and_input(client: LabClient) -> None:
    done = client.exec("main-h1", ["sh", "-c", "cat; echo wrong >&2; exit 7"], input="given")
    assert (done.stdout, done.stderr, done.returncode) == ("given", "wrong\n", 7)


def test_exec_is_bounded_and_kills_what_it_started(client: LabClient) -> None:
    with pytest.raises(LabTimeoutError, match=r"sleep in main-h1 ran longer than 0\.2 s"):
        client.exec("main-h1", ["sleep", "4711"], timeout=0.2)
    assert client.exec("main-h1", ["pgrep", "-f", "^sleep 4711"]).stdout == ""


def test_what_does_not_exist_is_named_with_what_does(client: LabClient) -> None:
    with pytest.raises(UnknownTargetError, match="no node 'nowhere'; nodes: mgmt, main-mgr, main-gw1"):
        client.exec("nowhere", ["true"])
    with pytest.raises(UnknownTargetError, match="cannot run 'no-such-program'"):
        client.exec("main-h1", ["no-such-program"])
    with pytest.raises(UnknownTargetError, match="no background process 'x'; there are: "):
        client.stop("x")
    with pytest.raises(UnknownTargetError, match="no service 'agent@main-gw1'; services: none"):
        client.kill_service("agent@main-gw1", signal.SIGKILL)
    with pytest.raises(UnknownTargetError, match="no fault 'f9' in force; there are: none"):
        client.clear("f9")
    with pytest.raises(UnknownTargetError, match="there is no link 'x'; links: east-ctl1"):
        client.remove_link("x")
    with pytest.raises(LabUsageError, match="no command"):
        client.exec("main-h1", [])
    with pytest.raises(LabUsageError):
        client.inject({"kind": "no-such-fault"})


def test_background_processes_are_named_logged_stopped_and_waited_for(client: LabClient) -> None:
    first = client.spawn("main-h1", ["sh", "-c", "echo $WORD; exec sleep 1000"], "probe", {"WORD": "said"})
    second = client.spawn("main-h1", ["sh", "-c", "exit 3"], "probe")
    assert (first, second) == ("probe", "probe-2")
    assert client.wait(second, 20) == 3
    with pytest.raises(LabTimeoutError):
        client.wait(first, 0.1)
    assert client.stop(first) == -signal.SIGTERM
    assert (client.run_directory / "logs" / "run-probe.log").read_text() == "said\n"
    ended = {view.id: view.returncode for view in client.show().processes}
    assert (ended["probe"], ended["probe-2"]) == (-signal.SIGTERM, 3)


def test_a_deaf_background_process_is_killed(client: LabClient) -> None:
    deaf = client.spawn(
        "main-h1", ["sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.1; done"], "deaf"
    )
    log = client.run_directory / "logs" / "run-deaf.log"
    deadline = time.monotonic() + 10
    while log.read_text() != "deaf\n":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert client.stop(deaf) == -signal.SIGKILL


def test_nodes_and_links_come_and_go_in_a_running_lab(client: LabClient) -> None:
    began = time.monotonic()
    node = client.add_node("extra")
    assert node.name == "extra"
    link = Link(
        "extra-1",
        LinkKind.LAN,
        Port("extra", "eth0", "02:00:00:00:00:01", (IPv4Interface("192.0.2.1/30"),)),
        Port("main-h1", "eth1", "02:00:00:00:00:02", (IPv4Interface("192.0.2.2/30"),)),
    )
    client.add_link(link)
    assert client.show().links == tuple(
        sorted((*client.show().topology.links, link), key=lambda link: link.name)
    )
    assert pings(client, "main-h1", "192.0.2.1")

    client.remove_link("extra-1")
    assert "eth1" not in client.exec("main-h1", ["ip", "link"]).stdout
    assert "extra-1" not in {left.name for left in client.show().links}

    client.add_link(link)
    assert pings(client, "main-h1", "192.0.2.1")
    running = client.spawn("extra", ["sleep", "1000"], "resident")
    client.remove_node("extra")
    assert client.wait(running, 20) != 0
    assert "eth1" not in client.exec("main-h1", ["ip", "link"]).stdout
    assert "extra" not in {view.name for view in client.show().nodes}
    kinds = [entry.kind for entry in client.timeline(began)]
    assert [kind for kind in kinds if kind.startswith(("node-", "link-"))] == [
        "node-add",
        "link-add",
        "link-remove",
        "link-add",
        "link-remove",
        "node-remove",
    ]


def test_a_link_of_the_management_network_joins_the_segment(client: LabClient) -> None:
    client.add_node("extra")
    client.add_link(
        Link(
            "mgmt-extra",
            LinkKind.MANAGEMENT,
            Port("extra", "eth0", "02:00:00:00:00:01", (IPv4Interface("100.64.99.1/16"),)),
            Port("mgmt", "port99", "02:00:00:00:00:02"),
        )
    )
    assert pings(client, "extra", "100.64.0.1")
    client.remove_node("extra")


def test_names_that_are_taken_are_refused(client: LabClient) -> None:
    with pytest.raises(LabUsageError, match="a node 'main-h1' already"):
        client.add_node("main-h1")
    with pytest.raises(LabUsageError, match="a link 'main-h1' already"):
        client.add_link(client.show().topology.link("main-h1"))
    with pytest.raises(LabUsageError, match="cannot be a node"):
        client.add_node("../x")
    with pytest.raises(LabUsageError, match="management segment itself"):
        client.remove_node("mgmt")
    clash = Link(
        "clash",
        LinkKind.LAN,
        Port("main-h1", "eth0", "02:00:00:00:00:01"),
        Port("east-h1", "eth9", "02:00:00:00:00:02"),
    )
    with pytest.raises(LabUsageError, match="link 'clash' cannot be laid"):
        client.add_link(clash)
    assert "clash" not in {link.name for link in client.show().links}


def test_a_fault_is_applied_shown_and_taken_back(client: LabClient) -> None:
    fault = client.inject({"kind": "cut", "link": "mgmt-east-gw1"})
    assert not pings(client, "main-mgr", "100.64.2.1")
    assert [(view.id, view.document["link"]) for view in client.faults()] == [(fault, "mgmt-east-gw1")]
    client.clear(fault)
    assert pings(client, "main-mgr", "100.64.2.1")
    client.inject({"kind": "cut", "link": "mgmt-east-gw1"})
    client.inject({"kind": "cut", "link": "mgmt-main-gw1"})
    client.clear_all()
    assert client.faults() == ()
    assert pings(client, "main-mgr", "100.64.1.1")


def test_the_timeline_merges_all_journals_by_time(client: LabClient) -> None:
    begin = time.monotonic()
    client.record("step", {"name": "one"})
    middle = time.monotonic()
    line = f'{{"t": {middle}, "source": "agent/x", "kind": "action", "detail": {{}}}}\n'
    (client.run_directory / "journal" / "agent-x.jsonl").write_text(line + '{"t": 1, "cut sh')
    client.record("step", {"name": "two"})
    found = [(entry.source, entry.kind, entry.detail.get("name")) for entry in client.timeline(begin)]
    assert found == [("lab", "step", "one"), ("agent/x", "action", None), ("lab", "step", "two")]


def test_a_lab_is_found_without_a_name_while_it_is_the_only_one(client: LabClient) -> None:
    assert LabClient.attach().name == client.name
    other = lab.up("two-cells", services=False)
    with pytest.raises(LabUsageError, match="several labs are running: say which one with --name"):
        LabClient.attach()
    other.down()
    with pytest.raises(LabUsageError, match="no lab named 'x'; labs: two-cells"):
        rundir.find("x")


def test_a_program_run_from_the_host_has_the_terminal_and_its_own_exit_status(client: LabClient) -> None:
    argv = client.enter("main-h1", ["sh", "-c", "tty && hostname -I && ls -d /run/lab && exit 5"])
    reader, writer = pty.openpty()
    process = subprocess.Popen(argv, stdin=writer, stdout=writer, stderr=writer, start_new_session=True)
    os.close(writer)
    output = b""
    while chunk := _read(reader):
        output += chunk
    assert process.wait(10) == 5
    assert b"/dev/pts/" in output
    assert b"10.0.1.21" in output
    assert b"/run/lab" in output


@pytest.mark.usefixtures("client")
def test_a_program_run_from_the_host_ends_with_the_lab() -> None:
    other = lab.up("two-cells", services=False)
    process = subprocess.Popen(other.enter("main-h1", ["sleep", "1000"]))
    os.kill(other.daemon_pid(), signal.SIGKILL)
    assert process.wait(10) != 0
    other.down()


def test_programs_may_be_realtime_where_the_machine_allows_it(client: LabClient) -> None:
    up = next(entry for entry in client.timeline() if entry.kind == "lab-up")
    script = "import os; print(os.sched_getscheduler(0) == os.SCHED_FIFO)"
    for realtime in (True, False):
        process = client.spawn("main-h1", [sys.executable, "-c", script], "policy", realtime=realtime)
        assert client.wait(process, 10) == 0
        log = client.run_directory / "logs" / f"run-{process}.log"
        assert log.read_text() == f"{realtime and up.detail['realtime']}\n"


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # EIO: the terminal's other end is closed
        return b""
