"""The speaker process and its relay: start, readiness, end, and clients that misbehave. No sessions here."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bgp import commands, config, speaker
from bgp.client import CommandRefusedError, Hello, SpeakerClient, SpeakerUnavailableError
from bgp.model import Neighbor
from bgp.readback import parse_neighbors
from tests.daemon.bgp.sandbox import eventually
from tests.unit.bgp.samples import neighbor

pytestmark = pytest.mark.daemon

ROOT = Path(__file__).parents[3]
WITHIN = 30.0


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A short path: unix sockets take 107 bytes."""
    return tmp_path / "s"


@pytest.fixture
def notified(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(WITHIN)
        yield listener


@pytest.fixture
def process(directory: Path, notified: socket.socket) -> Iterator[subprocess.Popen[bytes]]:
    """A speaker that waits for its configuration."""
    environment = {**os.environ, "NOTIFY_SOCKET": notified.getsockname()}
    command = [sys.executable, "-m", "bgp.speaker", "--directory", str(directory)]
    started = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    yield started
    started.kill()
    started.wait(30)


def configure(directory: Path, *neighbors: Neighbor) -> None:
    draft = directory / "draft"
    draft.write_text(config.render(neighbors, speaker.relay_command(directory)))
    draft.rename(directory / speaker.CONFIGURATION)


def ready(directory: Path, notified: socket.socket) -> None:
    assert notified.recv(1000).startswith(b"STATUS=waiting")
    configure(directory)
    assert notified.recv(1000) == b"READY=1"


def new_client(directory: Path, lost: list[str]) -> SpeakerClient:
    def hear(_: float, __: str) -> None:
        pass

    def greet(_: Hello) -> None:
        pass

    return SpeakerClient(directory / speaker.SOCKET, greet, hear, lambda: lost.append("lost"))


async def connected(client: SpeakerClient) -> Hello:
    """The hello, as soon as there is a relay."""
    async with asyncio.timeout(WITHIN):
        while True:
            try:
                return await client.connect(WITHIN)
            except SpeakerUnavailableError:
                await asyncio.sleep(0.02)


def test_it_waits_says_when_it_is_ready_and_leaves_nothing(
    directory: Path, notified: socket.socket, process: subprocess.Popen[bytes]
) -> None:
    ready(directory, notified)
    assert (directory / speaker.PID_FILE).read_text() == f"{process.pid}\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(WITHIN) == 0
    assert sorted(path.name for path in directory.iterdir()) == [speaker.CONFIGURATION]


def test_it_can_be_told_to_leave_while_it_waits(
    directory: Path, notified: socket.socket, process: subprocess.Popen[bytes]
) -> None:
    assert notified.recv(1000).startswith(b"STATUS=waiting")
    process.send_signal(signal.SIGTERM)
    assert process.wait(WITHIN) == 0
    assert list(directory.iterdir()) == []


UNFINISHED = "neighbor 192.0.2.9 { local-address 192.0.2.1; local-as 65001; peer-as 65009; }\n"


@pytest.mark.parametrize(
    "spoiled", ["nonsense\n", UNFINISHED, None], ids=["unreadable", "without-router-id", "missing"]
)
def test_a_reload_that_fails_changes_nothing(
    spoiled: str | None, directory: Path, notified: socket.socket, process: subprocess.Popen[bytes]
) -> None:
    """ExaBGP by itself would end the relay, and nobody could talk to it any more."""

    async def story() -> None:
        client = new_client(directory, lost := [])
        hello = await connected(client)
        if spoiled is None:
            (directory / speaker.CONFIGURATION).unlink()
        else:
            configured = (directory / speaker.CONFIGURATION).read_text()
            (directory / speaker.CONFIGURATION).write_text(configured + spoiled)
        process.send_signal(signal.SIGUSR1)
        for _ in range(20):  # the signal is served between two commands
            assert await client.ask(commands.VERSION, WITHIN) == ("exabgp 5.0.15",)
            await asyncio.sleep(0.02)
        assert lost == []
        nobody = neighbor(local_address="127.0.0.1", peer_address="127.0.0.9")
        configure(directory, nobody)
        await client.ask(commands.RELOAD, WITHIN)
        deadline = time.monotonic() + WITHIN
        while parse_neighbors(await client.ask(commands.SHOW_CONFIGURATION, WITHIN)) != (nobody,):
            assert time.monotonic() < deadline, "the next file is right, and was not taken"
            await asyncio.sleep(0.02)
        assert (await connected(client)).instance == hello.instance
        await client.close()

    ready(directory, notified)
    asyncio.run(story())
    assert process.poll() is None


def test_it_gives_up_waiting(directory: Path) -> None:
    command = [sys.executable, "-m", "bgp.speaker", "--directory", str(directory), "--wait", "0"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=WITHIN, check=False)
    assert done.returncode == 1
    assert "no exabgp.conf" in done.stderr
    assert "write it first" in done.stderr


def test_clients_share_it_and_a_bad_command_harms_nobody(
    directory: Path, notified: socket.socket, process: subprocess.Popen[bytes]
) -> None:
    async def story() -> None:
        one, two = new_client(directory, []), new_client(directory, [])
        first = await connected(one)
        assert (await connected(two)).instance == first.instance
        assert first.version == "5.0.15"
        answers = await asyncio.gather(
            *(
                client.ask(command, WITHIN)
                for command in (commands.VERSION, commands.SHOW_SESSIONS) * 20
                for client in (one, two)
            )
        )
        assert answers == [("exabgp 5.0.15",), ("exabgp 5.0.15",), ("[]",), ("[]",)] * 20
        for bad in ("no such command", "silence-ack", "reset", "announce eor ipv4 unicast"):
            with pytest.raises(CommandRefusedError):
                await one.ask(bad, WITHIN)
        assert await two.ask(commands.VERSION, WITHIN) == ("exabgp 5.0.15",)
        await one.close()
        with pytest.raises(SpeakerUnavailableError, match="not connected"):
            await one.ask(commands.VERSION, WITHIN)
        assert await two.ask(commands.VERSION, WITHIN) == ("exabgp 5.0.15",)
        await two.close()

    ready(directory, notified)
    asyncio.run(story())
    assert process.poll() is None


def test_a_client_that_never_reads_and_one_that_dies_midway_stop_nobody(
    directory: Path, notified: socket.socket, process: subprocess.Popen[bytes]
) -> None:
    async def story() -> None:
        path = str(directory / speaker.SOCKET)
        with socket.socket(socket.AF_UNIX) as silent:
            silent.connect(path)
            silent.sendall(b"help\n" * 2000)
            dying = socket.socket(socket.AF_UNIX)
            dying.connect(path)
            dying.sendall(b"show neighbor json\n" * 50 + b"vers")
            dying.close()
            client = new_client(directory, [])
            await connected(client)
            assert await client.ask(commands.VERSION, WITHIN) == ("exabgp 5.0.15",)
            await client.close()

    ready(directory, notified)
    asyncio.run(story())
    assert process.poll() is None


def test_a_frozen_speaker_is_reported_and_found_again(
    directory: Path, notified: socket.socket, process: subprocess.Popen[bytes]
) -> None:
    async def story() -> None:
        lost: list[str] = []
        client = new_client(directory, lost)
        await connected(client)
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(SpeakerUnavailableError, match="no answer"):
            await client.ask(commands.VERSION, 0.2)
        assert lost == ["lost"]
        process.send_signal(signal.SIGCONT)
        await connected(client)
        assert await client.ask(commands.SHOW_SESSIONS, WITHIN) == ("[]",)
        await client.close()

    ready(directory, notified)
    asyncio.run(story())


def test_the_relay_dies_with_exabgp_and_is_replaced_when_it_dies_alone(
    directory: Path, notified: socket.socket, process: subprocess.Popen[bytes]
) -> None:
    async def story() -> None:
        lost: list[str] = []
        client = new_client(directory, lost)
        before = await connected(client)
        os.kill(child_of(process.pid), signal.SIGKILL)
        await asyncio.to_thread(eventually, "loss", lambda: lost, WITHIN)
        after = await connected(client)
        assert after.instance == before.instance
        assert await client.ask(commands.SHOW_SESSIONS, WITHIN) == ("[]",)
        relay = child_of(process.pid)
        process.kill()
        process.wait(30)
        await asyncio.to_thread(eventually, "end of the relay", lambda: ended(relay), WITHIN)
        await client.close()

    ready(directory, notified)
    asyncio.run(story())


def child_of(pid: int) -> int:
    return int(
        eventually("a child", lambda: Path(f"/proc/{pid}/task/{pid}/children").read_text().split())[-1]
    )


def ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
