"""Starting a lab: from a topology to a client of a running, ready lab.

The one place that creates a run directory and a launcher. Used alike by the command line, scenarios and
tests.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

from simulator import codec, doctor, enrolment, launcher, rundir
from simulator.client import LabClient
from simulator.errors import LabDeadError, LabError, LabGoneError, LabStartError, LabUsageError, NotReadyError
from topologies import sources
from topologies.model import Topology

START_SECONDS = 60.0
READY_SECONDS = 120.0
ENROLMENT_SECONDS = 60.0
CONTROLLERS = ("ryu", "os-ken")
DATAPATHS = ("netdev", "dummy")
BFD_MS = range(10, 1001)
"""Milliseconds: below the least a busy machine takes paths down that are well."""
_LOG_TAIL_LINES = 20

Progress = Callable[[str], None]


def up(
    topology: Topology | str,
    *,
    name: str | None = None,
    publish: int | None = None,
    controller: str = "ryu",
    services: bool = True,
    datapath: str | None = None,
    bfd_ms: int | None = None,
    progress: Progress | None = None,
) -> LabClient:
    """Start a lab and return when all its services are ready; it stays up after this process ends.

    `topology` is a value, or the name of one in the catalogue or a file. Without `name` the lab is called
    like its topology, with a number if that is taken. `publish` is a port of the host's loopback that leads
    to the manager. `datapath` is the gateways' Open vSwitch datapath type, "netdev" or "dummy" (the same with
    veth pairs instead of taps); without it, the one this machine allows. `bfd_ms` (10 to 1000) is the
    interval of BFD on all paths, by default the one that the size of the lab affords. `progress` gets lines
    such as "gateway main-gw1: agent ready".

    Raises TopologyError, LabUsageError and its kinds, doctor's refusal, LabStartError and NotReadyError;
    after the last two the lab is dead and its run directory is kept for its logs.
    """
    tell = progress or (lambda _line: None)
    if controller not in CONTROLLERS:
        raise LabUsageError(f"no controller {controller!r}: choose {' or '.join(CONTROLLERS)}")
    if isinstance(topology, str):
        topology = sources.resolve(topology)
    if datapath is not None and datapath not in DATAPATHS:
        raise LabUsageError(f"no datapath {datapath!r}: choose {' or '.join(DATAPATHS)}")
    if bfd_ms is not None and bfd_ms not in BFD_MS:
        raise LabUsageError(f"BFD every {bfd_ms} ms: choose {BFD_MS[0]} to {BFD_MS[-1]}")
    doctor.require_for_lab({router.daemon for router in topology.routers} if services else ())
    options = {
        "controller": controller,
        "services": services,
        "datapath": datapath or doctor.datapath(),
        "bfd_ms": bfd_ms,
    }
    listener = None if publish is None else _listen(publish)
    try:
        directory = _launch(topology, name, listener, options)
    finally:
        if listener is not None:
            listener.close()
    client = LabClient(directory)
    try:
        _wait_built(client, directory)
        tell(f"lab {directory.name}: sandbox and network built")
        client.wait_ready(READY_SECONDS, tell)
        if services:
            enrolment.wait(client.manager_socket, topology, ENROLMENT_SECONDS)
            tell(f"lab {directory.name}: every agent has reported to the manager")
    except NotReadyError as error:
        _end(directory)
        raise NotReadyError(f"{error}\nThe lab was ended; its files are in {directory.path}") from error
    except LabError:
        _end(directory)
        raise
    except BaseException:  # Ctrl-C: nothing to look into
        _end(directory)
        directory.remove()
        raise
    return client


def _launch(
    topology: Topology, name: str | None, listener: socket.socket | None, options: Mapping[str, object]
) -> rundir.RunDirectory:
    info = {"topology": topology.name, "started": time.time(), "published": None}
    if listener is not None:
        info["published"] = listener.getsockname()[1]
    claim = rundir.claim(rundir.root(), name, topology.name, info)
    directory = claim.directory
    (directory.path / "topology.json").write_text(
        json.dumps(codec.to_document(topology)) + "\n", encoding="utf-8"
    )
    (directory.path / "options.json").write_text(json.dumps(options) + "\n", encoding="utf-8")
    inherited = [claim.lock]
    daemon = [sys.executable, "-X", "frozen_modules=on", "-m", "simulator.daemon", str(directory.path)]
    if listener is not None:
        inherited.append(listener.fileno())
        daemon += ["--listener", str(listener.fileno())]
    # Files of the lock stay open in every process from here to the daemon: the lock is held while one lives.
    try:
        started = subprocess.run(
            [
                sys.executable,
                "-I",
                "-S",
                launcher.__file__,
                str(directory.path),
                ",".join(map(str, inherited)),
                *daemon,
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            pass_fds=inherited,
            timeout=START_SECONDS,
            check=False,
        )
    except BaseException:  # Ctrl-C in the very moment of the start: the daemon may be there already
        claim.release()
        _end(directory)
        directory.remove()
        raise
    claim.release()
    if started.returncode != 0:
        directory.remove()
        raise LabStartError(f"the launcher failed: {started.stderr.strip()}")
    return directory


def _wait_built(client: LabClient, directory: rundir.RunDirectory) -> None:
    """Return when the daemon answers. Raises LabStartError with the end of its log when it does not."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            client.show()
        except LabDeadError as error:
            if not directory.alive() or time.monotonic() > deadline:
                raise LabStartError(_start_failed(directory)) from error
            time.sleep(0.01)
        except LabGoneError as error:
            raise LabStartError(_start_failed(directory)) from error
        else:
            return


def _start_failed(directory: rundir.RunDirectory) -> str:
    log = directory.logs / "daemon.log"
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    tail = "\n".join(f"  {line}" for line in lines[-_LOG_TAIL_LINES:]) or "  (empty)"
    return (
        f"lab {directory.name!r} did not start. End of {log}:\n{tail}\n"
        f"`cellnet doctor` checks this machine; `cellnet lab down {directory.name}` removes the logs"
    )


def _end(directory: rundir.RunDirectory) -> None:
    directory.kill()
    directory.wait_dead(START_SECONDS)


def _listen(port: int) -> socket.socket:
    """A listener on the host's loopback, opened before the network namespace is left."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        raise LabUsageError(f"cannot publish on 127.0.0.1:{port}: {error}; choose another port") from error
    return listener
