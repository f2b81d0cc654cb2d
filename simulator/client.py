"""A running lab from outside: the typed, synchronous client of its daemon.

One connection a request, so a client may be used from several threads at once. Nothing here starts a lab
(see `simulator.lab`), and nothing but the run directory and the socket in it is touched.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from simulator import codec, protocol, timeline
from simulator.context import Completed
from simulator.errors import LabDeadError, LabError, LabGoneError, UnknownTargetError
from simulator.rundir import RunDirectory, find
from simulator.view import FaultView, LabView, NodeView, ServiceView, TimelineEntry
from topologies.model import Link

T = TypeVar("T")
ANSWER_SECONDS = 30.0
FAULT_SECONDS = 150.0
"""A flood takes that long to be withdrawn again; all other faults take less than a second."""
"""How long the daemon may take for anything that does not wait by itself."""
SLACK_SECONDS = 5.0
DOWN_SECONDS = 10.0

_NSENTER = ("nsenter", "--preserve-credentials", "--user", "--mount", "--pid", "--ipc", "--net")


class LabClient:
    """One lab. Raises LabError and its kinds; see `simulator.errors`."""

    def __init__(self, directory: RunDirectory) -> None:
        self._directory = directory
        self._timeline = timeline.Follower(directory.journal)

    @classmethod
    def attach(cls, name: str | None = None) -> LabClient:
        """The running lab of that name, or the only one. Raises NoSuchLabError, LabDeadError."""
        return cls(find(name))

    @property
    def name(self) -> str:
        return self._directory.name

    @property
    def run_directory(self) -> Path:
        """The lab's directory on the host; /run/lab inside the sandbox."""
        return self._directory.path

    @property
    def manager_socket(self) -> Path:
        """Unix socket of the lab's manager, on the host."""
        return self._directory.manager_socket

    # --- looking ---------------------------------------------------------------------------------

    def show(self) -> LabView:
        """Everything in the lab, now."""
        view = self._ask(protocol.Show(), LabView)
        return view.seen_from_host(self.daemon_pid(), self._directory.path)

    def services(self) -> tuple[ServiceView, ...]:
        """The supervised processes."""
        return self.show().services

    def faults(self) -> tuple[FaultView, ...]:
        """The faults in force, oldest first."""
        return self.show().faults

    def timeline(self, since: float | None = None) -> tuple[TimelineEntry, ...]:
        """What every process of the lab wrote down, in order of time; works on a dead lab too."""
        return self._timeline.entries(since)

    def record(self, kind: str, detail: Mapping[str, Any]) -> None:
        """Put a line into the timeline."""
        self._ask(protocol.Record(kind, dict(detail)), type(None))

    def wait_ready(self, timeout: float = 60.0, progress: Callable[[str], None] | None = None) -> None:
        """Return when all services are ready. Raises NotReadyError, which has the end of their logs."""
        self._ask(protocol.WaitReady(timeout), type(None), timeout + SLACK_SECONDS, progress)

    # --- programs in nodes -----------------------------------------------------------------------

    def exec(
        self,
        node: str,
        argv: Sequence[str],
        timeout: float = 30.0,
        input: str | None = None,  # noqa: A002  # as subprocess.run has it
    ) -> Completed:
        """Run a program in a node. Raises LabTimeoutError after `timeout` seconds; it is then killed."""
        request = protocol.Exec(node, tuple(argv), timeout, input)
        return self._ask(request, Completed, timeout + SLACK_SECONDS)

    def spawn(
        self,
        node: str,
        argv: Sequence[str],
        name: str,
        env: Mapping[str, str] | None = None,
        *,
        realtime: bool = False,
    ) -> str:
        """Start a background process; its output goes to logs/run-<id>.log in the run directory.

        `realtime` runs it under SCHED_FIFO where the machine allows that (root does). Returns its id.
        """
        return self._ask(protocol.Spawn(node, tuple(argv), name, dict(env or {}), realtime), str)

    def stop(self, process: str) -> int:
        """End a background process: SIGTERM, SIGKILL two seconds later. Returns its exit status."""
        return self._ask(protocol.Stop(process), int)

    def wait(self, process: str, timeout: float) -> int:
        """Exit status of a background process. Raises LabTimeoutError if it still runs after `timeout` s."""
        return self._ask(protocol.Wait(process, timeout), int, timeout + SLACK_SECONDS)

    def enter(self, node: str, argv: Sequence[str]) -> list[str]:
        """The command line that runs `argv` in a node from the host, on the caller's own terminal."""
        view = self.show().node(self._known_node(node))
        environment = [f"{key}={value}" for key, value in view.environment.items()]
        inner = ["nsenter", f"--net=/proc/{view.pid}/ns/net", "--", "env", *environment, *argv]
        return [*_NSENTER, f"--target={self.daemon_pid()}", "--", *inner]

    # --- services and faults ---------------------------------------------------------------------

    def kill_service(self, name: str, signal: int) -> None:
        """Send a signal to a service's process group; the supervisor restarts what ends."""
        self._ask(protocol.KillService(name, int(signal)), type(None))

    def restart_service(self, name: str) -> None:
        """Stop and start a service; returns when it is ready again."""
        self._ask(protocol.RestartService(name), type(None))

    def inject(self, fault: Mapping[str, Any]) -> str:
        """Apply a fault; returns the id to clear it with ("" for one that is over at once)."""
        return self._ask(protocol.Inject(dict(fault)), str, FAULT_SECONDS)

    def clear(self, fault: str) -> None:
        """Take a fault back."""
        self._ask(protocol.Clear(fault), type(None), FAULT_SECONDS)

    def clear_all(self) -> None:
        """Take every fault back, the last one first."""
        self._ask(protocol.ClearAll(), type(None), FAULT_SECONDS)

    # --- the network -----------------------------------------------------------------------------

    def add_node(self, name: str) -> NodeView:
        """Add an empty node (a network namespace with a loopback interface)."""
        return self._ask(protocol.AddNode(name), NodeView)

    def remove_node(self, name: str) -> None:
        """Take a node away with its links, its services and the programs that run in it."""
        self._ask(protocol.RemoveNode(name), type(None))

    def add_link(self, link: Link) -> None:
        """Join two nodes by a cable; its ends are up and have the addresses that the value gives them."""
        self._ask(protocol.AddLink(link), type(None))

    def remove_link(self, name: str) -> None:
        """Take a cable away."""
        self._ask(protocol.RemoveLink(name), type(None))

    # --- the end ---------------------------------------------------------------------------------

    def down(self, *, keep_logs: bool = False) -> None:
        """End the lab and remove its run directory (its logs stay with `keep_logs`). Works on a dead lab."""
        if self._directory.alive():
            try:
                self._ask(protocol.Down(), type(None), SLACK_SECONDS)
            except LabError:
                self._directory.kill()  # it does not listen: its first process takes all others with it
            if not self._directory.wait_dead(DOWN_SECONDS):
                self._directory.kill()
                if not self._directory.wait_dead(DOWN_SECONDS):
                    raise LabError(f"lab {self.name!r} does not end; its files are in {self.run_directory}")
        self._directory.remove(keep_logs=keep_logs)

    # --- the socket ------------------------------------------------------------------------------

    def daemon_pid(self) -> int:
        """The daemon's process id as this process sees it."""
        with self._connect(SLACK_SECONDS) as connection:
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        pid: int = struct.unpack("3i", credentials)[0]
        return pid

    def _known_node(self, node: str) -> str:
        names = [view.name for view in self.show().nodes]
        if node not in names:
            raise UnknownTargetError(f"there is no node {node!r} in lab {self.name!r}: {', '.join(names)}")
        return node

    def _connect(self, seconds: float) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(seconds)
        # Through a descriptor of the directory: a socket's path is limited to 107 bytes.
        try:
            directory = os.open(self._directory.path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                connection.connect(f"/proc/self/fd/{directory}/{self._directory.socket.name}")
            finally:
                os.close(directory)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            connection.close()
            raise LabDeadError(self._no_answer()) from error
        return connection

    def _no_answer(self) -> str:
        if self._directory.alive():
            return f"lab {self.name!r} is starting: its daemon does not listen yet; try again"
        return (
            f"lab {self.name!r} is dead; its logs are in {self._directory.logs}. "
            f"`cellnet lab down {self.name}` removes it"
        )

    def _ask(
        self,
        request: protocol.Request,
        kind: type[T],
        seconds: float = ANSWER_SECONDS,
        progress: Callable[[str], None] | None = None,
    ) -> T:
        with self._connect(seconds) as connection:
            try:
                connection.sendall(protocol.encode_request(request))
                with connection.makefile("rb") as answers:
                    for line in answers:
                        answer = protocol.parse_answer(line)
                        if isinstance(answer, protocol.Result):
                            return codec.from_document(kind, answer.value, place=request.op)
                        if progress is not None:
                            progress(answer.text)
            except TimeoutError as error:
                raise LabGoneError(
                    f"the daemon of lab {self.name!r} did not answer {request.op!r} in {seconds:g} s; "
                    f"see {self._directory.logs / 'daemon.log'}"
                ) from error
            except (BrokenPipeError, ConnectionResetError) as error:
                raise LabGoneError(self._gone(request)) from error
        raise LabGoneError(self._gone(request))

    def _gone(self, request: protocol.Request) -> str:
        return f"lab {self.name!r} ended during {request.op!r}; see {self._directory.logs / 'daemon.log'}"
