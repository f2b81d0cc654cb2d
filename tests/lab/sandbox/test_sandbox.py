"""A lab leaves nothing behind, however it ends; it has no way out; labs do not see each other."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from simulator import lab, rundir
from simulator.client import LabClient
from simulator.errors import (
    LabDeadError,
    LabError,
    LabStartError,
    LabUsageError,
    NameTakenError,
    NotReadyError,
)
from tests.lab.sandbox import leaks
from topologies import catalogue

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("lab")]
Up = Callable[..., LabClient]


def launcher_pid(client: LabClient) -> int:
    return int(rundir.find(client.name).info()["launcher"]["pid"])


def test_the_launcher_is_the_daemons_parent_and_both_are_ours(up: Up, mark: str) -> None:
    client = up()
    ours = leaks.processes(mark)
    assert "simulator.daemon" in ours[client.show().pid]
    assert ours[launcher_pid(client)].startswith("unshare")


@pytest.mark.parametrize("victim", ["daemon", "launcher"])
def test_kill_9_leaves_nothing_but_the_run_directory(
    up: Up, mark: str, before: leaks.Snapshot, victim: str
) -> None:
    client = up(services=False)
    view = client.show()
    client.spawn("main-h1", ["sh", "-c", "setsid sleep 1000 & exec sleep 1000"], "stubborn")
    client.spawn("main-h1", ["sh", "-c", "trap '' TERM INT HUP; while :; do sleep 1; done"], "deaf")
    os.kill(view.pid if victim == "daemon" else launcher_pid(client), signal.SIGKILL)

    assert leaks.wait_nothing_left(before, mark) == []
    directory = rundir.find(client.name)
    assert not directory.alive()
    assert (directory.logs / "daemon.log").exists()
    with pytest.raises(LabDeadError, match="is dead; its logs are in"):
        client.show()
    assert client.timeline()[0].kind == "lab-up"


def test_kill_9_of_a_lab_with_switches_leaves_nothing(up: Up, mark: str, before: leaks.Snapshot) -> None:
    client = up()
    start_switch(client, "main-gw1")
    assert client.exec("main-gw1", ["ovs-vsctl", "list-br"]).stdout == "br0\n"
    os.kill(client.show().pid, signal.SIGKILL)
    assert leaks.wait_nothing_left(before, mark) == []


def start_switch(client: LabClient, node: str) -> None:
    """An Open vSwitch of the node's own, as the lab's services start it, by hand."""
    directory = f"/run/ovs/{node}"
    client.spawn(node, ["ovsdb-server", f"{directory}/conf.db", f"--remote=punix:{directory}/db.sock"], "db")
    ready = ["sh", "-c", f"until [ -S {directory}/db.sock ]; do sleep 0.05; done"]
    assert client.exec(node, ready, timeout=10).returncode == 0
    client.spawn(node, ["ovs-vswitchd", f"unix:{directory}/db.sock"], "switch")
    made = client.exec(
        node,
        [
            "ovs-vsctl",
            "--retry",
            "--timeout=30",
            "add-br",
            "br0",
            "--",
            "set",
            "bridge",
            "br0",
            "datapath_type=netdev",
        ],
    )
    assert made.returncode == 0, made.stderr


def test_down_leaves_nothing_at_all_and_keeps_logs_on_request(
    up: Up, base: Path, mark: str, before: leaks.Snapshot
) -> None:
    up(name="one").down()
    assert list(base.iterdir()) == []
    up(name="two").down(keep_logs=True)
    assert leaks.wait_nothing_left(before, mark) == []
    assert sorted(path.name for path in (base / "two").iterdir()) == ["journal", "lab.json", "lock", "logs"]


def test_a_dead_lab_is_cleaned_by_down(up: Up, base: Path) -> None:
    client = up()
    os.kill(client.show().pid, signal.SIGKILL)
    assert rundir.find(client.name).wait_dead(10)
    client.down()
    assert list(base.iterdir()) == []


def test_a_hanging_daemon_is_taken_down_too(up: Up, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.client.SLACK_SECONDS", 0.5)
    client = up()
    os.kill(client.daemon_pid(), signal.SIGSTOP)
    client.down()
    assert list(base.iterdir()) == []


def test_orphans_are_reaped(up: Up) -> None:
    client = up()
    client.exec("main-h1", ["sh", "-c", "for i in 1 2 3 4 5; do (sleep 0.1 &) ; done"])
    client.exec("main-h1", ["sh", "-c", "while pgrep -x sleep -a | grep -q ' 0.1'; do :; done"], timeout=10)
    deadline = time.monotonic() + 10
    while zombies := _zombies(client):
        assert time.monotonic() < deadline, zombies
        time.sleep(0.02)


def _zombies(client: LabClient) -> list[str]:
    states = client.exec("mgmt", ["ps", "-eo", "stat,comm"]).stdout.splitlines()
    return [line for line in states if line.startswith("Z")]


def test_there_is_no_route_out(up: Up) -> None:
    client = up()
    for node in ("mgmt", "main-gw1", "main-mgr"):
        assert client.exec(node, ["ping", "-c", "1", "-W", "1", "192.0.2.1"]).returncode != 0
    links = client.exec("mgmt", ["ip", "-o", "link"]).stdout
    names = {line.split(":")[1].split("@")[0].strip() for line in links.splitlines()}
    assert names == {"lo", "mgmt", "port1", "port2", "port3"}
    assert client.exec("mgmt", ["ip", "route", "show", "default"]).stdout == ""


def test_run_and_tmp_are_private(up: Up) -> None:
    client = up()
    name = f"cellnet-private-{uuid.uuid4()}"
    paths = [f"{directory}/{name}" for directory in ("/tmp", "/run", "/dev/shm", "/var/tmp")]
    made = client.exec("main-h1", ["sh", "-c", f"touch {' '.join(paths)} && ls /run"])
    assert made.returncode == 0, made.stderr
    assert "cellnet" not in made.stdout.split()
    assert name in made.stdout.split()
    for path in paths:
        assert not Path(path).exists()


def test_two_labs_with_the_same_addresses_side_by_side(up: Up) -> None:
    one, two = up(), up()
    assert (one.name, two.name) == ("two-cells", "two-cells-2")
    for client in (one, two):
        assert client.exec("main-mgr", ["ping", "-c", "1", "-W", "2", "100.64.2.1"]).returncode == 0
    one.exec("main-h1", ["ip", "addr", "add", "10.9.9.9/32", "dev", "lo"])
    assert "10.9.9.9" not in two.exec("main-h1", ["ip", "address"]).stdout
    one.down()
    assert two.exec("main-mgr", ["ping", "-c", "1", "-W", "2", "100.64.2.1"]).returncode == 0


def test_of_two_that_want_one_name_one_gets_it(up: Up) -> None:
    outcomes: list[object] = []

    def attempt() -> None:
        try:
            outcomes.append(up(name="same"))
        except LabError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=attempt) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [outcome for outcome in outcomes if isinstance(outcome, LabClient)]
    losers = [outcome for outcome in outcomes if isinstance(outcome, NameTakenError)]
    assert len(winners) == len(losers) == 1
    assert "a lab named 'same' is running" in str(losers[0])
    assert winners[0].show().name == "same"


def test_a_dead_labs_name_is_refused_with_the_remedy(up: Up) -> None:
    client = up(name="gone")
    os.kill(client.show().pid, signal.SIGKILL)
    assert rundir.find("gone").wait_dead(10)
    with pytest.raises(NameTakenError, match="remove them with `cellnet lab down gone`"):
        up(name="gone")


def test_a_port_in_use_is_refused_before_anything_is_created(up: Up, base: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(LabUsageError, match="choose another port"),
    ):
        up(publish=taken.getsockname()[1])
    assert list(base.iterdir()) == []


def test_publish_reaches_the_managers_socket_without_a_route(up: Up) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    client = up(publish=port)
    # Stands in for the manager: an HTTP server on the unix socket in the run directory.
    server = (
        "import http.server, socketserver\n"
        "class H(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        self.send_response(200)\n"
        "        self.end_headers()\n"
        "        self.wfile.write(b'hello from ' + self.path.encode())\n"
        "    def address_string(self): return 'unix'\n"
        "socketserver.UnixStreamServer('/run/lab/manager.sock', H).serve_forever()\n"
    )
    client.spawn("main-mgr", [sys.executable, "-c", server], "manager")
    deadline = time.monotonic() + 30
    while not _accepts(client.manager_socket):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/v1")
    assert connection.getresponse().read() == b"hello from /v1"


def _accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="this whole suite already runs as an ordinary user")
def test_an_ordinary_user_may_run_a_lab(tmp_path: Path) -> None:
    import tempfile

    script = (
        "from simulator import lab, doctor\n"
        # /dev/net/tun may be closed to users on this machine; this lab needs no switch.
        "doctor.require_for_lab = lambda *_: None\n"
        "client = lab.up('two-cells', services=False)\n"
        "print(client.exec('main-mgr', ['ping', '-c', '1', '-W', '2', '100.64.2.1']).returncode)\n"
        "client.down()\n"
    )
    with tempfile.TemporaryDirectory(prefix="cn-") as base:
        os.chown(base, 65534, 65534)
        as_user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"]
        ran = subprocess.run(
            [*as_user, sys.executable, "-c", script],
            env={"CELLNET_RUN_DIR": base, "PATH": os.environ["PATH"], "HOME": base},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert (ran.stdout, ran.returncode) == ("0\n", 0), ran.stderr
        assert list(Path(base).iterdir()) == []


def test_a_lab_that_cannot_be_built_says_why_and_is_dead(
    base: Path, mark: str, before: leaks.Snapshot
) -> None:
    topology = catalogue.build("two-cells")
    link = topology.links[0]
    bad = replace(link, a=replace(link.a, name="longer-than-15-bytes"))
    with pytest.raises(
        LabStartError, match=r"(?s)did not start. End of .*daemon.log.*link 'east-ctl1' cannot be laid"
    ):
        lab.up(replace(topology, links=(bad, *topology.links[1:])), services=False)
    assert not rundir.find("two-cells").alive()
    assert leaks.wait_nothing_left(before, mark) == []


def test_services_that_are_late_are_named_with_their_logs(
    base: Path, mark: str, before: leaks.Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulator.lab.READY_SECONDS", 0.05)
    with pytest.raises(NotReadyError) as raised:
        lab.up("two-cells")
    message = str(raised.value)
    assert "manager@main-mgr (starting): not ready after 0.05 s. End of logs/manager-main-mgr.log:" in message
    assert f"The lab was ended; its files are in {base / 'two-cells'}" in message
    assert leaks.wait_nothing_left(before, mark) == []


def test_an_unknown_controller_is_refused(base: Path) -> None:
    with pytest.raises(LabUsageError, match="ryu or os-ken"):
        lab.up("two-cells", controller="pox")
    assert list(base.iterdir()) == []
