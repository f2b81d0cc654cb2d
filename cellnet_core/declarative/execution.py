"""Carries a plan out through the API, step by step, and waits for the result. Decides nothing.

Each step asks for the revision that the plan saw: what somebody else changed meanwhile is refused, not
overwritten.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from cellnet_core.client import Client, ClientError, Connection
from cellnet_core.declarative import current
from cellnet_core.declarative.current import Existing
from cellnet_core.declarative.planning import Action, Plan


class ApplyError(Exception):
    """A step failed; those before it are done. The message says how far it came and what to do."""

    def __init__(self, done: int, total: int, action: Action | None, why: str, exit_code: int) -> None:
        at = f"{action.verb} {action.kind} {action.name}" if action else "waiting for the result"
        super().__init__(
            f"{at}: {why}\n{done} of {total} actions are done; plan again: what is done is not repeated"
        )
        self.exit_code = exit_code


class _ChangedError(Exception):
    pass


class Execution:
    """One plan being carried out; used once. `say` gets a line for each thing that happens."""

    def __init__(
        self,
        client: Client,
        say: Callable[[str], None],
        timeout: float,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._say = say
        self._now = now
        self._deadline = now() + timeout
        self._going: dict[str, str] = {}
        """Connections that are being taken down: id to name."""
        self._made: list[str] = []

    def run(self, plan: Plan, *, wait: bool) -> None:
        """All steps; with `wait` also until connections are as wanted. Raises ApplyError."""
        total = len(plan.actions)
        for done, action in enumerate(plan.actions):
            try:
                if (action.verb, action.kind) != ("delete", "connection"):
                    self._until_gone()
                self._act(action)
            except ClientError as error:
                raise ApplyError(done, total, action, str(error), error.exit_code) from error
            except _ChangedError as error:
                raise ApplyError(done, total, action, str(error), 2) from error
            self._say(f"[{done + 1}/{total}] {action.verb} {action.kind} {action.name}")
        if not wait:
            return
        try:
            self._until_gone()
            for connection in self._made:
                self._until_settled(connection)
        except ClientError as error:
            raise ApplyError(total, total, None, str(error), error.exit_code) from error

    def _act(self, action: Action) -> None:
        body, target = dict(action.body), action.target
        if action.verb == "create":
            self._create(action.kind, body)
        elif target is None:
            raise AssertionError(f"{action.verb} without a target")
        elif action.kind == "connection":
            # Our own change of an endpoint may have raised its revision: compare what a file can say instead.
            now = self._connection_as_planned(target)
            if action.verb == "delete":
                self._client.delete_connection(target.id, revision=now.revision_number)
                self._going[target.id] = target.name
            else:
                changed = self._client.replace_connection(target.id, body, now.revision_number)
                self._made.append(changed.id)
        elif action.kind == "profile":
            if action.verb == "delete":
                self._client.delete_profile(target.id, target.revision)
            else:
                self._client.modify_profile(target.id, body, target.revision)
        elif action.verb == "delete":
            self._client.delete_endpoint(target.id, target.revision)
        elif action.kind == "endpoint":
            self._client.replace_endpoint(target.id, body, target.revision)
        else:
            self._client.replace_cell(target.id, body, target.revision)

    def _create(self, kind: str, body: dict[str, Any]) -> None:
        if kind == "cell":
            self._client.create_cell(**body)
        elif kind == "endpoint":
            self._client.create_endpoint(**body)
        elif kind == "profile":
            self._client.create_profile(**body)
        else:
            names = ("name", "local_endpoint", "remote_endpoint")
            name, local, remote = (str(body.pop(key)) for key in names)
            self._made.append(self._client.create_connection(name, local, remote, **body).id)

    def _connection_as_planned(self, target: Existing) -> Connection:
        now = self._client.connection(target.id)
        seen = current.existing("connection", now)
        if (seen.name, seen.managed_by, seen.fields) != (target.name, target.managed_by, target.fields):
            raise _ChangedError("somebody changed it since the plan was made")
        return now

    def _left(self) -> float:
        return max(0.0, self._deadline - self._now())

    def _until_gone(self) -> None:
        for connection, name in list(self._going.items()):
            self._say(f"waiting until connection {name} is gone on both sides")
            self._client.wait_until_gone(connection, self._left())
            del self._going[connection]

    def _until_settled(self, connection: str) -> None:
        self._client.wait_until(connection, _settled, "as wanted", self._left(), self._progress)

    def _progress(self, connection: Connection) -> None:
        state = connection.document.get("state", connection.provisioning_status)
        why = next((c.message for c in connection.conditions if c.status != "True"), "")
        self._say(f"connection {connection.name}: {state}" + (f": {why}" if why else ""))


def _settled(connection: Connection) -> bool:
    """Both agents have made the present revision so, and it works (or is disabled)."""
    applied = connection.provisioning_status == "ACTIVE"
    return applied and (connection.operating_status == "ONLINE" or not connection.enabled)
