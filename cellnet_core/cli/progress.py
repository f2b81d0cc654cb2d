"""Progress for who watches: on standard error, so that the output stays the object."""

from __future__ import annotations

from cliff.command import Command

from cellnet_core.client import Client, Connection, Operation


def connection(command: Command, now: Connection) -> None:
    """How a connection stands, and why."""
    why = now.explain()
    command.app.stderr.write(f"{now.operating_status}" + (f": {why}" if why else "") + "\n")


def operation(command: Command, now: Operation) -> None:
    """How far an operation is, and whom it waits for."""
    steps = "; ".join(step.explain() for step in now.steps)
    command.app.stderr.write(f"{now.type} {now.resource_name}: {now.progress} % ({steps})\n")
    command.app.stderr.flush()


def wait(command: Command, client: Client, started: Operation, timeout: float) -> Operation:
    """Until it has succeeded, told step by step. Raises what the client raises."""
    return client.wait_for_operation(started.id, timeout, lambda now: operation(command, now))
