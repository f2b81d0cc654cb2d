"""Who announces which prefix, kept as ranges so that overlaps are found by one query."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import cast

from sqlalchemy import Table, delete, insert, select
from sqlalchemy.orm import Session

from cellnet_core.store.schema import PrefixRow

_ADD = insert(cast(Table, PrefixRow.__table__))


@dataclass(frozen=True, slots=True)
class Claim:
    """A prefix and who has it: "cell main", "endpoint main-ep"."""

    owner: str
    prefix: str


def replace(session: Session, owner_id: str, owner: str, cell_id: str, prefixes: Iterable[str]) -> None:
    """From now on this owner announces exactly these prefixes (none: it is forgotten)."""
    session.execute(delete(PrefixRow).where(PrefixRow.owner_id == owner_id))
    add(session, owner_id, owner, cell_id, prefixes)


def add(session: Session, owner_id: str, owner: str, cell_id: str, prefixes: Iterable[str]) -> None:
    """This owner, which announced nothing, announces these prefixes."""
    rows = []
    for text in prefixes:
        version, first, last = _range(text)
        rows.append(
            {
                "owner_id": owner_id,
                "owner": owner,
                "cell_id": cell_id,
                "prefix": text,
                "version": version,
                "first": first,
                "last": last,
            }
        )
    if rows:
        session.execute(_ADD, rows)


def overlap(session: Session, prefix: str, cell_id: str) -> Claim | None:
    """A prefix of another cell that overlaps this one, or None.

    Two prefixes overlap exactly when one contains the other. So this looks at what begins inside this one,
    and at the few places where a wider one could begin: it costs what it finds, not what is stored.
    """
    version, first, last = _range(prefix)
    others = (PrefixRow.version == version, PrefixRow.cell_id != cell_id)
    inside = (PrefixRow.first >= first, PrefixRow.first <= last)
    around = (PrefixRow.first.in_(_wider(prefix)), PrefixRow.last >= last)
    for where in (inside, around):
        row = session.execute(
            select(PrefixRow.owner, PrefixRow.prefix).where(*others, *where).limit(1)
        ).first()
        if row is not None:
            return Claim(row.owner, row.prefix)
    return None


def _wider(prefix: str) -> list[str]:
    """Where prefixes that contain this one can begin."""
    network = ip_network(prefix)
    bits = network.max_prefixlen
    start = int(network.network_address)
    begins = {start >> (bits - length) << (bits - length) for length in range(network.prefixlen)}
    return [f"{begin:032x}" for begin in sorted(begins)]


def _range(prefix: str) -> tuple[int, str, str]:
    network = ip_network(prefix)
    return (
        network.version,
        f"{int(network.network_address):032x}",
        f"{int(network.broadcast_address):032x}",
    )
