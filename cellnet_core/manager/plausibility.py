"""Whether a report can be true. Pure. What cannot be is refused whole: half a report would be guesswork.

The wire's schema says what kinds of values there are; this says which of them an agent can have seen. Numbers
are counts, ages or times: finite, not negative, and small enough for every database and client.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import chain, zip_longest
from math import isnan
from typing import Any

from pydantic import BaseModel

from cellnet_core.manager import addresses
from cellnet_core.manager.errors import InvalidError
from cellnet_core.model.wire import ConnectionReport, HealthReport, Inventory, ReportDocument

LARGEST = 2**53 - 1
"""The largest whole number that every JSON reader keeps exact (RFC 8259 section 6)."""
LONGEST = 4096
"""Characters of a text."""


def check(report: ReportDocument) -> None:
    """Refuse what no agent can have seen. Raises InvalidError, with the first place."""
    problem = next(_problems(report), None)
    if problem is not None:
        raise InvalidError(
            "report.implausible", f"{problem}; the report was dropped whole: mend the agent, it sends anew"
        )


def _problems(report: ReportDocument) -> Iterator[str]:
    if report.generation < -1:
        yield f"generation is {report.generation}; -1 is before the first"
    if not _sound([value for name, value in report.__dict__.items() if name != "generation"]):
        yield from _values("", report.model_copy(update={"generation": max(report.generation, 0)}))
    yield from _inventory(report.inventory)
    yield from _twice("connections", [c.id for c in report.connections])
    yield from _twice("processes", [p.name for p in report.processes])
    for number, connection in enumerate(report.connections):
        if not _consistent(connection):
            yield from _connection(f"connections.{number}", connection)


def _sound(values: Collection[Any]) -> bool:
    """Whether `_values` would find nothing in any of them.

    Most reports are sound. To keep track of places costs most of such a look, and so does a step for each of
    thousands of values: what one field holds in all connections is of one kind, and is looked at together.
    """
    kinds = set(map(type, values))
    if len(kinds) > 1:
        return all(_sound([value for value in values if type(value) is kind]) for kind in kinds)
    return all(_all_sound(kind, values) for kind in kinds)


def _all_sound(kind: type, values: Collection[Any]) -> bool:
    """The same, of values of one kind; there is at least one."""
    if kind is str:
        whole = "".join(values)
        return "\x00" not in whole and (len(whole) <= LONGEST or max(map(len, values)) <= LONGEST)
    if kind is int:
        return bool(0 <= min(values) <= max(values) <= LARGEST)
    if kind is float:
        # NaN is neither less nor more, but makes every sum NaN.
        return 0 <= min(values) <= max(values) <= LARGEST and not isnan(sum(values))
    if kind is bool or kind is type(None):
        return True
    if kind is tuple:
        return _sound(list(chain.from_iterable(values)))
    if kind is dict:
        entries = [entry for value in values for entry in value.values()]
        return _sound(list(chain.from_iterable(values))) and _sound(entries)
    if issubclass(kind, BaseModel):
        # Field by field; a field that one of them lacks is as good as None there.
        return all(map(_sound, zip_longest(*[value.__dict__.values() for value in values])))
    return False


def _values(place: str, value: Any) -> Iterator[str]:
    """What is wrong with each number and text in it, however deep (which the schema bounds)."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _values(f"{place}.{name}" if place else name, getattr(value, name))
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from _values(f"{place} (key)", key)
            yield from _values(f"{place}.{key[:40]}", entry)
    elif isinstance(value, tuple):
        for number, entry in enumerate(value):
            yield from _values(f"{place}.{number}", entry)
    elif isinstance(value, int | float):
        if not 0 <= value <= LARGEST:  # NaN is in no range
            yield f"{place} is {str(value)[:40]}; it must be from 0 to {LARGEST}"
    elif isinstance(value, str):
        if "\x00" in value:
            yield f"{place} has a NUL character"
        if len(value) > LONGEST:
            yield f"{place} has {len(value)} characters; {LONGEST} are allowed"


def _inventory(inventory: Inventory) -> Iterator[str]:
    if not 1 <= inventory.asn <= 4_294_967_295:
        yield f"inventory.asn is {inventory.asn}; AS numbers are from 1 to 4294967295"
    yield from _twice("inventory.ports", [port.interface for port in inventory.ports])
    for number, prefix in enumerate(inventory.prefixes):
        try:
            addresses.parse_prefix(prefix)
        except ValueError as error:
            yield f"inventory.prefixes.{number}: {error}"


def _consistent(connection: ConnectionReport) -> bool:
    """Whether `_connection` would find nothing, as in most."""
    sessions, paths, health = connection.sessions, connection.paths, connection.health
    return (
        len({s.path for s in sessions}) == len(sessions)
        and len({p.path for p in paths}) == len(paths)
        and len(set(map(_round_trip, health))) == len(health)
        and not [h for h in health if h.lost > h.sent]
    )


def _connection(place: str, connection: ConnectionReport) -> Iterator[str]:
    yield from _twice(f"{place}.sessions", [s.path for s in connection.sessions])
    yield from _twice(f"{place}.paths", [p.path for p in connection.paths])
    yield from _twice(f"{place}.health", [_round_trip(h) for h in connection.health])
    for number, health in enumerate(connection.health):
        if health.lost > health.sent:
            yield f"{place}.health.{number}: {health.lost} lost of {health.sent} sent"


def _round_trip(health: HealthReport) -> str:
    return f"{health.family} {health.local_address} {health.remote_address}"


def _twice(place: str, names: Sequence[str]) -> Iterator[str]:
    """Two entries for one thing may contradict each other, and which counts would be chance."""
    seen: set[str] = set()
    if len(set(names)) == len(names):
        return
    for name in names:
        if name in seen:
            yield f"{place} has {name[:80]!r} more than once"
        seen.add(name)
