"""A gateway's own Open vSwitch: two daemons over a private directory, on an empty database.

Bridges, ports and flows are the agent's. Paths and command lines here; the one act is making the empty
database, once a lab, copied for each gateway.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from simulator.errors import LabStartError
from simulator.services import Listening, ServiceSpec

DIRECTORY = "/run/ovs"
"""In the sandbox's memory, not in the run directory: the database is synced to disk at each change."""
_EMPTY = f"{DIRECTORY}/empty.db"
_FIRST_ROW = '["Open_vSwitch", {"op": "insert", "table": "Open_vSwitch", "row": {}}]'
_LOGS = "/run/lab/logs"


def run_directory(gateway: str) -> str:
    """OVS_RUNDIR of a gateway: db.sock, the bridges' sockets, pid files."""
    return f"{DIRECTORY}/{gateway}"


def environment(gateway: str) -> dict[str, str]:
    """What Open vSwitch's own programs need to find this gateway's daemons."""
    directory = run_directory(gateway)
    names = ("OVS_RUNDIR", "OVS_DBDIR", "OVS_LOGDIR", "OVS_SYSCONFDIR")
    return dict.fromkeys(names, directory)


def services(gateway: str, datapath: str = "netdev") -> tuple[ServiceSpec, ServiceSpec]:
    """The database server, and the switch, which needs it. `datapath` as in `simulator.doctor.datapath`.

    The switch does not copy the kernel's routes, which it would need for nothing but tunnels of its own: it
    reads all of them anew, with the addresses of their interfaces, whenever a link changes, before it looks
    at its ports. After a cut that alone took 2 of 10 ms. Tunnels name theirs by `ovs-appctl ovs/route/add`.
    """
    directory = run_directory(gateway)
    common = ("--no-chdir", "-vconsole:off", "-vfile:info", "--pidfile", "--overwrite-pidfile")
    database = ServiceSpec(
        "ovsdb",
        gateway,
        f"gateway {gateway}",
        (
            "ovsdb-server",
            f"{directory}/conf.db",
            f"--remote=punix:{directory}/db.sock",
            *common,
            f"--log-file={_LOGS}/ovsdb-{gateway}.log",
        ),
        Listening(f"{directory}/db.sock"),
        environment=environment(gateway),
        stale=(f"{directory}/db.sock",),
    )
    switch = ServiceSpec(
        "switch",
        gateway,
        f"gateway {gateway}",
        (
            "ovs-vswitchd",
            "--disable-system-route",
            f"unix:{directory}/db.sock",
            *(("--enable-dummy",) if datapath == "dummy" else ()),
            *common,
            f"--log-file={_LOGS}/switch-{gateway}.log",
        ),
        Listening(f"{directory}/ovs-vswitchd.{{pid}}.ctl"),
        after=(database.name,),
        environment=environment(gateway),
        data_plane=True,
    )
    return database, switch


def make_databases(gateways: tuple[str, ...]) -> None:
    """Create each gateway's directory with an empty database. Raises LabStartError."""
    Path(DIRECTORY).mkdir(exist_ok=True)
    for command in (["create", _EMPTY], ["transact", _EMPTY, _FIRST_ROW]):
        made = subprocess.run(
            ["ovsdb-tool", *command], capture_output=True, text=True, timeout=10, check=False
        )
        if made.returncode != 0:
            raise LabStartError(f"ovsdb-tool {command[0]} failed: {made.stderr.strip()}")
    for gateway in gateways:
        directory = Path(run_directory(gateway))
        directory.mkdir()
        shutil.copyfile(_EMPTY, directory / "conf.db")
