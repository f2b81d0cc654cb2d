"""Services are started in order, watched, restarted with growing patience, and waited for with an end."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from simulator import timeline
from simulator.context import FaultTargetError
from simulator.errors import NotReadyError
from simulator.processes import Program
from simulator.services import Listening, Notified, Readiness, Running, ServiceSpec, restart_delay
from simulator.supervisor import HOPELESS_STARTS, Supervisor, Surroundings


class ManualClock:
    """Time that moves only when the test says so."""

    def __init__(self) -> None:
        self._now = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._now + seconds, waiter))
        await waiter

    async def advance(self, seconds: float) -> None:
        await settle()
        self._now += seconds
        for due, waiter in self._sleepers:
            if due <= self._now + 1e-9 and not waiter.done():
                waiter.set_result(None)
        self._sleepers = [entry for entry in self._sleepers if not entry[1].done()]
        await settle()


class FakeChild:
    """A process that lives until it is told to end."""

    def __init__(self, pid: int, program: Program) -> None:
        self.pid = pid
        self.program = program
        self.signals: list[int] = []
        self.exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def running(self) -> bool:
        return not self.exited.done()

    def signal(self, number: int) -> None:
        self.signals.append(number)
        if self.running and number in (signal.SIGKILL, signal.SIGTERM):
            self.exited.set_result(-number)

    async def stop(self, number: int, seconds: float) -> int:
        self.signal(number)
        self.signal(signal.SIGKILL)
        return await self.exited

    def say_ready(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            client.sendto(b"STATUS=up\nREADY=1\n", self.program.environment["NOTIFY_SOCKET"])


class FakeStarter:
    """Starts fakes, and remembers all of them by the first word of their command line."""

    def __init__(self) -> None:
        self.started: dict[str, list[FakeChild]] = {}
        self.missing: set[str] = set()

    def start(self, program: Program, namespace: int, *_files: object) -> FakeChild:
        if program.argv[0] in self.missing:
            raise FaultTargetError(f"cannot run {program.argv[0]!r}: no such file")
        children = self.started.setdefault(program.argv[0], [])
        children.append(FakeChild(1000 + len(children), program))
        return children[-1]

    def last(self, command: str) -> FakeChild:
        return self.started[command][-1]

    def count(self, command: str) -> int:
        return len(self.started.get(command, []))


async def settle() -> None:
    """Let everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


class World:
    def __init__(self, directory: Path) -> None:
        for name in ("logs", "notify", "journal"):
            (directory / name).mkdir()
        self.clock = ManualClock()
        self.starter = FakeStarter()
        self.journal = directory / "journal"
        self.supervisor = Supervisor(
            Surroundings(
                starter=self.starter,
                recorder=timeline.Recorder(self.journal / "lab.jsonl", "lab"),
                clock=self.clock,
                logs=directory / "logs",
                notify=directory / "notify",
                namespace=lambda _node: -1,
                environment={"PATH": "/usr/bin"},
            )
        )

    def kinds(self, service: str) -> list[str]:
        entries = timeline.Follower(self.journal).entries()
        return [entry.kind for entry in entries if entry.detail.get("service") == service]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def spec(role: str, ready: Readiness = Running(), after: tuple[str, ...] = ()) -> ServiceSpec:  # noqa: B008
    return ServiceSpec(role, "gw1", "gateway gw1", (role,), ready, after)


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 20))


def test_patience_grows_and_is_bounded() -> None:
    assert [restart_delay(count) for count in range(1, 6)] == [0.05, 0.1, 0.2, 0.4, 0.8]
    assert restart_delay(0) == 0.05
    assert restart_delay(100) == 5.0


def test_a_service_that_ends_is_started_again_soon_then_later(world: World) -> None:
    async def story() -> None:
        world.supervisor.begin([spec("a")])
        await settle()
        for count, delay in ((1, 0.05), (2, 0.1), (3, 0.2)):
            world.starter.last("a").signal(signal.SIGKILL)
            await settle()
            assert world.supervisor.service("a@gw1").state == "backoff"
            await world.clock.advance(delay - 0.01)
            assert world.starter.count("a") == count
            await world.clock.advance(0.02)
            assert world.starter.count("a") == count + 1
        assert world.supervisor.service("a@gw1").view().restarts == 3

    run(story())
    assert world.kinds("a@gw1")[:4] == ["service-start", "service-ready", "service-exit", "service-start"]


def test_a_service_that_lived_long_is_started_again_at_once(world: World) -> None:
    async def story() -> None:
        world.supervisor.begin([spec("a")])
        for _ in range(5):
            await world.clock.advance(60)
            world.starter.last("a").signal(signal.SIGKILL)
            await settle()
            await world.clock.advance(0.05)
        assert world.starter.count("a") == 6

    run(story())


def test_what_is_left_of_a_dead_services_group_is_killed(world: World) -> None:
    async def story() -> None:
        world.supervisor.begin([spec("a")])
        await settle()
        child = world.starter.last("a")
        child.exited.set_result(1)
        await settle()
        assert child.signals == [signal.SIGKILL]

    run(story())


def test_ready_is_what_it_says_itself_and_dependants_wait_for_it(world: World) -> None:
    async def story() -> None:
        world.supervisor.begin([spec("b", after=("a@gw1",)), spec("a", Notified())])
        await settle()
        states = {service.name: service.state for service in world.supervisor.services}
        assert states == {"a@gw1": "starting", "b@gw1": "waiting"}
        world.starter.last("a").say_ready()
        await asyncio.wait_for(world.supervisor.wait_ready(5), 6)
        assert world.starter.count("b") == 1

    run(story())
    assert world.kinds("a@gw1") == ["service-start", "service-ready"]


def test_a_message_of_a_dead_predecessor_does_not_make_the_next_one_ready(world: World) -> None:
    async def story() -> None:
        world.supervisor.begin([spec("a", Notified())])
        await settle()
        first = world.starter.last("a")
        first.exited.set_result(1)
        await settle()
        first.say_ready()
        await world.clock.advance(0.05)
        assert world.starter.count("a") == 2
        await settle()
        assert world.supervisor.service("a@gw1").state == "starting"

    run(story())


def test_listening_is_ready_when_the_socket_accepts(world: World, tmp_path: Path) -> None:
    async def story() -> None:
        world.supervisor.begin([spec("a", Listening(f"{tmp_path}/a.{{pid}}.ctl"))])
        await settle()
        path = tmp_path / "a.1000.ctl"
        path.touch()  # there, but nobody listens
        await world.clock.advance(1)
        assert world.supervisor.service("a@gw1").state == "starting"
        path.unlink()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
            server.bind(str(path))
            server.listen()
            await world.clock.advance(1)
            assert world.supervisor.service("a@gw1").state == "ready"

    run(story())


def test_waiting_too_long_shows_the_end_of_the_log(world: World, tmp_path: Path) -> None:
    async def story() -> None:
        world.supervisor.begin([spec("a", Notified()), spec("b")])
        await settle()
        (tmp_path / "logs" / "a-gw1.log").write_text("".join(f"line {n}\n" for n in range(100)))
        told: list[str] = []
        with pytest.raises(NotReadyError) as raised:
            await world.supervisor.wait_ready(0.01, progress=told.append)
        message = str(raised.value)
        assert message.startswith("a@gw1 (starting): not ready after 0.01 s. End of logs/a-gw1.log:\n")
        assert message.endswith("  line 98\n  line 99")
        assert "line 84\n" not in message
        assert "b@gw1" not in message
        assert told == ["gateway gw1: b ready"]

    run(story())


def test_a_service_that_never_becomes_ready_is_given_up_early(world: World) -> None:
    async def story() -> None:
        world.starter.missing.add("a")
        world.supervisor.begin([spec("a", Notified())])
        waiting = asyncio.create_task(world.supervisor.wait_ready(1000))
        for _ in range(HOPELESS_STARTS):
            await world.clock.advance(5)
        with pytest.raises(NotReadyError, match=r"(?s)ended 6 times without.*cannot run 'a': no such file"):
            await asyncio.wait_for(waiting, 5)

    run(story())


def test_restart_stops_starts_and_waits(world: World) -> None:
    async def story() -> None:
        world.supervisor.begin([spec("a", Notified())])
        await settle()
        world.starter.last("a").say_ready()
        await world.supervisor.wait_ready(5)
        restarting = asyncio.create_task(world.supervisor.service("a@gw1").restart())
        await settle()
        assert world.starter.started["a"][0].signals[0] == signal.SIGTERM
        assert not restarting.done()
        world.starter.last("a").say_ready()
        await asyncio.wait_for(restarting, 5)
        assert world.starter.count("a") == 2

    run(story())
    assert world.kinds("a@gw1") == [
        "service-start",
        "service-ready",
        "service-exit",
        "service-start",
        "service-ready",
    ]


def test_ending_the_services_of_a_node_ends_them_for_good(world: World) -> None:
    async def story() -> None:
        world.supervisor.begin([spec("a"), spec("b", Notified(), after=("c@gw1",)), spec("c", Notified())])
        await settle()
        await world.supervisor.end_on("gw1")
        await world.clock.advance(60)
        assert world.supervisor.services == ()
        assert world.starter.count("a") == 1
        assert not world.starter.last("a").running

    run(story())


def test_signals_reach_a_running_service_only(world: World) -> None:
    async def story() -> None:
        world.supervisor.begin([spec("a")])
        await settle()
        service = world.supervisor.service("a@gw1")
        service.freeze()
        service.thaw()
        assert world.starter.last("a").signals == [signal.SIGSTOP, signal.SIGCONT]
        service.kill(signal.SIGKILL)
        await settle()
        with pytest.raises(FaultTargetError, match=r"a@gw1 is not running now \(it is backoff\)"):
            service.kill(signal.SIGKILL)
        service.thaw()
        with pytest.raises(FaultTargetError, match="no service 'x@gw1'; services: a@gw1"):
            world.supervisor.service("x@gw1")

    run(story())


def test_a_service_that_is_held_stopped_stays_so_until_it_is_started(world: World) -> None:
    async def story() -> None:
        world.supervisor.begin([spec("a")])
        await settle()
        service = world.supervisor.service("a@gw1")
        await service.stop()
        await world.clock.advance(100)
        assert (service.state, service.pid, world.starter.count("a")) == ("stopped", None, 1)
        await service.start()
        assert (service.state, world.starter.count("a")) == ("ready", 2)
        await service.start()
        assert world.starter.count("a") == 2, "it runs already"

    run(story())


def test_a_service_is_added_to_a_running_lab_and_taken_away(world: World) -> None:
    async def story() -> None:
        world.supervisor.begin([spec("a")])
        adding = asyncio.create_task(world.supervisor.add(spec("b", Notified()), 5))
        await settle()
        assert not adding.done()
        world.starter.last("b").say_ready()
        await asyncio.wait_for(adding, 5)
        with pytest.raises(FaultTargetError, match="there is a service 'b@gw1' already"):
            await world.supervisor.add(spec("b"), 5)
        await world.supervisor.remove("b@gw1")
        await world.supervisor.remove("b@gw1")
        await world.clock.advance(100)
        assert [service.name for service in world.supervisor.services] == ["a@gw1"]
        assert world.starter.count("b") == 1

    run(story())


def test_an_added_service_that_is_not_ready_in_time_is_gone_again(world: World) -> None:
    async def story() -> None:
        with pytest.raises(FaultTargetError, match=r"b@gw1 \(starting\): not ready after 0\.05 s"):
            await world.supervisor.add(spec("b", Notified()), 0.05)
        assert world.supervisor.services == ()
        assert not world.starter.last("b").running

    run(story())
