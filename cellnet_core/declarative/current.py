"""What the manager has, as far as a file can declare it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cellnet_core.client import Client
from cellnet_core.client.values import Value
from cellnet_core.declarative.fields import FIELDS, Kind


@dataclass(frozen=True, slots=True)
class Existing:
    """One object. `managed_by`: whose it is, empty for nobody's; `deleting`: on its way out already."""

    kind: Kind
    id: str
    name: str
    revision: int
    managed_by: str
    deleting: bool
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Current:
    """All objects, by kind and name."""

    objects: tuple[Existing, ...]

    def of(self, kind: Kind) -> tuple[Existing, ...]:
        """The objects of one kind."""
        return tuple(found for found in self.objects if found.kind == kind)

    def find(self, kind: Kind, name: object) -> Existing | None:
        """The object of that name; a cell also by its id or Nova cell uuid."""
        for found in self.objects:
            if found.kind == kind and name == found.name:
                return found
        if kind != "cell":
            return None
        aliases = (c for c in self.of("cell") if name in (c.id, c.fields.get("nova_cell_uuid")))
        return next(aliases, None)


def existing(kind: Kind, value: Value) -> Existing:
    """An object of the API."""
    document = value.document
    return Existing(
        kind=kind,
        id=document["id"],
        name=document["name"],
        revision=document["revision_number"],
        managed_by=document.get("managed_by", ""),
        deleting=document.get("provisioning_status") == "PENDING_DELETE",
        fields={field: _declared(document[field]) for field in FIELDS[kind] if document[field] is not None},
    )


def _declared(value: Any) -> Any:
    """A field without what a file does not say: the router at a port is what the gateway finds there."""
    if not isinstance(value, list):
        return value
    return [
        {name: part for name, part in item.items() if name != "peer"} if isinstance(item, dict) else item
        for item in value
    ]


def read(client: Client) -> Current:
    """Everything there is. Raises ClientError."""
    lists: tuple[tuple[Kind, Iterable[Value]], ...] = (
        ("cell", client.cells()),
        ("profile", client.profiles()),
        ("endpoint", client.endpoints()),
        ("connection", client.connections()),
    )
    return Current(tuple(existing(kind, value) for kind, values in lists for value in values))
