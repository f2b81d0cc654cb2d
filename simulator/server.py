"""Serves the lab's socket: one request a connection, dispatched to the running lab. No decisions here."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import traceback
from collections.abc import Callable
from typing import Any

from simulator import protocol
from simulator.context import FaultTargetError
from simulator.errors import LabError, LabTimeoutError, LabUsageError, UnknownTargetError
from simulator.running import RunningLab

_CANCELLED_BY_HANGING_UP = (protocol.Exec, protocol.Wait, protocol.WaitReady)
"""Anything else is carried through: a change half made because its client died would be worse."""


class Server:
    """Answers clients until one of them asks for the end."""

    def __init__(self, lab: RunningLab) -> None:
        self._lab = lab
        self.ended = asyncio.Event()
        """Set after the answer to `down` has been sent."""

    async def listen(self, listener: socket.socket) -> asyncio.Server:
        """Begin to answer."""
        return await asyncio.start_unix_server(self._serve, sock=listener, limit=protocol.LINE_LIMIT)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            line = await reader.readline()
            if line:
                await self._answer(line, reader, writer)
        writer.close()

    async def _answer(self, line: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = protocol.parse_request(line)
        except LabUsageError as error:
            writer.write(protocol.encode_error(error))
            await writer.drain()
            return
        work = asyncio.create_task(self._carry_out(request, writer))
        if isinstance(request, _CANCELLED_BY_HANGING_UP):
            hang_up = asyncio.create_task(reader.read(1))
            await asyncio.wait({work, hang_up}, return_when=asyncio.FIRST_COMPLETED)
            hang_up.cancel()
            if not work.done():
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
                return
        writer.write(await work)
        await writer.drain()
        if isinstance(request, protocol.Down):
            self.ended.set()

    async def _carry_out(self, request: protocol.Request, writer: asyncio.StreamWriter) -> bytes:
        def progress(text: str) -> None:
            writer.write(protocol.encode_progress(text))

        try:
            return protocol.encode_result(await self._dispatch(request, progress))
        except LabError as error:
            return protocol.encode_error(error)
        except FaultTargetError as error:
            return protocol.encode_error(UnknownTargetError(str(error)))
        except TimeoutError:
            return protocol.encode_error(LabTimeoutError("it took longer than was allowed"))
        except ValueError as error:  # simulator.faults: something is wrong with the document
            return protocol.encode_error(LabUsageError(str(error)))
        except (OSError, RuntimeError, LookupError, TypeError) as error:
            # Our bug or the machine's refusal: the client gets the short form, the daemon's log the long one.
            traceback.print_exc()
            return protocol.encode_error(LabError(f"{type(error).__name__}: {error}"))

    async def _dispatch(self, request: protocol.Request, progress: Callable[[str], None]) -> Any:
        lab = self._lab
        match request:
            case protocol.Show():
                return lab.view()
            case protocol.Exec(node, argv, timeout, stdin):
                return await self._exec(node, argv, timeout, stdin)
            case protocol.Spawn():
                return lab.spawn(request)
            case protocol.Stop(identity):
                return await lab.background.stop(identity)
            case protocol.Wait(identity, timeout):
                return await lab.background.wait(identity, timeout)
            case protocol.WaitReady(timeout):
                return await lab.supervisor.wait_ready(timeout, progress=progress)
            case protocol.KillService(name, number):
                return lab.service(name).kill(number)
            case protocol.RestartService(name):
                return await lab.service(name).restart()
            case protocol.Inject(fault):
                return await lab.inject(fault)
            case protocol.Clear(identity):
                return await lab.clear(identity)
            case protocol.ClearAll():
                return await lab.clear_all()
            case protocol.AddNode(name):
                return await lab.add_node(name)
            case protocol.RemoveNode(name):
                return await lab.remove_node(name)
            case protocol.AddLink(link):
                return await lab.add_link(link)
            case protocol.RemoveLink(name):
                return await lab.remove_link(name)
            case protocol.Record(kind, detail):
                return lab.record(kind, **detail)
            case protocol.Down():
                return None

    async def _exec(self, node: str, argv: tuple[str, ...], seconds: float, stdin: str | None) -> Any:
        try:
            return await self._lab.run(node, argv, stdin=stdin, within=seconds)
        except TimeoutError as error:
            raise LabTimeoutError(
                f"{argv[0]} in {node} ran longer than {seconds:g} s and was killed"
            ) from error
