"""What the manager's commands share: the client, and how values look in a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from cliff.columns import FormattableColumn
from cliff.command import Command

from cellnet_core.cli import locate
from cellnet_core.client import Client
from cellnet_core.client.values import Value

CommandKind = TypeVar("CommandKind", bound=Command)


class Joined(FormattableColumn[Any]):
    """A list: one line in a table, a list for programs."""

    def human_readable(self) -> str:
        return ", ".join(str(value) for value in self._value)

    def machine_readable(self) -> Any:
        return list(self._value)


class Lines(FormattableColumn[Any]):
    """A list of documents: a line each in a table, as they are for programs."""

    def machine_readable(self) -> Any:
        return [dict(value) for value in self._value]


class Conditions(Lines):
    """Conditions, those that are not True marked."""

    def human_readable(self) -> str:
        marks = {"True": "ok ", "False": "NO ", "Unknown": "?  "}
        return "\n".join(
            f"{marks.get(c['status'], c['status'])} {c['type']} ({c['reason']}): {c['message']}"
            for c in self._value
        )


class Paths(Lines):
    """Pairs of ports."""

    def human_readable(self) -> str:
        return "\n".join(
            f"{p['name']}: {p['local_interface']} {' '.join(p['local_addresses'])} - "
            f"{p['remote_interface']} {' '.join(p['remote_addresses'])}"
            + (f" via {' '.join(p['via'])}" if p.get("via") else "")
            for p in self._value
        )


class Interfaces(Lines):
    """Ports with their addresses."""

    def human_readable(self) -> str:
        return "\n".join(
            f"{p['interface']}: {' '.join(p['addresses'])}"
            + (f" - {p['peer']['name']} (AS {p['peer']['asn']})" if p.get("peer") else "")
            for p in self._value
        )


class HealthLines(Lines):
    """Round trips."""

    def human_readable(self) -> str:
        return "\n".join(
            f"{h['cell']}/{h['gateway']} {h['family']}: "
            + (
                f"ok, {h['rtt_ms']:.2f} ms"
                if h["ok"] and h["rtt_ms"] is not None
                else "ok"
                if h["ok"]
                else "NO"
            )
            + f" ({h['lost']} of {h['sent']} lost)"
            for h in self._value
        )


class Steps(Lines):
    """What each agent has done of an operation."""

    def human_readable(self) -> str:
        return "\n".join(
            f"{s['place']}: {s['state']}" + (f" ({s['message']})" if s["message"] else "")
            for s in self._value
        )


class LearnedLines(Lines):
    """Prefixes in use from the other side."""

    def human_readable(self) -> str:
        return "\n".join(
            f"{row['cell']}/{row['gateway']} {row['family']}: {' '.join(row['prefixes'])}"
            for row in self._value
        )


COLUMNS: dict[str, type[FormattableColumn[Any]]] = {
    "conditions": Conditions,
    "paths": Paths,
    "interfaces": Interfaces,
    "health": HealthLines,
    "learned": LearnedLines,
    "steps": Steps,
}
HIDDEN = ("links",)


def client_of(command: Command) -> Client:
    """A client of the manager that the user means. Raises UsageError and NoManagerError.

    Under the `openstack` command it is what the plugin made of the cloud's catalogue.
    """
    openstack = getattr(command.app, "client_manager", None)
    if openstack is not None:
        found: Client = openstack.cell_network
        return found
    options = command.app.options
    url = locate.from_environment(options.url, options.lab)
    return Client.connect(url, token=locate.token(options.token_file), ca_file=options.os_cacert)


def show(value: Value) -> tuple[Sequence[str], Sequence[Any]]:
    """All fields of one object, in the API's order and by the API's names."""
    names = [name for name in value.document if name not in HIDDEN]
    return names, [_column(name, value.document[name]) for name in names]


def listing(names: Sequence[str], values: Iterable[Value]) -> tuple[Sequence[str], list[list[Any]]]:
    """Some fields of several objects."""
    return names, [[_column(name, value.document[name]) for name in names] for value in values]


def _column(name: str, value: Any) -> Any:
    if not isinstance(value, list):
        return value
    if name in COLUMNS:
        return COLUMNS[name](value)
    return Joined([str(item) if not isinstance(item, dict) else item for item in value])
