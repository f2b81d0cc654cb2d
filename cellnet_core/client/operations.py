"""Calls about operations: work that outlives its request."""

from __future__ import annotations

from collections.abc import Callable

from cellnet_core.client import values
from cellnet_core.client.errors import OperationFailedError, UnreachableError, WaitTimeoutError
from cellnet_core.client.transport import Transport, quoted
from cellnet_core.client.values import Operation


class OperationCalls(Transport):
    """Part of the client."""

    def operations(self, **filters: str) -> tuple[Operation, ...]:
        """All operations that are remembered, the newest first."""
        return tuple(self._all(Operation, "operations", filters))

    def operation(self, operation_id: str) -> Operation:
        """One operation."""
        path = f"/v1/operations/{quoted(operation_id)}"
        return values.read(Operation, self._one("GET", path, "operation"))

    def wait_for_operation(
        self,
        operation_id: str,
        timeout: float = 60.0,
        on_change: Callable[[Operation], None] | None = None,
    ) -> Operation:
        """The operation as soon as it has succeeded.

        `on_change` is called with each different state on the way. Raises OperationFailedError at once when
        it failed, WaitTimeoutError after `timeout` seconds.
        """
        last: Operation | None = None

        def look() -> Operation | None:
            nonlocal last
            now = self.operation(operation_id)
            if on_change is not None and (last is None or last != now):
                on_change(now)
            last = now
            return now if now.state != "running" else None

        found = self._wait(look, timeout)
        if found is None:
            if last is None:
                raise UnreachableError(f"no manager answered at {self._where} for {timeout:g} s")
            waiting = ", ".join(
                step.place + (f" ({step.message})" if step.message else "")
                for step in last.steps
                if step.state == "waiting"
            )
            what = f"{last.type} of {last.resource_name}"
            raise WaitTimeoutError(f"{what} still runs after {timeout:g} s: it waits for {waiting}")
        if found.state == "failed":
            raise OperationFailedError(f"{found.type} of {found.resource_name} failed: {found.error}")
        return found
