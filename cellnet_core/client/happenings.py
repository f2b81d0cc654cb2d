"""Calls about what happens: events, and drift."""

from __future__ import annotations

import json
from collections.abc import Iterator

from cellnet_core.client import errors, streams, values
from cellnet_core.client.errors import UnreachableError
from cellnet_core.client.transport import HEADERS, REQUEST_TIMEOUT, Transport
from cellnet_core.client.values import Drift, Event


class HappeningCalls(Transport):
    """Part of the client."""

    def drifts(self, **filters: str) -> tuple[Drift, ...]:
        """What somebody else changed at gateways, newest first; `state="neq:over"` is what is there now."""
        return tuple(self._all(Drift, "drifts", filters))

    def events(self, after: int | None = None, limit: int = 1000, **filters: str) -> tuple[Event, ...]:
        """Events in their order, those behind event number `after`; at most `limit` (1000)."""
        query: dict[str, str] = {"limit": str(limit), **filters}
        if after is not None:
            query["id"] = f"gt:{after}"
        return tuple(values.read(Event, e) for e in self._request("GET", "/v1/events", query=query)["events"])

    def last_events(self, limit: int = 100, **filters: str) -> tuple[Event, ...]:
        """The newest events, in their order."""
        query = {"limit": str(limit), "sort": "id:desc", **filters}
        newest = self._request("GET", "/v1/events", query=query)["events"]
        return tuple(values.read(Event, event) for event in reversed(newest))

    def follow_events(self, after: int | None = None, **filters: str) -> Iterator[Event]:
        """Events as they happen, those behind event number `after` first; without it only what is new.

        Ends by UnreachableError when the manager goes away or is silent for too long: call again with the
        number of the last event seen, and none is missed.
        """
        import httpx

        headers = HEADERS | {"Accept": streams.MEDIA_TYPE}
        if after is not None:
            headers["Last-Event-ID"] = str(after)
        timeout = httpx.Timeout(REQUEST_TIMEOUT, read=streams.SILENCE)
        try:
            with self._http.stream(
                "GET", "/v1/events/stream", params=filters, headers=headers, timeout=timeout
            ) as answer:
                if answer.status_code >= 400:
                    answer.read()
                    raise errors.from_answer(answer.status_code, self._document(answer))
                for data in streams.data(answer.iter_lines()):
                    yield values.read(Event, json.loads(data))
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        raise UnreachableError(f"the manager at {self._where} ended the stream of events")
